"""The engine's facade and how a service over it is opened."""

import os
import shutil
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from ragkit.api.errors import Unavailable
from ragkit.api.wire import HttpRequest
from ragkit.engine.engine import DataFolderError, DraftChunk, Engine
from ragkit.engine.records import (
    ChunkRecord,
    ChunkUpdate,
    Condition,
    Level,
    MetadataFilter,
    Operation,
    RowNotFoundError,
)
from ragkit.service import open_service
from ragkit.service.dispatcher import Service


@pytest.fixture
def engine(tmp_path):
    engine = Engine(tmp_path / "data")
    yield engine
    engine.close()


def fill(engine: Engine, corpus: str = "c", count: int = 1) -> list[ChunkRecord]:
    engine.create_corpus(corpus, "")
    engine.store.create_document(corpus, "d", "")
    drafts = [DraftChunk(f"x{number}", f"zebra number {number}") for number in range(count)]
    return engine.create_chunks(corpus, "d", drafts)


def found(engine: Engine, query: str = "zebra", **confined: Any) -> list[str]:
    return [one.chunk.id for one in engine.search("c", query, 10, **confined)]


def test_nothing_is_made_before_it_is_needed(tmp_path):
    folder = tmp_path / "deep" / "data"
    engine = Engine(folder)
    assert not folder.parent.exists()
    engine.open()
    assert (folder / "store.db").is_file()
    engine.close()


def test_a_new_folder_is_its_owners_alone(engine):
    engine.open()
    assert engine.data.stat().st_mode & 0o077 == 0


def test_a_folder_that_is_there_keeps_its_permissions(tmp_path):
    tmp_path.chmod(0o755)
    engine = Engine(tmp_path)
    engine.open()
    assert tmp_path.stat().st_mode & 0o777 == 0o755
    engine.close()


@pytest.mark.parametrize("name", ["a space", "a?b", "a#b", "a%20b", "é 日本", "'quoted'", "a:b@c"])
def test_the_folders_name_may_have_any_characters(tmp_path, name):
    engine = Engine(tmp_path / name)
    fill(engine)
    assert found(engine) == ["x0"]
    assert (tmp_path / name / "store.db").is_file()
    assert [path.name for path in tmp_path.iterdir()] == [name]
    engine.close()


def make_file(path: Path) -> Path:
    path.write_text("hello")
    return path


def make_newer(path: Path) -> Path:
    engine = Engine(path)
    engine.open()
    engine.close()
    with sqlite3.connect(path / "store.db") as connection:
        connection.execute("UPDATE schema_version SET version = 999")
    connection.close()
    return path


def make_junk(path: Path) -> Path:
    path.mkdir()
    (path / "store.db").write_bytes(b"no database at all, but long enough to look" * 100)
    return path


def make_folder_for_store(path: Path) -> Path:
    (path / "store.db").mkdir(parents=True)
    return path


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (make_file, "is a file; choose a folder"),
        (lambda path: make_file(path) / "below", "cannot make the data folder"),
        (make_newer, "update ragkit"),
        (make_junk, "not a database"),
        (make_folder_for_store, "unable to open"),
    ],
)
def test_a_folder_that_cannot_be_used_says_why(tmp_path, make, told):
    folder = make(tmp_path / "data")
    engine = Engine(folder)
    with pytest.raises(DataFolderError, match=told) as caught:
        engine.open()
    assert caught.value.resource == str(folder)
    with pytest.raises(Unavailable, match=told):
        open_service(folder)
    reply = Service(engine).dispatch(HttpRequest("GET", "/v1beta/corpora"))
    assert reply.status == 400
    assert b"FAILED_PRECONDITION" in reply.body


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_is_not_writable_says_so(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(DataFolderError, match="not writable"):
        Engine(tmp_path).open()
    with pytest.raises(DataFolderError, match="Permission denied"):
        Engine(tmp_path / "data").open()
    tmp_path.chmod(0o700)


def test_search_finds_what_was_created_and_not_what_was_deleted(engine):
    fill(engine, count=3)
    assert sorted(found(engine)) == ["x0", "x1", "x2"]
    engine.store.delete_chunks("c", "d", ["x1"])
    assert sorted(found(engine)) == ["x0", "x2"]
    engine.update_chunks("c", "d", [ChunkUpdate("x0", text="penguins"), ChunkUpdate("x2")])
    assert found(engine)[0] == "x2"
    assert found(engine, "penguins")[0] == "x0"


def test_search_is_confined_by_filters_and_document(engine):
    fill(engine)
    engine.store.create_document("c", "e", "")
    engine.create_chunks("c", "e", [DraftChunk("y", "zebra", (("n", 1.0),))])
    assert found(engine, document_id="e") == ["y"]
    ones = MetadataFilter(Level.CHUNK, "n", [Condition(Operation.EQUAL, 1.0)])
    twos = MetadataFilter(Level.CHUNK, "n", [Condition(Operation.EQUAL, 2.0)])
    assert found(engine, filters=[ones]) == ["y"]
    assert found(engine, filters=[twos]) == []
    assert found(engine, filters=[ones], document_id="d") == []
    with pytest.raises(RowNotFoundError):
        found(engine, document_id="f")


def test_a_chunk_deleted_while_a_search_runs_is_left_out(engine, monkeypatch):
    fill(engine, count=3)
    search = engine.index.search_each

    def slow(*args, **kwargs):
        hits = search(*args, **kwargs)
        engine.store.delete_chunks("c", "d", ["x1"])
        return hits

    monkeypatch.setattr(engine.index, "search_each", slow)
    assert sorted(found(engine)) == ["x0", "x2"]


def index_folders(engine: Engine) -> list[str]:
    folder = engine.data / "index"
    return sorted(path.name for path in folder.iterdir() if path.is_dir())


def test_deleting_a_corpus_deletes_its_index_and_those_left_behind(engine):
    fill(engine, "c")
    fill(engine, "kept")
    fill(engine, "orphan")
    keys = {name: engine.store.get_corpus(name).key for name in ("c", "kept", "orphan")}
    for name in keys:
        engine.search(name, "zebra", 1)
    assert index_folders(engine) == sorted(map(str, keys.values()))
    # As if a process had died between the two steps of deleting.
    engine.store.delete_corpus("orphan", force=True)
    engine.delete_corpus("c", force=True)
    assert index_folders(engine) == [str(keys["kept"])]
    assert engine.search("kept", "zebra", 1)


def test_the_index_is_made_again_if_it_is_lost(engine):
    fill(engine, count=3)
    before = found(engine)
    engine.close()
    shutil.rmtree(engine.data / "index")
    assert found(engine) == before


def test_an_engine_may_be_used_after_it_was_closed(engine):
    fill(engine)
    engine.close()
    assert found(engine) == ["x0"]


def test_two_engines_share_a_folder(engine):
    other = Engine(engine.data)
    fill(engine)
    assert found(other) == ["x0"]
    other.create_chunks("c", "d", [DraftChunk("y", "another zebra")])
    assert sorted(found(engine)) == ["x0", "y"]
    other.store.delete_chunks("c", "d", ["x0"])
    assert found(engine) == ["y"]
    other.close()


def test_threads_share_an_engine(tmp_path):
    engine = Engine(tmp_path / "data")
    engine.create_corpus("c", "")
    engine.store.create_document("c", "d", "")

    def work(number):
        for step in range(5):
            chunk_id = f"x{number}-{step}"
            engine.create_chunks("c", "d", [DraftChunk(chunk_id, f"zebra {chunk_id}")])
            hits = engine.search("c", f"zebra {chunk_id}", 100)
            assert chunk_id in [hit.chunk.id for hit in hits]

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    assert len(engine.search("c", "zebra", 100)) == 20
    engine.close()


def test_a_corpus_whose_embedder_is_not_installed_says_so(engine):
    engine.store.create_corpus("c", "", "no-such-model")
    engine.store.create_document("c", "d", "")
    service = Service(engine)
    body = b'{"data": {"stringValue": "text"}}'
    path = "/v1beta/corpora/c/documents/d/chunks"
    reply = service.dispatch(HttpRequest("POST", path, body=body))
    assert reply.status == 400
    assert b"no-such-model" in reply.body
    assert b"FAILED_PRECONDITION" in reply.body


def test_importing_the_service_loads_nothing_heavy():
    code = (
        "import sys, ragkit.service; "
        "print([m for m in ('numpy', 'sqlalchemy', 'tantivy', 'tokenizers', 'tiktoken') "
        "if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_data_folder_may_be_relative(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    engine = Engine(Path("data"))
    fill(engine)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    assert found(engine) == ["x0"]
    assert list(elsewhere.iterdir()) == []
    engine.close()
