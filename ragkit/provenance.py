"""Where a chunk comes from, and how that is written in its custom metadata.

Ingestion writes these keys, retriever and answerer read them; nothing else knows their form.

| key | type | meaning |
|---|---|---|
| `source` | string | the file, as `FOLDER/path/in/it` |
| `span` | string | `start:end`, character offsets in the source's extracted text |
| `table_header` | string | `start:end` likewise, of the header row that a table's piece repeats |
| `ordinal` | number | the chunk's place in its document, from 0 |
| `page` | number | the page on which the chunk starts, where pages are known |
| `page_breaks` | list | `page:offset` for each further page that begins within the chunk |
| `headings` | list | the headings in force at its start, outermost first |

A chunk's text is its header row, where it has one, followed by the characters of its span.
Offsets are a string because the API stores numbers as float32, exact only up to 16,777,216.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

SOURCE, SPAN, ORDINAL = "source", "span", "ordinal"
TABLE_HEADER = "table_header"
PAGE, PAGE_BREAKS, HEADINGS = "page", "page_breaks", "headings"


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where a chunk stands in its source. What is not known is None or empty, never guessed.

    Attributes:
        source: the file, as `FOLDER/path/in/it`.
        start: offset of the first character in the source's extracted text.
        end: offset behind the last character.
        page: page on which it starts, from 1.
        page_breaks: (page, offset) of each further page that begins before `end`.
        headings: headings in force at its start, outermost first.
        ordinal: its place in the document, from 0.
        table_header: (start, end) of the table's header row that the chunk's text begins with;
            None where it begins with the characters of the span.
    """

    source: str | None = None
    start: int | None = None
    end: int | None = None
    page: int | None = None
    page_breaks: tuple[tuple[int, int], ...] = ()
    headings: tuple[str, ...] = ()
    ordinal: int | None = None
    table_header: tuple[int, int] | None = None

    def locate(self, start: int, end: int) -> tuple[int, int] | None:
        """Where characters of the chunk's text stand in the source's text.

        Args:
            start: offset of their first in the chunk's text.
            end: offset behind their last.

        Returns:
            Their offsets in the source; None where the chunk's own place is not known, and for
            characters that do not stand together there: the end of a repeated table header and
            the beginning of a row further down.
        """
        if self.start is None:
            return None
        if self.table_header is None:
            return self.start + start, self.start + end
        first, behind = self.table_header
        length = behind - first
        if end <= length or behind == self.start:
            return first + start, first + end
        if start < length:
            return None
        return self.start + start - length, self.start + end - length

    def page_at(self, offset: int) -> int | None:
        """The page that holds the character at an offset of the source's text.

        None also for what stands before the chunk, as the header row that it repeats.
        """
        if self.start is not None and offset < self.start:
            return None
        page = self.page
        for number, start in self.page_breaks:
            if offset >= start:
                page = number
        return page

    def to_metadata(self) -> dict[str, str | float | list[str]]:
        """The custom metadata that records it."""
        metadata: dict[str, str | float | list[str]] = {}
        if self.source is not None:
            metadata[SOURCE] = self.source
        if self.start is not None and self.end is not None:
            metadata[SPAN] = f"{self.start}:{self.end}"
        if self.table_header is not None:
            metadata[TABLE_HEADER] = f"{self.table_header[0]}:{self.table_header[1]}"
        if self.ordinal is not None:
            metadata[ORDINAL] = float(self.ordinal)
        if self.page is not None:
            metadata[PAGE] = float(self.page)
        if self.page_breaks:
            metadata[PAGE_BREAKS] = [f"{page}:{offset}" for page, offset in self.page_breaks]
        if self.headings:
            metadata[HEADINGS] = list(self.headings)
        return metadata

    @classmethod
    def from_metadata(cls, metadata: Mapping[str, Any]) -> Provenance:
        """Read it back; entries of another form, as others may write, count as unknown."""
        source, headings = metadata.get(SOURCE), metadata.get(HEADINGS)
        span = _pair(metadata.get(SPAN))
        breaks = metadata.get(PAGE_BREAKS)
        pairs = map(_pair, breaks) if isinstance(breaks, list) else ()
        return cls(
            source=source if isinstance(source, str) else None,
            start=span[0] if span else None,
            end=span[1] if span else None,
            page=_whole(metadata.get(PAGE)),
            page_breaks=tuple(pair for pair in pairs if pair is not None),
            headings=_strings(headings),
            ordinal=_whole(metadata.get(ORDINAL)),
            table_header=_pair(metadata.get(TABLE_HEADER)),
        )


def _pair(value: object) -> tuple[int, int] | None:
    if not isinstance(value, str):
        return None
    first, colon, second = value.partition(":")
    if not colon or not (first.isascii() and first.isdigit()):
        return None
    return (int(first), int(second)) if second.isascii() and second.isdigit() else None


def _whole(value: object) -> int | None:
    if isinstance(value, (int, float)) and float(value).is_integer():
        return int(value)
    return None


def _strings(value: object) -> tuple[str, ...]:
    if not isinstance(value, Sequence) or isinstance(value, str):
        return ()
    return tuple(item for item in value if isinstance(item, str))
