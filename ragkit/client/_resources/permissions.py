"""Permissions on corpora and tuned models."""

from __future__ import annotations

from ragkit.api import methods
from ragkit.api.common import Empty
from ragkit.api.names import permission_name
from ragkit.api.permissions import GranteeType, Permission, Role
from ragkit.client._calls import Call, ClientT, PagedCall, Resource, call, message, method, paged


def _tuned(name: str) -> bool:
    return name.startswith("tunedModels/")


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
        declared = (
            methods.TUNED_MODELS_PERMISSIONS_CREATE
            if _tuned(parent)
            else methods.CORPORA_PERMISSIONS_CREATE
        )
        return call(declared, parent=parent, permission=permission)

    @method
    def get(self, name: str, parent: str | None = None) -> Call[Permission]:
        """Get a permission (corpora.permissions.get, tunedModels.permissions.get)."""
        full = permission_name(name, parent)
        tuned, corpora = methods.TUNED_MODELS_PERMISSIONS_GET, methods.CORPORA_PERMISSIONS_GET
        return call(tuned if _tuned(full) else corpora, name=full)

    @method
    def update(self, name: str, *, role: Role | str) -> Call[Permission]:
        """Change a permission's role (corpora.permissions.patch, tunedModels.permissions.patch)."""
        permission = message(Permission, name=permission_name(name), role=role)
        tuned, corpora = methods.TUNED_MODELS_PERMISSIONS_PATCH, methods.CORPORA_PERMISSIONS_PATCH
        declared = tuned if _tuned(name) else corpora
        return call(declared, permission=permission, update_mask="role")

    @method
    def delete(self, name: str) -> Call[Empty]:
        """Take a permission back (corpora.permissions.delete, tunedModels.permissions.delete)."""
        full = permission_name(name)
        tuned, corpora = methods.TUNED_MODELS_PERMISSIONS_DELETE, methods.CORPORA_PERMISSIONS_DELETE
        return call(tuned if _tuned(full) else corpora, name=full)

    @paged
    def list(self, parent: str, *, page_size: int | None = None) -> PagedCall[Permission]:
        """List permissions (corpora.permissions.list, tunedModels.permissions.list)."""
        tuned, corpora = methods.TUNED_MODELS_PERMISSIONS_LIST, methods.CORPORA_PERMISSIONS_LIST
        declared = tuned if _tuned(parent) else corpora
        return PagedCall(call(declared, parent=parent, page_size=page_size), "permissions")
