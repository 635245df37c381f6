"""The API's documented limits, each stated once.

Source: the constraints in Google's v1beta protos and server document. Where the documents are
silent, the value is a choice of this project; those stand in `ragkit.service.policies`.
"""

from __future__ import annotations

from dataclasses import dataclass

MAX_ID_LENGTH = 40
MAX_DISPLAY_NAME_LENGTH = 512
MAX_CACHED_CONTENT_DISPLAY_NAME_LENGTH = 128
MAX_TUNED_MODEL_DISPLAY_NAME_LENGTH = 40
MAX_FUNCTION_NAME_LENGTH = 64
MAX_CUSTOM_METADATA = 20
MAX_CHUNK_TOKENS = 2043
MAX_BATCH_SIZE = 100
"""Requests in one chunks:batchCreate or chunks:batchUpdate."""
MAX_DOCUMENTS_PER_CORPUS = 10_000
MAX_CHUNKS_PER_CORPUS = 1_000_000
DEFAULT_RESULTS_COUNT = 10
MAX_RESULTS_COUNT = 100
MIN_TEMPERATURE, MAX_TEMPERATURE = 0.0, 1.0
"""Range of `temperature` in models.generateAnswer, the legacy methods and tuned models."""
MAX_GENERATION_TEMPERATURE = 2.0
"""Upper end of `temperature` in a GenerationConfig."""
MAX_STOP_SEQUENCES = 5
MAX_LOGPROBS = 20
MAX_LEGACY_CANDIDATES = 8
"""Upper end of `candidate_count` in models.generateText and models.generateMessage."""
MAX_EMBED_TEXTS = 100
"""Texts in one models.batchEmbedText."""


@dataclass(frozen=True, slots=True)
class PageSize:
    """A list method's page size when none is asked for, and the most it gives."""

    default: int
    maximum: int


CORPORA_PAGE = PageSize(default=10, maximum=20)
DOCUMENTS_PAGE = PageSize(default=10, maximum=20)
CHUNKS_PAGE = PageSize(default=10, maximum=100)
MODELS_PAGE = PageSize(default=50, maximum=1000)
PERMISSIONS_PAGE = PageSize(default=10, maximum=1000)
FILES_PAGE = PageSize(default=10, maximum=100)
TUNED_MODELS_PAGE = PageSize(default=10, maximum=1000)
MAX_CACHED_CONTENTS_PAGE = 1000
"""The most that cachedContents.list gives; the documents state no default."""
