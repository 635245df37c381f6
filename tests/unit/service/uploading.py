"""What tests of uploads share: requests to the upload path, and bodies that behave badly."""

from __future__ import annotations

import base64
import hashlib
import io
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from ragkit.api.wire import HttpRequest, HttpResponse
from ragkit.service import open_service
from ragkit.service.files import file_bytes
from ragkit.service.registry import OWNER, Context, Principal

PATH = "/upload/v1beta/files"
BASE = "http://ragkit.test:8080"
FILE_FIELDS = {
    *("name", "mimeType", "createTime", "updateTime", "expirationTime"),
    *("sha256Hash", "uri", "state", "source"),
}


class Broken(io.BytesIO):
    """A body whose connection breaks after some bytes."""

    def __init__(self, content: bytes, after: int) -> None:
        super().__init__(content[:after])

    def seekable(self) -> bool:
        return False

    def read(self, size: int | None = -1, /) -> bytes:
        piece = super().read(size)
        if not piece:
            raise ConnectionResetError("the client has gone")
        return piece


class Trickle(io.BytesIO):
    """A body that comes in pieces of a few bytes, and does not tell its length."""

    def __init__(self, content: bytes, size: int) -> None:
        super().__init__(content)
        self._size = size

    def seekable(self) -> bool:
        return False

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(min(self._size, self._size if size is None or size < 0 else size))


class Uploads:
    """A service over a data folder that can be restarted, and what is sent to its upload path."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.service = open_service(data)

    def restart(self) -> None:
        """Go on in what might be another process."""
        self.service.close()
        self.service = open_service(self.data)

    def send(
        self,
        verb: str = "POST",
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes | io.BytesIO = b"",
        principal: Principal = OWNER,
    ) -> HttpResponse:
        """Send a request, as a server does that has spooled its body."""
        media = io.BytesIO(body) if isinstance(body, bytes) else body
        request = HttpRequest(verb, PATH, list((query or {}).items()), headers or {})
        reply = self.service.open(request, principal, base_url=BASE, media=media)
        assert isinstance(reply, HttpResponse)
        return reply

    def to(
        self,
        url: str,
        verb: str = "POST",
        headers: Mapping[str, str] | None = None,
        body: bytes | io.BytesIO = b"",
        principal: Principal = OWNER,
    ) -> HttpResponse:
        """Send a request to an upload's URL."""
        assert url.startswith(BASE + PATH)
        return self.send(verb, dict(parse_qsl(urlsplit(url).query)), headers, body, principal)

    def start(
        self,
        file: Mapping[str, Any] | None = None,
        size: int | None = None,
        principal: Principal = OWNER,
        **headers: str,
    ) -> str:
        """Begin an upload by commands, as google-genai does; returns its URL."""
        sent = {
            "X-Goog-Upload-Protocol": "resumable",
            "X-Goog-Upload-Command": "start",
            "Content-Type": "application/json",
            **({} if size is None else {"X-Goog-Upload-Header-Content-Length": str(size)}),
            **headers,
        }
        body = b"" if file is None else json.dumps({"file": file}).encode()
        reply = self.send(headers=sent, body=body, principal=principal)
        assert reply.status == 200, reply.body
        assert reply.headers["x-goog-upload-status"] == "active"
        assert reply.headers["x-goog-upload-chunk-granularity"] == "262144"
        return reply.headers["x-goog-upload-url"]

    def command(
        self,
        url: str,
        command: str,
        offset: int | None = None,
        body: bytes | io.BytesIO = b"",
        principal: Principal = OWNER,
    ) -> HttpResponse:
        """Send a command to an upload."""
        headers = {"X-Goog-Upload-Command": command}
        if offset is not None:
            headers["X-Goog-Upload-Offset"] = str(offset)
        return self.to(url, "POST", headers, body, principal)

    def location(self, file: Mapping[str, Any] | None = None, **headers: str) -> str:
        """Begin an upload by ranges, as google-api-python-client does; returns its URL."""
        body = b"" if file is None else json.dumps({"file": file}).encode()
        reply = self.send(
            query={"uploadType": "resumable", "alt": "json"},
            headers={"Content-Type": "application/json", **headers},
            body=body,
        )
        assert reply.status == 200, reply.body
        return reply.headers["location"]

    def range(self, url: str, content_range: str, body: bytes | io.BytesIO = b"") -> HttpResponse:
        """PUT a range, or ask for one."""
        return self.to(url, "PUT", {"Content-Range": content_range}, body)

    def content(self, name: str) -> bytes:
        """A file's bytes as a prompt would see them."""
        return file_bytes(Context(self.service.engine), name)[0]

    def blobs(self) -> list[str]:
        """What lies in the folder of files."""
        folder = self.data / "files"
        return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


def file_of(reply: HttpResponse) -> dict[str, Any]:
    """The file in a reply, its form checked."""
    assert reply.status == 200, reply.body
    parsed = json.loads(reply.body)
    assert set(parsed) == {"file"}
    file: dict[str, Any] = parsed["file"]
    assert set(file) - {"displayName", "sizeBytes"} == FILE_FIELDS
    assert file["uri"] == f"{BASE}/v1beta/{file['name']}"
    assert file["state"] == "ACTIVE"
    assert isinstance(file.get("sizeBytes", "0"), str)
    return file


def holds(uploads: Uploads, file: Mapping[str, Any], content: bytes) -> None:
    """Check that a file is these bytes, and says so."""
    assert uploads.content(file["name"]) == content
    assert int(file.get("sizeBytes", "0")) == len(content)
    assert base64.b64decode(file["sha256Hash"]) == hashlib.sha256(content).digest()


def related(
    metadata: bytes,
    content: bytes,
    mime_type: str = "",
    boundary: bytes = b"b",
    line: bytes = b"\n",
) -> bytes:
    """A multipart/related body."""
    typed = b"Content-Type: " + mime_type.encode() + line if mime_type else b""
    return (
        b"--" + boundary + line + b"Content-Type: application/json" + line * 2 + metadata + line
        + b"--" + boundary + line + typed + line + content + line
        + b"--" + boundary + b"--" + line
    )  # fmt: skip


def opened(data: Path) -> Iterator[Uploads]:
    """A service for a fixture."""
    uploads = Uploads(data)
    yield uploads
    uploads.service.close()
