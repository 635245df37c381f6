"""`ragkit keys` as a user meets it."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest

from ragkit import admin
from ragkit.api.errors import InvalidArgument, NotFound, PermissionDenied, Unavailable
from ragkit.api.wire import HttpRequest
from ragkit.engine.engine import Engine
from ragkit.service.authentication import authenticate

from .conftest import Ragkit
from .server_process import serving

ANN, TEAM = "ann@example.org", "team@example.org"
TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z"


def who(data: Path, key: str) -> str | None:
    engine = Engine(data)
    try:
        request = HttpRequest("GET", "/v1beta/corpora", headers={"x-goog-api-key": key})
        return authenticate(engine, request, keys_required=True).email
    finally:
        engine.close()


def test_a_keys_life(ragkit: Ragkit, data: Path) -> None:
    made = ragkit("keys", "create", "--principal", ANN, "--group", TEAM, "--group", "b@example.org")
    assert made.code == 0, made.err
    key = made.out.strip()
    # The key alone on stdout, so that a shell can take it; what to know about it on stderr.
    assert re.fullmatch(r"rk_[a-z0-9]{12}_[A-Za-z0-9_-]{43}", key)
    key_id = key.split("_")[1]
    assert key_id in made.err
    assert key not in made.err
    assert who(data, key) == ANN

    (listed,) = ragkit("keys", "list", "--json").json["keys"]
    for name in ("createTime", "lastUsedTime"):
        assert re.fullmatch(TIME, listed.pop(name))
    assert listed == {"id": key_id, "principal": ANN, "groups": ["b@example.org", TEAM]}

    (line,) = ragkit("keys", "list").out.splitlines()
    assert line.split("\t")[:3] == [key_id, ANN, f"b@example.org {TEAM}"]
    assert key not in line

    revoked = ragkit("keys", "revoke", key_id)
    assert (revoked.code, revoked.out) == (0, "")
    assert key_id in revoked.err
    with pytest.raises(InvalidArgument, match="not valid"):
        who(data, key)
    (listed,) = ragkit("keys", "list", "--json").json["keys"]
    assert re.fullmatch(TIME, listed["revokeTime"])
    assert ragkit("keys", "revoke", key_id, "--json").json == listed


def test_an_owners_key(ragkit: Ragkit) -> None:
    made = ragkit("keys", "create", "--owner", "--json").json
    assert made.pop("key").startswith(f"rk_{made['id']}_")
    assert re.fullmatch(TIME, made.pop("createTime"))
    assert made == {"id": made["id"], "owner": True}


def test_keys_are_of_one_folder(ragkit: Ragkit, tmp_path: Path) -> None:
    other = tmp_path / "other"
    ragkit("keys", "create", "--principal", ANN, "--data", other)
    assert len(ragkit("keys", "list", "--data", other, "--json").json["keys"]) == 1
    # A service elsewhere, which other commands would go to, has nothing to do with the folder.
    done = ragkit("keys", "list", RAGKIT_URL="http://127.0.0.1:9")
    assert (done.code, done.out) == (0, "")
    assert "ragkit keys create" in done.err


def test_wrong_usage(ragkit: Ragkit, tmp_path: Path) -> None:
    for arguments, message in (
        (("create",), "--principal"),
        (("create", "--principal", "ann"), "not an e-mail address"),
        (("create", "--principal", ANN, "--group", "team"), "not an e-mail address"),
        (("create", "--owner", "--group", TEAM), "group"),
        (("revoke",), "ID"),
        (("create", "--principal", ANN, "--url", "http://127.0.0.1:9"), "--url"),
    ):
        done = ragkit("keys", *arguments)
        assert (done.code, done.out) == (2, ""), arguments
        assert message in done.err
    unknown = ragkit("keys", "revoke", "nobody")
    assert unknown.code == 1
    assert "no key 'nobody'" in unknown.err
    assert "ragkit keys list" in unknown.err
    file = tmp_path / "file"
    file.write_text("")
    unusable = ragkit("keys", "list", "--data", file)
    assert unusable.code == 1
    assert "is a file" in unusable.err


def test_a_running_server_follows(data: Path, tmp_path: Path) -> None:
    """Two principals, one key taken back and one permission: no restart, no delay that is felt."""
    ann_key, ann = admin.create_key(data, ANN)
    ben_key, _ = admin.create_key(data, "ben@example.org")
    with serving(data, tmp_path / "log") as server:
        with server.client(api_key=ann_key) as client:
            client.corpora.create("library")
            granted = client.permissions.create(
                "corpora/library", "READER", email_address="ben@example.org"
            )
        with server.client(api_key=ben_key) as client:
            assert [one.name for one in client.corpora.list()] == ["corpora/library"]
            with pytest.raises(PermissionDenied, match="READER"):
                client.corpora.delete("library")
        with server.client(api_key=ann_key) as client:
            client.permissions.delete(granted.name)
        with server.client(api_key=ben_key) as client:
            assert list(client.corpora.list()) == []
            with pytest.raises(NotFound):
                client.corpora.get("library")
        admin.revoke_key(data, ann.id)
        deadline = time.monotonic() + 30
        while server.http.get("/v1beta/corpora", params={"key": ann_key}).status_code == 200:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        with server.client(api_key=ann_key) as client, pytest.raises(InvalidArgument) as error:
            list(client.corpora.list())
        assert error.value.details[0]["reason"] == "API_KEY_INVALID"


def test_the_same_from_python(tmp_path: Path) -> None:
    key, made = admin.create_key(tmp_path, ANN, groups=[TEAM])
    assert (made.principal, made.groups, made.owner) == (ANN, (TEAM,), False)
    assert who(tmp_path, key) == ANN
    assert admin.revoke_key(tmp_path, made.id).revoked
    (listed,) = admin.list_keys(tmp_path)
    assert listed.created == made.created
    assert listed.last_used
    with pytest.raises(NotFound):
        admin.revoke_key(tmp_path, "nobody")
    with pytest.raises(InvalidArgument):
        admin.create_key(tmp_path)
    file = tmp_path / "file"
    file.write_text("")
    with pytest.raises(Unavailable):
        admin.list_keys(file)
