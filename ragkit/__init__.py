"""ragkit: corpora, documents, chunks and grounded answers, on Google's v1beta API or offline.

`connect()` gives a client for the embedded service in this process, or for any service of the
API. Names are loaded when they are first used, so that `import ragkit` costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from ragkit._version import __version__

if TYPE_CHECKING:
    from ragkit.answerer import Answer as Answer
    from ragkit.answerer import Answerer as Answerer
    from ragkit.answerer import Citation as Citation
    from ragkit.api.errors import APIError as APIError
    from ragkit.api.errors import ConfigurationError as ConfigurationError
    from ragkit.api.errors import RagkitError as RagkitError
    from ragkit.api.errors import TransportError as TransportError
    from ragkit.api.metadata import meta as meta
    from ragkit.client import AsyncClient as AsyncClient
    from ragkit.client import Client as Client
    from ragkit.client import RetryPolicy as RetryPolicy
    from ragkit.client import connect as connect
    from ragkit.client import connect_async as connect_async
    from ragkit.retriever import Passage as Passage
    from ragkit.retriever import Retriever as Retriever

_HOMES = {
    "Answer": "ragkit.answerer",
    "Answerer": "ragkit.answerer",
    "Citation": "ragkit.answerer",
    "APIError": "ragkit.api.errors",
    "ConfigurationError": "ragkit.api.errors",
    "RagkitError": "ragkit.api.errors",
    "TransportError": "ragkit.api.errors",
    "meta": "ragkit.api.metadata",
    "AsyncClient": "ragkit.client",
    "Client": "ragkit.client",
    "RetryPolicy": "ragkit.client",
    "connect": "ragkit.client",
    "connect_async": "ragkit.client",
    "Passage": "ragkit.retriever",
    "Retriever": "ragkit.retriever",
}

__all__ = ["__version__", *_HOMES]


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'ragkit' has no attribute {name!r}")
    return getattr(import_module(home), name)


def __dir__() -> list[str]:
    return sorted(__all__)
