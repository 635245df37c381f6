"""Ingest folder trees into corpora, as a configuration file says.

    python pipelines/ingest_folder.py [CONFIG.toml] [--report FILE] [--dry-run]

Made for schedulers: run it again and again, and only what changed is sent. The configuration is
checked whole before anything is done; `ingest_folder.toml` beside this file is an example that
runs, and explains every key.

Exit code: 0 if everything was ingested, 1 if a file or a job failed (the others were ingested all
the same), 2 if the command line or the configuration is wrong (nothing was done).
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from job_config import (
    BOOLEAN,
    FAILURE,
    INTEGER,
    INTERRUPTED,
    OK,
    STRING,
    STRINGS,
    TABLE,
    TABLES,
    WRONG_USAGE,
    ConfigError,
    Endpoint,
    Table,
    command_line,
    endpoint,
    read_config,
    resolved,
)
from job_report import check_report_file, write_json

import ragkit
from ragkit.api.limits import MAX_CHUNK_TOKENS
from ragkit.ingest import IngestError, IngestOptions, IngestReport, Splitting, ingest
from ragkit.ingest.chunking import MIN_TOKENS_LIMIT

TOP_KEYS = {"target": TABLE, "defaults": TABLE, "ingest": TABLES}
OPTION_KEYS = {
    "include": STRINGS,
    "exclude": STRINGS,
    "max_tokens": INTEGER,
    "overlap": INTEGER,
    "delete": BOOLEAN,
}
JOB_KEYS = {"corpus": STRING, "folders": STRINGS, **OPTION_KEYS}


@dataclass(frozen=True, slots=True)
class Job:
    """Folders to ingest into one corpus."""

    corpus: str
    folders: tuple[Path, ...]
    options: IngestOptions


@dataclass(frozen=True, slots=True)
class Config:
    """A configuration file that has been checked.

    Attributes:
        jobs: what to ingest, in the file's order.
        target: where the corpora are.
    """

    jobs: tuple[Job, ...]
    target: Endpoint


@dataclass(slots=True)
class Outcome:
    """How a job ended: with a report, with an error, or with neither because it was not begun."""

    job: Job
    report: IngestReport | None = None
    error: str | None = None

    @property
    def ok(self) -> bool:
        """Whether everything of it was ingested."""
        return self.error is None and self.report is not None and self.report.ok

    def to_json(self) -> dict[str, object]:
        """The outcome as plain values: the keys of `ragkit ingest --json`, and more."""
        head = {"corpus": self.job.corpus, "folders": [str(path) for path in self.job.folders]}
        done = self.report.to_json() | {"dry_run": self.report.dry_run} if self.report else {}
        return {**head, "ok": self.ok, "error": self.error, **done}


def load_config(file: Path) -> Config:
    """Read and check a configuration file.

    Raises:
        ConfigError: it cannot be read, is not TOML, or says what cannot be done.
    """
    top = read_config(file, TOP_KEYS)
    target = endpoint(top, "target")
    values = top.values
    defaults = top.part("defaults", OPTION_KEYS)
    entries: list[dict[str, Any]] = values.get("ingest", [])
    if not entries:
        raise top.error("ingest", "nothing to do: write at least one [[ingest]] table")
    jobs: list[Job] = []
    for number, entry in enumerate(entries, start=1):
        Table(file, f"ingest[{number}]", entry).check(JOB_KEYS)
        jobs.append(_job(Table(file, f"ingest[{number}]", {**defaults.values, **entry})))
    _check_folder_names(top, jobs)
    return Config(tuple(jobs), target)


def _job(table: Table) -> Job:
    values = table.values
    for key in ("corpus", "folders"):
        if not values.get(key):
            raise table.error(key, f"is missing or empty; it must be {JOB_KEYS[key]}")
    corpus = table.corpus()
    return Job(
        corpus=corpus,
        folders=_folders(table),
        options=IngestOptions(
            splitting=_splitting(table),
            include=tuple(values.get("include", ())),
            exclude=tuple(values.get("exclude", ())),
            delete=values.get("delete", False),
        ),
    )


def _folders(table: Table) -> tuple[Path, ...]:
    folders: list[Path] = []
    for given in table.values["folders"]:
        folder = resolved(table.file, given)
        if not folder.is_dir():
            problem = "is not a folder" if folder.exists() else "no such folder"
            raise table.error(
                "folders",
                f"{problem}: {given!r} (looked for {folder}; "
                "paths are relative to the configuration file)",
            )
        folders.append(folder)
    return tuple(folders)


def _splitting(table: Table) -> Splitting:
    usual = Splitting()
    max_tokens = table.values.get("max_tokens", usual.max_tokens)
    overlap = table.values.get("overlap", min(usual.overlap, max_tokens // 2))
    if not MIN_TOKENS_LIMIT <= max_tokens <= MAX_CHUNK_TOKENS:
        allowed = f"{MIN_TOKENS_LIMIT} to {MAX_CHUNK_TOKENS:,}"
        raise table.error("max_tokens", f"must be {allowed}, not {max_tokens}")
    if not 0 <= overlap <= max_tokens // 2:
        allowed = f"0 to half of max_tokens ({max_tokens // 2})"
        raise table.error("overlap", f"must be {allowed}, not {overlap}")
    return Splitting(max_tokens, overlap)


def _check_folder_names(top: Table, jobs: Sequence[Job]) -> None:
    """Refuse two folders of one name in one corpus.

    A folder's documents are known by its name, so a job with `delete` would take the other
    folder's documents for vanished ones.
    """
    seen: dict[tuple[str, str], tuple[int, Path]] = {}
    for number, job in enumerate(jobs, start=1):
        for folder in job.folders:
            key = (job.corpus, folder.name)
            if key in seen:
                other, first = seen[key]
                raise top.error(
                    f"ingest[{number}].folders",
                    f"{folder} has the name of {first} (ingest[{other}]), and both go into the "
                    f"corpus {job.corpus!r}: ingest a folder that holds both, or use two corpora",
                )
            seen[key] = (number, folder)


def run(config: Config, *, dry_run: bool = False) -> list[Outcome]:
    """Carry out the jobs in order; one that fails does not stop the others.

    Only when the service cannot be reached are the jobs that are left not begun.
    """
    outcomes = [Outcome(job) for job in config.jobs]
    unreachable = False
    with config.target.connect() as client:
        for outcome in outcomes:
            job = outcome.job
            if unreachable:
                outcome.error = "not begun: the service could not be reached"
                continue
            options = replace(job.options, dry_run=dry_run)
            try:
                outcome.report = ingest(client, job.folders, job.corpus, options)
            except (ragkit.RagkitError, IngestError) as error:
                outcome.error = str(error)
                unreachable = isinstance(error, ragkit.TransportError)
    return outcomes


def print_summary(outcomes: Sequence[Outcome]) -> None:
    """Say what was done, a line for each job on stdout; what went wrong, on stderr."""
    width = max(len(outcome.job.corpus) for outcome in outcomes)
    for outcome in outcomes:
        report, corpus = outcome.report, outcome.job.corpus
        if report is None:
            print(f"{corpus:<{width}}  failed")
            print(f"error: {corpus}: {outcome.error}", file=sys.stderr)
            continue
        files = ", ".join(f"{count} {what}" for what, count in report.files.items() if count)
        chunks = report.chunks
        would = "would be: " if report.dry_run else ""
        print(
            f"{corpus:<{width}}  {would}files {files or 'none'}; chunks {chunks.created} created, "
            f"{chunks.updated} updated, {chunks.deleted} deleted  in {report.seconds:.1f} s"
        )
        for warning in report.warnings:
            print(f"warning: {corpus}: {warning.path}: {warning.error}", file=sys.stderr)
        for failure in report.failures:
            print(f"error: {corpus}: {failure.path}: {failure.error}", file=sys.stderr)
        if report.aborted is not None:
            print(f"error: {corpus}: ended early: {report.aborted}", file=sys.stderr)


def write_report(file: Path, config: Path, outcomes: Sequence[Outcome], seconds: float) -> None:
    """Write the JSON report whole or not at all: whoever watches the file never sees half of it.

    Raises:
        OSError: it cannot be written.
    """
    report = {
        "config": str(config),
        "ok": all(outcome.ok for outcome in outcomes),
        "seconds": round(seconds, 3),
        "jobs": [outcome.to_json() for outcome in outcomes],
    }
    write_json(file, report)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; returns the exit code."""
    parser = command_line(__file__, __doc__ or "")
    parser.add_argument("--report", type=Path, metavar="FILE", help="write a JSON report here")
    parser.add_argument("--dry-run", action="store_true", help="change nothing; say what would be")
    given = parser.parse_args(arguments)
    started = time.monotonic()
    try:
        config = load_config(given.config)
        if given.report is not None:
            check_report_file(given.report)
        outcomes = run(config, dry_run=given.dry_run)
    except (ConfigError, ragkit.ConfigurationError) as error:
        print(f"error: {error}", file=sys.stderr)
        return WRONG_USAGE
    except KeyboardInterrupt:
        print("interrupted: what was acknowledged is kept", file=sys.stderr)
        return INTERRUPTED
    print_summary(outcomes)
    code = OK if all(outcome.ok for outcome in outcomes) else FAILURE
    if given.report is not None:
        try:
            write_report(given.report, given.config, outcomes, time.monotonic() - started)
        except OSError as error:
            print(f"error: the report cannot be written: {error}", file=sys.stderr)
            code = FAILURE
    return code


if __name__ == "__main__":
    sys.exit(main())
