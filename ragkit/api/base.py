"""What every message of the API shares: the proto3 JSON mapping as pydantic settings and types.

Source: the proto3 JSON mapping (https://protobuf.dev/programming-guides/json/). Fields are
snake_case in Python and camelCase on the wire, and both are accepted on input. A field without
presence has its proto default ("" or 0, an empty list), and a default is left out on the wire;
messages, members of a oneof and `optional` fields default to None, and are sent whenever set.
"""

from __future__ import annotations

import base64
import binascii
import zlib
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import IntEnum
from typing import Annotated, Any, ClassVar, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    GetCoreSchemaHandler,
    PlainSerializer,
    ValidationInfo,
    model_validator,
)
from pydantic.alias_generators import to_camel, to_snake
from pydantic_core import CoreSchema, core_schema

STRICT_ENUMS = {"strict_enums": True}
"""Validation context of a server: an enum value that it does not know is an error."""


class ProtoModel(BaseModel):
    """Base of all messages.

    Unknown fields are kept, so that what a newer server sends survives a round trip; a server
    validates with `extra="forbid"`.
    """

    model_config = ConfigDict(
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=True,
        serialize_by_alias=True,
        extra="allow",
        defer_build=True,
        protected_namespaces=(),
        ser_json_inf_nan="strings",
    )

    ONEOFS: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    """Groups of fields of which at most one may be set, by the oneof's name."""

    def to_json(self) -> bytes:
        """The message as proto3 JSON, in UTF-8."""
        return self.model_dump_json(exclude_defaults=True).encode()

    def to_wire(self) -> dict[str, Any]:
        """The message as proto3 JSON's Python form (dict, list, str, ...)."""
        return self.model_dump(mode="json", exclude_defaults=True)


class OneofModel(ProtoModel):
    """Base of messages with a oneof: setting two of its members is an error."""

    @model_validator(mode="after")
    def _check_oneofs(self) -> Self:
        for oneof, members in self.ONEOFS.items():
            present = [name for name in members if getattr(self, name) is not None]
            if len(present) > 1:
                names = [to_camel(name) for name in present]
                raise ValueError(f"oneof '{oneof}' takes one of its members, not {names}")
        return self


class ProtoEnum(IntEnum):
    """Base of enums: numbers in Python, names on the wire, both accepted on input.

    A value that this version does not know is kept as a pseudo-member, except by a server.
    """

    @classmethod
    def parse(cls, value: object) -> Self:
        """The member for a member, a name or a number; an unknown one becomes a pseudo-member."""
        if isinstance(value, cls):
            return value
        if isinstance(value, str):
            known = cls.__members__.get(value)
            if known is not None:
                return known
            if value.lstrip("-").isdigit():
                return cls.parse(int(value))
            return cls._unknown(value, -zlib.crc32(value.encode()) - 1)
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, int) and not isinstance(value, bool):
            member = cls._value2member_map_.get(value)
            return cls._unknown(str(value), value) if member is None else member  # type: ignore[return-value]
        raise ValueError(f"expected a name or number of {cls.__name__}, not {value!r}")

    @classmethod
    def _unknown(cls, name: str, number: int) -> Self:
        member = int.__new__(cls, number)
        member._name_ = name
        member._value_ = number
        return member

    @property
    def known(self) -> bool:
        """Whether this version of ragkit knows the value."""
        return self.name in type(self).__members__

    def __str__(self) -> str:
        return self.name

    def to_wire(self) -> str | int:
        """The name, or the number of a value known by number only."""
        return int(self) if self.name.lstrip("-").isdigit() else self.name

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: type[Any], handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        def validate(value: object, info: ValidationInfo) -> ProtoEnum:
            member = cls.parse(value)
            if not member.known and info.context is not None and info.context.get("strict_enums"):
                names = ", ".join(cls.__members__)
                raise ValueError(f"unknown value {value!r}, expected one of {names}")
            return member

        return core_schema.with_info_plain_validator_function(
            validate,
            serialization=core_schema.plain_serializer_function_ser_schema(
                lambda member: member.to_wire(), when_used="json"
            ),
        )


def format_timestamp(moment: datetime) -> str:
    """RFC 3339 in UTC with `Z` and 0, 3 or 6 fraction digits, as proto3 JSON wants it."""
    moment = moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    text = moment.replace(microsecond=0, tzinfo=None).isoformat()
    if moment.microsecond:
        fraction = f"{moment.microsecond:06d}"
        text += "." + (fraction[:3] if fraction.endswith("000") else fraction)
    return text + "Z"


Timestamp = Annotated[datetime, PlainSerializer(format_timestamp, when_used="json")]
"""google.protobuf.Timestamp: an aware datetime in UTC, to the microsecond."""


def parse_field_mask(value: object) -> tuple[str, ...]:
    """The paths of a field mask, in snake_case, from its wire form or any sequence of paths."""
    if isinstance(value, str):
        value = value.split(",")
    if isinstance(value, Mapping) and set(value) <= {"paths"}:
        value = value.get("paths", ())
    if not isinstance(value, (list, tuple, set, frozenset)):
        raise ValueError("expected a comma-separated string or a list of field paths")
    paths = [str(path).strip() for path in value]
    return tuple(".".join(map(to_snake, path.split("."))) for path in paths if path)


def format_field_mask(paths: tuple[str, ...]) -> str:
    """The wire form of a field mask: camelCase paths, joined by commas."""
    return ",".join(".".join(map(to_camel, path.split("."))) for path in paths)


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
