"""The extractive answerer: answers made of the passages' own sentences.

It quotes; it never writes. So every word of an answer stands in a passage, at offsets that the
answer carries. The ranking of sentences and the probability that the passages answer the question
at all are linear in the features of `ragkit.engine.models.evidence`; `benchmarks/tune_answers.py`
fits and reports both.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cache

import numpy as np

from ragkit.engine.models.embedders import load_embedder
from ragkit.engine.models.evidence import Evidence, weigh
from ragkit.engine.models.passages import Form, Sentence, sentences_of
from ragkit.engine.models.question import Array, Question, analyse_question
from ragkit.engine.models.static import StaticEmbedder
from ragkit.engine.models.words import STOP_WORDS, words_of


class Style(Enum):
    """How much an answer says; the API's `AnswerStyle`.

    All three are composed of verbatim sentences: rephrasing needs a generator.
    """

    ABSTRACTIVE = 1
    """Succinct: the best sentence, and one or two more where they add information."""

    EXTRACTIVE = 2
    """Very brief: the best sentence."""

    VERBOSE = 3
    """Several sentences, with details."""


@dataclass(frozen=True, slots=True)
class ExtractedSentence:
    """A sentence of an answer: characters `start` to `end` of the passage of that index."""

    passage: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class ExtractedAnswer:
    """An answer.

    Attributes:
        sentences: what the answer quotes, in reading order: by passage, then by position. Empty
            only if no passage holds a sentence.
        answerable_probability: how probable it is that the passages answer the question, in
            [0, 1], calibrated. An unanswerable question still gets an answer, with a low one.
    """

    sentences: tuple[ExtractedSentence, ...]
    answerable_probability: float


@dataclass(frozen=True, slots=True)
class _Composition:
    """How many sentences a style takes, and how far below the best they may score."""

    most: int
    slack: float


_COMPOSITIONS = {
    Style.EXTRACTIVE: _Composition(1, 0.0),
    Style.ABSTRACTIVE: _Composition(3, 1.2),
    Style.VERBOSE: _Composition(7, 2.5),
}

RANKING_WEIGHTS: dict[str, float] = {
    "words": 3.54,
    "words_here": 7.46,
    "names": -0.67,
    "cosine": -0.57,
    "cosine_with_previous": 4.34,
    "added_by_previous": 6.3,
    "added_by_context": 3.2,
    "added_by_next": 2.0,
    "words_of_previous": -1.73,
    "number_digits": 1.65,
    "number_words": 1.39,
    "number_near": 0.53,
    "time_digits": 1.19,
    "time_words": 1.17,
    "person_name": 1.38,
    "place_name": 0.76,
    "words_of_passage": 2.42,
    "cosine_of_passage": 4.73,
    "log_length": 0.15,
    "nothing_new": -3.13,
    "asks": -2.01,
}
"""Log-odds by feature, among the sentences of a call."""

ANSWERABLE_WEIGHTS: dict[str, float] = {
    "words": 2.25,
    "words_in_context": 2.89,
    "words_of_passage": 2.55,
    "least_word_of_passage": -0.87,
    "names_missing": -1.13,
    "cosine": 2.22,
    "cosine_with_previous": 2.52,
    "cosine_of_passage": -1.57,
    "kind_found": 0.12,
    "kind_missing": -0.83,
}
ANSWERABLE_BIAS = -6.01

_ANALYSED_CHARACTERS = 80_000  # of the passages that share most with the question
# Set by judgement on Markdown documentation; the data sets tuned on have nothing of the kind.
_CODE_HANDICAP = 1.5  # for lines of code, unless the question asks how to do something
_LEAD_IN_HANDICAP = 1.0  # for what announces a list, and says nothing by itself
_REPEATING_HANDICAP = 6.0  # for what only repeats the question, as documentation's examples do
_REPEATED_SPACES = 3
_ASKS_HOW = re.compile(
    r"\s*(?:how (?:do|can|to|would|should)|(?:what|which) command)\b", re.IGNORECASE
)
_DUPLICATE = 0.7  # Jaccard similarity of two sentences' words
_NEW_WORDS = 0.1  # share of the question that a further sentence must add ...
_AS_GOOD = 0.7  # ... unless it scores within this of the best
_TURNS = 3  # earlier questions looked at

_REFERS_BACK = re.compile(
    r"(?:and|but|or|so|then|what about|how about|und|y|et)\b"
    r"|.*\b(?:it|its|they|them|their|theirs|he|him|his|she|her|hers|this|that|these|those|ones?"
    r"|same|former|latter)\b",
    re.IGNORECASE | re.DOTALL,
)
_OPENS_WITH_PRONOUN = re.compile(r"(?:It|Its|He|His|She|Her|They|Their|This|These|Such)\b")


class ExtractiveAnswerer:
    """Answers by quoting. Safe to use from several threads."""

    name = "extractive"

    def __init__(self, embedder: StaticEmbedder | None = None) -> None:
        """Use the bundled embedder, for whose cosines the weights are tuned, or another of it."""
        self._given = embedder

    @property
    def _embedder(self) -> StaticEmbedder:
        return self._given or _bundled_embedder()

    def answer(
        self,
        question: str,
        passages: Sequence[str],
        *,
        style: Style = Style.EXTRACTIVE,
        history: Sequence[str] = (),
    ) -> ExtractedAnswer:
        """Answer a question from passages.

        Args:
            question: any text; usually one question, in any language.
            passages: plain text or Markdown, in any order.
            style: how much to say. Whatever the style, sentences are quoted word for word.
            history: the user's earlier turns, oldest first; used only where the question does not
                stand alone ("And how long does it take?").

        Returns:
            The sentences and the probability that the passages do answer the question. An answer
            is always attempted; it is empty, with probability 0, only if no passage has a word.
        """
        numbers = _most_promising(question, passages)
        chosen = [passages[number] for number in numbers]
        sentences = sentences_of(chosen)
        if not sentences:
            return ExtractedAnswer((), 0.0)
        embedder = self._embedder
        asked = analyse_question(embedder, question, _earlier(question, history))
        evidence = weigh(embedder, asked, chosen, sentences)
        scores = _scores(question, evidence, sentences)
        best = int(np.argmax(scores))
        rows = _compose(_COMPOSITIONS[style], sentences, evidence, scores, best)
        quoted = [
            ExtractedSentence(numbers[sentence.passage], sentence.start, sentence.end)
            for sentence in (sentences[row] for row in rows)
        ]
        quoted.sort(key=lambda sentence: (sentence.passage, sentence.start))
        return ExtractedAnswer(tuple(quoted), _probability(asked, evidence, best))


@cache
def load_answerer() -> ExtractiveAnswerer:
    """Return the answerer that needs no configuration, one for the process."""
    return ExtractiveAnswerer()


@cache
def _bundled_embedder() -> StaticEmbedder:
    embedder = load_embedder("static-256")
    assert isinstance(embedder, StaticEmbedder)
    return embedder


def _earlier(question: str, history: Sequence[str]) -> str:
    """Return the earlier questions without which this one makes no sense."""
    turns: list[str] = []
    for turn in reversed(history[-_TURNS:]):
        if not _refers_back(turns[-1] if turns else question):
            break
        turns.append(turn)
    return " ".join(reversed(turns))


def _refers_back(question: str) -> bool:
    content = [word for word in words_of(question) if word not in STOP_WORDS]
    return len(content) < 2 or _REFERS_BACK.match(question) is not None


def _most_promising(question: str, passages: Sequence[str]) -> list[int]:
    """Return which passages to analyse: all, unless they are long beyond what an answer needs."""
    numbers = list(range(len(passages)))
    if sum(map(len, passages)) <= _ANALYSED_CHARACTERS:
        return numbers
    words = {word for word in words_of(question) if word not in STOP_WORDS}
    beginnings = [word[: max(4, len(word) - 3)] for word in words]
    lower = [passage.lower() for passage in passages]
    found = np.array([[part in text for part in beginnings] for text in lower], np.float64)
    rarity = np.log((len(passages) + 1) / (found.sum(axis=0) + 0.5))
    ranked = sorted(numbers, key=(-(found @ rarity)).__getitem__)
    total = 0
    for place, number in enumerate(ranked):
        total += len(passages[number])
        if total > _ANALYSED_CHARACTERS:
            return sorted(ranked[: max(place, 1)])
    return numbers


def _scores(question: str, evidence: Evidence, sentences: Sequence[Sentence]) -> Array:
    """Return each sentence's score, -inf for what cannot be an answer by itself."""
    weights = np.array(list(RANKING_WEIGHTS.values()), np.float32)
    scores: Array = evidence.ranking @ weights
    forms = np.array([sentence.form for sentence in sentences])
    scores[forms > max(forms.min(), Form.CODE)] = -np.inf
    if not _ASKS_HOW.match(question):
        scores[forms == Form.CODE] -= _CODE_HANDICAP
    asked = question.strip(" ?!.").lower()
    repeated = asked if asked.count(" ") >= _REPEATED_SPACES else None
    for row, sentence in enumerate(sentences):
        if sentence.text.endswith(":"):
            scores[row] -= _LEAD_IN_HANDICAP
        if repeated is not None and repeated in sentence.text.lower():
            scores[row] -= _REPEATING_HANDICAP
    return scores


def _compose(
    composition: _Composition,
    sentences: Sequence[Sentence],
    evidence: Evidence,
    scores: Array,
    best: int,
) -> list[int]:
    """Return the rows of the sentences to quote, the best first."""
    rows = [best]
    if composition.most == 1:
        return rows
    covered = evidence.matches[best]
    words = [frozenset(words_of(sentences[best].text))]
    if (
        best > 0
        and _OPENS_WITH_PRONOUN.match(sentences[best].text)
        and sentences[best - 1].passage == sentences[best].passage
        and sentences[best - 1].form is Form.PROSE
    ):
        # What "it" is stands in the sentence before.
        rows.append(best - 1)
        words.append(frozenset(words_of(sentences[best - 1].text)))
        covered = np.maximum(covered, evidence.matches[best - 1])
    if sentences[best].text.endswith(":"):
        # What a lead-in announces follows it.
        for row in range(best + 1, min(best + composition.most, len(sentences))):
            if sentences[row].passage != sentences[best].passage or np.isinf(scores[row]):
                break
            rows.append(row)
            words.append(frozenset(words_of(sentences[row].text)))
    threshold = scores[best] - composition.slack
    for row in np.argsort(-scores, kind="stable").tolist():
        if len(rows) >= composition.most or scores[row] < threshold:
            break
        if row in rows:
            continue
        own = frozenset(words_of(sentences[row].text))
        if any(_jaccard(own, other) >= _DUPLICATE for other in words):
            continue
        together = np.maximum(covered, evidence.matches[row])
        adds = float((together - covered) @ evidence.weights)
        if composition.most <= 3 and adds < _NEW_WORDS and scores[row] < scores[best] - _AS_GOOD:
            continue
        rows.append(row)
        words.append(own)
        covered = together
    return rows


def _jaccard(one: frozenset[str], other: frozenset[str]) -> float:
    return len(one & other) / max(len(one | other), 1)


def answerable_features(evidence: Evidence, best: int) -> Array:
    """Return what the answerable probability is computed from, given the best sentence's row."""
    row: Array = evidence.answerable[best]
    return row


def _probability(question: Question, evidence: Evidence, best: int) -> float:
    if not question.terms:
        return 0.0
    features: Iterable[float] = answerable_features(evidence, best).tolist()
    weighted = zip(ANSWERABLE_WEIGHTS.values(), features, strict=True)
    return _sigmoid(ANSWERABLE_BIAS + sum(weight * value for weight, value in weighted))


def _sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-max(min(x, 60.0), -60.0)))
