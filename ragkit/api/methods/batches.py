"""Batches, once they are created."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ragkit.api.wire import Method

if TYPE_CHECKING:
    from ragkit.api.common import Empty
    from ragkit.api.operations import (
        CancelOperationRequest,
        DeleteOperationRequest,
        GetOperationRequest,
        ListOperationsRequest,
        ListOperationsResponse,
        Operation,
    )

BATCHES_GET: Final[Method[GetOperationRequest, Operation]] = Method(
    "batches.get",
    "GET",
    "/v1beta/{name=batches/*}",
    "operations.GetOperationRequest",
    "operations.Operation",
    safe=True,
)

BATCHES_LIST: Final[Method[ListOperationsRequest, ListOperationsResponse]] = Method(
    "batches.list",
    "GET",
    "/v1beta/{name=batches}",
    "operations.ListOperationsRequest",
    "operations.ListOperationsResponse",
    safe=True,
)

BATCHES_CANCEL: Final[Method[CancelOperationRequest, Empty]] = Method(
    "batches.cancel",
    "POST",
    "/v1beta/{name=batches/*}:cancel",
    "operations.CancelOperationRequest",
    "common.Empty",
    safe=True,
)

BATCHES_DELETE: Final[Method[DeleteOperationRequest, Empty]] = Method(
    "batches.delete",
    "DELETE",
    "/v1beta/{name=batches/*}",
    "operations.DeleteOperationRequest",
    "common.Empty",
)
