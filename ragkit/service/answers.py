"""models.generateAnswer: an answer out of passages that are given or retrieved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ragkit.api import methods
from ragkit.api.answers import (
    AnswerStyle,
    AttributionSourceId,
    Candidate,
    FinishReason,
    GenerateAnswerRequest,
    GenerateAnswerResponse,
    GroundingAttribution,
    GroundingPassageId,
    GroundingPassages,
    SemanticRetrieverChunk,
    SemanticRetrieverConfig,
)
from ragkit.api.content import Content, HarmCategory, Part, SafetySetting
from ragkit.api.errors import InvalidArgument
from ragkit.api.limits import MAX_TEMPERATURE, MIN_TEMPERATURE
from ragkit.api.names import split_corpus, split_document
from ragkit.service.contents import joined_text, part_texts
from ragkit.service.metadata import to_engine_filters
from ragkit.service.model_catalog import find_model
from ragkit.service.policies import DEFAULT_ANSWER_CHUNKS, MAX_ANSWER_CHUNKS
from ragkit.service.registry import Context, handles
from ragkit.service.values import check_between, check_query, missing, shortest

if TYPE_CHECKING:
    from ragkit.engine.models.answerer import ExtractedAnswer, ExtractedSentence

_SAFETY_CATEGORIES = (
    HarmCategory.HARM_CATEGORY_HATE_SPEECH,
    HarmCategory.HARM_CATEGORY_SEXUALLY_EXPLICIT,
    HarmCategory.HARM_CATEGORY_DANGEROUS_CONTENT,
    HarmCategory.HARM_CATEGORY_HARASSMENT,
)
_ROLES = ("", "user", "model")


@dataclass(frozen=True, slots=True)
class Passage:
    """A text to answer from, and how an attribution names it."""

    text: str
    source_id: AttributionSourceId


@handles(methods.MODELS_GENERATE_ANSWER)
def generate_answer(context: Context, request: GenerateAnswerRequest) -> GenerateAnswerResponse:
    """Answer a question from the passages, each sentence attributed to where it stands.

    A generator words the answer, unless quotes are asked for or none is configured.
    """
    named = find_model(context.engine, request.model, "generateAnswer")
    question, history = _conversation(request.contents)
    _check_options(request)
    passages = _passages(context, request)
    if (
        named.id in context.engine.config.generators
        and request.answer_style is not AnswerStyle.EXTRACTIVE
    ):
        from ragkit.service.worded_answers import word_answer

        return word_answer(context, named.id, request, question, passages)
    answer = context.engine.answer(
        question,
        [passage.text for passage in passages],
        style=request.answer_style.name,
        history=history,
    )
    return quoted_answer(answer, passages)


def quoted_answer(answer: ExtractedAnswer, passages: Sequence[Passage]) -> GenerateAnswerResponse:
    """The response that an answer made of quotes is."""
    attributions = [attribution(quoted, passages) for quoted in answer.sentences]
    text = " ".join(one.content.text for one in attributions if one.content is not None)
    return answer_response(text, attributions, answer.answerable_probability)


def answer_response(
    text: str,
    attributions: Sequence[GroundingAttribution],
    probability: float,
) -> GenerateAnswerResponse:
    """The response with an answer; clients insist on STOP and on one part, be it empty."""
    return GenerateAnswerResponse(
        answer=Candidate(
            index=0,
            content=_text_content(text, role="model"),
            finish_reason=FinishReason.STOP,
            grounding_attributions=list(attributions),
        ),
        answerable_probability=shortest(probability),
    )


def attribution(quoted: ExtractedSentence, passages: Sequence[Passage]) -> GroundingAttribution:
    """What a quote is attributed to, with the quote word for word."""
    passage = passages[quoted.passage]
    return GroundingAttribution(
        source_id=passage.source_id,
        content=_text_content(passage.text[quoted.start : quoted.end]),
    )


def _conversation(contents: Sequence[Content]) -> tuple[str, list[str]]:
    """The question, and the user's earlier turns, oldest first."""
    if not contents:
        raise missing("contents", "the last of them is the question")
    for number, content in enumerate(contents):
        if content.role not in _ROLES:
            field = f"contents[{number}].role"
            raise InvalidArgument(
                f"{field}: {content.role[:50]!r} is not 'user' or 'model'", field=field
            )
    *earlier, last = contents
    where = f"contents[{len(earlier)}]"
    if last.role == "model":
        raise InvalidArgument(
            f"{where}.role: the last content is the question, which is the user's",
            field=f"{where}.role",
        )
    question = check_query(joined_text(last, where), where)
    history = [
        "\n".join(part_texts(content, f"contents[{number}]"))
        for number, content in enumerate(earlier)
        if content.role != "model"
    ]
    return question, history


def _check_options(request: GenerateAnswerRequest) -> None:
    if request.answer_style is AnswerStyle.ANSWER_STYLE_UNSPECIFIED:
        raise missing("answerStyle", "one of ABSTRACTIVE, EXTRACTIVE, VERBOSE")
    if request.temperature is not None:
        check_between(request.temperature, MIN_TEMPERATURE, MAX_TEMPERATURE, "temperature")
    _check_safety(request.safety_settings)


def _check_safety(settings: Sequence[SafetySetting]) -> None:
    seen = set()
    for number, setting in enumerate(settings):
        field = f"safetySettings[{number}].category"
        if setting.category not in _SAFETY_CATEGORIES:
            supported = ", ".join(category.name for category in _SAFETY_CATEGORIES)
            raise InvalidArgument(
                f"{field}: {setting.category.name} is not supported, only {supported}", field=field
            )
        if setting.category in seen:
            raise InvalidArgument(f"{field}: {setting.category.name} comes twice", field=field)
        seen.add(setting.category)


def _passages(context: Context, request: GenerateAnswerRequest) -> list[Passage]:
    if request.inline_passages is not None:
        return _inline_passages(request.inline_passages)
    if request.semantic_retriever is not None:
        return _retrieved_passages(context, request.semantic_retriever)
    raise missing(
        "groundingSource", "what to answer from, as inlinePassages or as semanticRetriever"
    )


def _inline_passages(given: GroundingPassages) -> list[Passage]:
    return [
        Passage(
            text,
            AttributionSourceId(
                grounding_passage=GroundingPassageId(passage_id=passage.id, part_index=part_index)
            ),
        )
        for number, passage in enumerate(given.passages)
        if passage.content is not None
        for part_index, text in enumerate(
            part_texts(passage.content, f"inlinePassages.passages[{number}].content")
        )
    ]


def _retrieved_passages(context: Context, config: SemanticRetrieverConfig) -> list[Passage]:
    where = "semanticRetriever"
    corpus_id, document_id = _source(config.source, f"{where}.source")
    if config.query is None:
        raise missing(f"{where}.query", "a content with what to look for")
    query = check_query(joined_text(config.query, f"{where}.query"), f"{where}.query")
    least = config.minimum_relevance_score
    if least is not None:
        check_between(least, 0.0, 1.0, f"{where}.minimumRelevanceScore")
    found = context.engine.search(
        corpus_id,
        query,
        _chunks_count(config.max_chunks_count, f"{where}.maxChunksCount"),
        filters=to_engine_filters(config.metadata_filters, f"{where}.metadataFilters"),
        document_id=document_id,
    )
    return [
        Passage(
            one.chunk.text,
            AttributionSourceId(
                semantic_retriever_chunk=SemanticRetrieverChunk(
                    source=config.source,
                    chunk=f"corpora/{one.chunk.corpus_id}/documents/{one.chunk.document_id}"
                    f"/chunks/{one.chunk.id}",
                )
            ),
        )
        for one in found
        # As callers see the scores, so that a score taken from a query's reply is a threshold
        # that its chunk passes.
        if least is None or shortest(one.score) >= shortest(least)
    ]


def _source(name: str, field: str) -> tuple[str, str | None]:
    if not name:
        raise missing(field, "corpora/CORPUS or corpora/CORPUS/documents/DOCUMENT")
    if "/documents/" in name:
        return split_document(name, field)
    return split_corpus(name, field), None


def _chunks_count(asked: int | None, field: str) -> int:
    if asked is None:
        return DEFAULT_ANSWER_CHUNKS
    return int(check_between(asked, 1, MAX_ANSWER_CHUNKS, field))


def _text_content(text: str, role: str = "") -> Content:
    return Content(parts=[Part(text=text)], role=role)
