"""tunedModels.create, get, patch, delete and list."""

from __future__ import annotations

from dataclasses import asdict

from ragkit.api import limits, methods
from ragkit.api.common import Empty
from ragkit.api.operations import Operation
from ragkit.api.tuned_models import (
    CreateTunedModelRequest,
    DeleteTunedModelRequest,
    GetTunedModelRequest,
    ListTunedModelsRequest,
    ListTunedModelsResponse,
    TunedModel,
    UpdateTunedModelRequest,
)
from ragkit.engine.job_records import TunedFields
from ragkit.service.access import readers
from ragkit.service.jobs import see_to
from ragkit.service.masks import masked_fields
from ragkit.service.paging import page
from ragkit.service.registry import Context, handles
from ragkit.service.selecting import selected
from ragkit.service.tuned_creation import begin_tuning, checked_fields, tuned_id
from ragkit.service.tuned_filter import parse_filter
from ragkit.service.tuned_resources import OWN_FIELDS, tuned_model_resource

_UPDATABLE = (*OWN_FIELDS, "reader_project_numbers")
_RENAMED = {"reader_project_numbers": "reader_projects"}


@handles(methods.TUNED_MODELS_CREATE)
def create(context: Context, request: CreateTunedModelRequest) -> Operation:
    """Begin to tune a model on examples."""
    return begin_tuning(context, request.tuned_model or TunedModel(), request.tuned_model_id or "")


@handles(methods.TUNED_MODELS_GET)
def get(context: Context, request: GetTunedModelRequest) -> TunedModel:
    """Return what is known of a tuned model."""
    store = context.engine.store
    record = store.get_tuned_model(tuned_id(request.name))
    for tuning in store.list_jobs(f"{request.name}/operations/", 1):
        see_to(context.engine, tuning)
    return tuned_model_resource(context.engine, record)


@handles(methods.TUNED_MODELS_PATCH)
def patch(context: Context, request: UpdateTunedModelRequest) -> TunedModel:
    """Change fields of a tuned model: those of the mask, else those that are given."""
    model = request.tuned_model or TunedModel()
    model_id = tuned_id(model.name, "tunedModel.name")
    store = context.engine.store
    if request.update_mask:
        changed = masked_fields(request.update_mask, _UPDATABLE)
    else:
        changed = frozenset(model.model_fields_set).intersection(_UPDATABLE)
    given = asdict(checked_fields(model))
    names = {_RENAMED.get(field, field) for field in changed}
    old = asdict(store.get_tuned_model(model_id).fields)
    fields = TunedFields(**{**old, **{name: given[name] for name in names}})
    return tuned_model_resource(context.engine, store.update_tuned_model(model_id, fields))


@handles(methods.TUNED_MODELS_DELETE)
def delete(context: Context, request: DeleteTunedModelRequest) -> Empty:
    """Delete a tuned model, its examples, tunings and permissions."""
    context.engine.store.delete_tuned_model(tuned_id(request.name))
    return Empty()


@handles(methods.TUNED_MODELS_LIST)
def list_(context: Context, request: ListTunedModelsRequest) -> ListTunedModelsResponse:
    """Return a page of the tuned models that the caller may use."""
    store = context.engine.store
    wanted = parse_filter(request.filter, context.principal, readers(context))
    records, token = page(
        selected(
            lambda limit, after: store.list_tuned_models(limit, after, wanted.selection),
            wanted.accepts,
        ),
        request.page_size,
        limits.TUNED_MODELS_PAGE,
        request.page_token,
        methods.TUNED_MODELS_LIST.id,
        request.filter,
    )
    return ListTunedModelsResponse(
        tuned_models=[tuned_model_resource(context.engine, record) for record in records],
        next_page_token=token,
    )
