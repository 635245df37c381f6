"""Citations: which known sources a model recited."""

from __future__ import annotations

from ragkit.api.base import Int32, ProtoModel


class CitationSource(ProtoModel):
    """A source of part of a response: the bytes from `start_index` to before `end_index`.

    `license` is given where the source is code.
    """

    start_index: Int32 | None = None
    end_index: Int32 | None = None
    uri: str | None = None
    license: str | None = None


class CitationMetadata(ProtoModel):
    """The sources of a response."""

    citation_sources: list[CitationSource] = []
