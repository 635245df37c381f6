"""models.generateAnswer: grounded answers with attributions."""

from __future__ import annotations

from typing import Any, ClassVar

from ragkit.api.base import OneofModel, ProtoEnum, ProtoModel
from ragkit.api.content import Content, SafetyRating, SafetySetting
from ragkit.api.metadata import MetadataFilter


class AnswerStyle(ProtoEnum):
    """How an answer is worded."""

    ANSWER_STYLE_UNSPECIFIED = 0
    ABSTRACTIVE = 1
    EXTRACTIVE = 2
    VERBOSE = 3


class GroundingPassage(ProtoModel):
    """A passage given with the request."""

    id: str = ""
    content: Content | None = None


class GroundingPassages(ProtoModel):
    """The passages given with the request."""

    passages: list[GroundingPassage] = []


class SemanticRetrieverConfig(ProtoModel):
    """Passages to be retrieved from a corpus or document."""

    source: str = ""
    query: Content | None = None
    metadata_filters: list[MetadataFilter] = []
    max_chunks_count: int | None = None
    minimum_relevance_score: float | None = None


class GenerateAnswerRequest(OneofModel):
    """models.generateAnswer: the last of `contents` is the question, earlier ones are history."""

    ONEOFS: ClassVar = {"grounding_source": ("inline_passages", "semantic_retriever")}

    model: str = ""
    contents: list[Content] = []
    answer_style: AnswerStyle = AnswerStyle.ANSWER_STYLE_UNSPECIFIED
    inline_passages: GroundingPassages | None = None
    semantic_retriever: SemanticRetrieverConfig | None = None
    safety_settings: list[SafetySetting] = []
    temperature: float | None = None


class GroundingPassageId(ProtoModel):
    """Which part of which inline passage."""

    passage_id: str = ""
    part_index: int = 0


class SemanticRetrieverChunk(ProtoModel):
    """Which chunk, retrieved from which source."""

    source: str = ""
    chunk: str = ""


class AttributionSourceId(OneofModel):
    """Where an attribution comes from."""

    ONEOFS: ClassVar = {"source": ("grounding_passage", "semantic_retriever_chunk")}

    grounding_passage: GroundingPassageId | None = None
    semantic_retriever_chunk: SemanticRetrieverChunk | None = None


class GroundingAttribution(ProtoModel):
    """Source text that supports the answer, and where it stands."""

    source_id: AttributionSourceId | None = None
    content: Content | None = None


class FinishReason(ProtoEnum):
    """Why a model stopped."""

    FINISH_REASON_UNSPECIFIED = 0
    STOP = 1
    MAX_TOKENS = 2
    SAFETY = 3
    RECITATION = 4
    OTHER = 5
    LANGUAGE = 6
    BLOCKLIST = 7
    PROHIBITED_CONTENT = 8
    SPII = 9
    MALFORMED_FUNCTION_CALL = 10
    IMAGE_SAFETY = 11


class Candidate(ProtoModel):
    """A response of a model."""

    index: int | None = None
    content: Content | None = None
    finish_reason: FinishReason = FinishReason.FINISH_REASON_UNSPECIFIED
    safety_ratings: list[SafetyRating] = []
    citation_metadata: dict[str, Any] | None = None
    token_count: int = 0
    grounding_attributions: list[GroundingAttribution] = []
    grounding_metadata: dict[str, Any] | None = None
    avg_logprobs: float = 0.0
    logprobs_result: dict[str, Any] | None = None
    url_context_metadata: dict[str, Any] | None = None


class BlockReason(ProtoEnum):
    """Why an input was blocked."""

    BLOCK_REASON_UNSPECIFIED = 0
    SAFETY = 1
    OTHER = 2


class InputFeedback(ProtoModel):
    """What was found wrong with the question or its grounding."""

    block_reason: BlockReason | None = None
    safety_ratings: list[SafetyRating] = []


class GenerateAnswerResponse(ProtoModel):
    """An answer, and how probable it is that the passages hold one."""

    answer: Candidate | None = None
    answerable_probability: float | None = None
    input_feedback: InputFeedback | None = None
