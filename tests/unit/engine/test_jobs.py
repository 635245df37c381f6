"""Jobs in the store, their leases, and the worker that carries them out."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragkit.engine import jobs as worker_module
from ragkit.engine.job_records import (
    ItemResult,
    JobRecord,
    JobState,
    Lease,
    LeaseLostError,
    NewJob,
    Outcome,
)
from ragkit.engine.jobs import DeclinedError, Run, Worker
from ragkit.engine.records import RowExistsError, RowNotFoundError
from ragkit.engine.store import Store
from ragkit.engine.store import jobs as store_jobs

LONG = 60.0
"""Seconds that nothing here takes: a test that waits so long has failed."""


@pytest.fixture
def path(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'store.db'}"


@pytest.fixture
def store(path: str) -> Iterator[Store]:
    opened = Store(path)
    yield opened
    opened.close()


def create(store: Store, name: str = "batches/b", items: int = 3, **fields: Any) -> JobRecord:
    requests = [f"request {number}".encode() for number in range(items)]
    job = NewJob(name=name, kind="work", owner="", spec="{}", **fields)
    return store.create_job(job, iter(requests))


def claimed(store: Store, seconds: float = LONG) -> Lease:
    lease = store.claim_job({"work"}, seconds)
    assert lease is not None
    return lease


def done(*numbers: int) -> list[ItemResult]:
    return [ItemResult(number, Outcome.DONE, b"done") for number in numbers]


def results(store: Store, job: JobRecord) -> dict[int, bytes]:
    return {one.number: one.result for one in store.item_results(job.key)}


def fail(store: Store, lease: Lease, error: Exception) -> None:
    store.end_job(lease, JobState.FAILED, error=str(error))


class Until:
    """Waits for a job to be in a state, by looking."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def __call__(self, name: str, *states: JobState) -> JobRecord:
        ticks = threading.Event()
        for _ in range(int(LONG / 0.01)):
            job = self.store.get_job(name)
            if job.state in states:
                return job
            ticks.wait(0.01)
        raise AssertionError(f"{name} is {job.state.name}")


@pytest.fixture
def until(store: Store) -> Until:
    return Until(store)


@pytest.fixture
def work(store: Store) -> Iterator[Callable[..., Worker]]:
    """Starts workers that carry out jobs of the kind "work", and stops them in the end."""
    workers: list[Worker] = []

    def start(execute: Callable[[Run], None], *, on: Store = store, stay: bool = False) -> Worker:
        worker = Worker(on, {"work": execute}, fail)
        workers.append(worker)
        worker.wake(stay=stay)
        return worker

    yield start
    for worker in workers:
        worker.stop(LONG)


def all_items(run: Run) -> None:
    for item in run.items():
        run.record(item.number, Outcome.DONE, item.request.upper())
    if run.all_done:
        run.end(lambda store, lease: store.end_job(lease, JobState.SUCCEEDED, "result"))


# The store


def test_a_job_is_kept_as_it_was_created(store):
    job = create(store, items=3, priority=-5, display_name="B", lifetime=1_000_000)
    assert job == store.get_job("batches/b")
    assert (job.state, job.items, job.succeeded, job.failed) == (JobState.PENDING, 3, 0, 0)
    assert (job.priority, job.display_name) == (-5, "B")
    assert job.expire_time == job.create_time + 1_000_000
    assert [item.request for item in store.open_items(job.key, 10)] == [
        b"request 0",
        b"request 1",
        b"request 2",
    ]


def test_a_name_is_taken_once(store):
    create(store)
    with pytest.raises(RowExistsError):
        create(store)


def test_what_fails_while_requests_are_read_leaves_nothing(store):
    def broken() -> Iterator[bytes]:
        yield b"one"
        raise ValueError("unreadable")

    with pytest.raises(ValueError, match="unreadable"):
        store.create_job(NewJob("batches/b", "work", "", "{}"), broken())
    with pytest.raises(RowNotFoundError):
        store.get_job("batches/b")


@pytest.mark.parametrize("act", ["get_job", "cancel_job", "delete_job"])
def test_a_job_that_is_not_there(store, act):
    with pytest.raises(RowNotFoundError, match="batches/b"):
        getattr(store, act)("batches/b")


def test_jobs_are_listed_in_order_of_creation_by_the_beginning_of_their_names(store):
    for name in ("batches/a", "tunedModels/a/operations/x", "batches/c", "batchesX/b"):
        create(store, name)
    first, second = store.list_jobs("batches/", 10)
    assert (first.name, second.name) == ("batches/a", "batches/c")
    assert store.list_jobs("batches/", 1) == [first]
    assert store.list_jobs("batches/", 10, (first.create_time, first.key)) == [second]
    assert store.list_jobs("b%", 10) == []


def test_the_job_of_highest_priority_is_taken_first_then_the_oldest(store):
    for name, priority in (("a", 0), ("b", 3), ("c", -1), ("d", 3)):
        create(store, name, priority=priority)
    assert [claimed(store).job.name for _ in range(4)] == ["b", "d", "a", "c"]
    assert store.claim_job({"work"}, LONG) is None


def test_only_jobs_of_the_kinds_asked_for_are_taken(store):
    job = create(store)
    assert store.claim_job({"other"}, LONG) is None
    assert store.claim_job({"work"}, LONG, without={job.key}) is None
    assert not store.unfinished_jobs({"other"})
    assert store.unfinished_jobs({"work"})


def test_a_lease_excludes_others_until_it_runs_out(store):
    create(store)
    first = claimed(store, seconds=0)
    second = claimed(store)
    assert first.token != second.token
    assert (first.attempts, second.attempts) == (1, 2)
    assert store.claim_job({"work"}, LONG) is None


@pytest.mark.parametrize(
    "act",
    [
        lambda store, lease: store.record_items(lease, done(0), LONG),
        lambda store, lease: store.renew_lease(lease, LONG),
        lambda store, lease: store.release_lease(lease),
        lambda store, lease: store.end_job(lease, JobState.SUCCEEDED),
    ],
)
@pytest.mark.parametrize("how", ["taken over", "cancelled", "deleted"])
def test_who_has_lost_a_lease_changes_nothing(store, act, how):
    job = create(store)
    lease = claimed(store, seconds=0)
    if how == "taken over":
        claimed(store)
    elif how == "cancelled":
        store.cancel_job(job.name)
    else:
        store.delete_job(job.name)
    with pytest.raises(LeaseLostError):
        act(store, lease)
    assert results(store, job) == {}
    if how == "taken over":
        assert store.get_job(job.name).state is JobState.RUNNING
    elif how == "cancelled":
        assert store.get_job(job.name).state is JobState.CANCELLED


def test_an_item_gets_one_result_only(store):
    job = create(store)
    first = claimed(store)
    store.record_items(first, done(0), LONG)
    store.record_items(first, [ItemResult(0, Outcome.FAILED, b"again")], LONG)
    assert results(store, job) == {0: b"done"}
    counted = store.get_job(job.name)
    assert (counted.succeeded, counted.failed) == (1, 0)


def test_progress_forgets_attempts_and_drops_requests(store):
    job = create(store)
    for _ in range(3):
        lease = claimed(store, seconds=0)
    store.record_items(lease, done(1), 0)
    assert claimed(store).attempts == 1
    assert [item.number for item in store.open_items(job.key, 10)] == [0, 2]
    assert store.result_bytes(job.key) == len(b"done")


def test_cancelling_what_has_ended_changes_nothing(store):
    job = create(store)
    store.end_job(claimed(store), JobState.SUCCEEDED, "result")
    before = store.get_job(job.name)
    store.cancel_job(job.name)
    assert store.get_job(job.name) == before


def test_jobs_expire(store, monkeypatch):
    create(store, "batches/old", lifetime=1)
    create(store, "batches/young", lifetime=3_600_000_000)
    create(store, "batches/ended", lifetime=1)
    store.cancel_job("batches/ended")
    assert store.expire_jobs() == 1
    states = {job.name: job.state for job in store.list_jobs("batches/", 10)}
    assert states == {
        "batches/old": JobState.EXPIRED,
        "batches/young": JobState.PENDING,
        "batches/ended": JobState.CANCELLED,
    }


@settings(deadline=None, max_examples=25)
@given(
    total=st.integers(0, 12),
    acts=st.lists(st.sampled_from(["record", "fail", "take", "release"]), max_size=25),
)
def test_whatever_happens_each_item_has_at_most_one_result_and_the_numbers_agree(total, acts):
    store = Store("sqlite://")
    try:
        job = create(store, items=total)
        holders = [claimed(store, seconds=0)]
        recorded: dict[int, bytes] = {}
        for number, act in enumerate(acts):
            held = holders[number % len(holders)]
            item = number % max(1, total)
            try:
                if act == "take":
                    holders.append(claimed(store, seconds=0))
                elif act == "release":
                    store.release_lease(held)
                else:
                    outcome = Outcome.DONE if act == "record" else Outcome.FAILED
                    text = f"{number}".encode()
                    store.record_items(held, [ItemResult(item, outcome, text)], 0)
                    if item < total:
                        recorded.setdefault(item, text)
            except LeaseLostError:
                assert held is not holders[-1] or "release" in acts
        assert results(store, job) == recorded
        counted = store.get_job(job.name)
        assert counted.succeeded + counted.failed == len(recorded)
        assert len(store.open_items(job.key, 100)) == total - len(recorded)
    finally:
        store.close()


# The worker


def test_a_worker_carries_out_what_there_is(store, work, until):
    job = create(store, items=250)  # more than are read at once
    work(all_items)
    ended = until(job.name, JobState.SUCCEEDED)
    assert (ended.result, ended.succeeded, ended.failed) == ("result", 250, 0)
    assert list(results(store, job).values()) == [
        f"REQUEST {number}".encode() for number in range(250)
    ]
    assert 0 < ended.start_time <= ended.end_time


def test_a_job_without_items_ends_too(store, work, until):
    work(all_items)
    job = create(store, items=0)
    work(all_items)
    until(job.name, JobState.SUCCEEDED)


def test_a_worker_that_does_not_stay_ends_its_thread_and_begins_again(store, work, until):
    worker = work(all_items)
    thread = worker._thread
    if thread is not None:
        thread.join(LONG)
    assert worker._thread is None
    job = create(store)
    worker.wake()
    until(job.name, JobState.SUCCEEDED)


def test_a_worker_that_stays_finds_what_others_create(path, store, work, until, monkeypatch):
    monkeypatch.setattr(worker_module, "POLL_SECONDS", 0.01)
    work(all_items, stay=True)
    other = Store(path)
    job = create(other)
    other.close()
    until(job.name, JobState.SUCCEEDED)


def test_stopping_between_items_lets_another_go_on(store, work, until):
    job = create(store, items=3)
    began, go_on = threading.Event(), threading.Event()
    seen: list[int] = []

    def slowly(run: Run) -> None:
        for item in run.items():
            seen.append(item.number)
            began.set()
            assert go_on.wait(LONG)
            run.record(item.number, Outcome.DONE, b"first")
        assert not run.all_done

    worker = work(slowly)
    assert began.wait(LONG)
    stopper = threading.Thread(target=worker.stop, args=(LONG,))
    stopper.start()
    assert worker._stopping.wait(LONG)
    go_on.set()
    stopper.join(LONG)
    assert seen == [0]
    assert results(store, job) == {0: b"first"}
    # Nobody has to wait for the lease to run out.
    work(all_items)
    until(job.name, JobState.SUCCEEDED)
    assert results(store, job) == {0: b"first", 1: b"REQUEST 1", 2: b"REQUEST 2"}


def test_an_item_that_takes_too_long_for_a_stop_is_given_up(store, work, until):
    job = create(store, items=1)
    began, go_on, ended = threading.Event(), threading.Event(), threading.Event()

    def stuck(run: Run) -> None:
        for item in run.items():
            began.set()
            assert go_on.wait(LONG)
            try:
                run.record(item.number, Outcome.DONE, b"late")
                run.flush()
            finally:
                ended.set()

    worker = work(stuck)
    assert began.wait(LONG)
    worker.stop(0)
    work(all_items)
    until(job.name, JobState.SUCCEEDED)
    go_on.set()
    assert ended.wait(LONG)
    assert results(store, job) == {0: b"REQUEST 0"}


def test_a_lease_is_renewed_while_an_item_takes_long(store, work, until, monkeypatch):
    monkeypatch.setattr(worker_module, "LEASE_SECONDS", 0.06)
    renewed = threading.Event()
    count: list[float] = []
    renew = Store.renew_lease

    def counted(self: Store, lease: Lease, seconds: float) -> None:
        renew(self, lease, seconds)
        count.append(seconds)
        if len(count) == 3:
            renewed.set()

    monkeypatch.setattr(Store, "renew_lease", counted)
    job = create(store, items=1)

    def long(run: Run) -> None:
        assert renewed.wait(LONG)
        all_items(run)

    work(long)
    until(job.name, JobState.SUCCEEDED)


def test_a_dead_holders_job_is_taken_over(store, work, until, monkeypatch):
    monkeypatch.setattr(worker_module, "POLL_SECONDS", 0.01)
    job = create(store)
    dead = claimed(store, seconds=0.2)
    store.record_items(dead, done(0), 0.2)
    work(all_items)
    until(job.name, JobState.SUCCEEDED)
    assert results(store, job) == {0: b"done", 1: b"REQUEST 1", 2: b"REQUEST 2"}


def test_a_job_that_is_cancelled_while_it_runs_stops_there(store, work, until):
    job = create(store, items=3)
    began, go_on, left = threading.Event(), threading.Event(), threading.Event()

    def slowly(run: Run) -> None:
        try:
            for item in run.items():
                began.set()
                assert go_on.wait(LONG)
                run.record(item.number, Outcome.DONE, b"too late")
                run.flush()
        finally:
            left.set()

    work(slowly)
    assert began.wait(LONG)
    store.cancel_job(job.name)
    go_on.set()
    assert left.wait(LONG)
    assert results(store, job) == {}
    assert store.get_job(job.name).state is JobState.CANCELLED


def test_a_long_job_gives_way_to_one_of_higher_priority(store, work, until, monkeypatch):
    monkeypatch.setattr(worker_module, "SLICE_SECONDS", 0.0)
    create(store, "batches/long", items=3)
    order: list[str] = []

    def noting(run: Run) -> None:
        for item in run.items():
            order.append(f"{run.job.name} {item.number}")
            if len(order) == 1:
                create(store, "batches/urgent", items=1, priority=1)
            run.record(item.number, Outcome.DONE, b"")
        if run.all_done:
            run.end(lambda store, lease: store.end_job(lease, JobState.SUCCEEDED))

    work(noting)
    until("batches/long", JobState.SUCCEEDED)
    assert order == ["batches/long 0", "batches/urgent 0", "batches/long 1", "batches/long 2"]


def test_what_one_process_declines_another_may_do(path, store, work, until):
    job = create(store)

    def declines(run: Run) -> None:
        raise DeclinedError("no model here")

    worker = work(declines)
    thread = worker._thread
    if thread is not None:
        thread.join(LONG)
    assert store.get_job(job.name).state is JobState.RUNNING
    work(all_items)
    until(job.name, JobState.SUCCEEDED)


def test_a_mistake_fails_the_job_and_the_worker_goes_on(store, work, until, caplog):
    create(store, "batches/bad")
    create(store, "batches/good")

    def execute(run: Run) -> None:
        if run.job.name == "batches/bad":
            raise ValueError("a mistake")
        all_items(run)

    work(execute)
    assert until("batches/bad", JobState.FAILED).error == "a mistake"
    until("batches/good", JobState.SUCCEEDED)
    assert "batches/bad failed" in caplog.text


def test_a_job_that_kills_its_process_again_and_again_fails(store, work, until):
    job = create(store)
    for _ in range(worker_module.MAX_ATTEMPTS):
        claimed(store, seconds=0)
    work(all_items)
    assert "before there was any progress" in until(job.name, JobState.FAILED).error


def test_a_mistake_in_ending_a_job_does_not_end_the_worker(store, work, until, monkeypatch):
    monkeypatch.setattr(worker_module, "POLL_SECONDS", 0.01)
    monkeypatch.setattr(worker_module, "LEASE_SECONDS", 0.03)
    job = create(store)
    failures: list[Exception] = []

    def execute(run: Run) -> None:
        raise ValueError("a mistake")

    def cannot(store: Store, lease: Lease, error: Exception) -> None:
        failures.append(error)
        if len(failures) == 1:
            raise TypeError("another one")
        fail(store, lease, error)

    worker = Worker(store, {"work": execute}, cannot)
    worker.wake()
    until(job.name, JobState.FAILED)
    worker.stop(LONG)


def test_results_are_recorded_together_but_not_late(store, work, until, monkeypatch):
    calls: list[int] = []
    record = store_jobs.Jobs.record_items

    def counted(self: Store, lease: Lease, items: list[ItemResult], seconds: float) -> None:
        calls.append(len(items))
        record(self, lease, items, seconds)

    monkeypatch.setattr(Store, "record_items", counted)
    monkeypatch.setattr(worker_module, "RECORD_SECONDS", LONG)
    job = create(store, items=50)
    work(all_items)
    until(job.name, JobState.SUCCEEDED)
    assert calls == [50]
    calls.clear()
    monkeypatch.setattr(worker_module, "RECORD_SECONDS", 0.0)
    job = create(store, "batches/c", items=5)
    work(all_items)
    until(job.name, JobState.SUCCEEDED)
    assert calls == [1] * 5


def test_a_stopped_worker_does_not_begin_again(store):
    worker = Worker(store, {"work": all_items}, fail)
    worker.stop(LONG)
    job = create(store)
    worker.wake()
    assert worker._thread is None
    assert store.get_job(job.name).state is JobState.PENDING
