"""What recent searches of one view found."""

from __future__ import annotations

import threading
from collections import OrderedDict

from ragkit.engine.records import ScoredChunk

_REMEMBERED = 4_096
_LONGEST_REMEMBERED = 1_024


class RecentHits:
    """What recent searches of a whole corpus found. Safe to use from several threads.

    A view never changes, so what it gave once it would give again; what is found in one view is
    forgotten with it.
    """

    def __init__(self) -> None:
        self._found: OrderedDict[tuple[str, int], list[ScoredChunk]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, query: str, limit: int) -> list[ScoredChunk] | None:
        """What a query found, None if it is not known."""
        with self._lock:
            found = self._found.get((query, limit))
            if found is not None:
                self._found.move_to_end((query, limit))
            return found

    def put(self, query: str, limit: int, found: list[ScoredChunk]) -> None:
        """Remember what a query found; the queries that were asked longest ago are forgotten."""
        if len(query) > _LONGEST_REMEMBERED:
            return
        with self._lock:
            self._found[query, limit] = found
            while len(self._found) > _REMEMBERED:
                self._found.popitem(last=False)
