"""Tuned models: models trained further on examples."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from ragkit.api.base import (
    FieldMask,
    Float32,
    Int32,
    Int64,
    OneofModel,
    ProtoEnum,
    ProtoModel,
    Timestamp,
)


class TunedModelState(ProtoEnum):
    """Whether a tuned model can be used; only active ones can."""

    STATE_UNSPECIFIED = 0
    CREATING = 1
    ACTIVE = 2
    FAILED = 3


class TunedModelSource(ProtoModel):
    """A tuned model to start from, `tunedModels/M`; the server adds what that was tuned from."""

    tuned_model: str = ""
    base_model: str = ""


class TuningExample(OneofModel):
    """An input and what the model should say to it; both are required."""

    ONEOFS: ClassVar = {"model_input": ("text_input",)}

    text_input: str | None = None
    output: str = ""


class TuningExamples(ProtoModel):
    """Examples to learn from."""

    examples: list[TuningExample] = []


class Dataset(OneofModel):
    """What to learn from."""

    ONEOFS: ClassVar = {"dataset": ("examples",)}

    examples: TuningExamples | None = None

    @classmethod
    def of(cls, examples: Iterable[tuple[str, str] | TuningExample]) -> Dataset:
        """Wrap examples, those of plain text given as pairs of input and output."""
        return cls(
            examples=TuningExamples(
                examples=[
                    one
                    if isinstance(one, TuningExample)
                    else TuningExample(text_input=one[0], output=one[1])
                    for one in examples
                ]
            )
        )


class Hyperparameters(OneofModel):
    """How to train. What is not given has a default that depends on the number of examples.

    `learning_rate_multiplier` multiplies the default rate; it or `learning_rate`, not both.
    """

    ONEOFS: ClassVar = {"learning_rate_option": ("learning_rate", "learning_rate_multiplier")}

    learning_rate: Float32 | None = None
    learning_rate_multiplier: Float32 | None = None
    epoch_count: Int32 | None = None
    batch_size: Int32 | None = None


class TuningSnapshot(ProtoModel):
    """How training stood at one step."""

    step: Int32 = 0
    epoch: Int32 = 0
    mean_loss: Float32 = 0.0
    compute_time: Timestamp | None = None


class TuningTask(ProtoModel):
    """A training run: `training_data` is required and never comes back."""

    start_time: Timestamp | None = None
    complete_time: Timestamp | None = None
    snapshots: list[TuningSnapshot] = []
    training_data: Dataset | None = None
    hyperparameters: Hyperparameters | None = None


class TunedModel(OneofModel):
    """A model tuned from a base model or from another tuned one.

    `tuning_task` is required on create. `display_name` has at most 40 characters; `temperature` is
    in [0, 1]. Projects in `reader_project_numbers` may read the model.
    """

    ONEOFS: ClassVar = {"source_model": ("tuned_model_source", "base_model")}

    tuned_model_source: TunedModelSource | None = None
    base_model: str | None = None
    name: str = ""
    display_name: str = ""
    description: str = ""
    temperature: Float32 | None = None
    top_p: Float32 | None = None
    top_k: Int32 | None = None
    state: TunedModelState = TunedModelState.STATE_UNSPECIFIED
    create_time: Timestamp | None = None
    update_time: Timestamp | None = None
    tuning_task: TuningTask | None = None
    reader_project_numbers: list[Int64] = []


class CreateTunedModelRequest(ProtoModel):
    """tunedModels.create. Answered by an operation that ends with the tuned model.

    `tuned_model_id` has at most 40 lowercase letters, digits and inner dashes and begins with a
    letter; without one, the server makes an id of the display name.
    """

    tuned_model_id: str | None = None
    tuned_model: TunedModel | None = None


class CreateTunedModelMetadata(ProtoModel):
    """How far a tuning is."""

    tuned_model: str = ""
    total_steps: Int32 = 0
    completed_steps: Int32 = 0
    completed_percent: Float32 = 0.0
    snapshots: list[TuningSnapshot] = []


class GetTunedModelRequest(ProtoModel):
    """tunedModels.get."""

    name: str = ""


class ListTunedModelsRequest(ProtoModel):
    """tunedModels.list: 10 to a page, at most 1,000.

    `filter` searches description and display name; `owner:me`, `writers:me`, `readers:me` and
    `readers:everyone` go by role. Models shared with everyone are left out unless asked for.
    """

    page_size: Int32 = 0
    page_token: str = ""
    filter: str = ""


class ListTunedModelsResponse(ProtoModel):
    """A page of tuned models."""

    tuned_models: list[TunedModel] = []
    next_page_token: str = ""


class UpdateTunedModelRequest(ProtoModel):
    """tunedModels.patch: the mask may be left out."""

    tuned_model: TunedModel | None = None
    update_mask: FieldMask = ()


class DeleteTunedModelRequest(ProtoModel):
    """tunedModels.delete."""

    name: str = ""
