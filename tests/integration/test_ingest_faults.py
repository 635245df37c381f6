"""Bad input and bad luck in real processes: a run ends well, and a later one completes it."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ragkit import connect

from .conftest import Ragkit, command, environment
from .server_process import serving
from .test_interruption import contents, make_folder

READERS = '''
import os, re, signal, subprocess, sys
from pathlib import Path
from ragkit.ingest.readers.extracted import Block, Extracted

def _text(data):
    text = data.decode()
    return Extracted(text, (Block("paragraph", 0, len(text)),), "text/plain")

def _harmless():
    return os.environ.get("READERS") == "mended"

def hang(data, *, name):
    """Hangs where Python cannot interrupt it, and leaves a program of its own behind."""
    if not _harmless():
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        Path(os.environ["CHILD"]).write_text(str(child.pid))
        re.match(r"(a+)+b", "a" * 64)
    return _text(data)

def greedy(data, *, name):
    if not _harmless():
        eaten = []
        while True:
            eaten.append(bytearray(10_000_000))
    return _text(data)

def crash(data, *, name):
    if not _harmless():
        os.kill(os.getpid(), signal.SIGSEGV)
    return _text(data)

def fail(data, *, name):
    if not _harmless():
        raise RuntimeError("nobody thought of this")
    return _text(data)
'''


@pytest.fixture
def readers(tmp_path: Path) -> dict[str, str]:
    """The environment in which an installed package has readers of the worst kinds."""
    site = tmp_path / "site"
    described = site / "readers_of_the_worst-1.dist-info"
    described.mkdir(parents=True)
    (site / "worst_readers.py").write_text(READERS)
    (described / "METADATA").write_text("Metadata-Version: 2.1\nName: worst\nVersion: 1\n")
    kinds = ("hang", "greedy", "crash", "fail")
    lines = [f"{kind} = worst_readers:{kind}" for kind in kinds]
    (described / "entry_points.txt").write_text("\n".join(["[ragkit.readers]", *lines]))
    return {"PYTHONPATH": str(site), "CHILD": str(tmp_path / "child")}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "notes"
    folder.mkdir()
    (folder / "drinks.md").write_text("# Tea\n\nGreen tea is steeped at eighty degrees.\n")
    return folder


def gone(pid: int) -> bool:
    """Whether a process has ended; waits for it a while."""
    for _ in range(200):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return True
        if state == "Z":  # its parent has gone as well, and nobody has asked for it yet
            return True
        time.sleep(0.05)
    return False


def test_files_that_hang_eat_memory_or_crash_their_reader_cost_themselves_only(
    ragkit: Ragkit, folder: Path, readers: dict[str, str], tmp_path: Path
) -> None:
    for kind in ("hang", "greedy", "crash", "fail"):
        (folder / f"a.{kind}").write_text(f"A file that is said to {kind}.")
    limits = ("--file-seconds", "2", "--file-memory", "300")
    told = tmp_path / "report.json"
    arguments = ("ingest", folder, "--corpus", "c", *limits, "--report", told, "--json")
    done = ragkit(*arguments, **readers)
    assert done.code == 1
    assert done.json["files"] == {"new": 1, "changed": 0, "unchanged": 0, "deleted": 0, "failed": 4}
    reasons = {failure["path"]: failure["error"] for failure in done.json["failures"]}
    assert "longer to read than 2 seconds" in reasons[str(folder / "a.hang")]
    assert "more memory to read than 300 MB" in reasons[str(folder / "a.greedy")]
    assert "SIGSEGV" in reasons[str(folder / "a.crash")]
    assert "RuntimeError: nobody thought of this" in reasons[str(folder / "a.fail")]
    assert all(reason in done.err.replace("\n", "") for reason in reasons.values())
    assert json.loads(told.read_text())["failures"] == done.json["failures"]
    assert gone(int(Path(readers["CHILD"]).read_text())), "a reader's own child outlives it"

    again = ragkit(*arguments, **readers, READERS="mended")
    assert again.code == 0
    assert (again.json["files"]["new"], again.json["files"]["unchanged"]) == (4, 1)


def test_a_log_of_five_gigabytes_is_not_even_begun(ragkit: Ragkit, folder: Path) -> None:
    with (folder / "huge.log").open("wb") as log:
        log.truncate(5_000_000_000)
    done = ragkit("ingest", folder, "--corpus", "c", "--json")
    assert (done.code, done.json["files"]["new"]) == (1, 1)
    (failure,) = done.json["failures"]
    assert failure["path"] == str(folder / "huge.log")
    assert "is too large: 5,000 MB" in failure["error"]
    os.truncate(folder / "huge.log", 0)
    (folder / "huge.log").write_text("Rotated.")
    assert ragkit("ingest", folder, "--corpus", "c").code == 0


def test_a_log_that_fits_and_whose_text_does_not(ragkit: Ragkit, folder: Path) -> None:
    (folder / "large.log").write_text("A line of a log that goes on and on.\n" * 1_600_000)
    done = ragkit("ingest", folder, "--corpus", "c", "--file-memory", "64", "--json")
    assert (done.code, done.json["files"]["new"]) == (1, 1)
    (failure,) = done.json["failures"]
    assert "memory" in failure["error"]


def begun(readers: dict[str, str]) -> int:
    """The process that the hanging reader has started, once it has."""
    child = Path(readers["CHILD"])
    for _ in range(600):
        if child.exists() and child.read_text():
            return int(child.read_text())
        time.sleep(0.05)
    raise AssertionError("the reader has not been called")


def test_an_interrupt_ends_a_run_at_once_and_is_written_down(
    folder: Path, readers: dict[str, str], data: Path, tmp_path: Path
) -> None:
    (folder / "a.hang").write_text("A file that hangs.")
    told = tmp_path / "report.json"
    with subprocess.Popen(
        command("ingest", folder, "--corpus", "c", "--report", told),
        env=environment(data) | readers,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        child = begun(readers)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=20)
    assert process.returncode == 130, said
    assert "interrupted" in said
    assert "Traceback" not in said
    assert json.loads(told.read_text())["aborted"] == "interrupted"
    assert gone(child)


def test_a_worker_that_hangs_ends_by_itself_when_its_parent_is_killed(
    folder: Path, readers: dict[str, str], data: Path
) -> None:
    (folder / "a.hang").write_text("A file that hangs.")
    with subprocess.Popen(
        command("ingest", folder, "--corpus", "c", "--file-seconds", "3"),
        env=environment(data) | readers,
        stderr=subprocess.DEVNULL,
    ) as process:
        child = begun(readers)
        try:
            stat = Path(f"/proc/{child}/stat").read_text()
            worker = int(stat.rpartition(")")[2].split()[1])
            process.kill()
            process.wait()
            assert gone(worker)
        finally:
            os.kill(child, signal.SIGKILL)


def test_a_server_that_is_killed_ends_the_run_and_the_next_completes_it(
    tmp_path: Path, data: Path
) -> None:
    folder = tmp_path / "folder"
    make_folder(folder, files=40, paragraphs=24)
    ingesting: list[str] = []
    with serving(data, tmp_path / "first.log") as server:
        ingesting = command("ingest", folder, "--corpus", "c", "--json", "--url", server.url)
        with subprocess.Popen(
            ingesting,
            env=environment(tmp_path / "none"),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            with server.client() as client:
                while not finished(client):
                    time.sleep(0.02)
            server.stop(signal.SIGKILL)
            out, said = process.communicate(timeout=120)
    assert process.returncode == 1, said
    assert "ended early" in said
    assert "Traceback" not in said
    report = json.loads(out)
    assert 0 < report["files"]["new"] < 40
    with serving(data, tmp_path / "second.log") as server:
        done = subprocess.run(
            command("ingest", folder, "--corpus", "c", "--json", "--url", server.url),
            env=environment(tmp_path / "none"),
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["files"]["unchanged"] >= report["files"]["new"]
    expect_all(folder, data, tmp_path)


def finished(client: object) -> int:
    """How many documents of the corpus are there whole."""
    from ragkit.api.errors import NotFound
    from ragkit.client import Client

    assert isinstance(client, Client)
    try:
        return sum("sha256" in document.metadata for document in client.documents.list("c"))
    except NotFound:
        return 0


def expect_all(folder: Path, data: Path, tmp_path: Path) -> None:
    """The corpus holds what an undisturbed run would have made."""
    undisturbed = tmp_path / "undisturbed"
    subprocess.run(
        command("ingest", folder, "--corpus", "c"),
        env=environment(undisturbed),
        check=True,
        capture_output=True,
        timeout=120,
    )
    with connect(data=data) as client, connect(data=undisturbed) as reference:
        assert contents(client, "c") == contents(reference, "c")


def test_a_disk_that_fills_up_ends_the_run_and_the_next_completes_it(
    tmp_path: Path, data: Path
) -> None:
    """The system refuses to let any file grow beyond a bound, as a full disk does."""
    folder = tmp_path / "folder"
    make_folder(folder, files=40, paragraphs=24)

    def full() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))

    arguments = command("ingest", folder, "--corpus", "c", "--json")
    done = subprocess.run(
        arguments,
        env=environment(data),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        preexec_fn=full,
    )
    assert done.returncode == 1, done.stderr
    assert "ended early" in done.stderr
    assert "Traceback" not in done.stderr
    report = json.loads(done.stdout)
    assert report["files"]["new"] < 40
    again = subprocess.run(
        arguments, env=environment(data), capture_output=True, text=True, check=False, timeout=120
    )
    assert again.returncode == 0, again.stderr
    assert json.loads(again.stdout)["files"]["unchanged"] >= report["files"]["new"]
    expect_all(folder, data, tmp_path)


@contextmanager
def watching(folder: Path, data: Path) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        command("ingest", folder, "--corpus", "c", "--watch", "--delete", "--json"),
        env=environment(data),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_watching_ends_well(folder: Path, data: Path, ending: signal.Signals) -> None:
    with watching(folder, data) as process:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["files"]["new"] == 1
        (folder / "more.txt").write_text("More about herbal infusions.")
        assert json.loads(process.stdout.readline())["files"]["new"] == 1
        (folder / "more.txt").unlink()
        assert json.loads(process.stdout.readline())["files"]["deleted"] == 1
        process.send_signal(ending)
        out, said = process.communicate(timeout=30)
    assert (process.returncode, out) == (0, "")
    assert "no longer watching" in said
    assert "Traceback" not in said


def test_metadata_of_all_kinds_are_found_by(ragkit: Ragkit, folder: Path) -> None:
    (folder / "2023").mkdir()
    (folder / "2023" / "old.md").write_text("# Tea\n\nBlack tea was steeped longer.\n")
    (folder / "2023" / "old.md.meta.yaml").write_text("source_kind: memory\n")
    pattern = ("--meta-from-path", "notes/{year:int}/*")
    done = ragkit("ingest", folder, "--corpus", "c", "--meta", "owner=ann", *pattern)
    assert done.code == 0, done.err
    for where, sources in (
        ("document.owner=ann", {"notes/drinks.md", "notes/2023/old.md"}),
        ("document.year>=2023", {"notes/2023/old.md"}),
        ("document.source_kind=memory", {"notes/2023/old.md"}),
    ):
        found = ragkit("query", "c", "tea", "--where", where, "--json").json["chunks"]
        assert {hit["source"] for hit in found} == sources, where


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--meta", "sha256=x"], "kept for ragkit"),
        (["--meta", "nonsense"], "KEY=VALUE"),
        (["--meta-from-path", "notes/*"], "no placeholder"),
        (["--watch", "--dry-run"], "choose one"),
        (["--report", "/nowhere/at/all.json"], "no folder to write to"),
        (["--file-memory", "5"], "x>=64"),
    ],
)
def test_wrong_usage_is_refused_before_anything_is_done(
    ragkit: Ragkit, folder: Path, data: Path, arguments: list[str], says: str
) -> None:
    done = ragkit("ingest", folder, "--corpus", "c", *arguments)
    assert (done.code, done.out) == (2, "")
    assert says in done.err
    assert not data.exists()
