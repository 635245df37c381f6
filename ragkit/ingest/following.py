"""Following folders: a run of ingestion now, and another each time that something has changed.

Folders are looked at rather than listened to: that works on every file system, network drives and
containers' mounts included, where change notifications do not arrive. A look costs a `stat` for
each file; the pause between two looks is at least ten times what the last one took, so that
following never takes more than a tenth of a core. A second run reads only files that changed
since the one before (`Digests`).
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from ragkit.api.errors import RagkitError
from ragkit.client import Client
from ragkit.ingest.digests import Digests
from ragkit.ingest.errors import IngestError
from ragkit.ingest.options import IngestOptions
from ragkit.ingest.report import IngestReport, Observer
from ragkit.ingest.run import ingest
from ragkit.ingest.scan import RootDone, SourceFile, is_sidecar, scan

Look: TypeAlias = dict[Path, tuple[int, int, int] | None]
"""Inode, size and time of change of each file; None for what cannot be looked at."""


@dataclass(frozen=True, slots=True)
class Rhythm:
    """When `watch` looks, in seconds.

    Attributes:
        interval: the least pause between two looks.
        quiet: for how long nothing may have changed before a run begins: half a file is not read,
            and a folder that is being copied makes one run.
        longest: after so long a run begins though files still change, such as a growing log.
        retry: the first pause after a run that the service broke off; it doubles up to
            `longest_retry`.
        longest_retry: the longest such pause.
    """

    interval: float = 1.0
    quiet: float = 0.5
    longest: float = 30.0
    retry: float = 5.0
    longest_retry: float = 300.0


def watch(
    client: Client,
    paths: Iterable[str | os.PathLike[str]],
    corpus: str,
    options: IngestOptions | None = None,
    observer: Observer | None = None,
    *,
    rhythm: Rhythm | None = None,
    stop: threading.Event | None = None,
) -> Iterator[IngestReport]:
    """Make a corpus follow files and folders.

    Args:
        client: where the corpus is.
        paths: files and folders.
        corpus: the corpus' id or name; it is created if there is none.
        options: how to ingest; with `delete`, documents go when their files do.
        observer: is told of progress.
        rhythm: when to look.
        stop: ends the iteration when it is set; without it, closing the iterator or an interrupt
            does.

    Yields:
        The report of each run, the first at once. A run that the service broke off is made again
        after a pause, whether or not anything changed.

    Raises:
        IngestError, APIError, TransportError: as `ingest`, for the first run. What later runs
            raise is told as their report's `aborted`.
    """
    named = [os.fspath(path) for path in paths]
    options = options or IngestOptions()
    rhythm = rhythm or Rhythm()
    stop = stop or threading.Event()
    digests = Digests()
    seen = _look(named, options)
    report = ingest(client, named, corpus, options, observer, digests=digests)
    yield report
    pause = rhythm.retry
    while not stop.is_set():
        patience = None
        if report.aborted is not None:
            patience, pause = pause, min(2 * pause, rhythm.longest_retry)
        else:
            pause = rhythm.retry
        seen = _wait_for_change(named, options, seen, rhythm, stop, patience)
        if stop.is_set():
            return
        report = IngestReport()
        try:
            ingest(client, named, corpus, options, observer, report=report, digests=digests)
        except (IngestError, RagkitError) as error:
            report.aborted = str(error)
        yield report


def _wait_for_change(
    paths: list[str],
    options: IngestOptions,
    seen: Look,
    rhythm: Rhythm,
    stop: threading.Event,
    patience: float | None,
) -> Look:
    """Return when something has changed and then rested, after `patience`, or when to stop.

    Returns:
        What was seen last: the run that follows may be told of more, never of less.
    """
    began = time.monotonic()
    changed_at: float | None = None
    pause = 0.0
    while not stop.wait(pause):
        looked = time.monotonic()
        now = _look(paths, options)
        took = time.monotonic() - looked
        if now != seen:
            changed_at = looked if changed_at is None else changed_at
            seen = now
            if looked - changed_at > rhythm.longest:
                return seen
        elif changed_at is not None or (patience is not None and looked - began >= patience):
            return seen
        pause = max(rhythm.interval if changed_at is None else rhythm.quiet, 10 * took)
        if changed_at is None and patience is not None:
            pause = min(pause, max(0.0, began + patience - time.monotonic()))
    return seen


def _look(paths: list[str], options: IngestOptions) -> Look:
    """The state of all files that a run would read, and of the sidecars beside them."""
    look: Look = {}
    folders: set[Path] = set()
    with suppress(IngestError):  # a path is not there: that is a state too
        for event in scan(paths, include=options.include, exclude=options.exclude):
            if isinstance(event, RootDone):
                if not event.complete:
                    look[event.path] = None
            else:
                look[event.path] = _stamp(event.path)
                if isinstance(event, SourceFile) and event.path.parent not in folders:
                    folders.add(event.path.parent)
                    folders.update(event.path.parents)
    for folder in folders:
        with suppress(OSError), os.scandir(folder) as entries:
            for entry in entries:
                if is_sidecar(entry.name):
                    look[folder / entry.name] = _stamp(folder / entry.name)
    return look


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns
