"""JSON and JSON Lines: records as lines of `key: value`, long texts in them as paragraphs."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import PurePath
from typing import Any

from ragkit.ingest.errors import ReadError
from ragkit.ingest.readers.building import Builder
from ragkit.ingest.readers.decoding import Decoded, decode
from ragkit.ingest.readers.extracted import Extracted

_LINES = frozenset({".jsonl", ".ndjson", ".jsonlines"})
_LONG = 200
"""Characters from which on a string is a text rather than a value."""
_BLANK_LINE = re.compile(r"\n\s*\n")
_SHOWN = 5


class _Number(str):
    """A number, as it is written."""

    __slots__ = ()


def read(data: bytes, *, name: str) -> Extracted:
    """Read JSON, or JSON Lines by the suffixes .jsonl and .ndjson.

    Each entry of the outermost list, each line of JSON Lines, and each structure of the outermost
    object is a part of its own, written as `key: value` lines, nested ones indented. Long strings
    on a record's first level are paragraphs, so that they can be cut at sentences. Numbers stand
    as they are written in the file.

    Args:
        data: The file's bytes.
        name: The file's name, which tells JSON from JSON Lines.

    Raises:
        ReadError: It is not JSON; the message says where. Of JSON Lines, no line is; otherwise
            lines that are not are left out with a warning.
    """
    decoded = decode(data, name=name)
    builder = Builder()
    builder.warnings += decoded.warnings
    if PurePath(name).suffix.lower() in _LINES:
        _add_lines(builder, decoded, name)
        media_type = "application/jsonl"
    else:
        _add_whole(builder, _parse(decoded.text, name))
        media_type = "application/json"
    return builder.build(media_type, metadata={"encoding": decoded.encoding})


def _parse(text: str, name: str) -> Any:
    try:
        # Numbers as they are written: neither rounded nor refused for their length.
        return json.loads(text, parse_int=_Number, parse_float=_Number, parse_constant=_Number)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno} column {error.colno}"
        raise ReadError(name, f"is not JSON: {error.msg} at {place}") from error
    except RecursionError as error:
        raise ReadError(name, "is nested too deeply to be read") from error


def _add_lines(builder: Builder, decoded: Decoded, name: str) -> None:
    bad: list[int] = []
    good = 0
    # Not `splitlines`: strings in JSON may hold U+2028 and the like.
    for number, line in enumerate(decoded.text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            record = _parse(line, name)
        except ReadError:
            bad.append(number)
        else:
            good += 1
            _add_record(builder, record)
    if bad and not good:
        raise ReadError(name, f"is not JSON Lines: none of its {len(bad)} lines is JSON")
    if bad:
        shown = ", ".join(map(str, bad[:_SHOWN]))
        more = f" and {len(bad) - _SHOWN} more" if len(bad) > _SHOWN else ""
        builder.warnings.append(f"lines that are not JSON and were left out: {shown}{more}")


def _add_whole(builder: Builder, value: Any) -> None:
    if isinstance(value, list):
        for record in value:
            _add_record(builder, record)
    elif isinstance(value, dict):
        plain = {key: inner for key, inner in value.items() if not isinstance(inner, list | dict)}
        _add_record(builder, plain)
        for key, inner in value.items():
            if not isinstance(inner, list | dict) or not inner:
                continue
            builder.add("heading", str(key), level=1)
            if isinstance(inner, list) and any(isinstance(item, list | dict) for item in inner):
                for record in inner:
                    _add_record(builder, record)
            else:
                _add_record(builder, inner)
    else:
        _add_record(builder, value)


def _add_record(builder: Builder, record: Any) -> None:
    """Add one record: its values as lines, its texts as paragraphs, in its order."""
    if not isinstance(record, dict):
        if isinstance(record, str) and not isinstance(record, _Number):
            _add_text(builder, record)
        else:
            builder.add("code", "\n".join(_lines(record)))
        return
    lines: list[str] = []
    for key, value in record.items():
        if isinstance(value, str) and (len(value) > _LONG or "\n" in value.strip()):
            builder.add("code", "\n".join(lines))
            lines = []
            _add_text(builder, f"{key}: {value.strip()}")
        else:
            lines += _lines({key: value})
    builder.add("code", "\n".join(lines))


def _add_text(builder: Builder, text: str) -> None:
    for paragraph in _BLANK_LINE.split(text):
        builder.add("paragraph", paragraph)


def _lines(value: Any) -> Iterator[str]:
    """Yield a value as indented lines."""
    # A stack of its own: what the parser can nest, recursion here might not.
    stack: list[tuple[str, str, Any]] = [("", "", value)]
    while stack:
        indent, label, inner = stack.pop()
        items = _items(inner)
        if items is None:
            yield f"{indent}{label}{_scalar(inner)}"
            continue
        if label:
            yield f"{indent}{label}".rstrip()
            # Deep structures would be more indentation than text.
            indent = indent + "  " if len(indent) < 40 else indent
        stack.extend((indent, key, item) for key, item in reversed(items))


def _items(value: Any) -> list[tuple[str, Any]] | None:
    """Return the labelled parts of a structure; None for what stands on one line."""
    if isinstance(value, dict):
        return [(f"{key}: ", item) for key, item in value.items()] or None
    if isinstance(value, list) and any(isinstance(item, list | dict) for item in value):
        return [("- ", item) for item in value]
    return None


def _scalar(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(_scalar, value))
    if isinstance(value, dict):
        return ""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    return " ".join(str(value).split())
