"""Whether requests need a key, and what protects a server that asks for none."""

from __future__ import annotations

import ipaddress
import re
import socket
import time
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from ragkit.api.errors import ConfigurationError, PermissionDenied
from ragkit.engine.engine import Engine
from ragkit.server.settings import Settings

_FRESH_SECONDS: Final = 0.5
_HOST: Final = re.compile(r"[A-Za-z0-9.-]+(:[0-9]+)?|\[[0-9A-Fa-f:.]+\](:[0-9]+)?")


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches an address or name."""
    name = host.strip("[]")
    try:
        return ipaddress.ip_address(name.partition("%")[0]).is_loopback
    except ValueError:
        pass
    try:
        found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except OSError:
        return False
    return all(
        ipaddress.ip_address(str(each[4][0]).partition("%")[0]).is_loopback for each in found
    )


def check_settings(settings: Settings, engine: Engine) -> None:
    """Refuse to start a server that anybody could use.

    Raises:
        ConfigurationError: says what to do.
        EngineError: the store cannot be read.
    """
    has_keys = engine.store.keys.any_valid()
    if not is_loopback(settings.host):
        if settings.allow_anonymous:
            raise ConfigurationError(
                f"--allow-anonymous is for this machine alone, not for {settings.host}: "
                "leave it out, or bind to 127.0.0.1"
            )
        if not has_keys:
            raise ConfigurationError(
                f"{settings.host} can be reached from other machines, and there is no API key: "
                "anybody could read and delete everything. Make a key with "
                "'ragkit keys create --principal USER@EXAMPLE.ORG', or bind to 127.0.0.1"
            )
    if "*" in settings.cors_origins and (settings.allow_anonymous or not has_keys):
        raise ConfigurationError(
            "--cors-origin '*' would let every web page act as the owner of the data folder: name "
            "the origins, or make a key with 'ragkit keys create'"
        )


class KeyPolicy:
    """Says for each request whether it needs a key.

    Once there is a key, every request needs one, also from this machine: behind a proxy, everybody
    comes from this machine. `allow_anonymous` keeps requests without a key the owner's.
    """

    def __init__(self, settings: Settings, engine: Engine) -> None:
        self._engine = engine
        self._always = not is_loopback(settings.host)
        self._never = settings.allow_anonymous
        self._asked = float("-inf")

    def required(self) -> bool:
        """Whether a request that comes now needs a key."""
        if self._always or self._never:
            return self._always
        now = time.monotonic()
        if now - self._asked > _FRESH_SECONDS:
            # That there is one stays true while the server runs: revoking the last key must not
            # open what it protected.
            self._always = self._engine.store.keys.any_valid()
            self._asked = now
        return self._always


class LocalCallers:
    """Keeps web pages from using a server that asks for no key.

    A browser on this machine reaches the server as well as its owner does. A page's request tells
    its origin, and a name that was made to point here (DNS rebinding) stands in Host.
    """

    def __init__(self, settings: Settings) -> None:
        self._origins = frozenset(settings.cors_origins)
        self._own = urlsplit(settings.base_url).netloc.lower()

    def check(self, headers: Mapping[str, str], scheme: str) -> None:
        """Refuse what a web page sends.

        Raises:
            PermissionDenied: says what to do.
        """
        host = headers.get("host", "").lower()
        if host and host != self._own and not _names_this_machine(host):
            raise PermissionDenied(
                f"Host: {host[:100]!r} does not name this machine, and without API keys the server "
                "answers this machine alone: make a key with 'ragkit keys create', or say by "
                "--base-url where callers reach it"
            )
        origin = headers.get("origin")
        if origin is None or origin in self._origins or origin.lower() == f"{scheme}://{host}":
            return
        raise PermissionDenied(
            f"Origin: {origin[:100]!r} may not use this server; --cors-origin lets it"
        )


def _names_this_machine(host: str) -> bool:
    name = host.rpartition(":")[0] if re.search(r":[0-9]+$", host) else host
    name = name.strip("[]")
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def base_url_of(settings: Settings, headers: Mapping[str, str], scheme: str, server: str) -> str:
    """Where the caller of a request reaches the server, without a slash at the end.

    Arguments:
        settings: what is set about it.
        headers: the request's, names in lower case.
        scheme: how it came.
        server: the address that it came to, if its Host cannot be used.
    """
    if settings.base_url:
        return settings.base_url.rstrip("/")
    host = headers.get("host", "")
    return f"{scheme}://{host if _HOST.fullmatch(host) else server}"
