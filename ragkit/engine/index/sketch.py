"""Nearest vectors in two passes: all of them in a few dimensions, then the most promising ones.

A sketch holds the coordinates of each vector along the directions in which a corpus' vectors
differ most (principal components: Jolliffe 2002, "Principal Component Analysis", section 2), and
the length of what those leave out. A query's inner product with what is left out is unknown, but
its size is that length times the query's own: a part of this is added in the vector's favour.
Without it, the vectors of a topic that is rare in the corpus, of which the common directions say
little, are missed. Of the ten nearest of 100,000 chunks to 750 questions of XQuAD, QED, COVID-QA,
Cranfield and made ones, 98.6% are found with it and 93.6% without. What looks near is then
compared by its whole vector.

Sketches are made from the vectors when they are first worth it and live in memory.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from ragkit.engine.index import scan
from ragkit.engine.index.flat import LiveChunks
from ragkit.engine.records import Vector

_SHARE = 5 / 16
"""Numbers that a sketch has, as a share of a vector's dimensions."""

_FAVOUR = 0.35
"""The part of the greatest possible inner product of what is left out that is expected."""

_POOL = 4
_POOL_SHARE = 1 / 200
"""Vectors that are compared whole: so many times those wanted, and this share of all at least."""

_SAMPLE = 8_192
_LEARNED_FROM = 16_384
_BLOCK = 16_384
"""Rows at a time: what is computed of them should stay in the processor's cache."""


class _Basis(NamedTuple):
    """Directions in which vectors differ, and the number of vectors they were learned from."""

    mean: Vector
    directions: Vector
    learned_from: int

    @classmethod
    def learn(cls, vectors: Vector) -> Self:
        sample = vectors[:: max(1, len(vectors) // _LEARNED_FROM)]
        mean = sample.mean(axis=0)
        centred = sample - mean
        _, directions = np.linalg.eigh(centred.T @ centred)
        kept = max(1, int(vectors.shape[1] * _SHARE) - 1)
        best_first = directions[:, ::-1][:, :kept]
        return cls(mean, np.ascontiguousarray(best_first, np.float32), len(vectors))

    @property
    def size(self) -> int:
        """How many numbers a sketch has."""
        return int(self.directions.shape[1]) + 1

    def rows(self, vectors: Vector) -> Vector:
        """Sketch stored vectors."""
        # The mean moves all inner products with a query by the same amount.
        return self._sketched(vectors - self.mean, 1.0)

    def queries(self, vectors: Vector) -> Vector:
        """Sketch queries, so that their products with the rows approximate the true ones."""
        return self._sketched(vectors, _FAVOUR)

    def _sketched(self, vectors: Vector, favour: float) -> Vector:
        kept = vectors @ self.directions
        rest = np.vecdot(vectors, vectors) - np.vecdot(kept, kept)
        return np.column_stack((kept, favour * np.sqrt(np.maximum(rest, 0.0))))


class _Made(NamedTuple):
    """Sketches of the first `filled` vectors, in an array with room for more."""

    basis: _Basis
    rows: Vector
    filled: int


class Sketch:
    """The sketch of one generation's vectors, which are only ever appended to.

    The views of a corpus share it. Safe to use from several threads.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._made: _Made | None = None
        self._asked = False

    def worth_it(self, together: int) -> bool:
        """Whether the next search may wait for the sketch to be made.

        A process that searches once does better without.

        Args:
            together: how many queries are asked at once.
        """
        before, self._asked = self._asked, True
        return before or together > 1

    def compare(self, vectors: Vector, queries: Vector) -> tuple[Vector, Vector] | None:
        """The sketches of vectors and of queries, whose products are those of each with each.

        Args:
            vectors: all vectors of a view, shape (n, dimensions).
            queries: shape (queries, dimensions).

        Returns:
            Sketches, shape (n, kept) and (queries, kept); None while another thread makes them.
        """
        made = self._made
        if made is None or made.filled < len(vectors):
            if not self._lock.acquire(blocking=False):
                return None
            try:
                made = self._made = _made_for(vectors, self._made)
            finally:
                self._lock.release()
        return made.rows[: len(vectors)], made.basis.queries(queries)


def _made_for(vectors: Vector, before: _Made | None) -> _Made:
    """Sketch what `before` has not."""
    # What was learned from a small part of the vectors may not suit the rest.
    if before is None or len(vectors) > 2 * before.basis.learned_from:
        basis = _Basis.learn(vectors)
        before = _Made(basis, np.empty((len(vectors), basis.size), np.float32), 0)
    basis, rows, filled = before
    if len(vectors) > len(rows):
        # Searches under way keep the array that they have.
        rows = np.empty((len(vectors) * 5 // 4, basis.size), np.float32)
        rows[:filled] = before.rows[:filled]
    for start in range(filled, len(vectors), _BLOCK):
        part = slice(start, min(start + _BLOCK, len(vectors)))
        rows[part] = basis.rows(vectors[part])
    return _Made(basis, rows, max(filled, len(vectors)))


def nearest_for_each(
    chunks: LiveChunks, sketch: Sketch, queries: Vector, counts: Sequence[int]
) -> list[NDArray[np.int64]] | None:
    """Find the chunks with the vectors nearest to each of several queries.

    Args:
        chunks: the chunks.
        sketch: the sketch of their vectors.
        queries: shape (queries, dimensions).
        counts: how many are wanted for each query.

    Returns:
        Positions among the chunks of the nearest of each query, in no particular order; None
        while there is no sketch.
    """
    made = sketch.compare(chunks.vectors, queries)
    if made is None:
        return None
    rows, sketched = made
    pools = _promising(rows, sketched, [_pool_size(count, len(rows)) for count in counts])
    return [
        _best(chunks, query, pool, count)
        for query, pool, count in zip(queries, pools, counts, strict=True)
    ]


def _pool_size(count: int, vectors: int) -> int:
    return max(_POOL * count, int(vectors * _POOL_SHARE))


def _promising(rows: Vector, queries: Vector, sizes: Sequence[int]) -> list[NDArray[np.int64]]:
    """The slots of the greatest inner products with each query, about as many as wanted."""
    width = _fast_width(len(queries))
    columns = np.zeros((queries.shape[1], width), np.float32)
    columns[:, : len(queries)] = queries.T
    thresholds = np.full(width, np.inf, np.float32)
    thresholds[: len(queries)] = _thresholds(rows, queries, sizes)
    found = []
    for start in range(0, len(rows), _BLOCK):
        similar = rows[start : start + _BLOCK] @ columns
        found.append(np.flatnonzero(similar >= thresholds) + start * width)
    slots, query = np.divmod(np.concatenate(found), width)
    order = np.argsort(query.astype(np.uint16), kind="stable")
    ends = np.cumsum(np.bincount(query, minlength=len(queries)))
    return np.split(slots[order], ends[:-1])


def _fast_width(queries: int) -> int:
    """The columns of a product that takes least: BLAS goes through sixteen at a time."""
    full, rest = divmod(queries, 16)
    return 16 * (full + 1) if rest >= 10 else queries


def _thresholds(rows: Vector, queries: Vector, sizes: Sequence[int]) -> Vector:
    """What an inner product must reach for about `sizes` of them to do so, from a sample."""
    step = max(1, len(rows) // _SAMPLE)
    sample = np.ascontiguousarray((rows[::step] @ queries.T).T)
    thresholds = np.empty(len(queries), np.float32)
    for i, (values, size) in enumerate(zip(sample, sizes, strict=True)):
        expected = size / step
        # Two standard deviations more than that: seldom are too few found.
        rank = min(len(values), 1 + int(expected + 2 * expected**0.5))
        thresholds[i] = np.partition(values, len(values) - rank)[len(values) - rank]
    return thresholds


def _best(
    chunks: LiveChunks, query: Vector, pool: NDArray[np.int64], count: int
) -> NDArray[np.int64]:
    """The positions of the nearest of a pool of slots, dead ones left out."""
    owners = chunks.owners[pool]
    alive = owners >= 0
    pool, owners = pool[alive], owners[alive]
    if len(owners) < min(count, len(chunks.keys)):  # too many are dead
        return scan.nearest(chunks.vectors, query, chunks.slots, count)
    return owners[scan.nearest(chunks.vectors, query, pool, count)]
