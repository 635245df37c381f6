"""What can be set about a server."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ragkit.api.errors import ConfigurationError

DEFAULT_PORT: Final = 8080
MIB: Final = 1024 * 1024
DEFAULT_THREADS: Final = 48
"""Python code runs in one of them at a time, but searches that wait together are carried out
together, and writes wait for the disk: many more than there are cores are of use."""


@dataclass(frozen=True, slots=True)
class Settings:
    """A server's settings.

    Attributes:
        data: the data folder.
        config: the file that says which models there are; None for RAGKIT_CONFIG or the data
            folder's `ragkit.toml`.
        generators: further generators, each as `openai=URL#MODEL`, `llama=PATH` or `google=MODEL`;
            the last one is the default.
        host: the address to bind to; other than a loopback address only if there are keys.
        port: the port; 0 takes any that is free.
        base_url: where callers reach the server, for links in replies; "" takes it from each
            request's Host.
        cors_origins: the origins whose pages may call the server from a browser.
        allow_anonymous: whether requests without a key are the owner's although there are keys.
        processes: how many processes answer; several use several cores for Python's work, and take
            the memory of several.
        threads: requests worked on at once.
        slow_threads: the same for what mostly waits: generation and uploads.
        waiting: requests that may wait for a thread; more are answered 503.
        max_body: the most bytes of a JSON body.
        max_upload: the most bytes of an upload's body.
        timeout: seconds for a request, or for each item of a stream, from the end of its body.
        body_timeout: seconds that a client may be silent in the middle of a body.
        header_timeout: seconds for a request's line and headers.
        keep_alive: seconds that an idle connection is kept.
        grace: seconds that requests under way are given at shutdown.
    """

    data: Path
    config: Path | None = None
    generators: tuple[str, ...] = ()
    host: str = "127.0.0.1"
    port: int = DEFAULT_PORT
    base_url: str = ""
    cors_origins: tuple[str, ...] = ()
    allow_anonymous: bool = False
    processes: int = 1
    threads: int = DEFAULT_THREADS
    slow_threads: int = 32
    waiting: int = 1024
    max_body: int = 32 * MIB
    max_upload: int = 2048 * MIB + MIB
    timeout: float = 300.0
    body_timeout: float = 30.0
    header_timeout: float = 30.0
    keep_alive: float = 75.0
    grace: float = 30.0

    def __post_init__(self) -> None:
        for origin in self.cors_origins:
            if origin != "*" and not origin.startswith(("http://", "https://")):
                raise ConfigurationError(
                    f"the CORS origin {origin!r} is not of the form https://host[:port]"
                )
        if self.base_url and not self.base_url.startswith(("http://", "https://")):
            raise ConfigurationError(
                f"the base URL {self.base_url!r} must begin with http:// or https://"
            )
