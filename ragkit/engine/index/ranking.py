"""Relevance scores: what a query and a chunk have in common, as a calibrated probability.

Statistics (how many chunks hold a term, the mean length of a text) are those of the corpus' live
chunks, also when a search is confined to some of them. So a chunk's score depends on the query,
on the chunk and on the corpus, never on the company it is ranked in, nor on how the index came
to its present state.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ragkit.engine.index import constants
from ragkit.engine.index.analysis import Analysis, Terms, stop_codes
from ragkit.engine.index.constants import Calibration

FrequencyCounter = Callable[[Sequence[str]], NDArray[np.int64]]
"""Counts the live chunks that hold each of some terms."""


@dataclass(frozen=True, slots=True)
class Question:
    """A query's distinct terms, spelled and as codes, with their weights.

    `counts` says how many chunks hold each.
    `pairs[i, j]` numbers the pair of term i followed by term j, -1 if the query has no such pair.
    """

    terms: list[str]
    codes: Terms
    weights: NDArray[np.float64]
    pairs: NDArray[np.int64]
    pair_weights: NDArray[np.float64]
    counts: NDArray[np.int64]

    def telling(self, least: float) -> list[str]:
        """The terms without the commonest ones, that have up to the share `least` of the weight.

        What occurs nowhere is left out, unless nothing occurs anywhere.
        """
        weights = np.where(self.counts > 0, self.weights, 0.0)
        order = np.argsort(-weights, kind="stable")
        reached = np.cumsum(weights[order])
        size = 1 + int(np.searchsorted(reached, reached[-1] * (1.0 - least)))
        return [self.terms[i] for i in order[:size].tolist()]


@dataclass(frozen=True, slots=True)
class Features:
    """What is known of each candidate; every value lies in [0, 1], cosines in [-1, 1].

    `bm25` is BM25 as a share of what its terms could reach, `coverage` the share of the query's
    weight that the text holds, `exact` the same for words in just the query's form, `pairs` the
    share of the query's neighbouring terms that stand close together in the text.
    """

    bm25: NDArray[np.float64]
    coverage: NDArray[np.float64]
    exact: NDArray[np.float64]
    pairs: NDArray[np.float64]
    cosine: NDArray[np.float64]

    def probability(self, calibration: Calibration) -> NDArray[np.float64]:
        """Fuse the features into one score in [0, 1]."""
        evidence = (
            calibration.bias
            + calibration.bm25 * self.bm25
            + calibration.coverage * self.coverage
            + calibration.exact * self.exact
            + calibration.pairs * self.pairs
            + calibration.cosine * self.cosine
        )
        return np.asarray(1.0 / (1.0 + np.exp(-evidence)))


def inverse_document_frequencies(counts: NDArray[np.int64], live: int) -> NDArray[np.float64]:
    """Weigh terms by their rarity.

    Robertson and Zaragoza 2009, section 3.1, with one added so that no weight is negative.

    Args:
        counts: how many chunks hold each term.
        live: how many chunks there are.
    """
    return np.log1p((np.maximum(live - counts, 0) + 0.5) / (counts + 0.5))


def ask(analysis: Analysis, live: int, frequencies: FrequencyCounter) -> Question | None:
    """Turn an analysed query into the terms to look for.

    Words that only give a question its shape are left out, unless there are no others. Of a very
    long query the terms that say most are kept: those that occur in the corpus at all, by number
    of occurrences in the query times rarity.

    Returns:
        None if the query has no terms.
    """
    stops = stop_codes()
    spelled = analysis.spelled.split()
    codes = analysis.terms["code"].tolist()
    telling = [term for term, code in zip(spelled, codes, strict=True) if code not in stops]
    sequence = telling or spelled
    if not sequence:
        return None
    first = {term: i for i, term in reversed(list(enumerate(spelled)))}
    occurrences = Counter(sequence)
    if len(occurrences) > constants.MAX_QUERY_TERMS:
        occurrences = _most_telling(occurrences, live, frequencies)
    terms = list(occurrences)
    counts = frequencies(terms)
    weights = inverse_document_frequencies(counts, live)
    places = [first[term] for term in terms]
    pairs, pair_weights = _pairs(terms, sequence, weights)
    return Question(terms, analysis.terms[places], weights, pairs, pair_weights, counts)


def features(
    question: Question | None,
    texts: Terms,
    lengths: NDArray[np.int64],
    mean_length: float,
    cosine: NDArray[np.float64],
) -> Features:
    """Compare a question with candidates.

    Args:
        question: what to look for; None compares vectors only.
        texts: the terms of the candidates, one text after the other.
        lengths: number of terms of each candidate.
        mean_length: number of terms of the corpus' mean chunk.
        cosine: similarity of each candidate's vector to the query's.
    """
    if question is None:
        nothing = np.zeros(len(lengths))
        return Features(nothing, nothing, nothing, nothing, cosine)
    size = len(question.terms)
    hits, term = _find(question.codes["code"], np.ascontiguousarray(texts["code"]))
    owner = np.searchsorted(np.cumsum(lengths), hits, side="right")
    cells = owner * size + term
    shape = (len(lengths), size)
    frequency = np.bincount(cells, minlength=len(lengths) * size).reshape(shape)
    same_form = np.zeros(shape, bool)
    same_form.reshape(-1)[cells[texts["form"][hits] == question.codes["form"][term]]] = True
    saturation = constants.TERM_SATURATION * (
        1.0
        - constants.LENGTH_NORMALISATION
        + constants.LENGTH_NORMALISATION * lengths / max(mean_length, 1.0)
    )
    reached = frequency / (frequency + saturation[:, None])
    share = question.weights / question.weights.sum()
    # Summing along rows (and no matrix product) keeps each score apart from its neighbours.
    coverage = ((frequency > 0) * share).sum(axis=1)
    return Features(
        bm25=(reached * share).sum(axis=1),
        coverage=coverage,
        exact=(same_form * share).sum(axis=1),
        pairs=_paired(question, hits, term, owner, len(lengths)) if _has(question) else coverage,
        cosine=cosine,
    )


def _find(
    wanted: NDArray[np.uint32], codes: NDArray[np.uint32]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return where in `codes` there are wanted ones, and which of them each is."""
    # Most codes are none of them, as their lower halves tell in a table small enough to be fast.
    possible = np.zeros(1 << 16, np.bool_)
    possible[wanted & 0xFFFF] = True
    hits = np.flatnonzero(possible[codes & 0xFFFF])
    order = np.argsort(wanted)
    ordered = wanted[order]
    places = np.minimum(np.searchsorted(ordered, codes[hits]), len(wanted) - 1)
    right = ordered[places] == codes[hits]
    return hits[right], order[places[right]]


def _has(question: Question) -> bool:
    return len(question.pair_weights) > 0


def _paired(
    question: Question,
    hits: NDArray[np.int64],
    term: NDArray[np.int64],
    owner: NDArray[np.int64],
    candidates: int,
) -> NDArray[np.float64]:
    close = (owner[1:] == owner[:-1]) & (np.diff(hits) <= constants.PAIR_WINDOW)
    pair = question.pairs[term[:-1], term[1:]]
    close &= pair >= 0
    found = np.zeros((candidates, len(question.pair_weights)), bool)
    found[owner[1:][close], pair[close]] = True
    share = question.pair_weights / question.pair_weights.sum()
    return np.asarray((found * share).sum(axis=1))


def _pairs(
    terms: Sequence[str], sequence: Sequence[str], weights: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    number = {term: i for i, term in enumerate(terms)}
    pairs = np.full((len(terms), len(terms)), -1, np.int64)
    pair_weights: list[float] = []
    kept = [number[term] for term in sequence if term in number]
    for before, after in pairwise(kept):
        if before != after and pairs[before, after] < 0:
            pairs[before, after] = len(pair_weights)
            pair_weights.append(float(weights[before] + weights[after]) / 2)
    return pairs, np.array(pair_weights)


def _most_telling(
    occurrences: Counter[str], live: int, frequencies: FrequencyCounter
) -> Counter[str]:
    terms = list(occurrences)
    counts = frequencies(terms)
    times = np.array([occurrences[term] for term in terms])
    value = times * inverse_document_frequencies(counts, live) * (counts > 0)
    kept = np.sort(np.argsort(-value, kind="stable")[: constants.MAX_QUERY_TERMS])
    return Counter({terms[i]: occurrences[terms[i]] for i in kept.tolist()})
