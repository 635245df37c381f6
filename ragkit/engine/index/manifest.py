"""The watermark of a corpus' index: one small file that says what the other files hold.

It is replaced atomically and only after the data it speaks of is on the disk. Whatever lies
beyond it (a tail appended by a process that was killed) does not count. It also holds each data
file's size, time and checksum, so that a lost, truncated or altered file is noticed.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self
from zlib import crc32

from ragkit.engine.durability import sync_folder

FORMAT = 2
"""Number of the files' layout and of the analysis: another one means building anew."""

_BLOCK = 1 << 20


class DamagedIndexError(Exception):
    """Files are missing, truncated, altered or of another format: the index must be rebuilt."""


@dataclass(frozen=True, slots=True)
class Stamp:
    """What a file's first `size` bytes are known to be, and when the file was last written."""

    size: int
    modified_ns: int
    checksum: int

    def check(self, path: Path) -> None:
        """Compare a file with its stamp; unless its time is another one, by size only.

        Raises:
            DamagedIndexError: the file is not what it was.
        """
        try:
            status = path.stat()
            if status.st_size < self.size:
                raise DamagedIndexError(f"{path} is truncated")
            if (status.st_mtime_ns, status.st_size) == (self.modified_ns, self.size):
                return
            if _checksum(path, self.size) != self.checksum:
                raise DamagedIndexError(f"{path} was altered")
        except OSError as error:
            raise DamagedIndexError(f"{path} cannot be read: {error}") from error


@dataclass(frozen=True, slots=True)
class Manifest:
    """How far the index has come and which files say so.

    `rows`, `slots` and `terms` are the lengths of the flat files. Of the slots `sketched` have a
    sketch, by directions that were learned when there were `learned_from`. The generations name
    the files; they change when files are written anew.
    """

    change: int = 0
    dimensions: int = 0
    generation: int = 0
    lexical_generation: int = 0
    rows: int = 0
    slots: int = 0
    terms: int = 0
    sketch_generation: int = 0
    sketched: int = 0
    learned_from: int = 0
    flat: Mapping[str, Stamp] = field(default_factory=dict)
    sketch: Mapping[str, Stamp] = field(default_factory=dict)
    lexical: Mapping[str, Stamp] = field(default_factory=dict)

    def encode(self) -> bytes:
        """Return the file's content: a line with the checksum of the JSON that follows."""
        body = json.dumps({"format": FORMAT, **asdict(self)}, separators=(",", ":")).encode()
        return b"%08x\n%b\n" % (crc32(body), body)

    @classmethod
    def decode(cls, content: bytes) -> Self:
        """Read what `encode` wrote.

        Raises:
            DamagedIndexError: it is something else, or of another format.
        """
        checksum, _, body = content.rstrip(b"\n").partition(b"\n")
        if checksum != b"%08x" % crc32(body):
            raise DamagedIndexError("the index' manifest is damaged")
        try:
            values: dict[str, Any] = json.loads(body)
            if values.pop("format") != FORMAT:
                raise DamagedIndexError("the index is of another format")
            for group in ("flat", "lexical", "sketch"):
                values[group] = {name: Stamp(**stamp) for name, stamp in values[group].items()}
            return cls(**values)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise DamagedIndexError("the index' manifest is unreadable") from error


def write_durably(path: Path, content: bytes) -> None:
    """Replace a file so that after a crash it holds either the old content or all of the new."""
    draft = path.with_suffix(".new")
    with draft.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    sync_folder(path.parent)


def stamp_folder(folder: Path, known: Mapping[str, Stamp]) -> dict[str, Stamp]:
    """Stamp the files of a folder, reading only those that `known` does not have as they are."""
    stamps = {}
    for path in sorted(folder.iterdir()):
        if path.suffix == ".lock" or not path.is_file():
            continue
        status = path.stat()
        stamp = known.get(path.name)
        if stamp is None or (stamp.size, stamp.modified_ns) != (status.st_size, status.st_mtime_ns):
            checksum = _checksum(path, status.st_size)
            stamp = Stamp(status.st_size, status.st_mtime_ns, checksum)
        stamps[path.name] = stamp
    return stamps


def free_number(folder: Path) -> int:
    """Return a generation that no file of a corpus' folder has."""
    numbers = [path.name.rpartition("-")[2] for path in folder.glob("*-*")]
    return 1 + max((int(number) for number in numbers if number.isdecimal()), default=0)


def _checksum(path: Path, size: int) -> int:
    checksum = 0
    with path.open("rb") as file:
        while size > 0 and (block := file.read(min(size, _BLOCK))):
            checksum = crc32(block, checksum)
            size -= len(block)
    return checksum
