"""Models: answering, embedding, counting tokens, and what is known of each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, TypedDict, Unpack

from ragkit.api import methods
from ragkit.api.answers import (
    AnswerStyle,
    GenerateAnswerResponse,
    GroundingPassage,
    GroundingPassages,
    SemanticRetrieverConfig,
)
from ragkit.api.content import ContentInput, wrap_content, wrap_contents
from ragkit.api.generation import GenerateContentRequest, GenerateContentResponse
from ragkit.api.messages import (
    CountMessageTokensResponse,
    GenerateMessageResponse,
    MessagePrompt,
)
from ragkit.api.models import (
    BatchEmbedContentsResponse,
    CountTokensResponse,
    EmbedContentRequest,
    EmbedContentResponse,
    Model,
    TaskType,
)
from ragkit.api.names import model_name
from ragkit.api.safety import SafetySetting
from ragkit.api.texts import (
    BatchEmbedTextResponse,
    CountTextTokensResponse,
    EmbedTextResponse,
    GenerateTextResponse,
    TextPrompt,
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

if TYPE_CHECKING:
    from ragkit.api.batches import (
        EmbedContentBatch,
        EmbedContentBatchOutput,
        GenerateContentBatch,
        GenerateContentBatchOutput,
    )


class Models(Resource[ClientT]):
    """Methods on models."""

    @method
    def get(self, name: str) -> Call[Model]:
        """Get what is known of a model (models.get)."""
        return call(methods.MODELS_GET, name=model_name(name))

    @method
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
        return call(
            methods.MODELS_GENERATE_ANSWER,
            model=model_name(model),
            contents=wrap_contents(contents),
            answer_style=answer_style,
            inline_passages=None if passages is None else GroundingPassages.of(passages),
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

    @method
    def generate_content(
        self, model: str, contents: Contents, **options: Unpack[GenerationOptions]
    ) -> Call[GenerateContentResponse]:
        """Continue a conversation (models.generateContent).

        Args:
            model: id or name of the model.
            contents: a message, or the conversation so far.
            options: see `GenerationOptions`.
        """
        fields = generation(contents, **options)
        return call(methods.MODELS_GENERATE_CONTENT, model=model_name(model), **fields)

    @method
    def stream_generate_content(
        self, model: str, contents: Contents, **options: Unpack[GenerationOptions]
    ) -> StreamedCall[GenerateContentResponse]:
        """Continue a conversation, piece by piece (models.streamGenerateContent).

        The arguments are those of `generate_content`; use the result in a `with` block.
        """
        fields = {"model": model_name(model), **generation(contents, **options)}
        return StreamedCall(call(methods.MODELS_STREAM_GENERATE_CONTENT, **fields))

    @method
    def generate_text(
        self, model: str, text: str, **options: Unpack[TextOptions]
    ) -> Call[GenerateTextResponse]:
        """Continue a text, the older way (models.generateText)."""
        prompt = TextPrompt(text=text)
        return call(methods.MODELS_GENERATE_TEXT, model=model_name(model), prompt=prompt, **options)

    @method
    def embed_text(self, model: str, text: str) -> Call[EmbedTextResponse]:
        """Embed a text, the older way (models.embedText)."""
        return call(methods.MODELS_EMBED_TEXT, model=model_name(model), text=text)

    @method
    def batch_embed_text(self, model: str, texts: Iterable[str]) -> Call[BatchEmbedTextResponse]:
        """Embed up to 100 texts, the older way (models.batchEmbedText)."""
        return call(methods.MODELS_BATCH_EMBED_TEXT, model=model_name(model), texts=list(texts))

    @method
    def count_text_tokens(self, model: str, text: str) -> Call[CountTextTokensResponse]:
        """Count a text's tokens, the older way (models.countTextTokens)."""
        prompt = TextPrompt(text=text)
        return call(methods.MODELS_COUNT_TEXT_TOKENS, model=model_name(model), prompt=prompt)

    @method
    def generate_message(
        self, model: str, prompt: MessagePrompt | str, **options: Unpack[MessageOptions]
    ) -> Call[GenerateMessageResponse]:
        """Continue a chat, the older way (models.generateMessage)."""
        fields = {"prompt": MessagePrompt.of(prompt), **options}
        return call(methods.MODELS_GENERATE_MESSAGE, model=model_name(model), **fields)

    @method
    def count_message_tokens(
        self, model: str, prompt: MessagePrompt | str
    ) -> Call[CountMessageTokensResponse]:
        """Count a chat's tokens, the older way (models.countMessageTokens)."""
        wrapped = MessagePrompt.of(prompt)
        return call(methods.MODELS_COUNT_MESSAGE_TOKENS, model=model_name(model), prompt=wrapped)

    @method
    def batch_generate_content(
        self,
        model: str,
        requests: Iterable[GenerateContentRequest | ContentInput] | str,
        *,
        display_name: str,
        priority: int | None = None,
    ) -> Begun[GenerateContentBatchOutput, GenerateContentBatch]:
        """Begin a batch of generateContent requests (models.batchGenerateContent).

        Args:
            model: id or name of the model.
            requests: the requests or their messages; or the name of an uploaded file of JSON
                lines (`files/F`).
            display_name: what to call the batch.
            priority: batches with higher ones go first.
        """
        from ragkit.api.batches import GenerateContentBatch, InputConfig

        batch = message(
            GenerateContentBatch,
            model=model_name(model),
            display_name=display_name,
            input_config=InputConfig.of(model_name(model), requests),
            priority=priority,
        )
        return Begun(call(methods.MODELS_BATCH_GENERATE_CONTENT, batch=batch))

    @method
    def async_batch_embed_content(
        self,
        model: str,
        contents: Iterable[ContentInput] | str,
        *,
        display_name: str,
        priority: int | None = None,
    ) -> Begun[EmbedContentBatchOutput, EmbedContentBatch]:
        """Begin a batch of embedContent requests (models.asyncBatchEmbedContent).

        The arguments are those of `batch_generate_content`.
        """
        from ragkit.api.batches import EmbedContentBatch, InputEmbedContentConfig

        batch = message(
            EmbedContentBatch,
            model=model_name(model),
            display_name=display_name,
            input_config=InputEmbedContentConfig.of(model_name(model), contents),
            priority=priority,
        )
        return Begun(call(methods.MODELS_ASYNC_BATCH_EMBED_CONTENT, batch=batch))


class TextOptions(TypedDict, total=False):
    """What else `generate_text` can say; see `GenerateTextRequest`."""

    temperature: float
    candidate_count: int
    max_output_tokens: int
    top_p: float
    top_k: int
    safety_settings: Sequence[SafetySetting]
    stop_sequences: Sequence[str]


class MessageOptions(TypedDict, total=False):
    """What else `generate_message` can say; see `GenerateMessageRequest`."""

    temperature: float
    candidate_count: int
    top_p: float
    top_k: int


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
