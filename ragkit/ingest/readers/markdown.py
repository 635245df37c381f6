"""Markdown: the source text as it stands, with the block structure that CommonMark sees in it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING

from ragkit.ingest.readers.decoding import decode
from ragkit.ingest.readers.extracted import Block, BlockKind, Extracted, MetadataValue
from ragkit.ingest.readers.front_matter import split_front_matter

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

_LINE_END = re.compile(r"\r\n?|\n")
"""As markdown-it counts lines."""

_KINDS: dict[str, BlockKind] = {
    "heading_open": "heading",
    "paragraph_open": "paragraph",
    "html_block": "paragraph",
    "bullet_list_open": "list",
    "ordered_list_open": "list",
    "table_open": "table",
    "fence": "code",
    "code_block": "code",
    "blockquote_open": "quote",
}


def read(data: bytes, *, name: str) -> Extracted:
    """Read Markdown (CommonMark with tables).

    The text is the source itself, so offsets are places in the file. Front matter (YAML or TOML)
    is a metadata block; headings inside quotations and lists count as part of these.

    Args:
        data: The file's bytes.
        name: The file's name, for errors.

    Raises:
        ReadError: These bytes are no text.
    """
    decoded = decode(data, name=name)
    text = decoded.text
    front, start = split_front_matter(text)
    blocks = block_structure(text, start)
    if start:
        blocks.insert(0, Block("metadata", 0, start))
    metadata: dict[str, MetadataValue] = {"encoding": decoded.encoding, **front}
    title = metadata.pop("title", None)
    if not isinstance(title, str):
        title = next((block.label for block in blocks if block.label), None)
    return Extracted(
        text, tuple(blocks), "text/markdown", title, metadata, warnings=decoded.warnings
    )


def block_structure(text: str, start: int = 0) -> list[Block]:
    """Return the blocks of a Markdown text.

    Args:
        text: The text.
        start: Where it begins, behind its front matter.
    """
    return list(_with_gaps(text, start, _blocks(text, start)))


@cache
def _block_parser() -> MarkdownIt:
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark").enable("table")
    # Inline markup takes most of the time and is needed in headings only.
    parser.core.ruler.disable(["inline", "text_join"])
    return parser


@cache
def _inline_parser() -> MarkdownIt:
    from markdown_it import MarkdownIt

    return MarkdownIt("commonmark")


def _blocks(text: str, start: int) -> Iterator[Block]:
    """Yield the outermost blocks from `start` on, thematic breaks and definitions left out."""
    body = text[start:]
    lines = [start, *(start + match.end() for match in _LINE_END.finditer(body)), len(text)]
    tokens = _block_parser().parse(body)
    for index, token in enumerate(tokens):
        kind = _KINDS.get(token.type)
        if token.level or kind is None or token.map is None:
            continue
        first, last = lines[token.map[0]], lines[min(token.map[1], len(lines) - 1)]
        source = text[first:last]
        end = first + len(source.rstrip())
        if token.type != "code_block":  # whose indentation is its markup
            first += len(source) - len(source.lstrip())
        if end <= first:
            continue
        if kind == "heading":
            yield Block(kind, first, end, level=int(token.tag[1]), label=_words(tokens[index + 1]))
        elif kind == "table":
            # The row of names and the line below it, without which a piece would be no table.
            behind = lines[min(token.map[0] + 2, token.map[1], len(lines) - 1)]
            header = text[first:behind].rstrip()
            rows = first + len(header) < end
            yield Block(kind, first, end, header_end=first + len(header) if rows else None)
        else:
            yield Block(kind, first, end)


def _with_gaps(text: str, position: int, blocks: Iterator[Block]) -> Iterator[Block]:
    """Add what stands between the blocks and is no white space, as going on with the one before."""
    for block in [*blocks, None]:
        gap = text[position : len(text) if block is None else block.start]
        if inner := gap.strip():
            start = position + gap.index(inner[0])
            yield Block("paragraph", start, start + len(inner), continues=position > 0)
        if block is not None:
            yield block
            position = block.end


def _words(inline: Token) -> str:
    """Return a heading's words without markup."""
    parsed = _inline_parser().parseInline(inline.content)
    children = parsed[0].children or [] if parsed else []
    words = "".join(
        child.content if child.type in ("text", "code_inline", "image") else " "
        for child in children
        if not child.type.endswith(("_open", "_close")) and child.type != "html_inline"
    )
    return " ".join(words.split())
