"""Models: what they are, embedding and token counting."""

from __future__ import annotations

from typing import Any

from ragkit.api.base import ProtoEnum, ProtoModel
from ragkit.api.content import Content, SafetySetting


class Model(ProtoModel):
    """What is known of a model."""

    name: str = ""
    base_model_id: str = ""
    version: str = ""
    display_name: str = ""
    description: str = ""
    input_token_limit: int = 0
    output_token_limit: int = 0
    supported_generation_methods: list[str] = []
    temperature: float | None = None
    max_temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    thinking: bool = False


class GetModelRequest(ProtoModel):
    """models.get."""

    name: str = ""


class ListModelsRequest(ProtoModel):
    """models.list."""

    page_size: int = 0
    page_token: str = ""


class ListModelsResponse(ProtoModel):
    """A page of models."""

    models: list[Model] = []
    next_page_token: str = ""


class TaskType(ProtoEnum):
    """What an embedding is for."""

    TASK_TYPE_UNSPECIFIED = 0
    RETRIEVAL_QUERY = 1
    RETRIEVAL_DOCUMENT = 2
    SEMANTIC_SIMILARITY = 3
    CLASSIFICATION = 4
    CLUSTERING = 5
    QUESTION_ANSWERING = 6
    FACT_VERIFICATION = 7
    CODE_RETRIEVAL_QUERY = 8


class EmbedContentRequest(ProtoModel):
    """models.embedContent, also one request of models.batchEmbedContents."""

    model: str = ""
    content: Content | None = None
    task_type: TaskType | None = None
    title: str | None = None
    output_dimensionality: int | None = None


class ContentEmbedding(ProtoModel):
    """An embedding."""

    values: list[float] = []


class EmbedContentResponse(ProtoModel):
    """The embedding of the content."""

    embedding: ContentEmbedding | None = None


class BatchEmbedContentsRequest(ProtoModel):
    """models.batchEmbedContents: each request names the same model as the batch."""

    model: str = ""
    requests: list[EmbedContentRequest] = []


class BatchEmbedContentsResponse(ProtoModel):
    """The embeddings, in the order of the requests."""

    embeddings: list[ContentEmbedding] = []


class GenerateContentRequest(ProtoModel):
    """The input of models.generateContent, here as something to count the tokens of."""

    model: str = ""
    contents: list[Content] = []
    system_instruction: Content | None = None
    tools: list[dict[str, Any]] = []
    tool_config: dict[str, Any] | None = None
    safety_settings: list[SafetySetting] = []
    generation_config: dict[str, Any] | None = None
    cached_content: str | None = None


class CountTokensRequest(ProtoModel):
    """models.countTokens: `contents` or `generate_content_request`, not both."""

    model: str = ""
    contents: list[Content] = []
    generate_content_request: GenerateContentRequest | None = None


class Modality(ProtoEnum):
    """A kind of content."""

    MODALITY_UNSPECIFIED = 0
    TEXT = 1
    IMAGE = 2
    VIDEO = 3
    AUDIO = 4
    DOCUMENT = 5


class ModalityTokenCount(ProtoModel):
    """The tokens of one kind of content."""

    modality: Modality = Modality.MODALITY_UNSPECIFIED
    token_count: int = 0


class CountTokensResponse(ProtoModel):
    """How many tokens the input has."""

    total_tokens: int = 0
    cached_content_token_count: int = 0
    prompt_tokens_details: list[ModalityTokenCount] = []
    cache_tokens_details: list[ModalityTokenCount] = []
