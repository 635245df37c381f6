"""Hashes of files' contents, remembered for as long as a process runs.

Only `--watch` asks for one file's hash more than once. A file is taken to be what it was while
its size, its time of change and its inode are the same, and were not new when it was hashed: a
file can change twice within one tick of its clock.
"""

from __future__ import annotations

import hashlib
import threading
import time
from pathlib import Path

_OLD_ENOUGH = 2_000_000_000
"""Nanoseconds, more than the coarsest clock of the file systems in use (FAT: 2 s)."""

_SMALL = 100_000
"""Bytes below which a file is hashed faster at once than through a buffer."""


class Digests:
    """Hashes by path. Safe to share between threads."""

    def __init__(self) -> None:
        self._known: dict[Path, tuple[tuple[int, ...], str]] = {}
        self._lock = threading.Lock()

    def of(self, path: Path) -> str:
        """The SHA-256 of a file's bytes, in hexadecimal digits.

        Raises:
            OSError: it cannot be read.
        """
        status = path.stat()
        stamp = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)
        with self._lock:
            known = self._known.get(path)
        if known is not None and known[0] == stamp:
            return known[1]
        now = time.time_ns()
        with path.open("rb") as stream:
            if status.st_size < _SMALL:
                digest = hashlib.sha256(stream.read()).hexdigest()
            else:
                digest = hashlib.file_digest(stream, "sha256").hexdigest()
        if now - status.st_mtime_ns > _OLD_ENOUGH:
            with self._lock:
                self._known[path] = stamp, digest
        return digest
