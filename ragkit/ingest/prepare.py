"""From a file to what the corpus should hold of it: no network, no state, same input same output.

Names are derived, not chosen, so that any machine and any later run comes to the same ones: a
document's id from its source, a chunk's id from its text.
"""

from __future__ import annotations

import hashlib
import os
import re
import unicodedata
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from ragkit.api.limits import MAX_CUSTOM_METADATA, MAX_DISPLAY_NAME_LENGTH, MAX_ID_LENGTH
from ragkit.ingest.chunking import ChunkSpan, check_limits, split
from ragkit.ingest.errors import ReadError
from ragkit.ingest.metadata import FileMetadata, PlainMetadata
from ragkit.ingest.readers import Extracted, read
from ragkit.ingest.readers.options import ReadOptions
from ragkit.ingest.scan import printable
from ragkit.provenance import Provenance

PIPELINE_VERSION = 2
"""Raised when readers or splitter give other chunks for the same file: such files are redone."""

DEFAULT_MAX_TOKENS = 256
DEFAULT_OVERLAP = 32
ROOT_PATH = "root_path"
"""Metadata key of the absolute path that a document's root had: another folder of the same name
is told from the same folder by it."""
_HASH_LENGTH = 12
_CHUNK_HASH_LENGTH = 24
_MAX_METADATA_CHARACTERS = 500
_READS = 3
"""How often a file is read that is being written meanwhile."""

__all__ = [
    "FileTask",
    "PlainMetadata",
    "PreparedChunk",
    "PreparedDocument",
    "Splitting",
    "document_id",
    "prepare",
]


@dataclass(frozen=True, slots=True)
class Splitting:
    """How documents are split.

    Attributes:
        max_tokens: tokens that a chunk may hold.
        overlap: tokens that a chunk may share with the one before it, at most half of those.

    Raises:
        ValueError: a number is out of its range.
    """

    max_tokens: int = DEFAULT_MAX_TOKENS
    overlap: int = DEFAULT_OVERLAP

    def __post_init__(self) -> None:
        check_limits(self.max_tokens, self.overlap)

    @property
    def fingerprint(self) -> str:
        """What besides the file itself decides about its chunks."""
        return f"{PIPELINE_VERSION}:{self.max_tokens}:{self.overlap}"


@dataclass(frozen=True, slots=True)
class PreparedChunk:
    """A chunk as the corpus should hold it."""

    id: str
    text: str
    metadata: PlainMetadata


@dataclass(frozen=True, slots=True)
class PreparedDocument:
    """A file as the corpus should hold it; `size` is the file's, in bytes."""

    id: str
    source: str
    display_name: str
    metadata: PlainMetadata
    chunks: tuple[PreparedChunk, ...]
    warnings: tuple[str, ...]
    size: int


@dataclass(frozen=True, slots=True)
class FileTask:
    """One file to prepare.

    Attributes:
        path: where it is.
        source: its name in the corpus.
        root: the name of the path under which it was found.
        root_path: that path, absolute.
        splitting: how to split it.
        metadata: what the user says of it.
        reading: what the readers are told.
    """

    path: Path
    source: str
    root: str
    root_path: str
    splitting: Splitting
    metadata: FileMetadata = field(default_factory=FileMetadata)
    reading: ReadOptions | None = None

    @property
    def fingerprint(self) -> str:
        """What besides the file itself decides about its document."""
        given = self.metadata.fingerprint
        return f"{self.splitting.fingerprint}:{given}" if given else self.splitting.fingerprint


def document_id(source: str, attempt: int = 0) -> str:
    """The id of a source's document: what is readable of its name, and a hash of all of it.

    Args:
        source: the file's name in the corpus.
        attempt: other numbers give other ids, for when the first is taken: a document that was
            renamed keeps the id of its old name.
    """
    hashed = source if attempt == 0 else f"{source}\0{attempt}"
    digest = hashlib.sha256(hashed.encode("utf-8", "surrogatepass")).hexdigest()[:_HASH_LENGTH]
    plain = unicodedata.normalize("NFKD", source.rpartition("/")[2]).encode("ascii", "ignore")
    slug = re.sub(r"[^a-z0-9]+", "-", plain.decode().lower())
    slug = slug[: MAX_ID_LENGTH - _HASH_LENGTH - 1].strip("-")
    return f"{slug}-{digest}" if slug else digest


def prepare(task: FileTask) -> PreparedDocument:
    """Read and split a file.

    Raises:
        ReadError: the file cannot be read; says why and what to do.
    """
    data, steady = _steady_bytes(task)
    extracted = read(data, name=task.source, options=task.reading)
    spans = split(extracted, max_tokens=task.splitting.max_tokens, overlap=task.splitting.overlap)
    chunks = _chunks(task.source, extracted, spans)
    own: PlainMetadata = {
        "source": task.source,
        "root": task.root,
        ROOT_PATH: printable(task.root_path)[:_MAX_METADATA_CHARACTERS],
        "sha256": hashlib.sha256(data).hexdigest(),
        "pipeline": task.fingerprint,
        "media_type": extracted.media_type,
        "chunks": float(len(chunks)),
    }
    metadata, warnings = _metadata(task, own, extracted)
    if not steady:
        warnings += ("is being written to: what it held meanwhile is there, run again for more",)
    return PreparedDocument(
        id=document_id(task.source),
        source=task.source,
        display_name=str(metadata.get("title") or task.source)[:MAX_DISPLAY_NAME_LENGTH],
        metadata=metadata,
        chunks=chunks,
        warnings=(*extracted.warnings, *warnings),
        size=len(data),
    )


def _steady_bytes(task: FileTask) -> tuple[bytes, bool]:
    """A file's bytes, and whether they are one state of it: nobody wrote to it meanwhile."""
    try:
        for _ in range(_READS):
            with task.path.open("rb") as stream:
                before = os.fstat(stream.fileno())
                data = stream.read()
                after = os.fstat(stream.fileno())
            if (before.st_size, before.st_mtime_ns) == (after.st_size, after.st_mtime_ns):
                return data, True
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise ReadError(task.source, f"cannot be opened: {reason}") from error
    return data, False


def _metadata(
    task: FileTask, own: PlainMetadata, extracted: Extracted
) -> tuple[PlainMetadata, tuple[str, ...]]:
    """A document's metadata, with a warning about what had no room.

    Raises:
        ReadError: the user gives more than there is room for.
    """
    given = task.metadata
    metadata: PlainMetadata = {**own, **given.certain}
    said: PlainMetadata = {}
    if extracted.title:
        said["title"] = extracted.title[:_MAX_METADATA_CHARACTERS]
    for key, found in extracted.metadata.items():
        if isinstance(found, str):
            said.setdefault(key, found[:_MAX_METADATA_CHARACTERS])
        else:
            said.setdefault(key, list(found) if isinstance(found, tuple) else float(found))
    for key, general in given.general.items():
        # Its place is kept: what the user gives is never what has no room.
        metadata.setdefault(key, said.get(key, general))
    if len(metadata) > MAX_CUSTOM_METADATA:
        room = MAX_CUSTOM_METADATA - len(own)
        raise ReadError(
            task.source,
            f"{len(metadata) - len(own)} metadata keys are given for it, and there is room for "
            f"{room}: the API takes {MAX_CUSTOM_METADATA}, {len(own)} of which are ragkit's own",
        )
    left_out: list[str] = []
    for key, value in said.items():
        if key in metadata:
            continue
        if len(metadata) < MAX_CUSTOM_METADATA:
            metadata[key] = value
        else:
            left_out.append(key)
    if not left_out:
        return metadata, ()
    return metadata, (
        f"of its own metadata {', '.join(left_out)} had no room: the API takes "
        f"{MAX_CUSTOM_METADATA} keys",
    )


def _chunks(source: str, extracted: Extracted, spans: list[ChunkSpan]) -> tuple[PreparedChunk, ...]:
    page_starts = _page_starts(extracted)
    seen: Counter[str] = Counter()
    chunks: list[PreparedChunk] = []
    for span in spans:
        text = span.text_of(extracted.text)
        if not text.strip():
            continue  # a very long run of white space: the API takes no blank chunk
        digest = hashlib.sha256(text.encode()).hexdigest()[:_CHUNK_HASH_LENGTH]
        # Equal texts in one document differ by their count.
        chunk_id = f"{digest}-{seen[digest]}" if seen[digest] else digest
        seen[digest] += 1
        provenance = Provenance(
            source=source,
            start=span.start,
            end=span.end,
            page=span.page,
            page_breaks=tuple(
                (page, start) for page, start in page_starts if span.start < start < span.end
            ),
            headings=span.headings,
            ordinal=len(chunks),
            table_header=span.header,
        )
        chunks.append(PreparedChunk(chunk_id, text, provenance.to_metadata()))
    return tuple(chunks)


def _page_starts(extracted: Extracted) -> list[tuple[int, int]]:
    """(page, offset of its first block) for every page that is known, in order."""
    starts: list[tuple[int, int]] = []
    for block in extracted.blocks:
        if block.page is not None and (not starts or starts[-1][0] != block.page):
            starts.append((block.page, block.start))
    return starts
