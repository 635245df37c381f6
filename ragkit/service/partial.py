"""Partial replies: the system parameter `fields`.

    corpora/name,nextPageToken                 a field of a field
    relevantChunks(chunkRelevanceScore,chunk/name)   several fields of one
    corpora/*                                  all fields of a message

A selection goes through lists. Fields are written as on the wire or in snake_case.

Source: https://cloud.google.com/apis/docs/system-parameters and, for the grammar,
https://developers.google.com/workspace/drive/api/guides/performance#partial-response.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, TypeAlias

from ragkit.api.base import ProtoModel, camel_path
from ragkit.api.errors import InvalidArgument
from ragkit.api.parsing import message_of

Selection: TypeAlias = "dict[str, Selection]"
"""What is wanted of a message, by field names as on the wire; empty: all of it."""

_ALL: Final = "*"
_TOKEN: Final = re.compile(r"\s*([\w@$.-]+|\*|[/(),])")
_MAX_LENGTH: Final = 4096
_MAX_DEPTH: Final = 32


def parse_selection(text: str, message: type[ProtoModel]) -> Selection:
    """What `fields` asks for of a response.

    Arguments:
        text: the parameter's value.
        message: the type of the response.

    Raises:
        InvalidArgument: the value is not of the form, or names a field that the response has not.
    """
    if len(text) > _MAX_LENGTH:
        raise InvalidArgument(
            f"fields: {len(text)} characters, at most {_MAX_LENGTH} are allowed", field="fields"
        )
    tokens = _Tokens(text)
    selection = _list(tokens, depth=0)
    if tokens.next is not None:
        raise tokens.unexpected()
    _check(selection, message, "")
    return selection


def select(value: Any, selection: Selection) -> Any:
    """The parts of a JSON value that are wanted."""
    if not selection or (_ALL in selection and not selection[_ALL]):
        return value
    if isinstance(value, list):
        return [select(item, selection) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        key: select(item, wanted)
        for key, item in value.items()
        if (wanted := _wanted(key, selection)) is not None
    }


def _wanted(key: str, selection: Selection) -> Selection | None:
    return selection.get(key, selection.get(_ALL))


class _Tokens:
    """The tokens of a selection, one of them in sight."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._rest = self._scan()
        self.next = next(self._rest, None)

    def _scan(self) -> Iterator[str]:
        position, end = 0, len(self._text.rstrip())
        while position < end:
            found = _TOKEN.match(self._text, position)
            if found is None:
                raise self._wrong(repr(self._text[position : position + 20]))
            position = found.end()
            yield found[1]

    def take(self) -> str:
        taken = self.next
        if taken is None:
            raise self._wrong("the end")
        self.next = next(self._rest, None)
        return taken

    def unexpected(self) -> InvalidArgument:
        return self._wrong("the end" if self.next is None else repr(self.next))

    def _wrong(self, what: str) -> InvalidArgument:
        return InvalidArgument(
            f"fields: Invalid field selection {self._text[:100]!r}: {what} is not expected there; "
            "write fields as in 'nextPageToken,corpora(name,displayName)'",
            field="fields",
        )


def _list(tokens: _Tokens, depth: int) -> Selection:
    selection: Selection = {}
    if depth > _MAX_DEPTH:
        raise tokens.unexpected()
    while True:
        _merge(selection, *_path(tokens, depth))
        if tokens.next != ",":
            return selection
        tokens.take()


def _path(tokens: _Tokens, depth: int) -> tuple[str, Selection]:
    if tokens.next is None or tokens.next in "/(),":
        raise tokens.unexpected()
    taken = tokens.take()
    name = taken if taken[0] == "@" else camel_path(taken)
    if tokens.next == "/":
        tokens.take()
        if depth >= _MAX_DEPTH:
            raise tokens.unexpected()
        inner_name, inner = _path(tokens, depth + 1)
        return name, {inner_name: inner}
    if tokens.next != "(":
        return name, {}
    tokens.take()
    selection = _list(tokens, depth + 1)
    if tokens.next != ")":
        raise tokens.unexpected()
    tokens.take()
    return name, selection


def _merge(selection: Selection, name: str, wanted: Selection) -> None:
    """Add a field to a selection; what is wanted whole stays so."""
    present = selection.get(name)
    if present is None:
        selection[name] = wanted
    elif present and wanted:
        for inner, deeper in wanted.items():
            _merge(present, inner, deeper)
    else:
        selection[name] = {}


def _check(selection: Selection, message: type[ProtoModel], where: str) -> None:
    """Refuse fields that a message has not; what is in a map or a Struct may have any names."""
    by_alias: Mapping[str, Any] = {
        field.alias or name: field for name, field in message.model_fields.items()
    }
    for name, inner in selection.items():
        if name == _ALL:
            continue
        field = by_alias.get(name)
        if field is None:
            raise InvalidArgument(
                f"fields: Invalid field selection {where + name!r}: {message.__name__} has "
                f"{', '.join(by_alias) or 'no fields'}",
                field="fields",
            )
        deeper = message_of(field)
        if inner and deeper is not None and not _is_map(field):
            _check(inner, deeper, f"{where}{name}/")


def _is_map(field: Any) -> bool:
    return str(field.annotation).startswith("dict[")
