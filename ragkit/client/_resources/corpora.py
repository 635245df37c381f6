"""Corpora, documents and chunks: the Semantic Retriever."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ragkit.api import methods
from ragkit.api.base import ProtoModel, parse_field_mask
from ragkit.api.chunks import (
    BatchCreateChunksResponse,
    BatchUpdateChunksResponse,
    Chunk,
    CreateChunkRequest,
    DeleteChunkRequest,
    Empty,
    UpdateChunkRequest,
)
from ragkit.api.corpora import Corpus, QueryCorpusResponse
from ragkit.api.documents import Document, QueryDocumentResponse
from ragkit.api.metadata import FilterInput, MetadataInput, wrap_filters, wrap_metadata
from ragkit.api.names import chunk_name, corpus_name, document_name
from ragkit.client._calls import Call, ClientT, PagedCall, Resource, call, message, method

_UPDATABLE = ("display_name", "data", "custom_metadata")


def _mask(changed: ProtoModel, mask: Sequence[str] | None) -> tuple[str, ...]:
    """The mask given, or the updatable fields that are set."""
    if mask is not None:
        return tuple(parse_field_mask(mask))
    return tuple(name for name in _UPDATABLE if name in changed.model_fields_set)


def _document(
    name: str | None, display_name: str | None, metadata: MetadataInput | None
) -> Document:
    wrapped = None if metadata is None else wrap_metadata(metadata)
    return message(Document, name=name, display_name=display_name, custom_metadata=wrapped)


class Corpora(Resource[ClientT]):
    """Methods on corpora: collections of documents."""

    @method
    def create(self, name: str | None = None, *, display_name: str | None = None) -> Call[Corpus]:
        """Create a corpus (corpora.create).

        Args:
            name: its id or name; left out, the service derives one from `display_name`.
            display_name: at most 512 characters.

        Raises:
            AlreadyExists: the name is taken.
        """
        full_name = None if name is None else corpus_name(name)
        corpus = message(Corpus, name=full_name, display_name=display_name)
        return call(methods.CORPORA_CREATE, corpus=corpus)

    @method
    def get(self, name: str) -> Call[Corpus]:
        """Get a corpus (corpora.get)."""
        return call(methods.CORPORA_GET, name=corpus_name(name))

    @method
    def update(self, name: str, *, display_name: str) -> Call[Corpus]:
        """Change a corpus' display name, the only field that can change (corpora.patch)."""
        corpus = message(Corpus, name=corpus_name(name), display_name=display_name)
        return call(methods.CORPORA_PATCH, corpus=corpus, update_mask="display_name")

    @method
    def delete(self, name: str, *, force: bool = False) -> Call[Empty]:
        """Delete a corpus (corpora.delete).

        Args:
            name: its id or name.
            force: delete its documents and chunks as well.

        Raises:
            FailedPrecondition: it holds documents and `force` is not set.
        """
        return call(methods.CORPORA_DELETE, name=corpus_name(name), force=force)

    @method
    def list(self, *, page_size: int | None = None) -> PagedCall[Corpus]:
        """List corpora, oldest first (corpora.list); `page_size` is at most 20."""
        return PagedCall(call(methods.CORPORA_LIST, page_size=page_size), "corpora")

    @method
    def query(
        self, name: str, query: str, *, where: FilterInput = (), results_count: int | None = None
    ) -> Call[QueryCorpusResponse]:
        """Find a corpus' chunks that are relevant to a query (corpora.query).

        Args:
            name: the corpus' id or name.
            query: what to look for, in natural language.
            where: conditions on chunk and document metadata such as `meta("year") >= 2020` (see
                `ragkit.meta`), or several, ANDed; the API's `metadataFilters`.
            results_count: the most chunks to return: 1 to 100, by default 10.

        Returns:
            `relevant_chunks`, most relevant first, each with a `chunk_relevance_score` in [0, 1].
        """
        filters = wrap_filters(where)
        fields = {"query": query, "metadata_filters": filters, "results_count": results_count}
        return call(methods.CORPORA_QUERY, name=corpus_name(name), **fields)


class Documents(Resource[ClientT]):
    """Methods on documents: collections of chunks within a corpus.

    A document is named by its full name or by "CORPUS/DOCUMENT". `metadata` is up to 20 keys with
    strings, numbers or lists of strings.
    """

    @method
    def create(
        self,
        corpus: str,
        name: str | None = None,
        *,
        display_name: str | None = None,
        metadata: MetadataInput | None = None,
    ) -> Call[Document]:
        """Create a document (corpora.documents.create).

        Args:
            corpus: the id or name of the corpus to hold it.
            name: its id or name; left out, the service derives one from `display_name`.
            display_name: at most 512 characters.
            metadata: what filters can look at.

        Raises:
            AlreadyExists: the name is taken.
        """
        full_name = None if name is None else document_name(name, corpus)
        document = _document(full_name, display_name, metadata)
        return call(methods.DOCUMENTS_CREATE, parent=corpus_name(corpus), document=document)

    @method
    def get(self, name: str) -> Call[Document]:
        """Get a document (corpora.documents.get)."""
        return call(methods.DOCUMENTS_GET, name=document_name(name))

    @method
    def update(
        self,
        name: str,
        *,
        display_name: str | None = None,
        metadata: MetadataInput | None = None,
        update_mask: Sequence[str] | None = None,
    ) -> Call[Document]:
        """Change a document (corpora.documents.patch).

        Args:
            name: its name.
            display_name: the new display name.
            metadata: the new metadata, replacing all that was there.
            update_mask: the fields to change; by default those given. A field in the mask that
                is not given is cleared.
        """
        document = _document(document_name(name), display_name, metadata)
        mask = _mask(document, update_mask)
        return call(methods.DOCUMENTS_PATCH, document=document, update_mask=mask)

    @method
    def delete(self, name: str, *, force: bool = False) -> Call[Empty]:
        """Delete a document (corpora.documents.delete).

        Args:
            name: its name.
            force: delete its chunks as well.

        Raises:
            FailedPrecondition: it holds chunks and `force` is not set.
        """
        return call(methods.DOCUMENTS_DELETE, name=document_name(name), force=force)

    @method
    def list(self, corpus: str, *, page_size: int | None = None) -> PagedCall[Document]:
        """List a corpus' documents, oldest first (corpora.documents.list)."""
        described = call(methods.DOCUMENTS_LIST, parent=corpus_name(corpus), page_size=page_size)
        return PagedCall(described, "documents")

    @method
    def query(
        self, name: str, query: str, *, where: FilterInput = (), results_count: int | None = None
    ) -> Call[QueryDocumentResponse]:
        """Find a document's chunks that are relevant to a query (corpora.documents.query).

        The arguments are those of `Corpora.query`; the filters may look at chunk metadata only.
        """
        filters = wrap_filters(where)
        fields = {"query": query, "metadata_filters": filters, "results_count": results_count}
        return call(methods.DOCUMENTS_QUERY, name=document_name(name), **fields)


class Chunks(Resource[ClientT]):
    """Methods on chunks: the passages of a document.

    A chunk is named by its full name or by "CORPUS/DOCUMENT/CHUNK". `metadata` is up to 20 keys
    with strings, numbers or lists of strings.
    """

    @method
    def create(
        self,
        document: str,
        text: str,
        *,
        name: str | None = None,
        metadata: MetadataInput | None = None,
    ) -> Call[Chunk]:
        """Create a chunk (corpora.documents.chunks.create).

        Args:
            document: the document's name.
            text: at most 2,043 tokens.
            name: its id or name; left out, the service chooses a random id.
            metadata: what filters can look at.

        Raises:
            AlreadyExists: the name is taken.
        """
        parent = document_name(document)
        chunk = Chunk.of(text, metadata, "" if name is None else chunk_name(name, parent))
        return call(methods.CHUNKS_CREATE, parent=parent, chunk=chunk)

    @method
    def batch_create(
        self, document: str, chunks: Iterable[Chunk | str]
    ) -> Call[BatchCreateChunksResponse]:
        """Create up to 100 chunks at once (corpora.documents.chunks.batchCreate).

        Args:
            document: the document's name.
            chunks: the chunks, or their texts. All are created, or none.

        Returns:
            `chunks`, in the order given.
        """
        parent = document_name(document)
        requests = [CreateChunkRequest(parent=parent, chunk=Chunk.of(one)) for one in chunks]
        return call(methods.CHUNKS_BATCH_CREATE, parent=parent, requests=requests)

    @method
    def get(self, name: str) -> Call[Chunk]:
        """Get a chunk (corpora.documents.chunks.get)."""
        return call(methods.CHUNKS_GET, name=chunk_name(name))

    @method
    def update(
        self,
        name: str,
        *,
        text: str | None = None,
        metadata: MetadataInput | None = None,
        update_mask: Sequence[str] | None = None,
    ) -> Call[Chunk]:
        """Change a chunk (corpora.documents.chunks.patch).

        Args:
            name: its name.
            text: the new content.
            metadata: the new metadata, replacing all that was there.
            update_mask: the fields to change (`data`, `custom_metadata`); by default those given.
        """
        chunk = Chunk.of(text, metadata, chunk_name(name))
        return call(methods.CHUNKS_PATCH, chunk=chunk, update_mask=_mask(chunk, update_mask))

    @method
    def batch_update(
        self, document: str, chunks: Iterable[Chunk], *, update_mask: Sequence[str] | None = None
    ) -> Call[BatchUpdateChunksResponse]:
        """Change up to 100 chunks at once (corpora.documents.chunks.batchUpdate).

        Args:
            document: the document's name.
            chunks: the chunks with their names and new values. All are changed, or none.
            update_mask: the fields to change in each; by default those that are set in it.
        """
        requests = [
            UpdateChunkRequest(chunk=chunk, update_mask=_mask(chunk, update_mask))
            for chunk in chunks
        ]
        return call(methods.CHUNKS_BATCH_UPDATE, parent=document_name(document), requests=requests)

    @method
    def delete(self, name: str) -> Call[Empty]:
        """Delete a chunk (corpora.documents.chunks.delete)."""
        return call(methods.CHUNKS_DELETE, name=chunk_name(name))

    @method
    def batch_delete(self, document: str, names: Iterable[str]) -> Call[Empty]:
        """Delete several chunks of a document (corpora.documents.chunks.batchDelete).

        Args:
            document: the document's name.
            names: ids or names of the chunks. All are deleted, or none.
        """
        parent = document_name(document)
        requests = [DeleteChunkRequest(name=chunk_name(name, parent)) for name in names]
        return call(methods.CHUNKS_BATCH_DELETE, parent=parent, requests=requests)

    @method
    def list(self, document: str, *, page_size: int | None = None) -> PagedCall[Chunk]:
        """List a document's chunks, oldest first (corpora.documents.chunks.list)."""
        described = call(methods.CHUNKS_LIST, parent=document_name(document), page_size=page_size)
        return PagedCall(described, "chunks")
