"""Tuned models, their permissions and operations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ragkit.api.wire import Method

if TYPE_CHECKING:
    from ragkit.api.common import Empty
    from ragkit.api.generation import GenerateContentRequest, GenerateContentResponse
    from ragkit.api.operations import (
        GetOperationRequest,
        ListOperationsRequest,
        ListOperationsResponse,
        Operation,
    )
    from ragkit.api.permissions import (
        CreatePermissionRequest,
        DeletePermissionRequest,
        GetPermissionRequest,
        ListPermissionsRequest,
        ListPermissionsResponse,
        Permission,
        TransferOwnershipRequest,
        TransferOwnershipResponse,
        UpdatePermissionRequest,
    )
    from ragkit.api.texts import GenerateTextRequest, GenerateTextResponse
    from ragkit.api.tuned_models import (
        CreateTunedModelRequest,
        DeleteTunedModelRequest,
        GetTunedModelRequest,
        ListTunedModelsRequest,
        ListTunedModelsResponse,
        TunedModel,
        UpdateTunedModelRequest,
    )

TUNED_MODELS_CREATE: Final[Method[CreateTunedModelRequest, Operation]] = Method(
    "tunedModels.create",
    "POST",
    "/v1beta/tunedModels",
    "tuned_models.CreateTunedModelRequest",
    "operations.Operation",
    body="tuned_model",
    google="deprecated",
    result_ref="tuned_models.TunedModel",
    metadata_ref="tuned_models.CreateTunedModelMetadata",
)

TUNED_MODELS_GET: Final[Method[GetTunedModelRequest, TunedModel]] = Method(
    "tunedModels.get",
    "GET",
    "/v1beta/{name=tunedModels/*}",
    "tuned_models.GetTunedModelRequest",
    "tuned_models.TunedModel",
    google="deprecated",
    safe=True,
)

TUNED_MODELS_PATCH: Final[Method[UpdateTunedModelRequest, TunedModel]] = Method(
    "tunedModels.patch",
    "PATCH",
    "/v1beta/{tuned_model.name=tunedModels/*}",
    "tuned_models.UpdateTunedModelRequest",
    "tuned_models.TunedModel",
    body="tuned_model",
    google="deprecated",
    safe=True,
)

TUNED_MODELS_DELETE: Final[Method[DeleteTunedModelRequest, Empty]] = Method(
    "tunedModels.delete",
    "DELETE",
    "/v1beta/{name=tunedModels/*}",
    "tuned_models.DeleteTunedModelRequest",
    "common.Empty",
    google="deprecated",
)

TUNED_MODELS_LIST: Final[Method[ListTunedModelsRequest, ListTunedModelsResponse]] = Method(
    "tunedModels.list",
    "GET",
    "/v1beta/tunedModels",
    "tuned_models.ListTunedModelsRequest",
    "tuned_models.ListTunedModelsResponse",
    google="deprecated",
    safe=True,
)

TUNED_MODELS_GENERATE_CONTENT: Final[Method[GenerateContentRequest, GenerateContentResponse]] = (
    Method(
        "tunedModels.generateContent",
        "POST",
        "/v1beta/{model=tunedModels/*}:generateContent",
        "generation.GenerateContentRequest",
        "generation.GenerateContentResponse",
        body="*",
        safe=True,
    )
)

TUNED_MODELS_STREAM_GENERATE_CONTENT: Final[
    Method[GenerateContentRequest, GenerateContentResponse]
] = Method(
    "tunedModels.streamGenerateContent",
    "POST",
    "/v1beta/{model=tunedModels/*}:streamGenerateContent",
    "generation.GenerateContentRequest",
    "generation.GenerateContentResponse",
    body="*",
    safe=True,
    streaming=True,
)

TUNED_MODELS_GENERATE_TEXT: Final[Method[GenerateTextRequest, GenerateTextResponse]] = Method(
    "tunedModels.generateText",
    "POST",
    "/v1beta/{model=tunedModels/*}:generateText",
    "texts.GenerateTextRequest",
    "texts.GenerateTextResponse",
    body="*",
    google="deprecated",
    safe=True,
)

TUNED_MODELS_TRANSFER_OWNERSHIP: Final[
    Method[TransferOwnershipRequest, TransferOwnershipResponse]
] = Method(
    "tunedModels.transferOwnership",
    "POST",
    "/v1beta/{name=tunedModels/*}:transferOwnership",
    "permissions.TransferOwnershipRequest",
    "permissions.TransferOwnershipResponse",
    body="*",
)

TUNED_MODELS_PERMISSIONS_CREATE: Final[Method[CreatePermissionRequest, Permission]] = Method(
    "tunedModels.permissions.create",
    "POST",
    "/v1beta/{parent=tunedModels/*}/permissions",
    "permissions.CreatePermissionRequest",
    "permissions.Permission",
    body="permission",
)

TUNED_MODELS_PERMISSIONS_GET: Final[Method[GetPermissionRequest, Permission]] = Method(
    "tunedModels.permissions.get",
    "GET",
    "/v1beta/{name=tunedModels/*/permissions/*}",
    "permissions.GetPermissionRequest",
    "permissions.Permission",
    safe=True,
)

TUNED_MODELS_PERMISSIONS_PATCH: Final[Method[UpdatePermissionRequest, Permission]] = Method(
    "tunedModels.permissions.patch",
    "PATCH",
    "/v1beta/{permission.name=tunedModels/*/permissions/*}",
    "permissions.UpdatePermissionRequest",
    "permissions.Permission",
    body="permission",
    safe=True,
)

TUNED_MODELS_PERMISSIONS_DELETE: Final[Method[DeletePermissionRequest, Empty]] = Method(
    "tunedModels.permissions.delete",
    "DELETE",
    "/v1beta/{name=tunedModels/*/permissions/*}",
    "permissions.DeletePermissionRequest",
    "common.Empty",
)

TUNED_MODELS_PERMISSIONS_LIST: Final[Method[ListPermissionsRequest, ListPermissionsResponse]] = (
    Method(
        "tunedModels.permissions.list",
        "GET",
        "/v1beta/{parent=tunedModels/*}/permissions",
        "permissions.ListPermissionsRequest",
        "permissions.ListPermissionsResponse",
        safe=True,
    )
)

TUNED_MODELS_OPERATIONS_GET: Final[Method[GetOperationRequest, Operation]] = Method(
    "tunedModels.operations.get",
    "GET",
    "/v1beta/{name=tunedModels/*/operations/*}",
    "operations.GetOperationRequest",
    "operations.Operation",
    safe=True,
)

TUNED_MODELS_OPERATIONS_LIST: Final[Method[ListOperationsRequest, ListOperationsResponse]] = Method(
    "tunedModels.operations.list",
    "GET",
    "/v1beta/{name=tunedModels/*}/operations",
    "operations.ListOperationsRequest",
    "operations.ListOperationsResponse",
    safe=True,
)
