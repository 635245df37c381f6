"""The engine as one object: store, index and models over one data folder.

Reads and writes that concern rows alone go to `Engine.store`; what needs several parts (embed and
store, filter and search, delete and tidy up) is a method here.
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from ragkit.engine.config import EmbedderConfig, EngineConfig
from ragkit.engine.models.embedders import Task, embedder_names, load_embedder
from ragkit.engine.records import (
    ChunkRecord,
    ChunkUpdate,
    CorpusRecord,
    EngineError,
    Metadata,
    MetadataFilter,
    NewChunk,
    Vector,
)
from ragkit.engine.sharing import Shared

if TYPE_CHECKING:
    from ragkit.engine.index import LocalIndex
    from ragkit.engine.jobs import Executor, Failure, Worker
    from ragkit.engine.media import Media
    from ragkit.engine.models.answerer import ExtractedAnswer, ExtractiveAnswerer
    from ragkit.engine.models.embedders import Embedder
    from ragkit.engine.models.generators import Generator, GeneratorFactory
    from ragkit.engine.models.remote_embedders import RemoteEmbedder
    from ragkit.engine.store import Store

_CORPUS_FOLDER = re.compile(r"[0-9]+")
_PAGE = 1000
_SEARCHES_TOGETHER = 32
_ITEM_SECONDS = 10.0
"""How long closing waits for the item of a job that is worked on."""


class DataFolderError(EngineError):
    """The data folder cannot be used; the message says why. `resource` is its path."""


@dataclass(frozen=True, slots=True)
class DraftChunk:
    """A chunk to create whose text is not embedded yet."""

    id: str
    text: str
    metadata: Metadata = ()


@dataclass(frozen=True, slots=True)
class FoundChunk:
    """A search result: the chunk as it is stored, and its relevance in [0, 1]."""

    chunk: ChunkRecord
    score: float


class Engine:
    """Corpora, documents and chunks that can be searched, kept in one folder.

    The folder holds `store.db`, the SQLite store, and `index/`, which can be deleted at any time
    and is made again from the store. Several threads may share an engine; several engines, in
    this process or others, may share a folder.

    Arguments:
        data: the data folder. It is made, readable by its owner only, when it is first needed.
        embedder: the name of the model that embeds the chunks of new corpora; the configured one
            by default. A corpus keeps the one that it was created with.
        config: which models there are beside the bundled ones.
        make_generator: makes generators of a configuration; by default those that need no more
            than this package.
        make_embedder: likewise for embedders.
    """

    def __init__(
        self,
        data: Path,
        *,
        embedder: str = "",
        config: EngineConfig | None = None,
        make_generator: GeneratorFactory | None = None,
        make_embedder: Callable[[EmbedderConfig], RemoteEmbedder] | None = None,
    ) -> None:
        # Made absolute now: the process may change its working directory later.
        self.data = data.absolute()
        self.config = config or EngineConfig()
        self.embedder_name = embedder or self.config.embedder
        self._make_generator = make_generator
        self._make_embedder = make_embedder
        self._generators: dict[str, Generator] = {}
        self._embedders: dict[str, RemoteEmbedder] = {}
        self._lock = threading.Lock()
        self._searches = Shared(self._search_each, most=_SEARCHES_TOGETHER)
        self._store: Store | None = None
        self._index: LocalIndex | None = None
        self._media: Media | None = None
        self._worker: Worker | None = None

    @property
    def store(self) -> Store:
        """The rows. Opening them is what may fail.

        Raises:
            DataFolderError: the folder or what it holds cannot be used.
        """
        with self._lock:
            if self._store is None:
                self._store = _open_store(self.data)
            return self._store

    @property
    def index(self) -> LocalIndex:
        """What searches; opened when it is first needed."""
        store = self.store
        with self._lock:
            if self._index is None:
                from ragkit.engine.index import LocalIndex

                self._index = LocalIndex(self.data / "index", store)
            return self._index

    @property
    def media(self) -> Media:
        """Files and uploads; opened when they are first needed."""
        store = self.store
        with self._lock:
            if self._media is None:
                from ragkit.engine.media import Media

                self._media = Media(self.data / "files", store, self.config.files)
            return self._media

    def open(self) -> None:
        """Open the data folder now rather than when it is first needed.

        Raises:
            DataFolderError: the folder or what it holds cannot be used.
        """
        _ = self.store

    def close(self) -> None:
        """Let go of all files. The engine may be used again; it then opens them anew."""
        with self._lock:
            worker, self._worker = self._worker, None
        if worker is not None:  # which uses the rest
            worker.stop(_ITEM_SECONDS)
        with self._lock:
            store, index = self._store, self._index
            self._store = self._index = self._media = None
            models: list[Generator | RemoteEmbedder] = [
                *self._generators.values(),
                *self._embedders.values(),
            ]
            self._generators, self._embedders = {}, {}
        for model in models:
            model.close()
        if index is not None:
            index.close()
        if store is not None:
            store.close()

    def start_worker(
        self, executors: Mapping[str, Executor], fail: Failure, *, stay: bool = False
    ) -> None:
        """See that a thread of this process carries out the store's jobs; see `Worker`.

        Arguments:
            executors: what carries out each kind of job. Only the first call's are used.
            fail: ends a job as failed.
            stay: whether to keep looking for jobs even when there are none.
        """
        store = self.store
        with self._lock:
            if self._worker is None:
                from ragkit.engine.jobs import Worker

                self._worker = Worker(store, executors, fail)
            worker = self._worker
        worker.wake(stay=stay)

    def create_corpus(self, id: str, display_name: str, owner: str = "") -> CorpusRecord:  # noqa: A002
        """Create an empty corpus for this engine's embedder; see `Store.create_corpus`."""
        return self.store.create_corpus(id, display_name, self.embedder_name, owner)

    def delete_corpus(self, id: str, force: bool = False) -> None:  # noqa: A002
        """Delete a corpus and its index; see `Store.delete_corpus`."""
        deleted = self.store.delete_corpus(id, force)
        self.index.drop(deleted.key)
        self._drop_orphans()

    def create_chunks(
        self, corpus_id: str, document_id: str, drafts: Sequence[DraftChunk]
    ) -> list[ChunkRecord]:
        """Embed chunks and store them, all or none; see `Store.create_chunks`.

        Raises:
            ModelFilesError: the corpus' embedder cannot be loaded.
            UnknownEmbedderError: this installation has no such embedder.
        """
        # Before the transaction: embedding is slow and must keep no other writer waiting.
        vectors = self._embed_for(corpus_id, [draft.text for draft in drafts])
        chunks = [
            NewChunk(draft.id, draft.text, draft.metadata, vector)
            for draft, vector in zip(drafts, vectors, strict=True)
        ]
        return self.store.create_chunks(corpus_id, document_id, chunks)

    def update_chunks(
        self, corpus_id: str, document_id: str, updates: Sequence[ChunkUpdate]
    ) -> list[ChunkRecord]:
        """Embed the new texts and store the changes, all or none; see `Store.update_chunks`.

        Arguments:
            corpus_id: the corpus' id.
            document_id: the document's id.
            updates: what to change; their vectors are made here.
        """
        texts = [update.text for update in updates if update.text is not None]
        vectors = iter(self._embed_for(corpus_id, texts) if texts else ())
        embedded = [
            update if update.text is None else replace(update, vector=next(vectors))
            for update in updates
        ]
        return self.store.update_chunks(corpus_id, document_id, embedded)

    def search(
        self,
        corpus_id: str,
        query: str,
        limit: int,
        *,
        filters: Sequence[MetadataFilter] = (),
        document_id: str | None = None,
    ) -> list[FoundChunk]:
        """Find the chunks of a corpus that answer a query best.

        Arguments:
            corpus_id: the corpus' id.
            query: what to look for.
            limit: the most to return.
            filters: what a chunk's and its document's metadata must satisfy, all of them.
            document_id: looks in this document only.

        Returns:
            The chunks by descending score. What was acknowledged before the call is found.

        Raises:
            RowNotFoundError: there is no such corpus or document.
            ModelFilesError: the corpus' embedder cannot be loaded.
            UnknownEmbedderError: this installation has no such embedder.
        """
        if not filters and document_id is None:
            return self._searches(corpus_id, (query, limit))
        store = self.store
        corpus = store.get_corpus(corpus_id)
        document_key = (
            None if document_id is None else store.get_document(corpus_id, document_id).key
        )
        allowed = None
        if filters:
            allowed = store.matching_chunks(corpus.key, filters, document_key)
            if not allowed.size:
                return []
        vector = self.embedder(corpus.embedder).embed([query], task=Task.RETRIEVAL_QUERY)[0]
        hits = self.index.search(
            corpus.key, query, vector, limit=limit, document_key=document_key, allowed=allowed
        )
        records = store.chunks_by_key(corpus.key, [hit.chunk_key for hit in hits])
        # A chunk deleted since the index was read has no record any more.
        return [
            FoundChunk(records[hit.chunk_key], hit.score)
            for hit in hits
            if hit.chunk_key in records
        ]

    def _search_each(
        self, corpus_id: str, wanted: Sequence[tuple[str, int]]
    ) -> list[list[FoundChunk]]:
        """Carry out searches of a whole corpus, each a query and its limit, at once."""
        store = self.store
        corpus = store.get_corpus(corpus_id)
        queries, limits = [query for query, _ in wanted], [limit for _, limit in wanted]
        embed = partial(self.embedder(corpus.embedder).embed, task=Task.RETRIEVAL_QUERY)
        hits = self.index.search_each(corpus.key, queries, limits, embed)
        keys = {hit.chunk_key for each in hits for hit in each}
        records = store.chunks_by_key(corpus.key, sorted(keys))
        # A chunk deleted since the index was read has no record any more.
        return [
            [
                FoundChunk(records[hit.chunk_key], hit.score)
                for hit in each
                if hit.chunk_key in records
            ]
            for each in hits
        ]

    def embedder(self, name: str | None = None) -> Embedder:
        """The embedder of a name; that of new corpora by default.

        Raises:
            ModelFilesError: it cannot be loaded.
            UnknownEmbedderError: this installation has no such embedder.
            BackendSetupError: it is configured, but its key is not set.
        """
        name = name or self.embedder_name
        config = self.config.embedders.get(name)
        if config is None:
            return load_embedder(name)
        with self._lock:
            made = self._embedders.get(name)
            if made is None:
                made = self._embedders[name] = self._made_embedder(config)
            return made

    def _made_embedder(self, config: EmbedderConfig) -> RemoteEmbedder:
        from ragkit.engine.models.remote_embedders import make_embedder

        return (self._make_embedder or make_embedder)(config)

    def embedder_names(self) -> list[str]:
        """The names that `embedder` knows, that of new corpora first."""
        names = [self.embedder_name, *embedder_names(), *self.config.embedders]
        return list(dict.fromkeys(names))

    def generator(self, name: str) -> Generator:
        """The generator of a name; see `load_generator`.

        Raises:
            UnknownBackendError: nothing of that name is configured.
            BackendSetupError: it cannot be made: something is not installed or not set.
        """
        with self._lock:
            made = self._generators.get(name)
            if made is None:
                made = self._generators[name] = self._made_generator(name)
            return made

    def _made_generator(self, name: str) -> Generator:
        from ragkit.engine.models.backend_errors import UnknownBackendError
        from ragkit.engine.models.generators import make_generator

        config = self.config.generators.get(name)
        if config is None:
            raise UnknownBackendError(name, "there is none configured by this name")
        return (self._make_generator or make_generator)(config)

    def answer(
        self, question: str, passages: Sequence[str], *, style: str, history: Sequence[str] = ()
    ) -> ExtractedAnswer:
        """Answer a question from passages; see `ExtractiveAnswerer.answer`.

        Arguments:
            question: the question.
            passages: the texts to answer from.
            style: name of a `Style`, such as `EXTRACTIVE`.
            history: the user's earlier questions, oldest first.
        """
        from ragkit.engine.models.answerer import Style

        return self.answerer().answer(question, passages, style=Style[style], history=history)

    def answerer(self) -> ExtractiveAnswerer:
        """What answers questions."""
        from ragkit.engine.models.answerer import load_answerer

        return load_answerer()

    def _embed_for(self, corpus_id: str, texts: Sequence[str]) -> Vector:
        corpus = self.store.get_corpus(corpus_id)
        return self.embedder(corpus.embedder).embed(texts, task=Task.RETRIEVAL_DOCUMENT)

    def _drop_orphans(self) -> None:
        """Drop indexes whose corpus went while its process could not drop them itself."""
        folder = self.data / "index"
        if not folder.is_dir():
            return
        # Listed before the corpora: what is made meanwhile is not taken for an orphan.
        keys = [int(path.name) for path in folder.iterdir() if _CORPUS_FOLDER.fullmatch(path.name)]
        if not keys:
            return
        living = {corpus.key for corpus in _all_corpora(self.store)}
        for key in keys:
            if key not in living:
                self.index.drop(key)


def _all_corpora(store: Store) -> Sequence[CorpusRecord]:
    corpora: list[CorpusRecord] = []
    page = store.list_corpora(_PAGE)
    while page:
        corpora += page
        page = store.list_corpora(_PAGE, (page[-1].create_time, page[-1].key))
    return corpora


def _open_store(data: Path) -> Store:
    import sqlalchemy as sa

    from ragkit.engine.store import Store, StoreOpenError

    path = str(data)
    try:
        if not data.exists():
            data.parent.mkdir(parents=True, exist_ok=True)
            data.mkdir(mode=0o700, exist_ok=True)
    except NotADirectoryError as error:
        raise DataFolderError(path, f"cannot make the data folder {path!r}: {error}") from error
    except OSError as error:
        raise DataFolderError(
            path, f"cannot make the data folder {path!r}: {error.strerror}; choose another folder"
        ) from error
    if not data.is_dir():
        raise DataFolderError(path, f"the data folder {path!r} is a file; choose a folder")
    if not os.access(data, os.W_OK | os.X_OK):
        raise DataFolderError(
            path, f"the data folder {path!r} is not writable; change its permissions"
        )
    url = sa.URL.create("sqlite", database=str(data / "store.db"))
    try:
        return Store(url.render_as_string())
    except StoreOpenError as error:
        raise DataFolderError(
            path,
            f"{error}; if the file is damaged, restore the folder from a copy, or move it away "
            "and ingest again",
        ) from error
