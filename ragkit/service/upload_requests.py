"""Requests to the upload path as values, and the replies that all ways of uploading share."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import BinaryIO, Final
from urllib.parse import unquote

from ragkit.api.errors import InvalidArgument
from ragkit.api.files import CreateFileRequest, CreateFileResponse
from ragkit.api.methods import MEDIA_UPLOAD
from ragkit.api.wire import HttpRequest, HttpResponse
from ragkit.engine.store.media_records import FileRecord
from ragkit.service.file_resources import file_resource
from ragkit.service.registry import Context

JSON_HEADERS: Final = {"content-type": "application/json; charset=UTF-8"}
_METADATA_BYTES: Final = 64 * 1024


class Body:
    """A request's body, read once; one that ends too early is an error, not a shorter file.

    Attributes:
        length: how many bytes it has, None if only its end tells.
    """

    def __init__(self, raw: BinaryIO, announced: str) -> None:
        self._raw = raw
        self._read = 0
        self.length: int | None = None
        if raw.seekable():
            start = raw.tell()
            self.length = raw.seek(0, os.SEEK_END) - start
            raw.seek(start)
        if announced.isascii() and announced.isdecimal():
            self.length = max(int(announced), self.length or 0)

    def read(self, size: int, /) -> bytes:
        """At most so many bytes; none at the end. Raises InvalidArgument if that is too early."""
        piece = self._raw.read(size)
        self._read += len(piece)
        if not piece and self.length is not None and self._read < self.length:
            raise InvalidArgument(
                f"the body ended after {self._read} bytes; Content-Length says {self.length}"
            )
        return piece


@dataclass(frozen=True, slots=True)
class UploadRequest:
    """A request to the upload path. Header names are in lower case."""

    context: Context
    verb: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    base_url: str
    body: Body

    @classmethod
    def of(
        cls, context: Context, request: HttpRequest, base_url: str, body: BinaryIO
    ) -> UploadRequest:
        """The request as it came, with its body."""
        headers = {name.lower(): value.strip() for name, value in request.headers.items()}
        return cls(
            context,
            request.verb,
            request.path,
            dict(request.query),
            headers,
            base_url.rstrip("/"),
            Body(body, headers.get("content-length", "")),
        )

    def header(self, name: str) -> str:
        """A header's value, "" without it."""
        return self.headers.get(name, "")

    def size_header(self, name: str) -> int | None:
        """A header that says a number of bytes. Raises InvalidArgument for any other text."""
        value = self.header(name)
        if not value:
            return None
        if not (value.isascii() and value.isdecimal() and len(value) < 19):
            raise InvalidArgument(f"{name}: {value[:40]!r} is not a number of bytes", field=name)
        return int(value)

    @property
    def upload_id(self) -> str:
        """The id of the upload that this goes on with, "" if it begins one."""
        return self.query.get("upload_id", "")

    @property
    def commands(self) -> frozenset[str]:
        """The commands of `X-Goog-Upload-Command`."""
        words = self.header("x-goog-upload-command").lower().split(",")
        return frozenset(filter(None, map(str.strip, words)))

    @property
    def protocol(self) -> str:
        """How the upload is to be read, "" if nothing tells."""
        said = self.header("x-goog-upload-protocol") or self.query.get("upload_protocol", "")
        return (said or self.query.get("uploadType", "")).lower()

    @property
    def content_type(self) -> str:
        """What the protocol's own headers say of the file's type."""
        return self.header("x-goog-upload-header-content-type") or self.header(
            "x-upload-content-type"
        )

    @property
    def file_name(self) -> str:
        """What the file is called where it comes from, "" if that is not told."""
        return unquote(self.header("x-goog-upload-file-name"))

    def description(self) -> CreateFileRequest:
        """The body as a description of the file; it may be empty."""
        data = b""
        while piece := self.body.read(_METADATA_BYTES + 1 - len(data)):
            data += piece
        return read_metadata(data, self.header("content-type"))


def read_metadata(data: bytes, content_type: str) -> CreateFileRequest:
    """A description of a file in JSON; empty for none.

    Raises:
        InvalidArgument: it is not JSON of the form {"file": {...}}, or far too long.
    """
    kind = content_type.partition(";")[0].strip().lower()
    if data.strip() and kind not in ("", "application/json", "text/plain"):
        raise InvalidArgument(f"the description of a file is JSON, not {kind[:60]!r}")
    if len(data) > _METADATA_BYTES:
        raise InvalidArgument(f"the description of a file has at most {_METADATA_BYTES:,} bytes")
    return MEDIA_UPLOAD.decode("", (), data)


def file_reply(
    upload: UploadRequest, record: FileRecord, headers: Mapping[str, str] | None = None
) -> HttpResponse:
    """The reply that tells a file."""
    response = CreateFileResponse(file=file_resource(record, upload.base_url))
    return HttpResponse(200, response.to_json(), {**JSON_HEADERS, **(headers or {})})
