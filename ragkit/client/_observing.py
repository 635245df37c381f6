"""What can be seen of calls from outside: log records, and OpenTelemetry spans.

The logger "ragkit.client" gets one record for each attempt, at DEBUG, and at INFO for those that
failed and are tried again: the method's id, the status, milliseconds and the attempt's number.
Neither bodies nor headers are logged, so neither texts nor keys.

A span is named by the method's id and lasts for the call with all its attempts. Spans are made only
in programs that have imported opentelemetry themselves: without that nobody could receive them.

Source: OpenTelemetry's semantic conventions for RPC and HTTP client spans.
"""

from __future__ import annotations

import logging
import sys
import time
from typing import Any
from urllib.parse import urlsplit

LOGGER = logging.getLogger("ragkit.client")


class Observation:
    """One call, as it is seen from outside. `finish` ends it, whatever became of it."""

    __slots__ = ("_began", "_method", "_span", "attempt")

    def __init__(self, method: str, endpoint: str = "") -> None:
        self.attempt = 0
        self._method = method
        self._span = _span(method, endpoint)
        self._began = 0.0

    def sent(self) -> None:
        """An attempt begins."""
        self.attempt += 1
        self._began = time.perf_counter()

    def answered(self, status: int | str) -> None:
        """It has ended: with an HTTP status, or with a word for why there is none."""
        if LOGGER.isEnabledFor(logging.DEBUG):
            milliseconds = (time.perf_counter() - self._began) * 1000
            LOGGER.debug(
                "%s: %s in %.1f ms (attempt %d)", self._method, status, milliseconds, self.attempt
            )
        if self._span is not None and isinstance(status, int):
            self._span.set_attribute("http.response.status_code", status)

    def repeated(self, why: Exception, wait: float) -> None:
        """It will be tried again after `wait` seconds."""
        LOGGER.info(
            "%s: %s; trying again in %.2f s (attempt %d)",
            self._method,
            type(why).__name__,
            wait,
            self.attempt,
        )
        if self._span is not None:
            attributes = {"error.type": type(why).__name__, "ragkit.wait_seconds": wait}
            self._span.add_event("retry", attributes)

    def finish(self, error: BaseException | None = None) -> None:
        """The call has ended; `error` is what it raised."""
        span = self._span
        if span is None:
            return
        span.set_attribute("http.request.resend_count", max(0, self.attempt - 1))
        if error is not None:
            from opentelemetry.trace import StatusCode

            span.set_attribute("error.type", type(error).__name__)
            span.set_status(StatusCode.ERROR, type(error).__name__)
        span.end()


def _span(method: str, endpoint: str) -> Any:
    """A span that has begun, None where nobody could receive it."""
    trace = sys.modules.get("opentelemetry.trace")
    if trace is None:
        return None
    attributes = {"rpc.service": "google.ai.generativelanguage.v1beta", "rpc.method": method}
    if endpoint.startswith(("http://", "https://")):
        attributes["server.address"] = urlsplit(endpoint).hostname or ""
    tracer = trace.get_tracer("ragkit.client")
    return tracer.start_span(method, kind=trace.SpanKind.CLIENT, attributes=attributes)
