"""Places where source code is best cut: before definitions, else behind blank lines.

No language is parsed. What the common ones share is enough: a definition begins on a line of its
own with one of few words, what belongs to it (comments, decorators, attributes) stands directly
above, and what contains it is less indented.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_LINE = re.compile(r"(?:(?<=[\n\r\f])|^)([^\S\n\r\f]*+)(\S[^\n\r\f]*+)")
_MODIFIERS = (
    "export|default|declare|public|private|protected|internal|static|final|abstract|async|unsafe|"
    r"extern|virtual|override|inline|constexpr|open|sealed|partial|local|suspend|data|pub(?:\([\w:]+\))?"
)
_DEFINITION = re.compile(
    rf"(?:(?:{_MODIFIERS})[ \t]+)*+"
    r"(?:def|class|func|fn|function|fun|sub|proc|procedure|module|namespace|interface|trait|impl|"
    r"struct|enum|union|type|object|record|protocol|extension|template|macro_rules!|defmodule|"
    r"(?i:create)[ \t])"
    r"(?=[ \t<(*]|$)"
)
_LEAD = re.compile(r"#(?!include|define|if|endif|else)|//|/\*|\*|--|;|@|\[[^\]]*\]$|%|<!--")
"""A comment, decorator or attribute: it belongs to what stands below it."""

_TAB = 4


@dataclass(frozen=True, slots=True, order=True)
class CodePlace:
    """A place to cut, the better the smaller.

    Attributes:
        rank: 0 before a definition, 1 behind a blank line.
        indent: Columns by which the line there is indented.
        back: The offset with its sign turned: of equals the last is the best.
    """

    rank: int
    indent: int
    back: int

    @property
    def place(self) -> int:
        """Where it is: the start of a line."""
        return -self.back


def code_places(text: str, start: int, end: int) -> list[CodePlace]:
    """Return the places behind `start` and up to `end` where a definition or a stanza begins.

    Args:
        text: The whole text.
        start: A place in the code, at the start of a line or not.
        end: Another; a line that begins there is looked at as a whole.
    """
    places: list[CodePlace] = []
    lead: int | None = None  # where the comments directly above begin
    line_end = start
    for line in _LINE.finditer(text, start, _line_end(text, end)):
        place = line.start()
        blank = max(text.count("\n", line_end, place), text.count("\r", line_end, place)) > 1
        line_end = line.end()
        first = place if lead is None or blank else lead
        indent = len(line[1].expandtabs(_TAB))
        if _DEFINITION.match(text, line.start(2)):
            places.append(CodePlace(0, indent, -first))
        elif blank:
            places.append(CodePlace(1, indent, -place))
        lead = first if _LEAD.match(text, line.start(2), line_end) else None
    return [found for found in places if start < found.place <= end]


def _line_end(text: str, position: int) -> int:
    end = text.find("\n", position, position + 512)
    return end if end >= 0 else min(len(text), position + 512)
