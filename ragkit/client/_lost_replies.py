"""Whether a lost reply was that of a success, found out from what stands there now.

A create whose name the caller gave and a delete can be sent again although they may have been
carried out: ALREADY_EXISTS and NOT_FOUND then show that they were. For a create, what stands there
is compared with what was sent, as somebody else may have taken the name.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from ragkit.api import methods
from ragkit.api.errors import AlreadyExists, APIError, NotFound
from ragkit.api.wire import Method
from ragkit.client._calls import Call, ReplyT, Steps


class _Create(NamedTuple):
    """How a create is recognised as done."""

    field: str  # of the request, that holds the resource
    get: Method[Any, Any]
    compared: tuple[str, ...]


_CREATES = {
    methods.CORPORA_CREATE.id: _Create("corpus", methods.CORPORA_GET, ("display_name",)),
    methods.DOCUMENTS_CREATE.id: _Create(
        "document", methods.DOCUMENTS_GET, ("display_name", "custom_metadata")
    ),
    methods.CHUNKS_CREATE.id: _Create("chunk", methods.CHUNKS_GET, ("data", "custom_metadata")),
}


def repeatable(call: Call[Any]) -> bool:
    """Whether a call may be sent again although it may have been carried out."""
    return call.method.safe or _deletes(call) or _names_given(call)


def _deletes(call: Call[Any]) -> bool:
    return call.method.verb == "DELETE" or call.method is methods.CHUNKS_BATCH_DELETE


def _creates(call: Call[Any]) -> list[tuple[_Create, Any]]:
    """The resources that a call creates, each with how to recognise it; None for one not given."""
    request: Any = call.request
    if call.method is methods.CHUNKS_BATCH_CREATE:
        how = _CREATES[methods.CHUNKS_CREATE.id]
        return [(how, item.chunk) for item in request.requests]
    one = _CREATES.get(call.method.id)
    return [] if one is None else [(one, getattr(request, one.field))]


def _names_given(call: Call[Any]) -> bool:
    """Whether a call creates, and each resource it creates carries its caller's name."""
    created = _creates(call)
    return bool(created) and all(wanted is not None and wanted.name for _, wanted in created)


def went_through(
    call: Call[ReplyT], failure: APIError, again: Callable[[Call[Any]], Steps[Any]]
) -> Steps[ReplyT | None]:
    """The reply that was lost, if `failure` of a repeated call shows that an attempt succeeded.

    `again` carries out further calls under the same conditions.
    """
    if isinstance(failure, NotFound) and _deletes(call):
        return call.method.response()
    if not isinstance(failure, AlreadyExists) or not _names_given(call):
        return None
    found: list[Any] = []
    for how, wanted in _creates(call):
        stands: Any = yield from again(Call(how.get, how.get.request(name=wanted.name)))
        if any(getattr(stands, name) != getattr(wanted, name) for name in how.compared):
            return None
        found.append(stands)
    if call.method is methods.CHUNKS_BATCH_CREATE:
        batch: Any = call.method.response
        return batch(chunks=found)  # type: ignore[no-any-return]
    return found[0]  # type: ignore[no-any-return]
