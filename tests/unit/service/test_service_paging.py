"""Lists: order, page sizes, and tokens."""

import base64
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragkit.api import limits
from ragkit.api.errors import InvalidArgument
from ragkit.service import open_service
from ragkit.service.paging import make_token, page, page_size, read_token


def pages(api: Any, path: str, size: int) -> list[list[str]]:
    """The names on each page of a list."""
    items = path.rpartition("/")[2]
    query: dict[str, object] = {"pageSize": size}
    found: list[list[str]] = []
    while True:
        reply = api.get(path, **query)
        found.append([item["name"].rpartition("/")[2] for item in reply.get(items, [])])
        if "nextPageToken" not in reply:
            return found
        query["pageToken"] = reply["nextPageToken"]


@pytest.fixture(scope="module")
def filled(shared_api):
    """Twenty-five each of corpora, documents and chunks, named in reverse."""
    ids = [f"n{99 - i}" for i in range(25)]
    for corpus_id in ids:
        shared_api.corpus(corpus_id)
    for document_id in ids:
        shared_api.document("corpora/n99", document_id)
    document = "corpora/n99/documents/n99"
    requests = [
        {"chunk": {"name": f"{document}/chunks/{chunk_id}", "data": {"stringValue": "text"}}}
        for chunk_id in ids
    ]
    shared_api.post(f"{document}/chunks:batchCreate", {"requests": requests})
    return ids


LISTS = {
    "corpora": limits.CORPORA_PAGE,
    "corpora/n99/documents": limits.DOCUMENTS_PAGE,
    "corpora/n99/documents/n99/chunks": limits.CHUNKS_PAGE,
}


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize("size", [1, 3, 12, 24, 25, 26])
def test_pages_hold_everything_once_in_the_order_of_creation(shared_api, filled, path, size):
    found = pages(shared_api, path, size)
    assert [name for names in found for name in names] == filled
    size = min(size, LISTS[path].maximum)
    assert [len(names) for names in found[:-1]] == [size] * (len(found) - 1)
    assert found[-1]


@pytest.mark.parametrize("path", LISTS)
def test_sizes_have_a_default_and_a_maximum(shared_api, filled, path):
    limit = LISTS[path]
    items = path.rpartition("/")[2]
    assert len(shared_api.get(path)[items]) == limit.default
    assert len(shared_api.get(path, pageSize=0)[items]) == limit.default
    assert len(shared_api.get(path, pageSize=10**9)[items]) == min(limit.maximum, len(filled))


@pytest.mark.parametrize("path", [*LISTS, "models"])
@pytest.mark.parametrize("size", ["-1", "-1000", "many", "1.5"])
def test_a_size_that_is_no_size_is_refused(shared_api, filled, path, size):
    message = shared_api.refused("INVALID_ARGUMENT", "GET", path, query={"pageSize": size})
    assert "pageSize" in message


@pytest.mark.parametrize("path", [*LISTS, "models"])
@pytest.mark.parametrize(
    "token", ["x", "AAAA", "not base64!", "é", "=", " ", "A" * 32, "A" * 5000, "null"]
)
def test_a_token_that_no_list_gave_is_refused(shared_api, filled, path, token):
    message = shared_api.refused("INVALID_ARGUMENT", "GET", path, query={"pageToken": token})
    assert "pageToken" in message


def test_a_token_belongs_to_one_method_and_one_parent(shared_api, filled):
    shared_api.document("corpora/n98", "d")
    tokens = {
        path: shared_api.get(path, pageSize=1)["nextPageToken"]
        for path in [*LISTS, "models"]
        if path != "corpora/n98/documents"
    }
    for path in [*LISTS, "models", "corpora/n98/documents"]:
        for origin, token in tokens.items():
            query = {"pageToken": token}
            if origin == path:
                shared_api.get(path, **query)
            else:
                shared_api.refused("INVALID_ARGUMENT", "GET", path, query=query)


def test_the_page_size_may_change_between_pages(shared_api, filled):
    path = "corpora/n99/documents"
    first = shared_api.get(path, pageSize=2)
    second = shared_api.get(path, pageSize=5, pageToken=first["nextPageToken"])
    names = [one["name"].rpartition("/")[2] for one in first["documents"] + second["documents"]]
    assert names == filled[:7]


def test_a_token_survives_writes(api):
    document = api.document(api.corpus())
    for chunk_id in ("a", "b", "c", "d"):
        api.chunk(document, chunk_id, "text")
    reply = api.get(f"{document}/chunks", pageSize=2)
    api.delete(f"{document}/chunks/a")
    api.delete(f"{document}/chunks/b")
    api.delete(f"{document}/chunks/c")
    api.chunk(document, "e", "text")
    rest = api.get(f"{document}/chunks", pageToken=reply["nextPageToken"])
    assert [chunk["name"][-1] for chunk in rest["chunks"]] == ["d", "e"]


def test_a_token_survives_a_restart(api, tmp_path):
    api.corpus("a")
    api.corpus("b")
    token = api.get("corpora", pageSize=1)["nextPageToken"]
    api.service.close()
    api.service = open_service(tmp_path / "data")
    assert [one["name"] for one in api.get("corpora", pageToken=token)["corpora"]] == ["corpora/b"]


def test_models_are_paged(shared_api):
    whole = [model["name"] for model in shared_api.get("models")["models"]]
    first = shared_api.get("models", pageSize=1)
    assert [model["name"] for model in first["models"]] == whole[:1]
    names = []
    query = {"pageSize": 1}
    while query:
        reply = shared_api.get("models", **query)
        names += [model["name"] for model in reply["models"]]
        token = reply.get("nextPageToken")
        query = {"pageSize": 1, "pageToken": token} if token else {}
    assert names == whole


positions = st.tuples(st.integers(-(2**63), 2**63 - 1), st.integers(-(2**63), 2**63 - 1))


@given(positions, st.lists(st.text(max_size=20), max_size=3))
def test_a_token_holds_its_position(position, scope):
    assert read_token(make_token(position, *scope), *scope) == position


@given(positions, st.data())
def test_a_token_with_one_byte_changed_is_refused(position, data):
    raw = bytearray(base64.urlsafe_b64decode(make_token(position, "list")))
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= data.draw(st.integers(1, 255))
    with pytest.raises(InvalidArgument):
        read_token(base64.urlsafe_b64encode(raw).decode(), "list")


@given(st.text(max_size=60))
def test_any_other_text_is_refused(text):
    with pytest.raises(InvalidArgument):
        read_token(text, "list")


class Row:
    def __init__(self, create_time: int, key: int) -> None:
        self.create_time = create_time
        self.key = key


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 100)), unique=True, max_size=30),
    st.integers(0, 12),
)
def test_paging_is_total_even_where_times_are_equal(positions, size):
    rows = [Row(*position) for position in sorted(positions)]

    def fetch(limit: int, after: tuple[int, int] | None) -> list[Row]:
        later = [row for row in rows if after is None or (row.create_time, row.key) > after]
        return later[:limit]

    token = ""
    seen: list[Row] = []
    while True:
        found, token = page(fetch, size, limits.PageSize(5, 10), token, "list")
        assert len(found) <= page_size(size, limits.PageSize(5, 10))
        seen += found
        if not token:
            break
    assert seen == rows
