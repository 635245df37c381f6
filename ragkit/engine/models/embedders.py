"""What an embedder is, and where embedders are found by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import StrEnum
from functools import cache
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class Task(StrEnum):
    """What an embedding is for; the names are those of the API's `TaskType`."""

    UNSPECIFIED = "TASK_TYPE_UNSPECIFIED"
    RETRIEVAL_QUERY = "RETRIEVAL_QUERY"
    RETRIEVAL_DOCUMENT = "RETRIEVAL_DOCUMENT"
    SEMANTIC_SIMILARITY = "SEMANTIC_SIMILARITY"
    CLASSIFICATION = "CLASSIFICATION"
    CLUSTERING = "CLUSTERING"
    QUESTION_ANSWERING = "QUESTION_ANSWERING"
    FACT_VERIFICATION = "FACT_VERIFICATION"
    CODE_RETRIEVAL_QUERY = "CODE_RETRIEVAL_QUERY"


class Embedder(Protocol):
    """Turns texts into unit vectors. Safe to use from several threads."""

    @property
    def name(self) -> str:
        """The name under which `load_embedder` finds it, and which a corpus remembers."""
        ...

    @property
    def dimensions(self) -> int:
        """The length of each vector."""
        ...

    def embed(
        self, texts: Sequence[str], *, task: Task = Task.RETRIEVAL_DOCUMENT
    ) -> NDArray[np.float32]:
        """Return one row for each text, shape (len(texts), dimensions).

        Rows have unit length, or are all zero where a text holds nothing to embed. A text's row
        does not depend on the other texts of the call.
        """
        ...


class UnknownEmbedderError(ValueError):
    """No embedder has this name."""

    def __init__(self, name: str) -> None:
        names = ", ".join(embedder_names())
        super().__init__(f"There is no embedder named {name!r}; there is {names}.")
        self.name = name


class ModelFilesError(RuntimeError):
    """A model's files are missing or are not what they should be."""


def _load_static_256() -> Embedder:
    from ragkit.engine.models.static import StaticEmbedder

    return StaticEmbedder()


DEFAULT_EMBEDDER = "static-256"

_FACTORIES: dict[str, Callable[[], Embedder]] = {DEFAULT_EMBEDDER: _load_static_256}


def embedder_names() -> tuple[str, ...]:
    """Return the names that `load_embedder` knows."""
    return tuple(_FACTORIES)


def load_embedder(name: str = DEFAULT_EMBEDDER) -> Embedder:
    """Return the embedder of that name, loaded once in a process.

    Raises:
        UnknownEmbedderError: no embedder has this name; the message says which there are.
        ModelFilesError: the embedder's files are missing or damaged.
    """
    if name not in _FACTORIES:
        raise UnknownEmbedderError(name)
    return _load(name)


@cache
def _load(name: str) -> Embedder:
    return _FACTORIES[name]()
