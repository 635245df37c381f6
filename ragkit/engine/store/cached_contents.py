"""The store's cached contents."""

from __future__ import annotations

import sqlalchemy as sa

from ragkit.engine.store.media_records import CachedContentRecord
from ragkit.engine.store.media_schema import CACHED_CONTENTS
from ragkit.engine.store.rows import Row, Rows, not_found, now

_WITHOUT_CONTENT = [column for column in CACHED_CONTENTS.c if column.name != "content"]


class CachedContents(Rows):
    """Methods on cached contents. One that has expired is as absent."""

    def create_cached_content(
        self,
        id: str,  # noqa: A002
        owner: str,
        display_name: str,
        model: str,
        content: str,
        token_count: int,
        expire_time: int,
    ) -> CachedContentRecord:
        """Store content.

        Arguments:
            id: its id, which nothing else has.
            owner: whose it is.
            display_name: its name for people.
            model: the name of the model that it is for.
            content: what is cached, as text that the store does not look into.
            token_count: its length in tokens.
            expire_time: until when to keep it.
        """
        time = now()
        with self._database.write() as connection:
            connection.execute(
                sa.delete(CACHED_CONTENTS).where(CACHED_CONTENTS.c.expire_time <= time)
            )
            row = connection.execute(
                sa.insert(CACHED_CONTENTS)
                .values(
                    id=id,
                    owner=owner,
                    display_name=display_name,
                    model=model,
                    content=content,
                    token_count=token_count,
                    create_time=time,
                    update_time=time,
                    expire_time=expire_time,
                )
                .returning(*_WITHOUT_CONTENT)
            ).one()
        return _record(row)

    def get_cached_content(self, id: str) -> CachedContentRecord:  # noqa: A002
        """The cached content of an id. Raises RowNotFoundError."""
        query = sa.select(*_WITHOUT_CONTENT).where(*_living(id))
        with self._database.read() as connection:
            return _record(_found(connection.execute(query).one_or_none(), id))

    def read_cached_content(self, id: str) -> tuple[CachedContentRecord, str]:  # noqa: A002
        """The cached content of an id with what is cached. Raises RowNotFoundError."""
        query = sa.select(CACHED_CONTENTS).where(*_living(id))
        with self._database.read() as connection:
            row = _found(connection.execute(query).one_or_none(), id)
        return _record(row), row.content

    def list_cached_contents(
        self, limit: int, after: tuple[int, int] | None = None, *, owner: str | None = None
    ) -> list[CachedContentRecord]:
        """At most `limit` cached contents in the order of creation.

        Arguments:
            limit: the most to return.
            after: `(create_time, key)` of the last one seen; None to begin.
            owner: whose; None for everybody's.
        """
        table = CACHED_CONTENTS.c
        query = (
            sa.select(*_WITHOUT_CONTENT)
            .where(table.expire_time > now())
            .order_by(table.create_time, table.key)
            .limit(limit)
        )
        if after is not None:
            query = query.where(sa.tuple_(table.create_time, table.key) > after)
        if owner is not None:
            query = query.where(table.owner == owner)
        with self._database.read() as connection:
            return [_record(row) for row in connection.execute(query)]

    def update_cached_content(self, id: str, expire_time: int) -> CachedContentRecord:  # noqa: A002
        """Keep cached content until another time. Raises RowNotFoundError."""
        with self._database.write() as connection:
            row = connection.execute(
                sa.update(CACHED_CONTENTS)
                .where(*_living(id))
                .values(expire_time=expire_time, update_time=now())
                .returning(*_WITHOUT_CONTENT)
            ).one_or_none()
            return _record(_found(row, id))

    def delete_cached_content(self, id: str) -> None:  # noqa: A002
        """Delete cached content. Raises RowNotFoundError."""
        with self._database.write() as connection:
            row = connection.execute(
                sa.delete(CACHED_CONTENTS).where(*_living(id)).returning(CACHED_CONTENTS.c.key)
            ).one_or_none()
            _found(row, id)


def _living(content_id: str) -> tuple[sa.ColumnElement[bool], ...]:
    return CACHED_CONTENTS.c.id == content_id, CACHED_CONTENTS.c.expire_time > now()


def _found(row: Row | None, content_id: str) -> Row:
    if row is None:
        raise not_found(f"cachedContents/{content_id}")
    return row


def _record(row: Row) -> CachedContentRecord:
    return CachedContentRecord(
        key=row.key,
        id=row.id,
        owner=row.owner,
        display_name=row.display_name,
        model=row.model,
        token_count=row.token_count,
        create_time=row.create_time,
        update_time=row.update_time,
        expire_time=row.expire_time,
    )
