"""When a call is tried again, as one generator that both clients drive.

`perform` yields what is to be done, an HTTP request or a wait, and is sent what came of it. It
repeats only what is safe to repeat: methods that change nothing twice,
requests that surely were not carried out, creates whose names the caller gave (an
ALREADY_EXISTS after a lost reply means that the first attempt went through) and deletes (likewise
NOT_FOUND). Waits follow "exponential backoff with full jitter" and what the server asks for by
`Retry-After` or `google.rpc.RetryInfo`.
"""

from __future__ import annotations

import random
import time
from collections.abc import Generator, Iterable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any, TypeAlias, TypeVar

from ragkit.api import methods
from ragkit.api.base import ProtoModel
from ragkit.api.chunks import (
    BatchCreateChunksRequest,
    BatchCreateChunksResponse,
    Chunk,
    CreateChunkRequest,
    GetChunkRequest,
)
from ragkit.api.corpora import CreateCorpusRequest, GetCorpusRequest
from ragkit.api.documents import CreateDocumentRequest, GetDocumentRequest
from ragkit.api.errors import (
    AlreadyExists,
    APIError,
    InvalidArgument,
    NotFound,
    RagkitError,
    TransportError,
    error_from_response,
)
from ragkit.api.wire import HttpRequest, HttpResponse, parse_response
from ragkit.client._calls import Call

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


def perform(call: Call[ReplyT], policy: RetryPolicy, timeout: float | None) -> Steps[ReplyT]:
    """Carry out a call.

    Args:
        call: what to do.
        policy: how often and how long to try.
        timeout: seconds to wait for one reply, None for the transport's default.

    Returns:
        The method's response.

    Raises:
        APIError: the API's answer was an error, and trying again was not safe or did not help.
        TransportError: no reply arrived, likewise.
    """
    method = call.method
    try:
        encoded = method.encode(call.request)
    except ValueError:  # as UTF-8 cannot hold everything that a Python string can
        raise _unencodable(call) from None
    request = HttpRequest(
        encoded.verb, encoded.path, encoded.query, encoded.headers, encoded.body, timeout
    )
    repeatable = method.safe or method.verb == "DELETE" or _names_given(call.request)
    repeatable = repeatable or method is methods.CHUNKS_BATCH_DELETE
    give_up_at = time.monotonic() + policy.deadline
    may_have_happened = False
    attempt = 0
    while True:
        attempt += 1
        asked_wait: float | None = None
        failure: RagkitError
        outcome = yield request
        if isinstance(outcome, HttpResponse) and outcome.status < 400:
            try:
                return parse_response(method, outcome.body)
            except ValueError as error:
                outcome = TransportError(f"{method.id}: the reply is malformed: {error}")
        if isinstance(outcome, HttpResponse):
            failure = answered = error_from_response(
                outcome.status,
                outcome.body,
                method=method.id,
                resource=method.resource_of(call.request),
            )
            if may_have_happened:
                done = yield from _went_through(call, answered, policy, timeout)
                if done is not None:
                    return done
            retryable = outcome.status in _RETRIED_STATUSES and (
                repeatable or outcome.status == _TOO_MANY_REQUESTS
            )
            may_have_happened |= outcome.status >= 500
            asked_wait = _asked_wait(outcome.headers, answered)
        else:
            assert outcome is not None, "a request has an outcome"
            failure = outcome
            retryable = repeatable or not outcome.sent
            may_have_happened |= outcome.sent
        backoff = min(policy.longest_wait, policy.first_wait * 2 ** (attempt - 1))
        wait = random.uniform(0, backoff) if asked_wait is None else asked_wait
        out_of_time = time.monotonic() + wait > give_up_at or wait > policy.longest_wait
        if not retryable or attempt >= policy.attempts or out_of_time:
            raise failure
        yield Wait(wait)


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


def _names_given(request: ProtoModel) -> bool:
    """Whether a request creates, and each resource it creates carries its caller's name."""
    match request:
        case CreateCorpusRequest(corpus=resource):
            return resource is not None and bool(resource.name)
        case CreateDocumentRequest(document=resource):
            return resource is not None and bool(resource.name)
        case CreateChunkRequest(chunk=resource):
            return resource is not None and bool(resource.name)
        case BatchCreateChunksRequest(requests=requests):
            return all(map(_names_given, requests))
    return False


def _went_through(
    call: Call[ReplyT], failure: APIError, policy: RetryPolicy, timeout: float | None
) -> Generator[Step, Outcome, ReplyT | None]:
    """The reply that was lost, if `failure` of a repeated call shows that an attempt succeeded."""
    method, request = call.method, call.request
    deletes = method.verb == "DELETE" or method is methods.CHUNKS_BATCH_DELETE
    if isinstance(failure, NotFound) and deletes:
        return method.response()
    if not isinstance(failure, AlreadyExists) or not _names_given(request):
        return None
    if isinstance(request, BatchCreateChunksRequest):
        chunks: list[Chunk] = []
        for item in request.requests:
            found = yield from _get_created(item, policy, timeout)
            if not isinstance(found, Chunk):
                return None
            chunks.append(found)
        response: Any = BatchCreateChunksResponse(chunks=chunks)
        return response  # type: ignore[no-any-return]
    found = yield from _get_created(request, policy, timeout)
    return found  # type: ignore[return-value]


def _get_created(
    request: ProtoModel, policy: RetryPolicy, timeout: float | None
) -> Generator[Step, Outcome, ProtoModel | None]:
    """The resource that a create made, None if what stands there is not what was asked for."""
    get: Call[Any]
    compared: tuple[str, ...]
    match request:
        case CreateCorpusRequest(corpus=wanted) if wanted is not None:
            get = Call(methods.CORPORA_GET, GetCorpusRequest(name=wanted.name))
            compared = ("display_name",)
        case CreateDocumentRequest(document=wanted) if wanted is not None:
            get = Call(methods.DOCUMENTS_GET, GetDocumentRequest(name=wanted.name))
            compared = ("display_name", "custom_metadata")
        case CreateChunkRequest(chunk=wanted) if wanted is not None:
            get = Call(methods.CHUNKS_GET, GetChunkRequest(name=wanted.name))
            compared = ("data", "custom_metadata")
        case _:
            return None
    found: ProtoModel = yield from perform(get, policy, timeout)
    same = all(getattr(found, name) == getattr(wanted, name) for name in compared)
    return found if same else None
