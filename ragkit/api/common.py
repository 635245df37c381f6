"""Messages that several families use."""

from __future__ import annotations

from ragkit.api.base import ProtoModel


class Empty(ProtoModel):
    """The reply of methods that have nothing to say."""
