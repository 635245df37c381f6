"""Lists of those rows only that meet a condition which the store does not know."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from ragkit.service.paging import Position, RowT

_LOOKED_AT: Final = 200


def selected(
    rows: Callable[[int, Position | None], Sequence[RowT]], accept: Callable[[RowT], bool]
) -> Callable[[int, Position | None], Sequence[RowT]]:
    """A source of rows for `paging.page` that leaves out those that are not accepted.

    Arguments:
        rows: gives at most so many rows after a position.
        accept: whether a row belongs to the list.
    """

    def accepted(limit: int, after: Position | None) -> Sequence[RowT]:
        found: list[RowT] = []
        while True:
            page = rows(_LOOKED_AT, after)
            found += filter(accept, page)
            if len(page) < _LOOKED_AT or len(found) >= limit:
                return found[:limit]
            after = page[-1].create_time, page[-1].key

    return accepted
