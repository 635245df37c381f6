"""Bringing a store's schema up to the code's, safely from several processes at once.

A new store is made from `schema.py` as it is. An old one goes through the migrations it has not
seen, in one transaction. `MIGRATIONS[i]` leads from version i + 1 to i + 2; once released it is
never changed, and it does not use `schema.py`, which shows the newest schema only.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from importlib import import_module

import sqlalchemy as sa

from ragkit.engine.store.database import Database, StoreOpenError
from ragkit.engine.store.schema import METADATA, SCHEMA_VERSION

Migration = Callable[[sa.Connection], None]


def _migration(name: str) -> Migration:
    """The `migrate_NAME` of `migration_NAME`, imported when it is run: most stores need none."""

    def run(connection: sa.Connection) -> None:
        migrate = getattr(import_module(f"ragkit.engine.store.migration_{name}"), f"migrate_{name}")
        migrate(connection)

    return run


MIGRATIONS: Sequence[Migration] = (_migration("access"), _migration("media"), _migration("jobs"))

_SCHEMAS = ("access_schema", "media_schema", "jobs_schema")
"""The modules that add tables to `schema.METADATA`, which only a new store needs all of."""


def bring_up_to_date(database: Database) -> None:
    """Creates the schema, or migrates it, or does nothing.

    Raises:
        StoreOpenError: the schema is newer than this code, or the database is not a store.
    """
    with database.read() as connection:
        if _version(database, connection) == _newest():
            return
    with database.write() as connection:
        # Asked again: another process may have been here between the two transactions.
        version = _version(database, connection)
        if version == 0:
            for name in _SCHEMAS:
                import_module(f"ragkit.engine.store.{name}")
            METADATA.create_all(connection)
        for migration in MIGRATIONS[version - 1 :] if version else ():
            migration(connection)
        if version < _newest():
            now = time.time_ns() // 1000
            connection.execute(
                sa.insert(SCHEMA_VERSION).values(version=_newest(), applied_time=now)
            )


def _newest() -> int:
    return len(MIGRATIONS) + 1


def _version(database: Database, connection: sa.Connection) -> int:
    """The schema's version; 0 if the database is empty."""
    inspector = sa.inspect(connection)
    if not inspector.has_table(SCHEMA_VERSION.name):
        if inspector.get_table_names():
            raise StoreOpenError(
                database.url, f"{database.url!r} holds another program's tables, not a ragkit store"
            )
        return 0
    version: int = connection.execute(
        sa.select(sa.func.coalesce(sa.func.max(SCHEMA_VERSION.c.version), 0))
    ).scalar_one()
    if version > _newest():
        raise StoreOpenError(
            database.url,
            f"the store {database.url!r} was written by a newer ragkit (schema {version}, this one "
            f"knows {_newest()}): update ragkit",
        )
    return version
