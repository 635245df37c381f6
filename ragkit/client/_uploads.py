"""Uploads of files, as one generator that both clients drive.

`upload` yields what is to be done (an HTTP request, a wait, or a piece of the source to be read)
and is sent what came of it. Little content goes in one request (multipart), more in pieces by
Google's resumable protocol: after a failure the server is asked how much it has, and the upload
goes on there. At any time one piece is in memory.

A file is never made twice. Starting a resumable upload makes none, so that it may be repeated, and
the server tells whether an upload is finished. A multipart request whose reply was lost is
repeated only if the caller gave the file a name: ALREADY_EXISTS then means that it went through.

Source: https://ai.google.dev/api/files and the X-Goog-Upload headers that google-genai sends.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final, TypeAlias

from ragkit.api.errors import (
    AlreadyExists,
    APIError,
    InvalidArgument,
    RagkitError,
    TransportError,
)
from ragkit.api.methods import MEDIA_UPLOAD
from ragkit.api.names import file_name
from ragkit.api.wire import HttpRequest, HttpResponse
from ragkit.client._budget import RetryBudget
from ragkit.client._retry import RetryPolicy, Wait
from ragkit.client._upload_replies import (
    Attempts,
    Session,
    accepted,
    failure_of,
    file_in,
    retryable,
    session_of,
    surely_not_done,
    unexpected,
)
from ragkit.client._upload_sources import UploadSource
from ragkit.client._upload_steps import ReadPiece, Steps

if TYPE_CHECKING:
    from ragkit.api.files import File

MULTIPART_LIMIT: Final = 8 * 1024 * 1024
"""Content of fewer bytes goes in one request."""
_MIME_TYPE = re.compile(r"[\w!#$&^.+-]+/[\w!#$&^.+-]+(\s*;\s*[\w-]+=[\w\"!#$&^.+-]+)*", re.ASCII)

Progress: TypeAlias = Callable[[int, int | None], None]
"""Told the bytes that the server has and the bytes in all, None while that is not known."""


def upload(
    source: UploadSource,
    *,
    name: str | None = None,
    display_name: str | None = None,
    mime_type: str | None = None,
    policy: RetryPolicy,
    timeout: float | None = None,
    progress: Progress | None = None,
    endpoint: str = "",
    budget: RetryBudget | None = None,
) -> Steps[File]:
    """Upload a file.

    Args:
        source: the bytes; of a file that grows meanwhile, as many as there were at the beginning.
        name: an id or `files/ID`; without one, the server makes one.
        display_name: for people; by default the source's file name.
        mime_type: by default the source's, guessed from its file name.
        policy: how often and how long to try; attempts and deadline count anew whenever the
            server has received more.
        timeout: seconds to wait for one reply, None for the transport's default.
        progress: called at the beginning and whenever the server has received more; an exception
            in it ends the upload.
        endpoint: where the upload goes: a URL, or a text for people.
        budget: the client's budget of retries, None for one of this upload's own.

    Returns:
        The file as the server describes it, maybe still PROCESSING.

    Raises:
        APIError: the API's answer was an error, and trying again was not safe or did not help.
        TransportError: no reply arrived, likewise; or the upload of a file without a name was
            completed, but the reply that tells the name was lost (files.list shows it).
        InvalidArgument: an argument is wrong, or the source has become shorter meanwhile.
    """
    attempts = Attempts(policy, endpoint, budget)
    try:
        job = _Job(source, name, display_name, mime_type, attempts, timeout, progress)
        file = yield from job.steps()
    except BaseException as error:
        attempts.observation.finish(error)
        raise
    attempts.observation.finish()
    attempts.renew()
    return file


class _Job:
    """One upload."""

    def __init__(
        self,
        source: UploadSource,
        name: str | None,
        display_name: str | None,
        mime_type: str | None,
        attempts: Attempts,
        timeout: float | None,
        progress: Progress | None,
    ) -> None:
        from ragkit.api.files import CreateFileRequest, File

        self._source = source
        self._size = source.size
        self._name = file_name(name) if name else ""
        self._display_name = source.file_name[:512] if display_name is None else display_name
        self._mime_type = source.mime_type if mime_type is None else mime_type
        if not _MIME_TYPE.fullmatch(self._mime_type):
            raise InvalidArgument(
                f"mimeType: {self._mime_type[:80]!r} is not of the form type/subtype",
                field="mimeType",
                method=MEDIA_UPLOAD.id,
            )
        file = File(name=self._name, display_name=self._display_name)
        try:
            self._metadata = CreateFileRequest(file=file).to_json()
        except ValueError:
            raise InvalidArgument(
                "file: name and displayName must be valid Unicode (no lone surrogates)",
                field="file",
                method=MEDIA_UPLOAD.id,
            ) from None
        self._timeout = timeout
        self._attempts = attempts
        self._report = progress or (lambda sent, total: None)
        self._report(0, self._size)

    def steps(self) -> Steps[File]:
        """Send the source in the way that is right for its size."""
        size = self._size
        if size is None or size < MULTIPART_LIMIT:
            content = yield from self._read(0, MULTIPART_LIMIT if size is None else size)
            if len(content) < MULTIPART_LIMIT:
                file = yield from self._multipart(content)
                self._report(len(content), len(content))
                return file
            del content
        return (yield from self._resumable())

    def _multipart(self, content: bytes) -> Steps[File]:
        """Send everything in one request."""
        boundary = f"ragkit-{secrets.token_hex(16)}"
        head = (
            f"--{boundary}\r\nContent-Type: application/json; charset=UTF-8\r\n\r\n".encode()
            + self._metadata
            + f"\r\n--{boundary}\r\nContent-Type: {self._mime_type}\r\n\r\n".encode()
        )
        request = HttpRequest(
            "POST",
            MEDIA_UPLOAD.upload_path,
            (("uploadType", "multipart"),),
            {"content-type": f"multipart/related; boundary={boundary}"},
            b"".join((head, content, f"\r\n--{boundary}--\r\n".encode())),
            self._timeout,
        )
        may_have_happened = False
        while True:
            outcome = yield from self._attempts.send(request)
            failure = failure_of(outcome)
            if failure is None:
                file = file_in(outcome)
                if file is not None:
                    return file
                failure = TransportError(f"{MEDIA_UPLOAD.id}: the reply is malformed")
            elif may_have_happened and isinstance(failure, AlreadyExists):
                file = yield from self._made_before(len(content), content)
                if file is not None:
                    return file
            refused = surely_not_done(outcome)
            if not refused and not (self._name and retryable(outcome)):
                raise failure
            may_have_happened |= not refused
            yield self._attempts.after(failure, outcome)

    def _resumable(self) -> Steps[File]:
        """Send piece by piece, going on after failures where the server says."""
        session = yield from self._start()
        offset = furthest = sent = 0
        may_be_complete = False
        while True:
            size = session.piece_size
            if self._size is not None:
                size = min(size, self._size - offset)
            piece = yield from self._read(offset, size, session)
            end = offset + len(piece)
            sent = max(sent, end)
            last = end == self._size if self._size is not None else len(piece) < size
            outcome = yield from self._send_piece(session, offset, piece, last)
            del piece  # before the next one is read
            file = file_in(outcome) if last and accepted(outcome, "final") else None
            received: int | File
            if file is not None:
                received = file
            elif not last and accepted(outcome, "active"):
                received = end
            else:
                failure = failure_of(outcome) or unexpected(outcome)
                if retryable(outcome):
                    may_be_complete |= last
                    wait = self._attempts.after(failure, outcome)
                    received = yield from self._ask(session, wait, sent, may_be_complete)
                else:
                    received = yield from self._made_or_raise(failure, may_be_complete, sent)
            if not isinstance(received, int):
                self._report(sent, sent)
                return received
            offset = received
            if offset > furthest:
                furthest = offset
                self._attempts.renew()
                self._report(offset, self._size)

    def _read(self, offset: int, size: int, session: Session | None = None) -> Steps[bytes]:
        """A piece of the source; if it ends too early, the session is given up."""
        piece = yield ReadPiece(offset, size)
        assert isinstance(piece, bytes), "a read gives bytes"
        if self._size is None or len(piece) == size:
            return piece
        if session is not None:
            yield self._request(session, "cancel")
        raise InvalidArgument(
            f"file: has become shorter while it was uploaded: {offset + len(piece)} bytes instead "
            f"of {self._size}",
            field="file",
            method=MEDIA_UPLOAD.id,
        )

    def _start(self) -> Steps[Session]:
        """Begin a resumable upload. This makes no file, so that it may be repeated."""
        headers = {
            "content-type": "application/json",
            "x-goog-upload-protocol": "resumable",
            "x-goog-upload-command": "start",
            "x-goog-upload-header-content-type": self._mime_type,
        }
        if self._size is not None:
            headers["x-goog-upload-header-content-length"] = str(self._size)
        request = HttpRequest(
            "POST", MEDIA_UPLOAD.upload_path, (), headers, self._metadata, self._timeout
        )
        while True:
            outcome = yield from self._attempts.send(request)
            failure = failure_of(outcome)
            if failure is None:
                assert isinstance(outcome, HttpResponse)
                session = session_of(outcome.headers)
                if session is not None:
                    self._attempts.renew()
                    return session
                failure = unexpected(outcome)
            if not retryable(outcome):
                raise failure
            yield self._attempts.after(failure, outcome)

    def _ask(
        self, session: Session, wait: Wait, sent: int, may_be_complete: bool
    ) -> Steps[int | File]:
        """How many bytes the server has, or the file if the upload is finished."""
        while True:
            yield wait
            outcome = yield from self._attempts.send(self._request(session, "query"))
            failure = failure_of(outcome)
            if failure is None and accepted(outcome, "final"):
                if not may_be_complete:
                    raise TransportError(
                        f"{MEDIA_UPLOAD.id}: the server ended the upload before all was sent"
                    )
                return (yield from self._finished(outcome))
            if failure is None and accepted(outcome, "active"):
                assert isinstance(outcome, HttpResponse)
                received = outcome.headers.get("x-goog-upload-size-received", "")
                if received.isdecimal() and int(received) <= sent:
                    return int(received)
            failure = failure or unexpected(outcome)
            if not retryable(outcome):
                return (yield from self._made_or_raise(failure, may_be_complete, sent))
            wait = self._attempts.after(failure, outcome)

    def _finished(self, outcome: HttpResponse | TransportError) -> Steps[File]:
        """The file of a finished upload whose reply was lost."""
        file = file_in(outcome)
        if file is not None:
            return file
        if self._name:
            return (yield from self._attempts.get(self._name, self._timeout))
        raise TransportError(
            f"{MEDIA_UPLOAD.id}: the upload was completed, but the reply that tells the file's "
            f"name was lost; look in files.list for {self._display_name!r}, or give a name"
        )

    def _made_or_raise(
        self, failure: RagkitError, may_have_happened: bool, size: int
    ) -> Steps[File]:
        """The file that an earlier attempt made; without one, the failure is raised."""
        if may_have_happened and isinstance(failure, APIError):
            file = yield from self._made_before(size)
            if file is not None:
                return file
        raise failure

    def _made_before(self, size: int, content: bytes | None = None) -> Steps[File | None]:
        """The file under the given name, None if it is not what was sent."""
        if not self._name:
            return None
        try:
            found = yield from self._attempts.get(self._name, self._timeout)
        except APIError:  # Google answers 403 for a file that is absent
            return None
        same = (found.size_bytes, found.display_name, found.mime_type) == (
            size,
            self._display_name,
            self._mime_type,
        )
        if content is not None and found.sha256_hash:
            digest = hashlib.sha256(content)
            # Google's server sends the hexadecimal form where its documentation says bytes.
            same &= found.sha256_hash in (digest.digest(), digest.hexdigest().encode())
        return found if same else None

    def _send_piece(
        self, session: Session, offset: int, piece: bytes, last: bool
    ) -> Steps[HttpResponse | TransportError]:
        command = "upload"
        if last:
            command = "upload, finalize" if piece else "finalize"
        headers = {"x-goog-upload-offset": str(offset)}
        return self._attempts.send(self._request(session, command, headers, piece))

    def _request(
        self,
        session: Session,
        command: str,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
    ) -> HttpRequest:
        headers = {"x-goog-upload-command": command, **(headers or {})}
        return HttpRequest("POST", session.path, session.query, headers, body, self._timeout)
