"""The store as one object."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from ragkit.engine.store.cached_contents import CachedContents
from ragkit.engine.store.changelog import ChangeLog
from ragkit.engine.store.chunks import Chunks
from ragkit.engine.store.corpora import Corpora
from ragkit.engine.store.database import Database
from ragkit.engine.store.documents import Documents
from ragkit.engine.store.files import Files
from ragkit.engine.store.filters import Filters
from ragkit.engine.store.jobs import Jobs
from ragkit.engine.store.migrations import bring_up_to_date
from ragkit.engine.store.tuned_models import TunedModels
from ragkit.engine.store.uploads import Uploads

if TYPE_CHECKING:
    from ragkit.engine.store.keys import Keys
    from ragkit.engine.store.permissions import Permissions


class Store(
    Corpora,
    Documents,
    Chunks,
    ChangeLog,
    Filters,
    Files,
    Uploads,
    CachedContents,
    Jobs,
    TunedModels,
):
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

    # Parts that a query does not need are imported when they are first asked for.

    @cached_property
    def permissions(self) -> Permissions:
        """Who may do what with corpora and tuned models."""
        from ragkit.engine.store.permissions import Permissions

        return Permissions(self._database)

    @cached_property
    def keys(self) -> Keys:
        """The API keys."""
        from ragkit.engine.store.keys import Keys

        return Keys(self._database)

    def close(self) -> None:
        """Gives back the connections. The store is not to be used afterwards."""
        self._database.close()
