"""Streamed replies: a JSON array or server-sent events, written item by item as they are made.

Sources: for `alt=sse` WHATWG HTML, "Server-sent events"; otherwise the API's form of a stream, one
JSON array whose elements arrive one by one. An error after the first item is the last element,
`{"error": ...}`; the status is 200 by then.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from ragkit.api.base import ProtoModel
from ragkit.api.errors import APIError
from ragkit.api.wire import HttpResponse
from ragkit.service.errors import to_api_error
from ragkit.service.parameters import Rendering

ARRAY_HEADERS: Final = {"content-type": "application/json; charset=UTF-8"}
EVENT_HEADERS: Final = {
    "content-type": "text/event-stream; charset=UTF-8",
    # Whatever stands between must neither keep nor hold back events.
    "cache-control": "no-cache",
    "x-accel-buffering": "no",
}


@dataclass(frozen=True, slots=True)
class StreamedResponse:
    """A reply whose body is still being made. Read it to its end or close it, in one thread.

    Attributes:
        status: the HTTP status.
        headers: names in lower case.
        body: the body, in pieces as they are made. Nothing is raised by it.
    """

    status: int
    headers: Mapping[str, str]
    body: Iterator[bytes]

    @property
    def events(self) -> bool:
        """Whether the body is server-sent events."""
        return self.headers["content-type"].startswith("text/event-stream")

    def close(self) -> None:
        """Stop making the rest."""
        close = getattr(self.body, "close", None)
        if close is not None:
            close()

    def end_with(self, error: APIError, *, begun: bool) -> bytes:
        """What ends the body with an error where the rest of it does not come.

        Arguments:
            error: why not.
            begun: whether a piece of the body was sent.
        """
        if self.events:
            return b"data: " + error.to_json() + b"\r\n\r\n"
        return (b",\n" if begun else b"[") + error.to_json() + b"]"

    def whole(self) -> HttpResponse:
        """The reply once all of it is made."""
        return HttpResponse(self.status, b"".join(self.body), self.headers)


def stream(items: Iterable[ProtoModel], rendering: Rendering, doing: str) -> StreamedResponse:
    """Write a handler's items as a streamed reply.

    The first item is waited for: what is raised before it is raised here, so that it can become
    an ordinary error reply.

    Arguments:
        items: the items; closed when the reply is, if they can be.
        rendering: the form of the stream and of each item.
        doing: what is being done, for the log.
    """
    iterator = iter(items)
    first = next(iterator, None)
    body = _Body(iterator, first, rendering, doing)
    return StreamedResponse(200, EVENT_HEADERS if rendering.events else ARRAY_HEADERS, body)


class _Body(Iterator[bytes]):
    """The pieces of a body. A generator could not close its items before it was begun."""

    def __init__(
        self,
        items: Iterator[ProtoModel],
        first: ProtoModel | None,
        rendering: Rendering,
        doing: str,
    ) -> None:
        self._items = items
        self._rendering = rendering
        self._doing = doing
        write = self._events if rendering.events else self._array
        self._pieces: Generator[bytes, None, None] = write(self._elements(first))

    def __next__(self) -> bytes:
        return next(self._pieces)

    def close(self) -> None:
        self._pieces.close()
        close: Any = getattr(self._items, "close", None)
        if close is not None:
            close()

    def _elements(self, first: ProtoModel | None) -> Iterator[bytes]:
        item = first
        try:
            while item is not None:
                yield self._rendering.write(item)
                item = next(self._items, None)
        except Exception as error:  # noqa: BLE001 - the last element tells of it
            yield to_api_error(error, self._doing).to_json()

    @staticmethod
    def _array(elements: Iterator[bytes]) -> Generator[bytes, None, None]:
        before = b"["
        for element in elements:
            yield before + element
            before = b",\n"
        yield b"[]" if before == b"[" else b"]"

    @staticmethod
    def _events(elements: Iterator[bytes]) -> Generator[bytes, None, None]:
        for element in elements:
            yield b"data: " + element + b"\r\n\r\n"
