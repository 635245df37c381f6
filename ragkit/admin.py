"""Looking after a data folder: the API keys that a server over it accepts.

These are no methods of the API: whoever can write the folder may do them, nobody over HTTP can.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ragkit.engine.access import KeyRecord
    from ragkit.engine.engine import Engine


@dataclass(frozen=True, slots=True)
class ApiKey:
    """What is known of a key, its secret excepted.

    Attributes:
        id: what it is called in lists and when it is revoked; it stands in the key, `rk_ID_...`.
        principal: the e-mail address of whom it identifies; None for the data folder's owner alone.
        groups: the addresses of the groups that the principal belongs to.
        owner: whether it acts as the data folder's owner, who may do all.
        created: when it was made.
        last_used: when a server last accepted it, up to a minute late; None if none ever did.
        revoked: when it was revoked; None while it is valid.
    """

    id: str
    principal: str | None
    groups: tuple[str, ...]
    owner: bool
    created: datetime
    last_used: datetime | None
    revoked: datetime | None

    def to_wire(self) -> dict[str, Any]:
        """The key as JSON's plain values, in the API's style: defaults are left out."""
        from ragkit.api.times import format_timestamp

        times = {
            "createTime": self.created,
            "lastUsedTime": self.last_used,
            "revokeTime": self.revoked,
        }
        plain = {
            "id": self.id,
            "principal": self.principal,
            "groups": list(self.groups),
            "owner": self.owner,
            **{name: time and format_timestamp(time) for name, time in times.items()},
        }
        return {name: value for name, value in plain.items() if value}


def create_key(
    data: str | os.PathLike[str],
    principal: str | None = None,
    *,
    groups: Iterable[str] = (),
    owner: bool = False,
) -> tuple[str, ApiKey]:
    """Make an API key for a server over a data folder.

    Arguments:
        data: the data folder, made if it does not exist.
        principal: the e-mail address of whom the key identifies; what is granted to it by
            permissions, the key's bearer may do. Needed unless `owner`.
        groups: the addresses of the groups that the principal belongs to with this key.
        owner: whether the key acts as the data folder's owner, who may do all.

    Returns:
        The key itself, which is stored as a hash only and cannot be shown again, and what is known
        of it.

    Raises:
        InvalidArgument: an address is not one, or neither principal nor owner is given.
        Unavailable: the data folder cannot be used.
    """
    from ragkit.service import keys

    with _engine(data) as engine:
        secret, record = keys.create_key(engine, principal, groups, owner=owner)
    return secret, _api_key(record)


def list_keys(data: str | os.PathLike[str]) -> list[ApiKey]:
    """The keys of a data folder in the order of creation, the revoked ones too.

    Raises:
        Unavailable: the data folder cannot be used.
    """
    with _engine(data) as engine:
        return [_api_key(record) for record in engine.store.keys.list()]


def revoke_key(data: str | os.PathLike[str], key_id: str) -> ApiKey:
    """Make a key invalid for good; servers over the folder refuse it within a second.

    Arguments:
        data: the data folder.
        key_id: the key's id; one that is revoked already stays so.

    Raises:
        NotFound: there is no such key.
        Unavailable: the data folder cannot be used.
    """
    from ragkit.service import keys

    with _engine(data) as engine:
        return _api_key(keys.revoke_key(engine, key_id))


@contextmanager
def _engine(data: str | os.PathLike[str]) -> Iterator[Engine]:
    from ragkit.service import open_service
    from ragkit.service.errors import to_api_error

    service = open_service(Path(data).expanduser())
    try:
        yield service.engine
    except Exception as error:
        raise to_api_error(error, "looking after keys") from error
    finally:
        service.close()


def _api_key(record: KeyRecord) -> ApiKey:
    from ragkit.service.resources import to_datetime

    used, revoked = record.last_used_time, record.revoke_time
    return ApiKey(
        id=record.id,
        principal=record.email or None,
        groups=record.groups,
        owner=record.is_owner,
        created=to_datetime(record.create_time),
        last_used=None if used is None else to_datetime(used),
        revoked=None if revoked is None else to_datetime(revoked),
    )
