"""The worker: a thread that carries out the store's jobs, one after the other.

Any process may have a worker, and several may work on one store: a job belongs to whoever holds
its lease. A holder that dies stops renewing, and when the lease has run out, another goes on with
the items that have no result yet. So an item whose result was not recorded may be worked on again,
but no item ever gets a second result.
"""

from __future__ import annotations

import atexit
import logging
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Final, TypeAlias

from ragkit.engine.job_records import (
    ItemResult,
    JobItem,
    JobRecord,
    Lease,
    LeaseLostError,
    Outcome,
)
from ragkit.engine.records import EngineError

if TYPE_CHECKING:
    from ragkit.engine.store import Store

LOGGER = logging.getLogger("ragkit.jobs")
LOGGER.addHandler(logging.NullHandler())

LEASE_SECONDS: Final = 15.0
"""How long a dead holder keeps others waiting. It is renewed three times as often."""
POLL_SECONDS: Final = 1.0
"""How often a worker with nothing to do looks for what other processes left or created."""
RECORD_SECONDS: Final = 0.25
"""Results are recorded at least so often: a transaction for each would dwarf the work."""
SLICE_SECONDS: Final = 5.0
"""After so long a job gives way to one of higher priority."""
MAX_ATTEMPTS: Final = 20
"""How often holders die without any progress before the job is taken to be what kills them."""
_PAGE_ITEMS: Final = 100


class DeclinedError(Exception):
    """The process cannot carry out the job, though another may; the message says why."""


class Run:
    """One turn of carrying out a job: its open items, and where their results go.

    Arguments:
        store: where the job is.
        lease: the right to carry it out.
        stopping: set when the worker is to stop.

    Attributes:
        lease: as given.
        ended: whether the job was ended in this turn.
    """

    def __init__(self, store: Store, lease: Lease, stopping: threading.Event) -> None:
        self._store = store
        self.lease = lease
        self._stopping = stopping
        self._lost = threading.Event()
        self.ended = False
        self._pending: list[ItemResult] = []
        self._began = self._recorded = time.monotonic()

    @property
    def job(self) -> JobRecord:
        """The job as it was when it was taken."""
        return self.lease.job

    def items(self) -> Iterator[JobItem]:
        """The items that are open, by number, until the worker is to stop or the turn is over.

        Use `all_done` to tell whether none was left.
        """
        self._began = time.monotonic()
        while True:
            page = self._store.open_items(self.job.key, _PAGE_ITEMS)
            for item in page:
                if self.stopped:
                    return
                yield item
                if self.interrupted:
                    return
            self.flush()
            if len(page) < _PAGE_ITEMS:
                return

    @property
    def interrupted(self) -> bool:
        """Whether to leave off before the next item."""
        return self.stopped or time.monotonic() - self._began > SLICE_SECONDS

    @property
    def stopped(self) -> bool:
        """Whether to leave off even within an item: the worker stops, or the lease is lost."""
        return self._stopping.is_set() or self._lost.is_set()

    @property
    def all_done(self) -> bool:
        """Whether every item has a result; what was not recorded yet is recorded first."""
        self.flush()
        return not self._store.open_items(self.job.key, 1)

    def pause(self, seconds: float) -> None:
        """Wait, unless the worker is to stop meanwhile."""
        self._stopping.wait(seconds)

    def record(self, number: int, outcome: Outcome, result: bytes) -> None:
        """Keep what became of an item; durable with the next `flush`, at latest after a moment.

        Raises:
            LeaseLostError: the job is another's by now.
        """
        self._pending.append(ItemResult(number, outcome, result))
        if time.monotonic() - self._recorded >= RECORD_SECONDS:
            self.flush()

    def flush(self) -> None:
        """Record what was kept. Raises LeaseLostError."""
        if self._pending:
            self._store.record_items(self.lease, self._pending, LEASE_SECONDS)
            self._pending.clear()
        self._recorded = time.monotonic()

    def end(self, write: Callable[[Store, Lease], None]) -> None:
        """End the job by a function that does so in one transaction. Raises LeaseLostError."""
        self.flush()
        write(self._store, self.lease)
        self.ended = True

    def keep(self, done: threading.Event) -> None:
        """Renew the lease until `done` is set or the lease is lost."""
        while not done.wait(LEASE_SECONDS / 3):
            try:
                self._store.renew_lease(self.lease, LEASE_SECONDS)
            except LeaseLostError:
                self._lost.set()
                return
            except EngineError as error:
                LOGGER.warning("the lease of %s is not renewed: %s", self.job.name, error)

    def release(self) -> None:
        """Record what is done and give the lease back. Raises LeaseLostError."""
        self.flush()
        self._store.release_lease(self.lease)


Executor: TypeAlias = Callable[[Run], None]
"""Carries out a job: works through `Run.items`, and if `Run.all_done`, ends the job.

Whatever it raises, beside `DeclinedError`, `LeaseLostError` and errors of the store, is a mistake
that the same executor would make again: the job fails.
"""
Failure: TypeAlias = Callable[["Store", Lease, Exception], None]
"""Ends a job as failed for a reason, each kind in its own way."""


class Worker:
    """Carries out the jobs of a store in a daemon thread, which is started when it is needed.

    Arguments:
        store: where the jobs are.
        executors: what carries out each kind of job.
        fail: ends a job as failed.
    """

    def __init__(self, store: Store, executors: Mapping[str, Executor], fail: Failure) -> None:
        self._store = store
        self._executors = executors
        self._fail = fail
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._wakened = threading.Event()
        self._stopping = threading.Event()
        self._stays = False
        self._run: Run | None = None
        self._declined: set[int] = set()
        self._at_exit = _stop_at_exit(self)

    def wake(self, *, stay: bool = False) -> None:
        """Look for jobs now.

        Arguments:
            stay: keep looking from now on. Otherwise the thread ends when no job is unfinished.
        """
        with self._lock:
            if self._stopping.is_set():
                return
            self._stays = self._stays or stay
            self._wakened.set()
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(
                    target=self._work, name="ragkit-worker", daemon=True
                )
                self._thread.start()

    def stop(self, timeout: float) -> None:
        """Stop between two items and give the lease back.

        Arguments:
            timeout: seconds to wait for the item that is worked on. If it takes longer, it is given
                up: the lease goes back without it, and whoever takes the job does it again.
        """
        atexit.unregister(self._at_exit)
        with self._lock:
            self._stopping.set()
            self._wakened.set()
            thread = self._thread
        if thread is None or thread is threading.current_thread():
            return
        thread.join(timeout)
        run = self._run
        if thread.is_alive() and run is not None:
            try:
                self._store.release_lease(run.lease)
            except (LeaseLostError, EngineError) as error:
                LOGGER.info("the lease of %s was not given back: %s", run.job.name, error)

    def _work(self) -> None:
        while not self._stopping.is_set():
            self._wakened.clear()
            try:
                self._store.expire_jobs()
                worked = self._take_turn()
                idle = not worked and not self._stays and not self._unfinished()
            except EngineError as error:
                LOGGER.warning("jobs wait, since the store is not available: %s", error)
                worked = idle = False
            except Exception:
                # A mistake in ending a job. Its lease runs out, and it is tried again.
                LOGGER.exception("a job could not be ended")
                worked = idle = False
            if worked:
                continue
            with self._lock:
                if idle and not self._wakened.is_set():
                    self._thread = None
                    return
            self._wakened.wait(POLL_SECONDS)

    def _unfinished(self) -> bool:
        return self._store.unfinished_jobs(self._executors, self._declined)

    def _take_turn(self) -> bool:
        """Carry out a job for a while; whether there was one."""
        lease = self._store.claim_job(self._executors, LEASE_SECONDS, self._declined)
        if lease is None:
            return False
        run = Run(self._store, lease, self._stopping)
        done = threading.Event()
        keeper = threading.Thread(target=run.keep, args=(done,), name="ragkit-lease", daemon=True)
        self._run = run
        keeper.start()
        try:
            self._carry_out(run)
        except LeaseLostError:
            LOGGER.info("%s went to another, was cancelled or deleted", lease.job.name)
        finally:
            done.set()
            self._run = None
        return True

    def _carry_out(self, run: Run) -> None:
        job = run.job
        try:
            if run.lease.attempts > MAX_ATTEMPTS:
                raise RuntimeError(
                    f"{job.name} was begun {MAX_ATTEMPTS} times, and each time the process ended "
                    "before there was any progress"
                )
            self._executors[job.kind](run)
        except DeclinedError as reason:
            LOGGER.info("%s is left to another process: %s", job.name, reason)
            self._declined.add(job.key)
        except (LeaseLostError, EngineError):
            raise
        except Exception as error:
            LOGGER.exception("%s failed", job.name)
            self._fail(self._store, run.lease, error)
            return
        if not run.ended:
            run.release()


def _stop_at_exit(worker: Worker) -> Callable[[], None]:
    """Have a worker stop when the interpreter ends, without keeping either of them waiting.

    A daemon thread would just end there, and its lease keep others waiting until it runs out.
    """
    reference = weakref.ref(worker)

    def stop() -> None:
        living = reference()
        if living is not None:
            living.stop(_EXIT_SECONDS)

    return atexit.register(stop)


_EXIT_SECONDS: Final = 0.5
"""How long the end of a program waits for an item that is worked on."""
