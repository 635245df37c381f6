"""Prompts as requests of this API, for another endpoint of it."""

from __future__ import annotations

from ragkit.api.content import Content, FunctionCall, FunctionResponse, Part
from ragkit.api.generation import GenerateContentRequest
from ragkit.api.generation_config import GenerationConfig
from ragkit.engine.models.generators import GenerationPrompt, Sampling, Turn


def to_request(prompt: GenerationPrompt) -> GenerateContentRequest:
    """A prompt without functions as a request: those with them are forwarded as they came."""
    return GenerateContentRequest(
        contents=[_content(turn) for turn in prompt.turns],
        system_instruction=Content(parts=[Part(text=prompt.system)]) if prompt.system else None,
        generation_config=_config(prompt.sampling),
    )


def _content(turn: Turn) -> Content:
    parts = [Part(text=turn.text)] if turn.text else []
    parts += [
        Part(function_call=FunctionCall(id=one.id, name=one.name, args=dict(one.arguments)))
        for one in turn.calls
    ]
    parts += [
        Part(
            function_response=FunctionResponse(
                id=one.id, name=one.name, response={"output": one.result}
            )
        )
        for one in turn.results
    ]
    return Content(parts=parts, role=turn.role)


def _config(sampling: Sampling) -> GenerationConfig:
    return GenerationConfig(
        temperature=sampling.temperature,
        top_p=sampling.top_p,
        top_k=sampling.top_k,
        max_output_tokens=sampling.max_tokens,
        stop_sequences=list(sampling.stop),
        seed=sampling.seed,
        presence_penalty=sampling.presence_penalty,
        frequency_penalty=sampling.frequency_penalty,
        response_mime_type="application/json" if sampling.json else "",
        response_json_schema=None if sampling.schema is None else dict(sampling.schema),
    )
