"""The local index over the real store: several processes at once, and processes that die."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ragkit.engine.index import LocalIndex
from ragkit.engine.records import NewChunk, ScoredChunk, Vector
from ragkit.engine.store import Store

DIMENSIONS = 16
NO_VECTOR = np.zeros(DIMENSIONS, np.float32)

# Creates chunks one batch at a time; prints each batch's number once it is acknowledged, and
# goes on when it is told to.
WRITER = """
import sys
import numpy as np
from ragkit.engine.records import NewChunk
from ragkit.engine.store import Store

store = Store(sys.argv[1])
for batch in range(int(sys.argv[2])):
    vector = np.eye(16, dtype=np.float32)[batch % 16]
    store.create_chunks(
        "c", "d", [NewChunk(f"b{batch}-{i}", f"common batch{batch}", (), vector) for i in range(20)]
    )
    print(batch, flush=True)
    sys.stdin.readline()
"""

# Answers each word it is given with the number of results.
SEARCHER = """
import sys
from pathlib import Path
import numpy as np
from ragkit.engine.index import LocalIndex
from ragkit.engine.store import Store

index = LocalIndex(Path(sys.argv[2]), Store(sys.argv[1]))
for line in sys.stdin:
    found = index.search(int(sys.argv[3]), line, np.zeros(16, np.float32), limit=1000)
    print(len(found), flush=True)
"""

# Catches up and kills itself at a given one of the moments at which the disk changes.
VICTIM = """
import os, signal, sys
from pathlib import Path
import numpy as np
from ragkit.engine.index import LocalIndex, lexical, update
from ragkit.engine.store import Store

moments = int(sys.argv[4])

def mortal(function):
    def call(*arguments, **options):
        pass_moment()
        result = function(*arguments, **options)
        pass_moment()
        return result
    return call

def pass_moment():
    global moments
    moments -= 1
    if moments == 0:
        os.kill(os.getpid(), signal.SIGKILL)

update._STEP = 80
update._COMPACT_FROM = 100
os.fsync = mortal(os.fsync)
Path.replace = mortal(Path.replace)
Path.unlink = mortal(Path.unlink)
lexical.LexicalWriter.apply = mortal(lexical.LexicalWriter.apply)
lexical.LexicalWriter.close = mortal(lexical.LexicalWriter.close)
index = LocalIndex(Path(sys.argv[2]), Store(sys.argv[1]))
index.search(int(sys.argv[3]), "common", np.zeros(16, np.float32), limit=1)
print("done", flush=True)
"""


def spawn(script: str, *arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", script, *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def ask(process: subprocess.Popen[str], line: str) -> str:
    assert process.stdin is not None
    assert process.stdout is not None
    print(line, file=process.stdin, flush=True)
    return process.stdout.readline().strip()


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'store.db'}"


@pytest.fixture
def store(url: str) -> Store:
    store = Store(url)
    store.create_corpus("c", "", "")
    store.create_document("c", "d", "", ())
    return store


@pytest.fixture
def corpus(store: Store) -> int:
    return store.get_corpus("c").key


def vector(seed: int) -> Vector:
    values = np.random.default_rng(seed).normal(size=DIMENSIONS)
    return (values / np.linalg.norm(values)).astype(np.float32)


def chunks(numbers: range, word: str) -> list[NewChunk]:
    return [
        NewChunk(f"n{number}", f"common {word} w{number % 7}", (), vector(number))
        for number in numbers
    ]


def test_each_search_sees_what_was_acknowledged_before_it(
    url: str, store: Store, corpus: int, tmp_path: Path
) -> None:
    batches = 12
    index = LocalIndex(tmp_path / "index", store)
    writer = spawn(WRITER, url, batches)
    searchers = [spawn(SEARCHER, url, tmp_path / "index", corpus) for _ in range(2)]
    assert writer.stdout is not None
    for batch in range(batches):
        assert writer.stdout.readline().strip() == str(batch)
        # Each gets to be the first, and so to do the catching up.
        for turn in range(3):
            who = (batch + turn) % 3
            if who == 2:
                found = index.search(corpus, f"batch{batch}", NO_VECTOR, limit=1000)
                assert len(found) == 20
            else:
                assert ask(searchers[who], f"batch{batch}") == "20"
        everything = index.search(corpus, "common", NO_VECTOR, limit=1000)
        assert len(everything) == 20 * (batch + 1)
        assert writer.stdin is not None
        print(file=writer.stdin, flush=True)
    for process in (writer, *searchers):
        process.communicate()
        assert process.returncode == 0


def test_a_kill_at_any_moment_leaves_an_index_that_is_merely_behind(
    url: str, store: Store, corpus: int, tmp_path: Path
) -> None:
    def answers(index: LocalIndex) -> list[ScoredChunk]:
        return index.search(corpus, "common old w3 new", vector(5), limit=1000)

    index = LocalIndex(tmp_path / "index", store)
    store.create_chunks("c", "d", chunks(range(80), "old"))
    killed = 0
    # Every moment was tried when this was written; every fifth is enough to notice a change.
    for moment in range(1, 1_000, 5):
        # Something old is replaced, something is deleted, something is new.
        store.delete_chunks("c", "d", [f"n{number}" for number in range(80)])
        word = f"new{moment}"
        store.create_chunks("c", "d", chunks(range(80), word))
        victim = spawn(VICTIM, url, tmp_path / "index", corpus, moment)
        output, _ = victim.communicate()
        fresh = answers(LocalIndex(tmp_path / f"fresh-{moment}", store))
        assert len(fresh) == 80
        assert answers(index) == fresh
        assert answers(LocalIndex(tmp_path / "index", store)) == fresh
        if victim.returncode == 0:
            assert output == "done\n"
            break
        assert victim.returncode == -signal.SIGKILL
        killed += 1
    assert killed > 5


def test_kills_of_a_first_build(url: str, store: Store, corpus: int, tmp_path: Path) -> None:
    store.create_chunks("c", "d", chunks(range(100), "first"))
    store.create_chunks("c", "d", chunks(range(100, 180), "second"))
    fresh = LocalIndex(tmp_path / "fresh", store).search(corpus, "w2 first", vector(3), limit=1000)
    for moment in range(1, 200, 6):
        victim = spawn(VICTIM, url, tmp_path / "index", corpus, moment)
        victim.communicate()
        if victim.returncode == 0:
            break
    index = LocalIndex(tmp_path / "index", store)
    assert index.search(corpus, "w2 first", vector(3), limit=1000) == fresh
    assert index.status(corpus).applied_change == store.last_change(corpus)


def test_a_deleted_corpus_has_no_results(store: Store, corpus: int, tmp_path: Path) -> None:
    index = LocalIndex(tmp_path / "index", store)
    store.create_chunks("c", "d", chunks(range(5), "old"))
    assert len(index.search(corpus, "common", vector(1), limit=10)) == 5
    store.delete_corpus("c", force=True)
    assert index.search(corpus, "common", vector(1), limit=10) == []
