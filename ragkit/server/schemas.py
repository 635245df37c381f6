"""The API's messages as JSON schemas, in the form of Google's discovery documents.

Source: https://developers.google.com/discovery/v1/type-format and the schemas of the API's own
description.
"""

from __future__ import annotations

import inspect
import re
import types
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Final, Union, get_args, get_origin, get_type_hints

from ragkit.api.base import (
    Duration,
    FieldMask,
    Float32,
    Int32,
    Int64,
    ProtoBytes,
    ProtoEnum,
    ProtoModel,
    Timestamp,
    Value,
)
from ragkit.api.parsing import message_of

Schema = dict[str, Any]

_ANNOTATED: Final[list[tuple[Any, Schema]]] = [
    (Int32, {"type": "integer", "format": "int32"}),
    (Int64, {"type": "string", "format": "int64"}),
    (Float32, {"type": "number", "format": "float"}),
    (FieldMask, {"type": "string", "format": "google-fieldmask"}),
    (ProtoBytes, {"type": "string", "format": "byte"}),
    (Timestamp, {"type": "string", "format": "google-datetime"}),
    (Duration, {"type": "string", "format": "google-duration"}),
    (Value, {"type": "any"}),
]
_PLAIN: Final[Mapping[Any, Schema]] = {
    bool: {"type": "boolean"},
    str: {"type": "string"},
    float: {"type": "number", "format": "double"},
    int: {"type": "integer", "format": "int32"},
    Any: {"type": "any"},
}


def schemas_of(roots: Iterator[type[ProtoModel]]) -> dict[str, Schema]:
    """The schemas of some messages and of all that these hold, by name."""
    found: dict[str, type[ProtoModel]] = {}
    for root in roots:
        _collect(root, found)
    return {name: message_schema(found[name]) for name in sorted(found)}


def message_schema(message: type[ProtoModel]) -> Schema:
    """The schema of one message; messages that it holds are referred to by name."""
    return {
        "id": message.__name__,
        "type": "object",
        "description": description(message.__doc__),
        "properties": {name: schema for name, (schema, _) in fields(message).items()},
    }


def fields(message: type[ProtoModel]) -> dict[str, tuple[Schema, str]]:
    """The schemas of a message's fields by their names on the wire, and their names in Python."""
    hints = get_type_hints(message, include_extras=True)
    return {
        field.alias or name: (_schema(hints[name]), name)
        for name, field in message.model_fields.items()
    }


def description(docstring: str | None) -> str:
    """A docstring as a description: without line breaks within paragraphs."""
    paragraphs = re.split(r"\n\s*\n", inspect.cleandoc(docstring or ""))
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)


def _collect(message: type[ProtoModel], found: dict[str, type[ProtoModel]]) -> None:
    known = found.setdefault(message.__name__, message)
    if known is not message:
        raise TypeError(f"two messages are named {message.__name__}")
    for field in message.model_fields.values():
        inner = message_of(field)
        if inner is not None and found.get(inner.__name__) is not inner:
            _collect(inner, found)


def _schema(hint: Any) -> Schema:
    for annotated, schema in _ANNOTATED:
        if hint == annotated:
            return dict(schema)
    if hint in _PLAIN:
        return dict(_PLAIN[hint])
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        (given,) = (one for one in arguments if one is not types.NoneType)
        return _schema(given)
    if origin is Annotated:
        return _schema(arguments[0])
    if origin is list:
        return {"type": "array", "items": _schema(arguments[0])}
    if origin is dict:
        return {"type": "object", "additionalProperties": _schema(arguments[1])}
    if isinstance(hint, type) and issubclass(hint, ProtoEnum):
        return {"type": "string", "enum": list(hint.__members__)}
    if isinstance(hint, type) and issubclass(hint, ProtoModel):
        return {"$ref": hint.__name__}
    raise TypeError(f"there is no schema for {hint!r}")
