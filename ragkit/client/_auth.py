"""Credentials: an API key, or OAuth bearer tokens that are renewed when they run out.

What is secret leaves this module in headers only: no repr, log or error message shows it.

Sources: RFC 6750 (bearer tokens); Google's "x-goog-api-key" and "x-goog-user-project" headers
(https://cloud.google.com/apis/docs/system-parameters); google-auth's `Credentials`.
"""

from __future__ import annotations

import inspect
import threading
from collections.abc import Awaitable, Callable
from typing import Any, Protocol, TypeAlias

from ragkit.api.errors import ConfigurationError, TransportError, Unauthenticated

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


def key_headers(api_key: str | None) -> Headers:
    """The header that carries an API key; none if there is no key.

    Raises:
        ConfigurationError: the key cannot stand in a header.
    """
    if api_key is None:
        return {}
    # A key read from a file ends in a newline, which belongs to the file.
    return {KEY_HEADER: _header_value(api_key.strip(), "API key")}


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


class Tokens:
    """Where the headers that carry a token come from; safe to share between threads.

    Raises:
        ConfigurationError: it is neither a credentials object nor a function.
    """

    def __init__(self, credentials: Credentials) -> None:
        self._google = hasattr(credentials, "token") and hasattr(credentials, "refresh")
        if not self._google and not callable(credentials):
            raise ConfigurationError(
                "credentials must be a google-auth credentials object or a function that returns "
                f"a token, not a value of type {type(credentials).__name__}"
            )
        self._credentials: Any = credentials
        self._lock = threading.Lock()  # one refresh serves all who wait for it
        call = getattr(credentials, "__call__", None)  # noqa: B004 - an object's may be a coroutine
        self._asynchronous = any(map(inspect.iscoroutinefunction, (credentials, call)))

    def current(self, refused: str | None = None) -> Headers:
        """The headers with a token that is good as far as is known; may block.

        Args:
            refused: the authorization that was answered by 401, if one was.
        """
        token = self._token(refused)
        if inspect.isawaitable(token):
            if inspect.iscoroutine(token):
                token.close()
            raise ConfigurationError(
                "credentials is an asynchronous function: it serves connect_async() only"
            )
        return self._headers(token)

    async def current_async(self, refused: str | None = None) -> Headers:
        """`current` without blocking the event loop."""
        if self._google and refused is None and self._credentials.valid:
            return self._headers(self._credentials.token)
        from anyio import to_thread

        here = self._asynchronous
        token = self._token() if here else await to_thread.run_sync(self._token, refused)
        return self._headers(await token if inspect.isawaitable(token) else token)

    def _token(self, refused: str | None = None) -> Any:
        """A google-auth object's token, refreshed if need be; a function is asked each time."""
        credentials = self._credentials
        if not self._google:
            return credentials()
        with self._lock:
            if not credentials.valid or _authorization(credentials.token) == refused:
                _refresh(credentials)
            return credentials.token

    def _headers(self, token: object) -> Headers:
        headers = {"authorization": _authorization(token)}
        project = getattr(self._credentials, "quota_project_id", None) if self._google else None
        if project:
            headers["x-goog-user-project"] = _header_value(project, "quota project")
        return headers


def _refresh(credentials: GoogleCredentials) -> None:
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
        credentials.refresh(Request())
    except NotReached:
        raise TransportError(
            "the credentials could not be refreshed: their issuer was not reached", sent=False
        ) from None
    except GoogleAuthError as error:
        raise Unauthenticated(
            f"the credentials could not be refreshed ({type(error).__name__}): "
            "sign in again, or check the service account"
        ) from None
