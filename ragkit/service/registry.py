"""Handlers: one function for each method, registered against the method's declaration."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from ragkit.api.base import ProtoModel
from ragkit.api.wire import Method, RequestT, ResponseT
from ragkit.engine.engine import Engine


@dataclass(frozen=True, slots=True)
class Principal:
    """Who makes a call."""

    name: str


OWNER = Principal("owner")
"""The owner of the data folder: whoever runs in a process that can read it."""


@dataclass(frozen=True, slots=True)
class Context:
    """What a handler knows beside its request."""

    engine: Engine
    principal: Principal = OWNER


Handler: TypeAlias = Callable[[Context, Any], ProtoModel]

_handlers: dict[str, Handler] = {}


def handles(
    method: Method[RequestT, ResponseT],
) -> Callable[[Callable[[Context, RequestT], ResponseT]], Callable[[Context, RequestT], ResponseT]]:
    """Decorate the function that carries out a method.

    Raises:
        ValueError: the method has a handler already.
    """

    def register(
        handler: Callable[[Context, RequestT], ResponseT],
    ) -> Callable[[Context, RequestT], ResponseT]:
        if method.id in _handlers:
            raise ValueError(f"{method.id} has two handlers")
        _handlers[method.id] = handler
        return handler

    return register


def registered_handlers() -> Mapping[str, Handler]:
    """The handlers by method id, of the modules imported so far."""
    return _handlers
