"""When a call is tried again, as one generator that both clients drive.

`perform` yields what is to be done, an HTTP request or a wait, and is sent what came of it. It
repeats only what is safe to repeat: methods that change nothing twice,
requests that surely were not carried out, creates whose names the caller gave (an
ALREADY_EXISTS after a lost reply means that the first attempt went through) and deletes (likewise
NOT_FOUND). Waits follow "exponential backoff with full jitter" and what the server asks for by
`Retry-After` or `google.rpc.RetryInfo`. A budget per client keeps a failing server from being
hammered (`_budget.py`).
"""

from __future__ import annotations

import random
import time
from collections.abc import Generator, Iterable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from functools import partial
from typing import Any, Generic, TypeAlias, TypeVar
from urllib.parse import urlsplit

from ragkit.api.base import ProtoModel
from ragkit.api.errors import (
    APIError,
    InvalidArgument,
    RagkitError,
    TransportError,
    error_from_response,
)
from ragkit.api.wire import HttpRequest, HttpResponse, parse_response
from ragkit.client._availability import closed_error
from ragkit.client._budget import LOST_REPLY_COST, RETRY_COST, RetryBudget
from ragkit.client._calls import Call
from ragkit.client._lost_replies import repeatable, went_through
from ragkit.client._observing import Observation

ReplyT = TypeVar("ReplyT", bound=ProtoModel)

_RETRIED_STATUSES = frozenset({429, 500, 502, 503, 504})
_TOO_MANY_REQUESTS = 429


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often and how long a call is tried.

    Attributes:
        attempts: the most requests sent for one call; 1 switches retrying off.
        first_wait: upper bound of the first wait, in seconds; it doubles with each attempt.
        longest_wait: upper bound of any wait, in seconds; a server that asks for more gets its
            error raised instead.
        deadline: seconds after which no further attempt is begun.
    """

    attempts: int = 5
    first_wait: float = 0.5
    longest_wait: float = 30.0
    deadline: float = 120.0


@dataclass(frozen=True, slots=True)
class Wait:
    """To be slept before going on, in seconds."""

    seconds: float


Step: TypeAlias = HttpRequest | Wait
Outcome: TypeAlias = HttpResponse | TransportError | None
"""What a driver sends back: the reply, why there is none, or None after a wait."""
Steps: TypeAlias = Generator[Step, Outcome, ReplyT]


def perform(
    call: Call[ReplyT],
    policy: RetryPolicy,
    timeout: float | None,
    *,
    endpoint: str = "",
    budget: RetryBudget | None = None,
) -> Steps[ReplyT]:
    """Carry out a call.

    A driver that takes over a reply itself, as for a stream, closes the generator.

    Args:
        call: what to do.
        policy: how often and how long to try.
        timeout: seconds to wait for one reply, None for the transport's default.
        endpoint: where the call goes: a URL, or a text for people.
        budget: the client's budget of retries, None for one of this call's own.

    Returns:
        The method's response.

    Raises:
        APIError: the API's answer was an error, and trying again was not safe or did not help.
        MethodClosed: Google's endpoint no longer offers the method.
        TransportError: no reply arrived, likewise.
    """
    attempts = _Attempts(call, policy, timeout, endpoint, budget or RetryBudget())
    observation = attempts.observation
    try:
        reply = yield from attempts.steps()
    except GeneratorExit:
        observation.answered("taken over")
        attempts.budget.succeeded(attempts.taken)
        observation.finish()
        raise
    except Exception as error:
        observation.finish(error)
        raise
    observation.finish()
    return reply


class _Attempts(Generic[ReplyT]):
    """The attempts at one call."""

    def __init__(
        self,
        call: Call[ReplyT],
        policy: RetryPolicy,
        timeout: float | None,
        endpoint: str,
        budget: RetryBudget,
    ) -> None:
        self.budget = budget
        self.taken = 0  # tokens, for the last retry
        self.observation = Observation(call.method.id, endpoint)
        self._call = call
        self._policy = policy
        self._timeout = timeout
        self._endpoint = endpoint
        self._give_up_at = time.monotonic() + policy.deadline
        self._may_have_happened = False

    def steps(self) -> Steps[ReplyT]:
        request = _encoded(self._call, self._timeout)
        may_repeat = repeatable(self._call)
        while True:
            self.observation.sent()
            outcome = yield request
            assert outcome is not None, "a request has an outcome"
            outcome, reply = self._read(outcome)
            if reply is not None:
                return reply
            asked_wait: float | None = None
            failure: RagkitError
            if isinstance(outcome, HttpResponse):
                failure = answered = self._error(outcome)
                if self._may_have_happened:
                    done = yield from self._went_through(answered)
                    if done is not None:
                        return done
                retryable = outcome.status in _RETRIED_STATUSES and (
                    may_repeat or outcome.status == _TOO_MANY_REQUESTS
                )
                self._may_have_happened |= outcome.status >= 500
                asked_wait = _asked_wait(outcome.headers, answered)
            else:
                failure = outcome
                retryable = may_repeat or not outcome.sent
                self._may_have_happened |= outcome.sent
            yield Wait(self._wait(failure, retryable, asked_wait))

    def _read(
        self, outcome: HttpResponse | TransportError
    ) -> tuple[HttpResponse | TransportError, ReplyT | None]:
        """The outcome, and what it says if it is a success; a malformed reply is a lost one."""
        if isinstance(outcome, TransportError):
            self.observation.answered("no reply")
            return outcome, None
        self.observation.answered(outcome.status)
        if outcome.status < 500 and outcome.status != _TOO_MANY_REQUESTS:
            self.budget.succeeded(self.taken)
        if outcome.status >= 400:
            return outcome, None
        method = self._call.method
        if outcome.status >= 300:
            raise _redirected(method.id, outcome)
        try:
            return outcome, parse_response(method, outcome.body)
        except ValueError as error:
            return TransportError(f"{method.id}: the reply is malformed: {error}"), None

    def _error(self, reply: HttpResponse) -> APIError:
        method = self._call.method
        error = error_from_response(
            reply.status,
            reply.body,
            method=method.id,
            resource=method.resource_of(self._call.request),
        )
        return closed_error(method, self._endpoint, error) or error

    def _wait(self, failure: RagkitError, retryable: bool, asked: float | None) -> float:
        """Seconds to wait before the next attempt; raises `failure` if there is to be none."""
        policy, attempt = self._policy, self.observation.attempt
        backoff = min(policy.longest_wait, policy.first_wait * 2 ** (attempt - 1))
        wait = random.uniform(0, backoff) if asked is None else asked
        out_of_time = time.monotonic() + wait > self._give_up_at or wait > policy.longest_wait
        if not retryable or attempt >= policy.attempts or out_of_time:
            raise failure
        # Who comes back when the server says so does not hammer it.
        cost = LOST_REPLY_COST if isinstance(failure, TransportError) else RETRY_COST
        cost = 0 if asked else cost
        if not self.budget.take(cost):
            failure.add_note("not tried again: the server has failed too often of late")
            raise failure
        self.taken = cost
        self.observation.repeated(failure, wait)
        return wait

    def _went_through(self, failure: APIError) -> Generator[Step, Outcome, ReplyT | None]:
        again = partial(
            perform,
            policy=self._policy,
            timeout=self._timeout,
            endpoint=self._endpoint,
            budget=self.budget,
        )
        return (yield from went_through(self._call, failure, again))


def _encoded(call: Call[Any], timeout: float | None) -> HttpRequest:
    try:
        encoded = call.method.encode(call.request)
    except ValueError:  # as UTF-8 cannot hold everything that a Python string can
        raise _unencodable(call) from None
    return HttpRequest(
        encoded.verb, encoded.path, encoded.query, encoded.headers, encoded.body, timeout
    )


def _redirected(method: str, reply: HttpResponse) -> TransportError:
    target = urlsplit(reply.headers.get("location", ""))
    where = f"{target.scheme}://{target.hostname}" if target.hostname else target.path or "nowhere"
    return TransportError(
        f"{method}: HTTP {reply.status}, a redirect to {where}. Redirects are not followed, since "
        "credentials go to the configured origin only: give the final URL"
    )


def _unencodable(call: Call[Any]) -> InvalidArgument:
    """The error for a request whose text is no valid Unicode; names the first field."""

    def find(value: object, path: str) -> str | None:
        if isinstance(value, str) and not value.isprintable():
            try:
                value.encode()
            except UnicodeEncodeError:
                return path
        items: Iterable[tuple[object, object]] = ()
        if isinstance(value, dict):
            items = ((f".{key}", item) for key, item in value.items())
        elif isinstance(value, list):
            items = ((f"[{index}]", item) for index, item in enumerate(value))
        return next((p for k, item in items if (p := find(item, f"{path}{k}"))), None)

    field = (find(call.request.model_dump(by_alias=True), "") or ".request").removeprefix(".")
    return InvalidArgument(
        f"{field}: holds characters that are not valid Unicode (lone surrogates), as arguments "
        "and file names that are not UTF-8 do",
        field=field,
        method=call.method.id,
    )


def _asked_wait(headers: Mapping[str, str], failure: APIError) -> float | None:
    """The seconds that the server asks to wait, None if it does not say."""
    for detail in failure.details:
        delay = detail.get("retryDelay")
        if isinstance(delay, str) and delay.endswith("s"):
            try:
                return max(0.0, float(delay[:-1]))
            except ValueError:
                pass
    text = headers.get("retry-after", "").strip()
    if not text:
        return None
    try:
        return max(0.0, float(text))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    except (ValueError, TypeError):
        return None
