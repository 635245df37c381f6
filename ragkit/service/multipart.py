"""Reading multipart/related uploads: a description in JSON, then the bytes of the file.

The bytes are passed on as they come, and may be anything: the second part is taken to reach to the
closing delimiter with which the body ends, so that a delimiter within the content is content.

Source: RFC 2046, section 5.1, and RFC 2387. google-api-python-client ends its lines with LF only:
the kind of line end with which the first delimiter ends is taken to be that of all.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import Message
from typing import Final, Protocol

from ragkit.api.errors import InvalidArgument

PIECE_BYTES: Final = 1024 * 1024
_HEAD_BYTES: Final = 256 * 1024
"""The most that may come before the file's bytes."""
_MAX_BOUNDARY: Final = 200
"""Longer than RFC 2046 allows (70): what clients make up is taken."""
_IDENTITY: Final = frozenset({"", "7bit", "8bit", "binary"})


@dataclass(frozen=True, slots=True)
class Multipart:
    """The two parts. `content` is to be read before anything else is done with the body."""

    metadata: bytes
    metadata_type: str
    content: Iterator[bytes]
    content_type: str
    file_name: str


class Readable(Protocol):
    """What can be read to its end."""

    def read(self, size: int, /) -> bytes:
        """At most so many bytes; none at the end."""
        ...


def pieces_of(body: Readable) -> Iterator[bytes]:
    """A body's bytes, piece by piece."""
    while piece := body.read(PIECE_BYTES):
        yield piece


def read_multipart(body: Readable, content_type: str) -> Multipart:
    """Read a body up to its second part's content.

    Arguments:
        body: the body, at its beginning.
        content_type: the request's Content-Type, which tells the boundary.

    Raises:
        InvalidArgument: the body is not multipart, or has no two parts.
    """
    boundary = _boundary(content_type)
    head = _Head(body)
    newline = _skip_to_first_part(head, boundary)
    delimiter = newline + b"--" + boundary
    described = _headers(head, newline)
    metadata = head.until(delimiter)
    if head.until(newline).strip(b" \t"):
        raise _malformed("there is one part; the description comes first, then the file")
    sent = _headers(head, newline)
    return Multipart(
        metadata,
        described.get("content-type", ""),
        _content(head, delimiter + b"--"),
        sent.get("content-type", ""),
        sent.get_filename("") or "",
    )


class _Head:
    """The beginning of a body, read as far as it is needed."""

    def __init__(self, body: Readable) -> None:
        self.body = body
        self._data = b""
        self._at = 0

    def until(self, mark: bytes) -> bytes:
        """What comes before a mark, which is passed."""
        start = search = self._at
        while (found := self._data.find(mark, search)) < 0:
            search = max(start, len(self._data) - len(mark) + 1)
            piece = self.body.read(PIECE_BYTES) if len(self._data) < _HEAD_BYTES else b""
            if not piece:
                raise _malformed("the body ends, or goes on for too long, before the file's bytes")
            self._data += piece
        self._at = found + len(mark)
        return self._data[start:found]

    def rest(self) -> bytes:
        """What was read beyond the last mark."""
        return self._data[self._at :]


def _skip_to_first_part(head: _Head, boundary: bytes) -> bytes:
    """Pass the first delimiter and what may stand before it; returns the kind of line end."""
    before = head.until(b"--" + boundary)
    while before and not before.endswith(b"\n"):
        before = head.until(b"--" + boundary)
    line = head.until(b"\n")
    if line.strip(b" \t\r"):
        raise _malformed("the first delimiter is followed by something else on its line")
    return b"\r\n" if line.endswith(b"\r") else b"\n"


def _headers(head: _Head, newline: bytes) -> Message:
    """The header fields of a part; the empty line after them is passed."""
    lines: list[bytes] = []
    while line := head.until(newline):
        if line[:1] in b" \t" and lines:
            lines[-1] += line
        else:
            lines.append(line)
    message = Message()
    for line in lines:
        name, colon, value = line.decode("utf-8", "replace").partition(":")
        if colon:
            message[name.strip()] = value.strip()
    encoding = message.get("content-transfer-encoding", "").strip().lower()
    if encoding not in _IDENTITY:
        raise _malformed(f"Content-Transfer-Encoding {encoding[:40]!r} is not taken; binary is")
    return message


def _content(head: _Head, closing: bytes) -> Iterator[bytes]:
    """The bytes up to the closing delimiter, with which the body ends."""
    at_end = re.compile(re.escape(closing) + rb"[ \t]*(?:\r?\n)*\Z")
    kept = len(closing) + _MAX_BOUNDARY
    held = head.rest()
    while piece := head.body.read(PIECE_BYTES):
        held += piece
        if len(held) > kept:
            yield held[:-kept]
            held = held[-kept:]
    found = at_end.search(held)
    if found is None:
        raise _malformed("the body does not end with the closing delimiter: it was cut off")
    if found.start():
        yield held[: found.start()]


def _boundary(content_type: str) -> bytes:
    message = Message()
    message["content-type"] = content_type
    boundary = message.get_param("boundary", "") if content_type else ""
    if message.get_content_maintype() != "multipart" or not isinstance(boundary, str):
        raise _malformed("Content-Type must be multipart/related with a boundary")
    if not 0 < len(boundary) <= _MAX_BOUNDARY or not boundary.isascii():
        raise _malformed(f"the boundary must have 1 to {_MAX_BOUNDARY} ASCII characters")
    return boundary.encode()


def _malformed(problem: str) -> InvalidArgument:
    return InvalidArgument(f"multipart upload: {problem}")
