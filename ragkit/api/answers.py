"""models.generateAnswer: grounded answers with attributions."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from ragkit.api.base import Float32, Int32, OneofModel, ProtoEnum, ProtoModel
from ragkit.api.candidates import Candidate as Candidate
from ragkit.api.candidates import FinishReason as FinishReason
from ragkit.api.content import Content, wrap_content
from ragkit.api.grounding import AttributionSourceId as AttributionSourceId
from ragkit.api.grounding import GroundingAttribution as GroundingAttribution
from ragkit.api.grounding import GroundingPassageId as GroundingPassageId
from ragkit.api.grounding import SemanticRetrieverChunk as SemanticRetrieverChunk
from ragkit.api.metadata import MetadataFilter
from ragkit.api.safety import SafetyRating, SafetySetting


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

    @classmethod
    def of(cls, passages: Iterable[GroundingPassage | str]) -> GroundingPassages:
        """Wrap passages; plain texts get the ids "0", "1", ..."""
        return cls(
            passages=[
                GroundingPassage(id=str(number), content=wrap_content(passage))
                if isinstance(passage, str)
                else passage
                for number, passage in enumerate(passages)
            ]
        )


class SemanticRetrieverConfig(ProtoModel):
    """Passages to be retrieved from a corpus or document."""

    source: str = ""
    query: Content | None = None
    metadata_filters: list[MetadataFilter] = []
    max_chunks_count: Int32 | None = None
    minimum_relevance_score: Float32 | None = None


class GenerateAnswerRequest(OneofModel):
    """models.generateAnswer: the last of `contents` is the question, earlier ones are history."""

    ONEOFS: ClassVar = {"grounding_source": ("inline_passages", "semantic_retriever")}

    model: str = ""
    contents: list[Content] = []
    answer_style: AnswerStyle = AnswerStyle.ANSWER_STYLE_UNSPECIFIED
    inline_passages: GroundingPassages | None = None
    semantic_retriever: SemanticRetrieverConfig | None = None
    safety_settings: list[SafetySetting] = []
    temperature: Float32 | None = None


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
    answerable_probability: Float32 | None = None
    input_feedback: InputFeedback | None = None
