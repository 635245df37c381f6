"""EPUB: a book's chapters in its reading order, each read as HTML."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import unquote
from xml.etree import ElementTree
from zipfile import ZipFile

from ragkit.ingest.errors import ReadError
from ragkit.ingest.readers.building import Builder
from ragkit.ingest.readers.extracted import Extracted, MetadataValue
from ragkit.ingest.readers.normal import clean
from ragkit.ingest.readers.zips import open_document, read_part

_CONTAINER = "META-INF/container.xml"
_ENCRYPTION = "META-INF/encryption.xml"
_PAGES = frozenset({"application/xhtml+xml", "text/html", "application/x-dtbook+xml"})
_DUBLIN_CORE = {
    "creator": "author",
    "subject": "keywords",
    "language": "language",
    "publisher": "publisher",
    "date": "date",
    "identifier": "identifier",
}


def read(data: bytes, *, name: str) -> Extracted:
    """Read a book.

    Chapters come in the order of the book's spine; its table of contents is left out. A chapter
    that cannot be read is a warning.

    Args:
        data: The file's bytes.
        name: The file's name, for errors.

    Raises:
        ReadError: It is damaged, no EPUB, or protected (DRM).
    """
    with open_document(data, name, "an EPUB") as book:
        folder, package = _package(book, name)
        protected = _protected(book, name)
        builder = Builder()
        failed: list[str] = []
        chapters = list(_spine(package, folder))
        for path in chapters:
            if path in protected:
                raise ReadError(name, "is protected (DRM): its chapters are encrypted")
            reason = _add_chapter(builder, book, path, name)
            if reason is not None:
                failed.append(f"{path[:200]}: {reason}")
    if chapters and len(failed) == len(chapters):
        raise ReadError(name, f"is damaged: no chapter of it can be read ({failed[0]})")
    builder.warnings += [f"a chapter was left out: {reason}" for reason in failed[:10]]
    metadata = _metadata(package)
    title = metadata.pop("title", None)
    return builder.build(
        "application/epub+zip", title=title if isinstance(title, str) else None, metadata=metadata
    )


def _parse(data: bytes, name: str, part: str) -> ElementTree.Element:
    if b"<!ENTITY" in data:
        # Nothing needs them here, and they can grow without bounds.
        raise ReadError(name, f"is damaged: its part {part[:200]!r} declares entities")
    try:
        return ElementTree.fromstring(data)
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        raise ReadError(name, f"is damaged: its part {part[:200]!r} is no XML: {error}") from error


def _package(book: ZipFile, name: str) -> tuple[str, ElementTree.Element]:
    """Return the folder of the package document, and that document."""
    container = read_part(book, _CONTAINER, name)
    if container is None:
        raise ReadError(name, f"is no EPUB: it has no {_CONTAINER}")
    path = next(
        (
            element.get("full-path", "")
            for element in _parse(container, name, _CONTAINER).iter()
            if _local(element) == "rootfile"
        ),
        "",
    )
    package = read_part(book, path, name)
    if package is None:
        raise ReadError(name, "is damaged: its package document is missing")
    return posixpath.dirname(path), _parse(package, name, path)


def _protected(book: ZipFile, name: str) -> frozenset[str]:
    """Return the parts that are encrypted; fonts, as a rule, which are only obfuscated."""
    data = read_part(book, _ENCRYPTION, name)
    if data is None:
        return frozenset()
    return frozenset(
        unquote(element.get("URI", ""))
        for element in _parse(data, name, _ENCRYPTION).iter()
        if _local(element) == "CipherReference"
    )


@dataclass(frozen=True, slots=True)
class _Item:
    path: str
    media_type: str
    properties: str


def _spine(package: ElementTree.Element, folder: str) -> Iterator[str]:
    """Yield the paths of the chapters in reading order, each once."""
    items: dict[str, _Item] = {}
    order: list[str] = []
    for element in package.iter():
        if _local(element) == "item":
            path = posixpath.normpath(posixpath.join(folder, unquote(element.get("href", ""))))
            items[element.get("id", "")] = _Item(
                path, element.get("media-type", "").lower(), element.get("properties", "")
            )
        elif _local(element) == "itemref":
            order.append(element.get("idref", ""))
    seen: set[str] = set()
    for key in order:
        item = items.get(key)
        if item is None or item.media_type not in _PAGES or item.path in seen:
            continue
        seen.add(item.path)
        if "nav" not in item.properties.split():
            yield item.path


def _add_chapter(builder: Builder, book: ZipFile, path: str, name: str) -> str | None:
    """Add a chapter; return why it cannot be read, None when it could."""
    from ragkit.ingest.readers import html

    try:
        data = read_part(book, path, name)
        if data is None:
            return "is missing"
        page = html.read(html.expand_empty(data), name=name)
    except ReadError as error:
        return error.reason
    builder.add_document(page)
    return None


def _metadata(package: ElementTree.Element) -> dict[str, MetadataValue]:
    found: dict[str, list[str]] = {}
    for element in package.iter():
        tag = _local(element)
        key = "title" if tag == "title" else _DUBLIN_CORE.get(tag)
        words = " ".join(clean("".join(element.itertext())).split())
        if key is not None and words:
            found.setdefault(key, []).append(words)
    several = {"author", "keywords"}
    return {
        key: tuple(values) if key in several and len(values) > 1 else values[0]
        for key, values in found.items()
    }


def _local(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""
