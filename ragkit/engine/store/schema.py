"""The store's tables: one schema for SQLite and PostgreSQL.

`Entry` rows are an index over metadata, derived from the rows' `metadata` columns; everything else
is truth. Integer keys are AUTOINCREMENT: what derived data (the index) remembers by key can never
come to mean another row.
"""

from __future__ import annotations

from enum import IntEnum

import sqlalchemy as sa

# SQLite gives a rowid (and AUTOINCREMENT) only to a column whose type is spelled INTEGER.
Key = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

METADATA = sa.MetaData()

SCHEMA_VERSION = sa.Table(
    "schema_version",
    METADATA,
    sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("applied_time", sa.BigInteger, nullable=False),
)

CORPORA = sa.Table(
    "corpora",
    METADATA,
    sa.Column("key", Key, primary_key=True),
    sa.Column("id", sa.String, nullable=False, unique=True),
    sa.Column("display_name", sa.Text, nullable=False),
    sa.Column("embedder", sa.Text, nullable=False),
    sa.Column("last_change", sa.BigInteger, nullable=False),
    sa.Column("create_time", sa.BigInteger, nullable=False),
    sa.Column("update_time", sa.BigInteger, nullable=False),
    sa.Index("corpora_by_time", "create_time", "key"),
    sqlite_autoincrement=True,
)

DOCUMENTS = sa.Table(
    "documents",
    METADATA,
    sa.Column("key", Key, primary_key=True),
    sa.Column("corpus_key", Key, sa.ForeignKey("corpora.key"), nullable=False),
    sa.Column("id", sa.String, nullable=False),
    sa.Column("display_name", sa.Text, nullable=False),
    sa.Column("metadata", sa.Text, nullable=False),
    sa.Column("create_time", sa.BigInteger, nullable=False),
    sa.Column("update_time", sa.BigInteger, nullable=False),
    sa.UniqueConstraint("corpus_key", "id"),
    sa.Index("documents_by_time", "corpus_key", "create_time", "key"),
    sqlite_autoincrement=True,
)

CHUNKS = sa.Table(
    "chunks",
    METADATA,
    sa.Column("key", Key, primary_key=True),
    sa.Column("corpus_key", Key, nullable=False),
    sa.Column("document_key", Key, sa.ForeignKey("documents.key"), nullable=False),
    sa.Column("id", sa.String, nullable=False),
    # The number of the chunk's last change in its corpus' log.
    sa.Column("change", sa.BigInteger, nullable=False),
    sa.Column("state", sa.SmallInteger, nullable=False),
    sa.Column("create_time", sa.BigInteger, nullable=False),
    sa.Column("update_time", sa.BigInteger, nullable=False),
    sa.Column("metadata", sa.Text, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    # Last, so that reading a chunk without its vector does not walk over it.
    sa.Column("vector", sa.LargeBinary, nullable=False),
    sa.UniqueConstraint("document_key", "id"),
    sa.Index("chunks_by_time", "document_key", "create_time", "key"),
    sa.Index("chunks_by_change", "corpus_key", "change", unique=True),
    sqlite_autoincrement=True,
)

TOMBSTONES = sa.Table(
    "tombstones",
    METADATA,
    sa.Column("corpus_key", Key, sa.ForeignKey("corpora.key"), primary_key=True),
    sa.Column("change", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("chunk_key", Key, nullable=False),
    sa.Column("document_key", Key, nullable=False),
    sqlite_with_rowid=False,
)


class EntryLevel(IntEnum):
    """Whose metadata an entry belongs to: what `row_key` refers to."""

    DOCUMENT = 1
    CHUNK = 2


class EntryKind(IntEnum):
    """The type of an entry's value."""

    NUMBER = 1
    STRING = 2
    LIST = 3
    """That the row has a list of strings under the name, be it empty; `value` is empty."""
    ITEM = 4
    """One string of that list."""


# The primary key is the table: a filter is a range of it, and on SQLite there is no other copy.
ENTRIES = sa.Table(
    "metadata_entries",
    METADATA,
    sa.Column("corpus_key", Key, sa.ForeignKey("corpora.key"), primary_key=True),
    sa.Column("level", sa.SmallInteger, primary_key=True, autoincrement=False),
    sa.Column("name", sa.LargeBinary, primary_key=True),
    sa.Column("kind", sa.SmallInteger, primary_key=True, autoincrement=False),
    sa.Column("value", sa.LargeBinary, primary_key=True),
    sa.Column("row_key", Key, primary_key=True, autoincrement=False),
    sqlite_with_rowid=False,
)
