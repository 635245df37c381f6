"""Connections and transactions; the one module that knows SQL dialects.

SQLite runs in WAL mode with synchronous=FULL: readers never wait for the writer, and a
transaction that was acknowledged survives the loss of power.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.pool import QueuePool

from ragkit.engine.records import EngineError

_BUSY_SECONDS = 60
_PAGE_BYTES = 8192
_BEGIN = "ragkit_begin"


class StoreOpenError(EngineError):
    """The store cannot be opened: no such folder, not a store, or of a newer ragkit."""


class StoreUnavailableError(EngineError):
    """The database refused for a reason of its own: locked for too long, disk full, damaged."""


class Database:
    """Read and write transactions over one database, for several threads and processes.

    Arguments:
        url: an SQLAlchemy URL: `sqlite:////path/to/file`, or `sqlite://` for one in memory that
            ends with this object.

    Raises:
        StoreOpenError: the database is of a kind that is not supported, or cannot be opened.
    """

    def __init__(self, url: str) -> None:
        try:
            parsed = sa.make_url(url)
        except sa.exc.ArgumentError as error:
            raise StoreOpenError(url, f"not a database URL: {url!r}") from error
        self.url = parsed.render_as_string(hide_password=True)
        if parsed.drivername not in {"sqlite", "sqlite+pysqlite"}:
            raise StoreOpenError(
                self.url,
                f"cannot open {self.url!r}: only sqlite:///PATH is supported as a store",
            )
        self._engine = _sqlite_engine(parsed)
        # SQLite's own waiting is a poll: within a process a lock is both fairer and faster.
        self._write_lock = threading.Lock()
        self._writer = self._engine.execution_options(**{_BEGIN: "BEGIN IMMEDIATE"})
        try:
            _prepare_sqlite_file(self._engine)
        except sqlite3.Error as error:
            self.close()
            raise StoreOpenError(self.url, f"cannot open {self.url!r}: {error}") from error

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """A transaction that sees one state of the database and changes nothing."""
        with self._translated(), self._engine.begin() as connection:
            yield connection

    def rows(self, query: str, values: Sequence[int]) -> list[tuple[Any, ...]]:
        """The rows of one SELECT, which sees one state of the database, by the driver itself.

        For what every search asks: SQLAlchemy's share in it would be several times SQLite's.

        Arguments:
            query: SQL with a "?" for each value.
            values: the values.
        """
        with self._translated():
            connection = self._engine.raw_connection()
            try:
                found: list[tuple[Any, ...]] = connection.cursor().execute(query, values).fetchall()
                return found
            finally:
                connection.close()

    @contextmanager
    def write(self) -> Iterator[sa.Connection]:
        """A transaction that excludes other writers; durable once the block has ended.

        Raises:
            StoreUnavailableError: another process held the database for too long, the disk is
                full, or the like; nothing was changed.
        """
        with self._write_lock, self._translated(), self._writer.begin() as connection:
            yield connection

    def close(self) -> None:
        """Closes every connection that is not in use."""
        self._engine.dispose()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        # Exactly these of each: their subclasses and siblings are mistakes in our own SQL.
        except sa.exc.DBAPIError as error:
            if type(error) not in (sa.exc.OperationalError, sa.exc.DatabaseError):
                raise
            raise self._unavailable(error.orig) from error
        except sqlite3.DatabaseError as error:
            if type(error) not in (sqlite3.OperationalError, sqlite3.DatabaseError):
                raise
            raise self._unavailable(error) from error

    def _unavailable(self, error: BaseException | None) -> StoreUnavailableError:
        text = f"the store {self.url!r} is not available: {_shown(error)}"
        return StoreUnavailableError(self.url, text)


def _shown(error: BaseException | None) -> str:
    """A driver's message fit for people: it may quote a damaged row, whatever that holds."""
    text = "".join(part if part.isprintable() else "?" for part in str(error))
    return text if len(text) <= 200 else f"{text[:200]} …"


def _sqlite_engine(url: sa.URL) -> sa.Engine:
    in_memory = url.database in {None, "", ":memory:"}
    engine = sa.create_engine(
        url,
        connect_args={"check_same_thread": False, "timeout": _BUSY_SECONDS},
        poolclass=QueuePool,
        # A database in memory is its one connection, which users then take turns with. On a file
        # a thread never waits for a connection, only for the database.
        pool_size=1 if in_memory else 8,
        max_overflow=0 if in_memory else -1,
        pool_timeout=_BUSY_SECONDS,
    )
    event.listen(engine, "connect", _set_up_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _set_up_sqlite(connection: Any, _record: object) -> None:
    # The driver would otherwise begin transactions by itself, late and deferred.
    connection.isolation_level = None
    for pragma in (
        "synchronous = FULL",
        "foreign_keys = ON",
        f"page_size = {_PAGE_BYTES}",  # heeded by an empty file only
        "cache_size = -16000",  # KiB
        "wal_autocheckpoint = 2000",  # pages
        "temp_store = MEMORY",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: sa.Connection) -> None:
    connection.exec_driver_sql(connection.get_execution_options().get(_BEGIN, "BEGIN"))


def _prepare_sqlite_file(engine: sa.Engine) -> None:
    """Puts the file into WAL mode, which it keeps."""
    connection = engine.raw_connection()
    deadline = time.monotonic() + _BUSY_SECONDS
    try:
        cursor = connection.cursor()
        while True:
            try:
                # Asking again for the mode it has costs nothing.
                cursor.execute("PRAGMA journal_mode = WAL")
                return
            except sqlite3.OperationalError as error:
                # SQLite does not wait by itself for this lock: two processes may be first at once.
                if "locked" not in str(error) or time.monotonic() > deadline:
                    raise
                time.sleep(0.01)
    finally:
        connection.close()
