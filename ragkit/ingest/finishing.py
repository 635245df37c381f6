"""What a run does when every file has been worked off."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Protocol

from ragkit.api.errors import APIError, NotFound, RagkitError
from ragkit.client import Client
from ragkit.ingest.held import Gone, Held
from ragkit.ingest.pushing import Pace
from ragkit.ingest.report import ChunkCounts, Recorder
from ragkit.ingest.scan import RootDone, printable


class Remove(Protocol):
    """Deletes a document by its name."""

    def __call__(self, name: str, *, force: bool) -> object:
        """Delete it, with its chunks if `force`."""
        ...


def delete_vanished(
    held: Held,
    roots: Mapping[str, RootDone],
    remove: Remove | None,
    recorder: Recorder,
    pace: Pace,
) -> None:
    """Remove the documents of files that are gone; see `Held.look_for_gone`.

    A root of which nothing at all was met is left alone.

    Args:
        held: what the corpus held.
        roots: what was scanned, by the roots' names.
        remove: deletes a document; None to say only what would be deleted.
        recorder: is told.
        pace: when calls are sent.
    """
    for done in roots.values():
        if not done.complete:
            recorder.warned(
                printable(str(done.path)),
                "could not be looked through to its end, so no document of it was removed",
            )
    for root, met, documents in held.gone():
        path = roots[root].path
        if not met:
            recorder.warned(
                printable(str(path)),
                f"none of the {len(documents)} documents that the corpus holds of a folder "
                f"{root!r} is in it, so none was removed: is it another folder of that name? "
                "'ragkit documents delete' removes them one by one",
            )
            continue
        for gone in documents:
            # A last look: the file may have come back during the run.
            if not os.path.lexists(path / gone.source.removeprefix(root + "/")):
                _delete(gone, remove, recorder, pace)


def _delete(gone: Gone, remove: Remove | None, recorder: Recorder, pace: Pace) -> None:
    chunks = gone.document.metadata.get("chunks", 0)
    count = int(chunks) if isinstance(chunks, (int, float)) else 0
    try:
        if remove is not None:
            pace(lambda: remove(gone.document.name, force=True))
    except NotFound:
        pass  # somebody else removed it: that is what was wanted
    except APIError as error:
        recorder.done(gone.source, "failed", detail=f"cannot be removed: {error}")
        return
    recorder.done(gone.source, "deleted", ChunkCounts(deleted=count))


def make_searchable(client: Client, corpus: str, recorder: Recorder) -> None:
    """Let the service bring its index up to date now rather than before the first query."""
    try:
        client.corpora.query(corpus, "searchable", results_count=1)
    except RagkitError as error:
        recorder.warned(corpus, f"everything is stored, but a first query failed: {error}")
