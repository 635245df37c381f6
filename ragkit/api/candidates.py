"""Candidates: the responses of a model, with all that is known of them."""

from __future__ import annotations

from ragkit.api.base import Double, Float32, Int32, ProtoEnum, ProtoModel
from ragkit.api.citations import CitationMetadata
from ragkit.api.content import Content
from ragkit.api.grounding import GroundingAttribution, GroundingMetadata
from ragkit.api.safety import SafetyRating


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
    UNEXPECTED_TOOL_CALL = 12
    TOO_MANY_TOOL_CALLS = 13
    IMAGE_PROHIBITED_CONTENT = 14
    IMAGE_OTHER = 15
    NO_IMAGE = 16
    IMAGE_RECITATION = 17


class LogprobsResultCandidate(ProtoModel):
    """A token and its log probability. Called `LogprobsResult.Candidate` in the protos."""

    token: str | None = None
    token_id: Int32 | None = None
    log_probability: Float32 | None = None


class TopCandidates(ProtoModel):
    """The likeliest tokens of one decoding step, by descending probability."""

    candidates: list[LogprobsResultCandidate] = []


class LogprobsResult(ProtoModel):
    """Log probabilities of the chosen tokens, and of the likeliest ones, by decoding step."""

    log_probability_sum: Float32 | None = None
    top_candidates: list[TopCandidates] = []
    chosen_candidates: list[LogprobsResultCandidate] = []


class UrlRetrievalStatus(ProtoEnum):
    """How fetching a URL went."""

    URL_RETRIEVAL_STATUS_UNSPECIFIED = 0
    URL_RETRIEVAL_STATUS_SUCCESS = 1
    URL_RETRIEVAL_STATUS_ERROR = 2
    URL_RETRIEVAL_STATUS_PAYWALL = 3
    URL_RETRIEVAL_STATUS_UNSAFE = 4


class UrlMetadata(ProtoModel):
    """A URL that the model fetched."""

    retrieved_url: str = ""
    url_retrieval_status: UrlRetrievalStatus = UrlRetrievalStatus.URL_RETRIEVAL_STATUS_UNSPECIFIED


class UrlContextMetadata(ProtoModel):
    """The URLs that the model fetched."""

    url_metadata: list[UrlMetadata] = []


class Candidate(ProtoModel):
    """A response of a model.

    `finish_reason` is unspecified while the model is still generating.
    `grounding_attributions` is for models.generateAnswer only.
    """

    index: Int32 | None = None
    content: Content | None = None
    finish_reason: FinishReason = FinishReason.FINISH_REASON_UNSPECIFIED
    finish_message: str | None = None
    safety_ratings: list[SafetyRating] = []
    citation_metadata: CitationMetadata | None = None
    token_count: Int32 = 0
    grounding_attributions: list[GroundingAttribution] = []
    grounding_metadata: GroundingMetadata | None = None
    avg_logprobs: Double = 0.0
    logprobs_result: LogprobsResult | None = None
    url_context_metadata: UrlContextMetadata | None = None
