"""`ragkit ingest`."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import click

from ragkit.api.limits import MAX_CHUNK_TOKENS
from ragkit.cli.ingest_display import Lines, display, summarise
from ragkit.cli.options import Session, parse_metadata, session_options
from ragkit.ingest import FileLimits, IngestOptions, IngestReport, Splitting, watch
from ragkit.ingest import ingest as run
from ragkit.ingest.chunking import MIN_TOKENS_LIMIT
from ragkit.ingest.limits import MEGABYTE, MIN_MEMORY
from ragkit.ingest.readers.options import ReadOptions

_DEFAULT = Splitting()
_LIMITS = FileLimits()
_READING = ReadOptions()
PASSWORD_VARIABLE = "RAGKIT_FILE_PASSWORD"


@click.command(name="ingest")
@click.argument("paths", nargs=-1, required=True, type=click.Path())
@click.option("--corpus", required=True, metavar="ID", help="The corpus; made if there is none.")
@click.option("--include", multiple=True, metavar="GLOB", help="Take only these; repeatable.")
@click.option("--exclude", multiple=True, metavar="GLOB", help="Leave these out; repeatable.")
@click.option(
    "--max-tokens",
    type=click.IntRange(MIN_TOKENS_LIMIT, MAX_CHUNK_TOKENS),
    default=_DEFAULT.max_tokens,
    show_default=True,
    help="Tokens that a chunk may hold.",
)
@click.option(
    "--overlap",
    type=click.IntRange(0),
    show_default=f"{_DEFAULT.overlap}, or half of --max-tokens",
    help="Tokens that neighbouring chunks may share.",
)
@click.option(
    "--meta",
    multiple=True,
    metavar="KEY=VALUE",
    help="Metadata of all documents; a repeated key makes a list.",
)
@click.option(
    "--meta-from-path",
    multiple=True,
    metavar="PATTERN",
    help="Take metadata out of paths, as 'reports/{year:int}/{team}/*' does; repeatable.",
)
@click.option("--delete", is_flag=True, help="Remove documents whose files are gone.")
@click.option("--dry-run", is_flag=True, help="Change nothing; say what would be done.")
@click.option("--watch", "follow", is_flag=True, help="Follow the folders until interrupted.")
@click.option(
    "--report",
    "report_file",
    type=click.Path(dir_okay=False),
    metavar="FILE",
    help="Write all of the report there, as JSON.",
)
@click.option(
    "--workers", type=click.IntRange(0), help="Processes that read files; by default one a core."
)
@click.option(
    "--file-seconds",
    type=click.FloatRange(0, min_open=True),
    default=_LIMITS.seconds,
    show_default=True,
    help="Time that reading one file may take.",
)
@click.option(
    "--file-memory",
    type=click.IntRange(MIN_MEMORY // MEGABYTE),
    default=(_LIMITS.memory or 0) // MEGABYTE,
    show_default=True,
    metavar="MB",
    help="Memory that reading one file may take.",
)
@click.option(
    "--password",
    multiple=True,
    metavar="TEXT",
    help=f"Tried on encrypted files; better: {PASSWORD_VARIABLE}.",
)
@click.option("--no-ocr", is_flag=True, help="Leave scanned pages alone.")
@click.option(
    "--ocr-languages",
    default=_READING.ocr_languages,
    show_default=True,
    metavar="LANG",
    help="Languages to expect on scanned pages, such as deu+eng.",
)
@session_options
def ingest(
    session: Session,
    paths: tuple[str, ...],
    corpus: str,
    include: tuple[str, ...],
    exclude: tuple[str, ...],
    max_tokens: int,
    overlap: int | None,
    meta: tuple[str, ...],
    meta_from_path: tuple[str, ...],
    delete: bool,
    dry_run: bool,
    follow: bool,
    report_file: str | None,
    workers: int | None,
    file_seconds: float,
    file_memory: int,
    password: tuple[str, ...],
    no_ocr: bool,
    ocr_languages: str,
) -> None:
    """Read files and folders into a corpus; running it again sends only what changed.

    \b
    Examples:
      ragkit ingest examples/library --corpus library
      ragkit ingest notes/ report.pdf --corpus work --exclude "drafts/**"
      ragkit ingest notes/ --corpus work --delete --dry-run
      ragkit ingest notes/ --corpus work --delete --watch
      ragkit ingest archive/ --corpus archive --report left-out.json \\
        --meta owner=legal --meta-from-path "archive/{year:int}/{team}/**"

    Metadata also come from front matter, from a file beside each file (report.pdf.meta.yaml) and
    from one for a folder (_meta.yaml). Search by them: ragkit query work "tea" --where
    document.team=sales.

    A file that cannot be read, or takes more time or memory than it may, is reported and left
    out, the others go on; then the exit code is 1. A renamed file keeps its document. With --json:
    {"files": {"new", "changed", "unchanged", "deleted", "failed"}, "chunks": {"created",
    "updated", "deleted"}, "failures": [{"path", "error"}], "seconds"}; with --watch one such
    object for each run. --report adds warnings, what was passed over, renamed files and copies.
    """  # noqa: D301
    if overlap is None:
        overlap = min(_DEFAULT.overlap, max_tokens // 2)
    if overlap > max_tokens // 2:
        raise click.UsageError(
            f"--overlap {overlap} is more than half of --max-tokens {max_tokens}"
        )
    if follow and dry_run:
        raise click.UsageError("--watch with --dry-run would say the same for ever: choose one")
    options = IngestOptions(
        splitting=Splitting(max_tokens, overlap),
        include=include,
        exclude=exclude,
        delete=delete,
        dry_run=dry_run,
        workers=workers,
        metadata=parse_metadata(meta) or {},
        meta_from_path=meta_from_path,
        limits=FileLimits(file_seconds, file_memory * MEGABYTE),
        reading=ReadOptions(
            passwords=password or tuple(filter(None, [os.environ.get(PASSWORD_VARIABLE)])),
            ocr=not no_ocr,
            ocr_languages=ocr_languages,
        ),
    )
    told = _Told(session, corpus, paths, _writable(report_file))
    ok = _follow(told, options) if follow else _once(told, options)
    if not ok:
        raise click.exceptions.Exit(1)


class _Told:
    """Whom the command tells of its runs: stdout, stderr and the report's file."""

    def __init__(
        self, session: Session, corpus: str, paths: Sequence[str], file: Path | None
    ) -> None:
        self.session, self.corpus, self.paths = session, corpus, paths
        self._file = file

    def ended(self, report: IngestReport) -> None:
        """Tell of a run that has ended."""
        if self.session.as_json:
            self.session.print_json(report.to_json())
            sys.stdout.flush()
        self.interrupted(report)
        summarise(self.session, report)

    def interrupted(self, report: IngestReport) -> None:
        """Write down what was done, whether or not the run came to its end."""
        if self._file is None:
            return
        content = {
            "corpus": self.corpus,
            "paths": list(self.paths),
            "ended": datetime.now(UTC).isoformat(timespec="seconds"),
            **report.details(),
        }
        text = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
        data = text.encode("utf-8", "backslashreplace")
        if self._file.exists() and not self._file.is_file():
            self._file.write_bytes(data)  # a device or pipe
            return
        # Whole or not at all, so that who reads it meanwhile sees no half of it.
        part = self._file.with_name(f".{self._file.name}.{os.getpid()}")
        part.write_bytes(data)
        part.replace(self._file)


def _once(told: _Told, options: IngestOptions) -> bool:
    report = IngestReport()
    with told.session.connect() as client, display(told.session) as observer:
        try:
            run(client, told.paths, told.corpus, options, observer, report=report)
        except KeyboardInterrupt:
            told.interrupted(report)
            raise
    told.ended(report)
    return report.ok


def _follow(told: _Told, options: IngestOptions) -> bool:
    """Follow the folders until an interrupt, which is how this ends well."""
    ok = True
    with told.session.connect() as client, Lines() as observer, _interrupt_on_termination():
        try:
            for report in watch(client, told.paths, told.corpus, options, observer):
                ok = report.ok
                told.ended(report)
                click.echo("watching; Ctrl-C ends it", err=True)
        except KeyboardInterrupt:
            click.echo("no longer watching: what was acknowledged is kept", err=True)
    return ok


@contextmanager
def _interrupt_on_termination() -> Iterator[None]:
    """Take SIGTERM, by which services are ended, like an interrupt."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _writable(report_file: str | None) -> Path | None:
    """The report's file, refused now rather than after hours if it cannot be written."""
    if report_file is None:
        return None
    path = Path(report_file)
    if not path.parent.is_dir() or not os.access(path.parent, os.W_OK):
        raise click.UsageError(f"--report {report_file}: no folder to write to")
    return path
