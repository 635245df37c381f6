"""Places inside a block where a chunk may end: rows, items, lines, sentences, words, characters."""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right

from ragkit.ingest.readers.extracted import BlockKind
from ragkit.text.sentences import sentence_spans

_LINE = re.compile(r"[\n\r\f](?=[^\S\n\r\f]*+\S)")
_ITEM = re.compile(r"[\n\r\f](?=[^\S\n\r\f]*+(?:[-*+•‣▪◦]|\d{1,3}[.)])\s)")
_WORD = re.compile(r"\s(?=\S)")
_IDEOGRAPH = re.compile(r"[\u3001\u3002\uff01\uff0c\uff1b\uff1f](?=[\u3040-\u9fff])")

WINDOW = 1 << 15
"""Characters before a bound that are searched: more than most chunks hold, so that no search
grows with the text."""


def inside(text: str, kind: BlockKind, start: int, end: int) -> list[int]:
    """Return the places behind `start` and up to `end` where a block of this kind is best cut.

    Args:
        text: The whole text.
        kind: The block's kind.
        start: A place in the block.
        end: Another; what stands there decides whether it is itself a place to cut.
    """
    start = max(start, end - WINDOW)
    if kind in ("table", "code"):
        return _matches(_LINE, text, start, end)
    if kind == "list" and (items := _matches(_ITEM, text, start, end)):
        return items
    # One word more than asked for, so that a sentence's start at `end` itself is seen.
    spans = sentence_spans(text[start : end + 32])
    return [start + span[0] for span in spans[1:] if start + span[0] <= end]


def words(text: str, start: int, end: int) -> list[int]:
    """Return the starts of words behind `start` and up to `end`.

    Where there is no white space at all, places behind the punctuation of Chinese and Japanese.
    """
    start = max(start, end - WINDOW)
    return _matches(_WORD, text, start, end) or _matches(_IDEOGRAPH, text, start, end)


def before_mark(text: str, start: int, end: int) -> int:
    """Return `end`, or the last place before it (behind `start`) that tears no character apart.

    That is one before a character which does not join the one before it: no combining mark,
    joiner, variation selector or skin tone (a subset of Unicode's UAX 29 that needs no tables).
    """
    for place in range(end, max(start, end - 32), -1):
        if place >= len(text) or not _joins(text, place):
            return place
    return end


def _joins(text: str, place: int) -> bool:
    character, before = text[place], text[place - 1]
    return (
        unicodedata.category(character)[0] == "M"
        or character in "\u200d\u200c"
        or before == "\u200d"
        or "\U0001f3fb" <= character <= "\U0001f3ff"
        or (before == "\r" and character == "\n")
        or ("\U0001f1e6" <= character <= "\U0001f1ff" and "\U0001f1e6" <= before <= "\U0001f1ff")
    )


def _matches(pattern: re.Pattern[str], text: str, start: int, end: int) -> list[int]:
    """Return the ends of matches behind `start` and up to `end`."""
    # A little more than asked for is searched, so that what follows `end` can be looked at.
    found = [match.end() for match in pattern.finditer(text, start, end + 64)]
    return found[: bisect_right(found, end)]
