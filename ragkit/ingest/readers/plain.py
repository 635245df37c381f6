"""Plain text, and text in any format without a reader of its own."""

from __future__ import annotations

import re

from ragkit.ingest.readers.decoding import decode
from ragkit.ingest.readers.extracted import Block, Extracted, MetadataValue

_BLANK = re.compile(r"\s*(?:\n[^\S\n]*\n|\r[^\S\r\n]*\r|\r\n[^\S\r\n]*\r\n|\f)\s*|\s+\Z")


def read(data: bytes, *, name: str) -> Extracted:
    """Read plain text: the text as it stands, in paragraphs between blank lines.

    Args:
        data: The file's bytes.
        name: The file's name, for errors.

    Raises:
        ReadError: These bytes are no text.
    """
    decoded = decode(data, name=name)
    metadata: dict[str, MetadataValue] = {"encoding": decoded.encoding}
    return Extracted(
        decoded.text,
        tuple(paragraphs(decoded.text)),
        "text/plain",
        metadata=metadata,
        warnings=decoded.warnings,
    )


def paragraphs(text: str) -> list[Block]:
    """Return the paragraphs of a text: what stands between blank lines or form feeds."""
    blocks: list[Block] = []
    start = len(text) - len(text.lstrip())
    for match in _BLANK.finditer(text, start):
        if match.start() > start:
            blocks.append(Block("paragraph", start, match.start()))
        start = match.end()
    if start < len(text):
        blocks.append(Block("paragraph", start, len(text)))
    return blocks
