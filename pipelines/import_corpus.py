"""Import a corpus from files that `export_corpus.py` wrote, as a configuration file says.

    python pipelines/import_corpus.py [CONFIG.toml] [--report FILE]

Afterwards each document of the export is in the corpus with exactly the chunks and metadata that it
had: what is there and equal is left alone, so run it again after an interruption, or to bring a
copy up to date. At the end the corpus is read back and compared with the export, by count and
digest. Embeddings in the files are not sent, since the API takes none: the target makes its own.
`import_corpus.toml` beside this file explains every key.

Exit code: 0 if the corpus holds the whole export, 1 if something is missing (it is named), 2 if
the command line, the configuration or the files are wrong (nothing was done).
"""

from __future__ import annotations

import itertools
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from corpus_files import (
    CorpusFilesError,
    Manifest,
    Record,
    Tally,
    chunk_record,
    document_record,
    file_sha256,
    fingerprint,
    read_manifest,
    read_part,
    require_parquet,
)
from job_config import (
    BOOLEAN,
    STRING,
    TABLE,
    Endpoint,
    command_line,
    endpoint,
    read_config,
)
from job_report import Failure, JobReport, Progress, run_job

import ragkit
from ragkit.api.chunks import Chunk
from ragkit.api.documents import Document
from ragkit.api.errors import AlreadyExists, FailedPrecondition, InvalidArgument, NotFound
from ragkit.api.limits import CHUNKS_PAGE, DOCUMENTS_PAGE, MAX_BATCH_SIZE
from ragkit.api.names import chunk_name, document_name
from ragkit.ingest.sync import CONTENT_KEYS

TOP_KEYS = {"target": TABLE, "import": TABLE}
IMPORT_KEYS = {"folder": STRING, "corpus": STRING, "delete": BOOLEAN}

_ONE_ITEM_ONLY = (InvalidArgument, FailedPrecondition, AlreadyExists, NotFound)
"""The API's errors that concern one item; any other would meet every item and ends the run."""


@dataclass(frozen=True, slots=True)
class Job:
    """What to import, and where to.

    Attributes:
        target: where the corpus shall be.
        folder: what `export_corpus.py` wrote.
        corpus: the corpus' id; None for the exported one's.
        delete: remove the corpus' documents that the export lacks.
    """

    target: Endpoint
    folder: Path
    corpus: str | None = None
    delete: bool = False


def load_config(file: Path) -> Job:
    """Read and check a configuration file.

    Raises:
        ConfigError: it cannot be read, is not TOML, or says what cannot be done.
    """
    top = read_config(file, TOP_KEYS)
    table = top.part("import", IMPORT_KEYS)
    return Job(
        target=endpoint(top, "target"),
        folder=table.path("folder"),
        corpus=table.corpus() if "corpus" in table.values else None,
        delete=table.values.get("delete", False),
    )


def load_export(folder: Path) -> Manifest:
    """Read what a folder holds, and check that its files are those which were written.

    Raises:
        CorpusFilesError: it is no export, not a whole one, or a file is damaged or missing.
    """
    manifest = read_manifest(folder)
    if manifest is None:
        raise CorpusFilesError(f"{folder}: there is no exported corpus here")
    if not manifest.complete:
        raise CorpusFilesError(f"{folder}: the export is not complete; run it again to its end")
    if manifest.format == "parquet":
        require_parquet()
    for part in manifest.parts:
        file = folder / part.file
        try:
            whole = file_sha256(file) == part.sha256
        except OSError as error:
            raise CorpusFilesError(f"{file}: cannot be read: {error.strerror or error}") from error
        if not whole:
            raise CorpusFilesError(f"{file}: is not the file that was exported; export it again")
    return manifest


def import_corpus(job: Job, client: ragkit.Client) -> JobReport:
    """Make a corpus hold what an export does.

    Raises:
        CorpusFilesError: the export is not whole; nothing was done.
        APIError, TransportError: the corpus cannot be made or listed; nothing was done.
    """
    started = time.monotonic()
    manifest = load_export(job.folder)
    report = JobReport()
    run = _Import(job, client, manifest, report)
    run.open()
    try:
        run.work_off()
        report.verified = run.verify()
    except (ragkit.RagkitError, CorpusFilesError) as error:
        report.error = f"ended early: {error}"
    report.seconds = time.monotonic() - started
    return report


class _Import:
    """One run."""

    def __init__(
        self, job: Job, client: ragkit.Client, manifest: Manifest, report: JobReport
    ) -> None:
        self._job = job
        self._client = client
        self._manifest = manifest
        self._report = report
        self._corpus = job.corpus or manifest.corpus
        self._there: dict[str, Document] = {}
        report.documents |= {"created": 0, "updated": 0, "unchanged": 0, "deleted": 0, "failed": 0}
        report.chunks |= {"created": 0, "updated": 0, "unchanged": 0, "deleted": 0, "failed": 0}

    def open(self) -> None:
        """Make the corpus if there is none; list its documents."""
        try:
            self._there = {document.name: document for document in self._listed()}
        except NotFound:
            self._client.corpora.create(self._corpus, display_name=self._manifest.display_name)

    def _listed(self) -> Iterator[Document]:
        return iter(self._client.documents.list(self._corpus, page_size=DOCUMENTS_PAGE.maximum))

    def work_off(self) -> None:
        """Import every document; remove those that the export lacks, if asked to."""
        progress = Progress(self._manifest.tally.documents)
        try:
            for part in self._manifest.parts:
                records = read_part(self._job.folder / part.file)
                for document, group in itertools.groupby(records, lambda one: one["document"]):
                    self._import(document, group, progress)
                    progress.advance(documents=1)
        finally:
            progress.close()
        if self._job.delete:
            exported = self._exported()
            for name in self._there.keys() - exported:
                self._client.documents.delete(name, force=True)
                self._report.documents["deleted"] += 1

    def _exported(self) -> set[str]:
        return {
            document_name(document, self._corpus)
            for part in self._manifest.parts
            for document in part.documents
        }

    def _import(self, document: str, records: Iterator[Record], progress: Progress) -> None:
        """Make one document hold its chunks and metadata.

        What says that it holds its content whole is written last, and taken back before anything
        is changed, as `ragkit ingest` has it: an interrupted import is never taken for a whole one.
        """
        name = document_name(document, self._corpus)
        head = next(records)
        try:
            self._sync(name, head, records, progress)
        except _ONE_ITEM_ONLY as error:
            self._report.documents["failed"] += 1
            self._report.failures.append(Failure(name, str(error)))

    def _sync(self, name: str, head: Record, records: Iterator[Record], progress: Progress) -> None:
        current = self._there.get(name)
        marked = current is not None and not _CONTENT_KEYS.isdisjoint(current.metadata)
        metadata = head["metadata"]
        unfinished = {key: metadata[key] for key in metadata if key not in CONTENT_KEYS}
        before = dict(self._report.chunks)
        failed = len(self._report.failures)
        there: dict[str, int] = {}
        if current is None:
            self._client.documents.create(
                self._corpus, name, display_name=head["display_name"], metadata=unfinished
            )
        else:
            for chunk in self._client.chunks.list(name, page_size=CHUNKS_PAGE.maximum):
                there[chunk.name] = fingerprint(chunk_record(chunk))

        def taken_back() -> None:
            nonlocal marked
            if marked:
                self._client.documents.update(name, metadata=unfinished)
                marked = False

        while group := list(itertools.islice(records, MAX_BATCH_SIZE)):
            self._send(name, group, there, taken_back)
            progress.advance(chunks=len(group))
        self._remove(name, list(there), taken_back)
        changed = self._report.chunks["unchanged"] - before["unchanged"] != sum(
            self._report.chunks.values()
        ) - sum(before.values())
        same = current is not None and fingerprint(document_record(current)) == fingerprint(head)
        if len(self._report.failures) > failed:
            self._report.documents["failed"] += 1
        elif current is not None and same and not changed:
            self._report.documents["unchanged"] += 1
        else:
            display_name = head["display_name"]
            self._client.documents.update(name, display_name=display_name, metadata=metadata)
            self._report.documents["created" if current is None else "updated"] += 1

    def _send(
        self,
        document: str,
        records: list[Record],
        there: dict[str, int],
        taken_back: Callable[[], None],
    ) -> None:
        """Create and update up to a batch of chunks; those met are taken out of `there`."""
        create: list[Chunk] = []
        update: list[Chunk] = []
        for record in records:
            name = chunk_name(record["chunk"], document)
            found = there.pop(name, None)
            if found == fingerprint(record):
                self._report.chunks["unchanged"] += 1
            else:
                chunk = Chunk.of(record["text"], record["metadata"], name)
                (create if found is None else update).append(chunk)
        if create or update:
            taken_back()
        chunks = self._client.chunks
        self._push(create, "created", lambda some: chunks.batch_create(document, some))
        mask = ["data", "custom_metadata"]
        self._push(
            update, "updated", lambda some: chunks.batch_update(document, some, update_mask=mask)
        )

    def _push(
        self, chunks: Sequence[Chunk], what: str, call: Callable[[Sequence[Chunk]], object]
    ) -> None:
        """Send a batch; where one of its chunks is refused, find out which and send the others."""
        if not chunks:
            return
        try:
            call(chunks)
            self._report.chunks[what] += len(chunks)
        except _ONE_ITEM_ONLY as error:
            if len(chunks) == 1:
                self._report.chunks["failed"] += 1
                self._report.failures.append(Failure(chunks[0].name, str(error)))
                return
            middle = len(chunks) // 2
            self._push(chunks[:middle], what, call)
            self._push(chunks[middle:], what, call)

    def _remove(self, document: str, names: list[str], taken_back: Callable[[], None]) -> None:
        if names:
            taken_back()
        for start in range(0, len(names), MAX_BATCH_SIZE):
            some = names[start : start + MAX_BATCH_SIZE]
            self._client.chunks.batch_delete(document, some)
            self._report.chunks["deleted"] += len(some)

    def verify(self) -> bool:
        """Read the documents back and compare count and digest with the export's."""
        exported, found = self._exported(), Tally()
        for document in self._listed():
            if document.name in exported:
                found.add(document_record(document))
                for chunk in self._client.chunks.list(document.name, page_size=CHUNKS_PAGE.maximum):
                    found.add(chunk_record(chunk))
        wanted = self._manifest.tally
        if found != wanted and not self._report.failures:
            self._report.error = (
                f"the corpus does not hold what was exported: {found.documents:,} documents and "
                f"{found.chunks:,} chunks of {wanted.documents:,} and {wanted.chunks:,}"
                + (", with other contents" if found.digest != wanted.digest else "")
            )
        return found == wanted


_CONTENT_KEYS = frozenset(CONTENT_KEYS)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; returns the exit code."""
    parser = command_line(__file__, __doc__ or "")
    parser.add_argument("--report", type=Path, metavar="FILE", help="write a JSON report here")

    def move(job: Job) -> tuple[str, JobReport]:
        with job.target.connect() as client:
            return job.corpus or job.folder.name, import_corpus(job, client)

    return run_job(
        parser.parse_args(arguments),
        load_config,
        move,
        corpus=lambda job: job.corpus,
        kept="what was acknowledged",
    )


if __name__ == "__main__":
    sys.exit(main())
