"""When a call is tried again, shown on both clients over a scripted transport."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Callable
from typing import Any

import anyio
import pytest
from opentelemetry import trace

from ragkit.api import errors, methods
from ragkit.api.chunks import Chunk, ChunkData
from ragkit.api.corpora import GetCorpusRequest
from ragkit.api.wire import HttpRequest, HttpResponse
from ragkit.client import AsyncClient, Client, RetryPolicy
from ragkit.client._availability import GOOGLE_HOST, MethodClosed, supports
from ragkit.client._budget import CAPACITY, RetryBudget
from ragkit.client._calls import Call
from ragkit.client._retry import Options, perform

POLICY = RetryPolicy(attempts=4, first_wait=0.001, longest_wait=0.05, deadline=5)


def reply(status: int, body: Any = None, **headers: str) -> HttpResponse:
    named = {key.replace("_", "-"): value for key, value in headers.items()}
    return HttpResponse(status, json.dumps({} if body is None else body).encode(), named)


def failure(status: int, code: str, **headers: str) -> HttpResponse:
    return reply(status, {"error": {"code": status, "status": code, "message": code}}, **headers)


class Script:
    """A transport that plays outcomes in turn and keeps the requests."""

    def __init__(self, *outcomes: HttpResponse | Exception) -> None:
        self.outcomes = list(outcomes)
        self.requests: list[HttpRequest] = []

    def send(self, request: HttpRequest) -> HttpResponse:
        self.requests.append(request)
        outcome = self.outcomes.pop(0)
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
    """Runs a call on one of the two clients, over a script."""

    def run(script: Script, call: Callable[[Any], Any], policy: RetryPolicy = POLICY) -> Any:
        if request.param == "sync":
            return call(Client(script, retry=policy))

        async def main() -> Any:
            return await call(AsyncClient(AsyncScript(script), retry=policy))

        return anyio.run(main)

    return run


LOST = errors.TransportError("connection reset")
REFUSED = errors.TransportError("connection refused", sent=False)
CORPUS = {"name": "corpora/a", "displayName": "A"}


@pytest.mark.parametrize(
    "outcome",
    [
        failure(429, "RESOURCE_EXHAUSTED"),
        failure(500, "INTERNAL"),
        failure(503, "UNAVAILABLE"),
        failure(504, "DEADLINE_EXCEEDED"),
        HttpResponse(502, b"<html>bad gateway</html>"),
        HttpResponse(200, b'{"name": "corpo'),
        LOST,
        REFUSED,
    ],
)
def test_a_read_is_tried_again(run, outcome):
    script = Script(outcome, outcome, reply(200, CORPUS))
    assert run(script, lambda c: c.corpora.get("a")).display_name == "A"
    assert len(script.requests) == 3


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, "INVALID_ARGUMENT", errors.InvalidArgument),
        (400, "FAILED_PRECONDITION", errors.FailedPrecondition),
        (403, "PERMISSION_DENIED", errors.PermissionDenied),
        (404, "NOT_FOUND", errors.NotFound),
        (409, "ALREADY_EXISTS", errors.AlreadyExists),
        (409, "ABORTED", errors.Aborted),
        (501, "UNIMPLEMENTED", errors.Unimplemented),
    ],
)
def test_a_final_error_is_raised_at_once_with_its_place(run, status, code, kind):
    script = Script(failure(status, code))
    with pytest.raises(kind) as caught:
        run(script, lambda c: c.corpora.get("a"))
    assert (caught.value.method, caught.value.resource) == ("corpora.get", "corpora/a")
    assert len(script.requests) == 1


def test_the_last_failure_is_raised_when_attempts_run_out(run):
    script = Script(*[failure(503, "UNAVAILABLE")] * 4)
    with pytest.raises(errors.Unavailable):
        run(script, lambda c: c.corpora.get("a"))
    assert len(script.requests) == POLICY.attempts


def test_one_attempt_means_no_retry(run):
    script = Script(failure(503, "UNAVAILABLE"))
    with pytest.raises(errors.Unavailable):
        run(script, lambda c: c.corpora.get("a"), RetryPolicy(attempts=1))


@pytest.mark.parametrize("lost", [LOST, failure(503, "UNAVAILABLE"), HttpResponse(200, b"[")])
def test_an_unnamed_create_is_never_sent_twice_when_it_may_have_happened(run, lost):
    script = Script(lost)
    with pytest.raises(errors.RagkitError):
        run(script, lambda c: c.corpora.create(display_name="A"))
    assert len(script.requests) == 1


@pytest.mark.parametrize("refused", [REFUSED, failure(429, "RESOURCE_EXHAUSTED")])
def test_an_unnamed_create_that_surely_did_not_happen_is_sent_again(run, refused):
    script = Script(refused, reply(200, CORPUS))
    assert run(script, lambda c: c.corpora.create(display_name="A")).name == "corpora/a"


def test_a_named_create_whose_reply_was_lost_is_found_to_have_happened(run):
    script = Script(LOST, failure(409, "ALREADY_EXISTS"), reply(200, CORPUS))
    created = run(script, lambda c: c.corpora.create("a", display_name="A"))
    assert created.display_name == "A"
    assert [request.verb for request in script.requests] == ["POST", "POST", "GET"]


def test_a_named_create_does_not_adopt_what_somebody_else_made(run):
    other = {"name": "corpora/a", "displayName": "somebody else's"}
    script = Script(LOST, failure(409, "ALREADY_EXISTS"), reply(200, other))
    with pytest.raises(errors.AlreadyExists):
        run(script, lambda c: c.corpora.create("a", display_name="A"))


def test_a_taken_name_is_an_error_when_no_reply_was_lost(run):
    script = Script(failure(409, "ALREADY_EXISTS"))
    with pytest.raises(errors.AlreadyExists):
        run(script, lambda c: c.corpora.create("a", display_name="A"))


def test_a_batch_whose_reply_was_lost_is_found_to_have_happened(run):
    names = [f"corpora/a/documents/d/chunks/{i}" for i in range(2)]
    chunks = [Chunk(name=name, data=ChunkData(string_value="text")) for name in names]
    stored = [{"name": name, "data": {"stringValue": "text"}} for name in names]
    script = Script(LOST, failure(409, "ALREADY_EXISTS"), *[reply(200, one) for one in stored])
    response = run(script, lambda c: c.chunks.batch_create("a/d", chunks))
    assert [chunk.name for chunk in response.chunks] == names


def test_an_unnamed_batch_is_never_sent_twice(run):
    script = Script(LOST)
    with pytest.raises(errors.TransportError):
        run(script, lambda c: c.chunks.batch_create("a/d", ["one", "two"]))


@pytest.mark.parametrize(
    "delete",
    [
        lambda c: c.corpora.delete("a", force=True),
        lambda c: c.chunks.batch_delete("a/d", ["x", "y"]),
    ],
)
def test_a_delete_whose_reply_was_lost_is_found_to_have_happened(run, delete):
    run(Script(LOST, failure(404, "NOT_FOUND")), delete)
    with pytest.raises(errors.NotFound):
        run(Script(failure(404, "NOT_FOUND")), delete)


@pytest.mark.parametrize(
    "headers_or_details",
    [
        failure(429, "RESOURCE_EXHAUSTED", retry_after="3600"),
        reply(
            429,
            {
                "error": {
                    "status": "RESOURCE_EXHAUSTED",
                    "message": "slow down",
                    "details": [
                        {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "99s"}
                    ],
                }
            },
        ),
    ],
)
def test_a_wait_longer_than_the_policy_allows_is_not_waited(run, headers_or_details):
    script = Script(headers_or_details)
    with pytest.raises(errors.ResourceExhausted):
        run(script, lambda c: c.corpora.get("a"))
    assert len(script.requests) == 1


def test_what_the_server_asks_to_wait_is_waited(run, monkeypatch):
    waits: list[float] = []
    monkeypatch.setattr("time.sleep", waits.append)

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    monkeypatch.setattr("anyio.sleep", sleep)
    script = Script(failure(429, "RESOURCE_EXHAUSTED", retry_after="0.04"), reply(200, CORPUS))
    run(script, lambda c: c.corpora.get("a"))
    assert waits == [0.04]


def test_a_list_follows_page_tokens_lazily():
    pages = [
        reply(200, {"corpora": [{"name": "corpora/a"}], "nextPageToken": "t1"}),
        reply(200, {"nextPageToken": "t2"}),
        reply(200, {"corpora": [{"name": "corpora/b"}]}),
    ]
    script = Script(*pages)
    listed = iter(Client(script).corpora.list(page_size=1))
    assert script.requests == []
    assert next(listed).name == "corpora/a"
    assert len(script.requests) == 1
    assert [corpus.name for corpus in listed] == ["corpora/b"]
    assert [dict(request.query) for request in script.requests] == [
        {"pageSize": "1"},
        {"pageSize": "1", "pageToken": "t1"},
        {"pageSize": "1", "pageToken": "t2"},
    ]

    async def main() -> list[str]:
        client = AsyncClient(AsyncScript(Script(*pages)))
        return [corpus.name async for corpus in client.corpora.list(page_size=1)]

    assert anyio.run(main) == ["corpora/a", "corpora/b"]


def test_with_options_changes_a_copy():
    script = Script(reply(200, CORPUS), reply(200, CORPUS))
    client = Client(script, retry=POLICY)
    client.with_options(timeout=3).corpora.get("a")
    client.corpora.get("a")
    assert [request.timeout for request in script.requests] == [3, None]


@pytest.mark.parametrize(
    "call",
    [
        lambda c: c.corpora.get(""),
        lambda c: c.documents.get("justone"),
        lambda c: c.corpora.get("a/../../b"),
        lambda c: c.corpora.query("a", 7),
        lambda c: c.documents.create("a", metadata={"key": object()}),
        lambda c: c.models.generate_answer("q", answer_style=object()),
    ],
)
def test_wrong_arguments_are_refused_before_anything_is_sent(call):
    script = Script()
    with pytest.raises(errors.InvalidArgument):
        call(Client(script))


@pytest.mark.parametrize("status", [302, 307, 308])
def test_a_redirect_is_an_error_and_not_taken_for_an_empty_reply(run, status):
    location = "https://user:s3cret@elsewhere.test/path?key=s3cret"
    script = Script(HttpResponse(status, b"", {"location": location}))
    with pytest.raises(errors.TransportError, match=r"https://elsewhere\.test") as caught:
        run(script, lambda c: c.corpora.get("a"))
    assert "s3cret" not in str(caught.value)
    assert len(script.requests) == 1


GET = Call(methods.CORPORA_GET, GetCorpusRequest(name="corpora/a"))
GOOGLE = f"https://{GOOGLE_HOST}"


def drive(
    script: Script,
    call: Call[Any] = GET,
    *,
    budget: RetryBudget | None = None,
    endpoint: str = "",
) -> Any:
    """Carries out a call without a client and without waiting."""
    steps = perform(call, Options(endpoint, POLICY, None, budget or RetryBudget()))
    step = next(steps)
    while True:
        outcome: Any = None
        if isinstance(step, HttpRequest):
            try:
                outcome = script.send(step)
            except errors.TransportError as error:
                outcome = error
        try:
            step = steps.send(outcome)
        except StopIteration as stop:
            return stop.value


def spend(budget: RetryBudget, outcome: HttpResponse | Exception) -> Script:
    """Meets nothing but failures until no call is tried again."""
    while True:
        script = Script(*[outcome] * POLICY.attempts)
        with pytest.raises(errors.RagkitError):
            drive(script, budget=budget)
        if len(script.requests) == 1:
            return script


@pytest.mark.parametrize(("outcome", "cost"), [(failure(503, "UNAVAILABLE"), 5), (LOST, 10)])
def test_a_server_that_fails_throughout_is_tried_again_a_hundred_times_at_most(outcome, cost):
    budget, retries = RetryBudget(), 0
    for _ in range(CAPACITY):
        script = Script(*[outcome] * POLICY.attempts)
        with pytest.raises(errors.RagkitError) as caught:
            drive(script, budget=budget)
        retries += len(script.requests) - 1
    assert retries == CAPACITY // cost
    assert "not tried again" in "".join(caught.value.__notes__)


def test_successes_refill_the_budget():
    budget = RetryBudget()
    spend(budget, failure(503, "UNAVAILABLE"))
    left = budget.left
    for _ in range(5):
        drive(Script(reply(200, CORPUS)), budget=budget)
    assert budget.left == left + 5
    drive(Script(failure(503, "UNAVAILABLE"), reply(200, CORPUS)), budget=budget)
    assert budget.left == left + 5  # the retry that helped costs nothing in the end


def test_an_error_that_shows_a_healthy_server_refills_the_budget():
    budget = RetryBudget()
    spend(budget, failure(503, "UNAVAILABLE"))
    left = budget.left
    with pytest.raises(errors.NotFound):
        drive(Script(failure(404, "NOT_FOUND")), budget=budget)
    assert budget.left == left + 1


def test_the_budget_never_exceeds_its_capacity():
    budget = RetryBudget(20)
    for _ in range(3):
        drive(Script(reply(200, CORPUS)), budget=budget)
        budget.succeeded(10)
    assert budget.left == 20


def test_a_wait_that_the_server_asked_for_costs_nothing():
    budget = RetryBudget(5)
    limited = failure(429, "RESOURCE_EXHAUSTED", retry_after="0.01")
    drive(Script(limited, limited, limited, reply(200, CORPUS)), budget=budget)
    assert budget.left == 5


QUERY = Call(methods.CORPORA_QUERY, methods.CORPORA_QUERY.request(name="corpora/a", query="q"))


@pytest.mark.parametrize(
    "answer",
    [
        HttpResponse(404, b"<html>The requested URL was not found on this server.</html>"),
        failure(404, "NOT_FOUND"),
        failure(501, "UNIMPLEMENTED"),
    ],
)
def test_a_method_that_google_closed_is_an_error_that_names_the_alternative(answer):
    with pytest.raises(
        MethodClosed, match=r"corpora\.query.*connect\(data=.*File Search"
    ) as caught:
        drive(Script(answer), QUERY, endpoint=f"{GOOGLE}/")
    assert isinstance(caught.value, errors.Unimplemented)
    assert (caught.value.method, caught.value.resource) == ("corpora.query", "corpora/a")


@pytest.mark.parametrize(
    ("call", "endpoint", "answer", "kind"),
    [
        (QUERY, "https://elsewhere.test", failure(404, "NOT_FOUND"), errors.NotFound),
        (QUERY, f"https://elsewhere.test/{GOOGLE_HOST}", failure(404, "N"), errors.NotFound),
        (QUERY, "the embedded service", failure(501, "UNIMPLEMENTED"), errors.Unimplemented),
        (QUERY, GOOGLE, failure(403, "PERMISSION_DENIED"), errors.PermissionDenied),
        (GET, GOOGLE, failure(404, "NOT_FOUND"), errors.NotFound),
    ],
)
def test_other_errors_stay_what_they_are(call, endpoint, answer, kind):
    with pytest.raises(kind) as caught:
        drive(Script(answer), call, endpoint=endpoint)
    assert type(caught.value) is kind


def test_what_an_endpoint_supports():
    assert not supports(GOOGLE, "corpora.query")
    assert not supports(f"https://{GOOGLE_HOST.upper()}:443/", "corpora.query")
    assert supports(GOOGLE, "corpora.get")
    assert supports(GOOGLE, "models.generateContent")
    assert supports("https://elsewhere.test", "corpora.query")
    assert supports("the embedded service in data", "corpora.query")
    with pytest.raises(ValueError, match=r"did you mean 'corpora\.query'"):
        supports(GOOGLE, "corpora.qury")


def test_each_attempt_is_logged_without_texts(run, caplog):
    caplog.set_level(logging.DEBUG, "ragkit.client")
    script = Script(failure(503, "secret words"), LOST, reply(200, CORPUS))
    run(script, lambda c: c.corpora.query("a", "secret words"))
    lines = [f"{record.levelname} {record.getMessage()}" for record in caplog.records]
    assert [line.split(" in ")[0].split(";")[0] for line in lines] == [
        "DEBUG corpora.query: 503",
        "INFO corpora.query: Unavailable",
        "DEBUG corpora.query: no reply",
        "INFO corpora.query: TransportError",
        "DEBUG corpora.query: 200",
    ]
    assert all(" ms (attempt " in line for line in lines if line.startswith("DEBUG"))
    assert lines[-1].endswith("(attempt 3)")
    assert "secret" not in caplog.text


class Span:
    """Records what a program's tracer would receive."""

    def __init__(self, name: str, kind: Any, attributes: dict[str, Any]) -> None:
        self.name, self.kind, self.attributes = name, kind, attributes
        self.events: list[str] = []
        self.status: Any = None
        self.ended = 0

    def set_attribute(self, key: str, value: Any) -> None:
        self.attributes[key] = value

    def add_event(self, name: str, attributes: dict[str, Any]) -> None:
        self.events.append(name)

    def set_status(self, status: Any, description: str) -> None:
        self.status = status

    def end(self) -> None:
        self.ended += 1


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> list[Span]:
    spans: list[Span] = []

    class Tracer:
        def start_span(self, name: str, *, kind: Any, attributes: dict[str, Any]) -> Span:
            spans.append(Span(name, kind, attributes))
            return spans[-1]

    monkeypatch.setattr(trace, "get_tracer", lambda name: Tracer())
    return spans


def test_a_call_is_one_span_named_by_its_method(run, spans):
    run(Script(LOST, reply(200, CORPUS)), lambda c: c.corpora.get("a"))
    (span,) = spans
    assert (span.name, span.kind, span.ended) == ("corpora.get", trace.SpanKind.CLIENT, 1)
    assert span.attributes["http.response.status_code"] == 200
    assert span.attributes["http.request.resend_count"] == 1
    assert span.events == ["retry"]
    assert span.status is None


def test_the_span_of_a_failed_call_says_so(run, spans):
    with pytest.raises(errors.NotFound):
        run(Script(failure(404, "NOT_FOUND")), lambda c: c.corpora.get("a"))
    (span,) = spans
    assert (span.status, span.ended) == (trace.StatusCode.ERROR, 1)
    assert span.attributes["error.type"] == "NotFound"


def test_the_span_of_a_stream_ends_when_it_is_open_and_counts_as_success(spans):
    budget = RetryBudget()
    spend(budget, LOST)
    left = budget.left
    steps = perform(GET, Options(GOOGLE, POLICY, None, budget), streamed=True)
    next(steps)
    with pytest.raises(StopIteration):
        steps.send(reply(200, {}))
    assert (spans[-1].status, spans[-1].ended) == (None, 1)
    assert spans[-1].attributes["server.address"] == GOOGLE_HOST
    assert budget.left == left + 1


def test_a_program_without_opentelemetry_has_no_spans(spans, monkeypatch):
    monkeypatch.delitem(sys.modules, "opentelemetry.trace")
    drive(Script(reply(200, CORPUS)))
    assert spans == []
