"""media.download: the bytes of files that this service made, such as a batch's responses.

The method is in Google's server document and not in its protos: the reply is no message but the
file itself. Files that were uploaded cannot be downloaded, as at Google's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final

from ragkit.api.errors import APIError, FailedPrecondition, InvalidArgument
from ragkit.api.wire import HttpRequest
from ragkit.engine.store.media_records import FileOrigin
from ragkit.service.file_resources import split_file
from ragkit.service.files import find_file
from ragkit.service.media_errors import translated
from ragkit.service.registry import Context
from ragkit.service.streaming import StreamedResponse

_PATH: Final = re.compile(r"/v1(?:beta)?/(files/[^/:]+):download")
_PIECE: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class DownloadResponse(StreamedResponse):
    """A file's bytes. What ends early is shorter than its Content-Length says."""

    def end_with(self, error: APIError, *, begun: bool) -> bytes:
        """Nothing: an error's text would be taken for the file's."""
        return b""


class _Pieces(Iterator[bytes]):
    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def __next__(self) -> bytes:
        piece = b"" if self._file.closed else self._file.read(_PIECE)
        if not piece:
            self.close()
            raise StopIteration
        return piece

    def close(self) -> None:
        self._file.close()


def handle_download(context: Context, request: HttpRequest) -> DownloadResponse | None:
    """The file that a request asks for, None if it asks for something else.

    Raises:
        InvalidArgument: `alt=media` is missing.
        FailedPrecondition: the file was uploaded, not made here.
        RowNotFoundError: there is no such file, or it is another's.
    """
    found = _PATH.fullmatch(request.path)
    if request.verb != "GET" or found is None:
        return None
    if dict(request.query).get("alt") != "media":
        raise InvalidArgument("alt: a download needs alt=media", field="alt")
    record = find_file(context, split_file(found[1]))
    if record.source is not FileOrigin.GENERATED:
        raise FailedPrecondition(
            f"files/{record.id} was uploaded; only files that the service made can be downloaded",
            resource=f"files/{record.id}",
        )
    with translated():
        file = context.engine.media.open(record)
    headers = {"content-type": record.mime_type, "content-length": str(record.size_bytes)}
    return DownloadResponse(200, headers, _Pieces(file))
