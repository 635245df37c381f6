"""Operations: work that goes on after the call that began it, as handles to wait for.

Batches and tunings differ in who tells of them and where their result stands; a `Kind` says so
once. Polling is one generator that yields calls and waits, which both handles drive.

Source: google.longrunning.Operations (https://google.aip.dev/151); for batches, whose results
stand in the metadata, the server's own description.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from random import uniform
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from ragkit.api import errors
from ragkit.api.base import ProtoModel
from ragkit.api.methods import (
    BATCHES_CANCEL,
    BATCHES_DELETE,
    BATCHES_GET,
    MODELS_ASYNC_BATCH_EMBED_CONTENT,
    MODELS_BATCH_GENERATE_CONTENT,
    TUNED_MODELS_CREATE,
    TUNED_MODELS_OPERATIONS_GET,
)
from ragkit.api.operations import Operation
from ragkit.api.wire import Method
from ragkit.client._calls import Call, call
from ragkit.client._retry import Wait

if TYPE_CHECKING:
    from ragkit.api.batches import (
        EmbedContentBatch,
        EmbedContentBatchOutput,
        GenerateContentBatch,
        GenerateContentBatchOutput,
    )
    from ragkit.api.tuned_models import CreateTunedModelMetadata, TunedModel
    from ragkit.client._client import AsyncClient, Client

FIRST_WAIT: Final = 1.0
"""Seconds until the first poll, at most; the bound doubles with each."""
LONGEST_WAIT: Final = 30.0
"""Seconds between two polls, at most."""

ResultT = TypeVar("ResultT")
MetadataT = TypeVar("MetadataT", bound=ProtoModel)
ClientT = TypeVar("ClientT", bound="Client | AsyncClient")


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


@dataclass(frozen=True, slots=True)
class Kind(Generic[ResultT, MetadataT]):
    """What is particular to the operations that a method begins.

    Attributes:
        poll: the method that tells how an operation is.
        result: reads the result of an operation that is done, None if it has none.
        begun_by: the method that begins such operations; None for those of several methods.
        cancel: the method that cancels, None if there is none.
        delete: the method that deletes, None if there is none.
    """

    poll: Method[Any, Operation]
    result: Callable[[Operation], ResultT | None]
    begun_by: Method[Any, Operation] | None = None
    cancel: Method[Any, Any] | None = None
    delete: Method[Any, Any] | None = None

    def metadata(self, operation: Operation) -> MetadataT | None:
        """An operation's metadata as the message that it is."""
        expected = self.begun_by.metadata if self.begun_by is not None else None
        found: Any = (
            operation.typed_metadata if expected is None else operation.metadata_as(expected)
        )
        return found  # type: ignore[no-any-return]


def _batch_output(begun_by: Method[Any, Operation] | None = None) -> Callable[[Operation], Any]:
    """Reads a batch's output, which Google puts into the metadata and maybe the response too."""

    def read(operation: Operation) -> Any:
        if begun_by is None or begun_by.metadata is None or begun_by.result is None:
            holders = (operation.typed_metadata, operation.typed_response)
        else:
            holders = (
                operation.metadata_as(begun_by.metadata),
                operation.response_as(begun_by.result),
            )
        outputs = (getattr(holder, "output", None) for holder in holders)
        return next((output for output in outputs if output is not None), None)

    return read


def _tuned_model(operation: Operation) -> TunedModel | None:
    from ragkit.api.tuned_models import TunedModel

    return operation.response_as(TunedModel)


GENERATION_BATCH: Final[Kind[GenerateContentBatchOutput, GenerateContentBatch]] = Kind(
    BATCHES_GET,
    _batch_output(MODELS_BATCH_GENERATE_CONTENT),
    MODELS_BATCH_GENERATE_CONTENT,
    BATCHES_CANCEL,
    BATCHES_DELETE,
)
EMBEDDING_BATCH: Final[Kind[EmbedContentBatchOutput, EmbedContentBatch]] = Kind(
    BATCHES_GET,
    _batch_output(MODELS_ASYNC_BATCH_EMBED_CONTENT),
    MODELS_ASYNC_BATCH_EMBED_CONTENT,
    BATCHES_CANCEL,
    BATCHES_DELETE,
)
ANY_BATCH: Final[
    Kind[
        GenerateContentBatchOutput | EmbedContentBatchOutput,
        GenerateContentBatch | EmbedContentBatch,
    ]
] = Kind(BATCHES_GET, _batch_output(), None, BATCHES_CANCEL, BATCHES_DELETE)
TUNING: Final[Kind[TunedModel, CreateTunedModelMetadata]] = Kind(
    TUNED_MODELS_OPERATIONS_GET, _tuned_model, TUNED_MODELS_CREATE
)


class _Handle(Generic[ClientT, ResultT, MetadataT]):
    """What does not depend on how one waits.

    Attributes:
        operation: as it was last seen.
    """

    def __init__(
        self, client: ClientT, operation: Operation, kind: Kind[ResultT, MetadataT]
    ) -> None:
        self._client = client
        self._kind = kind
        self.operation = operation

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
        return self._kind.metadata(self.operation)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self.name}: {_progress(self.operation)}>"

    def _get(self) -> Call[Operation]:
        return call(self._kind.poll, name=self.name)

    def _act(self, verb: str, method: Method[Any, Any] | None) -> Call[Any]:
        if method is None:
            raise errors.Unimplemented(
                f"{self.name}: the API has no method to {verb} a tuning; "
                "delete the tuned model instead",
                resource=self.name,
            )
        return call(method, name=self.name)

    def _polls(self, timeout: float | None) -> Generator[Call[Operation] | Wait, None, ResultT]:
        """What to do until the operation is done; wants each reply put into `operation`."""
        give_up_at = None if timeout is None else time.monotonic() + timeout
        bound = FIRST_WAIT
        while not self.done:
            pause = uniform(bound / 2, bound)
            bound = min(LONGEST_WAIT, bound * 2)
            if give_up_at is not None:
                pause = max(0.0, min(pause, give_up_at - time.monotonic()))
            yield Wait(pause)
            yield self._get()
            if give_up_at is not None and not self.done and time.monotonic() >= give_up_at:
                assert timeout is not None
                raise OperationTimeout(self.operation, timeout)
        return self._ended()

    def _ended(self) -> ResultT:
        """The result of the operation, which is done."""
        operation, begun_by = self.operation, self._kind.begun_by
        method = begun_by.id if begun_by is not None else None
        if operation.error is not None:
            raise operation.error.to_error(method, operation.name)
        try:
            result = self._kind.result(operation)
        except ValueError as error:
            raise errors.TransportError(f"{self.name}: the result is malformed: {error}") from None
        if result is None:
            kind = _STATE_ERRORS.get(_state(operation), errors.Unknown)
            raise kind(
                f"{self.name} ended without a result ({_progress(operation)})",
                method=method,
                resource=operation.name,
            )
        return result


class OperationHandle(_Handle["Client", ResultT, MetadataT]):
    """Work under way on the server; waits, cancels and deletes.

    Attributes:
        operation: as it was last seen.
    """

    def refresh(self) -> Operation:
        """Ask how it is.

        Raises:
            NotFound: it was deleted, or the server has forgotten it.
        """
        self.operation = self._client.perform(self._get())
        return self.operation

    def result(self, timeout: float | None = None) -> ResultT:
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
        steps = self._polls(timeout)
        while True:
            try:
                step = next(steps)
            except StopIteration as stop:
                return stop.value  # type: ignore[no-any-return]
            if isinstance(step, Wait):
                time.sleep(step.seconds)
            else:
                self.operation = self._client.perform(step)

    def cancel(self) -> None:
        """Ask that it be stopped; best effort. `result` then raises Cancelled. Batches only.

        Raises:
            Unimplemented: it is a tuning.
        """
        self._client.perform(self._act("cancel", self._kind.cancel))

    def delete(self) -> None:
        """Have the server forget it; this does not stop it. Batches only.

        Raises:
            Unimplemented: it is a tuning.
        """
        self._client.perform(self._act("delete", self._kind.delete))


class AsyncOperationHandle(_Handle["AsyncClient", ResultT, MetadataT]):
    """Work under way on the server; the asynchronous twin of `OperationHandle`.

    Attributes:
        operation: as it was last seen.
    """

    async def refresh(self) -> Operation:
        """Ask how it is. Errors are as of `OperationHandle.refresh`."""
        self.operation = await self._client.perform(self._get())
        return self.operation

    async def result(self, timeout: float | None = None) -> ResultT:
        """Wait for the end. Arguments, result and errors are as of `OperationHandle.result`."""
        from anyio import sleep

        steps = self._polls(timeout)
        while True:
            try:
                step = next(steps)
            except StopIteration as stop:
                return stop.value  # type: ignore[no-any-return]
            if isinstance(step, Wait):
                await sleep(step.seconds)
            else:
                self.operation = await self._client.perform(step)

    async def cancel(self) -> None:
        """Ask that it be stopped; best effort. As `OperationHandle.cancel`."""
        await self._client.perform(self._act("cancel", self._kind.cancel))

    async def delete(self) -> None:
        """Have the server forget it; this does not stop it. As `OperationHandle.delete`."""
        await self._client.perform(self._act("delete", self._kind.delete))


_STATE_ERRORS: Final = {
    "BATCH_STATE_CANCELLED": errors.Cancelled,
    "BATCH_STATE_EXPIRED": errors.DeadlineExceeded,
}


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
