"""Safety: categories of harm, how likely they are, and what is blocked."""

from __future__ import annotations

from ragkit.api.base import ProtoEnum, ProtoModel


class HarmCategory(ProtoEnum):
    """Kinds of harmful content. The first six are those of the legacy text methods."""

    HARM_CATEGORY_UNSPECIFIED = 0
    HARM_CATEGORY_DEROGATORY = 1
    HARM_CATEGORY_TOXICITY = 2
    HARM_CATEGORY_VIOLENCE = 3
    HARM_CATEGORY_SEXUAL = 4
    HARM_CATEGORY_MEDICAL = 5
    HARM_CATEGORY_DANGEROUS = 6
    HARM_CATEGORY_HARASSMENT = 7
    HARM_CATEGORY_HATE_SPEECH = 8
    HARM_CATEGORY_SEXUALLY_EXPLICIT = 9
    HARM_CATEGORY_DANGEROUS_CONTENT = 10
    HARM_CATEGORY_CIVIC_INTEGRITY = 11


class HarmBlockThreshold(ProtoEnum):
    """From which probability of harm on content is blocked."""

    HARM_BLOCK_THRESHOLD_UNSPECIFIED = 0
    BLOCK_LOW_AND_ABOVE = 1
    BLOCK_MEDIUM_AND_ABOVE = 2
    BLOCK_ONLY_HIGH = 3
    BLOCK_NONE = 4
    OFF = 5


class HarmProbability(ProtoEnum):
    """How likely content is harmful."""

    HARM_PROBABILITY_UNSPECIFIED = 0
    NEGLIGIBLE = 1
    LOW = 2
    MEDIUM = 3
    HIGH = 4


class SafetySetting(ProtoModel):
    """The threshold for one category; both are required, and a request has one per category."""

    category: HarmCategory = HarmCategory.HARM_CATEGORY_UNSPECIFIED
    threshold: HarmBlockThreshold = HarmBlockThreshold.HARM_BLOCK_THRESHOLD_UNSPECIFIED


class SafetyRating(ProtoModel):
    """How harmful content was found to be in one category."""

    category: HarmCategory = HarmCategory.HARM_CATEGORY_UNSPECIFIED
    probability: HarmProbability = HarmProbability.HARM_PROBABILITY_UNSPECIFIED
    blocked: bool = False


class BlockedReason(ProtoEnum):
    """Why content was blocked by a legacy method."""

    BLOCKED_REASON_UNSPECIFIED = 0
    SAFETY = 1
    OTHER = 2


class ContentFilter(ProtoModel):
    """Content that a legacy method blocked, and why."""

    reason: BlockedReason = BlockedReason.BLOCKED_REASON_UNSPECIFIED
    message: str | None = None


class SafetyFeedback(ProtoModel):
    """A rating and the setting that it fell foul of."""

    rating: SafetyRating | None = None
    setting: SafetySetting | None = None
