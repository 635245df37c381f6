"""Sentence segmentation by rules, in one linear pass, with character spans.

The rules know prose in Latin scripts (abbreviations, initials, decimals, ellipses, quotes and
brackets after the stop), the stops of other scripts, quotations of Japanese, the spaces of Thai and
Lao (which stand between clauses and have no stops beside them), and the block structure of Markdown
and of plain text: blank lines, headings, list items, table rows and lines of code each end a
sentence.

Where a stop may or may not end a sentence the rules leave the text together: a quotation of two
sentences is longer than need be, half a sentence is wrong.
"""

# The stops and quotation marks of many scripts are this module's matter.
# ruff: noqa: RUF001

from __future__ import annotations

import re

from ragkit.text._abbreviations import (
    ABBREVIATIONS,
    ABBREVIATIONS_BEFORE_NUMBERS,
    MONTHS_AFTER_ORDINALS,
    SENTENCE_OPENERS,
)

_CLOSERS = r"""["'”’»›)\]}*_`~」』】）》〉]"""
_AFTER_STOP = rf"(?:\[\d{{1,3}}\]|{_CLOSERS})*+"  # closing marks, and notes such as [12]
_STOPS = r"[.!?…‽]"
# Stops that end a sentence even where no space follows: CJK, Arabic, Urdu, Devanagari, Ethiopic,
# Armenian, Khmer, Burmese, Tibetan.
_HARD_STOPS = r"[。！？．｡؟۔।॥።։។။།༎]"

# Every match starts with one class (which the engine scans for quickly) and then cannot fail, so
# that no run is ever scanned twice. Groups: 1 white space after a stop, 2 after a hard stop.
_CANDIDATE = re.compile(
    rf"[.!?…‽。！？．｡؟۔।॥።։។။།༎\n\r\f\v\u2029]"
    rf"(?:(?<={_STOPS}){_STOPS}*+{_AFTER_STOP}(\s*+)"
    rf"|(?<={_HARD_STOPS}){_HARD_STOPS}*+{_AFTER_STOP}(\s*+)"
    rf"|\s*+)"
)

_ITEM = r"(?:[-*+•‣▪●○◦]|\(?\d{1,3}[.)]|\(?[A-Za-z][)]|\(?[ivxIVX]{1,5}[)])[ \t]"
_ITEM_PATTERN = re.compile(_ITEM)
_BLOCK_PATTERN = re.compile(rf"{_ITEM}|#{{1,6}}[ \t]|\||```|~~~")  # starts a block of its own
_LINE_BLOCK_PATTERN = re.compile(r"#{1,6}[ \t]|\||(?:=+|-{2,})[ \t]*$", re.MULTILINE)  # one line
_UNDERLINE_PATTERN = re.compile(r"(?:={2,}|-{2,})[ \t]*$", re.MULTILINE)  # of a heading above
_FENCE_PATTERN = re.compile(r"(?:```+|~~~+)[ \t]*([^\s`]*)")
_MARKER_NUMBER = re.compile(r"\(?\d{1,3}$")
_WORD = re.compile(r"[^\W\d_]+(?:[’'][^\W\d_]+)?")
_TOKEN = re.compile(r"\S+")
_DOTTED = re.compile(r"(?:[^\W\d_]\.)+[^\W\d_]$|Ph\.D$")
_IDENTIFIER_MARK = re.compile(r"[A-Z_(:0-9]")
_OPENERS = frozenset("\"'“‘«‹([{*_`~¿¡„「『【（《〈")
_QUOTES = frozenset('"“‘«„`')  # a sentence may start with a quoted word in lower case
_LOOK_BACK = 24  # longer than any abbreviation

# What goes on with the sentence behind a quotation that itself ends in a stop: 「はい。」と言った。
_QUOTE_END = re.compile(r"[。！？．｡][」』]$")
_PARTICLES = frozenset("とっのはがをに")

# Thai and Lao put a space between clauses and sentences alike, and none between words; around
# numbers and foreign words it means nothing.
_CLAUSE_SPACE = re.compile(
    r"(?<=[\u0e01-\u0e3a\u0e40-\u0e4e\u0e81-\u0ecd])[ \u00a0]++"
    r"(?=[\u0e01-\u0e2e\u0e40-\u0e44\u0e81-\u0eae\u0ec0-\u0ec4])"
)
_CLAUSE_LENGTH = 40  # characters that clauses have together before they count as a sentence

_HEADING_LENGTH = 60


def sentence_spans(text: str) -> list[tuple[int, int]]:
    """Return the sentences of `text` as (start, end) character offsets.

    The spans are in order, none is empty and together they tile the text: white space after a
    sentence belongs to it, white space at the very start to the first. A blank line always ends
    a sentence; so does the end of a heading, a list item, a table row or a line of fenced code.
    Time is linear in the length of the text.
    """
    if not text:
        return []
    spans: list[tuple[int, int]] = []
    start = 0
    ends = _boundaries(text)
    if not text.isascii():
        ends = _with_clauses(text, ends)
    for end in ends:
        spans.append((start, end))
        start = end
    spans.append((start, len(text)))
    return spans


def _with_clauses(text: str, ends: list[int]) -> list[int]:
    """Return where sentences end, with the spaces of Thai and Lao that part long clauses."""
    spaces = [match.end() for match in _CLAUSE_SPACE.finditer(text)]
    if not spaces:
        return ends
    merged: list[int] = []
    last = number = 0
    for end in [*ends, len(text)]:
        while number < len(spaces) and spaces[number] < end:
            space = spaces[number]
            number += 1
            if min(space - last, end - space) >= _CLAUSE_LENGTH and text[last] != "|":
                merged.append(space)
                last = space
        merged.append(end)
        last = end
    return merged[:-1]


def _boundaries(text: str) -> list[int]:
    """Return where sentences end inside the text, in order."""
    length = len(text)
    if text.isspace():
        return []
    first = length - len(text.lstrip())
    last_fence = max(text.rfind("```"), text.rfind("~~~"))
    ends: list[int] = []
    line = first  # first character that is no white space of the current line
    paragraph = True  # whether the current line is its paragraph's first
    code = False
    if last_fence >= 0:
        code = _in_code(text, first, last_fence, code)
    for match in _CANDIDATE.finditer(text, first):
        end = match.end()
        if end == length:
            break
        kind = match.lastindex
        space = match.start() if kind is None else match.start(kind)
        breaks = _line_breaks(text, space, end)
        if breaks == 0:
            # A table's row is left whole.
            if not code and text[line] != "|" and _ends_here(text, match, space):
                ends.append(end)
            continue
        if (
            breaks > 1
            or code
            or _ends_block(text, line, space, end, paragraph)
            or _ends_here(text, match, space)
        ):
            ends.append(end)
        line = end
        paragraph = breaks > 1
        if last_fence >= 0:
            was_code = code
            code = _in_code(text, line, last_fence, code)
            if code != was_code and (not ends or ends[-1] != end):
                ends.append(end)
    return ends


def _line_breaks(text: str, start: int, end: int) -> int:
    """Return how many lines end in this white space; 2 or more for a new paragraph or page."""
    if end - start == 1:
        return 0 if text[start] == " " else _LONE_BREAKS.get(text[start], 0)
    space = text[start:end]
    if space.isspace() and ("\f" in space or "\u2029" in space):
        return 2
    return max(space.count("\n"), space.count("\r"), space.count("\v"))


_LONE_BREAKS = {"\n": 1, "\r": 1, "\v": 1, "\f": 2, "\u2029": 2}


def _in_code(text: str, line: int, last_fence: int, code: bool) -> bool:
    """Whether what follows the line that starts here is fenced code, given that it itself is.

    A fence with a language opens; a bare one closes what is open, or opens if another follows
    (a text cut out of a document may begin inside code).
    """
    fence = _FENCE_PATTERN.match(text, line)
    if fence is None:
        return code
    if fence[1]:
        return True
    return not code and line < last_fence


def _ends_block(text: str, line: int, line_end: int, next_line: int, paragraph: bool) -> bool:
    """Whether the line's end ends a block: a heading, a list item, a table row."""
    if _UNDERLINE_PATTERN.match(text, next_line):
        return False
    if _BLOCK_PATTERN.match(text, next_line) or _LINE_BLOCK_PATTERN.match(text, line, line_end):
        return True
    if _FENCE_PATTERN.match(text, line):
        return True
    if _ITEM_PATTERN.match(text, line):
        # An item goes on in lines that are indented.
        return text[next_line - 1] not in " \t"
    return paragraph and _is_plain_heading(text, line, line_end, next_line)


def _is_plain_heading(text: str, line: int, line_end: int, next_line: int) -> bool:
    """Whether a paragraph's first line is a heading without markup.

    It is short, ends in no mark, starts in upper case like the next line, and is far shorter
    than the next line, which the first line of a wrapped paragraph is not.
    """
    length = line_end - line
    if length > _HEADING_LENGTH or not (text[line].isupper() or text[line].isdigit()):
        return False
    if not text[line_end - 1].isalnum() or not text[next_line].isupper():
        return False
    return text.find("\n", next_line, next_line + length * 3 // 2) < 0 and (
        len(text) - next_line > length * 3 // 2
    )


def _ends_here(text: str, match: re.Match[str], space: int) -> bool:
    """Whether a candidate's stop (white space begins at `space`) ends the sentence."""
    kind = match.lastindex
    start, end = match.span()
    if kind == 2:
        return not _goes_on(text, start, space, end)
    if kind != 1 or space == end:
        return False
    following = text[end]
    opener = end
    while following in _OPENERS and opener < end + 4 and opener + 1 < len(text):
        opener += 1
        following = text[opener]
    if following.islower() and text[opener - 1] not in _QUOTES:
        token = _TOKEN.match(text, opener)
        if token is None or not _IDENTIFIER_MARK.search(token[0], 1):
            return False
    if text[start] != "." or text.startswith("..", start):
        return True
    before = text[max(0, start - _LOOK_BACK) : start]
    word = before.split()[-1] if before and not before[-1].isspace() else ""
    return _full_stop_ends(text, word.lstrip("\"'“‘«‹([{*_`~„¿¡"), start, opener)


def _goes_on(text: str, start: int, space: int, end: int) -> bool:
    """Whether the sentence goes on behind a stop of a script without spaces."""
    if text[start] == "．" and text[end].isdigit():
        return True  # ３．１４
    return text[end] in _PARTICLES and _QUOTE_END.search(text, start, space) is not None


def _full_stop_ends(text: str, word: str, stop: int, following: int) -> bool:
    """Whether the full stop after `word` ends the sentence; `following` is where text goes on."""
    if not word:
        return True
    lower = word.lower()
    if lower in ABBREVIATIONS:
        return ABBREVIATIONS[lower] and _opens_sentence(text, following)
    if lower in ABBREVIATIONS_BEFORE_NUMBERS and text[following].isdigit():
        return False
    if word[-1].isdigit():
        if _MARKER_NUMBER.match(word) and _starts_line(text, stop - len(word)):
            return False
        return not (
            len(word) <= 2 and (m := _WORD.match(text, following)) and m[0] in MONTHS_AFTER_ORDINALS
        )
    if len(word) == 1 and text.startswith(".", following + 1) and text[following].isalpha():
        return False  # "z. B.", "J. K. Rowling"
    if (len(word) == 1 and word.isupper()) or _DOTTED.search(word):
        return not _starts_line(text, stop - len(word)) and _opens_sentence(text, following)
    return True


def _opens_sentence(text: str, position: int) -> bool:
    """Whether the word here is one that usually opens a sentence, such as "The"."""
    word = _WORD.match(text, position)
    return word is not None and word[0] in SENTENCE_OPENERS


def _starts_line(text: str, position: int) -> bool:
    """Whether only white space (at most a list's indentation) stands before on the line."""
    while position > 0 and text[position - 1] in " \t>":
        position -= 1
    return position == 0 or text[position - 1] in "\n\r\f\v\u2029"
