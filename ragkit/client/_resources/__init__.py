"""The methods as people call them, one class per resource family.

Each function describes one call and does no I/O (see `ragkit.client._calls`); on `Client` it
returns the response, on `AsyncClient` an awaitable of it. Names may be ids or full resource names.
Errors common to all: `InvalidArgument` for a malformed request, `NotFound` for a resource that is
not there, `TransportError` when no reply arrives.
"""

from ragkit.client._resources.corpora import Chunks, Corpora, Documents
from ragkit.client._resources.media import CachedContents, Files
from ragkit.client._resources.models import Models
from ragkit.client._resources.permissions import Permissions
from ragkit.client._resources.tuned_models import Batches, TunedModels

__all__ = [
    "Batches",
    "CachedContents",
    "Chunks",
    "Corpora",
    "Documents",
    "Files",
    "Models",
    "Permissions",
    "TunedModels",
]
