"""corpora.query and corpora.documents.query."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic_core import to_json

from ragkit.api import methods
from ragkit.api.corpora import QueryCorpusRequest
from ragkit.api.documents import QueryDocumentRequest
from ragkit.api.errors import InvalidArgument
from ragkit.api.limits import DEFAULT_RESULTS_COUNT, MAX_RESULTS_COUNT
from ragkit.api.names import split_corpus, split_document
from ragkit.engine.engine import FoundChunk
from ragkit.service.metadata import to_engine_filters
from ragkit.service.registry import Context, handles
from ragkit.service.resources import chunk_json
from ragkit.service.values import check_query, shortest


@handles(methods.CORPORA_QUERY)
def query_corpus(context: Context, request: QueryCorpusRequest) -> bytes:
    """Return the chunks of a corpus that are most relevant to a query."""
    found = context.engine.search(
        split_corpus(request.name),
        check_query(request.query, "query"),
        _results_count(request.results_count),
        filters=to_engine_filters(request.metadata_filters, "metadataFilters"),
    )
    return _written(found)


@handles(methods.DOCUMENTS_QUERY)
def query_document(context: Context, request: QueryDocumentRequest) -> bytes:
    """Return the chunks of a document that are most relevant to a query."""
    corpus_id, document_id = split_document(request.name)
    filters = to_engine_filters(request.metadata_filters, "metadataFilters", chunks_only=True)
    found = context.engine.search(
        corpus_id,
        check_query(request.query, "query"),
        _results_count(request.results_count),
        filters=filters,
        document_id=document_id,
    )
    return _written(found)


def _results_count(asked: int) -> int:
    if not 0 <= asked <= MAX_RESULTS_COUNT:
        raise InvalidArgument(
            f"resultsCount: {asked} is not between 1 and {MAX_RESULTS_COUNT}; leave it out for "
            f"{DEFAULT_RESULTS_COUNT}",
            field="resultsCount",
        )
    return asked or DEFAULT_RESULTS_COUNT


def _written(found: Sequence[FoundChunk]) -> bytes:
    """A QueryCorpusResponse or QueryDocumentResponse, which have the same JSON."""
    chunks: list[dict[str, Any]] = []
    for one in found:
        score = shortest(one.score)
        chunk = {"chunk": chunk_json(one.chunk)}
        chunks.append({"chunkRelevanceScore": score, **chunk} if score else chunk)
    return to_json({"relevantChunks": chunks} if chunks else {})
