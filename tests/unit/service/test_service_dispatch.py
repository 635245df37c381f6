"""Routing, system parameters, and the one form of all errors."""

import json
import logging
from typing import Any

import pytest
from filelock import Timeout

from ragkit.api.corpora import Corpus
from ragkit.api.methods import MEDIA_UPLOAD, METHODS
from ragkit.api.versions import V1_METHODS
from ragkit.api.wire import HttpRequest, Method
from ragkit.engine.engine import DataFolderError
from ragkit.engine.models.embedders import ModelFilesError, UnknownEmbedderError
from ragkit.engine.records import DuplicateInBatchError, RowExistsError
from ragkit.engine.store import StoreUnavailableError
from ragkit.service.dispatcher import Service, find_handler
from ragkit.service.registry import handles, registered_handlers

DOCUMENT = "corpora/absent/documents/absent"


def path_of(method: Method[Any, Any]) -> str:
    """A path of the method's form, for a resource that does not exist."""
    _, brace, rest = method.path.removeprefix("/v1beta/").partition("{")
    if not brace:
        return method.path.removeprefix("/v1beta/")
    pattern, _, after = rest.partition("}")
    return pattern.partition("=")[2].replace("*", "absent") + after


OFFERED = {method.id: method for method in METHODS.values() if find_handler(method.id)}


def test_every_method_is_offered():
    # An upload has no handler: its body is not JSON.
    assert set(METHODS) - set(OFFERED) <= {MEDIA_UPLOAD.id}
    assert set(registered_handlers()) == set(OFFERED)


@pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)
def test_v1_is_the_same_where_it_exists(shared_api, method):
    service = Service(shared_api.service.engine, handlers={})
    path = f"/v1/{path_of(method)}"
    error = shared_api.envelope(service.dispatch(HttpRequest(method.verb, path)))
    if method.id in V1_METHODS:
        assert error["status"] == "UNIMPLEMENTED"
        assert method.id in error["message"]
    else:
        assert error["status"] == "NOT_FOUND"
        assert "v1" in error["message"]


def test_a_method_cannot_have_two_handlers():
    with pytest.raises(ValueError, match="two handlers"):
        handles(METHODS["corpora.get"])(lambda context, request: Corpus())


@pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)
def test_a_method_without_handler_is_unimplemented(shared_api, method):
    service = Service(shared_api.service.engine, handlers={})
    reply = service.dispatch(HttpRequest(method.verb, f"/v1beta/{path_of(method)}"))
    error = shared_api.envelope(reply)
    assert (reply.status, error["status"]) == (501, "UNIMPLEMENTED")
    assert method.id in error["message"]


@pytest.mark.parametrize("method", OFFERED.values(), ids=OFFERED)
def test_an_unknown_query_parameter_is_refused_by_name(shared_api, method):
    message = shared_api.refused(
        "INVALID_ARGUMENT", method.verb, path_of(method), query={"bogus": 1}
    )
    assert "bogus" in message
    assert method.id in message


@pytest.mark.parametrize("method", OFFERED.values(), ids=OFFERED)
@pytest.mark.parametrize("body", [b"{", b"[]", b'{"bogus": 1}', b"\xff", b"nonsense"])
def test_a_body_that_is_not_the_methods_is_refused(shared_api, method, body):
    shared_api.refused("INVALID_ARGUMENT", method.verb, path_of(method), body)


@pytest.mark.parametrize(
    "method", [one for one in OFFERED.values() if one.body], ids=lambda one: one.id
)
def test_an_unknown_field_is_named(shared_api, method):
    message = shared_api.refused(
        "INVALID_ARGUMENT", method.verb, path_of(method), {"bogusField": 1}
    )
    assert "bogusField" in message


@pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)
def test_an_unexpected_failure_is_internal_logged_and_tells_nothing(
    shared_api, method, caplog, monkeypatch
):
    def fail(context, request):
        raise RuntimeError("the secret reason")

    service = Service(shared_api.service.engine, handlers=dict.fromkeys(METHODS, fail))
    with caplog.at_level(logging.ERROR, "ragkit.service"):
        reply = service.dispatch(HttpRequest(method.verb, f"/v1beta/{path_of(method)}"))
    error = shared_api.envelope(reply)
    assert error["status"] == "INTERNAL"
    assert "secret" not in reply.body.decode()
    (record,) = caplog.records
    assert method.id in record.getMessage()
    assert record.exc_info
    assert "the secret reason" in str(record.exc_info[1])


@pytest.mark.parametrize(
    ("method_id", "body"),
    [
        ("corpora.get", None),
        ("corpora.delete", None),
        ("corpora.query", {"query": "x"}),
        ("corpora.documents.create", {}),
        ("corpora.documents.get", None),
        ("corpora.documents.delete", None),
        ("corpora.documents.list", None),
        ("corpora.documents.query", {"query": "x"}),
        ("corpora.documents.chunks.create", {"data": {"stringValue": "x"}}),
        (
            "corpora.documents.chunks.batchCreate",
            {"requests": [{"chunk": {"data": {"stringValue": "x"}}}]},
        ),
        ("corpora.documents.chunks.get", None),
        (
            "corpora.documents.chunks.batchUpdate",
            {
                "requests": [
                    {
                        "chunk": {
                            "name": f"{DOCUMENT}/chunks/absent",
                            "data": {"stringValue": "x"},
                        },
                        "updateMask": "data",
                    }
                ]
            },
        ),
        ("corpora.documents.chunks.delete", None),
        (
            "corpora.documents.chunks.batchDelete",
            {"requests": [{"name": f"{DOCUMENT}/chunks/absent"}]},
        ),
        ("corpora.documents.chunks.list", None),
        ("models.get", None),
        ("models.embedContent", {"content": {"parts": [{"text": "x"}]}}),
        ("models.countTokens", {"contents": [{"parts": [{"text": "x"}]}]}),
    ],
)
def test_what_does_not_exist_is_not_found_and_the_message_says_what_to_do(
    shared_api, method_id, body
):
    method = METHODS[method_id]
    message = shared_api.refused("NOT_FOUND", method.verb, path_of(method), body)
    assert "absent does not exist" in message
    assert ".list" in message


@pytest.mark.parametrize("field", ["corpora.patch", "documents.patch", "chunks.patch"])
def test_patching_what_does_not_exist_is_not_found(shared_api, field):
    path, mask, body = {
        "corpora.patch": ("corpora/absent", "displayName", {}),
        "documents.patch": (DOCUMENT, "displayName", {}),
        "chunks.patch": (f"{DOCUMENT}/chunks/absent", "data", {"data": {"stringValue": "x"}}),
    }[field]
    shared_api.refused("NOT_FOUND", "PATCH", path, body, {"updateMask": mask})


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "",
        "/v1beta",
        "/v1beta/",
        "/v1beta/corpora/",
        "/v1beta//corpora",
        "/v1beta/corpora/a/b",
        "/v1beta/corpora/a:frobnicate",
        "/v1beta/models/aqa:embedcontent",
        "/v2/corpora",
        "/favicon.ico",
    ],
)
def test_an_unknown_path_is_not_found(shared_api, path):
    reply = shared_api.service.dispatch(HttpRequest("GET", path))
    assert shared_api.envelope(reply)["status"] == "NOT_FOUND"


def test_a_known_path_with_another_verb_says_which_verbs_there_are(shared_api):
    message = shared_api.refused("NOT_FOUND", "PUT", "corpora/a")
    assert "GET" in message
    assert "PATCH" in message
    assert "DELETE" in message


@pytest.mark.parametrize(
    "name",
    [
        "corpora/a%2Fb",
        "corpora/a%2Fdocuments%2Fb",
        "corpora/%2e%2e",
        "corpora/..",
        "corpora/a%zzb",
        "corpora/a%",
        "corpora/%00",
        "corpora/%ff%fe",
        "corpora/a%3Aquery",
        "corpora/UPPER",
        "corpora/" + "a" * 41,
        "corpora/-a",
        "corpora/a-",
        "corpora/a_b",
    ],
)
def test_an_ill_formed_id_is_refused(shared_api, name):
    shared_api.refused("INVALID_ARGUMENT", "GET", name)


def test_percent_encoding_of_plain_characters_means_the_same(shared_api):
    name = shared_api.corpus("percent")
    assert shared_api.get("corpora/perc%65nt")["name"] == name


@pytest.mark.parametrize(
    "query",
    [
        {"$alt": "json;enum-encoding=int"},
        {"alt": "json"},
        {"key": "abc", "prettyPrint": "false", "quotaUser": "me", "$.xgafv": "2"},
        {"access_token": "t", "oauth_token": "t", "uploadType": "x", "upload_protocol": "y"},
        {"fields": "*"},
    ],
)
def test_system_parameters_are_not_the_methods(shared_api, query):
    shared_api.get("corpora", **query)


@pytest.mark.parametrize(
    "query",
    [
        {"alt": "media"},
        {"$alt": "proto"},
        {"alt": "sse"},
        {"fields": "corpora/bogus"},
        {"callback": "f"},
    ],
)
def test_a_system_parameter_that_asks_for_the_impossible_is_refused(shared_api, query):
    message = shared_api.refused("INVALID_ARGUMENT", "GET", "corpora", query=query)
    assert next(iter(query)) in message


def test_a_get_may_come_as_a_post_with_its_query_in_the_body(shared_api):
    shared_api.corpus("overridden")
    reply = shared_api.send(
        "POST",
        "corpora",
        b"pageSize=1&alt=json",
        headers={
            "X-HTTP-Method-Override": "GET",
            "Content-Type": "application/x-www-form-urlencoded; charset=utf-8",
        },
    )
    assert reply.status == 200
    assert len(json.loads(reply.body)["corpora"]) == 1


def test_a_patch_may_come_as_a_post(shared_api):
    shared_api.corpus("patched")
    reply = shared_api.send(
        "POST",
        "corpora/patched",
        {"displayName": "new"},
        {"updateMask": "displayName"},
        {"x-http-method-override": "patch"},
    )
    assert json.loads(reply.body)["displayName"] == "new"


def test_only_a_post_can_be_overridden(shared_api):
    reply = shared_api.send("GET", "corpora", headers={"X-HTTP-Method-Override": "DELETE"})
    assert reply.status == 200


@pytest.mark.parametrize(
    "body", [b'{"displayName": "\\ud800"}', b'{"displayName": "\xed\xa0\x80"}']
)
def test_lone_surrogates_are_refused(shared_api, body):
    shared_api.refused("INVALID_ARGUMENT", "POST", "corpora", body)


def test_a_name_in_the_body_that_contradicts_the_path_is_refused(shared_api):
    shared_api.corpus("contradicted")
    message = shared_api.refused(
        "INVALID_ARGUMENT",
        "PATCH",
        "corpora/contradicted",
        {"name": "corpora/other", "displayName": "x"},
        {"updateMask": "displayName"},
    )
    assert "corpora/other" in message


def test_snake_case_and_nulls_are_accepted_in_bodies(shared_api):
    corpus = shared_api.post("corpora", {"display_name": "snake", "name": None})
    assert corpus["displayName"] == "snake"


def test_the_log_stays_with_the_program(shared_api, capfd):
    def fail(context, request):
        raise RuntimeError

    service = Service(shared_api.service.engine, handlers={"corpora.list": fail})
    service.dispatch(HttpRequest("GET", "/v1beta/corpora"))
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (StoreUnavailableError("store", "the disk is full"), "UNAVAILABLE"),
        (DataFolderError("data", "it is a file"), "FAILED_PRECONDITION"),
        (ModelFilesError("reinstall it"), "FAILED_PRECONDITION"),
        (UnknownEmbedderError("other"), "FAILED_PRECONDITION"),
        (Timeout("index.lock"), "UNAVAILABLE"),
        (RowExistsError("corpora/c", "corpora/c already exists"), "ALREADY_EXISTS"),
        (DuplicateInBatchError("corpora/c", "named twice"), "INVALID_ARGUMENT"),
        (KeyError("x"), "INTERNAL"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_the_engine_raises_is_told_in_the_apis_terms(shared_api, error, status):
    def fail(context, request):
        raise error

    service = Service(shared_api.service.engine, handlers={"corpora.list": fail})
    reply = service.dispatch(HttpRequest("GET", "/v1beta/corpora"))
    told = shared_api.envelope(reply)
    assert told["status"] == status
    assert (str(error) in told["message"]) == (status != "INTERNAL")
