"""What the pieces of an upload must agree in."""

from __future__ import annotations

from ragkit.engine.records import EngineError
from ragkit.engine.store.media_records import UploadRecord


class FileTooLargeError(EngineError):
    """A file would have more bytes than are allowed."""


class UploadMismatchError(EngineError):
    """A piece does not fit what an upload has; `received` is how many bytes it has."""

    def __init__(self, message: str, received: int) -> None:
        super().__init__("", message)
        self.received = received


def agreed_size(upload: UploadRecord, size_bytes: int | None) -> int | None:
    """The file's size by what was announced before and now.

    Raises:
        UploadMismatchError: the two contradict each other, or what was received.
    """
    before = upload.received if upload.finished else upload.size_bytes
    if size_bytes is None:
        return before
    if before is not None and before != size_bytes:
        raise UploadMismatchError(
            f"the size {size_bytes} contradicts {before}, as it was announced before",
            upload.received,
        )
    if size_bytes < upload.received:
        raise UploadMismatchError(
            f"the size {size_bytes} is less than the {upload.received} bytes received",
            upload.received,
        )
    return size_bytes


def refuse_end(upload: UploadRecord, end: int) -> None:
    """Raise UploadMismatchError unless an upload can end here."""
    if end != upload.received or upload.size_bytes not in (None, end):
        wanted = upload.received if upload.size_bytes is None else upload.size_bytes
        raise UploadMismatchError(
            f"the upload cannot end with byte {end}: {wanted} were announced or received",
            upload.received,
        )


def differing(offset: int, received: int) -> UploadMismatchError:
    """The error that says that a piece was sent again with other bytes."""
    return UploadMismatchError(
        f"the bytes at offset {offset} differ from those that were received before", received
    )
