"""`ragkit doctor`."""

from __future__ import annotations

import os
import platform
import re
from importlib.metadata import PackageNotFoundError, requires, version
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ragkit._version import __version__
from ragkit.cli.options import Session, session_options

if TYPE_CHECKING:
    from ragkit.client import Client, Target

_GOOGLE_HOST = "generativelanguage.googleapis.com"


@click.command(name="doctor")
@session_options
def doctor(session: Session) -> None:
    """Say where calls go, with which identity, what the other side serves, and what is missing.

    The exit code is 1 when the other side cannot be used.
    """
    from ragkit.client import resolve_target

    target = resolve_target(session.url, session.api_key, session.data)
    findings: dict[str, Any] = {
        "ragkit": __version__,
        "python": platform.python_version(),
        "endpoint": target.endpoint,
        "identity": _identity(target),
    }
    if target.url is None:
        findings["data"] = _data_folder(target.data)
    with session.connect() as client:
        findings.update(_other_side(client, target))
    findings["packages"] = _packages()
    if session.as_json:
        session.print_json(findings)
    else:
        _show(session, findings)
    if findings["problems"]:
        raise click.exceptions.Exit(1)


def _identity(target: Target) -> str:
    if target.url is None:
        return "the data folder's owner"
    if target.api_key is None:
        return "none: no API key is set (RAGKIT_API_KEY)"
    return f"an API key, from {target.api_key_from}"


def _data_folder(data: Path) -> dict[str, Any]:
    exists = data.is_dir()
    nearest = data
    while not nearest.exists() and nearest != nearest.parent:
        nearest = nearest.parent
    size = sum(file.stat().st_size for file in data.rglob("*") if file.is_file()) if exists else 0
    return {
        "path": str(data),
        "exists": exists,
        "writable": os.access(nearest, os.W_OK),
        "bytes": size,
    }


def _other_side(client: Client, target: Target) -> dict[str, Any]:
    from ragkit.api.errors import RagkitError
    from ragkit.api.methods import METHODS

    problems: list[str] = []
    models: list[dict[str, Any]] = []
    corpora = None
    try:
        models = [
            {
                "name": model.name,
                "display_name": model.display_name,
                "methods": model.supported_generation_methods,
                "behind": model.base_model_id,
            }
            for model in client.models.list()
        ]
    except RagkitError as error:
        problems.append(f"models.list: {error}")
    try:
        corpora = len(list(islice(client.corpora.list(page_size=20), 1000)))
    except RagkitError as error:
        problems.append(f"corpora.list: {error}")
    google = target.url is not None and _GOOGLE_HOST in target.url
    closed = [method.id for method in METHODS.values() if method.google == "closed"]
    return {
        "models": models,
        "corpora": corpora,
        "methods": {
            "declared": len(METHODS),
            "closed_by_this_endpoint": closed if google else [],
        },
        "problems": problems,
    }


def _packages() -> dict[str, str]:
    """The versions of what ragkit is built on."""
    found: dict[str, str] = {}
    for requirement in requires("ragkit") or ():
        if "extra ==" in requirement:
            continue
        name = re.split(r"[^A-Za-z0-9._-]", requirement, maxsplit=1)[0]
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "missing"
    return found


def _show(session: Session, findings: dict[str, Any]) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    table.add_row("ragkit", f"{findings['ragkit']} on Python {findings['python']}")
    table.add_row("goes to", Text(findings["endpoint"]))
    table.add_row("identity", Text(findings["identity"]))
    if "data" in findings:
        data = findings["data"]
        state = f"{data['bytes'] / 1e6:,.1f} MB" if data["exists"] else "not there yet"
        table.add_row("data", state + ("" if data["writable"] else ", NOT WRITABLE"))
    if findings["corpora"] is not None:
        table.add_row("corpora", str(findings["corpora"]))
    for model in findings["models"]:
        behind = f" (behind it: {model['behind']})" if model["behind"] else ""
        table.add_row("model", Text(f"{model['name']}{behind}: {', '.join(model['methods'])}"))
    closed = findings["methods"]["closed_by_this_endpoint"]
    if closed:
        table.add_row("closed here", Text(", ".join(closed)))
    missing = [name for name, number in findings["packages"].items() if number == "missing"]
    if missing:
        table.add_row("missing", Text(", ".join(missing), style="red"))
    for problem in findings["problems"]:
        table.add_row("problem", Text(problem, style="red"))
    session.console().print(table)
    if not findings["problems"]:
        session.console().print(Text("all is well", style="green"))
