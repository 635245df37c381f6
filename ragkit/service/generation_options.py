"""Generation configs and safety settings: their limits, and what no generator here can do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ragkit.api.errors import InvalidArgument
from ragkit.api.generation_config import GenerationConfig, ResponseModality
from ragkit.api.limits import (
    MAX_GENERATION_TEMPERATURE,
    MAX_STOP_SEQUENCES,
    MAX_TEMPERATURE,
    MIN_TEMPERATURE,
)
from ragkit.api.safety import HarmCategory, SafetySetting
from ragkit.api.texts import GenerateTextRequest
from ragkit.engine.models.generators import Sampling
from ragkit.service.json_schemas import to_json_schema
from ragkit.service.policies import MAX_CANDIDATES
from ragkit.service.values import check_between

_WHERE = "generationConfig"
_JSON = "application/json"
_MAX_PENALTY = 2.0
_NOT_OFFERED = ("speech_config", "image_config", "response_logprobs", "logprobs")
_PATHS = {
    "speech_config": "speechConfig",
    "image_config": "imageConfig",
    "response_logprobs": "responseLogprobs",
    "logprobs": "logprobs",
}


def check_options(config: GenerationConfig | None, settings: Sequence[SafetySetting]) -> None:
    """Raise InvalidArgument for a value beyond its documented limits; names the field."""
    if config is not None:
        _check_config(config)
    check_settings(settings)


def check_settings(settings: Sequence[SafetySetting]) -> None:
    """Raise InvalidArgument for a category that is missing or comes twice."""
    seen = set()
    for number, setting in enumerate(settings):
        field = f"safetySettings[{number}].category"
        if setting.category is HarmCategory.HARM_CATEGORY_UNSPECIFIED:
            raise InvalidArgument(f"{field}: required", field=field)
        if setting.category in seen:
            raise InvalidArgument(f"{field}: {setting.category.name} comes twice", field=field)
        seen.add(setting.category)


def candidate_count(config: GenerationConfig | None) -> int:
    """How many candidates are asked for."""
    return 1 if config is None or config.candidate_count is None else config.candidate_count


def sampling_of(config: GenerationConfig | None) -> Sampling:
    """How to write, by a checked config.

    Raises:
        InvalidArgument: it asks for what no generator here can do; names the field.
    """
    if config is None:
        return Sampling()
    _refuse_not_offered(config)
    wants_json = config.response_mime_type.partition(";")[0].strip().lower() == _JSON
    return Sampling(
        temperature=config.temperature,
        top_p=config.top_p,
        top_k=config.top_k,
        max_tokens=config.max_output_tokens,
        stop=tuple(config.stop_sequences),
        seed=config.seed,
        presence_penalty=config.presence_penalty,
        frequency_penalty=config.frequency_penalty,
        json=wants_json,
        schema=_schema(config, wants_json),
    )


def check_sampling(
    where: str,
    *,
    most_temperature: float,
    temperature: float | None = None,
    top_p: float | None = None,
    top_k: int | None = None,
    max_tokens: int | None = None,
    candidates: int | None = None,
    stop: Sequence[str] = (),
) -> None:
    """Raise InvalidArgument for a number beyond its limits; `where` is put before the field."""
    _between(temperature, MIN_TEMPERATURE, most_temperature, f"{where}temperature")
    _between(top_p, 0.0, 1.0, f"{where}topP")
    _between(top_k, 1, 2**31 - 1, f"{where}topK")
    _between(max_tokens, 1, 2**31 - 1, f"{where}maxOutputTokens")
    _between(candidates, 1, MAX_CANDIDATES, f"{where}candidateCount")
    field = f"{where}stopSequences"
    if len(stop) > MAX_STOP_SEQUENCES:
        raise InvalidArgument(
            f"{field}: {len(stop)} of them, at most {MAX_STOP_SEQUENCES} are allowed", field=field
        )
    if not all(stop):
        raise InvalidArgument(f"{field}: one of them is empty", field=field)


def _check_config(config: GenerationConfig) -> None:
    check_sampling(
        f"{_WHERE}.",
        most_temperature=MAX_GENERATION_TEMPERATURE,
        temperature=config.temperature,
        top_p=config.top_p,
        top_k=config.top_k,
        max_tokens=config.max_output_tokens,
        candidates=config.candidate_count,
        stop=config.stop_sequences,
    )
    _between(config.presence_penalty, -_MAX_PENALTY, _MAX_PENALTY, f"{_WHERE}.presencePenalty")
    _between(config.frequency_penalty, -_MAX_PENALTY, _MAX_PENALTY, f"{_WHERE}.frequencyPenalty")
    schemas = [config.response_schema, config.response_json_schema]
    if all(one is not None for one in schemas):
        raise InvalidArgument(
            f"{_WHERE}.responseJsonSchema: not together with responseSchema; send one of the two",
            field=f"{_WHERE}.responseJsonSchema",
        )


def _between(value: float | None, low: float, high: float, field: str) -> None:
    if value is not None:
        check_between(value, low, high, field)


def _refuse_not_offered(config: GenerationConfig) -> None:
    for key in _NOT_OFFERED:
        if getattr(config, key):
            field = f"{_WHERE}.{_PATHS[key]}"
            raise InvalidArgument(f"{field}: not offered by this model", field=field)
    allowed = (ResponseModality.TEXT, ResponseModality.MODALITY_UNSPECIFIED)
    for modality in config.response_modalities:
        if modality not in allowed:
            field = f"{_WHERE}.responseModalities"
            raise InvalidArgument(
                f"{field}: {modality.name} is not offered by this model, only TEXT", field=field
            )
    given = config.response_mime_type
    if given.partition(";")[0].strip().lower() not in ("", "text/plain", _JSON):
        field = f"{_WHERE}.responseMimeType"
        raise InvalidArgument(
            f"{field}: {given[:100]!r} is not offered by this model, only text/plain and {_JSON}",
            field=field,
        )


def _schema(config: GenerationConfig, wants_json: bool) -> dict[str, Any] | None:
    given = config.response_json_schema
    if given is None:
        given = config.response_json_schema_ordered
    if config.response_schema is None and given is None:
        return None
    if not wants_json:
        field = f"{_WHERE}.responseMimeType"
        raise InvalidArgument(f"{field}: must be {_JSON} where a schema is given", field=field)
    if config.response_schema is not None:
        return to_json_schema(config.response_schema, f"{_WHERE}.responseSchema")
    if not isinstance(given, dict):
        field = f"{_WHERE}.responseJsonSchema"
        raise InvalidArgument(f"{field}: is not a JSON schema object", field=field)
    return given


def check_text_options(request: GenerateTextRequest) -> None:
    """Check what a request to continue a text, the older form, says beside its prompt.

    Raises:
        InvalidArgument: a value is out of its range; names the field.
    """
    check_sampling(
        "",
        most_temperature=MAX_TEMPERATURE,
        temperature=request.temperature,
        top_p=request.top_p,
        top_k=request.top_k,
        max_tokens=request.max_output_tokens,
        candidates=request.candidate_count,
        stop=request.stop_sequences,
    )
    check_settings(request.safety_settings)
