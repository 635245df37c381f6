"""corpora: create, get, patch, delete."""

import re

import pytest

TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3}|\.\d{6})?Z")


def test_an_empty_body_creates_a_corpus(api):
    corpus = api.post("corpora", b"{}")
    assert set(corpus) == {"name", "createTime", "updateTime"}
    assert TIMESTAMP.fullmatch(corpus["createTime"])
    assert corpus["createTime"] == corpus["updateTime"]
    assert api.get(corpus["name"]) == corpus


def test_a_create_without_any_body_works_too(api):
    assert api.ok("POST", "corpora")["name"]


def test_output_only_fields_are_ignored(api):
    corpus = api.post("corpora", {"createTime": "2001-01-01T00:00:00Z", "updateTime": None})
    assert not corpus["createTime"].startswith("2001")


@pytest.mark.parametrize("name", ["x" * 512, "💡" * 512, "", "two\nlines", "  "])
def test_display_names_of_up_to_512_characters_are_kept(api, name):
    corpus = api.post("corpora", {"displayName": name})
    assert api.get(corpus["name"]).get("displayName", "") == name


@pytest.mark.parametrize("name", ["x" * 513, "nul\0"])
def test_a_display_name_that_cannot_be_kept_is_refused(api, name):
    message = api.refused("INVALID_ARGUMENT", "POST", "corpora", {"displayName": name})
    assert "corpus.displayName" in message
    corpus = api.corpus()
    message = api.refused(
        "INVALID_ARGUMENT", "PATCH", corpus, {"displayName": name}, {"updateMask": "displayName"}
    )
    assert "corpus.displayName" in message
    assert "displayName" not in api.get(corpus)


@pytest.mark.parametrize("mask", ["displayName", "display_name", "*", "displayName,display_name"])
def test_patch_changes_the_display_name(api, mask):
    before = api.post("corpora", {"name": "corpora/c", "displayName": "old"})
    after = api.patch("corpora/c", {"displayName": "new"}, mask)
    assert after["displayName"] == "new"
    assert after["createTime"] == before["createTime"]
    assert after["updateTime"] > before["updateTime"]
    assert api.get("corpora/c") == after


def test_a_masked_field_that_is_absent_is_cleared(api):
    api.post("corpora", {"name": "corpora/c", "displayName": "old"})
    assert "displayName" not in api.patch("corpora/c", {}, "displayName")


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ({}, "updateMask"),
        ({"updateMask": ""}, "updateMask"),
        ({"updateMask": "name"}, "'name'"),
        ({"updateMask": "createTime"}, "'createTime'"),
        ({"updateMask": "displayName,custom_metadata"}, "'customMetadata'"),
        ({"updateMask": "displayName.x"}, "'displayName.x'"),
    ],
)
def test_a_mask_that_is_missing_or_not_allowed_is_refused_by_name(api, query, named):
    api.post("corpora", {"name": "corpora/c", "displayName": "old"})
    message = api.refused("INVALID_ARGUMENT", "PATCH", "corpora/c", {"displayName": "new"}, query)
    assert named in message
    assert api.get("corpora/c")["displayName"] == "old"


def test_delete_without_force_refuses_a_corpus_with_documents(api):
    corpus = api.corpus()
    document = api.document(corpus)
    message = api.refused("FAILED_PRECONDITION", "DELETE", corpus)
    assert corpus in message
    assert "force" in message
    assert api.get(document)


def test_delete_with_force_takes_everything_along(api):
    corpus = api.corpus()
    document = api.document(corpus)
    chunk = api.chunk(document, "x", "some text to find")
    assert api.post(f"{corpus}:query", {"query": "text"})["relevantChunks"]
    assert api.delete(corpus, force="true") == {}
    for gone in (corpus, document, chunk):
        api.refused("NOT_FOUND", "GET", gone)
    # A new corpus of the same name has nothing of the old one.
    assert api.corpus() == corpus
    assert api.post(f"{corpus}:query", {"query": "text"}) == {}


def test_an_empty_corpus_is_deleted_without_force(api):
    assert api.delete(api.corpus()) == {}
    assert api.get("corpora") == {}


@pytest.mark.parametrize("force", ["maybe", "2", ""])
def test_force_is_a_boolean(api, force):
    message = api.refused("INVALID_ARGUMENT", "DELETE", api.corpus(), query={"force": force})
    assert "force" in message
