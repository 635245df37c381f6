"""`ragkit serve`."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from ragkit.server.settings import Settings

_MIB = 1024 * 1024
_LEVELS = ("debug", "info", "warning", "error")


@click.command(name="serve")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to bind to.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8080,
    show_default=True,
    help="The port; 0 takes any that is free.",
)
@click.option("--data", metavar="DIR", help="The data folder; by default RAGKIT_DATA.")
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Which models there are; by default RAGKIT_CONFIG or the data folder's ragkit.toml.",
)
@click.option(
    "--generator",
    "generators",
    multiple=True,
    metavar="KIND=WHERE",
    help="A model that writes: openai=URL#MODEL, llama=FILE.gguf or google=MODEL; repeatable.",
)
@click.option("--base-url", metavar="URL", default="", help="Where callers reach the server.")
@click.option(
    "--cors-origin",
    "cors_origins",
    multiple=True,
    metavar="ORIGIN",
    help="Lets pages of this origin call the server; repeatable.",
)
@click.option(
    "--allow-anonymous",
    is_flag=True,
    help="Requests without a key are the owner's although there are keys (this machine only).",
)
@click.option(
    "--processes",
    type=click.IntRange(1, 64),
    default=1,
    show_default=True,
    help="Processes that answer: as many as cores for the most queries a second.",
)
@click.option(
    "--threads", type=click.IntRange(1, 256), help="Requests that each process works on at once."
)
@click.option(
    "--max-body",
    type=click.IntRange(1, 4096),
    default=32,
    show_default=True,
    metavar="MIB",
    help="The largest JSON body.",
)
@click.option(
    "--max-upload",
    type=click.IntRange(1, 1024 * 1024),
    default=2049,
    show_default=True,
    metavar="MIB",
    help="The largest upload.",
)
@click.option(
    "--timeout",
    type=click.FloatRange(0, min_open=True),
    default=300.0,
    show_default=True,
    metavar="SECONDS",
    help="For one request.",
)
@click.option(
    "--grace",
    type=click.FloatRange(0),
    default=30.0,
    show_default=True,
    metavar="SECONDS",
    help="For requests under way at shutdown.",
)
@click.option(
    "--log-level",
    type=click.Choice(_LEVELS, case_sensitive=False),
    default="info",
    show_default=True,
    help="The log goes to stderr, one JSON object a line; info has a line for each request.",
)
@click.option("--json", "as_json", is_flag=True, help='Print {"url": ...} on stdout when ready.')
def serve(
    host: str,
    port: int,
    data: str | None,
    config: Path | None,
    generators: tuple[str, ...],
    base_url: str,
    cors_origins: tuple[str, ...],
    allow_anonymous: bool,
    processes: int,
    threads: int | None,
    max_body: int,
    max_upload: int,
    timeout: float,
    grace: float,
    log_level: str,
    as_json: bool,
) -> None:
    """Serve the API over HTTP, for any client of it.

    \b
    Examples:
      ragkit serve
      ragkit serve --port 0 --json
      ragkit keys create --principal me@example.org && ragkit serve --host 0.0.0.0

    Without API keys, requests from this machine are the data folder's owner's; once there is a
    key, every request needs one. Ctrl-C or SIGTERM ends the server when what is under way is
    done; a second one ends it at once. What was acknowledged is on disk in either case.
    """  # noqa: D301
    from ragkit.server.settings import DEFAULT_THREADS, Settings

    settings = Settings(
        data=Path(data).expanduser() if data else _data_folder(),
        config=config,
        generators=generators,
        host=host,
        port=port,
        base_url=base_url,
        cors_origins=cors_origins,
        allow_anonymous=allow_anonymous,
        processes=processes,
        threads=threads or DEFAULT_THREADS,
        max_body=max_body * _MIB,
        max_upload=max_upload * _MIB,
        timeout=timeout,
        grace=grace,
    )
    _run(settings, log_level, as_json=as_json)


def _data_folder() -> Path:
    """Where the data are. `RAGKIT_URL` does not count: a server serves a folder."""
    from ragkit.client import default_data_folder

    return Path(os.environ.get("RAGKIT_DATA") or default_data_folder()).expanduser()


def _run(settings: Settings, log_level: str, *, as_json: bool) -> None:
    # One thread for each matrix product: requests keep the cores busy among themselves.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from ragkit.api.wire import to_json_text
    from ragkit.server.running import serve as run_server

    def ready(url: str) -> None:
        click.echo(f"ragkit serves {settings.data} at {url} (Ctrl-C stops it)", err=True)
        if as_json:
            click.echo(to_json_text({"url": url}))
            sys.stdout.flush()

    if not run_server(settings, log_level, ready):
        click.echo("cut off: requests were under way", err=True)
        sys.stdout.flush()
        sys.stderr.flush()
        # Threads may be at work still; what they have not committed was not acknowledged.
        os._exit(1)
