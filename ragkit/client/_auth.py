"""Credentials: an API key, or OAuth bearer tokens that are renewed when they run out.

What is secret leaves this module in headers only: no repr, log or error message shows it.

Sources: RFC 6750 (bearer tokens); Google's "x-goog-api-key" and "x-goog-user-project" headers
(https://cloud.google.com/apis/docs/system-parameters); google-auth's `Credentials`.
"""

from __future__ import annotations

import inspect
import threading
from collections.abc import Awaitable, Callable
from typing import Any, Protocol, TypeAlias, TypeVar, cast

from ragkit.api.errors import ConfigurationError, TransportError, Unauthenticated

T = TypeVar("T")
Headers: TypeAlias = dict[str, str]

KEY_HEADER = "x-goog-api-key"


class GoogleCredentials(Protocol):
    """What is used of a credentials object of the package google-auth."""

    @property
    def token(self) -> Any:
        """The access token, None before the first refresh."""
        ...

    @property
    def valid(self) -> bool:
        """Whether the token is there and has not run out."""
        ...

    def refresh(self, request: Any) -> None:
        """Get a new token."""
        ...


Credentials: TypeAlias = GoogleCredentials | Callable[[], str] | Callable[[], Awaitable[str]]
"""A google-auth credentials object, or a function that returns a token that is good now."""


class Tokens(Protocol):
    """Where the headers that carry a token come from; safe to share between threads."""

    def current(self) -> Headers:
        """The headers with a token that is good as far as is known; may block."""
        ...

    def renewed(self, refused: str) -> Headers | None:
        """The headers after `refused`, an authorization, was answered by 401; may block.

        None if there is no other token to be had.
        """
        ...

    async def current_async(self) -> Headers:
        """`current` without blocking the event loop."""
        ...

    async def renewed_async(self, refused: str) -> Headers | None:
        """`renewed` without blocking the event loop."""
        ...


def key_headers(api_key: str | None) -> Headers:
    """The header that carries an API key; none if there is no key.

    Raises:
        ConfigurationError: the key cannot stand in a header.
    """
    if api_key is None:
        return {}
    # A key read from a file ends in a newline, which belongs to the file.
    return {KEY_HEADER: _header_value(api_key.strip(), "API key")}


def tokens_of(credentials: Credentials) -> Tokens:
    """Where the tokens of `credentials` come from.

    Raises:
        ConfigurationError: it is neither a credentials object nor a function.
    """
    if hasattr(credentials, "token") and hasattr(credentials, "refresh"):
        return _GoogleTokens(cast("GoogleCredentials", credentials))
    if callable(credentials):
        return _CalledTokens(credentials)
    raise ConfigurationError(
        "credentials must be a google-auth credentials object or a function that returns a token, "
        f"not a value of type {type(credentials).__name__}"
    )


def _header_value(secret: object, what: str) -> str:
    if not isinstance(secret, str):
        raise ConfigurationError(f"the {what} is a {type(secret).__name__}, not a string")
    if not secret or not secret.isascii() or not secret.isprintable() or " " in secret:
        raise ConfigurationError(
            f"the {what} is empty or holds characters that cannot stand in a header "
            "(spaces, line ends, characters beyond ASCII)"
        )
    return secret


def _authorization(token: object) -> str:
    return f"Bearer {_header_value(token, 'access token')}"


class _GoogleTokens:
    """The tokens of a google-auth credentials object."""

    def __init__(self, credentials: GoogleCredentials) -> None:
        self._credentials = credentials
        self._lock = threading.Lock()  # one refresh serves all who wait for it

    def current(self) -> Headers:
        if not self._credentials.valid:
            with self._lock:
                if not self._credentials.valid:
                    self._refresh()
        return self._headers()

    def renewed(self, refused: str) -> Headers | None:
        with self._lock:
            if self._headers()["authorization"] == refused:
                self._refresh()
            headers = self._headers()
        return None if headers["authorization"] == refused else headers

    async def current_async(self) -> Headers:
        if self._credentials.valid:
            return self._headers()
        return await _in_thread(self.current)

    async def renewed_async(self, refused: str) -> Headers | None:
        return await _in_thread(lambda: self.renewed(refused))

    def _headers(self) -> Headers:
        headers = {"authorization": _authorization(self._credentials.token)}
        project = getattr(self._credentials, "quota_project_id", None)
        if project:
            headers["x-goog-user-project"] = _header_value(project, "quota project")
        return headers

    def _refresh(self) -> None:
        try:
            from google.auth.exceptions import GoogleAuthError
            from google.auth.exceptions import TransportError as NotReached
            from google.auth.transport.requests import Request
        except ImportError:
            raise ConfigurationError(
                "refreshing Google credentials needs the packages google-auth and requests: "
                "pip install 'ragkit[google-auth]'"
            ) from None
        # The cause is left out: its message may quote what was sent to the token's issuer.
        try:
            self._credentials.refresh(Request())
        except NotReached:
            raise TransportError(
                "the credentials could not be refreshed: their issuer was not reached", sent=False
            ) from None
        except GoogleAuthError as error:
            raise Unauthenticated(
                f"the credentials could not be refreshed ({type(error).__name__}): "
                "sign in again, or check the service account"
            ) from None


class _CalledTokens:
    """The tokens that a function returns. It is asked for each request, and caches if it likes."""

    def __init__(self, function: Callable[[], object]) -> None:
        self._function = function
        call = getattr(function, "__call__", None)  # noqa: B004 - it may be an object's coroutine
        self._asynchronous = inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(
            call
        )

    def current(self) -> Headers:
        token = self._function()
        if inspect.isawaitable(token):
            if inspect.iscoroutine(token):
                token.close()
            raise ConfigurationError(
                "credentials is an asynchronous function: it serves connect_async() only"
            )
        return {"authorization": _authorization(token)}

    def renewed(self, refused: str) -> Headers | None:
        return _other_than(refused, self.current())

    async def current_async(self) -> Headers:
        token = self._function() if self._asynchronous else await _in_thread(self._function)
        if inspect.isawaitable(token):
            token = await token
        return {"authorization": _authorization(token)}

    async def renewed_async(self, refused: str) -> Headers | None:
        return _other_than(refused, await self.current_async())


def _other_than(refused: str, headers: Headers) -> Headers | None:
    return None if headers["authorization"] == refused else headers


async def _in_thread(function: Callable[[], T]) -> T:
    from anyio import to_thread

    return await to_thread.run_sync(function)
