"""The command line: `ragkit`.

Commands are loaded when they are run, so that `ragkit --help` and quick commands start fast.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import click

from ragkit._version import __version__

COMMANDS = {
    "ingest": ("ragkit.cli.ingest", "Read files and folders into a corpus."),
    "query": ("ragkit.cli.query", "Find the passages that are relevant to a text."),
    "ask": ("ragkit.cli.ask", "Answer a question from a corpus, with citations."),
    "serve": ("ragkit.cli.serve", "Serve the API over HTTP."),
    "corpora": ("ragkit.cli.resources", "List, get, create, update and delete corpora."),
    "documents": ("ragkit.cli.resources", "List, get, create, update and delete documents."),
    "chunks": ("ragkit.cli.resources", "List, get, create, update and delete chunks."),
    "permissions": ("ragkit.cli.permissions", "Say who may use, change and share a corpus."),
    "keys": ("ragkit.cli.keys", "Make, list and revoke the API keys of a served data folder."),
    "doctor": ("ragkit.cli.doctor", "Say where calls go, what is there, and what is missing."),
}
"""Each command's module, which holds it under its own name, and its short help."""


class LazyGroup(click.Group):
    """A group that imports a command's module only to run it or show its help."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The commands in the order in which people need them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the module of a command and return it."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = getattr(import_module(COMMANDS[cmd_name][0]), cmd_name)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, or fail with the nearest right name."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            from ragkit.cli.errors import nearest

            hint = nearest(args[0], COMMANDS)
            raise click.UsageError(
                f"there is no command {args[0]!r}" + (f"; did you mean {hint!r}?" if hint else ""),
                ctx,
            )
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="ragkit")
def cli() -> None:
    """Corpora, documents, chunks and grounded answers, on this machine and offline.

    \b
    A first session:
      ragkit ingest docs/ --corpus handbook
      ragkit query handbook "how do I request leave?"
      ragkit ask handbook "how many days of leave do I have?"

    Every command takes --json for scripts, --data (or RAGKIT_DATA) for the folder that holds the
    embedded service's data, and --url (or RAGKIT_URL) with --api-key (or RAGKIT_API_KEY) for a
    service over HTTP.
    """  # noqa: D301 - \b is click's mark for text to be kept as it is


def main(arguments: list[str] | None = None) -> Any:
    """Run the command line and exit: 0 if all went well, 1 for a failure, 2 for wrong usage."""
    from ragkit.cli.errors import report_failure

    if os.environ.get("RAGKIT_DEBUG"):
        import logging

        logging.basicConfig(level=logging.INFO, stream=sys.stderr)
    if sys.stdout is None:  # the caller closed it: nobody listens
        sys.stdout = Path(os.devnull).open("w")  # noqa: SIM115 - open until the process ends
    try:
        code = cli.main(arguments, prog_name="ragkit", standalone_mode=False)
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader of our output has gone: nothing more to say, not even at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 1
    except BaseException as error:  # noqa: BLE001 - the one place where errors become exit codes
        code = report_failure(error)
    sys.exit(code if isinstance(code, int) else 0)
