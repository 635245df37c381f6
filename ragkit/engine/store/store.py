"""The store as one object."""

from __future__ import annotations

from ragkit.engine.store.changelog import ChangeLog
from ragkit.engine.store.chunks import Chunks
from ragkit.engine.store.corpora import Corpora
from ragkit.engine.store.database import Database
from ragkit.engine.store.documents import Documents
from ragkit.engine.store.filters import Filters
from ragkit.engine.store.migrations import bring_up_to_date


class Store(Corpora, Documents, Chunks, ChangeLog, Filters):
    """Corpora, documents and chunks in a database: the only truth, all else is derived from it.

    Each call is one transaction: when it returns, what it did is durable, and when it raises,
    nothing was done. Several threads may share one store, several processes one database. Beside
    what their own descriptions say, all methods may raise `StoreUnavailableError`.

    Arguments:
        url: `sqlite:////path/to/store.db`, made if it does not exist (its folder is not), or
            `sqlite://` for a store in memory that ends with this object.

    Raises:
        StoreOpenError: it cannot be opened, or is not a store, or is of a newer ragkit.
    """

    def __init__(self, url: str) -> None:
        super().__init__(Database(url))
        try:
            bring_up_to_date(self._database)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Gives back the connections. The store is not to be used afterwards."""
        self._database.close()
