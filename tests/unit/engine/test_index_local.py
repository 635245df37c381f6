"""The local index through its public surface, over a change log held in memory."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from threading import Thread

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from ragkit.engine.index import ChangeLog, IndexStatus, LocalIndex, constants
from ragkit.engine.records import Change, ScoredChunk, Vector

DIMENSIONS = 8
CORPUS = 7
NO_VECTOR = np.zeros(DIMENSIONS, np.float32)


class MemoryLog:
    """A change log of one corpus that keeps the newest change of each chunk."""

    def __init__(self) -> None:
        self._changes: dict[int, Change] = {}
        self._number = 0

    def put(
        self, chunk_key: int, text: str, *, document_key: int = 1, vector: Vector | None = None
    ) -> None:
        self._add(chunk_key, document_key, text, unit(chunk_key) if vector is None else vector)

    def delete(self, chunk_key: int) -> None:
        self._add(chunk_key, 0, None, None)

    @property
    def live(self) -> list[int]:
        return sorted(key for key, change in self._changes.items() if not change.deleted)

    def last_change(self, corpus_key: int) -> int:
        return self._number if corpus_key == CORPUS else 0

    def changes(self, corpus_key: int, after: int, limit: int) -> list[Change]:
        if corpus_key != CORPUS:
            return []
        newer = (change for change in self._changes.values() if change.number > after)
        return sorted(newer, key=lambda change: change.number)[:limit]

    def _add(self, key: int, document_key: int, text: str | None, vector: Vector | None) -> None:
        self._number += 1
        self._changes[key] = Change(self._number, key, document_key, text, vector)


def unit(seed: int, dimensions: int = DIMENSIONS) -> Vector:
    vector = np.random.default_rng(seed).normal(size=dimensions)
    return (vector / np.linalg.norm(vector)).astype(np.float32)


def keys(results: Sequence[ScoredChunk]) -> list[int]:
    return [result.chunk_key for result in results]


@pytest.fixture
def log() -> MemoryLog:
    return MemoryLog()


@pytest.fixture
def index(tmp_path: Path, log: MemoryLog) -> LocalIndex:
    return LocalIndex(tmp_path / "index", log)


def find(index: LocalIndex, query: str, limit: int = 10) -> list[int]:
    """Search by words only."""
    return keys(index.search(CORPUS, query, NO_VECTOR, limit=limit))


class TestWords:
    @pytest.mark.parametrize(
        ("query", "found"),
        [
            ("batchCreate", [1]),
            ("batchcreate", [1]),
            ("creating batches", [1]),
            ("2,043", [1]),
            ("2043", [1]),
            ("snake_case", [2]),
            ("corpora.query", [2]),
            ("CORPORA.QUERY", [2]),
            ("東京", [3]),
            ("タワー", [3]),
            ("高", [3]),
            ("大阪", []),
            ("ประเทศ", [4]),
            ("университета", [5]),
            ("москва", [5]),
            ("हिन्दी", [6]),
            ("STRASSE", [7]),
            ("resume", [7]),
            ("ﬁne", [8]),
            ("서울", [9]),
            ("zebra", []),
            ('"a AND (b:c" OR +-~^', []),
            ("fine AND (b:c", [8]),
            ("", []),
            ("?!…", []),
        ],
    )
    def test_finds_what_is_written(
        self, index: LocalIndex, log: MemoryLog, query: str, found: list[int]
    ) -> None:
        for number, text in enumerate(
            [
                "One batchCreate call may hold 100 chunks of at most 2,043 tokens",
                "Written in snake_case, as corpora.query is not",
                "東京タワーの高さは三百三十三メートルです",
                "ภาษาไทยเป็นภาษาราชการของประเทศไทย",
                "Студенты университетов Москвы",
                "हिन्दी भारत में बोली जाती है",
                "Lange Straße, kurzes résumé",
                "All is fine",
                "대한민국의 수도는 서울특별시이다",
            ],
            start=1,
        ):
            log.put(number, text)
        assert find(index, query) == found

    def test_prefers_the_form_that_was_written(self, index: LocalIndex, log: MemoryLog) -> None:
        log.put(1, "They organize a conference each year")
        log.put(2, "They organized a conference each year")
        log.put(3, "They organizes a conference each year")
        for form, key in (("organize", 1), ("organized", 2), ("organizes", 3)):
            assert find(index, f"{form} conference")[0] == key

    def test_prefers_neighbours_that_stay_together(self, index: LocalIndex, log: MemoryLog) -> None:
        log.put(1, "The vector is stored beside some large and old index of words")
        log.put(2, "Some large and old words are stored beside the vector index of")
        assert find(index, "vector index") == [2, 1]

    def test_a_question_of_stop_words_still_finds_them(
        self, index: LocalIndex, log: MemoryLog
    ) -> None:
        log.put(1, "To be or not to be")
        log.put(2, "Something else")
        assert find(index, "to be") == [1]

    def test_a_query_of_100_kb_is_answered_by_its_telling_words(
        self, index: LocalIndex, log: MemoryLog
    ) -> None:
        log.put(1, "The quick brown fox")
        log.put(2, "A lazy dog")
        noise = " ".join(f"noise{number}" for number in range(10_000))
        assert find(index, f"{noise} brown fox {noise}") == [1]

    @pytest.mark.parametrize("text", ["", "  ", "x" * 200_000, "\x00\ud800 lone", "水" * 5_000])
    def test_takes_any_text(self, index: LocalIndex, log: MemoryLog, text: str) -> None:
        log.put(1, text)
        log.put(2, "ordinary words")
        index.search(CORPUS, text, unit(1), limit=5)
        assert find(index, "ordinary") == [2]


class TestScores:
    def test_lie_between_0_and_1_and_descend(self, index: LocalIndex, log: MemoryLog) -> None:
        for key in range(1, 40):
            log.put(key, " ".join(f"word{n}" for n in range(key % 7 + 1)))
        results = index.search(CORPUS, "word1 word2 word6", unit(3), limit=40)
        scores = [result.score for result in results]
        assert len(scores) == 39
        assert scores == sorted(scores, reverse=True)
        assert all(0 < score < 1 for score in scores)

    def test_equal_scores_are_ordered_by_key(self, index: LocalIndex, log: MemoryLog) -> None:
        for key in (9, 3, 12, 5):
            log.put(key, "the same text", vector=unit(1))
        results = index.search(CORPUS, "same text", unit(2), limit=3)
        assert keys(results) == [3, 5, 9]
        assert len({result.score for result in results}) == 1

    def test_vector_alone(self, index: LocalIndex, log: MemoryLog) -> None:
        for key in range(1, 20):
            log.put(key, "text")
        results = index.search(CORPUS, "?", unit(5), limit=3)
        assert results[0].chunk_key == 5
        assert results[0].score > 0.8 > results[1].score

    def test_neither_words_nor_vector(self, index: LocalIndex, log: MemoryLog) -> None:
        log.put(1, "text")
        assert index.search(CORPUS, "?", NO_VECTOR, limit=3) == []

    def test_do_not_depend_on_what_was_deleted(self, tmp_path: Path) -> None:
        worn, fresh = MemoryLog(), MemoryLog()
        index = LocalIndex(tmp_path / "worn", worn)
        for key in range(1, 60):
            worn.put(key, f"common words here {key}")
        find(index, "common")
        for key in range(1, 60):
            if key % 3:
                worn.delete(key)
            else:
                worn.put(key, f"rare words there {key}")
                fresh.put(key, f"rare words there {key}")
        other = LocalIndex(tmp_path / "fresh", fresh)
        query = ("rare common words", unit(4))
        assert index.search(CORPUS, *query, limit=50) == other.search(CORPUS, *query, limit=50)

    def test_refuses_a_vector_of_another_length(self, index: LocalIndex, log: MemoryLog) -> None:
        log.put(1, "text")
        with pytest.raises(ValueError, match="5 dimensions"):
            index.search(CORPUS, "text", unit(1, 5), limit=1)


class TestConfined:
    @pytest.fixture(params=[60, 3 * constants.EXHAUSTIVE])
    def size(self, log: MemoryLog, request: pytest.FixtureRequest) -> int:
        """Fill a corpus that is small enough to be scored whole, or one that is not."""
        size: int = request.param
        rng = np.random.default_rng(0)
        for key in range(1, size + 1):
            words = rng.integers(0, 50, size=12)
            log.put(key, " ".join(f"w{word}" for word in words), document_key=key % 3)
        return size

    @pytest.mark.parametrize("share", [0.02, 0.5, 1.0])
    def test_changes_no_score(self, index: LocalIndex, size: int, share: float) -> None:
        allowed = np.sort(
            np.random.default_rng(1).choice(size, int(size * share), replace=False) + 1
        ).astype(np.int64)
        query = ("w1 w2 w3 w40", unit(0))
        everywhere = index.search(CORPUS, *query, limit=size)
        assert len(everywhere) == size
        confined = index.search(CORPUS, *query, limit=size, allowed=allowed)
        assert confined == [r for r in everywhere if r.chunk_key in set(allowed.tolist())]

    @pytest.mark.parametrize("share", [0.02, 0.5, 1.0])
    def test_recalls_the_best(self, index: LocalIndex, size: int, share: float) -> None:
        # Where all chunks are not candidates, the hardest case is this one, of words and vectors
        # that have nothing to do with each other.
        allowed = np.sort(
            np.random.default_rng(2).choice(size, int(size * share), replace=False) + 1
        ).astype(np.int64)
        recalled = []
        for number in range(20):
            query = (f"w{number} w{number + 7} w{number + 21}", unit(number))
            best = index.search(CORPUS, *query, limit=size, allowed=allowed)[:5]
            recalled += [r in best for r in index.search(CORPUS, *query, limit=5, allowed=allowed)]
        assert np.mean(recalled) > 0.97

    def test_to_one_document(self, index: LocalIndex, size: int) -> None:
        query = ("w1 w2 w3", unit(0))
        everywhere = index.search(CORPUS, *query, limit=size)
        confined = index.search(CORPUS, *query, limit=15, document_key=2)
        assert confined == [r for r in everywhere if r.chunk_key % 3 == 2][:15]

    def test_to_both(self, index: LocalIndex, size: int) -> None:
        allowed = np.arange(1, size + 1, 2, dtype=np.int64)
        query = ("w1 w2 w3", unit(0))
        everywhere = index.search(CORPUS, *query, limit=size)
        confined = index.search(CORPUS, *query, limit=15, document_key=0, allowed=allowed)
        assert confined == [r for r in everywhere if r.chunk_key % 6 == 3][:15]

    @pytest.mark.parametrize("allowed", [[], [10**12], [-5, 0]])
    def test_to_nothing(self, index: LocalIndex, size: int, allowed: list[int]) -> None:
        assert size
        some = np.array(allowed, np.int64)
        assert index.search(CORPUS, "w1", unit(0), limit=5, allowed=some) == []


class TestUpkeep:
    def test_an_unused_index_leaves_no_trace(self, index: LocalIndex, tmp_path: Path) -> None:
        assert index.search(CORPUS, "text", unit(0), limit=5) == []
        assert index.status(CORPUS) == IndexStatus(0, 0, 0)
        index.drop(CORPUS)
        assert list(tmp_path.iterdir()) == []

    def test_status_does_not_catch_up(self, index: LocalIndex, log: MemoryLog) -> None:
        log.put(1, "one")
        find(index, "one")
        log.put(2, "two")
        status = index.status(CORPUS)
        assert (status.applied_change, status.live_chunks) == (1, 1)
        assert status.disk_bytes > 0

    def test_drop_and_back(self, index: LocalIndex, log: MemoryLog, tmp_path: Path) -> None:
        log.put(1, "one")
        find(index, "one")
        index.drop(CORPUS)
        assert not (tmp_path / "index" / str(CORPUS)).exists()
        assert find(index, "one") == [1]

    def test_rebuild(self, index: LocalIndex, log: MemoryLog) -> None:
        log.put(1, "one")
        before = index.search(CORPUS, "one", unit(2), limit=5)
        index.rebuild(CORPUS)
        assert index.search(CORPUS, "one", unit(2), limit=5) == before

    def test_two_indexes_on_one_folder(
        self, index: LocalIndex, log: MemoryLog, tmp_path: Path
    ) -> None:
        other = LocalIndex(tmp_path / "index", log)
        for key in range(1, 20):
            log.put(key, f"common own{key}")
            assert find((index, other)[key % 2], f"own{key}") == [key]
            assert find((other, index)[key % 2], f"own{key}") == [key]

    def test_a_store_older_than_the_index(self, index: LocalIndex, tmp_path: Path) -> None:
        newer, older = MemoryLog(), MemoryLog()
        for key in (1, 2):
            newer.put(key, f"common own{key}")
        older.put(1, "common own1")
        find(LocalIndex(tmp_path / "index", newer), "common")
        assert find(LocalIndex(tmp_path / "index", older), "common") == [1]

    def test_another_embedder(self, index: LocalIndex, log: MemoryLog) -> None:
        log.put(1, "text", vector=unit(1, 8))
        assert index.search(CORPUS, "", unit(1, 8), limit=1)[0].chunk_key == 1
        log.put(1, "text", vector=unit(1, 16))
        assert index.search(CORPUS, "", unit(1, 16), limit=1)[0].chunk_key == 1

    def test_vectors_of_different_lengths(self, index: LocalIndex, log: MemoryLog) -> None:
        log.put(1, "text", vector=unit(1, 8))
        log.put(2, "text", vector=unit(1, 16))
        with pytest.raises(ValueError, match="different lengths"):
            find(index, "text")

    def test_many_small_catch_ups_leave_few_files(
        self, index: LocalIndex, log: MemoryLog, tmp_path: Path
    ) -> None:
        for key in range(1, 60):
            log.put(key, f"common own{key}")
            assert find(index, f"own{key}") == [key]
        assert len(list((tmp_path / "index" / str(CORPUS)).rglob("*.store"))) <= 10

    def test_dead_rows_are_cleared_away(self, index: LocalIndex, log: MemoryLog) -> None:
        for turn in range(12):
            for key in range(1, 501):
                log.put(key, f"turn{turn} own{key}")
            assert find(index, f"turn{turn} own77")[0] == 77
        rows_and_vectors = 500 * (40 + 4 * DIMENSIONS)
        assert index.status(CORPUS).disk_bytes < 12 * rows_and_vectors
        assert index.status(CORPUS).live_chunks == 500

    def test_deleting_all(self, index: LocalIndex, log: MemoryLog) -> None:
        log.put(1, "one")
        assert find(index, "one") == [1]
        log.delete(1)
        assert find(index, "one") == []
        assert index.search(CORPUS, "one", unit(1), limit=3) == []
        assert index.status(CORPUS).live_chunks == 0

    def test_threads_share_an_index(self, index: LocalIndex, log: MemoryLog) -> None:
        log.put(0, "common")
        missed: list[int] = []

        def look(first: int) -> None:
            for key in range(first, first + 25):
                log.put(key, f"common own{key}")
                if find(index, f"own{key}") != [key]:
                    missed.append(key)

        # Only the log's `put` is unsafe in threads; one thread writes, the others search.
        writer = Thread(target=look, args=(1,))
        readers = [
            Thread(target=lambda: [find(index, "common") for _ in range(100)]) for _ in range(3)
        ]
        for thread in (writer, *readers):
            thread.start()
        for thread in (writer, *readers):
            thread.join()
        assert missed == []


class TestDamage:
    """Whatever happens to the files between two uses, answers are those of a fresh index."""

    @pytest.fixture
    def answers(self, index: LocalIndex, log: MemoryLog) -> list[ScoredChunk]:
        for turn in range(3):
            for key in range(1, 30):
                log.put(key, f"common w{key % 5} turn{turn} own{key}")
            for key in range(turn, 30, 9):
                log.delete(key)
            find(index, "common")
        answers = self.ask(index)
        index.close()
        return answers

    def ask(self, index: LocalIndex) -> list[ScoredChunk]:
        return index.search(CORPUS, "common w1 own16", unit(16), limit=20)

    def test_every_file_lost_emptied_halved_or_altered(
        self, answers: list[ScoredChunk], log: MemoryLog, tmp_path: Path
    ) -> None:
        pristine = tmp_path / "index"
        files = [p for p in pristine.rglob("*") if p.is_file() and p.suffix != ".lock"]
        assert len(files) > 8
        for number, path in enumerate(files):
            for harm in ("lose", "empty", "halve", "alter"):
                folder = tmp_path / f"{number}-{harm}"
                shutil.copytree(pristine, folder)
                victim = folder / path.relative_to(pristine)
                content = victim.read_bytes()
                if harm == "lose":
                    victim.unlink()
                elif harm == "alter":
                    middle = len(content) // 2
                    victim.write_bytes(content[:middle] + bytes(b ^ 0xFF for b in content[middle:]))
                else:
                    victim.write_bytes(content[: len(content) // 2 * (harm == "halve")])
                assert self.ask(LocalIndex(folder, log)) == answers, (path, harm)

    def test_folder_replaced_by_rubbish(
        self, answers: list[ScoredChunk], index: LocalIndex, log: MemoryLog, tmp_path: Path
    ) -> None:
        folder = tmp_path / "index" / str(CORPUS)
        shutil.rmtree(folder)
        folder.mkdir()
        (folder / "manifest").write_bytes(b"\x00" * 100)
        (folder / "vectors-1").write_bytes(b"rubbish")
        (folder / "lexical-1").mkdir()
        (folder / "lexical-1" / "meta.json").write_text("{}")
        assert self.ask(index) == answers

    def test_another_format(
        self,
        answers: list[ScoredChunk],
        log: MemoryLog,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr("ragkit.engine.index.manifest.FORMAT", 10**6)
        index = LocalIndex(tmp_path / "index", log)
        assert index.status(CORPUS).applied_change == 0
        assert self.ask(index) == answers
        assert index.status(CORPUS).applied_change == log.last_change(CORPUS)


class SameAsFresh(RuleBasedStateMachine):
    """After any history, an index answers as one that is made anew from the log."""

    words = st.sampled_from(["alpha", "beta", "gamma", "delta", "東京", "snake_case", "2,043"])
    texts = st.lists(words, max_size=6).map(" ".join)

    @initialize(folder=st.uuids())
    def start(self, folder: object) -> None:
        self.folder = Path(self.base) / str(folder)
        self.log = MemoryLog()
        self.indexes = [LocalIndex(self.folder, self.log) for _ in range(2)]
        self.fresh = 0

    base = ""

    @rule(key=st.integers(1, 40), text=texts, document=st.integers(1, 3))
    def put(self, key: int, text: str, document: int) -> None:
        self.log.put(key, text, document_key=document, vector=unit(len(text)))

    @rule(key=st.integers(1, 40))
    def delete(self, key: int) -> None:
        self.log.delete(key)

    @rule(which=st.integers(0, 1), query=texts)
    def search(self, which: int, query: str) -> None:
        self.indexes[which].search(CORPUS, query, unit(1), limit=5)

    @rule(which=st.integers(0, 1))
    def reopen(self, which: int) -> None:
        self.indexes[which].close()
        self.indexes[which] = LocalIndex(self.folder, self.log)

    @rule(which=st.integers(0, 1))
    def drop(self, which: int) -> None:
        self.indexes[which].drop(CORPUS)

    @rule(which=st.integers(0, 1))
    def rebuild(self, which: int) -> None:
        self.indexes[which].rebuild(CORPUS)

    @rule(number=st.integers(0, 10_000), share=st.sampled_from([None, 0.0, 0.5, 0.9]))
    def harm(self, number: int, share: float | None) -> None:
        files = sorted(p for p in self.folder.rglob("*") if p.is_file() and p.suffix != ".lock")
        if not files:
            return
        # A mapped file that shrinks under its reader kills it, as SQLite's -shm does: the harm
        # is done while nobody has the files open.
        for index in self.indexes:
            index.close()
        victim = files[number % len(files)]
        if share is None:
            victim.unlink()
        else:
            content = victim.read_bytes()
            victim.write_bytes(content[: int(len(content) * share)])

    @rule(
        query=texts,
        which=st.integers(0, 1),
        allowed=st.none() | st.sets(st.integers(1, 40)),
        document=st.none() | st.integers(1, 3),
    )
    def compare(
        self, query: str, which: int, allowed: set[int] | None, document: int | None
    ) -> None:
        self.fresh += 1
        fresh = LocalIndex(self.folder.with_name(f"{self.folder.name}-{self.fresh}"), self.log)
        only = None if allowed is None else np.array(sorted(allowed), np.int64)
        answers = [
            index.search(CORPUS, query, unit(2), limit=50, allowed=only, document_key=document)
            for index in (self.indexes[which], fresh)
        ]
        assert answers[0] == answers[1]

    @invariant()
    def all_live_chunks_are_found(self) -> None:
        if hasattr(self, "log"):
            found = self.indexes[0].search(CORPUS, "", unit(3), limit=100)
            assert sorted(keys(found)) == self.log.live


def test_any_history_ends_like_a_fresh_index(tmp_path: Path) -> None:
    machine = type("Machine", (SameAsFresh,), {"base": str(tmp_path)})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=10,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_the_log_is_what_the_index_asks_for(log: MemoryLog) -> None:
    follows: ChangeLog = log
    assert follows.last_change(CORPUS) == 0
