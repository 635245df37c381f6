"""Streamed replies: their two forms, errors in mid-stream, and being closed early."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragkit.api.candidates import Candidate
from ragkit.api.content import Content, Part
from ragkit.api.errors import ResourceExhausted
from ragkit.api.generation import GenerateContentResponse
from ragkit.api.methods import MODELS_STREAM_GENERATE_CONTENT
from ragkit.api.wire import HttpRequest
from ragkit.client._decoding import ArrayDecoder, EventDecoder
from ragkit.engine.engine import Engine
from ragkit.service.dispatcher import Service
from ragkit.service.parameters import Rendering
from ragkit.service.streaming import StreamedResponse, stream

PATH = "/v1beta/models/m:streamGenerateContent"


def item(text: str) -> GenerateContentResponse:
    return GenerateContentResponse(
        candidates=[Candidate(content=Content(parts=[Part(text=text)], role="model"))]
    )


def texts(elements: list[Any]) -> list[str]:
    return [one["candidates"][0]["content"]["parts"][0]["text"] for one in elements]


class Source:
    """A handler's items: what was taken of them, and whether they were closed."""

    def __init__(self, items: list[str | Exception]) -> None:
        self.items = items
        self.taken = 0
        self.closed = False

    def __call__(self, context: object, request: object) -> Iterator[GenerateContentResponse]:
        try:
            for one in self.items:
                self.taken += 1
                if isinstance(one, Exception):
                    raise one
                yield item(one)
        finally:
            self.closed = True


def serve(tmp_path: Path, source: Source) -> Service:
    return Service(Engine(tmp_path / "data"), {MODELS_STREAM_GENERATE_CONTENT.id: source})


def ask(service: Service, **query: str) -> StreamedResponse:
    reply = service.open(HttpRequest("POST", PATH, list(query.items()), {}, b"{}"))
    assert isinstance(reply, StreamedResponse)
    return reply


def test_an_array_comes_element_by_element(tmp_path: Path) -> None:
    source = Source(["one", "two", "three"])
    reply = ask(serve(tmp_path, source))
    assert reply.headers["content-type"].startswith("application/json")
    assert source.taken == 1
    pieces = list(reply.body)
    assert pieces[0].startswith(b"[{")
    assert pieces[1].startswith(b",\n{")
    assert pieces[-1] == b"]"
    assert texts(json.loads(b"".join(pieces))) == ["one", "two", "three"]


def test_events_are_one_line_of_data_each(tmp_path: Path) -> None:
    reply = ask(serve(tmp_path, Source(["one\ntwo", "three"])), alt="sse", prettyPrint="true")
    assert reply.headers["content-type"].startswith("text/event-stream")
    pieces = list(reply.body)
    assert len(pieces) == 2
    for piece in pieces:
        assert piece.startswith(b"data: {")
        assert piece.endswith(b"\r\n\r\n")
        assert piece.count(b"\n") == 2
    assert texts([json.loads(p.removeprefix(b"data: ")) for p in pieces]) == ["one\ntwo", "three"]


@pytest.mark.parametrize(("alt", "empty"), [("json", b"[]"), ("sse", b"")])
def test_a_stream_of_nothing_is_well_formed(tmp_path: Path, alt: str, empty: bytes) -> None:
    assert ask(serve(tmp_path, Source([])), alt=alt).whole().body == empty


@pytest.mark.parametrize("alt", ["json", "sse"])
def test_an_error_before_the_first_item_is_an_ordinary_reply(tmp_path: Path, alt: str) -> None:
    service = serve(tmp_path, Source([ResourceExhausted("no more")]))
    reply = service.open(HttpRequest("POST", PATH, [("alt", alt)], {}, b"{}"))
    assert reply.status == 429
    assert not isinstance(reply, StreamedResponse)
    assert json.loads(reply.body)["error"]["status"] == "RESOURCE_EXHAUSTED"


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [(ResourceExhausted("no more"), "RESOURCE_EXHAUSTED", 429), (KeyError("x"), "INTERNAL", 500)],
)
@pytest.mark.parametrize("alt", ["json", "sse"])
def test_an_error_in_mid_stream_is_the_last_element(
    tmp_path: Path, alt: str, error: Exception, status: str, code: int
) -> None:
    reply = ask(serve(tmp_path, Source(["one", error, "never"])), alt=alt).whole()
    assert reply.status == 200
    decoder = EventDecoder() if alt == "sse" else ArrayDecoder()
    first, last = [json.loads(one) for one in [*decoder.feed(reply.body), *decoder.finish()]]
    assert texts([first]) == ["one"]
    assert last["error"]["status"] == status
    assert last["error"]["code"] == code


def test_dispatch_gives_a_stream_whole(tmp_path: Path) -> None:
    reply = serve(tmp_path, Source(["one", "two"])).dispatch(
        HttpRequest("POST", PATH, [], {}, b"{}")
    )
    assert texts(json.loads(reply.body)) == ["one", "two"]


@pytest.mark.parametrize("read", [0, 1])
def test_a_stream_that_is_closed_early_closes_its_items(tmp_path: Path, read: int) -> None:
    source = Source(["one", "two", "three"])
    reply = ask(serve(tmp_path, source))
    for _ in range(read):
        next(reply.body)
    reply.close()
    assert source.closed
    assert source.taken <= 2
    assert list(reply.body) == []


def test_fields_apply_to_each_item(tmp_path: Path) -> None:
    reply = ask(serve(tmp_path, Source(["one", "two"])), fields="candidates(content/role)").whole()
    assert json.loads(reply.body) == [{"candidates": [{"content": {"role": "model"}}]}] * 2


@given(
    items=st.lists(st.text(), max_size=5),
    events=st.booleans(),
    cut=st.integers(min_value=1, max_value=7),
)
def test_what_is_written_is_what_our_client_reads(items: list[str], events: bool, cut: int) -> None:
    reply = stream((item(one) for one in items), Rendering(events=events), "test").whole()
    decoder = EventDecoder() if events else ArrayDecoder()
    read = []
    for start in range(0, len(reply.body), cut):
        read += decoder.feed(reply.body[start : start + cut])
    read += decoder.finish()
    expected = [json.loads(item(one).to_json()) for one in items]
    assert [json.loads(one) for one in read] == expected
