"""Resource names of the families beside corpora."""

from __future__ import annotations

import pytest

from ragkit.api.errors import InvalidArgument
from ragkit.api.names import (
    batch_name,
    cached_content_name,
    check_tuned_model_id,
    chunk_name,
    document_name,
    file_name,
    operation_name,
    permission_name,
    tuned_model_name,
)


@pytest.mark.parametrize(
    ("full", "collection"),
    [
        (batch_name, "batches"),
        (cached_content_name, "cachedContents"),
        (file_name, "files"),
        (tuned_model_name, "tunedModels"),
    ],
)
def test_an_id_and_a_name_are_both_taken(full, collection):
    assert full("abc") == f"{collection}/abc"
    assert full(f"{collection}/abc") == f"{collection}/abc"


@pytest.mark.parametrize(
    ("full", "collection"), [(permission_name, "permissions"), (operation_name, "operations")]
)
def test_what_is_within_something_needs_its_parent(full, collection):
    name = f"tunedModels/m/{collection}/x"
    assert full(name) == name
    assert full("x", "tunedModels/m") == name
    for parent in (None, "m"):
        with pytest.raises(InvalidArgument, match=collection):
            full("x", parent)


def test_ids_of_tuned_models_begin_with_a_letter():
    assert check_tuned_model_id("a" * 40) == "a" * 40
    for wrong in ("1a", "", "a-", "A", "a" * 41, "a_b"):
        with pytest.raises(InvalidArgument, match="tunedModelId"):
            check_tuned_model_id(wrong)


def test_a_parent_in_the_name_wins_over_the_one_beside_it():
    assert document_name("d", "a") == "corpora/a/documents/d"
    assert document_name("b/d", "a") == "corpora/b/documents/d"
    assert chunk_name("c", "a/d") == "corpora/a/documents/d/chunks/c"
    assert chunk_name("b/d/c", "a/d") == "corpora/b/documents/d/chunks/c"
