"""Applying the store's changes to a corpus' files. The caller holds the corpus' lock.

Each step makes its data durable first and moves the watermark then, so that a process killed at
any moment leaves an index that is merely behind. Changes that were applied but not yet counted
are applied once more, which changes nothing.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from ragkit.engine.durability import sync_folder
from ragkit.engine.index import flat, sketch_files
from ragkit.engine.index.analysis import TERM, analyse
from ragkit.engine.index.flat import LiveChunks, Tail
from ragkit.engine.index.lexical import LexicalWriter
from ragkit.engine.index.manifest import (
    Manifest,
    Stamp,
    free_number,
    stamp_folder,
    write_durably,
)
from ragkit.engine.index.protocol import ChangeLog
from ragkit.engine.records import Change

MANIFEST = "manifest"

_STEP = 4_096
_BULK = 1_024
_COMPACT_FROM = 4_096


def lexical_folder(folder: Path, manifest: Manifest) -> Path:
    """Return where the inverted index of a manifest's generation lies."""
    return folder / f"lexical-{manifest.lexical_generation}"


def new_generation(folder: Path) -> Manifest:
    """Return the manifest of an empty index whose files collide with none that are there."""
    folder.mkdir(parents=True, exist_ok=True)
    sync_folder(folder.parent)
    number = free_number(folder)
    return Manifest(generation=number, lexical_generation=number)


def catch_up(
    folder: Path, manifest: Manifest, log: ChangeLog, corpus_key: int, target: int
) -> Manifest:
    """Apply all changes up to `target`, and those that came meanwhile with the last of them.

    Args:
        folder: the corpus' folder.
        manifest: how far the index has come.
        log: the store's changes.
        corpus_key: whose changes.
        target: the number to reach.

    Returns:
        The new manifest, which is on the disk.

    Raises:
        DamagedIndexError: the inverted index cannot be opened.
        ValueError: the log holds vectors of different lengths.
    """
    changes = log.changes(corpus_key, manifest.change, _STEP)
    writer = LexicalWriter(lexical_folder(folder, manifest), bulk=len(changes) >= _BULK)
    try:
        while changes:
            manifest = _step(folder, manifest, changes, writer)
            if manifest.change >= target:
                break
            changes = log.changes(corpus_key, manifest.change, _STEP)
            if changes:
                # The files of the inverted index are stamped when its merges are over.
                _write(folder, replace(manifest, lexical={}))
    finally:
        writer.close()
    manifest = replace(manifest, change=max(manifest.change, target))
    return _finish(folder, manifest)


def _step(
    folder: Path, manifest: Manifest, changes: Sequence[Change], writer: LexicalWriter
) -> Manifest:
    added: list[tuple[int, int, str]] = []
    vectors: list[np.ndarray[tuple[int, ...], np.dtype[np.float32]]] = []
    texts = []
    rows = np.empty(len(changes), flat.ROW)
    end = manifest.terms
    for row, change in zip(rows, changes, strict=True):
        if change.text is None or change.vector is None:
            row["chunk"], row["document"], row["slot"] = change.chunk_key, 0, -1
            row["start"] = row["count"] = 0
            continue
        analysis = analyse(change.text)
        text = analysis.terms
        row["chunk"], row["document"] = change.chunk_key, change.document_key
        row["slot"] = manifest.slots + len(vectors)
        row["start"], row["count"] = end, len(text)
        end += len(text)
        texts.append(text)
        vectors.append(change.vector)
        added.append((change.chunk_key, change.document_key, analysis.spelled))
    dimensions = _dimensions(manifest, vectors)
    manifest = replace(manifest, dimensions=dimensions)
    writer.apply([change.chunk_key for change in changes], added)
    tail = Tail(
        rows,
        np.array(vectors, np.float32).reshape(len(vectors), dimensions),
        np.concatenate(texts) if texts else np.empty(0, TERM),
    )
    return _extend(folder, replace(manifest, change=changes[-1].number), tail)


def _dimensions(
    manifest: Manifest, vectors: Sequence[np.ndarray[tuple[int, ...], np.dtype[np.float32]]]
) -> int:
    lengths = {len(vector) for vector in vectors} | ({manifest.dimensions} - {0})
    if len(lengths) > 1:
        raise MixedVectorsError(f"the corpus has vectors of different lengths: {sorted(lengths)}")
    return lengths.pop() if lengths else 0


class MixedVectorsError(ValueError):
    """A vector does not have the length of the others."""


def _extend(folder: Path, manifest: Manifest, tail: Tail) -> Manifest:
    stamps = flat.append(folder, manifest, tail)
    return replace(
        manifest,
        rows=manifest.rows + len(tail.rows),
        slots=manifest.slots + len(tail.vectors),
        terms=manifest.terms + len(tail.terms),
        flat=stamps,
    )


def _finish(folder: Path, manifest: Manifest) -> Manifest:
    if not manifest.flat:
        manifest = _extend(folder, manifest, _nothing(manifest))
    manifest = _compacted(folder, manifest)
    manifest = sketch_files.extended(folder, manifest, flat.vectors(folder, manifest).array)
    stamps: dict[str, Stamp] = stamp_folder(lexical_folder(folder, manifest), manifest.lexical)
    manifest = replace(manifest, lexical=stamps)
    _write(folder, manifest)
    flat.remove_other_generations(folder, manifest)
    sketch_files.remove_other_generations(folder, manifest)
    for other in folder.glob("lexical-*"):
        if other != lexical_folder(folder, manifest):
            shutil.rmtree(other, ignore_errors=True)
    return manifest


def _compacted(folder: Path, manifest: Manifest) -> Manifest:
    """Write the flat files anew once most of their rows are dead."""
    if manifest.rows < _COMPACT_FROM:
        return manifest
    chunks = LiveChunks.load(folder, manifest)
    if manifest.rows <= 2 * len(chunks.keys):
        return manifest
    compact = replace(
        manifest,
        generation=free_number(folder),
        rows=0,
        slots=0,
        terms=0,
        sketched=0,
        flat={},
        sketch={},
    )
    for tail in flat.live_tails(chunks):
        compact = _extend(folder, compact, tail)
    return compact if compact.flat else _extend(folder, compact, _nothing(compact))


def _nothing(manifest: Manifest) -> Tail:
    return Tail(
        np.empty(0, flat.ROW),
        np.empty((0, manifest.dimensions), np.float32),
        np.empty(0, TERM),
    )


def _write(folder: Path, manifest: Manifest) -> None:
    write_durably(folder / MANIFEST, manifest.encode())
