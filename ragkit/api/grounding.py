"""Grounding: what a response rests on."""

from __future__ import annotations

from typing import ClassVar

from ragkit.api.base import Float32, Int32, OneofModel, ProtoBytes, ProtoModel
from ragkit.api.content import Content


class GroundingPassageId(ProtoModel):
    """Which part of which inline passage."""

    passage_id: str = ""
    part_index: Int32 = 0


class SemanticRetrieverChunk(ProtoModel):
    """Which chunk, retrieved from which source."""

    source: str = ""
    chunk: str = ""


class AttributionSourceId(OneofModel):
    """Where an attribution comes from."""

    ONEOFS: ClassVar = {"source": ("grounding_passage", "semantic_retriever_chunk")}

    grounding_passage: GroundingPassageId | None = None
    semantic_retriever_chunk: SemanticRetrieverChunk | None = None


class GroundingAttribution(ProtoModel):
    """Source text that supports the answer, and where it stands."""

    source_id: AttributionSourceId | None = None
    content: Content | None = None


class SearchEntryPoint(ProtoModel):
    """Search suggestions: HTML to embed, and base64 JSON of terms and URLs."""

    rendered_content: str = ""
    sdk_blob: ProtoBytes = b""


class Web(ProtoModel):
    """A page of the web."""

    uri: str | None = None
    title: str | None = None


class RetrievedContext(ProtoModel):
    """A passage found by file search."""

    uri: str | None = None
    title: str | None = None
    text: str | None = None


class ReviewSnippet(ProtoModel):
    """A user's review of a place."""

    review_id: str | None = None
    google_maps_uri: str | None = None
    title: str | None = None


class PlaceAnswerSources(ProtoModel):
    """What an answer about a place rests on."""

    review_snippets: list[ReviewSnippet] = []


class Maps(ProtoModel):
    """A place of Google Maps; `place_id` is of the form `places/ID`."""

    uri: str | None = None
    title: str | None = None
    text: str | None = None
    place_id: str | None = None
    place_answer_sources: PlaceAnswerSources | None = None


class GroundingChunk(OneofModel):
    """One thing that a response rests on."""

    ONEOFS: ClassVar = {"chunk_type": ("web", "retrieved_context", "maps")}

    web: Web | None = None
    retrieved_context: RetrievedContext | None = None
    maps: Maps | None = None


class Segment(ProtoModel):
    """A span of a response: a part's number, and bytes from start to before end within it."""

    part_index: Int32 = 0
    start_index: Int32 = 0
    end_index: Int32 = 0
    text: str = ""


class GroundingSupport(ProtoModel):
    """Which grounding chunks support a segment, and how surely, in [0, 1], one for each."""

    segment: Segment | None = None
    grounding_chunk_indices: list[Int32] = []
    confidence_scores: list[Float32] = []


class RetrievalMetadata(ProtoModel):
    """How likely, in [0, 1], a search would help to answer the prompt."""

    google_search_dynamic_retrieval_score: Float32 = 0.0


class GroundingMetadata(ProtoModel):
    """What a response rests on, where search was used."""

    search_entry_point: SearchEntryPoint | None = None
    grounding_chunks: list[GroundingChunk] = []
    grounding_supports: list[GroundingSupport] = []
    retrieval_metadata: RetrievalMetadata | None = None
    web_search_queries: list[str] = []
    google_maps_widget_context_token: str | None = None
