"""One view of a corpus' index, and searches over it. A view never changes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ragkit.engine.index import constants, flat, lexical, ranking, scan, sketch_files
from ragkit.engine.index.analysis import analyse
from ragkit.engine.index.flat import LiveChunks
from ragkit.engine.index.lexical import LexicalReader
from ragkit.engine.index.manifest import Manifest
from ragkit.engine.index.ranking import Features, Question
from ragkit.engine.index.recent import RecentHits
from ragkit.engine.index.sketch import Sketch
from ragkit.engine.index.update import lexical_folder
from ragkit.engine.records import ScoredChunk, Vector

# Looking at this many of the best matches and dropping those that are not allowed is cheaper
# than having the inverted index look only at those that are.
_MAX_SIFTED = 8_192


_CLOSE = 32
"""Results beyond those wanted that may be among them once their cosines are exact."""


@dataclass(frozen=True, slots=True)
class Confinement:
    """Where a search looks: positions among the live chunks, and how they were named."""

    positions: NDArray[np.int64]
    document_key: int | None
    allowed: bool


@dataclass(frozen=True, slots=True)
class View:
    """A corpus as of the change that its manifest names."""

    content: bytes
    manifest: Manifest
    chunks: LiveChunks
    words: LexicalReader
    sketch: Sketch | None
    recent: RecentHits = field(default_factory=RecentHits)

    @classmethod
    def open(cls, folder: Path, content: bytes, previous: View | None) -> View:
        """Open what a manifest speaks of, keeping what `previous` has already checked.

        Raises:
            DamagedIndexError: the files are not what the manifest says.
        """
        manifest = Manifest.decode(content)
        if previous is None or previous.manifest.generation != manifest.generation:
            flat.verify(folder, manifest)
        words = lexical_folder(folder, manifest)
        if (
            previous is not None
            and previous.manifest.lexical_generation == manifest.lexical_generation
        ):
            reader = previous.words.reopened()
        else:
            lexical.verify(words, manifest.lexical)
            reader = LexicalReader.open(words)
        sketched_before = (
            previous is not None
            and previous.sketch is not None
            and previous.manifest.sketch_generation == manifest.sketch_generation
        )
        sketch = sketch_files.load(folder, manifest, known=sketched_before)
        return cls(content, manifest, LiveChunks.load(folder, manifest), reader, sketch)

    @property
    def consistent(self) -> bool:
        """Whether both sides hold as many chunks, as they do unless a catch-up is under way."""
        return self.words.live == len(self.chunks.keys)

    def search(
        self,
        query: str,
        query_vector: Vector,
        *,
        limit: int,
        document_key: int | None,
        allowed: NDArray[np.int64] | None,
        near: NDArray[np.int64] | None = None,
    ) -> list[ScoredChunk]:
        """Rank chunks by relevance; see `LocalIndex.search`, and `match` for `near`."""
        question = self.question(query)
        has_vector = bool(query_vector.any())
        if limit <= 0 or not len(self.chunks.keys) or (question is None and not has_vector):
            return []
        if not has_vector:
            calibration = constants.LEXICAL
        else:
            calibration = constants.SEMANTIC if question is None else constants.HYBRID
        confined = document_key is not None or allowed is not None
        roughly = has_vector and not confined and self.sketch is not None
        keys, found = self.match(
            question,
            query_vector if has_vector else None,
            count=_candidates_for(limit),
            document_key=document_key,
            allowed=allowed,
            near=near,
            roughly=roughly,
        )
        if roughly:
            best = scan.greatest(found.probability(calibration), limit + _CLOSE)
            keys, found = keys[best], self._exactly(keys[best], query_vector, found, best)
        scores = found.probability(calibration)
        order = np.lexsort((keys, -scores))
        if not has_vector:
            # Without a vector, a chunk that shares no term with the query is not a result.
            order = order[found.coverage[order] > 0]
        return [ScoredChunk(int(keys[i]), float(scores[i])) for i in order[:limit]]

    def search_each(
        self,
        queries: Sequence[str],
        limits: Sequence[int],
        embed: Callable[[Sequence[str]], Vector],
    ) -> list[list[ScoredChunk]]:
        """Rank chunks for several queries; see `LocalIndex.search_each`."""
        results = [
            self.recent.get(query, limit) for query, limit in zip(queries, limits, strict=True)
        ]
        new = [i for i, result in enumerate(results) if result is None]
        if new:
            vectors = embed([queries[i] for i in new])
            nearest = self._near_each(vectors, [limits[i] for i in new])
            for i, vector, near in zip(new, vectors, nearest, strict=True):
                results[i] = found = self.search(
                    queries[i],
                    vector,
                    limit=limits[i],
                    document_key=None,
                    allowed=None,
                    near=near,
                )
                self.recent.put(queries[i], limits[i], found)
        return [result or [] for result in results]

    def _near_each(
        self, query_vectors: Vector, limits: Sequence[int]
    ) -> Sequence[NDArray[np.int64] | None]:
        chunks = self.chunks
        if (
            len(chunks.keys) <= constants.EXHAUSTIVE
            or query_vectors.shape[1] != self.manifest.dimensions
        ):
            return [None] * len(query_vectors)
        counts = [_candidates_for(limit) for limit in limits]
        return self._nearest_of_all(query_vectors, counts)

    def _nearest_of_all(
        self, query_vectors: Vector, counts: Sequence[int]
    ) -> Sequence[NDArray[np.int64]]:
        chunks = self.chunks
        if self.sketch is not None:
            return self.sketch.nearest_for_each(chunks, query_vectors, counts)
        return scan.nearest_for_each(chunks.vectors, query_vectors, chunks.slots, counts)

    def question(self, query: str) -> Question | None:
        """Weigh a query's terms by the corpus' statistics; None if it has none."""
        return ranking.ask(analyse(query), len(self.chunks.keys), self._frequencies)

    def match(
        self,
        question: Question | None,
        query_vector: Vector | None,
        *,
        count: int,
        document_key: int | None = None,
        allowed: NDArray[np.int64] | None = None,
        near: NDArray[np.int64] | None = None,
        roughly: bool = False,
    ) -> tuple[NDArray[np.int64], Features]:
        """Find the candidates for an answer and what the query has in common with each.

        Args:
            question: the query's terms; None looks at vectors only.
            query_vector: the query's embedding; None looks at terms only.
            count: how many candidates each side puts forward.
            document_key: confines the search to one document.
            allowed: confines the search to these chunk keys, ascending.
            near: the positions of the `count` nearest vectors, where they are known already.
            roughly: takes cosines from the vectors' sketches, if there are any.

        Returns:
            Chunk keys, ascending, and the features of each.

        Raises:
            ValueError: the vector's length is not that of the corpus' vectors.
        """
        chunks = self.chunks
        if query_vector is not None and len(query_vector) != self.manifest.dimensions:
            raise ValueError(
                f"the query's vector has {len(query_vector)} dimensions,"
                f" the corpus' have {self.manifest.dimensions}"
            )
        confined = document_key is not None or allowed is not None
        if confined or len(chunks.keys) <= constants.EXHAUSTIVE:
            where = self._confine(document_key, allowed)
            candidates = self._candidates_within(where, question, query_vector, count)
        else:
            candidates = self._candidates(question, query_vector, count, near)
        cosine: NDArray[np.float64]
        if query_vector is None:
            cosine = np.zeros(len(candidates))
        elif roughly and self.sketch is not None:
            cosine = self.sketch.cosines(chunks.slots[candidates], query_vector)
        else:
            cosine = scan.cosines(chunks.vectors.take(chunks.slots[candidates]), query_vector)
        found = ranking.features(
            question,
            chunks.texts(candidates),
            chunks.counts[candidates],
            chunks.mean_length,
            cosine,
        )
        return chunks.keys[candidates], found

    def _exactly(
        self,
        keys: NDArray[np.int64],
        query_vector: Vector,
        rough: Features,
        rows: NDArray[np.int64],
    ) -> Features:
        """Choose rows of rough features and make their cosines exact; `keys` are their chunks'."""
        chunks = self.chunks
        vectors = chunks.vectors.take(chunks.slots[chunks.positions(keys)])
        return Features(
            bm25=rough.bm25[rows],
            coverage=rough.coverage[rows],
            exact=rough.exact[rows],
            pairs=rough.pairs[rows],
            cosine=scan.cosines(vectors, query_vector),
        )

    def _candidates(
        self,
        question: Question | None,
        query_vector: Vector | None,
        count: int,
        near: NDArray[np.int64] | None,
    ) -> NDArray[np.int64]:
        """Find candidates in the whole corpus."""
        sides = []
        if question is not None:
            sides.append(self._best_of_all(question, count))
        if query_vector is not None:
            if near is None:
                (near,) = self._nearest_of_all(query_vector[None], [count])
            sides.append(near)
        return _distinct(np.concatenate(sides))

    def _candidates_within(
        self,
        where: Confinement,
        question: Question | None,
        query_vector: Vector | None,
        count: int,
    ) -> NDArray[np.int64]:
        """Find candidates where a search is confined to."""
        if len(where.positions) <= constants.EXHAUSTIVE:
            return where.positions
        sides = []
        if question is not None:
            sides.append(self._by_words(question, where, count))
        if query_vector is not None:
            slots = self.chunks.slots[where.positions]
            near = scan.nearest(self.chunks.vectors, query_vector, slots, count)
            sides.append(where.positions[near])
        return _distinct(np.concatenate(sides))

    def _confine(self, document_key: int | None, allowed: NDArray[np.int64] | None) -> Confinement:
        chunks = self.chunks
        positions = np.arange(len(chunks.keys)) if allowed is None else chunks.positions(allowed)
        if document_key is not None:
            positions = positions[chunks.documents[positions] == document_key]
        return Confinement(positions, document_key, allowed is not None)

    def _best_of_all(self, question: Question, count: int) -> NDArray[np.int64]:
        """Find the candidates in the whole corpus that BM25 ranks highest, as positions."""
        best = np.empty(0, np.int64)
        if len(self.chunks.keys) >= constants.APPROXIMATE_FROM:
            best = self.words.best(question.telling(constants.LEAST_TELLING), count)
        if len(best) < count:
            best = self.words.best(question.terms, count)
        return self.chunks.positions(best)

    def _by_words(self, question: Question, where: Confinement, count: int) -> NDArray[np.int64]:
        """Find the candidates that BM25 ranks highest, as positions among the live chunks."""
        chunks, terms = self.chunks, question.terms
        if not where.allowed:
            return chunks.positions(self.words.best(terms, count, document_key=where.document_key))
        # Half as many again: filters and relevance are seldom wholly independent.
        sifted = 3 * count * len(chunks.keys) // (2 * len(where.positions))
        if sifted <= _MAX_SIFTED:
            best = self.words.best(terms, sifted)
            found = chunks.positions(best)
            fits = np.zeros(len(chunks.keys), bool)
            fits[where.positions] = True
            kept = found[fits[found]]
            if len(kept) >= count or len(best) < sifted:
                return kept[:count]
        allowed = chunks.keys[where.positions].tolist()
        return chunks.positions(self.words.best(terms, count, chunk_keys=allowed))

    def _frequencies(self, terms: Sequence[str]) -> NDArray[np.int64]:
        return self.words.document_frequencies(terms, exact=len(terms) <= constants.MAX_QUERY_TERMS)


def _distinct(positions: NDArray[np.int64]) -> NDArray[np.int64]:
    # Not np.unique: its first call imports numpy.ma, a twentieth of a cold query.
    ordered = np.sort(positions)
    return ordered[np.concatenate(([True], ordered[1:] != ordered[:-1]))[: len(ordered)]]


def _candidates_for(limit: int) -> int:
    """How many candidates each side puts forward for so many results."""
    return max(constants.CANDIDATES, 2 * limit)
