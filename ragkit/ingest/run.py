"""A whole run: find files, prepare them in parallel, push what changed, remove what vanished."""

from __future__ import annotations

import hashlib
import os
import threading
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeGuard

from ragkit.api.documents import Document
from ragkit.api.errors import (
    AlreadyExists,
    APIError,
    FailedPrecondition,
    InvalidArgument,
    NotFound,
    RagkitError,
)
from ragkit.api.limits import DOCUMENTS_PAGE
from ragkit.api.names import document_name
from ragkit.client import Client
from ragkit.ingest.errors import MissingPathError, ReadError, SameNameError
from ragkit.ingest.prepare import (
    ROOT_PATH,
    FileTask,
    PreparedDocument,
    Splitting,
    document_id,
)
from ragkit.ingest.report import ChunkCounts, FileOutcome, IngestReport, Observer, Recorder
from ragkit.ingest.scan import (
    RootDone,
    ScanEvent,
    Skipped,
    SourceFile,
    Unreadable,
    is_selected,
    printable,
    scan,
)
from ragkit.ingest.sync import carry_out, known_content, plan
from ragkit.ingest.workers import Preparer, rare_garbage_collection

_ONE_FILE_ONLY = (InvalidArgument, FailedPrecondition, AlreadyExists)
"""The API's errors that concern one file; any other would meet every file and ends the run."""


_ATTEMPTS = 5
"""How often one document is tried when another run works on it at the same time."""
_WORTH_A_PROCESS = 500_000
"""Bytes of files from which on worker processes are worth the time that their start takes."""


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
    """

    splitting: Splitting = field(default_factory=Splitting)
    include: Sequence[str] = ()
    exclude: Sequence[str] = ()
    delete: bool = False
    dry_run: bool = False
    workers: int | None = None


def ingest(
    client: Client,
    paths: Iterable[str | os.PathLike[str]],
    corpus: str,
    options: IngestOptions | None = None,
    observer: Observer | None = None,
) -> IngestReport:
    """Make a corpus hold the text of files and folders; a second run sends only what changed.

    Args:
        client: where the corpus is; see `ragkit.connect`.
        paths: files and folders.
        corpus: the corpus' id or name; it is created if there is none.
        options: how to ingest.
        observer: is told of progress.

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
    started = time.monotonic()
    named = [os.fspath(path) for path in paths]
    if "" in named:
        raise MissingPathError("")  # as a path it would mean the current folder
    events = scan([*map(Path, named)], include=options.include, exclude=options.exclude)
    documents = _existing_documents(client, corpus, create=not options.dry_run)
    report = IngestReport(dry_run=options.dry_run)
    run = _Run(client, corpus, options, documents, Recorder(report, observer))
    try:
        with rare_garbage_collection():
            run.work_off(events)
        if options.delete and report.aborted is None:
            run.delete_vanished()
        run.make_searchable()
    finally:
        report.seconds = time.monotonic() - started
    return report


def _existing_documents(client: Client, corpus: str, *, create: bool) -> dict[str, Document]:
    """The corpus' documents by name; creates the corpus if need be."""
    try:
        pager = client.documents.list(corpus, page_size=DOCUMENTS_PAGE.maximum)
        return {document.name: document for document in pager}
    except NotFound:
        if create:
            try:
                client.corpora.create(corpus, display_name=corpus.removeprefix("corpora/"))
            except AlreadyExists:
                return _existing_documents(client, corpus, create=False)
        return {}


class _Run:
    """The state of one run; its methods run in several threads."""

    def __init__(
        self,
        client: Client,
        corpus: str,
        options: IngestOptions,
        documents: dict[str, Document],
        recorder: Recorder,
    ) -> None:
        self._client = client
        self._corpus = corpus
        self._options = options
        self._documents = documents
        self._recorder = recorder
        self._seen: set[str] = set()
        self._roots: list[RootDone] = []
        self._root_paths: dict[str, str] = {}
        self._stop = threading.Event()
        workers = options.workers
        self._workers = (os.cpu_count() or 1) if workers is None else workers

    def work_off(self, events: Iterable[ScanEvent]) -> None:
        """Prepare and push every file, several at a time, with few of them in memory."""
        # All of them first: a corpus holds few enough documents, and a display knows its end.
        files = [event for event in events if self._is_file(event)]
        self._refuse_namesakes()
        self._recorder.found(len(files))
        workers = self._workers if _size(files) >= _WORTH_A_PROCESS else 0
        preparer = Preparer(workers)
        # Twice as many threads as processes: while one file is pushed, the next is read.
        threads = max(2, 2 * workers)
        places = threading.Semaphore(2 * threads)
        pool = ThreadPoolExecutor(threads, thread_name_prefix="ragkit-ingest")

        def work(file: SourceFile) -> None:
            try:
                if not self._stop.is_set():
                    self._process(file, preparer)
            except BaseException as error:  # noqa: BLE001 - reported, and ends the run
                reason = f"{type(error).__name__}: {error}"
                self._fail(file, reason)
                self._abort(reason)
            finally:
                places.release()

        try:
            for file in files:
                if self._stop.is_set():
                    break
                places.acquire()
                pool.submit(work, file)
        except BaseException:
            self._stop.set()  # an interrupt: finish what is under way, begin nothing more
            raise
        finally:
            pool.shutdown(wait=True)
            preparer.close()

    def _refuse_namesakes(self) -> None:
        """Refuse roots under whose name the corpus holds another folder that is still there."""
        for done in self._roots:
            here = str(done.path.resolve())
            for document in self._documents.values():
                metadata = document.metadata
                there = metadata.get(ROOT_PATH)
                if metadata.get("root") != done.root or not isinstance(there, str):
                    continue
                if there != here and os.path.lexists(there):
                    raise SameNameError(there, done.path, done.root)

    def _is_file(self, event: ScanEvent) -> TypeGuard[SourceFile]:
        """Take note of what the scan met; whether it is a file to ingest."""
        if not isinstance(event, RootDone):
            self._seen.add(document_name(document_id(event.source), self._corpus))
        match event:
            case Skipped():
                self._recorder.report.skipped.append(event.source)
            case Unreadable():
                self._fail(event, event.reason)
            case RootDone():
                self._roots.append(event)
                self._root_paths[event.root] = str(event.path.resolve())
        return isinstance(event, SourceFile)

    def _process(self, file: SourceFile, preparer: Preparer) -> None:
        current = self._documents.get(document_name(document_id(file.source), self._corpus))
        known = None if current is None else known_content(current)
        splitting = self._options.splitting
        root_path = self._root_paths[file.root]
        try:
            if known is not None and known == (_digest(file), splitting.fingerprint):
                self._recorder.done(file.source, "unchanged")
            else:
                task = FileTask(file.path, file.source, file.root, root_path, splitting)
                self._push(preparer.prepare(task), current)
        except ReadError as error:
            self._fail(file, error.reason)
        except _ONE_FILE_ONLY as error:
            self._fail(file, str(error))
        except RagkitError as error:
            self._fail(file, str(error))
            self._abort(str(error))

    def _fail(self, file: SourceFile | Unreadable, reason: str) -> None:
        self._recorder.done(file.source, "failed", detail=reason, path=printable(str(file.path)))

    def _push(self, prepared: PreparedDocument, current: Document | None) -> None:
        for warning in prepared.warnings:
            self._recorder.warned(prepared.source, warning)
        finished_before = current is not None and known_content(current) is not None
        counts = self._bring_up_to_date(prepared, current)
        outcome: FileOutcome = "changed" if finished_before else "new"
        self._recorder.done(prepared.source, outcome, counts, size=prepared.size)

    def _bring_up_to_date(
        self, prepared: PreparedDocument, current: Document | None
    ) -> ChunkCounts:
        """Do what is to be done to one document; again when another run was at it as well."""
        for attempt in range(_ATTEMPTS):
            try:
                planned = plan(self._client, self._corpus, prepared, current)
                if not self._options.dry_run:
                    carry_out(self._client, planned, self._recorder.pushed)
            except (AlreadyExists, NotFound):
                if attempt == _ATTEMPTS - 1:
                    raise
                try:
                    current = self._client.documents.get(planned.name)
                except NotFound:
                    current = None
            else:
                return planned.counts
        raise AssertionError("the last attempt returns or raises")

    def _abort(self, reason: str) -> None:
        if not self._stop.is_set():
            self._stop.set()
            self._recorder.report.aborted = reason

    def delete_vanished(self) -> None:
        """Remove documents of files that are gone, on evidence only.

        The root that a document belongs to was scanned to its end, the patterns select the file,
        the scan did not meet it, and it is not there: what was not looked for is not gone. A
        root of which nothing at all was met is left alone too: it may be another folder of the
        same name, or one whose contents are away for the moment.
        """
        complete = {done.root: done.path for done in self._roots if done.complete}
        for done in self._roots:
            if not done.complete:
                self._recorder.warned(
                    printable(str(done.path)),
                    "could not be looked through to its end, so no document of it was removed",
                )
        met: set[str] = set()
        gone: dict[str, list[tuple[str, str, Document]]] = {}
        for name, document in self._documents.items():
            root, source = document.metadata.get("root"), document.metadata.get("source")
            if not isinstance(root, str) or not isinstance(source, str) or root not in complete:
                continue
            below = source.removeprefix(root + "/")
            if name in self._seen:
                met.add(root)
            elif not os.path.lexists(complete[root] / below) and is_selected(
                below, self._options.include, self._options.exclude
            ):
                gone.setdefault(root, []).append((name, source, document))
        for root, documents in gone.items():
            if root not in met:
                self._recorder.warned(
                    str(complete[root]),
                    f"none of the {len(documents)} documents that the corpus holds of a folder "
                    f"{root!r} is in it, so none was removed: is it another folder of that name? "
                    "'ragkit documents delete' removes them one by one",
                )
                continue
            for name, source, document in documents:
                self._delete(name, source, document)

    def make_searchable(self) -> None:
        """Let the service bring its index up to date now rather than before the first query."""
        changed = self._recorder.report.chunks != ChunkCounts()
        if not changed or self._options.dry_run or self._recorder.report.aborted is not None:
            return
        try:
            self._client.corpora.query(self._corpus, "searchable", results_count=1)
        except RagkitError as error:
            self._recorder.warned(
                self._corpus, f"everything is stored, but a first query failed: {error}"
            )

    def _delete(self, name: str, source: str, document: Document) -> None:
        chunks = document.metadata.get("chunks", 0)
        count = int(chunks) if isinstance(chunks, (int, float)) else 0
        try:
            if not self._options.dry_run:
                self._client.documents.delete(name, force=True)
        except NotFound:
            pass  # somebody else removed it: that is what was wanted
        except APIError as error:
            self._recorder.done(source, "failed", detail=f"cannot be removed: {error}")
            return
        self._recorder.done(source, "deleted", ChunkCounts(deleted=count))


def _size(files: Iterable[SourceFile]) -> int:
    """The size of all files together, in bytes; those that cannot be looked at count nothing."""
    total = 0
    for file in files:
        with suppress(OSError):
            total += file.path.stat().st_size
    return total


def _digest(file: SourceFile) -> str:
    try:
        with file.path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise ReadError(file.source, f"cannot be opened: {reason}") from error
