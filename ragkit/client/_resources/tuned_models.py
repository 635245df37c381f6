"""Tuned models, and the operations of tunings and batches."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Unpack

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
    TuningExamples,
    TuningTask,
)
from ragkit.client._begun import Begun, begins
from ragkit.client._calls import Call, ClientT, PagedCall, Resource, call, message, method, paged
from ragkit.client._operations import ANY_BATCH, TUNING
from ragkit.client._resources.generation import Contents, GenerationOptions, generation
from ragkit.client._resources.models import TextOptions
from ragkit.client._streams import streamed

if TYPE_CHECKING:
    from ragkit.api.batches import (
        EmbedContentBatch,
        EmbedContentBatchOutput,
        GenerateContentBatch,
        GenerateContentBatchOutput,
    )

_UPDATABLE = ("display_name", "description", "temperature", "top_p", "top_k")


class TunedModels(Resource[ClientT]):
    """Methods on tuned models: models trained further on examples."""

    @begins
    def create(
        self,
        base_model: str,
        examples: Iterable[tuple[str, str] | TuningExample],
        *,
        tuned_model_id: str | None = None,
        display_name: str | None = None,
        description: str | None = None,
        temperature: float | None = None,
        top_p: float | None = None,
        top_k: int | None = None,
        hyperparameters: Hyperparameters | None = None,
    ) -> Begun[TunedModel, CreateTunedModelMetadata]:
        """Begin to tune a model (tunedModels.create).

        Args:
            base_model: name of the model to start from, `models/M` or `tunedModels/M`.
            examples: inputs and what the model should say to each.
            tuned_model_id: its id: at most 40 lowercase letters, digits and dashes, a letter first.
            display_name: at most 40 characters.
            description: what it is for.
            temperature: default for its answers, in [0, 1].
            top_p: likewise.
            top_k: likewise.
            hyperparameters: how to train.

        Returns:
            The operation, which ends with the tuned model.
        """
        data = TuningExamples(
            examples=[
                one
                if isinstance(one, TuningExample)
                else TuningExample(text_input=one[0], output=one[1])
                for one in examples
            ]
        )
        tuned = base_model.startswith("tunedModels/")
        model = message(
            TunedModel,
            base_model=None if tuned else model_name(base_model),
            tuned_model_source=TunedModelSource(tuned_model=base_model) if tuned else None,
            display_name=display_name,
            description=description,
            temperature=temperature,
            top_p=top_p,
            top_k=top_k,
            tuning_task=TuningTask(
                training_data=Dataset(examples=data), hyperparameters=hyperparameters
            ),
        )
        described = call(
            methods.TUNED_MODELS_CREATE, tuned_model_id=tuned_model_id, tuned_model=model
        )
        return Begun(described, TUNING)

    @method
    def get(self, name: str) -> Call[TunedModel]:
        """Get what is known of a tuned model (tunedModels.get)."""
        return call(methods.TUNED_MODELS_GET, name=tuned_model_name(name))

    @method
    def update(
        self,
        name: str,
        *,
        display_name: str | None = None,
        description: str | None = None,
        temperature: float | None = None,
        top_p: float | None = None,
        top_k: int | None = None,
        update_mask: Sequence[str] | None = None,
    ) -> Call[TunedModel]:
        """Change what is given of a tuned model (tunedModels.patch)."""
        model = message(
            TunedModel,
            name=tuned_model_name(name),
            display_name=display_name,
            description=description,
            temperature=temperature,
            top_p=top_p,
            top_k=top_k,
        )
        given = [field for field in _UPDATABLE if field in model.model_fields_set]
        return call(methods.TUNED_MODELS_PATCH, tuned_model=model, update_mask=update_mask or given)

    @method
    def delete(self, name: str) -> Call[Empty]:
        """Delete a tuned model (tunedModels.delete)."""
        return call(methods.TUNED_MODELS_DELETE, name=tuned_model_name(name))

    @paged
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
        return call(
            methods.TUNED_MODELS_TRANSFER_OWNERSHIP,
            name=tuned_model_name(name),
            email_address=email_address,
        )

    @method
    def generate_content(
        self, model: str, contents: Contents, **options: Unpack[GenerationOptions]
    ) -> Call[GenerateContentResponse]:
        """Continue a conversation (tunedModels.generateContent); see `Models`."""
        fields = generation(contents, **options)
        return call(methods.TUNED_MODELS_GENERATE_CONTENT, model=tuned_model_name(model), **fields)

    @streamed
    def stream_generate_content(
        self, model: str, contents: Contents, **options: Unpack[GenerationOptions]
    ) -> Call[GenerateContentResponse]:
        """Continue a conversation, piece by piece (tunedModels.streamGenerateContent)."""
        fields = generation(contents, **options)
        return call(
            methods.TUNED_MODELS_STREAM_GENERATE_CONTENT, model=tuned_model_name(model), **fields
        )

    @method
    def generate_text(
        self, model: str, text: str, **options: Unpack[TextOptions]
    ) -> Call[GenerateTextResponse]:
        """Continue a text, the older way (tunedModels.generateText)."""
        return call(
            methods.TUNED_MODELS_GENERATE_TEXT,
            model=tuned_model_name(model),
            prompt=TextPrompt(text=text),
            **options,
        )

    @begins
    def get_operation(self, name: str) -> Begun[TunedModel, CreateTunedModelMetadata]:
        """Get how far a tuning is (tunedModels.operations.get)."""
        return Begun(call(methods.TUNED_MODELS_OPERATIONS_GET, name=operation_name(name)), TUNING)

    @paged
    def list_operations(self, model: str, *, page_size: int | None = None) -> PagedCall[Operation]:
        """List a tuned model's tunings (tunedModels.operations.list)."""
        described = call(
            methods.TUNED_MODELS_OPERATIONS_LIST,
            name=tuned_model_name(model),
            page_size=page_size,
        )
        return PagedCall(described, "operations")


class Batches(Resource[ClientT]):
    """Methods on batches; `Models` has those that begin one."""

    @begins
    def get(
        self, name: str
    ) -> Begun[
        GenerateContentBatchOutput | EmbedContentBatchOutput,
        GenerateContentBatch | EmbedContentBatch,
    ]:
        """Get how far a batch is (batches.get)."""
        return Begun(call(methods.BATCHES_GET, name=batch_name(name)), ANY_BATCH)

    @paged
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
