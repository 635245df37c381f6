"""generateContent and streamGenerateContent, of models and of tuned models."""

from __future__ import annotations

from ragkit.api.base import Int32, ProtoEnum, ProtoModel
from ragkit.api.candidates import Candidate
from ragkit.api.content import Content
from ragkit.api.generation_config import GenerationConfig
from ragkit.api.safety import SafetyRating, SafetySetting
from ragkit.api.tools import Tool, ToolConfig


class GenerateContentRequest(ProtoModel):
    """generateContent, streamGenerateContent: `contents` is the conversation so far.

    `model` is `models/M` or `tunedModels/M`, `system_instruction` text only, `cached_content` of
    the form `cachedContents/C` and made for the same model.
    """

    model: str = ""
    system_instruction: Content | None = None
    contents: list[Content] = []
    tools: list[Tool] = []
    tool_config: ToolConfig | None = None
    safety_settings: list[SafetySetting] = []
    generation_config: GenerationConfig | None = None
    cached_content: str | None = None


class PromptBlockReason(ProtoEnum):
    """Why a prompt was blocked."""

    BLOCK_REASON_UNSPECIFIED = 0
    SAFETY = 1
    OTHER = 2
    BLOCKLIST = 3
    PROHIBITED_CONTENT = 4
    IMAGE_SAFETY = 5


class PromptFeedback(ProtoModel):
    """What was found in the prompt; no candidates come back if it was blocked."""

    block_reason: PromptBlockReason = PromptBlockReason.BLOCK_REASON_UNSPECIFIED
    safety_ratings: list[SafetyRating] = []


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
    token_count: Int32 = 0


class UsageMetadata(ProtoModel):
    """The tokens of a request and its response.

    `prompt_token_count` includes cached content.
    """

    prompt_token_count: Int32 = 0
    cached_content_token_count: Int32 = 0
    candidates_token_count: Int32 = 0
    tool_use_prompt_token_count: Int32 = 0
    thoughts_token_count: Int32 = 0
    total_token_count: Int32 = 0
    prompt_tokens_details: list[ModalityTokenCount] = []
    cache_tokens_details: list[ModalityTokenCount] = []
    candidates_tokens_details: list[ModalityTokenCount] = []
    tool_use_prompt_tokens_details: list[ModalityTokenCount] = []


class GenerateContentResponse(ProtoModel):
    """The candidates, or one more piece of each where the response is streamed."""

    candidates: list[Candidate] = []
    prompt_feedback: PromptFeedback | None = None
    usage_metadata: UsageMetadata | None = None
    model_version: str = ""
    response_id: str = ""

    @property
    def text(self) -> str:
        """The text of the first candidate, its thoughts left out; "" if there is none."""
        if not self.candidates or self.candidates[0].content is None:
            return ""
        parts = self.candidates[0].content.parts
        return "".join(part.text for part in parts if part.text is not None and not part.thought)
