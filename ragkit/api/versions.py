"""Which methods are served under Google's stable version of the API, v1, beside v1beta.

Source: the v1 protos of google-ai-generativelanguage (a conformance test compares them), for
batches of embeddings Google's v1 description, and for what has no protos google-genai 3, which
sends all that it has to v1 unless it is told otherwise.
"""

from __future__ import annotations

from typing import Final

V1_PROTO_METHODS: Final = frozenset(
    {
        "batches.cancel",
        "batches.delete",
        "batches.get",
        "batches.list",
        "models.list",
        "models.get",
        "models.generateContent",
        "models.streamGenerateContent",
        "models.embedContent",
        "models.batchEmbedContents",
        "models.countTokens",
        "tunedModels.generateContent",
        "tunedModels.streamGenerateContent",
    }
)
"""Ids of the methods that Google's v1 protos have."""

V1_METHODS: Final = V1_PROTO_METHODS | {
    "cachedContents.create",
    "cachedContents.delete",
    "cachedContents.get",
    "cachedContents.list",
    "cachedContents.patch",
    "files.delete",
    "files.get",
    "files.list",
    "media.upload",
    "models.asyncBatchEmbedContent",
    "models.batchGenerateContent",
    "tunedModels.create",
    "tunedModels.delete",
    "tunedModels.get",
    "tunedModels.list",
    "tunedModels.operations.get",
    "tunedModels.patch",
}
"""Ids of the methods that are served under /v1 too, with the same messages."""
