"""files.get, list and delete, media.upload without media, and files as parts of prompts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from typing import BinaryIO
from urllib.parse import unquote, urlsplit

from ragkit.api import limits, methods
from ragkit.api.common import Empty
from ragkit.api.errors import AlreadyExists, InvalidArgument, NotFound
from ragkit.api.files import (
    CreateFileRequest,
    CreateFileResponse,
    DeleteFileRequest,
    File,
    GetFileRequest,
    ListFilesRequest,
    ListFilesResponse,
)
from ragkit.engine.records import RowExistsError, RowNotFoundError
from ragkit.engine.store.media_records import FileOrigin, FileRecord
from ragkit.service.access import may_see, owner_of
from ragkit.service.file_resources import described_file, file_resource, split_file
from ragkit.service.media_errors import translated
from ragkit.service.paging import page
from ragkit.service.registry import Context, handles


@handles(methods.MEDIA_UPLOAD)
def create(context: Context, request: CreateFileRequest) -> CreateFileResponse:
    """Create an empty file from what is said of it: media come over the upload path."""
    with translated():
        record = context.engine.media.create(described_file(context, request), ())
    return CreateFileResponse(file=file_resource(record, context.base_url))


@handles(methods.FILES_GET)
def get(context: Context, request: GetFileRequest) -> File:
    """Return what is known of a file."""
    return file_resource(find_file(context, split_file(request.name)), context.base_url)


@handles(methods.FILES_LIST)
def list_(context: Context, request: ListFilesRequest) -> ListFilesResponse:
    """Return a page of the caller's files; the data folder's owner sees everybody's."""
    context.engine.media.sweep()
    owner = None if context.principal.is_owner else owner_of(context)
    rows, token = page(
        partial(context.engine.store.list_files, owner=owner),
        request.page_size,
        limits.FILES_PAGE,
        request.page_token,
        methods.FILES_LIST.id,
    )
    files = [file_resource(row, context.base_url) for row in rows]
    return ListFilesResponse(files=files, next_page_token=token)


@handles(methods.FILES_DELETE)
def delete(context: Context, request: DeleteFileRequest) -> Empty:
    """Delete a file."""
    context.engine.media.delete(find_file(context, split_file(request.name)).id)
    return Empty()


def find_file(context: Context, file_id: str) -> FileRecord:
    """A file that the caller may see. Raises RowNotFoundError for any other."""
    record = context.engine.store.get_file(file_id)
    if not may_see(context, record.owner):
        raise RowNotFoundError(f"files/{file_id}", f"files/{file_id} does not exist")
    return record


def file_of_uri(context: Context, uri: str, field: str = "fileUri") -> FileRecord:
    """The file that a `fileData` part refers to.

    Arguments:
        context: who refers to it.
        uri: a file's `uri`, under whatever host this service was reached, or its name.
        field: where it stands in the request.

    Raises:
        InvalidArgument: the text does not refer to a file of this service.
        NotFound: the file does not exist, has expired or is another's.
    """
    path = unquote(urlsplit(uri).path) if uri.isprintable() else ""
    before, slash, file_id = path.rpartition("files/")
    if not slash or before.strip("/") not in ("", "v1beta", "v1"):
        raise InvalidArgument(
            f"{field}: {uri[:200]!r} is not the URI of an uploaded file, which ends with "
            "/v1beta/files/ID; other addresses are not fetched",
            field=field,
        )
    try:
        return find_file(context, split_file(f"files/{file_id}", field))
    except RowNotFoundError as error:
        raise NotFound(
            f"{field}: {error} (any more); upload it again", resource=f"files/{file_id}"
        ) from None


def open_file(context: Context, uri: str, field: str = "fileUri") -> tuple[BinaryIO, FileRecord]:
    """The bytes of an uploaded file for reading, and what is known of it; to be closed.

    Arguments and errors are those of `file_of_uri`.
    """
    record = file_of_uri(context, uri, field)
    with translated():
        return context.engine.media.open(record), record


def file_bytes(context: Context, uri: str, field: str = "fileUri") -> tuple[bytes, str]:
    """An uploaded file's bytes, all of them in memory, and its MIME type.

    Arguments and errors are those of `file_of_uri`.
    """
    file, record = open_file(context, uri, field)
    with file:
        return file.read(), record.mime_type


def generated_file(
    context: Context, file_id: str, display_name: str, mime_type: str, pieces: Iterable[bytes]
) -> str:
    """Make a file of bytes that this service wrote, such as the responses of a batch.

    Arguments:
        context: whose file it is to be.
        file_id: its id. If there is such a file already, nothing is done: it is taken to have been
            made by an earlier attempt.
        display_name: its name for people.
        mime_type: its type.
        pieces: its bytes, read once.

    Returns:
        The file's name.

    Raises:
        AlreadyExists: the id is that of another's file.
        FailedPrecondition: there is no room for it.
    """
    name = f"files/{file_id}"
    file = File(name=name, display_name=display_name, mime_type=mime_type)
    new = replace(
        described_file(context, CreateFileRequest(file=file)), source=FileOrigin.GENERATED
    )
    try:
        with translated():
            context.engine.media.create(new, pieces)
    except RowExistsError as error:
        if not may_see(context, context.engine.store.get_file(file_id).owner):
            raise AlreadyExists(str(error), resource=name) from error
    return name
