"""models.get, list, embedContent, batchEmbedContents and countTokens."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ragkit.api import limits, methods
from ragkit.api.content import Content
from ragkit.api.errors import InvalidArgument
from ragkit.api.models import (
    BatchEmbedContentsRequest,
    BatchEmbedContentsResponse,
    ContentEmbedding,
    CountTokensRequest,
    CountTokensResponse,
    EmbedContentRequest,
    EmbedContentResponse,
    GenerateContentRequest,
    GetModelRequest,
    ListModelsRequest,
    ListModelsResponse,
    Modality,
    ModalityTokenCount,
    Model,
    TaskType,
)
from ragkit.api.wire import to_json_text
from ragkit.engine.models.embedders import Embedder, Task
from ragkit.engine.records import Vector
from ragkit.service.batches import check_batch_size
from ragkit.service.contents import countable_texts, joined_text
from ragkit.service.model_catalog import catalog, described, find_model
from ragkit.service.paging import make_token, page_size, read_token
from ragkit.service.policies import MAX_EMBED_BATCH
from ragkit.service.registry import Context, handles
from ragkit.service.values import missing
from ragkit.text.tokens import count_tokens_batch


@handles(methods.MODELS_GET)
def get(context: Context, request: GetModelRequest) -> Model:
    """Return what is known of a model, or of what an alias stands for."""
    return described(find_model(context.engine, request.name, "", "name"))


@handles(methods.MODELS_LIST)
def list_(context: Context, request: ListModelsRequest) -> ListModelsResponse:
    """Return a page of the models that there are."""
    scope = methods.MODELS_LIST.id
    models = list(catalog(context.engine).values())
    start = read_token(request.page_token, scope)[1] if request.page_token else 0
    end = start + page_size(request.page_size, limits.MODELS_PAGE)
    token = make_token((0, end), scope) if end < len(models) else ""
    return ListModelsResponse(models=models[start:end], next_page_token=token)


@handles(methods.MODELS_EMBED_CONTENT)
def embed_content(context: Context, request: EmbedContentRequest) -> EmbedContentResponse:
    """Return the embedding of a text."""
    embedder = _embedder(context, request.model)
    return EmbedContentResponse(embedding=_embeddings(embedder, [request], [""])[0])


@handles(methods.MODELS_BATCH_EMBED_CONTENTS)
def batch_embed_contents(
    context: Context, request: BatchEmbedContentsRequest
) -> BatchEmbedContentsResponse:
    """Return the embeddings of several texts, in their order."""
    embedder = _embedder(context, request.model)
    check_batch_size(len(request.requests), MAX_EMBED_BATCH)
    places = [f"requests[{number}]." for number in range(len(request.requests))]
    for where, one in zip(places, request.requests, strict=True):
        if one.model != request.model:
            raise InvalidArgument(
                f"{where}model: {one.model[:200]!r} is not the batch's model {request.model!r}",
                field=f"{where}model",
            )
    return BatchEmbedContentsResponse(embeddings=_embeddings(embedder, request.requests, places))


@handles(methods.MODELS_COUNT_TOKENS)
def count_tokens(context: Context, request: CountTokensRequest) -> CountTokensResponse:
    """Return how many tokens a prompt has."""
    named = find_model(context.engine, request.model, "countTokens")
    if named.id in context.engine.config.generators:
        from ragkit.service.prompt_counting import count_for_generator

        return count_for_generator(context, request, named.id)
    total = sum(count_tokens_batch(_prompt(request)))
    return CountTokensResponse(
        total_tokens=total,
        prompt_tokens_details=[ModalityTokenCount(modality=Modality.TEXT, token_count=total)],
    )


def _embedder(context: Context, model: str) -> Embedder:
    return context.engine.embedder(find_model(context.engine, model, "embedContent").id)


def _embeddings(
    embedder: Embedder, requests: Sequence[EmbedContentRequest], places: Sequence[str]
) -> list[ContentEmbedding]:
    """The embeddings of checked requests; `places` is where each stands, for messages."""
    texts = [_text(one, where) for one, where in zip(requests, places, strict=True)]
    sizes = [
        _dimensionality(one, embedder.dimensions, where)
        for one, where in zip(requests, places, strict=True)
    ]
    tasks = [Task((one.task_type or TaskType.TASK_TYPE_UNSPECIFIED).name) for one in requests]
    vectors = np.empty((len(texts), embedder.dimensions), np.float32)
    for task in set(tasks):
        rows = [row for row, other in enumerate(tasks) if other is task]
        vectors[rows] = embedder.embed([texts[row] for row in rows], task=task)
    return [
        ContentEmbedding(values=shortest_values(vector[:size]))
        for vector, size in zip(vectors, sizes, strict=True)
    ]


def _text(request: EmbedContentRequest, where: str) -> str:
    if request.content is None:
        raise missing(f"{where}content")
    text = joined_text(request.content, f"{where}content")
    if request.title is None:
        return text
    if request.task_type is not TaskType.RETRIEVAL_DOCUMENT:
        raise InvalidArgument(
            f"{where}title: only with taskType RETRIEVAL_DOCUMENT", field=f"{where}title"
        )
    return f"{request.title}\n{text}"


def _dimensionality(request: EmbedContentRequest, most: int, where: str) -> int:
    asked = request.output_dimensionality
    if asked is None:
        return most
    if not 1 <= asked <= most:
        field = f"{where}outputDimensionality"
        raise InvalidArgument(
            f"{field}: {asked} is not between 1 and {most}, the model's own", field=field
        )
    return asked


def shortest_values(vector: Vector) -> list[float]:
    """The numbers as their shortest decimals, which halves the reply."""
    return [float(digits) for digits in vector.astype(str)]


def _prompt(request: CountTokensRequest) -> list[str]:
    """The texts whose tokens count. Raises InvalidArgument unless there is one prompt."""
    inner = inner_request(request)
    if inner is None:
        return _counted(request.contents, "contents")
    where = "generateContentRequest"
    if inner.cached_content:
        raise InvalidArgument(
            f"{where}.cachedContent: this model uses none; send the contents",
            field=f"{where}.cachedContent",
        )
    texts = _counted(inner.contents, f"{where}.contents")
    if inner.system_instruction is not None:
        texts += countable_texts(inner.system_instruction, f"{where}.systemInstruction")
    return [*texts, *map(to_json_text, inner.tools)]


def inner_request(request: CountTokensRequest) -> GenerateContentRequest | None:
    """The request to be counted; None if contents are.

    Raises:
        InvalidArgument: there are both, or it is for another model.
    """
    inner = request.generate_content_request
    if inner is None:
        return None
    if request.contents:
        raise InvalidArgument(
            "contents: not together with generateContentRequest; send one of the two",
            field="contents",
        )
    if inner.model != request.model:
        where = "generateContentRequest.model"
        raise InvalidArgument(
            f"{where}: {inner.model[:200]!r} is not the model counted for, {request.model!r}",
            field=where,
        )
    return inner


def _counted(contents: Sequence[Content], field: str) -> list[str]:
    if not contents:
        raise missing(field, "the prompt to count")
    return [
        text
        for number, content in enumerate(contents)
        for text in countable_texts(content, f"{field}[{number}]")
    ]
