"""Permissions on corpora and tuned models, and tunedModels.transferOwnership.

Whether the caller may do it was checked before: see `ragkit.service.access`.
"""

from __future__ import annotations

from collections.abc import Sequence

from ragkit.api import limits, methods
from ragkit.api.common import Empty
from ragkit.api.errors import AlreadyExists, InvalidArgument
from ragkit.api.names import check_id, split_permission
from ragkit.api.permissions import (
    CreatePermissionRequest,
    DeletePermissionRequest,
    GetPermissionRequest,
    GranteeType,
    ListPermissionsRequest,
    ListPermissionsResponse,
    Permission,
    Role,
    TransferOwnershipRequest,
    TransferOwnershipResponse,
    UpdatePermissionRequest,
)
from ragkit.engine import access as engine_access
from ragkit.engine.access import PermissionRecord
from ragkit.engine.records import RowExistsError
from ragkit.service.masks import masked_fields
from ragkit.service.paging import Position, page
from ragkit.service.registry import Context, handles
from ragkit.service.values import check_email, missing


@handles(methods.CORPORA_PERMISSIONS_CREATE)
@handles(methods.TUNED_MODELS_PERMISSIONS_CREATE)
def create(context: Context, request: CreatePermissionRequest) -> Permission:
    """Grant a role to a user, a group or everyone who has none yet."""
    resource = _resource(request.parent, "parent")
    permission = request.permission or Permission()
    kind, email = _grantee(permission)
    role = _grantable_role(permission)
    try:
        created = context.engine.store.permissions.create(resource, kind, email, role)
    except RowExistsError as error:
        raise AlreadyExists(
            f"{error}; change its role with permissions.patch", resource=error.resource
        ) from None
    return _permission(created)


@handles(methods.CORPORA_PERMISSIONS_GET)
@handles(methods.TUNED_MODELS_PERMISSIONS_GET)
def get(context: Context, request: GetPermissionRequest) -> Permission:
    """Return a permission."""
    return _permission(context.engine.store.permissions.get(*split_permission(request.name)))


@handles(methods.CORPORA_PERMISSIONS_PATCH)
@handles(methods.TUNED_MODELS_PERMISSIONS_PATCH)
def patch(context: Context, request: UpdatePermissionRequest) -> Permission:
    """Give a permission another role."""
    permission = request.permission or Permission()
    resource, permission_id = split_permission(permission.name, "permission.name")
    masked_fields(request.update_mask, ("role",))
    role = _grantable_role(permission)
    return _permission(context.engine.store.permissions.update(resource, permission_id, role))


@handles(methods.CORPORA_PERMISSIONS_DELETE)
@handles(methods.TUNED_MODELS_PERMISSIONS_DELETE)
def delete(context: Context, request: DeletePermissionRequest) -> Empty:
    """Take a permission back."""
    context.engine.store.permissions.delete(*split_permission(request.name))
    return Empty()


@handles(methods.CORPORA_PERMISSIONS_LIST)
@handles(methods.TUNED_MODELS_PERMISSIONS_LIST)
def list_(context: Context, request: ListPermissionsRequest) -> ListPermissionsResponse:
    """Return a page of the permissions on a resource, its owner's among them."""
    resource = _resource(request.parent, "parent")

    def rows(limit: int, after: Position | None) -> Sequence[PermissionRecord]:
        return context.engine.store.permissions.list(resource, limit, after)

    found, token = page(
        rows,
        request.page_size,
        limits.PERMISSIONS_PAGE,
        request.page_token,
        "permissions.list",
        resource,
    )
    return ListPermissionsResponse(
        permissions=[_permission(row) for row in found], next_page_token=token
    )


@handles(methods.TUNED_MODELS_TRANSFER_OWNERSHIP)
def transfer_ownership(
    context: Context, request: TransferOwnershipRequest
) -> TransferOwnershipResponse:
    """Make another user the owner of a tuned model; the present one becomes a writer."""
    resource = _resource(request.name, "name")
    if not request.email_address:
        raise missing("emailAddress", "the address of who is to be the owner")
    email = check_email(request.email_address, "emailAddress")
    context.engine.store.permissions.transfer_ownership(resource, email)
    return TransferOwnershipResponse()


def _resource(name: str, field: str) -> str:
    """The name of a corpus or tuned model as it is, after a check of its id."""
    collection, _, resource_id = name.partition("/")
    return f"{collection}/{check_id(resource_id, field)}"


def _grantee(permission: Permission) -> tuple[engine_access.GranteeType, str]:
    """Who is meant, and the address of the user or group."""
    kind = permission.grantee_type or GranteeType.GRANTEE_TYPE_UNSPECIFIED
    email = permission.email_address or ""
    if kind is GranteeType.EVERYONE:
        if email:
            raise InvalidArgument(
                "permission.emailAddress: must not be set for the grantee type EVERYONE",
                field="permission.emailAddress",
            )
        return engine_access.GranteeType.EVERYONE, ""
    if kind is GranteeType.GRANTEE_TYPE_UNSPECIFIED:
        if not email:
            raise missing("permission.granteeType", "one of USER, GROUP, EVERYONE")
        kind = GranteeType.USER
    if not email:
        raise missing("permission.emailAddress", f"a grantee of the type {kind.name} has one")
    check_email(email, "permission.emailAddress")
    return engine_access.GranteeType(int(kind)), email


def _grantable_role(permission: Permission) -> engine_access.Role:
    """The role to give, which cannot be OWNER."""
    role = permission.role or Role.ROLE_UNSPECIFIED
    if role is Role.ROLE_UNSPECIFIED:
        raise missing("permission.role", "READER or WRITER")
    if role is Role.OWNER:
        raise InvalidArgument(
            "permission.role: OWNER cannot be granted, only READER and WRITER; ownership of a "
            "tuned model changes with tunedModels.transferOwnership, that of a corpus does not",
            field="permission.role",
        )
    return engine_access.Role(int(role))


def _permission(record: PermissionRecord) -> Permission:
    """A permission as the API shows it."""
    return Permission(
        name=f"{record.resource}/permissions/{record.id}",
        grantee_type=GranteeType(int(record.grantee_type)),
        email_address=record.email or None,
        role=Role(int(record.role)),
    )
