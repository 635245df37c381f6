"""`ragkit keys`: who may call a server over the data folder, and as whom."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ragkit.cli.options import Session

if TYPE_CHECKING:
    from ragkit.admin import ApiKey

F = TypeVar("F", bound=Callable[..., Any])


def _folder_options(command: F) -> F:
    """Give a command the options of what acts on the data folder itself, not through the API."""
    with_data = click.option("--data", metavar="DIR", help="The data folder that is served.")
    return with_data(click.option("--json", "as_json", is_flag=True, help="Print JSON.")(command))


@click.group(name="keys")
def keys() -> None:
    """Make, list and revoke the API keys of a data folder that `ragkit serve` serves.

    A key identifies a principal by e-mail address; what that may do, permissions on corpora and
    tuned models say. The commands act on the data folder itself (--data, RAGKIT_DATA), on the
    machine where it is.
    """


@keys.command("create")
@click.option("--principal", metavar="EMAIL", help="Whom the key identifies.")
@click.option(
    "--group",
    "groups",
    multiple=True,
    metavar="EMAIL",
    help="A group that the principal belongs to; can be repeated.",
)
@click.option("--owner", is_flag=True, help="Let the key do all, as the data folder's owner may.")
@_folder_options
def create_key(
    principal: str | None, groups: tuple[str, ...], owner: bool, data: str | None, as_json: bool
) -> None:
    """Make a key and print it, this once: only its hash is kept.

    \b
      export RAGKIT_API_KEY=$(ragkit keys create --principal user@example.org)
    """  # noqa: D301 - \b is click's mark for text to be kept as it is
    from ragkit import admin

    if principal is None and not owner:
        raise click.UsageError("say whom the key identifies: --principal EMAIL, or --owner")
    key, known = admin.create_key(_folder(data), principal, groups=groups, owner=owner)
    if as_json:
        _session(as_json).print_json({"key": key, **known.to_wire()})
        return
    click.echo(key)
    click.echo(
        f"This is the key {known.id} of {_who(known)}. Keep it now: it cannot be shown again.\n"
        f"'ragkit keys revoke {known.id}' takes it back.",
        err=True,
    )


@keys.command("list")
@_folder_options
def list_keys(data: str | None, as_json: bool) -> None:
    """List all keys, oldest first, without their secrets."""
    from ragkit import admin

    session = _session(as_json)
    found = admin.list_keys(_folder(data))
    if as_json:
        session.print_json({"keys": [key.to_wire() for key in found]})
        return
    if not found:
        click.echo("no key yet: 'ragkit keys create --principal EMAIL'", err=True)
        return
    console = session.console()
    if not console.is_terminal:  # a line each, for other programs
        for key in found:
            whose = (key.id, _principal(key), " ".join(key.groups))
            moments = (key.created, key.last_used, key.revoked)
            click.echo("\t".join((*whose, *map(_minute, moments))))
        return
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("id", no_wrap=True)
    table.add_column("principal, and its groups", overflow="fold")
    for header in ("created", "last used", "revoked"):
        table.add_column(header, no_wrap=True)
    for key in found:
        who = Text("\n  ").join(map(Text, (_principal(key), *key.groups)))
        times = (_day(key.created), _minute(key.last_used), _day(key.revoked))
        table.add_row(key.id, who, *times, style="dim" if key.revoked else None)
    console.print(table)


@keys.command("revoke")
@click.argument("key_id", metavar="ID")
@_folder_options
def revoke_key(key_id: str, data: str | None, as_json: bool) -> None:
    """Make the key ID invalid for good, within a second also for servers that run."""
    from ragkit import admin

    known = admin.revoke_key(_folder(data), key_id)
    if as_json:
        _session(as_json).print_json(known.to_wire())
        return
    click.echo(f"revoked the key {known.id} of {_who(known)}", err=True)


def _folder(data: str | None) -> Path:
    from ragkit.client import resolve_target

    return resolve_target(data=data).data


def _session(as_json: bool) -> Session:
    return Session(url=None, api_key=None, data=None, as_json=as_json)


def _who(key: ApiKey) -> str:
    if not key.owner:
        return str(key.principal)
    return f"{key.principal} as the data folder's owner" if key.principal else "the owner"


def _principal(key: ApiKey) -> str:
    return f"{key.principal or ''} (owner)".strip() if key.owner else str(key.principal)


def _minute(moment: datetime | None) -> str:
    return "" if moment is None else f"{moment:%Y-%m-%d %H:%M}"


def _day(moment: datetime | None) -> str:
    return "" if moment is None else f"{moment:%Y-%m-%d}"
