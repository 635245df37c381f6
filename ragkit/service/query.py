"""corpora.query and corpora.documents.query."""

from __future__ import annotations

from collections.abc import Sequence

from ragkit.api import methods
from ragkit.api.corpora import QueryCorpusRequest, QueryCorpusResponse
from ragkit.api.documents import QueryDocumentRequest, QueryDocumentResponse
from ragkit.api.errors import InvalidArgument
from ragkit.api.limits import DEFAULT_RESULTS_COUNT, MAX_RESULTS_COUNT
from ragkit.api.names import split_corpus, split_document
from ragkit.api.retrieval import RelevantChunk
from ragkit.engine.engine import FoundChunk
from ragkit.service.metadata import to_engine_filters
from ragkit.service.registry import Context, handles
from ragkit.service.resources import chunk_resource
from ragkit.service.values import check_query, shortest


@handles(methods.CORPORA_QUERY)
def query_corpus(context: Context, request: QueryCorpusRequest) -> QueryCorpusResponse:
    """Return the chunks of a corpus that are most relevant to a query."""
    found = context.engine.search(
        split_corpus(request.name),
        check_query(request.query, "query"),
        _results_count(request.results_count),
        filters=to_engine_filters(request.metadata_filters, "metadataFilters"),
    )
    return QueryCorpusResponse(relevant_chunks=_relevant(found))


@handles(methods.DOCUMENTS_QUERY)
def query_document(context: Context, request: QueryDocumentRequest) -> QueryDocumentResponse:
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
    return QueryDocumentResponse(relevant_chunks=_relevant(found))


def _results_count(asked: int) -> int:
    if not 0 <= asked <= MAX_RESULTS_COUNT:
        raise InvalidArgument(
            f"resultsCount: {asked} is not between 1 and {MAX_RESULTS_COUNT}; leave it out for "
            f"{DEFAULT_RESULTS_COUNT}",
            field="resultsCount",
        )
    return asked or DEFAULT_RESULTS_COUNT


def _relevant(found: Sequence[FoundChunk]) -> list[RelevantChunk]:
    return [
        RelevantChunk(chunk_relevance_score=shortest(one.score), chunk=chunk_resource(one.chunk))
        for one in found
    ]
