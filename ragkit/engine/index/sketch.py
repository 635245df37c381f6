"""Nearest vectors in steps: sketches of all of them, then more of the most promising ones.

A sketch holds a vector's coordinates along the directions in which the corpus' vectors differ most
(principal components: Jolliffe 2002, "Principal Component Analysis", section 2) and the length of
what those leave out, each as one byte. A query's inner product with what is left out is unknown,
but its size is at most that length times the query's own: a part of this is added in the vector's
favour. Without it, the vectors of a topic that is rare in the corpus, of which the common
directions say little, are missed. The other coordinates are bytes, too, in an array of their own:
with them, inner products are known to about a thousandth.

Of the ten nearest of 28,000 passages to 400 questions of SQuAD, COVID-QA and QED, and of 100,000
made chunks to 400 made questions, more than 99.8% are found, of a million 99.6%; that numbers are
bytes costs none.

All of it lies in files that are mapped, an eighth and an eighth of the vectors' size. `simsimd`
compares sketches with one query at the speed of memory, `numkong` with several.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ragkit.engine.index import scan
from ragkit.engine.index.flat import LiveChunks
from ragkit.engine.records import Vector

Codes: TypeAlias = NDArray[np.int8]
"""Sketches, shape (n, width)."""

_WIDTH_STEP = 64
"""Processors take so many bytes at a time."""

_FAVOUR = 0.35
"""The part of the greatest possible inner product of what is left out that is expected."""

_LARGEST = 127
_CLIPPED = 1e-4
"""The share of coordinates that may be too large for a byte."""

_POOL = 3
"""Vectors of which all coordinates are compared, for each one wanted."""

_SAMPLE = 4_096
_LEARNED_FROM = 16_384
_BLOCK = 16_384
"""Rows at a time: what is computed of them should stay in the processor's cache."""


@dataclass(frozen=True, slots=True)
class Basis:
    """The directions of a corpus' sketches, best first, and what coordinates are divided by.

    Attributes:
        mean: of the vectors.
        scale: of what a sketch holds.
        rest_scale: of the other coordinates.
        directions: unit vectors at right angles, shape (dimensions, dimensions), one a column.
    """

    mean: Vector
    scale: float
    rest_scale: float
    directions: Vector

    @classmethod
    def learn(cls, vectors: Vector) -> Self:
        """Find the directions in which vectors differ most.

        Args:
            vectors: shape (n, dimensions).
        """
        sample = vectors[:: max(1, len(vectors) // _LEARNED_FROM)]
        mean = sample.mean(axis=0)
        centred = sample - mean
        _, directions = np.linalg.eigh(centred.T @ centred)
        unscaled = cls(mean, 1.0, 1.0, np.ascontiguousarray(directions[:, ::-1], np.float32))
        kept, left, rest = unscaled._coordinates(centred, 1.0)
        return cls(mean, _scale(np.column_stack((kept, left))), _scale(rest), unscaled.directions)

    @classmethod
    def decode(cls, content: bytes, dimensions: int) -> Self:
        """Read what `encode` wrote."""
        mean, scales, directions = np.split(
            np.frombuffer(content, "<f4"), [dimensions, dimensions + 2]
        )
        return cls(
            mean, float(scales[0]), float(scales[1]), directions.reshape(dimensions, dimensions)
        )

    def encode(self) -> bytes:
        """Return the content of the basis' file."""
        scales = [self.scale, self.rest_scale]
        numbers = np.concatenate((self.mean, scales, self.directions.ravel()))
        return numbers.astype("<f4").tobytes()

    @property
    def width(self) -> int:
        """Bytes of a sketch."""
        return _width(len(self.mean))

    @property
    def kept(self) -> int:
        """How many coordinates a sketch holds."""
        return min(len(self.mean), self.width - 1)

    def rows(self, vectors: Vector) -> tuple[Codes, Codes]:
        """Sketch stored vectors; returns sketches and the other coordinates."""
        # The mean moves all inner products with a query by the same amount.
        kept, left, rest = self._coordinates(vectors - self.mean, 1.0)
        return self._sketches(kept, left, 1.0 / self.scale), _bytes(rest / self.rest_scale)

    def queries(self, vectors: Vector) -> Codes:
        """Sketch queries, so that their products with the rows rank as the true ones do."""
        kept, left, _ = self._coordinates(vectors, _FAVOUR)
        largest = np.maximum(np.abs(kept).max(axis=1), left)[:, None]
        return self._sketches(kept, left, _LARGEST / np.maximum(largest, 1e-12))

    def _coordinates(self, vectors: Vector, favour: float) -> tuple[Vector, Vector, Vector]:
        """Coordinates that are kept, a part of the others' length, and the others."""
        kept, rest = np.split(vectors @ self.directions, [self.kept], axis=1)
        return kept, favour * np.sqrt(np.vecdot(rest, rest)), rest

    def _sketches(self, kept: Vector, left: Vector, factor: float | Vector) -> Codes:
        codes = np.zeros((len(kept), self.width), np.int8)
        codes[:, : self.kept + 1] = _bytes(np.column_stack((kept, left)) * factor)
        return codes


def _width(dimensions: int) -> int:
    return _WIDTH_STEP * max(1, round(dimensions / 2 / _WIDTH_STEP))


def _scale(numbers: Vector) -> float:
    largest = float(np.quantile(np.abs(numbers), 1.0 - _CLIPPED)) if numbers.size else 0.0
    return max(largest, 1e-6) / _LARGEST


def _bytes(numbers: Vector) -> Codes:
    return np.clip(np.rint(numbers), -_LARGEST, _LARGEST).astype(np.int8)


@dataclass(frozen=True)
class Sketch:
    """The sketches of all vectors of a view."""

    basis: Basis
    codes: Codes
    rest: Codes

    def cosines(self, slots: NDArray[np.int64], query: Vector) -> NDArray[np.float64]:
        """Compute inner products with a query to about a thousandth.

        Args:
            slots: the vectors' numbers.
            query: shape (dimensions,).

        Returns:
            One for each of `slots`.
        """
        basis = self.basis
        kept, rest = np.split(query @ basis.directions, [basis.kept])
        known = self.codes[slots, : basis.kept].astype(np.float32)
        others = self.rest[slots].astype(np.float32)
        products = np.vecdot(known, kept) * basis.scale + np.vecdot(others, rest) * basis.rest_scale
        return np.asarray(products + np.vecdot(basis.mean, query), np.float64)

    def nearest_for_each(
        self, chunks: LiveChunks, queries: Vector, counts: Sequence[int]
    ) -> list[NDArray[np.int64]]:
        """Find the chunks with the vectors nearest to each of several queries.

        Args:
            chunks: the chunks whose vectors are sketched.
            queries: shape (queries, dimensions).
            counts: how many are wanted for each query.

        Returns:
            Positions among the chunks of the nearest of each query, in no particular order. What
            is found for a query does not depend on the others.
        """
        # Dead vectors take places, too.
        share = len(chunks.keys) / max(len(self.codes), 1)
        sizes = [int(_POOL * count / max(share, 1e-3)) for count in counts]
        pools = self._promising(self.basis.queries(queries), sizes)
        return [
            self._best(chunks, query, *pool, count)
            for query, pool, count in zip(queries, pools, counts, strict=True)
        ]

    @cached_property
    def _sample(self) -> Codes:
        return np.ascontiguousarray(self.codes[:: self._step])

    @property
    def _step(self) -> int:
        return max(1, len(self.codes) // _SAMPLE)

    def _promising(
        self, queries: Codes, sizes: Sequence[int]
    ) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int32]]]:
        """The slots of the greatest products with each query, and those: seldom too few."""
        multiply = _multiplier(queries)
        thresholds = self._thresholds(multiply(self._sample), sizes)
        found, values = [], []
        for start in range(0, len(self.codes), _BLOCK):
            products = multiply(self.codes[start : start + _BLOCK])
            reached = np.flatnonzero(products >= thresholds)
            values.append(products.reshape(-1)[reached].astype(np.int32))
            found.append(reached + start * len(queries))
        slots, query = np.divmod(np.concatenate(found), len(queries))
        order = np.argsort(query.astype(np.uint16), kind="stable")
        ends = np.cumsum(np.bincount(query, minlength=len(queries)))[:-1]
        ordered = np.split(slots[order], ends), np.split(np.concatenate(values)[order], ends)
        return zip(*ordered, strict=True)

    def _thresholds(self, sample: NDArray[Any], sizes: Sequence[int]) -> NDArray[Any]:
        """What a product must reach for about `sizes` of them to do so, from a sample."""
        thresholds = np.empty(len(sizes), sample.dtype)
        for i, (values, size) in enumerate(zip(np.ascontiguousarray(sample.T), sizes, strict=True)):
            expected = size / self._step
            # Two standard deviations more than that: seldom are too few found.
            rank = min(len(values), 1 + int(expected + 2 * expected**0.5))
            thresholds[i] = np.partition(values, len(values) - rank)[len(values) - rank]
        return thresholds

    def _best(
        self,
        chunks: LiveChunks,
        query: Vector,
        pool: NDArray[np.int64],
        products: NDArray[np.int32],
        count: int,
    ) -> NDArray[np.int64]:
        """The positions of the nearest of a pool of slots, dead ones left out."""
        owners = chunks.owners[pool]
        alive = np.flatnonzero(owners >= 0)
        if len(alive) < min(count, len(chunks.keys)):  # too many are dead
            return scan.nearest(chunks.vectors, query, chunks.slots, count)
        alive = alive[scan.greatest(products[alive], _POOL * count)]
        return owners[alive][scan.greatest(self.cosines(pool[alive], query), count)]


def _multiplier(queries: Codes) -> Callable[[Codes], NDArray[Any]]:
    """What gives the products of sketches with queries, shape (sketches, queries).

    They are exact whichever library computes them.
    """
    if len(queries) == 1:
        import simsimd

        def with_one(codes: Codes) -> NDArray[Any]:
            # Without `out`, for which simsimd 6.5 gives back a None that it does not own: after
            # some thousand calls the interpreter would abort.
            return np.asarray(simsimd.cdist(queries, codes, metric="dot")).reshape(-1, 1)

        return with_one
    # It goes through the sketches once for all queries, but takes a tenth of a second to import
    # and half as long again for a query alone.
    import numkong

    packed = numkong.dots_pack(queries, dtype="int8")

    def with_many(codes: Codes) -> NDArray[Any]:
        products = numkong.empty((len(codes), len(queries)), dtype="int32")
        numkong.dots_packed(codes, packed, out=products)
        return np.asarray(products)

    return with_many
