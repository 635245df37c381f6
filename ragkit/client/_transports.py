"""Transports: what carries a request to the other side and its reply back."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, Protocol

from ragkit.api.errors import TransportError
from ragkit.api.wire import HttpRequest, HttpResponse

if TYPE_CHECKING:
    from ragkit.client._streams import AsyncStreamedReply, StreamedReply
    from ragkit.service import Service


class Transport(Protocol):
    """Carries requests; raises TransportError when no whole reply arrives.

    One that can give a reply while it is still being made has a method `open` too, that returns
    such a reply for a success and a whole one for an error; see `HttpTransport`.
    """

    def send(self, request: HttpRequest) -> HttpResponse:
        """Send a request and wait for its whole reply."""
        ...

    def close(self) -> None:
        """Give back connections and files."""
        ...


class AsyncTransport(Protocol):
    """The asynchronous twin of `Transport`."""

    async def send(self, request: HttpRequest) -> HttpResponse:
        """Send a request and wait for its whole reply."""
        ...

    async def close(self) -> None:
        """Give back connections and files."""
        ...


class InProcessTransport:
    """Hands requests to the embedded service in this process, opened with the first of them.

    The service gets the same encoded requests as a server would, so that embedded use and HTTP
    exercise the same code.
    """

    def __init__(self, open_service: Callable[[], Service]) -> None:
        self._open = open_service
        self._service: Service | None = None
        self._lock = threading.Lock()
        self._closed = False

    def _opened(self) -> Service:
        with self._lock:
            if self._closed:
                raise TransportError("the client is closed", sent=False)
            if self._service is None:
                self._service = self._open()
            return self._service

    def send(self, request: HttpRequest) -> HttpResponse:
        """Dispatch the request."""
        return self._opened().dispatch(request)

    def open(self, request: HttpRequest) -> HttpResponse | StreamedReply:
        """Dispatch the request; a stream can be read while it is made."""
        return self._opened().open(request)

    def close(self) -> None:
        """Close the service's files."""
        with self._lock:
            self._closed = True
            if self._service is not None:
                self._service.close()
                self._service = None


class _ThreadedReply:
    """A reply that the service makes in worker threads, piece by piece."""

    def __init__(self, reply: StreamedReply) -> None:
        self.status, self.headers = reply.status, reply.headers
        self._reply = reply

    @property
    async def body(self) -> AsyncIterator[bytes]:
        from anyio import to_thread

        while (piece := await to_thread.run_sync(next, self._reply.body, None)) is not None:
            yield piece

    async def close(self) -> None:
        from anyio import to_thread

        await to_thread.run_sync(self._reply.close)


class AsyncInProcessTransport:
    """The embedded service for `AsyncClient`.

    The engine computes and waits for the disk, which no event loop can do meanwhile: each request
    runs in a worker thread, here and nowhere else in the client.
    """

    def __init__(self, transport: InProcessTransport) -> None:
        self._transport = transport

    async def send(self, request: HttpRequest) -> HttpResponse:
        """Dispatch the request in a worker thread."""
        from anyio import to_thread

        return await to_thread.run_sync(self._transport.send, request)

    async def open(self, request: HttpRequest) -> HttpResponse | AsyncStreamedReply:
        """Dispatch the request in a worker thread; a stream is made in worker threads too."""
        from anyio import to_thread

        reply = await to_thread.run_sync(self._transport.open, request)
        return reply if isinstance(reply, HttpResponse) else _ThreadedReply(reply)

    async def close(self) -> None:
        """Close the service's files."""
        from anyio import to_thread

        await to_thread.run_sync(self._transport.close)
