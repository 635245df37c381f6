"""Worker processes that prepare files, so that parsing does not wait for pushing.

They are plain subprocesses that speak pickle over their pipes rather than a `multiprocessing`
pool: they import nothing of the caller's main module (a user's script needs no
`if __name__ == "__main__"`), inherit neither its threads nor its open database, and one that dies
takes only its file with it. Each is a process group of its own: an interrupt from the keyboard
reaches the parent alone, and what a reader has started ends with its worker.
"""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Any

from ragkit.ingest.errors import ReadError
from ragkit.ingest.limits import FileLimits, megabytes
from ragkit.ingest.prepare import FileTask, PreparedDocument, prepare
from ragkit.ingest.worker_process import main, read_message, write_message

_GRACE = 1.0
"""Seconds that a worker has to end by its own timer before its parent ends it."""
_LINEAR = frozenset({".txt", ".text", ".log", ".md", ".markdown", ".rst"})
"""Suffixes whose readers need no watching over: their time is linear in the file's size."""


class Worker:
    """One worker process.

    Args:
        limits: what one file may cost.
    """

    def __init__(self, limits: FileLimits) -> None:
        self._limits = limits
        self._overdue = False
        self._process = subprocess.Popen(
            [sys.executable, "-c", f"from {main.__module__} import main; main()"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):  # it died at once: the first task will say so
            write_message(self._process.stdin, limits)

    def prepare(self, task: FileTask) -> PreparedDocument:
        """Prepare a file in the process, as `ragkit.ingest.prepare.prepare` does.

        Raises:
            ReadError: as there, and when the process dies of the file or of its limits.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            with self._watchdog():
                write_message(self._process.stdin, task)
                answer: Any = read_message(self._process.stdout)
        except (EOFError, OSError):
            # Before its id is given back, so that no other process can be meant.
            self.kill()
            self.close()
            raise ReadError(task.source, self._cause_of_death()) from None
        result, goes_on = answer
        if not goes_on:
            self.close()
        if isinstance(result, ReadError):
            raise result
        assert isinstance(result, PreparedDocument)
        return result

    @contextlib.contextmanager
    def _watchdog(self) -> Iterator[None]:
        """End the process if it has not done so itself; see `limits.bounded_time`."""
        if self._limits.seconds is None:
            yield
            return

        def bite() -> None:
            self._overdue = True
            self.kill()

        timer = threading.Timer(self._limits.seconds + _GRACE, bite)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def _cause_of_death(self) -> str:
        code = self._process.returncode
        if self._overdue or code == -getattr(signal, "SIGALRM", code + 1):
            return (
                f"took longer to read than {self._limits.seconds:g} seconds, so its process was "
                "ended; it may be damaged, or need a higher time limit for each file"
            )
        name = f"exit code {code}"
        with contextlib.suppress(ValueError):
            name = signal.Signals(-code).name
        return (
            f"killed the process that read it ({name}); it may need more memory than there is, "
            "or be damaged"
        )

    @property
    def alive(self) -> bool:
        """Whether it can take another file."""
        return self._process.poll() is None

    def kill(self) -> None:
        """End the process and all that it started, now."""
        if self._process.returncode is not None:
            return
        with contextlib.suppress(OSError):
            if hasattr(os, "killpg"):
                os.killpg(self._process.pid, signal.SIGKILL)
            else:
                self._process.kill()

    def close(self) -> None:
        """End the process, after the file that it may be at."""
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                # Its buffer cannot be flushed to a process that is gone.
                with contextlib.suppress(OSError):
                    stream.close()
        try:
            self._process.wait(timeout=2)
        except subprocess.TimeoutExpired:
            self.kill()
            self._process.wait()


class Preparer:
    """Prepares files for many threads, in worker processes or in the threads themselves.

    Args:
        workers: the most processes, each started when it is first needed; 0 for none.
        limits: what one file may cost.
        few: whether there is so little to read that a process is worth its start for those files
            only whose readers might hang.
    """

    def __init__(
        self, workers: int, limits: FileLimits | None = None, *, few: bool = False
    ) -> None:
        self._workers = workers
        self._limits = limits or FileLimits()
        self._few = few
        self._free: queue.LifoQueue[Worker | None] = queue.LifoQueue()
        for _ in range(workers):
            self._free.put(None)
        self._lock = threading.Lock()
        self._started: list[Worker] = []
        self._killed = False

    def prepare(self, task: FileTask) -> PreparedDocument:
        """Prepare a file, as `ragkit.ingest.prepare.prepare` does, within the limits.

        Raises:
            ReadError: as there, and when the file takes more than it may.
        """
        self._refuse_large(task)
        if self._workers == 0 or (self._few and task.path.suffix.lower() in _LINEAR):
            return prepare(task)
        worker = self._free.get()
        try:
            if worker is None or not worker.alive:
                worker = self._start(task)
            return worker.prepare(task)
        finally:
            self._free.put(worker)

    def _refuse_large(self, task: FileTask) -> None:
        """Refuse what would not fit, before a byte of it is read."""
        with contextlib.suppress(OSError):  # `prepare` will say what is wrong
            size, allowed = task.path.stat().st_size, self._limits.memory
            if allowed is not None and size > allowed:
                raise ReadError(
                    task.source,
                    f"is too large: {megabytes(size)}, and one file may take "
                    f"{megabytes(allowed)} of memory; split it, or raise the memory limit",
                )

    def _start(self, task: FileTask) -> Worker:
        with self._lock:
            if self._killed:
                raise ReadError(task.source, "was not read: the run was interrupted")
            worker = Worker(self._limits)
            self._started.append(worker)
        return worker

    def kill(self) -> None:
        """End all processes now, and with them what they are at; start none any more."""
        with self._lock:
            self._killed = True
            for worker in self._started:
                worker.kill()

    def close(self) -> None:
        """End all processes."""
        for worker in self._started:
            worker.close()
