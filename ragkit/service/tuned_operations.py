"""tunedModels.operations.get and list: how far tunings are."""

from __future__ import annotations

from ragkit.api import methods
from ragkit.api.errors import InvalidArgument
from ragkit.api.operations import (
    GetOperationRequest,
    ListOperationsRequest,
    ListOperationsResponse,
    Operation,
)
from ragkit.service.jobs import see_to
from ragkit.service.paging import page
from ragkit.service.policies import BATCHES_PAGE
from ragkit.service.registry import Context, handles
from ragkit.service.tuned_creation import tuned_id
from ragkit.service.tuned_resources import tuning_operation


@handles(methods.TUNED_MODELS_OPERATIONS_GET)
def get(context: Context, request: GetOperationRequest) -> Operation:
    """Return how far a tuning is."""
    job = context.engine.store.get_job(request.name)
    see_to(context.engine, job)
    return tuning_operation(context.engine, job)


@handles(methods.TUNED_MODELS_OPERATIONS_LIST)
def list_(context: Context, request: ListOperationsRequest) -> ListOperationsResponse:
    """Return a page of a tuned model's tunings, of which there is one."""
    store = context.engine.store
    if request.filter:
        raise InvalidArgument("filter: tunings cannot be filtered; leave it out", field="filter")
    name = f"tunedModels/{store.get_tuned_model(tuned_id(request.name)).id}"
    jobs, token = page(
        lambda limit, after: store.list_jobs(f"{name}/operations/", limit, after),
        request.page_size,
        BATCHES_PAGE,
        request.page_token,
        methods.TUNED_MODELS_OPERATIONS_LIST.id,
        name,
    )
    for job in jobs:
        see_to(context.engine, job)
    return ListOperationsResponse(
        operations=[tuning_operation(context.engine, job) for job in jobs], next_page_token=token
    )
