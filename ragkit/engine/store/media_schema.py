"""The tables of files, of the uploads that make them, and of cached contents.

`owner` is the e-mail address of who made a row, "" for the data folder's owner. `blob` names the
content in the data folder (see `ragkit.engine.blobs`). What has expired is as absent, and removed
sooner or later.
"""

from __future__ import annotations

import sqlalchemy as sa

from ragkit.engine.store.schema import METADATA, Key

FILES = sa.Table(
    "files",
    METADATA,
    sa.Column("key", Key, primary_key=True),
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

UPLOADS = sa.Table(
    "uploads",
    METADATA,
    sa.Column("key", Key, primary_key=True),
    # A digest of the upload's id: who knows the id may go on with the upload.
    sa.Column("digest", sa.LargeBinary, nullable=False, unique=True),
    sa.Column("owner", sa.Text, nullable=False, server_default=""),
    # What the file is to be.
    sa.Column("file_id", sa.String, nullable=False),
    sa.Column("display_name", sa.Text, nullable=False),
    sa.Column("mime_type", sa.Text, nullable=False),
    sa.Column("size_bytes", sa.BigInteger, nullable=True),
    # Bytes that are surely on disk.
    sa.Column("received", sa.BigInteger, nullable=False),
    sa.Column("finished", sa.Boolean, nullable=False),
    sa.Column("blob", sa.String, nullable=False, unique=True),
    sa.Column("create_time", sa.BigInteger, nullable=False),
    sa.Column("expire_time", sa.BigInteger, nullable=False),
    sa.Index("uploads_by_expiry", "expire_time"),
    sqlite_autoincrement=True,
)

CACHED_CONTENTS = sa.Table(
    "cached_contents",
    METADATA,
    sa.Column("key", Key, primary_key=True),
    sa.Column("id", sa.String, nullable=False, unique=True),
    sa.Column("owner", sa.Text, nullable=False, server_default=""),
    sa.Column("display_name", sa.Text, nullable=False),
    sa.Column("model", sa.Text, nullable=False),
    sa.Column("token_count", sa.BigInteger, nullable=False),
    sa.Column("create_time", sa.BigInteger, nullable=False),
    sa.Column("update_time", sa.BigInteger, nullable=False),
    sa.Column("expire_time", sa.BigInteger, nullable=False),
    # Last, so that reading a row without its content does not walk over it.
    sa.Column("content", sa.Text, nullable=False),
    sa.Index("cached_contents_by_time", "create_time", "key"),
    sa.Index("cached_contents_by_expiry", "expire_time"),
    sqlite_autoincrement=True,
)
