"""The API's schemas as JSON schemas, the form in which generators take them."""

from __future__ import annotations

from typing import Any

from ragkit.api.errors import InvalidArgument
from ragkit.api.schemas import Schema, Type

_MAX_DEPTH = 32

# By the names that JSON schema has for them.
_COPIED = {
    "title": "title",
    "description": "description",
    "enum": "enum",
    "minItems": "min_items",
    "maxItems": "max_items",
    "required": "required",
    "minProperties": "min_properties",
    "maxProperties": "max_properties",
    "minimum": "minimum",
    "maximum": "maximum",
    "minLength": "min_length",
    "maxLength": "max_length",
    "pattern": "pattern",
}


def to_json_schema(schema: Schema, field: str, depth: int = 0) -> dict[str, Any]:
    """The JSON schema that a schema stands for.

    Arguments:
        schema: a subset of an OpenAPI 3.0 schema object.
        field: where it stands in the request, for messages.
        depth: how deep it is nested in others.

    Returns:
        A schema of JSON Schema 2020-12; `nullable` adds the type `null`, and the properties come
        in `propertyOrdering`'s order, in which generators write them.

    Raises:
        InvalidArgument: it is nested too deeply, or has neither a type nor anyOf.
    """
    if depth > _MAX_DEPTH:
        raise InvalidArgument(f"{field}: nested more than {_MAX_DEPTH} deep", field=field)
    if schema.type is Type.TYPE_UNSPECIFIED and not schema.any_of:
        raise InvalidArgument(f"{field}.type: required", field=f"{field}.type")
    written: dict[str, Any] = {
        name: value for name, key in _COPIED.items() if (value := getattr(schema, key))
    }
    for name in ("minimum", "maximum"):
        if getattr(schema, name) is not None:  # 0 says something
            written[name] = getattr(schema, name)
    if schema.type is not Type.TYPE_UNSPECIFIED:
        kind = schema.type.name.lower()
        written["type"] = [kind, "null"] if schema.nullable else kind
    if schema.any_of:
        written["anyOf"] = [
            to_json_schema(one, f"{field}.anyOf[{number}]", depth + 1)
            for number, one in enumerate(schema.any_of)
        ]
    if schema.items is not None:
        written["items"] = to_json_schema(schema.items, f"{field}.items", depth + 1)
    if schema.properties:
        names = [name for name in schema.property_ordering if name in schema.properties]
        names += [name for name in schema.properties if name not in names]
        written["properties"] = {
            name: to_json_schema(schema.properties[name], f"{field}.properties.{name}", depth + 1)
            for name in names
        }
    return written
