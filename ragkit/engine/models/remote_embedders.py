"""Embedders behind endpoints: texts in batches, vectors checked and brought to unit length."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ragkit.engine.config import EmbedderConfig
from ragkit.engine.models.backend_errors import BackendReplyError, BackendSetupError
from ragkit.engine.models.embedders import Task
from ragkit.engine.models.endpoint import Endpoint

QUERIES: Final = frozenset(
    {
        Task.RETRIEVAL_QUERY,
        Task.QUESTION_ANSWERING,
        Task.FACT_VERIFICATION,
        Task.CODE_RETRIEVAL_QUERY,
    }
)
"""Tasks whose texts look for others; their prefix is `query_prefix`."""

EmbedBatch = Callable[[Sequence[str], Task], Sequence[Sequence[float]]]
"""Asks an endpoint for the vectors of at most `batch_size` texts."""


class RemoteEmbedder:
    """Embeds through an endpoint. Safe to use from several threads.

    Arguments:
        config: its name, dimensions, batch size and prefixes.
        embed_batch: asks the endpoint.
        close: closes the connections to it.
    """

    def __init__(
        self, config: EmbedderConfig, embed_batch: EmbedBatch, close: Callable[[], None]
    ) -> None:
        self.name = config.name
        self.dimensions = config.dimensions
        self._config = config
        self._embed_batch = embed_batch
        self._close = close

    def embed(
        self, texts: Sequence[str], *, task: Task = Task.RETRIEVAL_DOCUMENT
    ) -> NDArray[np.float32]:
        """Return one unit row for each text; see `Embedder.embed`. Blank texts are not sent.

        Raises:
            BackendError: the endpoint gives no vectors, or not of the configured length.
        """
        rows = np.zeros((len(texts), self.dimensions), np.float32)
        config = self._config
        prefix = config.query_prefix if task in QUERIES else config.document_prefix
        filled = [number for number, text in enumerate(texts) if text.strip()]
        for start in range(0, len(filled), config.batch_size):
            numbers = filled[start : start + config.batch_size]
            vectors = self._embed_batch([prefix + texts[number] for number in numbers], task)
            rows[numbers] = self._checked(vectors, len(numbers))
        lengths = np.linalg.norm(rows, axis=1, keepdims=True)
        unit: NDArray[np.float32] = np.divide(
            rows, lengths, out=np.zeros_like(rows), where=lengths > 0
        )
        return unit

    def close(self) -> None:
        """Close the connections; the embedder may be used again."""
        self._close()

    def _checked(self, vectors: Sequence[Sequence[float]], count: int) -> NDArray[np.float32]:
        if len(vectors) != count:
            raise BackendReplyError(
                self.name, f"it gave {len(vectors)} embeddings for {count} texts"
            )
        wrong = next((len(one) for one in vectors if len(one) != self.dimensions), None)
        if wrong is not None:
            raise BackendSetupError(
                self.name,
                f"its vectors have {wrong} dimensions, the configuration says {self.dimensions}",
            )
        try:
            rows = np.array(vectors, np.float32)
        except (TypeError, ValueError, OverflowError):
            rows = np.full((count, self.dimensions), np.nan, np.float32)
        if not np.isfinite(rows).all():
            raise BackendReplyError(self.name, "its embeddings hold what is no finite number")
        return rows


def make_embedder(config: EmbedderConfig) -> RemoteEmbedder:
    """Make an embedder of a kind that needs no more than this package.

    Raises:
        BackendSetupError: it is of another kind, or a key is not set.
    """
    check_key(config)
    if config.kind != "openai":
        raise BackendSetupError(
            config.name,
            "Google's endpoint is reached through ragkit.client: open the service with "
            "open_service(data, connect=ragkit.connect), as ragkit.connect() and ragkit serve do",
        )
    endpoint = Endpoint(config.name, config.url, config.api_key, config.timeout, config.retries)

    def embed_batch(texts: Sequence[str], _task: Task) -> Sequence[Sequence[float]]:
        reply = endpoint.post("embeddings", {"model": config.model, "input": list(texts)})
        return _vectors(config.name, reply)

    return RemoteEmbedder(config, embed_batch, endpoint.close)


def check_key(config: EmbedderConfig) -> None:
    """Raise BackendSetupError if the key is to come from a variable that is not set."""
    if config.api_key_env and not config.api_key:
        raise BackendSetupError(
            config.name,
            f"its key is to come from the environment variable {config.api_key_env}, which is "
            "not set",
        )


def _vectors(name: str, reply: Any) -> list[list[float]]:
    """The vectors of an embeddings reply, in the texts' order.

    Source: the OpenAI API reference, "Embeddings"
    (https://platform.openai.com/docs/api-reference/embeddings).
    """
    data = reply.get("data") if isinstance(reply, dict) else None
    if not isinstance(data, list):
        raise BackendReplyError(name, f"its reply holds no embeddings: {str(reply)[:200]}")
    vectors: dict[int, list[float]] = {}
    for place, entry in enumerate(data):
        fields = entry if isinstance(entry, dict) else {}
        vector, index = fields.get("embedding"), fields.get("index", place)
        if not isinstance(vector, list) or not isinstance(index, int):
            raise BackendReplyError(name, "its reply holds an entry without an embedding")
        vectors[index] = vector
    return [vectors[index] for index in sorted(vectors)]
