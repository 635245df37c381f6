"""From a PDF page's lines to paragraphs: hyphens, running titles, line breaks."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence

_HYPHENS = "-\u2010\xad"
_HYPHEN_AT_END = re.compile(rf"([^\W\d_]+)[{_HYPHENS}]$")
_COMPOUND = re.compile(r"[^\W\d_]+-[^\W\d_]+")
_WORD = re.compile(r"[^\W\d_]+")
_ITEM = re.compile(r"(?:[•‣▪●○◦*\u2013\u2014-]|\(?\d{1,3}[.)]|\(?[a-z][.)])\s")
_STOP = re.compile("[.!?:;\u3002\uff01\uff1f][\"'\u201d\u2019)\\]]*$")
_DIGITS = re.compile(r"\d+")

_EDGE = 2
"""Lines at the top and bottom of a page among which running titles are looked for."""

_SHORT = 0.75
"""A line of less than this share of the text's width may be a paragraph's last."""


class Hyphens:
    """Whether a hyphen at a line's end is hyphenation, by the document's own words."""

    def __init__(self, pages: Sequence[Sequence[str]]) -> None:
        self._compounds: set[str] = set()
        self._words: set[str] = set()
        for lines in pages:
            for line in lines:
                if "-" in line:
                    self._compounds.update(map(str.casefold, _COMPOUND.findall(line)))
                self._words.update(map(str.casefold, _WORD.findall(line)))

    def join(self, line: str, following: str) -> str | None:
        """Return two lines as one where a word goes on from the first to the second.

        The hyphen stays before a capital (Jean-Pierre), and where the document has the word with
        it elsewhere and not without it. None when the first line does not end in a hyphenated
        word.
        """
        ending = _HYPHEN_AT_END.search(line)
        beginning = _WORD.match(following)
        if ending is None or beginning is None:
            return None
        first, second = ending[1].casefold(), beginning[0].casefold()
        compound = f"{first}-{second}" in self._compounds and first + second not in self._words
        stays = line[-1] != "\xad" and (compound or not following[0].islower())
        return (line if stays else line[:-1]) + following


def drop_running_lines(pages: Sequence[Sequence[str]]) -> Iterator[list[str]]:
    """Yield each page's lines without those that stand at the edge of most pages.

    Lines are compared but for their numbers. A document of less than four pages keeps all.
    """
    edges = [_edge_lines(lines) for lines in pages]
    counts = Counter(key for edge in edges for key in {key for _, key in edge})
    needed = max(3, 0.6 * sum(1 for edge in edges if edge))
    running = {key for key, count in counts.items() if count >= needed and len(pages) >= 4}
    for lines, edge in zip(pages, edges, strict=True):
        dropped = {index for index, key in edge if key in running}
        kept = [line for index, line in enumerate(lines) if index not in dropped]
        # What is all that a page has is no running title.
        yield kept if any(line.strip() for line in kept) else list(lines)


def _edge_lines(lines: Sequence[str]) -> list[tuple[int, str]]:
    """Return index and comparable form of the first and last lines with text."""
    filled = [index for index, line in enumerate(lines) if line.strip()]
    edge = sorted({*filled[:_EDGE], *filled[-_EDGE:]})
    return [(index, _DIGITS.sub("#", " ".join(lines[index].split()))) for index in edge]


def text_width(pages: Sequence[Sequence[str]]) -> int:
    """Return how many characters a full line of the document has (nine in ten have no more)."""
    lengths = sorted(len(line.strip()) for lines in pages for line in lines if line.strip())
    return lengths[len(lengths) * 9 // 10] if lengths else 0


def paragraphs(lines: Sequence[str], hyphens: Hyphens, width: int) -> list[str]:
    """Join a page's lines into paragraphs.

    A paragraph ends at a blank line, before a list item, and at a short line that ends in a stop
    or is followed by a capital or a number.

    Args:
        lines: The page's lines.
        hyphens: The document's.
        width: The document's, in characters (`text_width`).
    """
    found: list[str] = []
    current = ""
    last = ""  # the last line of the paragraph under way
    for raw in lines:
        line = raw.strip()
        if current and (not line or _ITEM.match(line) or _ends(last, line, width)):
            found.append(current)
            current = ""
        if not line:
            continue
        current = (hyphens.join(current, line) or f"{current} {line}") if current else line
        last = line
    if current:
        found.append(current)
    return found


def _ends(line: str, following: str, width: int) -> bool:
    if len(line) >= _SHORT * width or line[-1] in _HYPHENS:
        return False
    return _STOP.search(line) is not None or not following[0].islower()


def goes_on(before: str, after: str) -> bool:
    """Return whether a paragraph at a page's top goes on with the one before the page break."""
    return _STOP.search(before) is None and after[0].islower()
