"""Uploads in several requests, in the two dialects in which clients speak.

By commands (google-genai, ragkit): `X-Goog-Upload-Command: start` gives a URL, to which `upload`,
`upload, finalize`, `finalize`, `query` and `cancel` go with `X-Goog-Upload-Offset`.

By ranges (google-api-python-client, as in RFC 9110, section 14.4): a POST gives a `Location`, to
which PUTs with `Content-Range` go; all but the last are answered by 308 and the `Range` received.

Both act on the same uploads. What is kept of one is in the store and on disk, so that any process
over the data folder can go on with it, and each request may be repeated.
"""

from __future__ import annotations

import re
from typing import Final

from ragkit.api.errors import APIError, FailedPrecondition, InvalidArgument, NotFound
from ragkit.api.methods import MEDIA_UPLOAD
from ragkit.api.wire import HttpResponse
from ragkit.engine.records import RowNotFoundError
from ragkit.engine.store.media_records import UploadRecord
from ragkit.engine.upload_rules import UploadMismatchError
from ragkit.service.access import may_see
from ragkit.service.file_resources import described_file
from ragkit.service.multipart import pieces_of
from ragkit.service.upload_requests import JSON_HEADERS, UploadRequest, file_reply

GRANULARITY: Final = 256 * 1024
"""Pieces of an upload by commands, the last one excepted, are multiples of so many bytes."""

_COMMANDS: Final = ({"upload"}, {"upload", "finalize"}, {"finalize"}, {"query"}, {"cancel"})
_RANGE = re.compile(r"bytes[ =](?:(\d{1,18})-(\d{1,18}|-1)|\*)/(\d{1,18}|\*)", re.ASCII)
_RESUME_INCOMPLETE: Final = 308


def begin_by_commands(upload: UploadRequest) -> HttpResponse:
    """Begin an upload by commands."""
    if upload.commands != {"start"}:
        raise InvalidArgument(
            "X-Goog-Upload-Command: an upload begins with 'start'; later commands go to the URL "
            "of its reply's X-Goog-Upload-URL",
            field="X-Goog-Upload-Command",
        )
    url = _begin(upload, upload.size_header("x-goog-upload-header-content-length"))
    headers = {
        "x-goog-upload-url": url,
        "x-goog-upload-control-url": url,
        "x-goog-upload-chunk-granularity": str(GRANULARITY),
        "x-goog-upload-status": "active",
    }
    return HttpResponse(200, b"", headers)


def begin_by_ranges(upload: UploadRequest) -> HttpResponse:
    """Begin an upload by ranges."""
    url = _begin(upload, upload.size_header("x-upload-content-length"))
    return HttpResponse(200, b"", {"location": url})


def carry_out_command(upload: UploadRequest) -> HttpResponse:
    """Carry out a command on an upload that was begun, in whichever dialect."""
    commands = upload.commands
    if commands not in _COMMANDS:
        raise InvalidArgument(
            f"X-Goog-Upload-Command: {', '.join(sorted(commands))[:80]!r} is not 'upload', "
            "'upload, finalize', 'finalize', 'query' or 'cancel'",
            field="X-Goog-Upload-Command",
        )
    record = _found(upload)
    if "cancel" in commands:
        return _cancelled(upload, record)
    if "query" in commands:
        return _command_reply(upload, record)
    last = "finalize" in commands
    offset = upload.size_header("x-goog-upload-offset")
    if "upload" not in commands:
        if upload.body.read(1):
            raise InvalidArgument("'finalize' alone takes no bytes; 'upload, finalize' does")
        offset = record.received if offset is None else offset
    if offset is None:
        raise InvalidArgument(
            "X-Goog-Upload-Offset: required; where in the file the bytes stand",
            field="X-Goog-Upload-Offset",
        )
    if not last and (upload.body.length or 0) % GRANULARITY:
        raise InvalidArgument(
            f"a piece that is not the last has a multiple of {GRANULARITY:,} bytes, not "
            f"{upload.body.length:,}"
        )
    return _command_reply(upload, _receive(upload, offset, None, last))


def receive_range(upload: UploadRequest) -> HttpResponse:
    """Take a range of an upload's bytes, or say which it has."""
    record = _found(upload)
    if upload.verb == "DELETE":
        return _cancelled(upload, record)
    said = upload.header("content-range")
    if not said:  # all of it at once
        size = upload.body.length
        return _range_reply(upload, _receive(upload, 0, size, last=True))
    found = _RANGE.fullmatch(said)
    if found is None:
        raise _wrong_range(said, "is not of the form 'bytes FIRST-LAST/SIZE' or 'bytes */SIZE'")
    size = None if found[3] == "*" else int(found[3])
    if found[1] is None:
        if upload.body.read(1):
            raise _wrong_range(said, "asks how much was received, and comes without bytes")
        if size is not None and size == record.received:
            record = _receive(upload, size, size, last=True)
        return _range_reply(upload, record)
    first, end = int(found[1]), int(found[2]) + 1
    if end < first or (upload.body.length is not None and upload.body.length != end - first):
        raise _wrong_range(said, f"does not fit the {upload.body.length} bytes of the body")
    if size is not None and end > size:
        raise _wrong_range(said, "ends beyond the size that it tells")
    return _range_reply(upload, _receive(upload, first, size, last=end == size))


def failure_headers(upload: UploadRequest, error: APIError) -> dict[str, str]:
    """What a reply that is an error tells of how far an upload has come.

    Arguments:
        upload: the request that failed.
        error: why.
    """
    mismatch = error.__cause__
    if not isinstance(mismatch, UploadMismatchError):
        return {}
    if upload.commands:
        return {
            "x-goog-upload-status": "active",
            "x-goog-upload-size-received": str(mismatch.received),
        }
    return _received_range(mismatch.received)


def _begin(upload: UploadRequest, size: int | None) -> str:
    """Begin an upload and return the URL to go on with."""
    described = described_file(
        upload.context, upload.description(), upload.content_type, upload.file_name
    )
    upload_id = upload.context.engine.media.begin(described, size)
    return (
        f"{upload.base_url}{MEDIA_UPLOAD.upload_path}"
        f"?uploadType=resumable&upload_protocol=resumable&upload_id={upload_id}"
    )


def _found(upload: UploadRequest) -> UploadRecord:
    """The upload that a request goes on with, if it is the caller's."""
    try:
        record = upload.context.engine.store.get_upload(upload.upload_id)
    except RowNotFoundError:
        raise _no_upload() from None
    if not may_see(upload.context, record.file.owner):
        raise _no_upload()
    return record


def _receive(upload: UploadRequest, offset: int, size: int | None, last: bool) -> UploadRecord:
    try:
        return upload.context.engine.media.receive(
            upload.upload_id, offset, pieces_of(upload.body), size_bytes=size, last=last
        )
    except RowNotFoundError as error:
        if error.resource.startswith("files/"):
            raise
        raise _no_upload() from error


def _command_reply(upload: UploadRequest, record: UploadRecord) -> HttpResponse:
    headers = {
        "x-goog-upload-status": "final" if record.finished else "active",
        "x-goog-upload-size-received": str(record.received),
        "x-goog-upload-chunk-granularity": str(GRANULARITY),
    }
    if not record.finished:
        return HttpResponse(200, b"", headers)
    return file_reply(upload, upload.context.engine.store.get_file(record.file.id), headers)


def _range_reply(upload: UploadRequest, record: UploadRecord) -> HttpResponse:
    if not record.finished:
        return HttpResponse(_RESUME_INCOMPLETE, b"", _received_range(record.received))
    return file_reply(upload, upload.context.engine.store.get_file(record.file.id))


def _received_range(received: int) -> dict[str, str]:
    """The range that was received; for no bytes there is none."""
    return {"range": f"bytes=0-{received - 1}"} if received else {}


def _cancelled(upload: UploadRequest, record: UploadRecord) -> HttpResponse:
    if not upload.context.engine.media.cancel(record):
        raise FailedPrecondition(
            f"the upload is finished; files.delete deletes files/{record.file.id}",
            resource=f"files/{record.file.id}",
        )
    return HttpResponse(200, b"{}", {**JSON_HEADERS, "x-goog-upload-status": "cancelled"})


def _no_upload() -> NotFound:
    return NotFound(
        "upload_id: there is no such upload; it was given up, has expired or is another's. Begin "
        "again"
    )


def _wrong_range(said: str, problem: str) -> InvalidArgument:
    return InvalidArgument(f"Content-Range: {said[:80]!r} {problem}", field="Content-Range")
