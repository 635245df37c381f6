"""Who may do what: roles, grantees, and the records of permissions and keys. No I/O.

A resource that has permissions (a corpus, a tuned model) is meant by its resource name; an id is
taken again only after its permissions have gone with it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from ragkit.engine.records import EngineError


class Role(IntEnum):
    """What is allowed; the numbers are those of the API's `Permission.Role`, strongest first."""

    OWNER = 1
    WRITER = 2
    READER = 3

    def includes(self, other: Role) -> bool:
        """Whether who has this role may do what another role allows."""
        return self <= other


class GranteeType(IntEnum):
    """Who is meant; the numbers are those of the API's `Permission.GranteeType`."""

    USER = 1
    GROUP = 2
    EVERYONE = 3


EVERYONE = "everyone"
"""The grantee that all principals are."""


def normal_email(email: str) -> str:
    """The one spelling of an e-mail address by which it is compared: in lower case."""
    return email.lower()


def grantee(kind: GranteeType, email: str = "") -> str:
    """The one text for a grantee by which permissions are looked up.

    Arguments:
        kind: whether it is a user, a group or everyone.
        email: the address of the user or group, in any case.
    """
    if kind is GranteeType.EVERYONE:
        return EVERYONE
    return f"{kind.name.lower()}:{normal_email(email)}"


@dataclass(frozen=True, slots=True)
class PermissionRecord:
    """One permission on a resource. `email` is as it was given, "" for everyone."""

    key: int
    resource: str
    id: str
    grantee_type: GranteeType
    email: str
    role: Role
    create_time: int
    update_time: int


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """An API key without its secret. `email` is "" for a key of the data folder's owner alone.

    Times are microseconds since the Unix epoch; `last_used_time` lags by up to a minute, and is
    None for a key that was never used, as `revoke_time` is for one that is valid.
    """

    key: int
    id: str
    email: str
    groups: tuple[str, ...]
    is_owner: bool
    create_time: int
    last_used_time: int | None
    revoke_time: int | None


class OwnerPermissionError(EngineError):
    """The owner's permission is changed by transferring ownership only."""
