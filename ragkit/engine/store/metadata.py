"""Metadata as it is stored: whole in its row, and once more as entries that filters search.

An entry's name and value are short bytes whose equality and order are those of what they stand
for. So any key and any value are safe, index rows stay small however long a value is, and both
databases compare in the same way.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable
from functools import lru_cache
from hashlib import blake2b
from typing import NamedTuple

from ragkit.engine.records import Metadata, MetadataValue
from ragkit.engine.store.schema import EntryKind

_DIGEST_BYTES = 16
_NEGATIVE_ZERO = 0x8000_0000

NAN_CODE = 0xFFFF_FFFF
"""The code of NaN, above all numbers."""

INFINITY_CODE = 0xFF80_0000
"""The code of the greatest number."""


class Entry(NamedTuple):
    """One searchable value under one metadata key."""

    name: bytes
    kind: EntryKind
    value: bytes


NO_ENTRIES: frozenset[Entry] = frozenset()


def dump_metadata(metadata: Metadata) -> str:
    """Metadata as JSON text, order and types kept."""
    pairs = [
        (key, float(value) if isinstance(value, (int, float)) else value) for key, value in metadata
    ]
    if not pairs:
        return "[]"
    text = json.dumps(pairs, ensure_ascii=False, separators=(",", ":"))
    try:
        text.encode()
    except UnicodeEncodeError:  # lone surrogates, which a database cannot hold as text
        return json.dumps(pairs, separators=(",", ":"))
    return text


def load_metadata(text: str) -> Metadata:
    """The inverse of `dump_metadata`."""
    if text == "[]":
        return ()
    return tuple((key, _load_value(value)) for key, value in json.loads(text))


def _load_value(value: str | float | list[str]) -> MetadataValue:
    return tuple(value) if isinstance(value, list) else value


@lru_cache(maxsize=4096)
def text_code(text: str) -> bytes:
    """A string as at most 16 bytes, equal only for equal strings.

    Short strings stand for themselves, long ones are a 128-bit BLAKE2b digest (RFC 7693).
    """
    data = text.encode("utf-8", "surrogatepass")
    if len(data) < _DIGEST_BYTES:
        return data
    return blake2b(data, digest_size=_DIGEST_BYTES).digest()


def number_code(value: float) -> int:
    """A float32 as an unsigned 32-bit integer of the same order; zeros are one, NaN is greatest."""
    if value != value:
        return NAN_CODE
    bits: int = struct.unpack(">I", _float32(value))[0]
    if bits == _NEGATIVE_ZERO:
        bits = 0
    return bits ^ 0xFFFF_FFFF if bits >> 31 else bits | 0x8000_0000


def _float32(value: float) -> bytes:
    try:
        return struct.pack(">f", value)
    except OverflowError:
        return struct.pack(">f", float("inf") if value > 0 else float("-inf"))


def number_bytes(code: int) -> bytes:
    """A number's code as an entry's value."""
    return code.to_bytes(4, "big")


def entries_of(metadata: Metadata) -> frozenset[Entry]:
    """What filters can find of some metadata."""
    return frozenset(entry for key, value in metadata for entry in _entries(text_code(key), value))


def _entries(name: bytes, value: MetadataValue) -> Iterable[Entry]:
    if isinstance(value, str):
        yield Entry(name, EntryKind.STRING, text_code(value))
    elif isinstance(value, tuple):
        yield Entry(name, EntryKind.LIST, b"")
        for item in value:
            yield Entry(name, EntryKind.ITEM, text_code(item))
    else:
        yield Entry(name, EntryKind.NUMBER, number_bytes(number_code(value)))
