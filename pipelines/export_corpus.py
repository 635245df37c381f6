"""Export a corpus to files, JSON Lines or Parquet, as a configuration file says.

    python pipelines/export_corpus.py [CONFIG.toml] [--report FILE]

Documents and chunks with their text and metadata, with embeddings if asked for. Run it again after
an interruption: what has been exported is kept, documents that have changed since are exported
anew. At the end all files are read back and compared with what the corpus gave, by count and
digest. `export_corpus.toml` beside this file explains every key; `import_corpus.py` is the other
direction; `corpus_files.py` says what the files look like.

Exit code: 0 if the files hold the whole corpus, 1 if something is missing (it is named), 2 if the
command line or the configuration is wrong (nothing was done).
"""

from __future__ import annotations

import hashlib
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from corpus_files import (
    FORMATS,
    CorpusFilesError,
    Manifest,
    Part,
    PartWriter,
    Record,
    Tally,
    chunk_record,
    document_record,
    file_sha256,
    read_manifest,
    read_part,
    require_parquet,
)
from job_config import (
    INTEGER,
    STRING,
    TABLE,
    Endpoint,
    command_line,
    endpoint,
    read_config,
)
from job_report import Failure, JobReport, Progress, run_job

import ragkit
from ragkit.api.documents import Document
from ragkit.api.limits import CHUNKS_PAGE, DOCUMENTS_PAGE, MAX_BATCH_SIZE

TOP_KEYS = {"source": TABLE, "export": TABLE}
EXPORT_KEYS = {
    "corpus": STRING,
    "folder": STRING,
    "format": STRING,
    "part_chunks": INTEGER,
    "embeddings": STRING,
    "dimensions": INTEGER,
}


@dataclass(frozen=True, slots=True)
class Job:
    """What to export, and where to.

    Attributes:
        source: where the corpus is.
        corpus: its id.
        folder: where the files go; it is made.
        format: of the files, one of `FORMATS`.
        part_chunks: chunks from which on a part is full; a part holds whole documents.
        embeddings: the model of the embeddings; None for none.
        dimensions: how many of them to keep; None for all.
    """

    source: Endpoint
    corpus: str
    folder: Path
    format: str = "jsonl"
    part_chunks: int = 5_000
    embeddings: str | None = None
    dimensions: int | None = None

    @property
    def embedding_settings(self) -> dict[str, object] | None:
        """How embeddings are made, as the manifest says it."""
        if self.embeddings is None:
            return None
        return {"model": self.embeddings, "dimensions": self.dimensions}


def load_config(file: Path) -> Job:
    """Read and check a configuration file.

    Raises:
        ConfigError: it cannot be read, is not TOML, or says what cannot be done.
    """
    top = read_config(file, TOP_KEYS)
    table = top.part("export", EXPORT_KEYS)
    values = table.values
    format_ = values.get("format", FORMATS[0])
    if format_ not in FORMATS:
        raise table.error("format", f"must be one of {', '.join(FORMATS)}, not {format_!r}")
    embeddings = values.get("embeddings") or None
    if embeddings is None and "dimensions" in values:
        raise table.error("dimensions", "is of embeddings, and no model is given under embeddings")
    return Job(
        source=endpoint(top, "source"),
        corpus=table.corpus(),
        folder=table.path("folder"),
        format=format_,
        part_chunks=table.whole("part_chunks", 5_000, 1, 1_000_000),
        embeddings=embeddings,
        dimensions=table.whole("dimensions", 0, 1, 100_000) if "dimensions" in values else None,
    )


def export_corpus(job: Job, client: ragkit.Client) -> JobReport:
    """Export a corpus; what an earlier run has exported and is unchanged is kept.

    Raises:
        CorpusFilesError: the folder holds something else; nothing was done.
        APIError, TransportError: the corpus cannot be listed; nothing was done.
        OSError: the folder cannot be written.
    """
    if job.format == "parquet":
        require_parquet()
    started = time.monotonic()
    report = JobReport()
    corpus = client.corpora.get(job.corpus)
    manifest = _manifest(job, corpus.display_name)
    export = _Export(job, client, manifest, report)
    try:
        export.run()
        report.verified = export.verify()
    except ragkit.RagkitError as error:
        report.error = f"ended early: {error}"
    finally:
        export.close()
    manifest.complete = report.ok
    manifest.write(job.folder)
    report.seconds = time.monotonic() - started
    return report


def _manifest(job: Job, display_name: str) -> Manifest:
    """What the folder holds, or the description of an empty one."""
    new = Manifest(job.corpus, display_name, job.format, job.embedding_settings)
    found = read_manifest(job.folder)
    if found is None:
        job.folder.mkdir(parents=True, exist_ok=True)
        if any(job.folder.iterdir()):
            raise CorpusFilesError(f"{job.folder}: holds other files; name a folder of its own")
        new.write(job.folder)
        return new
    for what, there, wanted in (
        ("the corpus", found.corpus, new.corpus),
        ("the format", found.format, new.format),
        ("embeddings", found.embeddings, new.embeddings),
    ):
        if there != wanted:
            raise CorpusFilesError(
                f"{job.folder}: holds an export with {what} {there!r}, not {wanted!r}; "
                "name another folder, or remove it"
            )
    new.parts = found.parts
    return new


class _Export:
    """One run."""

    def __init__(
        self, job: Job, client: ragkit.Client, manifest: Manifest, report: JobReport
    ) -> None:
        self._job = job
        self._client = client
        self._manifest = manifest
        self._report = report
        self._writer: PartWriter | None = None

    def run(self) -> None:
        """Bring the parts up to date."""
        documents = self._listed()
        wanted = {_id(document): _stamp(document) for document in documents}
        self._drop_outdated(wanted)
        kept = {name for part in self._manifest.parts for name in part.documents}
        todo = [document for document in documents if _id(document) not in kept]
        counts = self._report.documents
        counts |= {"exported": 0, "kept": len(kept), "failed": 0}
        self._report.chunks |= {"exported": 0, "kept": self._manifest.tally.chunks}
        self._manifest.complete = False
        self._manifest.write(self._job.folder)
        progress = Progress(len(todo))
        try:
            for document in todo:
                self._export(document, progress)
            self._finish_part()
        finally:
            progress.close()

    def _listed(self) -> list[Document]:
        return list(self._client.documents.list(self._job.corpus, page_size=DOCUMENTS_PAGE.maximum))

    def _drop_outdated(self, wanted: dict[str, str]) -> None:
        """Forget parts with a document that has changed or is gone, and files without a part."""
        parts = [
            part
            for part in self._manifest.parts
            if (self._job.folder / part.file).is_file()
            and all(wanted.get(name) == stamp for name, stamp in part.documents.items())
        ]
        self._manifest.parts = parts
        self._manifest.write(self._job.folder)
        known = {part.file for part in parts}
        for file in self._job.folder.glob("part-*"):
            if file.name not in known:
                file.unlink()

    def _export(self, document: Document, progress: Progress) -> None:
        if self._writer is None:
            numbers = [int(part.file[5:10]) for part in self._manifest.parts]
            number = max(numbers, default=-1) + 1
            self._writer = PartWriter(self._job.folder, number, self._job.format)
        try:
            records = self._records(document, progress)
            tally = self._writer.add(_id(document), _stamp(document), records)
        except ragkit.APIError as error:
            self._report.failures.append(Failure(document.name, str(error)))
            self._report.documents["failed"] += 1
            return
        self._report.documents["exported"] += 1
        self._report.chunks["exported"] += tally.chunks
        progress.advance(documents=1)
        if self._writer.total.chunks >= self._job.part_chunks:
            self._finish_part()

    def _records(self, document: Document, progress: Progress) -> Iterator[Record]:
        """The document's record and its chunks', as they come."""
        yield document_record(document)
        batch: list[Record] = []
        for chunk in self._client.chunks.list(document.name, page_size=CHUNKS_PAGE.maximum):
            batch.append(chunk_record(chunk))
            if len(batch) == MAX_BATCH_SIZE:
                yield from self._embedded(batch)
                progress.advance(chunks=len(batch))
                batch = []
        yield from self._embedded(batch)
        progress.advance(chunks=len(batch))

    def _embedded(self, records: list[Record]) -> list[Record]:
        if self._job.embeddings is None or not records:
            return records
        response = self._client.models.batch_embed_contents(
            [record["text"] for record in records],
            model=self._job.embeddings,
            task_type="RETRIEVAL_DOCUMENT",
            output_dimensionality=self._job.dimensions,
        )
        for record, embedding in zip(records, response.embeddings, strict=True):
            record["embedding"] = list(embedding.values)
        return records

    def _finish_part(self) -> None:
        writer, self._writer = self._writer, None
        if writer is None:
            return
        if not writer.documents:
            writer.discard()
            return
        try:
            part = writer.close()
        except BaseException:
            writer.discard()
            raise
        self._manifest.parts.append(part)
        self._manifest.write(self._job.folder)

    def close(self) -> None:
        """Leave nothing unfinished behind; whole documents of an interrupted run are kept."""
        self._finish_part()

    def verify(self) -> bool:
        """Read the files back, and look whether the corpus has changed meanwhile."""
        whole = [part for part in self._manifest.parts if self._is_whole(part)]
        same = len(whole) == len(self._manifest.parts)
        self._manifest.parts = whole
        there = {name: stamp for part in whole for name, stamp in part.documents.items()}
        failed = {failure.name for failure in self._report.failures}
        for document in self._listed():
            stamp = there.pop(_id(document), None)
            if stamp != _stamp(document) and document.name not in failed:
                same = False
                reason = "has changed while it was exported: run again"
                self._report.failures.append(Failure(document.name, reason))
        for name in there:
            same = False
            reason = "was deleted while the corpus was exported: run again"
            self._report.failures.append(Failure(name, reason))
        return same

    def _is_whole(self, part: Part) -> bool:
        file = self._job.folder / part.file
        found = Tally()
        try:
            digest = file_sha256(file)
            for record in read_part(file):
                found.add(record)
        except (CorpusFilesError, OSError) as error:
            self._report.failures.append(Failure(str(file), f"{error}: run again"))
            return False
        if digest != part.sha256 or found != part.tally:
            reason = "does not hold what was written: run again"
            self._report.failures.append(Failure(str(file), reason))
            return False
        return True


def _id(document: Document) -> str:
    return document.name.rpartition("/")[2]


def _stamp(document: Document) -> str:
    """What changes when a document does: a hash of all that the API says of it."""
    return hashlib.sha256(document.model_dump_json().encode()).hexdigest()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; returns the exit code."""
    parser = command_line(__file__, __doc__ or "")
    parser.add_argument("--report", type=Path, metavar="FILE", help="write a JSON report here")

    def move(job: Job) -> tuple[str, JobReport]:
        with job.source.connect() as client:
            return job.corpus, export_corpus(job, client)

    return run_job(
        parser.parse_args(arguments),
        load_config,
        move,
        corpus=lambda job: job.corpus,
        kept="what was exported",
    )


if __name__ == "__main__":
    sys.exit(main())
