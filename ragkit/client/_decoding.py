"""What a streamed reply is made of: JSON objects, as server-sent events or in one JSON array.

Both decoders take bytes as they come, cut anywhere, and do no I/O.

Sources: WHATWG HTML, "Server-sent events", for `alt=sse`; the API's default is one JSON array whose
elements arrive one by one.
"""

from __future__ import annotations

import re
from typing import Protocol

from ragkit.api.errors import TransportError


class Decoder(Protocol):
    """Cuts a stream of bytes into the JSON texts of its elements."""

    def feed(self, data: bytes) -> list[bytes]:
        """Take more bytes; returns the elements that are whole by now."""
        ...

    def finish(self) -> list[bytes]:
        """Take note that the stream has ended; returns what was still under way.

        Raises:
            TransportError: it ended in the middle of an element.
        """
        ...


_LINE_END = re.compile(rb"\r\n|\n|\r")


class EventDecoder:
    """Decodes server-sent events; each event's data is one element."""

    def __init__(self) -> None:
        self._rest = b""
        self._data: list[bytes] = []

    def feed(self, data: bytes) -> list[bytes]:
        """Take more bytes; returns the elements that are whole by now."""
        buffer = self._rest + data
        # A final "\r" may be the first half of "\r\n": it waits for what follows.
        held = b"\r" if buffer.endswith(b"\r") else b""
        *lines, rest = _LINE_END.split(buffer[: len(buffer) - len(held)])
        self._rest = rest + held
        return [element for line in lines for element in self._line(line)]

    def finish(self) -> list[bytes]:
        """Dispatch an event that lacks only its closing blank line."""
        lines = [self._rest.removesuffix(b"\r"), b""]
        self._rest = b""
        return [element for line in lines for element in self._line(line)]

    def _line(self, line: bytes) -> list[bytes]:
        if not line:
            element, self._data = b"\n".join(self._data), []
            return [element] if element else []
        name, _, value = line.partition(b":")
        if name == b"data":
            self._data.append(value.removeprefix(b" "))
        return []


_STRUCTURE = re.compile(rb'["{}\[\]]')
_STRING_END = re.compile(rb'["\\]')


class ArrayDecoder:
    """Decodes one JSON array of objects, element by element; or one object that stands alone."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._position = 0  # up to here the buffer has been looked at
        self._start = -1  # where the element under way begins
        self._depth = 0  # brackets open
        self._outside = 0  # of them around an element: 1 in an array, 0 without one
        self._in_string = False

    def feed(self, data: bytes) -> list[bytes]:
        """Take more bytes; returns the elements that are whole by now."""
        self._buffer += data
        elements: list[bytes] = []
        while True:
            pattern = _STRING_END if self._in_string else _STRUCTURE
            found = pattern.search(self._buffer, self._position)
            if found is None:
                self._position = len(self._buffer)
                break
            mark = found[0]
            if mark == b"\\":
                if found.end() == len(self._buffer):
                    self._position = found.start()  # what it escapes is still to come
                    break
                self._position = found.end() + 1
                continue
            self._position = found.end()
            if mark == b'"':
                self._in_string = not self._in_string
            elif mark in b"{[":
                if self._depth == 0:
                    self._outside = int(mark == b"[")
                self._depth += 1
                if self._depth == self._outside + 1:
                    self._start = found.start()
            else:
                self._depth -= 1
                if self._depth == self._outside and self._start >= 0:
                    elements.append(bytes(self._buffer[self._start : found.end()]))
                    self._start = -1
        self._forget()
        return elements

    def finish(self) -> list[bytes]:
        """Check that the array was closed."""
        if self._depth:
            raise TransportError("the stream ended in the middle of its JSON array")
        return []

    def _forget(self) -> None:
        """Drop what was looked at and belongs to no element under way."""
        drop = self._position if self._start < 0 else self._start
        del self._buffer[:drop]
        self._position -= drop
        self._start = self._start if self._start < 0 else 0
