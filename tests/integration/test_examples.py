"""The examples, pipelines and notebooks run as their own texts say, on the real library."""

from __future__ import annotations

import json
import math
import re
import socket
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pypdf import PdfWriter

from ragkit.client import connect

from .conftest import LIBRARY, ROOT, Finished, environment

PIPELINES, EXAMPLES, NOTEBOOKS = ROOT / "pipelines", ROOT / "examples", ROOT / "notebooks"
QUESTIONS = EXAMPLES / "library_questions.jsonl"
FILES = sum(1 for path in LIBRARY.iterdir() if path.is_file())


def python(program: Path, *arguments: str | Path, data: Path, **variables: str) -> Finished:
    """Run a program of the repository as a process of its own, from another folder."""
    data.parent.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        [sys.executable, str(program), *(str(argument) for argument in arguments)],
        env=environment(data) | {"PYTHONIOENCODING": "utf-8"} | variables,
        cwd=data.parent,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return Finished(done.returncode, done.stdout, done.stderr)


@dataclass(frozen=True)
class Ingested:
    """A data folder that `ingest_folder.py` filled by its own configuration, and what it said."""

    data: Path
    run: Finished
    report: dict[str, Any]


@pytest.fixture(scope="module")
def ingested(tmp_path_factory: pytest.TempPathFactory) -> Ingested:
    folder = tmp_path_factory.mktemp("pipelines")
    data, report = folder / "data", folder / "report.json"
    run = python(PIPELINES / "ingest_folder.py", "--report", report, data=data)
    return Ingested(data, run, json.loads(report.read_text(encoding="utf-8")))


# ---- pipelines/ingest_folder.py


def test_ingest_folder_runs_with_its_own_configuration(ingested: Ingested) -> None:
    assert ingested.run.code == 0, ingested.run.err
    assert ingested.run.err == ""
    assert re.search(rf"^library +files {FILES} new; chunks \d+ created", ingested.run.out, re.M)
    assert ingested.report["ok"] is True
    whole, fine = ingested.report["jobs"]
    assert (whole["corpus"], fine["corpus"]) == ("library", "library-fine")
    assert whole["files"]["new"] == FILES
    kinds = ("*.md", "*.txt")
    assert fine["files"]["new"] == sum(len(list(LIBRARY.glob(kind))) for kind in kinds)
    # Pieces of half the size: more of them, although there are fewer files.
    assert fine["chunks"]["created"] > whole["chunks"]["created"]
    assert not list(ingested.data.parent.glob("*.partial"))


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    """Two folders beside a configuration."""
    for name, text in (("tea/green.md", "Steep at eighty degrees."), ("rice/white.txt", "Rinse.")):
        file = tmp_path / "kitchen" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return tmp_path / "kitchen"


def test_ingest_folder_follows_the_configuration(
    notes: Path, data: Path, ingest_folder: Callable[[list[str]], int]
) -> None:
    config, report = notes / "kitchen.toml", notes / "report.json"
    config.write_text(
        '[target]\ndata = "corpora"\n[defaults]\ndelete = true\nexclude = ["draft*"]\n'
        '[[ingest]]\ncorpus = "kitchen"\nfolders = ["tea", "rice"]\n'
    )
    (notes / "tea" / "draft.md").write_text("Not yet.")

    def run(*more: str) -> tuple[int, dict[str, Any]]:
        code = ingest_folder([str(config), "--report", str(report), *more])
        [job] = json.loads(report.read_text())["jobs"]
        return code, job

    code, job = run("--dry-run")
    assert (code, job["files"]["new"], job["dry_run"]) == (0, 2, True)
    with connect(data=notes / "corpora") as client:
        assert list(client.corpora.list()) == []

    code, job = run()
    assert (code, job["files"]["new"]) == (0, 2)
    with connect(data=notes / "corpora") as client:
        documents = client.documents.list("kitchen")
        sources = {document.metadata["source"] for document in documents}
    assert sources == {"tea/green.md", "rice/white.txt"}
    # The configuration's target wins: the environment's data folder was not touched.
    assert not data.exists()

    # A vanished file goes, a bad one is reported, and the others are kept.
    (notes / "rice" / "brown.txt").write_text("Brown rice takes forty minutes.")
    assert run()[0] == 0
    (notes / "rice" / "white.txt").unlink()
    writer = PdfWriter()
    writer.add_blank_page(200, 200)
    writer.encrypt("secret")
    writer.write(notes / "tea" / "locked.pdf")
    code, job = run()
    assert code == 1
    assert job["ok"] is False
    assert job["files"] == {"new": 0, "changed": 0, "unchanged": 2, "deleted": 1, "failed": 1}
    [failure] = job["failures"]
    assert failure["path"] == str(notes / "tea" / "locked.pdf")
    assert "encrypted" in failure["error"]


def test_ingest_folder_says_what_was_not_begun(notes: Path, data: Path) -> None:
    config, report = notes / "jobs.toml", notes / "report.json"
    tables = (f'[[ingest]]\ncorpus = "{name}"\nfolders = ["{name}"]\n' for name in ("tea", "rice"))
    config.write_text("".join(tables))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        nobody = f"http://127.0.0.1:{listening.getsockname()[1]}"
    done = python(
        PIPELINES / "ingest_folder.py", config, "--report", report, data=data, RAGKIT_URL=nobody
    )
    assert done.code == 1
    assert f"error: tea: {nobody}" in done.err
    assert "error: rice: not begun" in done.err
    written = json.loads(report.read_text())
    assert written["ok"] is False
    assert [job["ok"] for job in written["jobs"]] == [False, False]


JOB = '[[ingest]]\ncorpus = "c"\nfolders = ["tea"]\n'


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[[ingest]\n", ["is not TOML", "line 1"]),
        ("", ["ingest: nothing to do"]),
        (JOB + "max_token = 9", ["ingest[1].max_token: unknown key", "'max_tokens'", "overlap"]),
        ("[targets]\n" + JOB, ["targets: unknown key", "did you mean 'target'", "defaults"]),
        (JOB + "delete = 1", ["ingest[1].delete: must be true/false, not 1"]),
        (JOB + "max_tokens = true", ["ingest[1].max_tokens: must be an integer, not true"]),
        (JOB + 'include = "*.md"', ["ingest[1].include: must be a list of strings"]),
        (JOB + "max_tokens = 5000", ["ingest[1].max_tokens: must be 16 to 2,043, not 5000"]),
        (JOB + "max_tokens = 64\noverlap = 33", ["ingest[1].overlap: must be 0 to half", "(32)"]),
        (JOB + JOB.replace("tea", "nowhere"), ["ingest[2].folders: no such folder: 'nowhere'"]),
        (JOB.replace("tea", "tea/green.md"), ["ingest[1].folders: is not a folder"]),
        (JOB.replace('"c"', '"My Corpus"'), ["ingest[1].corpus:", "lowercase letters"]),
        ('[[ingest]]\nfolders = ["tea"]', ["ingest[1].corpus: is missing"]),
        ('[target]\nurl = "http://h"\ndata = "d"\n' + JOB, ["target: both url and data"]),
        # With `delete`, each would take the other's documents for vanished ones.
        (JOB + JOB.replace("tea", "rice/tea"), ["ingest[2].folders:", "ingest[1]", "'c'"]),
    ],
)
def test_ingest_folder_refuses_a_wrong_configuration(
    notes: Path,
    text: str,
    expected: list[str],
    capsys: pytest.CaptureFixture[str],
    ingest_folder: Callable[[list[str]], int],
) -> None:
    (notes / "rice" / "tea").mkdir()
    config = notes / "wrong.toml"
    config.write_text(text)
    assert ingest_folder([str(config)]) == 2
    said = capsys.readouterr().err
    for words in (str(config), *expected):
        assert words in said
    assert not (notes.parent / "data").exists()


@pytest.fixture
def ingest_folder(data: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[list[str]], int]:
    """The program's main function, over the test's data folder."""
    for variable in ("RAGKIT_URL", "RAGKIT_API_KEY"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("RAGKIT_DATA", str(data))
    monkeypatch.syspath_prepend(str(PIPELINES))
    main: Callable[[list[str]], int] = import_module("ingest_folder").main
    return main


def test_ingest_folder_refuses_a_report_that_cannot_be_written(
    notes: Path, capsys: pytest.CaptureFixture[str], ingest_folder: Callable[[list[str]], int]
) -> None:
    config = notes / "jobs.toml"
    config.write_text(JOB)
    for report, why in ((notes, "is a folder"), (notes / "no" / "r.json", "no such folder")):
        assert ingest_folder([str(config), "--report", str(report)]) == 2
        assert why in capsys.readouterr().err
    assert not (notes.parent / "data").exists()


# ---- pipelines/evaluate.py


def test_evaluate_reports_on_the_library(ingested: Ingested) -> None:
    done = python(PIPELINES / "evaluate.py", "library", QUESTIONS, "--json", data=ingested.data)
    assert done.code == 0, done.err
    found = done.json
    metrics, questions = found["metrics"], found["questions"]
    assert list(metrics) == [
        *(f"recall@{depth}" for depth in (1, 5, 10)),
        "MRR@10",
        "gold in answer",
        "AUC",
    ]
    for metric in metrics.values():
        assert 0 <= metric["low"] <= metric["value"] <= metric["high"] <= 1
    assert found["missing_sources"] == []
    lines = [json.loads(line) for line in QUESTIONS.read_text(encoding="utf-8").splitlines()]
    assert len(questions) == metrics["AUC"]["questions"] == len(lines)

    # The figures, worked out again the plain way from the answers that were given.
    ranks = [q["rank"] for q in questions if q["expected"]["source"] is not None]
    for depth in (1, 5, 10):
        hits = sum(rank is not None and rank <= depth for rank in ranks)
        assert metrics[f"recall@{depth}"]["value"] == pytest.approx(hits / len(ranks))
    reciprocal = sum(1 / rank for rank in ranks if rank is not None) / len(ranks)
    assert metrics["MRR@10"]["value"] == pytest.approx(reciprocal)
    known = [q for q in questions if q["expected"]["answer"] is not None]
    held = sum(q["expected"]["answer"].lower() in q["answer"].lower() for q in known)
    assert metrics["gold in answer"]["value"] == pytest.approx(held / len(known))
    yes = [q["answerable_probability"] for q in known]
    no = [q["answerable_probability"] for q in questions if q not in known]
    won = sum((p > q) + (p == q) / 2 for p in yes for q in no)
    assert metrics["AUC"]["value"] == pytest.approx(won / (len(yes) * len(no)))

    # For a share of many questions the bootstrap comes to what the normal approximation says.
    share, high = metrics["recall@1"]["value"], metrics["recall@1"]["high"]
    expected = 1.96 * math.sqrt(share * (1 - share) / len(ranks))
    assert high - share == pytest.approx(expected, rel=0.25)

    # And they are what a product may be shown with.
    assert metrics["recall@5"]["value"] >= 0.9
    assert metrics["gold in answer"]["value"] >= 0.7
    assert metrics["AUC"]["value"] >= 0.9


def test_auc_counts_ties_as_a_half(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(PIPELINES))
    auc = import_module("evaluate").auc
    assert auc(np.array([0.5, 0.9]), np.array([0.1, 0.5])) == (1 + 0.5 + 1 + 1) / 4
    assert auc(np.array([0.2]), np.array([0.2, 0.2])) == 0.5
    assert auc(np.array([0.1]), np.array([0.2, 0.3])) == 0


def test_evaluate_prints_a_table_and_names_what_it_misses(
    ingested: Ingested, tmp_path: Path
) -> None:
    questions = tmp_path / "questions.jsonl"
    entries = [
        {"question": "How many chunks may one batch create?", "answer": "AT MOST  100 chunks"},
        {"question": "How old is peat?", "answer": "nine lives", "source": "library/gone.md"},
    ]
    questions.write_text("\n".join(map(json.dumps, entries)) + "\n\n")
    arguments = ("library", questions, "--resamples", "50")
    done = python(PIPELINES / "evaluate.py", *arguments, data=ingested.data)
    assert done.code == 0
    assert "no document of the source 'library/gone.md'" in done.err
    assert re.search(r"^recall@10 +0\.000 +0\.000 to 0\.000 +1$", done.out, re.M)
    # White space and letter case do not count.
    assert re.search(r"^gold in answer +0\.500 ", done.out, re.M)
    assert "AUC" not in done.out  # there is no unanswerable question
    assert "(expected: nine lives)" in done.out
    assert "AT MOST" not in done.out
    again = python(PIPELINES / "evaluate.py", *arguments, data=ingested.data)
    assert again.out == done.out  # the bootstrap's seed is fixed


def test_evaluate_refuses_wrong_questions_and_an_absent_corpus(
    ingested: Ingested, tmp_path: Path
) -> None:
    questions = tmp_path / "questions.jsonl"
    questions.write_text('{"question": "Why?"}\n{"question": "How?", "sauce": "x"}\n')
    done = python(PIPELINES / "evaluate.py", "library", questions, data=ingested.data)
    assert done.code == 2
    assert "line 2: must be one object with the keys question, answer, source" in done.err
    done = python(PIPELINES / "evaluate.py", "absent", QUESTIONS, data=ingested.data)
    assert done.code == 1
    assert "corpora/absent" in done.err


# ---- examples


def test_ask_folder(data: Path) -> None:
    questions = ("How many chunks may one batch create?", "Who won the world cup of 1966?")
    done = python(EXAMPLES / "ask_folder.py", LIBRARY, *questions, data=data)
    assert done.code == 0, done.err
    assert done.out.startswith(f"{FILES} files read, 0 unchanged\n")
    answered, _, unanswered = done.out.partition(questions[1])
    assert "at most 100 chunks" in answered
    assert "[1] library/chunks-and-batches.md: “" in answered
    assert "probably does not say" in unanswered
    assert "[1]" not in unanswered
    wrong = python(EXAMPLES / "ask_folder.py", LIBRARY / "nowhere", "What?", data=data)
    assert wrong.code == 1
    assert "no such file or folder" in wrong.err


def test_filtered_search(data: Path) -> None:
    done = python(EXAMPLES / "filtered_search.py", data=data)
    assert done.code == 0, done.err
    years: dict[str, list[int]] = {}
    for line in done.out.splitlines():
        if not line.startswith(" "):
            found = years.setdefault(line.rstrip(":"), [])
        else:
            found.append(int(line.split()[1]))
    assert len(years["everything"]) == 3
    assert years["everything"][0] == 1994
    assert years["before 2000"]
    assert max(years["before 2000"]) < 2000
    assert sorted(years["1990 to 2015"]) == [1994, 1999, 2013]
    assert 1994 not in years["on vectors or links"]
    assert 1999 in years["on vectors or links"]
    assert not {1994, 1999} & set(years["not on ranking"])
    assert sorted(years["articles of 1972 or 2020"]) == [1972, 2020, 2020]
    assert not data.exists()


# ---- notebooks

RUN_CELLS = """
import contextlib, io, json, sys
cells, namespace, outputs = json.load(sys.stdin), {"__name__": "__main__"}, []
for number, source in enumerate(cells, start=1):
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(source, f"cell {number}", "exec"), namespace)
    outputs.append(printed.getvalue())
print(json.dumps(outputs))
"""


@pytest.mark.parametrize("notebook", sorted(NOTEBOOKS.glob("*.ipynb")), ids=lambda path: path.stem)
def test_notebook_prints_what_it_shows(notebook: Path, data: Path) -> None:
    content = json.loads(notebook.read_text(encoding="utf-8"))
    cells = [cell for cell in content["cells"] if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1))
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", RUN_CELLS],
        input=json.dumps(["".join(cell["source"]) for cell in cells]),
        env=environment(data) | {"PYTHONIOENCODING": "utf-8"},
        cwd=notebook.parent,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    for cell, printed in zip(cells, json.loads(done.stdout), strict=True):
        assert all(output["output_type"] == "stream" for output in cell["outputs"])
        shown = "".join("".join(output["text"]) for output in cell["outputs"])
        assert _words(printed) == _words(shown), (
            f"{notebook.name} is stale: run `jupyter execute --inplace {notebook.name}`"
        )
        assert _decimals(printed) == pytest.approx(_decimals(shown), abs=0.02)
    assert not data.exists()


# Scores differ in the last digit from one processor to another; all else must be as shown.
DECIMAL = re.compile(r"\b\d\.\d\d\b")


def _words(text: str) -> str:
    return DECIMAL.sub("#.##", text)


def _decimals(text: str) -> list[float]:
    return [float(number) for number in DECIMAL.findall(text)]


def test_notebooks_are_there_and_hold_no_path_of_a_machine() -> None:
    notebooks = list(NOTEBOOKS.glob("*.ipynb"))
    assert notebooks
    for notebook in notebooks:
        text = notebook.read_text(encoding="utf-8")
        assert not re.search(r"/(tmp|home|root|Users|var|work)/", text), notebook.name
