"""What every message of the API shares: the proto3 JSON mapping as pydantic settings and types.

Source: the proto3 JSON mapping (https://protobuf.dev/programming-guides/json/). Fields are
snake_case in Python and camelCase on the wire, and both are accepted on input. A field without
presence has its proto default ("" or 0, an empty list), and a default is left out on the wire;
messages, members of a oneof and `optional` fields default to None, and are sent whenever set.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping
from enum import IntEnum
from typing import Any, ClassVar, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    GetCoreSchemaHandler,
    ValidationInfo,
    model_validator,
)
from pydantic.alias_generators import to_camel
from pydantic_core import CoreSchema, core_schema, from_json

from ragkit.api.scalars import NULL as NULL
from ragkit.api.scalars import Double as Double
from ragkit.api.scalars import FieldMask as FieldMask
from ragkit.api.scalars import Float32 as Float32
from ragkit.api.scalars import FloatItem as FloatItem
from ragkit.api.scalars import Int32 as Int32
from ragkit.api.scalars import Int64 as Int64
from ragkit.api.scalars import PackedAny as PackedAny
from ragkit.api.scalars import ProtoBytes as ProtoBytes
from ragkit.api.scalars import Struct as Struct
from ragkit.api.scalars import Value as Value
from ragkit.api.scalars import camel_path as camel_path
from ragkit.api.scalars import format_field_mask as format_field_mask
from ragkit.api.scalars import is_value_field as is_value_field
from ragkit.api.scalars import parse_field_mask as parse_field_mask
from ragkit.api.scalars import snake_path as snake_path
from ragkit.api.times import Duration as Duration
from ragkit.api.times import Timestamp as Timestamp
from ragkit.api.times import format_timestamp as format_timestamp

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

    def to_json(self, exclude: Any = None) -> bytes:
        """The message as proto3 JSON, in UTF-8; `exclude` is as in `model_dump`."""
        # What `model_dump_json` does, without going through a string; see benchmarks/client.py.
        return self.__pydantic_serializer__.to_json(
            self, by_alias=True, exclude_defaults=True, exclude=exclude
        )

    def to_wire(self) -> dict[str, Any]:
        """The message as proto3 JSON's Python form (dict, list, str, ...)."""
        plain: dict[str, Any] = from_json(self.model_dump_json(exclude_defaults=True))
        return plain

    def _repr_html_(self) -> str:
        """The message as a table, for notebooks."""
        from ragkit.api.notebooks import message_table

        return message_table(type(self).__name__, self.to_wire())

    def __repr_args__(self) -> Iterable[tuple[str | None, Any]]:
        # What equals its default is not on the wire, and only in the way when reading.
        fields = type(self).model_fields
        for name, value in super().__repr_args__():
            if name is None or name not in fields or value != fields[name].default:
                yield name, value


class OneofModel(ProtoModel):
    """Base of messages with a oneof: making one with two of its members set is an error."""

    _members: ClassVar[tuple[frozenset[str], ...]] = ()

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        cls._members = tuple(frozenset(group) for group in cls.ONEOFS.values() if len(group) > 1)

    @model_validator(mode="after")
    def _check_oneofs(self) -> Self:
        given = self.__pydantic_fields_set__
        for members in self._members:
            if len(members & given) > 1:
                self._refuse_two_members()
        return self

    def _refuse_two_members(self) -> None:
        for oneof, members in self.ONEOFS.items():
            present = [name for name in members if getattr(self, name) is not None]
            if len(present) > 1:
                names = [to_camel(name) for name in present]
                raise ValueError(f"oneof '{oneof}' takes one of its members, not {names}")


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
            named = cls._member_map_.get(value) if isinstance(value, str) else None
            if named is not None:
                return named  # type: ignore[return-value]
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
