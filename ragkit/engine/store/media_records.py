"""The rows of files, uploads and cached contents as plain values; see `ragkit.engine.records`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from ragkit.engine.records import EngineError


class FileOrigin(IntEnum):
    """Where a file comes from; the numbers are those of the API's `File.Source`."""

    UPLOADED = 1
    GENERATED = 2


@dataclass(frozen=True, slots=True)
class FileRecord:
    """One file. `sha256` is the digest's 32 bytes, `blob` names the content in the data folder."""

    key: int
    id: str
    owner: str
    display_name: str
    mime_type: str
    size_bytes: int
    sha256: bytes
    source: FileOrigin
    blob: str
    create_time: int
    update_time: int
    expire_time: int


@dataclass(frozen=True, slots=True)
class NewFile:
    """What is said of a file before there is one."""

    id: str
    owner: str
    display_name: str
    mime_type: str
    source: FileOrigin = FileOrigin.UPLOADED


@dataclass(frozen=True, slots=True)
class Content:
    """The bytes of a file, complete and on disk."""

    blob: str
    size_bytes: int
    sha256: bytes


@dataclass(frozen=True, slots=True)
class UploadRecord:
    """An upload in several requests.

    `size_bytes` is what was announced, None if nothing was; `received` bytes are surely on disk.
    A finished upload has made the file.
    """

    key: int
    file: NewFile
    size_bytes: int | None
    received: int
    finished: bool
    blob: str
    expire_time: int


@dataclass(frozen=True, slots=True)
class CachedContentRecord:
    """One cached content. `content` is JSON that the store does not look into."""

    key: int
    id: str
    owner: str
    display_name: str
    model: str
    token_count: int
    create_time: int
    update_time: int
    expire_time: int


class StorageFullError(EngineError):
    """The files together would take more room than is allowed."""
