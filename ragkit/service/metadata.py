"""Custom metadata and filters, between the API's messages and the engine's records."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ragkit.api.errors import InvalidArgument
from ragkit.api.limits import MAX_CUSTOM_METADATA
from ragkit.api.metadata import (
    CHUNK_PREFIX,
    DOCUMENT_PREFIX,
    Condition,
    CustomMetadata,
    MetadataFilter,
    Operator,
    StringList,
)
from ragkit.engine import records
from ragkit.engine.records import Level, Metadata, MetadataValue, Operation
from ragkit.service.values import check_text, missing, shortest, to_float32

_LEVELS = {CHUNK_PREFIX: Level.CHUNK, DOCUMENT_PREFIX: Level.DOCUMENT}


def to_engine_metadata(entries: Sequence[CustomMetadata], field: str) -> Metadata:
    """The entries as the engine stores them.

    Arguments:
        entries: what came in a request.
        field: where they stand in it, such as `document.customMetadata`.

    Raises:
        InvalidArgument: there are too many, or one has no key, the key of another, no value, or
            a value that cannot be stored.
    """
    if len(entries) > MAX_CUSTOM_METADATA:
        raise InvalidArgument(
            f"{field}: {len(entries)} entries, at most {MAX_CUSTOM_METADATA} are allowed",
            field=field,
        )
    metadata: dict[str, MetadataValue] = {}
    for number, entry in enumerate(entries):
        where = f"{field}[{number}]"
        key = check_text(entry.key, f"{where}.key")
        if not key:
            raise missing(f"{where}.key")
        if key in metadata:
            raise InvalidArgument(f"{where}.key: {key[:100]!r} comes twice", field=f"{where}.key")
        metadata[key] = _engine_value(entry, where)
    return tuple(metadata.items())


def _engine_value(entry: CustomMetadata, where: str) -> MetadataValue:
    if entry.string_value is not None:
        return check_text(entry.string_value, f"{where}.stringValue")
    if entry.numeric_value is not None:
        return to_float32(entry.numeric_value, f"{where}.numericValue")
    if entry.string_list_value is not None:
        return tuple(
            check_text(value, f"{where}.stringListValue.values[{number}]")
            for number, value in enumerate(entry.string_list_value.values)
        )
    raise InvalidArgument(
        f"{where}: key {entry.key[:100]!r} has no value; give one of stringValue, "
        "stringListValue and numericValue",
        field=where,
    )


def to_api_metadata(metadata: Metadata) -> list[CustomMetadata]:
    """Stored metadata as the API shows it."""
    return [_api_entry(key, value) for key, value in metadata]


def _api_entry(key: str, value: MetadataValue) -> CustomMetadata:
    if isinstance(value, str):
        return CustomMetadata(key=key, string_value=value)
    if isinstance(value, tuple):
        return CustomMetadata(key=key, string_list_value=StringList(values=list(value)))
    return CustomMetadata(key=key, numeric_value=shortest(value))


def to_engine_filters(
    filters: Sequence[MetadataFilter], field: str, *, chunks_only: bool = False
) -> list[records.MetadataFilter]:
    """The filters as the engine applies them.

    Arguments:
        filters: what came in a request.
        field: where they stand in it, such as `metadataFilters`.
        chunks_only: whether filters of documents' metadata are refused.

    Raises:
        InvalidArgument: a filter is not well formed, or repeats a key other than for numbers.
    """
    translated = [
        _engine_filter(one, f"{field}[{number}]", chunks_only) for number, one in enumerate(filters)
    ]
    _check_repeats(filters, field)
    return translated


def _engine_filter(one: MetadataFilter, where: str, chunks_only: bool) -> records.MetadataFilter:
    level, key = _level_and_key(one.key, f"{where}.key", chunks_only)
    if not one.conditions:
        raise missing(f"{where}.conditions")
    return records.MetadataFilter(
        level,
        key,
        [
            _engine_condition(condition, f"{where}.conditions[{number}]")
            for number, condition in enumerate(one.conditions)
        ],
    )


def _level_and_key(full_key: str, field: str, chunks_only: bool) -> tuple[Level, str]:
    level = next((level for prefix, level in _LEVELS.items() if full_key.startswith(prefix)), None)
    key = full_key.removeprefix(DOCUMENT_PREFIX if level is Level.DOCUMENT else CHUNK_PREFIX)
    if level is None or not key:
        raise InvalidArgument(
            f"{field}: {full_key[:100]!r} names no metadata; write {CHUNK_PREFIX}KEY"
            + ("" if chunks_only else f" or {DOCUMENT_PREFIX}KEY"),
            field=field,
        )
    if chunks_only and level is Level.DOCUMENT:
        raise InvalidArgument(
            f"{field}: {full_key[:100]!r} is a document's metadata, but the request names one "
            f"document already; filter by {CHUNK_PREFIX}KEY, or query the corpus",
            field=field,
        )
    return level, key


def _engine_condition(condition: Condition, where: str) -> records.Condition:
    if condition.operation is Operator.OPERATOR_UNSPECIFIED:
        names = ", ".join(name for name in Operator.__members__ if not name.endswith("UNSPECIFIED"))
        raise missing(f"{where}.operation", f"one of {names}")
    operation = Operation(int(condition.operation))
    if condition.string_value is not None:
        return records.Condition(operation, condition.string_value)
    if condition.numeric_value is not None:
        number = to_float32(condition.numeric_value, f"{where}.numericValue")
        return records.Condition(operation, number)
    raise missing(where, "give a stringValue or a numericValue to compare with")


def _check_repeats(filters: Iterable[MetadataFilter], field: str) -> None:
    first: dict[str, MetadataFilter] = {}
    for number, one in enumerate(filters):
        other = first.setdefault(one.key, one)
        if other is one or not (_has_strings(one) or _has_strings(other)):
            continue
        raise InvalidArgument(
            f"{field}[{number}].key: {one.key[:100]!r} comes twice; filters can be ANDed on one "
            "key for numbers only. For any of several strings, put the conditions into one filter",
            field=f"{field}[{number}].key",
        )


def _has_strings(one: MetadataFilter) -> bool:
    return any(condition.string_value is not None for condition in one.conditions)
