"""What the modules of the store share: finding parents, change numbers, metadata entries."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from functools import lru_cache
from typing import Any, TypeAlias, TypeVar

import sqlalchemy as sa
from sqlalchemy.sql.compiler import SQLCompiler

from ragkit.engine.records import DuplicateInBatchError, RowNotFoundError
from ragkit.engine.store.database import Database
from ragkit.engine.store.metadata import Entry
from ragkit.engine.store.schema import CORPORA, DOCUMENTS, ENTRIES, EntryLevel

_T = TypeVar("_T")

Row: TypeAlias = "sa.Row[*tuple[Any, ...]]"
"""A row of a result, its columns read by name."""

# Made once: to make a statement takes longer than SQLite takes to carry it out.
_FIND_CORPUS = (
    sa.select(CORPORA).where(CORPORA.c.id == sa.bindparam("id")).with_for_update(read=True)
)

IN_LIST = 500
"""How many values one IN (...) holds, far below any database's limit on parameters."""


class Rows:
    """Base of the store's parts: methods over one database."""

    def __init__(self, database: Database) -> None:
        self._database = database


def now() -> int:
    """The time in microseconds since the Unix epoch."""
    return time.time_ns() // 1000


def batched(values: Sequence[_T], size: int = IN_LIST) -> Iterator[Sequence[_T]]:
    """The values in order, in slices of at most `size`."""
    for start in range(0, len(values), size):
        yield values[start : start + size]


def corpus_name(corpus_id: str) -> str:
    """A corpus' resource name."""
    return f"corpora/{corpus_id}"


def document_name(corpus_id: str, document_id: str) -> str:
    """A document's resource name."""
    return f"corpora/{corpus_id}/documents/{document_id}"


def chunk_name(corpus_id: str, document_id: str, chunk_id: str) -> str:
    """A chunk's resource name."""
    return f"corpora/{corpus_id}/documents/{document_id}/chunks/{chunk_id}"


def not_found(resource: str) -> RowNotFoundError:
    """The error that says that a resource does not exist."""
    return RowNotFoundError(resource, f"{resource} does not exist")


def refuse_duplicates(parent: str, ids: Iterable[str]) -> None:
    """Raises DuplicateInBatchError for the first chunk id of a document that comes again."""
    seen: set[str] = set()
    for chunk_id in ids:
        if chunk_id in seen:
            name = f"{parent}/chunks/{chunk_id}"
            raise DuplicateInBatchError(name, f"{name} is named twice in one batch")
        seen.add(chunk_id)


def find_corpus(connection: sa.Connection, corpus_id: str) -> Row:
    """A corpus' row, or RowNotFoundError; in a write transaction it stays until its end."""
    row = connection.execute(_FIND_CORPUS, {"id": corpus_id}).one_or_none()
    if row is None:
        raise not_found(corpus_name(corpus_id))
    return row


def find_document(connection: sa.Connection, corpus_id: str, document_id: str) -> Row:
    """A document's row, or RowNotFoundError that says what is missing, corpus or document."""
    row = connection.execute(
        sa.select(DOCUMENTS)
        .join(CORPORA, CORPORA.c.key == DOCUMENTS.c.corpus_key)
        .where(CORPORA.c.id == corpus_id, DOCUMENTS.c.id == document_id)
    ).one_or_none()
    if row is None:
        find_corpus(connection, corpus_id)
        raise not_found(document_name(corpus_id, document_id))
    return row


def take_numbers(connection: sa.Connection, corpus_key: int, count: int) -> int:
    """Takes the next `count` numbers of a corpus' change log and returns the first.

    The update locks the corpus' row until the transaction's end. So writers of one corpus come one
    after the other, and numbers become visible in their order: a reader that has seen a number has
    seen all before it.
    """
    last: int = connection.execute(
        sa.update(CORPORA)
        .where(CORPORA.c.key == corpus_key)
        .values(last_change=CORPORA.c.last_change + count)
        .returning(CORPORA.c.last_change)
    ).scalar_one()
    return last - count + 1


def write_entries(
    connection: sa.Connection,
    corpus_key: int,
    level: EntryLevel,
    changes: Iterable[tuple[int, AbstractSet[Entry], AbstractSet[Entry]]],
) -> None:
    """Brings rows' metadata entries from what they were to what they are to be.

    Arguments:
        connection: a write transaction.
        corpus_key: the rows' corpus.
        level: whether the rows are documents or chunks.
        changes: for each row its key, its entries until now, and its new ones.
    """
    gone: list[_EntryRow] = []
    added: list[_EntryRow] = []
    for row_key, old, new in changes:
        gone += [_entry_row(corpus_key, level, row_key, entry) for entry in old - new]
        added += [_entry_row(corpus_key, level, row_key, entry) for entry in new - old]
    _execute_each(connection, _DELETE_ENTRY, gone)
    _execute_each(connection, _INSERT_ENTRY, added)


_EntryRow: TypeAlias = tuple[int, int, bytes, int, bytes, int]
_ENTRY_COLUMNS = ("corpus_key", "level", "name", "kind", "value", "row_key")


def _entry_row(corpus_key: int, level: EntryLevel, row_key: int, entry: Entry) -> _EntryRow:
    return corpus_key, int(level), entry.name, int(entry.kind), entry.value, row_key


_INSERT_ENTRY = sa.insert(ENTRIES)
_DELETE_ENTRY = sa.delete(ENTRIES).where(
    *(ENTRIES.c[name] == sa.bindparam(name, type_=ENTRIES.c[name].type) for name in _ENTRY_COLUMNS)
)


def _execute_each(
    connection: sa.Connection, statement: sa.Insert | sa.Delete, rows: Sequence[_EntryRow]
) -> None:
    """Execute a statement for each row.

    A batch of chunks has hundreds of entries, for which preparing SQLAlchemy's parameters takes
    longer than the database: where the driver takes plain tuples, it is given them.
    """
    if not rows:
        return
    compiled = _compiled(statement, connection.dialect)
    if compiled.positiontup is None:
        named = [dict(zip(_ENTRY_COLUMNS, row, strict=True)) for row in rows]
        connection.execute(statement, named)
        return
    assert tuple(compiled.positiontup) == _ENTRY_COLUMNS
    connection.exec_driver_sql(str(compiled), list(rows))


@lru_cache(maxsize=8)
def _compiled(statement: sa.Insert | sa.Delete, dialect: sa.Dialect) -> SQLCompiler:
    compiled = statement.compile(dialect=dialect)
    assert isinstance(compiled, SQLCompiler)
    return compiled
