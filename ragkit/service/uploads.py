"""media.upload: files that come over the upload path, in one request or in several.

Source: https://ai.google.dev/api/files, and what google-genai, google-api-python-client and curl
in Google's guides send. How an upload is to be read is told by `X-Goog-Upload-Protocol`, or by
the query parameter `upload_protocol` or `uploadType`:

- `raw` or `media`: the body is the file;
- `multipart`: a description in JSON, then the file (`ragkit.service.multipart`);
- `resumable`: several requests, in one of two dialects (`ragkit.service.upload_sessions`).
"""

from __future__ import annotations

from collections.abc import Iterable
from io import BytesIO
from typing import BinaryIO, Final

from ragkit.api.errors import InvalidArgument, NotFound
from ragkit.api.files import CreateFileRequest
from ragkit.api.methods import MEDIA_UPLOAD
from ragkit.api.wire import HttpRequest, HttpResponse
from ragkit.engine.store.media_records import NewFile
from ragkit.service.errors import to_api_error
from ragkit.service.file_resources import described_file
from ragkit.service.media_errors import translated
from ragkit.service.multipart import pieces_of, read_multipart
from ragkit.service.registry import Context
from ragkit.service.upload_requests import (
    JSON_HEADERS,
    UploadRequest,
    file_reply,
    read_metadata,
)
from ragkit.service.upload_sessions import (
    begin_by_commands,
    begin_by_ranges,
    carry_out_command,
    failure_headers,
    receive_range,
)

_PATHS: Final = (MEDIA_UPLOAD.upload_path, MEDIA_UPLOAD.upload_path.replace("v1beta", "v1"))
_ONE_REQUEST: Final = ("media", "raw")


def handle_upload(
    context: Context, request: HttpRequest, base_url: str, body: BinaryIO | None = None
) -> HttpResponse:
    """Carry out a request to the upload path.

    Arguments:
        context: who makes it.
        request: as it came; its own body counts only without `body`.
        base_url: where the caller reaches this service; upload URLs are made from it.
        body: what is uploaded, read once from where it stands. One that fails while it is read,
            or ends before Content-Length, ends the request; a resumable upload keeps what came.

    Returns:
        The reply. Nothing is raised.
    """
    upload = UploadRequest.of(context, request, base_url, body or BytesIO(request.body))
    try:
        with translated():
            return _handle(upload)
    except Exception as error:  # noqa: BLE001 - all there is becomes a reply
        refusal = to_api_error(error, MEDIA_UPLOAD.id)
        headers = {**JSON_HEADERS, **failure_headers(upload, refusal)}
        return HttpResponse(refusal.http_status, refusal.to_json(), headers)


def _handle(upload: UploadRequest) -> HttpResponse:
    commands = upload.commands
    if upload.path not in _PATHS or upload.verb not in ("POST", "PUT", "DELETE"):
        raise NotFound(
            f"there is no method at {upload.path[:200]!r} for {upload.verb}; files are uploaded "
            f"with POST to {MEDIA_UPLOAD.upload_path}"
        )
    if upload.upload_id:
        return carry_out_command(upload) if commands else receive_range(upload)
    if upload.verb == "DELETE":
        raise InvalidArgument("upload_id: required; it is part of the URL that an upload was given")
    protocol = upload.protocol
    if protocol == "resumable":
        return begin_by_commands(upload) if commands else begin_by_ranges(upload)
    if protocol == "multipart":
        return _multipart(upload)
    if protocol in _ONE_REQUEST:
        return _raw(upload)
    raise InvalidArgument(
        f"uploadType: {protocol[:50]!r} is not media, multipart or resumable; say it there, or "
        "send X-Goog-Upload-Protocol: raw, multipart or resumable",
        field="uploadType",
    )


def _raw(upload: UploadRequest) -> HttpResponse:
    mime_type = upload.content_type or upload.header("content-type")
    described = described_file(upload.context, CreateFileRequest(), mime_type, upload.file_name)
    return _created(upload, described, pieces_of(upload.body), upload.body.length)


def _multipart(upload: UploadRequest) -> HttpResponse:
    parts = read_multipart(upload.body, upload.header("content-type"))
    described = described_file(
        upload.context,
        read_metadata(parts.metadata, parts.metadata_type),
        upload.content_type or parts.content_type,
        upload.file_name or parts.file_name,
    )
    return _created(upload, described, parts.content, None)


def _created(
    upload: UploadRequest, described: NewFile, pieces: Iterable[bytes], size: int | None
) -> HttpResponse:
    record = upload.context.engine.media.create(described, pieces, size)
    return file_reply(upload, record)
