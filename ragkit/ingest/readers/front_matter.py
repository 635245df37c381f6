"""Front matter: the YAML or TOML that stands before a Markdown text."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping

from ragkit.ingest.readers.extracted import MetadataValue

_YAML = re.compile(r"---[ \t]*\r?\n((?:.*\r?\n)*?)(?:---|\.\.\.)[ \t]*(?:\r?\n|\Z)\s*")
_TOML = re.compile(r"\+\+\+[ \t]*\r?\n((?:.*\r?\n)*?)\+\+\+[ \t]*(?:\r?\n|\Z)\s*")
_KEY = re.compile(r"([A-Za-z_][\w.-]*)[ \t]*:(?:[ \t]+(.*))?$")
_ITEM = re.compile(r"[ \t]*-[ \t]+(.+)$")
_QUOTED = re.compile(r"""(["'])(.*)\1$""")


def split_front_matter(text: str) -> tuple[dict[str, MetadataValue], int]:
    """Return what the front matter says and where the text after it begins (0 without one).

    Of YAML the plain part is understood: keys with a scalar or a list of scalars. Nested values
    are passed over. What looks like neither YAML nor TOML is text: a text may begin with a
    thematic break.
    """
    if match := _TOML.match(text):
        try:
            return _plain(tomllib.loads(match[1].replace("\r\n", "\n"))), match.end()
        except tomllib.TOMLDecodeError:
            return {}, 0
    match = _YAML.match(text)
    if match is None:
        return {}, 0
    lines = [line.rstrip() for line in match[1].splitlines()]
    if not all(_is_yaml_line(line) for line in lines) or not any(map(_KEY.match, lines)):
        return {}, 0
    return _parse_yaml(lines), match.end()


def _is_yaml_line(line: str) -> bool:
    return not line or line[0] in " \t#-" or _KEY.match(line) is not None


def _parse_yaml(lines: list[str]) -> dict[str, MetadataValue]:
    found: dict[str, MetadataValue] = {}
    for index, line in enumerate(lines):
        match = _KEY.match(line)
        if match is None:
            continue
        key, value = match[1], (match[2] or "").strip()
        if value.startswith("[") and value.endswith("]"):
            items = [_scalar(item) for item in value[1:-1].split(",")]
        elif value and value[0] not in "{|>&*!":
            found[key] = _scalar(value)
            continue
        else:
            items = []
            for following in lines[index + 1 :]:
                item = _ITEM.match(following)
                if value or item is None or _KEY.match(item[1]):
                    break
                items.append(_scalar(item[1]))
        if items := [item for item in items if item]:
            found[key] = tuple(items)
    return {key: value for key, value in found.items() if value}


def _scalar(value: str) -> str:
    value = value.strip()
    if match := _QUOTED.match(value):
        return match[2]
    return re.sub(r"[ \t]+#.*$", "", value)


def _plain(table: Mapping[str, object]) -> dict[str, MetadataValue]:
    found: dict[str, MetadataValue] = {}
    for key, value in table.items():
        if isinstance(value, list) and value and all(isinstance(item, str) for item in value):
            found[key] = tuple(value)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            found[key] = float(value)
        elif not isinstance(value, list | dict) and str(value):
            found[key] = str(value)
    return found
