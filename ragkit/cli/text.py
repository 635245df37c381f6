"""Passages made for reading: where they stand, the part that matters, its terms highlighted."""

from __future__ import annotations

import re

from rich.console import Console
from rich.text import Text

from ragkit.cli.options import visible

_WORD = re.compile(r"\w+")
_SUFFIXES = ("ings", "ing", "edly", "ed", "ies", "es", "s", "ly", "e", "y")
_STOP_WORDS = frozenset(
    "a an and are as at be but by can do does for from had has have how i if in into is it its "  # noqa: SIM905
    "may no not of on or that the their then there these they this to was were what when where "
    "which who why will with you your".split()
)
_HEADING_SEPARATOR = " \u203a "
_SPACES = re.compile(r"\s+")


def highlight_pattern(query: str) -> re.Pattern[str] | None:
    """What matches a query's words, in any of their forms; None if it has none worth marking."""
    stems = []
    for word in dict.fromkeys(_WORD.findall(query.lower())):
        if word in _STOP_WORDS or (len(word) < 2 and word.isascii()):
            continue
        stem = next(
            (word[: -len(end)] for end in _SUFFIXES if word.endswith(end) and len(word) > 4), word
        )
        stems.append(re.escape(stem if len(stem) >= 3 else word))
    if not stems:
        return None
    # Words of scripts without spaces stand within others; the rest begin at a word's start.
    parts = [stem if not stem[0].isascii() else rf"\b{stem}\w*" for stem in stems]
    return re.compile("|".join(parts), re.IGNORECASE)


def excerpt(text: str, pattern: re.Pattern[str] | None, width: int) -> str:
    """At most about `width` characters of a text around its richest part, on one line."""
    line = on_one_line(text)
    if len(line) <= width:
        return line
    starts = [found.start() for found in pattern.finditer(line)] if pattern else []
    best = max(
        starts, key=lambda start: sum(start <= other < start + width for other in starts), default=0
    )
    begin = max(0, min(best - width // 6, len(line) - width))
    begin = line.rfind(" ", 0, begin) + 1 if begin else 0
    end = line.find(" ", begin + width)
    end = len(line) if end < 0 else end
    return ("… " if begin else "") + line[begin:end] + (" …" if end < len(line) else "")


def marked(text: str, pattern: re.Pattern[str] | None, base: str = "") -> Text:
    """The text with a query's words highlighted."""
    rendered = Text(text, style=base)
    if pattern is not None:
        rendered.highlight_regex(pattern, "bold yellow")
    return rendered


def place(
    source: str | None,
    page: int | None,
    headings: tuple[str, ...],
    fallback: str,
) -> Text:
    """Where a passage stands: source, page, headings."""
    rendered = Text(visible(source or fallback), style="bold cyan")
    if page is not None:
        rendered.append(f"  page {page}", style="cyan")
    if headings:
        rendered.append("  " + _HEADING_SEPARATOR.join(headings), style="dim")
    return rendered


def print_indented(console: Console, text: Text, indent: int) -> None:
    """Print a text wrapped to the console's width, each line indented, none padded."""
    for line in text.wrap(console, max(20, console.width - indent)):
        line.rstrip()
        console.print(Text(" " * indent) + line, soft_wrap=True)


def on_one_line(text: str) -> str:
    """The text with every run of white space as one space."""
    return _SPACES.sub(" ", text).strip()
