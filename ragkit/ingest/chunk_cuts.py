"""Where a chunk ends: the choice among the places that a document offers."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ragkit.ingest import chunk_boundaries as boundaries
from ragkit.ingest.chunk_code import code_places
from ragkit.ingest.chunk_sections import Atom
from ragkit.ingest.chunk_tables import TableHeaders

if TYPE_CHECKING:
    # Its module imports numpy, which the command line does without until it splits.
    from ragkit.ingest.chunk_tokens import TokenMap


@dataclass(slots=True)
class Room:
    """What a chunk may take.

    Attributes:
        begin: Where it begins, overlap included.
        start: Behind this it must end.
        stop: Before this it must end: the end of the run.
        limit: Tokens that it may hold.
        budget: Tokens that it should hold at most.
        least: Tokens that it should hold at least.
        bound: No later end fits into the budget.
    """

    begin: int
    start: int
    stop: int
    limit: int
    budget: int
    least: int
    bound: int


class Cutter:
    """Chooses the ends of chunks in one region of a text."""

    def __init__(
        self,
        text: str,
        tokens: TokenMap,
        headers: TableHeaders,
        atoms: Sequence[Atom],
        overlap: int,
    ) -> None:
        self._text = text
        self._tokens = tokens
        self._headers = headers
        self._atoms = atoms
        self._overlap = overlap
        self._starts = [atom.start for atom in atoms]
        self._filled = tokens.about_each(self._starts)  # about how many tokens before each

    def choose(self, begin: int, start: int, stop: int, rest: int, limit: int) -> int | None:
        """Return where the chunk from `begin` ends, behind `start` and before `stop`.

        None when not even one character behind `start` fits.

        Args:
            begin: Where it begins, overlap included.
            start: Where it would begin without.
            stop: Where the run ends.
            rest: Tokens from `begin` to `stop`, more than `limit`.
            limit: Tokens that it may hold.
        """
        budget, least = limit, 0
        if 2 * rest < 3 * limit:
            # About half each, so that what is left fits into one more.
            budget = min(limit, (rest + self._overlap) // 2 + limit // 8)
            least = min(rest + self._overlap - limit, budget)
        bound = min(self._tokens.bound(begin, budget), stop - 1)
        room = Room(begin, start, stop, limit, budget, least, bound)
        cut = self._between_atoms(room)
        if cut is None:
            cut = self._inside_atom(room)
        if cut is None:
            cut = self._between_words(room)
        return self._anywhere(room) if cut is None else cut

    def _between_atoms(self, room: Room) -> int | None:
        """Return the best end before an atom: a heading's, else the last that is far enough."""
        begin, budget, least = room.begin, room.budget, room.least
        first = bisect_right(self._starts, room.start)
        last = bisect_right(self._starts, room.bound) - 1
        if last < first:
            return None
        before = self._tokens.about(begin)
        decent, half = max(room.limit // 3, least), max(budget // 2, least)
        best: int | None = None
        level = 0
        for index in range(last, first - 1, -1):
            filled = self._filled[index] - before
            if filled < decent:
                break
            atom = self._atoms[index]
            higher = atom.level and (not level or atom.level < level)
            if not higher and (best is not None or filled < half):
                continue
            if self._tokens.count(begin, atom.start) <= budget:
                best, level = atom.start, atom.level
        return best

    def _inside_atom(self, room: Room) -> int | None:
        """Return the best end inside the atom that reaches over the bound, or just before it."""
        begin = room.begin
        atom = self._atoms[bisect_right(self._starts, room.bound) - 1]
        after = max(room.start, atom.content)
        if atom.kind == "code" and (cut := self._in_code(room, after)) is not None:
            return cut
        found = boundaries.inside(self._text, atom.kind, after, room.bound)
        cut = self._last_fitting(room, found)
        # A table's header without any of its rows is no good end.
        rows = self._headers.rows_start(atom.content) if atom.kind == "table" else after
        if cut is not None and cut > rows and self._about(begin, cut) >= room.limit // 4:
            return cut
        if atom.start > room.start and self._about(begin, atom.start) >= room.limit // 8:
            return self._last_fitting(room, [atom.start])
        return cut

    def _in_code(self, room: Room, after: int) -> int | None:
        """Return the best end before a definition or behind a blank line, if far enough."""
        enough = (max(room.limit // 3, room.least), max(room.budget // 2, room.least))
        for found in sorted(code_places(self._text, after, room.bound)):
            if (
                self._about(room.begin, found.place) >= enough[found.rank]
                and self._tokens.count(room.begin, found.place) <= room.budget
            ):
                return found.place
        return None

    def _between_words(self, room: Room) -> int | None:
        cut = self._last_fitting(room, boundaries.words(self._text, room.start, room.bound))
        if (
            cut is not None
            and self._about(room.begin, cut) < room.limit // 4
            and boundaries.is_unspaced(self._text, room.bound)
        ):
            return None  # words of such a script have no white space between them
        return cut

    def _last_fitting(self, room: Room, candidates: list[int]) -> int | None:
        count, begin, budget = self._tokens.count, room.begin, room.budget
        for candidate in reversed(candidates):
            if count(begin, candidate) <= budget:
                return candidate
        return None

    def _anywhere(self, room: Room) -> int | None:
        """Return the last end between two characters, found by bisection; None when none fits.

        Counts do not strictly grow with every character (a longer string may merge better), so
        this is near the last rather than the last; what it returns fits.
        """
        begin, start, limit, count = room.begin, room.start, room.limit, self._tokens.count
        bound = min(self._tokens.bound(begin, limit), room.stop - 1)
        low, high = start, min(start + limit, bound)  # low fits, or is no cut at all
        while high < bound and count(begin, high) <= limit:
            low, high = high, min(2 * high - start, bound)
        while low < high:
            middle = (low + high + 1) // 2
            if count(begin, middle) <= limit:
                low = middle
            else:
                high = middle - 1
        if low == start:
            return None
        cut = boundaries.before_mark(self._text, start, low)
        return cut if count(begin, cut) <= limit else low

    def _about(self, start: int, end: int) -> int:
        return self._tokens.about(end) - self._tokens.about(start)
