"""What the jobs that move corpora say: progress while they run, and a report at the end."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from corpus_files import CorpusFilesError
from job_config import FAILURE, INTERRUPTED, OK, WRONG_USAGE, ConfigError

import ragkit

_SECONDS_BETWEEN_LINES = 10.0
_SECONDS_BETWEEN_UPDATES = 0.2


@dataclass(frozen=True, slots=True)
class Failure:
    """Something that could not be moved, and why."""

    name: str
    error: str


@dataclass(slots=True)
class JobReport:
    """How a job ended.

    Attributes:
        documents: how many of the job's documents were sent, unchanged, deleted and so on.
        chunks: the same for chunks.
        failures: what could not be moved.
        error: why it ended early or is not whole; None if it is.
        verified: whether counts and digest on the other side are those they should be.
        seconds: how long it took.
    """

    documents: dict[str, int] = field(default_factory=dict)
    chunks: dict[str, int] = field(default_factory=dict)
    failures: list[Failure] = field(default_factory=list)
    error: str | None = None
    verified: bool = False
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        """Whether everything was moved and found."""
        return self.verified and self.error is None and not self.failures

    def to_json(self) -> dict[str, object]:
        """The report as plain values."""
        return {
            "ok": self.ok,
            "error": self.error,
            "verified": self.verified,
            "documents": self.documents,
            "chunks": self.chunks,
            "failures": [{"name": one.name, "error": one.error} for one in self.failures],
            "seconds": round(self.seconds, 3),
        }

    def print(self, corpus: str) -> None:
        """Say what was done on stdout, and what went wrong on stderr."""
        verdict = "verified" if self.verified else "not verified"
        print(
            f"{corpus}  documents {_counts(self.documents)}; chunks {_counts(self.chunks)}; "
            f"{verdict}  in {self.seconds:.1f} s"
        )
        for failure in self.failures:
            print(f"error: {failure.name}: {failure.error}", file=sys.stderr)
        if self.error is not None:
            print(f"error: {self.error}", file=sys.stderr)


class Progress:
    """Documents and chunks so far: one line that is rewritten on a terminal, else one now and then.

    Args:
        total: documents in all.
    """

    def __init__(self, total: int) -> None:
        self._total = total
        self._started = self._shown = time.monotonic()
        self._terminal = sys.stderr.isatty()
        self.documents = self.chunks = 0

    def advance(self, *, documents: int = 0, chunks: int = 0) -> None:
        """Take note of what has been done."""
        self.documents += documents
        self.chunks += chunks
        now = time.monotonic()
        pause = _SECONDS_BETWEEN_UPDATES if self._terminal else _SECONDS_BETWEEN_LINES
        if now - self._shown >= pause:
            self._shown = now
            rate = self.chunks / (now - self._started)
            left = f"{self.documents:,} of {self._total:,} documents"
            line = f"{left}, {self.chunks:,} chunks, {rate:,.0f} a second"
            print(f"\r{line}\x1b[K" if self._terminal else line, end="", file=sys.stderr)
            print(end="" if self._terminal else "\n", file=sys.stderr, flush=True)

    def close(self) -> None:
        """Take the line away."""
        if self._terminal:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)


def _counts(numbers: dict[str, int]) -> str:
    shown: Iterable[str] = (f"{number:,} {what}" for what, number in numbers.items() if number)
    return ", ".join(shown) or "none"


def check_report_file(file: Path) -> None:
    """Refuse a report that could not be written, before the work rather than after it.

    Raises:
        ConfigError: it is a folder, or in none.
    """
    if file.is_dir():
        raise ConfigError(f"--report: {file} is a folder; name a file")
    if not file.absolute().parent.is_dir():
        raise ConfigError(f"--report: no such folder: {file.absolute().parent}")


def write_json(file: Path, values: dict[str, object]) -> None:
    """Write JSON whole or not at all: whoever watches the file never sees half of it.

    Raises:
        OSError: it cannot be written.
    """
    partial = file.with_name(file.name + ".partial")
    partial.write_text(json.dumps(values, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    partial.replace(file)


JobT = TypeVar("JobT")


def run_job(
    given: argparse.Namespace,
    load: Callable[[Path], JobT],
    move: Callable[[JobT], tuple[str, JobReport]],
    *,
    corpus: Callable[[JobT], str | None],
    kept: str,
) -> int:
    """Run a job that moves a corpus, from its configuration to its report.

    Args:
        given: the command line: `config`, and `report`, a file or None.
        load: reads the configuration.
        move: does the work; returns what to call the corpus, and how it went.
        corpus: the job's corpus, for the report.
        kept: what an interruption leaves.

    Returns:
        The exit code.
    """
    try:
        job = load(given.config)
        if given.report is not None:
            check_report_file(given.report)
        name, report = move(job)
        report.print(name)
        if given.report is not None:
            write_json(given.report, {"corpus": corpus(job), **report.to_json()})
    except (ConfigError, CorpusFilesError, ragkit.ConfigurationError) as error:
        print(f"error: {error}", file=sys.stderr)
        return WRONG_USAGE
    except (ragkit.RagkitError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return FAILURE
    except KeyboardInterrupt:
        print(f"interrupted: {kept} is kept; run again to go on", file=sys.stderr)
        return INTERRUPTED
    return OK if report.ok else FAILURE
