"""Every method of the API, declared once.

The client's functions, the service's handlers and routes, the in-process transport and the method
table in the documentation all derive from these declarations. Source: Google's v1beta protos
(`google.api.http` annotations) as published in the PyPI package google-ai-generativelanguage; a
conformance test compares the two.
"""

from __future__ import annotations

from typing import Any, Final

from ragkit.api.answers import GenerateAnswerRequest, GenerateAnswerResponse
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
from ragkit.api.corpora import (
    Corpus,
    CreateCorpusRequest,
    DeleteCorpusRequest,
    GetCorpusRequest,
    ListCorporaRequest,
    ListCorporaResponse,
    QueryCorpusRequest,
    QueryCorpusResponse,
    UpdateCorpusRequest,
)
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
from ragkit.api.models import (
    BatchEmbedContentsRequest,
    BatchEmbedContentsResponse,
    CountTokensRequest,
    CountTokensResponse,
    EmbedContentRequest,
    EmbedContentResponse,
    GetModelRequest,
    ListModelsRequest,
    ListModelsResponse,
    Model,
)
from ragkit.api.wire import Method

_CORPUS = "corpora/*"
_DOCUMENT = "corpora/*/documents/*"
_CHUNK = "corpora/*/documents/*/chunks/*"

CORPORA_CREATE: Final = Method(
    "corpora.create",
    "POST",
    "/v1beta/corpora",
    CreateCorpusRequest,
    Corpus,
    body="corpus",
    google="deprecated",
)
CORPORA_GET: Final = Method(
    "corpora.get",
    "GET",
    f"/v1beta/{{name={_CORPUS}}}",
    GetCorpusRequest,
    Corpus,
    google="deprecated",
    safe=True,
)
CORPORA_PATCH: Final = Method(
    "corpora.patch",
    "PATCH",
    f"/v1beta/{{corpus.name={_CORPUS}}}",
    UpdateCorpusRequest,
    Corpus,
    body="corpus",
    google="closed",
    safe=True,
)
CORPORA_DELETE: Final = Method(
    "corpora.delete",
    "DELETE",
    f"/v1beta/{{name={_CORPUS}}}",
    DeleteCorpusRequest,
    Empty,
    google="deprecated",
)
CORPORA_LIST: Final = Method(
    "corpora.list",
    "GET",
    "/v1beta/corpora",
    ListCorporaRequest,
    ListCorporaResponse,
    google="deprecated",
    safe=True,
)
CORPORA_QUERY: Final = Method(
    "corpora.query",
    "POST",
    f"/v1beta/{{name={_CORPUS}}}:query",
    QueryCorpusRequest,
    QueryCorpusResponse,
    body="*",
    google="closed",
    safe=True,
)

DOCUMENTS_CREATE: Final = Method(
    "corpora.documents.create",
    "POST",
    f"/v1beta/{{parent={_CORPUS}}}/documents",
    CreateDocumentRequest,
    Document,
    body="document",
    google="closed",
)
DOCUMENTS_GET: Final = Method(
    "corpora.documents.get",
    "GET",
    f"/v1beta/{{name={_DOCUMENT}}}",
    GetDocumentRequest,
    Document,
    google="closed",
    safe=True,
)
DOCUMENTS_PATCH: Final = Method(
    "corpora.documents.patch",
    "PATCH",
    f"/v1beta/{{document.name={_DOCUMENT}}}",
    UpdateDocumentRequest,
    Document,
    body="document",
    google="closed",
    safe=True,
)
DOCUMENTS_DELETE: Final = Method(
    "corpora.documents.delete",
    "DELETE",
    f"/v1beta/{{name={_DOCUMENT}}}",
    DeleteDocumentRequest,
    Empty,
    google="closed",
)
DOCUMENTS_LIST: Final = Method(
    "corpora.documents.list",
    "GET",
    f"/v1beta/{{parent={_CORPUS}}}/documents",
    ListDocumentsRequest,
    ListDocumentsResponse,
    google="closed",
    safe=True,
)
DOCUMENTS_QUERY: Final = Method(
    "corpora.documents.query",
    "POST",
    f"/v1beta/{{name={_DOCUMENT}}}:query",
    QueryDocumentRequest,
    QueryDocumentResponse,
    body="*",
    google="closed",
    safe=True,
)

CHUNKS_CREATE: Final = Method(
    "corpora.documents.chunks.create",
    "POST",
    f"/v1beta/{{parent={_DOCUMENT}}}/chunks",
    CreateChunkRequest,
    Chunk,
    body="chunk",
    google="closed",
)
CHUNKS_BATCH_CREATE: Final = Method(
    "corpora.documents.chunks.batchCreate",
    "POST",
    f"/v1beta/{{parent={_DOCUMENT}}}/chunks:batchCreate",
    BatchCreateChunksRequest,
    BatchCreateChunksResponse,
    body="*",
    google="closed",
)
CHUNKS_GET: Final = Method(
    "corpora.documents.chunks.get",
    "GET",
    f"/v1beta/{{name={_CHUNK}}}",
    GetChunkRequest,
    Chunk,
    google="closed",
    safe=True,
)
CHUNKS_PATCH: Final = Method(
    "corpora.documents.chunks.patch",
    "PATCH",
    f"/v1beta/{{chunk.name={_CHUNK}}}",
    UpdateChunkRequest,
    Chunk,
    body="chunk",
    google="closed",
    safe=True,
)
CHUNKS_BATCH_UPDATE: Final = Method(
    "corpora.documents.chunks.batchUpdate",
    "POST",
    f"/v1beta/{{parent={_DOCUMENT}}}/chunks:batchUpdate",
    BatchUpdateChunksRequest,
    BatchUpdateChunksResponse,
    body="*",
    google="closed",
    safe=True,
)
CHUNKS_DELETE: Final = Method(
    "corpora.documents.chunks.delete",
    "DELETE",
    f"/v1beta/{{name={_CHUNK}}}",
    DeleteChunkRequest,
    Empty,
    google="closed",
)
CHUNKS_BATCH_DELETE: Final = Method(
    "corpora.documents.chunks.batchDelete",
    "POST",
    f"/v1beta/{{parent={_DOCUMENT}}}/chunks:batchDelete",
    BatchDeleteChunksRequest,
    Empty,
    body="*",
    google="closed",
)
CHUNKS_LIST: Final = Method(
    "corpora.documents.chunks.list",
    "GET",
    f"/v1beta/{{parent={_DOCUMENT}}}/chunks",
    ListChunksRequest,
    ListChunksResponse,
    google="closed",
    safe=True,
)

MODELS_GET: Final = Method(
    "models.get", "GET", "/v1beta/{name=models/*}", GetModelRequest, Model, safe=True
)
MODELS_LIST: Final = Method(
    "models.list", "GET", "/v1beta/models", ListModelsRequest, ListModelsResponse, safe=True
)
MODELS_GENERATE_ANSWER: Final = Method(
    "models.generateAnswer",
    "POST",
    "/v1beta/{model=models/*}:generateAnswer",
    GenerateAnswerRequest,
    GenerateAnswerResponse,
    body="*",
    google="deprecated",
    safe=True,
)
MODELS_EMBED_CONTENT: Final = Method(
    "models.embedContent",
    "POST",
    "/v1beta/{model=models/*}:embedContent",
    EmbedContentRequest,
    EmbedContentResponse,
    body="*",
    safe=True,
)
MODELS_BATCH_EMBED_CONTENTS: Final = Method(
    "models.batchEmbedContents",
    "POST",
    "/v1beta/{model=models/*}:batchEmbedContents",
    BatchEmbedContentsRequest,
    BatchEmbedContentsResponse,
    body="*",
    safe=True,
)
MODELS_COUNT_TOKENS: Final = Method(
    "models.countTokens",
    "POST",
    "/v1beta/{model=models/*}:countTokens",
    CountTokensRequest,
    CountTokensResponse,
    body="*",
    safe=True,
)

METHODS: Final[dict[str, Method[Any, Any]]] = {
    declared.id: declared for declared in list(globals().values()) if isinstance(declared, Method)
}
"""All methods by id, in the order of their declaration."""
