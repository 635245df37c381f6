"""The tables of permissions and API keys."""

from __future__ import annotations

import sqlalchemy as sa

from ragkit.engine.store.schema import METADATA, Key

PERMISSIONS = sa.Table(
    "permissions",
    METADATA,
    sa.Column("key", Key, primary_key=True),
    # The resource name of the corpus or tuned model.
    sa.Column("resource", sa.String, nullable=False),
    sa.Column("id", sa.String, nullable=False),
    sa.Column("grantee_type", sa.SmallInteger, nullable=False),
    # As it was given; `grantee` is what it is compared by.
    sa.Column("email", sa.Text, nullable=False),
    sa.Column("grantee", sa.String, nullable=False),
    sa.Column("role", sa.SmallInteger, nullable=False),
    sa.Column("create_time", sa.BigInteger, nullable=False),
    sa.Column("update_time", sa.BigInteger, nullable=False),
    sa.UniqueConstraint("resource", "id"),
    sa.UniqueConstraint("resource", "grantee"),
    sa.Index("permissions_by_time", "resource", "create_time", "key"),
    sa.Index("permissions_by_grantee", "grantee", "resource"),
    sqlite_autoincrement=True,
)

API_KEYS = sa.Table(
    "api_keys",
    METADATA,
    sa.Column("key", Key, primary_key=True),
    sa.Column("id", sa.String, nullable=False, unique=True),
    # SHA-256 of the whole key: see `ragkit.service.keys`.
    sa.Column("digest", sa.LargeBinary, nullable=False, unique=True),
    sa.Column("email", sa.Text, nullable=False),
    # E-mail addresses, sorted, a space between them.
    sa.Column("group_emails", sa.Text, nullable=False),
    sa.Column("is_owner", sa.SmallInteger, nullable=False),
    sa.Column("create_time", sa.BigInteger, nullable=False),
    sa.Column("last_used_time", sa.BigInteger),
    sa.Column("revoke_time", sa.BigInteger),
    sqlite_autoincrement=True,
)
