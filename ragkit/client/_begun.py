"""Calls that begin something larger: an operation to wait for, the upload of a file."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import update_wrapper
from typing import TYPE_CHECKING, Any, Concatenate, Generic, ParamSpec, TypeVar, overload

from ragkit.api.base import ProtoModel
from ragkit.api.operations import Operation
from ragkit.client._calls import Call, Resource, bind
from ragkit.client._operations import AsyncOperationHandle, Kind, OperationHandle

if TYPE_CHECKING:
    from ragkit.api.files import File
    from ragkit.client._client import AsyncClient, Client
    from ragkit.client._upload_sources import Uploadable

P = ParamSpec("P")
ResultT = TypeVar("ResultT")
MetadataT = TypeVar("MetadataT", bound=ProtoModel)


@dataclass(frozen=True, slots=True)
class Begun(Generic[ResultT, MetadataT]):
    """A call that begins an operation, and what kind of operation that is."""

    call: Call[Operation]
    kind: Kind[ResultT, MetadataT]


@dataclass(frozen=True, slots=True)
class Upload:
    """A file to upload, and what to say of it."""

    file: Uploadable
    name: str | None
    display_name: str | None
    mime_type: str | None
    progress: Callable[[int, int | None], None] | None


class begins(Generic[P, ResultT, MetadataT]):  # noqa: N801 - used as a decorator
    """Decorates a function that describes a call which begins an operation."""

    def __init__(self, describe: Callable[Concatenate[Any, P], Begun[ResultT, MetadataT]]) -> None:
        self._describe = describe
        update_wrapper(self, describe)  # type: ignore[arg-type]

    @overload
    def __get__(self, resource: None, owner: type[Any]) -> begins[P, ResultT, MetadataT]: ...
    @overload
    def __get__(
        self, resource: Resource[Client], owner: type[Any]
    ) -> Callable[P, OperationHandle[ResultT, MetadataT]]: ...
    @overload
    def __get__(
        self, resource: Resource[AsyncClient], owner: type[Any]
    ) -> Callable[P, Awaitable[AsyncOperationHandle[ResultT, MetadataT]]]: ...

    def __get__(self, resource: Resource[Any] | None, owner: type[Any]) -> Any:
        return self if resource is None else bind(self._describe, resource, "begin")


class uploads(Generic[P]):  # noqa: N801 - used as a decorator
    """Decorates a function that describes an upload."""

    def __init__(self, describe: Callable[Concatenate[Any, P], Upload]) -> None:
        self._describe = describe
        update_wrapper(self, describe)  # type: ignore[arg-type]

    @overload
    def __get__(self, resource: None, owner: type[Any]) -> uploads[P]: ...
    @overload
    def __get__(self, resource: Resource[Client], owner: type[Any]) -> Callable[P, File]: ...
    @overload
    def __get__(
        self, resource: Resource[AsyncClient], owner: type[Any]
    ) -> Callable[P, Awaitable[File]]: ...

    def __get__(self, resource: Resource[Any] | None, owner: type[Any]) -> Any:
        return self if resource is None else bind(self._describe, resource, "upload")
