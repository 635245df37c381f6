"""Words, their stems, and what kind of answer a question asks for."""

# Letters and digits of many scripts are this module's matter.
# ruff: noqa: RUF001

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import Enum
from functools import lru_cache

# Ideographs, kana and hangul: written without spaces, matched by pairs of characters.
_CJK = "\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\U00020000-\U0003ffff"
# Vowel signs and the like are no \w, but parts of words.
_MARKS = (
    "\u0300-\u036f\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0900-\u0963\u0966-\u109f\u1780-\u17d3"
)
_WORD = re.compile(rf"[{_CJK}]+|(?:(?![{_CJK}])[^\W_]|[{_MARKS}])+")
_ASCII_WORD = re.compile(r"[a-z0-9]+")
_SEAM = re.compile(r"([a-z])([A-Z])")
_IS_CJK = re.compile(f"[{_CJK}]")

_SUFFIXES = ("ingly", "edly", "ings", "ing", "ied", "ies", "ed", "ers", "er", "es", "s", "ly", "e")
_SHORTEST_STEM = 3


def words_of(text: str) -> list[str]:
    """Return the text's words in order, in lower case.

    Identifiers count as their parts (batchCreate and batch_create as "batch create"), CJK text as
    overlapping pairs of characters.
    """
    text = _SEAM.sub(r"\1 \2", text)
    if text.isascii():
        return _ASCII_WORD.findall(text.lower())
    words = _WORD.findall(text.lower())
    if not _IS_CJK.search(text):
        return words
    return [part for word in words for part in _pairs(word)]


def _pairs(word: str) -> list[str]:
    if len(word) < 2 or not _IS_CJK.match(word):
        return [word]
    return [word[index : index + 2] for index in range(len(word) - 1)]


@lru_cache(maxsize=65_536)
def stem(word: str) -> str:
    """Return an English word without its common endings; other words mostly stay as they are.

    It is cruder than Porter's stemmer, and only ever compares words with each other.
    """
    for suffix in _SUFFIXES:
        if word.endswith(suffix) and len(word) - len(suffix) >= _SHORTEST_STEM:
            return word[: -len(suffix)] + ("y" if suffix in ("ied", "ies") else "")
    return word


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


STOP_WORDS: frozenset[str] = _words(
    """
    a an the of in on at by for from with to and or but is are was were be been being do does did
    has have had what which who whom whose when where why how that this these those it its as not
    no there their his her he she they them can could may might will would shall should must about
    into than then also if so such i you we my your our me us much many s t
    """
)
"""English words that say nothing of a question's matter."""


class Kind(Enum):
    """What kind of answer a question asks for."""

    NUMBER = "number"
    TIME = "time"
    PERSON = "person"
    PLACE = "place"
    OTHER = "other"


_KINDS: tuple[tuple[Kind, re.Pattern[str]], ...] = (
    (
        Kind.NUMBER,
        re.compile(
            r"\bhow (?:many|much|long|old|far|often|large|big|high|tall|deep|fast|few|wide|heavy)\b"
            r"|\b(?:percent|percentage|population|maximum|minimum|limit|limits)\b"
            r"|\b(?:what|which) (?:is |was |are |were )?(?:the )?"
            r"(?:number|amount|size|rate|cost|price|length|speed|age)\b"
            r"|\bwie ?viele?\b|\bwie (?:lang|hoch|groß|alt|oft|weit)"
            r"|\bcu[aá]nt[oa]s?\b|\bcombien\b|\bсколько\b|多少|几"
        ),
    ),
    (
        Kind.TIME,
        re.compile(
            r"\bwhen\b|\b(?:what|which) (?:year|date|day|month|decade|century|time|period)"
            r"|\bwann\b|\bin welchem jahr\b|\bcu[aá]ndo\b|\bqué año\b|\bquand\b|\bкогда\b"
            r"|\bв каком году\b|什么时候|何时|哪一年"
        ),
    ),
    (
        Kind.PERSON,
        re.compile(
            r"\bwho(?:m|se)?\b|\b(?:what|which) (?:person|people|team|king|emperor|president"
            r"|company|group|organi[sz]ation)\b|\bwe(?:r|m|n|ssen)\b|\bqui[eé]n(?:es)?\b|\bqui\b"
            r"|\bкто\b|谁"
        ),
    ),
    (
        Kind.PLACE,
        re.compile(
            r"\bwhere\b|\b(?:what|which) (?:city|country|place|state|region|river|town)\b"
            r"|\bwo\b|\bwohin\b|\bd[oó]nde\b|\boù\b|\bгде\b|哪里"
        ),
    ),
)


def kind_of(question: str) -> Kind:
    """Return what kind of answer the question asks for, judged by its question words."""
    lower = question.lower()
    for kind, pattern in _KINDS:
        if pattern.search(lower):
            return kind
    return Kind.OTHER


_DIGITS = re.compile(r"\d[\d.,]*")
_NUMBER_WORDS = re.compile(
    r"\b(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|hundreds?|thousands?"
    r"|millions?|billions?|dozens?|half|thirds?|quarters?|once|twice|first|second|several|single"
    r"|both|zero|none|unlimited)\b",
    re.IGNORECASE,
)
_TIMES = re.compile(
    r"\b(?:1\d{3}|20\d{2})s?\b|\b(?:January|February|March|April|May|June|July|August|September"
    r"|October|November|December|(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day)\b"
    r"|\b(?:century|centuries|years?|months?|days?|hours?|minutes?|seconds?|today|now|until|since"
    r"|after|before|during|when|once|as soon as|BC|AD)\b"
)
_NEAR = 3  # words between a number and what it counts
_NAME = re.compile(r"(?<=[\w,;:)] )[A-Z][\w-]+")


def kind_marks(
    kind: Kind, sentence: str, words: Sequence[str], known: frozenset[str]
) -> tuple[bool, bool, bool]:
    """Return which marks a sentence has of what a question of this kind asks for.

    Args:
        kind: the question's kind.
        sentence: the sentence's text.
        words: the sentence's words.
        known: stems of the question's words; what the question says is no answer.

    Returns:
        NUMBER: whether it has digits, number words, digits close to a word of the question.
        TIME: digits, expressions of time, neither. PERSON and PLACE: a name, neither, neither.
    """
    if kind is Kind.OTHER:
        return False, False, False
    if kind in (Kind.PERSON, Kind.PLACE):
        return any(stem(x.lower()) not in known for x in _NAME.findall(sentence)), False, False
    digits = any(number.rstrip(".,") not in known for number in _DIGITS.findall(sentence))
    if kind is Kind.TIME:
        return digits, _TIMES.search(sentence) is not None, False
    numbers = [place for place, word in enumerate(words) if word[0].isdigit() and word not in known]
    near = any(
        stem(word) in known
        for place in numbers
        for word in words[max(0, place - _NEAR) : place + _NEAR + 1]
    )
    return digits, not digits and _NUMBER_WORDS.search(sentence) is not None, near
