"""models.generateAnswer where a generator words the answers."""

from __future__ import annotations

from collections.abc import Sequence

from ragkit.api.answers import (
    GenerateAnswerRequest,
    GenerateAnswerResponse,
    GroundingAttribution,
)
from ragkit.api.content import Content
from ragkit.engine.models.abstractive import AbstractiveAnswerer, Style
from ragkit.engine.models.answerer import ExtractedAnswer
from ragkit.engine.models.generators import Turn, load_generator
from ragkit.service.answers import Passage, answer_response, attribution, quoted_answer
from ragkit.service.contents import part_texts
from ragkit.service.registry import Context


def word_answer(
    context: Context,
    generator_id: str,
    request: GenerateAnswerRequest,
    question: str,
    passages: Sequence[Passage],
) -> GenerateAnswerResponse:
    """Answer a question in a generator's words, each sentence checked against the passages.

    Arguments:
        context: whose engine.
        generator_id: a name among the configured generators.
        request: the request, checked; its style is not EXTRACTIVE.
        question: the question that it ends with.
        passages: what to answer from.

    Returns:
        The answer with the quotes that support it, in the order of its sentences; an extracted
        one where the generator gives none that is supported.

    Raises:
        BackendError: the generator fails; its class says why.
    """
    engine = context.engine
    answerer = AbstractiveAnswerer(
        load_generator(engine, generator_id),
        engine.config.generators[generator_id].context_tokens,
    )
    answer = answerer.answer(
        question,
        [passage.text for passage in passages],
        style=Style[request.answer_style.name],
        history=_turns(request.contents[:-1]),
        temperature=request.temperature,
    )
    if isinstance(answer, ExtractedAnswer):
        return quoted_answer(answer, passages)
    attributions: list[GroundingAttribution] = []
    for sentence in answer.sentences:
        for quoted in sentence.quotes:
            one = attribution(quoted, passages)
            if one not in attributions:
                attributions.append(one)
    return answer_response(answer.text, attributions, answer.answerable_probability)


def _turns(contents: Sequence[Content]) -> list[Turn]:
    """The conversation before the question, which is checked already."""
    return [
        Turn("model" if content.role == "model" else "user", text)
        for number, content in enumerate(contents)
        if (text := "\n".join(part_texts(content, f"contents[{number}]"))).strip()
    ]
