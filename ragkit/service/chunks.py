"""The eight methods of corpora.documents.chunks. A single call is a batch of one."""

from __future__ import annotations

from collections.abc import Sequence

from ragkit.api import limits, methods
from ragkit.api.chunks import (
    BatchCreateChunksRequest,
    BatchCreateChunksResponse,
    BatchDeleteChunksRequest,
    BatchUpdateChunksRequest,
    BatchUpdateChunksResponse,
    Chunk,
    CreateChunkRequest,
    DeleteChunkRequest,
    Empty,
    GetChunkRequest,
    ListChunksRequest,
    ListChunksResponse,
    UpdateChunkRequest,
)
from ragkit.api.errors import InvalidArgument
from ragkit.api.names import split_chunk, split_document
from ragkit.engine.engine import DraftChunk
from ragkit.engine.records import ChunkRecord, ChunkUpdate
from ragkit.service.batches import check_batch_size, check_parent, refuse_repeated
from ragkit.service.chunk_data import check_chunk_text
from ragkit.service.masks import masked_fields
from ragkit.service.metadata import to_engine_metadata
from ragkit.service.naming import random_id
from ragkit.service.paging import Position, page
from ragkit.service.policies import MAX_BATCH_DELETE
from ragkit.service.quotas import require_room_for_chunks
from ragkit.service.registry import Context, handles
from ragkit.service.resources import chunk_resource
from ragkit.service.values import missing

DocumentIds = tuple[str, str]
"""The ids of a corpus and of a document in it."""


@handles(methods.CHUNKS_CREATE)
def create(context: Context, request: CreateChunkRequest) -> Chunk:
    """Create a chunk, named as given or at random."""
    parent = split_document(request.parent, "parent")
    draft = _draft(request.chunk, parent, "chunk")
    require_room_for_chunks(context.engine, parent[0], 1)
    return chunk_resource(context.engine.create_chunks(*parent, [draft])[0])


@handles(methods.CHUNKS_BATCH_CREATE)
def batch_create(context: Context, request: BatchCreateChunksRequest) -> BatchCreateChunksResponse:
    """Create chunks of one document, all or none."""
    parent = split_document(request.parent, "parent")
    check_batch_size(len(request.requests), limits.MAX_BATCH_SIZE)
    drafts = []
    for number, one in enumerate(request.requests):
        where = f"requests[{number}]"
        check_parent(one.parent, request.parent, f"{where}.parent")
        drafts.append(_draft(one.chunk, parent, f"{where}.chunk"))
    refuse_repeated([draft.id for draft in drafts], "chunk.name")
    require_room_for_chunks(context.engine, parent[0], len(drafts))
    created = context.engine.create_chunks(*parent, drafts)
    return BatchCreateChunksResponse(chunks=[chunk_resource(record) for record in created])


@handles(methods.CHUNKS_GET)
def get(context: Context, request: GetChunkRequest) -> Chunk:
    """Return a chunk."""
    return chunk_resource(context.engine.store.get_chunk(*split_chunk(request.name)))


@handles(methods.CHUNKS_PATCH)
def patch(context: Context, request: UpdateChunkRequest) -> Chunk:
    """Change a chunk's data, its metadata, or both."""
    chunk = request.chunk or Chunk()
    *parent, chunk_id = split_chunk(chunk.name, "chunk.name")
    update = _update(chunk, chunk_id, request.update_mask, "")
    return chunk_resource(context.engine.update_chunks(parent[0], parent[1], [update])[0])


@handles(methods.CHUNKS_BATCH_UPDATE)
def batch_update(context: Context, request: BatchUpdateChunksRequest) -> BatchUpdateChunksResponse:
    """Change chunks of one document, all or none; each request has its own mask."""
    parent = split_document(request.parent, "parent")
    check_batch_size(len(request.requests), limits.MAX_BATCH_SIZE)
    updates = []
    for number, one in enumerate(request.requests):
        where = f"requests[{number}]."
        if one.chunk is None:
            raise missing(f"{where}chunk")
        chunk_id = _id_under(parent, one.chunk.name, f"{where}chunk.name")
        updates.append(_update(one.chunk, chunk_id, one.update_mask, where))
    refuse_repeated([update.id for update in updates], "chunk.name")
    updated = context.engine.update_chunks(*parent, updates)
    return BatchUpdateChunksResponse(chunks=[chunk_resource(record) for record in updated])


@handles(methods.CHUNKS_DELETE)
def delete(context: Context, request: DeleteChunkRequest) -> Empty:
    """Delete a chunk."""
    corpus_id, document_id, chunk_id = split_chunk(request.name)
    context.engine.store.delete_chunks(corpus_id, document_id, [chunk_id])
    return Empty()


@handles(methods.CHUNKS_BATCH_DELETE)
def batch_delete(context: Context, request: BatchDeleteChunksRequest) -> Empty:
    """Delete chunks of one document, all or none."""
    parent = split_document(request.parent, "parent")
    check_batch_size(len(request.requests), MAX_BATCH_DELETE)
    ids = [
        _id_under(parent, one.name, f"requests[{number}].name")
        for number, one in enumerate(request.requests)
    ]
    refuse_repeated(ids, "name")
    context.engine.store.delete_chunks(*parent, ids)
    return Empty()


@handles(methods.CHUNKS_LIST)
def list_(context: Context, request: ListChunksRequest) -> ListChunksResponse:
    """Return a page of a document's chunks."""
    parent = split_document(request.parent, "parent")

    def rows(limit: int, after: Position | None) -> Sequence[ChunkRecord]:
        return context.engine.store.list_chunks(*parent, limit, after)

    found, token = page(
        rows,
        request.page_size,
        limits.CHUNKS_PAGE,
        request.page_token,
        methods.CHUNKS_LIST.id,
        request.parent,
    )
    return ListChunksResponse(chunks=[chunk_resource(row) for row in found], next_page_token=token)


def _draft(chunk: Chunk | None, parent: DocumentIds, where: str) -> DraftChunk:
    if chunk is None:
        raise missing(where)
    return DraftChunk(
        id=_id_under(parent, chunk.name, f"{where}.name") if chunk.name else random_id(),
        text=check_chunk_text(chunk.data, f"{where}.data"),
        metadata=to_engine_metadata(chunk.custom_metadata, f"{where}.customMetadata"),
    )


def _update(chunk: Chunk, chunk_id: str, mask: Sequence[str], where: str) -> ChunkUpdate:
    fields = masked_fields(mask, ("data", "custom_metadata"), f"{where}updateMask")
    text = metadata = None
    if "data" in fields:
        text = check_chunk_text(chunk.data, f"{where}chunk.data")
    if "custom_metadata" in fields:
        metadata = to_engine_metadata(chunk.custom_metadata, f"{where}chunk.customMetadata")
    return ChunkUpdate(chunk_id, text=text, metadata=metadata)


def _id_under(parent: DocumentIds, name: str, field: str) -> str:
    """The chunk's id in a full name. Raises InvalidArgument if it is not in the document."""
    corpus_id, document_id, chunk_id = split_chunk(name, field)
    if (corpus_id, document_id) != parent:
        raise InvalidArgument(
            f"{field}: {name!r} is not in the parent corpora/{parent[0]}/documents/{parent[1]}",
            field=field,
        )
    return chunk_id
