"""Archives: their members one by one, each to be read as a document of its own.

An archive is no document, so it has no reader; `members` is for whoever walks files. Nothing is
ever written to the disk: a member's path is a name, and one that would lead out of the archive is
refused. What may be unpacked is bounded in count, bytes, ratio and depth.

The source of a member is its archive's, `SEPARATOR` and the member's path: `a.zip!/inner/x.md`,
and in an archive in an archive `a.zip!/b.tar.gz!/x.md`.
"""

from __future__ import annotations

import bz2
import gzip
import io
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO, TypeAlias, cast

from ragkit.ingest.errors import ReadError
from ragkit.ingest.readers.zips import MAX_RATIO, SMALL, ZIP_ERRORS, open_zip, too_big

SEPARATOR = "!/"

ARCHIVE_SUFFIXES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2")

_HIDDEN = frozenset({"__MACOSX", "__pycache__", "node_modules"})


@dataclass(frozen=True, slots=True)
class ArchiveLimits:
    """What an archive may unpack to, all archives inside it included.

    Attributes:
        members: Entries, folders and those passed over included.
        total: Bytes altogether.
        member: Bytes of one member.
        depth: Archives in one another; 1 opens none inside an archive.
    """

    members: int = 100_000
    total: int = 8 << 30
    member: int = 256 << 20
    depth: int = 3


@dataclass(frozen=True, slots=True)
class Member:
    """A file in an archive.

    Attributes:
        path: Its path in the archive, with slashes; behind `!/` where it is in one inside.
        data: Its bytes.
    """

    path: str
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class RefusedMember:
    """A file in an archive that is not unpacked, and why."""

    path: str
    reason: str


MemberEvent: TypeAlias = Member | RefusedMember


def is_archive(name: str) -> bool:
    """Return whether a file of this name is an archive that `members` opens."""
    return name.lower().endswith(ARCHIVE_SUFFIXES)


def members(
    path: Path,
    *,
    name: str | None = None,
    wanted: Callable[[str], bool] | None = None,
    passwords: tuple[str, ...] = (),
    limits: ArchiveLimits | None = None,
) -> Iterator[MemberEvent]:
    """Yield the files in an archive (ZIP; tar, plain or by gzip or bzip2), in its order.

    One member is in memory at a time. Archives inside are opened in turn. Hidden files, folders
    of caches and what is no regular file are passed over without a word, as in folders.

    Args:
        path: The archive.
        name: What to call it in errors; its path by default.
        wanted: Whether to unpack a member, by its path; by default where a reader is known.
        passwords: What to try on encrypted members of a ZIP file.
        limits: What it may unpack to.

    Yields:
        Each member, or what was refused and why.

    Raises:
        ReadError: The archive cannot be opened, is damaged, or goes over a limit for all of it.
            Members before that place have been yielded.
    """
    shown = name or str(path)
    budget = _Budget(shown, limits or ArchiveLimits(), wanted or _has_reader, passwords)
    try:
        file = path.open("rb")
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise ReadError(shown, f"cannot be opened: {reason}") from error
    with file:
        size = file.seek(0, io.SEEK_END)
        file.seek(0)
        yield from _events(file, path.name, size, "", 1, budget)


@dataclass(slots=True)
class _Budget:
    """What is left of the limits, over all archives in one another."""

    name: str
    limits: ArchiveLimits
    wanted: Callable[[str], bool]
    passwords: tuple[str, ...]
    entries: int = 0
    unpacked: int = 0

    def count_entry(self) -> None:
        self.entries += 1
        if self.entries > self.limits.members:
            raise ReadError(
                self.name, f"has more than the {self.limits.members} members allowed: split it"
            )

    def charge(self, size: int) -> None:
        self.unpacked += size
        if self.unpacked > self.limits.total:
            raise ReadError(
                self.name,
                f"unpacks to more than the {self.limits.total >> 20} MiB allowed "
                "(a decompression bomb?)",
            )


def _events(
    file: IO[bytes], name: str, size: int, prefix: str, depth: int, budget: _Budget
) -> Iterator[MemberEvent]:
    """Yield an open archive's members, `prefix` before each path."""
    walk = _zip_entries if name.lower().endswith(".zip") else _tar_entries
    seen: set[str] = set()
    for raw, load in walk(file, name, size, budget):
        path = _safe_path(raw)
        if path is None:
            yield RefusedMember(prefix + _printable(raw[:500]), "its path leads out of the archive")
            continue
        if _is_hidden(path):
            continue
        inner = is_archive(path)
        if not inner and not budget.wanted(prefix + path):
            continue
        full = prefix + path
        if path in seen:
            yield RefusedMember(full, "the archive holds another file of this name")
            continue
        seen.add(path)
        if inner and depth >= budget.limits.depth:
            yield RefusedMember(full, f"is an archive {depth} levels deep: unpack it yourself")
            continue
        data = load()
        if isinstance(data, str):
            yield RefusedMember(full, data)
        elif inner:
            yield from _inner_events(data, full, depth + 1, budget)
        else:
            yield Member(full, data)


def _inner_events(data: bytes, path: str, depth: int, budget: _Budget) -> Iterator[MemberEvent]:
    try:
        yield from _events(io.BytesIO(data), path, len(data), path + SEPARATOR, depth, budget)
    except ReadError as error:
        limits = budget.limits
        if budget.unpacked > limits.total or budget.entries > limits.members:
            raise
        # An archive that is damaged by itself does not end the one around it.
        yield RefusedMember(path, error.reason)


_TAR_ERRORS = (tarfile.TarError, EOFError, OSError, zlib.error, ValueError)

_Loader: TypeAlias = Callable[[], bytes | str]
"""Gives a member's bytes, or why it is refused."""


def _zip_entries(
    file: IO[bytes], name: str, size: int, budget: _Budget
) -> Iterator[tuple[str, _Loader]]:
    del size
    with open_zip(file, budget.name, "a ZIP archive") as archive:
        for entry in archive.infolist():
            budget.count_entry()
            # Windows programs write backslashes; `zipfile` cuts names at a zero byte.
            if not entry.is_dir():
                yield entry.filename, partial(_load_zip, archive, entry, budget)


def _load_zip(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, budget: _Budget) -> bytes | str:
    if (reason := too_big(entry, budget.limits.member)) is not None:
        return reason
    budget.charge(entry.file_size)
    encrypted = bool(entry.flag_bits & 0x1)
    if encrypted and not budget.passwords:
        return "is encrypted: give its password, or unpack it yourself"
    passwords = [password.encode() for password in budget.passwords] if encrypted else [None]
    reason = ""
    for password in passwords:
        try:
            return archive.read(entry, password)
        except ZIP_ERRORS as error:
            reason = str(error) or type(error).__name__
    return f"is encrypted: no password fits ({reason})" if encrypted else f"is damaged: {reason}"


class _Bounded(io.RawIOBase):
    """A decompressed stream that ends with an error where it gets too long."""

    def __init__(self, stream: IO[bytes], most: int, budget: _Budget) -> None:
        self._stream = stream
        self._left = most
        self._budget = budget

    def read(self, size: int = -1, /) -> bytes:
        data = self._stream.read(size)
        self._left -= len(data)
        self._budget.charge(len(data))
        if self._left < 0:
            raise ReadError(
                self._budget.name,
                f"unpacks to over {MAX_RATIO} times its size (a decompression bomb?)",
            )
        return data


def _tar_entries(
    file: IO[bytes], name: str, size: int, budget: _Budget
) -> Iterator[tuple[str, _Loader]]:
    lower = name.lower()
    stream: IO[bytes] = file
    if lower.endswith((".gz", ".tgz")):
        stream = cast("IO[bytes]", gzip.GzipFile(fileobj=file))
    elif lower.endswith("bz2"):
        stream = bz2.BZ2File(file)
    bounded = _Bounded(stream, max(SMALL, MAX_RATIO * size), budget)
    try:
        # A stream is read once, forwards: what is passed over is counted as well.
        with tarfile.open(fileobj=bounded, mode="r|") as archive:
            while (entry := archive.next()) is not None:
                budget.count_entry()
                if entry.isfile():
                    yield entry.name, partial(_load_tar, archive, entry, budget)
                archive.members = []  # type: ignore[attr-defined] # it keeps all that it has seen
    except _TAR_ERRORS as error:
        raise ReadError(budget.name, f"is damaged or not a tar archive: {error}") from error


def _load_tar(archive: tarfile.TarFile, entry: tarfile.TarInfo, budget: _Budget) -> bytes | str:
    most = budget.limits.member
    if entry.size > most:
        return f"would unpack to {entry.size >> 20} MiB, more than the {most >> 20} allowed"
    if entry.issparse():
        return "is a sparse file"  # of any size, out of no bytes
    try:
        stream = archive.extractfile(entry)
        return "is no regular file" if stream is None else stream.read()
    except _TAR_ERRORS as error:
        raise ReadError(budget.name, f"is damaged at {entry.name[:200]!r}: {error}") from error


def _safe_path(raw: str) -> str | None:
    """Return a member's path below its archive; None where it leads out of it."""
    path = raw.replace("\\", "/")
    if path.startswith("/") or path[1:2] == ":" or "\x00" in path:
        return None
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if not parts or ".." in parts:
        return None
    return _printable("/".join(parts))


def _printable(path: str) -> str:
    """Return a path as text that can be stored: bytes that are not UTF-8 as escapes."""
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _is_hidden(path: str) -> bool:
    return any(part.startswith(".") or part in _HIDDEN for part in path.split("/"))


def _has_reader(path: str) -> bool:
    from ragkit.ingest.readers import suffixes

    return PurePosixPath(path).suffix.lower() in suffixes()
