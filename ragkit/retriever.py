"""Retrieval over a corpus or one document, with the provenance of every passage."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from ragkit.api.chunks import Chunk
from ragkit.api.metadata import MetadataFilter
from ragkit.api.names import document_name
from ragkit.api.retrieval import RelevantChunk
from ragkit.client import Client
from ragkit.provenance import Provenance


@dataclass(frozen=True, slots=True)
class Passage:
    """A chunk that was found.

    Attributes:
        name: the chunk's resource name.
        text: its text, verbatim.
        score: its relevance to the query, in [0, 1].
        provenance: where it stands in its source.
        metadata: all of its custom metadata, as plain values.
    """

    name: str
    text: str
    score: float
    provenance: Provenance
    metadata: dict[str, Any] = field(repr=False)

    @classmethod
    def of(cls, found: RelevantChunk) -> Passage:
        """The passage for a result of `corpora.query` or `documents.query`."""
        chunk = found.chunk or Chunk()
        metadata = chunk.metadata
        return cls(
            name=chunk.name,
            text=chunk.text,
            score=found.chunk_relevance_score,
            provenance=Provenance.from_metadata(metadata),
            metadata=metadata,
        )


class Retriever:
    """Finds passages in a corpus, or in one document of it.

    Args:
        client: where to look; see `ragkit.connect`.
        corpus: the corpus' id or name.
        document: a document's id or name, to look in it alone.
        filters: conditions on the metadata, ANDed; see `ragkit.meta`.
        results_count: the most passages to return, 1 to 100.
        minimum_score: passages that score less are left out.
    """

    def __init__(
        self,
        client: Client,
        corpus: str,
        *,
        document: str | None = None,
        filters: Iterable[MetadataFilter] = (),
        results_count: int = 10,
        minimum_score: float = 0.0,
    ) -> None:
        self.client = client
        self.corpus = corpus
        self.document = None if document is None else document_name(document, corpus)
        self.filters = list(filters)
        self.results_count = results_count
        self.minimum_score = minimum_score

    def retrieve(self, query: str) -> list[Passage]:
        """The passages relevant to a query, most relevant first.

        Raises:
            NotFound: there is no such corpus or document.
            InvalidArgument: the query or a filter is malformed.
        """
        found: list[RelevantChunk]
        if self.document is None:
            found = self.client.corpora.query(
                self.corpus,
                query,
                where=self.filters,
                results_count=self.results_count,
            ).relevant_chunks
        else:
            found = self.client.documents.query(
                self.document,
                query,
                where=self.filters,
                results_count=self.results_count,
            ).relevant_chunks
        passages = map(Passage.of, found)
        return [passage for passage in passages if passage.score >= self.minimum_score]
