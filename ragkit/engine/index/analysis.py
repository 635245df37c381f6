"""Text to terms: the one analysis that indexed text and queries share.

A term is a word's stem. Identifiers (`batchCreate`, `snake_case`, `corpora.query`, `2,043`) give
their parts and, besides, themselves. Scripts that are written without spaces (Chinese, Japanese,
Thai, ...) and Korean give each pair of neighbouring characters, and characters that can stand for
a word (Han, Hangul) by themselves, so that any part of a run can be found. Every term also
remembers the form it was written in, so that `organized` can be told from `organizes` although
their stem is the same.

Stemmers: Snowball English for Latin script and Snowball Russian for Cyrillic; each leaves the
other's script alone, so no language needs to be guessed.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Any, NamedTuple, TypeAlias
from zlib import crc32

import numpy as np
import tantivy
from numpy.typing import NDArray

TERM = np.dtype([("code", "<u4"), ("form", "<u2")])
"""One term: the CRC-32 of its spelling, and the low half of that of the form it was written in."""

Terms: TypeAlias = NDArray[Any]
"""Terms in the order of their text, of dtype `TERM`."""

MAX_TERM_LENGTH = 64
"""Characters of a word that count: a longer run is data, not a word."""

_CACHED_WORDS = 100_000
_CACHED_LENGTH = 24

# Scripts written without spaces between words, and Korean, whose particles cling to the word.
_UNSPACED = (
    "\u0e01-\u0e3a\u0e40-\u0e4e\u0e81-\u0ecd\u1000-\u1049\u1050-\u109f\u1780-\u17d3"
    "\u3005-\u3007\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff"
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uac00-\ud7af\U00020000-\U0003ffff"
)
# Vowel signs and other marks belong to the word, though Python's \w leaves them out.
_MARKS = "\u0300-\u036f\u0483-\u0487\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06dc"
_INDIC = "\u0900-\u0963\u0966-\u0df3\u0f71-\u0f84\u1a17-\u1a1b"
_LETTER = rf"[\w{_MARKS}{_INDIC}{_UNSPACED}]"
_WORD = re.compile(rf"{_LETTER}+(?:(?:[.:@]|(?<=\d),(?=\d)){_LETTER}+)*")
_CHARACTERS = re.compile(
    "[\u3005-\u3007\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\U00020000-\U0003ffff]"
)
_RUN = re.compile(rf"[{_UNSPACED}]+|[^{_UNSPACED}]+")
_HAS_UNSPACED = re.compile(f"[{_UNSPACED}]")
_SEPARATORS = re.compile(r"[._:@,]+|(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")

_QUESTION_WORDS = """
a an the of in on at to for from by with and or is are was were be been being do does did has
have had what which who whom whose when where why how that this these those it its as than then
there if s t many much can could should will may might would i you he she they we me my your his
her their our
"""


@dataclass(frozen=True, slots=True)
class Analysis:
    """The terms of a text in its order: spelled, with spaces between them, and as codes."""

    spelled: str
    terms: Terms


class _Entry(NamedTuple):
    """What a word gives: its terms as in `Analysis`, the codes as bytes."""

    spelled: str
    terms: bytes


_known: dict[str, _Entry] = {}


def analyse(text: str) -> Analysis:
    """Split a text into terms.

    Args:
        text: any text; it is brought into Unicode's NFKC form first.

    Returns:
        The terms; none for a text without letters and digits.
    """
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    words = _WORD.findall(text)
    entries = [_known.get(word) or _entry(word) for word in words]
    return Analysis(
        " ".join([entry.spelled for entry in entries]).strip(),
        np.frombuffer(b"".join([entry.terms for entry in entries]), TERM),
    )


@cache
def stop_codes() -> frozenset[int]:
    """Return the codes of English words that only give a question its shape."""
    return frozenset(analyse(_QUESTION_WORDS).terms["code"].tolist())


def _entry(word: str) -> _Entry:
    pairs = [
        (term[:MAX_TERM_LENGTH], form[:MAX_TERM_LENGTH]) for term, form in _terms(word) if term
    ]
    codes = [(_code(term), _code(form) & 0xFFFF) for term, form in pairs]
    entry = _Entry(" ".join(term for term, _ in pairs), np.array(codes, TERM).tobytes())
    if len(word) <= _CACHED_LENGTH:
        if len(_known) >= _CACHED_WORDS:
            _known.clear()
        _known[word] = entry
    return entry


def _code(term: str) -> int:
    return crc32(term.encode("utf-8", "surrogatepass"))


def _terms(word: str) -> Iterator[tuple[str, str]]:
    pieces = [piece for piece in _SEPARATORS.split(word) if piece]
    for piece in pieces:
        if not _HAS_UNSPACED.search(piece):
            yield _stem(piece), piece.lower()
            continue
        for run in _RUN.findall(piece):
            if _HAS_UNSPACED.search(run):
                yield from ((gram, gram) for gram in _grams(run))
            else:
                yield _stem(run), run.lower()
    if len(pieces) > 1:
        whole = word.strip("_").replace(",", "")
        yield _stem(whole), whole.lower()


def _grams(run: str) -> Iterator[str]:
    if len(run) == 1:
        yield run
        return
    yield from _CHARACTERS.findall(run)
    yield from (first + second for first, second in pairwise(run))


def _stem(word: str) -> str:
    stems: list[str] = _stemmer().analyze(word[:MAX_TERM_LENGTH])
    return stems[0] if stems else word.lower()


@cache
def _stemmer() -> tantivy.TextAnalyzer:
    chain = tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.raw())
    for step in (
        tantivy.Filter.lowercase(),
        tantivy.Filter.stemmer("russian"),
        tantivy.Filter.ascii_fold(),
        tantivy.Filter.stemmer("english"),
    ):
        chain = chain.filter(step)
    return chain.build()
