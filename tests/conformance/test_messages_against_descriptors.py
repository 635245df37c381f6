"""Every message against Google's own: structure by structure, and by random round trips."""

import json
import typing
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from google.protobuf import json_format  # type: ignore[import-untyped]
from google.protobuf.descriptor import FieldDescriptor  # type: ignore[import-untyped]
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic.fields import FieldInfo

from ragkit.api.base import OneofModel, ProtoEnum, ProtoModel, is_value_field
from ragkit.api.methods import METHODS
from ragkit.api.parsing import message_of, parse_leniently, parse_message

from .descriptors import PACKAGE, POOL, googles, make, messages, our_name

KNOWN_DIFFERENCES = {
    f"{request}.update_mask: presence": "a mask that is absent and one that is empty mean the same"
    for request in (
        "UpdateCachedContentRequest",
        "UpdateChunkRequest",
        "UpdateCorpusRequest",
        "UpdateDocumentRequest",
        "UpdatePermissionRequest",
        "UpdateTunedModelRequest",
    )
}
"""What differs, and why. Names in Python are the API's: `type` for what Google's Python calls
`type_`, to which it adds an underscore because of the language."""

KNOWN_VALUE_DIFFERENCES = [
    (
        "RelevantChunk",
        '{"chunkRelevanceScore": -0.0}',
        "{}",
        "a field without presence is left out when it equals its default, and -0.0 does",
    ),
    (
        "UpdateCorpusRequest",
        '{"updateMask": ""}',
        "{}",
        "a mask that is absent and one that is empty mean the same",
    ),
]
"""What Google's descriptors keep and we do not: message, what is read, what is written, why. The
random messages leave these out, and two more: NaN with a sign or payload, which JSON does not have,
and the largest float32, which Google's Python writes but does not read."""

SCALARS = {
    FieldDescriptor.TYPE_STRING: str,
    FieldDescriptor.TYPE_BYTES: bytes,
    FieldDescriptor.TYPE_BOOL: bool,
    FieldDescriptor.TYPE_INT32: int,
    FieldDescriptor.TYPE_INT64: int,
    FieldDescriptor.TYPE_FLOAT: float,
    FieldDescriptor.TYPE_DOUBLE: float,
}
WELL_KNOWN = {
    "google.protobuf.Any": dict,
    "google.protobuf.Duration": timedelta,
    "google.protobuf.FieldMask": tuple,
    "google.protobuf.Struct": dict,
    "google.protobuf.Timestamp": datetime,
    "google.protobuf.Value": Any,
}
ON_WIRE: dict[int, tuple[Any, Any]] = {
    FieldDescriptor.TYPE_INT64: (2**53 + 1, str(2**53 + 1)),
    FieldDescriptor.TYPE_INT32: ("7", 7),
    FieldDescriptor.TYPE_BYTES: (b"\xff\xfe", "//4="),
    FieldDescriptor.TYPE_FLOAT: (0.25, 0.25),
    FieldDescriptor.TYPE_DOUBLE: (1 / 3, 1 / 3),
}
"""What is given in Python, and what that is on the wire."""


def surface() -> dict[str, type[ProtoModel]]:
    """Every message that a method takes or gives, and all that these hold."""
    found: dict[str, type[ProtoModel]] = {}
    waiting: list[type[ProtoModel]] = []
    for method in METHODS.values():
        kinds = (method.request, method.response, method.result, method.metadata)
        waiting += [kind for kind in kinds if kind is not None]
    while waiting:
        kind = waiting.pop()
        if kind.__name__ in found:
            assert found[kind.__name__] is kind, f"two messages are called {kind.__name__}"
            continue
        kind.model_rebuild()
        found[kind.__name__] = kind
        held = (message_of(field) for field in kind.model_fields.values())
        waiting += [one for one in held if one is not None]
    return dict(sorted(found.items()))


SURFACE = surface()


def kind_of(annotation: Any) -> tuple[Any, bool]:
    """An annotation's plain type, and whether it is a list or map of that."""
    if typing.get_origin(annotation) is typing.Annotated:
        return kind_of(typing.get_args(annotation)[0])
    options = [one for one in typing.get_args(annotation) if one is not type(None)]
    if typing.get_origin(annotation) is list:
        return kind_of(options[0])[0], True
    if typing.get_origin(annotation) is dict and options[1] is not Any:
        return kind_of(options[1])[0], True
    if typing.get_origin(annotation) in (dict, tuple, None):
        return typing.get_origin(annotation) or annotation, False
    assert len(options) == 1, annotation
    return kind_of(options[0])


def enum_differences(ours: type[ProtoEnum], theirs: Any) -> Iterator[str]:
    known = {(value.name, value.number) for value in theirs.values}
    members = {(name, int(member)) for name, member in ours.__members__.items()}
    yield from (f"{ours.__name__}.{name} = {number}: not here" for name, number in known - members)
    yield from (f"{ours.__name__}.{name} = {number}: only here" for name, number in members - known)


def field_differences(where: str, ours: FieldInfo, theirs: Any) -> Iterator[str]:
    kind, repeated = kind_of(ours.annotation)
    if repeated != theirs.is_repeated:
        yield f"{where}: repeated"
    if ours.alias != theirs.json_name:
        yield f"{where}: JSON name {ours.alias}"
    if theirs.has_presence != (ours.default is None):
        yield f"{where}: presence"
    message = theirs.message_type
    if message is not None and message.GetOptions().map_entry:
        message = message.fields_by_name["value"].message_type
    if theirs.enum_type is not None:
        if not issubclass(kind, ProtoEnum):
            yield f"{where}: no enum"
        else:
            yield from enum_differences(kind, theirs.enum_type)
    elif message is None:
        if kind is not SCALARS[theirs.type]:
            yield f"{where}: {kind}"
    elif message.full_name in WELL_KNOWN:
        if kind is not WELL_KNOWN[message.full_name]:
            yield f"{where}: {kind}"
    elif getattr(kind, "__name__", "") != our_name(message):
        yield f"{where}: {kind}, not {our_name(message)}"


def message_differences(ours: type[ProtoModel], theirs: Any) -> Iterator[str]:
    """What a message of ours has other than Google's."""
    fields = {field.name.rstrip("_"): field for field in theirs.fields}
    yield from (f"{ours.__name__}.{name}: not here" for name in fields.keys() - ours.model_fields)
    yield from (f"{ours.__name__}.{name}: only here" for name in ours.model_fields.keys() - fields)
    # A oneof of one member says no more than that it is optional, as `optional` itself does.
    oneofs = {
        oneof.name: {field.name for field in oneof.fields}
        for oneof in theirs.oneofs
        if len(oneof.fields) > 1
    }
    groups = getattr(ours, "ONEOFS", {})
    if oneofs != {name: set(group) for name, group in groups.items() if len(group) > 1}:
        yield f"{ours.__name__}: oneofs {oneofs}"
    if groups and not issubclass(ours, OneofModel):
        yield f"{ours.__name__}: oneofs that nothing enforces"
    for name in fields.keys() & ours.model_fields.keys():
        yield from field_differences(
            f"{ours.__name__}.{name}", ours.model_fields[name], fields[name]
        )


def test_messages_are_googles():
    found: list[str] = []
    for name, kind in SURFACE.items():
        found += message_differences(kind, googles(name))
    assert len(SURFACE) > 170
    assert sorted(found) == sorted(KNOWN_DIFFERENCES)


def test_enums_with_a_name_of_their_own_are_compared():
    compared = {
        field.enum_type.full_name
        for name in SURFACE
        for field in googles(name).fields
        if field.enum_type is not None
    }
    assert f"{PACKAGE}.TaskType" in compared
    assert len(compared) > 25


@pytest.mark.parametrize("name", SURFACE)
def test_scalars_have_their_wire_form(name):
    kind = SURFACE[name]
    for field in googles(name).fields:
        if field.type in ON_WIRE:
            given_as, sent = ON_WIRE[field.type]
            several = field.is_repeated
            message = kind.model_validate({field.json_name: [given_as] if several else given_as})
            wire = json.loads(message.to_json())
            assert wire == {field.json_name: [sent] if several else sent}
            assert kind.model_validate_json(message.to_json()) == message


@pytest.mark.parametrize("name", [name for name in SURFACE if getattr(SURFACE[name], "ONEOFS", {})])
def test_two_members_of_a_oneof_are_refused(name):
    kind = SURFACE[name]
    theirs = googles(name)
    for oneof in theirs.oneofs:
        for first, second in zip(oneof.fields, list(oneof.fields)[1:], strict=False):
            message = make(theirs)
            plain: dict[str, Any] = {}
            for field in (first, second):
                plain[field.json_name] = {} if field.message_type is not None else "x"
                if field.type == FieldDescriptor.TYPE_FLOAT:
                    plain[field.json_name] = 1.0
                if field.message_type is not None:
                    if field.message_type.full_name == "google.protobuf.Timestamp":
                        plain[field.json_name] = "2024-05-01T12:00:00Z"
                    if field.message_type.full_name == "google.protobuf.Duration":
                        plain[field.json_name] = "1s"
                    if field.message_type.full_name == "google.protobuf.Any":
                        plain[field.json_name] = {"@type": f"x/{PACKAGE}.Content"}
            with pytest.raises(json_format.ParseError, match="oneof"):
                json_format.ParseDict(plain, message)
            with pytest.raises(ValueError, match=f"oneof '{oneof.name}'"):
                kind.model_validate(plain)


@pytest.mark.parametrize("name", SURFACE)
def test_random_messages_survive_the_round_trip(name):
    kind, theirs = SURFACE[name], googles(name)

    @settings(deadline=None, max_examples=40, suppress_health_check=list(HealthCheck))
    @given(messages(theirs), st.booleans())
    def check(message: Any, snake_case: bool) -> None:
        text = json_format.MessageToJson(
            message, preserving_proto_field_name=snake_case, descriptor_pool=POOL
        )
        ours = parse_leniently(kind, text.encode())
        assert same(ours.to_json(), message)
        assert parse_leniently(kind, ours.to_json()) == ours or "NaN" in text
        if "null" not in text:
            # In Python, None for a Value says that it is absent, as for every other field.
            assert same(kind.model_validate(json.loads(text)).to_json(), message)

    check()


@pytest.mark.parametrize(("name", "text", "written", "reason"), KNOWN_VALUE_DIFFERENCES)
def test_values_known_to_differ_do(name, text, written, reason):
    message = make(googles(name))
    json_format.Parse(text, message)
    ours = parse_message(SURFACE[name], text.encode())
    assert ours.to_json() == written.encode()
    assert not same(ours.to_json(), message), f"no difference any more: {reason}"


@pytest.mark.parametrize("name", SURFACE)
def test_what_google_writes_is_read_strictly(name):
    kind, theirs = SURFACE[name], googles(name)

    @settings(deadline=None, max_examples=15, suppress_health_check=list(HealthCheck))
    @given(messages(theirs, known_enums=True))
    def check(message: Any) -> None:
        text = json_format.MessageToJson(message, descriptor_pool=POOL)
        assert same(parse_message(kind, text.encode()).to_json(), message)

    check()


@pytest.mark.parametrize("name", [name for name in SURFACE if SURFACE[name].model_fields])
def test_null_stands_for_the_default(name):
    kind = SURFACE[name]
    nulls = {field.alias: None for field in kind.model_fields.values() if not is_value_field(field)}
    theirs = make(googles(name))
    json_format.ParseDict(nulls, theirs)
    assert same(parse_message(kind, json.dumps(nulls).encode()).to_json(), theirs)
    assert same(parse_leniently(kind, json.dumps(nulls).encode()).to_json(), theirs)


def same(ours: bytes, theirs: Any) -> bool:
    """Whether JSON of ours is a message of Google's, bit by bit (NaN is not equal to itself)."""
    read = type(theirs)()
    json_format.Parse(ours, read, descriptor_pool=POOL)
    return bool(
        read.SerializeToString(deterministic=True) == theirs.SerializeToString(deterministic=True)
    )


def test_the_comparison_sees_each_kind_of_difference():
    class Corpus(OneofModel):
        ONEOFS: typing.ClassVar = {"data": ("create_time", "extra")}
        name: int = 0
        display_name: list[str] = []  # noqa: RUF012
        create_time: str | None = None
        extra: str = ""

    class State(ProtoEnum):
        STATE_UNSPECIFIED = 0
        STATE_ACTIVE = 3

    class Chunk(ProtoModel):
        state: State = State.STATE_UNSPECIFIED
        data: dict[str, str] | None = None
        custom_metadata: str | None = None

    found = "\n".join(message_differences(Corpus, googles("Corpus")))
    for expected in (
        "Corpus.update_time: not here",
        "Corpus.extra: only here",
        "Corpus: oneofs",
        "Corpus.name: <class 'int'>",
        "Corpus.display_name: repeated",
        "Corpus.create_time: <class 'str'>",
    ):
        assert expected in found
    found = "\n".join(message_differences(Chunk, googles("Chunk")))
    assert "State.STATE_ACTIVE = 2: not here" in found
    assert "State.STATE_ACTIVE = 3: only here" in found
    assert "Chunk.data: <class 'str'>, not ChunkData" in found
    assert "Chunk.custom_metadata: presence" in found
