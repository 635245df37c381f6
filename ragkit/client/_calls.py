"""How one declaration serves both clients.

A resource's function describes a call and does no I/O; the descriptors here turn it into a method
that performs the call on `Client` and into a coroutine function on `AsyncClient`. Type checkers
see both, with the parameters and the result of the declaration.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterator
from dataclasses import dataclass, replace
from functools import update_wrapper
from typing import TYPE_CHECKING, Any, Concatenate, Generic, ParamSpec, TypeVar, overload

from pydantic import ValidationError

from ragkit.api.base import ProtoModel
from ragkit.api.wire import Method, invalid_argument

if TYPE_CHECKING:
    from ragkit.client._client import AsyncClient, BaseClient, Client

P = ParamSpec("P")
T = TypeVar("T")
ReplyT = TypeVar("ReplyT", bound=ProtoModel)
MessageT = TypeVar("MessageT", bound=ProtoModel)
ClientT = TypeVar("ClientT", bound="BaseClient")


@dataclass(frozen=True, slots=True)
class Call(Generic[ReplyT]):
    """One call of one method, not yet performed."""

    method: Method[Any, ReplyT]
    request: ProtoModel


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


class Resource(Generic[ClientT]):
    """A family of methods, bound to a client."""

    def __init__(self, client: ClientT) -> None:
        self._client = client

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self._client!r}>"


def bind(describe: Callable[..., Any], resource: Resource[Any], act: str) -> Callable[..., Any]:
    """The method of a bound resource: it describes, and its client does what is described."""

    def bound(*args: Any, **kwargs: Any) -> Any:
        return getattr(resource._client, act)(describe(resource, *args, **kwargs))

    return update_wrapper(bound, describe)


class method(Generic[P, ReplyT]):  # noqa: N801 - used as a decorator
    """Decorates a function that describes a call."""

    def __init__(self, describe: Callable[Concatenate[Any, P], Call[ReplyT]]) -> None:
        self._describe = describe
        update_wrapper(self, describe)  # type: ignore[arg-type]

    @overload
    def __get__(self, resource: None, owner: type[Any]) -> method[P, ReplyT]: ...
    @overload
    def __get__(self, resource: Resource[Client], owner: type[Any]) -> Callable[P, ReplyT]: ...
    @overload
    def __get__(
        self, resource: Resource[AsyncClient], owner: type[Any]
    ) -> Callable[P, Awaitable[ReplyT]]: ...

    def __get__(self, resource: Resource[Any] | None, owner: type[Any]) -> Any:
        if resource is None:
            return self

        return bind(self._describe, resource, "perform")


class paged(Generic[P, T]):  # noqa: N801 - used as a decorator
    """Decorates a function that describes the calls of a list method."""

    def __init__(self, describe: Callable[Concatenate[Any, P], PagedCall[T]]) -> None:
        self._describe = describe
        update_wrapper(self, describe)  # type: ignore[arg-type]

    @overload
    def __get__(self, resource: None, owner: type[Any]) -> paged[P, T]: ...
    @overload
    def __get__(self, resource: Resource[Client], owner: type[Any]) -> Callable[P, Pager[T]]: ...
    @overload
    def __get__(
        self, resource: Resource[AsyncClient], owner: type[Any]
    ) -> Callable[P, AsyncPager[T]]: ...

    def __get__(self, resource: Resource[Any] | None, owner: type[Any]) -> Any:
        if resource is None:
            return self

        return bind(self._describe, resource, "paginate")


class Pager(Generic[T]):
    """The items of a list method, fetched page by page as they are iterated over.

    It may be iterated over several times; each time asks the server anew.
    """

    def __init__(self, client: Client, paged_call: PagedCall[T]) -> None:
        self._client = client
        self._paged_call = paged_call

    def pages(self) -> Iterator[list[T]]:
        """The pages, each a list of items, as the server cut them."""
        calls = self._paged_call.pages()
        call = next(calls)
        while True:
            response = self._client.perform(call)
            yield getattr(response, self._paged_call.items)
            try:
                call = calls.send(response)
            except StopIteration:
                return

    def __iter__(self) -> Iterator[T]:
        for page in self.pages():
            yield from page


class AsyncPager(Generic[T]):
    """The items of a list method, fetched page by page; the asynchronous twin of `Pager`."""

    def __init__(self, client: AsyncClient, paged_call: PagedCall[T]) -> None:
        self._client = client
        self._paged_call = paged_call

    async def pages(self) -> AsyncIterator[list[T]]:
        """The pages, each a list of items, as the server cut them."""
        calls = self._paged_call.pages()
        call = next(calls)
        while True:
            response = await self._client.perform(call)
            yield getattr(response, self._paged_call.items)
            try:
                call = calls.send(response)
            except StopIteration:
                return

    async def __aiter__(self) -> AsyncIterator[T]:
        async for page in self.pages():
            for item in page:
                yield item
