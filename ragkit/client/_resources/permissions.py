"""Permissions on corpora and tuned models."""

from __future__ import annotations

from typing import Any, TypeVar

from ragkit.api import methods
from ragkit.api.base import ProtoModel
from ragkit.api.common import Empty
from ragkit.api.names import permission_name
from ragkit.api.permissions import GranteeType, Permission, Role
from ragkit.api.wire import Method
from ragkit.client._calls import Call, ClientT, PagedCall, Resource, call, message, method

T = TypeVar("T", bound=ProtoModel)


def _on(name: str, corpora: Method[Any, T], tuned_models: Method[Any, T]) -> Method[Any, T]:
    """Which of two methods is for what a name begins with."""
    return tuned_models if name.startswith("tunedModels/") else corpora


class Permissions(Resource[ClientT]):
    """Methods on permissions. A parent is a full name: `corpora/C` or `tunedModels/M`."""

    @method
    def create(
        self,
        parent: str,
        role: Role | str,
        *,
        email_address: str | None = None,
        group: bool = False,
    ) -> Call[Permission]:
        """Grant a role (corpora.permissions.create, tunedModels.permissions.create).

        Args:
            parent: what to grant it on.
            role: READER, WRITER or OWNER, each including those before it.
            email_address: whom to grant it to; left out, to everyone.
            group: whether that is a group's address.
        """
        kind = GranteeType.GROUP if group else GranteeType.USER
        permission = message(
            Permission,
            role=role,
            email_address=email_address,
            grantee_type=GranteeType.EVERYONE if email_address is None else kind,
        )
        tuned, corpora = methods.TUNED_MODELS_PERMISSIONS_CREATE, methods.CORPORA_PERMISSIONS_CREATE
        return call(_on(parent, corpora, tuned), parent=parent, permission=permission)

    @method
    def get(self, name: str, parent: str | None = None) -> Call[Permission]:
        """Get a permission (corpora.permissions.get, tunedModels.permissions.get)."""
        full = permission_name(name, parent)
        tuned, corpora = methods.TUNED_MODELS_PERMISSIONS_GET, methods.CORPORA_PERMISSIONS_GET
        return call(_on(full, corpora, tuned), name=full)

    @method
    def update(self, name: str, *, role: Role | str) -> Call[Permission]:
        """Change a permission's role (corpora.permissions.patch, tunedModels.permissions.patch)."""
        permission = message(Permission, name=permission_name(name), role=role)
        tuned, corpora = methods.TUNED_MODELS_PERMISSIONS_PATCH, methods.CORPORA_PERMISSIONS_PATCH
        return call(_on(name, corpora, tuned), permission=permission, update_mask="role")

    @method
    def delete(self, name: str) -> Call[Empty]:
        """Take a permission back (corpora.permissions.delete, tunedModels.permissions.delete)."""
        full = permission_name(name)
        tuned, corpora = methods.TUNED_MODELS_PERMISSIONS_DELETE, methods.CORPORA_PERMISSIONS_DELETE
        return call(_on(full, corpora, tuned), name=full)

    @method
    def list(self, parent: str, *, page_size: int | None = None) -> PagedCall[Permission]:
        """List permissions (corpora.permissions.list, tunedModels.permissions.list)."""
        tuned, corpora = methods.TUNED_MODELS_PERMISSIONS_LIST, methods.CORPORA_PERMISSIONS_LIST
        described = call(_on(parent, corpora, tuned), parent=parent, page_size=page_size)
        return PagedCall(described, "permissions")
