"""Where the bytes of an upload come from: a path, bytes, or a binary file object."""

from __future__ import annotations

import io
import mimetypes
import os
import shutil
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any, BinaryIO, Final, TypeAlias

from ragkit.api.errors import InvalidArgument

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
    """Bytes to be uploaded, read piece by piece. Close it after use.

    Of a file object, what follows its position is uploaded. One that cannot seek is first copied
    into a temporary file, so that any part can be sent again.

    Attributes:
        size: the number of bytes.
        file_name: the file's name without its folder, "" for bytes.
        mime_type: guessed from the name.

    Raises:
        OSError: it cannot be opened or read.
        InvalidArgument: the value is nothing that can be uploaded.
    """

    def __init__(self, value: Uploadable) -> None:
        self._opened = ExitStack()
        name: object = ""
        file: Any = value
        if isinstance(value, (bytes, bytearray, memoryview)):
            file = io.BytesIO(value)
        elif isinstance(value, (str, os.PathLike)):
            name = Path(value).name
            file = self._opened.enter_context(Path(value).open("rb"))  # noqa: SIM115
        elif not hasattr(value, "read") or isinstance(value, io.TextIOBase):
            raise InvalidArgument(
                "file: takes a path, bytes, or a file object opened in binary mode, not "
                f"{type(value).__name__}",
                field="file",
            )
        else:
            name = getattr(value, "name", "")
        # A descriptor's number and "<stdin>" are no names; some names have no valid Unicode form.
        named = isinstance(name, str) and not name.startswith("<")
        self.file_name = Path(str(name)).name.encode("utf-8", "replace").decode() if named else ""
        self.mime_type = _guess_type(self.file_name)
        if not (hasattr(file, "seekable") and file.seekable()):
            copy = self._opened.enter_context(tempfile.TemporaryFile())  # noqa: SIM115
            shutil.copyfileobj(file, copy)
            copy.seek(0)
            file = copy
        self._file = file
        self._start = file.tell()
        self.size = max(0, file.seek(0, os.SEEK_END) - self._start)

    def read(self, offset: int, size: int) -> bytes:
        """The bytes at an offset: `size` of them, fewer only at the end.

        Raises:
            OSError: reading fails.
        """
        self._file.seek(self._start + offset)
        pieces = []
        while size > 0 and (piece := self._file.read(size)):  # raw files may give fewer
            pieces.append(piece)
            size -= len(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def close(self) -> None:
        """Close what was opened here; file objects that were given stay open."""
        self._opened.close()


def _guess_type(file_name: str) -> str:
    more = _MORE_TYPES.get(Path(file_name).suffix.lower())
    if more is not None:
        return more
    kind, encoding = mimetypes.guess_type(file_name)
    return _COMPRESSED.get(encoding, _UNKNOWN_TYPE) if encoding else kind or _UNKNOWN_TYPE
