"""The migration "media": adds files, uploads and cached contents. Frozen: see `migrations.py`."""

from __future__ import annotations

import sqlalchemy as sa


def migrate_media(connection: sa.Connection) -> None:
    """Add the tables."""
    tables = sa.MetaData()
    key = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    sa.Table(
        "files",
        tables,
        sa.Column("key", key, primary_key=True),
        sa.Column("id", sa.String, nullable=False, unique=True),
        sa.Column("owner", sa.Text, nullable=False, server_default=""),
        sa.Column("display_name", sa.Text, nullable=False),
        sa.Column("mime_type", sa.Text, nullable=False),
        sa.Column("size_bytes", sa.BigInteger, nullable=False),
        sa.Column("sha256", sa.LargeBinary, nullable=False),
        sa.Column("source", sa.SmallInteger, nullable=False),
        sa.Column("blob", sa.String, nullable=False, unique=True),
        sa.Column("create_time", sa.BigInteger, nullable=False),
        sa.Column("update_time", sa.BigInteger, nullable=False),
        sa.Column("expire_time", sa.BigInteger, nullable=False),
        sa.Index("files_by_time", "create_time", "key"),
        sa.Index("files_by_expiry", "expire_time"),
        sqlite_autoincrement=True,
    )
    sa.Table(
        "uploads",
        tables,
        sa.Column("key", key, primary_key=True),
        sa.Column("digest", sa.LargeBinary, nullable=False, unique=True),
        sa.Column("owner", sa.Text, nullable=False, server_default=""),
        sa.Column("file_id", sa.String, nullable=False),
        sa.Column("display_name", sa.Text, nullable=False),
        sa.Column("mime_type", sa.Text, nullable=False),
        sa.Column("size_bytes", sa.BigInteger, nullable=True),
        sa.Column("received", sa.BigInteger, nullable=False),
        sa.Column("finished", sa.Boolean, nullable=False),
        sa.Column("blob", sa.String, nullable=False, unique=True),
        sa.Column("create_time", sa.BigInteger, nullable=False),
        sa.Column("expire_time", sa.BigInteger, nullable=False),
        sa.Index("uploads_by_expiry", "expire_time"),
        sqlite_autoincrement=True,
    )
    sa.Table(
        "cached_contents",
        tables,
        sa.Column("key", key, primary_key=True),
        sa.Column("id", sa.String, nullable=False, unique=True),
        sa.Column("owner", sa.Text, nullable=False, server_default=""),
        sa.Column("display_name", sa.Text, nullable=False),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("token_count", sa.BigInteger, nullable=False),
        sa.Column("create_time", sa.BigInteger, nullable=False),
        sa.Column("update_time", sa.BigInteger, nullable=False),
        sa.Column("expire_time", sa.BigInteger, nullable=False),
        sa.Column("content", sa.Text, nullable=False),
        sa.Index("cached_contents_by_time", "create_time", "key"),
        sa.Index("cached_contents_by_expiry", "expire_time"),
        sqlite_autoincrement=True,
    )
    tables.create_all(connection, checkfirst=False)
