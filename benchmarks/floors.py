"""What bounds the main job: each of its parts alone in one thread, and a profile of the whole.

CPU seconds are counted rather than time on the clock, so that other work on the machine does not
change them much. The one exception is the store, whose commits wait for the disk.
"""

from __future__ import annotations

import cProfile
import io
import pstats
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import ragkit
from ragkit.api.names import document_name
from ragkit.engine.engine import Engine
from ragkit.engine.models.embedders import load_embedder
from ragkit.engine.records import NewChunk, Vector
from ragkit.ingest import IngestOptions, Splitting, ingest
from ragkit.ingest.prepare import FileTask, PreparedChunk, PreparedDocument, prepare
from ragkit.ingest.sync import chunk_message
from ragkit.text.tokens import encoding

T = TypeVar("T")
CORPUS = "bench"
BATCH = 100
QUERY = "which option formats a table"
SHOWN_FUNCTIONS = 14


@dataclass(frozen=True, slots=True)
class Floor:
    """One part alone: seconds of CPU and on the clock for so many chunks."""

    part: str
    chunks: int
    cpu: float
    wall: float

    @property
    def microseconds(self) -> float:
        """CPU time for a chunk."""
        return self.cpu / self.chunks * 1e6


def floors(folder: Path, scratch: Path) -> list[Floor]:
    """Run each part of the main job by itself, over the files of a folder.

    Args:
        folder: Markdown files.
        scratch: an empty folder for data.
    """
    files = sorted(folder.rglob("*.md"))
    _warm_up(files[0])
    texts = [path.read_text("utf-8") for path in files]
    documents, reading = _timed(lambda: [_prepared(path, folder) for path in files])
    count = sum(len(document.chunks) for document in documents)
    _, tokens = _timed(lambda: [encoding().encode_ordinary(text) for text in texts])
    batches = [
        (document, document.chunks[start : start + BATCH])
        for document in documents
        for start in range(0, len(document.chunks), BATCH)
    ]
    embedder = load_embedder()
    vectors, embedding = _timed(
        lambda: [embedder.embed([chunk.text for chunk in chunks]) for _, chunks in batches]
    )
    new = [
        (document.id, list(map(_new_chunk, chunks, rows)))
        for (document, chunks), rows in zip(batches, vectors, strict=True)
    ]
    engine = Engine(scratch / "store")
    engine.create_corpus(CORPUS, "")
    for document in documents:
        engine.store.create_document(CORPUS, document.id, "")
    _, storing = _timed(
        lambda: [engine.store.create_chunks(CORPUS, document, chunks) for document, chunks in new]
    )
    engine.close()
    calls, catching_up = _through_the_client(batches, documents, scratch / "client")
    parts = {
        "tiktoken: encode the text once": tokens,
        "read and split (includes tiktoken)": reading,
        "embed": embedding,
        "store: rows, vectors, commit": storing,
        "chunks.batch_create (includes embed, store)": calls,
        "index catch-up": catching_up,
    }
    return [Floor(part, count, cpu, wall) for part, (cpu, wall) in parts.items()]


def _through_the_client(
    batches: list[tuple[PreparedDocument, tuple[PreparedChunk, ...]]],
    documents: list[PreparedDocument],
    data: Path,
) -> tuple[tuple[float, float], tuple[float, float]]:
    """Push everything by calls of the API, then query: what each of the two took."""
    with ragkit.connect(data=data) as client:
        client.corpora.create(CORPUS)
        for document in documents:
            client.documents.create(CORPUS, document.id)

        def push() -> None:
            for document, chunks in batches:
                name = document_name(document.id, CORPUS)
                client.chunks.batch_create(name, [chunk_message(name, chunk) for chunk in chunks])

        _, calls = _timed(push)
        _, first = _timed(lambda: client.corpora.query(CORPUS, QUERY))
        _, again = _timed(lambda: client.corpora.query(CORPUS, QUERY))
    return calls, (first[0] - again[0], first[1] - again[1])


def _new_chunk(chunk: PreparedChunk, vector: Vector) -> NewChunk:
    metadata = tuple(
        (key, tuple(value) if isinstance(value, list) else value)
        for key, value in chunk.metadata.items()
    )
    return NewChunk(chunk.id, chunk.text, metadata, vector)


def _prepared(path: Path, folder: Path) -> PreparedDocument:
    source = f"{folder.name}/{path.relative_to(folder).as_posix()}"
    return prepare(FileTask(path, source, folder.name, str(folder), Splitting()))


def _warm_up(path: Path) -> None:
    """Load what is loaded once in a process: that is no part of any floor."""
    _prepared(path, path.parent)
    load_embedder().embed(["one"])


def _timed(work: Callable[[], T]) -> tuple[T, tuple[float, float]]:
    cpu, wall = time.process_time(), time.perf_counter()
    result = work()
    return result, (time.process_time() - cpu, time.perf_counter() - wall)


def profile(folder: Path, scratch: Path) -> str:
    """Profile an ingest of a folder: the parent's threads, and a worker's work.

    Returns:
        The functions with most CPU time of their own, for both. The profiler makes calls of small
        functions dearer than they are: read it for what there is, and `floors` for how much.
    """
    profiles: list[cProfile.Profile] = []

    def begin(*_: object) -> None:
        # Called at a new thread's first event; enabling replaces this very hook.
        profiles.append(cProfile.Profile(time.thread_time))
        profiles[-1].enable()

    with ragkit.connect(data=scratch) as client:
        threading.setprofile(begin)
        try:
            ingest(client, [folder], CORPUS, IngestOptions())
        finally:
            threading.setprofile(None)
    worker = cProfile.Profile(time.thread_time)
    files = sorted(folder.rglob("*.md"))
    _warm_up(files[0])
    worker.runcall(lambda: [_prepared(path, folder) for path in files])
    return "\n".join(
        [
            "The parent's threads (calls, encoding, validation, embedding, SQL):",
            _top(*profiles),
            "A worker (reading and splitting):",
            _top(worker),
        ]
    )


def _top(*profiles: cProfile.Profile) -> str:
    text = io.StringIO()
    statistics = pstats.Stats(profiles[0], stream=text)
    for another in profiles[1:]:
        statistics.add(another)
    statistics.strip_dirs().sort_stats("tottime").print_stats(SHOWN_FUNCTIONS)
    lines = text.getvalue().splitlines()
    start = next(index for index, line in enumerate(lines) if "ncalls" in line)
    return "\n".join(line for line in lines[start:] if line.strip())
