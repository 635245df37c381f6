"""Sending calls to a service at the pace that it can take, and batches of which a part is refused.

**Pace.** Over HTTP several documents are pushed at a time, as many as the service takes: one call
more for each round of calls that went well (additive increase), half as many after a 429
(multiplicative decrease), fewer while calls take much longer than the fastest of their kind did.
After a 429 nothing is sent before the time that the service names has passed; the call is then
sent again: 429 says that it was not carried out. The embedded service has one writer and needs
none of this.

**Batches.** `chunks:batchCreate` takes all of a batch or nothing. If a batch is refused for what
is in it, its halves are sent, and theirs, until each chunk that is refused stands alone.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Generic, TypeVar

from ragkit.api.errors import InvalidArgument, OutOfRange, ResourceExhausted, TransportError
from ragkit.api.limits import MAX_BATCH_SIZE

T = TypeVar("T")

_FOR_ITS_CONTENT = (InvalidArgument, OutOfRange)
"""What a service answers when something in a batch is wrong (also HTTP 413, a body too large)."""
MOST_REFUSALS = 10
"""Refused chunks of one document after which the rest is not tried."""


class Pace:
    """How many calls are under way at a time, and when. Safe to share between threads.

    Args:
        most: the most calls at a time; None for no bound and no waiting, as the embedded service
            wants it.
        patience: seconds without any success after which a 429 is raised.
        slow: times the fastest call of its kind that one may take before fewer are sent.
        clock: tells the time in seconds.
    """

    FIRST = 4
    _FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 60.0
    _NO_MATTER = 0.25  # seconds: differences below that are noise

    def __init__(
        self,
        most: int | None,
        *,
        patience: float = 300.0,
        slow: float = 5.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._most = most
        self._patience = patience
        self._slow = slow
        self._clock = clock
        self._changed = threading.Condition()
        self._limit = float(min(self.FIRST, most or 1))
        self._active = 0
        self._resume = 0.0  # nothing is sent before
        self._cut = 0.0  # when the limit was last lowered
        self._pause = self._FIRST_PAUSE
        self._fastest: dict[str, float] = {}
        self._succeeded = clock()
        self._stopped = False

    @property
    def limit(self) -> int:
        """The calls that may be under way at a time."""
        return int(self._limit)

    def __call__(self, send: Callable[[], T], kind: str = "") -> T:
        """Send something when its turn has come, again after a 429; returns its reply.

        Args:
            send: the call.
            kind: calls of one kind should take about equally long.

        Raises:
            ResourceExhausted: nothing has gone through for `patience` seconds.
            TransportError: `stop` was called while it waited.
            APIError: whatever else `send` raises.
        """
        if self._most is None:
            return send()
        while True:
            self._begin()
            began = self._clock()
            try:
                reply = send()
            except ResourceExhausted as error:
                self._end()
                self._back_off(began, error)
            except BaseException:
                self._end()
                raise
            else:
                self._end()
                self._went_well(began, kind)
                return reply

    def stop(self) -> None:
        """Let nothing more be sent: what waits for its turn raises."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def _begin(self) -> None:
        with self._changed:
            while True:
                if self._stopped:
                    raise TransportError("the run was stopped before this was sent", sent=False)
                left = self._resume - self._clock()
                if left <= 0 and self._active < self.limit:
                    break
                self._changed.wait(left if left > 0 else None)
            self._active += 1

    def _end(self) -> None:
        with self._changed:
            self._active -= 1
            self._changed.notify_all()

    def _went_well(self, began: float, kind: str) -> None:
        assert self._most is not None
        with self._changed:
            now = self._clock()
            took = now - began
            fastest = self._fastest[kind] = min(self._fastest.get(kind, took), took)
            self._succeeded, self._pause = now, self._FIRST_PAUSE
            if took > max(self._slow * fastest, self._NO_MATTER):
                if began >= self._cut:  # sent since: the last cut was not enough
                    self._limit = max(1.0, self._limit * 0.8)
                    self._cut = now
            else:
                self._limit = min(float(self._most), self._limit + 1 / self._limit)
            self._changed.notify_all()

    def _back_off(self, began: float, error: ResourceExhausted) -> None:
        with self._changed:
            now = self._clock()
            if now - self._succeeded > self._patience:
                raise error
            if began >= self._cut:  # several refusals of one moment count once
                self._limit = max(1.0, self._limit / 2)
                self._cut = now
                if error.retry_after is None:
                    self._pause = min(self._LONGEST_PAUSE, 2 * self._pause)
            wait = self._pause if error.retry_after is None else error.retry_after
            self._resume = max(self._resume, now + wait)


class Room:
    """Lets files in, so many at a time and of so many bytes together; a larger one comes alone.

    What has been read waits in memory until it is pushed: this bounds it.

    Args:
        places: the most files.
        size: the most bytes.
    """

    def __init__(self, places: int, size: int) -> None:
        self._places = places
        self._size = size
        self._files = 0
        self._bytes = 0
        self._left = threading.Condition()

    def enter(self, size: int) -> None:
        """Wait until there is room for a file of so many bytes, and take it."""
        with self._left:
            while self._files and (self._files >= self._places or self._bytes + size > self._size):
                self._left.wait()
            self._files += 1
            self._bytes += size

    def leave(self, size: int) -> None:
        """Give back the room of a file of so many bytes."""
        with self._left:
            self._files -= 1
            self._bytes -= size
            self._left.notify()


class Batches(Generic[T]):
    """Sends items in batches and keeps apart those that are refused.

    Attributes:
        sent: how many were acknowledged.
        refused: those that were not, with the service's error.

    Args:
        call: sends one batch, all of it or nothing.
        pushed: told the number of items each time some have been acknowledged.
    """

    def __init__(
        self, call: Callable[[Sequence[T]], object], pushed: Callable[[int], None]
    ) -> None:
        self._call = call
        self._pushed = pushed
        self.sent = 0
        self.refused: list[tuple[T, Exception]] = []

    def send(self, items: Sequence[T]) -> None:
        """Send items, each acknowledged once at most.

        Raises:
            APIError: of another kind than a refusal of what is in a batch.
        """
        waiting = list(_full(items))[::-1]
        while waiting and len(self.refused) < MOST_REFUSALS:
            batch = waiting.pop()
            try:
                self._call(batch)
            except _FOR_ITS_CONTENT as error:
                if len(batch) == 1:
                    self.refused.append((batch[0], error))
                else:
                    middle = len(batch) // 2
                    waiting += [batch[middle:], batch[:middle]]
            else:
                self.sent += len(batch)
                self._pushed(len(batch))


def _full(items: Sequence[T]) -> Iterator[Sequence[T]]:
    for start in range(0, len(items), MAX_BATCH_SIZE):
        yield items[start : start + MAX_BATCH_SIZE]
