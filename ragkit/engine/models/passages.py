"""Passages as sentences, each with its form within the document."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

from ragkit.text.sentences import sentence_spans


class Form(IntEnum):
    """What a sentence is within its document."""

    PROSE = 0
    CODE = 1  # a line between fences
    HEADING = 2  # a heading, or a table's header: context for what follows
    MARKUP = 3  # fences, rules, table separators: no words of its own


_HEADING_PATTERN = re.compile(r"#{1,6}\s")
_SETEXT_PATTERN = re.compile(r"[^\n]+\n(?:={2,}|-{2,})$")
_MARKUP_PATTERN = re.compile(r"(?:```|~~~)|[|\s:=_*~-]+$")
_BLOCK_MARK = re.compile(r"(?:(?:[-*+•‣▪●○◦]|\(?\d{1,3}[.)]|>|#{1,6})[ \t]+)+")


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence of a passage: `text` is the passage's text from `start` to `end`."""

    passage: int
    start: int
    end: int
    text: str
    form: Form


def sentences_of(passages: Sequence[str]) -> list[Sentence]:
    """Return the passages' sentences in order, without white space and block markers around."""
    sentences: list[Sentence] = []
    for number, passage in enumerate(passages):
        first = len(sentences)
        code = False
        for start, end in sentence_spans(passage):
            text = passage[start:end].strip()
            if not text:
                continue
            start = passage.index(text, start, end)
            form = _form(text)
            if text.startswith(("```", "~~~")):
                code = not code
            elif code:
                form = Form.CODE
            if form is Form.MARKUP and text[0] == "|" and len(sentences) > first:
                above = sentences[-1]
                if above.text[0] == "|" and above.form is Form.PROSE:
                    sentences[-1] = Sentence(
                        number, above.start, above.end, above.text, Form.HEADING
                    )
            mark = _BLOCK_MARK.match(text)
            if mark is not None and form is not Form.CODE and mark.end() < len(text):
                start += mark.end()
                text = text[mark.end() :]
            sentences.append(Sentence(number, start, start + len(text), text, form))
    return sentences


def _form(text: str) -> Form:
    if _MARKUP_PATTERN.match(text):
        return Form.MARKUP
    if _HEADING_PATTERN.match(text) or _SETEXT_PATTERN.match(text):
        return Form.HEADING
    return Form.PROSE
