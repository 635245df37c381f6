"""The server's log: one JSON object a line on stderr, each with the id of its request.

Lines are written by a thread of their own, so that neither the event loop nor a request waits for
whoever reads stderr; when more lines wait than memory should hold, lines are dropped and counted.
"""

from __future__ import annotations

import json
import logging
import queue
import re
import sys
import threading
import time
import traceback
import uuid
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any, Final, TextIO
from urllib.parse import unquote_plus

from ragkit.service.parameters import CREDENTIAL_PARAMETERS

ACCESS: Final = logging.getLogger("ragkit.server.access")
LOGGER: Final = logging.getLogger("ragkit.server")

_request_id: ContextVar[str] = ContextVar("ragkit_request_id", default="")
_GIVEN_ID: Final = re.compile(r"[A-Za-z0-9._:/+=-]{1,128}")
_HIDDEN: Final = "REDACTED"
_WAITING: Final = 20_000
_FLUSH_SECONDS: Final = 2.0


def request_id(given: str = "") -> str:
    """The id for a request: the one that its caller gave if it is fit for a log, else a new one."""
    return given if _GIVEN_ID.fullmatch(given) else uuid.uuid4().hex


def set_request_id(identifier: str) -> None:
    """Say which request the current thread or task works for."""
    _request_id.set(identifier)


def redacted(query: str) -> str:
    """A query string fit for a log: without the values of keys and tokens."""
    if not query:
        return ""
    return "&".join(_redacted_pair(pair) for pair in re.split("[&;]", query))


def _redacted_pair(pair: str) -> str:
    name, equals, _ = pair.partition("=")
    plain = unquote_plus(name).strip().removeprefix("$").lower()
    # Whoever knows an upload's id may go on with it, without a key.
    secret = plain in CREDENTIAL_PARAMETERS or any(
        word in plain for word in ("key", "token", "upload_id")
    )
    return f"{name}={_HIDDEN}" if equals and secret and plain != "pagetoken" else pair


class _Formatter(logging.Formatter):
    """Log records as JSON objects."""

    def format(self, record: logging.LogRecord) -> str:
        """The record on one line."""
        moment = datetime.fromtimestamp(record.created, UTC)
        line: dict[str, Any] = {
            "time": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        identifier = getattr(record, "request_id", "")
        if identifier:
            line["requestId"] = identifier
        line |= getattr(record, "fields", {})
        if record.exc_info and record.exc_info[1] is not None:
            line["traceback"] = "".join(traceback.format_exception(record.exc_info[1]))
        return json.dumps(line, ensure_ascii=False, default=str)


class _Queued(logging.Handler):
    """Hands records to the thread that writes them; never waits."""

    def __init__(self, lines: queue.SimpleQueue[logging.LogRecord | None]) -> None:
        super().__init__()
        self._lines = lines
        self.dropped = 0

    def emit(self, record: logging.LogRecord) -> None:
        """Put the record in the queue, marked with the request that it belongs to."""
        if not hasattr(record, "request_id"):
            record.request_id = _request_id.get()
        if self._lines.qsize() < _WAITING:
            self._lines.put(record)
        else:
            self.dropped += 1


class LogWriter:
    """Writes what ragkit and uvicorn log to a stream, from `start` to `stop`.

    Arguments:
        level: the least severe level that is written; "INFO" includes the access log.
        stream: where to; stderr by default.
    """

    def __init__(self, level: str = "INFO", stream: TextIO | None = None) -> None:
        self._level = level.upper()
        self._stream = stream if stream is not None else sys.stderr
        # Of this kind since signal handlers log, too: it takes a line while it takes another.
        self._lines: queue.SimpleQueue[logging.LogRecord | None] = queue.SimpleQueue()
        self._handler = _Queued(self._lines)
        self._formatter = _Formatter()
        # A daemon: a stream that takes nothing must not keep the process from ending.
        self._thread = threading.Thread(target=self._write, name="ragkit-log", daemon=True)
        self._before: list[tuple[logging.Logger, int, bool]] = []

    def start(self) -> None:
        """Begin to write."""
        for name in ("ragkit", "uvicorn"):
            logger = logging.getLogger(name)
            self._before.append((logger, logger.level, logger.propagate))
            logger.addHandler(self._handler)
            logger.propagate = False
            logger.setLevel(self._level)
        # What uvicorn says of starting and stopping, `ragkit serve` says itself.
        uvicorn = logging.getLogger("uvicorn")
        uvicorn.setLevel(max(uvicorn.level, logging.WARNING))
        self._thread.start()

    def stop(self) -> None:
        """Write what waits, for a short time at the most, and leave the loggers as they were."""
        for logger, level, propagate in self._before:
            logger.removeHandler(self._handler)
            logger.setLevel(level)
            logger.propagate = propagate
        self._before.clear()
        self._lines.put(None)
        self._thread.join(_FLUSH_SECONDS)

    def _write(self) -> None:
        told = 0
        while (record := self._lines.get()) is not None:
            text = self._formatter.format(record) + "\n"
            dropped = self._handler.dropped
            if dropped != told:
                text += json.dumps({"level": "WARNING", "message": f"{dropped - told} lines lost"})
                text, told = text + "\n", dropped
            try:
                # Line by line: the lines of several processes must not run into each other.
                self._stream.write(text)
                self._stream.flush()
            except (OSError, ValueError):  # nobody reads any more
                return


class Access:
    """What the access log tells of one request; `done` writes the line."""

    __slots__ = (
        "client",
        "identifier",
        "path",
        "principal",
        "query",
        "received",
        "started",
        "verb",
    )

    def __init__(self, identifier: str, verb: str, path: str, query: str, client: str) -> None:
        self.identifier = identifier
        self.verb, self.path, self.query, self.client = verb, path, query, client
        self.principal = ""
        self.received = 0
        self.started = time.perf_counter()

    def done(self, status: int, sent: int) -> None:
        """Write the line, if the level lets it through."""
        if not ACCESS.isEnabledFor(logging.INFO):
            return
        fields: dict[str, Any] = {
            "verb": self.verb,
            "path": self.path,
            "status": status,
            "ms": round((time.perf_counter() - self.started) * 1000, 2),
            "received": self.received,
            "sent": sent,
            "client": self.client,
        }
        if self.query:
            fields["query"] = redacted(self.query)
        if self.principal:
            fields["principal"] = self.principal
        ACCESS.info(
            "%s %s %d",
            self.verb,
            self.path,
            status,
            extra={"fields": fields, "request_id": self.identifier},
        )
