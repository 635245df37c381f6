"""Splitting extracted text into chunks: exact in tokens, along the text's own structure.

What decides about a cut, in this order:

1. Runs of sections (`chunk_sections.run_starts`): no chunk crosses from one run into the next, so
   that sections of decent size keep to themselves and small ones are filled up.
2. Inside a run a chunk takes what fits, and ends before a heading (the highest there, at a third
   of a chunk or more), else between blocks (at half a chunk or more), else inside a block:
   between a table's rows, a list's items, definitions, stanzas and lines of code, or sentences;
   else between words; and only in a run of characters without any of these, between two
   characters.
3. Where what is left of a run is less than a chunk and a half, it is cut near the middle, so that
   no crumb is left over.

White space goes with the chunk before it, except for the indentation of a line.

A chunk that begins among a table's rows repeats the table's header (`ChunkSpan.header`); its span
remains that of the rows alone.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

from ragkit.api.limits import MAX_CHUNK_TOKENS
from ragkit.ingest import chunk_boundaries as boundaries
from ragkit.ingest.chunk_cuts import Cutter
from ragkit.ingest.chunk_sections import Atom, HeadingPaths, make_atoms, regions, run_starts
from ragkit.ingest.chunk_tables import TableHeaders
from ragkit.ingest.readers.extracted import Block, Extracted
from ragkit.text.tokens import count_tokens

MIN_TOKENS_LIMIT = 16
"""Any character, with its neighbours, fits into this many tokens."""


@dataclass(frozen=True, slots=True)
class ChunkSpan:
    """One chunk: the characters from `start` up to `end` of the extracted text.

    Attributes:
        start: Offset of its first character.
        end: Offset behind its last character.
        page: Page on which it starts, from 1; None where pages are unknown.
        page_end: Page on which it ends.
        headings: The headings in force at its start, outermost first.
        tokens: How many tokens its text holds, the header's included.
        header: Where the header row stands that its text begins with, for a chunk that begins
            among a table's rows; None for others. It includes the line's end.
    """

    start: int
    end: int
    page: int | None
    page_end: int | None
    headings: tuple[str, ...]
    tokens: int
    header: tuple[int, int] | None = None

    def text_of(self, text: str) -> str:
        """Return the chunk's text: the table's header, if any, and the characters of its span.

        Args:
            text: The extracted text that was split.
        """
        own = text[self.start : self.end]
        return own if self.header is None else text[slice(*self.header)] + own


_Piece: TypeAlias = tuple[int, int, int, tuple[int, int] | None]
"""Start, end, tokens and header of a chunk."""


def check_limits(max_tokens: int, overlap: int) -> None:
    """Refuse sizes that `split` cannot work with.

    Raises:
        ValueError: A number is out of its range; the message names it and the range.
    """
    if not MIN_TOKENS_LIMIT <= max_tokens <= MAX_CHUNK_TOKENS:
        raise ValueError(
            f"max_tokens must be between {MIN_TOKENS_LIMIT} and {MAX_CHUNK_TOKENS}, "
            f"not {max_tokens}"
        )
    if not 0 <= overlap <= max_tokens // 2:
        raise ValueError(
            f"overlap must be between 0 and half of max_tokens ({max_tokens // 2}), not {overlap}"
        )


def split(extracted: Extracted, *, max_tokens: int = 256, overlap: int = 32) -> list[ChunkSpan]:
    """Split a document into chunks.

    Without overlap the chunks' spans tile the text: joined they give it back, save for metadata
    blocks (front matter), which are left out. With overlap a chunk may begin up to `overlap` tokens
    earlier, at a sentence's start or else a word's, but never before its section's heading.
    A text of white space only has no chunks. The same input always gives the same chunks.

    Args:
        extracted: The document.
        max_tokens: Tokens that a chunk may hold, 16 to 2,043.
        overlap: Tokens that a chunk may share with the one before it, at most half of
            `max_tokens`.

    Returns:
        The chunks in order, their ends strictly increasing.

    Raises:
        ValueError: A limit is out of range, or the text holds lone surrogates.
    """
    check_limits(max_tokens, overlap)
    if not extracted.text.strip():
        return []
    splitter = _Splitter(extracted, max_tokens, overlap)
    return [splitter.describe(*piece) for piece in splitter.pieces()]


class _Splitter:
    """The splitting of one document."""

    def __init__(self, extracted: Extracted, limit: int, overlap: int) -> None:
        self._text = extracted.text
        self._blocks = extracted.blocks
        self._block_starts = [block.start for block in extracted.blocks]
        self._limit = limit
        self._overlap = overlap
        # Not at the module's top: the command line imports the limits above without numpy.
        from ragkit.ingest.chunk_tokens import TokenMap

        self._tokens = TokenMap(extracted.text)
        self._paths = HeadingPaths(extracted.blocks)
        self._headers = TableHeaders(extracted.text, extracted.blocks)
        self._atoms: list[Atom] = []
        self._starts: list[int] = []  # of the atoms
        self._cutter = self._make_cutter()

    def _make_cutter(self) -> Cutter:
        return Cutter(self._text, self._tokens, self._headers, self._atoms, self._overlap)

    def pieces(self) -> Iterator[_Piece]:
        """Yield what each chunk is made of."""
        for start, end in regions(self._text, self._blocks):
            self._atoms = make_atoms(self._blocks, start, end)
            self._starts = [atom.start for atom in self._atoms]
            self._cutter = self._make_cutter()
            runs = run_starts(self._atoms, end, self._about, self._limit)
            stops = [self._starts[index] for index in runs[1:]] + [end]
            for index, stop in zip(runs, stops, strict=True):
                yield from self._split_run(self._starts[index], stop)

    def describe(
        self, start: int, end: int, tokens: int, header: tuple[int, int] | None
    ) -> ChunkSpan:
        """Add what is known about a span's place in the document."""
        first = bisect_right(self._block_starts, start) - 1
        if first < 0 or self._blocks[first].end <= start:
            first += 1  # it starts with white space before a block
        last = bisect_left(self._block_starts, end) - 1
        page = page_end = None
        place = start
        block: Block | None = None
        if first <= last:
            block = self._blocks[first]
            page, page_end = block.page, self._blocks[last].page
            place = max(start, block.start)
        headings = self._paths.at(place)
        if block is not None and block.kind == "code" and block.label:
            headings = (*headings, block.label)
        return ChunkSpan(start, end, page, page_end, headings, tokens, header)

    def _about(self, start: int, end: int) -> int:
        return self._tokens.about(end) - self._tokens.about(start)

    def _split_run(self, start: int, stop: int) -> Iterator[_Piece]:
        """Yield the chunks of a run; `start` to `stop` are tiled but for the overlap."""
        count = self._tokens.count
        begin = start  # where the chunk begins, overlap included
        while True:
            header = self._header(begin)
            limit = self._limit if header is None else self._limit - count(*header)
            rest = count(begin, stop)
            if rest <= limit:
                yield self._piece(begin, stop, rest, header)
                return
            cut = self._cutter.choose(begin, start, stop, rest, limit)
            if cut is None and begin < start:
                begin = start  # the overlap left no room
                continue
            if cut is None:
                raise AssertionError(f"no character fits into {limit} tokens at {start}")
            yield self._piece(begin, cut, count(begin, cut), header)
            begin, start = self._overlap_start(start, cut), cut

    def _header(self, begin: int) -> tuple[int, int] | None:
        """Return the span of the table header that a chunk from here repeats.

        None also where it would take more than half of a chunk, or leave less than any character
        needs.
        """
        header = self._headers.at(begin)
        if header is None:
            return None
        most = min(self._limit // 2, self._limit - MIN_TOKENS_LIMIT)
        return header if self._tokens.count(*header) <= most else None

    def _piece(self, start: int, end: int, tokens: int, header: tuple[int, int] | None) -> _Piece:
        """Put header and span together."""
        if header is None:
            return start, end, tokens, None
        together = self._tokens.count(*header) + tokens
        if self._text[start].isspace():
            # Else the header's last token ends with its line. White space may join that of the
            # line's end: then there is no knowing how many they are but to count.
            text = self._text[slice(*header)] + self._text[start:end]
            if count_tokens(text) != together:
                return start, end, tokens, None
        return start, end, together, header

    def _overlap_start(self, previous: int, start: int) -> int:
        """Return where the chunk that goes on at `start` begins, with its overlap.

        Args:
            previous: Where the chunk before it went on; the overlap stays behind that.
            start: Where the chunk would begin without overlap.
        """
        if not self._overlap:
            return start
        tokens, text = self._tokens, self._text
        lowest = max(previous + 1, self._paths.section_start(start))
        bound = max(tokens.bound_before(start, self._overlap), lowest)
        if bound >= start:
            return start
        atom = self._atoms[bisect_right(self._starts, start - 1) - 1]
        found = boundaries.inside(text, atom.kind, bound, start)
        if atom.start >= bound:
            first = bisect_left(self._starts, bound)
            found = sorted({*found, *self._starts[first : bisect_left(self._starts, start)]})
        begin = self._first_fitting(found, start)
        if begin is None:
            begin = self._first_fitting(boundaries.words(text, bound - 1, start), start)
        if begin is None and boundaries.is_unspaced(text, start):
            places = range(max(bound, start - self._overlap), start)
            begin = self._first_fitting(
                [at for at in places if not boundaries.joins(text, at)], start
            )
        return start if begin is None else begin

    def _first_fitting(self, candidates: list[int], end: int) -> int | None:
        count, overlap = self._tokens.count, self._overlap
        for candidate in candidates:
            if candidate < end and count(candidate, end) <= overlap:
                return candidate
        return None
