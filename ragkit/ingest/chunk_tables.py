"""The header row that a piece of a table needs in front of it.

A table that does not fit into one chunk is cut between its rows, and a row alone says little: which
column is which stands in the header. So each chunk that begins among a table's rows is given the
header once more. Its *span* stays that of its own characters; the header is a second span, and the
chunk's text is the one followed by the other.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

from ragkit.ingest.readers.extracted import Block

_LINE_ENDS = ("\r\n", "\n", "\r", "\f")


class TableHeaders:
    """Which header row is in force at any offset of a text."""

    def __init__(self, text: str, blocks: Sequence[Block]) -> None:
        self._starts: list[int] = []  # of each table's rows, behind the header
        self._ends: list[int] = []
        self._headers: list[tuple[int, int]] = []
        last_end = 0
        for block in blocks:
            if block.kind == "table":
                if block.header_end is not None:
                    self._add(text, block, block.header_end)
                elif block.continues and self._ends and self._ends[-1] == last_end:
                    self._ends[-1] = block.end  # the table goes on behind a page break
            last_end = block.end

    def _add(self, text: str, block: Block, header_end: int) -> None:
        ending = next((end for end in _LINE_ENDS if text.startswith(end, header_end)), None)
        rows = header_end if ending is None else header_end + len(ending)
        # Without a line's end behind it the header would run into the row it is put before.
        if ending is not None and block.start < header_end and rows < block.end:
            self._starts.append(rows)
            self._ends.append(block.end)
            self._headers.append((block.start, rows))

    def at(self, position: int) -> tuple[int, int] | None:
        """Return the span of the header, its line's end included, of the row that stands here.

        None when the place is in no table, or in its header itself.
        """
        index = bisect_right(self._starts, position) - 1
        return self._headers[index] if index >= 0 and position < self._ends[index] else None

    def rows_start(self, position: int) -> int:
        """Return where the rows begin of the table that begins at an offset; or the offset."""
        index = bisect_right(self._starts, position)
        if index < len(self._headers) and self._headers[index][0] == position:
            return self._starts[index]
        return position
