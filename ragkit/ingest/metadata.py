"""What the user says of files: on the command line, in their paths, and in files beside them.

What stands nearer to a file wins over what is more general, and a value given for the whole run
over all, so in this order:

1. `values`: one value for all files (`--meta KEY=VALUE`).
2. The file's own sidecar, `report.pdf.meta.yaml`.
3. What the file says of itself (front matter, document information).
4. `_meta.yaml` of its folder, then of the folders above, up to the folder that is ingested.
5. Path patterns, `reports/{year:int}/{team}/*`; the first one that says something.

1 and 2 are `FileMetadata.certain`, 4 and 5 `FileMetadata.general`. Values are what the API's
`customMetadata` can hold: strings, numbers, lists of strings. In YAML a plain scalar is a number
if it is written as numbers are printed (`7`, `0.5`); `007`, `1.10` and all that is quoted is a
string, as on the command line. `null` leaves a key out.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from ragkit.ingest.errors import MetadataError, ReadError
from ragkit.ingest.scan import (
    FILE_SIDECARS,
    FOLDER_SIDECARS,
    SourceFile,
    glob_expression,
    is_sidecar,
)

if TYPE_CHECKING:
    from yaml.nodes import Node

PlainMetadata: TypeAlias = dict[str, str | float | list[str]]

RESERVED = frozenset({"source", "root", "root_path", "sha256", "pipeline", "media_type", "chunks"})
"""Keys under which ingestion keeps its own records."""
MAX_SIDECAR_BYTES = 65_536

_PLACEHOLDER = re.compile(r"\{([^{}:]*)(?::([^{}]*))?\}")
_TYPES = {"str": "[^/]+?", "int": r"[+-]?\d+", "number": r"[+-]?\d+(?:\.\d+)?", "list": "[^/]+?"}
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_NULLS = frozenset({"", "~", "null", "Null", "NULL"})


@dataclass(frozen=True, slots=True)
class FileMetadata:
    """What the user says of one file.

    Attributes:
        certain: wins over what the file says of itself.
        general: gives way to it.
    """

    certain: PlainMetadata = field(default_factory=dict)
    general: PlainMetadata = field(default_factory=dict)

    @property
    def fingerprint(self) -> str:
        """Other metadata have another one; empty when there are none."""
        if not self.certain and not self.general:
            return ""
        text = json.dumps([self.certain, self.general], sort_keys=True)
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:12]


class PathPattern:
    """A glob that takes metadata out of paths, such as `reports/{year:int}/{team}/*`.

    A placeholder matches within one name. Its type is `str` unless another is given: `int`,
    `number`, or `list`, which is split at commas. The pattern is matched against a file's name in
    the corpus (`FOLDER/path/in/it`) and, failing that, against its path below the folder.

    Args:
        pattern: the glob; `*` and `?` stop at slashes, `**` does not.

    Raises:
        MetadataError: the pattern is not well formed, or has no placeholder.
    """

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self._types: dict[str, str] = {}
        parts: list[str] = []
        position = 0
        pattern = pattern.removeprefix("./").strip("/")
        for match in _PLACEHOLDER.finditer(pattern):
            parts.append(self._literal(pattern[position : match.start()]))
            parts.append(self._placeholder(match[1], match[2] or "str"))
            position = match.end()
        parts.append(self._literal(pattern[position:]))
        if not self._types:
            raise self._error("it has no placeholder such as {team} or {year:int}")
        self._expression = re.compile("".join(parts), re.DOTALL)

    def _literal(self, part: str) -> str:
        if "{" in part or "}" in part:
            raise self._error("a brace without its counterpart")
        return glob_expression(part)

    def _placeholder(self, key: str, kind: str) -> str:
        if kind not in _TYPES:
            raise self._error(f"no type {kind!r}: choose one of {', '.join(_TYPES)}")
        if key in self._types:
            raise self._error(f"{key!r} comes twice")
        check_key(key, f"path pattern {self.pattern!r}")
        self._types[key] = kind
        return f"(?P<g{len(self._types) - 1}>{_TYPES[kind]})"

    def _error(self, reason: str) -> MetadataError:
        return MetadataError(f"path pattern {self.pattern!r}: {reason}")

    def match(self, source: str) -> PlainMetadata | None:
        """What a file's name in the corpus says, None if the pattern does not match it."""
        below = source.partition("/")[2]
        found = self._expression.fullmatch(source) or self._expression.fullmatch(below)
        if found is None:
            return None
        return {
            key: _typed(found[f"g{number}"], kind)
            for number, (key, kind) in enumerate(self._types.items())
        }


def _typed(text: str, kind: str) -> str | float | list[str]:
    if kind == "list":
        return [item.strip() for item in text.split(",") if item.strip()]
    return text if kind == "str" else float(text)


def check_key(key: str, where: str) -> None:
    """Refuse a key that cannot be given.

    Raises:
        MetadataError: it is empty, or ingestion keeps its own records there.
    """
    if not key:
        raise MetadataError(f"{where}: a key without a name")
    if key in RESERVED:
        raise MetadataError(
            f"{where}: the key {key!r} is kept for ragkit's own records; choose another"
        )


class GivenMetadata:
    """What the user says of the files of one run. Safe to share between threads.

    Args:
        values: for all files.
        patterns: path patterns, the first ones first.

    Raises:
        MetadataError: a key or pattern cannot be used.
    """

    def __init__(
        self,
        values: Mapping[str, str | float | Sequence[str]] | None = None,
        patterns: Sequence[str] = (),
    ) -> None:
        self._values: PlainMetadata = {}
        for key, value in (values or {}).items():
            check_key(key, "metadata")
            self._values[key] = value if isinstance(value, (str, float)) else _plain(value)
        self._patterns = [PathPattern(pattern) for pattern in patterns]
        # Two threads may both look into a folder, and find the same.
        self._folders: dict[Path, PlainMetadata] = {}
        self._listed: dict[Path, frozenset[str]] = {}

    def of(self, file: SourceFile, root: Path) -> FileMetadata:
        """What is said of a file.

        Args:
            file: the file.
            root: the path under which it was found.

        Raises:
            ReadError: a sidecar cannot be read.
        """
        folder, name = file.path.parent, file.path.name
        certain: PlainMetadata = {}
        if beside := self._sidecars(folder):
            names = [name + end for end in FILE_SIDECARS if name + end in beside]
            certain.update(_sidecar(file, folder, names))
        certain.update(self._values)
        general: PlainMetadata = {}
        for pattern in reversed(self._patterns):
            general.update(pattern.match(file.source) or {})
        general.update(self._of_folder(file, folder, root if file.path != root else folder))
        return FileMetadata(certain, general)

    def _of_folder(self, file: SourceFile, folder: Path, top: Path) -> PlainMetadata:
        """What the sidecars of a folder and of those above say, up to `top`."""
        found = self._folders.get(folder)
        if found is None:
            found = {} if folder == top else {**self._of_folder(file, folder.parent, top)}
            beside = self._sidecars(folder)
            found.update(_sidecar(file, folder, [n for n in FOLDER_SIDECARS if n in beside]))
            self._folders[folder] = found
        return found

    def _sidecars(self, folder: Path) -> frozenset[str]:
        """The names of the sidecars in a folder; one look for all its files."""
        names = self._listed.get(folder)
        if names is None:
            # A folder that cannot be listed may still hold files that can be read.
            with suppress(OSError), os.scandir(folder) as entries:
                names = frozenset(entry.name for entry in entries if is_sidecar(entry.name))
            names = self._listed[folder] = names or frozenset()
        return names


def _plain(value: float | Sequence[str]) -> float | list[str]:
    return float(value) if isinstance(value, int | float) else list(value)


def _sidecar(file: SourceFile, folder: Path, names: Sequence[str]) -> PlainMetadata:
    for name in names:
        path = folder / name
        try:
            with path.open("rb") as stream:
                data = stream.read(MAX_SIDECAR_BYTES + 1)
        except FileNotFoundError:
            continue
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise ReadError(
                file.source, f"its metadata in {name} cannot be opened: {reason}"
            ) from error
        try:
            return parse_sidecar(data)
        except MetadataError as error:
            raise ReadError(file.source, f"its metadata in {name}: {error}") from None
    return {}


def parse_sidecar(data: bytes) -> PlainMetadata:
    """What a sidecar's YAML says.

    Raises:
        MetadataError: it is no mapping of keys to scalars and lists of scalars.
    """
    import yaml

    if len(data) > MAX_SIDECAR_BYTES:
        raise MetadataError(f"is larger than {MAX_SIDECAR_BYTES:,} bytes")
    try:
        # Nodes rather than values: they tell `007` from `7` and what was quoted, and a node that
        # an alias repeats a million times is still one.
        top = yaml.compose(data, Loader=yaml.SafeLoader)
    except (yaml.YAMLError, UnicodeError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f" (line {mark.line + 1})" if mark is not None else ""
        problem = getattr(error, "problem", None) or type(error).__name__
        raise MetadataError(f"is no valid YAML: {problem}{where}") from None
    if top is None:
        return {}
    if not isinstance(top, yaml.MappingNode):
        raise MetadataError("write keys with their values, such as 'team: sales'")
    metadata: PlainMetadata = {}
    for key_node, value_node in top.value:
        key = key_node.value if isinstance(key_node, yaml.ScalarNode) else ""
        check_key(key, f"line {key_node.start_mark.line + 1}")
        if key in metadata:
            raise MetadataError(f"line {key_node.start_mark.line + 1}: {key!r} comes twice")
        value = _value(value_node, key)
        if value is not None:
            metadata[key] = value
    return metadata


def _value(node: Node, key: str) -> str | float | list[str] | None:
    import yaml

    if isinstance(node, yaml.ScalarNode):
        text: str = node.value
        if node.style is not None:
            return text
        if text in _NULLS:
            return None
        number = plain_number(text)
        return text if number is None else number
    if isinstance(node, yaml.SequenceNode) and all(
        isinstance(item, yaml.ScalarNode) for item in node.value
    ):
        return [item.value for item in node.value]
    raise MetadataError(
        f"line {node.start_mark.line + 1}: {key!r} holds more than a string, a number or a list "
        "of strings, which is all that metadata can be"
    )


def plain_number(text: str) -> float | None:
    """The number that a text is written as; `007`, `1.10` and `nan` are names, not numbers."""
    if not _NUMBER.fullmatch(text):
        return None
    number = float(text)
    return number if text in (repr(number), f"{number:.0f}") else None
