"""What the engine's files refuse, as the API's errors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ragkit.api.errors import DataLoss, FailedPrecondition, InvalidArgument, Unavailable
from ragkit.engine.blobs import BlobBusyError, BlobLostError
from ragkit.engine.store.media_records import StorageFullError
from ragkit.engine.upload_rules import FileTooLargeError, UploadMismatchError


@contextmanager
def translated() -> Iterator[None]:
    """Raise the API's errors for the engine's.

    Raises:
        InvalidArgument: a file would be too large, or a piece of an upload does not fit.
        FailedPrecondition: all files together would be too large.
        Unavailable: another request is writing to the same upload.
        DataLoss: bytes are missing from the data folder.
    """
    try:
        yield
    except (FileTooLargeError, UploadMismatchError) as error:
        raise InvalidArgument(str(error), field="file") from error
    except StorageFullError as error:
        raise FailedPrecondition(
            f"{error}; delete some (files.list), or wait: files expire"
        ) from error
    except BlobBusyError as error:
        raise Unavailable(f"{error}; try again") from error
    except BlobLostError as error:
        raise DataLoss(str(error)) from error
