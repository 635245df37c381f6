"""What the index needs of the store, and what it says about itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from ragkit.engine.records import Change


class ChangeLog(Protocol):
    """The store's log of changes, numbered upwards within each corpus.

    Only the newest change of a chunk is listed. An upsert carries text, vector and document key;
    a delete carries the chunk key only.
    """

    def last_change(self, corpus_key: int) -> int:
        """Return the number of the corpus' newest change, 0 if there is none."""
        ...

    def changes(self, corpus_key: int, after: int, limit: int) -> list[Change]:
        """Return at most `limit` changes numbered above `after`, ascending."""
        ...


@dataclass(frozen=True, slots=True)
class IndexStatus:
    """How far a corpus' index has come.

    `applied_change` is the number of the newest change applied, `live_chunks` how many chunks can
    be found, `disk_bytes` what the files take.
    """

    applied_change: int
    live_chunks: int
    disk_bytes: int
