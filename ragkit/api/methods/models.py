"""Models: generating, answering, embedding, counting tokens, and the creators of batches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ragkit.api.wire import Method

if TYPE_CHECKING:
    from ragkit.api.answers import GenerateAnswerRequest, GenerateAnswerResponse
    from ragkit.api.batches import AsyncBatchEmbedContentRequest, BatchGenerateContentRequest
    from ragkit.api.generation import GenerateContentRequest, GenerateContentResponse
    from ragkit.api.models import (
        BatchEmbedContentsRequest,
        BatchEmbedContentsResponse,
        CountTokensRequest,
        CountTokensResponse,
        EmbedContentRequest,
        EmbedContentResponse,
        GetModelRequest,
        ListModelsRequest,
        ListModelsResponse,
        Model,
    )
    from ragkit.api.operations import Operation

MODELS_GET: Final[Method[GetModelRequest, Model]] = Method(
    "models.get",
    "GET",
    "/v1beta/{name=models/*}",
    "models.GetModelRequest",
    "models.Model",
    safe=True,
)

MODELS_LIST: Final[Method[ListModelsRequest, ListModelsResponse]] = Method(
    "models.list",
    "GET",
    "/v1beta/models",
    "models.ListModelsRequest",
    "models.ListModelsResponse",
    safe=True,
)

MODELS_GENERATE_CONTENT: Final[Method[GenerateContentRequest, GenerateContentResponse]] = Method(
    "models.generateContent",
    "POST",
    "/v1beta/{model=models/*}:generateContent",
    "generation.GenerateContentRequest",
    "generation.GenerateContentResponse",
    body="*",
    safe=True,
)

MODELS_STREAM_GENERATE_CONTENT: Final[Method[GenerateContentRequest, GenerateContentResponse]] = (
    Method(
        "models.streamGenerateContent",
        "POST",
        "/v1beta/{model=models/*}:streamGenerateContent",
        "generation.GenerateContentRequest",
        "generation.GenerateContentResponse",
        body="*",
        safe=True,
        streaming=True,
    )
)

MODELS_GENERATE_ANSWER: Final[Method[GenerateAnswerRequest, GenerateAnswerResponse]] = Method(
    "models.generateAnswer",
    "POST",
    "/v1beta/{model=models/*}:generateAnswer",
    "answers.GenerateAnswerRequest",
    "answers.GenerateAnswerResponse",
    body="*",
    google="deprecated",
    safe=True,
)

MODELS_EMBED_CONTENT: Final[Method[EmbedContentRequest, EmbedContentResponse]] = Method(
    "models.embedContent",
    "POST",
    "/v1beta/{model=models/*}:embedContent",
    "models.EmbedContentRequest",
    "models.EmbedContentResponse",
    body="*",
    safe=True,
)

MODELS_BATCH_EMBED_CONTENTS: Final[
    Method[BatchEmbedContentsRequest, BatchEmbedContentsResponse]
] = Method(
    "models.batchEmbedContents",
    "POST",
    "/v1beta/{model=models/*}:batchEmbedContents",
    "models.BatchEmbedContentsRequest",
    "models.BatchEmbedContentsResponse",
    body="*",
    safe=True,
)

MODELS_COUNT_TOKENS: Final[Method[CountTokensRequest, CountTokensResponse]] = Method(
    "models.countTokens",
    "POST",
    "/v1beta/{model=models/*}:countTokens",
    "models.CountTokensRequest",
    "models.CountTokensResponse",
    body="*",
    safe=True,
)

MODELS_BATCH_GENERATE_CONTENT: Final[Method[BatchGenerateContentRequest, Operation]] = Method(
    "models.batchGenerateContent",
    "POST",
    "/v1beta/{batch.model=models/*}:batchGenerateContent",
    "batches.BatchGenerateContentRequest",
    "operations.Operation",
    body="*",
    result_ref="batches.BatchGenerateContentResponse",
    metadata_ref="batches.GenerateContentBatch",
)

MODELS_ASYNC_BATCH_EMBED_CONTENT: Final[Method[AsyncBatchEmbedContentRequest, Operation]] = Method(
    "models.asyncBatchEmbedContent",
    "POST",
    "/v1beta/{batch.model=models/*}:asyncBatchEmbedContent",
    "batches.AsyncBatchEmbedContentRequest",
    "operations.Operation",
    body="*",
    result_ref="batches.AsyncBatchEmbedContentResponse",
    metadata_ref="batches.EmbedContentBatch",
)
