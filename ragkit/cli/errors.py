"""How failures end: a message that says what and what to do, and the right exit code."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Iterable
from difflib import get_close_matches
from typing import TYPE_CHECKING

import click

from ragkit.cli.options import visible

if TYPE_CHECKING:
    from ragkit.api.errors import NotFound

FAILURE, WRONG_USAGE, INTERRUPTED = 1, 2, 130


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that is most like a wrong one, None if none is."""
    found = get_close_matches(name, list(known), n=1, cutoff=0.6)
    return found[0] if found else None


def complain(message: str) -> None:
    """Print an error message on stderr."""
    colour = False if os.environ.get("NO_COLOR") else None
    click.secho("error: ", fg="red", bold=True, nl=False, err=True, color=colour)
    click.echo("\n".join(map(visible, message.split("\n"))), err=True)


def report_failure(error: BaseException) -> int:
    """Tell the user what went wrong; returns the exit code."""
    if isinstance(error, SystemExit):
        return error.code if isinstance(error.code, int) else FAILURE
    if isinstance(error, click.exceptions.Exit):
        return error.exit_code
    if isinstance(error, (KeyboardInterrupt, click.Abort)):
        click.echo("interrupted: what was acknowledged is kept", err=True)
        return INTERRUPTED
    if isinstance(error, click.UsageError):
        if error.ctx is not None:
            click.echo(error.ctx.get_usage(), err=True)
            click.echo(f"Try '{error.ctx.command_path} --help' for help.\n", err=True)
        complain(error.format_message())
        return WRONG_USAGE
    if isinstance(error, click.ClickException):
        complain(error.format_message())
        return error.exit_code
    from ragkit.api.errors import (
        ConfigurationError,
        Internal,
        InvalidArgument,
        NotFound,
        RagkitError,
    )
    from ragkit.ingest.errors import IngestError

    if isinstance(error, (RagkitError, IngestError)):
        complain(str(error))
        if isinstance(error, NotFound):
            click.echo(_where_to_look(error), err=True)
        if isinstance(error, Internal):
            click.echo("RAGKIT_DEBUG=1 shows the service's log on stderr", err=True)
        usage = isinstance(error, (InvalidArgument, ConfigurationError, IngestError))
        return WRONG_USAGE if usage else FAILURE
    if isinstance(error, OSError):
        complain(f"{error.strerror or error}" + (f": {error.filename}" if error.filename else ""))
        return FAILURE
    if os.environ.get("RAGKIT_DEBUG"):
        traceback.print_exception(error, file=sys.stderr)
    complain(
        f"{type(error).__name__}: {error}\n"
        "this is a fault of ragkit; RAGKIT_DEBUG=1 shows where, for a report"
    )
    return FAILURE


def _where_to_look(error: NotFound) -> str:
    """What shows the names that are there; the missing one may be a parent of the one asked for."""
    missing = next(
        (detail.get("resourceName", "") for detail in error.details if "resourceName" in detail),
        error.resource or "",
    )
    parts = missing.split("/")
    if parts[0] == "keys":
        return "'ragkit keys list' shows which keys there are"
    if "permissions" in parts[2:]:
        return f"'ragkit permissions list {parts[0]}/{parts[1]}' shows who may do what with it"
    if len(parts) == 4:
        return f"'ragkit documents list {parts[1]}' shows which documents are there"
    if len(parts) == 6:
        return f"'ragkit chunks list {parts[1]}/{parts[3]}' shows which chunks are there"
    return (
        "'ragkit corpora list' shows which corpora are there, "
        "'ragkit ingest PATH --corpus ID' makes one"
    )
