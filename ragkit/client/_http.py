"""Transports over HTTP. This module alone imports the HTTP library.

httpx is the project's choice; its continuation httpx2 has the same interface, so that a switch is
the one line below.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import httpx

from ragkit._version import __version__
from ragkit.api.errors import ConfigurationError, TransportError
from ragkit.api.wire import HttpRequest, HttpResponse

DEFAULT_TIMEOUT = 60.0
"""Seconds to wait for a reply."""
CONNECT_TIMEOUT = 10.0
"""Seconds to wait for a connection."""


def _base_url(url: str) -> httpx.URL:
    try:
        base = httpx.URL(url)
    except (httpx.InvalidURL, TypeError) as error:
        raise ConfigurationError(f"the service's URL {url!r} is not a URL: {error}") from None
    if base.scheme not in ("http", "https") or not base.host:
        raise ConfigurationError(
            f"the service's URL {url!r} must begin with http:// or https:// and name a host"
        )
    return base


class _Core:
    """What both transports share: building requests, reading replies, naming failures."""

    def __init__(self, url: str, headers: Mapping[str, str], options: Mapping[str, Any]) -> None:
        self._base = _base_url(url)
        self._prefix = self._base.raw_path.rstrip(b"/")
        self.options: dict[str, Any] = {
            "timeout": httpx.Timeout(DEFAULT_TIMEOUT, connect=CONNECT_TIMEOUT),
            "headers": {"user-agent": f"ragkit/{__version__}", **headers},
            **options,
        }

    def arguments(self, request: HttpRequest) -> dict[str, Any]:
        target = self._prefix + request.path.encode("ascii")
        if request.query:
            target += b"?" + urlencode(request.query).encode("ascii")
        arguments: dict[str, Any] = {
            "method": request.verb,
            "url": self._base.copy_with(raw_path=target),
            "headers": dict(request.headers),
            "content": request.body,
        }
        if request.timeout is not None:
            arguments["timeout"] = httpx.Timeout(
                request.timeout, connect=min(CONNECT_TIMEOUT, request.timeout)
            )
        return arguments

    @staticmethod
    def response(reply: httpx.Response) -> HttpResponse:
        headers = {name.lower(): value for name, value in reply.headers.items()}
        return HttpResponse(reply.status_code, reply.content, headers)

    def failure(self, error: httpx.HTTPError) -> TransportError:
        never_sent = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
        where = f"{self._base.scheme}://{self._base.netloc.decode()}"
        what = str(error) or type(error).__name__
        return TransportError(f"{where}: {what}", sent=not isinstance(error, never_sent))


class HttpTransport:
    """Sends requests over one pool of connections.

    Args:
        url: where the API is served; a path in it comes before the API's paths.
        headers: sent with each request (credentials).
        options: passed on to the HTTP library's client: proxies, certificates, limits.
    """

    def __init__(self, url: str, headers: Mapping[str, str] | None = None, **options: Any) -> None:
        self._core = _Core(url, headers or {}, options)
        self._client = httpx.Client(**self._core.options)

    def send(self, request: HttpRequest) -> HttpResponse:
        """Send a request and wait for its whole reply."""
        try:
            return self._core.response(self._client.request(**self._core.arguments(request)))
        except httpx.HTTPError as error:
            raise self._core.failure(error) from error

    def close(self) -> None:
        """Close the connections."""
        self._client.close()


class AsyncHttpTransport:
    """The asynchronous twin of `HttpTransport`."""

    def __init__(self, url: str, headers: Mapping[str, str] | None = None, **options: Any) -> None:
        self._core = _Core(url, headers or {}, options)
        self._client = httpx.AsyncClient(**self._core.options)

    async def send(self, request: HttpRequest) -> HttpResponse:
        """Send a request and wait for its whole reply."""
        try:
            return self._core.response(await self._client.request(**self._core.arguments(request)))
        except httpx.HTTPError as error:
            raise self._core.failure(error) from error

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()
