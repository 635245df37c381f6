"""Our declarations against Google's own, as published in the package google-ai-generativelanguage.

Every method's verb, path, body and messages are compared, and every message down to its fields:
names, JSON names, types, presence, repetition, oneofs, and the names and numbers of enums.
"""

import importlib
import re
import types
import typing
from collections.abc import Iterator
from datetime import datetime
from typing import Any, TypeAlias

import pytest
from google.ai.generativelanguage_v1beta import types as google_types
from pydantic.fields import FieldInfo

from ragkit.api.base import OneofModel, ProtoEnum, ProtoModel
from ragkit.api.methods import METHODS

SERVICES = "google.ai.generativelanguage_v1beta.services"

RPCS = {
    "corpora.create": ("retriever_service", "CreateCorpus"),
    "corpora.get": ("retriever_service", "GetCorpus"),
    "corpora.patch": ("retriever_service", "UpdateCorpus"),
    "corpora.delete": ("retriever_service", "DeleteCorpus"),
    "corpora.list": ("retriever_service", "ListCorpora"),
    "corpora.query": ("retriever_service", "QueryCorpus"),
    "corpora.documents.create": ("retriever_service", "CreateDocument"),
    "corpora.documents.get": ("retriever_service", "GetDocument"),
    "corpora.documents.patch": ("retriever_service", "UpdateDocument"),
    "corpora.documents.delete": ("retriever_service", "DeleteDocument"),
    "corpora.documents.list": ("retriever_service", "ListDocuments"),
    "corpora.documents.query": ("retriever_service", "QueryDocument"),
    "corpora.documents.chunks.create": ("retriever_service", "CreateChunk"),
    "corpora.documents.chunks.batchCreate": ("retriever_service", "BatchCreateChunks"),
    "corpora.documents.chunks.get": ("retriever_service", "GetChunk"),
    "corpora.documents.chunks.patch": ("retriever_service", "UpdateChunk"),
    "corpora.documents.chunks.batchUpdate": ("retriever_service", "BatchUpdateChunks"),
    "corpora.documents.chunks.delete": ("retriever_service", "DeleteChunk"),
    "corpora.documents.chunks.batchDelete": ("retriever_service", "BatchDeleteChunks"),
    "corpora.documents.chunks.list": ("retriever_service", "ListChunks"),
    "models.get": ("model_service", "GetModel"),
    "models.list": ("model_service", "ListModels"),
    "models.generateAnswer": ("generative_service", "GenerateAnswer"),
    "models.embedContent": ("generative_service", "EmbedContent"),
    "models.batchEmbedContents": ("generative_service", "BatchEmbedContents"),
    "models.countTokens": ("generative_service", "CountTokens"),
}
"""Which call of which service each method is, in the package."""

NEWER = "newer than revision 20250701 of the API, which this version of ragkit follows"
EMPTY_MASK = "a mask that is absent and one that is empty mean the same"
UNTYPED = "kept as plain JSON until the methods that read it are there"

KNOWN_DIFFERENCES = {
    "Candidate.finish_message: not here": NEWER,
    "FinishReason.UNEXPECTED_TOOL_CALL = 12: not here": NEWER,
    "FinishReason.TOO_MANY_TOOL_CALLS = 13: not here": NEWER,
    "FinishReason.IMAGE_PROHIBITED_CONTENT = 14: not here": NEWER,
    "FinishReason.IMAGE_OTHER = 15: not here": NEWER,
    "FinishReason.NO_IMAGE = 16: not here": NEWER,
    "FinishReason.IMAGE_RECITATION = 17: not here": NEWER,
    "FunctionResponse.parts: not here": NEWER,
    "FunctionResponse.scheduling: not here": NEWER,
    "FunctionResponse.will_continue: not here": NEWER,
    "Part.part_metadata: not here": NEWER,
    "RelevantChunk.document: not here": NEWER,
    "Candidate.citation_metadata: untyped CitationMetadata": UNTYPED,
    "Candidate.grounding_metadata: untyped GroundingMetadata": UNTYPED,
    "Candidate.logprobs_result: untyped LogprobsResult": UNTYPED,
    "Candidate.url_context_metadata: untyped UrlContextMetadata": UNTYPED,
    "GenerateContentRequest.generation_config: untyped GenerationConfig": UNTYPED,
    "GenerateContentRequest.tool_config: untyped ToolConfig": UNTYPED,
    "GenerateContentRequest.tools: untyped Tool": UNTYPED,
    "Part.code_execution_result: untyped CodeExecutionResult": UNTYPED,
    "Part.executable_code: untyped ExecutableCode": UNTYPED,
    "Part.video_metadata: untyped VideoMetadata": UNTYPED,
    "UpdateChunkRequest.update_mask: presence": EMPTY_MASK,
    "UpdateCorpusRequest.update_mask: presence": EMPTY_MASK,
    "UpdateDocumentRequest.update_mask: presence": EMPTY_MASK,
}
"""What differs, and why."""

Seen: TypeAlias = set[tuple[type[ProtoModel], str]]

SCALARS = {
    "TYPE_STRING": str,
    "TYPE_BYTES": bytes,
    "TYPE_BOOL": bool,
    "TYPE_INT32": int,
    "TYPE_FLOAT": float,
    "TYPE_DOUBLE": float,
}
WELL_KNOWN = {
    "google.protobuf.Timestamp": datetime,
    "google.protobuf.FieldMask": tuple,
    "google.protobuf.Struct": dict,
}


def transport(service: str) -> tuple[Any, Any]:
    base = importlib.import_module(f"{SERVICES}.{service}.transports.base")
    rest = importlib.import_module(f"{SERVICES}.{service}.transports.rest_base")
    camel = service.title().replace("_", "")
    return getattr(base, f"{camel}Transport"), getattr(rest, f"_Base{camel}RestTransport")


def descriptor(message: Any) -> Any:
    return (
        message.DESCRIPTOR if hasattr(message, "DESCRIPTOR") else message.pb(message()).DESCRIPTOR
    )


def google_messages(method_id: str) -> tuple[Any, Any]:
    """The descriptors of a call's request and response."""
    service, rpc = RPCS[method_id]
    base, _ = transport(service)
    stub = getattr(base, re.sub(r"(?<!^)(?=[A-Z])", "_", rpc).lower())
    (request,), replies = typing.get_args(typing.get_type_hints(stub.fget)["return"])
    return descriptor(request), descriptor(typing.get_args(replies)[0])


def kind_of(annotation: Any) -> tuple[Any, bool]:
    """An annotation's plain type, and whether it is a list of that."""
    if typing.get_origin(annotation) is typing.Annotated:
        return kind_of(typing.get_args(annotation)[0])
    options = [one for one in typing.get_args(annotation) if one is not type(None)]
    if typing.get_origin(annotation) in (typing.Union, types.UnionType) and len(options) == 1:
        return kind_of(options[0])
    if typing.get_origin(annotation) is list:
        return kind_of(options[0])[0], True
    return typing.get_origin(annotation) or annotation, False


def enum_differences(ours: type[ProtoEnum], theirs: Any) -> Iterator[str]:
    known = {(value.name, value.number) for value in theirs.values}
    members = {(name, int(member)) for name, member in ours.__members__.items()}
    yield from (f"{ours.__name__}.{name} = {number}: not here" for name, number in known - members)
    yield from (f"{ours.__name__}.{name} = {number}: only here" for name, number in members - known)


def field_differences(where: str, ours: FieldInfo, theirs: Any, seen: Seen) -> Iterator[str]:
    kind, repeated = kind_of(ours.annotation)
    if repeated != theirs.is_repeated:
        yield f"{where}: repeated"
    if ours.alias != theirs.json_name:
        yield f"{where}: JSON name {ours.alias}"
    if theirs.has_presence != (ours.default is None):
        yield f"{where}: presence"
    if theirs.enum_type is not None:
        if not issubclass(kind, ProtoEnum):
            yield f"{where}: no enum"
        else:
            yield from enum_differences(kind, theirs.enum_type)
    elif theirs.message_type is None:
        if theirs.type not in {
            getattr(theirs, name) for name, one in SCALARS.items() if one is kind
        }:
            yield f"{where}: {kind}"
    elif theirs.message_type.full_name in WELL_KNOWN:
        if kind is not WELL_KNOWN[theirs.message_type.full_name]:
            yield f"{where}: {kind}"
    elif kind is dict:
        yield f"{where}: untyped {theirs.message_type.name}"
    elif not issubclass(kind, ProtoModel):
        yield f"{where}: {kind}"
    else:
        yield from message_differences(kind, theirs.message_type, seen)


def message_differences(ours: type[ProtoModel], theirs: Any, seen: Seen) -> Iterator[str]:
    """What a message of ours, and all that it holds, has other than Google's."""
    if (ours, theirs.full_name) in seen:
        return
    seen.add((ours, theirs.full_name))
    if ours.__name__ != theirs.name:
        yield f"{ours.__name__}: called {theirs.name}"
    fields = {field.name: field for field in theirs.fields}
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
    for name in fields.keys() & ours.model_fields.keys():
        where = f"{ours.__name__}.{name}"
        yield from field_differences(where, ours.model_fields[name], fields[name], seen)


def test_every_method_is_compared():
    assert set(RPCS) == set(METHODS)


@pytest.mark.parametrize("method_id", RPCS)
def test_verb_path_and_body_are_googles(method_id):
    method = METHODS[method_id]
    service, rpc = RPCS[method_id]
    _, rest = transport(service)
    rules = getattr(rest, f"_Base{rpc}")._get_http_options()
    ours = {"method": method.verb.lower(), "uri": method.path}
    assert ours | ({"body": method.body} if method.body else {}) in rules


def test_messages_are_googles():
    seen: Seen = set()
    differences: list[str] = []
    for method_id in RPCS:
        method = METHODS[method_id]
        request, response = google_messages(method_id)
        differences += message_differences(method.request, request, seen)
        differences += message_differences(method.response, response, seen)
    assert len(seen) > 60
    assert sorted(set(differences)) == sorted(KNOWN_DIFFERENCES)


def test_the_comparison_sees_each_kind_of_difference():
    class Wrong(OneofModel):
        ONEOFS: typing.ClassVar = {"data": ("create_time", "extra")}
        name: int = 0
        display_name: list[str] = []  # noqa: RUF012
        create_time: str | None = None
        extra: str = ""

    class State(ProtoEnum):
        STATE_UNSPECIFIED = 0
        STATE_ACTIVE = 3

    class AlsoWrong(ProtoModel):
        state: State = State.STATE_UNSPECIFIED
        data: dict[str, str] | None = None
        custom_metadata: str | None = None

    corpus, chunk = (descriptor(one) for one in (google_types.Corpus, google_types.Chunk))
    found = "\n".join([*message_differences(Wrong, corpus, set())])
    for expected in (
        "Wrong: called Corpus",
        "Wrong.update_time: not here",
        "Wrong.extra: only here",
        "Wrong: oneofs",
        "Wrong.name: <class 'int'>",
        "Wrong.display_name: repeated",
        "Wrong.create_time: <class 'str'>",
    ):
        assert expected in found
    found = "\n".join([*message_differences(AlsoWrong, chunk, set())])
    assert "State.STATE_ACTIVE = 2: not here" in found
    assert "State.STATE_ACTIVE = 3: only here" in found
    assert "AlsoWrong.data: untyped ChunkData" in found
    assert "AlsoWrong.custom_metadata: presence" in found
