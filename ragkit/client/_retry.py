"""When a call is tried again, as one generator that both clients drive.

Only what is safe to repeat is repeated: methods that change nothing twice, requests that surely
were not carried out, creates whose names the caller gave and deletes (see `_lost_replies`). Waits
follow "exponential backoff with full jitter" and what the server asks for by `Retry-After` or
`google.rpc.RetryInfo`. A budget per client keeps a failing server from being hammered.
"""

from __future__ import annotations

import random
import time
from dataclasses import dataclass, field, replace
from typing import Any, Self, TypeAlias
from urllib.parse import urlsplit

from ragkit.api.errors import APIError, RagkitError, TransportError, error_from_response
from ragkit.api.wire import HttpRequest, HttpResponse, parse_response
from ragkit.client._availability import closed_error
from ragkit.client._budget import LOST_REPLY_COST, RETRY_COST, RetryBudget
from ragkit.client._calls import Call, Open, ReplyT, Steps, Wait
from ragkit.client._lost_replies import repeatable, went_through
from ragkit.client._observing import Observation

_RETRIED_STATUSES = frozenset({429, 500, 502, 503, 504})
_TOO_MANY_REQUESTS = 429

Outcome: TypeAlias = HttpResponse | TransportError
"""What came of a request: a reply, or why there is none."""


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
class Options:
    """How a client's calls are carried out.

    Attributes:
        endpoint: where they go: a URL, or a text for people.
        retry: how often and how long each is tried.
        timeout: seconds to wait for one reply, None for the transport's default.
        budget: the client's budget of retries.
    """

    endpoint: str = ""
    retry: RetryPolicy = RetryPolicy()
    timeout: float | None = None
    budget: RetryBudget = field(default_factory=RetryBudget)


class Attempts:
    """The requests of one call: how they are seen from outside, and how often they may fail."""

    def __init__(self, method: str, options: Options) -> None:
        self._observation = Observation(method, options.endpoint)
        self._options = options
        self._taken = 0  # of the budget, for the last retry
        self._failures = 0
        self._give_up_at = time.monotonic() + options.retry.deadline

    def renew(self) -> None:
        """Count anew, as there was progress."""
        self._failures = 0
        self._give_up_at = time.monotonic() + self._options.retry.deadline
        self.refund()

    def refund(self) -> None:
        """Give back to the budget, as the server is well."""
        self._options.budget.succeeded(self._taken)
        self._taken = 0

    def send(self, request: HttpRequest | Open) -> Steps[Any]:
        """Send a request once; returns its outcome."""
        self._observation.sent()
        outcome: Outcome = yield request
        answer = "no reply" if isinstance(outcome, TransportError) else outcome.status
        self._observation.answered(answer)
        return outcome

    def after(self, failure: RagkitError) -> Wait:
        """The wait after a failure, which is raised if there were too many."""
        policy, asked = self._options.retry, getattr(failure, "retry_after", None)
        bound = min(policy.longest_wait, policy.first_wait * 2**self._failures)
        wait = random.uniform(0, bound) if asked is None else asked
        self._failures += 1
        out_of_time = time.monotonic() + wait > self._give_up_at or wait > policy.longest_wait
        if self._failures >= policy.attempts or out_of_time:
            raise failure
        cost = LOST_REPLY_COST if isinstance(failure, TransportError) else RETRY_COST
        self._taken = 0 if asked else cost  # who comes back when told to does not hammer
        if not self._options.budget.take(self._taken):
            failure.add_note("not tried again: the server has failed too often of late")
            raise failure
        self._observation.repeated(failure, wait)
        return Wait(wait)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        self._observation.finish(error)


def perform(call: Call[ReplyT], options: Options, *, streamed: bool = False) -> Steps[Any]:
    """Carry out a call.

    Args:
        call: what to do.
        options: how.
        streamed: open the reply as a stream of events and return it as the transport gave it.

    Returns:
        The method's response.

    Raises:
        APIError: the API's answer was an error, and trying again was not safe or did not help.
        MethodClosed: Google's endpoint no longer offers the method.
        TransportError: no reply arrived, likewise.
    """
    method = call.method
    request = replace(method.encode(call.request), timeout=options.timeout)
    if streamed:
        request = replace(request, query=[*request.query, ("alt", "sse")])
    may_have_happened = False
    with Attempts(method.id, options) as attempts:
        while True:
            outcome: Outcome = yield from attempts.send(Open(request) if streamed else request)
            failure = failure_of(outcome, method.id, method.resource_of(call.request))
            if failure is None:
                attempts.refund()
                assert not isinstance(outcome, TransportError)
                if streamed:
                    return outcome
                try:
                    return parse_response(method, outcome.body)
                except ValueError as error:
                    failure = TransportError(f"{method.id}: the reply is malformed: {error}")
            elif isinstance(failure, APIError):
                failure = closed_error(method, options.endpoint, failure) or failure
                if may_have_happened:
                    done = yield from went_through(call, failure, lambda c: perform(c, options))
                    if done is not None:
                        return done
                if not may_help(outcome):
                    attempts.refund()
            not_done = surely_not_done(outcome)
            if not (may_help(outcome) and (not_done or repeatable(call))):
                raise failure
            may_have_happened |= not not_done
            yield attempts.after(failure)


def failure_of(outcome: Outcome, method: str, resource: str | None = None) -> RagkitError | None:
    """The error that an outcome is, None for a success."""
    if isinstance(outcome, TransportError):
        return outcome
    if outcome.status < 300:
        return None
    if outcome.status >= 400:
        return error_from_response(
            outcome.status, outcome.body, outcome.headers, method=method, resource=resource
        )
    target = urlsplit(outcome.headers.get("location", ""))
    where = f"{target.scheme}://{target.hostname}" if target.hostname else target.path or "nowhere"
    return TransportError(
        f"{method}: HTTP {outcome.status}, a redirect to {where}. Redirects are not followed, "
        "since credentials go to the configured origin only: give the final URL"
    )


def may_help(outcome: Outcome) -> bool:
    """Whether to try again after a failure may help."""
    if isinstance(outcome, TransportError):
        return True
    return outcome.status < 300 or outcome.status in _RETRIED_STATUSES


def surely_not_done(outcome: Outcome) -> bool:
    """Whether the request was certainly not carried out."""
    if isinstance(outcome, TransportError):
        return not outcome.sent
    return outcome.status == _TOO_MANY_REQUESTS
