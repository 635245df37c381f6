"""The system parameters `fields` and `prettyPrint`."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragkit.api.corpora import ListCorporaResponse, QueryCorpusResponse
from ragkit.api.errors import InvalidArgument
from ragkit.api.generation import GenerateContentResponse
from ragkit.service.partial import parse_selection, select

FOUND = {
    "relevantChunks": [
        {
            "chunkRelevanceScore": 0.5,
            "chunk": {
                "name": "corpora/c/documents/d/chunks/1",
                "data": {"stringValue": "text"},
                "customMetadata": [{"key": "k", "numericValue": 1}],
            },
        },
        {"chunkRelevanceScore": 0.25, "chunk": {"name": "corpora/c/documents/d/chunks/2"}},
    ]
}


def partly(fields: str) -> Any:
    return select(FOUND, parse_selection(fields, QueryCorpusResponse))


def test_a_path_goes_through_lists() -> None:
    assert partly("relevantChunks/chunk/name") == {
        "relevantChunks": [
            {"chunk": {"name": "corpora/c/documents/d/chunks/1"}},
            {"chunk": {"name": "corpora/c/documents/d/chunks/2"}},
        ]
    }


@pytest.mark.parametrize(
    "fields",
    [
        "relevantChunks(chunkRelevanceScore,chunk/name)",
        "relevantChunks/chunkRelevanceScore,relevantChunks/chunk/name",
        " relevant_chunks ( chunk_relevance_score , chunk ( name ) ) ",
        "relevantChunks(chunk/name),relevantChunks(chunkRelevanceScore)",
    ],
)
def test_several_ways_to_say_the_same(fields: str) -> None:
    assert partly(fields)["relevantChunks"][1] == {
        "chunkRelevanceScore": 0.25,
        "chunk": {"name": "corpora/c/documents/d/chunks/2"},
    }


def test_a_field_that_is_wanted_whole_stays_whole() -> None:
    assert partly("relevantChunks/chunk/name,relevantChunks") == FOUND
    assert partly("relevantChunks,relevantChunks/chunk/name") == FOUND


def test_a_wildcard_stands_for_all_fields() -> None:
    assert partly("*") == FOUND
    assert partly("relevantChunks/*") == FOUND
    assert partly("*/chunk/data") == {
        "relevantChunks": [{"chunk": {"data": {"stringValue": "text"}}}, {"chunk": {}}]
    }


def test_maps_and_structs_have_any_names() -> None:
    selection = parse_selection(
        "candidates/content/parts/functionCall/args/anything", GenerateContentResponse
    )
    call = {"functionCall": {"name": "f", "args": {"anything": {"x": 1}, "other": 2}}}
    value = {"candidates": [{"content": {"parts": [call]}}]}
    assert select(value, selection) == {
        "candidates": [{"content": {"parts": [{"functionCall": {"args": {"anything": {"x": 1}}}}]}}]
    }


@pytest.mark.parametrize(
    "fields",
    [
        "",
        ",",
        "corpora,",
        "corpora(",
        "corpora()",
        "corpora(name",
        "corpora)",
        "corpora//name",
        "corpora/",
        "/corpora",
        "corpora name",
        "corpora(name))",
        "%",
        "corpora/" * 100 + "name",
        "x" * 5000,
    ],
)
def test_what_is_no_selection_is_refused(fields: str) -> None:
    with pytest.raises(InvalidArgument, match="fields"):
        parse_selection(fields, ListCorporaResponse)


@pytest.mark.parametrize("fields", ["bogus", "corpora/bogus", "corpora(name,bogus)"])
def test_a_field_that_does_not_exist_is_named(fields: str) -> None:
    with pytest.raises(InvalidArgument, match="bogus"):
        parse_selection(fields, ListCorporaResponse)


@given(st.text(alphabet="corpanme/(),* ", max_size=40))
def test_any_text_is_a_selection_or_refused(fields: str) -> None:
    try:
        selection = parse_selection(fields, ListCorporaResponse)
    except InvalidArgument:
        return
    value = {"corpora": [{"name": "corpora/c", "displayName": "x"}], "nextPageToken": "t"}
    selected = select(value, selection)
    assert set(selected) <= set(value)


def test_pretty_printing_indents(shared_api: Any) -> None:
    shared_api.corpus("pretty")
    plain = shared_api.send("GET", "corpora/pretty")
    pretty = shared_api.send("GET", "corpora/pretty", query={"$prettyPrint": "true"})
    assert json.loads(plain.body) == json.loads(pretty.body)
    assert b"\n  " in pretty.body
    assert b"\n" not in plain.body
    shared_api.refused("INVALID_ARGUMENT", "GET", "corpora", query={"prettyPrint": "maybe"})


def test_only_the_wanted_fields_are_sent(shared_api: Any) -> None:
    shared_api.corpus("partial")
    assert shared_api.get("corpora/partial", fields="name") == {"name": "corpora/partial"}
    message = shared_api.refused(
        "INVALID_ARGUMENT", "GET", "corpora/partial", query={"fields": "chunks"}
    )
    assert "chunks" in message
