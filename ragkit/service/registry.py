"""Handlers: one function for each method, registered against the method's declaration."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

from ragkit.api.base import ProtoModel
from ragkit.api.wire import Method, RequestT
from ragkit.engine.engine import Engine


@dataclass(frozen=True, slots=True)
class Principal:
    """Who makes a call.

    Attributes:
        email: its e-mail address in lower case; only the data folder's owner may have none.
        groups: the addresses in lower case of the groups that it belongs to.
        is_owner: whether it acts as the data folder's owner, who may do all.

    Raises:
        ValueError: it is nobody: neither an address nor the owner.
    """

    email: str | None = None
    groups: frozenset[str] = frozenset()
    is_owner: bool = False

    def __post_init__(self) -> None:
        # What is kept without an owner's address is the data folder's owner's: see `access`.
        if not self.email and not self.is_owner:
            raise ValueError("a principal who is not the data folder's owner has an e-mail address")

    @property
    def name(self) -> str:
        """The principal for people and logs."""
        return self.email or "owner"

    @property
    def grantees(self) -> tuple[str, ...]:
        """Whose permissions it has: its own, its groups' and everyone's."""
        from ragkit.engine.access import EVERYONE, GranteeType, grantee

        user = [grantee(GranteeType.USER, self.email)] if self.email else []
        groups = [grantee(GranteeType.GROUP, group) for group in sorted(self.groups)]
        return (*user, *groups, EVERYONE)


OWNER = Principal(is_owner=True)
"""The owner of the data folder: whoever runs in a process that can read it."""


@dataclass(frozen=True, slots=True)
class Context:
    """What a handler knows beside its request.

    Attributes:
        engine: where everything is kept.
        principal: who makes the call.
        base_url: where the caller reaches the service, such as "http://127.0.0.1:8080", for
            links in replies; "" in process.
    """

    engine: Engine
    principal: Principal = OWNER
    base_url: str = ""


Handler: TypeAlias = Callable[[Context, Any], ProtoModel | bytes | Iterator[ProtoModel]]
"""Answers a request with its response, that of a streaming method with the items of its stream.

Bytes are a response that is JSON already.
A streaming handler may raise before its first item, which becomes an ordinary error reply.
"""

_ReplyT = TypeVar("_ReplyT", bound=ProtoModel | bytes | Iterator[Any])

_handlers: dict[str, Handler] = {}


def handles(
    method: Method[RequestT, Any],
) -> Callable[[Callable[[Context, RequestT], _ReplyT]], Callable[[Context, RequestT], _ReplyT]]:
    """Decorate the function that carries out a method.

    Raises:
        ValueError: the method has a handler already.
    """

    def register(
        handler: Callable[[Context, RequestT], _ReplyT],
    ) -> Callable[[Context, RequestT], _ReplyT]:
        if method.id in _handlers:
            raise ValueError(f"{method.id} has two handlers")
        _handlers[method.id] = handler
        return handler

    return register


def registered_handlers() -> Mapping[str, Handler]:
    """The handlers by method id, of the modules imported so far."""
    return _handlers
