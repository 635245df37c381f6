"""The store's files: their rows; the bytes lie in the data folder (`ragkit.engine.blobs`)."""

from __future__ import annotations

from collections.abc import Collection

import sqlalchemy as sa

from ragkit.engine.records import RowExistsError
from ragkit.engine.store.media_records import (
    Content,
    FileOrigin,
    FileRecord,
    NewFile,
    StorageFullError,
)
from ragkit.engine.store.media_schema import FILES, UPLOADS
from ragkit.engine.store.rows import Row, Rows, batched, not_found, now


class Files(Rows):
    """Methods on files. One that has expired is as absent."""

    def create_file(
        self,
        file: NewFile,
        content: Content,
        *,
        lifetime: int,
        quota: int,
        upload_key: int | None = None,
    ) -> FileRecord:
        """Create a file from bytes that are on disk.

        Arguments:
            file: what is said of it.
            content: where its bytes are.
            lifetime: microseconds until it expires.
            quota: the most bytes that all files may have together.
            upload_key: the upload that made it, which is finished with it.

        Raises:
            RowExistsError: the id is taken.
            StorageFullError: there would be more bytes than the quota.
            RowNotFoundError: the upload was given up meanwhile.
        """
        time = now()
        with self._database.write() as connection:
            _refuse_taken(connection, file.id, time)
            # Only an expired one is left under the id.
            connection.execute(sa.delete(FILES).where(FILES.c.id == file.id))
            stored = _stored_bytes(connection, time)
            if stored + content.size_bytes > quota:
                raise full(stored, content.size_bytes, quota)
            row = connection.execute(
                sa.insert(FILES)
                .values(
                    id=file.id,
                    owner=file.owner,
                    display_name=file.display_name,
                    mime_type=file.mime_type,
                    size_bytes=content.size_bytes,
                    sha256=content.sha256,
                    source=int(file.source),
                    blob=content.blob,
                    create_time=time,
                    update_time=time,
                    expire_time=time + lifetime,
                )
                .returning(FILES)
            ).one()
            if upload_key is not None:
                finished = connection.execute(
                    sa.update(UPLOADS)
                    .where(UPLOADS.c.key == upload_key, UPLOADS.c.finished.is_(False))
                    .values(finished=True, file_id=file.id, received=content.size_bytes)
                )
                if finished.rowcount != 1:
                    raise not_found("upload")
        return _record(row)

    def get_file(self, id: str) -> FileRecord:  # noqa: A002
        """The file of an id. Raises RowNotFoundError."""
        query = sa.select(FILES).where(FILES.c.id == id, FILES.c.expire_time > now())
        with self._database.read() as connection:
            row = connection.execute(query).one_or_none()
        if row is None:
            raise not_found(f"files/{id}")
        return _record(row)

    def require_free_file_id(self, id: str) -> None:  # noqa: A002
        """Raise RowExistsError if a file has the id."""
        with self._database.read() as connection:
            _refuse_taken(connection, id, now())

    def list_files(
        self, limit: int, after: tuple[int, int] | None = None, *, owner: str | None = None
    ) -> list[FileRecord]:
        """At most `limit` files in the order of creation.

        Arguments:
            limit: the most to return.
            after: `(create_time, key)` of the last one seen; None to begin.
            owner: whose files; None for everybody's.
        """
        query = (
            sa.select(FILES)
            .where(FILES.c.expire_time > now())
            .order_by(FILES.c.create_time, FILES.c.key)
            .limit(limit)
        )
        if after is not None:
            query = query.where(sa.tuple_(FILES.c.create_time, FILES.c.key) > after)
        if owner is not None:
            query = query.where(FILES.c.owner == owner)
        with self._database.read() as connection:
            return [_record(row) for row in connection.execute(query)]

    def delete_file(self, id: str) -> FileRecord:  # noqa: A002
        """Delete a file's row and return it as it was. Raises RowNotFoundError."""
        with self._database.write() as connection:
            row = connection.execute(
                sa.delete(FILES)
                .where(FILES.c.id == id, FILES.c.expire_time > now())
                .returning(FILES)
            ).one_or_none()
            if row is None:
                raise not_found(f"files/{id}")
        return _record(row)

    def stored_file_bytes(self) -> int:
        """How many bytes the files have together."""
        with self._database.read() as connection:
            return _stored_bytes(connection, now())

    def drop_expired_media(self) -> None:
        """Delete the rows of files and uploads that have expired."""
        time = now()
        with self._database.read() as connection:
            stale = any(
                connection.execute(
                    sa.select(table.c.key).where(table.c.expire_time <= time).limit(1)
                ).first()
                for table in (FILES, UPLOADS)
            )
        if not stale:  # so that a sweep without work keeps no writer waiting
            return
        with self._database.write() as connection:
            for table in (FILES, UPLOADS):
                connection.execute(sa.delete(table).where(table.c.expire_time <= time))

    def blobs_in_use(self, blobs: Collection[str]) -> set[str]:
        """Those of some blobs that a file or an unfinished upload has."""
        used: set[str] = set()
        with self._database.read() as connection:
            for names in batched(list(blobs)):
                for query in (
                    sa.select(FILES.c.blob).where(FILES.c.blob.in_(names)),
                    sa.select(UPLOADS.c.blob).where(
                        UPLOADS.c.blob.in_(names), UPLOADS.c.finished.is_(False)
                    ),
                ):
                    used.update(connection.execute(query).scalars())
        return used


def full(stored: int, adding: int, quota: int) -> StorageFullError:
    """The error that says that there is no room for so many more bytes."""
    return StorageFullError(
        "files",
        f"{adding:,} bytes more than the {stored:,} that files have would be more than the "
        f"{quota:,} that all files together may have",
    )


def _refuse_taken(connection: sa.Connection, file_id: str, time: int) -> None:
    taken = sa.select(FILES.c.key).where(FILES.c.id == file_id, FILES.c.expire_time > time)
    if connection.execute(taken).first() is not None:
        name = f"files/{file_id}"
        raise RowExistsError(name, f"{name} already exists")


def _stored_bytes(connection: sa.Connection, time: int) -> int:
    total: int = connection.execute(
        sa.select(sa.func.coalesce(sa.func.sum(FILES.c.size_bytes), 0)).where(
            FILES.c.expire_time > time
        )
    ).scalar_one()
    return total


def _record(row: Row) -> FileRecord:
    return FileRecord(
        key=row.key,
        id=row.id,
        owner=row.owner,
        display_name=row.display_name,
        mime_type=row.mime_type,
        size_bytes=row.size_bytes,
        sha256=row.sha256,
        source=FileOrigin(row.source),
        blob=row.blob,
        create_time=row.create_time,
        update_time=row.update_time,
        expire_time=row.expire_time,
    )
