"""Runs of ingestion over a service that is watched, or that misbehaves, call by call."""

from __future__ import annotations

import json
import os
import shutil
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ragkit import RetryPolicy
from ragkit.api.errors import TransportError
from ragkit.api.wire import HttpRequest, HttpResponse
from ragkit.client import Client, connect
from ragkit.client._transports import InProcessTransport
from ragkit.ingest import IngestOptions, IngestReport, Rhythm, Splitting, ingest, watch
from ragkit.service import open_service

from .test_interruption import contents, make_folder

Answer = Callable[[HttpRequest], HttpResponse | None]


class Watched:
    """The embedded service with a look at each call, and answers of its own before it."""

    def __init__(self, data: Path) -> None:
        self._service = InProcessTransport(lambda: open_service(data))
        self._lock = threading.Lock()
        self.answer: Answer = lambda request: None
        self.calls: Counter[str] = Counter()
        self.acknowledged: Counter[str] = Counter()

    def send(self, request: HttpRequest) -> HttpResponse:
        reply = self.answer(request)
        if reply is None:
            reply = self._service.send(request)
        with self._lock:
            self.calls[self.kind(request)] += 1
            if self.kind(request) == "chunks:batchCreate" and reply.status == 200:
                created = json.loads(request.body)["requests"]
                self.acknowledged.update(one["chunk"]["name"] for one in created)
        return reply

    @staticmethod
    def kind(request: HttpRequest) -> str:
        last = request.path.rpartition("/")[2]
        return last if ":" in last else request.verb

    def close(self) -> None:
        self._service.close()


def error(status: int, name: str, headers: dict[str, str] | None = None) -> HttpResponse:
    body = {"error": {"code": status, "message": f"says {name}", "status": name}}
    return HttpResponse(status, json.dumps(body).encode(), headers or {})


@pytest.fixture
def watched(data: Path) -> Iterator[Watched]:
    transport = Watched(data)
    yield transport
    transport.close()


@pytest.fixture
def remote(watched: Watched) -> Client:
    """A client that takes the service for a remote one, and leaves trying again to ingestion."""
    return Client(watched, "http://watched", retry=RetryPolicy(attempts=1))


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    folder = tmp_path / "notes"
    folder.mkdir()
    for name in ("tea", "coffee", "cocoa"):
        (folder / f"{name}.md").write_text(f"# {name}\n\nAll about {name}.\n")
    return folder


def test_429_slows_a_run_down_and_sends_nothing_twice(
    watched: Watched, remote: Client, tmp_path: Path
) -> None:
    make_folder(tmp_path / "folder", files=12, paragraphs=8)
    turns = iter(range(10**9))

    def now_and_then(request: HttpRequest) -> HttpResponse | None:
        busy = request.verb == "POST" and next(turns) % 3 == 0
        return error(429, "RESOURCE_EXHAUSTED", {"retry-after": "0.01"}) if busy else None

    remote.corpora.create("c")
    watched.answer = now_and_then
    report = ingest(remote, [tmp_path / "folder"], "c")
    assert report.ok
    assert report.files["new"] == 12
    assert set(watched.acknowledged.values()) == {1}
    assert sum(watched.acknowledged.values()) == report.chunks.created


def test_a_refused_chunk_stands_alone_and_a_later_run_sends_only_that(
    watched: Watched, remote: Client, tmp_path: Path
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    paragraphs = [f"Paragraph {number} speaks of {number * 7}. " * 4 for number in range(300)]
    paragraphs[211] = "Paragraph of the unspeakable word xyzzy. " * 4
    (folder / "book.txt").write_text("\n\n".join(paragraphs))
    (folder / "other.txt").write_text("Another text.")
    watched.answer = lambda request: (
        error(400, "INVALID_ARGUMENT") if b"xyzzy" in request.body else None
    )
    options = IngestOptions(Splitting(64, 0))
    report = ingest(remote, [folder], "c", options)
    (failure,) = report.failures
    assert failure.path == str(folder / "book.txt")
    assert "refuses 1 of its chunks (characters " in failure.error
    assert "says INVALID_ARGUMENT" in failure.error
    assert report.files["failed"] == report.files["new"] == 1
    taken = sum(watched.acknowledged.values())
    assert report.chunks.created == taken > 200

    watched.answer = lambda request: None
    again = ingest(remote, [folder], "c", options)
    assert (again.ok, again.chunks.created) == (True, 1)
    assert set(watched.acknowledged.values()) == {1}


def test_a_service_that_goes_away_ends_the_run_and_the_next_completes_it(
    watched: Watched, remote: Client, tmp_path: Path, data: Path
) -> None:
    folder = tmp_path / "folder"
    make_folder(folder, files=20, paragraphs=8)
    left = iter(range(20))

    def gone(request: HttpRequest) -> HttpResponse | None:
        if request.verb != "GET" and next(left, None) is None:
            raise TransportError("connection refused", sent=False)
        return None

    watched.answer = gone
    report = ingest(remote, [folder], "c")
    assert report.aborted == "connection refused"
    assert not report.ok
    assert sum(watched.acknowledged.values()) > 0

    watched.answer = lambda request: None
    again = ingest(remote, [folder], "c")
    assert again.ok
    assert set(watched.acknowledged.values()) == {1}
    with connect(data=tmp_path / "undisturbed") as undisturbed:
        ingest(undisturbed, [folder], "c")
        assert contents(remote, "c") == contents(undisturbed, "c")


def test_a_renamed_file_keeps_its_document_and_sends_no_text(
    watched: Watched, remote: Client, notes: Path
) -> None:
    ingest(remote, [notes], "c")
    names = {document.name for document in remote.documents.list("c")}
    (notes / "drinks").mkdir()
    (notes / "tea.md").rename(notes / "drinks" / "green tea.md")
    watched.calls.clear()
    planned = ingest(remote, [notes], "c", IngestOptions(dry_run=True))
    assert "chunks:batchUpdate" not in watched.calls
    report = ingest(remote, [notes], "c")
    assert report.files == planned.files
    assert report.chunks == planned.chunks
    assert report.renamed == planned.renamed == [("notes/tea.md", "notes/drinks/green tea.md")]
    assert (report.files["changed"], report.files["new"]) == (1, 0)
    assert (report.chunks.created, report.chunks.deleted) == (0, 0)
    assert watched.calls["chunks:batchCreate"] == 0

    assert {document.name for document in remote.documents.list("c")} == names
    (hit,) = remote.corpora.query("c", "tea", results_count=1).relevant_chunks
    assert hit.chunk is not None
    assert hit.chunk.metadata["source"] == "notes/drinks/green tea.md"

    # The old name is free for another file, whose document cannot have the name it would have.
    (notes / "tea.md").write_text("# Tea\n\nAnother text of the old name.\n")
    assert ingest(remote, [notes], "c", IngestOptions(delete=True)).files["new"] == 1
    assert len(list(remote.documents.list("c"))) == 4
    last = ingest(remote, [notes], "c", IngestOptions(delete=True))
    assert (last.files["unchanged"], last.files["deleted"]) == (4, 0)


def test_a_copy_is_no_rename_and_is_told_of(remote: Client, notes: Path) -> None:
    ingest(remote, [notes], "c")
    shutil.copy(notes / "tea.md", notes / "zz copy.md")
    report = ingest(remote, [notes], "c")
    assert (report.files["new"], report.renamed) == (1, [])
    assert report.copies == [("notes/zz copy.md", "notes/tea.md")]


def test_all_files_renamed_is_still_the_same_folder(remote: Client, notes: Path) -> None:
    ingest(remote, [notes], "c")
    for path in sorted(notes.iterdir()):
        path.rename(path.with_name(f"renamed {path.name}"))
    (notes / "renamed cocoa.md").unlink()
    report = ingest(remote, [notes], "c", IngestOptions(delete=True))
    assert report.files == {"new": 0, "changed": 2, "unchanged": 0, "deleted": 1, "failed": 0}


def test_a_rename_that_is_cut_off_is_completed(
    watched: Watched, remote: Client, notes: Path
) -> None:
    ingest(remote, [notes], "c")
    (notes / "tea.md").rename(notes / "chai.md")

    def at_the_chunks(request: HttpRequest) -> HttpResponse | None:
        if "batchUpdate" in request.path:
            raise TransportError("gone", sent=False)
        return None

    watched.answer = at_the_chunks
    assert ingest(remote, [notes], "c", IngestOptions(delete=True)).aborted == "gone"
    watched.answer = lambda request: None
    report = ingest(remote, [notes], "c", IngestOptions(delete=True))
    assert report.ok
    assert len(list(remote.documents.list("c"))) == 3
    assert watched.acknowledged.total() == 3


def test_an_unreadable_folder_is_reported_and_nothing_of_it_is_removed(
    remote: Client, notes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (notes / "locked").mkdir()
    (notes / "locked" / "a.md").write_text("Behind a door.")
    ingest(remote, [notes], "c")
    (notes / "tea.md").unlink()
    scandir = os.scandir

    def refuse(path: str) -> object:  # permission bits do not stop the superuser
        if str(path).endswith("locked"):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    with monkeypatch.context() as patched:
        patched.setattr(os, "scandir", refuse)
        report = ingest(remote, [notes], "c", IngestOptions(delete=True))
    assert [failure.path for failure in report.failures] == [str(notes / "locked")]
    assert report.files["deleted"] == 0
    again = ingest(remote, [notes], "c", IngestOptions(delete=True))
    assert (again.ok, again.files["deleted"], again.files["unchanged"]) == (True, 1, 3)


def test_links_in_circles_and_names_that_are_not_utf_8(remote: Client, notes: Path) -> None:
    (notes / "loop").symlink_to(notes)
    (notes / "itself.md").symlink_to("itself.md")
    (notes / os.fsdecode(b"caf\xe9.md")).write_text("An old name.")
    report = ingest(remote, [notes], "c")
    assert report.files["new"] == 4
    (failure,) = report.failures
    assert failure.path == str(notes / "itself.md")
    assert "symbolic links" in failure.error
    (notes / "itself.md").unlink()
    again = ingest(remote, [notes], "c", IngestOptions(delete=True))
    assert (again.ok, again.files["unchanged"]) == (True, 4)


def test_a_file_that_is_written_to_while_it_is_read(
    remote: Client, notes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = notes / "grows.log"
    log.write_text("One line.\n")
    fstat = os.fstat

    def grow(descriptor: int) -> os.stat_result:
        with log.open("a") as stream:
            stream.write("Another line.\n")
        return fstat(descriptor)

    with monkeypatch.context() as patched:
        patched.setattr(os, "fstat", grow)
        report = ingest(remote, [notes], "c", IngestOptions(workers=0))
    assert report.ok
    assert "is being written to" in {w.path: w.error for w in report.warnings}["notes/grows.log"]
    again = ingest(remote, [notes], "c")
    assert (again.files["changed"], again.files["unchanged"], again.warnings) == (1, 3, [])
    assert ingest(remote, [notes], "c").files["unchanged"] == 4


def test_other_metadata_change_the_document_and_no_chunk(
    watched: Watched, remote: Client, notes: Path
) -> None:
    ingest(remote, [notes], "c")
    (notes / "_meta.yaml").write_text("kind: drink\n")
    options = IngestOptions(metadata={"year": 2024}, meta_from_path=["notes/{name}.md"])
    report = ingest(remote, [notes], "c", options)
    assert report.files["changed"] == 3
    assert watched.acknowledged.total() == 3
    held = {document.metadata["name"]: document.metadata for document in remote.documents.list("c")}
    assert set(held) == {"tea", "coffee", "cocoa"}
    assert (held["tea"]["kind"], held["tea"]["year"]) == ("drink", 2024)
    assert ingest(remote, [notes], "c", options).files["unchanged"] == 3
    (notes / "_meta.yaml").unlink()
    assert ingest(remote, [notes], "c").files["changed"] == 3
    assert "kind" not in next(iter(remote.documents.list("c"))).metadata


def following(client: Client, notes: Path, stop: threading.Event) -> Iterator[IngestReport]:
    rhythm = Rhythm(interval=0.01, quiet=0.01, retry=0.02)
    options = IngestOptions(delete=True)
    return watch(client, [notes], "c", options, rhythm=rhythm, stop=stop)


def test_watching_follows_what_happens_to_a_folder(remote: Client, notes: Path) -> None:
    stop = threading.Event()
    runs = following(remote, notes, stop)
    assert next(runs).files["new"] == 3
    (notes / "mate.md").write_text("# Mate\n")
    assert next(runs).files["new"] == 1
    (notes / "mate.md").write_text("# Mate\n\nWith more to say.\n")
    assert next(runs).files["changed"] == 1
    (notes / "tea.md").unlink()
    assert next(runs).files["deleted"] == 1
    (notes / "mate.md").rename(notes / "yerba.md")
    assert next(runs).renamed == [("notes/mate.md", "notes/yerba.md")]
    (notes / "_meta.yaml").write_text("kind: drink\n")
    assert next(runs).files["changed"] == 3
    stop.set()
    assert list(runs) == []


def test_watching_outlasts_a_service_that_is_away_and_a_folder_that_is(
    watched: Watched, remote: Client, notes: Path
) -> None:
    runs = following(remote, notes, threading.Event())
    next(runs)

    def away(request: HttpRequest) -> HttpResponse | None:
        raise TransportError("away", sent=False)

    watched.answer = away
    (notes / "mate.md").write_text("# Mate\n")
    assert next(runs).aborted == "away"
    assert next(runs).aborted == "away", "tried again though nothing has changed"
    watched.answer = lambda request: None
    assert next(runs).files["new"] == 1
    moved = notes.rename(notes.with_name("away"))
    gone = next(runs)
    assert "no such file or folder" in str(gone.aborted)
    moved.rename(notes)
    last = next(report for report in runs if report.aborted is None)
    assert last.files["unchanged"] == 4


def test_watching_reads_only_what_changed(
    remote: Client, notes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for path in notes.iterdir():
        os.utime(path, (1, 1))  # long ago: what is new is hashed again
    runs = following(remote, notes, threading.Event())
    next(runs)
    (notes / "a.md").write_text("A")
    next(runs)  # hashes the others to know them unchanged
    opened: list[str] = []
    open_ = Path.open

    def noted(path: Path, *args: object, **kwargs: object) -> object:
        opened.append(path.name)
        return open_(path, *args, **kwargs)  # type: ignore[call-overload]

    with monkeypatch.context() as patched:
        patched.setattr(Path, "open", noted)
        (notes / "b.md").write_text("B")
        assert next(runs).files["new"] == 1
    assert not {"tea.md", "coffee.md", "cocoa.md"} & set(opened)
