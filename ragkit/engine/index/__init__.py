"""The index: what the engine searches by, derived from the store and disposable."""

from ragkit.engine.index.local import LocalIndex
from ragkit.engine.index.protocol import ChangeLog, IndexStatus

__all__ = ["ChangeLog", "IndexStatus", "LocalIndex"]
