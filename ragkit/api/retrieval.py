"""What the two query methods share."""

from __future__ import annotations

from ragkit.api.documents import RelevantChunk as RelevantChunk
