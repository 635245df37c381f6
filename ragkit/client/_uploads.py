"""Uploads of files, as one generator that both clients drive, and downloads.

Little content goes in one request (multipart), more in pieces by Google's resumable protocol: after
a failure the server is asked how much it has, and the upload goes on there. At any time one piece
is in memory.

A file is never made twice: it always has a name, a random one if the caller gave none, so that
after a lost reply it can be looked for.

Source: https://ai.google.dev/api/files and the X-Goog-Upload headers that google-genai sends.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, TypeAlias, TypeGuard
from urllib.parse import parse_qsl, quote, urlsplit

from ragkit.api.errors import APIError, InvalidArgument, RagkitError, TransportError
from ragkit.api.files import CreateFileRequest, File
from ragkit.api.methods import FILES_GET, MEDIA_UPLOAD
from ragkit.api.names import file_name
from ragkit.api.wire import HttpRequest, HttpResponse, parse_response
from ragkit.client._calls import Block, Call, Steps, call
from ragkit.client._retry import (
    Attempts,
    Options,
    Outcome,
    failure_of,
    may_help,
    perform,
    surely_not_done,
)
from ragkit.client._upload_sources import Uploadable, UploadSource

MULTIPART_LIMIT: Final = 8 * 1024 * 1024
"""Content of fewer bytes goes in one request."""
PIECE_SIZE: Final = 8 * 1024 * 1024
"""Bytes in one request of a resumable upload, rounded down to the server's granularity."""
LARGEST_GRANULARITY: Final = 64 * 1024 * 1024
"""A server that wants larger pieces is not believed: each is held in memory."""
_RECEIVED: Final = "x-goog-upload-size-received"
_MIME_TYPE = re.compile(r"[\w!#$&^.+-]+/[\w!#$&^.+-]+(\s*;\s*[\w-]+=[\w\"!#$&^.+-]+)*", re.ASCII)

Progress: TypeAlias = Callable[[int, int], None]
"""Told the bytes that the server has, and the bytes in all."""


@dataclass(frozen=True, slots=True)
class _Session:
    """A resumable upload that the server has begun."""

    path: str
    query: tuple[tuple[str, str], ...]
    piece_size: int


def upload(
    file: Uploadable,
    options: Options,
    *,
    name: str | None = None,
    display_name: str | None = None,
    mime_type: str | None = None,
    progress: Progress | None = None,
) -> Steps[File]:
    """Upload a file; see `Files.upload`.

    Attempts and deadline of the retry policy count anew whenever the server has received more.

    Raises:
        APIError: the API's answer was an error, and trying again was not safe or did not help.
        TransportError: no reply arrived, likewise.
        InvalidArgument: an argument is wrong, or the file has become shorter meanwhile.
        OSError: the file cannot be read.
    """
    source: UploadSource = yield Block(partial(UploadSource, file))
    with closing(source), Attempts(MEDIA_UPLOAD.id, options) as attempts:
        wanted = File(
            name=file_name(name) if name else f"files/{secrets.token_hex(8)}",
            display_name=source.file_name[:512] if display_name is None else display_name,
            mime_type=source.mime_type if mime_type is None else mime_type,
            size_bytes=source.size,
        )
        job = _Job(source, wanted, attempts, options, progress or (lambda sent, total: None))
        small = source.size < MULTIPART_LIMIT
        made = yield from job.multipart() if small else job.resumable()
        job.progress(source.size, source.size)
        return made


class _Job:
    """One upload; `wanted` is the file as it is to be."""

    def __init__(
        self,
        source: UploadSource,
        wanted: File,
        attempts: Attempts,
        options: Options,
        progress: Progress,
    ) -> None:
        if not _MIME_TYPE.fullmatch(wanted.mime_type):
            raise _invalid("mimeType", f"{wanted.mime_type[:80]!r} is not of the form type/subtype")
        try:
            self._metadata = CreateFileRequest(
                file=File(name=wanted.name, display_name=wanted.display_name)
            ).to_json()
        except ValueError:
            raise _invalid("file", "displayName is no valid Unicode (lone surrogates)") from None
        self._source, self._wanted, self._attempts = source, wanted, attempts
        self._options = options
        self._sent = 0
        self.progress = progress
        progress(0, source.size)

    def multipart(self) -> Steps[File]:
        """Send everything in one request."""
        content = yield from self._read(0, self._source.size)
        boundary = f"ragkit-{secrets.token_hex(16)}"
        json, media = "application/json; charset=UTF-8", self._wanted.mime_type
        body = (
            f"--{boundary}\r\nContent-Type: {json}\r\n\r\n".encode(),
            self._metadata,
            f"\r\n--{boundary}\r\nContent-Type: {media}\r\n\r\n".encode(),
            content,
            f"\r\n--{boundary}--\r\n".encode(),
        )
        headers = {"content-type": f"multipart/related; boundary={boundary}"}
        request = self._request(headers, b"".join(body), [("uploadType", "multipart")])
        may_be_made = False
        while True:
            outcome = yield from self._attempts.send(request)
            made = _file_in(outcome)
            if made is not None:
                return made
            failure = _failure(outcome)
            if may_be_made and isinstance(failure, APIError):
                made = yield from self._made_before(content)
                if made is not None:
                    return made
            if not may_help(outcome):
                raise failure
            may_be_made |= not surely_not_done(outcome)
            yield self._attempts.after(failure)

    def resumable(self) -> Steps[File]:
        """Send piece by piece, going on after failures where the server says."""
        session = yield from self._start()
        received = furthest = 0
        while True:
            piece = yield from self._read(received, session.piece_size, session)
            end = received + len(piece)
            self._sent = max(self._sent, end)
            last = end == self._source.size
            command = "upload" if not last else "upload, finalize" if piece else "finalize"
            outcome = yield from self._command(session, command, received, piece)
            del piece  # before the next one is read
            made = _file_in(outcome) if last and _says(outcome, "final") else None
            if made is not None:
                return made
            received = end
            if last or not _says(outcome, "active"):
                answer = yield from self._recovered(session, outcome)
                if isinstance(answer, File):
                    return answer
                received = answer
            if received > furthest:
                furthest = received
                self._attempts.renew()
                self.progress(received, self._source.size)

    def _start(self) -> Steps[_Session]:
        """Begin a resumable upload. This makes no file, so that it may be repeated."""
        headers = {
            "content-type": "application/json",
            "x-goog-upload-protocol": "resumable",
            "x-goog-upload-command": "start",
            "x-goog-upload-header-content-type": self._wanted.mime_type,
            "x-goog-upload-header-content-length": str(self._source.size),
        }
        while True:
            outcome = yield from self._attempts.send(self._request(headers, self._metadata))
            session = _session_of(outcome)
            if session is not None:
                self._attempts.renew()
                return session
            failure = _failure(outcome)
            if not may_help(outcome):
                raise failure
            yield self._attempts.after(failure)

    def _recovered(self, session: _Session, outcome: Outcome) -> Steps[int | File]:
        """After a failure: how many bytes the server has, or the file if it is made."""
        may_be_made = self._sent == self._source.size
        while True:
            failure = _failure(outcome)
            if not may_help(outcome):
                made = (yield from self._made_before()) if may_be_made else None
                if made is None:
                    raise failure
                return made
            yield self._attempts.after(failure)
            outcome = yield from self._command(session, "query")
            if _says(outcome, "final"):
                if not may_be_made:
                    raise TransportError(
                        f"{MEDIA_UPLOAD.id}: the server ended the upload before all was sent"
                    )
                made = _file_in(outcome)
                return made or (yield from perform(self._get, self._options))
            received = outcome.headers.get(_RECEIVED, "") if _says(outcome, "active") else ""
            if received.isdecimal() and int(received) <= self._sent:
                return int(received)

    def _read(self, offset: int, size: int, session: _Session | None = None) -> Steps[bytes]:
        """A piece of the source; if it ends too early, the session is given up."""
        size = min(size, self._source.size - offset)
        piece: bytes = yield Block(partial(self._source.read, offset, size))
        if len(piece) < size:
            if session is not None:
                yield from self._command(session, "cancel")
            raise _invalid(
                "file",
                f"has become shorter while it was uploaded: {offset + len(piece)} bytes instead "
                f"of {self._source.size}",
            )
        return piece

    @property
    def _get(self) -> Call[File]:
        return call(FILES_GET, name=self._wanted.name)

    def _made_before(self, content: bytes | None = None) -> Steps[File | None]:
        """The file that an attempt made whose reply was lost, None if there is none."""
        try:
            found: File = yield from perform(self._get, self._options)
        except APIError:  # Google answers 403 for a file that is absent
            return None
        compared = ("size_bytes", "display_name", "mime_type")
        same = all(getattr(found, name) == getattr(self._wanted, name) for name in compared)
        if content is not None and found.sha256_hash:
            digest = hashlib.sha256(content)
            # Google's server sends the hexadecimal form where its documentation says bytes.
            same &= found.sha256_hash in (digest.digest(), digest.hexdigest().encode())
        return found if same else None

    def _command(
        self, session: _Session, command: str, offset: int | None = None, piece: bytes = b""
    ) -> Steps[Any]:
        headers = {"x-goog-upload-command": command}
        if offset is not None:
            headers["x-goog-upload-offset"] = str(offset)
        return self._attempts.send(self._request(headers, piece, session.query, session.path))

    def _request(
        self,
        headers: Mapping[str, str],
        body: bytes,
        query: Sequence[tuple[str, str]] = (),
        path: str = MEDIA_UPLOAD.upload_path,
    ) -> HttpRequest:
        return HttpRequest("POST", path, query, headers, body, self._options.timeout)


def download(name: str, options: Options) -> Steps[bytes]:
    """Get the content of a file that the service made; see `Files.download`."""
    path, query = f"/v1beta/{name}:download", (("alt", "media"),)
    request = HttpRequest("GET", path, query, timeout=options.timeout)
    with Attempts("media.download", options) as attempts:
        while True:
            outcome: Outcome = yield from attempts.send(request)
            failure = failure_of(outcome, "media.download", name)
            if failure is None:
                assert isinstance(outcome, HttpResponse)
                attempts.refund()
                return outcome.body
            if not may_help(outcome):
                raise failure
            yield attempts.after(failure)


def _invalid(field: str, problem: str) -> InvalidArgument:
    return InvalidArgument(f"{field}: {problem}", field=field, method=MEDIA_UPLOAD.id)


def _failure(outcome: Outcome) -> RagkitError:
    """The error that an outcome is; a success that is not what the protocol says is one too."""
    return failure_of(outcome, MEDIA_UPLOAD.id) or TransportError(
        f"{MEDIA_UPLOAD.id}: the reply is malformed: {outcome!r:.200}"
    )


def _says(outcome: Outcome, upload_status: str) -> TypeGuard[HttpResponse]:
    """Whether a reply says that the upload has a status."""
    if isinstance(outcome, TransportError) or outcome.status >= 300:
        return False
    return outcome.headers.get("x-goog-upload-status", "").lower() == upload_status


def _file_in(outcome: Outcome) -> File | None:
    """The file in a reply, None if it has none."""
    if isinstance(outcome, TransportError) or outcome.status >= 300:
        return None
    try:
        return parse_response(MEDIA_UPLOAD, outcome.body).file
    except ValueError:
        return None


def _session_of(outcome: Outcome) -> _Session | None:
    """The session that a reply tells of, None if it does not.

    Of the URL only path and query are used: requests and credentials go where the client was told
    to send them, also behind a proxy that does not rewrite this header.
    """
    if isinstance(outcome, TransportError) or outcome.status >= 300:
        return None
    url = urlsplit(outcome.headers.get("x-goog-upload-url", ""))
    prefix, found, rest = url.path.partition(MEDIA_UPLOAD.upload_path)
    path = found + rest if found else prefix
    granularity = outcome.headers.get("x-goog-upload-chunk-granularity", "1")
    unit = int(granularity) if granularity.isdecimal() else 0
    if not path.startswith("/") or not 0 < unit <= LARGEST_GRANULARITY:
        return None
    query = tuple(parse_qsl(url.query, keep_blank_values=True))
    piece_size = max(unit, PIECE_SIZE // unit * unit)
    return _Session(quote(path, safe="/%:@!$&'()*+,;=~"), query, piece_size)
