"""Documents and chunks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ragkit.api.wire import Method

if TYPE_CHECKING:
    from ragkit.api.chunks import (
        BatchCreateChunksRequest,
        BatchCreateChunksResponse,
        BatchDeleteChunksRequest,
        BatchUpdateChunksRequest,
        BatchUpdateChunksResponse,
        Chunk,
        CreateChunkRequest,
        DeleteChunkRequest,
        GetChunkRequest,
        ListChunksRequest,
        ListChunksResponse,
        UpdateChunkRequest,
    )
    from ragkit.api.common import Empty
    from ragkit.api.documents import (
        CreateDocumentRequest,
        DeleteDocumentRequest,
        Document,
        GetDocumentRequest,
        ListDocumentsRequest,
        ListDocumentsResponse,
        QueryDocumentRequest,
        QueryDocumentResponse,
        UpdateDocumentRequest,
    )

DOCUMENTS_CREATE: Final[Method[CreateDocumentRequest, Document]] = Method(
    "corpora.documents.create",
    "POST",
    "/v1beta/{parent=corpora/*}/documents",
    "documents.CreateDocumentRequest",
    "documents.Document",
    body="document",
    google="closed",
)

DOCUMENTS_GET: Final[Method[GetDocumentRequest, Document]] = Method(
    "corpora.documents.get",
    "GET",
    "/v1beta/{name=corpora/*/documents/*}",
    "documents.GetDocumentRequest",
    "documents.Document",
    google="closed",
    safe=True,
)

DOCUMENTS_PATCH: Final[Method[UpdateDocumentRequest, Document]] = Method(
    "corpora.documents.patch",
    "PATCH",
    "/v1beta/{document.name=corpora/*/documents/*}",
    "documents.UpdateDocumentRequest",
    "documents.Document",
    body="document",
    google="closed",
    safe=True,
)

DOCUMENTS_DELETE: Final[Method[DeleteDocumentRequest, Empty]] = Method(
    "corpora.documents.delete",
    "DELETE",
    "/v1beta/{name=corpora/*/documents/*}",
    "documents.DeleteDocumentRequest",
    "common.Empty",
    google="closed",
)

DOCUMENTS_LIST: Final[Method[ListDocumentsRequest, ListDocumentsResponse]] = Method(
    "corpora.documents.list",
    "GET",
    "/v1beta/{parent=corpora/*}/documents",
    "documents.ListDocumentsRequest",
    "documents.ListDocumentsResponse",
    google="closed",
    safe=True,
)

DOCUMENTS_QUERY: Final[Method[QueryDocumentRequest, QueryDocumentResponse]] = Method(
    "corpora.documents.query",
    "POST",
    "/v1beta/{name=corpora/*/documents/*}:query",
    "documents.QueryDocumentRequest",
    "documents.QueryDocumentResponse",
    body="*",
    google="closed",
    safe=True,
)

CHUNKS_CREATE: Final[Method[CreateChunkRequest, Chunk]] = Method(
    "corpora.documents.chunks.create",
    "POST",
    "/v1beta/{parent=corpora/*/documents/*}/chunks",
    "chunks.CreateChunkRequest",
    "chunks.Chunk",
    body="chunk",
    google="closed",
)

CHUNKS_GET: Final[Method[GetChunkRequest, Chunk]] = Method(
    "corpora.documents.chunks.get",
    "GET",
    "/v1beta/{name=corpora/*/documents/*/chunks/*}",
    "chunks.GetChunkRequest",
    "chunks.Chunk",
    google="closed",
    safe=True,
)

CHUNKS_PATCH: Final[Method[UpdateChunkRequest, Chunk]] = Method(
    "corpora.documents.chunks.patch",
    "PATCH",
    "/v1beta/{chunk.name=corpora/*/documents/*/chunks/*}",
    "chunks.UpdateChunkRequest",
    "chunks.Chunk",
    body="chunk",
    google="closed",
    safe=True,
)

CHUNKS_DELETE: Final[Method[DeleteChunkRequest, Empty]] = Method(
    "corpora.documents.chunks.delete",
    "DELETE",
    "/v1beta/{name=corpora/*/documents/*/chunks/*}",
    "chunks.DeleteChunkRequest",
    "common.Empty",
    google="closed",
)

CHUNKS_LIST: Final[Method[ListChunksRequest, ListChunksResponse]] = Method(
    "corpora.documents.chunks.list",
    "GET",
    "/v1beta/{parent=corpora/*/documents/*}/chunks",
    "chunks.ListChunksRequest",
    "chunks.ListChunksResponse",
    google="closed",
    safe=True,
)

CHUNKS_BATCH_CREATE: Final[Method[BatchCreateChunksRequest, BatchCreateChunksResponse]] = Method(
    "corpora.documents.chunks.batchCreate",
    "POST",
    "/v1beta/{parent=corpora/*/documents/*}/chunks:batchCreate",
    "chunks.BatchCreateChunksRequest",
    "chunks.BatchCreateChunksResponse",
    body="*",
    google="closed",
)

CHUNKS_BATCH_UPDATE: Final[Method[BatchUpdateChunksRequest, BatchUpdateChunksResponse]] = Method(
    "corpora.documents.chunks.batchUpdate",
    "POST",
    "/v1beta/{parent=corpora/*/documents/*}/chunks:batchUpdate",
    "chunks.BatchUpdateChunksRequest",
    "chunks.BatchUpdateChunksResponse",
    body="*",
    google="closed",
    safe=True,
)

CHUNKS_BATCH_DELETE: Final[Method[BatchDeleteChunksRequest, Empty]] = Method(
    "corpora.documents.chunks.batchDelete",
    "POST",
    "/v1beta/{parent=corpora/*/documents/*}/chunks:batchDelete",
    "chunks.BatchDeleteChunksRequest",
    "common.Empty",
    body="*",
    google="closed",
)
