"""Searches of corpora so large that candidates are found in ways that may miss some."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ragkit.engine.index import LocalIndex, constants, stored
from ragkit.engine.index.manifest import Manifest
from ragkit.engine.records import Change, Vector

CHUNKS = 3_000
DIMENSIONS = 64
CORPUS = 1
QUERIES = 60


class Log:
    """A change log of one corpus."""

    def __init__(self, texts: Sequence[str], vectors: Vector) -> None:
        self.newest: dict[int, Change] = {}
        for key, (text, vector) in enumerate(zip(texts, vectors, strict=True), 1):
            self.put(key, text, vector)

    def put(self, key: int, text: str | None, vector: Vector | None) -> None:
        self.newest[key] = Change(self.last_change(CORPUS) + 1, key, 1, text, vector)

    def last_change(self, corpus_key: int) -> int:
        return max((change.number for change in self.newest.values()), default=0)

    def changes(self, corpus_key: int, after: int, limit: int) -> list[Change]:
        newer = [change for change in self.newest.values() if change.number > after]
        return sorted(newer, key=lambda change: change.number)[:limit]


def topical_vectors(count: int, seed: int) -> Vector:
    """Unit vectors around a few topics, the last of them rare and off the others' directions."""
    chance = np.random.default_rng(seed)
    topics = np.random.default_rng(1).normal(size=(20, DIMENSIONS)) * np.linspace(2, 0.2, 64)
    topics[-1] = np.random.default_rng(2).normal(size=DIMENSIONS) * np.linspace(0.2, 2, 64)
    chosen = chance.integers(0, len(topics), size=count)
    vectors = topics[chosen] + 0.7 * chance.normal(size=(count, DIMENSIONS)) + 0.3
    unit: Vector = (vectors / np.linalg.norm(vectors, axis=1)[:, None]).astype(np.float32)
    return unit


VECTORS = topical_vectors(CHUNKS, 3)
ASKED = topical_vectors(QUERIES, 4)


@pytest.fixture(autouse=True)
def _large_begins_early(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "APPROXIMATE_FROM", 1_000)


@pytest.fixture
def log() -> Log:
    return Log([f"common words of chunk number{key}" for key in range(1, CHUNKS + 1)], VECTORS)


@pytest.fixture
def index(tmp_path: Path, log: Log) -> LocalIndex:
    return LocalIndex(tmp_path / "index", log)


def nearest(index: LocalIndex, vectors: Vector) -> list[list[int]]:
    """The chunks nearest to each of several vectors, asked for all at once."""
    queries = [" " * (i + 1) for i in range(len(vectors))]  # without words, no two alike
    found = index.search_each(CORPUS, queries, [10] * len(vectors), lambda _: vectors)
    return [[hit.chunk_key for hit in each] for each in found]


def truly_nearest(vectors: Vector, query: Vector) -> set[int]:
    return set((np.argsort(-(vectors @ query))[:10] + 1).tolist())


def recall(found: Sequence[Sequence[int]], wanted: Sequence[set[int]]) -> float:
    pairs = zip(found, wanted, strict=True)
    return float(np.mean([len(set(each) & true) / len(true) for each, true in pairs]))


class TestVectors:
    def test_almost_all_of_the_nearest_are_found(self, index: LocalIndex) -> None:
        wanted = [truly_nearest(VECTORS, query) for query in ASKED]
        assert recall(nearest(index, ASKED), wanted) >= 0.98

    def test_one_query_finds_what_many_find(self, index: LocalIndex) -> None:
        together = nearest(index, ASKED)
        for query, found in zip(ASKED, together, strict=True):
            hits = index.search(CORPUS, "", query, limit=10)
            assert [hit.chunk_key for hit in hits] == found

    def test_searches_take_no_references_of_others(self, index: LocalIndex) -> None:
        index.search(CORPUS, "", ASKED[0], limit=10)
        before = sys.getrefcount(None)
        for query in ASKED:
            index.search(CORPUS, "", query, limit=10)
        nearest(index, ASKED)
        assert sys.getrefcount(None) > before - QUERIES // 2

    def test_what_is_added_or_deleted_counts_at_once(self, index: LocalIndex, log: Log) -> None:
        nearest(index, ASKED)
        for number, query in enumerate(ASKED[:5], CHUNKS + 1):
            log.put(number, "added", query)
            assert nearest(index, ASKED[:5])[number - CHUNKS - 1][0] == number
        for number in range(CHUNKS + 1, CHUNKS + 6):
            log.put(number, None, None)
        assert all(key <= CHUNKS for found in nearest(index, ASKED[:5]) for key in found)

    def test_it_grows_with_the_corpus(self, index: LocalIndex, log: Log) -> None:
        nearest(index, ASKED)
        more = topical_vectors(3 * CHUNKS, 5)
        for number, vector in enumerate(more, CHUNKS + 1):
            log.newest[number] = Change(number, number, 1, "more", vector)
        everything = np.concatenate([VECTORS, more])
        wanted = [truly_nearest(everything, query) for query in ASKED]
        assert recall(nearest(index, ASKED), wanted) >= 0.98

    def test_the_deleted_do_not_take_the_places_of_the_living(
        self, index: LocalIndex, log: Log
    ) -> None:
        first = nearest(index, ASKED)
        order = np.argsort(-(VECTORS @ ASKED[0]))
        for key in (order[:700] + 1).tolist():
            log.put(key, None, None)
        found = nearest(index, ASKED)
        assert len(found[0]) == len(first[0]) == 10
        assert set(found[0]) == set((order[700:710] + 1).tolist())

    def test_equal_vectors_are_all_alike(self, tmp_path: Path) -> None:
        log = Log(["same"] * CHUNKS, np.repeat(VECTORS[:1], CHUNKS, axis=0))
        index = LocalIndex(tmp_path / "equal", log)
        assert [len(found) for found in nearest(index, ASKED[:3])] == [10, 10, 10]

    def test_vectors_of_many_dimensions_are_sketched_by_half(self, tmp_path: Path) -> None:
        chance = np.random.default_rng(6)
        topics = chance.normal(size=(50, 384)) * np.linspace(2, 0.1, 384)
        vectors = topics[chance.integers(0, 50, CHUNKS)] + 0.5 * chance.normal(size=(CHUNKS, 384))
        vectors = (vectors / np.linalg.norm(vectors, axis=1)[:, None]).astype(np.float32)
        index = LocalIndex(tmp_path / "many", Log(["text"] * CHUNKS, vectors))
        found = nearest(index, vectors[:QUERIES])
        assert recall(found, [truly_nearest(vectors, query) for query in vectors[:QUERIES]]) >= 0.98
        (codes,) = (tmp_path / "many").glob("*/sketch-*")
        assert codes.stat().st_size == CHUNKS * 192

    @pytest.mark.parametrize("kind", ["sketch", "basis", "rest"])
    @pytest.mark.parametrize("damage", ["gone", "cut", "altered"])
    def test_a_damaged_sketch_is_made_anew(
        self, index: LocalIndex, log: Log, tmp_path: Path, kind: str, damage: str
    ) -> None:
        before = nearest(index, ASKED)
        (path,) = (tmp_path / "index").glob(f"*/{kind}-*")
        content = path.read_bytes()
        path.unlink()
        if damage != "gone":
            half = content[: len(content) // 2]
            path.write_bytes(half if damage == "cut" else half + bytes(len(content) - len(half)))
        assert nearest(LocalIndex(tmp_path / "index", log), ASKED) == before

    def test_vectors_without_a_sketch_are_compared_whole(
        self, index: LocalIndex, log: Log, tmp_path: Path
    ) -> None:
        nearest(index, ASKED)
        (path,) = (tmp_path / "index").glob("*/manifest")
        manifest = Manifest.decode(path.read_bytes())
        # As a catch-up leaves it that was killed in the middle.
        path.write_bytes(replace(manifest, sketched=manifest.slots - 500).encode())
        found = nearest(LocalIndex(tmp_path / "index", log), ASKED)
        assert [set(each) for each in found] == [truly_nearest(VECTORS, query) for query in ASKED]


class TestWords:
    def find(self, index: LocalIndex, query: str) -> list[int]:
        vector = np.zeros(DIMENSIONS, np.float32)
        return [hit.chunk_key for hit in index.search(CORPUS, query, vector, limit=10)]

    def test_a_rare_term_outweighs_common_ones(self, index: LocalIndex) -> None:
        assert self.find(index, "common words of chunk number1234")[0] == 1234

    def test_terms_that_occur_nowhere_hide_nothing(self, index: LocalIndex) -> None:
        assert self.find(index, "xyzzy plugh quux number77")[0] == 77
        assert len(self.find(index, "xyzzy plugh quux common")) == 10

    def test_terms_of_which_none_occurs_find_nothing(self, index: LocalIndex) -> None:
        assert self.find(index, "xyzzy plugh") == []

    def test_common_terms_fill_the_results(self, index: LocalIndex) -> None:
        assert len(self.find(index, "common number1234 number77")) == 10


class TestLargeFiles:
    def test_single_records_are_read_from_them_rather_than_mapped(
        self, tmp_path: Path, log: Log, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def hits(folder: str) -> list[list[tuple[int, float]]]:
            index = LocalIndex(tmp_path / folder, log)
            queries = [f"common number{key}" for key in range(1, 20)]
            found = index.search_each(CORPUS, queries, [10] * 19, lambda q: ASKED[: len(q)])
            return [[(hit.chunk_key, hit.score) for hit in each] for each in found]

        mapped = hits("mapped")
        monkeypatch.setattr(stored, "_MAPPED_WHOLE", 1_000)
        assert hits("read") == mapped
