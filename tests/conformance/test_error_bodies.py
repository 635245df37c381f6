"""Every route refuses in one form: each method with each fault, over HTTP."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

import httpx
import pytest

from ragkit import admin
from ragkit.api.methods import METHODS
from ragkit.api.versions import V1_METHODS
from ragkit.api.wire import Method
from tests.conformance.exemplars import LASTING, Call, World, exemplar, exemplars
from tests.conformance.fuzzing import check_error, echoing_server, renamed

TOO_LARGE: Final = b" " * (1024 * 1024 + 1)
"""One byte more than the server takes."""

VERBS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE", "PROPFIND")

Sent = tuple[Call, dict[str, str]]
"""A request, and headers beside those that it needs."""


@dataclass(frozen=True)
class Fault:
    """What is done to a right request, and how the result is to be refused.

    Arguments:
        spoil: makes the wrong request of a right one; None where the method cannot have the fault.
        refusals: the statuses that are right, by HTTP status.
        says: what the message must have.
    """

    spoil: Callable[[Method[Any, Any], Call], Sent | None]
    refusals: dict[int, str]
    says: str = ""


def malformed(method: Method[Any, Any], call: Call) -> Sent | None:
    return replace(call, body=b'{"name": '), {}


def unknown_field(method: Method[Any, Any], call: Call) -> Sent | None:
    return replace(call, body={**(call.body or {}), "bogusField": 1}), {}


def wrong_shape(method: Method[Any, Any], call: Call) -> Sent | None:
    return replace(call, body=[1]), {}


def bad_name(method: Method[Any, Any], call: Call) -> Sent | None:
    return _last_id(method, call, "\x01-No_Name")


def absent(method: Method[Any, Any], call: Call) -> Sent | None:
    """A name of the right form of nothing; each method has a name of its own to say so."""
    if method.id in ("models.generateContent", "models.streamGenerateContent"):
        return None  # the server has a generator, which other names stand for
    return _last_id(method, call, "absent-one")


def _last_id(method: Method[Any, Any], call: Call, given: str) -> Sent | None:
    """Another last id of the name in the path, wherever it stands."""
    before, _, rest = method.path.partition("{")
    pattern, _, after = rest.partition("=")[2].partition("}")
    if not pattern.endswith("*"):
        return None
    name = call.path[len(before) : len(call.path) - len(after)]
    return renamed(call, {name.rpartition("/")[2]: given}), {}


def wrong_verb(method: Method[Any, Any], call: Call) -> Sent | None:
    taken = {one.verb for one in METHODS.values() if _shape(one) == _shape(method)}
    return replace(call, verb=next(verb for verb in VERBS if verb not in taken)), {}


def _shape(method: Method[Any, Any]) -> str:
    """The path without the name of its variable."""
    before, _, rest = method.path.partition("{")
    return before + rest.partition("=")[2].replace("}", "") if rest else before


def unknown_parameter(method: Method[Any, Any], call: Call) -> Sent | None:
    return replace(call, query={**call.query, "bogusParameter": "1"}), {}


def unknown_form(method: Method[Any, Any], call: Call) -> Sent | None:
    return replace(call, query={**call.query, "alt": "xml"}), {}


def unknown_selection(method: Method[Any, Any], call: Call) -> Sent | None:
    return replace(call, query={**call.query, "fields": "bogusField"}), {}


def too_large(method: Method[Any, Any], call: Call) -> Sent | None:
    return replace(call, body=TOO_LARGE), {}


def no_key(method: Method[Any, Any], call: Call) -> Sent | None:
    return call, {"x-goog-api-key": ""}


def bad_key(method: Method[Any, Any], call: Call) -> Sent | None:
    return call, {"x-goog-api-key": "rk_000000000000_" + "0" * 43}


def bad_token(method: Method[Any, Any], call: Call) -> Sent | None:
    return call, {"x-goog-api-key": "", "authorization": "Bearer none"}


INVALID: Final = {400: "INVALID_ARGUMENT"}
FAULTS: Final = {
    "malformed JSON": Fault(malformed, INVALID),
    "unknown field": Fault(unknown_field, INVALID),
    "body of another shape": Fault(wrong_shape, INVALID),
    # What has ids of the server's own making is looked for; others have a form to keep.
    "bad name": Fault(bad_name, {**INVALID, 404: "NOT_FOUND"}, "No_Name"),
    "absent": Fault(absent, {404: "NOT_FOUND"}, "absent-one"),
    "wrong verb": Fault(wrong_verb, {404: "NOT_FOUND"}, "does not take"),
    "unknown query parameter": Fault(unknown_parameter, INVALID, "bogusParameter"),
    "unknown alt": Fault(unknown_form, INVALID, "alt"),
    "unknown fields": Fault(unknown_selection, INVALID, "bogusField"),
    "too large a body": Fault(too_large, {413: "INVALID_ARGUMENT"}, "--max-body"),
    "no key": Fault(no_key, {403: "PERMISSION_DENIED"}, "ragkit keys create"),
    "bad key": Fault(bad_key, INVALID, "API key not valid"),
    "bad token": Fault(bad_token, {401: "UNAUTHENTICATED"}, "token"),
}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """On a server that asks for keys and takes small bodies only."""
    folder = tmp_path_factory.mktemp("errors")
    key, _ = admin.create_key(folder / "data", "ann@example.org")
    with echoing_server(folder, "--max-body", "1") as (server, _):
        server.http.headers["x-goog-api-key"] = key
        yield World(server.http, "ann")


def paths(method: Method[Any, Any], call: Call) -> list[Call]:
    """The request to each version of the API that has the method."""
    stable = replace(call, path=call.path.replace("/v1beta/", "/v1/", 1))
    return [call, stable] if method.id in V1_METHODS else [call]


@pytest.mark.parametrize("fault", FAULTS)
def test_every_method_refuses_in_one_form(world: World, fault: str) -> None:
    world.restore()
    expected = FAULTS[fault]
    tried = 0
    for method in METHODS.values():
        sent = expected.spoil(method, exemplar(method, world))
        if sent is None:
            continue
        for call in paths(method, sent[0]):
            reply = call.send(world.http, **sent[1])
            told = f"{fault}: {call}"[:500] + f"\n{reply.status_code} {reply.text[:1000]}"
            error = check_error(reply, told)
            assert (reply.status_code, error["status"]) in expected.refusals.items(), told
            assert expected.says in error["message"], told
            assert reply.headers["x-request-id"], told
            tried += 1
    assert tried >= 40


@pytest.mark.parametrize("method", LASTING)
def test_what_was_spoiled_was_right(world: World, method: str) -> None:
    """Each refusal above is the fault's."""
    world.restore()
    for call in exemplars(METHODS[method], world):
        reply = call.send(world.http)
        assert reply.status_code == 200, f"{call}\n{reply.text}"


@pytest.mark.parametrize(
    ("body", "says"),
    [(b"{}", ""), (b"", ""), (b'{"displayName": "\xff"}', "UTF-8"), (b"[" * 5000, "")],
)
def test_bodies_that_are_no_text_or_no_end(world: World, body: bytes, says: str) -> None:
    """A message may be empty; what cannot be read is refused like all else."""
    reply = Call("POST", "/v1beta/corpora", body=body).send(world.http)
    if body in (b"{}", b""):
        assert reply.status_code == 200
    else:
        assert check_error(reply)["status"] == "INVALID_ARGUMENT"


@pytest.mark.parametrize("path", ["/", "/v1beta/nothing", "/v2/corpora", "/upload/v1beta/corpora"])
def test_where_there_is_no_method(world: World, path: str) -> None:
    for verb in VERBS:
        error = check_error(world.http.request(verb, path))
        assert error["status"] == "NOT_FOUND"


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/openapi.json", "/$discovery/rest"])
def test_the_servers_own_paths(world: World, path: str) -> None:
    assert world.http.get(path).status_code == 200
    for verb in VERBS[1:]:
        check_error(world.http.request(verb, path))


def test_uploads_refuse_in_the_same_form(world: World) -> None:
    post: Callable[..., httpx.Response] = world.http.post
    path = "/upload/v1beta/files"
    session = {"x-goog-upload-protocol": "resumable", "x-goog-upload-command": "upload"}
    refused = [
        (404, post(path, params={"upload_id": "none"}, headers=session)),
        (400, post(path, params={"uploadType": "none"})),
        (400, post(path, params={"uploadType": "multipart"}, content=b"no parts")),
        (400, post(path, headers=session)),
        (403, post(path, headers={"x-goog-api-key": ""})),
        (400, post(path, headers={"x-goog-api-key": "rk_000000000000_" + "0" * 43})),
        (404, world.http.get(path)),
    ]
    assert [reply.status_code for _, reply in refused] == [status for status, _ in refused]
    for _, reply in refused:
        check_error(reply, reply.text)


def test_every_fault_is_tried_on_whatever_can_have_it() -> None:
    """Only a method without a name in its path can have no bad one."""
    world = World(httpx.Client(), "none")
    world.names = {pattern: pattern.replace("*", "x") for pattern in _patterns()}
    for method in METHODS.values():
        call = exemplar(method, world)
        for name, fault in FAULTS.items():
            if fault.spoil(method, call) is None:
                assert name in ("bad name", "absent"), (method.id, name)
                assert "*" not in method.path or name == "absent", method.id


def _patterns() -> set[str]:
    return {one.path.partition("=")[2].partition("}")[0] for one in METHODS.values()} - {""}
