"""Corpora: collections of documents."""

from __future__ import annotations

from ragkit.api.base import FieldMask, Int32, ProtoModel, Timestamp
from ragkit.api.metadata import MetadataFilter
from ragkit.api.retrieval import RelevantChunk


class Corpus(ProtoModel):
    """A collection of documents. All fields are optional on create."""

    name: str = ""
    display_name: str = ""
    create_time: Timestamp | None = None
    update_time: Timestamp | None = None


class CreateCorpusRequest(ProtoModel):
    """corpora.create."""

    corpus: Corpus | None = None


class GetCorpusRequest(ProtoModel):
    """corpora.get."""

    name: str = ""


class UpdateCorpusRequest(ProtoModel):
    """corpora.patch: `update_mask` is required and may hold `display_name` only."""

    corpus: Corpus | None = None
    update_mask: FieldMask = ()


class DeleteCorpusRequest(ProtoModel):
    """corpora.delete: `force` deletes what the corpus holds as well."""

    name: str = ""
    force: bool = False


class ListCorporaRequest(ProtoModel):
    """corpora.list."""

    page_size: Int32 = 0
    page_token: str = ""


class ListCorporaResponse(ProtoModel):
    """A page of corpora, by ascending `create_time`."""

    corpora: list[Corpus] = []
    next_page_token: str = ""


class QueryCorpusRequest(ProtoModel):
    """corpora.query."""

    name: str = ""
    query: str = ""
    metadata_filters: list[MetadataFilter] = []
    results_count: Int32 = 0


class QueryCorpusResponse(ProtoModel):
    """The relevant chunks, most relevant first."""

    relevant_chunks: list[RelevantChunk] = []
