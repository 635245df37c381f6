"""Why a model behind an endpoint, or one with weights of its own, gave nothing."""

from __future__ import annotations

import json
from typing import Final

_SHOWN: Final = 500


class BackendError(RuntimeError):
    """Base of them: the model's name and what went wrong."""

    def __init__(self, name: str, problem: str) -> None:
        super().__init__(f"the model {name!r} failed: {problem}")
        self.name = name
        self.problem = problem


class UnknownBackendError(BackendError):
    """Nothing of this name is configured."""


class BackendSetupError(BackendError):
    """It cannot work as configured: a key, a file or a package is missing or refused."""


class RequestRefusedError(BackendError):
    """The backend does not take the request: it is too long, or asks for what it cannot do."""


class BackendBusyError(BackendError):
    """The backend's limits are used up (429), after all retries. `retry_after` is in seconds."""

    def __init__(self, name: str, problem: str, retry_after: float | None = None) -> None:
        super().__init__(name, problem)
        self.retry_after = retry_after


class BackendUnavailableError(BackendError):
    """The backend cannot be reached or fails, after all retries."""


class BackendTimeoutError(BackendError):
    """The backend was silent for longer than configured."""


class BackendReplyError(BackendError):
    """What came back is not what was to come back."""


def error_of(name: str, status: int, body: object) -> BackendError:
    """The error that a reply with an HTTP status of 400 or above stands for."""
    problem = f"HTTP {status}: {said(body)}"
    if status == 429:
        return BackendBusyError(name, problem)
    if status in (401, 403, 404):
        return BackendSetupError(name, problem)
    if status in (408, 504):
        return BackendTimeoutError(name, problem)
    if status >= 500:
        return BackendUnavailableError(name, problem)
    return RequestRefusedError(name, problem)


def said(body: object) -> str:
    """What an error's body says, in whichever of the usual forms."""
    error = body.get("error", body) if isinstance(body, dict) else body
    for key in ("message", "detail"):
        if isinstance(error, dict) and error.get(key):
            error = error[key]
    text = error if isinstance(error, str) else json.dumps(error, default=str)
    return text.strip()[:_SHOWN] or "no reason given"
