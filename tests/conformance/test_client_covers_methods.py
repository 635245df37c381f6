"""Every method of the contract can be called, on both clients, and does what it is declared as."""

from __future__ import annotations

import json
import re
from typing import Any

import anyio
import pytest

from ragkit.api.methods import METHODS
from ragkit.api.wire import HttpRequest, HttpResponse, path_regex
from ragkit.client import AsyncClient, Client, RetryPolicy

CALLS: dict[str, Any] = {
    "corpora.create": lambda c: c.corpora.create("a"),
    "corpora.get": lambda c: c.corpora.get("a"),
    "corpora.patch": lambda c: c.corpora.update("a", display_name="A"),
    "corpora.delete": lambda c: c.corpora.delete("a"),
    "corpora.list": lambda c: c.corpora.list(),
    "corpora.query": lambda c: c.corpora.query("a", "q"),
    "corpora.documents.create": lambda c: c.documents.create("a", "d"),
    "corpora.documents.get": lambda c: c.documents.get("a/d"),
    "corpora.documents.patch": lambda c: c.documents.update("a/d", display_name="D"),
    "corpora.documents.delete": lambda c: c.documents.delete("a/d"),
    "corpora.documents.list": lambda c: c.documents.list("a"),
    "corpora.documents.query": lambda c: c.documents.query("a/d", "q"),
    "corpora.documents.chunks.create": lambda c: c.chunks.create("a/d", "text"),
    "corpora.documents.chunks.batchCreate": lambda c: c.chunks.batch_create("a/d", ["text"]),
    "corpora.documents.chunks.get": lambda c: c.chunks.get("a/d/c"),
    "corpora.documents.chunks.patch": lambda c: c.chunks.update("a/d/c", text="text"),
    "corpora.documents.chunks.batchUpdate": lambda c: c.chunks.batch_update("a/d", []),
    "corpora.documents.chunks.delete": lambda c: c.chunks.delete("a/d/c"),
    "corpora.documents.chunks.batchDelete": lambda c: c.chunks.batch_delete("a/d", ["c"]),
    "corpora.documents.chunks.list": lambda c: c.chunks.list("a/d"),
    "corpora.permissions.create": lambda c: c.permissions.create("corpora/a", "READER"),
    "corpora.permissions.get": lambda c: c.permissions.get("corpora/a/permissions/p"),
    "corpora.permissions.patch": lambda c: c.permissions.update(
        "corpora/a/permissions/p", role="WRITER"
    ),
    "corpora.permissions.delete": lambda c: c.permissions.delete("corpora/a/permissions/p"),
    "corpora.permissions.list": lambda c: c.permissions.list("corpora/a"),
    "tunedModels.permissions.create": lambda c: c.permissions.create(
        "tunedModels/t", "WRITER", email_address="a@example.org"
    ),
    "tunedModels.permissions.get": lambda c: c.permissions.get("tunedModels/t/permissions/p"),
    "tunedModels.permissions.patch": lambda c: c.permissions.update(
        "tunedModels/t/permissions/p", role="READER"
    ),
    "tunedModels.permissions.delete": lambda c: c.permissions.delete("tunedModels/t/permissions/p"),
    "tunedModels.permissions.list": lambda c: c.permissions.list("tunedModels/t"),
    "files.get": lambda c: c.files.get("f"),
    "files.delete": lambda c: c.files.delete("f"),
    "files.list": lambda c: c.files.list(),
    "cachedContents.create": lambda c: c.cached_contents.create("m", "text"),
    "cachedContents.get": lambda c: c.cached_contents.get("x"),
    "cachedContents.patch": lambda c: c.cached_contents.update("x"),
    "cachedContents.delete": lambda c: c.cached_contents.delete("x"),
    "cachedContents.list": lambda c: c.cached_contents.list(),
    "batches.get": lambda c: c.batches.get("b"),
    "batches.list": lambda c: c.batches.list(),
    "batches.cancel": lambda c: c.batches.cancel("b"),
    "batches.delete": lambda c: c.batches.delete("b"),
    "models.get": lambda c: c.models.get("m"),
    "models.list": lambda c: c.models.list(),
    "models.generateAnswer": lambda c: c.models.generate_answer("q", passages=["p"]),
    "models.embedContent": lambda c: c.models.embed_content("text"),
    "models.batchEmbedContents": lambda c: c.models.batch_embed_contents(["text"]),
    "models.countTokens": lambda c: c.models.count_tokens("text"),
    "models.generateContent": lambda c: c.models.generate_content("m", "text"),
    "models.streamGenerateContent": lambda c: c.models.stream_generate_content("m", "text"),
    "models.generateText": lambda c: c.models.generate_text("m", "text", temperature=0.5),
    "models.embedText": lambda c: c.models.embed_text("m", "text"),
    "models.batchEmbedText": lambda c: c.models.batch_embed_text("m", ["text"]),
    "models.countTextTokens": lambda c: c.models.count_text_tokens("m", "text"),
    "models.generateMessage": lambda c: c.models.generate_message("m", "text", top_k=3),
    "models.countMessageTokens": lambda c: c.models.count_message_tokens("m", "text"),
    "models.batchGenerateContent": lambda c: c.models.batch_generate_content(
        "m", ["one", "two"], display_name="b"
    ),
    "models.asyncBatchEmbedContent": lambda c: c.models.async_batch_embed_content(
        "m", "files/f", display_name="b"
    ),
    "tunedModels.create": lambda c: c.tuned_models.create("m", [("in", "out")]),
    "tunedModels.get": lambda c: c.tuned_models.get("t"),
    "tunedModels.patch": lambda c: c.tuned_models.update("t", description="d"),
    "tunedModels.delete": lambda c: c.tuned_models.delete("t"),
    "tunedModels.list": lambda c: c.tuned_models.list(filter="owner:me"),
    "tunedModels.transferOwnership": lambda c: c.tuned_models.transfer_ownership(
        "t", "a@example.org"
    ),
    "tunedModels.generateContent": lambda c: c.tuned_models.generate_content("t", "text"),
    "tunedModels.streamGenerateContent": lambda c: c.tuned_models.stream_generate_content(
        "t", "text"
    ),
    "tunedModels.generateText": lambda c: c.tuned_models.generate_text("t", "text"),
    "tunedModels.operations.get": lambda c: c.tuned_models.get_operation(
        "tunedModels/t/operations/o"
    ),
    "tunedModels.operations.list": lambda c: c.tuned_models.list_operations("t"),
}
"""One call of each method. media.upload has tests of its own: its bytes go beside the message."""


class Recorder:
    """A transport that keeps requests and answers `{}` to all."""

    def __init__(self) -> None:
        self.requests: list[HttpRequest] = []

    def send(self, request: HttpRequest) -> HttpResponse:
        self.requests.append(request)
        return HttpResponse(200, b"{}")

    def close(self) -> None:
        pass


class AsyncRecorder:
    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder

    async def send(self, request: HttpRequest) -> HttpResponse:
        return self.recorder.send(request)

    async def close(self) -> None:
        pass


def test_every_method_has_a_call():
    assert set(CALLS) | {"media.upload"} == set(METHODS)


@pytest.mark.parametrize("method_id", CALLS)
def test_both_clients_send_what_is_declared(method_id: str) -> None:
    declared, recorder, twin = METHODS[method_id], Recorder(), Recorder()
    call = CALLS[method_id]
    once = RetryPolicy(attempts=1)
    result = call(Client(recorder, retry=once))
    if re.search(r"\.list$", method_id) or declared.streaming:
        list(result)

    async def main() -> None:
        pending = call(AsyncClient(AsyncRecorder(twin), retry=once))
        if hasattr(pending, "__aiter__"):
            async for _ in pending:
                pass
        else:
            await pending

    anyio.run(main)
    assert recorder.requests == twin.requests
    [request] = recorder.requests
    assert request.verb == declared.verb
    found = path_regex(declared.path).fullmatch(request.path)
    assert found is not None, request.path
    query = [(key, value) for key, value in request.query if key != "alt"]
    sent = declared.decode(found[1] if found.groups() else "", query, request.body)
    assert isinstance(sent, declared.request)
    if request.body:
        json.loads(request.body)
