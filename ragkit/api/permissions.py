"""Permissions: who may read, write or own a corpus or a tuned model."""

from __future__ import annotations

from ragkit.api.base import FieldMask, Int32, ProtoEnum, ProtoModel


class GranteeType(ProtoEnum):
    """Who is meant: a user or group, named by e-mail address, or everyone."""

    GRANTEE_TYPE_UNSPECIFIED = 0
    USER = 1
    GROUP = 2
    EVERYONE = 3


class Role(ProtoEnum):
    """What is allowed, each including what the next one may do.

    An owner may delete, a writer change and share, a reader use.
    """

    ROLE_UNSPECIFIED = 0
    OWNER = 1
    WRITER = 2
    READER = 3


class Permission(ProtoModel):
    """What one grantee may do with a corpus or tuned model.

    `role` is required. `grantee_type` and `email_address` cannot be changed; EVERYONE has no
    address. `name` is given by the server: `corpora/C/permissions/P` or
    `tunedModels/M/permissions/P`.
    """

    name: str = ""
    grantee_type: GranteeType | None = None
    email_address: str | None = None
    role: Role | None = None


class CreatePermissionRequest(ProtoModel):
    """corpora.permissions.create, tunedModels.permissions.create."""

    parent: str = ""
    permission: Permission | None = None


class GetPermissionRequest(ProtoModel):
    """corpora.permissions.get, tunedModels.permissions.get."""

    name: str = ""


class ListPermissionsRequest(ProtoModel):
    """corpora.permissions.list, tunedModels.permissions.list: 10 to a page, at most 1,000."""

    parent: str = ""
    page_size: Int32 = 0
    page_token: str = ""


class ListPermissionsResponse(ProtoModel):
    """A page of permissions."""

    permissions: list[Permission] = []
    next_page_token: str = ""


class UpdatePermissionRequest(ProtoModel):
    """corpora.permissions.patch, tunedModels.permissions.patch.

    `update_mask` is required and may hold `role` only.
    """

    permission: Permission | None = None
    update_mask: FieldMask = ()


class DeletePermissionRequest(ProtoModel):
    """corpora.permissions.delete, tunedModels.permissions.delete."""

    name: str = ""


class TransferOwnershipRequest(ProtoModel):
    """tunedModels.transferOwnership: the present owner becomes a writer.

    Only owners may do this, and there is no other way to change an owner.
    """

    name: str = ""
    email_address: str = ""


class TransferOwnershipResponse(ProtoModel):
    """The reply of tunedModels.transferOwnership. It has no fields."""
