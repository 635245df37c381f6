"""Tuned models, and the operations of tunings and batches."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, TypedDict, Unpack

from ragkit.api import methods
from ragkit.api.common import Empty
from ragkit.api.generation import GenerateContentResponse
from ragkit.api.names import batch_name, model_name, operation_name, tuned_model_name
from ragkit.api.operations import Operation
from ragkit.api.permissions import TransferOwnershipResponse
from ragkit.api.texts import GenerateTextResponse, TextPrompt
from ragkit.api.tuned_models import (
    CreateTunedModelMetadata,
    Dataset,
    Hyperparameters,
    TunedModel,
    TunedModelSource,
    TuningExample,
    TuningTask,
)
from ragkit.client._calls import (
    Begun,
    Call,
    ClientT,
    PagedCall,
    Resource,
    StreamedCall,
    call,
    message,
    method,
)
from ragkit.client._resources.generation import Contents, GenerationOptions, generation
from ragkit.client._resources.models import TextOptions

if TYPE_CHECKING:
    from ragkit.api.batches import (
        EmbedContentBatch,
        EmbedContentBatchOutput,
        GenerateContentBatch,
        GenerateContentBatchOutput,
    )


class TunedModelFields(TypedDict, total=False):
    """What can be said of a tuned model.

    `display_name` has at most 40 characters; `temperature` is in [0, 1] and, like `top_p` and
    `top_k`, the default for its answers.
    """

    display_name: str
    description: str
    temperature: float
    top_p: float
    top_k: int


class TunedModels(Resource[ClientT]):
    """Methods on tuned models: models trained further on examples."""

    @method
    def create(
        self,
        base_model: str,
        examples: Iterable[tuple[str, str] | TuningExample],
        *,
        tuned_model_id: str | None = None,
        hyperparameters: Hyperparameters | None = None,
        **fields: Unpack[TunedModelFields],
    ) -> Begun[TunedModel, CreateTunedModelMetadata]:
        """Begin to tune a model (tunedModels.create).

        Args:
            base_model: name of the model to start from, `models/M` or `tunedModels/M`.
            examples: inputs and what the model should say to each.
            tuned_model_id: its id: at most 40 lowercase letters, digits and dashes, a letter first.
            hyperparameters: how to train.
            fields: see `TunedModelFields`.

        Returns:
            The operation, which ends with the tuned model.
        """
        tuned = base_model.startswith("tunedModels/")
        data = Dataset.of(examples)
        model = message(
            TunedModel,
            base_model=None if tuned else model_name(base_model),
            tuned_model_source=TunedModelSource(tuned_model=base_model) if tuned else None,
            tuning_task=TuningTask(training_data=data, hyperparameters=hyperparameters),
            **fields,
        )
        id_ = tuned_model_id
        return Begun(call(methods.TUNED_MODELS_CREATE, tuned_model_id=id_, tuned_model=model))

    @method
    def get(self, name: str) -> Call[TunedModel]:
        """Get what is known of a tuned model (tunedModels.get)."""
        return call(methods.TUNED_MODELS_GET, name=tuned_model_name(name))

    @method
    def update(
        self,
        name: str,
        *,
        update_mask: Sequence[str] | None = None,
        **fields: Unpack[TunedModelFields],
    ) -> Call[TunedModel]:
        """Change what is given of a tuned model (tunedModels.patch); see `TunedModelFields`."""
        model = message(TunedModel, name=tuned_model_name(name), **fields)
        mask = update_mask or [*fields]
        return call(methods.TUNED_MODELS_PATCH, tuned_model=model, update_mask=mask)

    @method
    def delete(self, name: str) -> Call[Empty]:
        """Delete a tuned model (tunedModels.delete)."""
        return call(methods.TUNED_MODELS_DELETE, name=tuned_model_name(name))

    @method
    def list(
        self,
        *,
        filter: str | None = None,  # noqa: A002 - the API's name
        page_size: int | None = None,
    ) -> PagedCall[TunedModel]:
        """List tuned models (tunedModels.list).

        Args:
            filter: words of name or description, `owner:me`, `writers:me`, `readers:me` or
                `readers:everyone`.
            page_size: at most 1,000.
        """
        described = call(methods.TUNED_MODELS_LIST, filter=filter, page_size=page_size)
        return PagedCall(described, "tuned_models")

    @method
    def transfer_ownership(self, name: str, email_address: str) -> Call[TransferOwnershipResponse]:
        """Make somebody else the owner (tunedModels.transferOwnership); you become a writer."""
        fields = {"name": tuned_model_name(name), "email_address": email_address}
        return call(methods.TUNED_MODELS_TRANSFER_OWNERSHIP, **fields)

    @method
    def generate_content(
        self, model: str, contents: Contents, **options: Unpack[GenerationOptions]
    ) -> Call[GenerateContentResponse]:
        """Continue a conversation (tunedModels.generateContent); see `Models`."""
        fields = generation(contents, **options)
        return call(methods.TUNED_MODELS_GENERATE_CONTENT, model=tuned_model_name(model), **fields)

    @method
    def stream_generate_content(
        self, model: str, contents: Contents, **options: Unpack[GenerationOptions]
    ) -> StreamedCall[GenerateContentResponse]:
        """Continue a conversation, piece by piece (tunedModels.streamGenerateContent)."""
        fields = {"model": tuned_model_name(model), **generation(contents, **options)}
        return StreamedCall(call(methods.TUNED_MODELS_STREAM_GENERATE_CONTENT, **fields))

    @method
    def generate_text(
        self, model: str, text: str, **options: Unpack[TextOptions]
    ) -> Call[GenerateTextResponse]:
        """Continue a text, the older way (tunedModels.generateText)."""
        fields = {"prompt": TextPrompt(text=text), **options}
        return call(methods.TUNED_MODELS_GENERATE_TEXT, model=tuned_model_name(model), **fields)

    @method
    def get_operation(self, name: str) -> Begun[TunedModel, CreateTunedModelMetadata]:
        """Get how far a tuning is (tunedModels.operations.get)."""
        return Begun(call(methods.TUNED_MODELS_OPERATIONS_GET, name=operation_name(name)))

    @method
    def list_operations(self, model: str, *, page_size: int | None = None) -> PagedCall[Operation]:
        """List a tuned model's tunings (tunedModels.operations.list)."""
        fields = {"name": tuned_model_name(model), "page_size": page_size}
        return PagedCall(call(methods.TUNED_MODELS_OPERATIONS_LIST, **fields), "operations")


class Batches(Resource[ClientT]):
    """Methods on batches; `Models` has those that begin one."""

    @method
    def get(
        self, name: str
    ) -> Begun[
        GenerateContentBatchOutput | EmbedContentBatchOutput,
        GenerateContentBatch | EmbedContentBatch,
    ]:
        """Get how far a batch is (batches.get)."""
        return Begun(call(methods.BATCHES_GET, name=batch_name(name)))

    @method
    def list(
        self,
        *,
        filter: str | None = None,  # noqa: A002 - the API's name
        page_size: int | None = None,
    ) -> PagedCall[Operation]:
        """List the batches (batches.list)."""
        described = call(methods.BATCHES_LIST, name="batches", filter=filter, page_size=page_size)
        return PagedCall(described, "operations")

    @method
    def cancel(self, name: str) -> Call[Empty]:
        """Stop a batch, as far as that is possible (batches.cancel)."""
        return call(methods.BATCHES_CANCEL, name=batch_name(name))

    @method
    def delete(self, name: str) -> Call[Empty]:
        """Forget a batch without stopping it (batches.delete)."""
        return call(methods.BATCHES_DELETE, name=batch_name(name))
