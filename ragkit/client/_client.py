"""The two clients: one for each way of waiting."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Generator
from contextlib import closing
from copy import copy
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

from ragkit.api.errors import TransportError
from ragkit.api.wire import HttpRequest
from ragkit.client._availability import supports
from ragkit.client._calls import (
    AsyncPager,
    Begun,
    Call,
    Open,
    PagedCall,
    Pager,
    ReplyT,
    Step,
    Steps,
    StreamedCall,
    T,
    Wait,
)
from ragkit.client._retry import Options, RetryPolicy, perform
from ragkit.client._streams import AsyncStream, Stream
from ragkit.client._transports import AsyncTransport, Transport

if TYPE_CHECKING:
    from ragkit.client._resources.corpora import Chunks, Corpora, Documents
    from ragkit.client._resources.media import CachedContents, Files
    from ragkit.client._resources.models import Models
    from ragkit.client._resources.permissions import Permissions
    from ragkit.client._resources.tuned_models import Batches, TunedModels

TransportT = TypeVar("TransportT")


class BaseClient(Generic[TransportT]):
    """What does not depend on how one waits.

    Args:
        transport: what carries requests to the other side.
        endpoint: where that is, a URL or a text for people.
        retry: how often and how long a call is tried.
        timeout: seconds to wait for one reply.
    """

    def __init__(
        self,
        transport: TransportT,
        endpoint: str = "custom transport",
        *,
        retry: RetryPolicy | None = None,
        timeout: float | None = None,
    ) -> None:
        self._transport = transport
        self._options = Options(endpoint, retry or RetryPolicy(), timeout)

    @property
    def endpoint(self) -> str:
        """Where the calls go: a URL, or a text for people."""
        return self._options.endpoint

    def supports(self, method_id: str) -> bool:
        """Whether the other side offers a method, such as "corpora.query", as far as is known.

        Google's endpoint has closed some; of others nothing is known, and the answer is True.

        Raises:
            ValueError: the API has no such method.
        """
        return supports(self.endpoint, method_id)

    def with_options(
        self, *, timeout: float | None = None, retry: RetryPolicy | None = None
    ) -> Self:
        """A client over the same connections with other options.

        Args:
            timeout: seconds to wait for one reply.
            retry: how often and how long a call is tried.
        """
        old, other = self._options, copy(self)
        other._options = replace(
            old, timeout=old.timeout if timeout is None else timeout, retry=retry or old.retry
        )
        return other

    @property
    def corpora(self) -> Corpora[Self]:
        """Methods on corpora."""
        from ragkit.client._resources.corpora import Corpora

        return Corpora(self)

    @property
    def documents(self) -> Documents[Self]:
        """Methods on documents."""
        from ragkit.client._resources.corpora import Documents

        return Documents(self)

    @property
    def chunks(self) -> Chunks[Self]:
        """Methods on chunks."""
        from ragkit.client._resources.corpora import Chunks

        return Chunks(self)

    @property
    def models(self) -> Models[Self]:
        """Methods on models."""
        from ragkit.client._resources.models import Models

        return Models(self)

    @property
    def permissions(self) -> Permissions[Self]:
        """Methods on permissions."""
        from ragkit.client._resources.permissions import Permissions

        return Permissions(self)

    @property
    def files(self) -> Files[Self]:
        """Methods on uploaded files."""
        from ragkit.client._resources.media import Files

        return Files(self)

    @property
    def cached_contents(self) -> CachedContents[Self]:
        """Methods on cached contents."""
        from ragkit.client._resources.media import CachedContents

        return CachedContents(self)

    @property
    def batches(self) -> Batches[Self]:
        """Methods on batches."""
        from ragkit.client._resources.tuned_models import Batches

        return Batches(self)

    @property
    def tuned_models(self) -> TunedModels[Self]:
        """Methods on tuned models."""
        from ragkit.client._resources.tuned_models import TunedModels

        return TunedModels(self)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self.endpoint}>"

    def _steps(self, described: Any) -> Steps[Any]:
        """The steps of what a resource's function described."""
        if isinstance(described, Call):
            return perform(described, self._options)
        if isinstance(described, Begun):
            return self._begin(described)
        assert isinstance(described, Generator)
        return described

    def _begin(self, begun: Begun[Any, Any]) -> Steps[Any]:
        from ragkit.client._operations import OperationHandle

        operation = yield from perform(begun.call, self._options)
        return OperationHandle(self, operation, begun.call.method)


class Client(BaseClient[Transport]):
    """Calls the API and waits for its answers. Safe to share between threads.

    Made by `ragkit.connect()`, or over any transport.
    """

    def perform(self, call: Call[ReplyT]) -> ReplyT:
        """Carry out a described call."""
        return self.run(perform(call, self._options))  # type: ignore[no-any-return]

    def run(self, steps: Steps[T]) -> T:
        """Take steps until they end; returns what they return."""
        outcome: object = None
        with closing(steps):
            while True:
                try:
                    step = steps.send(outcome)
                except StopIteration as stop:
                    return stop.value  # type: ignore[no-any-return]
                try:
                    outcome = self._take(step)
                except TransportError as error:
                    outcome = error

    def _take(self, step: Step) -> object:
        if isinstance(step, HttpRequest):
            return self._transport.send(step)
        if isinstance(step, Open):
            send: Callable[[HttpRequest], object] = self._transport.send
            return getattr(self._transport, "open", send)(step.request)
        if isinstance(step, Wait):
            time.sleep(step.seconds)
            return None
        return step.function()

    def _do(self, described: Any) -> Any:
        if isinstance(described, PagedCall):
            return Pager(self, described)
        if isinstance(described, StreamedCall):
            call = described.call
            return Stream(self.run(perform(call, self._options, streamed=True)), call.method)
        return self.run(self._steps(described))

    def close(self) -> None:
        """Give back connections and files."""
        self._transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


class AsyncClient(BaseClient[AsyncTransport]):
    """Calls the API without blocking the event loop; the asynchronous twin of `Client`.

    Made by `ragkit.connect_async()`, or over any transport.
    """

    async def perform(self, call: Call[ReplyT]) -> ReplyT:
        """Carry out a described call."""
        return await self.run(perform(call, self._options))

    async def run(self, steps: Steps[T]) -> T:
        """Take steps until they end; returns what they return."""
        outcome: object = None
        with closing(steps):
            while True:
                try:
                    step = steps.send(outcome)
                except StopIteration as stop:
                    return stop.value  # type: ignore[no-any-return]
                try:
                    outcome = await self._take(step)
                except TransportError as error:
                    outcome = error

    def _take(self, step: Step) -> Awaitable[object]:
        if isinstance(step, HttpRequest):
            return self._transport.send(step)
        if isinstance(step, Open):
            send: Callable[[HttpRequest], Awaitable[object]] = self._transport.send
            return getattr(self._transport, "open", send)(step.request)
        from anyio import sleep, to_thread

        if isinstance(step, Wait):
            return sleep(step.seconds)
        return to_thread.run_sync(step.function)

    def _do(self, described: Any) -> Any:
        if isinstance(described, PagedCall):
            return AsyncPager(self, described)
        if isinstance(described, StreamedCall):
            call = described.call
            return AsyncStream(
                lambda: self.run(perform(call, self._options, streamed=True)), call.method
            )
        return self.run(self._steps(described))

    async def close(self) -> None:
        """Give back connections and files."""
        await self._transport.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self.close()
