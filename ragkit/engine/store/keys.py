"""The store's API keys: whose they are, and the hashes of their secrets."""

from __future__ import annotations

from collections.abc import Collection

import sqlalchemy as sa

from ragkit.engine.access import KeyRecord
from ragkit.engine.records import RowNotFoundError
from ragkit.engine.store.access_schema import API_KEYS
from ragkit.engine.store.rows import Row, Rows, now


class Keys(Rows):
    """Methods on API keys: `Store.keys`."""

    def create(
        self,
        id: str,  # noqa: A002
        digest: bytes,
        email: str,
        groups: Collection[str] = (),
        *,
        is_owner: bool = False,
    ) -> KeyRecord:
        """Creates a key.

        Arguments:
            id: its id, unique in the store.
            digest: the hash of the key, by which it is found again.
            email: the principal's address in lower case, or "".
            groups: the addresses in lower case of the groups that the principal belongs to.
            is_owner: whether it acts as the data folder's owner.

        Returns:
            The key as stored.
        """
        with self._database.write() as connection:
            row = connection.execute(
                sa.insert(API_KEYS)
                .values(
                    id=id,
                    digest=digest,
                    email=email,
                    group_emails=" ".join(sorted(set(groups))),
                    is_owner=int(is_owner),
                    create_time=now(),
                )
                .returning(API_KEYS)
            ).one()
        return _record(row)

    def find(self, digest: bytes) -> KeyRecord | None:
        """The key with a hash, revoked or not; None if there is none."""
        with self._database.read() as connection:
            row = connection.execute(_FIND_KEY, {"digest": digest}).one_or_none()
        return None if row is None else _record(row)

    def list(self) -> list[KeyRecord]:
        """All keys in the order of creation, the revoked ones too."""
        with self._database.read() as connection:
            return [
                _record(row)
                for row in connection.execute(sa.select(API_KEYS).order_by(API_KEYS.c.key))
            ]

    def any_valid(self) -> bool:
        """Whether there is a key that is not revoked."""
        with self._database.read() as connection:
            return connection.execute(_ANY_KEY).first() is not None

    def groups_of(self, email: str) -> frozenset[str]:
        """The groups that the valid keys of an address (in lower case) say it belongs to."""
        with self._database.read() as connection:
            texts = connection.execute(
                sa.select(API_KEYS.c.group_emails).where(
                    API_KEYS.c.email == email, API_KEYS.c.revoke_time.is_(None)
                )
            ).scalars()
            return frozenset(group for text in texts for group in text.split())

    def revoke(self, id: str) -> KeyRecord:  # noqa: A002
        """Makes a key invalid for good and returns it; the first revocation's time stays.

        Raises:
            RowNotFoundError: there is no such key.
        """
        with self._database.write() as connection:
            row = connection.execute(
                sa.update(API_KEYS)
                .where(API_KEYS.c.id == id)
                .values(revoke_time=sa.func.coalesce(API_KEYS.c.revoke_time, now()))
                .returning(API_KEYS)
            ).one_or_none()
            if row is None:
                raise RowNotFoundError(id, f"there is no key {id!r}")
        return _record(row)

    def mark_used(self, key: int) -> None:
        """Notes that a key is used now."""
        with self._database.write() as connection:
            connection.execute(
                sa.update(API_KEYS).where(API_KEYS.c.key == key).values(last_used_time=now())
            )


_FIND_KEY = sa.select(API_KEYS).where(API_KEYS.c.digest == sa.bindparam("digest"))
_ANY_KEY = sa.select(API_KEYS.c.key).where(API_KEYS.c.revoke_time.is_(None)).limit(1)


def _record(row: Row) -> KeyRecord:
    return KeyRecord(
        key=row.key,
        id=row.id,
        email=row.email,
        groups=tuple(row.group_emails.split()),
        is_owner=bool(row.is_owner),
        create_time=row.create_time,
        last_used_time=row.last_used_time,
        revoke_time=row.revoke_time,
    )
