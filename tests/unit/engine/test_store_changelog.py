import threading

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from ragkit.engine.records import Change, ChunkUpdate, NewChunk
from ragkit.engine.store import Store

DOCUMENTS = [f"d{i}" for i in range(3)]
CHUNKS = [f"x{i}" for i in range(6)]


class Replica:
    """Derived data that catches up by change number, as an index does."""

    def __init__(self, corpus_key: int) -> None:
        self.corpus_key = corpus_key
        self.applied = 0
        self.chunks: dict[int, tuple[int, str, list[float]]] = {}

    def apply(self, change: Change) -> None:
        assert change.number > self.applied
        self.applied = change.number
        if change.text is None or change.vector is None:
            assert change.deleted
            self.chunks.pop(change.chunk_key, None)
        else:
            assert not change.deleted
            assert change.vector.dtype == np.float32
            self.chunks[change.chunk_key] = (
                change.document_key,
                change.text,
                change.vector.tolist(),
            )

    def step(self, store: Store, limit: int) -> bool:
        changes = store.changes(self.corpus_key, self.applied, limit)
        assert len(changes) <= limit
        for change in changes:
            self.apply(change)
        return bool(changes)

    def catch_up(self, store: Store, limit: int) -> None:
        while self.step(store, limit):
            pass


def new_chunk(name: str, number: int) -> NewChunk:
    return NewChunk(name, f"text {number}", (), np.array([number, 1], dtype=np.float32))


class ChangeLogMachine(RuleBasedStateMachine):
    """Random operations on a store, beside a model of what is live and a replica of the log."""

    @initialize()
    def set_up(self) -> None:
        self.store = Store("sqlite://")
        self.number = 0
        self.live: dict[str, dict[str, tuple[int, str, list[float]]]] = {}
        self.new_corpus()

    def new_corpus(self) -> None:
        self.replica = Replica(self.store.create_corpus("c", "", "").key)
        self.live = {name: {} for name in DOCUMENTS}
        self.document_keys = {n: self.store.create_document("c", n, "").key for n in DOCUMENTS}

    def next_chunk(self, name: str) -> NewChunk:
        self.number += 1
        return new_chunk(name, self.number)

    def note(self, document: str, chunk: NewChunk) -> None:
        key = self.store.get_chunk("c", document, chunk.id).key
        self.live[document][chunk.id] = (key, chunk.text, chunk.vector.tolist())

    @rule(document=st.sampled_from(DOCUMENTS), names=st.sets(st.sampled_from(CHUNKS)))
    def create(self, document, names):
        new = [self.next_chunk(name) for name in sorted(names - self.live[document].keys())]
        self.store.create_chunks("c", document, new)
        for chunk in new:
            self.note(document, chunk)

    @rule(document=st.sampled_from(DOCUMENTS), names=st.sets(st.sampled_from(CHUNKS)))
    def update(self, document, names):
        new = [self.next_chunk(name) for name in sorted(names & self.live[document].keys())]
        self.store.update_chunks(
            "c", document, [ChunkUpdate(chunk.id, chunk.text, chunk.vector) for chunk in new]
        )
        for chunk in new:
            self.note(document, chunk)

    @rule(document=st.sampled_from(DOCUMENTS), names=st.sets(st.sampled_from(CHUNKS)))
    def describe(self, document, names):
        names &= self.live[document].keys()
        updates = [ChunkUpdate(name, metadata=(("k", 1.0),)) for name in sorted(names)]
        self.store.update_chunks("c", document, updates)

    @rule(document=st.sampled_from(DOCUMENTS), names=st.sets(st.sampled_from(CHUNKS)))
    def delete(self, document, names):
        names &= self.live[document].keys()
        self.store.delete_chunks("c", document, sorted(names))
        for name in names:
            del self.live[document][name]

    @rule(document=st.sampled_from(DOCUMENTS))
    def replace_document(self, document):
        self.store.delete_document("c", document, force=True)
        self.document_keys[document] = self.store.create_document("c", document, "").key
        self.live[document] = {}

    @rule()
    def replace_corpus(self):
        old = self.store.delete_corpus("c", force=True)
        assert self.store.changes(old.key, 0, 100) == []
        self.new_corpus()

    @rule(limit=st.integers(1, 4))
    def read_on(self, limit):
        self.replica.step(self.store, limit)

    @precondition(lambda self: self.number % 2)
    @rule(limit=st.integers(1, 9))
    def catch_up(self, limit):
        self.replica.catch_up(self.store, limit)
        self.is_live(self.replica)
        assert self.replica.applied <= self.store.last_change(self.replica.corpus_key)

    @invariant()
    def a_fresh_replica_is_the_live_set(self):
        fresh = Replica(self.replica.corpus_key)
        fresh.catch_up(self.store, 3)
        self.is_live(fresh)

    def is_live(self, replica: Replica) -> None:
        assert replica.chunks == {
            key: (self.document_keys[document], text, vector)
            for document, chunks in self.live.items()
            for key, text, vector in chunks.values()
        }

    def teardown(self) -> None:
        # The replica that lagged behind ends where the fresh ones do.
        if hasattr(self, "replica"):
            self.replica.catch_up(self.store, 2)
            self.is_live(self.replica)
            self.store.close()


TestChangeLog = ChangeLogMachine.TestCase
TestChangeLog.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)


@pytest.fixture
def store(tmp_path):
    store = Store(f"sqlite:///{tmp_path / 'store.db'}")
    store.create_corpus("c", "", "")
    for name in DOCUMENTS:
        store.create_document("c", name, "")
    yield store
    store.close()


def test_numbers_follow_the_order_given(store):
    key = store.get_corpus("c").key
    store.create_chunks("c", "d0", [new_chunk("b", 1), new_chunk("a", 2)])
    store.update_chunks(
        "c", "d0", [ChunkUpdate("a", "x", np.ones(2, np.float32)), ChunkUpdate("b", metadata=())]
    )
    assert store.last_change(key) == 3
    assert [(change.number, change.text) for change in store.changes(key, 0, 10)] == [
        (1, "text 1"),
        (3, "x"),
    ]
    store.delete_chunks("c", "d0", ["b", "a"])
    assert [(change.number, change.deleted) for change in store.changes(key, 0, 10)] == [
        (4, True),
        (5, True),
    ]
    assert store.changes(key, 5, 10) == []


def test_who_knew_a_documents_chunks_learns_that_they_are_gone(store):
    names = [f"x{i}" for i in range(1100)]
    store.create_chunks("c", "d0", [new_chunk(name, 1) for name in names])
    store.create_chunks("c", "d1", [new_chunk("stays", 2)])
    replica = Replica(store.get_corpus("c").key)
    replica.catch_up(store, 500)
    assert len(replica.chunks) == 1101
    store.delete_document("c", "d0", force=True)
    replica.catch_up(store, 500)
    assert [text for _, text, _ in replica.chunks.values()] == ["text 2"]
    assert replica.applied == store.last_change(replica.corpus_key) == 2201


def test_corpora_count_by_themselves(store):
    store.create_corpus("other", "", "")
    store.create_document("other", "d0", "")
    store.create_chunks("other", "d0", [new_chunk("a", 1)])
    store.create_chunks("c", "d0", [new_chunk("a", 1), new_chunk("b", 2)])
    assert store.last_change(store.get_corpus("other").key) == 1
    assert store.last_change(store.get_corpus("c").key) == 2


def test_a_reader_beside_writers_ends_with_the_live_set(store):
    """Writers and a reader in several threads; the reader sees numbers in their order."""
    done = threading.Event()
    failures: list[BaseException] = []
    replica = Replica(store.get_corpus("c").key)

    def write(document: str, seed: int) -> None:
        rng = np.random.default_rng(seed)
        alive: list[str] = []
        try:
            for step in range(30):
                names = [f"{step}-{i}" for i in range(5)]
                store.create_chunks("c", document, [new_chunk(name, step) for name in names])
                alive += names
                rng.shuffle(alive)
                vector = np.array([step, 2], np.float32)
                updates = [ChunkUpdate(name, f"again {step}", vector) for name in alive[:4]]
                store.update_chunks("c", document, updates)
                store.delete_chunks("c", document, alive[2:5])
                del alive[2:5]
        except BaseException as error:  # noqa: BLE001 (shown by the assertion below)
            failures.append(error)

    def read() -> None:
        try:
            while not done.is_set():
                seen = store.last_change(replica.corpus_key)
                replica.catch_up(store, 7)
                # Every change acknowledged before the read began has been applied by its end.
                assert replica.applied >= seen
        except BaseException as error:  # noqa: BLE001
            failures.append(error)

    reader = threading.Thread(target=read)
    writers = [threading.Thread(target=write, args=(d, i)) for i, d in enumerate(DOCUMENTS)]
    for thread in (reader, *writers):
        thread.start()
    for thread in writers:
        thread.join()
    done.set()
    reader.join()
    assert failures == []
    replica.catch_up(store, 7)
    live = {
        chunk.key: chunk.text for name in DOCUMENTS for chunk in store.list_chunks("c", name, 1000)
    }
    assert {key: text for key, (_, text, _) in replica.chunks.items()} == live
    assert replica.applied == store.last_change(replica.corpus_key)
