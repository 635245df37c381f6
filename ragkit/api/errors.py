"""The errors of the API, one class per canonical status.

    RagkitError
    ├── TransportError            the other side was not reached, or its reply did not arrive
    ├── ConfigurationError        what is configured cannot work
    └── APIError                  the API's answer is an error
        ├── InvalidArgument       400 INVALID_ARGUMENT
        ├── FailedPrecondition    400 FAILED_PRECONDITION
        ├── OutOfRange            400 OUT_OF_RANGE
        ├── Unauthenticated       401 UNAUTHENTICATED
        ├── PermissionDenied      403 PERMISSION_DENIED
        ├── NotFound              404 NOT_FOUND
        ├── AlreadyExists         409 ALREADY_EXISTS
        ├── Aborted               409 ABORTED
        ├── ResourceExhausted     429 RESOURCE_EXHAUSTED
        ├── Cancelled             499 CANCELLED
        ├── Internal              500 INTERNAL
        ├── Unknown               500 UNKNOWN
        ├── DataLoss              500 DATA_LOSS
        ├── Unimplemented         501 UNIMPLEMENTED
        ├── Unavailable           503 UNAVAILABLE
        └── DeadlineExceeded      504 DEADLINE_EXCEEDED

The service raises them, the dispatcher writes them as the API's error envelope, and the client
raises them again from that envelope. Source: google.rpc.Code and google.rpc.BadRequest.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from email.utils import parsedate_to_datetime
from typing import Any, ClassVar


class RagkitError(Exception):
    """Base of every error that ragkit raises on purpose."""


class ConfigurationError(RagkitError):
    """What is configured cannot work; the message says what to change."""


class TransportError(RagkitError):
    """The other side was not reached, or its reply did not arrive whole.

    `sent` tells whether the request may have been carried out.
    """

    def __init__(self, message: str, *, sent: bool = True) -> None:
        super().__init__(message)
        self.sent = sent


class APIError(RagkitError):
    """An error answered by the API.

    Attributes:
        message: what was wrong, for people.
        details: `google.rpc` detail messages in JSON form.
        method: id of the API method, such as "corpora.query", where known.
        resource: name of the resource concerned, where known.
        retry_after: seconds that the server asks to wait before another attempt, None if it does
            not say (`google.rpc.RetryInfo`, or the header `Retry-After`).
    """

    http_status: ClassVar[int] = 500
    status: ClassVar[str] = "UNKNOWN"
    number: ClassVar[int] = 2

    def __init__(
        self,
        message: str,
        *,
        field: str | None = None,
        details: Sequence[dict[str, Any]] = (),
        method: str | None = None,
        resource: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.details = list(details)
        self.method = method
        self.resource = resource
        self.retry_after: float | None = None
        if field is not None:
            self.details.append(
                {
                    "@type": "type.googleapis.com/google.rpc.BadRequest",
                    "fieldViolations": [{"field": field, "description": message}],
                }
            )

    def __str__(self) -> str:
        where = f" [{self.method}]" if self.method else ""
        return f"{self.message}{where}"

    @property
    def field_violations(self) -> list[dict[str, str]]:
        """The fields that were wrong: dicts with `field` and `description`."""
        return [
            violation
            for detail in self.details
            for violation in detail.get("fieldViolations", ())
            if isinstance(violation, dict)
        ]

    def to_json(self) -> bytes:
        """The API's error envelope, in UTF-8."""
        error: dict[str, Any] = {
            "code": self.http_status,
            "message": self.message,
            "status": self.status,
        }
        if self.details:
            error["details"] = self.details
        return json.dumps({"error": error}, ensure_ascii=False).encode("utf-8", "replace")


class InvalidArgument(APIError):
    """The request itself is wrong, whatever the state of the system."""

    http_status, status, number = 400, "INVALID_ARGUMENT", 3


class FailedPrecondition(APIError):
    """The system is not in the state that the request needs."""

    http_status, status, number = 400, "FAILED_PRECONDITION", 9


class OutOfRange(APIError):
    """A value lies beyond the valid range."""

    http_status, status, number = 400, "OUT_OF_RANGE", 11


class Unauthenticated(APIError):
    """The credentials are not valid."""

    http_status, status, number = 401, "UNAUTHENTICATED", 16


class PermissionDenied(APIError):
    """The caller may not do this."""

    http_status, status, number = 403, "PERMISSION_DENIED", 7


class NotFound(APIError):
    """There is no such resource or method."""

    http_status, status, number = 404, "NOT_FOUND", 5


class AlreadyExists(APIError):
    """The name of the resource to create is taken."""

    http_status, status, number = 409, "ALREADY_EXISTS", 6


class Aborted(APIError):
    """Concurrent work got in the way; the whole sequence may be tried again."""

    http_status, status, number = 409, "ABORTED", 10


class ResourceExhausted(APIError):
    """A quota or rate limit is used up."""

    http_status, status, number = 429, "RESOURCE_EXHAUSTED", 8


class Cancelled(APIError):
    """The call was cancelled."""

    http_status, status, number = 499, "CANCELLED", 1


class Internal(APIError):
    """A fault of the service."""

    http_status, status, number = 500, "INTERNAL", 13


class Unknown(APIError):
    """An error with no better class."""

    http_status, status, number = 500, "UNKNOWN", 2


class DataLoss(APIError):
    """Stored data is lost or damaged."""

    http_status, status, number = 500, "DATA_LOSS", 15


class Unimplemented(APIError):
    """The service does not offer this."""

    http_status, status, number = 501, "UNIMPLEMENTED", 12


class Unavailable(APIError):
    """The service cannot answer now; trying again may help."""

    http_status, status, number = 503, "UNAVAILABLE", 14


class DeadlineExceeded(APIError):
    """It took longer than allowed."""

    http_status, status, number = 504, "DEADLINE_EXCEEDED", 4


BY_STATUS: dict[str, type[APIError]] = {
    error.status: error for error in APIError.__subclasses__() if error.__module__ == __name__
}
_BY_NUMBER = {error.number: error for error in BY_STATUS.values()}
_BY_HTTP_STATUS: dict[int, type[APIError]] = {
    400: InvalidArgument,
    401: Unauthenticated,
    403: PermissionDenied,
    404: NotFound,
    409: Aborted,
    429: ResourceExhausted,
    499: Cancelled,
    500: Internal,
    501: Unimplemented,
    502: Unavailable,
    503: Unavailable,
    504: DeadlineExceeded,
}


def error_by_number(number: int) -> type[APIError]:
    """The error class for a canonical code, such as 5 for `NotFound`."""
    return _BY_NUMBER.get(number, Unknown)


def error_from_response(
    http_status: int,
    body: bytes,
    headers: Mapping[str, str] | None = None,
    *,
    method: str | None = None,
    resource: str | None = None,
) -> APIError:
    """The error that a reply with an HTTP status of 400 or above stands for.

    Any body is taken: the API's envelope (also as the sole element of a list, which streaming
    methods send), or another server's page, of which the beginning becomes the message.
    """
    try:
        parsed = json.loads(body)
    except ValueError:
        parsed = None
    if isinstance(parsed, list) and parsed:
        parsed = parsed[0]
    envelope = parsed.get("error") if isinstance(parsed, dict) else None
    if not isinstance(envelope, dict):
        envelope = {}
    by_status = BY_STATUS.get(str(envelope.get("status")))
    kind = by_status or _BY_HTTP_STATUS.get(http_status)
    if kind is None:
        kind = InvalidArgument if http_status < 500 else Unknown
    message = envelope.get("message")
    if not isinstance(message, str) or not message:
        text = body[:300].decode("utf-8", "replace").strip()
        message = f"HTTP {http_status}" + (f": {text}" if text else "")
    details = envelope.get("details")
    error = kind(
        message,
        details=[d for d in details if isinstance(d, dict)] if isinstance(details, list) else (),
        method=method,
        resource=resource,
    )
    error.retry_after = _asked_wait(error.details, headers or {})
    return error


def _asked_wait(details: Sequence[dict[str, Any]], headers: Mapping[str, str]) -> float | None:
    """The seconds that a server asks to wait; RetryInfo is more exact than the header."""
    delays = [str(d["retryDelay"]).removesuffix("s") for d in details if "retryDelay" in d]
    for text in [*delays, headers.get("retry-after", "").strip()]:
        try:
            return max(0.0, float(text))
        except ValueError:
            pass
        try:
            return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
        except (ValueError, TypeError):
            pass
    return None
