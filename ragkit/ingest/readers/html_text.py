"""Text from an HTML tree, block by block."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ragkit.ingest.readers.building import CELL_BREAK
from ragkit.ingest.readers.extracted import Block, BlockKind
from ragkit.ingest.readers.normal import clean

if TYPE_CHECKING:
    from selectolax.lexbor import LexborNode

_INVISIBLE = re.compile("[\u00ad\u200b\u2060\ufeff]")
_HEADINGS = {f"h{level}": level for level in range(1, 7)}

_BLOCKS = frozenset(
    {
        *("address", "article", "aside", "blockquote", "body", "center", "dd", "details"),
        *("div", "dl", "dt", "fieldset", "figcaption", "figure", "footer", "form"),
        *("header", "hgroup", "hr", "legend", "li", "main", "nav", "ol"),
        *("p", "pre", "section", "summary", "table", "tbody", "td", "tfoot"),
        *("th", "thead", "tr", "ul"),
    }
)
_BOILERPLATE = frozenset({"nav", "footer", "menu"})
_ROLES = frozenset({"navigation", "banner", "contentinfo", "search", "complementary", "menu"})
_ANCHORS = frozenset({"headerlink", "anchor", "anchor-link", "permalink", "hash-link"})


def collapse(text: str) -> str:
    """Return text with single spaces for white space, and without invisible marks."""
    return " ".join(without_invisible(text).split())


def without_invisible(text: str) -> str:
    """Return text without soft hyphens and other invisible marks, its ligatures spelt out."""
    return text if text.isascii() else clean(_INVISIBLE.sub("", text))


class TextBuilder:
    """Collects blocks of text; blank lines go between them."""

    def __init__(self) -> None:
        self.blocks: list[Block] = []
        self._parts: list[str] = []
        self._length = 0
        self._flow: list[str] = []  # of the paragraph under way
        self._lists: list[list[int | None]] = []  # open lists: [number of the last item or None]
        self._lines: list[str] = []  # of the list under way
        self._marker = ""
        self._quotes = 0
        self._continues = False

    @property
    def text(self) -> str:
        """All text so far."""
        return "".join(self._parts)

    def add_text(self, text: str) -> None:
        """Add to the paragraph under way."""
        self._flow.append(text)

    def end_paragraph(self) -> None:
        """End the paragraph, or the part of a list item, under way."""
        if not self._flow:
            return
        lines = [collapse(line) for line in "".join(self._flow).split("\0")]
        self._flow.clear()
        if text := "\n".join(line for line in lines if line):
            if self._lists:
                self._add_lines(text)
            else:
                self._add("quote" if self._quotes else "paragraph", text)

    def break_line(self) -> None:
        """Break the line (`br`)."""
        self._flow.append("\0")

    def add_block(
        self, kind: BlockKind, text: str, level: int | None = None, header: int = 0
    ) -> None:
        """Add a block as it stands; inside a list all but headings become part of it.

        Args:
            kind: What it is.
            text: Its text.
            level: A heading's level.
            header: Of a table, the length of its header row; 0 without one.
        """
        self.end_paragraph()
        if self._lists and kind != "heading":
            self._add_lines(text)
            return
        self._end_lines()
        self._add(kind, text, level, header)

    def open_list(self, ordered: bool) -> None:
        """Open a list, inside another perhaps."""
        self.end_paragraph()
        self._lists.append([0 if ordered else None])

    def open_item(self) -> None:
        """Open an item of the innermost list."""
        self.end_paragraph()
        if not self._lists:
            return
        number = self._lists[-1][0]
        if number is not None:
            self._lists[-1][0] = number = number + 1
        self._marker = "- " if number is None else f"{number}. "

    def close_list(self) -> None:
        """Close the innermost list."""
        self.end_paragraph()
        self._marker = ""
        if self._lists:
            self._lists.pop()
        if not self._lists:
            self._end_lines()

    def quote(self, change: int) -> None:
        """Enter (1) or leave (-1) a quotation."""
        self.end_paragraph()
        self._quotes += change

    def go_on(self) -> None:
        """Mark the next paragraph as going on with the last (a definition with its term)."""
        self.end_paragraph()
        self._continues = True

    def _add_lines(self, text: str) -> None:
        indent = "  " * (len(self._lists) - 1)
        first = indent + self._marker if self._marker else indent + "  "
        lines = text.split("\n")
        self._lines.append(first + lines[0])
        self._lines += [f"{indent}  {line}" for line in lines[1:]]
        self._marker = ""

    def _end_lines(self) -> None:
        if self._lines:
            text = "\n".join(self._lines)
            self._lines.clear()
            self._add("list", text.strip())

    def _add(self, kind: BlockKind, text: str, level: int | None = None, header: int = 0) -> None:
        if not text.strip():
            return
        if self._parts:
            self._parts.append("\n\n")
            self._length += 2
        start, self._length = self._length, self._length + len(text)
        self._parts.append(text)
        label = text if kind == "heading" else None
        continues = self._continues and bool(self.blocks)
        header_end = start + header if header else None
        self.blocks.append(
            Block(kind, start, self._length, None, level, label, continues, header_end)
        )
        self._continues = False


def walk(root: LexborNode, builder: TextBuilder, *, in_main: bool, keep_all: bool = False) -> None:
    """Add a tree's text to a builder, in document order.

    Args:
        root: The tree; its own tag is taken as a mere container.
        builder: Where the text goes.
        in_main: The tree is the page's main part, where headers and asides belong to the text.
        keep_all: Nothing is boilerplate.
    """
    # A stack of its own: pages with thousands of unclosed tags nest deeper than Python recurses.
    stack: list[tuple[LexborNode, bool]] = [(root, False)]
    while stack:
        node, leaving = stack.pop()
        tag = node.tag or ""
        if leaving:
            _leave(tag, builder)
            continue
        if node.is_text_node:
            builder.add_text(node.text_content or "")
            continue
        if not node.is_element_node:
            continue
        if node.mem_id != root.mem_id:
            if not keep_all and _is_boilerplate(node, tag, in_main):
                continue
            if _enter(node, tag, builder):
                continue
        stack.append((node, True))
        children = list(node.iter(include_text=True))
        stack.extend((child, False) for child in reversed(children))
    builder.close_list()


def _enter(node: LexborNode, tag: str, builder: TextBuilder) -> bool:
    """Begin an element. Return whether it has been dealt with as a whole."""
    if tag in _HEADINGS:
        builder.add_block("heading", _heading(node), _HEADINGS[tag])
    elif tag == "pre":
        text = without_invisible(node.text()).replace("\r\n", "\n")
        builder.add_block("code", text.strip("\n").rstrip())
    elif tag == "table" and (rows := _rows(node)):
        named = len(rows) > 1 and _has_header(node)
        builder.add_block("table", "\n".join(rows), header=len(rows[0]) if named else 0)
    elif tag == "br":
        builder.break_line()
    else:
        if tag in ("ul", "ol"):
            builder.open_list(tag == "ol")
        elif tag == "li":
            builder.open_item()
        elif tag == "blockquote":
            builder.quote(1)
        elif tag == "dd":
            builder.go_on()
        elif tag in _BLOCKS:
            builder.end_paragraph()
        return False
    return True


def _leave(tag: str, builder: TextBuilder) -> None:
    if tag in ("ul", "ol"):
        builder.close_list()
    elif tag == "blockquote":
        builder.quote(-1)
    elif tag in _BLOCKS:
        builder.end_paragraph()


def _is_boilerplate(node: LexborNode, tag: str, in_main: bool) -> bool:
    if tag in _BOILERPLATE or (not in_main and tag == "aside"):
        return True
    attributes = node.attributes
    if not attributes:
        return tag == "header" and not in_main and node.css_first("nav") is not None
    if "hidden" in attributes or attributes.get("aria-hidden") == "true":
        return True
    if tag == "a" and not _ANCHORS.isdisjoint((attributes.get("class") or "").split()):
        return len(node.text()) <= 2  # a pilcrow or hash beside a heading
    if tag == "header" and not in_main and node.css_first("nav") is not None:
        return True
    return (attributes.get("role") or "") in _ROLES


def _heading(node: LexborNode) -> str:
    return collapse(
        "".join(
            " " if part.tag == "br" else part.text_content or ""
            for part in node.traverse(include_text=True)
            if part.tag == "br" or (part.is_text_node and not _in_anchor(part, node))
        )
    )


def _in_anchor(text: LexborNode, heading: LexborNode) -> bool:
    parent = text.parent
    if parent is None or parent.mem_id == heading.mem_id or parent.tag != "a":
        return False
    return _is_boilerplate(parent, "a", True)


def _rows(table: LexborNode) -> list[str]:
    """Return a data table's rows; none for a table that only lays out the page."""
    if table.css_first("table table, h1, h2, h3, pre, ul ul") is not None:
        return []
    rows: list[str] = []
    widest = 0
    for row in table.css("tr"):
        cells = [collapse(cell.text()) for cell in row.iter() if cell.tag in ("td", "th")]
        widest = max(widest, len(cells))
        if any(cells):
            rows.append(CELL_BREAK.join(cells))
    return rows if widest > 1 else []


def _has_header(table: LexborNode) -> bool:
    """Return whether the first row with text is marked as the columns' names."""
    for row in table.css("tr"):
        cells = [cell for cell in row.iter() if cell.tag in ("td", "th")]
        if any(collapse(cell.text()) for cell in cells):
            parent = row.parent
            in_head = parent is not None and parent.tag == "thead"
            return in_head or all(cell.tag == "th" for cell in cells)
    return False
