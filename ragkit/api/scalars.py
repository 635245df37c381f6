"""The scalar and well-known types of proto3 as pydantic types.

Source: the proto3 JSON mapping (https://protobuf.dev/programming-guides/json/).
"""

from __future__ import annotations

import base64
import binascii
import math
import re
import struct
from collections.abc import Mapping
from enum import Enum
from typing import Annotated, Any, Final, TypeAlias

from pydantic import BeforeValidator, Field, GetCoreSchemaHandler, PlainSerializer
from pydantic.alias_generators import to_camel
from pydantic.fields import FieldInfo
from pydantic_core import CoreSchema, core_schema

Int32 = Annotated[int, Field(ge=-(2**31), le=2**31 - 1)]
"""int32: a number on the wire; strings of digits are accepted, as everywhere in proto3 JSON."""

Int64 = Annotated[
    int, Field(ge=-(2**63), le=2**63 - 1), PlainSerializer(str, return_type=str, when_used="json")
]
"""int64: an int in Python, a string on the wire; both are accepted on input."""

_float32: Final = struct.Struct("<f")
_MAX_FLOAT32: Final = _float32.unpack(b"\xff\xff\x7f\x7f")[0]
_EXACT_INTEGERS: Final = 2.0**24
_MIN_NORMAL_FLOAT32: Final = 2.0**-126


def to_float32(value: float) -> float:
    """The float32 nearest to a number; infinite beyond the largest."""
    try:
        return float(_float32.unpack(_float32.pack(value))[0])
    except OverflowError:
        return math.copysign(math.inf, value)


def shortest_float32(value: float) -> float:
    """The number with the fewest decimal digits that is the same float32.

    A float32 as a Python float shows digits that it does not have: 0.10000000149011612 for 0.1.
    """
    if float(f"{value:.6g}") == value or not math.isfinite(value):
        return value
    wanted = to_float32(value)
    if math.isinf(wanted):
        return value
    # A float32 tells any two decimals of six digits apart, unless it is subnormal.
    for digits in (6, 7, 8) if abs(wanted) >= _MIN_NORMAL_FLOAT32 else range(1, 9):
        short = float(f"{wanted:.{digits}g}")
        if to_float32(short) == wanted:
            return short
    return float(f"{wanted:.9g}")


def _nearest_float32(value: float) -> float:
    if -_EXACT_INTEGERS <= value <= _EXACT_INTEGERS and value.is_integer():
        return value  # years, pages and counts, which most metadata are
    if math.isinf(to_float32(value)) and not math.isinf(value):
        raise ValueError("beyond the range of a 32-bit float")
    return shortest_float32(value)


class _Float32Schema:
    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        nearest = core_schema.no_info_after_validator_function(
            _nearest_float32, core_schema.float_schema()
        )
        # Numbers on the wire are short already, so that few leave the compiled check: infinities,
        # and what rounds to the largest.
        within = core_schema.float_schema(ge=-_MAX_FLOAT32, le=_MAX_FLOAT32)
        return core_schema.json_or_python_schema(
            json_schema=core_schema.union_schema(
                [within, nearest],
                mode="left_to_right",
                custom_error_type="float32",
                custom_error_message="expected a number in the range of a 32-bit float",
            ),
            python_schema=nearest,
        )


Double: TypeAlias = float
"""double: "NaN", "Infinity" and "-Infinity" on the wire for what JSON has no number for."""

Float32 = Annotated[float, _Float32Schema]
"""float: what Python code gives becomes the decimal with the fewest digits that is the same 32-bit
number, so that it is equal to what comes back from a server that stored it."""

FloatItem: TypeAlias = float
"""float in a long list, such as an embedding: not shortened one by one, since that takes longer
than everything else; who fills the list does it at once."""


def parse_field_mask(value: object) -> tuple[str, ...]:
    """The paths of a field mask, in snake_case, from its wire form or any sequence of paths."""
    if isinstance(value, str):
        value = value.split(",")
    if isinstance(value, Mapping) and set(value) <= {"paths"}:
        value = value.get("paths", ())
    if not isinstance(value, (list, tuple, set, frozenset)):
        raise ValueError("expected a comma-separated string or a list of field paths")
    paths = [str(path).strip() for path in value]
    return tuple(map(snake_path, filter(None, paths)))


def snake_path(path: str) -> str:
    """A field path in snake_case: "customMetadata" -> "custom_metadata"."""
    return re.sub("[A-Z]", lambda capital: f"_{capital[0].lower()}", path)


def camel_path(path: str) -> str:
    """A field path in camelCase: "custom_metadata" -> "customMetadata"."""
    return ".".join(map(to_camel, path.split(".")))


def format_field_mask(paths: tuple[str, ...]) -> str:
    """The wire form of a field mask: camelCase paths, joined by commas."""
    return ",".join(map(camel_path, paths))


FieldMask = Annotated[
    tuple[str, ...],
    BeforeValidator(parse_field_mask),
    PlainSerializer(format_field_mask, when_used="json"),
]
"""google.protobuf.FieldMask: snake_case paths in Python, one camelCase string on the wire."""


def _parse_bytes(value: object) -> object:
    if not isinstance(value, str):
        return value
    compact = value.replace("-", "+").replace("_", "/").rstrip("=")
    try:
        return base64.b64decode(compact + "=" * (-len(compact) % 4), validate=True)
    except binascii.Error as error:
        raise ValueError(f"invalid base64: {error}") from error


ProtoBytes = Annotated[
    bytes,
    BeforeValidator(_parse_bytes),
    PlainSerializer(lambda data: base64.b64encode(data).decode(), when_used="json"),
]
"""bytes: base64 on the wire, standard or URL-safe accepted."""

Struct: TypeAlias = dict[str, Any]
"""google.protobuf.Struct: a JSON object. All its numbers are doubles to a server."""

PackedAny: TypeAlias = dict[str, Any]
"""google.protobuf.Any: a JSON object that names its type under "@type"."""


class Null(Enum):
    """The type of `NULL`."""

    NULL = "null"

    def __bool__(self) -> bool:
        return False

    def __repr__(self) -> str:
        return "NULL"


NULL: Final = Null.NULL
"""JSON's null as the value of a `Value` field, where None means that the field is absent."""


class _ValueSchema:
    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.json_or_python_schema(
            json_schema=core_schema.no_info_plain_validator_function(
                lambda value: NULL if value is None else value
            ),
            python_schema=core_schema.any_schema(),
            serialization=core_schema.plain_serializer_function_ser_schema(
                lambda value: None if value is NULL else value, when_used="json"
            ),
        )


Value = Annotated[Any, _ValueSchema]
"""google.protobuf.Value: any JSON value; `NULL` is JSON's null, None an absent field."""


def is_value_field(field: FieldInfo) -> bool:
    """Whether a model's field is a google.protobuf.Value."""
    return _ValueSchema in field.metadata
