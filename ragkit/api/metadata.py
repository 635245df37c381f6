"""Custom metadata of documents and chunks, and the filters over it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, TypeAlias

from ragkit.api.base import Float32, OneofModel, ProtoEnum, ProtoModel
from ragkit.api.errors import InvalidArgument

PlainValue: TypeAlias = str | float | Sequence[str]
"""What one metadata key can hold: a string, a number, or a list of strings."""


class StringList(ProtoModel):
    """Several strings under one metadata key."""

    values: list[str] = []


class CustomMetadata(OneofModel):
    """One key with exactly one of a string, a list of strings, or a number (float32)."""

    ONEOFS: ClassVar = {"value": ("string_value", "string_list_value", "numeric_value")}

    key: str = ""
    string_value: str | None = None
    string_list_value: StringList | None = None
    numeric_value: Float32 | None = None

    @classmethod
    def of(cls, key: str, value: PlainValue) -> CustomMetadata:
        """Wrap a plain Python value.

        Raises:
            TypeError: the value is none of the kinds that the API stores.
        """
        if isinstance(value, str):
            return cls(key=key, string_value=value)
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return cls(key=key, numeric_value=float(value))
        if isinstance(value, (list, tuple, set, frozenset)) and all(
            isinstance(item, str) for item in value
        ):
            return cls(key=key, string_list_value=StringList(values=list(value)))
        raise TypeError(f"metadata {key!r}: a string, a number or a list of strings, not {value!r}")

    @property
    def value(self) -> str | float | list[str] | None:
        """The plain Python value, None if the entry holds none."""
        if self.string_list_value is not None:
            return self.string_list_value.values
        return self.numeric_value if self.string_value is None else self.string_value


MetadataInput: TypeAlias = Mapping[str, PlainValue] | Iterable[CustomMetadata]


def wrap_metadata(metadata: MetadataInput) -> list[CustomMetadata]:
    """The API's form of plain metadata such as `{"year": 2024, "tags": ["a"]}`.

    Raises:
        InvalidArgument: a value is none of the kinds that the API stores.
    """
    if not isinstance(metadata, Mapping):
        return list(metadata)
    try:
        return [CustomMetadata.of(key, value) for key, value in metadata.items()]
    except (TypeError, OverflowError) as error:
        raise InvalidArgument(str(error), field="customMetadata") from None


def plain_metadata(entries: Iterable[CustomMetadata]) -> dict[str, str | float | list[str]]:
    """The entries as a dict of plain values; the reverse of `wrap_metadata`."""
    return {entry.key: entry.value for entry in entries if entry.value is not None}


class Operator(ProtoEnum):
    """How a condition compares."""

    OPERATOR_UNSPECIFIED = 0
    LESS = 1
    LESS_EQUAL = 2
    EQUAL = 3
    GREATER_EQUAL = 4
    GREATER = 5
    NOT_EQUAL = 6
    INCLUDES = 7
    EXCLUDES = 8


class Condition(OneofModel):
    """One comparison of a metadata value with a string or a number."""

    ONEOFS: ClassVar = {"value": ("string_value", "numeric_value")}

    operation: Operator = Operator.OPERATOR_UNSPECIFIED
    string_value: str | None = None
    numeric_value: Float32 | None = None


class MetadataFilter(ProtoModel):
    """A key (`chunk.custom_metadata.K` or `document.custom_metadata.K`) and conditions, ORed.

    Several filters in a request are ANDed.
    """

    key: str = ""
    conditions: list[Condition] = []


FilterInput: TypeAlias = MetadataFilter | Iterable[MetadataFilter]


def wrap_filters(where: FilterInput) -> list[MetadataFilter]:
    """The API's form of one filter or several, which are ANDed."""
    return [where] if isinstance(where, MetadataFilter) else list(where)


CHUNK_PREFIX = "chunk.custom_metadata."
DOCUMENT_PREFIX = "document.custom_metadata."


@dataclass(frozen=True, slots=True, eq=False)
class MetadataKey:
    """A metadata key to compare: `meta("year") >= 2020` makes a filter."""

    key: str

    def _filter(self, operation: Operator, *values: str | float) -> MetadataFilter:
        return MetadataFilter(
            key=self.key,
            conditions=[
                Condition(operation=operation, string_value=value)
                if isinstance(value, str)
                else Condition(operation=operation, numeric_value=float(value))
                for value in values
            ],
        )

    def __lt__(self, value: float) -> MetadataFilter:
        return self._filter(Operator.LESS, value)

    def __le__(self, value: float) -> MetadataFilter:
        return self._filter(Operator.LESS_EQUAL, value)

    def __gt__(self, value: float) -> MetadataFilter:
        return self._filter(Operator.GREATER, value)

    def __ge__(self, value: float) -> MetadataFilter:
        return self._filter(Operator.GREATER_EQUAL, value)

    def __eq__(self, value: object) -> MetadataFilter:  # type: ignore[override]
        if not isinstance(value, (str, int, float)):
            return NotImplemented
        return self._filter(Operator.EQUAL, value)

    def __ne__(self, value: object) -> MetadataFilter:  # type: ignore[override]
        if not isinstance(value, (str, int, float)):
            return NotImplemented
        return self._filter(Operator.NOT_EQUAL, value)

    __hash__ = None  # type: ignore[assignment]

    def one_of(self, *values: str | float) -> MetadataFilter:
        """Match any of the values."""
        return self._filter(Operator.EQUAL, *values)

    def includes(self, *values: str) -> MetadataFilter:
        """Match a string list that holds any of the values."""
        return self._filter(Operator.INCLUDES, *values)

    def excludes(self, value: str) -> MetadataFilter:
        """Match a string list that does not hold the value."""
        return self._filter(Operator.EXCLUDES, value)


def meta(key: str) -> MetadataKey:
    """A chunk's metadata key for filters; `document.K` is for the document's metadata.

    Full keys (`chunk.custom_metadata.K`, `document.custom_metadata.K`) are taken as they are.
    """
    if key.startswith((CHUNK_PREFIX, DOCUMENT_PREFIX)):
        return MetadataKey(key)
    if key.startswith("document."):
        return MetadataKey(DOCUMENT_PREFIX + key.removeprefix("document."))
    return MetadataKey(CHUNK_PREFIX + key.removeprefix("chunk."))
