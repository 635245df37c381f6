"""Documents: collections of chunks within a corpus."""

from __future__ import annotations

from ragkit.api.base import FieldMask, Float32, Int32, ProtoModel, Timestamp
from ragkit.api.chunks import Chunk
from ragkit.api.metadata import CustomMetadata, MetadataFilter, plain_metadata


class Document(ProtoModel):
    """A collection of chunks, with up to 20 entries of custom metadata."""

    name: str = ""
    display_name: str = ""
    custom_metadata: list[CustomMetadata] = []
    create_time: Timestamp | None = None
    update_time: Timestamp | None = None

    @property
    def metadata(self) -> dict[str, str | float | list[str]]:
        """The custom metadata as plain values."""
        return plain_metadata(self.custom_metadata)


class RelevantChunk(ProtoModel):
    """A chunk found by a query, with its relevance to it in [0, 1].

    `document` is the document that it belongs to; servers may leave it out.
    """

    chunk_relevance_score: Float32 = 0.0
    chunk: Chunk | None = None
    document: Document | None = None


class CreateDocumentRequest(ProtoModel):
    """corpora.documents.create."""

    parent: str = ""
    document: Document | None = None


class GetDocumentRequest(ProtoModel):
    """corpora.documents.get."""

    name: str = ""


class UpdateDocumentRequest(ProtoModel):
    """corpora.documents.patch: the mask may hold `display_name` and `custom_metadata`."""

    document: Document | None = None
    update_mask: FieldMask = ()


class DeleteDocumentRequest(ProtoModel):
    """corpora.documents.delete: `force` deletes the chunks as well."""

    name: str = ""
    force: bool = False


class ListDocumentsRequest(ProtoModel):
    """corpora.documents.list."""

    parent: str = ""
    page_size: Int32 = 0
    page_token: str = ""


class ListDocumentsResponse(ProtoModel):
    """A page of documents, by ascending `create_time`."""

    documents: list[Document] = []
    next_page_token: str = ""


class QueryDocumentRequest(ProtoModel):
    """corpora.documents.query: filters over chunk metadata only."""

    name: str = ""
    query: str = ""
    results_count: Int32 = 0
    metadata_filters: list[MetadataFilter] = []


class QueryDocumentResponse(ProtoModel):
    """The relevant chunks, most relevant first."""

    relevant_chunks: list[RelevantChunk] = []
