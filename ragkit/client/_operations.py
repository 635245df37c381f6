"""Operations: work that goes on after the call that began it, as handles to wait for.

Source: google.longrunning.Operations (https://google.aip.dev/151); for batches, whose results
stand in the metadata, the server's own description.
"""

from __future__ import annotations

import time
from random import uniform
from typing import Any, Final, Generic

from ragkit.api import errors
from ragkit.api.methods import (
    BATCHES_CANCEL,
    BATCHES_DELETE,
    BATCHES_GET,
    TUNED_MODELS_OPERATIONS_GET,
)
from ragkit.api.operations import Operation
from ragkit.api.wire import Method
from ragkit.client._calls import ClientT, MetadataT, Resource, ResultT, Steps, Wait, call, method
from ragkit.client._retry import perform

FIRST_WAIT: Final = 1.0
"""Seconds until the first poll, at most; the bound doubles with each."""
LONGEST_WAIT: Final = 30.0
"""Seconds between two polls, at most."""

_STATE_ERRORS: Final = {
    "BATCH_STATE_CANCELLED": errors.Cancelled,
    "BATCH_STATE_EXPIRED": errors.DeadlineExceeded,
}


class OperationTimeout(errors.RagkitError, TimeoutError):
    """The operation was still under way when the time to wait for it had passed.

    It goes on; the handle can be waited on again.

    Attributes:
        operation: as it was last seen.
    """

    def __init__(self, operation: Operation, timeout: float) -> None:
        super().__init__(
            f"{operation.name} is still under way after {timeout:g} s ({_progress(operation)})"
        )
        self.operation = operation


class OperationHandle(Resource[ClientT], Generic[ClientT, ResultT, MetadataT]):
    """Work under way on the server: a batch or a tuning. Waits, cancels and deletes.

    Attributes:
        operation: as it was last seen.
    """

    def __init__(
        self, client: ClientT, operation: Operation, begun_by: Method[Any, Operation] | None
    ) -> None:
        super().__init__(client)
        self.operation = operation
        self._begun_by = begun_by  # None if it is not known which kind of batch it is

    @property
    def name(self) -> str:
        """The operation's name, such as `batches/B`."""
        return self.operation.name

    @property
    def done(self) -> bool:
        """Whether it had ended, well or not, when it was last seen."""
        return self.operation.done

    @property
    def metadata(self) -> MetadataT | None:
        """How far it was when it was last seen: the batch, or the tuning's steps.

        Raises:
            ValueError: the server sent a message of another type.
        """
        expected = self._begun_by and self._begun_by.metadata
        operation: Any = self.operation
        return operation.metadata_as(expected) if expected else operation.typed_metadata  # type: ignore[no-any-return]

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self.name}: {_progress(self.operation)}>"

    @property
    def _is_batch(self) -> bool:
        return self.name.startswith("batches/")

    @method
    def refresh(self) -> Steps[Operation]:
        """Ask how it is.

        Raises:
            NotFound: it was deleted, or the server has forgotten it.
        """
        poll = BATCHES_GET if self._is_batch else TUNED_MODELS_OPERATIONS_GET
        self.operation = yield from perform(call(poll, name=self.name), self._client._options)
        return self.operation

    @method
    def result(self, timeout: float | None = None) -> Steps[ResultT]:
        """Wait for the end, asking ever more rarely, up to twice a minute.

        Args:
            timeout: seconds to wait; 0 asks once; None waits however long it takes.

        Returns:
            A batch's output, or the tuned model.

        Raises:
            OperationTimeout: it is still under way; wait again, or cancel it.
            APIError: it failed or was cancelled; by the error's canonical code.
            NotFound: it was deleted, or the server has forgotten it.
        """
        give_up_at = None if timeout is None else time.monotonic() + timeout
        bound = FIRST_WAIT
        while not self.done:
            pause = uniform(bound / 2, bound)
            bound = min(LONGEST_WAIT, bound * 2)
            if give_up_at is not None:
                pause = max(0.0, min(pause, give_up_at - time.monotonic()))
            yield Wait(pause)
            yield from type(self).refresh.describe(self)
            if timeout is None or give_up_at is None or self.done:
                continue
            if time.monotonic() >= give_up_at:
                raise OperationTimeout(self.operation, timeout)
        return self._ended()  # type: ignore[no-any-return]

    @method
    def cancel(self) -> Steps[None]:
        """Ask that it be stopped; best effort. `result` then raises Cancelled. Batches only.

        Raises:
            Unimplemented: it is a tuning.
        """
        yield from self._act("cancel", BATCHES_CANCEL)

    @method
    def delete(self) -> Steps[None]:
        """Have the server forget it; this does not stop it. Batches only.

        Raises:
            Unimplemented: it is a tuning.
        """
        yield from self._act("delete", BATCHES_DELETE)

    def _act(self, verb: str, how: Method[Any, Any]) -> Steps[None]:
        if not self._is_batch:
            raise errors.Unimplemented(
                f"{self.name}: the API has no method to {verb} a tuning; "
                "delete the tuned model instead",
                resource=self.name,
            )
        yield from perform(call(how, name=self.name), self._client._options)

    def _ended(self) -> Any:
        """The result of the operation, which is done."""
        operation, begun_by = self.operation, self._begun_by
        by = begun_by.id if begun_by else None
        if operation.error is not None:
            raise operation.error.to_error(by, operation.name)
        try:
            expected = begun_by and begun_by.result
            response = operation.response_as(expected) if expected else operation.typed_response
            if not self._is_batch:
                result: Any = response
            else:  # Google puts a batch's output into the metadata and maybe the response too
                outputs = (getattr(holder, "output", None) for holder in (self.metadata, response))
                result = next((output for output in outputs if output is not None), None)
        except ValueError as error:
            raise errors.TransportError(f"{self.name}: the result is malformed: {error}") from None
        if result is None:
            raise _STATE_ERRORS.get(_state(operation), errors.Unknown)(
                f"{self.name} ended without a result ({_progress(operation)})",
                method=by,
                resource=operation.name,
            )
        return result


def _known_metadata(operation: Operation) -> Any:
    try:
        return operation.typed_metadata
    except ValueError:
        return None


def _state(operation: Operation) -> str:
    return str(getattr(_known_metadata(operation), "state", ""))


def _progress(operation: Operation) -> str:
    """How far an operation is, in a few words."""
    words = [_state(operation) or ("done" if operation.done else "not done")]
    metadata = _known_metadata(operation)
    stats = getattr(metadata, "batch_stats", None)
    if stats is not None:
        ended = stats.successful_request_count + stats.failed_request_count
        words.append(f"{ended} of {stats.request_count} requests")
    if getattr(metadata, "total_steps", 0):
        words.append(f"{metadata.completed_steps} of {metadata.total_steps} steps")
    return ", ".join(words)
