"""corpora.documents.create, get, patch, delete and list."""

from __future__ import annotations

from collections.abc import Sequence

from ragkit.api import limits, methods
from ragkit.api.chunks import Empty
from ragkit.api.documents import (
    CreateDocumentRequest,
    DeleteDocumentRequest,
    Document,
    GetDocumentRequest,
    ListDocumentsRequest,
    ListDocumentsResponse,
    UpdateDocumentRequest,
)
from ragkit.api.errors import InvalidArgument
from ragkit.api.names import split_corpus, split_document
from ragkit.engine.records import DocumentRecord
from ragkit.service.masks import masked_fields
from ragkit.service.metadata import to_engine_metadata
from ragkit.service.naming import id_for
from ragkit.service.paging import Position, page
from ragkit.service.quotas import require_room_for_document
from ragkit.service.registry import Context, handles
from ragkit.service.resources import document_resource
from ragkit.service.values import check_display_name


@handles(methods.DOCUMENTS_CREATE)
def create(context: Context, request: CreateDocumentRequest) -> Document:
    """Create an empty document, named as given or after its display name."""
    corpus_id = split_corpus(request.parent, "parent")
    document = request.document or Document()
    display_name = check_display_name(document.display_name, "document.displayName")
    metadata = to_engine_metadata(document.custom_metadata, "document.customMetadata")
    document_id = _given_id(document.name, corpus_id) or id_for(display_name)
    require_room_for_document(context.engine, corpus_id)
    return document_resource(
        context.engine.store.create_document(corpus_id, document_id, display_name, metadata)
    )


@handles(methods.DOCUMENTS_GET)
def get(context: Context, request: GetDocumentRequest) -> Document:
    """Return a document."""
    corpus_id, document_id = split_document(request.name)
    return document_resource(context.engine.store.get_document(corpus_id, document_id))


@handles(methods.DOCUMENTS_PATCH)
def patch(context: Context, request: UpdateDocumentRequest) -> Document:
    """Change a document's display name, its metadata, or both."""
    document = request.document or Document()
    corpus_id, document_id = split_document(document.name, "document.name")
    fields = masked_fields(request.update_mask, ("display_name", "custom_metadata"))
    display_name = metadata = None
    if "display_name" in fields:
        display_name = check_display_name(document.display_name, "document.displayName")
    if "custom_metadata" in fields:
        metadata = to_engine_metadata(document.custom_metadata, "document.customMetadata")
    return document_resource(
        context.engine.store.update_document(
            corpus_id, document_id, display_name=display_name, metadata=metadata
        )
    )


@handles(methods.DOCUMENTS_DELETE)
def delete(context: Context, request: DeleteDocumentRequest) -> Empty:
    """Delete a document; with `force`, its chunks too."""
    corpus_id, document_id = split_document(request.name)
    context.engine.store.delete_document(corpus_id, document_id, request.force)
    return Empty()


@handles(methods.DOCUMENTS_LIST)
def list_(context: Context, request: ListDocumentsRequest) -> ListDocumentsResponse:
    """Return a page of a corpus' documents."""
    corpus_id = split_corpus(request.parent, "parent")

    def rows(limit: int, after: Position | None) -> Sequence[DocumentRecord]:
        return context.engine.store.list_documents(corpus_id, limit, after)

    found, token = page(
        rows,
        request.page_size,
        limits.DOCUMENTS_PAGE,
        request.page_token,
        methods.DOCUMENTS_LIST.id,
        request.parent,
    )
    return ListDocumentsResponse(
        documents=[document_resource(row) for row in found], next_page_token=token
    )


def _given_id(name: str, corpus_id: str) -> str:
    if not name:
        return ""
    given_corpus, document_id = split_document(name, "document.name")
    if given_corpus != corpus_id:
        raise InvalidArgument(
            f"document.name: {name!r} is not in the parent corpora/{corpus_id}",
            field="document.name",
        )
    return document_id
