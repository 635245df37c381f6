"""The inside of a worker process: files in, what the corpus should hold of them out."""

from __future__ import annotations

import contextlib
import gc
import os
import pickle
import sys
from collections.abc import Iterator
from typing import IO

from ragkit.ingest.chunking import split
from ragkit.ingest.errors import ReadError
from ragkit.ingest.limits import (
    FileLimits,
    bound_memory,
    bounded_time,
    megabytes,
    out_of_memory,
)
from ragkit.ingest.prepare import FileTask, PreparedDocument, prepare
from ragkit.ingest.readers.extracted import Block, Extracted

_LENGTH_BYTES = 8


@contextlib.contextmanager
def rare_garbage_collection() -> Iterator[None]:
    """Look for cycles of garbage less often for a while.

    Ingestion makes many objects and hardly any cycles: by default a seventh of its time goes into
    looking for them.
    """
    before = gc.get_threshold()
    gc.set_threshold(100_000, 20, 50)
    try:
        yield
    finally:
        gc.set_threshold(*before)


def write_message(stream: IO[bytes], message: object) -> None:
    """Write one message."""
    data = pickle.dumps(message, protocol=pickle.HIGHEST_PROTOCOL)
    stream.write(len(data).to_bytes(_LENGTH_BYTES, "big"))
    stream.write(data)
    stream.flush()


def read_message(stream: IO[bytes]) -> object:
    """Read one message; EOFError when the other side has gone."""
    header = stream.read(_LENGTH_BYTES)
    if len(header) < _LENGTH_BYTES:
        raise EOFError
    length = int.from_bytes(header, "big")
    data = stream.read(length)
    if len(data) < length:
        raise EOFError
    # From our own child process, over a pipe that nobody else holds.
    return pickle.loads(data)


def main() -> None:
    """Serve as a worker: read the limits, then tasks, and write results, until the end of input."""
    tasks, results = _own_pipes()
    try:
        limits = read_message(tasks)
    except EOFError:
        return
    assert isinstance(limits, FileLimits)
    # Every file needs what this loads, so no file has to answer for its memory.
    split(Extracted("Once.", (Block("paragraph", 0, 5),), "text/plain"))
    bound_memory(limits.memory)
    with rare_garbage_collection():
        _serve(tasks, results, limits)


def _own_pipes() -> tuple[IO[bytes], IO[bytes]]:
    """The pipes to the parent, where nobody else writes to them or keeps them open.

    What a library prints must not get between the messages, and a program that a reader has
    started must not hold a pipe of a worker that has died.
    """
    sys.stdout = sys.stderr
    tasks, results = (os.fdopen(os.dup(number), mode) for number, mode in ((0, "rb"), (1, "wb")))
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    os.close(nothing)
    return tasks, results


def _serve(tasks: IO[bytes], results: IO[bytes], limits: FileLimits) -> None:
    while True:
        try:
            task = read_message(tasks)
        except (EOFError, KeyboardInterrupt):
            return
        assert isinstance(task, FileTask)
        result: PreparedDocument | ReadError
        goes_on = True
        try:
            with bounded_time(limits.seconds):
                result = prepare(task)
        except KeyboardInterrupt:
            return
        except BaseException as error:  # noqa: BLE001 - the run goes on without this file
            # A process that ran out of memory may have lost more than the file: it ends.
            goes_on = not out_of_memory(error)
            result = _as_read_error(error, task, limits)
        write_message(results, (result, goes_on))
        if not goes_on:
            return


def _as_read_error(error: BaseException, task: FileTask, limits: FileLimits) -> ReadError:
    if out_of_memory(error):
        bound = "there is" if limits.memory is None else f"{megabytes(limits.memory)}, its limit"
        return ReadError(task.source, f"takes more memory to read than {bound}; split it")
    if isinstance(error, ReadError):
        return error
    return ReadError(task.source, f"cannot be read: {type(error).__name__}: {error}")
