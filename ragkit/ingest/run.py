"""A whole run: find files, prepare them in parallel, push what changed, remove what vanished."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeGuard

from ragkit.api.documents import Document
from ragkit.api.errors import (
    AlreadyExists,
    FailedPrecondition,
    InvalidArgument,
    NotFound,
    RagkitError,
)
from ragkit.client import Client
from ragkit.ingest.digests import Digests
from ragkit.ingest.errors import ChunksRefused, MissingPathError, ReadError
from ragkit.ingest.finishing import delete_vanished, make_searchable
from ragkit.ingest.held import Held, documents_of
from ragkit.ingest.options import IngestOptions
from ragkit.ingest.prepare import FileTask, PreparedDocument
from ragkit.ingest.pushing import Pace, Room
from ragkit.ingest.report import ChunkCounts, FileOutcome, IngestReport, Observer, Recorder
from ragkit.ingest.scan import (
    RootDone,
    ScanEvent,
    Skipped,
    SourceFile,
    Unreadable,
    printable,
    scan,
)
from ragkit.ingest.sync import carry_out, known_content, plan
from ragkit.ingest.worker_process import rare_garbage_collection
from ragkit.ingest.workers import Preparer

__all__ = ["IngestOptions", "ingest"]

_ONE_FILE_ONLY = (InvalidArgument, FailedPrecondition, AlreadyExists)
"""The API's errors that concern one file; any other would meet every file and ends the run."""


_ATTEMPTS = 5
"""How often one document is tried when another run works on it at the same time."""
_WORTH_A_PROCESS = 500_000
"""Bytes of files from which on worker processes are worth the time that their start takes."""
_MOST_CALLS = 16
"""Calls under way at a time over HTTP, if the service takes as many; see `Pace`."""
_IN_MEMORY = 64_000_000
"""Bytes of files that are between reading and pushed; a larger one is so alone."""


def ingest(
    client: Client,
    paths: Iterable[str | os.PathLike[str]],
    corpus: str,
    options: IngestOptions | None = None,
    observer: Observer | None = None,
    *,
    report: IngestReport | None = None,
    digests: Digests | None = None,
) -> IngestReport:
    """Make a corpus hold the text of files and folders; a second run sends only what changed.

    Args:
        client: where the corpus is; see `ragkit.connect`.
        paths: files and folders.
        corpus: the corpus' id or name; it is created if there is none.
        options: how to ingest.
        observer: is told of progress.
        report: an empty one to fill in, for who wants to see it when the run is interrupted.
        digests: hashes that an earlier run of this process remembers.

    Returns:
        What was done. One bad file never stops the run: it stands in `failures`. If the service
        went away, `aborted` says why; what was acknowledged is there, and running again goes on.

    Raises:
        MissingPathError: a path is not there; nothing was done.
        SameNameError: two of the paths, or one of them and another that was ingested before and
            is still there, have the same name in the corpus; nothing was done.
        APIError, TransportError: the corpus cannot be read or created; nothing was done.
    """
    options = options or IngestOptions()
    report = IngestReport() if report is None else report
    report.dry_run = options.dry_run
    started = time.monotonic()
    named = [os.fspath(path) for path in paths]
    if "" in named:
        raise MissingPathError("")  # as a path it would mean the current folder
    events = scan([*map(Path, named)], include=options.include, exclude=options.exclude)
    held = Held(corpus, documents_of(client, corpus, create=not options.dry_run))
    run = _Run(client, corpus, options, held, Recorder(report, observer), digests or Digests())
    try:
        with rare_garbage_collection():
            run.work_off(events)
        if report.aborted is None:
            run.finish()
    except KeyboardInterrupt:
        report.aborted = "interrupted"
        raise
    finally:
        report.seconds = time.monotonic() - started
    return report


class _Run:
    """The state of one run; its methods run in several threads."""

    def __init__(
        self,
        client: Client,
        corpus: str,
        options: IngestOptions,
        held: Held,
        recorder: Recorder,
        digests: Digests,
    ) -> None:
        self._client = client
        self._corpus = corpus
        self._options = options
        self._held = held
        self._recorder = recorder
        self._digests = digests
        self._given = options.given()
        self._roots: dict[str, RootDone] = {}
        self._root_paths: dict[str, str] = {}
        self._stop = threading.Event()
        self._interrupted = False
        workers = options.workers
        self._workers = (os.cpu_count() or 1) if workers is None else workers
        remote = client.endpoint.startswith("http")
        self._pace = Pace(_MOST_CALLS if remote else None)
        # Twice as many threads as processes: while one file is pushed, the next is read.
        self._threads = max(2, 2 * self._workers, _MOST_CALLS if remote else 0)

    def work_off(self, events: Iterable[ScanEvent]) -> None:
        """Prepare and push every file, several at a time, with few of them in memory."""
        # All of them first: a corpus holds few enough documents, and a display knows its end.
        seen: set[str] = set()
        files = [event for event in events if self._is_file(event, seen)]
        self._held.refuse_namesakes(self._roots.values())
        options = self._options
        self._held.look_for_gone(self._roots.values(), seen, options.include, options.exclude)
        self._recorder.found(len(files))
        few = sum(file.size for file in files) < _WORTH_A_PROCESS
        workers = min(1, self._workers) if few else self._workers
        preparer = Preparer(workers, options.limits, few=few)
        room = Room(2 * self._threads, _IN_MEMORY)
        pool = ThreadPoolExecutor(self._threads, thread_name_prefix="ragkit-ingest")

        def work(file: SourceFile) -> None:
            try:
                if not self._stop.is_set():
                    self._process(file, preparer)
            except BaseException as error:  # noqa: BLE001 - reported, and ends the run
                reason = f"{type(error).__name__}: {error}"
                self._fail(file, reason)
                self._abort(reason)
            finally:
                room.leave(file.size)

        try:
            for file in files:
                if self._stop.is_set():
                    break
                room.enter(file.size)
                pool.submit(work, file)
            pool.shutdown(wait=True)
        except BaseException:
            # An interrupt: finish the calls under way, begin nothing more.
            self._interrupted = True
            self._stop.set()
            self._pace.stop()
            preparer.kill()
            raise
        finally:
            pool.shutdown(wait=True)
            preparer.close()

    def finish(self) -> None:
        """Do what follows when every file has been worked off."""
        client, options, recorder = self._client, self._options, self._recorder
        if options.delete:
            remove = None if options.dry_run else client.documents.delete
            delete_vanished(self._held, self._roots, remove, recorder, self._pace)
        if not options.dry_run and recorder.report.chunks != ChunkCounts():
            make_searchable(client, self._corpus, recorder)

    def _is_file(self, event: ScanEvent, seen: set[str]) -> TypeGuard[SourceFile]:
        """Take note of what the scan met; whether it is a file to ingest."""
        if not isinstance(event, RootDone):
            seen.add(event.source)
        match event:
            case Skipped():
                self._recorder.skipped(event.source, event.reason)
            case Unreadable():
                self._fail(event, event.reason)
            case RootDone():
                self._roots[event.root] = event
                self._root_paths[event.root] = str(event.path.resolve())
        return isinstance(event, SourceFile)

    def _process(self, file: SourceFile, preparer: Preparer) -> None:
        name, current = self._held.find(file.source)
        known = None if current is None else known_content(current)
        try:
            task = self._task(file)
            if known is not None and known == (self._digest(file), task.fingerprint):
                self._recorder.holds(file.source, known[0])
                self._recorder.done(file.source, "unchanged")
            else:
                self._push(preparer.prepare(task), name, current)
        except ChunksRefused as error:
            counts = ChunkCounts(error.created, error.updated, error.deleted)
            self._fail(file, error.reason, counts)
        except ReadError as error:
            if not self._interrupted:
                self._fail(file, error.reason)
        except _ONE_FILE_ONLY as error:
            self._fail(file, str(error))
        except RagkitError as error:
            if not self._interrupted:
                self._fail(file, str(error))
                self._abort(str(error))

    def _task(self, file: SourceFile) -> FileTask:
        return FileTask(
            file.path,
            file.source,
            file.root,
            self._root_paths[file.root],
            self._options.splitting,
            self._given.of(file, self._roots[file.root].path),
            self._options.reading,
        )

    def _digest(self, file: SourceFile) -> str:
        try:
            return self._digests.of(file.path)
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise ReadError(file.source, f"cannot be opened: {reason}") from error

    def _fail(
        self, file: SourceFile | Unreadable, reason: str, counts: ChunkCounts | None = None
    ) -> None:
        path = printable(str(file.path))
        self._recorder.done(file.source, "failed", counts, detail=reason, path=path)

    def _push(self, prepared: PreparedDocument, name: str, current: Document | None) -> None:
        for warning in prepared.warnings:
            self._recorder.warned(prepared.source, warning)
        digest = str(prepared.metadata["sha256"])
        self._recorder.holds(prepared.source, digest)
        renamed = self._held.take_renamed(digest) if current is None else None
        if renamed is not None:
            name, current = renamed.document.name, renamed.document
        finished_before = current is not None and known_content(current) is not None
        counts = self._bring_up_to_date(prepared, name, current)
        outcome: FileOutcome = "changed" if finished_before else "new"
        detail = ""
        if renamed is not None:
            self._recorder.renamed(renamed.source, prepared.source)
            detail = f"renamed from {renamed.source}"
        self._recorder.done(prepared.source, outcome, counts, detail=detail, size=prepared.size)

    def _bring_up_to_date(
        self, prepared: PreparedDocument, name: str, current: Document | None
    ) -> ChunkCounts:
        """Do what is to be done to one document; again when another run was at it as well."""
        for attempt in range(_ATTEMPTS):
            try:
                planned = plan(self._client, name, prepared, current, self._pace)
                if not self._options.dry_run:
                    carry_out(self._client, planned, self._recorder.pushed, self._pace)
            except (AlreadyExists, NotFound):
                if attempt == _ATTEMPTS - 1:
                    raise
                try:
                    current = self._client.documents.get(name)
                except NotFound:
                    current = None
            else:
                return planned.counts
        raise AssertionError("the last attempt returns or raises")

    def _abort(self, reason: str) -> None:
        if not self._stop.is_set():
            self._stop.set()
            self._pace.stop()
            self._recorder.report.aborted = reason
