"""The store's documents."""

from __future__ import annotations

import sqlalchemy as sa

from ragkit.engine.records import DocumentRecord, HasChildrenError, Metadata, RowExistsError
from ragkit.engine.store.chunk_rows import delete_all_chunks
from ragkit.engine.store.metadata import NO_ENTRIES, dump_metadata, entries_of, load_metadata
from ragkit.engine.store.rows import (
    Row,
    Rows,
    document_name,
    find_corpus,
    find_document,
    now,
    write_entries,
)
from ragkit.engine.store.schema import CHUNKS, DOCUMENTS, EntryLevel


class Documents(Rows):
    """Methods on documents."""

    def create_document(
        self,
        corpus_id: str,
        id: str,  # noqa: A002
        display_name: str,
        metadata: Metadata = (),
    ) -> DocumentRecord:
        """Creates an empty document.

        Arguments:
            corpus_id: the id of its corpus.
            id: its id, unique in the corpus.
            display_name: its name for people.
            metadata: what document-level filters look at.

        Returns:
            The document as stored.

        Raises:
            RowNotFoundError: there is no such corpus.
            RowExistsError: the id is taken.
        """
        time = now()
        with self._database.write() as connection:
            corpus_key = find_corpus(connection, corpus_id).key
            taken = sa.select(DOCUMENTS.c.key).where(
                DOCUMENTS.c.corpus_key == corpus_key, DOCUMENTS.c.id == id
            )
            if connection.execute(taken).first() is not None:
                name = document_name(corpus_id, id)
                raise RowExistsError(name, f"{name} already exists")
            row = connection.execute(
                sa.insert(DOCUMENTS)
                .values(
                    corpus_key=corpus_key,
                    id=id,
                    display_name=display_name,
                    metadata=dump_metadata(metadata),
                    create_time=time,
                    update_time=time,
                )
                .returning(DOCUMENTS)
            ).one()
            added = [(row.key, NO_ENTRIES, entries_of(metadata))]
            write_entries(connection, corpus_key, EntryLevel.DOCUMENT, added)
        return _record(corpus_id, row)

    def get_document(self, corpus_id: str, id: str) -> DocumentRecord:  # noqa: A002
        """The document of an id. Raises RowNotFoundError for the corpus or for the document."""
        with self._database.read() as connection:
            return _record(corpus_id, find_document(connection, corpus_id, id))

    def list_documents(
        self, corpus_id: str, limit: int, after: tuple[int, int] | None = None
    ) -> list[DocumentRecord]:
        """At most `limit` documents of a corpus in the order of creation.

        Arguments:
            corpus_id: the corpus' id.
            limit: the most to return.
            after: `(create_time, key)` of the last one seen; None to begin.

        Returns:
            The documents, ascending by `(create_time, key)`; fewer than `limit` at the end only.

        Raises:
            RowNotFoundError: there is no such corpus.
        """
        query = sa.select(DOCUMENTS).order_by(DOCUMENTS.c.create_time, DOCUMENTS.c.key).limit(limit)
        if after is not None:
            query = query.where(sa.tuple_(DOCUMENTS.c.create_time, DOCUMENTS.c.key) > after)
        with self._database.read() as connection:
            corpus_key = find_corpus(connection, corpus_id).key
            rows = connection.execute(query.where(DOCUMENTS.c.corpus_key == corpus_key))
            return [_record(corpus_id, row) for row in rows]

    def update_document(
        self,
        corpus_id: str,
        id: str,  # noqa: A002
        *,
        display_name: str | None = None,
        metadata: Metadata | None = None,
    ) -> DocumentRecord:
        """Changes a document; None leaves a part as it is.

        Arguments:
            corpus_id: the corpus' id.
            id: the document's id.
            display_name: its new name for people.
            metadata: its new metadata, instead of all it had.

        Returns:
            The document as it is now.

        Raises:
            RowNotFoundError: there is no such corpus or document.
        """
        values: dict[str, object] = {"update_time": now()}
        if display_name is not None:
            values["display_name"] = display_name
        if metadata is not None:
            values["metadata"] = dump_metadata(metadata)
        with self._database.write() as connection:
            old = find_document(connection, corpus_id, id)
            row = connection.execute(
                sa.update(DOCUMENTS)
                .where(DOCUMENTS.c.key == old.key)
                .values(values)
                .returning(DOCUMENTS)
            ).one()
            if metadata is not None:
                before = entries_of(load_metadata(old.metadata))
                changed = [(row.key, before, entries_of(metadata))]
                write_entries(connection, row.corpus_key, EntryLevel.DOCUMENT, changed)
        return _record(corpus_id, row)

    def delete_document(
        self,
        corpus_id: str,
        id: str,  # noqa: A002
        force: bool = False,
    ) -> DocumentRecord:
        """Deletes a document and its chunks; the change log tells of each chunk.

        Arguments:
            corpus_id: the corpus' id.
            id: the document's id.
            force: whether to delete it even though it has chunks.

        Returns:
            The document as it was.

        Raises:
            RowNotFoundError: there is no such corpus or document.
            HasChildrenError: it has chunks and `force` is false.
        """
        with self._database.write() as connection:
            row = find_document(connection, corpus_id, id)
            chunk = sa.select(CHUNKS.c.key).where(CHUNKS.c.document_key == row.key).limit(1)
            if not force and connection.execute(chunk).first() is not None:
                name = document_name(corpus_id, id)
                raise HasChildrenError(name, f"{name} still has chunks")
            delete_all_chunks(connection, row.corpus_key, row.key)
            removed = [(row.key, entries_of(load_metadata(row.metadata)), NO_ENTRIES)]
            write_entries(connection, row.corpus_key, EntryLevel.DOCUMENT, removed)
            connection.execute(sa.delete(DOCUMENTS).where(DOCUMENTS.c.key == row.key))
        return _record(corpus_id, row)


def _record(corpus_id: str, row: Row) -> DocumentRecord:
    return DocumentRecord(
        key=row.key,
        corpus_id=corpus_id,
        id=row.id,
        display_name=row.display_name,
        metadata=load_metadata(row.metadata),
        create_time=row.create_time,
        update_time=row.update_time,
    )
