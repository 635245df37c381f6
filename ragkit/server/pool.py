"""Worker threads: a bounded number of requests at work, and a bounded number waiting."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from ragkit.api.errors import DeadlineExceeded, Unavailable

T = TypeVar("T")


class Pool:
    """Runs functions in threads for coroutines.

    Arguments:
        threads: how many run at once.
        waiting: how many may wait beside those that run.
        name: the threads' names begin so.
    """

    def __init__(self, threads: int, waiting: int, name: str) -> None:
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._most = threads + waiting
        self._busy = 0
        self._lock = threading.Lock()

    @property
    def busy(self) -> int:
        """How many functions run or wait."""
        return self._busy

    def submit(self, function: Callable[[], T]) -> Future[T]:
        """Have a function run.

        Raises:
            Unavailable: too many wait already.
        """
        with self._lock:
            if self._busy >= self._most:
                raise Unavailable(
                    f"the server is busy: {self._busy} requests are under way; try again later"
                )
            self._busy += 1
        try:
            future = self._executor.submit(function)
        except RuntimeError:  # shut down
            self._done()
            raise Unavailable("the server is shutting down") from None
        future.add_done_callback(lambda _: self._done())
        return future

    async def run(self, function: Callable[[], T], seconds: float) -> T:
        """Have a function run and wait for its result.

        A function cannot be stopped: after the time it goes on, and its result is lost.

        Raises:
            Unavailable: too many wait already.
            DeadlineExceeded: it took longer than `seconds`.
        """
        future = self.submit(function)
        try:
            async with asyncio.timeout(seconds):
                return await asyncio.wrap_future(future)
        except TimeoutError:
            if future.done() and not future.cancelled():
                raise  # the function's own
            raise DeadlineExceeded(
                f"there was no result within {seconds:g} seconds; what was asked for may still be "
                "carried out"
            ) from None

    def close(self, seconds: float) -> bool:
        """Take no more functions and wait for those that run; returns whether all have ended."""
        self._executor.shutdown(wait=False, cancel_futures=False)
        deadline = time.monotonic() + seconds
        while self._busy and time.monotonic() < deadline:
            time.sleep(0.01)
        return not self._busy

    def _done(self) -> None:
        with self._lock:
            self._busy -= 1
