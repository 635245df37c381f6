"""Replies as ASGI messages: headers, compression, and streams that end when the client goes."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Awaitable, Callable, Mapping
from typing import Final, TypeVar

from starlette.types import Receive, Send

from ragkit.api.wire import HttpResponse
from ragkit.service.streaming import StreamedResponse

T = TypeVar("T")
RunInThread = Callable[[Callable[[], T]], Awaitable[T]]

_COMPRESSED_FROM: Final = 1024
_LEVEL: Final = 1  # half the bytes of JSON for a tenth of the time of the default level
_GZIP: Final = 31
_UNCOMPRESSED_STATUS: Final = frozenset({204, 304, 308})


def takes_gzip(accept_encoding: str) -> bool:
    """Whether a client's Accept-Encoding has gzip (RFC 9110, section 12.5.3)."""
    for part in accept_encoding.lower().split(","):
        coding, _, weight = part.partition(";")
        if coding.strip() in ("gzip", "*"):
            return weight.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False


def compressed(reply: HttpResponse) -> HttpResponse:
    """The reply with its body as gzip, if that saves anything."""
    if (
        len(reply.body) < _COMPRESSED_FROM
        or "content-encoding" in reply.headers
        or reply.status in _UNCOMPRESSED_STATUS
    ):
        return reply
    packer = zlib.compressobj(_LEVEL, zlib.DEFLATED, _GZIP)
    body = packer.compress(reply.body) + packer.flush()
    headers = {**reply.headers, "content-encoding": "gzip", "vary": "Accept-Encoding"}
    return HttpResponse(reply.status, body, headers)


def _raw(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]


async def send_whole(
    send: Send, reply: HttpResponse, before_end: Callable[[], Awaitable[None]] | None = None
) -> None:
    """Send a reply.

    Arguments:
        send: the way to the client.
        reply: the reply.
        before_end: awaited when all is sent, before the connection may be used for something else
            or closed.
    """
    headers = {**reply.headers, "content-length": str(len(reply.body))}
    if reply.status == 204:
        del headers["content-length"]
    if before_end is not None:
        headers["connection"] = "close"
    await send({"type": "http.response.start", "status": reply.status, "headers": _raw(headers)})
    await send(
        {"type": "http.response.body", "body": reply.body, "more_body": before_end is not None}
    )
    if before_end is not None:
        await before_end()
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def send_stream(
    receive: Receive,
    send: Send,
    reply: StreamedResponse,
    next_piece: Callable[[], Awaitable[bytes | None]],
    close: Callable[[], Awaitable[None]],
) -> tuple[int, bool]:
    """Send a streamed reply, piece by piece.

    Arguments:
        receive: tells when the client has gone.
        send: the way to the client.
        reply: status and headers.
        next_piece: makes the next piece of the body; None at its end.
        close: stops making pieces.

    Returns:
        The bytes sent, and whether the reply came to its end.
    """
    gone = asyncio.ensure_future(_gone(receive))
    sent, complete = 0, False
    try:
        await send(
            {"type": "http.response.start", "status": reply.status, "headers": _raw(reply.headers)}
        )
        while not gone.done():
            piece = await next_piece()
            if piece is None:
                await send({"type": "http.response.body", "body": b"", "more_body": False})
                complete = True
                break
            await send({"type": "http.response.body", "body": piece, "more_body": True})
            sent += len(piece)
    finally:
        gone.cancel()
        await asyncio.shield(close())
    return sent, complete


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
