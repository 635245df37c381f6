"""The pace of calls, and batches of which a part is refused."""

import threading
from collections import Counter
from collections.abc import Callable
from itertools import pairwise

import hypothesis.strategies as st
import pytest
from hypothesis import given

from ragkit.api.errors import InvalidArgument, PermissionDenied, ResourceExhausted, TransportError
from ragkit.ingest.pushing import MOST_REFUSALS, Batches, Pace


@given(st.integers(0, 450), st.data())
def test_what_is_refused_is_found_and_all_else_is_sent_once(count, data):
    bad = data.draw(st.sets(st.integers(0, max(0, count - 1)), max_size=MOST_REFUSALS - 1))
    bad = {item for item in bad if item < count}
    acknowledged: Counter[int] = Counter()
    told: list[int] = []

    def call(items):
        assert 0 < len(items) <= 100
        if bad & set(items):
            raise InvalidArgument("requests[3]: is bad")
        acknowledged.update(items)

    batches = Batches(call, told.append)
    batches.send(range(count))
    assert {item for item, _ in batches.refused} == bad
    assert acknowledged == Counter(set(range(count)) - bad)
    assert batches.sent == sum(told) == count - len(bad)


def test_where_everything_is_refused_it_ends_soon():
    calls = []

    def call(items):
        calls.append(items)
        raise InvalidArgument("no")

    batches = Batches(call, lambda _: None)
    batches.send(range(1000))
    assert len(batches.refused) == MOST_REFUSALS
    assert len(calls) < 40


def test_other_errors_are_not_the_batchs_fault():
    def call(items):
        raise PermissionDenied("not yours")

    batches = Batches(call, lambda _: None)
    with pytest.raises(PermissionDenied):
        batches.send(range(10))
    assert batches.refused == []


class Clock:
    """Time that passes only when it is told to, or when a pace waits."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def passing(clock: Clock, pace: Pace) -> Pace:
    """Let a pace's waits pass on its clock at once."""

    def wait(timeout: float | None = None) -> bool:
        assert timeout is not None, "it waits for another call, and there is none"
        clock.now += timeout
        return True

    pace._changed.wait = wait  # type: ignore[method-assign]
    return pace


def exhausted(retry_after: float | None = None) -> ResourceExhausted:
    error = ResourceExhausted("slow down")
    error.retry_after = retry_after
    return error


def test_calls_that_go_well_become_more_up_to_the_most():
    pace = Pace(8)
    assert pace.limit == Pace.FIRST
    for _ in range(200):
        pace(lambda: None)
    assert pace.limit == 8


def test_a_429_halves_them_waits_as_told_and_sends_again():
    clock = Clock()
    pace = passing(clock, Pace(16, clock=clock))
    answers = iter([exhausted(7.0), exhausted(7.0), "done"])
    sent = []

    def send():
        sent.append(clock.now)
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    assert pace(send) == "done"
    assert sent == [1000.0, 1007.0, 1014.0]
    assert pace.limit == 2  # 4, 2, 1, and one more for what went well


def test_without_a_time_named_the_pauses_double():
    clock = Clock()
    pace = passing(clock, Pace(16, clock=clock))
    sent = []

    def send():
        sent.append(clock.now)
        if len(sent) < 6:
            raise exhausted()

    pace(send)
    pauses = [later - earlier for earlier, later in pairwise(sent)]
    assert pauses == [2.0, 4.0, 8.0, 16.0, 32.0]


def test_patience_ends():
    clock = Clock()
    pace = passing(clock, Pace(16, clock=clock, patience=60))

    def send():
        raise exhausted(9.0)

    with pytest.raises(ResourceExhausted):
        pace(send)
    assert 60 < clock.now - 1000 <= 70


def test_slow_answers_mean_fewer_calls_and_quick_ones_more():
    clock = Clock()
    pace = Pace(16, clock=clock)

    def taking(seconds: float) -> Callable[[], None]:
        def send() -> None:
            clock.now += seconds

        return send

    for _ in range(40):
        pace(taking(0.1))
    quick = pace.limit
    assert quick > 6
    for _ in range(20):
        pace(taking(2.0))
    assert pace.limit == 1
    for _ in range(40):
        pace(taking(0.1))
    assert pace.limit >= quick
    for _ in range(20):
        pace(taking(2.0), "another kind")
    assert pace.limit >= quick


def test_never_more_at_a_time_than_the_limit():
    pace = Pace(3, slow=float("inf"))
    under_way, most, lock = 0, 0, threading.Lock()
    gate = threading.Barrier(3, timeout=10)

    def send():
        nonlocal under_way, most
        with lock:
            under_way += 1
            most = max(most, under_way)
        gate.wait()  # three are under way together
        with lock:
            under_way -= 1

    threads = [threading.Thread(target=pace, args=(send,)) for _ in range(9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert most == 3


def test_what_waits_is_let_go_when_it_is_stopped():
    pace = Pace(1)
    inside, leave = threading.Event(), threading.Event()
    caught: list[object] = []

    def hold():
        inside.set()
        assert leave.wait(10)

    def wait():
        try:
            pace(lambda: caught.append("sent"))
        except TransportError as error:
            caught.append(error.sent)

    first = threading.Thread(target=pace, args=(hold,))
    first.start()
    assert inside.wait(10)
    second = threading.Thread(target=wait)
    second.start()
    pace.stop()
    second.join(10)
    leave.set()
    first.join(10)
    assert caught == [False]


def test_embedded_calls_go_through_as_they_are():
    pace = Pace(None)
    assert pace(lambda: 5) == 5
    with pytest.raises(ResourceExhausted):
        pace(lambda: (_ for _ in ()).throw(exhausted()))
