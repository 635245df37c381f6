"""Every error as the API's: what the engine refuses, and what nobody expected."""

from __future__ import annotations

import logging
from collections.abc import Callable

from ragkit.api.errors import (
    AlreadyExists,
    APIError,
    DeadlineExceeded,
    FailedPrecondition,
    Internal,
    InvalidArgument,
    NotFound,
    ResourceExhausted,
    Unavailable,
)
from ragkit.engine.access import OwnerPermissionError
from ragkit.engine.engine import DataFolderError
from ragkit.engine.models import backend_errors
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

_KINDS = {
    "corpora": ("Corpus", "corpora.list"),
    "documents": ("Document", "corpora.documents.list"),
    "chunks": ("Chunk", "corpora.documents.chunks.list"),
    "permissions": ("Permission", ""),
    "files": ("File", "files.list"),
    "cachedContents": ("CachedContent", "cachedContents.list"),
    "tunedModels": ("TunedModel", "tunedModels.list"),
    "operations": ("CreateTunedModelOperation", "tunedModels.operations.list"),
    "batches": ("GenerateContentBatch", "batches.list"),
}
"""Of what kind the resources of a collection are, and the method that lists them."""


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
    _, lister = _kind(resource)
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


def _owners(error: Exception) -> APIError:
    return FailedPrecondition(
        f"{error}; tunedModels.transferOwnership gives a tuned model another owner, and a corpus "
        "keeps its own",
        resource=_resource(error),
    )


def _resource(error: Exception) -> str:
    return error.resource if isinstance(error, EngineError) else ""


def _kind(resource: str) -> tuple[str, str]:
    return _KINDS.get(resource.rpartition("/")[0].rpartition("/")[2], ("", ""))


def _info(resource: str) -> list[dict[str, str]]:
    kind, _ = _kind(resource)
    return [
        {
            "@type": "type.googleapis.com/google.rpc.ResourceInfo",
            "resourceType": f"google.ai.generativelanguage.v1beta.{kind}",
            "resourceName": resource,
        }
    ]


def _busy(error: Exception) -> APIError:
    seconds = error.retry_after if isinstance(error, backend_errors.BackendBusyError) else None
    retry = {
        "@type": "type.googleapis.com/google.rpc.RetryInfo",
        "retryDelay": f"{0 if seconds is None else seconds:.3f}s",
    }
    return ResourceExhausted(str(error), details=[] if seconds is None else [retry])


# In this order: a base class comes after what derives from it.
_TRANSLATIONS: tuple[tuple[type[Exception], Callable[[Exception], APIError]], ...] = (
    (RowNotFoundError, _not_found),
    (RowExistsError, _exists),
    (HasChildrenError, _has_children),
    (OwnerPermissionError, _owners),
    (DuplicateInBatchError, lambda error: InvalidArgument(str(error), field="requests")),
    (DataFolderError, lambda error: FailedPrecondition(str(error))),
    # What is left of the engine's own: the store cannot be reached now.
    (EngineError, lambda error: Unavailable(str(error))),
    (backend_errors.RequestRefusedError, lambda error: InvalidArgument(str(error))),
    (backend_errors.UnknownBackendError, lambda error: FailedPrecondition(str(error))),
    (backend_errors.BackendSetupError, lambda error: FailedPrecondition(str(error))),
    (backend_errors.BackendBusyError, _busy),
    (backend_errors.BackendTimeoutError, lambda error: DeadlineExceeded(str(error))),
    # What is left of them: the model is not reached, fails, or gives what cannot be read.
    (backend_errors.BackendError, lambda error: Unavailable(str(error))),
    (UnknownEmbedderError, lambda error: FailedPrecondition(str(error))),
    (ModelFilesError, lambda error: FailedPrecondition(str(error))),
    # The index' lock: another process has been building for very long.
    (TimeoutError, lambda error: Unavailable(f"the index is busy: {error}")),
    (OSError, lambda error: Unavailable(f"the data folder cannot be used: {error}")),
)
