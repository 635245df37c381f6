"""Transports over HTTP. This module alone imports the HTTP library.

httpx is the project's choice; its continuation httpx2 has the same interface, so that a switch is
the one line below.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterator, Mapping
from contextlib import aclosing, closing, contextmanager
from functools import lru_cache
from importlib.util import find_spec
from typing import Any
from urllib.parse import urlencode

import httpx

from ragkit._version import __version__
from ragkit.api.errors import ConfigurationError, TransportError
from ragkit.api.wire import HttpRequest, HttpResponse
from ragkit.client._auth import Tokens

DEFAULT_TIMEOUT = 60.0
"""Seconds to wait for a reply."""
CONNECT_TIMEOUT = 10.0
"""Seconds to wait for a connection."""

_TLS = ("cert", "verify", "trust_env")
_CONNECTIONS = ("http1", "http2", "limits", "mounts", "proxy", "timeout", "transport")
OPTIONS = frozenset((*_TLS, *_CONNECTIONS, "event_hooks", "headers"))
"""What may be passed on to the HTTP library's client.

Redirects are not among them: credentials go to the configured origin only.
"""

_UNAUTHENTICATED = 401


def _base_url(url: str) -> httpx.URL:
    try:
        base = httpx.URL(url)
    except (httpx.InvalidURL, TypeError) as error:
        raise ConfigurationError(f"the service's URL {url!r} is not a URL: {error}") from None
    if base.userinfo or base.query or base.fragment:
        raise ConfigurationError(
            "the service's URL must hold no user, password, query or fragment; "
            "give a key by api_key"
        )
    if base.scheme not in ("http", "https") or not base.host:
        raise ConfigurationError(
            f"the service's URL {url!r} must begin with http:// or https:// and name a host"
        )
    return base


class _BearerAuth(httpx.Auth):
    """Adds the current token to each request, and once tries another after a 401."""

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens

    def sync_auth_flow(
        self, request: httpx.Request
    ) -> Generator[httpx.Request, httpx.Response, None]:
        request.headers.update(self._tokens.current())
        response = yield request
        if response.status_code == _UNAUTHENTICATED and _can_be_sent_again(request):
            refused = request.headers["authorization"]
            request.headers.update(self._tokens.current(refused))
            if request.headers["authorization"] != refused:
                yield request

    async def async_auth_flow(
        self, request: httpx.Request
    ) -> AsyncGenerator[httpx.Request, httpx.Response]:
        request.headers.update(await self._tokens.current_async())
        response = yield request
        if response.status_code == _UNAUTHENTICATED and _can_be_sent_again(request):
            refused = request.headers["authorization"]
            request.headers.update(await self._tokens.current_async(refused))
            if request.headers["authorization"] != refused:
                yield request


def _can_be_sent_again(request: httpx.Request) -> bool:
    return isinstance(request.stream, httpx.ByteStream)  # others are used up


class _Core:
    """What both transports share: building requests, reading replies, naming failures."""

    def __init__(
        self,
        url: str,
        headers: Mapping[str, str],
        tokens: Tokens | None,
        options: Mapping[str, Any],
    ) -> None:
        self._base = _base_url(url)
        self._prefix = self._base.raw_path.rstrip(b"/")
        unknown = sorted(set(options) - OPTIONS)
        if unknown:
            raise ConfigurationError(
                f"HTTP option {unknown[0]!r} is not among those that can be set: "
                f"{', '.join(sorted(OPTIONS))}"
            )
        self.options: dict[str, Any] = {
            "timeout": httpx.Timeout(DEFAULT_TIMEOUT, connect=CONNECT_TIMEOUT),
            # Without TLS there is no negotiation of HTTP/2, and its import is not free.
            "http2": self._base.scheme == "https" and find_spec("h2") is not None,
            **options,
            "follow_redirects": False,
        }
        given = dict(httpx.Headers(options.get("headers")))
        self.options["headers"] = {"user-agent": f"ragkit/{__version__}", **given, **headers}
        if tokens is not None:
            self.options["auth"] = _BearerAuth(tokens)
        # Without TLS there is nothing to verify, and reading the certificates takes a while.
        self.options.setdefault("verify", self._base.scheme == "https")
        self._timeout = httpx.Timeout(self.options["timeout"])
        self._url = lru_cache(maxsize=256)(self._made_url)

    def _made_url(self, target: bytes) -> httpx.URL:
        return self._base.copy_with(raw_path=target)

    def built(self, request: HttpRequest, defaults: httpx.Headers) -> httpx.Request:
        """The request for the HTTP library; `defaults` are its client's headers.

        What `httpx.Client.build_request` does beyond that, merging parameters, cookies and URLs,
        nothing here needs, and it takes a tenth of a small call's time.
        """
        target = self._prefix + request.path.encode("ascii")
        if request.query:
            target += b"?" + urlencode(request.query).encode("ascii")
        headers = defaults.copy()
        headers.update(request.headers)
        timeout = self._timeout
        if request.timeout is not None:
            connect = CONNECT_TIMEOUT if timeout.connect is None else timeout.connect
            timeout = httpx.Timeout(request.timeout, connect=min(connect, request.timeout))
        return httpx.Request(
            request.verb,
            self._url(target),
            headers=headers,
            content=request.body,
            extensions={"timeout": timeout.as_dict()},
        )

    @staticmethod
    def response(reply: httpx.Response) -> HttpResponse:
        content = reply.content
        # httpx ties a response and its stream into a cycle, which would keep the request's body
        # (a piece of an upload) until the next garbage collection.
        del reply.stream
        return HttpResponse(reply.status_code, content, _headers(reply))

    @contextmanager
    def naming_failures(self) -> Iterator[None]:
        try:
            yield
        except httpx.HTTPError as error:
            never_sent = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
            where = f"{self._base.scheme}://{self._base.netloc.decode()}"
            what = str(error) or type(error).__name__
            sent = not isinstance(error, never_sent)
            raise TransportError(f"{where}: {what}", sent=sent) from error


def _headers(reply: httpx.Response) -> dict[str, str]:
    # As `httpx.Headers.items`, which guesses each value's encoding anew.
    headers: dict[str, str] = {}
    for raw_name, raw_value in reply.headers.raw:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


class HttpStream:
    """A reply of which the status and headers are there, and the body is yet to come."""

    def __init__(self, reply: httpx.Response, core: _Core) -> None:
        self.status = reply.status_code
        self.headers: Mapping[str, str] = _headers(reply)
        self._reply = reply
        self._core = core

    @property
    def body(self) -> Iterator[bytes]:
        """The body, in pieces as they arrive; raises TransportError when it breaks off."""
        with self._core.naming_failures(), closing(self._reply):
            yield from self._reply.iter_bytes()

    def close(self) -> None:
        """Give back the connection, whether or not the body was read."""
        self._reply.close()


class AsyncHttpStream(HttpStream):
    """The asynchronous twin of `HttpStream`."""

    @property
    async def body(self) -> AsyncIterator[bytes]:  # type: ignore[override]
        """The body, in pieces as they arrive; raises TransportError when it breaks off."""
        with self._core.naming_failures():
            async with aclosing(self._reply):
                async for piece in self._reply.aiter_bytes():
                    yield piece

    async def close(self) -> None:  # type: ignore[override]
        """Give back the connection, whether or not the body was read."""
        await self._reply.aclose()


class _NoCookies(httpx.Cookies):
    """Keeps none: the API sets none, and looking for them takes a tenth of a small call's time."""

    def extract_cookies(self, response: httpx.Response) -> None:
        pass


_NO_COOKIES = _NoCookies()


class _Client(httpx.Client):
    @property  # type: ignore[misc] # without its setter
    def cookies(self) -> httpx.Cookies:
        return _NO_COOKIES


class _AsyncClient(httpx.AsyncClient):
    @property  # type: ignore[misc] # without its setter
    def cookies(self) -> httpx.Cookies:
        return _NO_COOKIES


class HttpTransport:
    """Sends requests over one pool of connections.

    Args:
        url: where the API is served; a path in it comes before the API's paths.
        headers: sent with each request (an API key).
        tokens: where bearer tokens come from, if they are used.
        options: passed on to the HTTP library's client (see `OPTIONS`).

    Raises:
        ConfigurationError: the URL or an option cannot be used.
    """

    def __init__(
        self,
        url: str,
        headers: Mapping[str, str] | None = None,
        *,
        tokens: Tokens | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        self._core = _Core(url, headers or {}, tokens, options or {})
        self._client: Any = self._connections()

    def _connections(self) -> httpx.Client | httpx.AsyncClient:
        return _Client(**self._core.options)

    def send(self, request: HttpRequest) -> HttpResponse:
        """Send a request and wait for its whole reply."""
        with self._core.naming_failures():
            built = self._core.built(request, self._client.headers)
            return self._core.response(self._client.send(built))

    def open(self, request: HttpRequest) -> HttpResponse | HttpStream:
        """Send a request and wait for the beginning of its reply; an error comes whole."""
        with self._core.naming_failures():
            built = self._core.built(request, self._client.headers)
            reply = self._client.send(built, stream=True)
            if reply.status_code < 300:
                return HttpStream(reply, self._core)
            reply.read()
            return self._core.response(reply)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()


class AsyncHttpTransport(HttpTransport):
    """The asynchronous twin of `HttpTransport`."""

    def _connections(self) -> httpx.AsyncClient:
        return _AsyncClient(**self._core.options)

    async def send(self, request: HttpRequest) -> HttpResponse:  # type: ignore[override]
        """Send a request and wait for its whole reply."""
        with self._core.naming_failures():
            built = self._core.built(request, self._client.headers)
            return self._core.response(await self._client.send(built))

    async def open(self, request: HttpRequest) -> HttpResponse | AsyncHttpStream:  # type: ignore[override]
        """Send a request and wait for the beginning of its reply; an error comes whole."""
        with self._core.naming_failures():
            built = self._core.built(request, self._client.headers)
            reply = await self._client.send(built, stream=True)
            if reply.status_code < 300:
                return AsyncHttpStream(reply, self._core)
            await reply.aread()
            return self._core.response(reply)

    async def close(self) -> None:  # type: ignore[override]
        """Close the connections."""
        await self._client.aclose()
