"""Obtain the numbers in `ragkit/engine/index/constants.py` and say how well they rank.

    python benchmarks/tune_ranking.py --tune qed=DEV.jsonlines --tune covidqa=COVIDQA.json \
        --tune cranfield=FOLDER --report squad=xquad.en.json ...

Data sets (none is part of this repository):

- `squad`: SQuAD's JSON; the paragraphs are the chunks (XQuAD, github.com/google-deepmind/xquad).
- `covidqa`: SQuAD's JSON with whole papers, cut here into passages of about 1,100 characters
  (github.com/deepset-ai/COVID-QA, 200423_covidQA.json).
- `qed`: Natural Questions with their paragraphs (github.com/google-research-datasets/QED).
- `cranfield`: a folder with cran.all.1400, cran.qry and cranqrel.

Each data set is indexed and searched by the real index. Weights are fitted on what `--tune` names
in two steps. First, the direction that ranks best: the weights that maximise the likelihood of
the relevant chunk among a query's candidates (a softmax over candidates, as in ListNet, Cao et
al. 2007). Then scale and bias, by logistic regression on the ten best candidates of each query
(Platt 1999), so that a score is the probability that a chunk is relevant. COVID-QA has no part in
the second step: of the passages that answer a question its judgements name one. Each data set
weighs the same, whatever its size. What `--report` names has no part in either step.
"""

from __future__ import annotations

import argparse
import json
import re
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ragkit.engine.index import LocalIndex, constants
from ragkit.engine.index.constants import Calibration
from ragkit.engine.index.view import View
from ragkit.engine.models.static import StaticEmbedder
from ragkit.engine.records import Change, Vector

PASSAGE = 1_100
NAMES = ("bm25", "coverage", "exact", "pairs", "cosine")
DEPTH = 10
PARTLY_JUDGED = ("covidqa",)


@dataclass(frozen=True)
class DataSet:
    """Passages, questions, and for each question the passages that are relevant."""

    name: str
    passages: list[str]
    questions: list[str]
    relevant: list[set[int]]


@dataclass(frozen=True)
class Judged:
    """One query's candidates: their features, columns as in NAMES, and which are relevant."""

    features: NDArray[np.float64]
    relevant: NDArray[np.bool_]
    best_rank_possible: bool


def read_squad(path: Path) -> DataSet:
    passages, questions, relevant = [], [], []
    for article in json.loads(path.read_text("utf-8"))["data"]:
        for paragraph in article["paragraphs"]:
            passages.append(paragraph["context"])
            for entry in paragraph["qas"]:
                questions.append(entry["question"])
                relevant.append({len(passages) - 1})
    return DataSet(path.name, passages, questions, relevant)


def read_covidqa(path: Path) -> DataSet:
    passages: list[str] = []
    questions, relevant = [], []
    for article in json.loads(path.read_text("utf-8"))["data"]:
        for paragraph in article["paragraphs"]:
            text = paragraph["context"]
            spans = list(windows(text))
            first = len(passages)
            passages += [text[start:end] for start, end in spans]
            for entry in paragraph["qas"]:
                for answer in entry["answers"][:1]:
                    at = answer["answer_start"]
                    holding = {first + i for i, (a, b) in enumerate(spans) if a <= at < b}
                    questions.append(entry["question"])
                    relevant.append(holding)
    return DataSet(path.name, passages, questions, relevant)


def windows(text: str) -> Iterator[tuple[int, int]]:
    start = 0
    while start < len(text):
        end = min(len(text), start + PASSAGE)
        if end < len(text):
            stop = text.rfind(". ", start + PASSAGE // 2, end)
            end = stop + 2 if stop > 0 else end
        yield start, end
        start = end


def read_qed(path: Path) -> DataSet:
    passages: dict[str, int] = {}
    questions, relevant = [], []
    for line in path.read_text("utf-8").splitlines():
        entry = json.loads(line)
        passage = f"{entry['title_text']}\n{entry['paragraph_text']}"
        questions.append(entry["question_text"])
        relevant.append({passages.setdefault(passage, len(passages))})
    return DataSet(path.name, list(passages), questions, relevant)


def read_cranfield(path: Path) -> DataSet:
    documents = re.split(r"^\.I \d+\n", (path / "cran.all.1400").read_text(), flags=re.M)[1:]
    queries = re.split(r"^\.I \d+\n", (path / "cran.qry").read_text(), flags=re.M)[1:]
    passages = [document.partition("\n.W\n")[2] for document in documents]
    questions = [query.partition(".W\n")[2].strip() for query in queries]
    relevant: list[set[int]] = [set() for _ in questions]
    for line in (path / "cranqrel").read_text().splitlines():
        query, document, grade = line.split()[:3]
        if int(grade) > 0:
            relevant[int(query) - 1].add(int(document) - 1)
    return DataSet("cranfield", passages, questions, relevant)


READERS = {
    "squad": read_squad,
    "covidqa": read_covidqa,
    "qed": read_qed,
    "cranfield": read_cranfield,
}


class _Log:
    """A change log of passages that were all created at once."""

    def __init__(self, passages: Sequence[str], vectors: Vector) -> None:
        self._changes = [
            Change(i + 1, i + 1, 1, text, vector)
            for i, (text, vector) in enumerate(zip(passages, vectors, strict=True))
        ]

    def last_change(self, corpus_key: int) -> int:
        return len(self._changes) * (corpus_key > 0)

    def changes(self, corpus_key: int, after: int, limit: int) -> list[Change]:
        return self._changes[after : after + limit] if corpus_key > 0 else []


def judge(data: DataSet, embedder: StaticEmbedder) -> list[Judged]:
    vectors = embedder.embed(data.passages)
    queries = embedder.embed(data.questions)
    with tempfile.TemporaryDirectory() as folder:
        log = _Log(data.passages, vectors)
        index = LocalIndex(Path(folder), log)
        index.search(1, "", vectors[0], limit=1)
        content = (Path(folder) / "1" / "manifest").read_bytes()
        view = View.open(Path(folder) / "1", content, None)
        judged = []
        for text, vector, relevant in zip(data.questions, queries, data.relevant, strict=True):
            if not relevant:
                continue
            keys, found = view.match(view.question(text), vector, count=constants.CANDIDATES)
            matrix = np.column_stack([getattr(found, name) for name in NAMES])
            hits = np.isin(keys - 1, list(relevant))
            judged.append(Judged(matrix, hits, bool(hits.any())))
        index.close()
    return judged


def weights(calibration: Calibration) -> NDArray[np.float64]:
    return np.array([getattr(calibration, name) for name in NAMES])


def rank(data: Sequence[Judged], direction: NDArray[np.float64]) -> tuple[float, float]:
    """Return hit@1 and MRR@10."""
    first, reciprocal = 0.0, 0.0
    for query in data:
        order = np.argsort(-(query.features @ direction), kind="stable")[:10]
        places = np.flatnonzero(query.relevant[order])
        if len(places):
            first += places[0] == 0
            reciprocal += 1 / (places[0] + 1)
    return first / len(data), reciprocal / len(data)


def fit_direction(
    sets: Sequence[Sequence[Judged]], columns: NDArray[np.bool_], ridge: float = 1e-3
) -> NDArray[np.float64]:
    """Maximise the likelihood of a relevant candidate, by gradient ascent with momentum."""
    direction = np.where(columns, 5.0, 0.0)
    speed = np.zeros_like(direction)
    for _ in range(400):
        slope = -ridge * direction
        for data in sets:
            part = np.zeros_like(direction)
            for query in data:
                if not query.best_rank_possible:
                    continue
                z = query.features @ direction
                p = np.exp(z - z.max())
                p /= p.sum()
                target = p * query.relevant
                part += query.features.T @ (target / target.sum() - p)
            slope += part / len(data)
        speed = 0.9 * speed + slope * columns
        # No feature may count against a chunk: its score would fall when a word is added.
        direction = np.maximum(direction + 2.0 * speed, 0.0) * columns
    return direction


def top(
    data: Sequence[Judged], direction: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    values, relevant = [], []
    for query in data:
        z = query.features @ direction
        order = np.argsort(-z, kind="stable")[:DEPTH]
        values.append(z[order])
        relevant.append(query.relevant[order])
    return np.concatenate(values), np.concatenate(relevant)


def fit_scale(
    sets: Sequence[Sequence[Judged]], direction: NDArray[np.float64]
) -> tuple[float, float]:
    """Fit scale and bias of a logistic model by Newton's method."""
    parts = [top(data, direction) for data in sets]
    z = np.concatenate([part[0] for part in parts])
    y = np.concatenate([part[1] for part in parts]).astype(float)
    share = np.concatenate([np.full(len(part[0]), 1 / len(part[0])) for part in parts])
    design = np.column_stack([z, np.ones_like(z)])
    beta = np.zeros(2)
    for _ in range(50):
        p = 1 / (1 + np.exp(-(design @ beta)))
        gradient = design.T @ (share * (y - p))
        curvature = (design * (share * p * (1 - p))[:, None]).T @ design
        beta += np.linalg.solve(curvature, gradient)
    return float(beta[0]), float(beta[1])


def calibration_error(data: Sequence[Judged], fitted: Calibration) -> tuple[float, float]:
    """Return Brier score and expected calibration error over the best candidates."""
    z, y = top(data, weights(fitted))
    p = 1 / (1 + np.exp(-(z + fitted.bias)))
    bins = np.minimum((p * 10).astype(int), 9)
    error = sum(
        abs(p[bins == b].mean() - y[bins == b].mean()) * (bins == b).mean()
        for b in range(10)
        if (bins == b).any()
    )
    return float(((p - y) ** 2).mean()), float(error)


def fit(
    sets: Sequence[Sequence[Judged]], judged: Sequence[Sequence[Judged]], used: Sequence[str]
) -> Calibration:
    columns = np.array([name in used for name in NAMES])
    direction = fit_direction(sets, columns)
    scale, bias = fit_scale(judged, direction)
    values = {name: round(float(scale * w), 2) for name, w in zip(NAMES, direction, strict=True)}
    return Calibration(**values, bias=round(bias, 2))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--tune", action="append", default=[], metavar="KIND=PATH")
    parser.add_argument("--report", action="append", default=[], metavar="KIND=PATH")
    arguments = parser.parse_args()
    embedder = StaticEmbedder()

    def kind(spec: str) -> str:
        return spec.partition("=")[0]

    def load(spec: str) -> tuple[str, list[Judged]]:
        data = READERS[kind(spec)](Path(spec.partition("=")[2]))
        return data.name, judge(data, embedder)

    tuned = dict(load(spec) for spec in arguments.tune)
    reported = dict(load(spec) for spec in arguments.report)
    models = {
        "HYBRID": constants.HYBRID,
        "LEXICAL": constants.LEXICAL,
        "SEMANTIC": constants.SEMANTIC,
    }
    if tuned:
        sets = list(tuned.values())
        partly = {
            Path(spec.partition("=")[2]).name
            for spec in arguments.tune
            if kind(spec) in PARTLY_JUDGED
        }
        judged = [data for name, data in tuned.items() if name not in partly]
        models = {
            "HYBRID": fit(sets, judged, NAMES),
            "LEXICAL": fit(sets, judged, NAMES[:-1]),
            "SEMANTIC": fit(sets, judged, ("cosine",)),
        }
    for model, calibration in models.items():
        print(model, {f.name: getattr(calibration, f.name) for f in fields(Calibration)})
        for name, data in {**tuned, **reported}.items():
            hit, reciprocal = rank(data, weights(calibration))
            brier, error = calibration_error(data, calibration)
            role = "tuned on" if name in tuned else "reported"
            print(
                f"  {name:22} {role:9} {len(data):5} queries  hit@1 {hit:.4f}  MRR@10"
                f" {reciprocal:.4f}  Brier {brier:.4f}  ECE {error:.4f}"
            )


if __name__ == "__main__":
    main()
