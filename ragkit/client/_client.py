"""The two clients: one for each way of waiting."""

from __future__ import annotations

import time
from copy import copy
from typing import Self, TypeVar

from ragkit.api.base import ProtoModel
from ragkit.api.errors import TransportError
from ragkit.client._calls import AsyncPager, Call, PagedCall, Pager
from ragkit.client._resources import Chunks, Corpora, Documents, Models
from ragkit.client._retry import Outcome, RetryPolicy, Wait, perform
from ragkit.client._transports import AsyncTransport, Transport

T = TypeVar("T")
ReplyT = TypeVar("ReplyT", bound=ProtoModel)


class _BaseClient:
    """What does not depend on how one waits."""

    def __init__(self, endpoint: str, retry: RetryPolicy | None, timeout: float | None) -> None:
        self.endpoint = endpoint
        self._retry = retry or RetryPolicy()
        self._timeout = timeout

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self.endpoint}>"

    def with_options(
        self, *, timeout: float | None = None, retry: RetryPolicy | None = None
    ) -> Self:
        """A client over the same connections with other options.

        Args:
            timeout: seconds to wait for one reply.
            retry: how often and how long a call is tried.
        """
        other = copy(self)
        other._timeout = self._timeout if timeout is None else timeout
        other._retry = retry or self._retry
        return other


class Client(_BaseClient):
    """Calls the API and waits for its answers. Safe to share between threads.

    Made by `ragkit.connect()`, or over any transport.

    Attributes:
        endpoint: where the calls go, for people.
    """

    def __init__(
        self,
        transport: Transport,
        endpoint: str = "custom transport",
        *,
        retry: RetryPolicy | None = None,
        timeout: float | None = None,
    ) -> None:
        super().__init__(endpoint, retry, timeout)
        self._transport = transport

    @property
    def corpora(self) -> Corpora[Client]:
        """Methods on corpora."""
        return Corpora(self)

    @property
    def documents(self) -> Documents[Client]:
        """Methods on documents."""
        return Documents(self)

    @property
    def chunks(self) -> Chunks[Client]:
        """Methods on chunks."""
        return Chunks(self)

    @property
    def models(self) -> Models[Client]:
        """Methods on models."""
        return Models(self)

    def perform(self, call: Call[ReplyT]) -> ReplyT:
        """Carry out a described call; what every method of the resources does."""
        steps = perform(call, self._retry, self._timeout)
        step = next(steps)
        while True:
            outcome: Outcome = None
            if isinstance(step, Wait):
                time.sleep(step.seconds)
            else:
                try:
                    outcome = self._transport.send(step)
                except TransportError as error:
                    outcome = error
            try:
                step = steps.send(outcome)
            except StopIteration as stop:
                return stop.value  # type: ignore[no-any-return]

    def paginate(self, paged_call: PagedCall[T]) -> Pager[T]:
        """The items of a described list call."""
        return Pager(self, paged_call)

    def close(self) -> None:
        """Give back connections and files."""
        self._transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


class AsyncClient(_BaseClient):
    """Calls the API without blocking the event loop; the asynchronous twin of `Client`.

    Made by `ragkit.connect_async()`, or over any transport.

    Attributes:
        endpoint: where the calls go, for people.
    """

    def __init__(
        self,
        transport: AsyncTransport,
        endpoint: str = "custom transport",
        *,
        retry: RetryPolicy | None = None,
        timeout: float | None = None,
    ) -> None:
        super().__init__(endpoint, retry, timeout)
        self._transport = transport

    @property
    def corpora(self) -> Corpora[AsyncClient]:
        """Methods on corpora."""
        return Corpora(self)

    @property
    def documents(self) -> Documents[AsyncClient]:
        """Methods on documents."""
        return Documents(self)

    @property
    def chunks(self) -> Chunks[AsyncClient]:
        """Methods on chunks."""
        return Chunks(self)

    @property
    def models(self) -> Models[AsyncClient]:
        """Methods on models."""
        return Models(self)

    async def perform(self, call: Call[ReplyT]) -> ReplyT:
        """Carry out a described call; what every method of the resources does."""
        from anyio import sleep

        steps = perform(call, self._retry, self._timeout)
        step = next(steps)
        while True:
            outcome: Outcome = None
            if isinstance(step, Wait):
                await sleep(step.seconds)
            else:
                try:
                    outcome = await self._transport.send(step)
                except TransportError as error:
                    outcome = error
            try:
                step = steps.send(outcome)
            except StopIteration as stop:
                return stop.value  # type: ignore[no-any-return]

    def paginate(self, paged_call: PagedCall[T]) -> AsyncPager[T]:
        """The items of a described list call."""
        return AsyncPager(self, paged_call)

    async def close(self) -> None:
        """Give back connections and files."""
        await self._transport.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self.close()
