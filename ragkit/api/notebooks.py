"""Messages as HTML tables, which notebooks show in place of a repr."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from pydantic_core import to_json

_HEAD = "<th style='text-align:left;vertical-align:top'>{}</th>"
_CELL = "<td style='text-align:left;vertical-align:top;white-space:pre-wrap'>{}</td>"
_LONGEST = 300


def message_table(caption: str, fields: Mapping[str, Any]) -> str:
    """One message, a row for each field.

    Args:
        caption: what it is.
        fields: in proto3 JSON's Python form.
    """
    rows = (
        f"<tr>{_HEAD.format(escape(key))}{_CELL.format(escape(_shown(value)))}</tr>"
        for key, value in fields.items()
    )
    return f"<table><caption>{escape(caption)}</caption>{''.join(rows)}</table>"


def list_table(caption: str, messages: Sequence[Mapping[str, Any]]) -> str:
    """Several messages, a row for each and a column for each field that one of them has.

    Args:
        caption: what they are.
        messages: in proto3 JSON's Python form; long values are cut.
    """
    columns = list(dict.fromkeys(key for message in messages for key in message))
    head = "".join(_HEAD.format(escape(column)) for column in columns)
    rows = (
        "".join(_CELL.format(escape(_cut(_shown(message.get(key, ""))))) for key in columns)
        for message in messages
    )
    body = "".join(f"<tr>{row}</tr>" for row in rows)
    return f"<table><caption>{escape(caption)}</caption><tr>{head}</tr>{body}</table>"


def _shown(value: Any) -> str:
    """A field's value for people: text as it is, anything deeper as indented JSON."""
    return value if isinstance(value, str) else to_json(value, indent=2).decode()


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else text[:_LONGEST] + " …"
