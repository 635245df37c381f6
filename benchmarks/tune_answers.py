"""Tune and report the extractive answerer's two sets of weights on data sets in SQuAD's format.

    python benchmarks/tune_answers.py --tune squad-part.json covid-qa.json --report xquad.en.json

Tuning never sees a paragraph that a reporting set holds. The weights in
`ragkit.engine.models.answerer` were printed by this program for:

- tune: the development part of chrischute/squad (half of SQuAD 2.0's development set, 16 articles,
  less the 78 paragraphs that are also in XQuAD) and deepset-ai/COVID-QA's 200423_covidQA.json
  (scientific articles, cut into passages of about 1,100 characters);
- report: google-deepmind/xquad, xquad.en.json and other languages.

Without --tune, the weights in use are reported, and whole answers by style and with history too.

A sentence counts as right if it contains a gold answer, letter case aside. Reported:

- gold: the best sentence of the paragraph that has the answer;
- first: of the paragraph that BM25 ranks first among all of the set's;
- five: of BM25's first five paragraphs together;
- AUC, accuracy, Brier score and ECE of the answerable probability: the paragraph with the answer
  against the highest-ranked one without, and five paragraphs with against five without.
"""

from __future__ import annotations

import argparse
import json
import math
import re
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ragkit.engine.models import answerer
from ragkit.engine.models.evidence import ANSWERABLE_FEATURES, RANKING_FEATURES, Evidence, weigh
from ragkit.engine.models.passages import Form, Sentence, sentences_of
from ragkit.engine.models.question import analyse_question
from ragkit.engine.models.static import StaticEmbedder
from ragkit.engine.models.words import STOP_WORDS, stem, words_of
from ragkit.text.sentences import sentence_spans

PASSAGE_LENGTH = 1_100
THIN = 7
FURTHER = 0.25  # weight of a question of the second and further sets in the calibration
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Item:
    """A question with its answers and the number of the passage that has them."""

    question: str
    answers: tuple[str, ...]
    passage: int


@dataclass(frozen=True)
class DataSet:
    """Passages, and the questions on them."""

    name: str
    passages: list[str]
    items: list[Item]


def load(path: Path, excluded: frozenset[str] = frozenset()) -> DataSet:
    """Read a file in SQuAD's format, leaving unanswerable questions and excluded passages out."""
    passages: list[str] = []
    items: list[Item] = []
    for article in json.loads(path.read_text("utf-8"))["data"]:
        for paragraph in article["paragraphs"]:
            context = paragraph["context"]
            if context.strip() in excluded:
                continue
            starts = []
            for start, end in cut(context):
                starts.append(start)
                passages.append(context[start:end])
            first = len(passages) - len(starts)
            for entry in paragraph["qas"]:
                if entry.get("is_impossible") or not entry["answers"]:
                    continue
                offset = entry["answers"][0]["answer_start"]
                number = int(np.searchsorted(starts, offset, side="right")) - 1
                answers = tuple(answer["text"].lower() for answer in entry["answers"])
                if any(answer in passages[first + number].lower() for answer in answers):
                    items.append(Item(entry["question"].strip(), answers, first + number))
    return DataSet(path.stem, passages, items)


def cut(text: str) -> Iterator[tuple[int, int]]:
    """Cut a long text into passages of whole sentences; a paragraph of SQuAD is one passage."""
    if len(text) < 4 * PASSAGE_LENGTH:
        yield 0, len(text)
        return
    begin = 0
    for _, end in sentence_spans(text):
        if end - begin >= PASSAGE_LENGTH:
            yield begin, end
            begin = end
    if begin < len(text):
        yield begin, len(text)


class BM25:
    """Okapi BM25 over stems, as a stand-in for the retrieval before the answer."""

    def __init__(self, passages: Sequence[str]) -> None:
        counts = [Counter(map(stem, words_of(passage))) for passage in passages]
        lengths = np.array([sum(count.values()) for count in counts], np.float64)
        frequencies = Counter(term for count in counts for term in count)
        self.size = len(passages)
        self.postings: dict[str, list[tuple[int, float]]] = {}
        for number, count in enumerate(counts):
            long = 0.25 + 0.75 * lengths[number] / lengths.mean()
            for term, times in count.items():
                found = frequencies[term]
                idf = math.log(1 + (self.size - found + 0.5) / (found + 0.5))
                score = idf * times * 2.2 / (times + 1.2 * long)
                self.postings.setdefault(term, []).append((number, score))

    def rank(self, question: str, count: int) -> list[int]:
        """Return the numbers of the best passages, best first."""
        scores = np.zeros(self.size)
        for term in map(stem, words_of(question)):
            for number, score in self.postings.get(term, ()):
                scores[number] += score
        return [int(number) for number in np.argsort(-scores, kind="stable")[:count]]


@dataclass(frozen=True)
class Case:
    """One question with some passages: features of the sentences, and which are right."""

    evidence: Evidence
    right: NDArray[np.bool_]
    passage: NDArray[np.intp]
    eligible: NDArray[np.bool_]


def make_case(
    embedder: StaticEmbedder,
    data: DataSet,
    parsed: list[list[Sentence]],
    item: Item,
    ids: list[int],
) -> Case:
    sentences = [
        Sentence(place, s.start, s.end, s.text, s.form)
        for place, number in enumerate(ids)
        for s in parsed[number]
    ]
    question = analyse_question(embedder, item.question)
    evidence = weigh(embedder, question, [data.passages[number] for number in ids], sentences)
    right = np.array([any(a in s.text.lower() for a in item.answers) for s in sentences])
    passage = np.array([ids[s.passage] for s in sentences])
    eligible = np.array([s.form is Form.PROSE for s in sentences])
    return Case(evidence, right, passage, eligible)


@dataclass(frozen=True)
class Cases:
    """A question's cases: single passages and sets of five, with the answer and without."""

    item: Item
    gold: Case
    first: Case
    five: Case
    without_one: Case
    without_five: Case


def cases_of(embedder: StaticEmbedder, data: DataSet, thin: int = 1) -> list[Cases]:
    """Make each question's cases.

    With `thin`, every other question's passages without the answer come from one in `thin` of
    the set's: real questions without an answer are mostly further off the corpus than the
    nearest paragraph of an article of which only the right paragraph is missing.
    """
    retrieval = BM25(data.passages)
    parsed = [sentences_of([passage]) for passage in data.passages]
    cases = []
    for place, item in enumerate(data.items):
        ranked = retrieval.rank(item.question, 60 * thin)
        step = thin if place % 2 else 1
        without = [
            number
            for number in ranked
            if number != item.passage
            and number % step == item.passage % step
            and not any(answer in data.passages[number].lower() for answer in item.answers)
        ]
        made = {
            ids: make_case(embedder, data, parsed, item, list(ids))
            for ids in (
                (item.passage,),
                (ranked[0],),
                tuple(ranked[:5]),
                tuple(without[:1]),
                tuple(without[:5]),
            )
            if ids
        }
        if without:
            cases.append(
                Cases(
                    item,
                    made[(item.passage,)],
                    made[(ranked[0],)],
                    made[tuple(ranked[:5])],
                    made[tuple(without[:1])],
                    made[tuple(without[:5])],
                )
            )
    return cases


def fit_ranking(all_cases: list[list[Cases]], l2: float = 3e-4, steps: int = 400) -> Floats:
    """Fit the ranking by the likelihood that a softmax over sentences picks a right one."""
    rows: list[Floats] = []
    rights: list[NDArray[np.bool_]] = []
    importance: list[float] = []
    for cases in all_cases:
        for each in cases:
            for case in (each.gold, each.five):
                right = case.right & (case.passage == each.item.passage)
                if right.any() and not right.all():
                    rows.append(case.evidence.ranking.astype(np.float64))
                    rights.append(right)
                    importance.append(1 / len(cases))
    x = np.concatenate(rows)
    mean, deviation = x.mean(0), x.std(0) + 1e-9
    x = (x - mean) / deviation
    right = np.concatenate(rights)
    lengths = np.array([len(row) for row in rows])
    starts = np.cumsum(lengths) - lengths
    group = np.repeat(np.arange(len(rows)), lengths)
    share = (np.array(importance) / sum(importance))[group]
    w, first, second = np.zeros(x.shape[1]), np.zeros(x.shape[1]), np.zeros(x.shape[1])
    for step in range(1, steps + 1):  # Adam, full batch
        score = x @ w
        e = np.exp(score - np.maximum.reduceat(score, starts)[group])
        p = e / np.add.reduceat(e, starts)[group]
        target = e * right / np.add.reduceat(e * right, starts)[group]
        gradient = x.T @ ((p - target) * share) + l2 * w
        first = 0.9 * first + 0.1 * gradient
        second = 0.99 * second + 0.01 * gradient**2
        rate = 0.1 * (1 - step / steps)
        w -= rate * (first / (1 - 0.9**step)) / (np.sqrt(second / (1 - 0.99**step)) + 1e-9)
    fitted: Floats = w / deviation
    return fitted


def pick(case: Case, weights: Floats) -> int:
    score = case.evidence.ranking @ weights
    return int(np.argmax(np.where(case.eligible | ~case.eligible.any(), score, -np.inf)))


def answerable_rows(cases: list[Cases], weights: Floats) -> tuple[Floats, Floats]:
    """Return features and labels: single passages first, then sets of five."""
    rows, labels = [], []
    for with_answer, without in (("gold", "without_one"), ("five", "without_five")):
        for each in cases:
            pairs = [(getattr(each, with_answer), 1.0), (getattr(each, without), 0.0)]
            for case, label in pairs:
                if label and not case.right.any():
                    continue  # retrieval missed: neither one nor the other
                rows.append(answerer.answerable_features(case.evidence, pick(case, weights)))
                labels.append(label)
    return np.array(rows, np.float64), np.array(labels)


def fit_logistic(
    x: Floats, y: Floats, importance: Floats, l2: float = 1e-3
) -> tuple[Floats, float]:
    """Fit a logistic regression by Newton's method."""
    design = np.column_stack([x, np.ones(len(x))])
    w = np.zeros(design.shape[1])
    penalty = np.full(len(w), l2)
    penalty[-1] = 0
    for _ in range(30):
        p = 1 / (1 + np.exp(-design @ w))
        hessian = (design * (importance * p * (1 - p))[:, None]).T @ design + np.diag(penalty)
        w -= np.linalg.solve(hessian, design.T @ (importance * (p - y)) + penalty * w)
    return w[:-1], float(w[-1])


def auc(score: Floats, label: Floats) -> float:
    order = np.argsort(score, kind="stable")
    ranks = np.empty(len(score))
    ranks[order] = np.arange(1, len(score) + 1)
    positive = label == 1
    count = positive.sum()
    return float((ranks[positive].sum() - count * (count + 1) / 2) / (count * (~positive).sum()))


def calibration(p: Floats, y: Floats) -> str:
    bins = np.minimum((p * 10).astype(int), 9)
    ece = sum(
        abs(p[bins == b].mean() - y[bins == b].mean()) * (bins == b).mean()
        for b in range(10)
        if (bins == b).any()
    )
    return (
        f"AUC {auc(p, y):.3f} acc {((p > 0.5) == y).mean():.3f} "
        f"Brier {((p - y) ** 2).mean():.3f} ECE {ece:.3f}"
    )


def report(name: str, cases: list[Cases], weights: Floats, logistic: tuple[Floats, float]) -> None:
    def share(which: str) -> float:
        chosen = [getattr(each, which) for each in cases]
        return float(np.mean([case.right[pick(case, weights)] for case in chosen]))

    x, y = answerable_rows(cases, weights)
    p = 1 / (1 + np.exp(-(x @ logistic[0] + logistic[1])))
    ones = 2 * len(cases)
    print(
        f"{name}: {len(cases)} questions\n"
        f"  right sentence: gold {share('gold'):.3f} first {share('first'):.3f} "
        f"five {share('five'):.3f}\n"
        f"  answerable, one passage:   {calibration(p[:ones], y[:ones])}\n"
        f"  answerable, five passages: {calibration(p[ones:], y[ones:])}"
    )


def report_styles(data: DataSet) -> None:
    """Report how often a whole answer holds the gold answer, and how long it is, by style."""
    retrieval = BM25(data.passages)
    answers = answerer.load_answerer()
    for style in answerer.Style:
        right, count, characters = 0, 0, 0
        for item in data.items:
            passages = [data.passages[number] for number in retrieval.rank(item.question, 5)]
            quoted = [
                passages[s.passage][s.start : s.end]
                for s in answers.answer(item.question, passages, style=style).sentences
            ]
            right += any(answer in text.lower() for answer in item.answers for text in quoted)
            count += len(quoted)
            characters += sum(map(len, quoted))
        total = len(data.items)
        print(
            f"  {style.name}: holds the answer {right / total:.3f}, "
            f"{count / total:.1f} sentences, {characters / total:.0f} characters"
        )


def report_history(data: DataSet) -> None:
    """Report follow-up questions: what they share with the question before becomes "it"."""
    answers = answerer.load_answerer()
    retrieval = BM25(data.passages)
    counts = {"as asked": 0, "shortened": 0, "shortened, with history": 0}
    total = 0
    for before, item in pairwise(data.items):
        shared = set(words_of(before.question)) & set(words_of(item.question)) - STOP_WORDS
        if before.passage != item.passage or not shared:
            continue
        pattern = r"\b(?:(?:the|a|an) )?(?:" + "|".join(map(re.escape, shared)) + r")\b"
        short = re.sub(pattern, "it", item.question, flags=re.IGNORECASE)
        passages = [data.passages[number] for number in retrieval.rank(item.question, 5)]
        total += 1
        for name, question, history in (
            ("as asked", item.question, []),
            ("shortened", short, []),
            ("shortened, with history", short, [before.question]),
        ):
            answer = answers.answer(question, passages, history=history)
            text = " ".join(passages[s.passage][s.start : s.end] for s in answer.sentences)
            counts[name] += any(gold in text.lower() for gold in item.answers)
    shares = ", ".join(f"{name} {count / total:.3f}" for name, count in counts.items())
    print(f"  {total} follow-up questions, five passages: {shares}")


def main() -> None:
    parser = argparse.ArgumentParser(description="Tune and report the extractive answerer.")
    parser.add_argument("--tune", nargs="*", type=Path, default=[], metavar="FILE")
    parser.add_argument("--report", nargs="*", type=Path, default=[], metavar="FILE")
    arguments = parser.parse_args()
    embedder = StaticEmbedder()
    began = time.perf_counter()
    reported = [load(path) for path in arguments.report]
    excluded = frozenset(passage.strip() for data in reported for passage in data.passages)
    tuned = {
        data.name: cases_of(embedder, data, THIN)
        for data in (load(p, excluded) for p in arguments.tune)
    }
    weights = np.array(list(answerer.RANKING_WEIGHTS.values()))
    logistic = (np.array(list(answerer.ANSWERABLE_WEIGHTS.values())), answerer.ANSWERABLE_BIAS)
    if tuned:
        weights = fit_ranking(list(tuned.values()))
        print(
            "RANKING_WEIGHTS =", dict(zip(RANKING_FEATURES, weights.round(2).tolist(), strict=True))
        )
        parts = [(answerable_rows(cases, weights), len(cases)) for cases in tuned.values()]
        x = np.concatenate([part[0][0] for part in parts])
        y = np.concatenate([part[0][1] for part in parts])
        importance = np.concatenate(
            [
                np.full(len(part[0][1]), FURTHER if place else 1.0)
                for place, part in enumerate(parts)
            ]
        )
        logistic = fit_logistic(x, y, importance)
        named = dict(zip(ANSWERABLE_FEATURES, logistic[0].round(2).tolist(), strict=True))
        print("ANSWERABLE_WEIGHTS =", named)
        print("ANSWERABLE_BIAS =", round(logistic[1], 2))
    for name, cases in tuned.items():
        report(f"tuned on {name}", cases, weights, logistic)
    for data in reported:
        report(data.name, cases_of(embedder, data), weights, logistic)
        if not tuned:
            report_styles(data)
            report_history(data)
    print(f"{time.perf_counter() - began:.0f} s")


if __name__ == "__main__":
    main()
