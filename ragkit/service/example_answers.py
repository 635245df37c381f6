"""Answers of a tuned model without a generator: the outputs of the examples nearest to a prompt."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ragkit.api.candidates import Candidate, FinishReason
from ragkit.api.content import Content, Part
from ragkit.api.errors import Unimplemented
from ragkit.api.generation import (
    GenerateContentRequest,
    GenerateContentResponse,
    Modality,
    ModalityTokenCount,
    UsageMetadata,
)
from ragkit.api.generation_config import GenerationConfig
from ragkit.engine.job_records import TunedModelRecord
from ragkit.engine.models.nearest import vote
from ragkit.service.contents import countable_texts
from ragkit.service.generation_options import candidate_count, sampling_of
from ragkit.text.tokens import count_tokens_batch, encoding

if TYPE_CHECKING:
    from ragkit.service.tuned_generation import NearExample


def check_answerable(request: GenerateContentRequest) -> None:
    """Refuse what only a generator can do.

    Raises:
        InvalidArgument: the form of output asked for is not offered by any model here.
        Unimplemented: it asks for tools, cached content or JSON.
    """
    asked = {
        "tools": bool(request.tools),
        "cachedContent": bool(request.cached_content),
        "generationConfig.responseMimeType": sampling_of(request.generation_config).json,
    }
    for field, wanted in asked.items():
        if wanted:
            raise Unimplemented(
                f"{field}: this tuned model answers with its examples' outputs as they are, since "
                "no generator is configured (models.list shows those there are); leave it out"
            )


def answer_by_examples(
    record: TunedModelRecord, request: GenerateContentRequest, near: Sequence[NearExample]
) -> GenerateContentResponse:
    """The outputs of most weight among the nearest examples, as candidates.

    Arguments:
        record: the tuned model.
        request: the request; of its config, the number of candidates, the stop sequences and the
            most tokens are heeded, while nothing is drawn at random.
        near: the nearest examples, nearest first.
    """
    config = request.generation_config
    outputs = vote([one.output for one in near], [one.weight for one in near])
    candidates = [
        _candidate(number, output, config)
        for number, output in enumerate(outputs[: candidate_count(config)])
    ]
    prompt = sum(
        sum(count_tokens_batch(countable_texts(content, "contents")))
        for content in request.contents
    )
    written = sum(one.token_count for one in candidates)
    return GenerateContentResponse(
        candidates=candidates,
        usage_metadata=UsageMetadata(
            prompt_token_count=prompt,
            candidates_token_count=written,
            total_token_count=prompt + written,
            prompt_tokens_details=[ModalityTokenCount(modality=Modality.TEXT, token_count=prompt)],
            candidates_tokens_details=[
                ModalityTokenCount(modality=Modality.TEXT, token_count=written)
            ],
        ),
        model_version=f"tunedModels/{record.id}",
        response_id=secrets.token_urlsafe(12),
    )


def _candidate(number: int, output: str, config: GenerationConfig | None) -> Candidate:
    text, reason = output, FinishReason.STOP
    for stop in config.stop_sequences if config is not None else ():
        text = text.partition(stop)[0]
    tokens = encoding().encode_ordinary(text)
    most = None if config is None else config.max_output_tokens
    if most is not None and len(tokens) > most:
        tokens = tokens[:most]
        # A token may end within a character, which is then left out.
        text = encoding().decode_bytes(tokens).decode(errors="ignore")
        reason = FinishReason.MAX_TOKENS
    return Candidate(
        index=number,
        content=Content(role="model", parts=[Part(text=text)]),
        finish_reason=reason,
        token_count=len(tokens),
    )
