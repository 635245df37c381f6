"""What is acknowledged stays, whatever happens to the process that was told so."""

from __future__ import annotations

import random
import signal
import subprocess
import time
from pathlib import Path

from ragkit import Retriever, connect
from ragkit.client import Client

from .conftest import Ragkit, command, environment

KILLS = 20


def make_folder(folder: Path, files: int, paragraphs: int) -> None:
    """Text files of invented sentences: the same for the same arguments."""
    chance = random.Random(7)
    subjects = ["The corpus", "A document", "Each chunk", "One query", "The index", "An answer"]
    verbs = ["holds", "finds", "keeps", "names", "splits", "ranks", "cites"]
    objects = ["a passage", "the source", "its pages", "every token", "two limits", "no secret"]
    for number in range(files):
        text = "\n\n".join(
            " ".join(
                f"{chance.choice(subjects)} {chance.choice(verbs)} {chance.choice(objects)} "
                f"number {chance.randrange(10_000)}."
                for _ in range(12)
            )
            for _ in range(paragraphs)
        )
        path = folder / f"part{number % 3}" / f"file{number:03}.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"# File {number}\n\n{text}\n")


def contents(client: Client, corpus: str) -> dict[str, object]:
    """Everything that a corpus holds, without times."""
    held: dict[str, object] = {}
    for document in client.documents.list(corpus, page_size=20):
        held[document.name] = (document.display_name, document.metadata)
        for chunk in client.chunks.list(document.name, page_size=100):
            held[chunk.name] = (chunk.text, chunk.metadata, chunk.state)
    return held


def test_killed_at_random_moments_the_corpus_ends_as_undisturbed(
    tmp_path: Path, ragkit: Ragkit, data: Path
) -> None:
    folder = tmp_path / "folder"
    make_folder(folder, files=60, paragraphs=24)

    undisturbed = tmp_path / "undisturbed"
    started = time.monotonic()
    done = ragkit("ingest", folder, "--corpus", "c", RAGKIT_DATA=str(undisturbed))
    duration = time.monotonic() - started
    assert done.code == 0, done.err
    with connect(data=undisturbed) as client:
        expected = contents(client, "c")

    chance = random.Random()
    arguments = command("ingest", folder, "--corpus", "c", "--workers", "2")
    killed = 0
    for _ in range(KILLS):
        process = subprocess.Popen(
            arguments,
            env=environment(data),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            process.wait(timeout=chance.uniform(0.2, duration))
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
            killed += 1
    assert killed > 0

    last = ragkit("ingest", folder, "--corpus", "c", "--json")
    assert last.code == 0, last.err
    with connect(data=data) as client:
        assert contents(client, "c") == expected
        for question in ("which chunk names a passage?", "number 4711", "two limits"):
            found = Retriever(client, "c", results_count=20).retrieve(question)
            with connect(data=undisturbed) as reference:
                wanted = Retriever(reference, "c", results_count=20).retrieve(question)
            # Equal scores may come in either order: names and scores are compared as sets.
            assert {(hit.name, round(hit.score, 4)) for hit in found} == {
                (hit.name, round(hit.score, 4)) for hit in wanted
            }
    assert ragkit("ingest", folder, "--corpus", "c", "--json").json["chunks"] == {
        "created": 0,
        "updated": 0,
        "deleted": 0,
    }


def test_a_query_sees_all_that_another_process_was_told_is_kept(
    tmp_path: Path, data: Path, client: Client
) -> None:
    """One process writes and says what was acknowledged; this one asks for it each time."""
    client.corpora.create("shared")
    client.documents.create("shared", "log")
    writer = tmp_path / "writer.py"
    writer.write_text(
        "import sys\n"
        "from ragkit import connect\n"
        "from ragkit.api.chunks import Chunk, ChunkData\n"
        "parent = 'corpora/shared/documents/log'\n"
        "with connect(data=sys.argv[1]) as client:\n"
        "    for batch in range(25):\n"
        "        names = [f'{parent}/chunks/b{batch}-{i}' for i in range(20)]\n"
        "        client.chunks.batch_create(parent, [\n"
        "            Chunk(name=name, data=ChunkData(string_value=f'token{batch}x entry {name}'))\n"
        "            for name in names])\n"
        "        print(batch, flush=True)\n"
        "        sys.stdin.readline()\n"
    )
    python = command()[0]
    with subprocess.Popen(
        [python, str(writer), str(data)],
        env=environment(data),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        for line in process.stdout:
            batch = int(line)
            found = Retriever(client, "shared", results_count=100).retrieve(f"token{batch}x")
            new = [hit for hit in found if hit.text.startswith(f"token{batch}x")]
            assert len(new) == 20, f"batch {batch}: {len(new)} of 20 were found"
            process.stdin.write("\n")
            process.stdin.flush()
    assert process.returncode == 0


def test_ingest_in_one_process_while_another_queries(
    tmp_path: Path, data: Path, client: Client
) -> None:
    folder = tmp_path / "folder"
    make_folder(folder, files=30, paragraphs=12)
    client.corpora.create("c")
    with subprocess.Popen(
        command("ingest", folder, "--corpus", "c"),
        env=environment(data),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        asked = 0
        while process.poll() is None:
            finished = [
                document
                for document in client.documents.list("c", page_size=20)
                if "sha256" in document.metadata
            ]
            # What a finished document holds was acknowledged before this query began.
            for document in finished[-3:]:
                asked += 1
                title = str(document.metadata["title"])
                found = client.documents.query(document.name, title, results_count=100)
                assert len(found.relevant_chunks) == document.metadata["chunks"]
        assert process.stderr is not None
        assert process.returncode == 0, process.stderr.read()
    assert asked > 0
