"""What a reader makes of a file: its text and where the text's parts are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

BlockKind: TypeAlias = Literal["heading", "paragraph", "list", "table", "code", "quote", "metadata"]
"""`metadata` is text about the document (front matter): it is kept out of chunks."""

MetadataValue: TypeAlias = str | float | tuple[str, ...]
"""A string, a number or a list of strings: what the API's `customMetadata` can hold."""


@dataclass(frozen=True, slots=True)
class Block:
    """One part of a document's text: the characters from `start` up to `end`.

    Attributes:
        kind: What it is.
        start: Offset of its first character.
        end: Offset behind its last character.
        page: Number of the page it is on, from 1; None where pages are unknown or do not exist.
        level: A heading's level, from 1 (the document's title) on; None for other kinds.
        label: A heading's words without markup; of source code the definition's name; None for
            other kinds.
        continues: The block goes on with the one before it (a paragraph over a page break), so
            the place between them is no good place to cut.
        header_end: Of a table, offset behind the last character of its header row (in Markdown
            the line below it included), where it is known to have one; None for other kinds.
    """

    kind: BlockKind
    start: int
    end: int
    page: int | None = None
    level: int | None = None
    label: str | None = None
    continues: bool = False
    header_end: int | None = None


@dataclass(frozen=True, slots=True)
class Extracted:
    """A document's text, its parts and what is known about it.

    `text[block.start:block.end]` is the block. Blocks are in order, do not overlap and are not
    empty; between them stands white space, as a rule.

    Attributes:
        text: The whole extracted text.
        blocks: Its parts.
        media_type: What was read, such as `text/markdown`.
        title: The document's title, where it has one.
        metadata: What the document says of itself (author, number of pages, ...).
        warnings: What was lost or guessed in reading, for the user.

    Raises:
        ValueError: The blocks break the rules above.
    """

    text: str
    blocks: tuple[Block, ...]
    media_type: str
    title: str | None = None
    metadata: Mapping[str, MetadataValue] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        position = 0
        for block in self.blocks:
            if not position <= block.start < block.end:
                raise ValueError(f"block out of order, overlapping or empty: {block}")
            position = block.end
        if position > len(self.text):
            raise ValueError(f"block behind the text's end ({len(self.text)}): {self.blocks[-1]}")
