"""The two clients: one for each way of waiting."""

from __future__ import annotations

import time
from contextlib import closing
from copy import copy
from typing import TYPE_CHECKING, Self, TypeVar

from ragkit.api.base import ProtoModel
from ragkit.api.errors import TransportError
from ragkit.api.wire import HttpRequest, HttpResponse
from ragkit.client._availability import supports
from ragkit.client._budget import RetryBudget
from ragkit.client._calls import AsyncPager, Call, PagedCall, Pager
from ragkit.client._retry import Outcome, RetryPolicy, Steps, Wait, perform
from ragkit.client._streams import (
    AsyncStream,
    AsyncStreamedReply,
    AsyncWholeReply,
    Stream,
    StreamedReply,
    WholeReply,
    as_events,
)
from ragkit.client._transports import (
    AsyncStreamingTransport,
    AsyncTransport,
    StreamingTransport,
    Transport,
)

if TYPE_CHECKING:
    from ragkit.api.files import File
    from ragkit.client._begun import Begun, Upload
    from ragkit.client._operations import AsyncOperationHandle, OperationHandle
    from ragkit.client._resources.corpora import Chunks, Corpora, Documents
    from ragkit.client._resources.media import CachedContents, Files
    from ragkit.client._resources.models import Models
    from ragkit.client._resources.permissions import Permissions
    from ragkit.client._resources.tuned_models import Batches, TunedModels
    from ragkit.client._upload_sources import UploadSource
    from ragkit.client._upload_steps import Steps as UploadSteps

T = TypeVar("T")
ReplyT = TypeVar("ReplyT", bound=ProtoModel)
ResultT = TypeVar("ResultT")
MetadataT = TypeVar("MetadataT", bound=ProtoModel)


class BaseClient:
    """What does not depend on how one waits."""

    def __init__(self, endpoint: str, retry: RetryPolicy | None, timeout: float | None) -> None:
        self.endpoint = endpoint
        self._retry = retry or RetryPolicy()
        self._timeout = timeout
        self._budget = RetryBudget()

    def supports(self, method_id: str) -> bool:
        """Whether the other side offers a method, such as "corpora.query", as far as is known.

        Google's endpoint has closed some; of others nothing is known, and the answer is True.

        Raises:
            ValueError: the API has no such method.
        """
        return supports(self.endpoint, method_id)

    def _steps(self, call: Call[ReplyT]) -> Steps[ReplyT]:
        return perform(
            call, self._retry, self._timeout, endpoint=self.endpoint, budget=self._budget
        )

    def _upload_steps(self, described: Upload, source: UploadSource) -> UploadSteps[File]:
        from ragkit.client._uploads import upload

        return upload(
            source,
            name=described.name,
            display_name=described.display_name,
            mime_type=described.mime_type,
            policy=self._retry,
            timeout=self._timeout,
            progress=described.progress,
            endpoint=self.endpoint,
            budget=self._budget,
        )

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


class Client(BaseClient):
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

    def perform(self, call: Call[ReplyT]) -> ReplyT:
        """Carry out a described call; what every method of the resources does."""
        steps = self._steps(call)
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

    def stream(self, call: Call[ReplyT]) -> Stream[ReplyT]:
        """Carry out a described call whose response is a stream.

        Opening it follows the same rules of trying again as any call; once it is open, what
        breaks it is raised.
        """
        steps = self._steps(call)
        step = next(steps)
        while True:
            outcome: Outcome = None
            if isinstance(step, Wait):
                time.sleep(step.seconds)
            else:
                try:
                    reply = self._open(as_events(step))
                    if reply.status < 300:
                        steps.close()
                        return Stream(reply, call.method)
                    with closing(reply):
                        outcome = HttpResponse(reply.status, b"".join(reply), reply.headers)
                except TransportError as error:
                    outcome = error
            step = steps.send(outcome)

    def _open(self, request: HttpRequest) -> StreamedReply:
        if isinstance(self._transport, StreamingTransport):
            return self._transport.open(request)
        return WholeReply(self._transport.send(request))

    def begin(self, begun: Begun[ResultT, MetadataT]) -> OperationHandle[ResultT, MetadataT]:
        """Carry out a described call that begins an operation; returns a handle to wait for."""
        from ragkit.client._operations import OperationHandle

        return OperationHandle(self, self.perform(begun.call), begun.kind)

    def upload(self, described: Upload) -> File:
        """Carry out a described upload."""
        from ragkit.client._upload_sources import UploadSource
        from ragkit.client._upload_steps import drive

        with UploadSource.of(described.file) as source:
            return drive(self._upload_steps(described, source), source, self._transport.send)

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


class AsyncClient(BaseClient):
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

    async def perform(self, call: Call[ReplyT]) -> ReplyT:
        """Carry out a described call; what every method of the resources does."""
        from anyio import sleep

        steps = self._steps(call)
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

    def stream(self, call: Call[ReplyT]) -> AsyncStream[ReplyT]:
        """Carry out a described call whose response is a stream; see `Client.stream`."""

        async def open_reply() -> AsyncStreamedReply:
            from anyio import sleep

            steps = self._steps(call)
            step = next(steps)
            while True:
                outcome: Outcome = None
                if isinstance(step, Wait):
                    await sleep(step.seconds)
                else:
                    try:
                        reply = await self._open(as_events(step))
                        if reply.status < 300:
                            steps.close()
                            return reply
                        try:
                            body = b"".join([piece async for piece in reply])
                        finally:
                            await reply.close()
                        outcome = HttpResponse(reply.status, body, reply.headers)
                    except TransportError as error:
                        outcome = error
                step = steps.send(outcome)

        return AsyncStream(open_reply, call.method)

    async def _open(self, request: HttpRequest) -> AsyncStreamedReply:
        if isinstance(self._transport, AsyncStreamingTransport):
            return await self._transport.open(request)
        return AsyncWholeReply(await self._transport.send(request))

    async def begin(
        self, begun: Begun[ResultT, MetadataT]
    ) -> AsyncOperationHandle[ResultT, MetadataT]:
        """Carry out a described call that begins an operation; returns a handle to wait for."""
        from ragkit.client._operations import AsyncOperationHandle

        return AsyncOperationHandle(self, await self.perform(begun.call), begun.kind)

    async def upload(self, described: Upload) -> File:
        """Carry out a described upload."""
        from anyio import to_thread

        from ragkit.client._upload_sources import UploadSource
        from ragkit.client._upload_steps import drive_async

        # Opening a path and reading from it block: they are done in a worker thread.
        with await to_thread.run_sync(UploadSource.of, described.file) as source:
            steps = self._upload_steps(described, source)
            return await drive_async(steps, source, self._transport.send)

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
