"""Source code: the text as it stands, a block for each definition and each run of statements.

No language is parsed. What every formatted program shows is enough to cut it well: a definition
begins at a line's first column, outside of brackets, strings and comments. Where that is wrong, a
chunk is cut at a worse place; no text is ever lost.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePath

from ragkit.ingest.readers.decoding import decode
from ragkit.ingest.readers.extracted import Block, Extracted, MetadataValue

_BRACKETS = r"[\[({\])}]"
_QUOTED = r'"(?:\\.|[^"\\\n])*+"?|' + r"'(?:\\.|[^'\\\n])*+'?"
_STARS = r"/\*(?:[^*]|\*(?!/))*+(?:\*/)?"
_SLASHES = rf"//[^\n]*+|{_STARS}"
_DASHES = r"--[^\n]*+"
_LONG_STRING = r'"(?:\\[\s\S]|[^"\\])*+"?'
_CHARACTER = r"'(?:\\.[^'\n]{0,8}|[^\\'\n])'"
_HASH = r"(?:(?<=\s)|(?<![\s\S]))#[^\n]*+"
_TRIPLE = r'"""(?:\\[\s\S]|[^"\\]|"(?!""))*+(?:""")?|' + r"'''(?:\\[\s\S]|[^'\\]|'(?!''))*+(?:''')?"
_BACKTICKS = r"`(?:\\[\s\S]|[^`\\])*+`?"

_SCANNERS = {
    "slashes": re.compile("|".join((_SLASHES, _TRIPLE, _QUOTED, _BACKTICKS, _BRACKETS))),
    # A single quote is a lifetime more often than a character.
    "rust": re.compile("|".join((_SLASHES, _LONG_STRING, _CHARACTER, _BRACKETS))),
    "hash": re.compile("|".join((_HASH, _TRIPLE, _QUOTED, _BRACKETS))),
    "dashes": re.compile("|".join((_DASHES, _STARS, _QUOTED, _BRACKETS))),
}
"""What hides brackets and line starts, and the brackets, by a language's manner of comments."""

_SUFFIXES: dict[str, tuple[str, str]] = {
    **dict.fromkeys(("py", "pyi", "pyw"), ("python", "hash")),
    **dict.fromkeys(("js", "mjs", "cjs", "jsx"), ("javascript", "slashes")),
    **dict.fromkeys(("ts", "mts", "cts", "tsx"), ("typescript", "slashes")),
    **dict.fromkeys(("c", "h"), ("c", "slashes")),
    **dict.fromkeys(("cc", "cpp", "cxx", "hh", "hpp", "hxx"), ("c++", "slashes")),
    "java": ("java", "slashes"),
    "cs": ("csharp", "slashes"),
    "go": ("go", "slashes"),
    "rs": ("rust", "rust"),
    **dict.fromkeys(("kt", "kts"), ("kotlin", "slashes")),
    "swift": ("swift", "slashes"),
    "scala": ("scala", "slashes"),
    "dart": ("dart", "slashes"),
    "php": ("php", "slashes"),
    "rb": ("ruby", "hash"),
    **dict.fromkeys(("sh", "bash", "zsh"), ("shell", "hash")),
    "r": ("r", "hash"),
    "jl": ("julia", "hash"),
    **dict.fromkeys(("pl", "pm"), ("perl", "hash")),
    "lua": ("lua", "dashes"),
    "sql": ("sql", "dashes"),
    "hs": ("haskell", "dashes"),
}

CODE_SUFFIXES = tuple(_SUFFIXES)

_CANDIDATE = re.compile(
    r"^(?![\s})\]{]|(?:end|else|elif|elsif|except|finally|catch|rescue|ensure|done|fi|esac)\b)",
    re.MULTILINE,
)
"""Lines that may begin something: at the first column, and neither end nor continue the last."""

_MODIFIERS = (
    r"(?:(?:export|default|declare|public|private|protected|internal|static|abstract|final|sealed"
    r"|async|pub(?:\([^)\n]{0,40}\))?|unsafe|extern(?:[ ]\"C\")?|inline|const|constexpr|virtual"
    r"|override|open|data|partial|readonly|suspend|local|case|mixin"
    r"|template[ ]?<[^>\n]{0,80}>)\s+)*+"
)
_DEFINITION = re.compile(
    _MODIFIERS + r"(?:class|interface|struct|enum(?:\s+class)?|trait|fn|function\s?\*?|def|defp|fun"
    r"|func(?:\s*\([^)\n]{0,100}\))?|module|namespace|type|typedef\s+struct|object|record|protocol"
    r"|extension|union|mod|sub|macro_rules!|macro)\s+(?P<keyword>[\w$.:]+[!?]?)"
    r"|impl(?:<[^{\n]{0,100}?>)?\s+(?P<impl>[^{\n]{1,100}?)\s*(?:\{|where\b|$)"
    r"|(?:export\s+)?(?:default\s+)?(?:const|let|var)\s+(?P<arrow>[\w$]+)[^=\n]{0,100}=\s*"
    r"(?:async\b\s*)?(?:function\b|class\b|\(|[\w$]+\s*=>)"
    r"|(?P<assigned>[\w.]+)\s*(?:<-|=)\s*function\b"
    r"|(?P<shell>[\w:.-]+)\s*\(\)\s*\{?\s*$"
    r"|(?i:create\s+(?:or\s+replace\s+)?(?:temp(?:orary)?\s+)?(?:unique\s+)?(?:materialized\s+)?"
    r"(?:table|view|function|procedure|index|trigger|type|schema)\s+(?:if\s+not\s+exists\s+)?"
    r"(?P<created>[\w.\"`]+))"
    r"|(?!return\b|if\b|while\b|for\b|switch\b|using\b|typedef\b)"
    r"(?:[\w:<>,*&~\[\]]+[ \t]+[*&]*){0,6}(?P<c>[\w:~]+)\s*\([^;\n]*(?:\{.*)?$",
)
_C_LIKE = frozenset({"c", "c++", "java", "csharp", "dart", "php"})
_ATTACHED = re.compile(r"#(?!\s*(?:include|define|if|endif|else|pragma|import)\b)|//|/\*|--|@|\[")
"""What belongs to the definition below it: comments, decorators, attributes."""
_TYPE_ALONE = re.compile(r"[A-Za-z_][\w \t*&:<>]*$")
_SHOWN_LINE = 300
"""Characters of a line that are looked at."""


@dataclass(frozen=True, slots=True)
class _Segment:
    """The text from one line at the first column to the next."""

    start: int
    end: int
    name: str | None
    attached: bool
    gap: bool  # whether a blank line follows


def read(data: bytes, *, name: str) -> Extracted:
    """Read source code.

    The text is the source itself. Each definition on the outermost level is a block of code with
    its name as label, comments and decorators right above it included; statements between
    definitions are blocks up to the next blank line.

    Args:
        data: The file's bytes.
        name: The file's name; its suffix tells the language.

    Raises:
        ReadError: These bytes are no text.
    """
    decoded = decode(data, name=name)
    suffix = PurePath(name).suffix.lower().removeprefix(".")
    language, manner = _SUFFIXES.get(suffix, ("code", "hash"))
    metadata: dict[str, MetadataValue] = {"encoding": decoded.encoding, "language": language}
    blocks = tuple(_blocks(decoded.text, language, manner))
    return Extracted(
        decoded.text, blocks, f"text/x-{language}", metadata=metadata, warnings=decoded.warnings
    )


def _blocks(text: str, language: str, manner: str) -> Iterator[Block]:
    run: tuple[int, int] | None = None  # statements under way
    above: tuple[int, int] | None = None  # comments under way, which the next thing may own

    def span(first: tuple[int, int] | None, start: int, end: int) -> tuple[int, int]:
        return (start if first is None else first[0], end)

    for segment in _segments(text, language, manner):
        if segment.name is not None:
            if run is not None:
                yield Block("code", *run)
            start, end = span(above, segment.start, segment.end)
            yield Block("code", start, end, label=segment.name)
            run = above = None
            continue
        if segment.attached and not segment.gap:
            above = span(above, segment.start, segment.end)
            continue
        run = span(run or above, segment.start, segment.end)
        above = None
        if segment.gap:
            yield Block("code", *run)
            run = None
    if run is not None or above is not None:
        first, last = run or above, above or run
        assert first is not None
        assert last is not None
        yield Block("code", first[0], last[1])


def _segments(text: str, language: str, manner: str) -> Iterator[_Segment]:
    starts = list(_starts(text, manner))
    first = len(text) - len(text.lstrip())
    if not starts or starts[0] > first:
        starts.insert(0, text.rfind("\n", 0, first) + 1)
    for start, following in zip(starts, [*starts[1:], len(text)], strict=True):
        source = text[start:following]
        body = source.rstrip()
        if not body:
            continue
        line = body[: body.find("\n")] if "\n" in body else body
        line = line[:_SHOWN_LINE]
        attached = _ATTACHED.match(line) is not None
        name = None if attached else _defined(line, body, language)
        if name is None and language in _C_LIKE and body == line:
            attached = attached or _TYPE_ALONE.match(line) is not None
        gap = source.count("\n", len(body)) > 1
        yield _Segment(start, start + len(body), name, attached, gap)


def _starts(text: str, manner: str) -> Iterator[int]:
    """Yield where something on the outermost level begins."""
    candidates = [match.start() for match in _CANDIDATE.finditer(text) if match.start() < len(text)]
    index, depth = 0, 0
    for token in _SCANNERS[manner].finditer(text):
        while index < len(candidates) and candidates[index] <= token.start():
            if depth and _defined_at(text, candidates[index]):
                depth = 0  # a bracket that was none, or a namespace around it
            if not depth:
                yield candidates[index]
            index += 1
        if (bracket := token[0]) in ("(", "[", "{"):
            depth += 1
        elif bracket in (")", "]", "}"):
            depth = max(depth - 1, 0)
        while index < len(candidates) and candidates[index] < token.end():
            index += 1  # inside a string or comment
    for candidate in candidates[index:]:
        if depth and _defined_at(text, candidate):
            depth = 0
        if not depth:
            yield candidate


def _defined_at(text: str, start: int) -> bool:
    end = text.find("\n", start, start + _SHOWN_LINE)
    line = text[start : end if end >= 0 else start + _SHOWN_LINE]
    match = _DEFINITION.match(line)
    return match is not None and match["c"] is None


def _defined(line: str, body: str, language: str) -> str | None:
    """Return the name of what a first line defines; None where it defines nothing."""
    match = _DEFINITION.match(line.rstrip())
    if match is None:
        return None
    if match["c"] is not None and (language not in _C_LIKE or "{" not in body):
        return None  # a call over several lines, or a declaration
    name = next(group for group in match.groups() if group is not None)
    return name.strip().strip('"`').rstrip(":") or None
