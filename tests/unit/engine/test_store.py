import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragkit.engine.records import (
    ChunkState,
    ChunkUpdate,
    DuplicateInBatchError,
    EngineError,
    HasChildrenError,
    Metadata,
    NewChunk,
    RowExistsError,
    RowNotFoundError,
)
from ragkit.engine.store import CorpusStats, Store

NUMBERS = st.floats(width=32, allow_nan=False)
VALUES = st.one_of(st.text(), NUMBERS, st.lists(st.text(), max_size=4).map(tuple))


@pytest.fixture
def store() -> Iterator[Store]:
    store = Store("sqlite://")
    store.create_corpus("c", "Corpus", "static")
    store.create_document("c", "d", "Document")
    yield store
    store.close()


def new_chunk(chunk_id: str, text: str = "text", metadata: Metadata = ()) -> NewChunk:
    return NewChunk(chunk_id, text, metadata, np.array([0.6, -0.8, 0.0], dtype=np.float32))


def test_a_corpus_is_what_was_created(store):
    created = store.create_corpus("library", "My library", "static")
    assert (created.id, created.display_name, created.embedder) == (
        "library",
        "My library",
        "static",
    )
    assert created.last_change == 0
    assert created.create_time == created.update_time > 1_600_000_000_000_000
    assert store.get_corpus("library") == created


def test_updating_a_corpus_changes_its_name_and_time_only(store):
    created = store.get_corpus("c")
    updated = store.update_corpus("c", "Other")
    assert updated == replace(created, display_name="Other", update_time=updated.update_time)
    assert updated.update_time >= created.update_time
    assert store.get_corpus("c") == updated


def test_a_document_is_what_was_created(store):
    metadata: Metadata = (("z", "text"), ("a", 0.5), ("", ("x", "", "x")), ("empty", ()))
    created = store.create_document("c", "guide", "The guide", metadata)
    assert created.metadata == metadata
    assert (created.corpus_id, created.id, created.display_name) == ("c", "guide", "The guide")
    assert store.get_document("c", "guide") == created


def test_updating_a_document_leaves_what_is_not_given(store):
    created = store.create_document("c", "guide", "The guide", (("k", "v"),))
    renamed = store.update_document("c", "guide", display_name="New")
    assert (renamed.display_name, renamed.metadata) == ("New", (("k", "v"),))
    cleared = store.update_document("c", "guide", metadata=())
    assert (cleared.display_name, cleared.metadata) == ("New", ())
    assert cleared.key == created.key
    assert cleared.create_time == created.create_time
    assert store.get_document("c", "guide") == cleared


def test_chunks_are_created_in_order_and_active(store):
    created = store.create_chunks("c", "d", [new_chunk("b", "one"), new_chunk("a", "two")])
    assert [(chunk.id, chunk.text, chunk.state) for chunk in created] == [
        ("b", "one", ChunkState.ACTIVE),
        ("a", "two", ChunkState.ACTIVE),
    ]
    assert created[0].key < created[1].key
    assert store.list_chunks("c", "d", 10) == created
    assert store.get_chunk("c", "d", "a") == created[1]


@given(
    metadata=st.lists(st.tuples(st.text(), VALUES), max_size=6, unique_by=lambda pair: pair[0]),
    text=st.text(st.characters(exclude_categories=["Cs"])),
)
@settings(max_examples=60, deadline=None)
def test_texts_and_metadata_come_back_exactly(metadata, text):
    store = Store("sqlite://")
    store.create_corpus("c", "", "")
    store.create_document("c", "d", "", tuple(metadata))
    store.create_chunks("c", "d", [new_chunk("x", text, tuple(metadata))])
    found = store.get_chunk("c", "d", "x")
    assert found.text == text
    for stored in (found.metadata, store.get_document("c", "d").metadata):
        assert stored == tuple(metadata)
        assert repr(stored) == repr(tuple(metadata))  # -0.0 and types too
    store.close()


def test_metadata_may_name_a_key_twice(store):
    twice: Metadata = (("k", 1.0), ("k", 1.0), ("k", "1.0"), ("l", ("a", "a")))
    store.create_chunks("c", "d", [new_chunk("x", metadata=twice)])
    assert store.get_chunk("c", "d", "x").metadata == twice
    store.update_chunks("c", "d", [ChunkUpdate("x", metadata=())])
    store.delete_chunks("c", "d", ["x"])


def test_updates_of_chunks_answer_in_the_order_given(store):
    store.create_chunks("c", "d", [new_chunk(name, name, (("k", name),)) for name in "abc"])
    before = {chunk.id: chunk for chunk in store.list_chunks("c", "d", 10)}
    vector = np.array([1, 0, 0], dtype=np.float32)
    updated = store.update_chunks(
        "c",
        "d",
        [
            ChunkUpdate("c", text="new", vector=vector),
            ChunkUpdate("a", metadata=(("k", 2.0),)),
            ChunkUpdate("b"),
        ],
    )
    assert [chunk.id for chunk in updated] == ["c", "a", "b"]
    assert [(chunk.text, chunk.metadata) for chunk in updated] == [
        ("new", (("k", "c"),)),
        ("a", (("k", 2.0),)),
        ("b", (("k", "b"),)),
    ]
    for chunk in updated:
        assert chunk.key == before[chunk.id].key
        assert chunk.create_time == before[chunk.id].create_time
        assert chunk.update_time >= before[chunk.id].update_time
        assert store.get_chunk("c", "d", chunk.id) == chunk


def test_text_and_vector_change_together(store):
    store.create_chunks("c", "d", [new_chunk("a", "old")])
    with pytest.raises(ValueError, match="together"):
        store.update_chunks("c", "d", [ChunkUpdate("a", text="new")])
    assert store.get_chunk("c", "d", "a").text == "old"


def test_empty_batches_do_nothing(store):
    assert store.create_chunks("c", "d", []) == []
    assert store.update_chunks("c", "d", []) == []
    store.delete_chunks("c", "d", [])
    assert store.last_change(store.get_corpus("c").key) == 0
    with pytest.raises(RowNotFoundError):
        store.create_chunks("c", "missing", [])


def test_a_failed_batch_changes_nothing(store):
    store.create_chunks("c", "d", [new_chunk("a", "old", (("k", "v"),)), new_chunk("b", "old")])
    corpus = store.get_corpus("c")
    chunks = store.list_chunks("c", "d", 10)
    vector = np.zeros(3, dtype=np.float32)
    with pytest.raises(RowExistsError) as exists:
        store.create_chunks("c", "d", [new_chunk("n"), new_chunk("b"), new_chunk("a")])
    assert exists.value.resource == "corpora/c/documents/d/chunks/b"
    with pytest.raises(RowNotFoundError) as missing:
        store.update_chunks(
            "c", "d", [ChunkUpdate("a", "new", vector), ChunkUpdate("no"), ChunkUpdate("nor")]
        )
    assert missing.value.resource == "corpora/c/documents/d/chunks/no"
    with pytest.raises(RowNotFoundError) as missing:
        store.delete_chunks("c", "d", ["a", "no", "b"])
    assert missing.value.resource == "corpora/c/documents/d/chunks/no"
    assert store.get_corpus("c") == corpus
    assert store.list_chunks("c", "d", 10) == chunks


def test_a_batch_names_each_chunk_once(store):
    store.create_chunks("c", "d", [new_chunk("a")])
    calls: list[Callable[[], object]] = [
        lambda: store.create_chunks("c", "d", [new_chunk("n"), new_chunk("m"), new_chunk("n")]),
        lambda: store.update_chunks("c", "d", [ChunkUpdate("n"), ChunkUpdate("n")]),
        lambda: store.delete_chunks("c", "d", ["n", "n"]),
    ]
    for call in calls:
        with pytest.raises(DuplicateInBatchError) as error:
            call()
        assert error.value.resource == "corpora/c/documents/d/chunks/n"
    assert [chunk.id for chunk in store.list_chunks("c", "d", 10)] == ["a"]


CORPUS, DOCUMENT = "corpora/no", "corpora/c/documents/no"


@pytest.mark.parametrize(
    ("call", "resource"),
    [
        (lambda s: s.get_corpus("no"), CORPUS),
        (lambda s: s.update_corpus("no", "x"), CORPUS),
        (lambda s: s.delete_corpus("no"), CORPUS),
        (lambda s: s.create_document("no", "d", "x"), CORPUS),
        (lambda s: s.get_document("no", "d"), CORPUS),
        (lambda s: s.list_documents("no", 1), CORPUS),
        (lambda s: s.update_document("no", "d", display_name="x"), CORPUS),
        (lambda s: s.delete_document("no", "d"), CORPUS),
        (lambda s: s.get_document("c", "no"), DOCUMENT),
        (lambda s: s.update_document("c", "no", display_name="x"), DOCUMENT),
        (lambda s: s.delete_document("c", "no", force=True), DOCUMENT),
        (lambda s: s.create_chunks("no", "d", [new_chunk("a")]), CORPUS),
        (lambda s: s.get_chunk("no", "d", "a"), CORPUS),
        (lambda s: s.list_chunks("no", "d", 1), CORPUS),
        (lambda s: s.update_chunks("no", "d", [ChunkUpdate("a")]), CORPUS),
        (lambda s: s.delete_chunks("no", "d", ["a"]), CORPUS),
        (lambda s: s.create_chunks("c", "no", [new_chunk("a")]), DOCUMENT),
        (lambda s: s.get_chunk("c", "no", "a"), DOCUMENT),
        (lambda s: s.list_chunks("c", "no", 1), DOCUMENT),
        (lambda s: s.update_chunks("c", "no", [ChunkUpdate("a")]), DOCUMENT),
        (lambda s: s.delete_chunks("c", "no", ["a"]), DOCUMENT),
        (lambda s: s.get_chunk("c", "d", "no"), "corpora/c/documents/d/chunks/no"),
    ],
)
def test_what_is_missing_is_named(store, call, resource):
    with pytest.raises(RowNotFoundError) as error:
        call(store)
    assert isinstance(error.value, EngineError)
    assert error.value.resource == resource
    assert resource in str(error.value)


def test_ids_are_unique_within_their_parent_only(store):
    with pytest.raises(RowExistsError) as error:
        store.create_corpus("c", "x", "static")
    assert error.value.resource == "corpora/c"
    with pytest.raises(RowExistsError) as error:
        store.create_document("c", "d", "x")
    assert error.value.resource == "corpora/c/documents/d"
    store.create_corpus("c2", "x", "static")
    store.create_document("c2", "d", "x")
    store.create_document("c", "d2", "x")
    for corpus_id, document_id in (("c", "d"), ("c", "d2"), ("c2", "d")):
        store.create_chunks(corpus_id, document_id, [new_chunk("a", corpus_id + document_id)])
    assert store.get_chunk("c", "d2", "a").text == "cd2"
    assert store.get_chunk("c2", "d", "a").text == "c2d"


def test_deleting_a_parent_needs_force(store):
    store.create_chunks("c", "d", [new_chunk("a", metadata=(("k", "v"),))])
    with pytest.raises(HasChildrenError) as error:
        store.delete_document("c", "d")
    assert error.value.resource == "corpora/c/documents/d"
    with pytest.raises(HasChildrenError) as error:
        store.delete_corpus("c")
    assert error.value.resource == "corpora/c"
    assert store.get_chunk("c", "d", "a").text == "text"


def test_deleting_a_document_takes_its_chunks_along(store):
    document = store.create_document("c", "e", "Other", (("k", "v"),))
    store.create_chunks("c", "e", [new_chunk(f"a{i}", metadata=(("k", "v"),)) for i in range(1500)])
    store.create_chunks("c", "d", [new_chunk("a")])
    assert store.delete_document("c", "e", force=True) == document
    key = store.get_corpus("c").key
    assert store.corpus_stats(key) == CorpusStats(documents=1, chunks=1)
    store.create_document("c", "e", "Again")
    assert store.list_chunks("c", "e", 10) == []
    assert store.delete_document("c", "e").display_name == "Again"


def test_deleting_a_corpus_takes_everything_along_and_no_key_comes_back(store):
    first = store.create_chunks("c", "d", [new_chunk("a", metadata=(("k", "v"),))])
    store.delete_chunks("c", "d", ["a"])
    last = store.create_chunks("c", "d", [new_chunk("a", metadata=(("k", "v"),))])
    old = store.get_corpus("c")
    assert store.delete_corpus("c", force=True) == old
    assert store.corpus_stats(old.key) == CorpusStats(documents=0, chunks=0)
    assert store.changes(old.key, 0, 10) == []
    assert store.last_change(old.key) == 0
    new = store.create_corpus("c", "Again", "static")
    assert new.key > old.key
    assert store.list_documents("c", 10) == []
    store.create_document("c", "d", "Again")
    (chunk,) = store.create_chunks("c", "d", [new_chunk("a")])
    assert chunk.key > last[0].key > first[0].key
    assert store.delete_corpus("c", force=True).key == new.key
    assert store.list_corpora(10) == []


def test_an_empty_corpus_is_deleted_without_force(store):
    store.delete_document("c", "d")
    assert store.delete_corpus("c").id == "c"


def test_chunks_by_key_leaves_out_what_is_not_there(store):
    ids = [f"a{i}" for i in range(1200)]
    chunks = store.create_chunks("c", "d", [new_chunk(chunk_id) for chunk_id in ids])
    store.create_corpus("c2", "x", "static")
    store.create_document("c2", "d", "x")
    (foreign,) = store.create_chunks("c2", "d", [new_chunk("a")])
    corpus_key = store.get_corpus("c").key
    keys = [chunk.key for chunk in chunks]
    assert store.chunks_by_key(corpus_key, keys) == dict(zip(keys, chunks, strict=True))
    some = np.array([keys[3], foreign.key, 10**9], dtype=np.int64)
    assert store.chunks_by_key(corpus_key, some) == {keys[3]: chunks[3]}
    assert store.chunks_by_key(corpus_key, []) == {}


@given(total=st.integers(0, 9), limit=st.integers(1, 10))
@settings(max_examples=30, deadline=None)
def test_paging_visits_each_row_once(total, limit):
    store = Store("sqlite://")
    names = [f"r{i}" for i in range(total)]
    for name in names:
        store.create_corpus(name, "", "")
    store.create_corpus("last", "", "")
    for name in names:
        store.create_document("last", name, "")
    store.create_document("last", "last", "")
    store.create_chunks("last", "last", [new_chunk(name) for name in names])

    def visited(list_page: Callable[..., list[Any]]) -> list[str]:
        seen: list[Any] = []
        after = None
        while page := list_page(limit, after):
            assert len(page) <= limit
            seen += page
            after = (page[-1].create_time, page[-1].key)
        order = [(row.create_time, row.key) for row in seen]
        assert order == sorted(order)
        return [row.id for row in seen]

    assert visited(store.list_corpora) == [*names, "last"]
    assert visited(lambda *page: store.list_documents("last", *page)) == [*names, "last"]
    assert visited(lambda *page: store.list_chunks("last", "last", *page)) == names
    store.close()


@pytest.mark.parametrize("in_memory", [True, False])
def test_threads_share_a_store(tmp_path, in_memory):
    store = Store("sqlite://" if in_memory else f"sqlite:///{tmp_path / 'store.db'}")
    store.create_corpus("c", "", "")
    failures: list[BaseException] = []

    def work(name: str) -> None:
        try:
            store.create_document("c", name, "")
            for batch in range(5):
                store.create_chunks("c", name, [new_chunk(f"{batch}-{i}") for i in range(10)])
                assert len(store.list_chunks("c", name, 100)) == 10 * (batch + 1)
        except BaseException as error:  # noqa: BLE001 (shown by the assertion below)
            failures.append(error)

    threads = [threading.Thread(target=work, args=(f"d{i}",)) for i in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    corpus = store.get_corpus("c")
    assert store.corpus_stats(corpus.key) == CorpusStats(documents=12, chunks=600)
    assert corpus.last_change == 600
    store.close()
