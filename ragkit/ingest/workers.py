"""Worker processes that prepare files, so that parsing does not wait for pushing.

They are plain subprocesses that speak pickle over their pipes rather than a `multiprocessing`
pool: they import nothing of the caller's main module (a user's script needs no
`if __name__ == "__main__"`), inherit neither its threads nor its open database, and one that dies
takes only its file with it.
"""

from __future__ import annotations

import contextlib
import gc
import pickle
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import IO

from ragkit.ingest.errors import ReadError
from ragkit.ingest.prepare import FileTask, PreparedDocument, prepare

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


def _write(stream: IO[bytes], message: object) -> None:
    data = pickle.dumps(message, protocol=pickle.HIGHEST_PROTOCOL)
    stream.write(len(data).to_bytes(_LENGTH_BYTES, "big"))
    stream.write(data)
    stream.flush()


def _read(stream: IO[bytes]) -> object:
    header = stream.read(_LENGTH_BYTES)
    if len(header) < _LENGTH_BYTES:
        raise EOFError
    length = int.from_bytes(header, "big")
    data = stream.read(length)
    if len(data) < length:
        raise EOFError
    # From our own child process, over a pipe that nobody else holds.
    return pickle.loads(data)


class Worker:
    """One worker process."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", f"from {__name__} import main; main()"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def prepare(self, task: FileTask) -> PreparedDocument:
        """Prepare a file in the process, as `ragkit.ingest.prepare.prepare` does.

        Raises:
            ReadError: as there, and when the process dies of the file.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            _write(self._process.stdin, task)
            result = _read(self._process.stdout)
        except (EOFError, OSError):
            self.close()
            code = self._process.returncode
            raise ReadError(
                task.source,
                f"killed the process that read it (exit code {code}); it may need more memory "
                "than there is, or be damaged",
            ) from None
        if isinstance(result, ReadError):
            raise result
        assert isinstance(result, PreparedDocument)
        return result

    @property
    def alive(self) -> bool:
        """Whether it can take another file."""
        return self._process.poll() is None

    def close(self) -> None:
        """End the process."""
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                # Its buffer cannot be flushed to a process that is gone.
                with contextlib.suppress(OSError):
                    stream.close()
        try:
            self._process.wait(timeout=2)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


class Preparer:
    """Prepares files for many threads, in worker processes or in the threads themselves.

    Args:
        workers: the most processes, each started when it is first needed; 0 for none.
    """

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._free: queue.LifoQueue[Worker | None] = queue.LifoQueue()
        for _ in range(workers):
            self._free.put(None)
        self._lock = threading.Lock()
        self._started: list[Worker] = []

    def prepare(self, task: FileTask) -> PreparedDocument:
        """Prepare a file, as `ragkit.ingest.prepare.prepare` does."""
        if self._workers == 0:
            return prepare(task)
        worker = self._free.get()
        if worker is None or not worker.alive:
            worker = Worker()
            with self._lock:
                self._started.append(worker)
        try:
            return worker.prepare(task)
        finally:
            self._free.put(worker)

    def close(self) -> None:
        """End all processes."""
        for worker in self._started:
            worker.close()


def main() -> None:
    """Serve as a worker: read tasks, write results, until the other side closes."""
    tasks, results = sys.stdin.buffer, sys.stdout.buffer
    sys.stdout = sys.stderr  # what a library prints must not get between the messages
    with rare_garbage_collection():
        _serve(tasks, results)


def _serve(tasks: IO[bytes], results: IO[bytes]) -> None:
    while True:
        try:
            task = _read(tasks)
        except (EOFError, KeyboardInterrupt):
            return
        assert isinstance(task, FileTask)
        result: object
        try:
            result = prepare(task)
        except ReadError as error:
            result = error
        except KeyboardInterrupt:
            return
        except BaseException as error:  # noqa: BLE001 - the run goes on without this file
            result = ReadError(task.source, f"cannot be read: {type(error).__name__}: {error}")
        _write(results, result)
