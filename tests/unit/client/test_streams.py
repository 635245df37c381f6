"""Streamed replies on both clients: items as they come, errors in mid-stream, early close."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import anyio
import pytest

from ragkit.api import errors
from ragkit.api.wire import HttpRequest, HttpResponse
from ragkit.client import AsyncClient, Client, RetryPolicy
from ragkit.client._transports import AsyncInProcessTransport, InProcessTransport
from ragkit.engine.models.generators import GenerationPrompt, Piece
from ragkit.service.dispatcher import Service
from tests.unit.service.generators import scripted_service

SSE = {"content-type": "text/event-stream"}
JSON = {"content-type": "application/json"}


def piece(text: str) -> dict[str, Any]:
    return {"candidates": [{"content": {"parts": [{"text": text}]}}]}


def events(*items: Any) -> list[bytes]:
    return [f"data: {json.dumps(item)}\r\n\r\n".encode() for item in items]


class Reply:
    """A reply that gives its pieces one by one and remembers whether it was closed."""

    def __init__(self, status: int, headers: dict[str, str], pieces: list[bytes | Exception]):
        self.status, self.headers, self.pieces = status, headers, pieces
        self.given = self.closed = 0

    @property
    def body(self) -> Iterator[bytes]:
        for one in self.pieces:
            if isinstance(one, Exception):
                raise one
            self.given += 1
            yield one

    def close(self) -> None:
        self.closed += 1


class AsyncReply:
    def __init__(self, reply: Reply) -> None:
        self.status, self.headers, self.reply = reply.status, reply.headers, reply

    @property
    async def body(self) -> AsyncIterator[bytes]:
        for one in self.reply.body:
            yield one

    async def close(self) -> None:
        self.reply.close()


class Streaming:
    def __init__(self, *replies: Reply | Exception) -> None:
        self.replies = list(replies)
        self.requests: list[HttpRequest] = []

    def open(self, request: HttpRequest) -> Reply | HttpResponse:
        self.requests.append(request)
        reply = self.replies.pop(0)
        if isinstance(reply, Exception):
            raise reply
        if reply.status < 300:
            return reply
        return HttpResponse(reply.status, b"".join(reply.body), reply.headers)

    def send(self, request: HttpRequest) -> HttpResponse:
        raise AssertionError("a stream is opened, not sent")

    def close(self) -> None:
        pass


class AsyncStreaming:
    def __init__(self, inner: Streaming) -> None:
        self.inner = inner

    async def open(self, request: HttpRequest) -> AsyncReply | HttpResponse:
        reply = self.inner.open(request)
        return reply if isinstance(reply, HttpResponse) else AsyncReply(reply)

    async def send(self, request: HttpRequest) -> HttpResponse:
        raise AssertionError("a stream is opened, not sent")

    async def close(self) -> None:
        pass


POLICY = RetryPolicy(attempts=3, first_wait=0.001)


@pytest.fixture(params=["sync", "async"])
def collect(request: pytest.FixtureRequest) -> Callable[..., list[str]]:
    """The texts of a stream's items, at most `most`; what is raised goes on after `got` is set."""

    def collect(transport: Streaming, most: int = 99, got: list[str] | None = None) -> list[str]:
        texts: list[str] = [] if got is None else got
        if request.param == "sync":
            client = Client(transport, retry=POLICY)
            with client.models.stream_generate_content("m", "hello") as stream:
                for item in stream:
                    texts.append(item.text)
                    if len(texts) == most:
                        break
            return texts

        async def main() -> None:
            client = AsyncClient(AsyncStreaming(transport), retry=POLICY)
            async with client.models.stream_generate_content("m", "hello") as stream:
                async for item in stream:
                    texts.append(item.text)
                    if len(texts) == most:
                        break

        anyio.run(main)
        return texts

    return collect


def test_items_of_server_sent_events(collect):
    reply = Reply(200, SSE, [*events(piece("Hel"), piece("lo"))])
    transport = Streaming(reply)
    assert collect(transport) == ["Hel", "lo"]
    assert ("alt", "sse") in transport.requests[0].query
    assert transport.requests[0].path == "/v1beta/models/m:streamGenerateContent"
    assert reply.closed


def test_items_of_a_json_array(collect):
    whole = json.dumps([piece("a"), piece("b")]).encode()
    reply = Reply(200, JSON, [whole[i : i + 7] for i in range(0, len(whole), 7)])
    assert collect(Streaming(reply)) == ["a", "b"]


def test_an_error_in_mid_stream_comes_after_what_was_there(collect):
    error = {"error": {"code": 503, "status": "UNAVAILABLE", "message": "gone"}}
    reply = Reply(200, SSE, [*events(piece("a"), error)])
    got: list[str] = []
    with pytest.raises(errors.Unavailable, match="gone"):
        collect(Streaming(reply), got=got)
    assert got == ["a"]
    assert reply.closed


@pytest.mark.parametrize(
    "pieces",
    [
        [b"[" + json.dumps(piece("a")).encode() + b", {"],
        [*events(piece("a")), errors.TransportError("reset")],
        [*events(piece("a")), b"data: not json\n\n"],
    ],
)
def test_a_stream_that_breaks_is_a_transport_error(collect, pieces):
    headers = JSON if pieces[0].startswith(b"[") else SSE
    reply = Reply(200, headers, pieces)
    got: list[str] = []
    with pytest.raises(errors.TransportError):
        collect(Streaming(reply), got=got)
    assert got == ["a"]
    assert reply.closed


def test_leaving_early_reads_no_further_and_gives_back_the_connection(collect):
    reply = Reply(200, SSE, [*events(*(piece(str(number)) for number in range(50)))])
    assert collect(Streaming(reply), most=2) == ["0", "1"]
    assert reply.given == 2
    assert reply.closed


def test_opening_is_tried_again_and_final_errors_are_raised(collect):
    busy = Reply(503, JSON, [b'{"error": {"status": "UNAVAILABLE", "message": "busy"}}'])
    transport = Streaming(busy, errors.TransportError("x", sent=False), Reply(200, SSE, []))
    assert collect(transport) == []
    assert len(transport.requests) == 3
    with pytest.raises(errors.NotFound):
        collect(Streaming(Reply(404, JSON, [b'{"error": {"status": "NOT_FOUND"}}'])))


def test_a_stream_in_process_comes_word_by_word_on_both_clients(tmp_path):
    told: list[int] = []

    def open_service() -> Service:
        service, generator = scripted_service(tmp_path, lambda prompt: "one two three")
        stream = generator.stream

        def counted(prompt: GenerationPrompt) -> Iterator[Piece]:
            for number, piece in enumerate(stream(prompt)):
                told.append(number)
                yield piece

        generator.stream = counted  # type: ignore[method-assign]
        return service

    with Client(InProcessTransport(open_service)) as client:
        with client.models.stream_generate_content("scripted", "hello") as items:
            assert next(iter(items)).text == "one"
        assert told in ([0], [0, 1]), "what is not read is not made"
        with client.models.stream_generate_content("scripted", "hello") as items:
            assert [item.text for item in items if item.text] == ["one", "two", "three"]

    async def main() -> list[str]:
        transport = AsyncInProcessTransport(InProcessTransport(open_service))
        async with AsyncClient(transport) as client:
            async with client.models.stream_generate_content("scripted", "hello") as items:
                async for item in items:
                    assert item.text == "one"
                    break
            async with client.models.stream_generate_content("scripted", "hello") as items:
                return [item.text async for item in items if item.text]

    assert anyio.run(main) == ["one", "two", "three"]


def test_a_service_without_a_generator_says_so_in_process(tmp_path):
    from ragkit import connect

    with connect(data=tmp_path) as client, pytest.raises(errors.Unimplemented):
        client.models.stream_generate_content("any", "hello")
