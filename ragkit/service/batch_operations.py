"""batches.get, list, cancel and delete, and how a batch is shown as an operation."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any, Final

from ragkit.api import methods
from ragkit.api.batches import BatchState
from ragkit.api.common import Empty
from ragkit.api.errors import APIError, Cancelled, DeadlineExceeded, InvalidArgument
from ragkit.api.operations import (
    CancelOperationRequest,
    DeleteOperationRequest,
    GetOperationRequest,
    ListOperationsRequest,
    ListOperationsResponse,
    Operation,
    Status,
    pack_any,
)
from ragkit.engine.engine import Engine
from ragkit.engine.job_records import JobRecord, JobState
from ragkit.engine.records import RowNotFoundError
from ragkit.service.access import may_see
from ragkit.service.batch_kinds import KINDS, BatchSpec
from ragkit.service.jobs import see_to
from ragkit.service.paging import make_token, page
from ragkit.service.policies import BATCHES_PAGE, MAX_BATCH_PAGE_BYTES
from ragkit.service.registry import Context, handles
from ragkit.service.resources import to_datetime
from ragkit.service.selecting import selected


@handles(methods.BATCHES_GET)
def get(context: Context, request: GetOperationRequest) -> Operation:
    """Return how far a batch is, and when it is done, its responses."""
    job = _find(context, request.name)
    see_to(context.engine, job)
    return batch_operation(context.engine, job)


@handles(methods.BATCHES_LIST)
def list_(context: Context, request: ListOperationsRequest) -> ListOperationsResponse:
    """Return a page of batches."""
    store = context.engine.store
    wanted = _condition(request.filter)
    scope = (methods.BATCHES_LIST.id, request.filter)
    jobs, token = page(
        selected(
            lambda limit, after: store.list_jobs("batches/", limit, after),
            lambda job: may_see(context, job.owner) and wanted(job),
        ),
        request.page_size,
        BATCHES_PAGE,
        request.page_token,
        *scope,
    )
    operations: list[Operation] = []
    size = 0
    for job in jobs:
        see_to(context.engine, job)
        operations.append(batch_operation(context.engine, job))
        size += store.result_bytes(job.key)
        if size > MAX_BATCH_PAGE_BYTES and job is not jobs[-1]:
            token = make_token((job.create_time, job.key), *scope)
            break
    return ListOperationsResponse(operations=operations, next_page_token=token)


@handles(methods.BATCHES_CANCEL)
def cancel(context: Context, request: CancelOperationRequest) -> Empty:
    """End a batch as cancelled, unless it has ended already."""
    context.engine.store.cancel_job(_find(context, request.name).name)
    return Empty()


@handles(methods.BATCHES_DELETE)
def delete(context: Context, request: DeleteOperationRequest) -> Empty:
    """Forget a batch and its responses."""
    context.engine.store.delete_job(_find(context, request.name).name)
    return Empty()


def batch_operation(engine: Engine, job: JobRecord) -> Operation:
    """A batch as the operation that the API shows."""
    kind = KINDS[job.kind]
    spec = BatchSpec.model_validate_json(job.spec)
    batch = kind.batch(
        model=spec.model,
        name=job.name,
        display_name=job.display_name,
        # Requests that came with the batch do not come back: they may be many, and their sender
        # has them.
        input_config=kind.config(file_name=spec.file) if spec.file else None,
        create_time=to_datetime(job.create_time),
        update_time=to_datetime(job.update_time),
        end_time=to_datetime(job.end_time) if job.end_time else None,
        batch_stats=kind.stats(
            request_count=job.items,
            successful_request_count=job.succeeded,
            failed_request_count=job.failed,
            pending_request_count=job.items - job.succeeded - job.failed,
        ),
        state=BatchState(int(job.state)),
        priority=job.priority,
    )
    metadata = pack_any(batch)
    error = _error(job)
    if job.state is not JobState.SUCCEEDED:
        return Operation(
            name=job.name, metadata=metadata, done=job.state.final, **_member("error", error)
        )
    output = _output(engine, job)
    metadata["output"] = output
    response = pack_any(kind.response()) | {"output": output}
    return Operation(name=job.name, metadata=metadata, done=True, response=response)


def _member(name: str, value: Status | None) -> dict[str, Any]:
    return {} if value is None else {name: value}


def _output(engine: Engine, job: JobRecord) -> dict[str, Any]:
    """The responses of a batch that succeeded, as proto3 JSON."""
    if job.result:
        return {"responsesFile": job.result}
    responses = [json.loads(one.result) for one in engine.store.item_results(job.key)]
    return {"inlinedResponses": {"inlinedResponses": responses}}


def _error(job: JobRecord) -> Status | None:
    """Why a batch ended without responses; None if it did not."""
    if job.state is JobState.FAILED:
        return Status.model_validate_json(job.error)
    ended = _ENDS.get(job.state)
    return None if ended is None else Status.of(ended(job))


_ENDS: Final[dict[JobState, Callable[[JobRecord], APIError]]] = {
    JobState.CANCELLED: lambda job: Cancelled(f"{job.name} was cancelled"),
    JobState.EXPIRED: lambda job: DeadlineExceeded(f"{job.name} was not done in time"),
}


def _find(context: Context, name: str) -> JobRecord:
    """A batch that the caller may see. Raises RowNotFoundError for any other alike."""
    job = context.engine.store.get_job(name)
    if not may_see(context, job.owner):
        raise RowNotFoundError(name, f"{name} does not exist")
    return job


_TERM: Final = re.compile(r'\s*(?:metadata\.)?(\w+)\s*=\s*(?:"([^"]*)"|([\w./-]+))\s*')
_FIELDS: Final[dict[str, Callable[[JobRecord], str]]] = {
    "state": lambda job: BatchState(int(job.state)).name,
    "displayName": lambda job: job.display_name,
    "display_name": lambda job: job.display_name,
    "model": lambda job: BatchSpec.model_validate_json(job.spec).model,
    "done": lambda job: str(job.state.final).lower(),
}


def _condition(text: str) -> Callable[[JobRecord], bool]:
    """What a list's filter asks of a batch.

    Raises:
        InvalidArgument: it is not of the form that is offered, which the message says.
    """
    terms = []
    for part in re.split(r"\s+AND\s+", text) if text.strip() else ():
        found = _TERM.fullmatch(part)
        if found is None or found[1] not in _FIELDS:
            raise InvalidArgument(
                f"filter: {part[:100]!r} is not understood; write FIELD=VALUE with state, "
                "displayName, model or done for the field, several joined by AND",
                field="filter",
            )
        terms.append((_FIELDS[found[1]], found[2] if found[2] is not None else found[3]))
    return lambda job: all(field(job) == value for field, value in terms)
