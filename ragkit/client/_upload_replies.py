"""The requests of an upload and what their replies mean."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from random import uniform
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl, quote, urlsplit

from ragkit.api.errors import APIError, RagkitError, TransportError, error_from_response
from ragkit.api.methods import FILES_GET, MEDIA_UPLOAD
from ragkit.api.wire import HttpRequest, HttpResponse, parse_response
from ragkit.client._budget import LOST_REPLY_COST, RETRY_COST, RetryBudget
from ragkit.client._calls import call
from ragkit.client._observing import Observation
from ragkit.client._retry import RetryPolicy, Wait, _asked_wait, _redirected, perform
from ragkit.client._upload_steps import Steps

if TYPE_CHECKING:
    from ragkit.api.files import File

PIECE_SIZE: Final = 8 * 1024 * 1024
"""Bytes in one request of a resumable upload, rounded down to the server's granularity."""
LARGEST_GRANULARITY: Final = 64 * 1024 * 1024
"""A server that wants larger pieces is not believed: each is held in memory."""

_RETRIED_STATUSES = frozenset({408, 429, 500, 502, 503, 504})
_TOO_MANY_REQUESTS = 429


@dataclass(frozen=True, slots=True)
class Session:
    """A resumable upload that the server has begun."""

    path: str
    query: tuple[tuple[str, str], ...]
    piece_size: int


class Attempts:
    """The requests of one upload: how they are seen from outside, and how often they may fail."""

    def __init__(self, policy: RetryPolicy, endpoint: str, budget: RetryBudget | None) -> None:
        self.observation = Observation(MEDIA_UPLOAD.id, endpoint)
        self._policy = policy
        self._endpoint = endpoint
        self._budget = budget or RetryBudget()
        self._taken = 0  # tokens, for the last retry
        self.renew()

    def renew(self) -> None:
        """Count anew, as there was progress."""
        self._failures = 0
        self._give_up_at = time.monotonic() + self._policy.deadline
        self._budget.succeeded(self._taken)
        self._taken = 0

    def send(self, request: HttpRequest) -> Steps[HttpResponse | TransportError]:
        """Send a request once."""
        self.observation.sent()
        outcome = yield request
        assert isinstance(outcome, (HttpResponse, TransportError)), "a request has an outcome"
        answer = outcome.status if isinstance(outcome, HttpResponse) else "no reply"
        self.observation.answered(answer)
        return outcome

    def after(self, failure: RagkitError, outcome: HttpResponse | TransportError) -> Wait:
        """The wait after a failure, which is raised if there were too many."""
        policy, asked = self._policy, None
        if isinstance(outcome, HttpResponse) and isinstance(failure, APIError):
            asked = _asked_wait(outcome.headers, failure)
        bound = min(policy.longest_wait, policy.first_wait * 2**self._failures)
        wait = uniform(0, bound) if asked is None else asked
        self._failures += 1
        out_of_time = time.monotonic() + wait > self._give_up_at or wait > policy.longest_wait
        if self._failures >= policy.attempts or out_of_time:
            raise failure
        cost = LOST_REPLY_COST if isinstance(failure, TransportError) else RETRY_COST
        self._taken = 0 if asked else cost
        if not self._budget.take(self._taken):
            failure.add_note("not tried again: the server has failed too often of late")
            raise failure
        self.observation.repeated(failure, wait)
        return Wait(wait)

    def get(self, name: str, timeout: float | None) -> Steps[File]:
        """The file of a name, as the server describes it."""
        return (
            yield from perform(
                call(FILES_GET, name=name),
                self._policy,
                timeout,
                endpoint=self._endpoint,
                budget=self._budget,
            )
        )


def failure_of(outcome: HttpResponse | TransportError) -> RagkitError | None:
    """The error that an outcome is, None for a reply that is none."""
    if isinstance(outcome, TransportError):
        return outcome
    if outcome.status < 300:
        return None
    if outcome.status < 400:
        return _redirected(MEDIA_UPLOAD.id, outcome)
    return error_from_response(outcome.status, outcome.body, method=MEDIA_UPLOAD.id)


def unexpected(outcome: HttpResponse | TransportError) -> TransportError:
    """The failure that a reply is which is no error, but not what the protocol says either."""
    assert isinstance(outcome, HttpResponse)
    upload_status = outcome.headers.get("x-goog-upload-status")
    return TransportError(
        f"{MEDIA_UPLOAD.id}: the reply is malformed: HTTP {outcome.status}, upload status "
        f"{upload_status!r}, {len(outcome.body)} bytes"
    )


def retryable(outcome: HttpResponse | TransportError) -> bool:
    """Whether trying again may help."""
    if isinstance(outcome, HttpResponse) and outcome.status >= 300:
        return outcome.status in _RETRIED_STATUSES
    return True


def surely_not_done(outcome: HttpResponse | TransportError) -> bool:
    """Whether the request was certainly not carried out."""
    if isinstance(outcome, HttpResponse):
        return outcome.status == _TOO_MANY_REQUESTS
    return not outcome.sent


def accepted(outcome: HttpResponse | TransportError, upload_status: str) -> bool:
    """Whether a reply says that the upload has a status."""
    return (
        isinstance(outcome, HttpResponse)
        and outcome.status < 300
        and outcome.headers.get("x-goog-upload-status", "").lower() == upload_status
    )


def file_in(outcome: HttpResponse | TransportError) -> File | None:
    """The file in a reply, None if it has none."""
    if not isinstance(outcome, HttpResponse):
        return None
    try:
        return parse_response(MEDIA_UPLOAD, outcome.body).file
    except ValueError:
        return None


def session_of(headers: Mapping[str, str]) -> Session | None:
    """The session that a reply tells of, None if it does not.

    Of the URL only path and query are used: requests and credentials go where the client was told
    to send them, also behind a proxy that does not rewrite this header.
    """
    url = urlsplit(headers.get("x-goog-upload-url", ""))
    prefix, found, rest = url.path.partition(MEDIA_UPLOAD.upload_path)
    path = found + rest if found else prefix
    granularity = headers.get("x-goog-upload-chunk-granularity", "1")
    if not path.startswith("/") or not granularity.isdecimal():
        return None
    unit = int(granularity)
    if not 0 < unit <= LARGEST_GRANULARITY:
        return None
    query = tuple(parse_qsl(url.query, keep_blank_values=True))
    return Session(
        quote(path, safe="/%:@!$&'()*+,;=~"), query, max(unit, PIECE_SIZE // unit * unit)
    )
