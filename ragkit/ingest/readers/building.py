"""Putting an extracted text together, block by block, for formats whose text is not one string."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from ragkit.ingest.readers.extracted import Block, BlockKind, Extracted, MetadataValue
from ragkit.ingest.readers.normal import clean

CELL_BREAK = " | "
"""What stands between the cells of a table's row."""

MOST_NAMES = 50
"""Names (columns, sheets) that a document's metadata lists; it is no place for thousands."""

_DEEPEST = 9
"""Levels below this one say nothing that a reader could use."""


class Builder:
    """Collects blocks of text; blank lines go between them. Text is cleaned on its way in."""

    def __init__(self) -> None:
        self.blocks: list[Block] = []
        self.warnings: list[str] = []
        self._parts: list[str] = []
        self._length = 0

    def add(
        self,
        kind: BlockKind,
        text: str,
        *,
        level: int | None = None,
        label: str | None = None,
        page: int | None = None,
        continues: bool = False,
    ) -> None:
        """Add a block; nothing is added for white space.

        Args:
            kind: What it is.
            text: Its text; white space around it goes, but for the indentation of code.
            level: A heading's level, from 1.
            label: The name of a definition; a heading's label is its words.
            page: Its page, from 1, where known.
            continues: Whether it goes on with the block before it.
        """
        text = _plain(text).rstrip()
        text = text.strip("\n") if kind == "code" else text.lstrip()
        if not text:
            return
        if kind == "heading":
            label = " ".join(text.split())
            level = min(max(level or 1, 1), _DEEPEST)
        start = self._append(text)
        self.blocks.append(
            Block(kind, start, self._length, page, level, label, continues and bool(self.blocks))
        )

    def add_table(
        self, rows: Iterable[Sequence[str]], *, header: bool = False, page: int | None = None
    ) -> None:
        """Add a table, a row a line, its cells on one line each; empty rows are left out.

        Args:
            rows: The cells of each row.
            header: Whether the first row says what the columns are.
            page: Its page, from 1, where known.
        """
        lines = [line for line in map(row_line, rows) if line]
        if not lines:
            return
        start = self._append("\n".join(lines))
        header_end = start + len(lines[0]) if header and len(lines) > 1 else None
        self.blocks.append(Block("table", start, self._length, page, header_end=header_end))

    def add_document(self, document: Extracted, *, deeper: int = 0) -> None:
        """Add another document's text and blocks, its headings so many levels deeper."""
        text = document.text.rstrip()
        if not text:
            return
        offset = self._append(text)
        for block in document.blocks:
            level = None if block.level is None else min(block.level + deeper, _DEEPEST)
            end = None if block.header_end is None else offset + block.header_end
            self.blocks.append(
                replace(
                    block,
                    start=offset + block.start,
                    end=min(offset + block.end, self._length),
                    level=level,
                    page=None,  # of that document, not of this one
                    header_end=end,
                )
            )

    def build(
        self,
        media_type: str,
        *,
        title: str | None = None,
        metadata: Mapping[str, MetadataValue] | None = None,
    ) -> Extracted:
        """Return what has been added as a document."""
        return Extracted(
            "".join(self._parts),
            tuple(self.blocks),
            media_type,
            title or None,
            metadata or {},
            tuple(self.warnings),
        )

    def _append(self, text: str) -> int:
        """Add text behind a blank line; return where it begins."""
        if self._parts:
            self._parts.append("\n\n")
            self._length += 2
        start = self._length
        self._parts.append(text)
        self._length += len(text)
        return start


def _plain(text: str) -> str:
    # A soft hyphen says where a word may be broken; in these formats it is not.
    return clean(text).replace("\xad", "")


def row_line(cells: Sequence[str]) -> str:
    """Return a table's row as a line; empty when all cells are."""
    words = [" ".join(_plain(cell).split()) for cell in cells]
    while words and not words[-1]:
        words.pop()
    return CELL_BREAK.join(words) if any(words) else ""


def looks_like_header(row: Sequence[str]) -> bool:
    """Return whether a table's first row can be the names of its columns.

    They are: at least two, each with a letter in it, and all different.
    """
    names = [cell.strip() for cell in row]
    while names and not names[-1]:
        names.pop()
    return (
        len(names) > 1
        and len(set(names)) == len(names)
        and all(any(map(str.isalpha, name)) for name in names)
    )
