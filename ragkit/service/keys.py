"""API keys: how they are made, recognised and taken back.

A key is `rk_ID_SECRET`. The id is public: it names the key in lists, logs and `ragkit keys revoke`.
The secret has 256 random bits, so a plain SHA-256 is all the protection that the stored form needs:
nobody can guess through 2**256 keys, and what slow, salted hashes are for (secrets that people
choose) does not occur. The hash is also what a key is found by. How long that takes may tell
something about hashes, but nobody can choose a hash.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable
from hashlib import sha256

from ragkit.api.errors import InvalidArgument, NotFound
from ragkit.engine.access import KeyRecord, normal_email
from ragkit.engine.engine import Engine
from ragkit.engine.records import RowNotFoundError
from ragkit.service.naming import random_id
from ragkit.service.values import check_email, missing

_SECRET_BYTES = 32
_KEY = re.compile(r"rk_[0-9a-z]{12}_[0-9A-Za-z_-]{43}")


def is_key(text: str) -> bool:
    """Whether a text has the form of a key of ragkit's."""
    return _KEY.fullmatch(text) is not None


def key_digest(key: str) -> bytes:
    """The hash of a key by which it is stored."""
    return sha256(key.encode("utf-8", "surrogatepass")).digest()


def create_key(
    engine: Engine, principal: str | None, groups: Iterable[str] = (), *, owner: bool = False
) -> tuple[str, KeyRecord]:
    """Make a key.

    Arguments:
        engine: where it is kept.
        principal: the e-mail address of whom it identifies; may be None for an owner's key.
        groups: the addresses of the groups that the principal belongs to.
        owner: whether it acts as the data folder's owner.

    Returns:
        The key, which is not kept and cannot be shown again, and what is kept of it.

    Raises:
        InvalidArgument: an address is not one, or whom the key identifies is not said.
    """
    if not principal and not owner:
        raise missing("principal", "the e-mail address of whom the key identifies")
    email = normal_email(check_email(principal, "principal")) if principal else ""
    members = [normal_email(check_email(group, "group")) for group in groups]
    if members and not email:
        raise InvalidArgument("group: a key of no principal belongs to no group", field="group")
    key_id = random_id()
    key = f"rk_{key_id}_{secrets.token_urlsafe(_SECRET_BYTES)}"
    record = engine.store.keys.create(key_id, key_digest(key), email, members, is_owner=owner)
    return key, record


def revoke_key(engine: Engine, key_id: str) -> KeyRecord:
    """Make a key invalid for good, everywhere within a second; see `authentication`.

    Arguments:
        engine: where it is kept.
        key_id: the key's id, with or without `rk_` before it.

    Raises:
        NotFound: there is no such key.
    """
    try:
        return engine.store.keys.revoke(key_id.removeprefix("rk_"))
    except RowNotFoundError as error:
        raise NotFound(str(error), resource=f"keys/{key_id}") from None
