"""Work that callers share: everyone gets their own result, whatever the company."""

from __future__ import annotations

import random
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragkit.engine.engine import DraftChunk, Engine
from ragkit.engine.index import scan
from ragkit.engine.index.stored import Stored
from ragkit.engine.records import RowNotFoundError
from ragkit.engine.sharing import Shared


class Work:
    """Doubles numbers, slowly at first; refuses negative ones."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.begun = threading.Event()
        self.groups: list[list[int]] = []

    def __call__(self, key: str, tasks: Sequence[int]) -> list[int]:
        self.groups.append(list(tasks))
        self.begun.set()
        assert self.go.wait(20)
        if any(task < 0 for task in tasks):
            raise ValueError(f"{key}: {[task for task in tasks if task < 0]}")
        return [2 * task for task in tasks]


def test_who_comes_alone_is_served_at_once() -> None:
    work = Work()
    work.go.set()
    shared = Shared[str, int, int](work, most=8)
    assert [shared("k", 1), shared("k", 2)] == [2, 4]
    assert work.groups == [[1], [2]]


@pytest.mark.parametrize("at_once", [1, 2])
def test_those_who_wait_are_served_together_and_within_the_limit(at_once: int) -> None:
    work = Work()
    shared = Shared[str, int, int](work, most=4, at_once=at_once)
    with ThreadPoolExecutor(20) as threads:
        results = [threads.submit(shared, "k", task) for task in range(20)]
        assert work.begun.wait(20)
        while sum(len(tickets) for tickets in shared._waiting.values()) < 20 - at_once:
            pass
        work.go.set()
        assert [one.result(20) for one in results] == [2 * task for task in range(20)]
    assert sorted(task for group in work.groups for task in group) == list(range(20))
    assert max(len(group) for group in work.groups) == 4
    assert not shared._waiting
    assert not shared._leading


def test_keys_do_not_wait_for_each_other() -> None:
    work = Work()
    shared = Shared[str, int, int](work, most=4)
    with ThreadPoolExecutor(2) as threads:
        results = [threads.submit(shared, key, 1) for key in "ab"]
        while len(work.groups) < 2:
            pass
        work.go.set()
        assert [one.result(20) for one in results] == [2, 2]


def test_only_whose_task_is_wrong_is_told_so() -> None:
    work = Work()
    shared = Shared[str, int, int](work, most=32)
    tasks = [1, 2, -3, 4, -5, 6]
    with ThreadPoolExecutor(len(tasks)) as threads:
        results = [threads.submit(shared, "k", task) for task in tasks]
        assert work.begun.wait(20)
        work.go.set()
        for task, result in zip(tasks, results, strict=True):
            if task < 0:
                with pytest.raises(ValueError, match=f"{task}"):
                    result.result(20)
            else:
                assert result.result(20) == 2 * task


@settings(deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.integers(1, 400),
    st.integers(1, 12),
    st.integers(1, 300),
    st.booleans(),
    st.integers(1, 200),
)
def test_one_pass_for_many_finds_what_one_pass_each_finds(
    seed: int, rows: int, queries: int, count: int, gaps: bool, block: int
) -> None:
    chance = np.random.default_rng(seed)
    vectors = chance.normal(size=(rows, 16)).astype(np.float32)
    wanted = chance.normal(size=(queries, 16)).astype(np.float32)
    slots = np.flatnonzero(chance.random(rows) < 0.8) if gaps else np.arange(rows)
    counts = [count] * queries
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scan, "_BLOCK", block)
        patch.setattr(scan, "_GROUP", 7)
        found = scan.nearest_for_each(Stored(vectors), wanted, slots, counts)
    for query, near in zip(wanted, found, strict=True):
        expected = scan.nearest(Stored(vectors), query, slots, count)
        assert len(near) == len(set(near.tolist())) == len(expected)
        similarity = vectors[slots].astype(np.float64) @ query.astype(np.float64)
        assert np.allclose(np.sort(similarity[near]), np.sort(similarity[expected]), atol=1e-5)


def test_searches_at_once_find_what_searches_alone_find(tmp_path: Path) -> None:
    engine = Engine(tmp_path / "data")
    engine.create_corpus("c", "")
    engine.store.create_document("c", "d", "")
    chance = random.Random(5)
    words = [f"{first}{second}" for first in "bdfgk" for second in ("al", "em", "ir", "on", "up")]
    texts = [" ".join(chance.choices(words, k=12)) for _ in range(900)]
    for start in range(0, 900, 100):
        drafts = [DraftChunk(f"c{i}", texts[i]) for i in range(start, start + 100)]
        engine.create_chunks("c", "d", drafts)
    engine.store.delete_chunks("c", "d", [f"c{i}" for i in range(0, 900, 9)])
    queries = [" ".join(chance.choices(words, k=4)) for _ in range(120)]
    alone = [engine.search("c", query, 1 + i % 20) for i, query in enumerate(queries)]
    with ThreadPoolExecutor(24) as threads:
        limits = [1 + i % 20 for i in range(len(queries))]
        together = list(threads.map(lambda q, k: engine.search("c", q, k), queries, limits))
    for one, other in zip(alone, together, strict=True):
        assert [(hit.chunk.id, hit.score) for hit in one] == [
            (hit.chunk.id, hit.score) for hit in other
        ]
    with pytest.raises(RowNotFoundError):
        engine.search("absent", "x", 3)
    engine.close()
