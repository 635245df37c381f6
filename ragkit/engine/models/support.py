"""Whether passages support a statement: the check of what a generator wrote.

A statement is supported where its words are covered by a few sentences of the passages, its
numbers and names stand there, and it does not turn a denial into a claim. That is a check of
substance without a model of inference: it finds what was made up, not every wrong conclusion from
what was not. What it costs is milliseconds, offline.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

import numpy as np

from ragkit.engine.models.answerer import ExtractedSentence
from ragkit.engine.models.evidence import weigh
from ragkit.engine.models.passages import Form, Sentence, sentences_of
from ragkit.engine.models.question import Array, Question, analyse_question
from ragkit.engine.models.static import StaticEmbedder
from ragkit.engine.models.words import STOP_WORDS, stem, words_of

# Set by hand on 44 statements about six passages; held to others, on which nothing was set, by
# tests/unit/engine/test_models_support.py.
COVERED: Final = 0.62
"""Share of a statement's words, by what each is worth, that must be covered."""
_ADDS: Final = 0.12  # what a second window must add to be quoted
_WINDOW: Final = 3  # sentences
_ASKED: Final = 0.35  # what a word of the question is worth: to repeat it proves little
_DENIED: Final = 0.3  # share of a denial's words that a denial of the passages must cover

_CLAUSE: Final = re.compile(
    r"[,;:]\s+|\s+[\u2013\u2014-]+\s+|\s*[()]\s*"
    r"|\s+(?=(?:but|while|whereas|although|though|however|unless|because|aber|mais|pero)\b)"
)
_DENIAL: Final = re.compile(
    r"\b(?:not|no|never|none|nothing|nobody|neither|nor|cannot|without|nicht|keine?[mnrs]?|nie|pas"
    r"|jamais|aucune?|nunca|sin|ohne|sans)\b|n['\u2019]t\b",
    re.IGNORECASE,
)
# What denies, limits or fails by itself: such statements may put a denial another way.
_LIMITING: Final = re.compile(
    r"\b(?:at (?:most|least)|up to|maximum|minimum|limit(?:ed|s)?|only|unless|fail(?:s|ed|ure)?"
    r"|refus\w+|reject\w+|forbid\w*|forbidden|prohibit\w*|impossible|unable|lacks?|missing|absent"
    r"|empty|ignor\w+|unlimited|unknown|un\w+able|in\w+able|instead|rather|avoid\w*|prevent\w*)\b",
    re.IGNORECASE,
)
_TOKEN: Final = re.compile(r"\d+(?:[.,]\d+)*|[^\W\d]+")
_NEAR: Final = 2
_NUMBER: Final = re.compile(r"\d+(?:[.,]\d+)*")
_THOUSANDS: Final = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?")
_NAME: Final = re.compile(r"(?<![.!?]\s)(?<!^)\b[^\W\d_a-zß-öø-ÿ]\w+")
_NUMBER_WORDS: Final = (
    *("zero", "", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"),
    *("eleven", "twelve"),
)
"""By their numbers; "one" is a pronoun as often as a number."""


@dataclass(frozen=True, slots=True)
class _Clause:
    """Part of a sentence: `row` is the sentence's among all, `denies` whether it says "not"."""

    row: int
    part: Sentence
    denies: bool


class SupportCheck:
    """Checks statements against passages.

    Arguments:
        embedder: the bundled one, by whose vectors words are similar.
        question: what was asked; its words may be repeated without being proved.
        passages: the texts that statements are to rest on.
    """

    def __init__(self, embedder: StaticEmbedder, question: str, passages: Sequence[str]) -> None:
        self._embedder = embedder
        self._passages = passages
        self._asked = frozenset(map(stem, words_of(question)))
        self._asked_numbers = _numbers(question)
        self._sentences = [one for one in sentences_of(passages) if one.form is not Form.MARKUP]
        self._clauses = [
            clause for row, one in enumerate(self._sentences) for clause in _clauses(row, one)
        ]
        self._rows = np.array([clause.row for clause in self._clauses], np.intp)
        self._words = [frozenset(map(stem, words_of(passage))) for passage in passages]

    def quotes(self, statement: str) -> tuple[ExtractedSentence, ...]:
        """The spans of passages that support a statement, the best first; none if nothing does.

        A statement without words that matter ("Yes.") is not supported: nothing can be shown.
        """
        if not self._clauses or all(word in STOP_WORDS for word in words_of(statement)):
            return ()
        analysed = analyse_question(self._embedder, statement)
        weights = self._weights(analysed)
        matches = self._matches(statement, analysed)
        covered = np.zeros_like(weights)
        windows: list[tuple[int, int]] = []
        for least in (0.0, _ADDS):
            window, together = self._best_window(matches, weights, covered)
            if float((together - covered) @ weights) <= least:
                break
            windows.append(window)
            covered = together
            if self._supports(statement, windows, float(covered @ weights)):
                return tuple(self._quote(first, last) for first, last in windows)
        return ()

    def _weights(self, analysed: Question) -> Array:
        """What each word of the statement is worth, shape (terms,), summing to 1."""
        known = np.array([key in self._asked for key in analysed.stems])
        weights: Array = analysed.weights * np.where(known, np.float32(_ASKED), np.float32(1))
        return weights / max(float(weights.sum()), 1e-9)

    def _matches(self, statement: str, analysed: Question) -> Array:
        """How far each sentence covers each word, shape (sentences, terms), denials minded."""
        parts = [clause.part for clause in self._clauses]
        found = weigh(self._embedder, analysed, self._passages, parts).matches.copy()
        denies = np.array([clause.denies for clause in self._clauses])
        if _DENIAL.search(statement):
            denied = found[denies].max(axis=0, initial=0) @ analysed.weights
            if denied < _DENIED and not _LIMITING.search(" ".join(one.text for one in parts)):
                found[:] = 0
        elif not _LIMITING.search(statement):
            found[denies] = 0
        matches = np.zeros((len(self._sentences), found.shape[1]), np.float32)
        np.maximum.at(matches, self._rows, found)
        return matches

    def _best_window(
        self, matches: Array, weights: Array, covered: Array
    ) -> tuple[tuple[int, int], Array]:
        """The shortest run of sentences that covers most beyond what is covered, and that."""
        best, best_window, best_covered = -1.0, (0, 0), covered
        for first in range(len(self._sentences)):
            together = covered
            for last in range(first, min(first + _WINDOW, len(self._sentences))):
                if self._sentences[last].passage != self._sentences[first].passage:
                    break
                together = np.maximum(together, matches[last])
                # Each sentence more must be worth its while.
                value = float(together @ weights) - 0.03 * (last - first)
                if value > best:
                    best, best_window, best_covered = value, (first, last), together
        return best_window, best_covered

    def _supports(self, statement: str, windows: Sequence[tuple[int, int]], share: float) -> bool:
        if share < COVERED:
            return False
        rows = [row for first, last in windows for row in range(first, last + 1)]
        if not self._counts(statement, [self._sentences[row].text for row in rows]):
            return False
        words = set(self._asked)
        for first, _ in windows:
            words |= self._words[self._sentences[first].passage]
        return all(
            stem(word) in words for name in _NAME.findall(statement) for word in words_of(name)
        )

    def _counts(self, statement: str, sentences: Sequence[str]) -> bool:
        """Whether each number of a statement stands in the sentences, and beside what it counts.

        A number beside none of its neighbours in the statement counts something else, unless the
        sentences have none of these words at all: then they say it in other words.
        """
        words = [frozenset(map(stem, words_of(sentence))) for sentence in sentences]
        numbers = [_numbers(sentence) for sentence in sentences]
        every = frozenset().union(*words)
        for number, near in _counted(statement):
            if number in self._asked_numbers:
                continue
            holding = [row for row, found in enumerate(numbers) if number in found]
            if not holding:
                return False
            if near & every and not any(near & words[row] for row in holding):
                return False
        return True

    def _quote(self, first: int, last: int) -> ExtractedSentence:
        start, end = self._sentences[first], self._sentences[last]
        return ExtractedSentence(start.passage, start.start, end.end)


def _clauses(row: int, sentence: Sentence) -> list[_Clause]:
    """The sentence's clauses; one that is too short to say anything goes with the one before."""
    bounds = [0]
    for found in _CLAUSE.finditer(sentence.text):
        if found.start() - bounds[-1] > 1:
            bounds.append(found.end())
    bounds.append(len(sentence.text))
    clauses = []
    for start, end in pairwise(bounds):
        text = sentence.text[start:end]
        if text.strip():
            part = replace(
                sentence, start=sentence.start + start, end=sentence.start + end, text=text
            )
            clauses.append(_Clause(row, part, _DENIAL.search(text) is not None))
    return clauses


def _counted(text: str) -> list[tuple[str, frozenset[str]]]:
    """The numbers in a text, each with the stems of the words that matter up to two words away."""
    tokens = _TOKEN.findall(text)
    counted = []
    for place, token in enumerate(tokens):
        around = tokens[max(place - _NEAR, 0) : place] + tokens[place + 1 : place + 1 + _NEAR]
        near = {
            stem(word)
            for neighbour in around
            for word in words_of(neighbour)
            if word not in STOP_WORDS and not word.isdigit()
        }
        counted += [(number, frozenset(near)) for number in _numbers(token)]
    return counted


def _numbers(text: str) -> frozenset[str]:
    """The numbers in a text, each in one form: without separators of thousands, words as digits."""
    found = set()
    for number in _NUMBER.findall(text):
        found.add(number.replace(",", "") if _THOUSANDS.fullmatch(number) else number)
    lower = words_of(text)
    found |= {str(value) for value, word in enumerate(_NUMBER_WORDS) if word and word in lower}
    return frozenset(found)
