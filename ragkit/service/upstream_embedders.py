"""Google's own endpoint as an embedder, through a client that is given; see `upstream`."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from ragkit.api.models import TaskType
from ragkit.engine.config import EmbedderConfig
from ragkit.engine.models.embedders import Task
from ragkit.engine.models.remote_embedders import RemoteEmbedder, check_key, make_embedder
from ragkit.service.upstream import Connect, UpstreamClient, translated


class EmbedderMaker:
    """Makes embedders, Google's with the given way to connect."""

    def __init__(self, connect: Connect | None) -> None:
        self._connect = connect

    def __call__(self, config: EmbedderConfig) -> RemoteEmbedder:
        """Make the embedder that a configuration describes."""
        if config.kind != "google" or self._connect is None:
            return make_embedder(config)
        check_key(config)
        upstream = _Upstream(config, self._connect)
        return RemoteEmbedder(config, upstream.embed, upstream.close)


class _Upstream:
    """Asks the endpoint for vectors; connected with the first use."""

    def __init__(self, config: EmbedderConfig, connect: Connect) -> None:
        self._config = config
        self._connect = connect
        self._lock = threading.Lock()
        self._client: UpstreamClient | None = None

    def embed(self, texts: Sequence[str], task: Task) -> Sequence[Sequence[float]]:
        config = self._config
        with translated(config.name):
            reply = self._connected().models.batch_embed_contents(
                list(texts),
                model=config.model,
                task_type=None if task is Task.UNSPECIFIED else TaskType[task.name],
                output_dimensionality=config.dimensions,
            )
            return [one.values for one in reply.embeddings]

    def close(self) -> None:
        with self._lock:
            client, self._client = self._client, None
        if client is not None:
            client.close()

    def _connected(self) -> UpstreamClient:
        with self._lock:
            if self._client is None:
                config = self._config
                self._client = self._connect(
                    config.url, api_key=config.api_key, timeout=config.timeout
                )
            return self._client
