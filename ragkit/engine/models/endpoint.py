"""JSON over HTTP to a model's endpoint: what is repeated, how long is waited, what errors mean."""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from ragkit.engine.models.backend_errors import (
    BackendBusyError,
    BackendError,
    BackendReplyError,
    BackendTimeoutError,
    BackendUnavailableError,
    error_of,
)

if TYPE_CHECKING:
    import httpx

_CONNECT_SECONDS: Final = 10.0
_FIRST_WAIT: Final = 0.5
_LONGEST_WAIT: Final = 20.0


class Endpoint:
    """A base URL that takes JSON. Safe to use from several threads.

    Arguments:
        name: the model's name, for messages.
        url: the base URL.
        api_key: sent as a bearer token, to this URL only: redirects are not followed.
        timeout: seconds without a byte after which a request is given up.
        retries: how often a request is repeated. Writing text changes nothing at the other side,
            so that any failure before the first byte of a reply may be repeated.
    """

    def __init__(self, name: str, url: str, api_key: str, timeout: float, retries: int) -> None:
        self._name = name
        self._url = url.rstrip("/")
        self._headers = {"authorization": f"Bearer {api_key}"} if api_key else {}
        self._timeout = timeout
        self._retries = retries
        self._lock = threading.Lock()
        self._opened: httpx.Client | None = None

    def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """Send a request and return its reply, parsed.

        Raises:
            BackendError: the reply is an error, is no JSON, or does not come.
        """
        with self._opened_reply(path, body) as reply:
            content = self._read(reply)
        try:
            return json.loads(content)
        except ValueError:
            shown = content[:200].decode("utf-8", "replace")
            raise BackendReplyError(self._name, f"its reply is no JSON: {shown!r}") from None

    @contextmanager
    def lines(self, path: str, body: Mapping[str, Any]) -> Iterator[Iterator[str]]:
        """Send a request and give its reply's lines as they come; leaving ends the request.

        Raises:
            BackendError: the reply is an error, or does not come whole.
        """
        with self._opened_reply(path, body) as reply:
            yield self._lines(reply)

    def close(self) -> None:
        """Close the connections; the endpoint may be used again."""
        with self._lock:
            opened, self._opened = self._opened, None
        if opened is not None:
            opened.close()

    @contextmanager
    def _opened_reply(self, path: str, body: Mapping[str, Any]) -> Iterator[httpx.Response]:
        """A reply that is no error, its body still to be read."""
        reply = self._send(path, json.dumps(body, ensure_ascii=False).encode("utf-8", "replace"))
        try:
            yield reply
        finally:
            reply.close()

    def _send(self, path: str, content: bytes) -> httpx.Response:
        for attempt in range(self._retries + 1):
            try:
                return self._try(path, content)
            except (BackendBusyError, BackendUnavailableError) as error:
                if attempt == self._retries:
                    raise
                time.sleep(_wait(attempt, error))
        raise AssertionError("a loop of at least one attempt returns or raises")

    def _try(self, path: str, content: bytes) -> httpx.Response:
        import httpx

        client = self._client()
        headers = {"content-type": "application/json", **self._headers}
        request = client.build_request(
            "POST", f"{self._url}/{path}", content=content, headers=headers
        )
        try:
            reply = client.send(request, stream=True)
        except httpx.HTTPError as error:
            raise self._failed(error) from error
        if reply.status_code < 300:
            return reply
        try:
            raise self._refused(reply)
        finally:
            reply.close()

    def _client(self) -> httpx.Client:
        import httpx

        with self._lock:
            if self._opened is None:
                timeout = httpx.Timeout(self._timeout, connect=_CONNECT_SECONDS)
                self._opened = httpx.Client(timeout=timeout, follow_redirects=False)
            return self._opened

    def _lines(self, reply: httpx.Response) -> Iterator[str]:
        import httpx

        # Not httpx's iter_lines: it splits at U+2028 and the like, which JSON may hold as they are.
        rest = b""
        try:
            for block in reply.iter_bytes():
                *whole, rest = (rest + block).split(b"\n")
                for line in whole:
                    yield line.removesuffix(b"\r").decode("utf-8", "replace")
        except httpx.HTTPError as error:
            raise self._failed(error) from error
        if rest:
            yield rest.decode("utf-8", "replace")

    def _read(self, reply: httpx.Response) -> bytes:
        import httpx

        try:
            return reply.read()
        except httpx.HTTPError as error:
            raise self._failed(error) from error

    def _refused(self, reply: httpx.Response) -> BackendError:
        """The error that a reply stands for."""
        content = self._read(reply)
        try:
            body = json.loads(content)
        except ValueError:
            body = content.decode("utf-8", "replace")
        if reply.status_code < 400:
            return BackendReplyError(
                self._name, f"{self._url} redirects elsewhere (HTTP {reply.status_code})"
            )
        error = error_of(self._name, reply.status_code, body)
        if isinstance(error, BackendBusyError):
            error.retry_after = _seconds(reply.headers.get("retry-after", ""))
        return error

    def _failed(self, error: httpx.HTTPError) -> BackendError:
        import httpx

        if isinstance(error, httpx.ConnectTimeout):
            return BackendUnavailableError(self._name, f"{self._url} does not connect")
        if isinstance(error, httpx.TimeoutException):
            return BackendTimeoutError(
                self._name, f"{self._url} was silent for {self._timeout:g} seconds"
            )
        reason = str(error) or type(error).__name__
        return BackendUnavailableError(self._name, f"{self._url} is not reached: {reason}")


def _wait(attempt: int, error: BackendError) -> float:
    """Seconds before the next attempt: exponential with full jitter, or what the reply asks."""
    asked = error.retry_after if isinstance(error, BackendBusyError) else None
    if asked is not None:
        return min(asked, _LONGEST_WAIT)
    return random.uniform(0, min(_FIRST_WAIT * 2**attempt, _LONGEST_WAIT))


def _seconds(header: str) -> float | None:
    """A Retry-After header in seconds; None if it is absent or a date."""
    try:
        seconds = float(header)
    except ValueError:
        return None
    return seconds if 0 <= seconds < 86_400 else None
