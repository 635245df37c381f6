"""The command line as a user meets it: real processes, real files, real exit codes."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from pypdf import PdfWriter

from ragkit import Client, connect

from .conftest import LIBRARY, Ragkit, command, environment
from .test_interruption import make_folder

NOTE = "# Tea\n\nGreen tea is steeped at eighty degrees.\n\n# Coffee\n\nCoffee likes ninety-four.\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "notes"
    folder.mkdir()
    (folder / "drinks.md").write_text(NOTE)
    return folder


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with a corpus `there` of one chunk, which no wrong command may harm."""
    data = tmp_path_factory.mktemp("stored")
    with connect(data=data) as client:
        client.corpora.create("there")
        client.documents.create("there", "drinks")
        client.chunks.create("there/drinks", NOTE)
    return data


def test_the_main_job(ragkit: Ragkit) -> None:
    done = ragkit("ingest", LIBRARY, "--corpus", "library", "--json")
    assert done.code == 0, done.err
    report = done.json
    files = sum(1 for path in LIBRARY.iterdir() if path.is_file())
    assert report["files"] == {
        "new": files,
        "changed": 0,
        "unchanged": 0,
        "deleted": 0,
        "failed": 0,
    }
    assert report["chunks"]["created"] > files
    assert report["failures"] == []

    again = ragkit("ingest", LIBRARY, "--corpus", "library", "--json").json
    assert again["files"]["unchanged"] == files
    assert set(again["chunks"].values()) == {0}

    question = "what happens to chunks when a document is deleted?"
    found = ragkit("query", "library", question, "--json").json["chunks"]
    assert set(found[0]) == {
        "name",
        "score",
        "text",
        "source",
        "page",
        "start",
        "end",
        "headings",
    }
    assert found[0]["source"] == "library/corpora-and-documents.md"
    assert [hit["score"] for hit in found] == sorted((hit["score"] for hit in found), reverse=True)
    text = (LIBRARY / "corpora-and-documents.md").read_text()
    assert text[found[0]["start"] : found[0]["end"]] == found[0]["text"]

    shown = ragkit("query", "library", question, "-k", "3")
    assert "library/corpora-and-documents.md" in shown.out
    assert "\x1b" not in shown.out

    answered = ragkit("ask", "library", "how many chunks may one batch create?", "--json").json
    assert set(answered) == {"answer", "answerable_probability", "citations"}
    assert "100" in answered["answer"]
    assert answered["answerable_probability"] > 0.5
    citation = answered["citations"][0]
    assert set(citation) == {"chunk", "source", "page", "start", "end", "quote"}
    assert citation["quote"] in answered["answer"]
    cited = (LIBRARY.parent / citation["source"]).read_text()
    assert cited[citation["start"] : citation["end"]] == citation["quote"]

    shown = ragkit("ask", "library", "how many chunks may one batch create?")
    assert "[1]" in shown.out
    assert citation["source"] in shown.out

    unknown = ragkit("ask", "library", "who won the world cup of 1966?")
    assert unknown.code == 0
    assert "probably do not answer" in unknown.out


def test_a_quote_from_a_pdf_names_its_page(ragkit: Ragkit) -> None:
    ragkit("ingest", LIBRARY, "--corpus", "pdf", "--include", "*.pdf")
    found = ragkit("query", "pdf", "batch", "-k", "100", "--json").json["chunks"]
    pages = {hit["page"] for hit in found}
    assert pages >= {1, 2, 3}
    only = ragkit("query", "pdf", "batch", "-k", "100", "--where", "page>=3", "--json").json
    assert {hit["page"] for hit in only["chunks"]} == {page for page in pages if page >= 3}


def test_only_what_changed_is_sent(ragkit: Ragkit, folder: Path) -> None:
    paragraphs = [
        f"Paragraph {number} speaks of subject {number * 7}. " * 12 for number in range(9)
    ]
    book = folder / "book.txt"
    book.write_text("\n\n".join(paragraphs))
    flags = ("--corpus", "c", "--max-tokens", "128", "--overlap", "0", "--json")
    first = ragkit("ingest", folder, *flags).json
    paragraphs[0] = "A new beginning that was not there before. " * 12
    book.write_text("\n\n".join(paragraphs))
    second = ragkit("ingest", folder, *flags).json
    assert second["files"]["changed"] == 1
    assert second["files"]["unchanged"] == 1
    assert 0 < second["chunks"]["created"] < first["chunks"]["created"] / 2
    assert second["chunks"]["deleted"] == second["chunks"]["created"]
    assert second["chunks"]["updated"] > 0
    whole = ragkit("query", "c", "paragraph", "-k", "100", "--json").json["chunks"]
    spans = sorted((h["start"], h["text"]) for h in whole if h["source"] == "notes/book.txt")
    assert "".join(text for _, text in spans) == book.read_text()


def test_dry_run_says_what_then_happens_and_delete_removes_on_evidence_only(
    ragkit: Ragkit, folder: Path
) -> None:
    planned = ragkit("ingest", folder, "--corpus", "c", "--dry-run", "--json").json
    assert ragkit("corpora", "get", "c").code == 1
    done = ragkit("ingest", folder, "--corpus", "c", "--json").json
    assert planned["chunks"] == done["chunks"]
    assert planned["files"] == done["files"]

    (folder / "more.txt").write_text("More to say about herbal infusions.")
    ragkit("ingest", folder, "--corpus", "c")
    (folder / "drinks.md").unlink()
    kept = ragkit("ingest", folder, "--corpus", "c", "--json").json
    assert kept["files"]["deleted"] == 0
    other = folder.parent / "elsewhere" / "notes"
    other.mkdir(parents=True)
    (other / "unrelated.txt").write_text("Another folder of the same name.")
    refused = ragkit("ingest", other, "--corpus", "c", "--delete")
    assert refused.code == 2, "the other folder of that name is still there"
    assert str(folder) in refused.err
    moved = folder.rename(folder.parent / "moved")
    away = ragkit("ingest", other, "--corpus", "c", "--delete", "--json")
    assert away.json["files"]["deleted"] == 0
    assert "another folder" in away.err
    other.rename(folder.parent / "other")
    moved.rename(folder)
    delete = ("ingest", folder, "--corpus", "c", "--delete", "--json")
    assert ragkit(*delete, "--include", "more.*").json["files"]["deleted"] == 0, "not looked for"
    assert ragkit(*delete, "--dry-run").json["files"]["deleted"] == 2
    assert ragkit(*delete).json["files"]["deleted"] == 2
    assert len(ragkit("documents", "list", "c", "--json").json["documents"]) == 1


def test_bad_files_are_reported_and_never_stop_the_others(ragkit: Ragkit, folder: Path) -> None:
    (folder / "empty.txt").write_bytes(b"")
    (folder / "junk.txt").write_bytes(bytes(range(256)) * 40)
    (folder / "legacy.txt").write_bytes(
        "Crème brûlée à la carte, très bien préparée.".encode("cp1252")
    )
    (folder / "broken.pdf").write_bytes(b"%PDF-1.7\nthis is not one")
    (folder / "surrogate.html").write_text("<p>A &#xD800; lone surrogate and &amp; more</p>")
    secret = PdfWriter()
    secret.add_blank_page(100, 100)
    secret.encrypt("secret")
    secret.write(folder / "secret.pdf")
    done = ragkit("ingest", folder, "--corpus", "c", "--json")
    assert done.code == 1
    reasons = {failure["path"]: failure["error"] for failure in done.json["failures"]}
    assert set(reasons) == {
        str(folder / name) for name in ("empty.txt", "junk.txt", "broken.pdf", "secret.pdf")
    }
    assert "empty" in reasons[str(folder / "empty.txt")]
    assert "encrypted" in reasons[str(folder / "secret.pdf")]
    assert all(reason in done.err for reason in reasons.values())
    assert done.json["files"]["new"] == 3
    found = ragkit("query", "c", "crème brûlée", "--json").json["chunks"][0]
    assert found["text"].startswith("Crème brûlée")


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["ingest", "nowhere", "--corpus", "c"], 2, "nowhere"),
        (["ingest", ".", "--corpus", "Not An Id"], 2, "lowercase"),
        (["ingest", ".", "--corpus", "c" * 41], 2, "40"),
        (["ingest", ".", "--corpus", "c", "--max-tokens", "5000"], 2, "2043"),
        (["ingest", ".", "--corpus", "c", "--overlap", "200"], 2, "half"),
        (["ingest", "--corpus", "c"], 2, "PATHS"),
        (["ingest", "", "--corpus", "c"], 2, "no such file"),
        (["query", "there", "caf\udcff"], 2, "Unicode"),
        (["query", "there", "text", "-k", "0"], 2, "1<=x<=100"),
        (["query", "there", "text", "--where", "page==3"], 2, "KEY=VALUE"),
        (["query", "absent", "text"], 1, "ragkit corpora list"),
        (["query", "there", ""], 2, "query"),
        (["query", "there", "text", "-k", "101"], 2, "100"),
        (["query", "there", "text", "--where", "nonsense"], 2, "KEY=VALUE"),
        (["query", "there", "text", "--where", "page>two"], 2, "numbers"),
        (["query", "there", "text", "--document", "absent"], 1, "absent"),
        (["ask", "absent", "why?"], 1, "absent"),
        (["ask", "there", " "], 2, "question"),
        (["corpora", "get", "absent"], 1, "absent"),
        (["corpora", "create", "there"], 1, "there"),
        (["corpora", "create", "-"], 2, "dash"),
        (["corpora", "delete", "there"], 1, "force"),
        (["documents", "get", "alone"], 2, "CORPUS/DOCUMENT"),
        (["qury", "there", "text"], 2, "query"),
        (["corpora", "list", "--url", "not a url"], 2, "http"),
    ],
)
def test_wrong_usage_and_failures_say_what_and_what_to_do(
    ragkit: Ragkit, stored: Path, arguments: list[str], code: int, says: str
) -> None:
    done = ragkit(*arguments, RAGKIT_DATA=str(stored))
    assert (done.code, done.out) == (code, "")
    assert says in done.err
    assert "error: " in done.err
    with connect(data=stored) as client:
        assert [corpus.name for corpus in client.corpora.list()] == ["corpora/there"]
        assert len(client.corpora.query("there", "tea").relevant_chunks) == 1


def test_a_long_query_is_answered_and_one_of_100_kilobytes_refused(
    ragkit: Ragkit, folder: Path
) -> None:
    ragkit("ingest", folder, "--corpus", "c")
    text = "green tea at eighty degrees " * 4000
    assert ragkit("query", "c", text[:60_000], "--json").json["chunks"]
    for asking in ("query", "ask"):
        refused = ragkit(asking, "c", text[:100_000])
        assert refused.code == 2
        assert "65,536" in refused.err


def test_an_unusable_data_folder_is_named(ragkit: Ragkit, tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    done = ragkit("corpora", "list", RAGKIT_DATA=str(blocked))
    assert done.code == 1
    assert str(blocked) in done.err


def test_a_damaged_store_is_a_failure_with_advice(ragkit: Ragkit, data: Path) -> None:
    ragkit("corpora", "create", "c")
    with (data / "store.db").open("r+b") as store:
        store.truncate(4096)
    done = ragkit("query", "c", "text")
    assert done.code == 1
    assert "restore the folder from a copy" in done.err


def test_an_index_that_cannot_be_written_is_named(ragkit: Ragkit, folder: Path, data: Path) -> None:
    ragkit("ingest", folder, "--corpus", "c")
    shutil.rmtree(data / "index")
    (data / "index").write_text("in the way")
    done = ragkit("query", "c", "tea")
    assert done.code == 1
    assert "data folder" in done.err


def test_two_runs_over_one_folder_at_once_both_end_well(tmp_path: Path, data: Path) -> None:
    folder = tmp_path / "folder"
    make_folder(folder, files=30, paragraphs=6)
    runs = [
        subprocess.Popen(
            command("ingest", folder, "--corpus", "c"),
            env=environment(data),
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    for run in runs:
        _, said = run.communicate()
        assert run.returncode == 0, said
    with connect(data=data) as client:
        documents = list(client.documents.list("c"))
        assert len(documents) == 30
        for document in documents:
            chunks = list(client.chunks.list(document.name, page_size=100))
            assert len(chunks) == document.metadata["chunks"]


def test_a_link_to_nothing_is_passed_over_and_stops_deletion_aloud(
    ragkit: Ragkit, folder: Path
) -> None:
    (folder / "gone.txt").write_text("Soon to be removed.")
    (folder / "lockfile").symlink_to("/nowhere/at/all")
    assert ragkit("ingest", folder, "--corpus", "c").code == 0
    (folder / "gone.txt").unlink()
    done = ragkit("ingest", folder, "--corpus", "c", "--delete", "--json")
    assert (done.code, done.json["files"]["deleted"]) == (0, 0)
    assert "no document of it was removed" in done.err


def test_a_few_bytes_of_junk_never_replace_a_good_document(ragkit: Ragkit, folder: Path) -> None:
    ragkit("ingest", folder, "--corpus", "c")
    (folder / "drinks.md").write_bytes(b"\x00\x01\x02\xff")
    assert ragkit("ingest", folder, "--corpus", "c").code == 1
    assert ragkit("query", "c", "green tea", "--json").json["chunks"]


def test_names_with_control_characters_stay_on_their_line(ragkit: Ragkit, folder: Path) -> None:
    (folder / "a\nb\x1b[31m.txt").write_text("An odd name.")
    done = ragkit("ingest", folder, "--corpus", "c")
    assert "\x1b" not in done.err
    assert r"a\nb\x1b[31m.txt" in done.err


def test_numbers_are_compared_together_on_one_key(ragkit: Ragkit) -> None:
    ragkit("corpora", "create", "c")
    ragkit("documents", "create", "c", "d")
    for page in range(1, 6):
        ragkit("chunks", "create", "c/d", f"wolves on page {page}", "--meta", f"page={page}")
    for where, pages in (
        (["page>=2", "page!=3"], {2, 4, 5}),
        (["page>1", "page=3"], {3}),
        (["page=1", "page=5"], {1, 5}),
        (["page>=2", "page<4"], {2, 3}),
    ):
        flags = [flag for condition in where for flag in ("--where", condition)]
        found = ragkit("query", "c", "wolves", *flags, "--json").json["chunks"]
        assert {int(hit["text"][-1]) for hit in found} == pages, where


def test_metadata_keep_what_was_written(ragkit: Ragkit, client: Client) -> None:
    ragkit("corpora", "create", "c")
    entries = ("zip=01234", "version=1.10", "year=2024", "share=0.5", "tag=1", "tag=2")
    flags = [flag for entry in entries for flag in ("--meta", entry)]
    ragkit("documents", "create", "c", "d", *flags)
    assert client.documents.get("c/d").metadata == {
        "zip": "01234",
        "version": "1.10",
        "year": 2024,
        "share": 0.5,
        "tag": ["1", "2"],
    }


def test_resources_can_be_worked_on_by_hand(ragkit: Ragkit) -> None:
    made = ragkit("corpora", "create", "--name", "My Corpus!", "--json").json
    corpus = made["name"].removeprefix("corpora/")
    assert corpus.startswith("my-corpus-")
    assert (
        ragkit("corpora", "update", corpus, "--name", "Mine", "--json").json["displayName"]
        == "Mine"
    )
    ragkit(
        "documents",
        "create",
        corpus,
        "d",
        "--meta",
        "year=2024",
        "--meta",
        "tag=a",
        "--meta",
        "tag=b",
    )
    document = ragkit("documents", "get", f"{corpus}/d", "--json").json
    assert {entry["key"] for entry in document["customMetadata"]} == {"year", "tag"}
    chunk = ragkit(
        "chunks", "create", f"{corpus}/d", "-", "--id", "one", "--json", stdin="Über alles."
    )
    assert chunk.json["data"] == {"stringValue": "Über alles."}
    ragkit("chunks", "update", f"{corpus}/d/one", "--text", "Changed.", "--meta", "n=0.1")
    changed = ragkit("chunks", "get", f"{corpus}/d/one", "--json").json
    assert changed["data"]["stringValue"] == "Changed."
    assert changed["customMetadata"] == [{"key": "n", "numericValue": 0.1}]
    listed = ragkit("chunks", "list", f"{corpus}/d", "--json").json["chunks"]
    assert [one["name"] for one in listed] == [changed["name"]]
    for where, hits in (("document.year=2024", 1), ("document.tag=b", 1), ("document.tag=c", 0)):
        found = ragkit("query", corpus, "changed", "--where", where, "--json").json["chunks"]
        assert len(found) == hits, where
    assert ragkit("documents", "delete", f"{corpus}/d").code == 1
    assert ragkit("documents", "delete", f"{corpus}/d", "--force").code == 0
    assert ragkit("corpora", "delete", corpus).code == 0
    assert ragkit("corpora", "list", "--json").json == {"corpora": []}


def test_doctor_says_where_calls_go(ragkit: Ragkit, data: Path) -> None:
    found = ragkit("doctor", "--json").json
    assert str(data) in found["endpoint"]
    assert found["problems"] == []
    assert "missing" not in found["packages"].values()
    assert any("generateAnswer" in model["methods"] for model in found["models"])
    unreachable = ragkit("doctor", "--url", "http://127.0.0.1:9", "--json", RAGKIT_API_KEY="s3cret")
    assert unreachable.code == 1
    assert unreachable.json["problems"]
    assert "RAGKIT_API_KEY" in unreachable.json["identity"]
    assert "s3cret" not in unreachable.out + unreachable.err


@pytest.mark.parametrize(
    "name",
    ["", "ingest", "query", "ask", "corpora", "documents", "chunks", "doctor", "chunks create"],
)
def test_every_command_has_help(ragkit: Ragkit, name: str) -> None:
    done = ragkit(*name.split(), "--help")
    assert done.code == 0
    assert "Usage: ragkit" in done.out
    assert len(done.out.splitlines()) > 5


def test_json_keeps_characters_as_they_are(ragkit: Ragkit, folder: Path) -> None:
    (folder / "茶.txt").write_text("緑茶は八十度で淹れる。紅茶は熱湯で淹れる。")
    ragkit("ingest", folder, "--corpus", "c")
    out = ragkit("query", "c", "緑茶の温度", "-k", "1", "--json").out
    assert "緑茶は八十度" in out
    assert json.loads(out)["chunks"][0]["source"] == "notes/茶.txt"
