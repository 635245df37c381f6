"""The legacy text and message methods of models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ragkit.api.wire import Method

if TYPE_CHECKING:
    from ragkit.api.messages import (
        CountMessageTokensRequest,
        CountMessageTokensResponse,
        GenerateMessageRequest,
        GenerateMessageResponse,
    )
    from ragkit.api.texts import (
        BatchEmbedTextRequest,
        BatchEmbedTextResponse,
        CountTextTokensRequest,
        CountTextTokensResponse,
        EmbedTextRequest,
        EmbedTextResponse,
        GenerateTextRequest,
        GenerateTextResponse,
    )

MODELS_GENERATE_TEXT: Final[Method[GenerateTextRequest, GenerateTextResponse]] = Method(
    "models.generateText",
    "POST",
    "/v1beta/{model=models/*}:generateText",
    "texts.GenerateTextRequest",
    "texts.GenerateTextResponse",
    body="*",
    google="deprecated",
    safe=True,
)

MODELS_EMBED_TEXT: Final[Method[EmbedTextRequest, EmbedTextResponse]] = Method(
    "models.embedText",
    "POST",
    "/v1beta/{model=models/*}:embedText",
    "texts.EmbedTextRequest",
    "texts.EmbedTextResponse",
    body="*",
    google="deprecated",
    safe=True,
)

MODELS_BATCH_EMBED_TEXT: Final[Method[BatchEmbedTextRequest, BatchEmbedTextResponse]] = Method(
    "models.batchEmbedText",
    "POST",
    "/v1beta/{model=models/*}:batchEmbedText",
    "texts.BatchEmbedTextRequest",
    "texts.BatchEmbedTextResponse",
    body="*",
    google="deprecated",
    safe=True,
)

MODELS_COUNT_TEXT_TOKENS: Final[Method[CountTextTokensRequest, CountTextTokensResponse]] = Method(
    "models.countTextTokens",
    "POST",
    "/v1beta/{model=models/*}:countTextTokens",
    "texts.CountTextTokensRequest",
    "texts.CountTextTokensResponse",
    body="*",
    google="deprecated",
    safe=True,
)

MODELS_GENERATE_MESSAGE: Final[Method[GenerateMessageRequest, GenerateMessageResponse]] = Method(
    "models.generateMessage",
    "POST",
    "/v1beta/{model=models/*}:generateMessage",
    "messages.GenerateMessageRequest",
    "messages.GenerateMessageResponse",
    body="*",
    google="deprecated",
    safe=True,
)

MODELS_COUNT_MESSAGE_TOKENS: Final[
    Method[CountMessageTokensRequest, CountMessageTokensResponse]
] = Method(
    "models.countMessageTokens",
    "POST",
    "/v1beta/{model=models/*}:countMessageTokens",
    "messages.CountMessageTokensRequest",
    "messages.CountMessageTokensResponse",
    body="*",
    google="deprecated",
    safe=True,
)
