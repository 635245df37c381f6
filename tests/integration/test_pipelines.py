"""The jobs that move corpora and keep them in step, over embedded and served endpoints."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import filelock
import pytest

from ragkit.api.chunks import Chunk
from ragkit.client import Client, connect

from .conftest import ROOT, environment
from .server_process import serving

PIPELINES = ROOT / "pipelines"
Main = Callable[..., int]

WEIGHTS: dict[str, str | float | list[str]] = {"green": 2.5, "black": 0.1}


@pytest.fixture
def program(data: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Main]:
    """Main functions of the programs, over the test's data folder."""
    for variable in ("RAGKIT_URL", "RAGKIT_API_KEY"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("RAGKIT_DATA", str(data))
    monkeypatch.syspath_prepend(str(PIPELINES))

    def load(name: str) -> Main:
        main: Main = import_module(name).main
        return lambda *arguments: main([str(argument) for argument in arguments])

    return load


@pytest.fixture
def filled(data: Path) -> Path:
    """A data folder with a corpus of documents of 0, 1 and 230 chunks, and much metadata."""
    with connect(data=data) as client:
        client.corpora.create("tea", display_name="Of tea – お茶")
        client.documents.create("tea", "empty", display_name="Nothing in it")
        client.documents.create("tea", "one", metadata={**WEIGHTS, "kinds": ["green"]})
        client.chunks.create("tea/one", "Steep it.\n\u2028 茶 👍🏽", name="c", metadata={"a": "b"})
        client.documents.create("tea", "many", display_name="Many", metadata={"sha256": "00"})
        for start in range(0, 230, 100):
            client.chunks.batch_create(
                "tea/many",
                [
                    Chunk.of(
                        f"Passage number {number}.",
                        {**WEIGHTS, "ordinal": number, "tags": ["x", str(number)]},
                        f"corpora/tea/documents/many/chunks/c{number}",
                    )
                    for number in range(start, min(start + 100, 230))
                ],
            )
    return data


def contents(client: Client, corpus: str) -> dict[str, Any]:
    """All that a corpus holds, times and its own id aside."""
    return {
        document.name.rpartition("/")[2]: (
            document.display_name,
            document.metadata,
            {
                chunk.name.rpartition("/")[2]: (chunk.text, chunk.metadata)
                for chunk in client.chunks.list(document.name, page_size=100)
            },
        )
        for document in client.documents.list(corpus)
    }


def configure(file: Path, **tables: dict[str, Any]) -> Path:
    """Write a configuration; JSON's values are TOML's too."""
    lines: list[str] = []
    for table, values in tables.items():
        lines += [f"[{table}]", *(f"{key} = {json.dumps(value)}" for key, value in values.items())]
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file


@pytest.fixture(params=["embedded", "served"])
def target(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[dict[str, str]]:
    """Another endpoint, as a configuration names it."""
    if request.param == "embedded":
        yield {"data": str(tmp_path / "other")}
        return
    with serving(tmp_path / "other", tmp_path / "serve.log") as server:
        yield {"url": server.url}


def opened(target: dict[str, str]) -> Client:
    return connect(target.get("url"), data=target.get("data"))


@pytest.mark.parametrize("format_", ["jsonl", "parquet"])
def test_a_corpus_moves_to_another_endpoint(
    filled: Path,
    tmp_path: Path,
    target: dict[str, str],
    format_: str,
    program: Callable[[str], Main],
) -> None:
    if format_ == "parquet":
        pytest.importorskip("pyarrow")
    out, report = tmp_path / "out", tmp_path / "report.json"
    export = {"corpus": "tea", "folder": "out", "format": format_, "part_chunks": 100}
    config = configure(tmp_path / "e.toml", export=export)
    assert program("export_corpus")(config, "--report", report) == 0
    done = json.loads(report.read_text(encoding="utf-8"))
    assert (done["ok"], done["documents"]["exported"], done["chunks"]["exported"]) == (True, 3, 231)
    assert len(list(out.glob("part-*"))) >= 1
    assert not list(out.glob("*.partial"))

    config = configure(
        tmp_path / "i.toml", target=target, **{"import": {"folder": "out", "corpus": "copy"}}
    )
    assert program("import_corpus")(config, "--report", report) == 0
    done = json.loads(report.read_text(encoding="utf-8"))
    assert (done["documents"]["created"], done["chunks"]["created"]) == (3, 231)
    with connect(data=filled) as source, opened(target) as copy:
        assert contents(copy, "copy") == contents(source, "tea")
        assert copy.corpora.get("copy").display_name == "Of tea – お茶"

    # Nothing is sent twice.
    assert program("import_corpus")(config, "--report", report) == 0
    done = json.loads(report.read_text(encoding="utf-8"))
    assert (done["documents"]["unchanged"], done["chunks"]["unchanged"]) == (3, 231)
    assert done["documents"]["updated"] == done["chunks"]["created"] == 0


def test_an_import_repairs_what_differs_and_removes_what_is_too_much(
    filled: Path, tmp_path: Path, program: Callable[[str], Main]
) -> None:
    config = configure(tmp_path / "e.toml", export={"corpus": "tea", "folder": "out"})
    assert program("export_corpus")(config) == 0
    with connect(data=filled) as client:
        before = contents(client, "tea")
        client.chunks.delete("tea/many/c7")
        client.chunks.update("tea/many/c8", text="Something else.")
        client.chunks.update("tea/many/c9", metadata={"ordinal": 10})
        client.chunks.create("tea/many", "Too much.", name="extra")
        client.documents.delete("tea/one", force=True)
        client.documents.update("tea/empty", display_name="Another")
        client.documents.create("tea", "other")
    report = tmp_path / "report.json"
    config = configure(tmp_path / "i.toml", **{"import": {"folder": "out", "delete": True}})
    assert program("import_corpus")(config, "--report", report) == 0
    done = json.loads(report.read_text(encoding="utf-8"))
    assert done["chunks"] == {
        "created": 2,
        "updated": 2,
        "unchanged": 227,
        "deleted": 1,
        "failed": 0,
    }
    assert (done["documents"]["updated"], done["documents"]["deleted"]) == (2, 1)
    with connect(data=filled) as client:
        assert contents(client, "tea") == before


def test_an_export_goes_on_where_it_was_interrupted_and_sees_what_changed(
    filled: Path, tmp_path: Path, program: Callable[[str], Main], monkeypatch: pytest.MonkeyPatch
) -> None:
    export = program("export_corpus")
    config = configure(
        tmp_path / "e.toml", export={"corpus": "tea", "folder": "out", "part_chunks": 1}
    )
    report = tmp_path / "report.json"
    module = import_module("export_corpus")
    whole = module.chunk_record

    def interrupted(chunk: Chunk) -> dict[str, Any]:
        if chunk.name.endswith("/c150"):
            raise KeyboardInterrupt
        record: dict[str, Any] = whole(chunk)
        return record

    monkeypatch.setattr(module, "chunk_record", interrupted)
    assert export(config) == 130
    assert json.loads((tmp_path / "out" / "corpus.json").read_text())["complete"] is False
    # What is not whole cannot be imported.
    other = configure(tmp_path / "i.toml", **{"import": {"folder": "out", "corpus": "copy"}})
    assert program("import_corpus")(other) == 2
    monkeypatch.setattr(module, "chunk_record", whole)
    assert export(config, "--report", report) == 0
    done = json.loads(report.read_text())["documents"]
    assert (done["exported"], done["kept"]) == (1, 2)
    with connect(data=filled) as client:
        client.documents.update("tea/one", metadata={"kinds": "none"})
        client.documents.delete("tea/empty")
    assert export(config, "--report", report) == 0
    done = json.loads(report.read_text())
    assert done["ok"] is True
    assert program("import_corpus")(other) == 0
    with connect(data=filled) as client:
        assert contents(client, "copy") == contents(client, "tea")


def test_embeddings_are_exported_when_asked_for(
    filled: Path, tmp_path: Path, program: Callable[[str], Main]
) -> None:
    settings = {"embeddings": "text-embedding-004", "dimensions": 64}
    config = configure(tmp_path / "e.toml", export={"corpus": "tea", "folder": "out", **settings})
    assert program("export_corpus")(config) == 0
    records = [
        json.loads(line)
        for part in sorted((tmp_path / "out").glob("part-*"))
        for line in part.read_text(encoding="utf-8").split("\n")
        if line
    ]
    chunks = [record for record in records if record["kind"] == "chunk"]
    assert len(chunks) == 231
    with connect(data=filled) as client:
        wanted = client.models.batch_embed_contents(
            [chunks[0]["text"]],
            model="text-embedding-004",
            task_type="RETRIEVAL_DOCUMENT",
            output_dimensionality=64,
        )
    assert chunks[0]["embedding"] == pytest.approx(wanted.embeddings[0].values, abs=1e-5)
    # Another export does not go into the same folder.
    config = configure(tmp_path / "e.toml", export={"corpus": "tea", "folder": "out"})
    assert program("export_corpus")(config) == 2


def test_damaged_files_are_refused_and_exported_again(
    filled: Path, tmp_path: Path, program: Callable[[str], Main], capsys: pytest.CaptureFixture[str]
) -> None:
    config = configure(tmp_path / "e.toml", export={"corpus": "tea", "folder": "out"})
    assert program("export_corpus")(config) == 0
    part = next((tmp_path / "out").glob("part-*"))
    part.write_bytes(part.read_bytes().replace(b"number 12.", b"number 21."))
    other = configure(tmp_path / "i.toml", **{"import": {"folder": "out", "corpus": "copy"}})
    assert program("import_corpus")(other) == 2
    assert "is not the file that was exported" in capsys.readouterr().err
    assert program("export_corpus")(config) == 1
    assert "does not hold what was written: run again" in capsys.readouterr().err
    assert program("export_corpus")(config) == 0
    assert program("import_corpus")(other) == 0


def test_a_chunk_that_the_target_refuses_is_named_and_the_others_are_sent(
    filled: Path, tmp_path: Path, program: Callable[[str], Main]
) -> None:
    config = configure(tmp_path / "e.toml", export={"corpus": "tea", "folder": "out"})
    assert program("export_corpus")(config) == 0
    files = import_module("corpus_files")
    out = tmp_path / "out"
    manifest = files.read_manifest(out)
    [part] = manifest.parts
    # As an endpoint with a higher limit would have given it.
    lines = (out / part.file).read_text(encoding="utf-8").split("\n")
    at = next(number for number, line in enumerate(lines) if '"c42"' in line)
    lines[at] = json.dumps({**json.loads(lines[at]), "text": "word " * 3_000})
    (out / part.file).write_text("\n".join(lines), encoding="utf-8")
    total = files.Tally()
    for record in files.read_part(out / part.file):
        total.add(record)
    part.sha256, part.digest = files.file_sha256(out / part.file), f"{total.digest:064x}"
    manifest.write(out)
    report = tmp_path / "report.json"
    other = configure(tmp_path / "i.toml", **{"import": {"folder": "out", "corpus": "copy"}})
    assert program("import_corpus")(other, "--report", report) == 1
    done = json.loads(report.read_text(encoding="utf-8"))
    [failure] = done["failures"]
    assert failure["name"] == "corpora/copy/documents/many/chunks/c42"
    assert (done["verified"], done["chunks"]["created"]) == (False, 230)
    with connect(data=filled) as client:
        # It is not taken for whole: what says so is missing.
        assert "sha256" not in client.documents.get("copy/many").metadata


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("export_corpus", '[export]\ncorpus = "a"\n', "export.folder: is missing"),
        ("export_corpus", '[export]\nfolder = "x"\n', "export.corpus: is missing"),
        ("export_corpus", '[export]\ncorpus="a"\nfolder="x"\nformat="csv"', "must be one of"),
        ("export_corpus", '[export]\ncorpus="a"\nfolder="x"\npart_chunk=1', "did you mean"),
        ("import_corpus", '[import]\nfolder = "nowhere"\n', "there is no exported corpus here"),
        ("import_corpus", '[target]\nurl="a"\ndata="b"\n[import]\nfolder="x"', "choose one"),
        ("sync_on_schedule", "[schedule]\nevery_minutes = 5\n", "schedule.jobs: is missing"),
        ("sync_on_schedule", '[schedule]\njobs="x.toml"\nevery_minutes=0', "more than 0"),
    ],
)
def test_what_cannot_be_done_is_refused_before_anything_is(
    name: str,
    text: str,
    message: str,
    tmp_path: Path,
    data: Path,
    program: Callable[[str], Main],
    capsys: pytest.CaptureFixture[str],
) -> None:
    config = tmp_path / "c.toml"
    config.write_text(text)
    assert program(name)(config) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "x").exists()


# ---- pipelines/sync_on_schedule.py


@pytest.fixture
def schedule(tmp_path: Path) -> Path:
    """A folder, the jobs over it, and a schedule."""
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "a.txt").write_text("Steep at eighty degrees.")
    (tmp_path / "jobs.toml").write_text(
        '[defaults]\ndelete = true\n[[ingest]]\ncorpus = "notes"\nfolders = ["notes"]\n'
    )
    settings = {"jobs": "jobs.toml", "every_minutes": 0.01, "report": "report.json"}
    return configure(tmp_path / "s.toml", schedule=settings)


def test_one_round_syncs_and_says_so(
    schedule: Path, data: Path, program: Callable[[str], Main], capsys: pytest.CaptureFixture[str]
) -> None:
    sync = program("sync_on_schedule")
    assert sync(schedule, "--once") == 0
    assert " INFO corpus=notes new=1 " in capsys.readouterr().err
    assert json.loads((schedule.parent / "report.json").read_text())["ok"] is True
    (schedule.parent / "notes" / "bad.pdf").write_bytes(b"%PDF-1.4 nothing")
    assert sync(schedule, "--once") == 1
    said = capsys.readouterr().err
    assert " ERROR corpus=notes " in said
    assert "bad.pdf" in said


def test_a_round_is_left_out_while_another_is_at_work(
    schedule: Path, program: Callable[[str], Main], capsys: pytest.CaptureFixture[str]
) -> None:
    with filelock.FileLock(schedule.parent / "jobs.lock"):
        assert program("sync_on_schedule")(schedule, "--once") == 3
    assert "another round is at work" in capsys.readouterr().err
    assert program("sync_on_schedule")(schedule, "--once") == 0


def test_rounds_follow_until_sigterm_and_see_what_changes(schedule: Path, data: Path) -> None:
    folder, log = schedule.parent, schedule.parent / "sync.log"
    with log.open("w") as stream:
        process = subprocess.Popen(
            [sys.executable, str(PIPELINES / "sync_on_schedule.py"), str(schedule)],
            env=environment(data),
            stderr=stream,
        )
    try:
        _wait_for(lambda: "corpus=notes new=1" in log.read_text())
        (folder / "notes" / "b.txt").write_text("And rinse the pot.")
        _wait_for(lambda: log.read_text().count(" new=1 ") == 2)
        jobs = (folder / "jobs.toml").read_text()
        (folder / "jobs.toml").write_text("nonsense")
        _wait_for(lambda: "configuration is wrong" in log.read_text())
        (folder / "jobs.toml").write_text(jobs)
        done = log.read_text().count("round done")
        _wait_for(lambda: log.read_text().count("round done") > done)
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
    assert "ended by SIGTERM" in log.read_text()
    assert "Traceback" not in log.read_text()
    with connect(data=data) as client:
        assert len(list(client.documents.list("notes"))) == 2


def _wait_for(condition: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)


def test_the_configurations_beside_the_programs_are_right(
    program: Callable[[str], Main],
) -> None:
    os.environ.pop("RAGKIT_URL", None)
    for name, load in (
        ("export_corpus", "load_config"),
        ("import_corpus", "load_config"),
        ("sync_on_schedule", "load_schedule"),
    ):
        program(name)
        assert getattr(import_module(name), load)(PIPELINES / f"{name}.toml")
