"""Grounded answers with citations that have been checked against their chunks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ragkit.api.answers import (
    AnswerStyle,
    GenerateAnswerResponse,
    GroundingAttribution,
    SemanticRetrieverConfig,
)
from ragkit.api.chunks import Chunk
from ragkit.api.content import Content, Part
from ragkit.api.errors import InvalidArgument, NotFound
from ragkit.api.metadata import MetadataFilter
from ragkit.api.names import corpus_name, document_name
from ragkit.client import Client
from ragkit.provenance import Provenance

ANSWERABLE = 0.5
"""From which `answerable_probability` on an answer counts as one: the API's "good starting
threshold"."""


@dataclass(frozen=True, slots=True)
class Citation:
    """A verbatim quote that supports an answer.

    Attributes:
        chunk: resource name of the chunk that holds it.
        quote: the text, verbatim.
        source: the file, as `FOLDER/path/in/it`; None if the chunk does not say.
        page: the page that holds the quote's beginning; None if unknown.
        start: offset of the quote in the source's extracted text; None if unknown.
        end: offset behind the quote.
        headings: the headings in force where the chunk starts.
    """

    chunk: str
    quote: str
    source: str | None
    page: int | None
    start: int | None
    end: int | None
    headings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer to a question.

    Attributes:
        text: the answer; "" if nothing was found to answer from.
        answerable_probability: how probable it is that the sources hold the answer.
        citations: the quotes that it rests on, in the order of the text.
    """

    text: str
    answerable_probability: float
    citations: tuple[Citation, ...]

    @property
    def answered(self) -> bool:
        """Whether the sources probably hold the answer; if not, treat the text as a guess."""
        return bool(self.text) and self.answerable_probability >= ANSWERABLE


class Answerer:
    """Answers questions from a corpus, or from one document of it.

    Args:
        client: where to ask; see `ragkit.connect`.
        corpus: the corpus' id or name.
        document: a document's id or name, to answer from it alone.
        filters: conditions on the metadata, ANDed; see `ragkit.meta`.
        style: how the answer is worded.
        model: id or name of the answering model.
        chunks_count: the most chunks to answer from; None for the service's default.
    """

    def __init__(
        self,
        client: Client,
        corpus: str,
        *,
        document: str | None = None,
        filters: Iterable[MetadataFilter] = (),
        style: AnswerStyle | str = AnswerStyle.ABSTRACTIVE,
        model: str = "aqa",
        chunks_count: int | None = None,
    ) -> None:
        self.client = client
        self.source = corpus_name(corpus) if document is None else document_name(document, corpus)
        self.filters = list(filters)
        self.style = style
        self.model = model
        self.chunks_count = chunks_count

    def ask(self, question: str, *, history: Sequence[Content] = ()) -> Answer:
        """Answer a question.

        Args:
            question: the question.
            history: the conversation before it.

        Raises:
            NotFound: there is no such corpus or document.
            InvalidArgument: the question or a filter is malformed.
        """
        if not question.strip():
            raise InvalidArgument("the question is empty: ask something", field="contents")
        response = self.client.models.generate_answer(
            [*history, question],
            model=self.model,
            answer_style=self.style,
            semantic_retriever=SemanticRetrieverConfig(
                source=self.source,
                query=Content(parts=[Part(text=question)]),
                metadata_filters=self.filters,
                max_chunks_count=self.chunks_count,
            ),
        )
        return self._checked(response)

    def _checked(self, response: GenerateAnswerResponse) -> Answer:
        """The answer with those attributions that stand verbatim in their chunks."""
        candidate = response.answer
        text = candidate.content.text if candidate is not None and candidate.content else ""
        attributions = candidate.grounding_attributions if candidate is not None else []
        chunks: dict[str, Chunk | None] = {}
        citations: list[Citation] = []
        for attribution in attributions:
            citation = self._citation(attribution, chunks)
            if citation is not None and citation not in citations:
                citations.append(citation)
        return Answer(text, response.answerable_probability or 0.0, tuple(citations))

    def _citation(
        self, attribution: GroundingAttribution, chunks: dict[str, Chunk | None]
    ) -> Citation | None:
        source_id = attribution.source_id
        retrieved = source_id.semantic_retriever_chunk if source_id is not None else None
        quote = attribution.content.text if attribution.content is not None else ""
        if retrieved is None or not quote:
            return None
        if retrieved.chunk not in chunks:
            chunks[retrieved.chunk] = self._chunk(retrieved.chunk)
        chunk = chunks[retrieved.chunk]
        offset = -1 if chunk is None else chunk.text.find(quote)
        if chunk is None or offset < 0:
            return None
        provenance = Provenance.from_metadata(chunk.metadata)
        place = provenance.locate(offset, offset + len(quote))
        if place is None:
            start, end, page = None, None, None if provenance.page_breaks else provenance.page
        else:
            start, end = place
            page = provenance.page_at(start)
        return Citation(
            chunk=chunk.name,
            quote=quote,
            source=provenance.source,
            page=page,
            start=start,
            end=end,
            headings=provenance.headings,
        )

    def _chunk(self, name: str) -> Chunk | None:
        try:
            return self.client.chunks.get(name)
        except NotFound:
            return None  # deleted since the answer was made: it can no longer be cited
