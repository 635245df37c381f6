"""Waiting for batches and tunings, over scripts; sync and async."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import anyio
import pytest

from ragkit.api import errors, methods
from ragkit.api.batches import (
    BatchState,
    EmbedContentBatch,
    EmbedContentBatchOutput,
    GenerateContentBatch,
)
from ragkit.api.operations import Operation, pack_any
from ragkit.api.tuned_models import CreateTunedModelMetadata, TunedModel
from ragkit.api.wire import HttpRequest, HttpResponse
from ragkit.client import AsyncClient, Client, RetryPolicy, _client
from ragkit.client import _operations as operations
from ragkit.client._operations import OperationHandle, OperationTimeout

GENERATION_BATCH = methods.MODELS_BATCH_GENERATE_CONTENT
EMBEDDING_BATCH = methods.MODELS_ASYNC_BATCH_EMBED_CONTENT
ANY_BATCH = None
TUNING = methods.TUNED_MODELS_CREATE

POLICY = RetryPolicy(attempts=3, first_wait=0.0, longest_wait=0.0)
TYPE = "type.googleapis.com/google.ai.generativelanguage.v1beta."


class Clock:
    """Time that passes when it is slept away."""

    def __init__(self) -> None:
        self.now = 100.0
        self.waits: list[float] = []

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += seconds

    async def asleep(self, seconds: float) -> None:
        self.sleep(seconds)


@pytest.fixture(autouse=True)
def clock(monkeypatch) -> Clock:
    clock = Clock()
    fake = SimpleNamespace(monotonic=clock.monotonic, sleep=clock.sleep)
    monkeypatch.setattr(operations, "time", fake)
    monkeypatch.setattr(_client, "time", fake)
    monkeypatch.setattr(anyio, "sleep", clock.asleep)
    return clock


class Script:
    """A transport that plays outcomes in turn, the last one for ever, and keeps the requests."""

    def __init__(self, *outcomes: HttpResponse | Exception) -> None:
        self.outcomes = list(outcomes)
        self.requests: list[HttpRequest] = []

    def send(self, request: HttpRequest) -> HttpResponse:
        self.requests.append(request)
        outcome = self.outcomes.pop(0) if len(self.outcomes) > 1 else self.outcomes[0]
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def close(self) -> None:
        pass


class AsyncScript:
    def __init__(self, script: Script) -> None:
        self.script = script

    async def send(self, request: HttpRequest) -> HttpResponse:
        return self.script.send(request)

    async def close(self) -> None:
        pass


@pytest.fixture(params=["sync", "async"])
def run(request: pytest.FixtureRequest) -> Callable[..., Any]:
    """Does something with a handle on one of the two clients, over a script."""

    def run(script: Script, operation: Any, kind: Any, do: Callable[[Any], Any]) -> Any:
        begun = Operation.model_validate(operation)
        if request.param == "sync":
            return do(OperationHandle(Client(script, retry=POLICY), begun, kind))

        async def main() -> Any:
            client = AsyncClient(AsyncScript(script), retry=POLICY)
            outcome = do(OperationHandle(client, begun, kind))
            return await outcome if inspect.isawaitable(outcome) else outcome

        return anyio.run(main)

    return run


def reply(body: Any, status: int = 200) -> HttpResponse:
    return HttpResponse(status, json.dumps(body).encode())


def failure(status: int, code: str) -> HttpResponse:
    return reply({"error": {"code": status, "status": code, "message": code}}, status)


def batch(state: str, *, kind: str = "GenerateContentBatch", **more: Any) -> dict[str, Any]:
    stats = {"requestCount": "10", "successfulRequestCount": "2", "failedRequestCount": "1"}
    metadata = {"@type": TYPE + kind, "state": f"BATCH_STATE_{state}", "batchStats": stats}
    output = more.pop("output", None)
    if output is not None:
        metadata["output"] = output
    return {"name": "batches/b", "metadata": metadata, **more}


def tuning(**more: Any) -> dict[str, Any]:
    metadata = CreateTunedModelMetadata(
        tuned_model="tunedModels/m", total_steps=500, completed_steps=120
    )
    return {"name": "tunedModels/m/operations/o", "metadata": pack_any(metadata), **more}


RUNNING = batch("RUNNING")
SUCCEEDED = batch("SUCCEEDED", done=True, output={"responsesFile": "files/out"})


def test_a_result_is_waited_for_ever_more_patiently(run, clock):
    script = Script(*[reply(RUNNING)] * 9, reply(SUCCEEDED))
    output = run(script, RUNNING, GENERATION_BATCH, lambda handle: handle.result())
    assert output.responses_file == "files/out"
    assert [request.path for request in script.requests] == ["/v1beta/batches/b"] * 10
    bounds = [1, 2, 4, 8, 16, 30, 30, 30, 30, 30]
    assert all(bound / 2 <= wait <= bound for bound, wait in zip(bounds, clock.waits, strict=True))


def test_what_is_done_is_not_asked_for_again(run, clock):
    script = Script(RuntimeError("not to be asked"))
    output = run(script, SUCCEEDED, GENERATION_BATCH, lambda handle: handle.result(timeout=0))
    assert output.responses_file == "files/out"
    assert not script.requests
    assert not clock.waits


def test_a_batch_of_embeddings_gives_its_output(run):
    output: Any = {"inlinedResponses": {"inlinedResponses": [{"response": {}}]}}
    done = batch("SUCCEEDED", kind="EmbedContentBatch", done=True, output=output)
    for kind in (EMBEDDING_BATCH, ANY_BATCH):
        result = run(Script(reply(done)), {"name": "batches/b"}, kind, lambda h: h.result())
        assert isinstance(result, EmbedContentBatchOutput)


def test_an_output_may_stand_in_the_response_and_without_type(run):
    done = {"name": "batches/b", "done": True, "response": {"output": {"responsesFile": "f"}}}
    output = run(Script(reply(done)), RUNNING, GENERATION_BATCH, lambda h: h.result())
    assert output.responses_file == "f"


def test_a_tuning_gives_its_model(run):
    model = TunedModel(name="tunedModels/m", display_name="M")
    script = Script(reply(tuning(done=True, response=pack_any(model))))
    assert run(script, tuning(), TUNING, lambda handle: handle.result()) == model
    assert script.requests[0].path == "/v1beta/tunedModels/m/operations/o"


@pytest.mark.parametrize("timeout", [0, 0.25, 20])
def test_a_timeout_tells_what_is_still_under_way(run, clock, timeout):
    script = Script(reply(RUNNING))
    with pytest.raises(OperationTimeout) as caught:
        run(script, RUNNING, GENERATION_BATCH, lambda handle: handle.result(timeout=timeout))
    assert isinstance(caught.value, TimeoutError)
    assert isinstance(caught.value, errors.RagkitError)
    assert caught.value.operation.name == "batches/b"
    assert str(caught.value) == (
        f"batches/b is still under way after {timeout} s (BATCH_STATE_RUNNING, 3 of 10 requests)"
    )
    assert sum(clock.waits) == pytest.approx(timeout)
    assert script.requests


def test_a_tunings_timeout_tells_its_steps(run):
    with pytest.raises(OperationTimeout, match="120 of 500 steps"):
        run(Script(reply(tuning())), tuning(), TUNING, lambda handle: handle.result(timeout=1))


@pytest.mark.parametrize("late", [0.5, 1000.0])
def test_a_slow_poll_counts_as_waiting(run, clock, late):
    class Slow(Script):
        def send(self, request: HttpRequest) -> HttpResponse:
            clock.now += late
            return super().send(request)

    script = Slow(reply(RUNNING))
    with pytest.raises(OperationTimeout):
        run(script, RUNNING, GENERATION_BATCH, lambda handle: handle.result(timeout=5))
    assert sum(clock.waits) <= 5


@pytest.mark.parametrize(
    ("number", "kind"),
    [(1, errors.Cancelled), (3, errors.InvalidArgument), (8, errors.ResourceExhausted)],
)
def test_an_operations_error_is_raised_by_its_number(run, number, kind):
    ended = batch("FAILED", done=True, error={"code": number, "message": "no more"})
    with pytest.raises(kind, match="no more") as caught:
        run(Script(reply(ended)), RUNNING, GENERATION_BATCH, lambda handle: handle.result())
    assert caught.value.resource == "batches/b"
    assert caught.value.method == "models.batchGenerateContent"


@pytest.mark.parametrize(
    ("state", "kind"),
    [
        ("CANCELLED", errors.Cancelled),
        ("EXPIRED", errors.DeadlineExceeded),
        ("FAILED", errors.Unknown),
    ],
)
def test_an_end_without_result_or_error_is_an_error_by_the_state(run, state, kind):
    script = Script(reply(batch(state, done=True)))
    with pytest.raises(kind, match=f"BATCH_STATE_{state}"):
        run(script, RUNNING, GENERATION_BATCH, lambda handle: handle.result())


def test_a_result_of_another_type_is_malformed(run):
    other = tuning(done=True, response={"@type": TYPE + "Corpus"})
    with pytest.raises(errors.TransportError, match="malformed"):
        run(Script(reply(other)), tuning(), TUNING, lambda handle: handle.result())


@pytest.mark.parametrize("do", [lambda h: h.result(), lambda h: h.refresh()])
def test_a_forgotten_operation_is_not_found(run, do):
    with pytest.raises(errors.NotFound) as caught:
        run(Script(failure(404, "NOT_FOUND")), RUNNING, GENERATION_BATCH, do)
    assert (caught.value.method, caught.value.resource) == ("batches.get", "batches/b")


def test_polls_are_tried_again_by_the_clients_policy(run):
    script = Script(failure(503, "UNAVAILABLE"), errors.TransportError("reset"), reply(SUCCEEDED))
    assert run(script, RUNNING, GENERATION_BATCH, lambda handle: handle.result())


def test_a_handle_shows_what_was_last_seen(run):
    def before(handle: Any) -> Any:
        assert (handle.name, handle.done) == ("batches/b", False)
        assert isinstance(handle.metadata, GenerateContentBatch)
        assert handle.metadata.state is BatchState.BATCH_STATE_PENDING
        assert repr(handle).endswith(
            "OperationHandle of batches/b: BATCH_STATE_PENDING, 3 of 10 requests>"
        )
        kept.append(handle)
        return handle.refresh()

    kept: list[Any] = []
    operation = run(Script(reply(SUCCEEDED)), batch("PENDING"), GENERATION_BATCH, before)
    (handle,) = kept
    assert handle.done
    assert handle.operation is operation
    assert handle.metadata.state is BatchState.BATCH_STATE_SUCCEEDED


def test_metadata_may_be_absent_untyped_or_of_any_batch(run):
    def metadata(operation: Any, kind: Any) -> Any:
        return run(Script(), operation, kind, lambda handle: handle.metadata)

    assert metadata({"name": "batches/b"}, GENERATION_BATCH) is None
    assert metadata({"name": "batches/b", "metadata": {"displayName": "D"}}, EMBEDDING_BATCH) == (
        EmbedContentBatch(display_name="D")
    )
    embeddings = batch("RUNNING", kind="EmbedContentBatch")
    assert isinstance(metadata(embeddings, ANY_BATCH), EmbedContentBatch)
    assert metadata(tuning(), TUNING).completed_steps == 120
    with pytest.raises(ValueError, match="GenerateContentBatch"):
        metadata(embeddings, GENERATION_BATCH)


def test_a_batch_is_cancelled_and_deleted(run):
    script = Script(reply({}))
    run(script, RUNNING, GENERATION_BATCH, lambda handle: handle.cancel())
    run(script, RUNNING, ANY_BATCH, lambda handle: handle.delete())
    assert [(request.verb, request.path) for request in script.requests] == [
        ("POST", "/v1beta/batches/b:cancel"),
        ("DELETE", "/v1beta/batches/b"),
    ]


@pytest.mark.parametrize("do", [lambda h: h.cancel(), lambda h: h.delete()])
def test_a_tuning_has_no_method_for_it(run, do):
    script = Script()
    with pytest.raises(errors.Unimplemented, match="tuning"):
        run(script, tuning(), TUNING, do)
    assert not script.requests
