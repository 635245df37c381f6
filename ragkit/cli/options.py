"""What commands share: where to go, how to print, and how filters and metadata are written."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from rich.console import Console

    from ragkit.api.metadata import Condition, MetadataFilter
    from ragkit.client import Client

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Session:
    """What every command is given: where to go and how to print."""

    url: str | None
    api_key: str | None
    data: str | None
    as_json: bool

    def connect(self) -> Client:
        """The client for where to go."""
        from ragkit.client import connect

        return connect(self.url, api_key=self.api_key, data=self.data)

    def print_json(self, value: object) -> None:
        """Print one JSON object on a line of stdout."""
        from ragkit.api.wire import to_json_text

        sys.stdout.write(to_json_text(value) + "\n")

    def console(self, *, stderr: bool = False) -> Console:
        """A terminal or pipe to write to; colours only where they are wanted."""
        from rich.console import Console

        return Console(stderr=stderr, highlight=False, soft_wrap=False)


def session_options(command: F) -> F:
    """Give a command the shared options; it gets them as `session`."""

    def wrapper(*args: Any, **kwargs: Any) -> Any:
        names = ("url", "api_key", "data", "as_json")
        session = Session(**{name: kwargs.pop(name) for name in names})
        return command(*args, session=session, **kwargs)

    wrapper.__name__, wrapper.__doc__ = command.__name__, command.__doc__
    wrapper.__click_params__ = getattr(command, "__click_params__", [])  # type: ignore[attr-defined]
    options = [
        click.option("--json", "as_json", is_flag=True, help="Print JSON for scripts."),
        click.option("--data", metavar="DIR", help="The embedded service's data folder."),
        click.option("--url", metavar="URL", help="A service over HTTP, instead of embedded."),
        click.option("--api-key", metavar="KEY", help="The key for it; better: RAGKIT_API_KEY."),
    ]
    decorated: Any = wrapper
    for option in reversed(options):
        decorated = option(decorated)
    return decorated  # type: ignore[no-any-return]


_WHERE = re.compile(
    r"(?P<key>[^<>=!~]+?)\s*(?P<operator><=|>=|!=|=|<|>)\s*(?P<value>[^<>=!].*|)", re.S
)
_ORDER = {"<": "LESS", "<=": "LESS_EQUAL", ">": "GREATER", ">=": "GREATER_EQUAL"}


def parse_where(conditions: Sequence[str]) -> list[MetadataFilter]:
    """Filters from `KEY=VALUE` and the like; several values for one `=` key are alternatives.

    A value that looks like a number is compared as one and as a string; lists of strings are
    looked into. `document.KEY` means the document's metadata.

    Raises:
        click.UsageError: a condition is not of the form.
    """
    from ragkit.api.metadata import MetadataFilter, meta

    found: dict[str, list[tuple[str, str]]] = {}
    for text in conditions:
        parsed = _WHERE.fullmatch(text.strip())
        if parsed is None:
            raise click.UsageError(
                f"--where {text!r}: write KEY=VALUE, KEY!=VALUE or, for numbers, "
                "KEY<VALUE, KEY<=VALUE, KEY>VALUE, KEY>=VALUE"
            )
        operator, value = parsed["operator"], parsed["value"].strip()
        if operator in _ORDER and _number(value) is None:
            raise click.UsageError(f"--where {text!r}: {operator} compares numbers only")
        found.setdefault(meta(parsed["key"].strip()).key, []).append((operator, value))
    filters: list[MetadataFilter] = []
    for key, comparisons in found.items():
        # The API lets several filters on one key be ANDed for numbers only.
        alone = all(operator == "=" for operator, _ in comparisons) or len(comparisons) == 1
        equal: list[Condition] = []
        for operator, value in comparisons:
            made = _conditions(
                operator, value, number_only=not alone and _number(value) is not None
            )
            if operator == "=":
                equal += made
            else:
                filters.append(MetadataFilter(key=key, conditions=made))
        if equal:
            filters.append(MetadataFilter(key=key, conditions=equal))
    return filters


def _conditions(operator: str, value: str, *, number_only: bool) -> list[Condition]:
    """What one comparison of the command line means: any of these conditions."""
    from ragkit.api.metadata import Condition, Operator

    number = _number(value)
    if operator in _ORDER:
        return [Condition(operation=Operator[_ORDER[operator]], numeric_value=number)]
    kinds = (
        (Operator.EQUAL, Operator.INCLUDES)
        if operator == "="
        else (Operator.NOT_EQUAL, Operator.EXCLUDES)
    )
    made = [] if number_only else [Condition(operation=kind, string_value=value) for kind in kinds]
    if number is not None:
        made.append(Condition(operation=kinds[0], numeric_value=number))
    return made


def parse_metadata(entries: Sequence[str]) -> dict[str, Any] | None:
    """Metadata from `KEY=VALUE`: a repeated key makes a list of strings.

    A value is a number if it is written as numbers are printed (`7`, `0.5`); `007`, `1.10` and
    the like are strings, as they are names more often than not.

    Raises:
        click.UsageError: an entry is not of the form.
    """
    metadata: dict[str, Any] = {}
    for entry in entries:
        key, equals, value = entry.partition("=")
        if not equals or not key:
            raise click.UsageError(f"--meta {entry!r}: write KEY=VALUE")
        metadata.setdefault(key, []).append(value)
    for key, values in metadata.items():
        number = _number(values[0])
        if len(values) > 1:
            continue
        as_printed = number is not None and values[0] in (repr(number), f"{number:.0f}")
        metadata[key] = number if as_printed else values[0]
    return metadata or None


def _number(text: str) -> float | None:
    """The number that a text is, None if it is none; `nan` and `inf` are words here."""
    if not re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", text):
        return None
    return float(text)


def visible(text: str) -> str:
    """The text with control characters as escapes: one line, and no command to a terminal."""
    if text.isprintable():
        return text
    return "".join(
        part if part.isprintable() or part == " " else part.encode("unicode_escape").decode()
        for part in text
    )
