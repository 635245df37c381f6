"""Our declarations against Google's own, as published in the package google-ai-generativelanguage.

Every method's verb, path, body and messages are compared, and random requests are written by our
client's code and by Google's transcoder: both must send the same, and we must read it back. The
two creators of batches, which the package does not know, are compared with a table.
"""

import importlib
import json
import re
import typing
from typing import Any
from urllib.parse import unquote

import pytest
from google.api_core import path_template
from google.protobuf import json_format  # type: ignore[import-untyped]
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ragkit.api.methods import METHODS
from ragkit.api.wire import HttpRequest, Method, path_regex

from .descriptors import POOL, descriptor, googles, make, messages

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
    "corpora.permissions.create": ("permission_service", "CreatePermission"),
    "corpora.permissions.get": ("permission_service", "GetPermission"),
    "corpora.permissions.patch": ("permission_service", "UpdatePermission"),
    "corpora.permissions.delete": ("permission_service", "DeletePermission"),
    "corpora.permissions.list": ("permission_service", "ListPermissions"),
    "models.get": ("model_service", "GetModel"),
    "models.list": ("model_service", "ListModels"),
    "models.generateContent": ("generative_service", "GenerateContent"),
    "models.streamGenerateContent": ("generative_service", "StreamGenerateContent"),
    "models.generateAnswer": ("generative_service", "GenerateAnswer"),
    "models.embedContent": ("generative_service", "EmbedContent"),
    "models.batchEmbedContents": ("generative_service", "BatchEmbedContents"),
    "models.countTokens": ("generative_service", "CountTokens"),
    "models.generateText": ("text_service", "GenerateText"),
    "models.embedText": ("text_service", "EmbedText"),
    "models.batchEmbedText": ("text_service", "BatchEmbedText"),
    "models.countTextTokens": ("text_service", "CountTextTokens"),
    "models.generateMessage": ("discuss_service", "GenerateMessage"),
    "models.countMessageTokens": ("discuss_service", "CountMessageTokens"),
    "media.upload": ("file_service", "CreateFile"),
    "files.get": ("file_service", "GetFile"),
    "files.delete": ("file_service", "DeleteFile"),
    "files.list": ("file_service", "ListFiles"),
    "cachedContents.create": ("cache_service", "CreateCachedContent"),
    "cachedContents.get": ("cache_service", "GetCachedContent"),
    "cachedContents.patch": ("cache_service", "UpdateCachedContent"),
    "cachedContents.delete": ("cache_service", "DeleteCachedContent"),
    "cachedContents.list": ("cache_service", "ListCachedContents"),
    "batches.get": ("model_service", "GetOperation"),
    "batches.list": ("model_service", "ListOperations"),
    "batches.cancel": ("model_service", "CancelOperation"),
    "batches.delete": ("model_service", "DeleteOperation"),
    "tunedModels.create": ("model_service", "CreateTunedModel"),
    "tunedModels.get": ("model_service", "GetTunedModel"),
    "tunedModels.patch": ("model_service", "UpdateTunedModel"),
    "tunedModels.delete": ("model_service", "DeleteTunedModel"),
    "tunedModels.list": ("model_service", "ListTunedModels"),
    "tunedModels.generateContent": ("generative_service", "GenerateContent"),
    "tunedModels.streamGenerateContent": ("generative_service", "StreamGenerateContent"),
    "tunedModels.generateText": ("text_service", "GenerateText"),
    "tunedModels.transferOwnership": ("permission_service", "TransferOwnership"),
    "tunedModels.permissions.create": ("permission_service", "CreatePermission"),
    "tunedModels.permissions.get": ("permission_service", "GetPermission"),
    "tunedModels.permissions.patch": ("permission_service", "UpdatePermission"),
    "tunedModels.permissions.delete": ("permission_service", "DeletePermission"),
    "tunedModels.permissions.list": ("permission_service", "ListPermissions"),
    "tunedModels.operations.get": ("model_service", "GetOperation"),
    "tunedModels.operations.list": ("model_service", "ListOperations"),
}
"""Which call of which service each method is, in the package."""

BATCH_CREATORS = {
    "models.batchGenerateContent": (
        "/v1beta/{batch.model=models/*}:batchGenerateContent",
        "BatchGenerateContentRequest",
        "BatchGenerateContentResponse",
        "GenerateContentBatch",
    ),
    "models.asyncBatchEmbedContent": (
        "/v1beta/{batch.model=models/*}:asyncBatchEmbedContent",
        "AsyncBatchEmbedContentRequest",
        "AsyncBatchEmbedContentResponse",
        "EmbedContentBatch",
    ),
}
"""What Google's server says of them: path, request, and what the operation carries."""

CLOSED = {
    "corpora.patch",
    "corpora.query",
    *(one for one in RPCS if one.startswith("corpora.documents.")),
}
DEPRECATED = {
    "corpora.create",
    "corpora.delete",
    "corpora.get",
    "corpora.list",
    "models.batchEmbedText",
    "models.countMessageTokens",
    "models.countTextTokens",
    "models.embedText",
    "models.generateAnswer",
    "models.generateMessage",
    "models.generateText",
    "tunedModels.create",
    "tunedModels.delete",
    "tunedModels.generateText",
    "tunedModels.get",
    "tunedModels.list",
    "tunedModels.patch",
}

UNSAFE = {
    "corpora.create",
    "corpora.documents.create",
    "corpora.documents.chunks.create",
    "corpora.documents.chunks.batchCreate",
    "corpora.documents.chunks.batchDelete",
    "corpora.permissions.create",
    "cachedContents.create",
    "media.upload",
    "models.batchGenerateContent",
    "models.asyncBatchEmbedContent",
    "tunedModels.create",
    "tunedModels.permissions.create",
    # Once it went through, the caller is no owner any more and is refused.
    "tunedModels.transferOwnership",
}
"""What does more when it is repeated, beside deletes, whose second answer is an error."""


def transport(service: str) -> tuple[Any, Any]:
    base = importlib.import_module(f"{SERVICES}.{service}.transports.base")
    rest = importlib.import_module(f"{SERVICES}.{service}.transports.rest_base")
    camel = service.title().replace("_", "")
    return getattr(base, f"{camel}Transport"), getattr(rest, f"_Base{camel}RestTransport")


def rules(method_id: str) -> list[dict[str, str]]:
    """Google's rules of how a method's request is written as HTTP."""
    if method_id in BATCH_CREATORS:
        return [{"method": "post", "uri": BATCH_CREATORS[method_id][0], "body": "*"}]
    service, rpc = RPCS[method_id]
    _, rest = transport(service)
    found: list[dict[str, str]] = getattr(rest, f"_Base{rpc}")._get_http_options()
    return found


def google_messages(method_id: str) -> tuple[Any, Any]:
    """The descriptors of a call's request and response."""
    if method_id in BATCH_CREATORS:
        return googles(BATCH_CREATORS[method_id][1]), googles("Operation")
    service, rpc = RPCS[method_id]
    if rpc.endswith(("Operation", "Operations")):
        responses = {"GetOperation": "Operation", "ListOperations": "ListOperationsResponse"}
        return googles(f"{rpc}Request"), googles(responses.get(rpc, "Empty"))
    base, _ = transport(service)
    stub = getattr(base, re.sub(r"(?<!^)(?=[A-Z])", "_", rpc).lower())
    (request,), replies = typing.get_args(typing.get_type_hints(stub.fget)["return"])
    return descriptor(request), descriptor(typing.get_args(replies)[0])


def test_every_method_is_compared():
    assert set(RPCS) | set(BATCH_CREATORS) == set(METHODS)
    assert list(METHODS) == [method.id for method in METHODS.values()]


@pytest.mark.parametrize("method_id", METHODS)
def test_verb_path_and_body_are_googles(method_id):
    method = METHODS[method_id]
    ours = {"method": method.verb.lower(), "uri": method.path}
    assert ours | ({"body": method.body} if method.body else {}) in rules(method_id)


@pytest.mark.parametrize("method_id", METHODS)
def test_messages_are_those_of_the_call(method_id):
    method = METHODS[method_id]
    request, response = google_messages(method_id)
    assert googles(method.request.__name__).full_name == request.full_name
    assert googles(method.response.__name__).full_name == response.full_name


@pytest.mark.parametrize("method_id", METHODS)
def test_operations_say_what_they_carry(method_id):
    method = METHODS[method_id]
    carried = [kind and kind.__name__ for kind in (method.result, method.metadata)]
    if method_id in BATCH_CREATORS:
        assert carried == list(BATCH_CREATORS[method_id][2:])
    elif method_id == "tunedModels.create":
        assert carried == ["TunedModel", "CreateTunedModelMetadata"]
    else:
        assert carried == [None, None]


def test_what_google_does_with_each_method_is_stated():
    assert {one.id for one in METHODS.values() if one.google == "closed"} == CLOSED
    assert {one.id for one in METHODS.values() if one.google == "deprecated"} == DEPRECATED


def test_safe_methods_are_those_that_may_be_repeated():
    unsafe = {one.id for one in METHODS.values() if not one.safe and one.verb != "DELETE"}
    assert unsafe == UNSAFE
    assert not any(one.safe for one in METHODS.values() if one.verb == "DELETE")


def test_streams_and_uploads_are_marked():
    assert [one.id for one in METHODS.values() if one.streaming] == [
        "models.streamGenerateContent",
        "tunedModels.streamGenerateContent",
    ]
    assert {one.id: one.upload_path for one in METHODS.values() if one.upload} == {
        "media.upload": "/upload/v1beta/files"
    }


def named(method: Method[Any, Any], message: Any, ids: list[str]) -> None:
    """Give a request the name for its path, of the method's form."""
    pattern = re.findall(r"=([^}]+)\}", method.path)
    if not pattern:
        return
    name = pattern[0]
    for one in ids[: name.count("*")]:
        name = name.replace("*", one, 1)
    *outer, last = method.variable.split(".")
    for part in outer:
        message = getattr(message, part)
    setattr(message, last, name)


def sent(method_id: str, message: Any) -> dict[str, Any]:
    """What Google's client sends for a request."""
    written: dict[str, Any] = path_template.transcode(  # type: ignore[no-untyped-call]
        rules(method_id), message
    )
    return written


def as_query(plain: dict[str, Any]) -> dict[str, str]:
    return {
        key: str(value).lower() if isinstance(value, bool) else str(value)
        for key, value in plain.items()
    }


@pytest.mark.parametrize("method_id", METHODS)
def test_requests_are_sent_as_google_sends_them(method_id):
    method = METHODS[method_id]
    request, _ = google_messages(method_id)
    ids = st.lists(st.from_regex(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?", fullmatch=True), min_size=3)

    @settings(deadline=None, max_examples=25, suppress_health_check=list(HealthCheck))
    @given(messages(request, known_enums=True), ids)
    def check(message: Any, ids: list[str]) -> None:
        if method.body not in ("", "*"):
            getattr(message, method.body).SetInParent()
        named(method, message, ids)
        text = json_format.MessageToJson(message, descriptor_pool=POOL)
        ours = method.request.model_validate_json(text)
        http = method.encode(ours)
        theirs = sent(method_id, message)
        assert (http.verb.lower(), unquote(http.path)) == (theirs["method"], theirs["uri"])
        plain = json_format.MessageToDict(theirs["query_params"], descriptor_pool=POOL)
        assert dict(http.query) == as_query(plain)
        same_body(http, theirs.get("body"))
        found = path_regex(method.path).fullmatch(http.path)
        assert found is not None
        value = found[1] if method.variable else ""
        read = method.decode(value, http.query, http.body)
        assert read.to_json() == ours.to_json()

    check()


def same_body(http: HttpRequest, theirs: Any) -> None:
    if theirs is None:
        assert http.body == b""
        return
    read = make(theirs.DESCRIPTOR)
    json_format.Parse(http.body, read, descriptor_pool=POOL)
    assert read.SerializeToString(deterministic=True) == theirs.SerializeToString(
        deterministic=True
    )
    assert json.loads(http.body) is not None
    assert http.headers == {"content-type": "application/json"}
