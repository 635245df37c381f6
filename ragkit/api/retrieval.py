"""What the two query methods share."""

from __future__ import annotations

from ragkit.api.base import ProtoModel
from ragkit.api.chunks import Chunk


class RelevantChunk(ProtoModel):
    """A chunk found by a query, with its relevance to it in [0, 1]."""

    chunk_relevance_score: float = 0.0
    chunk: Chunk | None = None
