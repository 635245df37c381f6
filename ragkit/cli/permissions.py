"""`ragkit permissions`: who may do what with a corpus or tuned model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from ragkit.cli.options import Session, session_options, visible

if TYPE_CHECKING:
    from ragkit.api.permissions import Permission

_PAGE = 1000

_role_option = click.option(
    "--role",
    required=True,
    type=click.Choice(["reader", "writer"]),
    help="A reader uses it; a writer also changes and shares it.",
)


@click.group(name="permissions")
def permissions() -> None:
    """Share corpora and tuned models with the principals of API keys.

    RESOURCE is a corpus' id such as `library`, or a full name: corpora/… or tunedModels/….
    PERMISSION is a full name, as `list` shows it. Who created a resource with a key owns it, and
    the owner of the data folder may do all.
    """


@permissions.command("list")
@click.argument("resource")
@session_options
def list_permissions(session: Session, resource: str) -> None:
    """List who may do what with RESOURCE."""
    with session.connect() as client:
        found = list(client.permissions.list(_resource_name(resource), page_size=_PAGE))
    if session.as_json:
        session.print_json({"permissions": [one.to_wire() for one in found]})
    elif found:
        _print_rows(session, found)
    else:
        click.echo(
            f"shared with nobody: 'ragkit permissions create {visible(resource)} --user EMAIL "
            "--role reader'",
            err=True,
        )


@permissions.command("get")
@click.argument("permission")
@session_options
def get_permission(session: Session, permission: str) -> None:
    """Show a permission."""
    with session.connect() as client:
        _print_one(session, client.permissions.get(permission))


@permissions.command("create")
@click.argument("resource")
@click.option("--user", metavar="EMAIL", help="Grant it to a user.")
@click.option("--group", metavar="EMAIL", help="Grant it to the members of a group.")
@click.option("--everyone", is_flag=True, help="Grant it to all who have a key.")
@_role_option
@session_options
def create_permission(
    session: Session,
    resource: str,
    user: str | None,
    group: str | None,
    everyone: bool,
    role: str,
) -> None:
    """Grant a role on RESOURCE to one grantee."""
    if (user is not None) + (group is not None) + everyone != 1:
        raise click.UsageError("say to whom: one of --user EMAIL, --group EMAIL, --everyone")
    with session.connect() as client:
        created = client.permissions.create(
            _resource_name(resource),
            role.upper(),
            email_address=None if everyone else user or group or "",
            group=group is not None,
        )
    _print_one(session, created)


@permissions.command("update")
@click.argument("permission")
@_role_option
@session_options
def update_permission(session: Session, permission: str, role: str) -> None:
    """Give a permission another role."""
    with session.connect() as client:
        _print_one(session, client.permissions.update(permission, role=role.upper()))


@permissions.command("delete")
@click.argument("permission")
@session_options
def delete_permission(session: Session, permission: str) -> None:
    """Take a permission back."""
    with session.connect() as client:
        client.permissions.delete(permission)
    if session.as_json:
        session.print_json({})
    else:
        click.echo(f"deleted {permission}", err=True)


@permissions.command("transfer")
@click.argument("tuned_model")
@click.argument("email")
@session_options
def transfer_ownership(session: Session, tuned_model: str, email: str) -> None:
    """Make EMAIL the owner of TUNED_MODEL; the present owner becomes a writer."""
    with session.connect() as client:
        client.tuned_models.transfer_ownership(tuned_model, email)
    if session.as_json:
        session.print_json({})
    else:
        click.echo(f"{email} owns it now", err=True)


def _resource_name(resource: str) -> str:
    from ragkit.api.names import corpus_name

    return resource if resource.startswith("tunedModels/") else corpus_name(resource)


def _print_one(session: Session, permission: Permission) -> None:
    if session.as_json:
        session.print_json(permission.to_wire())
    else:
        _print_rows(session, [permission])


def _print_rows(session: Session, found: Sequence[Permission]) -> None:
    rows = [(one.name, _grantee(one), str(one.role or "").lower()) for one in found]
    console = session.console()
    if not console.is_terminal:  # a line each, for other programs
        for row in rows:
            click.echo("\t".join(row))
        return
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("name", overflow="fold")
    table.add_column("who", overflow="fold")
    table.add_column("role", no_wrap=True)
    for row in rows:
        table.add_row(*map(Text, row))
    console.print(table)


def _grantee(permission: Permission) -> str:
    kind = str(permission.grantee_type or "").lower()
    return visible(f"{kind} {permission.email_address or ''}".strip())
