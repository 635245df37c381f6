"""How well each sentence of some passages answers a question: features, not yet a judgement.

A question's words are matched softly: a sentence holds a word as far as its most similar word is
similar, by stem, by common beginning, or by the cosine of static vectors. Two weightings of the
question's words are used together: how rare a word is in general (the rank of its token in the
embedder's vocabulary, which was built by frequency), and how rare among these very sentences:
what most of them share is their topic and tells them apart no more.

A sentence is read in context: its predecessors and its section's heading often name what it
says something about.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ragkit.engine.models.passages import Form, Sentence
from ragkit.engine.models.question import Array, Question
from ragkit.engine.models.static import StaticEmbedder
from ragkit.engine.models.words import STOP_WORDS, Kind, kind_marks, stem, words_of

_SIMILAR = 0.3  # cosine of two words from which on they count as similar at all
_SAME_BEGINNING = 0.8
_BEGINNING = 5
_PROMISING = 200  # sentences looked at closely: the best by words


RANKING_FEATURES = (
    "words",
    "words_here",
    "names",
    "cosine",
    "cosine_with_previous",
    "added_by_previous",
    "added_by_context",
    "added_by_next",
    "words_of_previous",
    "number_digits",
    "number_words",
    "number_near",
    "time_digits",
    "time_words",
    "person_name",
    "place_name",
    "words_of_passage",
    "cosine_of_passage",
    "log_length",
    "nothing_new",
    "asks",
)
"""Names of the columns of `Evidence.ranking`."""

ANSWERABLE_FEATURES = (
    "words",
    "words_in_context",
    "words_of_passage",
    "least_word_of_passage",
    "names_missing",
    "cosine",
    "cosine_with_previous",
    "cosine_of_passage",
    "kind_found",
    "kind_missing",
)
"""Names of the columns of `Evidence.answerable`."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """Features of each sentence.

    Attributes:
        ranking: shape (sentences, len(RANKING_FEATURES)).
        answerable: shape (sentences, len(ANSWERABLE_FEATURES)).
        matches: how far each sentence holds each word, shape (sentences, terms), in [0, 1].
        weights: what each word is worth among these sentences, shape (terms,), summing to 1.
    """

    ranking: Array
    answerable: Array
    matches: Array
    weights: Array


def weigh(
    embedder: StaticEmbedder,
    question: Question,
    passages: Sequence[str],
    sentences: Sequence[Sentence],
) -> Evidence:
    """Return the features of each of the passages' sentences for this question."""
    words = [words_of(sentence.text) for sentence in sentences]
    soft, exact, news = _match(embedder, question, words)
    count = len(sentences)
    passage = np.array([sentence.passage for sentence in sentences])
    same = np.append(False, passage[1:] == passage[:-1])[:, None]
    previous = np.where(same, np.roll(soft, 1, axis=0), 0)
    before = np.where(same, np.roll(previous, 1, axis=0), 0)
    following = np.where(np.roll(same, -1, axis=0), np.roll(soft, -1, axis=0), 0)
    heading = _headings(sentences, soft)

    here = question.weights * np.log((count + 1) / (soft.sum(axis=0) + 0.5))
    here = (here / max(float(here.sum()), 1e-9)).astype(np.float32)
    general = question.weights
    with_previous = np.maximum(soft, previous)
    in_context = np.maximum(np.maximum(with_previous, before), heading)

    starts = np.flatnonzero(~same[:, 0])
    group = np.cumsum(~same[:, 0]) - 1
    passage_soft = np.maximum.reduceat(soft, starts)
    passage_exact = np.maximum.reduceat(exact, starts)
    own_passages = [passages[number] for number in passage[starts]]
    passage_cosine = (embedder.embed(own_passages) @ question.vector)[group]
    promising = np.arange(count)
    if count > _PROMISING:
        promising = np.sort(np.argpartition(-(in_context + soft) @ here, _PROMISING)[:_PROMISING])
    cosine, cosine_with_previous = _cosines(embedder, question, sentences, promising, same[:, 0])
    known = frozenset(question.stems) | frozenset(question.terms)
    marks = np.zeros((count, 3), np.float32)
    for row in promising.tolist():
        marks[row] = kind_marks(question.kind, sentences[row].text, words[row], known)
    strong, weak, near = marks.T
    kind = question.kind
    ranking = np.column_stack(
        [
            soft @ general,
            soft @ here,
            exact @ question.names,
            cosine,
            cosine_with_previous,
            (with_previous - soft) @ here,
            (in_context - with_previous) @ here,
            (np.maximum(soft, following) - soft) @ here,
            previous @ here,
            strong * (kind is Kind.NUMBER),
            weak * (kind is Kind.NUMBER),
            near,
            strong * (kind is Kind.TIME),
            weak * (kind is Kind.TIME),
            strong * (kind is Kind.PERSON),
            strong * (kind is Kind.PLACE),
            (passage_soft @ here)[group],
            passage_cosine,
            np.log1p([len(sentence) for sentence in words]),
            news == 0,
            [sentence.text.endswith("?") for sentence in sentences],
        ]
    ).astype(np.float32)
    found = np.maximum(strong, weak)
    answerable = np.column_stack(
        [
            soft @ general,
            in_context @ general,
            (passage_soft @ general)[group],
            passage_soft.min(axis=1, initial=1)[group],
            ((1 - passage_exact) @ question.names)[group],
            cosine,
            cosine_with_previous,
            passage_cosine,
            found,
            (1 - found) * (kind is not Kind.OTHER),
        ]
    ).astype(np.float32)
    return Evidence(ranking, answerable, soft, here)


def _match(
    embedder: StaticEmbedder, question: Question, words: Sequence[Sequence[str]]
) -> tuple[Array, Array, NDArray[np.intp]]:
    """Match each sentence's words with the question's.

    Returns soft matches and exact ones (by stem), both of shape (sentences, terms) in [0, 1], and
    how many words that matter each sentence has beyond the question's, shape (sentences,).
    """
    index: dict[str, int] = {}
    flat = [index.setdefault(word, len(index)) for sentence in words for word in sentence]
    lengths = np.array([len(sentence) for sentence in words])
    filled = np.flatnonzero(lengths)
    soft = np.zeros((len(words), len(question.terms)), np.float32)
    exact = np.zeros_like(soft)
    news = np.zeros(len(words), np.intp)
    if not flat or not question.terms:
        return soft, exact, news
    vocabulary = list(index)
    same = _same_stem(question, vocabulary)
    similar = embedder.word_vectors(vocabulary) @ question.vectors.T
    similar = np.clip((similar - _SIMILAR) / (1 - _SIMILAR), 0, 1)
    similar = np.maximum(similar, np.maximum(same, _same_beginning(question, vocabulary)))
    new = np.array([word not in STOP_WORDS for word in vocabulary]) & ~same.any(axis=1)
    order = np.array(flat)
    offsets = (np.cumsum(lengths) - lengths)[filled]
    soft[filled] = np.maximum.reduceat(similar[order], offsets)
    exact[filled] = np.maximum.reduceat(same[order], offsets)
    news[filled] = np.add.reduceat(new[order].astype(np.intp), offsets)
    return soft, exact, news


def _same_stem(question: Question, vocabulary: Sequence[str]) -> Array:
    """Return 1 where word and term share a stem, shape (words, terms)."""
    same = np.zeros((len(vocabulary), len(question.terms)), np.float32)
    terms: dict[str, list[int]] = {}
    for number, key in enumerate(question.stems):
        terms.setdefault(key, []).append(number)
    for row, word in enumerate(vocabulary):
        columns = terms.get(stem(word))
        if columns is not None:
            same[row, columns] = 1
    return same


def _same_beginning(question: Question, vocabulary: Sequence[str]) -> Array:
    """Return how far words of many letters begin alike, as inflected forms do in any language."""
    alike = np.zeros((len(vocabulary), len(question.terms)), np.float32)
    terms: dict[str, list[int]] = {}
    for number, term in enumerate(question.terms):
        if len(term) >= _BEGINNING:
            terms.setdefault(term[:_BEGINNING], []).append(number)
    for row, word in enumerate(vocabulary):
        for column in terms.get(word[:_BEGINNING], ()):
            term = question.terms[column]
            common = _BEGINNING
            while common < min(len(term), len(word)) and term[common] == word[common]:
                common += 1
            if common >= 0.7 * max(len(term), len(word)):
                alike[row, column] = _SAME_BEGINNING
    return alike


def _headings(sentences: Sequence[Sentence], soft: Array) -> Array:
    """Return the matches of the heading over each sentence, shape (sentences, terms)."""
    over = np.zeros_like(soft)
    current = -1
    passage = -1
    for row, sentence in enumerate(sentences):
        if sentence.passage != passage:
            passage, current = sentence.passage, -1
        if sentence.form is Form.HEADING:
            current = row
        elif current >= 0:
            over[row] = soft[current]
    return over


def _cosines(
    embedder: StaticEmbedder,
    question: Question,
    sentences: Sequence[Sentence],
    promising: NDArray[np.intp],
    same: NDArray[np.bool_],
) -> tuple[Array, Array]:
    """Return the cosines of question and sentence, alone and together with the one before.

    Those of sentences that are not promising are 0. `same` says whether the sentence before is of
    the same passage.
    """
    count = len(sentences)
    chosen = np.union1d(promising, (promising - 1)[same[promising]])
    vectors = embedder.embed([sentences[row].text for row in chosen.tolist()])
    has_previous = same[chosen] & np.append(False, np.diff(chosen) == 1)
    pairs = vectors + np.where(has_previous[:, None], np.roll(vectors, 1, axis=0), 0)
    lengths = np.maximum(np.linalg.norm(pairs, axis=1), 1e-9)
    alone = np.zeros(count, np.float32)
    together = np.zeros(count, np.float32)
    alone[chosen] = vectors @ question.vector
    together[chosen] = (pairs @ question.vector) / lengths
    return alone, together
