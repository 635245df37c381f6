"""Where a document should be cut, from its structure alone.

Blocks become *atoms*, the parts between which cuts are considered first: a block, together with
the headings directly before it, so that a heading is never the end of a chunk. Atoms are grouped
into *runs*: no chunk crosses from one run into the next.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from ragkit.ingest.readers.extracted import Block, BlockKind


class Atom(NamedTuple):
    """A block and the headings before it.

    Attributes:
        start: Where it begins; it ends where the next one begins.
        content: Where its block begins, behind the headings.
        kind: The block's kind.
        level: The level of its first heading; 0 without one.
    """

    start: int
    content: int
    kind: BlockKind
    level: int


def regions(text: str, blocks: Sequence[Block]) -> Iterator[tuple[int, int]]:
    """Yield the spans of `text` that are to be chunked: all but metadata and white space."""
    start = 0
    for block in blocks:
        if block.kind == "metadata":
            if text[start : block.start].strip():
                yield start, block.start
            start = block.end
    if text[start:].strip():
        yield start, len(text)


def make_atoms(blocks: Sequence[Block], start: int, end: int) -> list[Atom]:
    """Return the atoms of a region, tiling it; one paragraph where no block is known."""
    atoms: list[Atom] = []
    first = bisect_left(blocks, start, key=lambda block: block.start)
    opened: Block | None = None
    for index in range(first, len(blocks)):
        block = blocks[index]
        if block.start >= end:
            break
        if block.kind == "heading":
            opened = opened or block
        elif opened is not None:
            atoms.append(Atom(opened.start, block.start, block.kind, opened.level or 1))
            opened = None
        elif not block.continues or not atoms:
            atoms.append(Atom(block.start, block.start, block.kind, 0))
    if opened is not None:  # headings with nothing below them
        atoms.append(Atom(opened.start, opened.start, "heading", opened.level or 1))
    if not atoms:
        return [Atom(start, start, "paragraph", 0)]
    if atoms[0].start > start:
        # White space, or text outside of all blocks.
        head = atoms[0]
        atoms[0] = Atom(start, max(head.content, start), head.kind, head.level)
    return atoms


def run_starts(
    atoms: Sequence[Atom], end: int, count: Callable[[int, int], int], limit: int
) -> list[int]:
    """Return the indexes of the atoms that begin a run, the first always among them.

    A run is broken before a heading,

    - where the section and what precedes it in the run fit into one chunk, if both are of decent
      size (a third of a chunk) and the section is no subsection of the run's own: different
      sections are not glued together when each can stand alone;
    - where they do not fit, unless one of the two is tiny (an eighth of a chunk): better a cut at
      a heading than inside a section.

    Args:
        atoms: The atoms of a region.
        end: Where the region ends.
        count: Tokens between two offsets, about.
        limit: Tokens that a chunk may hold.
    """
    decent, tiny = limit // 3, limit // 8
    headed = [index for index, atom in enumerate(atoms) if atom.level and index]
    starts = [0]
    own = atoms[0].level  # of the run's first section; 0 when text comes before any heading
    for index, section_end in zip(headed, _section_ends(atoms, headed, end), strict=True):
        atom = atoms[index]
        before = count(atoms[starts[-1]].start, atom.start)
        section = count(atom.start, section_end)
        if before + section <= limit:
            breaks = min(before, section) >= decent and not 0 < own < atom.level
        else:
            breaks = min(before, section) >= tiny
        if breaks:
            starts.append(index)
            own = atom.level
        elif own == 0 or atom.level < own:
            own = atom.level
    return starts


def _section_ends(atoms: Sequence[Atom], headed: Sequence[int], end: int) -> list[int]:
    """Return where each headed atom's section ends: at the next heading of no deeper level."""
    ends: list[int] = []
    open_sections: list[tuple[int, int]] = []  # (level, end) of following sections, nearest last
    for index in reversed(headed):
        level = atoms[index].level
        while open_sections and open_sections[-1][0] > level:
            open_sections.pop()
        ends.append(open_sections[-1][1] if open_sections else end)
        open_sections.append((level, atoms[index].start))
    ends.reverse()
    return ends


class HeadingPaths:
    """The headings in force at any offset."""

    def __init__(self, blocks: Sequence[Block]) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []
        self._paths: list[tuple[str, ...]] = [()]
        path: list[tuple[int, str]] = []
        for block in blocks:
            if block.kind != "heading":
                continue
            level = block.level or 1
            while path and path[-1][0] >= level:
                path.pop()
            if block.label:
                path.append((level, block.label))
            self._starts.append(block.start)
            self._ends.append(block.end)
            self._paths.append(tuple(label for _, label in path))

    def at(self, position: int) -> tuple[str, ...]:
        """Return the path of headings at an offset, outermost first; a heading's own included."""
        return self._paths[bisect_right(self._starts, position)]

    def section_start(self, position: int) -> int:
        """Return where the last heading before an offset ends, or where it begins when at it."""
        index = bisect_right(self._starts, position) - 1
        if index < 0:
            return 0
        return min(position, self._ends[index])
