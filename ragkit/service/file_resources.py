"""Files as the API shows them, and what a request says of a file to make."""

from __future__ import annotations

import mimetypes
import re
from pathlib import PurePath
from typing import Final

from ragkit.api.errors import InvalidArgument
from ragkit.api.files import CreateFileRequest, File, FileSource, FileState
from ragkit.api.names import check_id
from ragkit.engine.store.media_records import FileOrigin, FileRecord, NewFile
from ragkit.service.access import owner_of
from ragkit.service.naming import random_id
from ragkit.service.registry import Context
from ragkit.service.resources import to_datetime
from ragkit.service.values import check_display_name

_UNKNOWN_TYPE: Final = "application/octet-stream"
_MIME_TYPE = re.compile(
    r"[\w!#$&^.+-]+/[\w!#$&^.+-]+(\s*;\s*[\w-]+=[\w\"!#$&'^.:/+ -]+)*", re.ASCII
)
_MAX_MIME_LENGTH: Final = 255
_MORE_TYPES: Final = {".jsonl": "application/jsonl", ".md": "text/markdown"}


def file_resource(record: FileRecord, base_url: str) -> File:
    """A file as the API shows it.

    Arguments:
        record: the file's row.
        base_url: where the caller reaches the service; "" gives a URI without scheme and host.
    """
    return File(
        name=f"files/{record.id}",
        display_name=record.display_name,
        mime_type=record.mime_type,
        size_bytes=record.size_bytes,
        create_time=to_datetime(record.create_time),
        update_time=to_datetime(record.update_time),
        expiration_time=to_datetime(record.expire_time),
        sha256_hash=record.sha256,
        uri=f"{base_url}/v1beta/files/{record.id}",
        download_uri=_download_uri(record, base_url),
        state=FileState.ACTIVE,
        source=FileSource(int(record.source)),
    )


def _download_uri(record: FileRecord, base_url: str) -> str:
    """Where the bytes of a file can be had, "" for one that was uploaded."""
    generated = record.source is FileOrigin.GENERATED
    return f"{base_url}/v1beta/files/{record.id}:download?alt=media" if generated else ""


def described_file(
    context: Context, request: CreateFileRequest, mime_type: str = "", file_name: str = ""
) -> NewFile:
    """What a request says of the file to make, checked and completed.

    Arguments:
        context: who makes it.
        request: the description.
        mime_type: the type that its bytes are said to have, which wins over the description's.
        file_name: what it is called where it comes from; its type is guessed from that.

    Raises:
        InvalidArgument: a name, display name or MIME type cannot be.
    """
    file = request.file or File()
    display_name = check_display_name(file.display_name, "file.displayName")
    given = mime_type.strip() or file.mime_type.strip()
    return NewFile(
        id=split_file(file.name, "file.name") if file.name else random_id(),
        owner=owner_of(context),
        display_name=display_name,
        mime_type=_checked_type(given) if given else _guessed_type(file_name or display_name),
    )


def split_file(name: str, field: str = "name") -> str:
    """The id in `files/*`. Raises InvalidArgument for any other form."""
    collection, _, file_id = name.partition("/")
    if collection != "files":
        raise InvalidArgument(f"{field}: {name[:200]!r} is not of the form files/*", field=field)
    return check_id(file_id, field)


def _checked_type(mime_type: str) -> str:
    if len(mime_type) > _MAX_MIME_LENGTH or not _MIME_TYPE.fullmatch(mime_type):
        raise InvalidArgument(
            f"file.mimeType: {mime_type[:80]!r} is not of the form type/subtype",
            field="file.mimeType",
        )
    return mime_type


def _guessed_type(name: str) -> str:
    more = _MORE_TYPES.get(PurePath(name).suffix.lower())
    if more is not None:
        return more
    kind, encoding = mimetypes.guess_type(PurePath(name).name)
    return kind if kind and encoding is None else _UNKNOWN_TYPE
