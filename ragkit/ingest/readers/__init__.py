"""Readers: from a file's bytes to its text and structure.

`read` and `read_file` choose a reader by the file's suffix. Readers of further formats, or other
readers of these, come from entry points of the group `ragkit.readers`, named by the suffix they
are for (without its dot, in lower case), each a function like `read` below:

    [project.entry-points."ragkit.readers"]
    docx = "my_package.docx:read"

Nothing is imported before a file of that suffix is read.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path, PurePath
from typing import Protocol

from ragkit.ingest.errors import NoTextError, ReadError
from ragkit.ingest.readers.extracted import Block, BlockKind, Extracted, MetadataValue

__all__ = [
    "Block",
    "BlockKind",
    "Extracted",
    "MetadataValue",
    "Reader",
    "find_reader",
    "read",
    "read_file",
    "suffixes",
]

ENTRY_POINT_GROUP = "ragkit.readers"

_BUILT_IN: Mapping[str, str] = {
    **dict.fromkeys(("txt", "text", "log", "rst", "adoc", "asciidoc", "org"), "plain"),
    **dict.fromkeys(("md", "markdown"), "markdown"),
    **dict.fromkeys(("html", "htm", "xhtml"), "html"),
    "pdf": "pdf",
}


class Reader(Protocol):
    """What turns a file's bytes into text."""

    def __call__(self, data: bytes, *, name: str) -> Extracted:
        """Read a file.

        Args:
            data: The file's bytes.
            name: The file's name, for errors.

        Raises:
            ReadError: The file cannot be read; the message says why and what to do.
        """
        ...


def suffixes() -> frozenset[str]:
    """Return the suffixes that have a reader, each with its dot, in lower case."""
    return frozenset(f".{suffix}" for suffix in (*_BUILT_IN, *_plug_ins()))


def find_reader(name: str) -> Reader | None:
    """Return the reader for a file's name, a plug-in's before a built-in one; None without one.

    Raises:
        ReadError: The plug-in for this suffix cannot be loaded.
    """
    suffix = PurePath(name).suffix.lower().removeprefix(".")
    plug_in = _plug_ins().get(suffix)
    if plug_in is not None:
        return _load(plug_in, name)
    if suffix not in _BUILT_IN:
        return None
    reader: Reader = import_module(f"{__name__}.{_BUILT_IN[suffix]}").read
    return reader


def read(data: bytes, *, name: str) -> Extracted:
    """Read a file by its name's suffix; text of any other suffix as plain text.

    Args:
        data: The file's bytes.
        name: The file's name, which chooses the reader and stands in errors.

    Raises:
        NoTextError: There is no text in it.
        ReadError: It cannot be read; the message says why and what to do.
    """
    if not data:
        raise NoTextError(name, "is empty: there is nothing to ingest")
    reader = find_reader(name)
    if reader is None:
        from ragkit.ingest.readers import plain

        reader = plain.read
    try:
        extracted = reader(data, name=name)
    except ReadError:
        raise
    except Exception as error:  # of a reader that has met what nobody thought of
        raise ReadError(name, f"cannot be read: {type(error).__name__}: {error}") from error
    if not extracted.text.strip():
        raise NoTextError(name, "holds no text: there is nothing to ingest")
    return extracted


def read_file(path: Path) -> Extracted:
    """Read a file from disk, as `read` does.

    Raises:
        ReadError: As `read`, and when the file itself cannot be opened.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise ReadError(path, f"cannot be opened: {reason}") from error
    return read(data, name=str(path))


@cache
def _plug_ins() -> Mapping[str, EntryPoint]:
    found: dict[str, EntryPoint] = {}
    # Two plug-ins for one suffix: the same one wins on every machine.
    for entry in sorted(entry_points(group=ENTRY_POINT_GROUP), key=lambda entry: entry.value):
        found.setdefault(entry.name.lower().removeprefix("."), entry)
    return found


def _load(entry: EntryPoint, name: str) -> Reader:
    try:
        reader: Reader = entry.load()
    except Exception as error:  # a plug-in's import may raise anything
        package = entry.dist.name if entry.dist else entry.value
        raise ReadError(
            name, f"its reader {entry.value} (package {package}) does not load: {error}"
        ) from error
    return reader
