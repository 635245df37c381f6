"""Uploads, operations, closed methods and budgets as they are reached through the clients."""

from __future__ import annotations

import json
from typing import Any

import anyio
import pytest

from ragkit.api import errors
from ragkit.api.wire import HttpRequest, HttpResponse
from ragkit.client import (
    AsyncClient,
    Client,
    MethodClosed,
    OperationHandle,
    RetryPolicy,
)

GOOGLE = "https://generativelanguage.googleapis.com"
POLICY = RetryPolicy(attempts=2, first_wait=0.001)


class Script:
    def __init__(self, *replies: dict[str, Any] | HttpResponse) -> None:
        self.replies = list(replies)
        self.requests: list[HttpRequest] = []

    def send(self, request: HttpRequest) -> HttpResponse:
        self.requests.append(request)
        reply = self.replies.pop(0)
        return (
            reply
            if isinstance(reply, HttpResponse)
            else HttpResponse(200, json.dumps(reply).encode())
        )

    def close(self) -> None:
        pass


class AsyncScript:
    def __init__(self, script: Script) -> None:
        self.script = script

    async def send(self, request: HttpRequest) -> HttpResponse:
        return self.script.send(request)

    async def close(self) -> None:
        pass


UPLOADED = {"file": {"name": "files/f", "mimeType": "text/plain", "sizeBytes": "5"}}
RUNNING = {
    "name": "batches/b",
    "metadata": {
        "@type": "type.googleapis.com/google.ai.generativelanguage.v1beta.GenerateContentBatch",
        "displayName": "night",
        "state": "BATCH_STATE_RUNNING",
    },
}
DONE = {
    "name": "batches/b",
    "done": True,
    "metadata": {
        **RUNNING["metadata"],  # type: ignore[dict-item]
        "state": "BATCH_STATE_SUCCEEDED",
        "output": {"responsesFile": "files/r"},
    },
}


def test_a_file_is_uploaded_through_both_clients(tmp_path):
    path = tmp_path / "note.txt"
    path.write_bytes(b"hello")
    script = Script(UPLOADED)
    uploaded = Client(script).files.upload(path, display_name="a note")
    assert (uploaded.name, uploaded.size_bytes) == ("files/f", 5)
    [request] = script.requests
    assert request.path == "/upload/v1beta/files"
    assert b"hello" in request.body
    assert b"a note" in request.body

    async def main() -> str:
        return (await AsyncClient(AsyncScript(Script(UPLOADED))).files.upload(b"hello")).name

    assert anyio.run(main) == "files/f"


def test_a_list_is_a_table_of_its_first_page_in_a_notebook():
    page = {"corpora": [{"name": "corpora/a"}, {"name": "corpora/b", "displayName": "<B>"}]}
    html = Client(Script({**page, "nextPageToken": "t"})).corpora.list()._repr_html_()
    assert html.count("<tr>") == 3
    assert "first page" in html
    assert "&lt;B&gt;" in html


def test_a_batch_is_waited_for_through_both_clients(monkeypatch):
    monkeypatch.setattr("time.sleep", lambda seconds: None)

    async def sleep(seconds: float) -> None:
        pass

    monkeypatch.setattr("anyio.sleep", sleep)
    script = Script(RUNNING, RUNNING, DONE)
    handle = Client(script).models.batch_generate_content("m", ["hello"], display_name="night")
    assert isinstance(handle, OperationHandle)
    assert not handle.done
    assert handle.metadata is not None
    assert handle.metadata.display_name == "night"
    assert handle.result().responses_file == "files/r"
    assert [request.verb for request in script.requests] == ["POST", "GET", "GET"]

    async def main() -> str | None:
        client = AsyncClient(AsyncScript(Script(RUNNING, RUNNING, DONE)))
        handle = await client.models.batch_generate_content("m", ["hello"], display_name="night")
        assert isinstance(handle, OperationHandle)
        return (await handle.result()).responses_file

    assert anyio.run(main) == "files/r"


def test_a_method_that_google_closed_says_so_and_names_what_to_use():
    gone = HttpResponse(404, b"<html>not found</html>")
    client = Client(Script(gone), GOOGLE, retry=POLICY)
    assert not client.supports("corpora.query")
    assert client.supports("models.embedContent")
    assert Client(Script(), "the embedded service").supports("corpora.query")
    with pytest.raises(MethodClosed, match="embedded service"):
        client.corpora.query("a", "q")
    with pytest.raises(ValueError, match="did you mean"):
        client.supports("corpora.qery")


def test_a_failing_server_uses_up_the_budget_that_all_calls_share():
    busy = HttpResponse(503, b"{}")
    script = Script(*[busy] * 1000)
    client = Client(script, retry=RetryPolicy(attempts=5, first_wait=0.0))
    for _ in range(60):
        with pytest.raises(errors.Unavailable):
            client.corpora.get("a")
    assert len(script.requests) < 60 * 5, "with no budget every call would be sent five times"
