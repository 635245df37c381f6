"""The legacy text methods: generateText, embedText, batchEmbedText, countTextTokens."""

from __future__ import annotations

from ragkit.api.base import Float32, FloatItem, Int32, ProtoModel
from ragkit.api.citations import CitationMetadata
from ragkit.api.safety import ContentFilter, SafetyFeedback, SafetyRating, SafetySetting


class TextPrompt(ProtoModel):
    """The text given to the model; required."""

    text: str = ""


class GenerateTextRequest(ProtoModel):
    """models.generateText, tunedModels.generateText.

    `temperature` is in [0, 1], `candidate_count` in [1, 8], `stop_sequences` are at most 5.
    """

    model: str = ""
    prompt: TextPrompt | None = None
    temperature: Float32 | None = None
    candidate_count: Int32 | None = None
    max_output_tokens: Int32 | None = None
    top_p: Float32 | None = None
    top_k: Int32 | None = None
    safety_settings: list[SafetySetting] = []
    stop_sequences: list[str] = []


class TextCompletion(ProtoModel):
    """A text that the model gave."""

    output: str = ""
    safety_ratings: list[SafetyRating] = []
    citation_metadata: CitationMetadata | None = None


class GenerateTextResponse(ProtoModel):
    """The candidates, and what was blocked."""

    candidates: list[TextCompletion] = []
    filters: list[ContentFilter] = []
    safety_feedback: list[SafetyFeedback] = []


class EmbedTextRequest(ProtoModel):
    """models.embedText, also one request of models.batchEmbedText."""

    model: str = ""
    text: str = ""


class Embedding(ProtoModel):
    """An embedding; its numbers are called `value`, where newer methods say `values`."""

    value: list[FloatItem] = []


class EmbedTextResponse(ProtoModel):
    """The embedding of the text."""

    embedding: Embedding | None = None


class BatchEmbedTextRequest(ProtoModel):
    """models.batchEmbedText: at most 100 `texts`, or `requests`, not both."""

    model: str = ""
    texts: list[str] = []
    requests: list[EmbedTextRequest] = []


class BatchEmbedTextResponse(ProtoModel):
    """The embeddings, in the order of the texts."""

    embeddings: list[Embedding] = []


class CountTextTokensRequest(ProtoModel):
    """models.countTextTokens."""

    model: str = ""
    prompt: TextPrompt | None = None


class CountTextTokensResponse(ProtoModel):
    """How many tokens the prompt has."""

    token_count: Int32 = 0
