"""Ids derived from display names, and ids given by callers."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragkit.api.names import check_id
from ragkit.service.naming import id_for, random_id, slug


@pytest.mark.parametrize(
    ("display_name", "expected"),
    [
        ("My Awesome Corpora", "my-awesome-corpora"),
        ("  Größe & Form!  ", "grosse-form"),
        ("Æsir, Øre, Łódź, Þór", "aesir-ore-lodz-thor"),
        ("İstanbul ILIK ılık", "istanbul-ilik-ilik"),
        ("\N{LATIN SMALL LIGATURE FI}le №5", "file-no5"),
        ("Отчёт 2024", "2024"),
        ("日本語", ""),
        ("---", ""),
        ("", ""),
        ("x" * 26 + " yz", "x" * 26),
        ("w" * 100, "w" * 27),
    ],
)
def test_slug(display_name, expected):
    assert slug(display_name) == expected


@given(st.text(max_size=600))
def test_a_derived_id_is_always_legal(display_name):
    derived = id_for(display_name)
    check_id(derived, "name")
    assert re.fullmatch(r"[a-z0-9]{12}", derived[-12:])
    words = slug(display_name)
    assert derived == (f"{words}-{derived[-12:]}" if words else derived[-12:])


def test_random_ids_differ():
    assert len({random_id() for _ in range(1000)}) == 1000


def test_an_unnamed_corpus_is_named_after_its_display_name(shared_api):
    corpus = shared_api.post("corpora", {"displayName": "My Library"})
    assert re.fullmatch(r"corpora/my-library-[a-z0-9]{12}", corpus["name"])


def test_an_unnamed_corpus_without_display_name_gets_a_random_name(shared_api):
    assert re.fullmatch(r"corpora/[a-z0-9]{12}", shared_api.post("corpora")["name"])


def test_an_unnamed_document_is_named_after_its_display_name(shared_api):
    corpus = shared_api.corpus("named")
    document = shared_api.post(f"{corpus}/documents", {"displayName": "Read me"})
    assert re.fullmatch(rf"{corpus}/documents/read-me-[a-z0-9]{{12}}", document["name"])


def test_an_unnamed_chunk_gets_a_random_name(shared_api):
    document = shared_api.document(shared_api.corpus("chunky"))
    chunk = shared_api.post(f"{document}/chunks", {"data": {"stringValue": "Read me"}})
    assert re.fullmatch(rf"{document}/chunks/[a-z0-9]{{12}}", chunk["name"])


ILLEGAL = [
    "corpora/",
    "corpora/A",
    "corpora/-a",
    "corpora/a-",
    "corpora/a.b",
    "corpora/" + "a" * 41,
]


@pytest.mark.parametrize("name", [*ILLEGAL, "a", "documents/a", "corpora/a/documents/b"])
def test_an_illegal_corpus_name_is_refused(shared_api, name):
    message = shared_api.refused("INVALID_ARGUMENT", "POST", "corpora", {"name": name})
    assert "corpus.name" in message


@pytest.mark.parametrize("corpus_id", ["a", "0", "a" * 40, "a-b", "0-9", "a--b"])
def test_a_legal_name_is_taken_as_it_is(api, corpus_id):
    assert api.corpus(corpus_id) == f"corpora/{corpus_id}"


def test_a_name_that_is_taken_conflicts(api):
    corpus = api.corpus()
    document = api.document(corpus)
    chunk = api.chunk(document, "x", "text")
    for path, body in (
        ("corpora", {"name": corpus}),
        (f"{corpus}/documents", {"name": document}),
        (f"{document}/chunks", {"name": chunk, "data": {"stringValue": "x"}}),
    ):
        assert body["name"] in api.refused("ALREADY_EXISTS", "POST", path, body)


def test_a_name_under_another_parent_is_refused(api):
    corpus, other = api.corpus("one"), api.corpus("two")
    document, other_document = api.document(corpus), api.document(other)
    message = api.refused(
        "INVALID_ARGUMENT", "POST", f"{corpus}/documents", {"name": f"{other}/documents/x"}
    )
    assert other in message
    assert corpus in message
    message = api.refused(
        "INVALID_ARGUMENT",
        "POST",
        f"{document}/chunks",
        {"name": f"{other_document}/chunks/x", "data": {"stringValue": "x"}},
    )
    assert other_document in message
