"""Beginning a tuning: what a request to create a tuned model must hold, and the model's id."""

from __future__ import annotations

import json
from typing import Final

from ragkit.api import limits
from ragkit.api.errors import FailedPrecondition, InvalidArgument
from ragkit.api.names import check_tuned_model_id, split_model
from ragkit.api.operations import Operation
from ragkit.api.tuned_models import Hyperparameters, TunedModel, TuningTask
from ragkit.engine.job_records import (
    NewJob,
    NewTunedModel,
    TunedFields,
    TunedModelRecord,
    TunedState,
)
from ragkit.engine.models.nearest import candidates
from ragkit.service.access import owner_of
from ragkit.service.jobs import TUNING, start_worker
from ragkit.service.model_catalog import find_model
from ragkit.service.naming import random_id, slug
from ragkit.service.policies import DEFAULT_EPOCHS, MAX_EPOCHS, MAX_TUNING_EXAMPLES
from ragkit.service.registry import Context
from ragkit.service.tuned_resources import tuning_operation
from ragkit.service.values import check_between, check_text, missing

_MODEL: Final = "tunedModel"
_DATA: Final = "tunedModel.tuningTask.trainingData.examples.examples"
_DESCRIPTION: Final = (
    "Tuned by selecting examples, not by training weights: the examples nearest to a prompt are "
    "placed before it, or, where no generator is configured, answer it themselves."
)

Example = tuple[str, str]
"""An input and what is to be said to it."""


def begin_tuning(context: Context, model: TunedModel, asked_id: str) -> Operation:
    """Create a tuned model and the tuning that makes it usable.

    Arguments:
        context: who calls.
        model: the model as described by the caller.
        asked_id: the id asked for, "" to have one made.

    Raises:
        InvalidArgument: a field is missing or wrong; it is named.
        FailedPrecondition: the tuned model to start from is not active.
        RowExistsError: the id is taken.
    """
    engine = context.engine
    model_id = check_tuned_model_id(asked_id) if asked_id else _id_for(model.display_name)
    fields = checked_fields(model, description=_DESCRIPTION)
    task = model.tuning_task or TuningTask()
    hyperparameters = _checked_hyperparameters(task.hyperparameters)
    examples = _checked_examples(task)
    source = _source(context, model)
    if source is None:
        base_model = _checked_base(context, model.base_model or "")
    else:
        base_model = source.base_model
        learnt = engine.store.tuned_examples(source.key)
        examples = [*zip(learnt.inputs, learnt.outputs, strict=True), *examples]
        _check_number(len(examples))
    epochs = min(hyperparameters.epoch_count or DEFAULT_EPOCHS, MAX_EPOCHS)
    _, job = engine.store.create_tuned_model(
        NewTunedModel(
            id=model_id,
            fields=fields,
            base_model=base_model,
            source_model=f"tunedModels/{source.id}" if source is not None else "",
            embedder=engine.embedder_name,
            hyperparameters=hyperparameters.to_json().decode(),
        ),
        examples,
        NewJob(
            name=f"tunedModels/{model_id}/operations/{random_id()}",
            kind=TUNING,
            owner=owner_of(context),
            spec=json.dumps({"epochs": epochs}),
            display_name=fields.display_name,
        ),
        len(candidates(len(examples), epochs)),
    )
    start_worker(engine)
    return tuning_operation(engine, job)


def checked_fields(model: TunedModel, description: str = "") -> TunedFields:
    """What may be changed of a tuned model, checked.

    Arguments:
        model: the model as given.
        description: what stands for a description that is not given.

    Raises:
        InvalidArgument: a field is wrong; it is named.
    """
    most = limits.MAX_TUNED_MODEL_DISPLAY_NAME_LENGTH
    if len(model.display_name) > most:
        raise InvalidArgument(
            f"{_MODEL}.displayName: {len(model.display_name)} characters, at most {most} are "
            "allowed",
            field=f"{_MODEL}.displayName",
        )
    low, high = limits.MIN_TEMPERATURE, limits.MAX_TEMPERATURE
    if model.temperature is not None:
        check_between(model.temperature, low, high, f"{_MODEL}.temperature")
    if model.top_p is not None:
        check_between(model.top_p, 0, 1, f"{_MODEL}.topP")
    _check_positive(model.top_k, f"{_MODEL}.topK")
    return TunedFields(
        display_name=check_text(model.display_name, f"{_MODEL}.displayName"),
        description=check_text(model.description, f"{_MODEL}.description") or description,
        temperature=model.temperature,
        top_p=model.top_p,
        top_k=model.top_k,
        reader_projects=tuple(model.reader_project_numbers),
    )


def tuned_id(name: str, field: str = "name") -> str:
    """The id in `tunedModels/*`. Raises InvalidArgument for any other form."""
    collection, _, model_id = name.partition("/")
    if collection != "tunedModels":
        raise InvalidArgument(
            f"{field}: {name[:200]!r} is not of the form tunedModels/*", field=field
        )
    return check_tuned_model_id(model_id, field)


def require_active(record: TunedModelRecord) -> TunedModelRecord:
    """The tuned model as it is. Raises FailedPrecondition if it cannot be used."""
    name = f"tunedModels/{record.id}"
    if record.state is TunedState.CREATING:
        raise FailedPrecondition(
            f"{name} is still being tuned; wait for its operation to be done", resource=name
        )
    if record.state is TunedState.FAILED:
        raise FailedPrecondition(
            f"{name} could not be tuned (its operation says why); delete it and create another",
            resource=name,
        )
    return record


def _id_for(display_name: str) -> str:
    """An id of the words of a display name and a random part; it begins with a letter."""
    words = slug(display_name).lstrip("0123456789-")
    if words:
        return f"{words}-{random_id()}"
    while (random := random_id())[0].isdigit():
        pass
    return random


def _source(context: Context, model: TunedModel) -> TunedModelRecord | None:
    """The tuned model to start from, None if it is a base model."""
    if model.tuned_model_source is None:
        return None
    field = f"{_MODEL}.tunedModelSource.tunedModel"
    if not model.tuned_model_source.tuned_model:
        raise missing(field, "the tuned model to start from")
    source_id = tuned_id(model.tuned_model_source.tuned_model, field)
    return require_active(context.engine.store.get_tuned_model(source_id))


def _checked_base(context: Context, name: str) -> str:
    field = f"{_MODEL}.baseModel"
    if not name:
        raise missing(field, "the model to tune, or tunedModelSource")
    split_model(name, field)
    if context.engine.config.generators:
        find_model(context.engine, name, "createTunedModel", field)
    return name


def _checked_examples(task: TuningTask) -> list[Example]:
    data = task.training_data
    given = data.examples.examples if data is not None and data.examples is not None else []
    if not given:
        raise missing(_DATA, f"1 to {MAX_TUNING_EXAMPLES:,} examples of input and output")
    _check_number(len(given))
    examples = []
    for number, one in enumerate(given):
        where = f"{_DATA}[{number}]"
        if not (one.text_input or "").strip():
            raise missing(f"{where}.textInput", "an example without input can never be near")
        if not one.output:
            raise missing(f"{where}.output")
        text = check_text(one.text_input or "", f"{where}.textInput")
        examples.append((text, check_text(one.output, f"{where}.output")))
    return examples


def _check_number(examples: int) -> None:
    if examples > MAX_TUNING_EXAMPLES:
        raise InvalidArgument(
            f"{_DATA}: {examples:,} examples, at most {MAX_TUNING_EXAMPLES:,} are allowed, those "
            "of the tuned model to start from included",
            field=_DATA,
        )


def _checked_hyperparameters(given: Hyperparameters | None) -> Hyperparameters:
    parameters = given or Hyperparameters()
    where = f"{_MODEL}.tuningTask.hyperparameters"
    _check_positive(parameters.epoch_count, f"{where}.epochCount")
    _check_positive(parameters.batch_size, f"{where}.batchSize")
    _check_positive(parameters.learning_rate, f"{where}.learningRate")
    _check_positive(parameters.learning_rate_multiplier, f"{where}.learningRateMultiplier")
    if parameters.epoch_count is None:
        return parameters.model_copy(update={"epoch_count": DEFAULT_EPOCHS})
    return parameters


def _check_positive(value: float | None, field: str) -> None:
    if value is not None and not value > 0:
        raise InvalidArgument(f"{field}: {value} is not greater than 0", field=field)
