"""Google's own descriptors of the messages, and random messages made from them.

Most are those of the package google-ai-generativelanguage. That of operations, statuses, intervals
and places come from googleapis-common-protos. Batches are in neither: the table here states them as
Google's server describes them (discovery revision 20251001), and descriptors are made of it.
"""

import math
from typing import Any

from google.ai.generativelanguage_v1beta import types as google_types
from google.longrunning import operations_pb2  # type: ignore[import-untyped]
from google.protobuf import (  # type: ignore[import-untyped]
    any_pb2,
    descriptor_pb2,
    duration_pb2,
    empty_pb2,
    field_mask_pb2,
    message_factory,
    struct_pb2,
    timestamp_pb2,
)
from google.protobuf.descriptor import FieldDescriptor  # type: ignore[import-untyped]
from google.rpc import error_details_pb2, status_pb2  # type: ignore[import-untyped]
from google.type import interval_pb2, latlng_pb2  # type: ignore[import-untyped]
from hypothesis import strategies as st

PACKAGE = "google.ai.generativelanguage.v1beta"
OURS = "ragkit.test"

BATCH_STATES = ("UNSPECIFIED", "PENDING", "RUNNING", "SUCCEEDED", "FAILED", "CANCELLED", "EXPIRED")

_COUNTS = {
    "request_count": "int64",
    "successful_request_count": "int64",
    "failed_request_count": "int64",
    "pending_request_count": "int64",
}


def _batch(embed: str, config: str) -> dict[str, str]:
    return {
        "model": "string",
        "name": "string",
        "display_name": "string",
        "input_config": config,
        "output": f"{embed}BatchOutput",
        "create_time": "google.protobuf.Timestamp",
        "end_time": "google.protobuf.Timestamp",
        "update_time": "google.protobuf.Timestamp",
        "batch_stats": "BatchStats" if embed == "GenerateContent" else "EmbedContentBatchStats",
        "state": "BatchState",
        "priority": "int64",
    }


BATCH_MESSAGES: dict[str, dict[str, str]] = {
    "BatchStats": _COUNTS,
    "EmbedContentBatchStats": _COUNTS,
    "InlinedRequest": {
        "request": f"{PACKAGE}.GenerateContentRequest",
        "metadata": "google.protobuf.Struct",
    },
    "InlinedRequests": {"requests": "InlinedRequest*"},
    "InputConfig": {"source/file_name": "string", "source/requests": "InlinedRequests"},
    "InlinedResponse": {
        "output/error": "google.rpc.Status",
        "output/response": f"{PACKAGE}.GenerateContentResponse",
        "metadata": "google.protobuf.Struct",
    },
    "InlinedResponses": {"inlined_responses": "InlinedResponse*"},
    "GenerateContentBatchOutput": {
        "output/responses_file": "string",
        "output/inlined_responses": "InlinedResponses",
    },
    "GenerateContentBatch": _batch("GenerateContent", "InputConfig"),
    "BatchGenerateContentRequest": {"batch": "GenerateContentBatch"},
    "BatchGenerateContentResponse": {"output": "GenerateContentBatchOutput"},
    "InlinedEmbedContentRequest": {
        "request": f"{PACKAGE}.EmbedContentRequest",
        "metadata": "google.protobuf.Struct",
    },
    "InlinedEmbedContentRequests": {"requests": "InlinedEmbedContentRequest*"},
    "InputEmbedContentConfig": {
        "source/file_name": "string",
        "source/requests": "InlinedEmbedContentRequests",
    },
    "InlinedEmbedContentResponse": {
        "output/error": "google.rpc.Status",
        "output/response": f"{PACKAGE}.EmbedContentResponse",
        "metadata": "google.protobuf.Struct",
    },
    "InlinedEmbedContentResponses": {"inlined_responses": "InlinedEmbedContentResponse*"},
    "EmbedContentBatchOutput": {
        "output/responses_file": "string",
        "output/inlined_responses": "InlinedEmbedContentResponses",
    },
    "EmbedContentBatch": _batch("EmbedContent", "InputEmbedContentConfig"),
    "AsyncBatchEmbedContentRequest": {"batch": "EmbedContentBatch"},
    "AsyncBatchEmbedContentResponse": {"output": "EmbedContentBatchOutput"},
}
"""Fields by name; a name "oneof/field" is a member of a oneof, a type "Message*" is repeated."""

NESTED = {
    "AttributionSourceId.GroundingPassageId": "GroundingPassageId",
    "AttributionSourceId.SemanticRetrieverChunk": "SemanticRetrieverChunk",
    "CachedContent.UsageMetadata": "CachedContentUsageMetadata",
    "FileSearch.RetrievalConfig": "FileSearchRetrievalConfig",
    "FileSearch.RetrievalResource": "RetrievalResource",
    "GenerateAnswerResponse.InputFeedback": "InputFeedback",
    "GenerateContentResponse.PromptFeedback": "PromptFeedback",
    "GenerateContentResponse.UsageMetadata": "UsageMetadata",
    "GroundingChunk.Maps": "Maps",
    "GroundingChunk.Maps.PlaceAnswerSources": "PlaceAnswerSources",
    "GroundingChunk.Maps.PlaceAnswerSources.ReviewSnippet": "ReviewSnippet",
    "GroundingChunk.RetrievedContext": "RetrievedContext",
    "GroundingChunk.Web": "Web",
    "LogprobsResult.Candidate": "LogprobsResultCandidate",
    "LogprobsResult.TopCandidates": "TopCandidates",
    "Tool.ComputerUse": "ComputerUse",
    "Tool.GoogleSearch": "GoogleSearch",
}
"""What we call the messages that Google nests, as its discovery document does where it can."""

_SHARED = [
    empty_pb2.Empty,
    interval_pb2.Interval,
    latlng_pb2.LatLng,
    status_pb2.Status,
    operations_pb2.Operation,
    operations_pb2.GetOperationRequest,
    operations_pb2.ListOperationsRequest,
    operations_pb2.ListOperationsResponse,
    operations_pb2.CancelOperationRequest,
    operations_pb2.DeleteOperationRequest,
]

_FIELD_TYPES = {"string": FieldDescriptor.TYPE_STRING, "int64": FieldDescriptor.TYPE_INT64}


def descriptor(message: Any) -> Any:
    return (
        message.DESCRIPTOR if hasattr(message, "DESCRIPTOR") else message.pb(message()).DESCRIPTOR
    )


POOL = descriptor(google_types.Content).file.pool


def _add_batches() -> None:
    """Make descriptors of the table."""
    file = descriptor_pb2.FileDescriptorProto(
        name="ragkit/batches.proto", package=OURS, syntax="proto3"
    )
    files = {POOL.FindMessageTypeByName(f"{PACKAGE}.EmbedContentRequest").file.name}
    for shared in (timestamp_pb2.Timestamp, struct_pb2.Struct, status_pb2.Status):
        files.add(shared.DESCRIPTOR.file.name)
    file.dependency.extend(sorted(files))
    states = file.enum_type.add(name="BatchState")
    for number, state in enumerate(BATCH_STATES):
        states.value.add(name=f"BATCH_STATE_{state}", number=number)
    for name, fields in BATCH_MESSAGES.items():
        message = file.message_type.add(name=name)
        for number, (path, kind) in enumerate(fields.items(), 1):
            oneof, _, field_name = path.rpartition("/")
            field = message.field.add(name=field_name, number=number)
            field.label = (
                FieldDescriptor.LABEL_REPEATED if "*" in kind else FieldDescriptor.LABEL_OPTIONAL
            )
            if oneof and oneof not in [one.name for one in message.oneof_decl]:
                message.oneof_decl.add(name=oneof)
            if oneof:
                field.oneof_index = 0
            if kind in _FIELD_TYPES:
                field.type = _FIELD_TYPES[kind]
            else:
                full = kind.rstrip("*")
                field.type = (
                    FieldDescriptor.TYPE_ENUM
                    if full == "BatchState"
                    else FieldDescriptor.TYPE_MESSAGE
                )
                field.type_name = f".{full}" if "." in full else f".{OURS}.{full}"
    POOL.AddSerializedFile(file.SerializeToString())


_add_batches()


def googles(our_name: str) -> Any:
    """Google's descriptor of the message that we call so."""
    for shared in _SHARED:
        if shared.DESCRIPTOR.name == our_name:
            return shared.DESCRIPTOR
    if our_name in BATCH_MESSAGES:
        return POOL.FindMessageTypeByName(f"{OURS}.{our_name}")
    nested = {ours: theirs for theirs, ours in NESTED.items()}
    return POOL.FindMessageTypeByName(f"{PACKAGE}.{nested.get(our_name, our_name)}")


def our_name(theirs: Any) -> str:
    """What we call a message of Google's."""
    inside = theirs.full_name.removeprefix(f"{PACKAGE}.")
    return NESTED.get(inside, str(theirs.name))


def make(theirs: Any) -> Any:
    """An empty message of a descriptor."""
    return message_factory.GetMessageClass(theirs)()


_JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(), inner, max_size=2),
    max_leaves=4,
)
_PATHS = st.from_regex(r"[a-z]+(_[a-z]+){0,2}(\.[a-z]+)?", fullmatch=True)
_LONGEST = 315_576_000_000
_NANOS = st.sampled_from([0, 5, 5_000, 120_000_000]) | st.integers(0, 999_999_999)


@st.composite
def _timestamps(draw: st.DrawFn) -> Any:
    seconds = draw(st.integers(-62_135_596_800, 253_402_300_799))
    return timestamp_pb2.Timestamp(seconds=seconds, nanos=draw(_NANOS))


@st.composite
def _durations(draw: st.DrawFn) -> Any:
    sign = draw(st.sampled_from([1, -1]))
    seconds = draw(st.integers(0, _LONGEST - 1) | st.integers(0, 3))
    return duration_pb2.Duration(seconds=sign * seconds, nanos=sign * draw(_NANOS))


@st.composite
def _values(draw: st.DrawFn) -> Any:
    value = struct_pb2.Value()
    plain = draw(_JSON)
    if plain is None:
        value.null_value = 0
    elif isinstance(plain, bool):
        value.bool_value = plain
    elif isinstance(plain, float):
        value.number_value = plain
    elif isinstance(plain, str):
        value.string_value = plain
    elif isinstance(plain, list):
        value.list_value.extend(plain)
        value.list_value.SetInParent()
    else:
        value.struct_value.update(plain)
        value.struct_value.SetInParent()
    return value


@st.composite
def _structs(draw: st.DrawFn) -> Any:
    struct = struct_pb2.Struct()
    struct.update(draw(st.dictionaries(st.text(), _JSON, max_size=3)))
    return struct


@st.composite
def _packed(draw: st.DrawFn) -> Any:
    carried = draw(
        st.sampled_from(
            [
                googles("CreateTunedModelMetadata"),
                googles("TunedModel"),
                googles("GenerateContentBatch"),
                error_details_pb2.ErrorInfo.DESCRIPTOR,
            ]
        )
    )
    packed = any_pb2.Any()
    packed.Pack(draw(messages(carried, depth=1)))
    return packed


_WELL_KNOWN: dict[str, Any] = {
    "google.protobuf.Timestamp": _timestamps(),
    "google.protobuf.Duration": _durations(),
    # An empty mask is one of the known differences.
    "google.protobuf.FieldMask": st.lists(_PATHS, min_size=1, max_size=3).map(
        lambda paths: field_mask_pb2.FieldMask(paths=paths)
    ),
    "google.protobuf.Struct": _structs(),
    "google.protobuf.Value": _values(),
    "google.protobuf.Any": st.deferred(_packed),
}


def _floats(field: Any, width: Any) -> Any:
    # There is one NaN in JSON: its sign and payload cannot survive.
    floats = st.floats(width=width, allow_nan=False) | st.just(math.nan)
    if width == 32:
        # Google's Python cannot read what it writes for the largest float32.
        floats = floats.filter(lambda one: abs(one) < 3.4028234e38 or not math.isfinite(one))
    if not field.has_presence and not field.is_repeated:
        # Ours leaves out what equals the default, and -0.0 does; Google's tells them apart.
        floats = floats.filter(lambda one: one != 0 or math.copysign(1, one) > 0)
    return floats


def _values_of(field: Any, depth: int, known_enums: bool) -> Any:
    kind = field.type
    if field.message_type is not None:
        if field.message_type.full_name in _WELL_KNOWN:
            return _WELL_KNOWN[field.message_type.full_name]
        return messages(field.message_type, depth - 1, known_enums=known_enums)
    if field.enum_type is not None:
        known = st.sampled_from([value.number for value in field.enum_type.values])
        return known if known_enums else known | st.integers(-(2**31), 2**31 - 1)
    return {
        FieldDescriptor.TYPE_STRING: st.text(max_size=5),
        FieldDescriptor.TYPE_BYTES: st.binary(max_size=5),
        FieldDescriptor.TYPE_BOOL: st.booleans(),
        FieldDescriptor.TYPE_INT32: st.integers(-(2**31), 2**31 - 1),
        FieldDescriptor.TYPE_INT64: st.integers(-(2**63), 2**63 - 1),
        FieldDescriptor.TYPE_FLOAT: _floats(field, 32),
        FieldDescriptor.TYPE_DOUBLE: _floats(field, 64),
    }[kind]


@st.composite
def messages(draw: st.DrawFn, theirs: Any, depth: int = 3, known_enums: bool = False) -> Any:
    """Random messages of a descriptor, nested so deep at most."""
    message = make(theirs)
    fields = [
        field
        for field in theirs.fields
        if depth > 0 or field.message_type is None or field.message_type.full_name in _WELL_KNOWN
    ]
    if not fields:
        return message
    for field in draw(st.lists(st.sampled_from(fields), max_size=4, unique_by=lambda f: f.name)):
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            value_field = field.message_type.fields_by_name["value"]
            # One at most: maps within an Any are serialised, and have no order.
            for key in draw(st.lists(st.text(max_size=3), max_size=1)):
                value = draw(_values_of(value_field, depth, known_enums))
                if value_field.message_type is None:
                    getattr(message, field.name)[key] = value
                else:
                    getattr(message, field.name)[key].CopyFrom(value)
            continue
        values = _values_of(field, depth, known_enums)
        if field.is_repeated:
            getattr(message, field.name).extend(draw(st.lists(values, max_size=2)))
        elif field.message_type is not None:
            getattr(message, field.name).CopyFrom(draw(values))
        else:
            setattr(message, field.name, draw(values))
    return message
