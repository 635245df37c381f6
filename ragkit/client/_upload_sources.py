"""Where the bytes of an upload come from: a path, bytes, or a binary file object."""

from __future__ import annotations

import io
import mimetypes
import os
from pathlib import Path
from typing import BinaryIO, Final, Self, TypeAlias

from ragkit.api.errors import InvalidArgument, RagkitError

Uploadable: TypeAlias = str | os.PathLike[str] | bytes | bytearray | memoryview | BinaryIO
"""What can be uploaded: a path, bytes, or a file object opened in binary mode."""

_UNKNOWN_TYPE: Final = "application/octet-stream"
_MORE_TYPES: Final = {".jsonl": "application/jsonl", ".md": "text/markdown"}
_COMPRESSED: Final = {
    "gzip": "application/gzip",
    "bzip2": "application/x-bzip2",
    "xz": "application/x-xz",
}


class UploadSource:
    """Bytes to be uploaded, read piece by piece.

    What is uploaded of a file object begins at its position, which moves as it is read. Of one
    that cannot seek, the piece read last is kept, so that it can be read again after a failure.

    Attributes:
        size: the number of bytes, None if that shows only at the end.
        file_name: the file's name without its folder, "" for bytes.
        mime_type: guessed from the name.
    """

    def __init__(self, file: BinaryIO, file_name: str, *, owned: bool) -> None:
        if not hasattr(file, "read") or isinstance(file, io.TextIOBase):
            raise InvalidArgument(
                "file: takes a path, bytes, or a file object opened in binary mode, not "
                f"{type(file).__name__}",
                field="file",
            )
        self._file = file
        self._owned = owned
        # In the default locale's encoding some names have no valid Unicode form.
        self.file_name = file_name.encode("utf-8", "replace").decode()
        self.mime_type = _guess_type(self.file_name)
        self._seekable = hasattr(file, "seekable") and file.seekable()
        self.size: int | None = None
        self._start = 0
        if self._seekable:
            self._start = file.tell()
            self.size = max(0, file.seek(0, os.SEEK_END) - self._start)
            file.seek(self._start)
        self._kept = b""
        self._kept_at = 0

    @classmethod
    def of(cls, value: Uploadable) -> UploadSource:
        """The source for a value that can be uploaded. Opens a path: close the source after use.

        Raises:
            OSError: the path cannot be opened.
            InvalidArgument: the value is nothing that can be uploaded.
        """
        if isinstance(value, (bytes, bytearray, memoryview)):
            return cls(io.BytesIO(value), "", owned=True)
        if isinstance(value, (str, os.PathLike)):
            path = Path(value)
            return cls(path.open("rb"), path.name, owned=True)
        name = getattr(value, "name", "")
        named = isinstance(name, str) and not name.startswith("<")
        return cls(value, Path(name).name if named else "", owned=False)

    @property
    def blocking(self) -> bool:
        """Whether reading may wait for a disk or another process."""
        return not isinstance(self._file, io.BytesIO)

    def read(self, offset: int, size: int) -> bytes:
        """The bytes at an offset: `size` of them, fewer only at the end.

        Raises:
            OSError: reading fails.
            RagkitError: the source cannot seek, and no longer has what is at the offset.
        """
        if self._seekable:
            self._file.seek(self._start + offset)
            return self._read_on(size)
        skipped = offset - self._kept_at
        if not 0 <= skipped <= len(self._kept):
            raise RagkitError(
                f"the upload should go on at byte {offset}, which a file object that cannot seek "
                "no longer has"
            )
        if skipped:
            self._kept, self._kept_at = self._kept[skipped:], offset
        if len(self._kept) < size:
            self._kept += self._read_on(size - len(self._kept))
        return self._kept[:size]

    def _read_on(self, size: int) -> bytes:
        """The next bytes. Raw files and pipes give fewer than asked for before they end."""
        pieces: list[bytes] = []
        while size > 0:
            piece = self._file.read(size)
            if isinstance(piece, str):
                raise InvalidArgument("file: is opened in text mode, not in binary", field="file")
            if piece is None:
                raise RagkitError("the file object has no data yet: open it in blocking mode")
            if not piece:
                break
            pieces.append(piece)
            size -= len(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def close(self) -> None:
        """Close what was opened here; file objects that were given stay open."""
        if self._owned:
            self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


def _guess_type(file_name: str) -> str:
    more = _MORE_TYPES.get(Path(file_name).suffix.lower())
    if more is not None:
        return more
    kind, encoding = mimetypes.guess_type(file_name)
    if encoding is not None:
        return _COMPRESSED.get(encoding, _UNKNOWN_TYPE)
    return kind or _UNKNOWN_TYPE
