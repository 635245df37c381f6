r"""Exact token counts of any span of a text, from encoding the text once.

The encoding (cl100k_base) first cuts a text into pieces by a regular expression, then merges byte
pairs inside each piece. Its pattern, one alternative a line:

    '(?i:[sdmt]|ll|ve|re)
    [^\r\n\p{L}\p{N}]?+\p{L}++
    \p{N}{1,3}+
     ?[^\s\p{L}\p{N}]++[\r\n]*+
    \s++$  |  \s*[\r\n]  |  \s+(?!\S)  |  \s

With L a letter, N a number, S white space and P anything else, some places between two characters
are boundaries of pieces *whatever stands around them*:

    L | N P S    letters come last in every alternative that has them
    N | L P S    numbers stand alone in theirs
    P | N        so do they after a symbol
    P | space    white space but for line ends comes first in a piece, or among white space only

In each the left character is not white space, so that the piece before the boundary does not
depend on what follows (only `\s++$` and `\s+(?!\S)` look ahead). Counts therefore add up over
such *seams*: `count(a, c) = count(a, b) + count(b, c)` for any a < b < c with a seam at b. A
span's count is a difference of two running totals and at most two short strings, from its start
to its first seam and from its last seam to its end, that are encoded anew.
"""

from __future__ import annotations

import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from functools import cache, lru_cache
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from ragkit.text.tokens import count_tokens, encoding

Bytes: TypeAlias = NDArray[np.uint8]
Integers: TypeAlias = NDArray[np.int64]

FAR = 1024
"""Characters without a seam from which a stretch is not encoded as a whole.

Byte pairs are merged over the whole of a piece, and tiktoken's stack overflows in very long runs
of white space; both are kept bounded, and a chunk never holds more than this of such a stretch."""

MANY = 1 << 40
"""The count of a span that holds more than `FAR` characters without a seam: over any limit."""

_SHORT = 16
"""Characters of strings whose counts are remembered."""

_PIECE = 1 << 18
"""Characters encoded at a time."""

_OTHER, _LETTER, _NUMBER, _SPACE, _LINE_END, _SYMBOL = range(6)
"""Classes of characters. `_OTHER` is what Unicode versions disagree about: no seam touches it."""

_SEAMS = (
    (_LETTER, _NUMBER),
    (_LETTER, _SYMBOL),
    (_LETTER, _SPACE),
    (_LETTER, _LINE_END),
    (_NUMBER, _LETTER),
    (_NUMBER, _SYMBOL),
    (_NUMBER, _SPACE),
    (_NUMBER, _LINE_END),
    (_SYMBOL, _NUMBER),
    (_SYMBOL, _SPACE),
)


class TokenMap:
    """A text's tokens by character offset.

    Building costs little more than encoding the text once; memory is about 16 bytes a seam, that
    is some 4 bytes a character of prose.

    Raises:
        ValueError: The text holds lone surrogates, which no encoding and no request can carry.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        positions, totals = _seams_and_totals(text)
        # bisect reads a memoryview some four times faster than an array, and needs no list.
        self._positions = positions.data
        self._totals = totals.data

    def count(self, start: int, end: int) -> int:
        """Return the number of tokens of `text[start:end]`, or `MANY` (see there)."""
        positions, totals = self._positions, self._totals
        first = bisect_left(positions, start)
        last = bisect_right(positions, end) - 1
        if first > last:
            return self._count_anew(start, end)
        tokens: int = totals[last] - totals[first]
        seam = positions[first]
        if seam > start:
            short = seam - start <= _SHORT
            tokens += (
                _count_short(self.text[start:seam]) if short else self._count_anew(start, seam)
            )
        seam = positions[last]
        if seam < end:
            short = end - seam <= _SHORT
            tokens += _count_short(self.text[seam:end]) if short else self._count_anew(seam, end)
        return tokens if tokens < MANY else MANY

    def bound(self, start: int, budget: int) -> int:
        """Return where a span from `start` of at most `budget` tokens must have ended.

        That is the first seam to which there are more than `budget` tokens, or the text's end, or
        a place `FAR` from the seam before. No later end can fit. Most ends at the start of a word
        before it do; `count` tells.
        """
        positions, totals = self._positions, self._totals
        first = bisect_left(positions, start)
        head = self._count_anew(start, positions[first]) if positions[first] > start else 0
        if head > budget:
            return min(positions[first], start + FAR)
        seam = bisect_right(totals, totals[first] + budget - head)
        if seam == len(positions):
            return len(self.text)
        return min(positions[seam], positions[seam - 1] + FAR)

    def bound_before(self, end: int, budget: int) -> int:
        """Return where a span of at most `budget` tokens up to `end` must not yet have begun.

        That is the last seam from which there are more than `budget` tokens, or the text's start,
        or a place `FAR` from the seam behind.
        """
        positions, totals = self._positions, self._totals
        last = bisect_right(positions, end) - 1
        tail = self._count_anew(positions[last], end) if positions[last] < end else 0
        if tail > budget:
            return max(positions[last], end - FAR)
        seam = bisect_left(totals, totals[last] + tail - budget) - 1
        return max(positions[seam], positions[seam + 1] - FAR) if seam >= 0 else 0

    def about(self, position: int) -> int:
        """Return about how many tokens stand before `position`: within a word of it."""
        return self._totals[bisect_right(self._positions, position) - 1]

    def about_each(self, positions: Sequence[int]) -> list[int]:
        """Return `about` of each of many positions."""
        seams = np.searchsorted(np.asarray(self._positions), positions, side="right") - 1
        found: list[int] = np.asarray(self._totals)[seams].tolist()
        return found

    def _count_anew(self, start: int, end: int) -> int:
        if end - start <= _SHORT:
            return _count_short(self.text[start:end])
        return count_tokens(self.text[start:end]) if end - start <= FAR else MANY


@lru_cache(maxsize=1 << 15)
def _count_short(text: str) -> int:
    # Most of what is counted anew is a word, or the white space behind one: the same few.
    return count_tokens(text)


def _seams_and_totals(text: str) -> tuple[Integers, Integers]:
    """Return the seams' offsets, with the text's two ends, and the tokens before each."""
    if not text:
        return np.zeros(1, np.int64), np.zeros(1, np.int64)
    seams = _find_seams(text)
    positions: list[Integers] = [np.zeros(1, np.int64)]
    totals: list[Integers] = [np.zeros(1, np.int64)]
    total = 0
    for first, last in _pieces(seams):
        start, end = int(seams[first]), int(seams[last])
        inner = seams[first + 1 : last + 1]
        if end - start > FAR and len(inner) == 1:
            found, counts = inner, np.full(1, MANY, np.int64)
        else:
            found, counts = _count_piece(text[start:end], inner - start)
            found = found + start
        positions.append(found)
        totals.append(counts + total)
        total = int(totals[-1][-1])
    return np.concatenate(positions), np.concatenate(totals)


def _pieces(seams: Integers) -> list[tuple[int, int]]:
    """Group neighbouring seams, by index, into pieces to encode; a far stretch stands alone."""
    pieces: list[tuple[int, int]] = []
    far = np.flatnonzero(np.diff(seams) > FAR).tolist()
    near = 0
    for stretch in [*far, len(seams) - 1]:
        while near < stretch:
            reach = int(np.searchsorted(seams, seams[near] + _PIECE, side="right")) - 1
            following = min(stretch, max(reach, near + 1))
            pieces.append((near, following))
            near = following
        if stretch < len(seams) - 1:
            pieces.append((stretch, stretch + 1))
            near = stretch + 1
    return pieces


def _count_piece(text: str, seams: Integers) -> tuple[Integers, Integers]:
    """Return which of the seams (offsets in `text`, its end last) hold, and the tokens up to each.

    A seam that were no token's end would be one where tiktoken's Unicode tables contradict ours:
    it is left out.
    """
    tokens = encoding().encode_to_numpy(text, disallowed_special=())
    ends = _byte_lengths()[tokens].cumsum()
    is_seam = np.zeros(int(ends[-1]) + 1, np.bool_)
    offsets = seams if text.isascii() else _byte_offsets(text)[seams]
    is_seam[offsets] = True
    counts = np.flatnonzero(is_seam[ends]) + 1
    if len(counts) < len(seams):
        at_end = np.zeros_like(is_seam)
        at_end[ends] = True
        seams = seams[at_end[offsets]]
    return seams, counts


def _byte_offsets(text: str) -> Integers:
    """Return the UTF-8 offset of each character and of the end."""
    units = np.frombuffer(text.encode() + b"\0", np.int8)
    # Those that continue a character, 0b10xxxxxx, are the lowest 64 of a signed byte's values.
    return np.flatnonzero(units >= -64)


def _find_seams(text: str) -> Integers:
    """Return the offsets of seams in order, with the text's start and end around them."""
    found: list[Integers] = [np.zeros(1, np.int64)]
    for start in range(0, len(text), _PIECE):
        # One character more, so that the seam between two windows is seen.
        classes = _classes(text[start : start + _PIECE + 1])
        found.append(np.flatnonzero(_seam_table()[(classes[:-1] << 3) | classes[1:]]) + start + 1)
    found.append(np.full(1, len(text), np.int64))
    return np.concatenate(found)


def _classes(text: str) -> Bytes:
    table = _class_table()
    if text.isascii():
        return table[:128][np.frombuffer(text.encode("ascii"), np.uint8)]
    try:
        points = np.frombuffer(text.encode("utf-32-le"), np.uint32)
    except UnicodeEncodeError as error:
        raise ValueError("the text holds lone surrogates") from error
    # Beyond the basic plane all is `_OTHER`, the table's last entry.
    return table[np.minimum(points, len(table) - 1)]


@cache
def _seam_table() -> NDArray[np.bool_]:
    table = np.zeros(64, np.bool_)
    for left, right in _SEAMS:
        table[left << 3 | right] = True
    return table


@cache
def _class_table() -> Bytes:
    """Return the class of each character of the basic plane, and `_OTHER` at its end."""
    table = np.full(0x10000 + 1, _OTHER, np.uint8)
    old = unicodedata.ucd_3_2_0
    for point in range(0x10000):
        character = chr(point)
        category = unicodedata.category(character)
        # What was already the same in Unicode 3.2 is the same in tiktoken's version too.
        if category == old.category(character):
            table[point] = _class(character, category)
    return table


def _class(character: str, category: str) -> int:
    if category[0] == "L":
        return _LETTER
    if category[0] == "N":
        return _NUMBER
    if character in "\r\n":
        return _LINE_END
    if character in "\t ":
        return _SPACE
    if category[0] in "PSM" or category == "Cf":
        return _SYMBOL
    return _OTHER


@cache
def _byte_lengths() -> Integers:
    """Return the length in bytes of each token by number; 0 for numbers without a token."""
    codec = encoding()
    lengths = np.zeros(codec.n_vocab, np.int64)
    for token in range(codec.n_vocab):
        try:
            lengths[token] = len(codec.decode_single_token_bytes(token))
        except KeyError:
            continue
    return lengths
