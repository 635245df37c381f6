"""Corpora, documents and chunks: the Semantic Retriever."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ragkit.api import methods
from ragkit.api.base import ProtoModel, parse_field_mask
from ragkit.api.chunks import (
    BatchCreateChunksResponse,
    BatchUpdateChunksResponse,
    Chunk,
    ChunkData,
    CreateChunkRequest,
    DeleteChunkRequest,
    Empty,
    UpdateChunkRequest,
)
from ragkit.api.corpora import Corpus, QueryCorpusResponse
from ragkit.api.documents import Document, QueryDocumentResponse
from ragkit.api.errors import InvalidArgument
from ragkit.api.metadata import MetadataFilter, MetadataInput, wrap_metadata
from ragkit.api.names import chunk_name, corpus_name, document_name
from ragkit.client._calls import Call, ClientT, PagedCall, Resource, call, message, method, paged


def _metadata(metadata: MetadataInput | None) -> list[object] | None:
    if metadata is None:
        return None
    try:
        return list(wrap_metadata(metadata))
    except (TypeError, OverflowError) as error:
        raise InvalidArgument(str(error), field="customMetadata") from None


def _mask(message: ProtoModel, mask: Sequence[str] | None, updatable: Sequence[str]) -> list[str]:
    """The mask given, or the updatable fields that were set."""
    if mask is not None:
        return list(parse_field_mask(mask))
    return [name for name in updatable if name in message.model_fields_set]


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

    @paged
    def list(self, *, page_size: int | None = None) -> PagedCall[Corpus]:
        """List corpora, oldest first (corpora.list); `page_size` is at most 20."""
        return PagedCall(call(methods.CORPORA_LIST, page_size=page_size), "corpora")

    @method
    def query(
        self,
        name: str,
        query: str,
        *,
        metadata_filters: Iterable[MetadataFilter] = (),
        results_count: int | None = None,
    ) -> Call[QueryCorpusResponse]:
        """Find a corpus' chunks that are relevant to a query (corpora.query).

        Args:
            name: the corpus' id or name.
            query: what to look for, in natural language.
            metadata_filters: conditions on chunk and document metadata, ANDed; see `ragkit.meta`.
            results_count: the most chunks to return: 1 to 100, by default 10.

        Returns:
            `relevant_chunks`, most relevant first, each with a `chunk_relevance_score` in [0, 1].
        """
        return call(
            methods.CORPORA_QUERY,
            name=corpus_name(name),
            query=query,
            metadata_filters=list(metadata_filters),
            results_count=results_count,
        )


class Documents(Resource[ClientT]):
    """Methods on documents: collections of chunks within a corpus."""

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
            metadata: up to 20 keys with strings, numbers or lists of strings.

        Raises:
            AlreadyExists: the name is taken.
        """
        document = message(
            Document,
            name=None if name is None else document_name(name, corpus),
            display_name=display_name,
            custom_metadata=_metadata(metadata),
        )
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
            name: its name, or "CORPUS/DOCUMENT".
            display_name: the new display name.
            metadata: the new metadata, replacing all that was there.
            update_mask: the fields to change; by default those given. A field in the mask that
                is not given is cleared.
        """
        document = message(
            Document,
            name=document_name(name),
            display_name=display_name,
            custom_metadata=_metadata(metadata),
        )
        mask = _mask(document, update_mask, ("display_name", "custom_metadata"))
        return call(methods.DOCUMENTS_PATCH, document=document, update_mask=mask)

    @method
    def delete(self, name: str, *, force: bool = False) -> Call[Empty]:
        """Delete a document (corpora.documents.delete).

        Args:
            name: its name, or "CORPUS/DOCUMENT".
            force: delete its chunks as well.

        Raises:
            FailedPrecondition: it holds chunks and `force` is not set.
        """
        return call(methods.DOCUMENTS_DELETE, name=document_name(name), force=force)

    @paged
    def list(self, corpus: str, *, page_size: int | None = None) -> PagedCall[Document]:
        """List a corpus' documents, oldest first (corpora.documents.list)."""
        described = call(methods.DOCUMENTS_LIST, parent=corpus_name(corpus), page_size=page_size)
        return PagedCall(described, "documents")

    @method
    def query(
        self,
        name: str,
        query: str,
        *,
        metadata_filters: Iterable[MetadataFilter] = (),
        results_count: int | None = None,
    ) -> Call[QueryDocumentResponse]:
        """Find a document's chunks that are relevant to a query (corpora.documents.query).

        The arguments are those of `Corpora.query`; the filters may look at chunk metadata only.
        """
        return call(
            methods.DOCUMENTS_QUERY,
            name=document_name(name),
            query=query,
            metadata_filters=list(metadata_filters),
            results_count=results_count,
        )


class Chunks(Resource[ClientT]):
    """Methods on chunks: the passages of a document."""

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
            document: the document's name, or "CORPUS/DOCUMENT".
            text: at most 2,043 tokens.
            name: its id or name; left out, the service chooses a random id.
            metadata: up to 20 keys with strings, numbers or lists of strings.

        Raises:
            AlreadyExists: the name is taken.
        """
        parent = document_name(document)
        chunk = message(
            Chunk,
            name=None if name is None else chunk_name(name, parent),
            data=ChunkData(string_value=text),
            custom_metadata=_metadata(metadata),
        )
        return call(methods.CHUNKS_CREATE, parent=parent, chunk=chunk)

    @method
    def batch_create(
        self, document: str, chunks: Iterable[Chunk | str]
    ) -> Call[BatchCreateChunksResponse]:
        """Create up to 100 chunks at once (corpora.documents.chunks.batchCreate).

        Args:
            document: the document's name, or "CORPUS/DOCUMENT".
            chunks: the chunks, or their texts. All are created, or none.

        Returns:
            `chunks`, in the order given.
        """
        parent = document_name(document)
        requests = [
            CreateChunkRequest(
                parent=parent,
                chunk=Chunk(data=ChunkData(string_value=chunk))
                if isinstance(chunk, str)
                else chunk,
            )
            for chunk in chunks
        ]
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
            name: its name, or "CORPUS/DOCUMENT/CHUNK".
            text: the new content.
            metadata: the new metadata, replacing all that was there.
            update_mask: the fields to change (`data`, `custom_metadata`); by default those given.
        """
        chunk = message(
            Chunk,
            name=chunk_name(name),
            data=None if text is None else ChunkData(string_value=text),
            custom_metadata=_metadata(metadata),
        )
        mask = _mask(chunk, update_mask, ("data", "custom_metadata"))
        return call(methods.CHUNKS_PATCH, chunk=chunk, update_mask=mask)

    @method
    def batch_update(
        self, document: str, chunks: Iterable[Chunk], *, update_mask: Sequence[str] | None = None
    ) -> Call[BatchUpdateChunksResponse]:
        """Change up to 100 chunks at once (corpora.documents.chunks.batchUpdate).

        Args:
            document: the document's name, or "CORPUS/DOCUMENT".
            chunks: the chunks with their names and new values. All are changed, or none.
            update_mask: the fields to change in each; by default those that are set in it.
        """
        requests = [
            UpdateChunkRequest(
                chunk=chunk,
                update_mask=tuple(_mask(chunk, update_mask, ("data", "custom_metadata"))),
            )
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
            document: the document's name, or "CORPUS/DOCUMENT".
            names: ids or names of the chunks. All are deleted, or none.
        """
        parent = document_name(document)
        requests = [DeleteChunkRequest(name=chunk_name(name, parent)) for name in names]
        return call(methods.CHUNKS_BATCH_DELETE, parent=parent, requests=requests)

    @paged
    def list(self, document: str, *, page_size: int | None = None) -> PagedCall[Chunk]:
        """List a document's chunks, oldest first (corpora.documents.chunks.list)."""
        described = call(methods.CHUNKS_LIST, parent=document_name(document), page_size=page_size)
        return PagedCall(described, "chunks")
