"""Which files to ingest: walking folders, with patterns and without surprises.

The order is that of the paths given, and within a folder by name, so that every run sees the same
files in the same order. Nothing stops a scan: what cannot be read or is passed over is a value.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from stat import S_ISDIR, S_ISREG
from typing import TypeAlias

from ragkit.ingest.errors import MissingPathError, SameNameError

_CACHES = frozenset({"__pycache__", "node_modules", "__MACOSX"})
"""Folders without a leading dot that hold no documents."""
FOLDER_SIDECARS = ("_meta.yaml", "_meta.yml")
"""Files that say something of all files of their folder."""
FILE_SIDECARS = (".meta.yaml", ".meta.yml")
"""What is added to a file's name for the file that says something of it."""


def is_sidecar(name: str) -> bool:
    """Whether a file of this name says something of others, and is none to ingest itself."""
    return name in FOLDER_SIDECARS or name.endswith(FILE_SIDECARS)


@dataclass(frozen=True, slots=True)
class SourceFile:
    r"""A file to ingest.

    Attributes:
        path: Where it is.
        source: What it is called in the corpus: its root's name and its path below that, with
            slashes (`library/guide.md`); just its name when it was given by itself. Bytes that
            are not UTF-8 stand as escapes (`\\xff`).
        root: The source prefix of the path it was found under (`library`), or `source` itself
            when it was given by itself.
        size: Its size in bytes when it was found.
    """

    path: Path
    source: str
    root: str
    size: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file that is passed over: no reader knows its type, or it is no regular file."""

    path: Path
    source: str
    root: str
    reason: str


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A folder or file that could not be looked at: its root's scan is not complete."""

    path: Path
    source: str
    root: str
    reason: str


@dataclass(frozen=True, slots=True)
class RootDone:
    """A root's scan has ended. Only when it is `complete` is a file unseen a file gone."""

    path: Path
    root: str
    complete: bool


ScanEvent: TypeAlias = SourceFile | Skipped | Unreadable | RootDone


def scan(
    paths: Sequence[str | Path],
    *,
    include: Iterable[str] = (),
    exclude: Iterable[str] = (),
    suffixes: Iterable[str] | None = None,
) -> Iterator[ScanEvent]:
    """Find the files below some paths.

    Hidden files and folders (a leading dot), `__pycache__` and the like, and files that hold
    metadata of others (`is_sidecar`) are passed over without a word below a folder; a path that
    was given itself is always taken. Symbolic links are followed, each folder is entered once. A
    file found twice is yielded once.

    Patterns are globs: `*` and `?` stop at slashes, `**` does not. One without a slash is matched
    against names (`*.md`; also of folders, for `exclude`), one with a slash against the path below
    the root (`docs/**`).

    Args:
        paths: Files and folders.
        include: Take only files that match one of these; all when empty.
        exclude: Leave out files and folders that match one of these.
        suffixes: File types to take, with dots and in lower case; by default those with a
            reader. Others are yielded as `Skipped`, unless given themselves.

    Yields:
        Events in a fixed order; after each root's events a `RootDone`.

    Raises:
        MissingPathError: A path does not exist.
        SameNameError: Two different paths have the same name, and so would their documents.
            Both are raised before anything is yielded.
    """
    if suffixes is None:
        from ragkit.ingest.readers import suffixes as known_suffixes

        suffixes = known_suffixes()
    roots = [Path(path) for path in paths]
    named: dict[str, Path] = {}
    for root in roots:
        if not os.path.lexists(root):
            raise MissingPathError(root)
        first = named.setdefault(_root_name(root), root)
        if os.path.realpath(first) != os.path.realpath(root):
            raise SameNameError(first, root, _root_name(root))
    walk = _Walk(tuple(include), tuple(exclude), frozenset(suffixes))
    return walk.events(roots)


class _Walk:
    def __init__(
        self, include: tuple[str, ...], exclude: tuple[str, ...], suffixes: frozenset[str]
    ) -> None:
        self._include = include
        self._exclude = exclude
        self._suffixes = suffixes
        self._files: set[str] = set()  # seen, by real path
        self._real_folders: dict[Path, str] = {}
        self._dangling = False  # whether the root under way has a link to nothing

    def events(self, roots: Sequence[Path]) -> Iterator[ScanEvent]:
        for path in roots:
            if path.is_dir():
                yield from self._folder_root(path)
            else:
                yield from self._file_root(path)

    def _file_root(self, path: Path) -> Iterator[ScanEvent]:
        source = _root_name(path)
        complete = True
        try:
            status = path.stat()
        except OSError as error:
            complete = False
            yield Unreadable(path, source, source, _reason(error))
        else:
            if not S_ISREG(status.st_mode):
                yield Skipped(path, source, source, "is no regular file")
            elif self._is_new(path):
                yield SourceFile(path, source, source, status.st_size)
        yield RootDone(path, source, complete)

    def _folder_root(self, path: Path) -> Iterator[ScanEvent]:
        root = _root_name(path)
        complete = True
        self._dangling = False
        for event in self._walk(path, root):
            complete = complete and not isinstance(event, Unreadable)
            yield event
        yield RootDone(path, root, complete and not self._dangling)

    def _walk(self, top: Path, root: str) -> Iterator[ScanEvent]:
        entered: set[tuple[int, int]] = set()
        stack: list[Iterator[tuple[Path, str]]] = [iter([(top, "")])]
        while stack:
            item = next(stack[-1], None)
            if item is None:
                stack.pop()
                continue
            path, below = item
            source = printable(f"{root}/{below}" if below else root)
            try:
                status = path.stat()
                if S_ISDIR(status.st_mode):
                    if (status.st_dev, status.st_ino) not in entered:
                        entered.add((status.st_dev, status.st_ino))
                        stack.append(iter(self._children(path, below)))
                    continue
            except OSError as error:
                if path.is_symlink() and path.suffix.lower() not in self._suffixes:
                    # Nothing that a reader misses, but perhaps a folder that is away.
                    self._dangling = True
                    yield Skipped(path, source, root, "is a link to nothing")
                else:
                    yield Unreadable(path, source, root, _reason(error))
                continue
            if not _matches_any(self._include, below, default=True):
                continue
            if not S_ISREG(status.st_mode):
                yield Skipped(path, source, root, "is no regular file")
            elif path.suffix.lower() not in self._suffixes:
                kind = path.suffix.lower() or "a file without suffix"
                yield Skipped(path, source, root, f"no reader for {printable(kind)}")
            elif self._is_new(path):
                yield SourceFile(path, source, root, status.st_size)

    def _children(self, folder: Path, below: str) -> list[tuple[Path, str]]:
        """Return a folder's entries that are not hidden or excluded, by name."""
        with os.scandir(folder) as entries:
            names = sorted(entry.name for entry in entries)
        prefix = f"{below}/" if below else ""
        return [
            (folder / name, prefix + name)
            for name in names
            if not name.startswith(".")
            and name not in _CACHES
            and not is_sidecar(name)
            and not _matches_any(self._exclude, prefix + name, default=False)
        ]

    def _is_new(self, path: Path) -> bool:
        if path.is_symlink():
            real = os.path.realpath(path)
        else:
            # Resolving each file's path anew would take half of a scan's time.
            folder = self._real_folders.get(path.parent)
            if folder is None:
                folder = self._real_folders[path.parent] = os.path.realpath(path.parent)
            real = os.path.join(folder, path.name)  # noqa: PTH118 - of strings, as above
        if real in self._files:
            return False
        self._files.add(real)
        return True


def _root_name(path: Path) -> str:
    # "." and ".." have a name of their own only when resolved.
    name = path.name if path.name not in ("", "..") else path.resolve().name
    return printable(name) or "/"


def is_selected(below: str, include: Sequence[str] = (), exclude: Sequence[str] = ()) -> bool:
    """Return whether `scan` would take a file with these patterns, were it there.

    What a run left out says nothing about what is gone: only documents whose files would have
    been selected may be deleted for not being found.

    Args:
        below: The file's path below its root, with slashes.
        include: As for `scan`.
        exclude: As for `scan`.
    """
    parents = [below[: match.start()] for match in re.finditer("/", below)]
    return _matches_any(include, below, default=True) and not any(
        _matches_any(exclude, path, default=False) for path in (*parents, below)
    )


def _matches_any(patterns: Sequence[str], below: str, *, default: bool) -> bool:
    """Return whether a path below a root matches a pattern; `default` when there is none."""
    if not patterns:
        return default
    name = below.rpartition("/")[2]
    return any(
        _glob(pattern).fullmatch(below if "/" in pattern.rstrip("/") else name) is not None
        for pattern in patterns
    )


@lru_cache(maxsize=256)
def _glob(pattern: str) -> re.Pattern[str]:
    """Translate a glob; `**/` also matches nothing, `dir/**` also the folder itself."""
    return re.compile(glob_expression(pattern.removeprefix("./").strip("/")), re.DOTALL)


def glob_expression(pattern: str) -> str:
    """The regular expression of a glob, or of a piece of one; matches with `re.DOTALL`."""
    parts: list[str] = []
    position = 0
    for match in re.finditer(r"/\*\*$|\*\*/|\*\*|\*|\?|\[!?(?:\][^\]]*|[^\]]+)\]", pattern):
        parts.append(re.escape(pattern[position : match.start()]))
        parts.append(_translate(match[0]))
        position = match.end()
    parts.append(re.escape(pattern[position:]))
    return "".join(parts)


def _translate(wildcard: str) -> str:
    fixed = {"/**": "(?:/.*)?", "**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    if wildcard in fixed:
        return fixed[wildcard]
    negation = "^" if wildcard[1] == "!" else ""
    members = re.sub(r"[^\w-]", r"\\\g<0>", wildcard[1 + len(negation) : -1])
    try:
        re.compile(translated := f"(?!/)[{negation}{members}]")
    except re.error:  # a range that runs backwards
        return re.escape(wildcard)
    return translated


def printable(name: str) -> str:
    """Return a file's name as text that can be stored: bytes that are not UTF-8 as escapes."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def _reason(error: OSError) -> str:
    return f"cannot be opened: {(error.strerror or str(error)).lower()}"
