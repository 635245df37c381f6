"""Places inside a block where a chunk may end: rows, items, lines, sentences, words, characters."""

# The marks of many scripts are this module's matter.
# ruff: noqa: RUF001

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right

from ragkit.ingest.readers.extracted import BlockKind
from ragkit.text.sentences import sentence_spans

_LINE = re.compile(r"[\n\r\f](?=[^\S\n\r\f]*+\S)")
_ITEM = re.compile(r"[\n\r\f](?=[^\S\n\r\f]*+(?:[-*+•‣▪◦]|\d{1,3}[.)])\s)")
_WORD = re.compile(r"\s(?=\S)")
_WORD_OR_CLAUSE = re.compile(
    r"\s(?=\S)|[\u3001\u3002\uff01\uff0c\uff0e\uff1a\uff1b\uff1f\uff64](?=[\u3040-\u9fff\uac00-\ud7af])"
)
_UNSPACED = re.compile(
    # Thai, Lao, Tibetan; Burmese; Khmer; kana, ideographs and their marks; ideographs beyond.
    r"[\u0e00-\u0fff\u1000-\u109f\u1780-\u17ff\u3000-\u30ff\u3400-\u9fff\uf900-\ufaff"
    r"\uff00-\uff9f\U00020000-\U0003ffff]"
)
_NEVER_FIRST = frozenset(
    "、。，．！？；：）」』】》〉〕］｝…‥・ーゝゞ々ぁぃぅぇぉっゃゅょゎァィゥェォッャュョヮヵヶ%％℃"
    "ะาำๅๆฯ"  # Thai vowels and marks that stand behind a consonant
    "ະາຳຽ"  # and Lao ones
)
_NEVER_LAST = frozenset("（「『【《〈〔［｛￥＄เแโใไເແໂໃໄ")

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

    So are places behind the punctuation of Chinese and Japanese, where no white space stands.
    """
    start = max(start, end - WINDOW)
    # One window is looked at once: most are of one script.
    ascii_only = text[start : end + 64].isascii()
    return _matches(_WORD if ascii_only else _WORD_OR_CLAUSE, text, start, end)


def is_unspaced(text: str, place: int) -> bool:
    """Whether the characters around a place are of a script that puts no spaces between words."""
    return _UNSPACED.match(text, place) is not None and _UNSPACED.match(text, place - 1) is not None


def before_mark(text: str, start: int, end: int) -> int:
    """Return `end`, or the last place before it (behind `start`) that tears no character apart.

    That is one before a character which does not join the one before it: no combining mark,
    joiner, variation selector or skin tone (a subset of Unicode's UAX 29 that needs no tables),
    no mark that begins no line of Chinese or Japanese, no vowel of Thai or Lao without its
    consonant.
    """
    for place in range(end, max(start, end - 32), -1):
        if not joins(text, place):
            return place
    return end


def joins(text: str, place: int) -> bool:
    """Whether the characters before and behind a place (past the first) belong together."""
    if place >= len(text):
        return False
    character, before = text[place], text[place - 1]
    return (
        unicodedata.category(character)[0] == "M"
        or character in "\u200d\u200c"
        or before == "\u200d"
        or "\U0001f3fb" <= character <= "\U0001f3ff"
        or character in _NEVER_FIRST
        or before in _NEVER_LAST
        or (before == "\r" and character == "\n")
        or ("\U0001f1e6" <= character <= "\U0001f1ff" and "\U0001f1e6" <= before <= "\U0001f1ff")
    )


def _matches(pattern: re.Pattern[str], text: str, start: int, end: int) -> list[int]:
    """Return the ends of matches behind `start` and up to `end`."""
    # A little more than asked for is searched, so that what follows `end` can be looked at.
    found = [match.end() for match in pattern.finditer(text, start, end + 64)]
    return found[: bisect_right(found, end)]
