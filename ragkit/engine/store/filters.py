"""Finding the chunks that metadata filters let through."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeAlias

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from ragkit.engine.records import Level, MetadataFilter
from ragkit.engine.store.conditions import Lookups, both, lookups
from ragkit.engine.store.metadata import number_bytes, text_code
from ragkit.engine.store.rows import Rows, batched
from ragkit.engine.store.schema import CHUNKS, DOCUMENTS, ENTRIES, EntryKind, EntryLevel

Keys: TypeAlias = NDArray[np.int64]
"""Row keys, ascending, each once."""

_NONE: Keys = np.empty(0, dtype=np.int64)


class Filters(Rows):
    """Methods on metadata filters."""

    def matching_chunks(
        self,
        corpus_key: int,
        filters: Sequence[MetadataFilter],
        document_key: int | None = None,
    ) -> Keys:
        """The chunks that satisfy all filters.

        Arguments:
            corpus_key: the corpus.
            filters: what to satisfy; none are satisfied by every chunk.
            document_key: only the chunks of this document.

        Returns:
            Chunk keys, shape (n,), ascending.
        """
        documents = [filter_ for filter_ in filters if filter_.level is Level.DOCUMENT]
        chunks = [filter_ for filter_ in filters if filter_.level is Level.CHUNK]
        with self._database.read() as connection:
            owners = None if document_key is None else np.array([document_key], dtype=np.int64)
            if documents:
                owners = _Search(connection, corpus_key, EntryLevel.DOCUMENT).all_of(
                    documents, owners
                )
            if not chunks:
                return _chunks_of(connection, corpus_key, owners)
            within = None if owners is None else _chunks_of(connection, corpus_key, owners)
            return _Search(connection, corpus_key, EntryLevel.CHUNK).all_of(chunks, within)


class _Search:
    """Lookups in the metadata entries of a corpus' documents or chunks."""

    def __init__(self, connection: sa.Connection, corpus_key: int, level: EntryLevel) -> None:
        self._connection = connection
        self._where = (ENTRIES.c.corpus_key == corpus_key, ENTRIES.c.level == level)

    def all_of(self, filters: Sequence[MetadataFilter], within: Keys | None) -> Keys:
        """The rows, of those in `within` or of all, that satisfy all filters; there must be one."""
        found = within
        for key, wanted in _combined(filters):
            if found is not None and not found.size:
                break
            keys = self._any_of(text_code(key), wanted, found)
            found = keys if found is None else _intersection(found, keys)
        return _NONE if found is None else found

    def _any_of(self, name: bytes, wanted: Lookups, within: Keys | None) -> Keys:
        where: list[sa.ColumnElement[bool]] = [ENTRIES.c.name == name]
        if within is not None:
            # A document's chunks mostly have neighbouring keys: a cheap bound before the exact cut.
            where.append(ENTRIES.c.row_key.between(int(within[0]), int(within[-1])))
        parts = [self._keys(*where, kind_is, value_is) for kind_is, value_is in _clauses(wanted)]
        if wanted.excludes:
            lists = self._keys(*where, ENTRIES.c.kind == EntryKind.LIST)
            have_all = lists
            for value in wanted.excludes:
                have = self._keys(
                    *where, ENTRIES.c.kind == EntryKind.ITEM, ENTRIES.c.value == value
                )
                have_all = _intersection(have_all, have)
                if not have_all.size:
                    break
            parts.append(_difference(lists, have_all))
        return _union(parts)

    def _keys(self, *where: sa.ColumnElement[bool]) -> Keys:
        return _fetch_keys(self._connection, ENTRIES.c.row_key, *self._where, *where)


def _combined(filters: Sequence[MetadataFilter]) -> Iterable[tuple[str, Lookups]]:
    """What to look up under which key, a number's range being one lookup and not two."""
    ranges: dict[str, Lookups] = {}
    others: list[tuple[str, Lookups]] = []
    for filter_ in filters:
        wanted = lookups(filter_.conditions)
        if not wanted.only_numbers:
            others.append((filter_.key, wanted))
        elif filter_.key in ranges:
            ranges[filter_.key] = both(ranges[filter_.key], wanted)
        else:
            ranges[filter_.key] = wanted
    return [*others, *ranges.items()]


def _clauses(
    wanted: Lookups,
) -> Iterable[tuple[sa.ColumnElement[bool], sa.ColumnElement[bool]]]:
    """Conditions on kind and value, one of which a row has to meet; all but EXCLUDES."""
    kind, value = ENTRIES.c.kind, ENTRIES.c.value
    points = [number_bytes(low) for low, high in wanted.intervals if low == high]
    for low, high in wanted.intervals:
        if low < high:
            yield kind == EntryKind.NUMBER, value.between(number_bytes(low), number_bytes(high))
    equal = wanted.equal
    if len(wanted.unequal) > 1:
        yield kind == EntryKind.STRING, sa.true()
        equal = set()
    elif wanted.unequal:
        (unequal,) = wanted.unequal
        yield kind == EntryKind.STRING, value != unequal
        equal = equal & wanted.unequal
    for of_kind, values in (
        (EntryKind.NUMBER, points),
        (EntryKind.STRING, sorted(equal)),
        (EntryKind.ITEM, sorted(wanted.includes)),
    ):
        for some in batched(values):
            yield kind == of_kind, value.in_(some)


def _chunks_of(connection: sa.Connection, corpus_key: int, documents: Keys | None) -> Keys:
    """The chunks of a corpus, or of some documents of it."""
    if documents is None:
        return _fetch_keys(connection, CHUNKS.c.key, CHUNKS.c.corpus_key == corpus_key)
    parts = [
        _fetch_keys(
            connection,
            CHUNKS.c.key,
            CHUNKS.c.document_key.in_(
                sa.select(DOCUMENTS.c.key).where(
                    DOCUMENTS.c.corpus_key == corpus_key, DOCUMENTS.c.key.in_(some)
                )
            ),
        )
        for some in batched(documents.tolist())
    ]
    return _union(parts)


def _fetch_keys(
    connection: sa.Connection, column: sa.ColumnElement[int], *where: sa.ColumnElement[bool]
) -> Keys:
    """The values of a key column as an array, ascending.

    They travel as one string: three times as fast as 200,000 rows.
    """
    joined = sa.func.aggregate_strings(sa.cast(column, sa.Text), ",")
    text = connection.scalar(sa.select(joined).where(*where))
    if not text:
        return _NONE
    return _union([np.fromstring(text, dtype=np.int64, sep=",")])


def _union(parts: Sequence[Keys]) -> Keys:
    if not parts:
        return _NONE
    keys, repeated = _merged(parts)
    return keys[~repeated]


def _intersection(first: Keys, second: Keys) -> Keys:
    keys, repeated = _merged((first, second))
    return keys[repeated]


def _difference(whole: Keys, part: Keys) -> Keys:
    keys, repeated = _merged((whole, part))
    repeated[:-1] |= repeated[1:]
    return keys[~repeated]


def _merged(parts: Sequence[Keys]) -> tuple[Keys, NDArray[np.bool_]]:
    """All keys in order, and of each whether it equals the one before it."""
    # A stable sort merges ascending runs, which keys come in: over ten times as fast as np.unique.
    keys = np.sort(np.concatenate(parts), kind="stable")
    repeated = np.zeros(keys.size, dtype=np.bool_)
    np.equal(keys[1:], keys[:-1], out=repeated[1:])
    return keys, repeated
