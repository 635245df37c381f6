"""batches, and the methods that begin one."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ragkit.api.wire import HttpRequest
from ragkit.engine.engine import Engine
from ragkit.engine.jobs import DeclinedError, Run
from ragkit.engine.models.backend_errors import BackendUnavailableError
from ragkit.service import batch_execution, batch_operations, jobs
from ragkit.service.policies import BATCH_LIFETIME_SECONDS

from .conftest import Api
from .generators import ScriptedGenerator, scripted_service

PREFIX = "type.googleapis.com/google.ai.generativelanguage.v1beta."
EMBED = "models/gemini-embedding-001"
LONG = 60.0


def text(words: str) -> dict[str, Any]:
    return {"content": {"parts": [{"text": words}]}}


def embed_batch(*requests: dict[str, Any], **fields: object) -> dict[str, Any]:
    inlined = [{"request": one} if "request" not in one else one for one in requests]
    config = {"requests": {"requests": inlined}}
    return {"batch": {"displayName": "B", "inputConfig": config, **fields}}


def begin(api: Api, *words: str, **fields: object) -> str:
    body = embed_batch(*map(text, words), **fields)
    return str(api.post(f"{EMBED}:asyncBatchEmbedContent", body)["name"])


def ended(api: Api, name: str) -> dict[str, Any]:
    """The batch's operation once it is done."""
    pause = threading.Event()
    for _ in range(int(LONG / 0.01)):
        operation = api.get(name)
        if operation.get("done"):
            return operation
        pause.wait(0.01)
    raise AssertionError(f"{name} is not done: {operation}")


@pytest.fixture
def idle(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody carries out jobs."""
    monkeypatch.setattr(Engine, "start_worker", lambda *_, **__: None)


@pytest.fixture
def generating(tmp_path: Path) -> Iterator[tuple[Api, ScriptedGenerator]]:
    service, generator = scripted_service(
        tmp_path / "data", lambda prompt: f"echo {prompt.turns[-1].text}"
    )
    yield Api(service), generator
    service.close()


def test_a_batch_of_embeddings(api):
    begun = api.post(
        f"{EMBED}:asyncBatchEmbedContent",
        embed_batch(
            {"request": text("hello"), "metadata": {"key": "first", "n": 1.5}},
            text("world") | {"taskType": "RETRIEVAL_QUERY", "outputDimensionality": 8},
            priority="-3",
        ),
    )
    name = begun["name"]
    assert name.startswith("batches/")
    assert begun["metadata"]["@type"] == PREFIX + "EmbedContentBatch"
    assert begun["metadata"]["batchStats"] == {"requestCount": "2", "pendingRequestCount": "2"}
    assert begun["metadata"]["state"] == "BATCH_STATE_PENDING"
    assert "done" not in begun
    operation = ended(api, name)
    metadata = operation["metadata"]
    assert metadata["name"] == name
    assert metadata["model"] == EMBED
    assert metadata["displayName"] == "B"
    assert metadata["priority"] == "-3"
    assert metadata["state"] == "BATCH_STATE_SUCCEEDED"
    assert metadata["batchStats"] == {"requestCount": "2", "successfulRequestCount": "2"}
    assert metadata["createTime"] <= metadata["endTime"] <= metadata["updateTime"]
    assert "inputConfig" not in metadata
    assert operation["response"]["@type"] == PREFIX + "AsyncBatchEmbedContentResponse"
    assert operation["response"]["output"] == metadata["output"]
    first, second = metadata["output"]["inlinedResponses"]["inlinedResponses"]
    assert first["metadata"] == {"key": "first", "n": 1.5}
    assert "metadata" not in second
    direct = api.post(f"{EMBED}:embedContent", text("hello"))
    assert first["response"] == direct
    assert len(second["response"]["embedding"]["values"]) == 8


def test_each_request_fails_by_itself(api):
    name = api.post(
        f"{EMBED}:asyncBatchEmbedContent",
        embed_batch(
            text("good"),
            text(" ") | {"model": EMBED},
            {"request": text("x") | {"outputDimensionality": 9999}, "metadata": {"key": "third"}},
        ),
    )["name"]
    operation = ended(api, name)
    assert operation["metadata"]["state"] == "BATCH_STATE_SUCCEEDED"
    assert operation["metadata"]["batchStats"] == {
        "requestCount": "3",
        "successfulRequestCount": "1",
        "failedRequestCount": "2",
    }
    good, blank, large = operation["response"]["output"]["inlinedResponses"]["inlinedResponses"]
    assert set(good) == {"response"}
    assert blank["error"]["code"] == 3
    assert "parts" in blank["error"]["message"]
    assert large["metadata"] == {"key": "third"}
    assert large["error"]["code"] == 3


def test_a_batch_of_generation(generating):
    api, generator = generating
    begun = api.post(
        "models/scripted:batchGenerateContent",
        {
            "batch": {
                "displayName": "G",
                "inputConfig": {
                    "requests": {
                        "requests": [
                            {"request": {"contents": [{"parts": [{"text": f"say {number}"}]}]}}
                            for number in range(3)
                        ]
                    }
                },
            }
        },
    )
    assert begun["metadata"]["@type"] == PREFIX + "GenerateContentBatch"
    operation = ended(api, begun["name"])
    assert operation["response"]["@type"] == PREFIX + "BatchGenerateContentResponse"
    responses = operation["metadata"]["output"]["inlinedResponses"]["inlinedResponses"]
    texts = [one["response"]["candidates"][0]["content"]["parts"][0]["text"] for one in responses]
    assert texts == ["echo say 0", "echo say 1", "echo say 2"]
    assert len(generator.prompts) == 3


def test_without_a_generator_a_batch_of_generation_is_refused(api):
    body = {"batch": {"displayName": "G", "inputConfig": {"requests": {"requests": [{}]}}}}
    message = api.refused(
        "UNIMPLEMENTED", "POST", "models/gemini-2.0-flash:batchGenerateContent", body
    )
    assert "ragkit.toml" in message
    assert api.get("batches") == {}


def test_a_process_without_a_generator_leaves_the_batch_to_another(generating, tmp_path, idle):
    api, generator = generating
    contents = [{"parts": [{"text": "hi"}]}]
    config = {"requests": {"requests": [{"request": {"contents": contents}}]}}
    name = api.post(
        "models/scripted:batchGenerateContent",
        {"batch": {"displayName": "G", "inputConfig": config}},
    )["name"]
    engine = api.service.engine
    lease = engine.store.claim_job([jobs.GENERATION], LONG)
    assert lease is not None
    run = Run(engine.store, lease, threading.Event())
    plain = Engine(tmp_path / "data")
    with pytest.raises(DeclinedError):
        batch_execution.execute(plain, run)
    plain.close()
    assert api.get(name)["metadata"]["batchStats"]["pendingRequestCount"] == "1"
    batch_execution.execute(engine, run)
    assert ended(api, name)["metadata"]["state"] == "BATCH_STATE_SUCCEEDED"
    assert len(generator.prompts) == 1


def test_what_may_pass_is_tried_again(generating, monkeypatch):
    api, generator = generating
    monkeypatch.setattr(batch_execution, "_WAITS", (0.0, 0.0))
    failures = iter([True, True, False, True, True, True])

    def flaky(prompt):
        if next(failures):
            raise BackendUnavailableError("scripted", "away")
        return "well"

    generator.write = flaky
    contents = {"contents": [{"parts": [{"text": "hi"}]}]}
    config = {"requests": {"requests": [{"request": contents}, {"request": contents}]}}
    name = api.post(
        "models/scripted:batchGenerateContent",
        {"batch": {"displayName": "G", "inputConfig": config}},
    )["name"]
    first, second = ended(api, name)["metadata"]["output"]["inlinedResponses"]["inlinedResponses"]
    assert first["response"]["candidates"][0]["content"]["parts"] == [{"text": "well"}]
    assert second["error"]["code"] == 14


def test_a_batch_needs_no_display_name(api):
    body = embed_batch(text("x"))
    del body["batch"]["displayName"]  # as google-genai sends it
    name = api.post(f"{EMBED}:asyncBatchEmbedContent", body)["name"]
    assert "displayName" not in ended(api, name)["metadata"]


@pytest.mark.parametrize(
    ("batch", "field"),
    [
        ({"displayName": "a\0"}, "batch.displayName"),
        ({"displayName": "x" * 513}, "batch.displayName"),
        ({"inputConfig": None}, "batch.inputConfig"),
        ({"inputConfig": {"requests": {}}}, "batch.inputConfig.requests.requests"),
        ({"inputConfig": {"fileName": ""}}, "batch.inputConfig.fileName"),
        (
            {"inputConfig": {"requests": {"requests": [{}]}}},
            "batch.inputConfig.requests.requests[0].request",
        ),
        (
            {"inputConfig": {"requests": {"requests": [{"request": {"model": "models/other"}}]}}},
            "batch.inputConfig.requests.requests[0].request.model",
        ),
        ({"inputConfig": {"fileName": "files/a", "requests": {}}}, "batch.inputConfig"),
    ],
)
def test_a_batch_that_cannot_be_is_refused(api, batch, field):
    body = embed_batch(text("x"))
    body["batch"] |= batch
    reply = api.send("POST", f"{EMBED}:asyncBatchEmbedContent", body)
    error = api.envelope(reply)
    assert error["status"] == "INVALID_ARGUMENT"
    assert error["details"][0]["fieldViolations"][0]["field"] == field
    assert api.get("batches") == {}


def test_an_unknown_model_is_refused(api):
    path = "models/none-such:asyncBatchEmbedContent"
    api.refused("NOT_FOUND", "POST", path, embed_batch(text("x")))


def test_too_many_requests_are_refused_and_nothing_is_kept(api, monkeypatch):
    monkeypatch.setattr("ragkit.service.batch_creation.MAX_BATCH_REQUESTS", 2)
    body = embed_batch(*[text("x")] * 3)
    message = api.refused("INVALID_ARGUMENT", "POST", f"{EMBED}:asyncBatchEmbedContent", body)
    assert "2 requests" in message
    assert api.get("batches") == {}


@pytest.mark.parametrize(("verb", "suffix"), [("GET", ""), ("DELETE", ""), ("POST", ":cancel")])
def test_a_batch_that_is_not_there_or_is_anothers(api, idle, verb, suffix):
    ann, ben = api.by("ann@example.org"), api.by("ben@example.org")
    name = begin(ann, "secret")
    theirs = ben.refused("NOT_FOUND", verb, f"{name}{suffix}")
    absent = ben.refused("NOT_FOUND", verb, f"batches/absent{suffix}")
    assert theirs.replace(name, "NAME") == absent.replace("batches/absent", "NAME")
    assert ben.get("batches") == {}
    assert [one["name"] for one in ann.get("batches")["operations"]] == [name]
    assert [one["name"] for one in api.get("batches")["operations"]] == [name]
    assert ann.ok(verb, f"{name}{suffix}") is not None


def test_a_batch_is_carried_out_in_its_makers_name(api):
    ann = api.by("ann@example.org", "team@example.org")
    name = begin(ann, "hello")
    spec = json.loads(api.service.engine.store.get_job(name).spec)
    assert spec["email"] == "ann@example.org"
    assert spec["groups"] == ["team@example.org"]
    assert not spec["is_owner"]
    assert ended(ann, name)["metadata"]["state"] == "BATCH_STATE_SUCCEEDED"


def test_cancel_ends_a_batch_at_once_and_keeps_its_record(api, idle):
    name = begin(api, "hello")
    assert api.post(f"{name}:cancel") == {}
    operation = api.get(name)
    assert operation["done"]
    assert operation["error"]["code"] == 1
    assert operation["metadata"]["state"] == "BATCH_STATE_CANCELLED"
    assert "endTime" in operation["metadata"]
    assert "output" not in operation["metadata"]
    assert api.post(f"{name}:cancel") == {}


def test_cancelling_what_is_done_changes_nothing(api):
    name = begin(api, "hello")
    before = ended(api, name)
    api.post(f"{name}:cancel")
    assert api.get(name) == before


def test_delete_forgets_a_batch(api):
    name = begin(api, "hello")
    ended(api, name)
    assert api.delete(name) == {}
    api.refused("NOT_FOUND", "GET", name)
    api.refused("NOT_FOUND", "DELETE", name)


def test_a_batch_that_is_not_done_in_time_expires(api, idle, monkeypatch):
    name = begin(api, "hello")
    store = api.service.engine.store
    job = store.get_job(name)
    assert job.expire_time - job.create_time == BATCH_LIFETIME_SECONDS * 1_000_000
    monkeypatch.setattr("ragkit.engine.store.jobs.now", lambda: job.expire_time + 1)
    assert store.expire_jobs() == 1
    operation = api.get(name)
    assert operation["error"]["code"] == 4
    assert operation["metadata"]["state"] == "BATCH_STATE_EXPIRED"


def test_a_batch_that_cannot_be_carried_out_fails(api, monkeypatch):
    def broken(*_: object) -> None:
        raise ValueError("a secret of the inside")

    monkeypatch.setattr(batch_execution, "_carry_out", broken)
    operation = ended(api, begin(api, "hello"))
    assert operation["metadata"]["state"] == "BATCH_STATE_FAILED"
    assert operation["error"]["code"] == 13
    assert "secret" not in operation["error"]["message"]


def test_list_in_pages(api, idle):
    names = [begin(api, "x") for _ in range(5)]
    found: list[str] = []
    token = ""
    while True:
        page = api.get("batches", pageSize=2, **({"pageToken": token} if token else {}))
        found += [one["name"] for one in page["operations"]]
        token = page.get("nextPageToken", "")
        if not token:
            break
        # What happens meanwhile does not disturb the pages.
        api.delete(found[0]) if len(found) == 2 else None
    assert found == names
    query = {"pageToken": api.get("batches", pageSize=1)["nextPageToken"], "filter": "done=true"}
    api.refused("INVALID_ARGUMENT", "GET", "batches", query=query)
    api.refused("INVALID_ARGUMENT", "GET", "batches", query={"pageSize": -1})


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("", {"One", "Two"}),
        ("state=BATCH_STATE_CANCELLED", {"One"}),
        ('metadata.state = "BATCH_STATE_PENDING"', {"Two"}),
        ('displayName="Two"', {"Two"}),
        ("done=true", {"One"}),
        ("done = false AND display_name=Two", {"Two"}),
        ("done=false AND displayName=One", set()),
        (f"model={EMBED}", {"One", "Two"}),
    ],
)
def test_list_by_a_filter(api, idle, condition, expected):
    one = begin(api, "x", displayName="One")
    begin(api, "x", displayName="Two")
    api.post(f"{one}:cancel")
    found = api.get("batches", filter=condition).get("operations", [])
    assert {operation["metadata"]["displayName"] for operation in found} == expected


@pytest.mark.parametrize("condition", ["x", "owner=me", "done", "done>true", "done=true OR x=1"])
def test_a_filter_that_is_not_understood_is_refused(api, condition):
    message = api.refused("INVALID_ARGUMENT", "GET", "batches", query={"filter": condition})
    assert message.startswith("filter:")


def test_a_page_ends_where_its_responses_are_too_many(api, monkeypatch):
    names = [begin(api, "x") for _ in range(3)]
    for name in names:
        ended(api, name)
    monkeypatch.setattr(batch_operations, "MAX_BATCH_PAGE_BYTES", 10)
    found: list[str] = []
    page = api.get("batches")
    while "nextPageToken" in page:
        found += [one["name"] for one in page["operations"]]
        page = api.get("batches", pageToken=page["nextPageToken"])
    assert [*found, *(one["name"] for one in page["operations"])] == names
    assert len(page["operations"]) == 1


# Files


def upload(api: Api, content: bytes) -> str:
    request = HttpRequest(
        "POST",
        "/upload/v1beta/files",
        [("uploadType", "media")],
        {"content-type": "application/jsonl"},
        content,
    )
    reply = api.service.dispatch(request, api.principal)
    assert reply.status == 200, reply.body
    return str(json.loads(reply.body)["file"]["name"])


def from_file(api: Api, name: str) -> dict[str, Any]:
    body = {"batch": {"displayName": "F", "inputConfig": {"fileName": name}}}
    return api.post(f"{EMBED}:asyncBatchEmbedContent", body)


def written(api: Api, name: str) -> list[dict[str, Any]]:
    from ragkit.service.files import file_bytes
    from ragkit.service.registry import Context

    content, mime_type = file_bytes(Context(api.service.engine, api.principal), name)
    assert mime_type == "application/jsonl"
    return [json.loads(line) for line in content.splitlines()]


def test_a_batch_from_a_file(api):
    lines = [
        json.dumps({"key": "a", "request": text("hello")}).encode(),
        b"",
        json.dumps({"request": {"content": {"parts": [{"text": "no key"}]}}}).encode(),
        b"{not json",
        b"[1, 2]",
        json.dumps({"key": "b", "request": {"wrong": 1}}).encode(),
        json.dumps({"key": "c", "request": text("x") | {"model": "models/other"}}).encode(),
        json.dumps({"key": 7, "request": {"content": {"parts": [{"text": "ü"}]}}}).encode(),
    ]
    source = upload(api, b"\r\n".join(lines))
    begun = from_file(api, source)
    assert begun["metadata"]["inputConfig"] == {"fileName": source}
    operation = ended(api, begun["name"])
    assert operation["metadata"]["batchStats"] == {
        "requestCount": "7",
        "successfulRequestCount": "3",
        "failedRequestCount": "4",
    }
    output = operation["metadata"]["output"]
    assert set(output) == {"responsesFile"}
    responses = written(api, output["responsesFile"])
    assert [one.get("key") for one in responses] == ["a", None, None, None, "b", "c", 7]
    kinds = ["response" if "response" in one else "error" for one in responses]
    assert kinds == ["response", "response", "error", "error", "error", "error", "response"]
    assert responses[0]["response"] == api.post(f"{EMBED}:embedContent", text("hello"))
    assert {one["error"]["code"] for one in responses if "error" in one} == {3}
    described = api.get(output["responsesFile"])
    assert described["source"] == "GENERATED"
    assert described["displayName"] == f"Responses of {begun['name']}"


def test_a_file_that_is_deleted_meanwhile_is_not_missed(api, monkeypatch):
    source = upload(api, json.dumps({"request": text("hello")}).encode())
    with monkeypatch.context() as patch:
        patch.setattr(Engine, "start_worker", lambda *_, **__: None)
        name = from_file(api, source)["name"]
        api.delete(source)
    assert ended(api, name)["metadata"]["state"] == "BATCH_STATE_SUCCEEDED"


def test_the_responses_file_is_made_once(api, monkeypatch, idle):
    """An interruption after the file was made and before the batch was ended."""
    source = upload(api, json.dumps({"request": text("hello")}).encode())
    name = from_file(api, source)["name"]
    engine = api.service.engine
    for interrupted in (True, False):
        lease = engine.store.claim_job([jobs.EMBEDDING], LONG)
        assert lease is not None
        run = Run(engine.store, lease, threading.Event())
        with monkeypatch.context() as patch:
            if interrupted:
                patch.setattr(run, "end", lambda _: None)
            batch_execution.execute(engine, run)
        if interrupted:
            run.release()
    operation = api.get(name)
    assert operation["metadata"]["state"] == "BATCH_STATE_SUCCEEDED"
    files = [file["name"] for file in api.get("files")["files"]]
    assert files == [source, operation["metadata"]["output"]["responsesFile"]]


@pytest.mark.parametrize("content", [b"", b"\n \r\n"])
def test_a_file_without_requests_is_refused(api, content):
    source = upload(api, content)
    body = {"batch": {"displayName": "F", "inputConfig": {"fileName": source}}}
    message = api.refused("INVALID_ARGUMENT", "POST", f"{EMBED}:asyncBatchEmbedContent", body)
    assert "batch.inputConfig.fileName" in message
    assert api.get("batches") == {}


def test_anothers_file_is_as_one_that_is_not_there(api):
    ann, ben = api.by("ann@example.org"), api.by("ben@example.org")
    source = upload(ann, json.dumps({"request": text("secret")}).encode())
    path = f"{EMBED}:asyncBatchEmbedContent"
    messages = []
    for name in (source, "files/absent"):
        body = {"batch": {"displayName": "F", "inputConfig": {"fileName": name}}}
        messages.append(ben.refused("NOT_FOUND", "POST", path, body).replace(name, "NAME"))
    assert messages[0] == messages[1]
    name = from_file(ann, source)["name"]
    responses = ended(ann, name)["metadata"]["output"]["responsesFile"]
    ben.refused("NOT_FOUND", "GET", responses)
    assert ann.get(responses)["name"] == responses
