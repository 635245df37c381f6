"""What a Word document's styles and numberings make of its paragraphs."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import Any

from ragkit.ingest.readers.extracted import BlockKind

W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"

_HEADING = re.compile(r"heading ([1-9])$")
_QUOTES = frozenset({"quote", "intense quote", "block text"})
_CODE = frozenset({"html preformatted", "code", "source code", "plain text", "macro text"})
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True, slots=True)
class ParagraphStyle:
    """What a paragraph is.

    Attributes:
        kind: A plain paragraph, quotation or code, where it is neither heading nor list item.
        level: A heading's level, from 1.
        marker: A list item's bullet or number.
        depth: How deep its list is in others, from 0.
    """

    kind: BlockKind = "paragraph"
    level: int | None = None
    marker: str | None = None
    depth: int = 0


@dataclass(slots=True)
class _Style:
    name: str = ""
    based_on: str = ""
    outline: int | None = None
    number: str | None = None
    depth: int = 0


class Styles:
    """A document's styles and numberings, and how far each numbering has come."""

    def __init__(self, document: Any) -> None:
        self._styles = {
            str(style.get(W + "styleId")): _read_style(style)
            for style in document.styles.element.iter(W + "style")
        }
        self._formats = _read_numbering(document)
        self._counts: Counter[tuple[str, int]] = Counter()
        # Under a title, the first headings are its parts.
        used = {
            self._styles[key].name
            for element in document.element.body.iter(W + "pStyle")
            if (key := str(element.get(W + "val"))) in self._styles
        }
        self._shift = 1 if "title" in used else 0

    def of(self, paragraph: Any) -> ParagraphStyle:
        """Return what a paragraph is; list items are to be asked for in their order, once."""
        own = paragraph.find(W + "pPr")
        chain = self._chain(child_value(own, "pStyle"))
        level = self._level(own, chain)
        if level is not None:
            return ParagraphStyle(level=level)
        names = {style.name for style in chain}
        number, depth = _numbering(own)
        if number is None:
            number, depth = next(
                ((style.number, style.depth) for style in chain if style.number is not None),
                (None, 0),
            )
        if number is not None and number != "0":
            return ParagraphStyle(marker=self._marker(number, depth), depth=depth)
        if not _QUOTES.isdisjoint(names):
            return ParagraphStyle("quote")
        return ParagraphStyle("code" if not _CODE.isdisjoint(names) else "paragraph")

    def _chain(self, key: str | None) -> list[_Style]:
        """Return a style and those that it is based on."""
        found: list[_Style] = []
        while key in self._styles and len(found) < 20:  # based on itself, in damaged files
            found.append(self._styles[key])
            key = found[-1].based_on
        return found

    def _level(self, own: Any, chain: list[_Style]) -> int | None:
        outline = _whole(child_value(own, "outlineLvl"))
        if outline is not None:
            return outline + 1 + self._shift if outline < 9 else None
        for style in chain:
            if style.name == "title":
                return 1
            if match := _HEADING.match(style.name):
                return int(match[1]) + self._shift
            if style.outline is not None:
                return style.outline + 1 + self._shift if style.outline < 9 else None
        return None

    def _marker(self, number: str, depth: int) -> str:
        self._counts[number, depth] += 1
        for deeper in range(depth + 1, 9):
            self._counts.pop((number, deeper), None)
        form, start = self._formats.get((number, depth), ("bullet", 1))
        count = self._counts[number, depth] + start - 1
        if form in ("lowerLetter", "upperLetter") and 1 <= count <= 26:
            letter = _LETTERS[count - 1]
            return (letter.upper() if form == "upperLetter" else letter) + "."
        return f"{count}." if form.startswith("decimal") else "-"


def child_value(element: Any, tag: str) -> str | None:
    """Return the `val` of an element's child; None where either is missing."""
    child = None if element is None else element.find(W + tag)
    return None if child is None else child.get(W + "val")


def _read_style(element: Any) -> _Style:
    own = element.find(W + "pPr")
    number, depth = _numbering(own)
    return _Style(
        (child_value(element, "name") or "").lower(),
        child_value(element, "basedOn") or "",
        _whole(child_value(own, "outlineLvl")),
        number,
        depth,
    )


def _numbering(own: Any) -> tuple[str | None, int]:
    """Return the numbering that paragraph properties name, and the depth in it."""
    numbering = None if own is None else own.find(W + "numPr")
    depth = _whole(child_value(numbering, "ilvl")) or 0
    return child_value(numbering, "numId"), min(max(depth, 0), 8)


def _read_numbering(document: Any) -> dict[tuple[str, int], tuple[str, int]]:
    """Return format and first number of each numbering's levels."""
    try:
        root = document.part.numbering_part.element
    except Exception:  # noqa: BLE001 none, in documents without lists; or damaged
        return {}
    abstract = {
        element.get(W + "abstractNumId"): element for element in root.iter(W + "abstractNum")
    }
    found: dict[tuple[str, int], tuple[str, int]] = {}
    for number in root.iter(W + "num"):
        levels = abstract.get(child_value(number, "abstractNumId"))
        for level in () if levels is None else levels.iter(W + "lvl"):
            start = _whole(child_value(level, "start"))
            form = child_value(level, "numFmt") or "bullet"
            depth = _whole(level.get(W + "ilvl")) or 0
            found[str(number.get(W + "numId")), depth] = form, 1 if start is None else start
    return found


def _whole(value: str | None) -> int | None:
    return int(value) if value is not None and value.isascii() and value.isdigit() else None
