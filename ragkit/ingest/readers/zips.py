"""ZIP files from anywhere: opened with bounds on what they may unpack to, never onto the disk.

`zipfile` reads no more of a member than its directory entry declares, so bounds on what is
declared are bounds on what is read.
"""

from __future__ import annotations

import zipfile
import zlib
from io import BytesIO
from typing import IO

from ragkit.ingest.errors import ReadError

MAX_RATIO = 200
"""Times its size that a file may unpack to; text and tables reach a tenth to half of that."""

SMALL = 16 << 20
"""Bytes up to which a ratio proves nothing: this much is no bomb."""

MAX_DOCUMENT = 512 << 20
"""Bytes that an office document or book may unpack to."""

MAX_PART = 128 << 20
"""Bytes of one part of markup in it; a parsed tree takes several times as much."""

MAX_PARTS = 20_000
"""Parts of an office document or book."""

_METHODS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2})
"""Methods whose memory is bounded: LZMA's is what the file asks for."""

ZIP_ERRORS = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    OSError,
    ValueError,
    RuntimeError,
    NotImplementedError,
    KeyError,
)
"""What `zipfile` raises on damaged files."""


def open_document(data: bytes, name: str, what: str) -> zipfile.ZipFile:
    """Open a document that is a ZIP file (office formats, EPUB).

    Args:
        data: The file's bytes.
        name: The file's name, for errors.
        what: What it should be, with its article, for errors.

    Raises:
        ReadError: It is none, is encrypted, or would unpack to more than the bounds here.
    """
    if data.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"):
        raise ReadError(
            name,
            "is encrypted or in an old office format: remove its password, or save it in the "
            "present format",
        )
    archive = open_zip(BytesIO(data), name, what)
    entries = archive.infolist()
    if len(entries) > MAX_PARTS:
        raise ReadError(name, f"has {len(entries)} parts, more than the {MAX_PARTS} allowed")
    if any(entry.flag_bits & 0x1 for entry in entries):
        raise ReadError(name, "is encrypted: remove its password")
    total = sum(entry.file_size for entry in entries)
    if total > MAX_DOCUMENT:
        raise ReadError(
            name,
            f"would unpack to {total >> 20} MiB, more than the {MAX_DOCUMENT >> 20} allowed "
            "(a decompression bomb?)",
        )
    for entry in entries:
        markup = entry.filename.lower().endswith((".xml", ".rels", ".xhtml", ".html", ".htm"))
        reason = too_big(entry, MAX_PART if markup else MAX_DOCUMENT)
        if reason is not None:
            raise ReadError(name, f"{reason} (its part {entry.filename[:200]!r})")
    return archive


def open_zip(file: IO[bytes], name: str, what: str) -> zipfile.ZipFile:
    """Open a ZIP file.

    Raises:
        ReadError: It is none, or damaged.
    """
    try:
        return zipfile.ZipFile(file)
    except ZIP_ERRORS as error:
        raise ReadError(name, f"is damaged or not {what}: {error}") from error


def too_big(entry: zipfile.ZipInfo, most: int) -> str | None:
    """Return why a member should not be unpacked; None when it may be.

    Args:
        entry: The member.
        most: Bytes that it may unpack to.
    """
    if entry.file_size > most:
        return f"would unpack to {entry.file_size >> 20} MiB, more than the {most >> 20} allowed"
    if entry.file_size > SMALL and entry.file_size > MAX_RATIO * max(entry.compress_size, 1):
        return f"would unpack to over {MAX_RATIO} times its size (a decompression bomb?)"
    if entry.compress_type not in _METHODS:
        return f"is compressed by a method that is not read ({entry.compress_type})"
    return None


def read_part(archive: zipfile.ZipFile, part: str, name: str) -> bytes | None:
    """Return a part's bytes; None when there is none of that name.

    Raises:
        ReadError: It is damaged.
    """
    try:
        entry = archive.getinfo(part)
    except KeyError:
        return None
    try:
        return archive.read(entry)
    except ZIP_ERRORS as error:
        raise ReadError(name, f"is damaged: its part {part[:200]!r} cannot be read: {error}") from (
            error
        )
