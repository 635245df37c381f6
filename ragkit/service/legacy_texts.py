"""models.generateText, embedText, batchEmbedText and countTextTokens: the older text methods."""

from __future__ import annotations

from collections.abc import Sequence

from ragkit.api import methods
from ragkit.api.errors import InvalidArgument
from ragkit.api.limits import MAX_EMBED_TEXTS
from ragkit.api.texts import (
    BatchEmbedTextRequest,
    BatchEmbedTextResponse,
    CountTextTokensRequest,
    CountTextTokensResponse,
    Embedding,
    EmbedTextRequest,
    EmbedTextResponse,
    GenerateTextRequest,
    GenerateTextResponse,
    TextCompletion,
    TextPrompt,
)
from ragkit.engine.models.generators import GenerationPrompt, Sampling, Turn, load_generator
from ragkit.service.batches import check_batch_size
from ragkit.service.candidates import generate_several
from ragkit.service.generation_options import check_text_options
from ragkit.service.generators import find_generator
from ragkit.service.model_catalog import find_model
from ragkit.service.models import shortest_values
from ragkit.service.registry import Context, handles
from ragkit.service.values import missing
from ragkit.text.tokens import count_tokens


@handles(methods.MODELS_GENERATE_TEXT)
def generate_text(context: Context, request: GenerateTextRequest) -> GenerateTextResponse:
    """Continue a text."""
    found = find_generator(context, request.model, "generateText")
    text = _text_of(request.prompt)
    check_text_options(request)
    sampling = Sampling(
        temperature=request.temperature,
        top_p=request.top_p,
        top_k=request.top_k,
        max_tokens=request.max_output_tokens,
        stop=tuple(request.stop_sequences),
    )
    prompt = GenerationPrompt((Turn("user", text),), sampling=sampling)
    return GenerateTextResponse(
        candidates=[
            TextCompletion(output=output)
            for output in generate_several(found.generator, prompt, request.candidate_count)
        ]
    )


@handles(methods.MODELS_EMBED_TEXT)
def embed_text(context: Context, request: EmbedTextRequest) -> EmbedTextResponse:
    """Return the embedding of a text."""
    named = find_model(context.engine, request.model, "embedText")
    _check_text(request.text, "text")
    return EmbedTextResponse(embedding=_embeddings(context, named.id, [request.text])[0])


@handles(methods.MODELS_BATCH_EMBED_TEXT)
def batch_embed_text(context: Context, request: BatchEmbedTextRequest) -> BatchEmbedTextResponse:
    """Return the embeddings of several texts, in their order."""
    named = find_model(context.engine, request.model, "batchEmbedText")
    if request.texts and request.requests:
        raise InvalidArgument(
            "requests: not together with texts; send one of the two", field="requests"
        )
    field = "requests[{}].text" if request.requests else "texts[{}]"
    for number, one in enumerate(request.requests):
        # Documented as "must match"; clients of the time left it out.
        if one.model and one.model != request.model:
            where = f"requests[{number}].model"
            raise InvalidArgument(
                f"{where}: {one.model[:200]!r} is not the batch's model {request.model!r}",
                field=where,
            )
    texts = request.texts or [one.text for one in request.requests]
    check_batch_size(len(texts), MAX_EMBED_TEXTS)
    for number, text in enumerate(texts):
        _check_text(text, field.format(number))
    return BatchEmbedTextResponse(embeddings=_embeddings(context, named.id, texts))


@handles(methods.MODELS_COUNT_TEXT_TOKENS)
def count_text_tokens(context: Context, request: CountTextTokensRequest) -> CountTextTokensResponse:
    """Return how many tokens a text has."""
    named = find_model(context.engine, request.model, "countTextTokens")
    text = _text_of(request.prompt)
    counted = None
    if named.id in context.engine.config.generators:
        generator = load_generator(context.engine, named.id)
        counted = generator.count_tokens(GenerationPrompt((Turn("user", text),)))
    return CountTextTokensResponse(token_count=count_tokens(text) if counted is None else counted)


def _text_of(prompt: TextPrompt | None) -> str:
    text = "" if prompt is None else prompt.text
    _check_text(text, "prompt.text")
    return text


def _check_text(text: str, field: str) -> None:
    if not text.strip():
        raise missing(field)


def _embeddings(context: Context, embedder: str, texts: Sequence[str]) -> list[Embedding]:
    vectors = context.engine.embedder(embedder).embed(texts)
    return [Embedding(value=shortest_values(vector)) for vector in vectors]
