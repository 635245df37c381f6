"""Readers: from a file's bytes to its text and structure.

`read` and `read_file` choose a reader by the file's suffix. Readers of further formats, or other
readers of these, come from entry points of the group `ragkit.readers`, named by the suffix they
are for (without its dot, in lower case), each a function like `read` below:

    [project.entry-points."ragkit.readers"]
    docx = "my_package.docx:read"

Nothing is imported before a file of that suffix is read. Libraries that only some people need are
extras; a file that needs one which is missing fails with a message that names the extra.

Archives are no documents and have no reader: `ragkit.ingest.readers.archives` gives their members.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, partial
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path, PurePath
from typing import Protocol, cast

from ragkit.ingest.errors import NoTextError, ReadError
from ragkit.ingest.readers.extracted import Block, BlockKind, Extracted, MetadataValue
from ragkit.ingest.readers.options import ReadOptions

__all__ = [
    "Block",
    "BlockKind",
    "Extracted",
    "MetadataValue",
    "ReadOptions",
    "Reader",
    "find_reader",
    "read",
    "read_file",
    "suffixes",
]

ENTRY_POINT_GROUP = "ragkit.readers"

_CODE = (
    *("py", "pyi", "pyw", "js", "mjs", "cjs", "jsx", "ts", "mts", "cts", "tsx", "c", "h", "cc"),
    *("cpp", "cxx", "hh", "hpp", "hxx", "java", "cs", "go", "rs", "kt", "kts", "swift", "scala"),
    *("dart", "php", "rb", "sh", "bash", "zsh", "r", "jl", "pl", "pm", "lua", "sql", "hs"),
)

_BUILT_IN: Mapping[str, str] = {
    **dict.fromkeys(("txt", "text", "log", "adoc", "asciidoc", "org"), "plain"),
    **dict.fromkeys(("md", "markdown"), "markdown"),
    **dict.fromkeys(("rst", "rest"), "rst"),
    **dict.fromkeys(("html", "htm", "xhtml"), "html"),
    "pdf": "pdf",
    **dict.fromkeys(("docx", "docm"), "docx"),
    **dict.fromkeys(("pptx", "pptm", "ppsx"), "pptx"),
    **dict.fromkeys(("xlsx", "xlsm"), "xlsx"),
    "epub": "epub",
    **dict.fromkeys(("csv", "tsv", "tab"), "delimited"),
    **dict.fromkeys(("json", "jsonl", "ndjson"), "json_data"),
    "ipynb": "notebook",
    **dict.fromkeys(("eml", "mbox"), "mail"),
    **dict.fromkeys(("srt", "vtt"), "subtitles"),
    **dict.fromkeys(_CODE, "code"),
}

_WITH_OPTIONS = frozenset({"pdf", "mail"})
"""Readers that take `options`."""


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


def find_reader(name: str, options: ReadOptions | None = None) -> Reader | None:
    """Return the reader for a file's name, a plug-in's before a built-in one; None without one.

    Args:
        name: The file's name or path.
        options: What the reader is told, where it is a built-in one.

    Raises:
        ReadError: The plug-in for this suffix cannot be loaded.
    """
    suffix = PurePath(name).suffix.lower().removeprefix(".")
    plug_in = _plug_ins().get(suffix)
    if plug_in is not None:
        return _load(plug_in, name)
    if suffix not in _BUILT_IN:
        return None
    reader = import_module(f"{__name__}.{_BUILT_IN[suffix]}").read
    if options is not None and _BUILT_IN[suffix] in _WITH_OPTIONS:
        reader = partial(reader, options=options)
    return cast("Reader", reader)


def read(data: bytes, *, name: str, options: ReadOptions | None = None) -> Extracted:
    """Read a file by its name's suffix; text of any other suffix as plain text.

    Args:
        data: The file's bytes.
        name: The file's name, which chooses the reader and stands in errors.
        options: What the reader is told: passwords, OCR.

    Raises:
        NoTextError: There is no text in it.
        ReadError: It cannot be read; the message says why and what to do.
    """
    if not data:
        raise NoTextError(name, "is empty: there is nothing to ingest")
    reader = find_reader(name, options)
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


def read_file(path: Path, *, options: ReadOptions | None = None) -> Extracted:
    """Read a file from disk, as `read` does.

    Raises:
        ReadError: As `read`, and when the file itself cannot be opened.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise ReadError(path, f"cannot be opened: {reason}") from error
    return read(data, name=str(path), options=options)


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
