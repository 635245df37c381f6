"""Keep corpora in step with folders: run the jobs of `ingest_folder.py` again and again.

    python pipelines/sync_on_schedule.py [CONFIG.toml] [--once]

Made to be left running (under systemd, in a container) or, with --once, to be run by a scheduler.
Only one round runs at a time, in whatever process: a round that finds another at work is left out
and says so. The jobs' configuration is read anew for each round, so that it can be changed
meanwhile; a round that fails is logged, and the next one completes it. `sync_on_schedule.toml`
beside this file explains every key.

A log line on stderr says what each round did. SIGTERM ends the program: between rounds at once,
within a round when the files that are under way are done; what was acknowledged is kept.

Exit code: 0 if it was ended by SIGTERM, or the one round went well; 1 if the one round failed; 2
if the command line or the configuration is wrong (nothing was done); 3 if another round was at
work; 130 if it was interrupted from the keyboard.
"""

from __future__ import annotations

import logging
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

import filelock
import ingest_folder
from job_config import (
    FAILURE,
    INTERRUPTED,
    NUMBER,
    OK,
    STRING,
    TABLE,
    WRONG_USAGE,
    ConfigError,
    command_line,
    read_config,
    resolved,
)

import ragkit

AT_WORK = 3
"""Exit code: another round was at work."""

TOP_KEYS = {"schedule": TABLE}
SCHEDULE_KEYS = {"jobs": STRING, "every_minutes": NUMBER, "lock": STRING, "report": STRING}
_MOST_MINUTES = 60 * 24 * 31

log = logging.getLogger("sync")


class Terminated(KeyboardInterrupt):
    """SIGTERM came: like an interrupt from the keyboard, it ends a round in good order."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """What to run, and when.

    Attributes:
        jobs: the configuration of the jobs, as `ingest_folder.py` reads it.
        every: seconds from the beginning of a round to that of the next.
        lock: the file by which rounds know of each other.
        report: where each round writes its JSON report; None for nowhere.
    """

    jobs: Path
    every: float
    lock: Path
    report: Path | None = None


def load_schedule(file: Path) -> Schedule:
    """Read and check a configuration file, that of the jobs included.

    Raises:
        ConfigError: one cannot be read, is not TOML, or says what cannot be done.
    """
    top = read_config(file, TOP_KEYS)
    table = top.part("schedule", SCHEDULE_KEYS)
    minutes = table.values.get("every_minutes", 15)
    if not 0 < minutes <= _MOST_MINUTES:
        most = f"{_MOST_MINUTES:,}"
        raise table.error("every_minutes", f"must be more than 0 and at most {most}, not {minutes}")
    jobs = table.path("jobs")
    ingest_folder.load_config(jobs)
    lock, report = table.values.get("lock"), table.values.get("report")
    schedule = Schedule(
        jobs=jobs,
        every=minutes * 60,
        lock=jobs.with_suffix(".lock") if not lock else resolved(file, lock),
        report=None if not report else resolved(file, report),
    )
    for key, path in (("lock", schedule.lock), ("report", schedule.report)):
        if path is not None and (path.is_dir() or not path.parent.is_dir()):
            raise table.error(key, f"must be a file in a folder that is there, not {path}")
    return schedule


def run_round(schedule: Schedule) -> int:
    """Run the jobs once, unless another round is at work; returns the exit code of the round."""
    try:
        with filelock.FileLock(schedule.lock, timeout=0):
            return _run_jobs(schedule)
    except filelock.Timeout:
        log.warning("left out: another round is at work (%s is locked)", schedule.lock)
        return AT_WORK
    except ConfigError as error:
        log.error("the jobs' configuration is wrong: %s", error)
        return WRONG_USAGE
    except (ragkit.RagkitError, OSError) as error:
        log.error("the round failed: %s", error)
        return FAILURE


def _run_jobs(schedule: Schedule) -> int:
    started = time.monotonic()
    config = ingest_folder.load_config(schedule.jobs)
    outcomes = ingest_folder.run(config)
    for outcome in outcomes:
        _log_outcome(outcome)
    seconds = time.monotonic() - started
    if schedule.report is not None:
        ingest_folder.write_report(schedule.report, schedule.jobs, outcomes, seconds)
    failed = sum(not outcome.ok for outcome in outcomes)
    log.info("round done: jobs=%d failed=%d seconds=%.1f", len(outcomes), failed, seconds)
    return FAILURE if failed else OK


def _log_outcome(outcome: ingest_folder.Outcome) -> None:
    corpus, report = outcome.job.corpus, outcome.report
    if report is None:
        log.error("corpus=%s failed: %s", corpus, outcome.error)
        return
    files = " ".join(f"{what}={count}" for what, count in report.files.items())
    chunks = report.chunks
    log.info(
        "corpus=%s %s chunks_created=%d chunks_updated=%d chunks_deleted=%d seconds=%.1f",
        corpus,
        files,
        chunks.created,
        chunks.updated,
        chunks.deleted,
        report.seconds,
    )
    for failure in report.failures:
        log.error("corpus=%s %s: %s", corpus, failure.path, failure.error)
    if report.aborted is not None:
        log.error("corpus=%s ended early: %s", corpus, report.aborted)


def run_for_ever(schedule: Schedule) -> None:
    """Run a round now, and then one every so often; those that are missed are not made up for."""
    log.info("a round every %g minutes: %s", schedule.every / 60, schedule.jobs)
    due = time.monotonic()
    while True:
        run_round(schedule)
        due = max(due + schedule.every, time.monotonic())
        while (left := due - time.monotonic()) > 0:
            time.sleep(left)


def _terminate(_signal: int, _frame: FrameType | None) -> None:
    raise Terminated


def _log_to_stderr() -> None:
    handler = logging.StreamHandler()
    formatter = logging.Formatter("%(asctime)s %(levelname)s %(message)s", "%Y-%m-%dT%H:%M:%SZ")
    formatter.converter = time.gmtime
    handler.setFormatter(formatter)
    log.handlers[:] = [handler]
    log.setLevel(logging.INFO)
    log.propagate = False


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; returns the exit code."""
    parser = command_line(__file__, __doc__ or "")
    parser.add_argument("--once", action="store_true", help="run one round and end")
    given = parser.parse_args(arguments)
    try:
        schedule = load_schedule(given.config)
    except ConfigError as error:
        print(f"error: {error}", file=sys.stderr)
        return WRONG_USAGE
    _log_to_stderr()
    before = signal.signal(signal.SIGTERM, _terminate)
    try:
        if given.once:
            return run_round(schedule)
        run_for_ever(schedule)
    except Terminated:
        log.info("ended by SIGTERM: what was acknowledged is kept")
    except KeyboardInterrupt:
        log.info("interrupted: what was acknowledged is kept")
        return INTERRUPTED
    finally:
        signal.signal(signal.SIGTERM, before)
    return OK


if __name__ == "__main__":
    sys.exit(main())
