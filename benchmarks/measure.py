"""Child processes, what they cost, and what the machine was like meanwhile."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
_SAMPLE_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Run:
    """What one process did.

    Attributes:
        wall: seconds from start to end.
        cpu: seconds of CPU, its own and its children's.
        peak: the most bytes resident at once in it and its descendants, sampled; 0 if not asked.
        peak_private: the same without files that are mapped, which the system can drop.
        code: the exit code.
        output: what it wrote to stdout.
        errors: what it wrote to stderr.
    """

    wall: float
    cpu: float
    peak: int
    peak_private: int
    code: int
    output: str
    errors: str


def run(
    command: Sequence[str | os.PathLike[str]],
    *,
    environment: Mapping[str, str] | None = None,
    memory: bool = False,
) -> Run:
    """Run a command to its end.

    Args:
        command: the program and its arguments.
        environment: variables set besides those of this process.
        memory: whether to sample the memory of the process and its descendants (Linux only).
    """
    variables = {**os.environ, **(environment or {})}
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        started = time.perf_counter()
        process = subprocess.Popen(
            command, stdout=output, stderr=errors, env=variables, cwd=ROOT, stdin=subprocess.DEVNULL
        )
        sampler = _Sampler(process.pid) if memory else None
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        peak, private = sampler.finish() if sampler else (0, 0)
        output.seek(0)
        errors.seek(0)
        return Run(
            wall=wall,
            cpu=usage.ru_utime + usage.ru_stime,
            peak=peak,
            peak_private=private,
            code=process.returncode,
            output=output.read().decode("utf-8", "replace"),
            errors=errors.read().decode("utf-8", "replace"),
        )


class _Sampler:
    """Watches the memory of a process and its descendants from a thread."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._peak = self._private = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def finish(self) -> tuple[int, int]:
        self._over.set()
        self._thread.join()
        return self._peak, self._private

    def _watch(self) -> None:
        while not self._over.is_set():
            sizes = [_resident(pid) for pid in _tree(self._pid)]
            self._peak = max(self._peak, sum(all_ for all_, _ in sizes))
            self._private = max(self._private, sum(private for _, private in sizes))
            self._over.wait(_SAMPLE_SECONDS)


def _tree(pid: int) -> Iterator[int]:
    yield pid
    for listing in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            children = listing.read_text().split()
        except OSError:  # the thread has ended
            continue
        for child in children:
            yield from _tree(int(child))


def _resident(pid: int) -> tuple[int, int]:
    """The bytes resident in a process, and those of them that no file backs."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0, 0
    fields = dict(line.split(":", 1) for line in lines)
    # A process that has ended and is not yet waited for has neither.
    return tuple(int(fields.get(key, "0").split()[0]) * 1024 for key in ("VmRSS", "RssAnon"))  # type: ignore[return-value]


def machine() -> dict[str, object]:
    """What the figures were obtained on."""
    model = platform.processor() or platform.machine()
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                model = line.partition(":")[2].strip()
                break
    except OSError:
        pass
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "cpu": model,
        "cores": len(os.sched_getaffinity(0)),
        "python": platform.python_version(),
        "system": platform.platform(),
        "load_before": os.getloadavg()[0],
    }


def python(*arguments: str | os.PathLike[str]) -> list[str | os.PathLike[str]]:
    """A command for this interpreter."""
    return [sys.executable, *arguments]
