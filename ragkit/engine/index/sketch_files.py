"""The files of a corpus' sketches: their basis and, row by row as the vectors, their numbers.

They are derived from the vectors, appended to as those are, and made anew with other directions
once the corpus has twice the vectors that those were learned from. Who writes holds the corpus'
lock.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Final
from zlib import crc32

import numpy as np

from ragkit.engine.index import constants
from ragkit.engine.index.manifest import DamagedIndexError, Manifest, Stamp, free_number
from ragkit.engine.index.sketch import Basis, Sketch
from ragkit.engine.index.stored import Stored
from ragkit.engine.records import Vector

_BASIS: Final = "basis"
_CODES: Final = "sketch"
_REST: Final = "rest"
_BLOCK = 16_384
_KINDS: Final = (_BASIS, _CODES, _REST)
_CODE: Final = np.dtype(np.int8)
_EMPTY: Final = Stamp(0, 0, 0)


def extended(folder: Path, manifest: Manifest, vectors: Vector) -> Manifest:
    """Sketch, durably, the vectors that are not sketched yet.

    Args:
        folder: the corpus' folder.
        manifest: how far the index has come.
        vectors: all vectors that the manifest speaks of, shape (slots, dimensions).

    Returns:
        The manifest with the files' new stamps, without any if the corpus is small.

    Raises:
        DamagedIndexError: the basis cannot be read.
    """
    if manifest.slots < constants.APPROXIMATE_FROM:
        return replace(manifest, sketched=0, sketch={})
    # What was learned from a small part of the vectors may not suit the rest.
    if not manifest.sketched or manifest.slots > 2 * manifest.learned_from:
        basis = Basis.learn(vectors)
        manifest = replace(
            manifest,
            sketch_generation=free_number(folder),
            learned_from=manifest.slots,
            sketched=0,
        )
        stamp = _written(_path(folder, manifest, _BASIS), _EMPTY, basis.encode())
        manifest = replace(manifest, sketch={_BASIS: stamp, _CODES: _EMPTY, _REST: _EMPTY})
    elif manifest.sketched == manifest.slots:
        return manifest
    else:
        basis = _basis(folder, manifest)
    stamps = dict(manifest.sketch)
    for start in range(manifest.sketched, manifest.slots, _BLOCK):
        rows = basis.rows(vectors[start : min(start + _BLOCK, manifest.slots)])
        for kind, codes in zip((_CODES, _REST), rows, strict=True):
            path = _path(folder, manifest, kind)
            stamps[kind] = _written(path, stamps[kind], codes.tobytes())
    return replace(manifest, sketched=manifest.slots, sketch=stamps)


def load(folder: Path, manifest: Manifest, *, known: bool) -> Sketch | None:
    """Map a manifest's sketches.

    Args:
        folder: the corpus' folder.
        manifest: what the files hold.
        known: that files of this generation were compared with their stamps already.

    Returns:
        The sketches; None if there are none, or not of all vectors.

    Raises:
        DamagedIndexError: the files are not what the manifest says.
    """
    if not manifest.slots or manifest.sketched < manifest.slots:
        return None
    if not known:
        for kind in _KINDS:
            manifest.sketch[kind].check(_path(folder, manifest, kind))
    basis = _basis(folder, manifest)
    count, dimensions = manifest.sketched, manifest.dimensions
    codes, rest = (
        Stored.open(_path(folder, manifest, kind), _CODE, count, width).array
        for kind, width in ((_CODES, basis.width), (_REST, dimensions - basis.kept))
    )
    return Sketch(basis, codes, rest)


def remove_other_generations(folder: Path, manifest: Manifest) -> None:
    """Delete sketches that the manifest does not name."""
    for kind in _KINDS:
        named = _path(folder, manifest, kind)
        for path in folder.glob(f"{kind}-*"):
            if path != named or not manifest.sketched:
                path.unlink(missing_ok=True)


def _basis(folder: Path, manifest: Manifest) -> Basis:
    path = _path(folder, manifest, _BASIS)
    try:
        return Basis.decode(path.read_bytes(), manifest.dimensions)
    except (OSError, ValueError) as error:
        raise DamagedIndexError(f"{path} cannot be read: {error}") from error


def _written(path: Path, known: Stamp, content: bytes) -> Stamp:
    """Append to what a stamp speaks of; whatever lies beyond is cut off first."""
    with path.open("r+b" if path.exists() else "w+b") as file:
        file.truncate(known.size)
        file.seek(known.size)
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
        modified = os.fstat(file.fileno()).st_mtime_ns
    return Stamp(known.size + len(content), modified, crc32(content, known.checksum))


def _path(folder: Path, manifest: Manifest, kind: str) -> Path:
    return folder / f"{kind}-{manifest.sketch_generation}"
