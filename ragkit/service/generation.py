"""models.generateContent and streamGenerateContent."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import replace

from ragkit.api import methods
from ragkit.api.candidates import Candidate, FinishReason
from ragkit.api.content import Content, FunctionCall, Part
from ragkit.api.generation import (
    GenerateContentRequest,
    GenerateContentResponse,
    Modality,
    ModalityTokenCount,
    UsageMetadata,
)
from ragkit.engine.models import generators as engine_generators
from ragkit.engine.models.generators import Finish, GenerationPrompt, Generator, Piece, Usage
from ragkit.service.generation_options import candidate_count, check_options
from ragkit.service.generators import Forwards, NamedGenerator, find_generator
from ragkit.service.prompt_tokens import cached_tokens, counted_tokens
from ragkit.service.prompts import to_prompt, with_files_inline
from ragkit.service.registry import Context, handles
from ragkit.text.tokens import count_tokens

FINISH_REASONS = {
    Finish.STOP: FinishReason.STOP,
    Finish.MAX_TOKENS: FinishReason.MAX_TOKENS,
    Finish.FILTERED: FinishReason.SAFETY,
    Finish.OTHER: FinishReason.OTHER,
}


@handles(methods.MODELS_GENERATE_CONTENT)
def generate_content(context: Context, request: GenerateContentRequest) -> GenerateContentResponse:
    """Continue a conversation, and return the candidates whole."""
    found = find_generator(context, request.model, "generateContent")
    whole = _whole_request(context, request)
    if isinstance(found.generator, Forwards):
        return found.generator.forward(with_files_inline(context, whole))
    prompt = to_prompt(context, whole, functions=found.generator.calls_functions)
    response = _Response(found, prompt, cached_tokens(context, request, whole))
    candidates = []
    for number in range(candidate_count(whole.generation_config)):
        generated = found.generator.generate(_numbered(prompt, number))
        response.count(generated.usage, generated.text)
        piece = Piece(generated.text, generated.finish, None, generated.thought, generated.calls)
        candidates.append(_candidate(piece, number, _wants_thoughts(whole)))
    return response.whole(candidates)


@handles(methods.MODELS_STREAM_GENERATE_CONTENT)
def stream_generate_content(
    context: Context, request: GenerateContentRequest
) -> Iterator[GenerateContentResponse]:
    """Continue a conversation, and yield each candidate piece by piece.

    The last item of a candidate has its finish reason; the last of all has the tokens' counts.
    """
    found = find_generator(context, request.model, "streamGenerateContent")
    whole = _whole_request(context, request)
    if isinstance(found.generator, Forwards):
        return found.generator.forward_stream(with_files_inline(context, whole))
    prompt = to_prompt(context, whole, functions=found.generator.calls_functions)
    response = _Response(found, prompt, cached_tokens(context, request, whole))
    return _pieces(response, found.generator, prompt, whole)


def _pieces(
    response: _Response,
    generator: Generator,
    prompt: GenerationPrompt,
    request: GenerateContentRequest,
) -> Iterator[GenerateContentResponse]:
    count = candidate_count(request.generation_config)
    thoughts = _wants_thoughts(request)
    for number in range(count):
        texts = []
        for piece in generator.stream(_numbered(prompt, number)):
            texts.append(piece.text)
            if piece.finish is None:
                if piece.text or thoughts:
                    yield response.partial(_candidate(piece, number, thoughts))
                continue
            response.count(piece.usage, "".join(texts))
            last = [_candidate(piece, number, thoughts)]
            yield response.whole(last) if number == count - 1 else response.partial(last[0])


class _Response:
    """What all items of one response share: whose they are, and the tokens counted so far."""

    def __init__(self, found: NamedGenerator, prompt: GenerationPrompt, cached: int) -> None:
        self._model_version = found.model.id
        self._id = secrets.token_urlsafe(12)
        self._prompt = prompt
        self._cached = cached
        self._prompt_tokens: int | None = None
        self._output_tokens = 0

    def count(self, usage: Usage | None, text: str) -> None:
        """Count a candidate's tokens, as the backend says or as cl100k_base."""
        if usage is None:
            self._output_tokens += count_tokens(text)
        else:
            self._output_tokens += usage.output
            self._prompt_tokens = usage.prompt

    def partial(self, candidate: Candidate) -> GenerateContentResponse:
        """An item of a stream that others follow."""
        return GenerateContentResponse(
            candidates=[candidate], model_version=self._model_version, response_id=self._id
        )

    def whole(self, candidates: list[Candidate]) -> GenerateContentResponse:
        """The response, or the last item of its stream."""
        prompt = self._prompt_tokens
        if prompt is None:
            prompt = counted_tokens(self._prompt)
        usage = UsageMetadata(
            prompt_token_count=prompt,
            cached_content_token_count=min(self._cached, prompt),
            candidates_token_count=self._output_tokens,
            total_token_count=prompt + self._output_tokens,
            prompt_tokens_details=[ModalityTokenCount(modality=Modality.TEXT, token_count=prompt)],
            candidates_tokens_details=[
                ModalityTokenCount(modality=Modality.TEXT, token_count=self._output_tokens)
            ],
        )
        return GenerateContentResponse(
            candidates=candidates,
            usage_metadata=usage,
            model_version=self._model_version,
            response_id=self._id,
        )


def _whole_request(context: Context, request: GenerateContentRequest) -> GenerateContentRequest:
    """The request with the content cached before it, its options checked."""
    check_options(request.generation_config, request.safety_settings)
    if not request.cached_content:
        return request
    from ragkit.service.cached_contents import prepend_cached

    return prepend_cached(context, request)


def _numbered(prompt: GenerationPrompt, number: int) -> GenerationPrompt:
    """The prompt of one of several candidates: each has a seed of its own."""
    seed = prompt.sampling.seed
    if not number or seed is None:
        return prompt
    return replace(prompt, sampling=replace(prompt.sampling, seed=(seed + number) % 2**31))


def _candidate(piece: Piece, number: int, thoughts: bool) -> Candidate:
    parts = [Part(text=piece.thought, thought=True)] if thoughts and piece.thought else []
    if piece.text or not piece.calls:
        parts.append(Part(text=piece.text))
    parts += [_call_part(one) for one in piece.calls]
    finish = piece.finish
    return Candidate(
        index=number,
        content=Content(parts=parts, role="model"),
        finish_reason=FinishReason.FINISH_REASON_UNSPECIFIED
        if finish is None
        else FINISH_REASONS[finish],
    )


def _call_part(call: engine_generators.FunctionCall) -> Part:
    return Part(function_call=FunctionCall(id=call.id, name=call.name, args=dict(call.arguments)))


def _wants_thoughts(request: GenerateContentRequest) -> bool:
    config = request.generation_config
    thinking = None if config is None else config.thinking_config
    return thinking is not None and bool(thinking.include_thoughts)
