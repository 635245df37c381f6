"""Models: answering, embedding, counting tokens, and what is known of each."""

from __future__ import annotations

from collections.abc import Iterable

from ragkit.api import methods
from ragkit.api.answers import (
    AnswerStyle,
    GenerateAnswerResponse,
    GroundingPassage,
    GroundingPassages,
    SemanticRetrieverConfig,
)
from ragkit.api.content import ContentInput, SafetySetting, wrap_content, wrap_contents
from ragkit.api.models import (
    BatchEmbedContentsResponse,
    CountTokensResponse,
    EmbedContentRequest,
    EmbedContentResponse,
    GenerateContentRequest,
    Model,
    TaskType,
)
from ragkit.api.names import model_name
from ragkit.client._calls import Call, ClientT, PagedCall, Resource, call, message, method, paged


class Models(Resource[ClientT]):
    """Methods on models."""

    @method
    def get(self, name: str) -> Call[Model]:
        """Get what is known of a model (models.get)."""
        return call(methods.MODELS_GET, name=model_name(name))

    @paged
    def list(self, *, page_size: int | None = None) -> PagedCall[Model]:
        """List the models that the service offers (models.list)."""
        return PagedCall(call(methods.MODELS_LIST, page_size=page_size), "models")

    @method
    def generate_answer(
        self,
        contents: ContentInput | Iterable[ContentInput],
        *,
        model: str = "aqa",
        answer_style: AnswerStyle | str = AnswerStyle.ABSTRACTIVE,
        passages: Iterable[GroundingPassage | str] | None = None,
        semantic_retriever: SemanticRetrieverConfig | None = None,
        safety_settings: Iterable[SafetySetting] = (),
        temperature: float | None = None,
    ) -> Call[GenerateAnswerResponse]:
        """Answer a question from passages, with attributions (models.generateAnswer).

        Args:
            contents: the question, or a conversation that ends with it.
            model: id or name of the answering model.
            answer_style: ABSTRACTIVE, EXTRACTIVE or VERBOSE.
            passages: passages to answer from; plain texts get the ids "0", "1", ...
            semantic_retriever: or a corpus or document to retrieve passages from.
            safety_settings: at most one per category.
            temperature: 0 to 1.

        Returns:
            `answer` with `grounding_attributions`, and `answerable_probability` in [0, 1].
        """
        inline = None
        if passages is not None:
            inline = GroundingPassages(
                passages=[
                    GroundingPassage(id=str(number), content=wrap_content(passage))
                    if isinstance(passage, str)
                    else passage
                    for number, passage in enumerate(passages)
                ]
            )
        return call(
            methods.MODELS_GENERATE_ANSWER,
            model=model_name(model),
            contents=wrap_contents(contents),
            answer_style=answer_style,
            inline_passages=inline,
            semantic_retriever=semantic_retriever,
            safety_settings=[*safety_settings],
            temperature=temperature,
        )

    @method
    def embed_content(
        self,
        content: ContentInput,
        *,
        model: str = "text-embedding-004",
        task_type: TaskType | str | None = None,
        title: str | None = None,
        output_dimensionality: int | None = None,
    ) -> Call[EmbedContentResponse]:
        """Embed a text (models.embedContent).

        Args:
            content: the text.
            model: id or name of the embedding model.
            task_type: what the embedding is for.
            title: the text's title, with RETRIEVAL_DOCUMENT only.
            output_dimensionality: keep this many of the first dimensions.
        """
        request = _embed_request(model, content, task_type, title, output_dimensionality)
        return Call(methods.MODELS_EMBED_CONTENT, request)

    @method
    def batch_embed_contents(
        self,
        contents: Iterable[ContentInput],
        *,
        model: str = "text-embedding-004",
        task_type: TaskType | str | None = None,
        output_dimensionality: int | None = None,
    ) -> Call[BatchEmbedContentsResponse]:
        """Embed up to 100 texts (models.batchEmbedContents); see `embed_content`."""
        requests = [
            _embed_request(model, content, task_type, None, output_dimensionality)
            for content in contents
        ]
        return call(methods.MODELS_BATCH_EMBED_CONTENTS, model=model_name(model), requests=requests)

    @method
    def count_tokens(
        self,
        contents: ContentInput | Iterable[ContentInput] | None = None,
        *,
        model: str = "aqa",
        generate_content_request: GenerateContentRequest | None = None,
    ) -> Call[CountTokensResponse]:
        """Count the tokens of messages or of a whole request (models.countTokens)."""
        return call(
            methods.MODELS_COUNT_TOKENS,
            model=model_name(model),
            contents=None if contents is None else wrap_contents(contents),
            generate_content_request=generate_content_request,
        )


def _embed_request(
    model: str,
    content: ContentInput,
    task_type: TaskType | str | None,
    title: str | None,
    output_dimensionality: int | None,
) -> EmbedContentRequest:
    return message(
        EmbedContentRequest,
        model=model_name(model),
        content=wrap_content(content),
        task_type=task_type,
        title=title,
        output_dimensionality=output_dimensionality,
    )
