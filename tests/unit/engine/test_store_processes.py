"""Several processes on one file, and processes that die."""

import random
import signal
import sqlite3
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from ragkit.engine.records import Condition, Level, MetadataFilter, NewChunk, Operation
from ragkit.engine.store import CorpusStats, Store, StoreUnavailableError

BATCH = 20

# Writes batch after batch and prints the number of each one once it is acknowledged.
WRITER = """
import sys
import numpy as np
from ragkit.engine.records import NewChunk
from ragkit.engine.store import Store

url, document = sys.argv[1:3]
first, count, size = map(int, sys.argv[3:])
store = Store(url)
for batch in range(first, first + count):
    store.create_chunks(
        "c",
        document,
        [
            NewChunk(
                f"{batch}-{i}",
                f"text {batch} {i} " * 60,
                (("batch", float(batch)), ("tags", ("a", "b"))),
                np.full(64, batch, dtype=np.float32),
            )
            for i in range(size)
        ],
    )
    print(batch, flush=True)
store.close()
"""

OPENER = """
import sys
from ragkit.engine.store import Store
print("ready", flush=True)
sys.stdin.readline()
store = Store(sys.argv[1])
store.create_corpus(sys.argv[2], "", "")
store.close()
"""


def spawn(script: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", script, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def url_of(path: Path) -> str:
    return f"sqlite:///{path}"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "store.db"
    store = Store(url_of(path))
    store.create_corpus("c", "", "")
    for name in ("d0", "d1"):
        store.create_document("c", name, "")
    store.close()
    return path


def test_several_processes_may_be_the_first_to_open(tmp_path):
    path = tmp_path / "a folder" / "new.db"
    path.parent.mkdir()
    names = [f"c{i}" for i in range(4)]
    processes = [spawn(OPENER, url_of(path), name) for name in names]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    for process in processes:
        process.communicate(timeout=60)
        assert process.returncode == 0
    store = Store(url_of(path))
    assert sorted(corpus.id for corpus in store.list_corpora(10)) == names
    store.close()


def test_a_new_file_that_another_process_is_just_writing_is_waited_for(tmp_path):
    path = tmp_path / "new.db"
    blocker = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    blocker.execute("BEGIN IMMEDIATE")
    release = threading.Timer(0.2, blocker.execute, ("ROLLBACK",))
    release.start()
    Store(url_of(path)).close()
    release.join()
    blocker.close()


def test_two_processes_write_while_a_third_reads(path):
    count = 15
    processes = [
        spawn(WRITER, url_of(path), name, "0", str(count), str(BATCH)) for name in ("d0", "d1")
    ]
    store = Store(url_of(path))
    key = store.get_corpus("c").key
    applied, seen = 0, Counter[int]()
    try:
        # Each batch is visible, as a whole, as soon as its writer says so.
        assert processes[0].stdout is not None
        for line in processes[0].stdout:
            last = store.last_change(key)
            while changes := store.changes(key, applied, 50):
                applied = changes[-1].number
                seen.update(
                    int(change.vector[0]) for change in changes if change.vector is not None
                )
            assert applied >= last
            assert seen[int(line)] >= BATCH
            assert len(store.list_chunks("c", "d0", 1000)) % BATCH == 0
        for process in processes:
            process.communicate(timeout=60)
            assert process.returncode == 0
        while changes := store.changes(key, applied, 50):
            applied = changes[-1].number
            seen.update(int(change.vector[0]) for change in changes if change.vector is not None)
        assert seen == dict.fromkeys(range(count), 2 * BATCH)
        assert applied == store.last_change(key) == 2 * BATCH * count
        assert store.corpus_stats(key) == CorpusStats(documents=2, chunks=2 * BATCH * count)
    finally:
        store.close()
        for process in processes:
            process.kill()
            process.communicate()


def test_kill_9_loses_nothing_acknowledged_and_leaves_no_half_batch(path):
    rng = random.Random(7)
    acknowledged: set[int] = set()
    for round_ in range(8):
        first = round_ * 1000
        writer = spawn(WRITER, url_of(path), "d0", str(first), "1000", str(BATCH))
        assert writer.stdout is not None
        for _ in range(rng.randint(1, 12)):
            acknowledged.add(int(writer.stdout.readline()))
        # Some way into whatever it does then.
        if (pause := rng.random()) > 0.3:
            with pytest.raises(subprocess.TimeoutExpired):
                writer.wait(timeout=pause * 0.02)
        writer.send_signal(signal.SIGKILL)
        rest, _ = writer.communicate()
        assert writer.returncode == -signal.SIGKILL
        # A line may be cut short only if printing it was: what is whole was acknowledged.
        acknowledged.update(int(line) for line in rest.splitlines(True) if line.endswith("\n"))

        store = Store(url_of(path))
        key = store.get_corpus("c").key
        chunks, after = [], None
        while page := store.list_chunks("c", "d0", 500, after):
            chunks += page
            after = (page[-1].create_time, page[-1].key)
        batches = Counter(int(chunk.id.split("-")[0]) for chunk in chunks)
        assert set(batches.values()) == {BATCH}
        assert acknowledged <= batches.keys()
        # At most the one that was under way went through without word of it.
        assert len(batches.keys() - acknowledged) <= round_ + 1
        assert [chunk.text for chunk in chunks] == [
            "text {} {} ".format(*chunk.id.split("-")) * 60 for chunk in chunks
        ]
        tagged = MetadataFilter(Level.CHUNK, "tags", [Condition(Operation.INCLUDES, "b")])
        live = [chunk.key for chunk in chunks]
        assert store.matching_chunks(key, [tagged]).tolist() == live
        log = store.changes(key, 0, 10_000)
        assert [change.chunk_key for change in log] == live
        assert log[-1].number == store.last_change(key) == len(live)
        store.close()
    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()


def test_a_store_that_stays_locked_says_so(path, monkeypatch):
    monkeypatch.setattr("ragkit.engine.store.database._BUSY_SECONDS", 0.05)
    store = Store(url_of(path))
    blocker = sqlite3.connect(path, isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    chunk = NewChunk("x", "text", (), np.zeros(2, dtype=np.float32))
    with pytest.raises(StoreUnavailableError, match="locked"):
        store.create_chunks("c", "d0", [chunk])
    assert store.list_chunks("c", "d0", 10) == []  # reading goes on
    blocker.execute("ROLLBACK")
    blocker.close()
    assert len(store.create_chunks("c", "d0", [chunk])) == 1
    store.close()
