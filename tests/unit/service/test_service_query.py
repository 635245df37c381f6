"""corpora.query and corpora.documents.query."""

import itertools
import operator
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import to_json

from ragkit.engine.records import ChunkRecord, ChunkState
from ragkit.service.policies import MAX_QUERY_BYTES
from ragkit.service.resources import chunk_json, chunk_resource

Json = dict[str, Any]

ANIMALS: dict[str, tuple[str, Json]] = {
    "zebra": ("Zebras are striped animals of the savanna.", {"legs": 4, "tags": ["striped"]}),
    "crane": ("Cranes are tall animals that dance.", {"legs": 2, "tags": ["tall", "grey"]}),
    "snake": ("Snakes are long animals without limbs.", {"legs": 0, "tags": []}),
    "horse": ("Horses are fast animals of the steppe.", {"legs": 4, "kind": "mammal"}),
    "robin": ("Robins are small animals that sing.", {"legs": "two", "kind": "bird"}),
    "snail": ("Snails are slow animals with a house.", {"weight": 0.1, "kind": ["mollusc"]}),
}


@pytest.fixture(scope="module")
def zoo(shared_api):
    corpus = shared_api.corpus("zoo")
    for number, (chunk_id, (text, metadata)) in enumerate(ANIMALS.items()):
        document = f"{corpus}/documents/d{number % 2}"
        if number < 2:
            shared_api.document(corpus, f"d{number}", parity=number, shelf=["even", "odd"][number])
        shared_api.chunk(document, chunk_id, text, **metadata)
    return corpus


def found(
    api: Any, resource: str, *filters: Json, query: str = "animals", **fields: object
) -> dict[str, float]:
    body = {"query": query, "metadataFilters": list(filters), "resultsCount": 100, **fields}
    reply = api.post(f"{resource}:query", body)
    return {
        one["chunk"]["name"].rpartition("/")[2]: one.get("chunkRelevanceScore", 0.0)
        for one in reply.get("relevantChunks", [])
    }


def where(key: str, operation: str | int, *values: str | float, level: str = "chunk") -> Json:
    return {
        "key": f"{level}.custom_metadata.{key}",
        "conditions": [
            {
                "operation": operation,
                "stringValue" if isinstance(value, str) else "numericValue": value,
            }
            for value in values
        ],
    }


def test_a_query_finds_the_most_relevant_first(shared_api, zoo):
    scores = found(shared_api, zoo, query="which animal has stripes on the savanna?")
    assert next(iter(scores)) == "zebra"
    assert list(scores.values()) == sorted(scores.values(), reverse=True)
    assert all(0 <= score <= 1 for score in scores.values())


def test_a_result_holds_the_whole_chunk(shared_api, zoo):
    reply = shared_api.post(f"{zoo}:query", {"query": "zebras", "resultsCount": 1})
    (one,) = reply["relevantChunks"]
    assert one["chunk"] == shared_api.get(f"{zoo}/documents/d0/chunks/zebra")


def test_a_document_query_looks_in_that_document_only(shared_api, zoo):
    assert set(found(shared_api, f"{zoo}/documents/d0")) == {"zebra", "snake", "robin"}


def test_the_number_of_results(shared_api, zoo):
    body = {"query": "animals"}
    assert len(shared_api.post(f"{zoo}:query", body)["relevantChunks"]) == 6
    assert len(found(shared_api, zoo, resultsCount=2)) == 2
    assert len(found(shared_api, zoo, resultsCount=100)) == 6
    document = shared_api.document(shared_api.corpus("many"))
    requests = [{"chunk": {"data": {"stringValue": f"animal {i}"}}} for i in range(12)]
    shared_api.post(f"{document}/chunks:batchCreate", {"requests": requests})
    assert len(shared_api.post("corpora/many:query", body)["relevantChunks"]) == 10
    assert len(shared_api.post(f"{document}:query", body)["relevantChunks"]) == 10


@pytest.mark.parametrize("count", [-1, 101, 10**9, "x", 1.5])
@pytest.mark.parametrize("resource", ["", "/documents/d0"])
def test_a_number_of_results_out_of_range_is_refused(shared_api, zoo, count, resource):
    message = shared_api.refused(
        "INVALID_ARGUMENT", "POST", f"{zoo}{resource}:query", {"query": "x", "resultsCount": count}
    )
    assert "resultsCount" in message


@pytest.mark.parametrize("query", [None, "", " ", "\n\t "])
@pytest.mark.parametrize("resource", ["", "/documents/d0"])
def test_a_blank_query_is_refused(shared_api, zoo, query, resource):
    body = {} if query is None else {"query": query}
    message = shared_api.refused("INVALID_ARGUMENT", "POST", f"{zoo}{resource}:query", body)
    assert message.startswith("query: required")


def test_a_query_may_be_long_up_to_a_limit(shared_api, zoo):
    text = "zebra animals " * (MAX_QUERY_BYTES // 14)
    assert "zebra" in found(shared_api, zoo, query=text)
    message = shared_api.refused(
        "INVALID_ARGUMENT", "POST", f"{zoo}:query", {"query": "x" * (MAX_QUERY_BYTES + 1)}
    )
    assert f"{MAX_QUERY_BYTES + 1:,} bytes" in message
    assert f"{MAX_QUERY_BYTES:,}" in message


@pytest.mark.parametrize("query", ["?", "&|!()", 'AND "', "zebra\0", "💡", "日本", "a" * 5000])
def test_no_query_has_operators_or_is_too_odd(shared_api, zoo, query):
    found(shared_api, zoo, query=query)


def test_nothing_to_find_gives_an_empty_reply(shared_api):
    corpus = shared_api.corpus("empty")
    assert shared_api.post(f"{corpus}:query", {"query": "x"}) == {}
    document = shared_api.document(corpus)
    assert shared_api.post(f"{document}:query", {"query": "x"}) == {}


COMPARISONS = {
    "LESS": operator.lt,
    "LESS_EQUAL": operator.le,
    "EQUAL": operator.eq,
    "GREATER_EQUAL": operator.ge,
    "GREATER": operator.gt,
    "NOT_EQUAL": operator.ne,
}


def matching(key: str, fits: Callable[[Any], bool]) -> set[str]:
    return {
        name for name, (_, metadata) in ANIMALS.items() if key in metadata and fits(metadata[key])
    }


@pytest.mark.parametrize("operation", COMPARISONS)
@pytest.mark.parametrize("value", [-1, 0, 2, 3, 4, 5])
def test_numbers_compare_with_numbers_only(shared_api, zoo, operation, value):
    expected = matching(
        "legs", lambda legs: not isinstance(legs, str) and COMPARISONS[operation](legs, value)
    )
    assert set(found(shared_api, zoo, where("legs", operation, value))) == expected


@pytest.mark.parametrize("operation", ["EQUAL", "NOT_EQUAL"])
@pytest.mark.parametrize("value", ["mammal", "fish", ""])
def test_strings_compare_with_strings_only(shared_api, zoo, operation, value):
    expected = matching(
        "kind", lambda kind: isinstance(kind, str) and COMPARISONS[operation](kind, value)
    )
    assert set(found(shared_api, zoo, where("kind", operation, value))) == expected


@pytest.mark.parametrize(("operation", "holds"), [("INCLUDES", True), ("EXCLUDES", False)])
@pytest.mark.parametrize("value", ["striped", "grey", "none"])
def test_lists_include_and_exclude_strings(shared_api, zoo, operation, holds, value):
    expected = matching("tags", lambda tags: (value in tags) is holds)
    assert set(found(shared_api, zoo, where("tags", operation, value))) == expected


@pytest.mark.parametrize(
    "condition",
    [
        where("legs", "LESS", "5"),
        where("kind", "GREATER", "a"),
        where("kind", "LESS_EQUAL", "zzz"),
        where("tags", "INCLUDES", 1),
        where("tags", "EQUAL", "striped"),
        where("tags", "NOT_EQUAL", "striped"),
        where("kind", "INCLUDES", "mammal"),
        where("kind", "EQUAL", 1),
        where("weight", "EQUAL", "0.1"),
        where("absent", "EQUAL", "x"),
        where("absent", "NOT_EQUAL", "x"),
        where("absent", "NOT_EQUAL", 1),
        where("absent", "EXCLUDES", "x"),
    ],
)
def test_a_mismatch_of_types_and_an_absent_key_match_nothing(shared_api, zoo, condition):
    assert found(shared_api, zoo, condition) == {}


def test_numbers_compare_as_float32(shared_api, zoo):
    assert set(found(shared_api, zoo, where("weight", "EQUAL", 0.1))) == {"snail"}
    assert found(shared_api, zoo, where("weight", "LESS", 0.1)) == {}
    assert set(found(shared_api, zoo, where("weight", "GREATER_EQUAL", 0.1))) == {"snail"}


def test_conditions_are_ored_and_filters_anded(shared_api, zoo):
    two_or_none = where("legs", "EQUAL", 2, 0)
    assert set(found(shared_api, zoo, two_or_none)) == {"crane", "snake"}
    grey = where("tags", "INCLUDES", "grey")
    assert set(found(shared_api, zoo, two_or_none, grey)) == {"crane"}
    assert found(shared_api, zoo, two_or_none, grey, where("kind", "EQUAL", "bird")) == {}


def test_a_range_is_two_filters_of_one_key(shared_api, zoo):
    low, high = where("legs", "GREATER", 0), where("legs", "LESS_EQUAL", 2)
    assert set(found(shared_api, zoo, low, high)) == {"crane"}


@pytest.mark.parametrize(
    "filters",
    [
        [where("kind", "EQUAL", "bird"), where("kind", "EQUAL", "mammal")],
        [where("kind", "EQUAL", "bird")] * 2,
        [where("legs", "EQUAL", 2), where("legs", "EQUAL", "two")],
        [where("tags", "EXCLUDES", "a"), where("x", "LESS", 1), where("tags", "EXCLUDES", "b")],
    ],
)
def test_strings_of_one_key_are_not_anded(shared_api, zoo, filters):
    message = shared_api.refused(
        "INVALID_ARGUMENT", "POST", f"{zoo}:query", {"query": "x", "metadataFilters": filters}
    )
    assert f"metadataFilters[{len(filters) - 1}].key" in message


def test_the_same_name_on_both_levels_is_not_one_key(shared_api, zoo):
    filters = [where("kind", "EQUAL", "bird"), where("kind", "EQUAL", "bird", level="document")]
    assert found(shared_api, zoo, *filters) == {}


def test_documents_are_filtered_by_their_own_metadata(shared_api, zoo):
    even = where("parity", "EQUAL", 0, level="document")
    assert set(found(shared_api, zoo, even)) == {"zebra", "snake", "robin"}
    odd = where("shelf", "NOT_EQUAL", "even", level="document")
    assert set(found(shared_api, zoo, odd)) == {"crane", "horse", "snail"}
    assert set(found(shared_api, zoo, even, where("legs", "GREATER", 0))) == {"zebra"}


def test_a_filter_changes_no_score(shared_api, zoo):
    everything = found(shared_api, zoo)
    some = found(shared_api, zoo, where("legs", "EQUAL", 4))
    assert some == {name: everything[name] for name in some}


def test_filters_follow_updates(api):
    corpus = api.corpus()
    document = api.document(corpus, year=2000)
    chunk = api.chunk(document, "x", "text", year=2000)
    old, new = (where("year", "EQUAL", year) for year in (2000, 2001))
    assert set(found(api, corpus, old, query="text")) == {"x"}
    api.patch(chunk, {"customMetadata": api.metadata({"year": 2001})}, "customMetadata")
    assert found(api, corpus, old, query="text") == {}
    assert set(found(api, corpus, new, query="text")) == {"x"}
    by_document = where("year", "EQUAL", 2000, level="document")
    assert set(found(api, corpus, by_document, query="text")) == {"x"}
    api.patch(document, {}, "customMetadata")
    assert found(api, corpus, by_document, query="text") == {}


@pytest.mark.parametrize("operation", [4, "GREATER_EQUAL", "4"])
def test_operators_come_by_name_or_number(shared_api, zoo, operation):
    assert set(found(shared_api, zoo, where("legs", operation, 4))) == {"zebra", "horse"}


BAD_FILTERS: list[tuple[Json, str]] = [
    ({}, "[0].key"),
    ({"key": "legs", "conditions": [{"operation": 3, "numericValue": 1}]}, "[0].key"),
    ({"key": "chunk.custom_metadata.", "conditions": []}, "[0].key"),
    ({"key": "chunk.customMetadata.legs", "conditions": []}, "[0].key"),
    ({"key": "corpus.custom_metadata.legs", "conditions": []}, "[0].key"),
    (where("legs", "EQUAL"), "[0].conditions"),
    (where("legs", 0, 1), "[0].conditions[0].operation"),
    (where("legs", "OPERATOR_UNSPECIFIED", 1), "[0].conditions[0].operation"),
    (where("legs", "LIKE", 1), "[0].conditions[0].operation"),
    (where("legs", 9, 1), "[0].conditions[0].operation"),
    ({"key": "chunk.custom_metadata.legs", "conditions": [{"operation": 3}]}, "conditions[0]"),
    ({"key": "chunk.custom_metadata.legs", "conditions": [{"numericValue": 3}]}, "operation"),
    (where("legs", "EQUAL", 1, 1e39), "[0].conditions[1].numericValue"),
    (
        {
            "key": "chunk.custom_metadata.legs",
            "conditions": [{"operation": 3, "numericValue": "NaN"}],
        },
        "[0].conditions[0].numericValue",
    ),
    (
        {
            "key": "chunk.custom_metadata.legs",
            "conditions": [{"operation": 3, "numericValue": 1, "stringValue": "x"}],
        },
        "[0].conditions[0]",
    ),
    (
        {"key": "chunk.custom_metadata.legs", "conditions": [{"operation": 3, "intValue": 1}]},
        "intValue",
    ),
]


@pytest.mark.parametrize(("bad", "named"), BAD_FILTERS)
@pytest.mark.parametrize("resource", ["", "/documents/d0"])
def test_a_filter_that_is_not_well_formed_is_refused(shared_api, zoo, bad, named, resource):
    body = {"query": "x", "metadataFilters": [bad]}
    message = shared_api.refused("INVALID_ARGUMENT", "POST", f"{zoo}{resource}:query", body)
    assert "metadataFilters" in message
    assert named in message


def test_a_document_query_refuses_filters_of_the_document(shared_api, zoo):
    body = {"query": "x", "metadataFilters": [where("parity", "EQUAL", 0, level="document")]}
    message = shared_api.refused("INVALID_ARGUMENT", "POST", f"{zoo}/documents/d0:query", body)
    assert "document.custom_metadata.parity" in message


def test_every_write_is_found_by_the_next_query(api):
    corpus = api.corpus()
    document = api.document(corpus)
    for number in itertools.count():
        api.chunk(document, f"x{number}", f"unmistakable word{number}")
        assert len(found(api, corpus, query="unmistakable")) == number + 1
        if number == 5:
            break


@given(
    st.builds(
        ChunkRecord,
        key=st.just(1),
        corpus_id=st.sampled_from(["a", "corpus-1"]),
        document_id=st.just("d"),
        id=st.just("c"),
        text=st.text(),
        metadata=st.lists(
            st.tuples(
                st.text(min_size=1),
                st.text() | st.floats(width=32, allow_nan=False) | st.lists(st.text()).map(tuple),
            )
        ).map(tuple),
        state=st.sampled_from(ChunkState),
        create_time=st.integers(0, 2**50),
        update_time=st.integers(0, 2**50),
    )
)
def test_a_found_chunk_is_written_as_its_message_is(record: ChunkRecord) -> None:
    assert to_json(chunk_json(record)) == chunk_resource(record).to_json()
