"""CSV and TSV: the source text as it stands, as one table whose header row is known."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import PurePath

from ragkit.ingest.readers.building import MOST_NAMES, looks_like_header
from ragkit.ingest.readers.decoding import decode
from ragkit.ingest.readers.extracted import Block, Extracted, MetadataValue

_DELIMITERS = ",;\t|"
_SAMPLE_ROWS = 25
_SAMPLE = 1 << 16
_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n|\Z)")


def read(data: bytes, *, name: str) -> Extracted:
    """Read delimited text.

    The text is the source itself, so offsets are places in the file and nothing is lost to
    another notation. The first row counts as header where it can be one: names, all different,
    each with a letter in it, over at least one more row.

    Args:
        data: The file's bytes.
        name: The file's name; `.tsv` means tabs, else the delimiter is told by the rows.

    Raises:
        ReadError: These bytes are no text.
    """
    decoded = decode(data, name=name)
    text = decoded.text
    tabs = PurePath(name).suffix.lower() in (".tsv", ".tab")
    start, end = len(text) - len(text.lstrip()), len(text.rstrip())
    rows = _first_rows(text[start:end], "\t" if tabs else _delimiter(text[start : start + _SAMPLE]))
    blocks: list[Block] = []
    metadata: dict[str, MetadataValue] = {"encoding": decoded.encoding}
    if start < end:
        header_end = None
        if len(rows) > 1 and looks_like_header(rows[0][0]):
            header_end = start + len(text[start : start + rows[0][1]].rstrip("\r\n"))
            names = [cell.strip() for cell in rows[0][0] if cell.strip()]
            metadata["columns"] = tuple(names[:MOST_NAMES])
        blocks.append(Block("table", start, end, header_end=header_end))
    return Extracted(
        text,
        tuple(blocks),
        "text/tab-separated-values" if tabs else "text/csv",
        metadata=metadata,
        warnings=decoded.warnings,
    )


def _first_rows(text: str, delimiter: str) -> list[tuple[list[str], int]]:
    """Return the cells of the first two rows with any, each with the offset of its end."""
    found: list[tuple[list[str], int]] = []
    position = 0

    def lines() -> Iterator[str]:
        nonlocal position
        for match in _LINE.finditer(text):
            if not match[0]:
                return
            position = match.end()
            yield match[0]

    try:
        for row in csv.reader(lines(), delimiter=delimiter):
            if any(map(str.strip, row)):
                found.append((row, position))
            if len(found) == 2:
                break
    except csv.Error:  # a field over the limit, a lone carriage return: no row is known
        return []
    return found


def _delimiter(sample: str) -> str:
    """Return the delimiter that most rows have equally often, a comma where none is told."""
    best, most = ",", 0
    lines = sample.splitlines()[:_SAMPLE_ROWS]
    for delimiter in _DELIMITERS:
        try:
            widths = Counter(len(row) for row in csv.reader(lines, delimiter=delimiter) if row)
        except csv.Error:
            continue
        width, count = max(widths.items(), key=lambda item: (item[1], item[0]), default=(0, 0))
        # So many rows of that width; wider ones agree less easily by chance.
        score = count * (width - 1) if width > 1 else 0
        if score > most:
            best, most = delimiter, score
    return best
