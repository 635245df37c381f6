"""corpora.documents.chunks: the single calls and the batches."""

from typing import Any

import pytest

from ragkit.api import limits
from ragkit.text.tokens import count_tokens


@pytest.fixture
def document(api):
    return api.document(api.corpus())


def new(text: str = "text", **fields: object) -> dict[str, Any]:
    return {"chunk": {"data": {"stringValue": text}, **fields}}


def tokens(count: int) -> str:
    text = " the" * count
    assert count_tokens(text) == count
    return text


def names(api: Any, document: str) -> list[str]:
    listed = api.get(f"{document}/chunks", pageSize=100).get("chunks", [])
    return [chunk["name"].rpartition("/")[2] for chunk in listed]


def test_create_returns_what_get_returns(api, document):
    body = {
        "name": f"{document}/chunks/x",
        "data": {"stringValue": "text of the chunk"},
        "customMetadata": api.metadata({"page": 3, "tags": ["a"]}),
    }
    chunk = api.post(f"{document}/chunks", body)
    assert {key: chunk[key] for key in body} == body
    assert chunk["state"] == "STATE_ACTIVE"
    assert chunk["createTime"] == chunk["updateTime"]
    assert api.get(chunk["name"]) == chunk


def test_output_only_fields_are_ignored(api, document):
    body = {"data": {"stringValue": "x"}, "state": 10, "createTime": "2001-01-01T00:00:00Z"}
    chunk = api.post(f"{document}/chunks", body)
    assert chunk["state"] == "STATE_ACTIVE"
    assert not chunk["createTime"].startswith("2001")


@pytest.mark.parametrize(
    "data",
    [None, {}, {"stringValue": ""}, {"stringValue": " \n\t"}, {"stringValue": "nul\0"}],
)
def test_data_that_can_never_be_found_is_refused(api, document, data):
    body = {"data": data} if data is not None else {}
    message = api.refused("INVALID_ARGUMENT", "POST", f"{document}/chunks", body)
    assert "chunk.data.stringValue" in message
    message = api.refused(
        "INVALID_ARGUMENT",
        "POST",
        f"{document}/chunks:batchCreate",
        {"requests": [new(), {"chunk": body}]},
    )
    assert "requests[1].chunk.data.stringValue" in message
    assert names(api, document) == []


def test_a_chunk_of_2043_tokens_is_kept_and_of_2044_refused(api, document):
    text = tokens(limits.MAX_CHUNK_TOKENS)
    chunk = api.post(f"{document}/chunks", {"data": {"stringValue": text}})
    assert chunk["data"]["stringValue"] == text
    too_long = tokens(limits.MAX_CHUNK_TOKENS + 1)
    body = {"requests": [new(), new(), new(too_long)]}
    message = api.refused("INVALID_ARGUMENT", "POST", f"{document}/chunks:batchCreate", body)
    assert "requests[2].chunk.data.stringValue" in message
    assert "2,044 tokens" in message
    assert "2,043" in message
    message = api.refused(
        "INVALID_ARGUMENT",
        "PATCH",
        chunk["name"],
        {"data": {"stringValue": too_long}},
        {"updateMask": "data"},
    )
    assert "2,044 tokens" in message


def test_an_absurdly_long_chunk_is_refused_without_counting(api, document, monkeypatch):
    monkeypatch.delattr("ragkit.service.chunk_data.count_tokens")
    body = {"data": {"stringValue": "x" * 300_000}}
    message = api.refused("INVALID_ARGUMENT", "POST", f"{document}/chunks", body)
    assert "at least 2,344 tokens" in message


def test_batch_create_keeps_the_order_of_the_requests(api, document):
    requests = [new(f"text {i}", name=f"{document}/chunks/{100 - i}") for i in range(100)]
    created = api.post(f"{document}/chunks:batchCreate", {"requests": requests})["chunks"]
    assert [chunk["data"]["stringValue"] for chunk in created] == [f"text {i}" for i in range(100)]
    assert names(api, document) == [str(100 - i) for i in range(100)]


def test_each_parent_must_be_the_batchs_or_empty(api, document):
    other = api.document("corpora/c", "other")
    batch = f"{document}/chunks:batchCreate"
    api.post(batch, {"parent": document, "requests": [{**new(), "parent": document}, new()]})
    body = {"requests": [new(), {**new(), "parent": other}]}
    assert "requests[1].parent" in api.refused("INVALID_ARGUMENT", "POST", batch, body)
    body = {"parent": other, "requests": [new()]}
    assert other in api.refused("INVALID_ARGUMENT", "POST", batch, body)
    assert len(names(api, document)) == 2


@pytest.mark.parametrize("verb", ["batchCreate", "batchUpdate", "batchDelete"])
def test_an_empty_batch_and_one_of_101_are_refused(api, document, verb):
    path = f"{document}/chunks:{verb}"
    assert "requests" in api.refused("INVALID_ARGUMENT", "POST", path, {})
    name = f"{document}/chunks/x"
    request = {
        "batchCreate": new(),
        "batchUpdate": {"chunk": {"name": name}, "updateMask": "customMetadata"},
        "batchDelete": {"name": name},
    }[verb]
    message = api.refused("INVALID_ARGUMENT", "POST", path, {"requests": [request] * 101})
    assert "101" in message
    assert "100" in message


@pytest.mark.parametrize(
    ("bad", "status", "named"),
    [
        ({}, "INVALID_ARGUMENT", "requests[1].chunk"),
        (new(name="DOC/chunks/new"), "INVALID_ARGUMENT", "requests[0]"),
        (new(name="DOC/chunks/taken"), "ALREADY_EXISTS", "DOC/chunks/taken"),
        (new(name="DOC/chunks/Bad"), "INVALID_ARGUMENT", "requests[1].chunk.name"),
        (new(name="corpora/c/documents/x/chunks/a"), "INVALID_ARGUMENT", "requests[1].chunk.name"),
        (new(customMetadata=[{"key": "a"}]), "INVALID_ARGUMENT", "requests[1].chunk.customMeta"),
    ],
)
def test_batch_create_does_all_or_nothing(api, document, bad, status, named):
    api.chunk(document, "taken", "old")
    if "name" in bad.get("chunk", {}):
        bad = {"chunk": {**bad["chunk"], "name": bad["chunk"]["name"].replace("DOC", document)}}
    requests = [new(name=f"{document}/chunks/new"), bad]
    path = f"{document}/chunks:batchCreate"
    message = api.refused(status, "POST", path, {"requests": requests})
    assert named.replace("DOC", document) in message
    assert names(api, document) == ["taken"]
    assert api.get(f"{document}/chunks/taken")["data"] == {"stringValue": "old"}


def test_patch_of_data_is_found_by_the_new_text_only(api, document):
    chunk = api.chunk(document, "x", "zebras graze", page=1)
    before = api.get(chunk)
    after = api.patch(chunk, {"data": {"stringValue": "penguins swim"}}, "data")
    assert after["data"] == {"stringValue": "penguins swim"}
    assert after["customMetadata"] == before["customMetadata"]
    assert after["createTime"] == before["createTime"]
    assert after["updateTime"] > before["updateTime"]
    (found,) = api.post(f"{document}:query", {"query": "penguins"})["relevantChunks"]
    assert found["chunk"] == after


@pytest.mark.parametrize("mask", ["data", "data.stringValue", "data.string_value"])
def test_the_mask_may_name_the_string_within_data(api, document, mask):
    chunk = api.chunk(document, "x", "old")
    assert api.patch(chunk, {"data": {"stringValue": "new"}}, mask)["data"]["stringValue"] == "new"


def test_patch_of_metadata_leaves_the_data(api, document):
    chunk = api.chunk(document, "x", "text", page=1)
    changed = api.patch(chunk, {"customMetadata": api.metadata({"page": 2})}, "customMetadata")
    assert changed["data"] == {"stringValue": "text"}
    assert changed["customMetadata"] == api.metadata({"page": 2})
    assert "customMetadata" not in api.patch(chunk, {}, "custom_metadata")


@pytest.mark.parametrize(
    ("body", "mask", "named"),
    [
        ({"data": {"stringValue": "new"}}, None, "updateMask"),
        ({"data": {"stringValue": "new"}}, "state", "'state'"),
        ({"data": {"stringValue": "new"}}, "name", "'name'"),
        ({}, "data", "chunk.data"),
        ({}, "*", "chunk.data"),
        ({"customMetadata": []}, "data,customMetadata", "chunk.data"),
    ],
)
def test_a_patch_that_is_not_allowed_changes_nothing(api, document, body, mask, named):
    chunk = api.chunk(document, "x", "old", page=1)
    before = api.get(chunk)
    query = {} if mask is None else {"updateMask": mask}
    assert named in api.refused("INVALID_ARGUMENT", "PATCH", chunk, body, query)
    assert api.get(chunk) == before


def test_batch_update_has_a_mask_for_each_request(api, document):
    one, two = api.chunk(document, "one", "first", n=1), api.chunk(document, "two", "second", n=2)
    body = {
        "requests": [
            {"chunk": {"name": two, "data": {"stringValue": "new"}}, "updateMask": "data"},
            {"chunk": {"name": one, "data": {"stringValue": "x"}}, "updateMask": "customMetadata"},
        ]
    }
    updated = api.post(f"{document}/chunks:batchUpdate", body)["chunks"]
    assert [chunk["name"] for chunk in updated] == [two, one]
    assert updated == [api.get(two), api.get(one)]
    assert updated[0]["data"] == {"stringValue": "new"}
    assert updated[0]["customMetadata"] == api.metadata({"n": 2})
    assert updated[1]["data"] == {"stringValue": "first"}
    assert "customMetadata" not in updated[1]


@pytest.mark.parametrize(
    ("chunk", "mask", "status", "named"),
    [
        ({"name": "DOC/chunks/absent"}, "customMetadata", "NOT_FOUND", "chunks/absent"),
        ({"name": "DOC/chunks/one"}, "customMetadata", "INVALID_ARGUMENT", "requests[0]"),
        ({"name": "DOC/chunks/two"}, "", "INVALID_ARGUMENT", "requests[1].updateMask"),
        ({"name": "DOC/chunks/two"}, "state", "INVALID_ARGUMENT", "requests[1].updateMask"),
        ({"name": "DOC/chunks/two"}, "data", "INVALID_ARGUMENT", "requests[1].chunk.data"),
        ({}, "data", "INVALID_ARGUMENT", "requests[1].chunk.name"),
        (None, "data", "INVALID_ARGUMENT", "requests[1].chunk"),
        ({"name": "corpora/x/documents/y/chunks/two"}, "*", "INVALID_ARGUMENT", "chunk.name"),
    ],
)
def test_batch_update_does_all_or_nothing(api, document, chunk, mask, status, named):
    one, two = api.chunk(document, "one", "first"), api.chunk(document, "two", "second")
    if chunk and "name" in chunk:
        chunk = {"name": chunk["name"].replace("DOC", document)}
    good = {"chunk": {"name": one, "data": {"stringValue": "new"}}, "updateMask": "data"}
    bad = {"chunk": chunk, "updateMask": mask}
    path = f"{document}/chunks:batchUpdate"
    assert named in api.refused(status, "POST", path, {"requests": [good, bad]})
    assert api.get(one)["data"]["stringValue"] == "first"
    assert api.get(two)["data"]["stringValue"] == "second"


def test_delete(api, document):
    chunk = api.chunk(document, "x", "text")
    assert api.delete(chunk) == {}
    api.refused("NOT_FOUND", "GET", chunk)
    api.refused("NOT_FOUND", "DELETE", chunk)
    assert api.post(f"{document}:query", {"query": "text"}) == {}


def test_batch_delete(api, document):
    deleted = [{"name": api.chunk(document, chunk_id, "text")} for chunk_id in ("a", "b")]
    api.chunk(document, "c", "text")
    assert api.post(f"{document}/chunks:batchDelete", {"requests": deleted}) == {}
    assert names(api, document) == ["c"]


@pytest.mark.parametrize(
    ("name", "status", "named"),
    [
        ("DOC/chunks/absent", "NOT_FOUND", "chunks/absent"),
        ("DOC/chunks/a", "INVALID_ARGUMENT", "requests[1].name"),
        ("corpora/c/documents/e/chunks/a", "INVALID_ARGUMENT", "requests[1].name"),
        ("", "INVALID_ARGUMENT", "requests[1].name"),
    ],
)
def test_batch_delete_does_all_or_nothing(api, document, name, status, named):
    good = {"name": api.chunk(document, "a", "text")}
    bad = {"name": name.replace("DOC", document)}
    path = f"{document}/chunks:batchDelete"
    assert named in api.refused(status, "POST", path, {"requests": [good, bad]})
    assert names(api, document) == ["a"]


def test_a_full_corpus_takes_no_more_chunks(api, document, monkeypatch):
    monkeypatch.setattr(limits, "MAX_CHUNKS_PER_CORPUS", 3)
    other = api.document("corpora/c", "other")
    api.chunk(document, "a", "text")
    api.chunk(other, "b", "text")
    path = f"{document}/chunks:batchCreate"
    message = api.refused("FAILED_PRECONDITION", "POST", path, {"requests": [new(), new()]})
    assert "at most 3 chunks" in message
    api.post(path, {"requests": [new()]})
    api.refused("FAILED_PRECONDITION", "POST", f"{document}/chunks", new()["chunk"])
    api.delete(f"{other}/chunks/b")
    api.chunk(document, "c", "text")
