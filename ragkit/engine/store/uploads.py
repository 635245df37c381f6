"""The store's uploads in several requests, so that another process can go on with them."""

from __future__ import annotations

from hashlib import sha256

import sqlalchemy as sa

from ragkit.engine.store.files import full
from ragkit.engine.store.media_records import NewFile, UploadRecord
from ragkit.engine.store.media_schema import FILES, UPLOADS
from ragkit.engine.store.rows import Row, Rows, not_found, now


class Uploads(Rows):
    """Methods on uploads, found by their ids, of which only a digest is stored."""

    def create_upload(
        self, upload_id: str, file: NewFile, size_bytes: int | None, blob: str, *, lifetime: int
    ) -> UploadRecord:
        """Begin an upload.

        Arguments:
            upload_id: a secret that nobody can guess.
            file: what is said of the file that it is to make.
            size_bytes: the file's size, None if it is not known.
            blob: where its bytes will be.
            lifetime: microseconds until it expires.
        """
        time = now()
        with self._database.write() as connection:
            row = connection.execute(
                sa.insert(UPLOADS)
                .values(
                    digest=_digest(upload_id),
                    owner=file.owner,
                    file_id=file.id,
                    display_name=file.display_name,
                    mime_type=file.mime_type,
                    size_bytes=size_bytes,
                    received=0,
                    finished=False,
                    blob=blob,
                    create_time=time,
                    expire_time=time + lifetime,
                )
                .returning(UPLOADS)
            ).one()
        return _record(row)

    def get_upload(self, upload_id: str) -> UploadRecord:
        """The upload of an id. Raises RowNotFoundError; the message does not tell the id."""
        query = sa.select(UPLOADS).where(
            UPLOADS.c.digest == _digest(upload_id), UPLOADS.c.expire_time > now()
        )
        with self._database.read() as connection:
            row = connection.execute(query).one_or_none()
        if row is None:
            raise not_found("upload")
        return _record(row)

    def advance_upload(
        self, key: int, received: int, size_bytes: int | None, *, lifetime: int, quota: int
    ) -> UploadRecord:
        """Say how many bytes of an upload are on disk, which makes it live longer.

        Arguments:
            key: the upload's key.
            received: bytes on disk.
            size_bytes: the file's size, None if it is not known yet.
            lifetime: microseconds until the upload expires, from now.
            quota: the most bytes that files and uploads may have together.

        Raises:
            RowNotFoundError: the upload was given up or finished meanwhile.
            StorageFullError: there would be more bytes than the quota.
        """
        time = now()
        with self._database.write() as connection:
            others = _bytes_beside(connection, key, time)
            if others + received > quota:
                raise full(others, received, quota)
            row = connection.execute(
                sa.update(UPLOADS)
                .where(UPLOADS.c.key == key, UPLOADS.c.finished.is_(False))
                .values(received=received, size_bytes=size_bytes, expire_time=time + lifetime)
                .returning(UPLOADS)
            ).one_or_none()
            if row is None:
                raise not_found("upload")
        return _record(row)

    def delete_upload(self, key: int) -> bool:
        """Give an upload up. False if it is not there, or has made its file already."""
        with self._database.write() as connection:
            deleted = connection.execute(
                sa.delete(UPLOADS).where(UPLOADS.c.key == key, UPLOADS.c.finished.is_(False))
            )
        return deleted.rowcount == 1


def _digest(upload_id: str) -> bytes:
    return sha256(upload_id.encode("utf-8", "replace")).digest()


def _bytes_beside(connection: sa.Connection, key: int, time: int) -> int:
    """The bytes of all files and of all other unfinished uploads."""
    files = sa.select(sa.func.coalesce(sa.func.sum(FILES.c.size_bytes), 0)).where(
        FILES.c.expire_time > time
    )
    uploads = sa.select(sa.func.coalesce(sa.func.sum(UPLOADS.c.received), 0)).where(
        UPLOADS.c.expire_time > time, UPLOADS.c.finished.is_(False), UPLOADS.c.key != key
    )
    total: int = connection.execute(files).scalar_one() + connection.execute(uploads).scalar_one()
    return total


def _record(row: Row) -> UploadRecord:
    return UploadRecord(
        key=row.key,
        file=NewFile(
            id=row.file_id,
            owner=row.owner,
            display_name=row.display_name,
            mime_type=row.mime_type,
        ),
        size_bytes=row.size_bytes,
        received=row.received,
        finished=row.finished,
        blob=row.blob,
        expire_time=row.expire_time,
    )
