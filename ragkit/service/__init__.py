"""The service: what the API means, over an engine. There is no HTTP server in it.

Every caller comes through `Service.dispatch`, whether in this process or over a socket, so that
embedded use runs the same code as a server.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ragkit.engine.config import EngineConfig
    from ragkit.service.dispatcher import Service
    from ragkit.service.upstream import Connect

__all__ = ["Service", "open_service"]


def open_service(
    data: Path, *, config: EngineConfig | None = None, connect: Connect | None = None
) -> Service:
    """Open a service over a data folder, which is made if it does not exist.

    Arguments:
        data: the folder that holds, or is to hold, corpora and their index.
        config: which models there are; by default what RAGKIT_CONFIG or the folder's
            `ragkit.toml` says.
        connect: what opens a client of another endpoint, such as `ragkit.connect`, for models
            configured as Google's.

    Returns:
        The service; several threads may use it, and several services one folder.

    Raises:
        ConfigurationError: what is configured cannot work; names the file and the key.
        Unavailable: the folder or what it holds cannot be used now; says why and what to do.
    """
    from ragkit.api.errors import ConfigurationError, Unavailable
    from ragkit.engine.config import ConfigError, load_config
    from ragkit.engine.engine import Engine
    from ragkit.engine.records import EngineError
    from ragkit.service.dispatcher import Service

    try:
        config = load_config(data) if config is None else config
    except ConfigError as error:
        raise ConfigurationError(str(error)) from error
    make_generator = make_embedder = None
    kinds = [one.kind for one in config.generators.values()]
    if "google" in [*kinds, *(one.kind for one in config.embedders.values())]:
        from ragkit.service.upstream import GeneratorMaker
        from ragkit.service.upstream_embedders import EmbedderMaker

        make_generator, make_embedder = GeneratorMaker(connect), EmbedderMaker(connect)
    engine = Engine(data, config=config, make_generator=make_generator, make_embedder=make_embedder)
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
