"""Evaluate a corpus against a question set: retrieval, answers, and knowing what is not known.

    python pipelines/evaluate.py CORPUS QUESTIONS.jsonl [--url URL | --data DIR] [--json]

    ragkit ingest examples/library --corpus library
    python pipelines/evaluate.py library examples/library_questions.jsonl

A question set has one JSON object a line: `question`, `answer` (a string that a right answer
holds, or null if the corpus does not hold the answer) and `source` (the file that answers it, as
the corpus calls it, such as "library/limits.html", or null). Examples are in
`examples/library_questions.jsonl`.

Reported, each with a 95% confidence interval from a bootstrap over the questions:

- recall@1, @5, @10: share of the questions with a source for which a passage of that source is
  among the first 1, 5, 10;
- MRR@10: mean of one over the rank of the first such passage, 0 if it is not among the first 10;
- gold in answer: share of the answerable questions whose answer holds the gold string, letter
  case and white space aside;
- AUC: how probable it is that an answerable question has a higher answerable probability than an
  unanswerable one (a tie counts half); the area under the ROC curve.

Exit code: 0 if the evaluation is whole, 1 if the corpus cannot be asked, 2 if the command line or
the question set is wrong.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import ragkit

DEPTHS = (1, 5, 10)
CONFIDENCE = 0.95
SEED = 20_261_124
"""Of the bootstrap: the same results give the same intervals."""

OK, FAILURE, WRONG_USAGE, INTERRUPTED = 0, 1, 2, 130
Floats = NDArray[np.float64]


class QuestionSetError(Exception):
    """The question set is wrong; the message names the file, the line and what is allowed."""


@dataclass(frozen=True, slots=True)
class Question:
    """A line of the question set."""

    question: str
    answer: str | None
    source: str | None


@dataclass(frozen=True, slots=True)
class Result:
    """What the corpus made of a question.

    Attributes:
        question: the question and what it expects.
        rank: of the first passage of the expected source, from 1; None if none was found or no
            source is expected.
        answer: the answer that was given.
        answerable_probability: with which it was given.
        holds_gold: whether the answer holds the gold string; None for unanswerable questions.
    """

    question: Question
    rank: int | None
    answer: str
    answerable_probability: float
    holds_gold: bool | None


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure over some questions, with its confidence interval."""

    name: str
    questions: int
    value: float
    low: float
    high: float


def read_questions(file: Path) -> list[Question]:
    """Read a question set.

    Raises:
        QuestionSetError: it cannot be read, or a line is not of the form.
    """
    try:
        lines = file.read_text(encoding="utf-8").split("\n")
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise QuestionSetError(f"{file}: cannot be opened: {reason}") from error
    except UnicodeDecodeError as error:
        raise QuestionSetError(f"{file}: is not UTF-8: {error}") from error
    questions = [
        _question(f"{file}: line {number}", line)
        for number, line in enumerate(lines, start=1)
        if line.strip()
    ]
    if not questions:
        raise QuestionSetError(f"{file}: holds no question")
    return questions


def _question(place: str, line: str) -> Question:
    try:
        values: Any = json.loads(line)
    except ValueError as error:
        raise QuestionSetError(f"{place}: is not JSON: {error}") from error
    allowed = ("question", "answer", "source")
    if not isinstance(values, dict) or not set(values) <= set(allowed):
        keys = ", ".join(allowed)
        raise QuestionSetError(f"{place}: must be one object with the keys {keys} and no others")
    for key in allowed:
        value = values.get(key)
        if key == "question" and value is None:
            raise QuestionSetError(f"{place}: question: is missing")
        if value is not None and (not isinstance(value, str) or not value.strip()):
            shown = json.dumps(value)[:80]
            raise QuestionSetError(f"{place}: {key}: must be a string with text, not {shown}")
    question = Question(values["question"], values.get("answer"), values.get("source"))
    if question.answer is None and question.source is not None:
        raise QuestionSetError(
            f"{place}: source: must be null when the answer is null, which says that the corpus "
            "does not hold the answer"
        )
    return question


def ask_all(client: ragkit.Client, corpus: str, questions: Sequence[Question]) -> list[Result]:
    """Query the corpus and have it answer, question by question.

    Raises:
        APIError, TransportError: the corpus cannot be asked.
    """
    retriever = ragkit.Retriever(client, corpus, results_count=max(DEPTHS))
    answerer = ragkit.Answerer(client, corpus)
    results: list[Result] = []
    for question in questions:
        rank = None
        if question.source is not None:
            found = [passage.provenance.source for passage in retriever.retrieve(question.question)]
            rank = found.index(question.source) + 1 if question.source in found else None
        answer = answerer.ask(question.question)
        gold = question.answer
        results.append(
            Result(
                question=question,
                rank=rank,
                answer=answer.text,
                answerable_probability=answer.answerable_probability,
                holds_gold=None if gold is None else _plain(gold) in _plain(answer.text),
            )
        )
    return results


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())


def missing_sources(client: ragkit.Client, corpus: str, questions: Sequence[Question]) -> list[str]:
    """The expected sources that the corpus does not have at all: no query could find them."""
    there = {document.metadata.get("source") for document in client.documents.list(corpus)}
    return sorted({q.source for q in questions if q.source is not None and q.source not in there})


def auc(positives: Floats, negatives: Floats) -> float:
    """The area under the ROC curve: P(positive > negative) + P(equal) / 2 (Mann and Whitney)."""
    ordered = np.sort(negatives)
    below = np.searchsorted(ordered, positives, side="left")
    not_above = np.searchsorted(ordered, positives, side="right")
    return float(np.mean(below + not_above) / (2 * len(negatives)))


def estimate(
    name: str,
    statistic: Callable[..., float],
    *samples: Floats,
    resamples: int,
    seed: int = SEED,
) -> Estimate | None:
    """A statistic of independent samples with its percentile bootstrap interval.

    Args:
        name: what to call it.
        statistic: of one array per sample.
        samples: the values, one array of shape (questions,) for each group.
        resamples: how often the groups are drawn again, each with replacement from itself.
        seed: of the draws.

    Returns:
        The estimate; None if a group is empty.

    Source: Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13.
    """
    if not all(len(sample) for sample in samples):
        return None
    generator = np.random.default_rng(seed)
    drawn = [
        statistic(*(generator.choice(sample, len(sample)) for sample in samples))
        for _ in range(resamples)
    ]
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(drawn, (tail, 1 - tail))
    size = sum(map(len, samples))
    return Estimate(name, size, float(statistic(*samples)), float(low), float(high))


def evaluate(results: Sequence[Result], *, resamples: int) -> list[Estimate]:
    """The figures that the results allow; those without any question are left out."""
    ranked = [result for result in results if result.question.source is not None]
    reciprocal = np.array([1 / r.rank if r.rank is not None else 0.0 for r in ranked])
    gold = np.array([r.holds_gold for r in results if r.holds_gold is not None], dtype=float)
    probabilities = [
        np.array([r.answerable_probability for r in results if (r.holds_gold is None) is absent])
        for absent in (False, True)
    ]

    def mean(values: Floats) -> float:
        return float(np.mean(values))

    estimates = [
        *(
            estimate(
                f"recall@{depth}",
                mean,
                (reciprocal >= 1 / depth).astype(float),
                resamples=resamples,
            )
            for depth in DEPTHS
        ),
        estimate(f"MRR@{max(DEPTHS)}", mean, reciprocal, resamples=resamples),
        estimate("gold in answer", mean, gold, resamples=resamples),
        estimate("AUC", auc, *probabilities, resamples=resamples),
    ]
    return [figure for figure in estimates if figure is not None]


def to_json(
    corpus: str, results: Sequence[Result], figures: Sequence[Estimate], missing: Sequence[str]
) -> dict[str, object]:
    """The evaluation as plain values."""
    return {
        "corpus": corpus,
        "confidence": CONFIDENCE,
        "metrics": {
            figure.name: {key: value for key, value in asdict(figure).items() if key != "name"}
            for figure in figures
        },
        "missing_sources": list(missing),
        "questions": [
            {
                "question": result.question.question,
                "expected": {"answer": result.question.answer, "source": result.question.source},
                "rank": result.rank,
                "answer": result.answer,
                "answerable_probability": result.answerable_probability,
                "holds_gold": result.holds_gold,
            }
            for result in results
        ],
    }


def print_table(results: Sequence[Result], figures: Sequence[Estimate]) -> None:
    """Print the figures, and the questions that went wrong."""
    print(f"{'':<16}{'value':>7}  {'95% interval':<16}{'questions':>9}")
    for figure in figures:
        interval = f"{figure.low:.3f} to {figure.high:.3f}"
        print(f"{figure.name:<16}{figure.value:>7.3f}  {interval:<16}{figure.questions:>9}")
    last = max(DEPTHS)
    for title, wrong in (
        (
            f"source not among the first {last}",
            [r for r in results if r.question.source is not None and r.rank is None],
        ),
        ("answer without the gold string", [r for r in results if r.holds_gold is False]),
    ):
        if wrong:
            print(f"\n{title}:")
        for result in wrong:
            print(f"  {result.question.question}  (expected: {result.question.answer})")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; returns the exit code."""
    summary, _, details = (__doc__ or "").partition("\n")
    parser = argparse.ArgumentParser(
        description=summary,
        epilog=details,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("corpus", help="the corpus' id")
    parser.add_argument("questions", type=Path, help="the question set, JSON Lines")
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--url", help="a service over HTTP; else RAGKIT_URL")
    where.add_argument("--data", help="the embedded service's data folder; else RAGKIT_DATA")
    parser.add_argument("--resamples", type=_positive, default=2_000, help="of the bootstrap")
    parser.add_argument("--json", action="store_true", help="print one JSON object, with answers")
    given = parser.parse_args(arguments)
    try:
        questions = read_questions(given.questions)
        with ragkit.connect(given.url, data=given.data) as client:
            missing = missing_sources(client, given.corpus, questions)
            results = ask_all(client, given.corpus, questions)
    except (QuestionSetError, ragkit.ConfigurationError) as error:
        print(f"error: {error}", file=sys.stderr)
        return WRONG_USAGE
    except ragkit.RagkitError as error:
        print(f"error: {error}", file=sys.stderr)
        return FAILURE
    except KeyboardInterrupt:
        return INTERRUPTED
    for source in missing:
        print(f"warning: the corpus has no document of the source {source!r}", file=sys.stderr)
    figures = evaluate(results, resamples=given.resamples)
    try:
        if given.json:
            print(json.dumps(to_json(given.corpus, results, figures, missing), ensure_ascii=False))
        else:
            print_table(results, figures)
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader, such as `head`, has seen enough; nothing more to say, not even at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return OK


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"must be 1 or more, not {number}")
    return number


if __name__ == "__main__":
    sys.exit(main())
