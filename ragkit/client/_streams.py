"""Streamed replies: iterators over the items of a response that is still being made."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from typing import Any, Generic, Protocol, Self, TypeAlias

from pydantic_core import from_json

from ragkit.api.errors import TransportError, error_from_response
from ragkit.api.wire import HttpResponse, Method, parse_response
from ragkit.client._calls import ReplyT
from ragkit.client._decoding import ArrayDecoder, Decoder, EventDecoder


class StreamedReply(Protocol):
    """A reply of which the status and headers are there, and the body is yet to come."""

    @property
    def status(self) -> int:
        """The HTTP status."""
        ...

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers, their names in lower case."""
        ...

    @property
    def body(self) -> Iterator[bytes]:
        """The body, in pieces as they arrive; raises TransportError when it breaks off."""
        ...

    def close(self) -> None:
        """Give back the connection, whether or not the body was read."""
        ...


class AsyncStreamedReply(Protocol):
    """The asynchronous twin of `StreamedReply`."""

    @property
    def status(self) -> int:
        """The HTTP status."""
        ...

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers, their names in lower case."""
        ...

    @property
    def body(self) -> AsyncIterator[bytes]:
        """The body, in pieces as they arrive; raises TransportError when it breaks off."""
        ...

    async def close(self) -> None:
        """Give back the connection, whether or not the body was read."""
        ...


AnyReply: TypeAlias = HttpResponse | StreamedReply
AsyncAnyReply: TypeAlias = HttpResponse | AsyncStreamedReply


class _Items(Generic[ReplyT]):
    """From pieces of a body to items, for both kinds of streams."""

    def __init__(self, method: Method[Any, ReplyT], headers: Mapping[str, str]) -> None:
        self._method = method
        events = headers.get("content-type", "").startswith("text/event-stream")
        self._decoder: Decoder = EventDecoder() if events else ArrayDecoder()

    def take(self, piece: bytes, *, last: bool = False) -> list[ReplyT]:
        """The items that are whole with this piece."""
        elements = self._decoder.feed(piece)
        return [self._item(one) for one in elements + (self._decoder.finish() if last else [])]

    def _item(self, element: bytes) -> ReplyT:
        try:
            parsed = from_json(element)
            if isinstance(parsed, dict) and isinstance(parsed.get("error"), dict):
                code = parsed["error"].get("code")
                status = code if isinstance(code, int) and code >= 400 else 500
                raise error_from_response(status, element, method=self._method.id)
            return parse_response(self._method, element)
        except ValueError as error:
            raise TransportError(f"{self._method.id}: a malformed item: {error}") from None


class Stream(Generic[ReplyT]):
    """The items of a streamed response, as they arrive. Use it in a `with` block.

    Leaving the block, or reaching the end, gives back the connection.

    Raises:
        APIError: the server reported an error in mid-stream; what came before it was yielded.
        TransportError: the connection broke, or the stream ended in the middle of an item.
    """

    def __init__(self, reply: AnyReply, method: Method[Any, ReplyT]) -> None:
        self._reply = reply
        self._items = _Items(method, reply.headers)

    def __iter__(self) -> Iterator[ReplyT]:
        body = self._reply.body
        try:
            for piece in [body] if isinstance(body, bytes) else body:
                yield from self._items.take(piece)
            yield from self._items.take(b"", last=True)
        finally:
            self.close()

    def close(self) -> None:
        """Give back the connection; the rest of the stream is not read."""
        if not isinstance(self._reply, HttpResponse):
            self._reply.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


class AsyncStream(Generic[ReplyT]):
    """The items of a streamed response, as they arrive; the asynchronous twin of `Stream`.

    Made by the method without waiting: `async with` opens it.
    """

    def __init__(
        self, open_reply: Callable[[], Awaitable[AsyncAnyReply]], method: Method[Any, ReplyT]
    ) -> None:
        self._open = open_reply
        self._method = method
        self._reply: AsyncAnyReply | None = None

    async def __aiter__(self) -> AsyncIterator[ReplyT]:
        reply = await self._opened()
        items = _Items(self._method, reply.headers)
        try:
            if isinstance(reply, HttpResponse):
                for item in items.take(reply.body):
                    yield item
            else:
                async for piece in reply.body:
                    for item in items.take(piece):
                        yield item
            for item in items.take(b"", last=True):
                yield item
        finally:
            await self.close()

    async def _opened(self) -> AsyncAnyReply:
        if self._reply is None:
            self._reply = await self._open()
        return self._reply

    async def close(self) -> None:
        """Give back the connection; the rest of the stream is not read."""
        if self._reply is not None and not isinstance(self._reply, HttpResponse):
            await self._reply.close()

    async def __aenter__(self) -> Self:
        await self._opened()
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self.close()
