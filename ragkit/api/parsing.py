"""Messages read from JSON, and what is said when they cannot be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, NamedTuple, TypeVar, get_args, get_origin

from pydantic import ValidationError
from pydantic.alias_generators import to_camel
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails, from_json

from ragkit.api.base import NULL, STRICT_ENUMS, ProtoModel, is_value_field
from ragkit.api.errors import InvalidArgument

ModelT = TypeVar("ModelT", bound=ProtoModel)


def parse_message(message: type[ModelT], body: bytes) -> ModelT:
    """Parse proto3 JSON strictly: unknown fields and enum values are errors.

    Raises:
        InvalidArgument: names the field and what was wrong.
    """
    try:
        return message.model_validate_json(body, extra="forbid", context=STRICT_ENUMS)
    except ValidationError as error:
        first = error
    try:
        plain = _without_nulls(from_json(body), message)
        return message.model_validate(plain, extra="forbid", context=STRICT_ENUMS)
    except ValidationError as error:
        raise invalid_argument(error) from None
    except (ValueError, RecursionError):
        raise invalid_argument(first) from None


def parse_leniently(message: type[ModelT], body: bytes) -> ModelT:
    """Parse proto3 JSON as a client does: unknown fields and enum values are kept.

    Raises:
        ValueError: the body is not JSON of the message's shape.
    """
    try:
        return message.model_validate_json(body)
    except ValidationError as error:
        first = error
    try:
        return message.model_validate(_without_nulls(from_json(body), message))
    except (ValueError, RecursionError):
        raise first from None


class _FieldShape(NamedTuple):
    is_value: bool = False
    is_map: bool = False
    message: type[ProtoModel] | None = None


@cache
def _shape(message: type[ProtoModel]) -> Mapping[str, _FieldShape]:
    """What the fields of a message hold, by their names in JSON, both forms."""
    message.model_rebuild()
    shape = {}
    for name, field in message.model_fields.items():
        shape[name] = shape[field.alias or name] = _FieldShape(
            is_value=is_value_field(field),
            is_map=get_origin(field.annotation) is dict,
            message=message_of(field),
        )
    return shape


def message_of(field: FieldInfo) -> type[ProtoModel] | None:
    """The type of the messages that a field holds, singly, in a list or in a map."""
    return next(
        (
            one
            for one in _plain_types(field.annotation)
            if isinstance(one, type) and issubclass(one, ProtoModel)
        ),
        None,
    )


def _plain_types(annotation: Any) -> Iterator[Any]:
    arguments = get_args(annotation)
    if not arguments:
        yield annotation
    for one in arguments:
        yield from _plain_types(one)


def _without_nulls(value: Any, message: type[ProtoModel] | None) -> Any:
    """The JSON without the nulls that stand for a field's default.

    proto3 JSON takes null for any field; it is rare, so only what fails to parse comes here. Nulls
    within a Struct or a Value are values.
    """
    if isinstance(value, list):
        return [_without_nulls(item, message) for item in value]
    if not isinstance(value, dict) or message is None:
        return value
    shape = _shape(message)
    kept: dict[str, Any] = {}
    for key, item in value.items():
        field = shape.get(key, _FieldShape())
        if item is None:
            if field.is_value:
                kept[key] = NULL
        elif field.is_map and isinstance(item, dict):
            kept[key] = {name: _without_nulls(one, field.message) for name, one in item.items()}
        else:
            kept[key] = _without_nulls(item, field.message)
    return kept


def _violation(error: ErrorDetails) -> tuple[str, str]:
    path = ""
    for part in error["loc"]:
        path += f"[{part}]" if isinstance(part, int) else f".{to_camel(str(part))}"
    path = path.removeprefix(".")
    if error["type"] == "extra_forbidden":
        return path, f'Invalid JSON payload received. Unknown name "{path}": Cannot find field.'
    if error["type"] == "json_invalid":
        return path, f"Invalid JSON payload received. {error['msg']}"
    message = error["msg"].removeprefix("Value error, ")
    shown = repr(error["input"])
    if len(shown) > 100:
        shown = shown[:97] + "..."
    return path, f"{path}: {message} (got {shown})" if path else message


def invalid_argument(error: ValidationError) -> InvalidArgument:
    """The API's error for a message that does not validate: every field that is wrong, named."""
    violations = [_violation(item) for item in error.errors(include_url=False)[:10]]
    return InvalidArgument(
        "; ".join(message for _, message in violations),
        details=[
            {
                "@type": "type.googleapis.com/google.rpc.BadRequest",
                "fieldViolations": [
                    {"field": path, "description": message} for path, message in violations
                ],
            }
        ],
    )
