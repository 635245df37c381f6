"""HTTP as uvicorn speaks it, with limits on headers, and errors in the API's envelope."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from ragkit.api.errors import InvalidArgument

_MAX_TARGET: Final = 64 * 1024
_MAX_HEADERS: Final = 64 * 1024
_MAX_HEADER_COUNT: Final = 200


def protocol_class(header_timeout: float) -> type[HttpToolsProtocol]:
    """The protocol class for uvicorn.

    Arguments:
        header_timeout: seconds from a connection's first byte, or a request's, until its headers
            have come whole.
    """

    class ApiProtocol(LimitedProtocol):
        pass

    ApiProtocol.header_timeout = header_timeout
    return ApiProtocol


class LimitedProtocol(HttpToolsProtocol):
    """One connection. A slow or endless head of a request is cut off."""

    header_timeout: float = 30.0
    _head_timer: asyncio.TimerHandle | None = None
    _head_bytes: int = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client has connected; it has to say something in time."""
        super().connection_made(transport)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection has ended."""
        self._head_came()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        """A request begins."""
        super().on_message_begin()
        self._head_bytes = 0
        if self._head_timer is None:
            self._await_head()

    def on_url(self, url: bytes) -> None:
        """A part of the request's target has come."""
        super().on_url(url)
        if len(self.url) > _MAX_TARGET:
            raise ValueError("the request's target is too long")

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header has come."""
        self._head_bytes += len(name) + len(value)
        if self._head_bytes > _MAX_HEADERS or len(self.headers) >= _MAX_HEADER_COUNT:
            raise ValueError("the request's headers are too large")
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """The request's head is whole."""
        self._head_came()
        super().on_headers_complete()

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP request, or beyond a limit."""
        body = InvalidArgument(msg).to_json()
        head: list[Any] = [STATUS_LINE[400]]
        for name, value in self.server_state.default_headers:
            head += [name, b": ", value, b"\r\n"]
        head += [
            b"content-type: application/json; charset=UTF-8\r\n",
            b"content-length: %d\r\n" % len(body),
            b"connection: close\r\n\r\n",
        ]
        self.transport.write(b"".join(head) + body)
        self.transport.close()

    def _await_head(self) -> None:
        self._head_timer = self.loop.call_later(self.header_timeout, self._head_late)

    def _head_came(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _head_late(self) -> None:
        self._head_timer = None
        if self.transport is not None and not self.transport.is_closing():
            self.transport.close()
