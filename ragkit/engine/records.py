"""The rows that the engine's parts hand to each other: plain values, no I/O, no API types.

Times are integers: microseconds since the Unix epoch, UTC. A `key` is an integer that the store
gives to a row once and never again, so that derived data (the index) can refer to it safely;
an `id` is the last segment of the row's resource name.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, IntEnum
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Vector: TypeAlias = NDArray[np.float32]
"""One embedding, shape (dimensions,), or several, shape (n, dimensions)."""

MetadataValue: TypeAlias = str | float | tuple[str, ...]
"""A string, a number (exact in float32, as the API's `numericValue`), or a list of strings."""

Metadata: TypeAlias = tuple[tuple[str, MetadataValue], ...]
"""Key and value pairs in the order in which they were given."""


class ChunkState(IntEnum):
    """A chunk's way to being found; the numbers are those of the API's `Chunk.State`."""

    PENDING = 1
    ACTIVE = 2
    FAILED = 10


@dataclass(frozen=True, slots=True)
class CorpusRecord:
    """One corpus. `embedder` names its vectors' model, `last_change` is its log's last number."""

    key: int
    id: str
    display_name: str
    embedder: str
    last_change: int
    create_time: int
    update_time: int


@dataclass(frozen=True, slots=True)
class DocumentRecord:
    """One document of a corpus."""

    key: int
    corpus_id: str
    id: str
    display_name: str
    metadata: Metadata
    create_time: int
    update_time: int


@dataclass(frozen=True, slots=True)
class ChunkRecord:
    """One chunk of a document."""

    key: int
    corpus_id: str
    document_id: str
    id: str
    text: str
    metadata: Metadata
    state: ChunkState
    create_time: int
    update_time: int


@dataclass(frozen=True, slots=True)
class NewChunk:
    """A chunk to create: its id is already chosen and its text already embedded."""

    id: str
    text: str
    metadata: Metadata
    vector: Vector


@dataclass(frozen=True, slots=True)
class ChunkUpdate:
    """What to change of a chunk. None leaves a part as it is; text and vector change together."""

    id: str
    text: str | None = None
    vector: Vector | None = None
    metadata: Metadata | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """One entry of a corpus' change log, for the index: an upsert, or a delete (no text)."""

    number: int
    chunk_key: int
    document_key: int
    text: str | None
    vector: Vector | None

    @property
    def deleted(self) -> bool:
        """Whether the chunk is gone."""
        return self.text is None


class Level(Enum):
    """Whose metadata a filter looks at."""

    CHUNK = "chunk"
    DOCUMENT = "document"


class Operation(IntEnum):
    """A filter's comparison; the numbers are those of the API's `Condition.Operator`."""

    LESS = 1
    LESS_EQUAL = 2
    EQUAL = 3
    GREATER_EQUAL = 4
    GREATER = 5
    NOT_EQUAL = 6
    INCLUDES = 7
    EXCLUDES = 8


@dataclass(frozen=True, slots=True)
class Condition:
    """One comparison with a string or a number (exact in float32)."""

    operation: Operation
    value: str | float


@dataclass(frozen=True, slots=True)
class MetadataFilter:
    """Matches rows whose metadata under `key` meets any of the conditions.

    A row without the key, or with a value of another type than the condition's, never matches:
    not even NOT_EQUAL and EXCLUDES (see `ragkit.service.policies`).
    """

    level: Level
    key: str
    conditions: Sequence[Condition]


@dataclass(frozen=True, slots=True)
class ScoredChunk:
    """A search result of the index: which chunk, and its relevance score in [0, 1]."""

    chunk_key: int
    score: float


class EngineError(Exception):
    """Base of what the engine refuses. `resource` is the resource name concerned."""

    def __init__(self, resource: str, message: str) -> None:
        super().__init__(message)
        self.resource = resource


class RowNotFoundError(EngineError):
    """No such corpus, document or chunk."""


class RowExistsError(EngineError):
    """The name given to a new row is taken."""


class HasChildrenError(EngineError):
    """A delete without `force` met a corpus with documents or a document with chunks."""


class DuplicateInBatchError(EngineError):
    """One batch names the same chunk twice."""
