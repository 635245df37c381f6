"""Schemas of function parameters and of structured output."""

from __future__ import annotations

from ragkit.api.base import Double, Int64, ProtoEnum, ProtoModel, Value


class Type(ProtoEnum):
    """The OpenAPI data types."""

    TYPE_UNSPECIFIED = 0
    STRING = 1
    NUMBER = 2
    INTEGER = 3
    BOOLEAN = 4
    ARRAY = 5
    OBJECT = 6
    NULL = 7


class Schema(ProtoModel):
    """A data type: a subset of an OpenAPI 3.0 schema object. `type` is required."""

    type: Type = Type.TYPE_UNSPECIFIED
    format: str = ""
    title: str = ""
    description: str = ""
    nullable: bool = False
    enum: list[str] = []
    items: Schema | None = None
    max_items: Int64 = 0
    min_items: Int64 = 0
    properties: dict[str, Schema] = {}
    required: list[str] = []
    min_properties: Int64 = 0
    max_properties: Int64 = 0
    minimum: Double | None = None
    maximum: Double | None = None
    min_length: Int64 = 0
    max_length: Int64 = 0
    pattern: str = ""
    example: Value = None
    any_of: list[Schema] = []
    property_ordering: list[str] = []
    default: Value = None
