"""The store's permissions, and who owns what.

A resource's owner is who holds the one permission with the role OWNER. What the data folder's
owner made has none: that principal may do all and is no grantee.
"""

from __future__ import annotations

import os
from collections.abc import Collection

import sqlalchemy as sa

from ragkit.engine.access import (
    GranteeType,
    OwnerPermissionError,
    PermissionRecord,
    Role,
    grantee,
)
from ragkit.engine.records import RowExistsError
from ragkit.engine.store.access_schema import PERMISSIONS
from ragkit.engine.store.jobs_schema import TUNED_MODELS
from ragkit.engine.store.rows import Row, Rows, find_corpus, not_found, now

_ID_BYTES = 8


class Permissions(Rows):
    """Methods on permissions: `Store.permissions`. A resource is a corpus or tuned model's name."""

    def role_on(self, resource: str, grantees: Collection[str]) -> Role | None:
        """The strongest role that any of the grantees has.

        Arguments:
            resource: the corpus' or tuned model's resource name.
            grantees: texts that `ragkit.engine.access.grantee` makes.

        Returns:
            The role; None if they have none, or if there is no such resource.
        """
        parameters = {"resource": resource, "grantees": list(grantees)}
        with self._database.read() as connection:
            strongest = connection.execute(_ROLE_ON, parameters).scalar_one()
        return None if strongest is None else Role(strongest)

    def create(
        self, resource: str, grantee_type: GranteeType, email: str, role: Role
    ) -> PermissionRecord:
        """Grants a role.

        Arguments:
            resource: the corpus' or tuned model's resource name.
            grantee_type: who is meant.
            email: the address of the user or group as it is to be shown; "" for everyone.
            role: WRITER or READER; OWNER is had by creating or by `transfer_ownership`.

        Returns:
            The permission as stored.

        Raises:
            RowNotFoundError: there is no such resource.
            RowExistsError: that grantee has a permission already, which the error names.
        """
        with self._database.write() as connection:
            _find_resource(connection, resource)
            held = _of_grantee(connection, resource, grantee(grantee_type, email))
            if held is not None:
                raise RowExistsError(
                    _name(resource, held.id),
                    f"{email or 'everyone'} has the permission {_name(resource, held.id)} already",
                )
            return _record(_insert(connection, resource, grantee_type, email, role))

    def get(self, resource: str, id: str) -> PermissionRecord:  # noqa: A002
        """The permission of an id. Raises RowNotFoundError for the resource or for it."""
        with self._database.read() as connection:
            return _record(_find(connection, resource, id))

    def list(
        self, resource: str, limit: int, after: tuple[int, int] | None = None
    ) -> list[PermissionRecord]:
        """At most `limit` permissions on a resource in the order of creation.

        Arguments:
            resource: the corpus' or tuned model's resource name.
            limit: the most to return.
            after: `(create_time, key)` of the last one seen; None to begin.

        Returns:
            The permissions, ascending by `(create_time, key)`; fewer than `limit` at the end only.

        Raises:
            RowNotFoundError: there is no such resource.
        """
        columns = PERMISSIONS.c
        query = (
            sa.select(PERMISSIONS)
            .where(columns.resource == resource)
            .order_by(columns.create_time, columns.key)
            .limit(limit)
        )
        if after is not None:
            query = query.where(sa.tuple_(columns.create_time, columns.key) > after)
        with self._database.read() as connection:
            _find_resource(connection, resource)
            return [_record(row) for row in connection.execute(query)]

    def update(self, resource: str, id: str, role: Role) -> PermissionRecord:  # noqa: A002
        """Gives a permission another role, WRITER or READER, and returns it.

        Raises:
            RowNotFoundError: there is no such resource or permission.
            OwnerPermissionError: it is the owner's.
        """
        with self._database.write() as connection:
            found = _find(connection, resource, id)
            _refuse_owners(found, "changed")
            row = _set_role(connection, found.key, role)
        return _record(row)

    def delete(self, resource: str, id: str) -> None:  # noqa: A002
        """Takes a permission back.

        Raises:
            RowNotFoundError: there is no such resource or permission.
            OwnerPermissionError: it is the owner's.
        """
        with self._database.write() as connection:
            found = _find(connection, resource, id)
            _refuse_owners(found, "deleted")
            connection.execute(sa.delete(PERMISSIONS).where(PERMISSIONS.c.key == found.key))

    def transfer_ownership(self, resource: str, email: str) -> None:
        """Makes a user the owner of a resource; who owned it until now becomes a writer.

        Arguments:
            resource: the resource's name.
            email: the new owner's address; if it is the owner's already, nothing changes.

        Raises:
            RowNotFoundError: there is no such resource.
        """
        with self._database.write() as connection:
            _find_resource(connection, resource)
            owner = connection.execute(
                sa.select(PERMISSIONS).where(
                    PERMISSIONS.c.resource == resource, PERMISSIONS.c.role == Role.OWNER
                )
            ).one_or_none()
            if owner is not None:
                _set_role(connection, owner.key, Role.WRITER)
            held = _of_grantee(connection, resource, grantee(GranteeType.USER, email))
            if held is None:
                _insert(connection, resource, GranteeType.USER, email, Role.OWNER)
            else:
                _set_role(connection, held.key, Role.OWNER)


def insert_owner(connection: sa.Connection, resource: str, owner: str) -> None:
    """Gives a new resource its owner, within the transaction that creates it.

    Arguments:
        connection: that write transaction.
        resource: the resource's name.
        owner: the creator's e-mail address; "" for the data folder's owner, who needs none.
    """
    if owner:
        _insert(connection, resource, GranteeType.USER, owner, Role.OWNER)


def delete_permissions(connection: sa.Connection, resource: str) -> None:
    """Deletes all permissions on a resource, within the transaction that deletes it."""
    connection.execute(sa.delete(PERMISSIONS).where(PERMISSIONS.c.resource == resource))


def granted(
    resource: sa.ColumnElement[str],
    grantees: Collection[str],
    weakest: Role = Role.READER,
) -> sa.ColumnElement[bool]:
    """The condition that any of the grantees has a role on a row's resource.

    Arguments:
        resource: the resource name of the row, as SQL.
        grantees: texts that `ragkit.engine.access.grantee` makes.
        weakest: the role that they must have, or a stronger one.
    """
    return resource.in_(
        sa.select(PERMISSIONS.c.resource).where(
            PERMISSIONS.c.grantee.in_(list(grantees)), PERMISSIONS.c.role <= weakest
        )
    )


_ROLE_ON = sa.select(sa.func.min(PERMISSIONS.c.role)).where(
    PERMISSIONS.c.resource == sa.bindparam("resource"),
    PERMISSIONS.c.grantee.in_(sa.bindparam("grantees", expanding=True)),
)


def _find_resource(connection: sa.Connection, resource: str) -> None:
    """Raises RowNotFoundError if there is no such corpus or tuned model."""
    collection, _, resource_id = resource.partition("/")
    if collection == "corpora":
        find_corpus(connection, resource_id)
        return
    found = sa.select(TUNED_MODELS.c.key).where(TUNED_MODELS.c.id == resource_id)
    if collection != "tunedModels" or connection.execute(found).first() is None:
        raise not_found(resource)


def _find(connection: sa.Connection, resource: str, permission_id: str) -> Row:
    _find_resource(connection, resource)
    row = connection.execute(
        sa.select(PERMISSIONS).where(
            PERMISSIONS.c.resource == resource, PERMISSIONS.c.id == permission_id
        )
    ).one_or_none()
    if row is None:
        raise not_found(_name(resource, permission_id))
    return row


def _of_grantee(connection: sa.Connection, resource: str, who: str) -> Row | None:
    return connection.execute(
        sa.select(PERMISSIONS).where(
            PERMISSIONS.c.resource == resource, PERMISSIONS.c.grantee == who
        )
    ).one_or_none()


def _insert(
    connection: sa.Connection, resource: str, grantee_type: GranteeType, email: str, role: Role
) -> Row:
    time = now()
    return connection.execute(
        sa.insert(PERMISSIONS)
        .values(
            resource=resource,
            # Nothing may follow from an id; hexadecimal digits are legal in one.
            id=os.urandom(_ID_BYTES).hex(),
            grantee_type=int(grantee_type),
            email=email,
            grantee=grantee(grantee_type, email),
            role=int(role),
            create_time=time,
            update_time=time,
        )
        .returning(PERMISSIONS)
    ).one()


def _set_role(connection: sa.Connection, key: int, role: Role) -> Row:
    return connection.execute(
        sa.update(PERMISSIONS)
        .where(PERMISSIONS.c.key == key)
        .values(role=int(role), update_time=now())
        .returning(PERMISSIONS)
    ).one()


def _refuse_owners(row: Row, done: str) -> None:
    if row.role == Role.OWNER:
        name = _name(row.resource, row.id)
        raise OwnerPermissionError(name, f"{name} is the owner's and cannot be {done}")


def _name(resource: str, permission_id: str) -> str:
    return f"{resource}/permissions/{permission_id}"


def _record(row: Row) -> PermissionRecord:
    return PermissionRecord(
        key=row.key,
        resource=row.resource,
        id=row.id,
        grantee_type=GranteeType(row.grantee_type),
        email=row.email,
        role=Role(row.role),
        create_time=row.create_time,
        update_time=row.update_time,
    )
