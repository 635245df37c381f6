"""The bytes of files on disk, one blob to a file of the file system.

Beside a blob NAME there may be `NAME.part` while it is being written, and `NAME.lock`, which its
writer holds. A complete blob has been forced to disk before it gets its name. Which blobs count is
for the store to say: what no row refers to and nobody writes is an orphan.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

from filelock import FileLock, Timeout

from ragkit.engine.durability import sync_folder
from ragkit.engine.records import EngineError
from ragkit.engine.store.media_records import Content

if TYPE_CHECKING:
    from hashlib import _Hash as Hash

_PART: Final = ".part"
_LOCK: Final = ".lock"
_NAME: Final = re.compile(r"[0-9a-f]{32}")
_PIECE: Final = 1024 * 1024
_BUSY_SECONDS: Final = 30.0
_KEPT_HASHES: Final = 64


def new_blob_name() -> str:
    """A name that no blob has."""
    return secrets.token_hex(16)


class BlobBusyError(EngineError):
    """Another request is writing the blob."""


class BlobLostError(EngineError):
    """Bytes that were on disk are there no more: the data folder was changed from outside."""


class BlobFolder:
    """Blobs in a folder, for several threads and processes.

    Arguments:
        folder: where they are. It is made, for its owner only, when it is first needed.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._hashes = _Hashes()

    def open(self, name: str) -> BinaryIO:
        """A complete blob for reading. Raises BlobLostError if it is not there."""
        try:
            return (self.folder / name).open("rb")
        except FileNotFoundError as error:
            raise _lost(name) from error

    def delete(self, name: str) -> None:
        """Delete a complete blob, if it is there."""
        (self.folder / name).unlink(missing_ok=True)

    @contextmanager
    def writing(self, name: str) -> Iterator[BlobWriter]:
        """Exclude other writers of a blob.

        Raises:
            BlobBusyError: another request has been writing it for half a minute.
        """
        self.folder.mkdir(mode=0o700, exist_ok=True)
        try:
            lock = FileLock(self.folder / (name + _LOCK), timeout=_BUSY_SECONDS).acquire()
        except Timeout as error:
            raise BlobBusyError("", "another request is writing to this upload") from error
        with lock:
            writer = BlobWriter(self.folder, name, self._hashes)
            try:
                yield writer
            finally:
                writer.close()

    def names(self, idle_seconds: float) -> set[str]:
        """The blobs, in whatever state, that have not changed for so many seconds."""
        latest: dict[str, float] = {}
        with suppress(FileNotFoundError):
            for entry in self.folder.iterdir():
                name = entry.name.removesuffix(_PART).removesuffix(_LOCK)
                if not _NAME.fullmatch(name):  # not ours
                    continue
                with suppress(FileNotFoundError):
                    latest[name] = max(latest.get(name, 0.0), entry.stat().st_mtime)
        limit = time.time() - idle_seconds
        return {name for name, changed in latest.items() if changed <= limit}

    def has_stale_lock(self, name: str) -> bool:
        """Whether a blob that is complete has a lock still: its writer was killed at the end."""
        return (self.folder / name).exists() and (self.folder / (name + _LOCK)).exists()

    def delete_orphan(self, name: str, still: Callable[[], bool]) -> None:
        """Delete all of a blob, unless it is being written; of one that is none, just the lock.

        Arguments:
            name: the blob.
            still: whether it is an orphan, asked once nobody can begin to write it.
        """
        path = self.folder / (name + _LOCK)
        try:
            with FileLock(path, blocking=False):
                if still():
                    self.delete(name)
                    (self.folder / (name + _PART)).unlink(missing_ok=True)
                # Windows deletes no open file; it is deleted another time.
                with suppress(OSError):
                    path.unlink()
        except Timeout:
            return


class BlobWriter:
    """Writes a blob that nobody else is writing. Made by `BlobFolder.writing`."""

    def __init__(self, folder: Path, name: str, hashes: _Hashes) -> None:
        self._path = folder / name
        self._part = folder / (name + _PART)
        self._lock = folder / (name + _LOCK)
        self._hashes = hashes
        self._hash: Hash | None = None
        self._file: BinaryIO | None = None
        self._recorded = 0
        self.size = 0
        """Bytes written so far, those of earlier writers included."""

    def begin(self) -> None:
        """Begin with nothing, whatever there was."""
        self.close()
        self._file = self._part.open("w+b")
        self._hash, self.size = hashlib.sha256(), 0
        sync_folder(self._part.parent)

    def resume(self, size: int) -> None:
        """Go on after the first so many bytes; what lies beyond them is dropped.

        Raises:
            BlobLostError: there are fewer bytes than that.
        """
        if size == 0:
            self.begin()
            return
        self.close()
        if not self._part.exists():
            # Its last writer ended between completing the blob and having it recorded.
            with suppress(FileNotFoundError):
                self._path.replace(self._part)
        try:
            self._file = self._part.open("r+b")
        except FileNotFoundError as error:
            raise _lost(self._path.name) from error
        if self._file.seek(0, os.SEEK_END) < size:
            raise _lost(self._path.name)
        self._file.truncate(size)
        self._hash = self._hashes.take(self._path.name, size)
        self.size = self._recorded = size

    def write(self, piece: bytes) -> None:
        """Add bytes at the end."""
        file = self._opened()
        file.seek(self.size)
        file.write(piece)
        self.size += len(piece)
        if self._hash is not None:
            self._hash.update(piece)

    def holds(self, offset: int, piece: bytes) -> bool:
        """Whether these bytes stand at an offset."""
        file = self._opened()
        file.seek(offset)
        return file.read(len(piece)) == piece

    def sync(self) -> None:
        """Force to disk what was written."""
        file = self._opened()
        file.flush()
        os.fsync(file.fileno())

    def recorded(self) -> None:
        """Told that the store has the size: what was written so far will not change any more."""
        self._recorded = self.size

    def complete(self) -> Content:
        """Give the blob its name, after all of it is on disk."""
        self.sync()
        if self._hash is None:
            self._hash = self._read_hash()
        digest = self._hash.digest()
        # Kept, in case that the blob cannot be recorded now and is completed again.
        self.close()
        self._part.replace(self._path)
        sync_folder(self._part.parent)
        return Content(self._path.name, self.size, digest)

    def discard(self, *, complete_too: bool) -> None:
        """Delete what was written.

        Arguments:
            complete_too: even if it was completed, which must not have been recorded then.
        """
        self.close()
        self._part.unlink(missing_ok=True)
        if complete_too:
            self._path.unlink(missing_ok=True)
        self.forget_lock()

    def forget_lock(self) -> None:
        """Delete the lock's file, as the blob will not be written any more."""
        with suppress(OSError):  # Windows deletes no open file; a sweep does it later.
            self._lock.unlink()

    def close(self) -> None:
        """Let go of the file, keeping what was written of it."""
        if self._file is None:
            return
        self._file.close()
        self._file = None
        if self._hash is not None and self._recorded == self.size:
            self._hashes.keep(self._path.name, self.size, self._hash)

    def _opened(self) -> BinaryIO:
        if self._file is None:
            raise ValueError("neither begun nor resumed")
        return self._file

    def _read_hash(self) -> Hash:
        """The hash of what earlier processes wrote, or of more than is kept in memory."""
        file = self._opened()
        file.seek(0)
        found = hashlib.sha256()
        while piece := file.read(_PIECE):
            found.update(piece)
        return found


class _Hashes:
    """Hashes of blobs that are not complete, so that their bytes are not read again for them.

    A few only, and in this process only: without one, the blob is read when it is completed.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, tuple[int, Hash]] = OrderedDict()

    def keep(self, name: str, size: int, value: Hash) -> None:
        with self._lock:
            self._kept[name] = size, value
            self._kept.move_to_end(name)
            if len(self._kept) > _KEPT_HASHES:
                self._kept.popitem(last=False)

    def take(self, name: str, size: int) -> Hash | None:
        """The hash of a blob's first `size` bytes, if that is what was kept."""
        with self._lock:
            kept, value = self._kept.pop(name, (-1, None))
        return value if kept == size else None


def _lost(name: str) -> BlobLostError:
    return BlobLostError("", f"the bytes of blob {name} are missing from the data folder")
