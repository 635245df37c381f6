"""What can go wrong between a path and its chunks.

IngestError
 ├─ ReadError           one file cannot be read; the run goes on without it
 │   ├─ NoTextError     it was read, and there is no text in it
 │   └─ ChunksRefused   it was read, and the service does not take some of its chunks
 ├─ MetadataError       metadata given by the user cannot be used: wrong usage
 ├─ MissingPathError    a path given by the user is not there: wrong usage
 └─ SameNameError       two paths given by the user have the same name: wrong usage
"""

from __future__ import annotations

from pathlib import Path


class IngestError(Exception):
    """Base of what ingestion refuses."""


class ReadError(IngestError):
    """One file cannot be turned into text.

    Attributes:
        path: The file, as a path or as the name that the reader was given.
        reason: What is wrong with it and what to do about it, without the path.
    """

    def __init__(self, path: str | Path, reason: str) -> None:
        super().__init__(path, reason)
        self.path = str(path)
        self.reason = reason

    def __str__(self) -> str:
        return f"{_printable(self.path)}: {self.reason}"


class NoTextError(ReadError):
    """A file holds no text: it is empty, or scanned pages without a text layer."""


class ChunksRefused(ReadError):
    """The service refuses some chunks of a file, each for itself; it has the others.

    Attributes:
        created: How many chunks were created all the same.
        updated: How many were updated.
        deleted: How many were deleted.
    """

    def __init__(
        self,
        path: str | Path,
        reason: str,
        created: int = 0,
        updated: int = 0,
        deleted: int = 0,
    ) -> None:
        super().__init__(path, reason)
        self.created = created
        self.updated = updated
        self.deleted = deleted


class MetadataError(IngestError):
    """Metadata given by the user cannot be used; the message says which and why."""


class MissingPathError(IngestError):
    """A path to ingest does not exist (the command line's exit code 2)."""

    def __init__(self, path: str | Path) -> None:
        super().__init__(path)
        self.path = str(path)

    def __str__(self) -> str:
        return f"no such file or folder: {_printable(self.path)}"


class SameNameError(IngestError):
    """Two paths to ingest end in the same name, under which both their documents would go."""

    def __init__(self, first: str | Path, second: str | Path, name: str) -> None:
        super().__init__(first, second, name)
        self.first = str(first)
        self.second = str(second)
        self.name = name

    def __str__(self) -> str:
        return (
            f"{_printable(self.first)} and {_printable(self.second)} would both be called "
            f"{self.name!r} in the corpus: ingest a folder that holds both, or use two corpora"
        )


def _printable(path: str) -> str:
    """Return a path fit for messages: bytes of a name that are not UTF-8 as escapes."""
    return path.encode("utf-8", "backslashreplace").decode()
