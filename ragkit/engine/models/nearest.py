"""Nearest-example selection: what a tuned model is made of.

Nothing is learnt but two numbers: how many of the nearest examples are used, and how their weights
fall with their distance. The weight of the i-th nearest of k examples is

    w_i = exp(sharpness * s_i) / sum over j <= k of exp(sharpness * s_j)

where s is the cosine similarity of the embeddings of input and example; a sharpness of 0 weighs
all alike. A choice of both is judged by leave-one-out: each example's output is predicted from the
other examples, as the weighted mean of the embeddings of their outputs, and the loss is the mean
squared distance between prediction and truth (which is between 0 and 4, since embeddings have
unit length; where outputs are labels this is k-nearest-neighbours classification judged by its
Brier score, but for similar labels counting as partly right).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ragkit.engine.records import Vector

NEIGHBOURS: Final = (1, 2, 3, 4, 6, 8, 12, 16)
"""The numbers of neighbours that are tried. More examples would crowd out a prompt."""
_FIRST_SHARPNESS: Final = 4.0
_BLOCK: Final = 512


@dataclass(frozen=True, slots=True)
class Candidate:
    """A choice to judge, in the pass over the examples' numbers with that sharpness."""

    epoch: int
    neighbours: int
    sharpness: float


def candidates(examples: int, epochs: int) -> list[Candidate]:
    """The choices to judge, in order.

    Arguments:
        examples: how many examples there are.
        epochs: how many values of sharpness to try: 0, 4, 8, 16 and so on.
    """
    most = max(1, examples - 1)
    counts = [count for count in NEIGHBOURS if count <= most]
    sharpnesses = [0.0, *(_FIRST_SHARPNESS * 2**power for power in range(epochs - 1))]
    return [
        Candidate(epoch, count, sharpness)
        for epoch, sharpness in enumerate(sharpnesses, 1)
        for count in counts
    ]


@dataclass(frozen=True, slots=True)
class Neighbours:
    """For each of n inputs its nearest examples, nearest first.

    Attributes:
        indices: shape (n, k).
        similarities: cosines, shape (n, k).
    """

    indices: NDArray[np.intp]
    similarities: NDArray[np.float32]


def nearest(queries: Vector, examples: Vector, most: int) -> Neighbours:
    """The examples nearest to each query; among equals, the earlier ones.

    Arguments:
        queries: embeddings, shape (n, d).
        examples: embeddings, shape (m, d).
        most: how many for each; no more than m are found.
    """
    return _nearest(queries, examples, most, leave_out_self=False)


def nearest_others(examples: Vector, most: int) -> Neighbours:
    """For each example the nearest of the others; see `nearest`."""
    return _nearest(examples, examples, min(most, len(examples) - 1), leave_out_self=True)


def _nearest(queries: Vector, examples: Vector, most: int, *, leave_out_self: bool) -> Neighbours:
    count = min(most, len(examples))
    indices = np.empty((len(queries), count), np.intp)
    similarities = np.empty((len(queries), count), np.float32)
    for start in range(0, len(queries), _BLOCK):
        block = slice(start, start + _BLOCK)
        cosines = queries[block] @ examples.T
        if leave_out_self:
            rows = np.arange(len(cosines))
            cosines[rows, start + rows] = -np.inf
        order = np.argsort(-cosines, axis=1, kind="stable")[:, :count]
        indices[block] = order
        similarities[block] = np.take_along_axis(cosines, order, axis=1)
    return Neighbours(indices, similarities)


def weights(similarities: NDArray[np.float32], sharpness: float) -> NDArray[np.float32]:
    """The weights of neighbours, each row summing to 1; shapes (n, k)."""
    scaled = sharpness * similarities
    raw = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    normal: NDArray[np.float32] = raw / raw.sum(axis=1, keepdims=True)
    return normal


def leave_one_out_loss(neighbours: Neighbours, outputs: Vector, candidate: Candidate) -> float:
    """The loss of a choice over all examples; see the module's description.

    Arguments:
        neighbours: of `nearest_others`.
        outputs: the embeddings of the examples' outputs, shape (n, d).
        candidate: the choice.
    """
    total = 0.0
    count = candidate.neighbours
    for start in range(0, len(outputs), _BLOCK):
        block = slice(start, start + _BLOCK)
        truth = outputs[block]
        predicted = np.zeros_like(truth)
        if neighbours.indices.shape[1]:
            near = weights(neighbours.similarities[block, :count], candidate.sharpness)
            predicted = np.einsum("nk,nkd->nd", near, outputs[neighbours.indices[block, :count]])
        total += float(((predicted - truth) ** 2).sum(dtype=np.float64))
    return total / len(outputs)


def vote(outputs: Sequence[str], weighed: Sequence[float]) -> list[str]:
    """The different outputs of the nearest examples, the one of most weight first.

    Arguments:
        outputs: the outputs of the nearest examples, nearest first.
        weighed: the examples' weights.

    Returns:
        Each output once; among equals in weight, the one whose example is nearer comes first.
    """
    totals: dict[str, float] = {}
    for output, weight in zip(outputs, weighed, strict=True):
        totals[output] = totals.get(output, 0.0) + weight
    return sorted(totals, key=lambda output: -totals[output])
