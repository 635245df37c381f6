"""corpora.documents: create, get, patch, delete; and custom metadata."""

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragkit.api import limits
from ragkit.api.metadata import CustomMetadata, StringList
from ragkit.service.metadata import to_api_metadata, to_engine_metadata
from ragkit.service.values import shortest


def test_create_returns_what_get_returns(api):
    corpus = api.corpus()
    body = {
        "name": f"{corpus}/documents/d",
        "displayName": "A document",
        "customMetadata": api.metadata({"s": "text", "n": 0.1, "l": ["a", "b"], "e": "", "z": 0}),
    }
    document = api.post(f"{corpus}/documents", body)
    assert {key: document[key] for key in body} == body
    assert api.get(document["name"]) == document


def test_an_empty_string_list_is_a_value(api):
    entry = {"key": "l", "stringListValue": {}}
    document = api.post(f"{api.corpus()}/documents", {"customMetadata": [entry]})
    assert document["customMetadata"] == [entry]


@pytest.mark.parametrize("number", [0.1, -1.5, 2024, 1e-40, 3.4028234e38, 16777217, 0.30000001])
def test_numbers_come_back_as_their_shortest_decimal(api, number):
    corpus = api.corpus()
    entry = {"key": "n", "numericValue": number}
    document = api.post(f"{corpus}/documents", {"customMetadata": [entry]})
    (kept,) = document["customMetadata"]
    assert struct.pack(">f", kept["numericValue"]) == struct.pack(">f", number)
    assert len(repr(kept["numericValue"])) <= max(len(repr(float(number))), 13)


@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_the_shortest_decimal_is_the_same_float32_and_not_longer(number):
    short = shortest(number)
    assert struct.pack(">f", short) == struct.pack(">f", number)
    assert len(repr(short)) <= len(repr(number))


entries = st.lists(
    st.builds(
        lambda key, value: CustomMetadata(key=key, **value),
        st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1),
        st.one_of(
            st.fixed_dictionaries({"string_value": st.just("x")}),
            st.fixed_dictionaries({"numeric_value": st.sampled_from([0.0, 0.5, -3.0])}),
            st.fixed_dictionaries(
                {"string_list_value": st.builds(StringList, values=st.lists(st.just("y")))}
            ),
        ),
    ),
    max_size=20,
    unique_by=lambda entry: entry.key,
)


@given(entries)
def test_metadata_survives_the_engine(given_entries):
    assert to_api_metadata(to_engine_metadata(given_entries, "f")) == given_entries


@pytest.mark.parametrize(
    ("metadata", "named"),
    [
        ([{"key": "", "stringValue": "x"}], "document.customMetadata[0].key"),
        ([{"stringValue": "x"}], "document.customMetadata[0].key"),
        ([{"key": "a", "stringValue": "x"}, {"key": "b"}], "document.customMetadata[1]"),
        ([{"key": "a", "stringValue": "x"}] * 2, "'a' comes twice"),
        ([{"key": f"k{i}", "stringValue": "x"} for i in range(21)], "21 entries, at most 20"),
        ([{"key": "a", "stringValue": "x", "numericValue": 1}], "customMetadata[0]"),
        ([{"key": "a", "numericValue": "NaN"}], "customMetadata[0].numericValue"),
        ([{"key": "a", "numericValue": "Infinity"}], "customMetadata[0].numericValue"),
        ([{"key": "a", "numericValue": "-Infinity"}], "customMetadata[0].numericValue"),
        ([{"key": "a", "numericValue": 3.5e38}], "customMetadata[0].numericValue"),
        ([{"key": "a", "numericValue": "many"}], "customMetadata[0].numericValue"),
        ([{"key": "a", "intValue": 1}], "intValue"),
        ([{"key": "a\0", "stringValue": "x"}], "customMetadata[0].key"),
        ([{"key": "a", "stringValue": "\0"}], "customMetadata[0].stringValue"),
        ([{"key": "a", "stringListValue": {"values": ["x", "\0"]}}], "values[1]"),
    ],
)
def test_metadata_that_cannot_be_kept_is_refused_by_name(shared_api, metadata, named):
    name = "corpora/refusing"
    if shared_api.send("GET", name).status == 404:
        shared_api.document(shared_api.corpus("refusing"), "d", old="value")
    documents = f"{name}/documents"
    body = {"customMetadata": metadata}
    assert named in shared_api.refused("INVALID_ARGUMENT", "POST", documents, body)
    message = shared_api.refused(
        "INVALID_ARGUMENT", "PATCH", f"{documents}/d", body, {"updateMask": "customMetadata"}
    )
    assert named in message
    assert shared_api.get(f"{documents}/d")["customMetadata"] == shared_api.metadata(
        {"old": "value"}
    )


def test_twenty_entries_are_allowed(api):
    metadata = api.metadata({f"k{i}": "x" for i in range(limits.MAX_CUSTOM_METADATA)})
    document = api.post(f"{api.corpus()}/documents", {"customMetadata": metadata})
    assert document["customMetadata"] == metadata


def test_patch_touches_only_what_the_mask_names(api):
    corpus = api.corpus()
    name = f"{corpus}/documents/d"
    metadata = api.metadata({"a": "x"})
    api.post(
        f"{corpus}/documents", {"name": name, "displayName": "old", "customMetadata": metadata}
    )
    changed = api.patch(name, {"displayName": "new", "customMetadata": []}, "displayName")
    assert changed["displayName"] == "new"
    assert changed["customMetadata"] == metadata
    changed = api.patch(name, {"displayName": "newer"}, "customMetadata")
    assert changed["displayName"] == "new"
    assert "customMetadata" not in changed
    changed = api.patch(name, {"customMetadata": metadata}, "custom_metadata,display_name")
    assert "displayName" not in changed
    assert changed["customMetadata"] == metadata
    changed = api.patch(name, {}, "*")
    assert not {"displayName", "customMetadata"} & set(changed)


@pytest.mark.parametrize("mask", [None, "", "name", "custom_metadata.a", "chunks"])
def test_a_mask_that_is_missing_or_not_allowed_is_refused(api, mask):
    document = api.document(api.corpus())
    query = {} if mask is None else {"updateMask": mask}
    message = api.refused("INVALID_ARGUMENT", "PATCH", document, {"displayName": "x"}, query)
    assert "updateMask" in message
    assert "displayName" not in api.get(document)


def test_delete_without_force_refuses_a_document_with_chunks(api):
    document = api.document(api.corpus())
    chunk = api.chunk(document, "x", "text")
    assert "force" in api.refused("FAILED_PRECONDITION", "DELETE", document)
    assert api.get(chunk)
    assert api.delete(document, force="true") == {}
    api.refused("NOT_FOUND", "GET", chunk)
    api.refused("NOT_FOUND", "GET", document)


def test_a_full_corpus_takes_no_more_documents(api, monkeypatch):
    monkeypatch.setattr(limits, "MAX_DOCUMENTS_PER_CORPUS", 2)
    corpus, other = api.corpus(), api.corpus("other")
    api.document(corpus, "one")
    api.document(corpus, "two")
    message = api.refused("FAILED_PRECONDITION", "POST", f"{corpus}/documents", {})
    assert "at most 2 documents" in message
    api.document(other, "one")
    api.delete(f"{corpus}/documents/one")
    api.document(corpus, "three")


@settings(deadline=None, max_examples=20)
@given(name=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40))
def test_any_display_name_is_kept(shared_api, name):
    if shared_api.send("GET", "corpora/any").status == 404:
        shared_api.corpus("any")
    document = shared_api.post("corpora/any/documents", {"displayName": name})
    assert document.get("displayName", "") == name
    assert shared_api.get(document["name"]) == document
