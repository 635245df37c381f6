"""Files: media uploaded for use in prompts."""

from __future__ import annotations

from typing import ClassVar

from ragkit.api.base import (
    Duration,
    Int32,
    Int64,
    OneofModel,
    ProtoBytes,
    ProtoEnum,
    ProtoModel,
    Timestamp,
)
from ragkit.api.operations import Status


class FileState(ProtoEnum):
    """Whether a file can be used; only active files can."""

    STATE_UNSPECIFIED = 0
    PROCESSING = 1
    ACTIVE = 2
    FAILED = 10


class FileSource(ProtoEnum):
    """Where a file comes from."""

    SOURCE_UNSPECIFIED = 0
    UPLOADED = 1
    GENERATED = 2
    REGISTERED = 3


class VideoFileMetadata(ProtoModel):
    """How long a video is."""

    video_duration: Duration | None = None


class File(OneofModel):
    """An uploaded file.

    A caller may give `name` (`files/ID`, an id of at most 40 lowercase letters, digits and inner
    dashes) and `display_name` (at most 512 characters); the rest is for the server to say.
    """

    ONEOFS: ClassVar = {"metadata": ("video_metadata",)}

    name: str = ""
    display_name: str = ""
    mime_type: str = ""
    size_bytes: Int64 = 0
    create_time: Timestamp | None = None
    update_time: Timestamp | None = None
    expiration_time: Timestamp | None = None
    sha256_hash: ProtoBytes = b""
    uri: str = ""
    download_uri: str = ""
    state: FileState = FileState.STATE_UNSPECIFIED
    source: FileSource = FileSource.SOURCE_UNSPECIFIED
    error: Status | None = None
    video_metadata: VideoFileMetadata | None = None


class CreateFileRequest(ProtoModel):
    """media.upload: what is said of the file; its bytes travel beside this message."""

    file: File | None = None


class CreateFileResponse(ProtoModel):
    """The file that was made."""

    file: File | None = None


class GetFileRequest(ProtoModel):
    """files.get."""

    name: str = ""


class ListFilesRequest(ProtoModel):
    """files.list: 10 to a page, at most 100."""

    page_size: Int32 = 0
    page_token: str = ""


class ListFilesResponse(ProtoModel):
    """A page of files."""

    files: list[File] = []
    next_page_token: str = ""


class DeleteFileRequest(ProtoModel):
    """files.delete."""

    name: str = ""
