"""`ragkit ingest`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from ragkit.api.limits import MAX_CHUNK_TOKENS
from ragkit.cli.options import Session, session_options, visible
from ragkit.ingest import IngestOptions, Splitting
from ragkit.ingest import ingest as run
from ragkit.ingest.chunking import MIN_TOKENS_LIMIT

if TYPE_CHECKING:
    from ragkit.ingest import ChunkCounts, FileOutcome, IngestReport, Observer

_DEFAULT = Splitting()


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
@click.option("--delete", is_flag=True, help="Remove documents whose files are gone.")
@click.option("--dry-run", is_flag=True, help="Change nothing; say what would be done.")
@click.option(
    "--workers", type=click.IntRange(0), help="Processes that read files; by default one a core."
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
    delete: bool,
    dry_run: bool,
    workers: int | None,
) -> None:
    """Read files and folders into a corpus; running it again sends only what changed.

    \b
    Examples:
      ragkit ingest examples/library --corpus library
      ragkit ingest notes/ report.pdf --corpus work --exclude "drafts/**"
      ragkit ingest notes/ --corpus work --delete --dry-run

    Text, Markdown, HTML and PDF are read. A file that cannot be read is reported and left out, the
    others go on; then the exit code is 1. With --json: {"files": {"new", "changed", "unchanged",
    "deleted", "failed"}, "chunks": {"created", "updated", "deleted"}, "failures": [{"path",
    "error"}], "seconds"}.
    """  # noqa: D301
    if overlap is None:
        overlap = min(_DEFAULT.overlap, max_tokens // 2)
    if overlap > max_tokens // 2:
        raise click.UsageError(
            f"--overlap {overlap} is more than half of --max-tokens {max_tokens}"
        )
    options = IngestOptions(
        splitting=Splitting(max_tokens, overlap),
        include=include,
        exclude=exclude,
        delete=delete,
        dry_run=dry_run,
        workers=workers,
    )
    with session.connect() as client, _display(session) as observer:
        report = run(client, paths, corpus, options, observer)
    if session.as_json:
        session.print_json(report.to_json())
    _summarise(session, report)
    if not report.ok:
        raise click.exceptions.Exit(1)


class _Lines:
    """Says what happens, a line a file, on a stderr that is no terminal."""

    def __enter__(self) -> Observer:
        return self

    def __exit__(self, *exception: object) -> None:
        pass

    def found(self, files: int) -> None:
        """Say nothing: the file's own line follows."""

    def pushed(self, chunks: int) -> None:
        """Say nothing: the file's own line follows."""

    def done(
        self, source: str, outcome: FileOutcome, chunks: ChunkCounts, detail: str = ""
    ) -> None:
        """Print the file's line; unchanged files have none."""
        if outcome == "unchanged":
            return
        what = f": {detail}" if detail else f" ({_counted(chunks)})"
        sys.stderr.write(visible(f"{outcome:<8} {source}{what}") + "\n")

    def warned(self, source: str, warning: str) -> None:
        """Print the warning."""
        sys.stderr.write(visible(f"warning  {source}: {warning}") + "\n")


def _display(session: Session) -> _Lines | Live:
    console = session.console(stderr=True)
    return Live(session) if console.is_terminal else _Lines()


class Live:
    """A progress display that lives on a terminal: files, chunks, rate, time."""

    def __init__(self, session: Session) -> None:
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            SpinnerColumn,
            TextColumn,
            TimeElapsedColumn,
            TimeRemainingColumn,
        )

        self._console = session.console(stderr=True)
        self._progress = Progress(
            SpinnerColumn(),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("files  [bold]{task.fields[chunks]}[/] chunks  {task.fields[rate]}"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            TextColumn("[dim]{task.fields[current]}"),
            console=self._console,
            transient=True,
        )
        self._chunks = 0
        self._task = self._progress.add_task("ingest", total=None, chunks=0, rate="", current="")

    def __enter__(self) -> Observer:
        self._progress.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._progress.stop()

    def found(self, files: int) -> None:
        """Lengthen the bar."""
        self._progress.update(self._task, total=files)

    def pushed(self, chunks: int) -> None:
        """Count the chunks and their rate."""
        self._chunks += chunks
        elapsed = self._progress.tasks[0].elapsed or 0.0
        rate = f"{self._chunks / elapsed:,.0f}/s" if elapsed > 0.5 else ""
        self._progress.update(self._task, chunks=f"{self._chunks:,}", rate=rate)

    def done(
        self, source: str, outcome: FileOutcome, chunks: ChunkCounts, detail: str = ""
    ) -> None:
        """Move the bar; a failure stays on the screen."""
        from rich.text import Text

        if outcome == "failed":
            self._console.print(Text(visible(f"failed   {source}: {detail}"), style="red"))
        self._progress.update(self._task, advance=1, current=visible(source))

    def warned(self, source: str, warning: str) -> None:
        """Leave the warning on the screen."""
        from rich.text import Text

        self._console.print(Text(visible(f"warning  {source}: {warning}"), style="yellow"))


def _counted(chunks: ChunkCounts) -> str:
    parts = [
        f"{count:,} chunk{'' if count == 1 else 's'} {what}"
        for what, count in (
            ("created", chunks.created),
            ("updated", chunks.updated),
            ("deleted", chunks.deleted),
        )
        if count
    ]
    return ", ".join(parts) or "no chunk changed"


def _summarise(session: Session, report: IngestReport) -> None:
    from rich.text import Text

    console = session.console(stderr=True)
    files = ", ".join(f"{count:,} {outcome}" for outcome, count in report.files.items() if count)
    would = "would be: " if report.dry_run else ""
    rate = report.chunks.created / report.seconds if report.seconds else 0.0
    speed = f", {rate:,.0f} chunks/s" if report.chunks.created and not report.dry_run else ""
    console.print(
        Text.assemble(
            ("files: ", "bold"),
            f"{would}{files or 'none'}; {_counted(report.chunks)} ",
            (f"in {report.seconds:.1f} s{speed}", "dim"),
        )
    )
    if not any(report.files.values()) and not report.skipped:
        console.print(Text("no file to ingest was found", style="yellow"))
    if report.skipped:
        names = ", ".join(map(visible, report.skipped[:3]))
        names += " …" if len(report.skipped) > 3 else ""
        console.print(Text(f"passed over {len(report.skipped)}: {names}", style="dim"))
    if report.aborted is not None:
        console.print(
            Text(
                f"ended early: {report.aborted}\nwhat was acknowledged is kept; "
                "run the same command again to go on",
                style="red",
            )
        )
    elif report.failures:
        console.print(
            Text(f"{len(report.failures)} left out (see above); the others are there", style="red")
        )
