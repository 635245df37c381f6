"""Pages of lists: sizes, and tokens that say where the next page begins."""

from __future__ import annotations

import base64
import binascii
import struct
from collections.abc import Callable, Sequence
from hashlib import blake2b
from typing import Protocol, TypeVar

from ragkit.api.errors import InvalidArgument
from ragkit.api.limits import PageSize

_POSITION = struct.Struct(">qq")
_DIGEST_BYTES = 8
_FORMAT = "1"

Position = tuple[int, int]
"""`(create_time, key)` of the last row seen."""


class Row(Protocol):
    """What lists are sorted by."""

    @property
    def create_time(self) -> int:
        """Microseconds since the Unix epoch."""
        ...

    @property
    def key(self) -> int:
        """The row's number, which breaks ties."""
        ...


RowT = TypeVar("RowT", bound=Row)


def page(
    rows: Callable[[int, Position | None], Sequence[RowT]],
    size: int,
    limits: PageSize,
    token: str,
    *scope: str,
) -> tuple[Sequence[RowT], str]:
    """One page of a list.

    Arguments:
        rows: gives at most so many rows after a position, by ascending time and key.
        size: the page size asked for; 0 for the default.
        limits: the list's page sizes.
        token: the page token given, "" for the first page.
        scope: what a token belongs to: the method and the parameters that must stay the same.

    Returns:
        The rows, and the token for the next page, "" at the end.

    Raises:
        InvalidArgument: the size is negative, or the token is not of this list.
    """
    count = page_size(size, limits)
    found = rows(count + 1, read_token(token, *scope) if token else None)
    if len(found) <= count:
        return found, ""
    last = found[count - 1]
    return found[:count], make_token((last.create_time, last.key), *scope)


def page_size(asked: int, limits: PageSize) -> int:
    """How many rows a page gets. Raises InvalidArgument for a negative number."""
    if asked < 0:
        raise InvalidArgument(
            f"pageSize: {asked} is negative; leave it out for {limits.default}, "
            f"or ask for up to {limits.maximum}",
            field="pageSize",
        )
    return min(asked or limits.default, limits.maximum)


def make_token(position: Position, *scope: str) -> str:
    """The token for what comes after a position, in one list only."""
    packed = _POSITION.pack(*position)
    return base64.urlsafe_b64encode(packed + _digest(packed, scope)).decode()


def read_token(token: str, *scope: str) -> Position:
    """The position in a token of this list. Raises InvalidArgument for any other text."""
    try:
        data = base64.b64decode(token.encode("ascii"), altchars=b"-_", validate=True)
    except (UnicodeEncodeError, binascii.Error):
        data = b""
    packed = data[: _POSITION.size]
    if len(packed) < _POSITION.size or data[_POSITION.size :] != _digest(packed, scope):
        raise InvalidArgument(
            "pageToken: this is not a token that this list gave for these parameters; "
            "use nextPageToken as it came, or leave it out to start from the beginning",
            field="pageToken",
        )
    time, key = _POSITION.unpack(packed)
    return time, key


def _digest(packed: bytes, scope: Sequence[str]) -> bytes:
    # Not a signature: it catches mistakes. A position reveals nothing and opens nothing.
    return blake2b(
        packed + "\n".join((_FORMAT, *scope)).encode(), digest_size=_DIGEST_BYTES
    ).digest()
