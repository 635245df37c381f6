"""The flat files of a corpus' index: rows, vectors and the terms of each chunk in text order.

All three are only ever appended to. A row says what became of a chunk at one change: it lives in
a slot of the vectors and a stretch of the terms, or it is gone. The newest row of a chunk counts.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from ragkit.engine.index.analysis import TERM, Terms
from ragkit.engine.index.manifest import DamagedIndexError, Manifest, Stamp
from ragkit.engine.index.stored import Stored
from ragkit.engine.records import Vector

ROW = np.dtype(
    [("chunk", "<i8"), ("document", "<i8"), ("slot", "<i8"), ("start", "<i8"), ("count", "<i8")]
)
"""A chunk's row; `slot` is -1 if the chunk is gone."""

Records: TypeAlias = NDArray[Any]
"""Rows, of dtype `ROW`."""

_VECTOR = np.dtype("<f4")
_KINDS = ("rows", "vectors", "terms")
_COPIED_AT_ONCE = 16_384


@dataclass(frozen=True, slots=True)
class Tail:
    """What one catch-up step appends; slots and starts are counted from the files' beginnings."""

    rows: Records
    vectors: Vector
    terms: Terms


@dataclass(frozen=True, slots=True)
class LiveChunks:
    """The chunks that can be found, ascending by key, and the mapped files they point into."""

    keys: NDArray[np.int64]
    documents: NDArray[np.int64]
    slots: NDArray[np.int64]
    starts: NDArray[np.int64]
    counts: NDArray[np.int64]
    vectors: Stored
    terms: Stored
    mean_length: float
    owners: NDArray[np.int64]
    """Of each slot, where the chunk that lives there stands in the arrays; -1 if none does."""

    @classmethod
    def load(cls, folder: Path, manifest: Manifest) -> LiveChunks:
        """Map the files that a manifest speaks of.

        Raises:
            DamagedIndexError: a file is shorter than the manifest says, or its rows are absurd.
        """
        rows = Stored.open(_path(folder, manifest, "rows"), ROW, manifest.rows).array
        terms = Stored.open(_path(folder, manifest, "terms"), TERM, manifest.terms)
        live = rows[_newest(rows["chunk"])]
        live = live[live["slot"] >= 0]
        if len(live) and (
            live["slot"].max() >= manifest.slots
            or (live["start"] + live["count"]).max() > manifest.terms
            or min(live["start"].min(), live["count"].min()) < 0
        ):
            raise DamagedIndexError(f"{folder} has rows that point outside of its files")
        counts = np.ascontiguousarray(live["count"])
        owners = np.full(manifest.slots, -1, np.int64)
        owners[live["slot"]] = np.arange(len(live))
        return cls(
            keys=np.ascontiguousarray(live["chunk"]),
            documents=np.ascontiguousarray(live["document"]),
            slots=np.ascontiguousarray(live["slot"]),
            starts=np.ascontiguousarray(live["start"]),
            counts=counts,
            vectors=vectors(folder, manifest),
            terms=terms,
            mean_length=float(counts.sum()) / max(len(live), 1),
            owners=owners,
        )

    def positions(self, chunk_keys: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return where the given keys stand in the arrays, leaving out those that do not."""
        if not len(self.keys):
            return np.empty(0, np.int64)
        found = np.minimum(np.searchsorted(self.keys, chunk_keys), len(self.keys) - 1)
        return np.asarray(found[self.keys[found] == chunk_keys])

    def texts(self, positions: NDArray[np.int64]) -> Terms:
        """Return the terms of the chunks at `positions`, one text after the other."""
        if not len(positions):
            return np.empty(0, TERM)
        starts = self.starts[positions]
        return self.terms.stretches(starts, starts + self.counts[positions])


def vectors(folder: Path, manifest: Manifest) -> Stored:
    """Map the vectors of a manifest, shape (slots, dimensions).

    Raises:
        DamagedIndexError: there are fewer.
    """
    path = _path(folder, manifest, "vectors")
    return Stored.open(path, _VECTOR, manifest.slots, manifest.dimensions)


def verify(folder: Path, manifest: Manifest) -> None:
    """Compare the flat files with their stamps.

    Raises:
        DamagedIndexError: one of them is not what it was.
    """
    for kind in _KINDS:
        if (stamp := manifest.flat.get(kind)) is None:
            raise DamagedIndexError(f"{folder} has no stamp of its {kind}")
        stamp.check(_path(folder, manifest, kind))


def append(folder: Path, manifest: Manifest, tail: Tail) -> dict[str, Stamp]:
    """Append a tail to the files of the manifest's generation, durably.

    Whatever lies beyond the manifest's lengths is cut off first.

    Returns:
        The files' new stamps.
    """
    lengths = {
        "rows": manifest.rows * ROW.itemsize,
        "vectors": manifest.slots * manifest.dimensions * _VECTOR.itemsize,
        "terms": manifest.terms * TERM.itemsize,
    }
    added: dict[str, NDArray[Any]] = {
        "rows": tail.rows,
        "vectors": np.ascontiguousarray(tail.vectors, _VECTOR),
        "terms": tail.terms,
    }
    stamps = {}
    for kind in _KINDS:
        data = added[kind].tobytes()
        known = manifest.flat.get(kind)
        path = _path(folder, manifest, kind)
        with path.open("r+b" if path.exists() else "w+b") as file:
            file.truncate(lengths[kind])
            file.seek(lengths[kind])
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
            modified = os.fstat(file.fileno()).st_mtime_ns
        size = lengths[kind] + len(data)
        stamps[kind] = Stamp(size, modified, crc32(data, known.checksum if known else 0))
    return stamps


def live_tails(chunks: LiveChunks) -> Iterator[Tail]:
    """Cut the live chunks into tails that, appended to empty files, hold nothing dead."""
    starts = np.cumsum(chunks.counts) - chunks.counts
    for first in range(0, len(chunks.keys), _COPIED_AT_ONCE):
        part = slice(first, first + _COPIED_AT_ONCE)
        rows = np.empty(len(chunks.keys[part]), ROW)
        rows["chunk"], rows["document"] = chunks.keys[part], chunks.documents[part]
        rows["slot"] = np.arange(first, first + len(rows))
        rows["start"], rows["count"] = starts[part], chunks.counts[part]
        texts = chunks.texts(np.arange(first, first + len(rows)))
        yield Tail(rows, chunks.vectors.take(chunks.slots[part]), texts)


def remove_other_generations(folder: Path, manifest: Manifest) -> None:
    """Delete flat files that the manifest does not name."""
    named = {_path(folder, manifest, kind).name for kind in _KINDS}
    for kind in _KINDS:
        for path in folder.glob(f"{kind}-*"):
            if path.name not in named:
                path.unlink(missing_ok=True)


def _path(folder: Path, manifest: Manifest, kind: str) -> Path:
    return folder / f"{kind}-{manifest.generation}"


def _newest(chunk_keys: NDArray[np.int64]) -> NDArray[np.intp]:
    """Return the last row of each chunk, ascending by chunk key."""
    order = np.argsort(chunk_keys, kind="stable")
    ordered = chunk_keys[order]
    last = np.ones(len(ordered), bool)
    last[:-1] = ordered[1:] != ordered[:-1]
    return order[last]
