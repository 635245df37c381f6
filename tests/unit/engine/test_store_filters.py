import math
from collections.abc import Iterator, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragkit.engine.records import (
    ChunkUpdate,
    Condition,
    Level,
    Metadata,
    MetadataFilter,
    MetadataValue,
    NewChunk,
    Operation,
)
from ragkit.engine.store import Store

VECTOR = np.zeros(2, dtype=np.float32)

# Few keys and values, so that filters meet them; awkward ones among them.
KEYS = st.sampled_from(["k", "", "a.b", "it's", 'q"', "ключ", "k\x00", "x" * 40, "x" * 41])
STRINGS = st.sampled_from(
    ["", "a", "A", "b", "1.0", "é", "e\u0301", "\ud800", "y" * 15, "y" * 16, "y" * 17, "%_"]
)
NUMBERS = st.one_of(
    st.sampled_from([0.0, -0.0, 1.0, -1.0, 2.0, float(np.float32(0.1)), math.inf, -math.inf]),
    st.floats(width=32),
)
VALUES = st.one_of(STRINGS, NUMBERS, st.lists(STRINGS, max_size=3).map(tuple))
METADATA = st.lists(st.tuples(KEYS, VALUES), max_size=4, unique_by=lambda pair: pair[0]).map(tuple)
ALL_VALUES: list[MetadataValue] = [
    *(0.0, -0.0, 1.0, float(np.float32(0.1)), -2.5, 1e-45, math.inf, -math.inf, math.nan),
    *("", "a", "b", "A", "1.0", "y" * 15, "y" * 16, "y" * 17),
    *((), ("a",), ("b",), ("a", "b"), ("", "y" * 16)),
]
CONDITIONS = st.builds(Condition, st.sampled_from(Operation), st.one_of(STRINGS, NUMBERS))
FILTERS = st.builds(
    MetadataFilter, st.sampled_from(Level), KEYS, st.lists(CONDITIONS, min_size=1, max_size=4)
)
NUMBER_COMPARISONS = {
    Operation.LESS: lambda a, b: a < b,
    Operation.LESS_EQUAL: lambda a, b: a <= b,
    Operation.EQUAL: lambda a, b: a == b,
    Operation.GREATER_EQUAL: lambda a, b: a >= b,
    Operation.GREATER: lambda a, b: a > b,
    Operation.NOT_EQUAL: lambda a, b: a != b,
}


def meets(value, condition: Condition) -> bool:
    """The API's semantics, word for word."""
    operation, wanted = condition.operation, condition.value
    if isinstance(value, tuple):
        if not isinstance(wanted, str):
            return False
        if operation is Operation.INCLUDES:
            return wanted in value
        return operation is Operation.EXCLUDES and wanted not in value
    if isinstance(value, str):
        if not isinstance(wanted, str):
            return False
        if operation is Operation.EQUAL:
            return value == wanted
        return operation is Operation.NOT_EQUAL and value != wanted
    if isinstance(wanted, str) or operation not in NUMBER_COMPARISONS:
        return False
    return bool(NUMBER_COMPARISONS[operation](np.float32(value), np.float32(wanted)))


def naive(rows, filters: Sequence[MetadataFilter]) -> list[int]:
    def satisfied(filter_, document: Metadata, chunk: Metadata) -> bool:
        metadata = dict(document if filter_.level is Level.DOCUMENT else chunk)
        if filter_.key not in metadata:
            return False
        return any(meets(metadata[filter_.key], condition) for condition in filter_.conditions)

    return sorted(
        key
        for key, document, chunk in rows
        if all(satisfied(filter_, document, chunk) for filter_ in filters)
    )


@pytest.fixture(scope="module")
def world() -> Iterator[tuple[Store, list[tuple[int, Metadata, Metadata]]]]:
    """Documents and chunks that between them have each of the values, and some of nothing."""
    store = Store("sqlite://")
    corpus = store.create_corpus("c", "", "")
    rows = []
    for d, document_value in enumerate([None, 1.0, "a", ("a", "b")]):
        metadata: Metadata = () if document_value is None else (("k", document_value),)
        store.create_document("c", f"d{d}", "", metadata)
        new = [
            NewChunk(f"{i}", "", (("k", value), ("l", ALL_VALUES[i - 1])), VECTOR)
            for i, value in enumerate(ALL_VALUES)
        ]
        new.append(NewChunk("none", "", (), VECTOR))
        rows += [(c.key, metadata, c.metadata) for c in store.create_chunks("c", f"d{d}", new)]
    assert corpus.key == 1
    assert store.get_document("c", "d1").key == 2
    yield store, rows
    store.close()


def test_each_operation_on_each_pair_of_values(world):
    store, rows = world
    for operation in Operation:
        for wanted in [value for value in ALL_VALUES if not isinstance(value, tuple)]:
            for level in Level:
                filters = [MetadataFilter(level, "k", [Condition(operation, wanted)])]
                assert store.matching_chunks(1, filters).tolist() == naive(rows, filters), filters


@given(
    filters=st.lists(
        st.builds(
            MetadataFilter,
            st.sampled_from([Level.CHUNK, Level.CHUNK, Level.DOCUMENT]),
            st.sampled_from(["k", "k", "l", "absent"]),
            st.lists(
                st.builds(
                    Condition,
                    st.sampled_from(Operation),
                    st.sampled_from([v for v in ALL_VALUES if not isinstance(v, tuple)]),
                ),
                min_size=1,
                max_size=4,
            ),
        ),
        max_size=3,
    )
)
@settings(max_examples=250, deadline=None)
def test_conditions_are_ored_and_filters_anded(world, filters):
    store, rows = world
    expected = naive(rows, filters)
    assert store.matching_chunks(1, filters).tolist() == expected
    per_document = len(rows) // 4
    second = [key for key, *_ in rows[per_document : 2 * per_document]]
    within = store.matching_chunks(1, filters, document_key=2)
    assert within.tolist() == [key for key in expected if key in second]


@given(
    conditions=st.lists(
        st.tuples(
            st.sampled_from([Operation.EQUAL, Operation.NOT_EQUAL, Operation.EXCLUDES]),
            st.sampled_from(["a", "b"]),
        ),
        min_size=2,
        max_size=4,
    )
)
@settings(max_examples=50, deadline=None)
def test_conditions_that_say_nothing_new_together(world, conditions):
    """NOT_EQUAL a or EQUAL a: any string; EXCLUDES a or EXCLUDES b: all but lists of both."""
    store, rows = world
    filters = [MetadataFilter(Level.CHUNK, "k", [Condition(*pair) for pair in conditions])]
    assert store.matching_chunks(1, filters).tolist() == naive(rows, filters)


@given(
    documents=st.lists(
        st.tuples(METADATA, st.lists(st.tuples(METADATA, METADATA), max_size=5)), max_size=4
    ),
    queries=st.lists(st.lists(FILTERS, max_size=3), min_size=1, max_size=8),
)
@settings(max_examples=60, deadline=None)
def test_filters_match_on_any_keys_through_updates_and_deletes(documents, queries):
    store = Store("sqlite://")
    corpus = store.create_corpus("c", "", "")
    rows: list[tuple[int, Metadata, Metadata]] = []
    keys: dict[int, set[int]] = {}
    for number, (metadata, chunks) in enumerate(documents):
        document = store.create_document("c", f"d{number}", "", metadata)
        new = [NewChunk(f"{i}", "", first, VECTOR) for i, (first, _) in enumerate(chunks)]
        created = store.create_chunks("c", f"d{number}", new)
        # Every other chunk gets other metadata, so that updates are in it.
        changed = {f"{i}": then for i, (_, then) in enumerate(chunks) if i % 2}
        store.update_chunks(
            "c", f"d{number}", [ChunkUpdate(name, metadata=then) for name, then in changed.items()]
        )
        # And the third and fourth are deleted.
        gone = [chunk.id for chunk in created[2:4]]
        store.delete_chunks("c", f"d{number}", gone)
        created = [chunk for chunk in created if chunk.id not in gone]
        rows += [(c.key, metadata, changed.get(c.id, c.metadata)) for c in created]
        keys[document.key] = {chunk.key for chunk in created}
    if len(documents) == 4:
        last = store.get_document("c", "d3").key
        store.delete_document("c", "d3", force=True)
        gone_keys = keys.pop(last)
        rows = [row for row in rows if row[0] not in gone_keys]
    for filters in queries:
        found = store.matching_chunks(corpus.key, filters)
        assert found.dtype == np.int64
        expected = naive(rows, filters)
        assert found.tolist() == expected
        for document_key, chunk_keys in keys.items():
            within = store.matching_chunks(corpus.key, filters, document_key)
            assert within.tolist() == [key for key in expected if key in chunk_keys]
    store.close()


@pytest.fixture
def store():
    store = Store("sqlite://")
    store.create_corpus("c", "", "")
    store.create_document("c", "d", "", (("year", 2020.0),))
    yield store
    store.close()


def matching(store: Store, *filters: MetadataFilter) -> list[str]:
    key = store.get_corpus("c").key
    found = store.chunks_by_key(key, store.matching_chunks(key, filters).tolist())
    return [found[k].id for k in sorted(found)]


def where(key, *conditions, level=Level.CHUNK) -> MetadataFilter:
    return MetadataFilter(level, key, [Condition(*condition) for condition in conditions])


def test_a_range_is_two_filters_on_one_key(store):
    years = [2014.0, 2015.0, 2016.0, 2020.0, 2021.0]
    store.create_chunks("c", "d", [NewChunk(f"{y:.0f}", "", (("year", y),), VECTOR) for y in years])
    above, below = (
        where("year", (Operation.GREATER, 2015.0)),
        where("year", (Operation.LESS_EQUAL, 2020.0)),
    )
    assert matching(store, above, below) == ["2016", "2020"]
    assert matching(
        store, where("year", (Operation.LESS, 2015.0), (Operation.GREATER, 2020.0))
    ) == [
        "2014",
        "2021",
    ]


def test_numbers_compare_as_float32(store):
    store.create_chunks("c", "d", [NewChunk("x", "", (("p", float(np.float32(0.1))),), VECTOR)])
    assert matching(store, where("p", (Operation.EQUAL, 0.1))) == ["x"]
    assert matching(store, where("p", (Operation.LESS, 1e300))) == ["x"]
    assert matching(store, where("p", (Operation.GREATER, -1e300))) == ["x"]


def test_many_conditions_are_no_problem(store):
    store.create_chunks(
        "c",
        "d",
        [NewChunk(f"{i}", "", (("k", f"v{i}"), ("n", float(i))), VECTOR) for i in range(5)],
    )
    strings = where("k", *((Operation.EQUAL, f"v{i}") for i in range(2, 3000)))
    numbers = where("n", *((Operation.EQUAL, float(i)) for i in range(0, 6000, 2)))
    assert matching(store, strings) == ["2", "3", "4"]
    assert matching(store, numbers) == ["0", "2", "4"]
    assert matching(store, strings, numbers) == ["2", "4"]


def test_metadata_that_is_gone_no_longer_matches(store):
    wanted = where("k", (Operation.EQUAL, "v"))
    year = where("year", (Operation.EQUAL, 2020.0), level=Level.DOCUMENT)
    store.create_chunks("c", "d", [NewChunk("x", "", (("k", "v"),), VECTOR)])
    assert matching(store, wanted, year) == ["x"]
    store.update_document("c", "d", display_name="renamed")
    assert matching(store, year) == ["x"]
    store.update_document("c", "d", metadata=(("year", 2021.0),))
    assert matching(store, year) == []
    store.update_chunks("c", "d", [ChunkUpdate("x", metadata=(("other", "v"),))])
    assert matching(store, wanted) == []


def test_a_corpus_sees_its_own_chunks_only(store):
    other = store.create_corpus("other", "", "")
    foreign = store.create_document("other", "d", "", (("year", 2020.0),))
    for corpus_id in ("c", "other"):
        store.create_chunks(corpus_id, "d", [NewChunk("x", "", (("k", "v"),), VECTOR)])
    here = store.get_corpus("c").key
    for filters in (
        [],
        [where("k", (Operation.EQUAL, "v"))],
        [where("year", (Operation.EQUAL, 2020.0), level=Level.DOCUMENT)],
    ):
        assert len(store.matching_chunks(here, filters)) == 1
        assert len(store.matching_chunks(other.key, filters)) == 1
        assert len(store.matching_chunks(here, filters, foreign.key)) == 0
