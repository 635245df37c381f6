"""Models: what they are, embedding and token counting."""

from __future__ import annotations

from ragkit.api.base import Float32, FloatItem, Int32, ProtoEnum, ProtoModel
from ragkit.api.content import Content
from ragkit.api.generation import GenerateContentRequest as GenerateContentRequest
from ragkit.api.generation import Modality as Modality
from ragkit.api.generation import ModalityTokenCount as ModalityTokenCount


class Model(ProtoModel):
    """What is known of a model."""

    name: str = ""
    base_model_id: str = ""
    version: str = ""
    display_name: str = ""
    description: str = ""
    input_token_limit: Int32 = 0
    output_token_limit: Int32 = 0
    supported_generation_methods: list[str] = []
    temperature: Float32 | None = None
    max_temperature: Float32 | None = None
    top_p: Float32 | None = None
    top_k: Int32 | None = None
    thinking: bool = False


class GetModelRequest(ProtoModel):
    """models.get."""

    name: str = ""


class ListModelsRequest(ProtoModel):
    """models.list."""

    page_size: Int32 = 0
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
    output_dimensionality: Int32 | None = None


class ContentEmbedding(ProtoModel):
    """An embedding."""

    values: list[FloatItem] = []


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


class CountTokensRequest(ProtoModel):
    """models.countTokens: `contents` or `generate_content_request`, not both."""

    model: str = ""
    contents: list[Content] = []
    generate_content_request: GenerateContentRequest | None = None


class CountTokensResponse(ProtoModel):
    """How many tokens the input has."""

    total_tokens: Int32 = 0
    cached_content_token_count: Int32 = 0
    prompt_tokens_details: list[ModalityTokenCount] = []
    cache_tokens_details: list[ModalityTokenCount] = []
