"""What an upload asks of its driver, and the two drivers."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Generator
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

from ragkit.api.errors import TransportError
from ragkit.api.wire import HttpRequest, HttpResponse
from ragkit.client._retry import Wait
from ragkit.client._upload_sources import UploadSource


@dataclass(frozen=True, slots=True)
class ReadPiece:
    """To be read from the source: `size` bytes at `offset`, fewer only at the end."""

    offset: int
    size: int


Step: TypeAlias = HttpRequest | Wait | ReadPiece
Outcome: TypeAlias = HttpResponse | TransportError | bytes | None
"""What a driver sends back: the reply or why there is none, the piece, None after a wait."""
T = TypeVar("T")
Steps: TypeAlias = Generator[Step, Outcome, T]


def drive(steps: Steps[T], source: UploadSource, send: Callable[[HttpRequest], HttpResponse]) -> T:
    """Do what `upload` yields; `send` raises TransportError when no whole reply arrives."""
    outcome: Outcome = None
    while True:
        try:
            step = steps.send(outcome)
        except StopIteration as stop:
            return stop.value  # type: ignore[no-any-return]
        outcome = None
        if isinstance(step, Wait):
            time.sleep(step.seconds)
        elif isinstance(step, ReadPiece):
            outcome = source.read(step.offset, step.size)
        else:
            try:
                outcome = send(step)
            except TransportError as error:
                outcome = error


async def drive_async(
    steps: Steps[T], source: UploadSource, send: Callable[[HttpRequest], Awaitable[HttpResponse]]
) -> T:
    """The asynchronous twin of `drive`; waits for disks and pipes in a worker thread."""
    from anyio import sleep, to_thread

    outcome: Outcome = None
    while True:
        try:
            step = steps.send(outcome)
        except StopIteration as stop:
            return stop.value  # type: ignore[no-any-return]
        outcome = None
        if isinstance(step, Wait):
            await sleep(step.seconds)
        elif isinstance(step, ReadPiece):
            if source.blocking:
                outcome = await to_thread.run_sync(source.read, step.offset, step.size)
            else:
                outcome = source.read(step.offset, step.size)
        else:
            try:
                outcome = await send(step)
            except TransportError as error:
                outcome = error
