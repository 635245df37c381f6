"""What one file may cost: seconds and memory, held by the operating system.

A parser that hangs or eats memory cannot be stopped from within its own process. So a worker asks
the kernel before it begins: a timer whose signal ends the process, even if its parent has gone
(not on Windows), and a bound on the memory that it can be given (`RLIMIT_AS`, on
Linux). The parent looks at the time as well.
"""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

MEGABYTE = 1_000_000
MIN_MEMORY = 64 * MEGABYTE
"""Less would not do for any file."""


@dataclass(frozen=True, slots=True)
class FileLimits:
    """What reading and splitting one file may take; None for no limit.

    They hold in worker processes. Small plain text, and everything when `workers` is 0, is read
    in the caller's own process, where only the file's size is compared with `memory`.

    Attributes:
        seconds: time from its first byte to its last chunk.
        memory: bytes, beside the 100 MB or so of an idle worker. A file larger than that is not
            read at all.

    Raises:
        ValueError: a number is out of its range.
    """

    seconds: float | None = 300.0
    memory: int | None = 2_000 * MEGABYTE

    def __post_init__(self) -> None:
        if self.seconds is not None and not self.seconds > 0:
            raise ValueError(f"seconds for one file must be more than 0, not {self.seconds}")
        if self.memory is not None and self.memory < MIN_MEMORY:
            raise ValueError(
                f"memory for one file must be {MIN_MEMORY:,} bytes or more, not {self.memory:,}"
            )


def megabytes(count: int) -> str:
    """A number of bytes for people, such as `5,000 MB`."""
    return f"{count / MEGABYTE:,.0f} MB"


def bound_memory(allowed: int | None) -> None:
    """Let this process get so many bytes more than it has; where the system can."""
    if allowed is None:
        return
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource

        pages = int(Path("/proc/self/statm").read_text().split()[0])
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        wanted = pages * resource.getpagesize() + allowed
        bound = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_AS, (bound, hard))


@contextlib.contextmanager
def bounded_time(seconds: float | None) -> Iterator[None]:
    """End this process by SIGALRM if the block takes longer; where the system can."""
    if seconds is None or not hasattr(signal, "setitimer"):
        yield
        return
    signal.signal(signal.SIGALRM, signal.SIG_DFL)  # a library may have set a handler
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def out_of_memory(error: BaseException | None) -> bool:
    """Whether an error goes back to memory that could not be had."""
    while error is not None:
        if isinstance(error, MemoryError):
            return True
        error = error.__cause__ or error.__context__
    return False
