"""Running the application: sockets, signals, and a shutdown that loses nothing."""

from __future__ import annotations

import os
import signal
import socket
import sys
from collections.abc import Callable
from types import FrameType

import uvicorn

from ragkit.api.errors import ConfigurationError
from ragkit.client import connect
from ragkit.engine.config import ConfigError, EngineConfig, add_generator, load_config
from ragkit.server.access import check_settings
from ragkit.server.app import create_app
from ragkit.server.logs import LOGGER, LogWriter
from ragkit.server.protocol import protocol_class
from ragkit.server.settings import Settings
from ragkit.service import open_service
from ragkit.service.dispatcher import Service

_BACKLOG = 2048


def bind(host: str, port: int, *, shared: bool = False, listen: bool = True) -> socket.socket:
    """A listening socket.

    Arguments:
        host: the address or name.
        port: the port; 0 takes any that is free.
        shared: whether other processes of this user may listen there, too.
        listen: whether to listen, rather than only to keep others from taking the port.

    Raises:
        ConfigurationError: the address cannot be bound to; says why.
    """
    try:
        found = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE | socket.AI_ADDRCONFIG
        )
    except OSError as error:
        raise ConfigurationError(f"--host {host!r}: {error.strerror or error}") from None
    # "localhost" is 127.0.0.1 to most clients; IPv6 is taken where it alone is meant.
    found.sort(key=lambda one: one[0] != socket.AF_INET)
    family, kind, protocol, _, address = found[0]
    listening = socket.socket(family, kind, protocol)
    try:
        if os.name == "posix":
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listening.bind(address)
        if listen:
            listening.listen(_BACKLOG)
    except OSError as error:
        listening.close()
        raise ConfigurationError(
            f"cannot listen on {host}:{port}: {error.strerror or error}; "
            "--port takes another port, --port 0 any that is free"
        ) from None
    listening.setblocking(False)
    return listening


def url_of(listening: socket.socket) -> str:
    """The URL of what listens on a socket."""
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class ApiServer(uvicorn.Server):
    """uvicorn's server; a first signal ends it gracefully, a second one at once."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to accept, and say so."""
        await super().startup(sockets)
        if self.started:
            self._ready()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Take a signal. It is not raised again afterwards: a graceful end is no failure."""
        if self.should_exit:
            LOGGER.warning("a second signal: what is under way is cut off")
            self.force_exit = True
        else:
            LOGGER.info("signal %s: shutting down", signal.Signals(sig).name)
            self.should_exit = True


def serve(settings: Settings, log_level: str, ready: Callable[[str], None]) -> bool:
    """Serve a data folder until a signal comes.

    Arguments:
        settings: what is to be served, where and within which limits.
        log_level: the least severe level of what is written to stderr.
        ready: called with the server's URL when it accepts requests.

    Returns:
        Whether all requests came to their end. If not, threads may still be at work.

    Raises:
        ConfigurationError: the server would be open to everybody, or cannot listen, or its models
            are not configured well.
        Unavailable: the data folder cannot be used.
    """
    if settings.processes > 1:
        from ragkit.server.processes import supervise

        return supervise(settings, log_level, ready)
    service = open_checked(settings)
    listening = bind(settings.host, settings.port)
    return serve_at(service, settings, listening, log_level, ready)


def open_checked(settings: Settings) -> Service:
    """The service that is to be served, if it may be; see `serve`."""
    service = open_service(settings.data, config=_models(settings), connect=connect)
    check_settings(settings, service.engine)
    return service


def serve_at(
    service: Service,
    settings: Settings,
    listening: socket.socket,
    log_level: str,
    ready: Callable[[str], None],
) -> bool:
    """Serve on a socket until a signal comes; see `serve` and `run`."""
    log = LogWriter(log_level)
    log.start()
    try:
        return run(service, settings, listening, lambda: ready(url_of(listening)))
    finally:
        log.stop()


def _models(settings: Settings) -> EngineConfig:
    try:
        config = load_config(settings.data, path=settings.config)
        for generator in settings.generators:
            config = add_generator(config, generator)
    except ConfigError as error:
        raise ConfigurationError(str(error)) from error
    return config


def run(
    service: Service, settings: Settings, listening: socket.socket, ready: Callable[[], None]
) -> bool:
    """Serve until a signal comes.

    What was acknowledged is on disk whatever happens; requests under way are given
    `settings.grace` seconds.

    Arguments:
        service: what answers; closed at the end.
        settings: limits, origins, keys.
        listening: where clients connect.
        ready: called when they can.

    Returns:
        Whether all requests came to their end. If not, threads may still be at work.
    """
    app = create_app(service, settings)
    config = uvicorn.Config(
        app,
        http=protocol_class(settings.header_timeout),
        loop="auto" if sys.platform != "win32" else "asyncio",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=int(settings.keep_alive),
        timeout_graceful_shutdown=int(settings.grace),
        backlog=_BACKLOG,
    )
    service.start_workers()
    server = ApiServer(config, ready)
    server.run(sockets=[listening])
    if server.force_exit or not app.close(settings.grace):
        return False
    service.close()
    return True
