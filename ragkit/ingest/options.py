"""How to ingest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ragkit.ingest.limits import FileLimits
from ragkit.ingest.metadata import GivenMetadata
from ragkit.ingest.prepare import Splitting
from ragkit.ingest.readers.options import ReadOptions


@dataclass(frozen=True, slots=True)
class IngestOptions:
    """How to ingest.

    Attributes:
        splitting: how documents are split.
        include: globs of the files to take; all when empty.
        exclude: globs of the files and folders to leave out.
        delete: remove documents whose files have vanished from the folders given.
        dry_run: change nothing, but say what would be done.
        workers: processes that read files; None for one per core, 0 for none.
        metadata: for all documents; wins over all else that is said of a file.
        meta_from_path: path patterns that metadata are taken from, such as
            `reports/{year:int}/{team}/*`; see `ragkit.ingest.metadata`.
        limits: what one file may cost.
        reading: what the readers are told (passwords, OCR).

    Raises:
        MetadataError: `metadata` or `meta_from_path` cannot be used.
    """

    splitting: Splitting = field(default_factory=Splitting)
    include: Sequence[str] = ()
    exclude: Sequence[str] = ()
    delete: bool = False
    dry_run: bool = False
    workers: int | None = None
    metadata: Mapping[str, str | float | Sequence[str]] = field(default_factory=dict)
    meta_from_path: Sequence[str] = ()
    limits: FileLimits = field(default_factory=FileLimits)
    reading: ReadOptions | None = None

    def __post_init__(self) -> None:
        self.given()  # so that what cannot be used is refused before anything is done

    def given(self) -> GivenMetadata:
        """What is said of files, for one run."""
        return GivenMetadata(self.metadata, self.meta_from_path)
