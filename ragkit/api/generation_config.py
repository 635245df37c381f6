"""How a model generates: sampling, the form of the output, speech, thinking."""

from __future__ import annotations

from typing import ClassVar

from ragkit.api.base import Float32, Int32, OneofModel, ProtoEnum, ProtoModel, Value
from ragkit.api.schemas import Schema


class PrebuiltVoiceConfig(ProtoModel):
    """One of the voices that the service has."""

    voice_name: str | None = None


class VoiceConfig(OneofModel):
    """The voice to use."""

    ONEOFS: ClassVar = {"voice_config": ("prebuilt_voice_config",)}

    prebuilt_voice_config: PrebuiltVoiceConfig | None = None


class SpeakerVoiceConfig(ProtoModel):
    """The voice of one speaker, named as in the prompt; both are required."""

    speaker: str = ""
    voice_config: VoiceConfig | None = None


class MultiSpeakerVoiceConfig(ProtoModel):
    """The voices of all speakers."""

    speaker_voice_configs: list[SpeakerVoiceConfig] = []


class SpeechConfig(ProtoModel):
    """Speech: `voice_config` or `multi_speaker_voice_config`, and a language as in "en-US"."""

    voice_config: VoiceConfig | None = None
    multi_speaker_voice_config: MultiSpeakerVoiceConfig | None = None
    language_code: str = ""


class ThinkingConfig(ProtoModel):
    """Whether thoughts are part of the response, and how many tokens they may take."""

    include_thoughts: bool | None = None
    thinking_budget: Int32 | None = None


class ImageConfig(ProtoModel):
    """Images: an aspect ratio such as "16:9"."""

    aspect_ratio: str | None = None


class ResponseModality(ProtoEnum):
    """What a response may consist of."""

    MODALITY_UNSPECIFIED = 0
    TEXT = 1
    IMAGE = 2
    AUDIO = 3


class MediaResolution(ProtoEnum):
    """How finely media in the input are looked at: 64, 256, or 256 tokens with zoom."""

    MEDIA_RESOLUTION_UNSPECIFIED = 0
    MEDIA_RESOLUTION_LOW = 1
    MEDIA_RESOLUTION_MEDIUM = 2
    MEDIA_RESOLUTION_HIGH = 3


class GenerationConfig(ProtoModel):
    """How a model generates. What is not given has the model's own default.

    `temperature` is in [0, 2], `stop_sequences` are at most 5, `logprobs`, in [0, 20], needs
    `response_logprobs`. `response_schema` or `response_json_schema`, not both, needs a
    `response_mime_type` that fits.
    """

    candidate_count: Int32 | None = None
    stop_sequences: list[str] = []
    max_output_tokens: Int32 | None = None
    temperature: Float32 | None = None
    top_p: Float32 | None = None
    top_k: Int32 | None = None
    seed: Int32 | None = None
    response_mime_type: str = ""
    response_schema: Schema | None = None
    response_json_schema: Value = None
    response_json_schema_ordered: Value = None
    presence_penalty: Float32 | None = None
    frequency_penalty: Float32 | None = None
    response_logprobs: bool | None = None
    logprobs: Int32 | None = None
    enable_enhanced_civic_answers: bool | None = None
    response_modalities: list[ResponseModality] = []
    speech_config: SpeechConfig | None = None
    thinking_config: ThinkingConfig | None = None
    image_config: ImageConfig | None = None
    media_resolution: MediaResolution | None = None
