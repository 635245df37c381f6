"""Streamed replies: iterators over the items of a response that is still being made."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from functools import update_wrapper
from typing import (
    TYPE_CHECKING,
    Any,
    Concatenate,
    Generic,
    ParamSpec,
    Protocol,
    Self,
    TypeVar,
    overload,
)

from pydantic import ValidationError
from pydantic_core import from_json

from ragkit.api.base import ProtoModel
from ragkit.api.errors import TransportError, error_from_response
from ragkit.api.wire import HttpRequest, HttpResponse, Method, parse_response
from ragkit.client._calls import Call, Resource, bind
from ragkit.client._decoding import ArrayDecoder, Decoder, EventDecoder

if TYPE_CHECKING:
    from ragkit.client._client import AsyncClient, Client

P = ParamSpec("P")
ItemT = TypeVar("ItemT", bound=ProtoModel)


class StreamedReply(Protocol):
    """A reply of which the status and headers are there, and the body is yet to come."""

    status: int
    headers: Mapping[str, str]

    def __iter__(self) -> Iterator[bytes]:
        """The body, in pieces as they arrive; raises TransportError when it breaks off."""
        ...

    def close(self) -> None:
        """Give back the connection, whether or not the body was read."""
        ...


class AsyncStreamedReply(Protocol):
    """The asynchronous twin of `StreamedReply`."""

    status: int
    headers: Mapping[str, str]

    def __aiter__(self) -> AsyncIterator[bytes]:
        """The body, in pieces as they arrive; raises TransportError when it breaks off."""
        ...

    async def close(self) -> None:
        """Give back the connection, whether or not the body was read."""
        ...


class WholeReply:
    """A reply that is all there, as the in-process transport gives it, in the form of a stream."""

    def __init__(self, reply: HttpResponse) -> None:
        self.status, self.headers, self._body = reply.status, reply.headers, reply.body

    def __iter__(self) -> Iterator[bytes]:
        yield self._body

    def close(self) -> None:
        """Nothing is held."""


class AsyncWholeReply(WholeReply):
    """The asynchronous twin of `WholeReply`."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self._body

    async def close(self) -> None:  # type: ignore[override]
        """Nothing is held."""


def as_events(request: HttpRequest) -> HttpRequest:
    """The request for a streamed reply as server-sent events."""
    query = [*request.query, ("alt", "sse")]
    return HttpRequest(
        request.verb, request.path, query, request.headers, request.body, request.timeout
    )


class _Items(Generic[ItemT]):
    """From pieces of a body to items, for both kinds of streams."""

    def __init__(self, method: Method[Any, ItemT], headers: Mapping[str, str]) -> None:
        self._method = method
        events = headers.get("content-type", "").startswith("text/event-stream")
        self._decoder: Decoder = EventDecoder() if events else ArrayDecoder()

    def feed(self, piece: bytes) -> list[ItemT]:
        return [self._item(element) for element in self._decoder.feed(piece)]

    def finish(self) -> list[ItemT]:
        return [self._item(element) for element in self._decoder.finish()]

    def _item(self, element: bytes) -> ItemT:
        try:
            parsed = from_json(element)
            if isinstance(parsed, dict) and isinstance(parsed.get("error"), dict):
                code = parsed["error"].get("code")
                status = code if isinstance(code, int) and code >= 400 else 500
                raise error_from_response(status, element, method=self._method.id)
            return parse_response(self._method, element)
        except (ValueError, ValidationError) as error:
            raise TransportError(f"{self._method.id}: a malformed item: {error}") from None


class Stream(Generic[ItemT]):
    """The items of a streamed response, as they arrive. Use it in a `with` block.

    Leaving the block, or reaching the end, gives back the connection.

    Raises:
        APIError: the server reported an error in mid-stream; what came before it was yielded.
        TransportError: the connection broke, or the stream ended in the middle of an item.
    """

    def __init__(self, reply: StreamedReply, method: Method[Any, ItemT]) -> None:
        self._reply = reply
        self._items = _Items(method, reply.headers)

    def __iter__(self) -> Iterator[ItemT]:
        try:
            for piece in self._reply:
                yield from self._items.feed(piece)
            yield from self._items.finish()
        finally:
            self.close()

    def close(self) -> None:
        """Give back the connection; the rest of the stream is not read."""
        self._reply.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


class AsyncStream(Generic[ItemT]):
    """The items of a streamed response, as they arrive; the asynchronous twin of `Stream`.

    Made by the method without waiting: `async with` opens it.
    """

    def __init__(self, open_reply: Callable[[], Any], method: Method[Any, ItemT]) -> None:
        self._open = open_reply
        self._method = method
        self._reply: AsyncStreamedReply | None = None

    async def __aiter__(self) -> AsyncIterator[ItemT]:
        reply = await self._opened()
        items = _Items(self._method, reply.headers)
        try:
            async for piece in reply:
                for item in items.feed(piece):
                    yield item
            for item in items.finish():
                yield item
        finally:
            await self.close()

    async def _opened(self) -> AsyncStreamedReply:
        if self._reply is None:
            self._reply = await self._open()
        return self._reply

    async def close(self) -> None:
        """Give back the connection; the rest of the stream is not read."""
        if self._reply is not None:
            await self._reply.close()

    async def __aenter__(self) -> Self:
        await self._opened()
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self.close()


class streamed(Generic[P, ItemT]):  # noqa: N801 - used as a decorator
    """Decorates a function that describes a call whose response is a stream."""

    def __init__(self, describe: Callable[Concatenate[Any, P], Call[ItemT]]) -> None:
        self._describe = describe
        update_wrapper(self, describe)  # type: ignore[arg-type]

    @overload
    def __get__(self, resource: None, owner: type[Any]) -> streamed[P, ItemT]: ...
    @overload
    def __get__(
        self, resource: Resource[Client], owner: type[Any]
    ) -> Callable[P, Stream[ItemT]]: ...
    @overload
    def __get__(
        self, resource: Resource[AsyncClient], owner: type[Any]
    ) -> Callable[P, AsyncStream[ItemT]]: ...

    def __get__(self, resource: Resource[Any] | None, owner: type[Any]) -> Any:
        if resource is None:
            return self

        return bind(self._describe, resource, "stream")
