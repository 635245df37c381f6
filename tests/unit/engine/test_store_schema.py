import sqlite3
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from ragkit.engine.records import EngineError
from ragkit.engine.store import Store, StoreOpenError, migrations
from ragkit.engine.store.schema import METADATA

# Version 1 as it was released. It never changes: a change of the schema is a migration.
VERSION_1 = """
CREATE TABLE schema_version (
    version INTEGER NOT NULL,
    applied_time BIGINT NOT NULL,
    PRIMARY KEY (version)
);
CREATE TABLE corpora (
    "key" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    id VARCHAR NOT NULL,
    display_name TEXT NOT NULL,
    embedder TEXT NOT NULL,
    last_change BIGINT NOT NULL,
    create_time BIGINT NOT NULL,
    update_time BIGINT NOT NULL,
    UNIQUE (id)
);
CREATE INDEX corpora_by_time ON corpora (create_time, "key");
CREATE TABLE documents (
    "key" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    corpus_key INTEGER NOT NULL,
    id VARCHAR NOT NULL,
    display_name TEXT NOT NULL,
    metadata TEXT NOT NULL,
    create_time BIGINT NOT NULL,
    update_time BIGINT NOT NULL,
    UNIQUE (corpus_key, id),
    FOREIGN KEY(corpus_key) REFERENCES corpora ("key")
);
CREATE INDEX documents_by_time ON documents (corpus_key, create_time, "key");
CREATE TABLE tombstones (
    corpus_key INTEGER NOT NULL,
    change BIGINT NOT NULL,
    chunk_key INTEGER NOT NULL,
    document_key INTEGER NOT NULL,
    PRIMARY KEY (corpus_key, change),
    FOREIGN KEY(corpus_key) REFERENCES corpora ("key")
)
 WITHOUT ROWID
;
CREATE TABLE metadata_entries (
    corpus_key INTEGER NOT NULL,
    level SMALLINT NOT NULL,
    name BLOB NOT NULL,
    kind SMALLINT NOT NULL,
    value BLOB NOT NULL,
    row_key INTEGER NOT NULL,
    PRIMARY KEY (corpus_key, level, name, kind, value, row_key),
    FOREIGN KEY(corpus_key) REFERENCES corpora ("key")
)
 WITHOUT ROWID
;
CREATE TABLE chunks (
    "key" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    corpus_key INTEGER NOT NULL,
    document_key INTEGER NOT NULL,
    id VARCHAR NOT NULL,
    change BIGINT NOT NULL,
    state SMALLINT NOT NULL,
    create_time BIGINT NOT NULL,
    update_time BIGINT NOT NULL,
    metadata TEXT NOT NULL,
    text TEXT NOT NULL,
    vector BLOB NOT NULL,
    UNIQUE (document_key, id),
    FOREIGN KEY(document_key) REFERENCES documents ("key")
);
CREATE INDEX chunks_by_time ON chunks (document_key, create_time, "key");
CREATE UNIQUE INDEX chunks_by_change ON chunks (corpus_key, change);
"""


def schema_of(path: Path) -> set[str]:
    connection = sqlite3.connect(path)
    rows = connection.execute(
        "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%'"
    ).fetchall()
    connection.close()
    return {" ".join(sql.split()) for (sql,) in rows}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.db"


def open_and_close(path: Path) -> None:
    Store(f"sqlite:///{path}").close()


def make_version_1(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.executescript(VERSION_1)
    connection.execute("INSERT INTO schema_version VALUES (1, 0)")
    connection.execute("INSERT INTO corpora VALUES (7, 'old', 'Old', 'static', 0, 1, 1)")
    connection.commit()
    connection.close()


def test_a_new_store_has_the_schema_that_migrating_an_old_one_gives(path, tmp_path):
    open_and_close(path)
    old = tmp_path / "old.db"
    make_version_1(old)
    open_and_close(old)
    assert schema_of(path) == schema_of(old)


def test_an_old_store_keeps_its_rows(path):
    make_version_1(path)
    store = Store(f"sqlite:///{path}")
    assert store.get_corpus("old").key == 7
    store.close()


def add_table(connection: sa.Connection) -> None:
    connection.execute(sa.text("CREATE TABLE extra (key INTEGER)"))


def fail(connection: sa.Connection) -> None:
    add_table(connection)
    raise RuntimeError("half way")


def test_migrations_run_once_each(path, monkeypatch):
    open_and_close(path)
    released = len(migrations.MIGRATIONS) + 1
    monkeypatch.setattr(migrations, "MIGRATIONS", (*migrations.MIGRATIONS, add_table))
    open_and_close(path)
    open_and_close(path)
    connection = sqlite3.connect(path)
    versions = connection.execute("SELECT version FROM schema_version ORDER BY version").fetchall()
    connection.close()
    assert versions == [(released,), (released + 1,)]
    assert "CREATE TABLE extra (key INTEGER)" in schema_of(path)


def test_a_migration_that_fails_leaves_the_store_as_it_was(path, monkeypatch):
    open_and_close(path)
    before = schema_of(path)
    with monkeypatch.context() as patch:
        patch.setattr(migrations, "MIGRATIONS", (*migrations.MIGRATIONS, fail))
        with pytest.raises(RuntimeError, match="half way"):
            Store(f"sqlite:///{path}")
    assert schema_of(path) == before
    open_and_close(path)


def test_a_newer_store_is_refused(path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(migrations, "MIGRATIONS", (*migrations.MIGRATIONS, add_table))
        open_and_close(path)
    with pytest.raises(StoreOpenError, match="newer ragkit") as error:
        Store(f"sqlite:///{path}")
    assert isinstance(error.value, EngineError)
    assert str(path) in str(error.value)


def test_what_is_no_store_is_refused_and_left_alone(path):
    path.write_bytes(b"this is not a database at all, it only has the name" * 100)
    content = path.read_bytes()
    with pytest.raises(StoreOpenError, match="not a database"):
        Store(f"sqlite:///{path}")
    assert path.read_bytes() == content


def test_another_programs_database_is_refused_and_left_alone(path):
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE recipes (title TEXT)")
    connection.commit()
    connection.close()
    before = schema_of(path)
    with pytest.raises(StoreOpenError, match="another program"):
        Store(f"sqlite:///{path}")
    assert schema_of(path) == before


def test_a_missing_folder_is_refused(tmp_path):
    with pytest.raises(StoreOpenError, match="unable to open"):
        Store(f"sqlite:///{tmp_path / 'no' / 'store.db'}")


@pytest.mark.parametrize(
    "url", ["", "store.db", "mysql://h/x", "postgresql+psycopg://u:secret@h/x"]
)
def test_other_kinds_of_store_are_refused_without_telling_the_password(url):
    with pytest.raises(StoreOpenError) as error:
        Store(url)
    assert "secret" not in str(error.value) + error.value.resource


def test_the_schema_is_postgresqls_too():
    """It compiles, and its keys are sequences of eight bytes, never given twice."""
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    ddl = {
        table.name: str(sa.schema.CreateTable(table).compile(dialect=dialect))
        for table in METADATA.sorted_tables
    }
    for name in ("corpora", "documents", "chunks"):
        assert "key BIGSERIAL NOT NULL" in ddl[name]
    assert "chunk_key BIGINT NOT NULL" in ddl["tombstones"]
    assert "row_key BIGINT NOT NULL" in ddl["metadata_entries"]
    assert "value BYTEA NOT NULL" in ddl["metadata_entries"]


def test_a_store_on_disk_is_durable_by_its_settings(path):
    store = Store(f"sqlite:///{path}")
    with store._database.write() as connection:
        settings = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    store.close()
    assert settings == {
        "journal_mode": "wal",
        "synchronous": 2,
        "foreign_keys": 1,
        "busy_timeout": 60_000,
    }
