"""The API's documented limits, each stated once.

Source: the constraints in Google's v1beta protos and server document. Where the documents are
silent, the value is a choice of this project; those stand in `ragkit.service.policies`.
"""

from __future__ import annotations

from dataclasses import dataclass

MAX_ID_LENGTH = 40
MAX_DISPLAY_NAME_LENGTH = 512
MAX_CUSTOM_METADATA = 20
MAX_CHUNK_TOKENS = 2043
MAX_BATCH_SIZE = 100
"""Requests in one chunks:batchCreate or chunks:batchUpdate."""
MAX_DOCUMENTS_PER_CORPUS = 10_000
MAX_CHUNKS_PER_CORPUS = 1_000_000
DEFAULT_RESULTS_COUNT = 10
MAX_RESULTS_COUNT = 100
MIN_TEMPERATURE, MAX_TEMPERATURE = 0.0, 1.0
"""Range of `temperature` in models.generateAnswer."""


@dataclass(frozen=True, slots=True)
class PageSize:
    """A list method's page size when none is asked for, and the most it gives."""

    default: int
    maximum: int


CORPORA_PAGE = PageSize(default=10, maximum=20)
DOCUMENTS_PAGE = PageSize(default=10, maximum=20)
CHUNKS_PAGE = PageSize(default=10, maximum=100)
MODELS_PAGE = PageSize(default=50, maximum=1000)
