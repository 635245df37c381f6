"""The rules that all batches share."""

from __future__ import annotations

from collections.abc import Sequence

from ragkit.api.errors import InvalidArgument
from ragkit.service.values import missing


def check_batch_size(size: int, limit: int) -> None:
    """Raise InvalidArgument for an empty batch and for one of too many requests."""
    if not size:
        raise missing("requests", f"a batch holds 1 to {limit} requests")
    if size > limit:
        raise InvalidArgument(
            f"requests: {size} requests, at most {limit} are allowed in one batch; split it",
            field="requests",
        )


def check_parent(given: str, parent: str, field: str) -> None:
    """Raise InvalidArgument if a request of a batch names another parent than the batch."""
    if given and given != parent:
        raise InvalidArgument(
            f"{field}: {given[:200]!r} is not the batch's parent {parent!r}", field=field
        )


def refuse_repeated(ids: Sequence[str], field: str) -> None:
    """Raise InvalidArgument for the first request whose resource an earlier one names."""
    seen: dict[str, int] = {}
    for number, resource_id in enumerate(ids):
        earlier = seen.setdefault(resource_id, number)
        if earlier != number:
            where = f"requests[{number}].{field}"
            raise InvalidArgument(
                f"{where}: {resource_id!r} is named by requests[{earlier}] already", field=where
            )
