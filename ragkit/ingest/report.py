"""What a run of ingestion did, and whom it tells meanwhile."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Literal, Protocol, TypeAlias

FileOutcome: TypeAlias = Literal["new", "changed", "unchanged", "deleted", "failed"]
FILE_OUTCOMES: tuple[FileOutcome, ...] = ("new", "changed", "unchanged", "deleted", "failed")


@dataclass(frozen=True, slots=True)
class ChunkCounts:
    """How many chunks were created, updated and deleted."""

    created: int = 0
    updated: int = 0
    deleted: int = 0

    def __add__(self, other: ChunkCounts) -> ChunkCounts:
        return ChunkCounts(
            self.created + other.created,
            self.updated + other.updated,
            self.deleted + other.deleted,
        )


@dataclass(frozen=True, slots=True)
class Failure:
    """A file that was left out, and why."""

    path: str
    error: str


@dataclass(slots=True)
class IngestReport:
    """The sum of a run; what `ragkit ingest --json` prints.

    Attributes:
        files: how many files had each outcome.
        chunks: what happened to chunks.
        failures: the files that were left out.
        warnings: files that were ingested with something amiss.
        passed_over: files that no reader is for, and other things that are no files.
        renamed: the old and the new source of documents whose files have another name now.
        contents: the sources of all files that are there, by the hash of their content.
        bytes: size of the files that were read and sent.
        seconds: how long it took.
        dry_run: whether nothing was really done.
        aborted: why the run ended before its end, None if it did not.
    """

    files: dict[FileOutcome, int] = field(default_factory=lambda: dict.fromkeys(FILE_OUTCOMES, 0))
    chunks: ChunkCounts = field(default_factory=ChunkCounts)
    failures: list[Failure] = field(default_factory=list)
    warnings: list[Failure] = field(default_factory=list)
    passed_over: list[Failure] = field(default_factory=list)
    renamed: list[tuple[str, str]] = field(default_factory=list)
    contents: dict[str, list[str]] = field(default_factory=dict)
    bytes: int = 0
    seconds: float = 0.0
    dry_run: bool = False
    aborted: str | None = None

    @property
    def skipped(self) -> list[str]:
        """The sources of what was passed over."""
        return [one.path for one in self.passed_over]

    @property
    def copies(self) -> list[tuple[str, str]]:
        """Files whose content another one has as well, each with the first of these by name."""
        groups = (sorted(sources) for sources in self.contents.values() if len(sources) > 1)
        return sorted((source, first) for first, *others in groups for source in others)

    @property
    def ok(self) -> bool:
        """Whether everything was ingested."""
        return not self.failures and self.aborted is None

    def to_json(self) -> dict[str, object]:
        """The report as plain values, with the keys that scripts rely on."""
        return {
            "files": dict(self.files),
            "chunks": {
                "created": self.chunks.created,
                "updated": self.chunks.updated,
                "deleted": self.chunks.deleted,
            },
            "failures": [{"path": f.path, "error": f.error} for f in self.failures],
            "seconds": round(self.seconds, 3),
        }

    def details(self) -> dict[str, object]:
        """All of the report as plain values: what `to_json` gives, and more."""
        return {
            **self.to_json(),
            "warnings": [{"path": w.path, "warning": w.error} for w in self.warnings],
            "skipped": [{"path": s.path, "reason": s.error} for s in self.passed_over],
            "renamed": [{"from": old, "to": new} for old, new in self.renamed],
            "copies": [{"path": path, "of": first} for path, first in self.copies],
            "bytes": self.bytes,
            "dry_run": self.dry_run,
            "aborted": self.aborted,
        }


class Observer(Protocol):
    """Is told what happens during a run, from several threads, one at a time."""

    def found(self, files: int) -> None:
        """Told once how many files there are to ingest."""
        ...

    def pushed(self, chunks: int) -> None:
        """Told when chunks have been acknowledged."""
        ...

    def done(
        self, source: str, outcome: FileOutcome, chunks: ChunkCounts, detail: str = ""
    ) -> None:
        """Told when a file has its outcome; `detail` says why one failed, or was renamed."""
        ...

    def warned(self, source: str, warning: str) -> None:
        """Told what is amiss with a file that is ingested all the same."""
        ...


class Recorder:
    """Keeps a report up to date for many threads and passes on what happens."""

    def __init__(self, report: IngestReport, observer: Observer | None) -> None:
        self.report = report
        self._observer = observer
        self._lock = threading.Lock()

    def found(self, files: int) -> None:
        """So many files are to be ingested."""
        with self._lock:
            if self._observer is not None:
                self._observer.found(files)

    def pushed(self, chunks: int) -> None:
        """Chunks were acknowledged."""
        with self._lock:
            if self._observer is not None:
                self._observer.pushed(chunks)

    def skipped(self, source: str, reason: str) -> None:
        """Something was passed over."""
        with self._lock:
            self.report.passed_over.append(Failure(source, reason))

    def renamed(self, old: str, new: str) -> None:
        """A document was given its file's new name."""
        with self._lock:
            self.report.renamed.append((old, new))

    def holds(self, source: str, digest: str) -> None:
        """A file has a content of this hash."""
        with self._lock:
            self.report.contents.setdefault(digest, []).append(source)

    def done(
        self,
        source: str,
        outcome: FileOutcome,
        chunks: ChunkCounts | None = None,
        *,
        detail: str = "",
        path: str | None = None,
        size: int = 0,
    ) -> None:
        """A file has its outcome; `path` is where a failed one is."""
        chunks = chunks or ChunkCounts()
        with self._lock:
            self.report.files[outcome] += 1
            self.report.chunks += chunks
            self.report.bytes += size
            if outcome == "failed":
                self.report.failures.append(Failure(path or source, detail))
            if self._observer is not None:
                self._observer.done(source, outcome, chunks, detail)

    def warned(self, source: str, warning: str) -> None:
        """Something is amiss with a file that is ingested all the same."""
        with self._lock:
            self.report.warnings.append(Failure(source, warning))
            if self._observer is not None:
                self._observer.warned(source, warning)
