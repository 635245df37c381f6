"""What the office formats share: opening their package, and what it says of itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from ragkit.ingest.errors import ReadError
from ragkit.ingest.readers.extracted import MetadataValue
from ragkit.ingest.readers.normal import clean
from ragkit.ingest.readers.zips import open_document

_T = TypeVar("_T")

_PROPERTIES = {
    "title": "title",
    "author": "author",
    "creator": "author",
    "subject": "subject",
    "keywords": "keywords",
}


def open_package(data: bytes, name: str, what: str, load: Callable[[], _T]) -> _T:
    """Open an office document by its library, after a look at what it would unpack to.

    Args:
        data: The file's bytes.
        name: The file's name, for errors.
        what: What it should be, with its article.
        load: Opens it.

    Raises:
        ReadError: It is damaged, encrypted or a decompression bomb.
    """
    open_document(data, name, what).close()
    try:
        return load()
    except Exception as error:  # the libraries raise anything on damaged files
        raise ReadError(
            name, f"is damaged or not {what}: open it in its program and save it again ({error!r})"
        ) from error


def properties(core: Any) -> dict[str, MetadataValue]:
    """Return what a document's core properties say, `title` among it."""
    found: dict[str, MetadataValue] = {}
    for attribute, key in _PROPERTIES.items():
        try:
            value = getattr(core, attribute, None)
        except Exception:  # noqa: BLE001 damaged properties are no reason to lose the text
            continue
        if isinstance(value, str) and (words := " ".join(clean(value).split())):
            found[key] = words
    try:
        created = getattr(core, "created", None)
        if created is not None:
            found["date"] = created.date().isoformat()
    except Exception:  # noqa: BLE001 as above
        return found
    return found
