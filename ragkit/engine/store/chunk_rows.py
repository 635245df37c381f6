"""How chunks are written to and read from their tables, within a caller's transaction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import sqlalchemy as sa

from ragkit.engine.records import ChunkRecord, ChunkState, ChunkUpdate, NewChunk, Vector
from ragkit.engine.store.metadata import NO_ENTRIES, dump_metadata, entries_of, load_metadata
from ragkit.engine.store.rows import (
    Row,
    batched,
    chunk_name,
    not_found,
    now,
    take_numbers,
    write_entries,
)
from ragkit.engine.store.schema import CHUNKS, TOMBSTONES, EntryLevel

WITHOUT_VECTOR = [column for column in CHUNKS.c if column is not CHUNKS.c.vector]
"""What a ChunkRecord is made of."""

_STATES = {int(state): state for state in ChunkState}

_VECTOR_DTYPE = np.dtype("<f4")

_SET_METADATA = (
    sa.update(CHUNKS)
    .where(CHUNKS.c.key == sa.bindparam("row"))
    .values(metadata=sa.bindparam("new_metadata"))
)
_SET_TEXT = (
    sa.update(CHUNKS)
    .where(CHUNKS.c.key == sa.bindparam("row"))
    .values(
        change=sa.bindparam("number"),
        text=sa.bindparam("new_text"),
        vector=sa.bindparam("new_vector"),
    )
)


def insert_chunks(
    connection: sa.Connection, document: Row, chunks: Sequence[NewChunk], first: int
) -> tuple[Sequence[int], int]:
    """Inserts new chunks, numbered from `first` on; returns their keys in order, and the time."""
    time = now()
    rows = [
        {
            "corpus_key": document.corpus_key,
            "document_key": document.key,
            "id": new.id,
            "change": number,
            "state": ChunkState.ACTIVE,
            "create_time": time,
            "update_time": time,
            "metadata": dump_metadata(new.metadata),
            "text": new.text,
            "vector": vector_bytes(new.vector),
        }
        for number, new in enumerate(chunks, first)
    ]
    connection.execute(sa.insert(CHUNKS), rows)
    # Change numbers are unique and in the order given, so they give back the new keys.
    keys = connection.scalars(
        sa.select(CHUNKS.c.key)
        .where(CHUNKS.c.corpus_key == document.corpus_key, CHUNKS.c.change >= first)
        .order_by(CHUNKS.c.change)
    ).all()
    added = [(k, NO_ENTRIES, entries_of(new.metadata)) for k, new in zip(keys, chunks, strict=True)]
    write_entries(connection, document.corpus_key, EntryLevel.CHUNK, added)
    return keys, time


def chunk_rows(connection: sa.Connection, document_key: int, ids: Sequence[str]) -> dict[str, Row]:
    """The rows, without vectors, of those of the ids that exist in a document."""
    query = sa.select(*WITHOUT_VECTOR).where(CHUNKS.c.document_key == document_key)
    return {
        row.id: row
        for some in batched(ids)
        for row in connection.execute(query.where(CHUNKS.c.id.in_(some)))
    }


def existing_chunks(
    connection: sa.Connection,
    document: Row,
    corpus_id: str,
    document_id: str,
    ids: Sequence[str],
) -> dict[str, Row]:
    """Like `chunk_rows`, but raises RowNotFoundError for the first id that does not exist."""
    rows = chunk_rows(connection, document.key, ids)
    for chunk_id in ids:
        if chunk_id not in rows:
            raise not_found(chunk_name(corpus_id, document_id, chunk_id))
    return rows


def update_metadata(
    connection: sa.Connection,
    corpus_key: int,
    rows: dict[str, Row],
    updates: Sequence[ChunkUpdate],
) -> None:
    """Gives chunks their new metadata; `rows` holds them as they were."""
    if not updates:
        return
    entries = []
    values = []
    for new in updates:
        row, metadata = rows[new.id], new.metadata or ()
        entries.append((row.key, entries_of(load_metadata(row.metadata)), entries_of(metadata)))
        values.append({"row": row.key, "new_metadata": dump_metadata(metadata)})
    write_entries(connection, corpus_key, EntryLevel.CHUNK, entries)
    connection.execute(_SET_METADATA, values)


def update_texts(
    connection: sa.Connection,
    rows: dict[str, Row],
    updates: Sequence[ChunkUpdate],
    first: int,
) -> None:
    """Gives chunks their new texts and vectors, and change numbers from `first` on."""
    values = [
        {
            "row": rows[new.id].key,
            "number": number,
            "new_text": new.text,
            "new_vector": None if new.vector is None else vector_bytes(new.vector),
        }
        for number, new in enumerate(updates, first)
    ]
    if values:
        connection.execute(_SET_TEXT, values)


def bury_chunks(
    connection: sa.Connection, corpus_key: int, rows: Sequence[Row], first: int
) -> None:
    """Deletes chunks and leaves a tombstone for each in the change log."""
    if not rows:
        return
    removed = [(row.key, entries_of(load_metadata(row.metadata)), NO_ENTRIES) for row in rows]
    write_entries(connection, corpus_key, EntryLevel.CHUNK, removed)
    for some in batched([row.key for row in rows]):
        connection.execute(sa.delete(CHUNKS).where(CHUNKS.c.key.in_(some)))
    tombstones = [
        {
            "corpus_key": corpus_key,
            "change": number,
            "chunk_key": row.key,
            "document_key": row.document_key,
        }
        for number, row in enumerate(rows, first)
    ]
    connection.execute(sa.insert(TOMBSTONES), tombstones)


def chunk_record(corpus_id: str, document_id: str, row: Row) -> ChunkRecord:
    """A row as the value that leaves the store."""
    return ChunkRecord(
        key=row.key,
        corpus_id=corpus_id,
        document_id=document_id,
        id=row.id,
        text=row.text,
        metadata=load_metadata(row.metadata),
        state=ChunkState(row.state),
        create_time=row.create_time,
        update_time=row.update_time,
    )


def record_of(values: tuple[Any, ...]) -> ChunkRecord:
    """The record of a row's columns in the order of its fields, as the driver gives them."""
    key, corpus_id, document_id, id_, text, metadata, state, created, updated = values
    return ChunkRecord(
        key,
        corpus_id,
        document_id,
        id_,
        text,
        load_metadata(metadata),
        _STATES[state],
        created,
        updated,
    )


def delete_all_chunks(connection: sa.Connection, corpus_key: int, document_key: int) -> None:
    """Deletes all chunks of a document within a write transaction."""
    query = (
        sa.select(CHUNKS.c.key, CHUNKS.c.document_key, CHUNKS.c.metadata)
        .where(CHUNKS.c.document_key == document_key)
        .order_by(CHUNKS.c.create_time, CHUNKS.c.key)
        .limit(1000)
    )
    while rows := connection.execute(query).all():
        bury_chunks(connection, corpus_key, rows, take_numbers(connection, corpus_key, len(rows)))


def vector_bytes(vector: Vector) -> bytes:
    """A vector as it is stored: float32, little-endian."""
    return np.ascontiguousarray(vector, dtype=_VECTOR_DTYPE).tobytes()


def vector_from_bytes(data: bytes) -> Vector:
    """The inverse of `vector_bytes`; read-only."""
    return np.frombuffer(data, dtype=_VECTOR_DTYPE).astype(np.float32, copy=False)
