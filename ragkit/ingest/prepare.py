"""From a file to what the corpus should hold of it: no network, no state, same input same output.

Names are derived, not chosen, so that any machine and any later run comes to the same ones: a
document's id from its source, a chunk's id from its text.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from ragkit.api.limits import MAX_CUSTOM_METADATA, MAX_DISPLAY_NAME_LENGTH, MAX_ID_LENGTH
from ragkit.ingest.chunking import ChunkSpan, check_limits, split
from ragkit.ingest.errors import ReadError
from ragkit.ingest.readers import Extracted, read
from ragkit.ingest.scan import printable
from ragkit.provenance import Provenance

PIPELINE_VERSION = 1
"""Raised when readers or splitter give other chunks for the same file: such files are redone."""

DEFAULT_MAX_TOKENS = 256
DEFAULT_OVERLAP = 32
ROOT_PATH = "root_path"
"""Metadata key of the absolute path that a document's root had: another folder of the same name
is told from the same folder by it."""
_HASH_LENGTH = 12
_CHUNK_HASH_LENGTH = 24
_MAX_METADATA_CHARACTERS = 500

PlainMetadata: TypeAlias = dict[str, str | float | list[str]]


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
    """

    path: Path
    source: str
    root: str
    root_path: str
    splitting: Splitting


def document_id(source: str) -> str:
    """The id of a source's document: what is readable of its name, and a hash of all of it."""
    digest = hashlib.sha256(source.encode("utf-8", "surrogatepass")).hexdigest()[:_HASH_LENGTH]
    plain = unicodedata.normalize("NFKD", source.rpartition("/")[2]).encode("ascii", "ignore")
    slug = re.sub(r"[^a-z0-9]+", "-", plain.decode().lower())
    slug = slug[: MAX_ID_LENGTH - _HASH_LENGTH - 1].strip("-")
    return f"{slug}-{digest}" if slug else digest


def prepare(task: FileTask) -> PreparedDocument:
    """Read and split a file.

    Raises:
        ReadError: the file cannot be read; says why and what to do.
    """
    try:
        data = task.path.read_bytes()
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise ReadError(task.source, f"cannot be opened: {reason}") from error
    digest = hashlib.sha256(data).hexdigest()
    extracted = read(data, name=task.source)
    spans = split(extracted, max_tokens=task.splitting.max_tokens, overlap=task.splitting.overlap)
    chunks = _chunks(task.source, extracted, spans)
    metadata: PlainMetadata = {
        "source": task.source,
        "root": task.root,
        ROOT_PATH: printable(task.root_path)[:_MAX_METADATA_CHARACTERS],
        "sha256": digest,
        "pipeline": task.splitting.fingerprint,
        "media_type": extracted.media_type,
        "chunks": float(len(chunks)),
    }
    if extracted.title:
        metadata["title"] = extracted.title[:_MAX_METADATA_CHARACTERS]
    for key, value in extracted.metadata.items():
        if key in metadata or len(metadata) >= MAX_CUSTOM_METADATA:
            continue
        if isinstance(value, str):
            metadata[key] = value[:_MAX_METADATA_CHARACTERS]
        else:
            metadata[key] = list(value) if isinstance(value, tuple) else float(value)
    return PreparedDocument(
        id=document_id(task.source),
        source=task.source,
        display_name=(extracted.title or task.source)[:MAX_DISPLAY_NAME_LENGTH],
        metadata=metadata,
        chunks=chunks,
        warnings=extracted.warnings,
        size=len(data),
    )


def _chunks(source: str, extracted: Extracted, spans: list[ChunkSpan]) -> tuple[PreparedChunk, ...]:
    page_starts = _page_starts(extracted)
    seen: Counter[str] = Counter()
    chunks: list[PreparedChunk] = []
    for span in spans:
        text = extracted.text[span.start : span.end]
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
