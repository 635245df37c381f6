"""Where a client goes: arguments first, then the environment, then the embedded service.

| setting | argument | environment |
|---|---|---|
| service over HTTP | `url` | `RAGKIT_URL` |
| key for it | `api_key` | `RAGKIT_API_KEY`, `GEMINI_API_KEY`, `GOOGLE_API_KEY` |
| or OAuth credentials | `credentials` | |
| the embedded service's data folder | `data` | `RAGKIT_DATA`, else the user's data folder |
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ragkit.api.errors import ConfigurationError
from ragkit.client._auth import Credentials, Tokens, key_headers
from ragkit.client._client import AsyncClient, Client
from ragkit.client._retry import RetryPolicy
from ragkit.client._transports import (
    AsyncInProcessTransport,
    AsyncTransport,
    InProcessTransport,
    Transport,
)

if TYPE_CHECKING:
    from ragkit.service import Service

API_KEY_VARIABLES = ("RAGKIT_API_KEY", "GEMINI_API_KEY", "GOOGLE_API_KEY")


@dataclass(frozen=True, slots=True)
class Target:
    """Where a client goes: to `url`, or to the embedded service over `data`."""

    url: str | None
    data: Path
    api_key: str | None = field(repr=False, default=None)
    api_key_from: str | None = None

    @property
    def endpoint(self) -> str:
        """The target for people."""
        return self.url or f"the embedded service in {self.data}"


def default_data_folder() -> Path:
    """The user's data folder for ragkit, by the platform's convention."""
    from platformdirs import user_data_path

    return user_data_path("ragkit", appauthor=False)


def resolve_target(
    url: str | None = None,
    api_key: str | None = None,
    data: str | os.PathLike[str] | None = None,
    environment: Mapping[str, str] | None = None,
) -> Target:
    """Decide where to go.

    An argument wins over the environment; `data` as an argument wins over `RAGKIT_URL`.

    Raises:
        ConfigurationError: both `url` and `data` are given as arguments.
    """
    environment = os.environ if environment is None else environment
    if url and data is not None:
        raise ConfigurationError(
            "both a URL and a data folder are given: choose the service over HTTP (url) "
            "or the embedded one (data)"
        )
    if not url and data is None:
        url = environment.get("RAGKIT_URL") or None
    key_from = "argument" if api_key else None
    if not api_key:
        key_from = next((name for name in API_KEY_VARIABLES if environment.get(name)), None)
        api_key = environment[key_from] if key_from else None
    chosen = data if data is not None else environment.get("RAGKIT_DATA") or default_data_folder()
    folder = Path(chosen).expanduser()
    return Target(url=url or None, data=folder, api_key=api_key, api_key_from=key_from)


def _in_process(target: Target, credentials: Credentials | None) -> InProcessTransport:
    if credentials is not None:
        raise ConfigurationError(
            "credentials are given but no URL (url, RAGKIT_URL): the embedded service takes none"
        )

    def open_embedded() -> Service:
        from ragkit.service import open_service

        return open_service(target.data, connect=connect)

    return InProcessTransport(open_embedded)


def _authorized(target: Target, credentials: Credentials | None) -> dict[str, Any]:
    """What a transport over HTTP needs to know of key and credentials."""
    if credentials is None:
        return {"headers": key_headers(target.api_key)}
    if target.api_key_from == "argument":
        raise ConfigurationError("both an API key and credentials are given: choose one")
    return {"tokens": Tokens(credentials)}  # a key in the environment gives way to them


def connect(
    url: str | None = None,
    *,
    api_key: str | None = None,
    credentials: Credentials | None = None,
    data: str | os.PathLike[str] | None = None,
    retry: RetryPolicy | None = None,
    timeout: float | None = None,
    http_options: Mapping[str, Any] | None = None,
) -> Client:
    """A client for the service at `url`, or for the embedded service over `data`.

    Args:
        url: the service's base URL, such as "https://generativelanguage.googleapis.com".
        api_key: sent as `x-goog-api-key`.
        credentials: OAuth instead of a key: a google-auth credentials object, refreshed when its
            token runs out and once after a 401, or a function that is asked for a token before
            each request (for `connect_async` it may be asynchronous).
        data: folder of the embedded service's data, made with the first call if need be.
        retry: how often and how long a call is tried.
        timeout: seconds to wait for one reply.
        http_options: options of `httpx.Client` for the service over HTTP: `timeout` (per phase, as
            an `httpx.Timeout`), `limits`, `proxy`, `mounts`, `verify`, `cert`, `trust_env`,
            `http1`, `http2` (by default on if the package h2 is there and the URL is https),
            `headers`, `event_hooks`, `transport`.

    Key and token are sent to the origin of `url` only: redirects are not followed.

    Raises:
        ConfigurationError: the arguments contradict each other or cannot be used.

    What is not given is taken from the environment: see `resolve_target`.
    """
    target = resolve_target(url, api_key, data)
    transport: Transport
    if target.url is None:
        transport = _in_process(target, credentials)
    else:
        from ragkit.client._http import HttpTransport

        authorized = _authorized(target, credentials)
        transport = HttpTransport(target.url, **authorized, options=http_options)
    return Client(transport, target.endpoint, retry=retry, timeout=timeout)


def connect_async(
    url: str | None = None,
    *,
    api_key: str | None = None,
    credentials: Credentials | None = None,
    data: str | os.PathLike[str] | None = None,
    retry: RetryPolicy | None = None,
    timeout: float | None = None,
    http_options: Mapping[str, Any] | None = None,
) -> AsyncClient:
    """The asynchronous twin of `connect`."""
    target = resolve_target(url, api_key, data)
    transport: AsyncTransport
    if target.url is None:
        transport = AsyncInProcessTransport(_in_process(target, credentials))
    else:
        from ragkit.client._http import AsyncHttpTransport

        authorized = _authorized(target, credentials)
        transport = AsyncHttpTransport(target.url, **authorized, options=http_options)
    return AsyncClient(transport, target.endpoint, retry=retry, timeout=timeout)
