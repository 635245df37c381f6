"""How one declaration serves both clients.

A resource's function describes what is to be done and does no I/O: a `Call`, or where more than
one request is needed a generator of steps. The descriptor `method` turns it into a method on
`Client` and into a coroutine function on `AsyncClient`, which type checkers see with the
declaration's parameters and result. Each client has one driver, `run`, that takes the steps.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterator
from dataclasses import dataclass, replace
from functools import update_wrapper
from typing import TYPE_CHECKING, Any, Concatenate, Generic, ParamSpec, TypeAlias, TypeVar, overload

from pydantic import ValidationError

from ragkit.api.base import ProtoModel
from ragkit.api.wire import HttpRequest, Method, invalid_argument

if TYPE_CHECKING:
    from ragkit.client._client import AsyncClient, BaseClient, Client
    from ragkit.client._operations import OperationHandle
    from ragkit.client._streams import AsyncStream, Stream

P = ParamSpec("P")
T = TypeVar("T")
ReplyT = TypeVar("ReplyT", bound=ProtoModel)
ResultT = TypeVar("ResultT")
MetadataT = TypeVar("MetadataT", bound=ProtoModel)
MessageT = TypeVar("MessageT", bound=ProtoModel)
ClientT = TypeVar("ClientT", bound="BaseClient[Any]")
SyncT = TypeVar("SyncT")
AsyncT = TypeVar("AsyncT")


@dataclass(frozen=True, slots=True)
class Wait:
    """A step: sleep for some seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Open:
    """A step: send a request and take its reply while it is still being made."""

    request: HttpRequest


@dataclass(frozen=True, slots=True)
class Block:
    """A step: call a function that may wait for a disk or another process."""

    function: Callable[[], object]


Step: TypeAlias = HttpRequest | Open | Block | Wait
Steps: TypeAlias = Generator[Step, Any, T]
"""What is to be done, step by step; sent what came of each: a reply or a TransportError, or what
the function returned."""


@dataclass(frozen=True, slots=True)
class Call(Generic[ReplyT]):
    """One call of one method, not yet performed."""

    method: Method[Any, ReplyT]
    request: ProtoModel


@dataclass(frozen=True, slots=True)
class PagedCall(Generic[T]):
    """A list method's calls, page after page; `items` names the response field with the items."""

    call: Call[Any]
    items: str

    def pages(self) -> Generator[Call[Any], Any, None]:
        """Yield the call for each page; wants the page's response sent back."""
        token = ""
        while True:
            request = self.call.request.model_copy(update={"page_token": token} if token else None)
            response = yield replace(self.call, request=request)
            token = response.next_page_token
            if not token:
                return


@dataclass(frozen=True, slots=True)
class StreamedCall(Generic[ReplyT]):
    """A call whose response is a stream."""

    call: Call[ReplyT]


@dataclass(frozen=True, slots=True)
class Begun(Generic[ResultT, MetadataT]):
    """A call that begins an operation with a result and metadata of these types."""

    call: Call[Any]


def call(method: Method[Any, ReplyT], **fields: object) -> Call[ReplyT]:
    """Describe a call of a method by its request's fields; those that are None are left out.

    Raises:
        InvalidArgument: the fields do not make a valid request; names those that are wrong.
    """
    return Call(method, message(method.request, **fields))


def message(kind: type[MessageT], /, **fields: object) -> MessageT:
    """A message of the fields that are not None; what does not validate is an InvalidArgument."""
    given = {name: value for name, value in fields.items() if value is not None}
    try:
        return kind.model_validate(given)
    except ValidationError as error:
        raise invalid_argument(error) from None


class Resource(Generic[ClientT]):
    """A family of methods, bound to a client."""

    def __init__(self, client: ClientT) -> None:
        self._client = client

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self._client!r}>"


class method(Generic[P, SyncT, AsyncT]):  # noqa: N801 - used as a decorator
    """Decorates a function that describes what is to be done."""

    @overload
    def __init__(
        self: method[P, ReplyT, Awaitable[ReplyT]],
        describe: Callable[Concatenate[Any, P], Call[ReplyT]],
    ) -> None: ...
    @overload
    def __init__(
        self: method[P, Pager[T], AsyncPager[T]],
        describe: Callable[Concatenate[Any, P], PagedCall[T]],
    ) -> None: ...
    @overload
    def __init__(
        self: method[P, Stream[ReplyT], AsyncStream[ReplyT]],
        describe: Callable[Concatenate[Any, P], StreamedCall[ReplyT]],
    ) -> None: ...
    @overload
    def __init__(
        self: method[
            P,
            OperationHandle[Client, ResultT, MetadataT],
            Awaitable[OperationHandle[AsyncClient, ResultT, MetadataT]],
        ],
        describe: Callable[Concatenate[Any, P], Begun[ResultT, MetadataT]],
    ) -> None: ...
    @overload
    def __init__(
        self: method[P, T, Awaitable[T]],
        describe: Callable[Concatenate[Any, P], Steps[T]],
    ) -> None: ...

    def __init__(self, describe: Callable[..., Any]) -> None:
        self.describe = describe
        update_wrapper(self, describe)  # type: ignore[arg-type]

    @overload
    def __get__(self, resource: None, owner: type[Any]) -> method[P, SyncT, AsyncT]: ...
    @overload
    def __get__(self, resource: Resource[Client], owner: type[Any]) -> Callable[P, SyncT]: ...
    @overload
    def __get__(self, resource: Resource[AsyncClient], owner: type[Any]) -> Callable[P, AsyncT]: ...

    def __get__(self, resource: Resource[Any] | None, owner: type[Any]) -> Any:
        if resource is None:
            return self

        def bound(*args: Any, **kwargs: Any) -> Any:
            return resource._client._do(self.describe(resource, *args, **kwargs))

        return update_wrapper(bound, self.describe)


class Pager(Generic[T]):
    """The items of a list method, fetched page by page as they are iterated over.

    It may be iterated over several times; each time asks the server anew.
    """

    def __init__(self, client: Client, paged_call: PagedCall[T]) -> None:
        self._client = client
        self._paged_call = paged_call

    def pages(self) -> Iterator[list[T]]:
        """The pages, each a list of items, as the server cut them."""
        calls, response = self._paged_call.pages(), None
        try:
            while True:
                response = self._client.perform(calls.send(response))
                yield getattr(response, self._paged_call.items)
        except StopIteration:
            return

    def __iter__(self) -> Iterator[T]:
        for page in self.pages():
            yield from page

    def _repr_html_(self) -> str:
        """The first page as a table, for notebooks."""
        from ragkit.api.notebooks import list_table

        page: Any = next(self.pages())
        return list_table(f"{self._paged_call.items}, first page", [one.to_wire() for one in page])


class AsyncPager(Generic[T]):
    """The items of a list method, fetched page by page; the asynchronous twin of `Pager`."""

    def __init__(self, client: AsyncClient, paged_call: PagedCall[T]) -> None:
        self._client = client
        self._paged_call = paged_call

    async def pages(self) -> AsyncIterator[list[T]]:
        """The pages, each a list of items, as the server cut them."""
        calls, response = self._paged_call.pages(), None
        try:
            while True:
                response = await self._client.perform(calls.send(response))
                yield getattr(response, self._paged_call.items)
        except StopIteration:
            return

    async def __aiter__(self) -> AsyncIterator[T]:
        async for page in self.pages():
            for item in page:
                yield item
