"""Every error as the API's: what the engine refuses, and what nobody expected."""

from __future__ import annotations

import logging
from collections.abc import Callable

from ragkit.api.errors import (
    AlreadyExists,
    APIError,
    FailedPrecondition,
    Internal,
    InvalidArgument,
    NotFound,
    Unavailable,
)
from ragkit.engine.engine import DataFolderError
from ragkit.engine.models.embedders import ModelFilesError, UnknownEmbedderError
from ragkit.engine.records import (
    DuplicateInBatchError,
    EngineError,
    HasChildrenError,
    RowExistsError,
    RowNotFoundError,
)

LOGGER = logging.getLogger("ragkit.service")
# A library leaves it to the program whether and where a log is written.
LOGGER.addHandler(logging.NullHandler())

_LISTERS = {2: "corpora.list", 4: "corpora.documents.list", 6: "corpora.documents.chunks.list"}


def to_api_error(error: Exception, doing: str) -> APIError:
    """The error that a caller is to see.

    Arguments:
        error: what was raised.
        doing: what was being done, for the log.

    Returns:
        The error itself if it is the API's, a translation of the engine's, and INTERNAL for any
        other, which is logged with its traceback and whose text the caller does not see.
    """
    if isinstance(error, APIError):
        return error
    for kind, translate in _TRANSLATIONS:
        if isinstance(error, kind):
            return translate(error)
    LOGGER.error("%s failed", doing, exc_info=error)
    return Internal(f"{doing} failed inside the service; the log of ragkit.service has the reason")


def _not_found(error: Exception) -> APIError:
    resource = _resource(error)
    lister = _LISTERS.get(len(resource.split("/")))
    advice = f"; {lister} tells what there is" if lister else ""
    return NotFound(f"{error}{advice}", details=_info(resource), resource=resource)


def _exists(error: Exception) -> APIError:
    resource = _resource(error)
    return AlreadyExists(
        f"{error}; choose another name, or leave the name out to get one",
        details=_info(resource),
        resource=resource,
    )


def _has_children(error: Exception) -> APIError:
    resource = _resource(error)
    return FailedPrecondition(
        f"{error}; force=true deletes it with all that it holds",
        details=_info(resource),
        resource=resource,
    )


def _resource(error: Exception) -> str:
    return error.resource if isinstance(error, EngineError) else ""


def _info(resource: str) -> list[dict[str, str]]:
    kinds = {2: "Corpus", 4: "Document", 6: "Chunk"}
    kind = kinds.get(len(resource.split("/")), "")
    return [
        {
            "@type": "type.googleapis.com/google.rpc.ResourceInfo",
            "resourceType": f"google.ai.generativelanguage.v1beta.{kind}",
            "resourceName": resource,
        }
    ]


# In this order: a base class comes after what derives from it.
_TRANSLATIONS: tuple[tuple[type[Exception], Callable[[Exception], APIError]], ...] = (
    (RowNotFoundError, _not_found),
    (RowExistsError, _exists),
    (HasChildrenError, _has_children),
    (DuplicateInBatchError, lambda error: InvalidArgument(str(error), field="requests")),
    (DataFolderError, lambda error: FailedPrecondition(str(error))),
    # What is left of the engine's own: the store cannot be reached now.
    (EngineError, lambda error: Unavailable(str(error))),
    (UnknownEmbedderError, lambda error: FailedPrecondition(str(error))),
    (ModelFilesError, lambda error: FailedPrecondition(str(error))),
    # The index' lock: another process has been building for very long.
    (TimeoutError, lambda error: Unavailable(f"the index is busy: {error}")),
    (OSError, lambda error: Unavailable(f"the data folder cannot be used: {error}")),
)
