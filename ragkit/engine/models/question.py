"""A question's words that matter, what they are worth, and what is asked for."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ragkit.engine.models.embedders import Task
from ragkit.engine.models.static import StaticEmbedder
from ragkit.engine.models.words import STOP_WORDS, Kind, kind_of, stem, words_of

Array = NDArray[np.float32]

_HISTORY_WEIGHT = 0.5
_FREQUENT_TOKENS = 258 - 30  # tokens before this one are single bytes


@dataclass(frozen=True, slots=True)
class Question:
    """A question's words that matter, and what it asks for.

    Attributes:
        terms: words in order, shape (terms,); `stems` are theirs.
        weights: how much each word matters, shape (terms,), summing to 1.
        names: 1 / count for each of the words that are names or numbers, else 0, shape (terms,).
        vectors: the words' unit vectors, shape (terms, dimensions).
        vector: the whole question's unit vector, shape (dimensions,).
        kind: what kind of answer is asked for.
    """

    terms: tuple[str, ...]
    stems: tuple[str, ...]
    weights: Array
    names: Array
    vectors: Array
    vector: Array
    kind: Kind


def analyse_question(embedder: StaticEmbedder, question: str, earlier: str = "") -> Question:
    """Return what the sentences are to be matched with.

    Args:
        embedder: gives words their vectors and their ranks.
        question: the question as asked.
        earlier: the question before, if this one does not stand alone; its words count half.
    """
    own = _content(question)
    added = [word for word in _content(earlier) if word not in own] if earlier else []
    terms = [*own, *added]
    weights = np.array([_rarity(embedder, term) for term in terms], np.float32)
    weights[len(own) :] *= _HISTORY_WEIGHT
    whole = f"{earlier} {question}" if earlier else question
    return Question(
        tuple(terms),
        tuple(map(stem, terms)),
        weights / max(float(weights.sum()), 1e-9),
        _names(question, terms),
        embedder.word_vectors(terms),
        embedder.embed([whole], task=Task.RETRIEVAL_QUERY)[0],
        kind_of(question),
    )


_NAME = re.compile(r"(?<!^)\b(?:[A-Z]\w*|\w*\d\w*)")


def _names(question: str, terms: Sequence[str]) -> Array:
    named = {word for name in _NAME.findall(question) for word in words_of(name)}
    marked = np.array([term in named for term in terms], np.float32)
    return marked / max(float(marked.sum()), 1.0)


def _content(text: str) -> list[str]:
    words = list(dict.fromkeys(words_of(text)))
    return [word for word in words if word not in STOP_WORDS] or words


def _rarity(embedder: StaticEmbedder, word: str) -> float:
    """Return about the negative logarithm of a word's frequency in general text.

    Byte-pair vocabularies are built by merging the most frequent first, so that a token's number
    is about its rank, and by Zipf's law frequency falls with rank.
    """
    return min(_rank(embedder, word), _rank(embedder, word.capitalize()))


def _rank(embedder: StaticEmbedder, word: str) -> float:
    ids = embedder.token_ids(word)
    if len(ids) == 1:
        return float(np.log(max(int(ids[0]) - _FREQUENT_TOKENS, 30)))
    return float(np.log(embedder.vocabulary_size) + 0.8 * (len(ids) - 1))
