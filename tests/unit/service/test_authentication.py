"""From a request's credentials to a principal."""

from __future__ import annotations

import sqlite3
import string
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragkit.api.errors import APIError, InvalidArgument, NotFound, PermissionDenied, Unauthenticated
from ragkit.api.wire import HttpRequest
from ragkit.engine.access import KeyRecord
from ragkit.engine.engine import Engine
from ragkit.engine.store.database import StoreUnavailableError
from ragkit.engine.store.keys import Keys
from ragkit.service import authentication
from ragkit.service.authentication import authenticate, principal_of
from ragkit.service.keys import create_key, is_key, revoke_key
from ragkit.service.registry import OWNER, Principal

ANN, TEAM = "ann@example.org", "team@example.org"


class Clock:
    """Time that passes when it is told to."""

    def __init__(self) -> None:
        self.seconds = 1000.0
        self.microseconds = 0
        """Since the Unix epoch."""

    def monotonic(self) -> float:
        return self.seconds

    def time_ns(self) -> int:
        return self.microseconds * 1000


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(authentication, "time", clock)
    return clock


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = Engine(tmp_path / "data")
    yield engine
    engine.close()


def request(query: Sequence[tuple[str, str]] = (), **headers: str) -> HttpRequest:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return HttpRequest("GET", "/v1beta/corpora", query, names)


def by_key(key: str) -> HttpRequest:
    return request(x_goog_api_key=key)


def reason(error: APIError) -> str:
    return next(str(detail["reason"]) for detail in error.details if "reason" in detail)


def test_a_key_is_taken_from_wherever_clients_put_it(engine: Engine) -> None:
    key, _ = create_key(engine, ANN, [TEAM])
    for one in (
        request(x_goog_api_key=key),
        HttpRequest("GET", "/v1beta/corpora", headers={"X-Goog-Api-Key": f" {key} "}),
        request([("key", key)]),
        request([("$key", key)]),
        request(authorization=f"Bearer {key}"),
        request(Authorization=f"bearer  {key}"),
        request([("access_token", key)]),
        request([("oauth_token", key)]),
    ):
        for keys_required in (True, False):
            found = authenticate(engine, one, keys_required=keys_required)
            assert found == Principal(ANN, frozenset({TEAM}))


def test_the_first_credential_counts(engine: Engine) -> None:
    """A header before a parameter, a key before a token."""
    keys = [create_key(engine, f"u{number}@example.org")[0] for number in range(4)]
    one = request(
        [("key", keys[1]), ("access_token", keys[3])],
        x_goog_api_key=keys[0],
        authorization=f"Bearer {keys[2]}",
    )
    found = []
    for _ in range(4):
        found.append(authenticate(engine, one, keys_required=True).email)
        one = (
            request(one.query, authorization=one.headers["authorization"])
            if "x-goog-api-key" in one.headers
            else request(one.query[1:], authorization=one.headers["authorization"])
            if len(one.query) == 2
            else request(one.query)
        )
    assert found == [f"u{number}@example.org" for number in range(4)]


def test_an_owners_key(engine: Engine) -> None:
    for email in (None, ANN):
        key, record = create_key(engine, email, owner=True)
        assert record.is_owner
        found = authenticate(engine, by_key(key), keys_required=True)
        assert (found.email, found.is_owner) == (email, True)


def test_no_key(engine: Engine) -> None:
    for one in (request(), by_key(""), by_key("  "), request(authorization="Basic YTpi")):
        assert authenticate(engine, one, keys_required=False) == OWNER
        with pytest.raises(PermissionDenied) as error:
            authenticate(engine, one, keys_required=True)
        assert reason(error.value) == "CREDENTIALS_MISSING"


def test_a_wrong_key(engine: Engine) -> None:
    key, _ = create_key(engine, ANN)
    swapped = key.translate(str.maketrans(string.ascii_letters, string.ascii_letters.swapcase()))
    for wrong in ("x", key[:-1], key + "x", swapped, key.upper(), "\udcff", "ключ"):
        for keys_required in (True, False):
            with pytest.raises(InvalidArgument) as error:
                authenticate(engine, by_key(wrong), keys_required=keys_required)
            assert reason(error.value) == "API_KEY_INVALID"
            assert wrong not in str(error.value) or len(wrong) == 1
            with pytest.raises(Unauthenticated) as refused:
                authenticate(
                    engine,
                    request(authorization=f"Bearer {wrong}"),
                    keys_required=keys_required,
                )
            assert reason(refused.value) == "ACCESS_TOKEN_TYPE_UNSUPPORTED"


def test_clients_that_insist_on_a_key_reach_a_loopback_server_without_keys(
    engine: Engine, clock: Clock
) -> None:
    dummy = by_key("any text that a client was given")
    assert authenticate(engine, dummy, keys_required=False) == OWNER
    with pytest.raises(InvalidArgument):
        authenticate(engine, dummy, keys_required=True)
    _, record = create_key(engine, ANN)
    clock.seconds += 1
    with pytest.raises(InvalidArgument):
        authenticate(engine, dummy, keys_required=False)
    revoke_key(engine, record.id)
    clock.seconds += 1
    assert authenticate(engine, dummy, keys_required=False) == OWNER


def test_a_revoked_key_is_refused_within_a_second(engine: Engine, clock: Clock) -> None:
    """Also by processes that know it, and where anyone without a key would be the owner."""
    key, record = create_key(engine, ANN)
    assert authenticate(engine, by_key(key), keys_required=True).email == ANN
    other = Engine(engine.data)
    revoke_key(other, record.id)
    other.close()
    clock.seconds += 1
    for keys_required in (True, False):
        with pytest.raises(InvalidArgument) as error:
            authenticate(engine, by_key(key), keys_required=keys_required)
        assert reason(error.value) == "API_KEY_INVALID"


def test_a_new_key_of_another_process_is_known_at_once(engine: Engine, clock: Clock) -> None:
    engine.open()
    other = Engine(engine.data)
    key, _ = create_key(other, ANN)
    other.close()
    assert authenticate(engine, by_key(key), keys_required=True).email == ANN


def test_the_store_is_asked_seldom(
    engine: Engine, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, _ = create_key(engine, ANN)
    asked = []
    find = Keys.find

    def counted(keys: Keys, digest: bytes) -> KeyRecord | None:
        asked.append(digest)
        return find(keys, digest)

    monkeypatch.setattr(Keys, "find", counted)
    for _ in range(100):
        authenticate(engine, by_key(key), keys_required=True)
    assert len(asked) == 1
    clock.seconds += 1
    authenticate(engine, by_key(key), keys_required=True)
    assert len(asked) == 2


def test_the_last_use_is_noted_to_the_minute(engine: Engine, clock: Clock) -> None:
    key, record = create_key(engine, ANN)
    assert record.last_used_time is None
    authenticate(engine, by_key(key), keys_required=True)
    (first,) = engine.store.keys.list()
    assert first.last_used_time is not None
    clock.seconds += 1
    clock.microseconds = first.last_used_time + 59_000_000
    authenticate(engine, by_key(key), keys_required=True)
    assert engine.store.keys.list() == [first]
    clock.seconds += 1
    clock.microseconds += 2_000_000
    authenticate(engine, by_key(key), keys_required=True)
    (second,) = engine.store.keys.list()
    assert second.last_used_time is not None
    assert second.last_used_time > first.last_used_time


def test_a_store_that_cannot_be_written_still_lets_in(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, _ = create_key(engine, ANN)

    def refuse(keys: Keys, number: int) -> None:
        raise StoreUnavailableError("", "disk full")

    monkeypatch.setattr(Keys, "mark_used", refuse)
    assert authenticate(engine, by_key(key), keys_required=True).email == ANN


def test_secrets_are_not_stored(engine: Engine) -> None:
    key, record = create_key(engine, ANN)
    secret = key.removeprefix(f"rk_{record.id}_")
    assert len(secret) == 43
    engine.close()
    connection = sqlite3.connect(engine.data / "store.db")
    (row,) = connection.execute("SELECT * FROM api_keys").fetchall()
    connection.close()
    assert secret not in str(row)
    for file in engine.data.iterdir():
        if file.is_file():
            assert secret.encode() not in file.read_bytes()


def test_keys_differ(engine: Engine) -> None:
    made = {create_key(engine, ANN)[0] for _ in range(20)}
    assert len(made) == 20
    assert all(map(is_key, made))


def test_addresses_are_compared_without_case(engine: Engine) -> None:
    key, record = create_key(engine, "Ann@Example.org", ["Team@example.ORG", TEAM])
    assert (record.email, record.groups) == (ANN, (TEAM,))
    found = authenticate(engine, by_key(key), keys_required=True)
    assert found.grantees == (f"user:{ANN}", f"group:{TEAM}", "everyone")


@pytest.mark.parametrize("email", ["ann", "@", "a b@example.org", "a@b\n", "a\0@b"])
def test_what_is_no_address_gets_no_key(engine: Engine, email: str) -> None:
    with pytest.raises(InvalidArgument, match="principal"):
        create_key(engine, email)
    with pytest.raises(InvalidArgument, match="group"):
        create_key(engine, ANN, [email])
    assert engine.store.keys.list() == []


def test_a_key_of_nobody_is_refused(engine: Engine) -> None:
    for principal in (None, ""):
        with pytest.raises(InvalidArgument, match="principal"):
            create_key(engine, principal)
    with pytest.raises(InvalidArgument, match="group"):
        create_key(engine, None, [TEAM], owner=True)


def test_revoking_twice_keeps_the_first_time(engine: Engine) -> None:
    _, record = create_key(engine, ANN)
    first = revoke_key(engine, f"rk_{record.id}")
    assert first.revoke_time is not None
    assert revoke_key(engine, record.id) == first
    with pytest.raises(NotFound, match="no key 'nobody'"):
        revoke_key(engine, "nobody")


def test_a_principal_is_somebody() -> None:
    for email in (None, ""):
        with pytest.raises(ValueError, match="address"):
            Principal(email)


def test_who_acts_later_for_a_creator(engine: Engine) -> None:
    create_key(engine, ANN, [TEAM])
    _, other = create_key(engine, ANN, ["old@example.org"])
    revoke_key(engine, other.id)
    assert principal_of(engine, ANN) == Principal(ANN, frozenset({TEAM}))
    assert principal_of(engine, "ben@example.org") == Principal("ben@example.org")
    assert principal_of(engine, "") == OWNER


@settings(deadline=None)
@given(text=st.text(max_size=80))
def test_any_text_is_refused_in_order(shared: Engine, text: str) -> None:
    """As a key and as a token, whatever characters it holds."""
    for one in (
        by_key(text),
        request([("key", text)]),
        request(authorization=f"Bearer {text}"),
        request(authorization=text),
    ):
        with pytest.raises((InvalidArgument, PermissionDenied, Unauthenticated)):
            authenticate(shared, one, keys_required=True)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    engine = Engine(tmp_path_factory.mktemp("keys") / "data")
    create_key(engine, ANN)
    yield engine
    engine.close()
