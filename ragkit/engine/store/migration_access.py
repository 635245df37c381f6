"""The migration that brings permissions and API keys.

Corpora that exist belong to the data folder's owner, who needs no permission: no rows are made.
"""

from __future__ import annotations

import sqlalchemy as sa

_Key = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_METADATA = sa.MetaData()

sa.Table(
    "permissions",
    _METADATA,
    sa.Column("key", _Key, primary_key=True),
    sa.Column("resource", sa.String, nullable=False),
    sa.Column("id", sa.String, nullable=False),
    sa.Column("grantee_type", sa.SmallInteger, nullable=False),
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

sa.Table(
    "api_keys",
    _METADATA,
    sa.Column("key", _Key, primary_key=True),
    sa.Column("id", sa.String, nullable=False, unique=True),
    sa.Column("digest", sa.LargeBinary, nullable=False, unique=True),
    sa.Column("email", sa.Text, nullable=False),
    sa.Column("group_emails", sa.Text, nullable=False),
    sa.Column("is_owner", sa.SmallInteger, nullable=False),
    sa.Column("create_time", sa.BigInteger, nullable=False),
    sa.Column("last_used_time", sa.BigInteger),
    sa.Column("revoke_time", sa.BigInteger),
    sqlite_autoincrement=True,
)


def migrate_access(connection: sa.Connection) -> None:
    """Create the tables of permissions and API keys."""
    _METADATA.create_all(connection)
