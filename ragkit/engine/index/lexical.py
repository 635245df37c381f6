"""The inverted index: which chunks hold a query's terms, and how many chunks hold each.

tantivy ranks by BM25 to put candidates forward; the scores that callers see are computed by
`ragkit.engine.index.ranking`. So tantivy's own statistics, which still count deleted chunks until
their segment is merged away, have no part in a score.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tantivy
from numpy.typing import NDArray

from ragkit.engine.index.manifest import DamagedIndexError, Stamp

# tantivy takes 15 MB at the least; more memory only means fewer and larger segments.
_SMALL_HEAP = 15_000_000
_LARGE_HEAP = 64_000_000

_MUTABLE = ("meta.json", ".managed.json")

_TERMS, _CHUNK, _DOCUMENT, _ANY = "terms", "chunk", "document", "any"


def _schema() -> tantivy.Schema:
    builder = tantivy.SchemaBuilder()
    builder.add_text_field(_TERMS, tokenizer_name="whitespace", index_option="freq")
    builder.add_unsigned_field(_CHUNK, indexed=True, fast=True)
    builder.add_unsigned_field(_DOCUMENT, indexed=True)
    # Every chunk has this term: its document frequency counts the deleted ones in, too.
    builder.add_unsigned_field(_ANY, indexed=True)
    return builder.build()


class LexicalWriter:
    """The one writer of an inverted index; the caller holds the corpus' lock.

    A change is applied again without harm: chunks are deleted by key before they are added.
    """

    def __init__(self, folder: Path, *, bulk: bool) -> None:
        """Open the index in `folder`, or make one; `bulk` trades memory for speed.

        Raises:
            DamagedIndexError: what is in `folder` cannot be opened.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self._schema = _schema()
        try:
            self._index = tantivy.Index(self._schema, path=str(folder))
            self._writer = self._index.writer(_LARGE_HEAP if bulk else _SMALL_HEAP, num_threads=1)
        except ValueError as error:
            raise DamagedIndexError(f"{folder} cannot be opened: {error}") from error

    def apply(self, removed: Sequence[int], added: Sequence[tuple[int, int, str]]) -> None:
        """Commit a batch durably.

        Args:
            removed: keys of chunks to forget; those of `added` belong here, too.
            added: chunk key, document key and terms (joined by spaces) of each new chunk.
        """
        if removed:
            # One query deletes them all; `delete_documents_by_term` of tantivy-py 0.27 leaves
            # documents that are named by an unsigned field where they are.
            self._writer.delete_documents_by_query(
                tantivy.Query.term_set_query(self._schema, _CHUNK, removed)
            )
        for chunk_key, document_key, terms in added:
            document = tantivy.Document()
            document.add_text(_TERMS, terms)
            document.add_unsigned(_CHUNK, chunk_key)
            document.add_unsigned(_DOCUMENT, document_key)
            document.add_unsigned(_ANY, 1)
            self._writer.add_document(document)
        self._writer.commit()

    def close(self) -> None:
        """Wait for merges, so that small segments do not pile up, and release the writer."""
        self._writer.wait_merging_threads()


class LexicalReader:
    """One view of an inverted index; later commits do not change it."""

    def __init__(self, index: tantivy.Index) -> None:
        self._index = index
        self._schema = index.schema
        self._searcher = index.searcher()

    @classmethod
    def open(cls, folder: Path) -> LexicalReader:
        """Open what is committed in `folder`.

        Raises:
            DamagedIndexError: the folder holds no readable index.
        """
        try:
            index = tantivy.Index.open(str(folder))
            index.config_reader(reload_policy="manual")
            return cls(index)
        except ValueError as error:
            raise DamagedIndexError(f"{folder} cannot be opened: {error}") from error

    def reopened(self) -> LexicalReader:
        """Return a view of the same index as it is now.

        Raises:
            DamagedIndexError: it is no longer readable.
        """
        try:
            self._index.reload()
        except ValueError as error:
            raise DamagedIndexError(f"an index can no longer be read: {error}") from error
        return LexicalReader(self._index)

    @property
    def live(self) -> int:
        """How many chunks the index holds."""
        return self._searcher.num_docs

    def document_frequencies(self, terms: Sequence[str], *, exact: bool) -> NDArray[np.int64]:
        """Count the chunks that hold each term.

        Args:
            terms: as they were indexed.
            exact: leave deleted chunks out, at the cost of going through the chunks of each term
                if there are any.

        Returns:
            One count a term.
        """
        exact = exact and self._searcher.doc_freq(_ANY, 1) != self._searcher.num_docs
        counts = [self._searcher.doc_freq(_TERMS, term) for term in terms]
        if exact:
            counts = [
                self._count(term) if count else 0 for term, count in zip(terms, counts, strict=True)
            ]
        return np.array(counts, np.int64)

    def best(
        self,
        terms: Sequence[str],
        count: int,
        *,
        document_key: int | None = None,
        chunk_keys: Sequence[int] | None = None,
    ) -> NDArray[np.int64]:
        """Find the chunks that BM25 ranks highest.

        Args:
            terms: any of them makes a chunk a match.
            count: how many are wanted.
            document_key: confines the search to a document's chunks.
            chunk_keys: confines the search to these chunks.

        Returns:
            Chunk keys, best first.
        """
        should, must = tantivy.Occur.Should, tantivy.Occur.Must
        query = tantivy.Query.boolean_query([(should, self._term(term)) for term in terms])
        filters = []
        if document_key is not None:
            filters.append(tantivy.Query.term_query(self._schema, _DOCUMENT, document_key))
        if chunk_keys is not None:
            filters.append(tantivy.Query.term_set_query(self._schema, _CHUNK, chunk_keys))
        if filters:
            unscored = [(must, tantivy.Query.const_score_query(each, 0.0)) for each in filters]
            query = tantivy.Query.boolean_query([(must, query), *unscored])
        hits = self._searcher.search(query, count, count=False).hits
        addresses = [address for _, address in hits]
        return np.array(self._searcher.fast_field_values(_CHUNK, addresses), np.int64)

    def _count(self, term: str) -> int:
        found: Any = self._searcher.search(self._term(term), 1, count=True)  # no stub for `count`
        return int(found.count)

    def _term(self, term: str) -> tantivy.Query:
        return tantivy.Query.term_query(self._schema, _TERMS, term, index_option="freq")


def verify(folder: Path, stamps: Mapping[str, Stamp]) -> None:
    """Compare an inverted index' files with their stamps.

    Segments never change, but a commit that came after the stamps may have merged some away.

    Raises:
        DamagedIndexError: a file is gone or not what it was.
    """
    committed_since = False
    for name in _MUTABLE:
        try:
            if name in stamps:
                stamps[name].check(folder / name)
        except DamagedIndexError:
            committed_since = True
    for name, stamp in stamps.items():
        if name in _MUTABLE or (committed_since and not (folder / name).exists()):
            continue
        stamp.check(folder / name)
