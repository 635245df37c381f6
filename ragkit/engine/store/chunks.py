"""The store's chunks. Every change of one takes a number of its corpus' change log."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from ragkit.engine.records import ChunkRecord, ChunkState, ChunkUpdate, NewChunk, RowExistsError
from ragkit.engine.store.chunk_rows import (
    WITHOUT_VECTOR,
    bury_chunks,
    chunk_record,
    chunk_rows,
    existing_chunks,
    insert_chunks,
    record_of,
    update_metadata,
    update_texts,
)
from ragkit.engine.store.rows import (
    Rows,
    batched,
    chunk_name,
    document_name,
    find_document,
    not_found,
    now,
    refuse_duplicates,
    take_numbers,
)
from ragkit.engine.store.schema import CHUNKS, CORPORA, DOCUMENTS

_BY_KEY = """
    SELECT corpora.key, chunks.key, corpora.id, documents.id, chunks.id, chunks.text,
        chunks.metadata, chunks.state, chunks.create_time, chunks.update_time
    FROM chunks
    JOIN documents ON documents.key = chunks.document_key
    JOIN corpora ON corpora.key = chunks.corpus_key
    WHERE chunks.key IN ({})
"""


class Chunks(Rows):
    """Methods on chunks."""

    def create_chunks(
        self, corpus_id: str, document_id: str, chunks: Sequence[NewChunk]
    ) -> list[ChunkRecord]:
        """Creates chunks of one document, all or none.

        Arguments:
            corpus_id: the corpus' id.
            document_id: the document's id.
            chunks: what to create; ids unique in the document.

        Returns:
            The chunks as stored, in the order given; they are ACTIVE.

        Raises:
            RowNotFoundError: there is no such corpus or document.
            RowExistsError: an id is taken; it names the first such.
            DuplicateInBatchError: one id comes twice.
        """
        refuse_duplicates(document_name(corpus_id, document_id), (new.id for new in chunks))
        with self._database.write() as connection:
            document = find_document(connection, corpus_id, document_id)
            if not chunks:
                return []
            # Before the look at the ids: it makes other writers of this corpus wait.
            first = take_numbers(connection, document.corpus_key, len(chunks))
            taken = chunk_rows(connection, document.key, [new.id for new in chunks])
            for new in chunks:
                if new.id in taken:
                    name = chunk_name(corpus_id, document_id, new.id)
                    raise RowExistsError(name, f"{name} already exists")
            keys, time = insert_chunks(connection, document, chunks, first)
        return [
            ChunkRecord(
                key=key,
                corpus_id=corpus_id,
                document_id=document_id,
                id=new.id,
                text=new.text,
                metadata=tuple(new.metadata),
                state=ChunkState.ACTIVE,
                create_time=time,
                update_time=time,
            )
            for key, new in zip(keys, chunks, strict=True)
        ]

    def get_chunk(self, corpus_id: str, document_id: str, id: str) -> ChunkRecord:  # noqa: A002
        """The chunk of an id. Raises RowNotFoundError for what is missing of the three."""
        query = (
            sa.select(*WITHOUT_VECTOR)
            .join(DOCUMENTS, DOCUMENTS.c.key == CHUNKS.c.document_key)
            .join(CORPORA, CORPORA.c.key == DOCUMENTS.c.corpus_key)
            .where(CORPORA.c.id == corpus_id, DOCUMENTS.c.id == document_id, CHUNKS.c.id == id)
        )
        with self._database.read() as connection:
            row = connection.execute(query).one_or_none()
            if row is None:
                find_document(connection, corpus_id, document_id)
                raise not_found(chunk_name(corpus_id, document_id, id))
        return chunk_record(corpus_id, document_id, row)

    def list_chunks(
        self, corpus_id: str, document_id: str, limit: int, after: tuple[int, int] | None = None
    ) -> list[ChunkRecord]:
        """At most `limit` chunks of a document in the order of creation.

        Arguments:
            corpus_id: the corpus' id.
            document_id: the document's id.
            limit: the most to return.
            after: `(create_time, key)` of the last one seen; None to begin.

        Returns:
            The chunks, ascending by `(create_time, key)`; fewer than `limit` at the end only.

        Raises:
            RowNotFoundError: there is no such corpus or document.
        """
        query = sa.select(*WITHOUT_VECTOR).order_by(CHUNKS.c.create_time, CHUNKS.c.key).limit(limit)
        if after is not None:
            query = query.where(sa.tuple_(CHUNKS.c.create_time, CHUNKS.c.key) > after)
        with self._database.read() as connection:
            document_key = find_document(connection, corpus_id, document_id).key
            rows = connection.execute(query.where(CHUNKS.c.document_key == document_key))
            return [chunk_record(corpus_id, document_id, row) for row in rows]

    def update_chunks(
        self, corpus_id: str, document_id: str, updates: Sequence[ChunkUpdate]
    ) -> list[ChunkRecord]:
        """Changes chunks of one document, all or none.

        Only a new text takes a number of the change log: the index knows nothing of metadata.

        Arguments:
            corpus_id: the corpus' id.
            document_id: the document's id.
            updates: what to change; None leaves a part as it is.

        Returns:
            The chunks as they are now, in the order given.

        Raises:
            RowNotFoundError: there is no such corpus, document or chunk; it names the first.
            DuplicateInBatchError: one id comes twice.
            ValueError: a text comes without its vector, or a vector without its text.
        """
        refuse_duplicates(document_name(corpus_id, document_id), (new.id for new in updates))
        for new in updates:
            if (new.text is None) != (new.vector is None):
                raise ValueError(f"chunk {new.id!r}: text and vector change together")
        time = now()
        with self._database.write() as connection:
            document = find_document(connection, corpus_id, document_id)
            texts = [new for new in updates if new.text is not None]
            number = take_numbers(connection, document.corpus_key, len(texts))
            ids = [new.id for new in updates]
            rows = existing_chunks(connection, document, corpus_id, document_id, ids)
            described = [new for new in updates if new.metadata is not None]
            update_metadata(connection, document.corpus_key, rows, described)
            update_texts(connection, rows, texts, number)
            for some in batched([row.key for row in rows.values()]):
                touched = sa.update(CHUNKS).where(CHUNKS.c.key.in_(some)).values(update_time=time)
                connection.execute(touched)
            rows = chunk_rows(connection, document.key, ids)
        return [chunk_record(corpus_id, document_id, rows[chunk_id]) for chunk_id in ids]

    def delete_chunks(self, corpus_id: str, document_id: str, ids: Sequence[str]) -> None:
        """Deletes chunks of one document, all or none.

        Arguments:
            corpus_id: the corpus' id.
            document_id: the document's id.
            ids: the chunks' ids.

        Raises:
            RowNotFoundError: there is no such corpus, document or chunk; it names the first.
            DuplicateInBatchError: one id comes twice.
        """
        refuse_duplicates(document_name(corpus_id, document_id), ids)
        with self._database.write() as connection:
            document = find_document(connection, corpus_id, document_id)
            first = take_numbers(connection, document.corpus_key, len(ids))
            rows = existing_chunks(connection, document, corpus_id, document_id, ids)
            ordered = [rows[chunk_id] for chunk_id in ids]
            bury_chunks(connection, document.corpus_key, ordered, first)

    def chunks_by_key(self, corpus_key: int, keys: Sequence[int]) -> dict[int, ChunkRecord]:
        """The chunks of some keys, for the results of a search.

        Arguments:
            corpus_key: their corpus; a chunk of another counts as missing.
            keys: the chunks' keys.

        Returns:
            The chunks by key; those that no longer exist are left out.
        """
        return {
            row[1]: record_of(row[1:])
            for some in batched([int(key) for key in keys])
            for row in self._database.rows(_BY_KEY.format(",".join("?" * len(some))), some)
            # Not in SQL: SQLite would walk over the corpus instead of looking up the keys.
            if row[0] == corpus_key
        }
