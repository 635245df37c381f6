"""Files: rows in the store and bytes in the data folder, made together or not at all.

A file's row is written after its bytes are on disk, and deleted before them. So a row always has
its bytes; bytes without a row, which a crash may leave, are found and deleted by a sweep.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Iterable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

from ragkit.engine.blobs import BlobFolder, BlobLostError, BlobWriter, new_blob_name
from ragkit.engine.media_limits import MediaLimits
from ragkit.engine.records import EngineError
from ragkit.engine.store.files import full
from ragkit.engine.store.media_records import FileRecord, NewFile, UploadRecord
from ragkit.engine.upload_rules import (
    FileTooLargeError,
    UploadMismatchError,
    agreed_size,
    differing,
    refuse_end,
)

if TYPE_CHECKING:
    from ragkit.engine.store import Store

_SWEEP_SECONDS: Final = 600.0
_ORPHAN_SECONDS: Final = 60.0
_CHECKPOINT_BYTES: Final = 32 * 1024 * 1024
_UPLOAD_ID_BYTES: Final = 32


class Media:
    """Files and uploads over a store and a folder, for several threads and processes.

    Arguments:
        folder: where the bytes are.
        store: where the rows are.
        limits: how much there may be, and for how long.
    """

    def __init__(self, folder: Path, store: Store, limits: MediaLimits) -> None:
        self.limits = limits
        self._store = store
        self._blobs = BlobFolder(folder)
        self._lock = threading.Lock()
        self._sweep_at = 0.0

    def create(
        self, file: NewFile, pieces: Iterable[bytes], size_bytes: int | None = None
    ) -> FileRecord:
        """Create a file from all of its bytes.

        Arguments:
            file: what is said of it.
            pieces: its bytes, read once; one piece is in memory at a time.
            size_bytes: how many they are, if that is known before.

        Raises:
            RowExistsError: the id is taken.
            FileTooLargeError: it would be too large.
            StorageFullError: all files together would be too large.
        """
        self.sweep()
        self._store.require_free_file_id(file.id)
        self._require_room(size_bytes or 0)
        blob = new_blob_name()
        with self._blobs.writing(blob) as writer:
            try:
                writer.begin()
                for piece in pieces:
                    self._refuse_size(writer.size + len(piece))
                    writer.write(piece)
                content = writer.complete()
                record = self._store.create_file(
                    file,
                    content,
                    lifetime=_micros(self.limits.file_seconds),
                    quota=self.limits.total_bytes,
                )
            except BaseException:
                # Whatever was raised, the row decides.
                with suppress(EngineError):
                    writer.discard(complete_too=self._is_orphan(blob))
                raise
            writer.forget_lock()
        return record

    def begin(self, file: NewFile, size_bytes: int | None) -> str:
        """Begin an upload in several requests.

        Arguments:
            file: what is said of the file that it is to make.
            size_bytes: the file's size, None if it is not known.

        Returns:
            The upload's id, a secret: who knows it may go on with the upload.

        Raises:
            RowExistsError: the file's id is taken.
            FileTooLargeError: it would be too large.
            StorageFullError: all files together would be too large.
        """
        self.sweep()
        self._store.require_free_file_id(file.id)
        self._require_room(size_bytes or 0)
        upload_id = secrets.token_urlsafe(_UPLOAD_ID_BYTES)
        self._store.create_upload(
            upload_id,
            file,
            size_bytes,
            new_blob_name(),
            lifetime=_micros(self.limits.upload_seconds),
        )
        return upload_id

    def receive(
        self,
        upload_id: str,
        offset: int,
        pieces: Iterable[bytes],
        *,
        size_bytes: int | None = None,
        last: bool = False,
    ) -> UploadRecord:
        """Take bytes of an upload; with the last of them, the file is made.

        Bytes that the upload has already are compared with what is there, so that a request may
        be repeated. What was taken before an exception is kept.

        Arguments:
            upload_id: the upload's id.
            offset: where in the file the first of the bytes stands.
            pieces: the bytes, read once.
            size_bytes: the file's size, if that is known by now.
            last: whether nothing comes after these bytes.

        Returns:
            The upload; if it is finished, there is a file.

        Raises:
            RowNotFoundError: there is no such upload.
            UploadMismatchError: the bytes leave a gap, differ from those that are there, or are
                more or fewer than was announced.
            RowExistsError: the file's id is taken; likewise FileTooLargeError, StorageFullError.
            BlobBusyError: another request is writing to the upload.
        """
        blob = self._store.get_upload(upload_id).blob
        with self._blobs.writing(blob) as writer:
            # Read again: what was read before the lock may be outdated.
            upload = self._store.get_upload(upload_id)
            size_bytes = agreed_size(upload, size_bytes)
            self._refuse_size(size_bytes or 0)
            if upload.finished:
                writer.forget_lock()
                return self._repeated(upload, offset, pieces, last)
            if offset > upload.received:
                raise UploadMismatchError(
                    f"offset {offset} leaves a gap: {upload.received} bytes were received",
                    upload.received,
                )
            writer.resume(upload.received)
            try:
                end = self._take(upload, writer, offset, pieces, size_bytes)
            finally:
                if writer.size > upload.received or size_bytes != upload.size_bytes:
                    upload = self._record(upload, writer, size_bytes)
            if last:
                refuse_end(upload, end)
                self._finish(upload, writer)
        return self._store.get_upload(upload_id)

    def cancel(self, upload: UploadRecord) -> bool:
        """Give an upload up. False if it has made its file already.

        Raises:
            BlobBusyError: another request is writing to the upload.
        """
        with self._blobs.writing(upload.blob) as writer:
            deleted = self._store.delete_upload(upload.key)
            if deleted:
                writer.discard(complete_too=True)
            else:
                writer.forget_lock()
        return deleted

    def open(self, record: FileRecord) -> BinaryIO:
        """A file's bytes for reading, also if it is deleted meanwhile.

        Raises:
            RowNotFoundError: the file was deleted since its record was read.
            BlobLostError: its bytes were deleted from outside.
        """
        try:
            return self._blobs.open(record.blob)
        except BlobLostError:
            self._store.get_file(record.id)
            raise

    def delete(self, file_id: str) -> None:
        """Delete a file. Raises RowNotFoundError."""
        self._blobs.delete(self._store.delete_file(file_id).blob)

    def sweep(self, *, at_once: bool = False) -> None:
        """Remove what has expired and what a crash has left, every ten minutes at most.

        Arguments:
            at_once: whether to do it now, however short ago it was done.
        """
        with self._lock:
            if time.monotonic() < self._sweep_at and not at_once:
                return
            self._sweep_at = time.monotonic() + _SWEEP_SECONDS
        self._store.drop_expired_media()
        idle = self._blobs.names(_ORPHAN_SECONDS)
        used = self._store.blobs_in_use(idle)
        for name in idle:
            if name not in used or self._blobs.has_stale_lock(name):
                self._blobs.delete_orphan(name, partial(self._is_orphan, name))

    def _take(
        self,
        upload: UploadRecord,
        writer: BlobWriter,
        offset: int,
        pieces: Iterable[bytes],
        size_bytes: int | None,
    ) -> int:
        """Write what is new of some bytes; returns where they end."""
        kept = writer.size
        for piece in pieces:
            known = piece[: max(0, writer.size - offset)]
            if known and not writer.holds(offset, known):
                raise differing(offset, writer.size)
            end = offset + len(piece)
            if size_bytes is not None and end > size_bytes:
                raise UploadMismatchError(
                    f"{end} bytes are more than the {size_bytes} that were announced", writer.size
                )
            self._refuse_size(end)
            writer.write(piece[len(known) :])
            offset = end
            if writer.size - kept >= _CHECKPOINT_BYTES:
                self._record(upload, writer, size_bytes)
                kept = writer.size
        return offset

    def _record(
        self, upload: UploadRecord, writer: BlobWriter, size_bytes: int | None
    ) -> UploadRecord:
        """Make what was written durable, and say so."""
        writer.sync()
        recorded = self._store.advance_upload(
            upload.key,
            writer.size,
            size_bytes,
            lifetime=_micros(self.limits.upload_seconds),
            quota=self.limits.total_bytes,
        )
        writer.recorded()
        return recorded

    def _finish(self, upload: UploadRecord, writer: BlobWriter) -> None:
        self._store.require_free_file_id(upload.file.id)
        self._store.create_file(
            upload.file,
            writer.complete(),
            lifetime=_micros(self.limits.file_seconds),
            quota=self.limits.total_bytes,
            upload_key=upload.key,
        )
        writer.forget_lock()

    def _repeated(
        self, upload: UploadRecord, offset: int, pieces: Iterable[bytes], last: bool
    ) -> UploadRecord:
        """The finished upload, if this request is one that it has had."""
        record = self._store.get_file(upload.file.id)
        with self.open(record) as file:
            if offset <= record.size_bytes:
                file.seek(offset)
            for piece in pieces:
                if file.read(len(piece)) != piece:
                    raise differing(offset, upload.received)
                offset += len(piece)
        if offset > upload.received or (last and offset < upload.received):
            raise UploadMismatchError(
                f"the upload ended with {upload.received} bytes", upload.received
            )
        return upload

    def _refuse_size(self, size_bytes: int) -> None:
        if size_bytes > self.limits.file_bytes:
            raise FileTooLargeError(
                "files",
                f"a file may have at most {self.limits.file_bytes:,} bytes, not {size_bytes:,}",
            )

    def _require_room(self, size_bytes: int) -> None:
        """Refuse early what would be refused in the end, when all of it was sent."""
        self._refuse_size(size_bytes)
        stored = self._store.stored_file_bytes()
        if stored + size_bytes > self.limits.total_bytes:
            raise full(stored, size_bytes, self.limits.total_bytes)

    def _is_orphan(self, blob: str) -> bool:
        return not self._store.blobs_in_use([blob])


def _micros(seconds: float) -> int:
    return round(seconds * 1_000_000)
