"""The methods as people call them, one class per resource family.

Each function describes one call and does no I/O (see `_calls`); on `Client` it returns the
response, on `AsyncClient` an awaitable of it. Names may be ids or full resource names. Errors
common to all: `InvalidArgument` for a malformed request, `NotFound` for a resource that is not
there, `TransportError` when no reply arrives.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeVar

from pydantic import ValidationError

from ragkit.api import methods
from ragkit.api.answers import (
    AnswerStyle,
    GenerateAnswerRequest,
    GenerateAnswerResponse,
    GroundingPassage,
    GroundingPassages,
    SemanticRetrieverConfig,
)
from ragkit.api.base import ProtoModel
from ragkit.api.chunks import (
    BatchCreateChunksRequest,
    BatchCreateChunksResponse,
    BatchDeleteChunksRequest,
    BatchUpdateChunksRequest,
    BatchUpdateChunksResponse,
    Chunk,
    ChunkData,
    CreateChunkRequest,
    DeleteChunkRequest,
    Empty,
    GetChunkRequest,
    ListChunksRequest,
    UpdateChunkRequest,
)
from ragkit.api.content import (
    Content,
    ContentInput,
    SafetySetting,
    wrap_content,
    wrap_contents,
)
from ragkit.api.corpora import (
    Corpus,
    CreateCorpusRequest,
    DeleteCorpusRequest,
    GetCorpusRequest,
    ListCorporaRequest,
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
    QueryDocumentRequest,
    QueryDocumentResponse,
    UpdateDocumentRequest,
)
from ragkit.api.errors import InvalidArgument
from ragkit.api.metadata import MetadataFilter, MetadataInput, wrap_metadata
from ragkit.api.models import (
    BatchEmbedContentsRequest,
    BatchEmbedContentsResponse,
    CountTokensRequest,
    CountTokensResponse,
    EmbedContentRequest,
    EmbedContentResponse,
    GenerateContentRequest,
    GetModelRequest,
    ListModelsRequest,
    Model,
    TaskType,
)
from ragkit.api.names import chunk_name, corpus_name, document_name, model_name
from ragkit.api.wire import invalid_argument
from ragkit.client._calls import Call, ClientT, PagedCall, Resource, method, paged

MessageT = TypeVar("MessageT", bound=ProtoModel)


def _message(kind: type[MessageT], /, **fields: object) -> MessageT:
    """A message of the fields that are not None; what does not validate is an InvalidArgument."""
    given = {name: value for name, value in fields.items() if value is not None}
    try:
        return kind.model_validate(given)
    except ValidationError as error:
        raise invalid_argument(error) from None


def _metadata(metadata: MetadataInput | None) -> list[object] | None:
    if metadata is None:
        return None
    try:
        return list(wrap_metadata(metadata))
    except TypeError as error:
        raise InvalidArgument(str(error), field="customMetadata") from None


def _mask(message: ProtoModel, mask: Sequence[str] | None, updatable: Sequence[str]) -> list[str]:
    """The mask given, or the updatable fields that were set."""
    if mask is not None:
        return list(mask)
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
        corpus = _message(Corpus, name=full_name, display_name=display_name)
        return Call(methods.CORPORA_CREATE, CreateCorpusRequest(corpus=corpus))

    @method
    def get(self, name: str) -> Call[Corpus]:
        """Get a corpus (corpora.get)."""
        return Call(methods.CORPORA_GET, GetCorpusRequest(name=corpus_name(name)))

    @method
    def update(self, name: str, *, display_name: str) -> Call[Corpus]:
        """Change a corpus' display name, the only field that can change (corpora.patch)."""
        corpus = _message(Corpus, name=corpus_name(name), display_name=display_name)
        request = UpdateCorpusRequest(corpus=corpus, update_mask=("display_name",))
        return Call(methods.CORPORA_PATCH, request)

    @method
    def delete(self, name: str, *, force: bool = False) -> Call[Empty]:
        """Delete a corpus (corpora.delete).

        Args:
            name: its id or name.
            force: delete its documents and chunks as well.

        Raises:
            FailedPrecondition: it holds documents and `force` is not set.
        """
        request = DeleteCorpusRequest(name=corpus_name(name), force=force)
        return Call(methods.CORPORA_DELETE, request)

    @paged
    def list(self, *, page_size: int | None = None) -> PagedCall[Corpus]:
        """List corpora, oldest first (corpora.list); `page_size` is at most 20."""
        request = _message(ListCorporaRequest, page_size=page_size)
        return PagedCall(Call(methods.CORPORA_LIST, request), "corpora")

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
        request = _message(
            QueryCorpusRequest,
            name=corpus_name(name),
            query=query,
            metadata_filters=list(metadata_filters),
            results_count=results_count,
        )
        return Call(methods.CORPORA_QUERY, request)


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
        document = _message(
            Document,
            name=None if name is None else document_name(name, corpus),
            display_name=display_name,
            custom_metadata=_metadata(metadata),
        )
        request = CreateDocumentRequest(parent=corpus_name(corpus), document=document)
        return Call(methods.DOCUMENTS_CREATE, request)

    @method
    def get(self, name: str) -> Call[Document]:
        """Get a document (corpora.documents.get)."""
        return Call(methods.DOCUMENTS_GET, GetDocumentRequest(name=document_name(name)))

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
        document = _message(
            Document,
            name=document_name(name),
            display_name=display_name,
            custom_metadata=_metadata(metadata),
        )
        mask = _mask(document, update_mask, ("display_name", "custom_metadata"))
        request = UpdateDocumentRequest(document=document, update_mask=tuple(mask))
        return Call(methods.DOCUMENTS_PATCH, request)

    @method
    def delete(self, name: str, *, force: bool = False) -> Call[Empty]:
        """Delete a document (corpora.documents.delete).

        Args:
            name: its name, or "CORPUS/DOCUMENT".
            force: delete its chunks as well.

        Raises:
            FailedPrecondition: it holds chunks and `force` is not set.
        """
        request = DeleteDocumentRequest(name=document_name(name), force=force)
        return Call(methods.DOCUMENTS_DELETE, request)

    @paged
    def list(self, corpus: str, *, page_size: int | None = None) -> PagedCall[Document]:
        """List a corpus' documents, oldest first (corpora.documents.list)."""
        request = _message(ListDocumentsRequest, parent=corpus_name(corpus), page_size=page_size)
        return PagedCall(Call(methods.DOCUMENTS_LIST, request), "documents")

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
        request = _message(
            QueryDocumentRequest,
            name=document_name(name),
            query=query,
            metadata_filters=list(metadata_filters),
            results_count=results_count,
        )
        return Call(methods.DOCUMENTS_QUERY, request)


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
        chunk = _message(
            Chunk,
            name=None if name is None else chunk_name(name, parent),
            data=ChunkData(string_value=text),
            custom_metadata=_metadata(metadata),
        )
        return Call(methods.CHUNKS_CREATE, CreateChunkRequest(parent=parent, chunk=chunk))

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
        request = BatchCreateChunksRequest(parent=parent, requests=requests)
        return Call(methods.CHUNKS_BATCH_CREATE, request)

    @method
    def get(self, name: str) -> Call[Chunk]:
        """Get a chunk (corpora.documents.chunks.get)."""
        return Call(methods.CHUNKS_GET, GetChunkRequest(name=chunk_name(name)))

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
        chunk = _message(
            Chunk,
            name=chunk_name(name),
            data=None if text is None else ChunkData(string_value=text),
            custom_metadata=_metadata(metadata),
        )
        mask = _mask(chunk, update_mask, ("data", "custom_metadata"))
        request = UpdateChunkRequest(chunk=chunk, update_mask=tuple(mask))
        return Call(methods.CHUNKS_PATCH, request)

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
        request = BatchUpdateChunksRequest(parent=document_name(document), requests=requests)
        return Call(methods.CHUNKS_BATCH_UPDATE, request)

    @method
    def delete(self, name: str) -> Call[Empty]:
        """Delete a chunk (corpora.documents.chunks.delete)."""
        return Call(methods.CHUNKS_DELETE, DeleteChunkRequest(name=chunk_name(name)))

    @method
    def batch_delete(self, document: str, names: Iterable[str]) -> Call[Empty]:
        """Delete several chunks of a document (corpora.documents.chunks.batchDelete).

        Args:
            document: the document's name, or "CORPUS/DOCUMENT".
            names: ids or names of the chunks. All are deleted, or none.
        """
        parent = document_name(document)
        requests = [DeleteChunkRequest(name=chunk_name(name, parent)) for name in names]
        request = BatchDeleteChunksRequest(parent=parent, requests=requests)
        return Call(methods.CHUNKS_BATCH_DELETE, request)

    @paged
    def list(self, document: str, *, page_size: int | None = None) -> PagedCall[Chunk]:
        """List a document's chunks, oldest first (corpora.documents.chunks.list)."""
        request = _message(ListChunksRequest, parent=document_name(document), page_size=page_size)
        return PagedCall(Call(methods.CHUNKS_LIST, request), "chunks")


class Models(Resource[ClientT]):
    """Methods on models."""

    @method
    def get(self, name: str) -> Call[Model]:
        """Get what is known of a model (models.get)."""
        return Call(methods.MODELS_GET, GetModelRequest(name=model_name(name)))

    @paged
    def list(self, *, page_size: int | None = None) -> PagedCall[Model]:
        """List the models that the service offers (models.list)."""
        request = _message(ListModelsRequest, page_size=page_size)
        return PagedCall(Call(methods.MODELS_LIST, request), "models")

    @method
    def generate_answer(
        self,
        contents: ContentInput | Iterable[ContentInput],
        *,
        model: str = "aqa",
        answer_style: AnswerStyle | str = AnswerStyle.ABSTRACTIVE,
        passages: Iterable[GroundingPassage | str] | None = None,
        semantic_retriever: SemanticRetrieverConfig | None = None,
        safety_settings: Iterable[SafetySetting] = (),
        temperature: float | None = None,
    ) -> Call[GenerateAnswerResponse]:
        """Answer a question from passages, with attributions (models.generateAnswer).

        Args:
            contents: the question, or a conversation that ends with it.
            model: id or name of the answering model.
            answer_style: ABSTRACTIVE, EXTRACTIVE or VERBOSE.
            passages: passages to answer from; plain texts get the ids "0", "1", ...
            semantic_retriever: or a corpus or document to retrieve passages from.
            safety_settings: at most one per category.
            temperature: 0 to 1.

        Returns:
            `answer` with `grounding_attributions`, and `answerable_probability` in [0, 1].
        """
        inline = None
        if passages is not None:
            inline = GroundingPassages(
                passages=[
                    GroundingPassage(id=str(number), content=wrap_content(passage))
                    if isinstance(passage, str)
                    else passage
                    for number, passage in enumerate(passages)
                ]
            )
        request = _message(
            GenerateAnswerRequest,
            model=model_name(model),
            contents=wrap_contents(contents),
            answer_style=answer_style,
            inline_passages=inline,
            semantic_retriever=semantic_retriever,
            safety_settings=[*safety_settings],
            temperature=temperature,
        )
        return Call(methods.MODELS_GENERATE_ANSWER, request)

    @method
    def embed_content(
        self,
        content: ContentInput,
        *,
        model: str = "text-embedding-004",
        task_type: TaskType | str | None = None,
        title: str | None = None,
        output_dimensionality: int | None = None,
    ) -> Call[EmbedContentResponse]:
        """Embed a text (models.embedContent).

        Args:
            content: the text.
            model: id or name of the embedding model.
            task_type: what the embedding is for.
            title: the text's title, with RETRIEVAL_DOCUMENT only.
            output_dimensionality: keep this many of the first dimensions.
        """
        request = _embed_request(model, content, task_type, title, output_dimensionality)
        return Call(methods.MODELS_EMBED_CONTENT, request)

    @method
    def batch_embed_contents(
        self,
        contents: Iterable[ContentInput],
        *,
        model: str = "text-embedding-004",
        task_type: TaskType | str | None = None,
        output_dimensionality: int | None = None,
    ) -> Call[BatchEmbedContentsResponse]:
        """Embed up to 100 texts (models.batchEmbedContents); see `embed_content`."""
        requests = [
            _embed_request(model, content, task_type, None, output_dimensionality)
            for content in contents
        ]
        request = BatchEmbedContentsRequest(model=model_name(model), requests=requests)
        return Call(methods.MODELS_BATCH_EMBED_CONTENTS, request)

    @method
    def count_tokens(
        self,
        contents: ContentInput | Iterable[ContentInput] | None = None,
        *,
        model: str = "aqa",
        generate_content_request: GenerateContentRequest | None = None,
    ) -> Call[CountTokensResponse]:
        """Count the tokens of messages or of a whole request (models.countTokens)."""
        wrapped: list[Content] | None = None if contents is None else wrap_contents(contents)
        request = _message(
            CountTokensRequest,
            model=model_name(model),
            contents=wrapped,
            generate_content_request=generate_content_request,
        )
        return Call(methods.MODELS_COUNT_TOKENS, request)


def _embed_request(
    model: str,
    content: ContentInput,
    task_type: TaskType | str | None,
    title: str | None,
    output_dimensionality: int | None,
) -> EmbedContentRequest:
    return _message(
        EmbedContentRequest,
        model=model_name(model),
        content=wrap_content(content),
        task_type=task_type,
        title=title,
        output_dimensionality=output_dimensionality,
    )
