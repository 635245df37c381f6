"""Checks of plain values, each naming the field, the value and the limit; and float32 numbers."""

from __future__ import annotations

import math
import struct

import numpy as np

from ragkit.api.errors import InvalidArgument
from ragkit.api.limits import MAX_DISPLAY_NAME_LENGTH
from ragkit.service.policies import MAX_EMAIL_LENGTH, MAX_QUERY_BYTES

_FLOAT32 = struct.Struct(">f")


def missing(field: str, hint: str = "") -> InvalidArgument:
    """The error for a required field that is absent or empty."""
    return InvalidArgument(f"{field}: required{f'; {hint}' if hint else ''}", field=field)


def check_text(text: str, field: str) -> str:
    """The text as it is. Raises InvalidArgument if it holds a NUL character."""
    position = text.find("\0")
    if position >= 0:
        raise InvalidArgument(
            f"{field}: holds a NUL character at position {position}, which cannot be stored",
            field=field,
        )
    return text


def check_display_name(name: str, field: str) -> str:
    """The display name as it is. Raises InvalidArgument if it is too long."""
    if len(name) > MAX_DISPLAY_NAME_LENGTH:
        raise InvalidArgument(
            f"{field}: {len(name)} characters, at most {MAX_DISPLAY_NAME_LENGTH} are allowed",
            field=field,
        )
    return check_text(name, field)


def check_email(email: str, field: str) -> str:
    """The e-mail address as it is. Raises InvalidArgument for what cannot be one.

    Only what matters here is asked: one line without spaces, something on either side of an @, and
    the length that RFC 5321 allows. Whether it is anybody's, no pattern can tell.
    """
    local, at, domain = email.rpartition("@")
    spaced = any(letter.isspace() or not letter.isprintable() for letter in email)
    if not (local and at and domain) or spaced or len(email) > MAX_EMAIL_LENGTH:
        raise InvalidArgument(
            f"{field}: {email[:80]!r} is not an e-mail address such as user@example.org",
            field=field,
        )
    return email


def check_query(text: str, field: str) -> str:
    """A query or question as it is. Raises InvalidArgument if it is blank or far too long."""
    if not text.strip():
        raise missing(field, "say what to look for")
    size = len(text.encode())
    if size > MAX_QUERY_BYTES:
        raise InvalidArgument(
            f"{field}: {size:,} bytes of text, at most {MAX_QUERY_BYTES:,} are allowed; "
            "ask for what the text is about",
            field=field,
        )
    return text


def check_between(value: float, low: float, high: float, field: str) -> float:
    """The number as it is. Raises InvalidArgument if it is NaN or not in [low, high]."""
    if not low <= value <= high:
        raise InvalidArgument(f"{field}: {value} is not between {low} and {high}", field=field)
    return value


def to_float32(value: float, field: str) -> float:
    """The float32 nearest to a number. Raises InvalidArgument if there is none that is finite."""
    try:
        rounded: float = _FLOAT32.unpack(_FLOAT32.pack(value))[0]
    except OverflowError:
        rounded = math.inf
    if not math.isfinite(rounded):
        raise InvalidArgument(
            f"{field}: {value} is not a finite 32-bit floating-point number", field=field
        )
    return rounded


def shortest(value: float) -> float:
    """The number with the fewest digits that is nearest to a float32: 0.1, not 0.10000000149."""
    return float(str(np.float32(value)))
