"""The service: what the API means, over an engine. There is no HTTP server in it.

Every caller comes through `Service.dispatch`, whether in this process or over a socket, so that
embedded use runs the same code as a server.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ragkit.service.dispatcher import Service

__all__ = ["Service", "open_service"]


def open_service(data: Path) -> Service:
    """Open a service over a data folder, which is made if it does not exist.

    Arguments:
        data: the folder that holds, or is to hold, corpora and their index.

    Returns:
        The service; several threads may use it, and several services one folder.

    Raises:
        Unavailable: the folder or what it holds cannot be used now; says why and what to do.
    """
    from ragkit.api.errors import Unavailable
    from ragkit.engine.engine import Engine
    from ragkit.engine.records import EngineError
    from ragkit.service.dispatcher import Service

    engine = Engine(data)
    try:
        engine.open()
    except EngineError as error:
        raise Unavailable(str(error)) from error
    return Service(engine)


def __getattr__(name: str) -> Any:
    # Not imported above, so that a client of another endpoint does not load the engine.
    if name != "Service":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from ragkit.service.dispatcher import Service

    return Service
