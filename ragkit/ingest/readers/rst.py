"""reStructuredText: the source text as it stands, with the block structure that is seen in it.

Sphinx' directives and roles are legion and defined by each project; what is needed here are only
the outlines of blocks, which reStructuredText shows by indentation alone. So no docutils.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from ragkit.ingest.readers.decoding import decode
from ragkit.ingest.readers.extracted import Block, BlockKind, Extracted, MetadataValue

_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n|\Z)")
_ADORNMENT = re.compile(r"([!-/:-@[-`{-~])\1*$")
_FIELD = re.compile(r":(?![: ])((?:\\.|[^:\\])+):(?:[ \t]+(.*))?$")
_ITEM = re.compile(r"(?:[-*+•‣]|\(?(?:\d{1,4}|#|[A-Za-z]|[ivxIVX]{1,6})[.)])(?:[ \t]|$)")
_GRID = re.compile(r"\+(?:[-=]+\+)+$")
_SIMPLE = re.compile(r"=+(?:[ \t]+=+)+$")
_DIRECTIVE = re.compile(r"\.\.[ \t]+(?:\|[^|]+\|[ \t]+)?([\w:.+-]+?)::(?:[ \t]|$)")
_CODE = frozenset({"code", "code-block", "sourcecode", "highlight", "parsed-literal", "math"})
_CODE_OF_SPHINX = frozenset({"doctest", "testcode", "testoutput", "prompt", "productionlist"})
_TABLES = frozenset({"table", "csv-table", "list-table", "flat-table"})
_MARKUP = (
    (re.compile(r":[\w:+.-]+:`([^`<]*?)(?:\s*<[^>`]*>)?`"), r"\1"),  # roles
    (re.compile(r"``(.+?)``"), r"\1"),
    (re.compile(r"`([^`<]*?)\s*<[^>`]*>`__?"), r"\1"),
    (re.compile(r"`([^`]*)`_{0,2}"), r"\1"),
    (re.compile(r"\*{1,2}([^*\s](?:[^*]*[^*\s])?)\*{1,2}"), r"\1"),
    (re.compile(r"\|([^|\s][^|]*)\|_{0,2}"), r"\1"),
    (re.compile(r"\\(.)"), r"\1"),
)
_BIBLIOGRAPHIC = frozenset(
    {"author", "authors", "date", "version", "status", "organization", "copyright", "contact"}
)


def read(data: bytes, *, name: str) -> Extracted:
    """Read reStructuredText.

    The text is the source itself, so offsets are places in the file. A field list at the
    beginning (`:author: ...`) is metadata. Nothing is included or executed.

    Args:
        data: The file's bytes.
        name: The file's name, for errors.

    Raises:
        ReadError: These bytes are no text.
    """
    decoded = decode(data, name=name)
    scanner = _Scanner(decoded.text)
    blocks = tuple(scanner.blocks())
    title = next((block.label for block in blocks if block.label), None)
    metadata: dict[str, MetadataValue] = {"encoding": decoded.encoding, **scanner.fields}
    return Extracted(decoded.text, blocks, "text/x-rst", title, metadata, warnings=decoded.warnings)


@dataclass(frozen=True, slots=True)
class _Line:
    start: int
    end: int
    text: str  # without white space at its end

    @property
    def indent(self) -> int:
        return len(self.text) - len(self.text.lstrip())


class _Scanner:
    """Goes over a text's lines once, from block to block."""

    def __init__(self, text: str) -> None:
        self.fields: dict[str, MetadataValue] = {}
        self._lines = [
            _Line(match.start(), match.start() + len(match[0].rstrip()), match[0].rstrip())
            for match in _LINE.finditer(text)
            if match[0]
        ]
        self._styles: list[tuple[str, bool]] = []  # of titles, outermost first
        self._literal = False  # the paragraph before ended in `::`
        self._opening = True  # nothing but a title has been seen

    def blocks(self) -> Iterator[Block]:
        """Yield all blocks; nothing but white space stands outside of them."""
        index = 0
        while index < len(self._lines):
            if not self._lines[index].text:
                index += 1
                continue
            block, index = self._next(index)
            yield block

    def _next(self, index: int) -> tuple[Block, int]:
        """Return the block that begins on a line, and the line behind it."""
        literal, self._literal = self._literal, False
        if (heading := self._heading(index)) is not None:
            return heading
        opening, self._opening = self._opening, False
        line = self._lines[index]
        if line.indent:
            stop = self._indented(index, line.indent)
            return self._block("code" if literal else "quote", index, stop)
        if opening and _FIELD.match(line.text):
            return self._docinfo(index)
        if line.text.startswith((">>>", "$ ")):
            return self._block("code", index, self._filled(index))
        if line.text.startswith("..") and line.text[2:3] in ("", " ", "\t"):
            return self._explicit(index)
        if _GRID.match(line.text):
            return self._grid_table(index)
        if _SIMPLE.match(line.text):
            return self._simple_table(index)
        if _ITEM.match(line.text):
            return self._block("list", index, self._list_end(index))
        stop = self._filled(index)
        self._literal = self._lines[stop - 1].text.endswith("::")
        return self._block("paragraph", index, stop)

    def _block(self, kind: BlockKind, index: int, stop: int) -> tuple[Block, int]:
        while not self._lines[stop - 1].text:
            stop -= 1
        first, last = self._lines[index], self._lines[stop - 1]
        start = first.start if kind == "code" else first.start + first.indent
        return Block(kind, start, last.end), stop

    def _heading(self, index: int) -> tuple[Block, int] | None:
        over = _ADORNMENT.match(self._lines[index].text)
        title = index + 1 if over else index
        if title + 1 >= len(self._lines):
            return None
        words, under = self._lines[title].text, self._lines[title + 1].text
        match = _ADORNMENT.match(under)
        if not words.strip() or match is None or (over is None and words[0].isspace()):
            return None
        if over and under != self._lines[index].text:
            return None
        if len(under) < min(len(words), 4) or _ADORNMENT.match(words.strip()):
            return None
        style = (under[0], over is not None)
        if style not in self._styles:
            self._styles.append(style)
        label = " ".join(_plain(words).split())
        first, last = self._lines[index], self._lines[title + 1]
        block = Block(
            "heading", first.start, last.end, level=self._styles.index(style) + 1, label=label
        )
        return block, title + 2

    def _docinfo(self, index: int) -> tuple[Block, int]:
        stop = index
        while stop < len(self._lines) and self._lines[stop].text:
            match = _FIELD.match(self._lines[stop].text)
            if match is None and not self._lines[stop].indent:
                break
            if match is not None and match[1].lower() in _BIBLIOGRAPHIC and match[2]:
                self.fields[match[1].lower()] = _plain(match[2]).strip()
            stop += 1
        return self._block("metadata", index, stop)

    def _explicit(self, index: int) -> tuple[Block, int]:
        """A directive, target, footnote or comment: its line and what is indented below it."""
        match = _DIRECTIVE.match(self._lines[index].text)
        stop = self._indented(index + 1, 1)
        name = match[1] if match else ""
        if name in _CODE or name in _CODE_OF_SPHINX:
            return self._block("code", index, stop)
        return self._block("table" if name in _TABLES else "paragraph", index, stop)

    def _simple_table(self, index: int) -> tuple[Block, int]:
        borders = [index]
        stop = index + 1
        while stop < len(self._lines):
            text = self._lines[stop].text
            if _SIMPLE.match(text):
                borders.append(stop)
                ends = stop + 1 == len(self._lines) or not self._lines[stop + 1].text
                if ends or len(borders) == 3:
                    break
            stop += 1
        else:  # never closed
            return self._block("paragraph", index, self._filled(index))
        stop += 1
        if len(borders) < 3:
            return self._block("table", index, stop)
        block, stop = self._block("table", index, stop)
        header_end = self._lines[borders[1]].end
        return Block("table", block.start, block.end, header_end=header_end), stop

    def _grid_table(self, index: int) -> tuple[Block, int]:
        block, stop = self._block("table", index, self._filled(index))
        for line in self._lines[index : stop - 1]:
            if line.text.startswith("+="):
                return Block("table", block.start, block.end, header_end=line.end), stop
        return block, stop

    def _filled(self, index: int) -> int:
        """Return the next blank line, or the end."""
        while index < len(self._lines) and self._lines[index].text:
            index += 1
        return index

    def _indented(self, index: int, least: int) -> int:
        """Return the next line with text that is indented less; blank lines before it excluded."""
        stop = index
        for place in range(index, len(self._lines)):
            line = self._lines[place]
            if line.text and line.indent < least:
                break
            if line.text:
                stop = place + 1
        return stop

    def _list_end(self, index: int) -> int:
        stop = self._filled(index)
        while True:
            following = self._indented(stop, 1)
            place = following
            while place < len(self._lines) and not self._lines[place].text:
                place += 1
            if place == len(self._lines) or not _ITEM.match(self._lines[place].text):
                return following
            if self._heading(place) is not None:
                return following
            stop = self._filled(place)


def _plain(text: str) -> str:
    """Return text without inline markup."""
    for pattern, replacement in _MARKUP:
        text = pattern.sub(replacement, text)
    return text
