"""The application: threads and limits, streams as they are made, failures."""

from __future__ import annotations

import asyncio
import json
import logging
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from ragkit.api.candidates import Candidate
from ragkit.api.content import Content, Part
from ragkit.api.corpora import ListCorporaResponse
from ragkit.api.generation import GenerateContentResponse
from ragkit.client._decoding import ArrayDecoder, EventDecoder
from ragkit.service import dispatcher
from ragkit.service.registry import Context

from .conftest import Make

STREAM = "models.streamGenerateContent"
PATH = "/v1beta/models/m:streamGenerateContent"


def item(text: str) -> GenerateContentResponse:
    return GenerateContentResponse(candidates=[Candidate(content=Content(parts=[Part(text=text)]))])


@pytest.mark.parametrize("alt", ["json", "sse"])
def test_a_stream_is_sent_as_it_is_made(make: Make, alt: str) -> None:
    """The second item is made only when the first has arrived."""
    arrived = threading.Event()

    def handler(context: Context, request: object) -> Iterator[GenerateContentResponse]:
        yield item("first")
        assert arrived.wait(20)
        yield item("second")

    def watch(piece: bytes) -> bool:
        if b"first" in piece:
            arrived.set()
        return False

    app = make({STREAM: handler})
    reply = asyncio.run(app.asend("POST", f"{PATH}?alt={alt}", b"{}", gone_after=watch))
    assert arrived.is_set()
    assert reply.status == 200
    assert len(reply.pieces) >= 2
    assert b"second" in reply.body
    assert "content-length" not in reply.headers
    assert "content-encoding" not in reply.headers


def test_a_client_that_goes_ends_its_stream(make: Make) -> None:
    closed = threading.Event()
    made = []

    def handler(context: Context, request: object) -> Iterator[GenerateContentResponse]:
        try:
            for number in range(1_000_000):
                made.append(number)
                yield item(str(number))
        finally:
            closed.set()

    app = make({STREAM: handler})
    asyncio.run(app.asend("POST", PATH, b"{}", gone_after=lambda piece: b'"5"' in piece))
    assert closed.wait(20)
    assert len(made) < 1_000_000


@pytest.mark.parametrize("alt", ["json", "sse"])
def test_a_stream_that_stalls_ends_with_an_error_and_is_closed(make: Make, alt: str) -> None:
    stall, closed = threading.Event(), threading.Event()

    def handler(context: Context, request: object) -> Iterator[GenerateContentResponse]:
        try:
            yield item("first")
            stall.wait(20)
            yield item("second")
        finally:
            closed.set()

    app = make({STREAM: handler}, timeout=0.3)
    reply = app.send("POST", f"{PATH}?alt={alt}", b"{}")
    assert not closed.is_set()
    decoder = EventDecoder() if alt == "sse" else ArrayDecoder()
    first, last = [json.loads(one) for one in [*decoder.feed(reply.body), *decoder.finish()]]
    assert first["candidates"]
    assert last["error"]["status"] == "DEADLINE_EXCEEDED"
    stall.set()
    assert closed.wait(20)


def test_more_than_may_wait_is_unavailable(make: Make) -> None:
    go = threading.Event()

    def handler(context: Context, request: object) -> ListCorporaResponse:
        go.wait(20)
        return ListCorporaResponse()

    app = make({"corpora.list": handler}, threads=1, waiting=1)
    refused = []

    async def crowd() -> list[int]:
        async def one() -> int:
            reply = await app.asend("GET", "/v1beta/corpora")
            if reply.status == 503:
                assert reply.json["error"]["status"] == "UNAVAILABLE"
                refused.append(reply)
                if len(refused) == 3:
                    go.set()
            return reply.status

        return await asyncio.gather(*(one() for _ in range(5)))

    assert sorted(asyncio.run(crowd())) == [200, 200, 503, 503, 503]


def test_generation_does_not_take_the_threads_of_queries(make: Make) -> None:
    go = threading.Event()

    def generate(context: Context, request: object) -> GenerateContentResponse:
        assert go.wait(20)
        return item("made")

    def list_(context: Context, request: object) -> ListCorporaResponse:
        go.set()
        return ListCorporaResponse()

    app = make(
        {"models.generateContent": generate, "corpora.list": list_}, threads=1, slow_threads=1
    )

    async def both() -> list[int]:
        slow = asyncio.ensure_future(app.asend("POST", "/v1beta/models/m:generateContent", b"{}"))
        await asyncio.sleep(0)
        quick = await app.asend("GET", "/v1beta/corpora")
        return [(await slow).status, quick.status]

    assert asyncio.run(both()) == [200, 200]


def test_a_result_that_comes_too_late_is_a_deadline(make: Make) -> None:
    go = threading.Event()

    def handler(context: Context, request: object) -> ListCorporaResponse:
        go.wait(20)
        return ListCorporaResponse()

    app = make({"corpora.list": handler}, timeout=0.1)
    reply = app.send("GET", "/v1beta/corpora")
    go.set()
    assert reply.status == 504
    assert reply.json["error"]["status"] == "DEADLINE_EXCEEDED"


def test_a_store_that_cannot_be_read_is_not_ready(make: Make, monkeypatch: Any) -> None:
    app = make()
    assert app.send("GET", "/readyz").status == 200

    def fail(limit: int) -> None:
        raise OSError("the disk is gone")

    monkeypatch.setattr(app.engine.store, "list_corpora", fail)
    reply = app.send("GET", "/readyz")
    assert reply.status == 503
    assert "the disk is gone" in reply.json["error"]["message"]
    assert app.send("GET", "/healthz").status == 200


def test_a_failure_of_the_server_itself_tells_nothing(
    make: Make, monkeypatch: Any, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*arguments: object, **options: object) -> None:
        raise RuntimeError("the secret reason")

    app = make()
    monkeypatch.setattr(dispatcher.Service, "open", fail)
    with caplog.at_level(logging.ERROR, "ragkit.service"):
        reply = app.send("GET", "/v1beta/corpora")
    assert reply.status == 500
    assert reply.json["error"]["status"] == "INTERNAL"
    assert b"secret" not in reply.body
    assert "the secret reason" in caplog.text
    assert reply.headers["x-request-id"]


@pytest.mark.parametrize(
    ("accepts", "packed"),
    [
        ("gzip", True),
        ("gzip, deflate, br", True),
        ("br;q=1.0, gzip;q=0.8", True),
        ("*", True),
        ("", False),
        ("br", False),
        ("gzip;q=0", False),
        ("identity", False),
    ],
)
def test_only_who_takes_gzip_gets_it(make: Make, accepts: str, packed: bool) -> None:
    def handler(context: Context, request: object) -> ListCorporaResponse:
        return ListCorporaResponse(next_page_token="x" * 5000)

    reply = make({"corpora.list": handler}).send("GET", "/v1beta/corpora", accept_encoding=accepts)
    assert reply.status == 200
    assert (reply.headers.get("content-encoding") == "gzip") == packed
    assert (len(reply.body) < 5000) == packed


def test_small_replies_are_left_as_they_are(make: Make) -> None:
    def handler(context: Context, request: object) -> ListCorporaResponse:
        return ListCorporaResponse(next_page_token="x")

    reply = make({"corpora.list": handler}).send("GET", "/v1beta/corpora", accept_encoding="gzip")
    assert "content-encoding" not in reply.headers


@pytest.mark.parametrize(
    ("host", "expected"),
    [("localhost:8080", "http://localhost:8080"), ("", "http://127.0.0.1:80")],
)
def test_handlers_know_where_the_caller_reaches_the_server(
    make: Make, host: str, expected: str
) -> None:
    seen = []

    def handler(context: Context, request: object) -> ListCorporaResponse:
        seen.append(context.base_url)
        return ListCorporaResponse()

    make({"corpora.list": handler}).send("GET", "/v1beta/corpora", host=host)
    make({"corpora.list": handler}, base_url="https://api.example.org/x/").send(
        "GET", "/v1beta/corpora", host="api.example.org"
    )
    assert seen == [expected, "https://api.example.org/x"]
