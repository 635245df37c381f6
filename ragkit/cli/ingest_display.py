"""What `ragkit ingest` shows: what happens meanwhile, and what came of it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from ragkit.cli.options import Session, visible

if TYPE_CHECKING:
    from ragkit.ingest import ChunkCounts, FileOutcome, IngestReport, Observer


class Lines:
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


def display(session: Session) -> Lines | Live:
    """The display that suits where stderr goes."""
    console = session.console(stderr=True)
    return Live(session) if console.is_terminal else Lines()


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


def summarise(session: Session, report: IngestReport) -> None:
    """Print the table that a run ends with."""
    from rich.table import Table
    from rich.text import Text

    console = session.console(stderr=True)
    outcomes = ", ".join(f"{count:,} {outcome}" for outcome, count in report.files.items() if count)
    would = "would be: " if report.dry_run else ""
    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    table.add_row("files", Text(f"{would}{outcomes or 'none'}"))
    table.add_row("chunks", Text(f"{would}{_counted(report.chunks)}"))
    table.add_row("time", Text(_speed(report), style="dim"))
    for label, names in (
        ("renamed", [f"{old} to {new}" for old, new in report.renamed]),
        ("copies", [f"{path} of {first}" for path, first in report.copies]),
        ("passed over", report.skipped),
    ):
        if names:
            table.add_row(label, Text(_named(names), style="dim"))
    if report.aborted is not None:
        advice = "what was acknowledged is kept; run the same command again to go on"
        table.add_row("ended early", Text(f"{visible(report.aborted)}\n{advice}", style="red"))
    elif report.failures:
        count = len(report.failures)
        files = "file" if count == 1 else "files"
        told = f"{count:,} {files} (see above); the others are there"
        table.add_row("left out", Text(told, style="red"))
    console.print(table)
    if not any(report.files.values()) and not report.skipped:
        console.print(Text("no file to ingest was found", style="yellow"))


def _named(names: list[str]) -> str:
    shown = ", ".join(map(visible, names[:3])) + (", …" if len(names) > 3 else "")
    return f"{len(names):,}: {shown}"


def _speed(report: IngestReport) -> str:
    parts = [f"{report.seconds:.1f} s"]
    if report.seconds and not report.dry_run:
        handled = sum(report.files.values())
        for count, what in ((handled, "files"), (report.chunks.created, "chunks")):
            if count:
                parts.append(f"{count / report.seconds:,.0f} {what}/s")
        if report.bytes:
            parts.append(f"{report.bytes / 1e6:,.1f} MB read")
    return ", ".join(parts)
