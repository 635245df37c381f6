"""Splitting extracted text into chunks: exact in tokens, along the text's own structure.

What decides about a cut, in this order:

1. Runs of sections (`chunk_sections.run_starts`): no chunk crosses from one run into the next, so
   that sections of decent size keep to themselves and small ones are filled up.
2. Inside a run a chunk takes what fits, and ends before a heading (the highest there, at a third
   of a chunk or more), else between blocks (at half a chunk or more), else inside a block:
   between a table's rows, a list's items, lines of code, or sentences; else between words; and
   only in a run of characters without any of these, between two characters.
3. Where what is left of a run is less than a chunk and a half, it is cut near the middle, so that
   no crumb is left over.

White space goes with the chunk before it, except for the indentation of a line.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from operator import attrgetter

from ragkit.api.limits import MAX_CHUNK_TOKENS
from ragkit.ingest import chunk_boundaries as boundaries
from ragkit.ingest.chunk_sections import Atom, HeadingPaths, make_atoms, regions, run_starts
from ragkit.ingest.readers.extracted import Block, Extracted

MIN_TOKENS_LIMIT = 16
"""Any character, with its neighbours, fits into this many tokens."""

_block_start = attrgetter("start")


@dataclass(frozen=True, slots=True)
class ChunkSpan:
    """One chunk: the characters from `start` up to `end` of the extracted text.

    Attributes:
        start: Offset of its first character.
        end: Offset behind its last character.
        page: Page on which it starts, from 1; None where pages are unknown.
        page_end: Page on which it ends.
        headings: The headings in force at its start, outermost first.
        tokens: How many tokens it holds.
    """

    start: int
    end: int
    page: int | None
    page_end: int | None
    headings: tuple[str, ...]
    tokens: int


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

    Without overlap the chunks tile the text: joined they give it back, save for metadata blocks
    (front matter), which are left out. With overlap a chunk may begin up to `overlap` tokens
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
    return [splitter.describe(*span) for span in splitter.spans()]


class _Splitter:
    """The splitting of one document."""

    def __init__(self, extracted: Extracted, limit: int, overlap: int) -> None:
        self._text = extracted.text
        self._blocks = extracted.blocks
        self._limit = limit
        self._overlap = overlap
        # Not at the module's top: the command line imports the limits above without numpy.
        from ragkit.ingest.chunk_tokens import TokenMap

        self._tokens = TokenMap(extracted.text)
        self._paths = HeadingPaths(extracted.blocks)
        self._atoms: list[Atom] = []
        self._starts: list[int] = []  # of the atoms

    def spans(self) -> Iterator[tuple[int, int, int]]:
        """Yield (start, end, tokens) of each chunk."""
        for start, end in regions(self._text, self._blocks):
            self._atoms = make_atoms(self._blocks, start, end)
            self._starts = [atom.start for atom in self._atoms]
            runs = run_starts(self._atoms, end, self._about, self._limit)
            stops = [self._starts[index] for index in runs[1:]] + [end]
            for index, stop in zip(runs, stops, strict=True):
                yield from self._split_run(self._starts[index], stop)

    def describe(self, start: int, end: int, tokens: int) -> ChunkSpan:
        """Add what is known about a span's place in the document."""
        first = bisect_right(self._blocks, start, key=_block_start) - 1
        if first < 0 or self._blocks[first].end <= start:
            first += 1  # it starts with white space before a block
        last = bisect_left(self._blocks, end, key=_block_start) - 1
        page = page_end = None
        place = start
        if first <= last:
            block: Block = self._blocks[first]
            page, page_end = block.page, self._blocks[last].page
            place = max(start, block.start)
        return ChunkSpan(start, end, page, page_end, self._paths.at(place), tokens)

    def _about(self, start: int, end: int) -> int:
        return self._tokens.about(end) - self._tokens.about(start)

    def _split_run(self, start: int, stop: int) -> Iterator[tuple[int, int, int]]:
        """Yield the chunks of a run; `start` to `stop` are tiled but for the overlap."""
        count = self._tokens.count
        begin = start  # where the chunk begins, overlap included
        while True:
            rest = count(begin, stop)
            if rest <= self._limit:
                yield begin, stop, rest
                return
            cut = self._choose_cut(begin, start, stop, rest)
            if cut is None and begin < start:
                begin = start  # the overlap left no room
                continue
            if cut is None:
                raise AssertionError(f"no character fits into {self._limit} tokens at {start}")
            yield begin, cut, count(begin, cut)
            begin, start = self._overlap_start(start, cut), cut

    def _choose_cut(self, begin: int, start: int, stop: int, rest: int) -> int | None:
        """Return where the chunk from `begin` ends, behind `start` and before `stop`.

        None when not even one character behind `start` fits.
        """
        limit = self._limit
        budget, least = limit, 0
        if 2 * rest < 3 * limit:
            # About half each, so that what is left fits into one more.
            budget = min(limit, (rest + self._overlap) // 2 + limit // 8)
            least = min(rest + self._overlap - limit, budget)
        bound = min(self._tokens.bound(begin, budget), stop - 1)
        cut = self._cut_between_atoms(begin, start, bound, budget, least)
        if cut is None:
            cut = self._cut_inside_atom(begin, start, bound, budget)
        if cut is None:
            cut = self._last_fitting(begin, boundaries.words(self._text, start, bound), budget)
        if cut is None:
            bound = min(self._tokens.bound(begin, limit), stop - 1)
            cut = self._cut_anywhere(begin, start, bound)
        return cut

    def _cut_between_atoms(
        self, begin: int, start: int, bound: int, budget: int, least: int
    ) -> int | None:
        """Return the best end before an atom: a heading's, else the last that is far enough.

        `least` is how many tokens the chunk should hold at least.
        """
        first = bisect_right(self._starts, start)
        last = bisect_right(self._starts, bound) - 1
        decent, half = max(self._limit // 3, least), max(budget // 2, least)
        best: int | None = None
        level = 0
        for atom in reversed(self._atoms[first : last + 1]):
            filled = self._about(begin, atom.start)
            if filled < decent:
                break
            higher = atom.level and (not level or atom.level < level)
            if not higher and (best is not None or filled < half):
                continue
            if self._tokens.count(begin, atom.start) <= budget:
                best, level = atom.start, atom.level
        return best

    def _cut_inside_atom(self, begin: int, start: int, bound: int, budget: int) -> int | None:
        """Return the last end inside the atom that reaches over the bound, or just before it."""
        index = bisect_right(self._starts, bound) - 1
        atom = self._atoms[index]
        after = max(start, atom.content)
        found = boundaries.inside(self._text, atom.kind, after, bound)
        cut = self._last_fitting(begin, found, budget)
        if cut is not None and self._about(begin, cut) >= self._limit // 4:
            return cut
        if atom.start > start and self._about(begin, atom.start) >= self._limit // 8:
            return self._last_fitting(begin, [atom.start], budget)
        return cut

    def _last_fitting(self, begin: int, candidates: list[int], budget: int) -> int | None:
        for candidate in reversed(candidates):
            if self._tokens.count(begin, candidate) <= budget:
                return candidate
        return None

    def _cut_anywhere(self, begin: int, start: int, bound: int) -> int | None:
        """Return the last end between two characters, found by bisection; None when none fits.

        Counts do not strictly grow with every character (a longer string may merge better), so
        this is near the last rather than the last; what it returns fits.
        """
        low, high = start, min(start + self._limit, bound)  # low fits, or is no cut at all
        while high < bound and self._tokens.count(begin, high) <= self._limit:
            low, high = high, min(2 * high - start, bound)
        while low < high:
            middle = (low + high + 1) // 2
            if self._tokens.count(begin, middle) <= self._limit:
                low = middle
            else:
                high = middle - 1
        if low == start:
            return None
        cut = boundaries.before_mark(self._text, start, low)
        return cut if self._tokens.count(begin, cut) <= self._limit else low

    def _overlap_start(self, previous: int, start: int) -> int:
        """Return where the chunk that goes on at `start` begins, with its overlap.

        Args:
            previous: Where the chunk before it went on; the overlap stays behind that.
            start: Where the chunk would begin without overlap.
        """
        if not self._overlap:
            return start
        lowest = max(previous + 1, self._paths.section_start(start))
        bound = max(self._tokens.bound_before(start, self._overlap), lowest)
        if bound >= start:
            return start
        atom = self._atoms[bisect_right(self._starts, start - 1) - 1]
        found = boundaries.inside(self._text, atom.kind, bound, start)
        first = bisect_left(self._starts, bound)
        found += self._starts[first : bisect_left(self._starts, start)]
        return (
            self._first_fitting(sorted(found), start)
            or self._first_fitting(boundaries.words(self._text, bound - 1, start), start)
            or start
        )

    def _first_fitting(self, candidates: list[int], end: int) -> int | None:
        for candidate in candidates:
            if candidate < end and self._tokens.count(candidate, end) <= self._overlap:
                return candidate
        return None
