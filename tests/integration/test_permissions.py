"""`ragkit permissions`, and what a key's bearer sees of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from ragkit import admin
from ragkit.api.wire import HttpRequest
from ragkit.service import open_service
from ragkit.service.authentication import authenticate

from .conftest import Ragkit

ANN, TEAM = "ann@example.org", "team@example.org"


def status(data: Path, key: str, verb: str, path: str, body: bytes = b"") -> int:
    """Of the reply to a request with a key, as a server gives it."""
    service = open_service(data)
    try:
        request = HttpRequest(verb, f"/v1beta/{path}", (), {"x-goog-api-key": key}, body)
        principal = authenticate(service.engine, request, keys_required=True)
        return service.dispatch(request, principal).status
    finally:
        service.close()


@pytest.fixture
def key(data: Path) -> str:
    return admin.create_key(data, ANN, groups=[TEAM])[0]


def test_a_corpus_is_shared_step_by_step(ragkit: Ragkit, data: Path, key: str) -> None:
    ragkit("corpora", "create", "library")
    assert "ragkit permissions create library" in ragkit("permissions", "list", "library").err
    assert status(data, key, "GET", "corpora/library") == 404

    made = ragkit("permissions", "create", "library", "--group", TEAM, "--role", "reader")
    assert made.code == 0, made.err
    name, who, role = made.out.strip().split("\t")
    assert (who, role) == (f"group {TEAM}", "reader")
    assert status(data, key, "GET", "corpora/library") == 200
    assert status(data, key, "POST", "corpora/library/documents", b"{}") == 403

    updated = ragkit("permissions", "update", name, "--role", "writer", "--json").json
    expected = {"name": name, "granteeType": "GROUP", "emailAddress": TEAM, "role": "WRITER"}
    assert updated == expected
    assert ragkit("permissions", "get", name, "--json").json == expected
    assert status(data, key, "POST", "corpora/library/documents", b"{}") == 200

    everyone = ragkit("permissions", "create", "corpora/library", "--everyone", "--role", "reader")
    assert everyone.out.split("\t")[1] == "everyone"
    listed = ragkit("permissions", "list", "library", "--json").json["permissions"]
    assert [one["role"] for one in listed] == ["WRITER", "READER"]
    assert [one["granteeType"] for one in listed] == ["GROUP", "EVERYONE"]

    assert ragkit("permissions", "delete", name).code == 0
    assert status(data, key, "POST", "corpora/library/documents", b"{}") == 403
    gone = ragkit("permissions", "get", name)
    assert gone.code == 1
    assert "ragkit permissions list corpora/library" in gone.err


def test_wrong_usage(ragkit: Ragkit) -> None:
    ragkit("corpora", "create", "library")
    create = ("permissions", "create", "library")
    for arguments, message in (
        ((*create, "--role", "reader"), "--everyone"),
        ((*create, "--role", "reader", "--everyone", "--user", ANN), "--everyone"),
        ((*create, "--user", ANN), "--role"),
        ((*create, "--user", ANN, "--role", "owner"), "reader"),
        ((*create, "--user", "ann", "--role", "reader"), "not an e-mail address"),
        ((*create, "--user", "", "--role", "reader"), "emailAddress"),
        (("permissions", "get", "p"), "full name"),
    ):
        done = ragkit(*arguments)
        assert (done.code, done.out) == (2, ""), arguments
        assert message in done.err
    assert ragkit("permissions", "list", "library").out == ""
    assert ragkit("permissions", "transfer", "no", ANN).code == 1
