"""Chunks: the passages of a document, the unit of retrieval."""

from __future__ import annotations

from typing import ClassVar

from ragkit.api.base import FieldMask, Int32, OneofModel, ProtoEnum, ProtoModel, Timestamp
from ragkit.api.common import Empty as Empty
from ragkit.api.metadata import CustomMetadata, MetadataInput, plain_metadata, wrap_metadata


class ChunkState(ProtoEnum):
    """Whether a chunk can be found; only active chunks are."""

    STATE_UNSPECIFIED = 0
    STATE_PENDING_PROCESSING = 1
    STATE_ACTIVE = 2
    STATE_FAILED = 10


class ChunkData(OneofModel):
    """A chunk's content: a string of at most 2,043 tokens."""

    ONEOFS: ClassVar = {"data": ("string_value",)}

    string_value: str | None = None


class Chunk(ProtoModel):
    """A passage of a document, with up to 20 entries of custom metadata."""

    name: str = ""
    data: ChunkData | None = None
    custom_metadata: list[CustomMetadata] = []
    create_time: Timestamp | None = None
    update_time: Timestamp | None = None
    state: ChunkState = ChunkState.STATE_UNSPECIFIED

    @classmethod
    def of(
        cls, text: Chunk | str | None, metadata: MetadataInput | None = None, name: str = ""
    ) -> Chunk:
        """Wrap a text and plain metadata; what is a chunk already stays as it is."""
        if isinstance(text, Chunk):
            return text
        fields: dict[str, object] = {"name": name} if name else {}
        if text is not None:
            fields["data"] = ChunkData(string_value=text)
        if metadata is not None:
            fields["custom_metadata"] = wrap_metadata(metadata)
        return cls.model_validate(fields)

    @property
    def text(self) -> str:
        """The content, "" where there is none."""
        return (self.data.string_value or "") if self.data is not None else ""

    @property
    def metadata(self) -> dict[str, str | float | list[str]]:
        """The custom metadata as plain values."""
        return plain_metadata(self.custom_metadata)


class CreateChunkRequest(ProtoModel):
    """corpora.documents.chunks.create, also one request of a batch."""

    parent: str = ""
    chunk: Chunk | None = None


class BatchCreateChunksRequest(ProtoModel):
    """corpora.documents.chunks.batchCreate: at most 100 requests, all or none carried out."""

    parent: str = ""
    requests: list[CreateChunkRequest] = []


class BatchCreateChunksResponse(ProtoModel):
    """The chunks created, in the order of the requests."""

    chunks: list[Chunk] = []


class GetChunkRequest(ProtoModel):
    """corpora.documents.chunks.get."""

    name: str = ""


class UpdateChunkRequest(ProtoModel):
    """corpora.documents.chunks.patch: the mask may hold `data` and `custom_metadata`."""

    chunk: Chunk | None = None
    update_mask: FieldMask = ()


class BatchUpdateChunksRequest(ProtoModel):
    """corpora.documents.chunks.batchUpdate: at most 100 requests, all or none carried out."""

    parent: str = ""
    requests: list[UpdateChunkRequest] = []


class BatchUpdateChunksResponse(ProtoModel):
    """The chunks updated, in the order of the requests."""

    chunks: list[Chunk] = []


class DeleteChunkRequest(ProtoModel):
    """corpora.documents.chunks.delete, also one request of a batch."""

    name: str = ""


class BatchDeleteChunksRequest(ProtoModel):
    """corpora.documents.chunks.batchDelete: all or none carried out."""

    parent: str = ""
    requests: list[DeleteChunkRequest] = []


class ListChunksRequest(ProtoModel):
    """corpora.documents.chunks.list."""

    parent: str = ""
    page_size: Int32 = 0
    page_token: str = ""


class ListChunksResponse(ProtoModel):
    """A page of chunks, by ascending `create_time`."""

    chunks: list[Chunk] = []
    next_page_token: str = ""
