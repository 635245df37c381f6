"""The store's corpora."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import sqlalchemy as sa

from ragkit.engine.records import CorpusRecord, HasChildrenError, RowExistsError
from ragkit.engine.store.rows import Row, Rows, corpus_name, find_corpus, not_found, now
from ragkit.engine.store.schema import CHUNKS, CORPORA, DOCUMENTS, ENTRIES, TOMBSTONES


@dataclass(frozen=True, slots=True)
class CorpusStats:
    """How many rows a corpus holds."""

    documents: int
    chunks: int


class Corpora(Rows):
    """Methods on corpora."""

    def create_corpus(
        self,
        id: str,  # noqa: A002
        display_name: str,
        embedder: str,
        owner: str = "",
    ) -> CorpusRecord:
        """Creates an empty corpus.

        Arguments:
            id: its id, unique in the store.
            display_name: its name for people.
            embedder: the name of the model that its vectors come from.
            owner: the e-mail address of who gets the owner's permission; "" for the data folder's
                owner, who needs none.

        Returns:
            The corpus as stored.

        Raises:
            RowExistsError: the id is taken.
        """
        time = now()
        with self._database.write() as connection:
            taken = sa.select(CORPORA.c.key).where(CORPORA.c.id == id)
            if connection.execute(taken).first() is not None:
                raise RowExistsError(corpus_name(id), f"{corpus_name(id)} already exists")
            row = connection.execute(
                sa.insert(CORPORA)
                .values(
                    id=id,
                    display_name=display_name,
                    embedder=embedder,
                    last_change=0,
                    create_time=time,
                    update_time=time,
                )
                .returning(CORPORA)
            ).one()
            if owner:
                from ragkit.engine.store.permissions import insert_owner

                insert_owner(connection, corpus_name(id), owner)
        return _record(row)

    def get_corpus(self, id: str) -> CorpusRecord:  # noqa: A002
        """The corpus of an id. Raises RowNotFoundError."""
        with self._database.read() as connection:
            return _record(find_corpus(connection, id))

    def list_corpora(
        self,
        limit: int,
        after: tuple[int, int] | None = None,
        readers: Collection[str] | None = None,
    ) -> list[CorpusRecord]:
        """At most `limit` corpora in the order of creation.

        Arguments:
            limit: the most to return.
            after: `(create_time, key)` of the last one seen; None to begin.
            readers: leaves out what none of these grantees may read; None for all there is.

        Returns:
            The corpora, ascending by `(create_time, key)`; fewer than `limit` at the end only.
        """
        query = sa.select(CORPORA).order_by(CORPORA.c.create_time, CORPORA.c.key).limit(limit)
        if after is not None:
            query = query.where(sa.tuple_(CORPORA.c.create_time, CORPORA.c.key) > after)
        if readers is not None:
            from ragkit.engine.store.permissions import granted

            query = query.where(granted("corpora/" + CORPORA.c.id, readers))
        with self._database.read() as connection:
            return [_record(row) for row in connection.execute(query)]

    def update_corpus(self, id: str, display_name: str) -> CorpusRecord:  # noqa: A002
        """Gives a corpus another display name and returns it. Raises RowNotFoundError."""
        with self._database.write() as connection:
            row = connection.execute(
                sa.update(CORPORA)
                .where(CORPORA.c.id == id)
                .values(display_name=display_name, update_time=now())
                .returning(CORPORA)
            ).one_or_none()
            if row is None:
                raise not_found(corpus_name(id))
        return _record(row)

    def delete_corpus(self, id: str, force: bool = False) -> CorpusRecord:  # noqa: A002
        """Deletes a corpus and all that belongs to it, its change log too.

        Arguments:
            id: the corpus' id.
            force: whether to delete it even though it has documents.

        Returns:
            The corpus as it was, so that what was derived from it can go too.

        Raises:
            RowNotFoundError: there is no such corpus.
            HasChildrenError: it has documents and `force` is false.
        """
        from ragkit.engine.store.permissions import delete_permissions

        with self._database.write() as connection:
            row = find_corpus(connection, id)
            document = sa.select(DOCUMENTS.c.key).where(DOCUMENTS.c.corpus_key == row.key).limit(1)
            if not force and connection.execute(document).first() is not None:
                name = corpus_name(id)
                raise HasChildrenError(name, f"{name} still has documents")
            for table in (ENTRIES, CHUNKS, TOMBSTONES, DOCUMENTS):
                connection.execute(sa.delete(table).where(table.c.corpus_key == row.key))
            delete_permissions(connection, corpus_name(id))
            connection.execute(sa.delete(CORPORA).where(CORPORA.c.key == row.key))
        return _record(row)

    def corpus_stats(self, corpus_key: int) -> CorpusStats:
        """How many documents and chunks a corpus holds; zeros if there is no such corpus."""
        counts = sa.select(
            *(
                sa.select(sa.func.count())
                .select_from(table)
                .where(table.c.corpus_key == corpus_key)
                .scalar_subquery()
                for table in (DOCUMENTS, CHUNKS)
            )
        )
        with self._database.read() as connection:
            documents, chunks = connection.execute(counts).one()
        return CorpusStats(documents=documents, chunks=chunks)


def _record(row: Row) -> CorpusRecord:
    return CorpusRecord(
        key=row.key,
        id=row.id,
        display_name=row.display_name,
        embedder=row.embedder,
        last_change=row.last_change,
        create_time=row.create_time,
        update_time=row.update_time,
    )
