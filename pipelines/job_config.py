"""Configuration files of the jobs in this folder: checked whole before anything is done."""

from __future__ import annotations

import argparse
import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import ragkit
from ragkit.api.names import corpus_name, split_corpus

OK, FAILURE, WRONG_USAGE, INTERRUPTED = 0, 1, 2, 130
"""Exit codes: all done; something failed; the command line or the configuration is wrong."""

STRINGS, STRING, INTEGER, BOOLEAN = "a list of strings", "a string", "an integer", "true/false"
NUMBER, TABLE, TABLES = "a number", "a table", "a list of tables"
ENDPOINT_KEYS = {"url": STRING, "data": STRING}


class ConfigError(Exception):
    """The configuration is wrong; the message names the file, the key and what is allowed."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table of the configuration, with its place for messages."""

    file: Path
    place: str
    values: Mapping[str, Any] = field(repr=False)

    def error(self, key: str, problem: str) -> ConfigError:
        """The error to raise for a key of this table."""
        where = ".".join(part for part in (self.place, key) if part)
        return ConfigError(f"{self.file}: {where}: {problem}")

    def check(self, kinds: Mapping[str, str]) -> None:
        """Refuse unknown keys and values of another kind."""
        for key, value in self.values.items():
            if key not in kinds:
                near = get_close_matches(key, kinds, n=1, cutoff=0.6)
                hint = f"; did you mean {near[0]!r}?" if near else ""
                raise self.error(key, f"unknown key{hint} (allowed: {', '.join(kinds)})")
            if not _is_kind(value, kinds[key]):
                shown = json.dumps(value, default=str)[:80]
                raise self.error(key, f"must be {kinds[key]}, not {shown}")

    def part(self, key: str, kinds: Mapping[str, str]) -> Table:
        """A table within this one, empty if it is not there, checked."""
        place = ".".join(part for part in (self.place, key) if part)
        found = Table(self.file, place, self.values.get(key, {}))
        found.check(kinds)
        return found

    def corpus(self, key: str = "corpus") -> str:
        """The corpus id under a key.

        Raises:
            ConfigError: it is missing or no id.
        """
        if not self.values.get(key):
            raise self.error(key, "is missing or empty; it must be a corpus' id")
        try:
            return split_corpus(corpus_name(self.values[key]), field="id")
        except ragkit.APIError as error:
            raise self.error(key, error.message) from error

    def whole(self, key: str, default: int, least: int, most: int) -> int:
        """The integer under a key, within its range."""
        value: int = self.values.get(key, default)
        if not least <= value <= most:
            raise self.error(key, f"must be {least:,} to {most:,}, not {value}")
        return value

    def path(self, key: str) -> Path:
        """The path under a key, which must be there."""
        if not self.values.get(key):
            raise self.error(key, "is missing or empty; it must be a path")
        return resolved(self.file, self.values[key])


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where corpora are: `url` over HTTP, or `data`, a folder; neither for the environment's."""

    url: str | None = None
    data: Path | None = None

    def connect(self) -> ragkit.Client:
        """A client of it.

        Raises:
            ConfigurationError: the environment contradicts itself.
        """
        return ragkit.connect(self.url, data=self.data)


def read_config(file: Path, kinds: Mapping[str, str]) -> Table:
    """Read a configuration file and check its top keys.

    Raises:
        ConfigError: it cannot be read, is not TOML, or has other keys.
    """
    try:
        values = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise ConfigError(f"{file}: cannot be opened: {reason}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file}: is not TOML: {error}") from error
    top = Table(file, "", values)
    top.check(kinds)
    return top


def endpoint(top: Table, key: str) -> Endpoint:
    """The endpoint that a table of the configuration names.

    Raises:
        ConfigError: it names two, or an empty one.
    """
    table = top.part(key, ENDPOINT_KEYS)
    url, data = table.values.get("url"), table.values.get("data")
    if url is not None and data is not None:
        raise top.error(key, "both url and data are given; choose one")
    for name, value in table.values.items():
        if not value:
            raise table.error(name, "is empty; leave it out to take the environment's")
    return Endpoint(url, None if data is None else resolved(top.file, data))


def resolved(file: Path, given: str) -> Path:
    """A path as the configuration means it: relative to its file, `~` for the home folder.

    A symbolic link keeps its own name, which is the folder's name in the corpus.
    """
    path = file.absolute().parent / Path(given).expanduser()
    return path.resolve() if path.name in ("", "..") else path.parent.resolve() / path.name


def _is_kind(value: object, kind: str) -> bool:
    is_integer = isinstance(value, int) and not isinstance(value, bool)
    match kind:
        case "a string":
            return isinstance(value, str)
        case "an integer":
            return is_integer
        case "a number":
            return is_integer or isinstance(value, float)
        case "true/false":
            return isinstance(value, bool)
        case "a table":
            return isinstance(value, dict)
        case "a list of tables":
            return isinstance(value, list) and all(isinstance(item, dict) for item in value)
        case _:
            return isinstance(value, list) and all(isinstance(item, str) for item in value)


def command_line(program: str, description: str) -> argparse.ArgumentParser:
    """The command line of a job: its configuration, by default the one beside the program.

    Args:
        program: the program's file.
        description: its docstring, of which the first line is the summary.
    """
    summary, _, details = description.partition("\n")
    parser = argparse.ArgumentParser(
        description=summary, epilog=details, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    config = Path(program).with_suffix(".toml")
    parser.add_argument(
        "config",
        nargs="?",
        type=Path,
        default=config,
        help=f"the configuration; by default {config.name} beside this program",
    )
    return parser
