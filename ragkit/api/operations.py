"""Long-running operations: batches and tunings, and how to read what they carry.

Source: google.longrunning.Operations (https://google.aip.dev/151).
"""

from __future__ import annotations

from importlib import import_module
from typing import ClassVar, Final, TypeVar

from ragkit.api.base import Int32, OneofModel, PackedAny, ProtoModel
from ragkit.api.errors import APIError, error_by_number

ModelT = TypeVar("ModelT", bound=ProtoModel)

_TYPE_PREFIX: Final = "type.googleapis.com/google.ai.generativelanguage.v1beta."

_CARRIED: Final = {
    "AsyncBatchEmbedContentResponse": "batches",
    "BatchGenerateContentResponse": "batches",
    "CreateTunedModelMetadata": "tuned_models",
    "EmbedContentBatch": "batches",
    "GenerateContentBatch": "batches",
    "TunedModel": "tuned_models",
}
"""The messages that operations carry, and the modules they are in."""


def pack_any(message: ProtoModel) -> PackedAny:
    """A message of the API as a google.protobuf.Any in JSON form."""
    return {"@type": _TYPE_PREFIX + type(message).__name__, **message.to_wire()}


def unpack_any(packed: PackedAny, kind: type[ModelT]) -> ModelT:
    """The message in a google.protobuf.Any in JSON form.

    Raises:
        ValueError: it names another type, or its fields are not those of `kind`.
    """
    named = _message_name(packed)
    if named not in ("", kind.__name__):
        raise ValueError(f"expected {kind.__name__}, not {packed['@type']!r}")
    return kind.model_validate({key: value for key, value in packed.items() if key != "@type"})


def unpack_known(packed: PackedAny | None) -> ProtoModel | None:
    """The message that an operation carries, by the type it names; None for a type not known."""
    name = _message_name(packed) if packed is not None else ""
    if packed is None or name not in _CARRIED:
        return None
    kind: type[ProtoModel] = getattr(import_module(f"ragkit.api.{_CARRIED[name]}"), name)
    return unpack_any(packed, kind)


def _message_name(packed: PackedAny) -> str:
    """The message's name without its package, "" where none is given."""
    return str(packed.get("@type", "")).rpartition("/")[2].rpartition(".")[2]


class Status(ProtoModel):
    """What went wrong, where an error is part of a message: a google.rpc.Status.

    `code` is the canonical code (3 for INVALID_ARGUMENT), not an HTTP status.
    """

    code: Int32 = 0
    message: str = ""
    details: list[PackedAny] = []

    def to_error(self, method: str | None = None, resource: str | None = None) -> APIError:
        """The error that this status stands for, to be raised."""
        kind = error_by_number(self.code)
        message = self.message or kind.status
        return kind(message, details=self.details, method=method, resource=resource)

    @classmethod
    def of(cls, error: APIError) -> Status:
        """The status that stands for an error."""
        return cls(code=error.number, message=error.message, details=error.details)


class Operation(OneofModel):
    """Work that goes on after the call that began it.

    Once `done`, it has an `error` or a `response`. `metadata` and `response` are messages in JSON
    form that name their type under "@type".
    """

    ONEOFS: ClassVar = {"result": ("error", "response")}

    name: str = ""
    metadata: PackedAny | None = None
    done: bool = False
    error: Status | None = None
    response: PackedAny | None = None

    def metadata_as(self, kind: type[ModelT]) -> ModelT | None:
        """The metadata as a message of a type, None if there is none.

        Raises:
            ValueError: it is of another type.
        """
        return None if self.metadata is None else unpack_any(self.metadata, kind)

    def response_as(self, kind: type[ModelT]) -> ModelT | None:
        """The response as a message of a type, None if there is none.

        Raises:
            ValueError: it is of another type.
        """
        return None if self.response is None else unpack_any(self.response, kind)

    @property
    def typed_metadata(self) -> ProtoModel | None:
        """The metadata as the message that it names, None for a type that is not known."""
        return unpack_known(self.metadata)

    @property
    def typed_response(self) -> ProtoModel | None:
        """The response as the message that it names, None for a type that is not known."""
        return unpack_known(self.response)


class GetOperationRequest(ProtoModel):
    """batches.get, tunedModels.operations.get."""

    name: str = ""


class ListOperationsRequest(ProtoModel):
    """batches.list, where `name` is "batches"; tunedModels.operations.list, `tunedModels/M`."""

    name: str = ""
    filter: str = ""
    page_size: Int32 = 0
    page_token: str = ""
    return_partial_success: bool = False


class ListOperationsResponse(ProtoModel):
    """A page of operations; `unreachable` names what a partial success could not look into."""

    operations: list[Operation] = []
    next_page_token: str = ""
    unreachable: list[str] = []


class CancelOperationRequest(ProtoModel):
    """batches.cancel: best effort; what is cancelled ends with error code 1, CANCELLED."""

    name: str = ""


class DeleteOperationRequest(ProtoModel):
    """batches.delete: forgets the operation without cancelling it."""

    name: str = ""
