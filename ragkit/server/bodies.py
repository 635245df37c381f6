"""Request bodies, read within limits."""

from __future__ import annotations

import asyncio
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import BinaryIO, Final, cast

from starlette.types import Message, Receive, Scope

from ragkit.api.errors import DeadlineExceeded, InvalidArgument
from ragkit.server.settings import MIB

_IN_MEMORY: Final = 4 * MIB
_DRAINED: Final = 64 * MIB
_DRAIN_SECONDS: Final = 5.0


class BodyTooLarge(InvalidArgument):
    """The request's body has more bytes than are taken: HTTP 413, in the API's envelope."""

    http_status = 413

    def __init__(self, limit: int, option: str) -> None:
        super().__init__(
            f"Request payload size exceeds the limit: {limit} bytes; "
            f"the server's {option} raises it"
        )


class ClientGone(Exception):
    """The client closed the connection before its request had come whole."""


class BodyReader:
    """Reads the body of one request. `complete` says whether all of it has come.

    Arguments:
        scope: the request.
        receive: where its body comes from.
        limit: the most bytes.
        option: what raises the limit, for the message.
        silence: seconds that the client may send nothing.
    """

    def __init__(
        self, scope: Scope, receive: Receive, *, limit: int, option: str, silence: float
    ) -> None:
        self._receive = receive
        self._limit = limit
        self._option = option
        self._silence = silence
        self.received = 0
        headers: dict[bytes, bytes] = dict(scope["headers"])
        length = headers.get(b"content-length", b"")
        self._none = not length and b"transfer-encoding" not in headers
        self._declared = int(length) if length.isdigit() else 0
        self.complete = self._none

    async def whole(self) -> bytes:
        """The body.

        Raises:
            BodyTooLarge: it has more bytes than the limit, or says so.
            DeadlineExceeded: the client was silent for too long.
            ClientGone: the client has gone.
        """
        self._check(self._declared)
        pieces: list[bytes] = []
        more = not self._none
        while more:
            piece, more = await self._next()
            pieces.append(piece)
        return b"".join(pieces) if len(pieces) != 1 else pieces[0]

    async def spooled(self, folder: Path) -> BinaryIO:
        """The body in a file, in memory as long as it is small; raises as `whole` does.

        Arguments:
            folder: where the file is put once it is large: temporary folders are often in memory.
        """
        self._check(self._declared)
        spool = SpooledTemporaryFile(_IN_MEMORY, "w+b", dir=str(folder))  # noqa: SIM115
        file = cast("BinaryIO", spool)
        try:
            more = not self._none
            while more:
                piece, more = await self._next()
                if self.received > _IN_MEMORY:
                    await asyncio.to_thread(file.write, piece)
                else:
                    file.write(piece)
        except BaseException:
            file.close()
            raise
        file.seek(0)
        return file

    async def drain(self) -> None:
        """Take in what the client still sends, up to a limit.

        A connection that is closed with data unread is reset, and the client never sees the reply.
        """
        try:
            async with asyncio.timeout(_DRAIN_SECONDS):
                left, more = _DRAINED, True
                while more and left > 0:
                    message = await self._receive()
                    left -= len(message.get("body", b""))
                    more = message["type"] == "http.request" and message.get("more_body", False)
        except TimeoutError:
            return

    def _check(self, size: int) -> None:
        if size > self._limit:
            raise BodyTooLarge(self._limit, self._option)

    async def _next(self) -> tuple[bytes, bool]:
        try:
            async with asyncio.timeout(self._silence):
                message: Message = await self._receive()
        except TimeoutError:
            raise DeadlineExceeded(
                f"nothing of the request's body came for {self._silence:g} seconds"
            ) from None
        if message["type"] == "http.disconnect":
            raise ClientGone
        piece: bytes = message.get("body", b"")
        self.received += len(piece)
        self._check(self.received)
        more = message.get("more_body", False)
        self.complete = not more
        return piece, more
