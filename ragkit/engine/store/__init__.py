"""The SQL store: the only truth, from which indexes are derived."""

from ragkit.engine.store.corpora import CorpusStats
from ragkit.engine.store.database import StoreOpenError, StoreUnavailableError
from ragkit.engine.store.store import Store

__all__ = ["CorpusStats", "Store", "StoreOpenError", "StoreUnavailableError"]
