"""Credentials: what is sent, when it is renewed, and that it is shown nowhere."""

from __future__ import annotations

import json
import logging
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import anyio
import google.auth.credentials
import google.auth.exceptions
import httpx
import pytest

from ragkit.api import errors
from ragkit.client import RetryPolicy, connect, connect_async

URL = "https://service.test/base"
POLICY = RetryPolicy(attempts=3, first_wait=0.001)
SECRETS = ("s3cret", "t0ken")


class Server:
    """Answers in this process; `accepts` are the tokens that are good, None for any."""

    def __init__(self, accepts: set[str] | None = None) -> None:
        self.accepts = accepts
        self.requests: list[httpx.Request] = []
        self.headers: list[httpx.Headers] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        self.headers.append(request.headers.copy())
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        if self.accepts is not None and token not in self.accepts:
            error = {"status": "UNAUTHENTICATED", "message": "bad token"}
            return httpx.Response(401, json={"error": error})
        return httpx.Response(200, json={"name": "corpora/a"})

    def sent(self, header: str) -> list[str | None]:
        return [headers.get(header) for headers in self.headers]


class GoogleLike(google.auth.credentials.Credentials):
    """Hands out t0ken-1, t0ken-2, ...; the first only after a refresh."""

    def __init__(self, failure: Exception | None = None) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.refreshed = 0
        self.failure = failure

    def refresh(self, request: Any) -> None:
        self.refreshed += 1
        if self.failure is not None:
            raise self.failure
        self.token = f"t0ken-{self.refreshed}"


Run = Callable[..., Any]


@pytest.fixture(params=["sync", "async"])
def run(request: pytest.FixtureRequest) -> Run:
    """Makes a client that talks to a server in this process, and gets a corpus `times` times."""

    def run(server: Server, times: int = 1, url: str = URL, **arguments: Any) -> Any:
        options = {"transport": httpx.MockTransport(server)}
        if request.param == "sync":
            with connect(url, http_options=options, retry=POLICY, **arguments) as client:
                return [client.corpora.get("a") for _ in range(times)]

        async def main() -> Any:
            client = connect_async(url, http_options=options, retry=POLICY, **arguments)
            async with client:
                return [await client.corpora.get("a") for _ in range(times)]

        return anyio.run(main)

    return run


def test_a_key_goes_into_its_header_without_the_line_end_of_its_file(run):
    server = Server()
    run(server, api_key="s3cret\n")
    assert server.sent("x-goog-api-key") == ["s3cret"]
    assert server.sent("authorization") == [None]
    assert "s3cret" not in str(server.requests[0].url)


def test_google_credentials_are_refreshed_when_there_is_no_valid_token(run):
    server, credentials = Server({"t0ken-1"}), GoogleLike()
    run(server, times=3, credentials=credentials)
    assert server.sent("authorization") == ["Bearer t0ken-1"] * 3
    assert credentials.refreshed == 1


def test_google_credentials_are_refreshed_once_after_a_401(run):
    server, credentials = Server({"t0ken-2"}), GoogleLike()
    run(server, times=2, credentials=credentials)
    sent = server.sent("authorization")
    assert sent == ["Bearer t0ken-1", "Bearer t0ken-2", "Bearer t0ken-2"]


def test_threads_that_are_refused_together_share_one_refresh():
    barrier = threading.Barrier(4)

    class Slow(Server):
        def __call__(self, request: httpx.Request) -> httpx.Response:
            response = super().__call__(request)
            if response.status_code == 401:
                barrier.wait(10)
            return response

    credentials = GoogleLike()
    options = {"transport": httpx.MockTransport(Slow({"t0ken-2"}))}
    with (
        connect(URL, http_options=options, credentials=credentials) as client,
        ThreadPoolExecutor(4) as pool,
    ):
        got = list(pool.map(client.corpora.get, "abcd"))
    assert len(got) == 4
    assert credentials.refreshed == 2  # for the first token, and after all were refused


def test_a_second_401_is_the_answer(run):
    server = Server(set())
    with pytest.raises(errors.Unauthenticated, match="bad token"):
        run(server, credentials=GoogleLike())
    assert server.sent("authorization") == ["Bearer t0ken-1", "Bearer t0ken-2"]


def test_the_quota_project_of_the_credentials_is_sent(run):
    server, credentials = Server(), GoogleLike()
    credentials._quota_project_id = "my-project"
    run(server, credentials=credentials)
    assert server.sent("x-goog-user-project") == ["my-project"]


def test_credentials_that_cannot_be_refreshed_are_an_error_without_the_cause(run):
    failure = google.auth.exceptions.RefreshError("refused s3cret")  # type: ignore[no-untyped-call]
    server = Server()
    with pytest.raises(errors.Unauthenticated, match="RefreshError") as caught:
        run(server, credentials=GoogleLike(failure))
    assert "s3cret" not in str(caught.value)
    assert not server.requests


def test_an_issuer_that_is_not_reached_is_tried_again(run):
    failure = google.auth.exceptions.TransportError("no route")  # type: ignore[no-untyped-call]
    credentials = GoogleLike(failure)
    with pytest.raises(errors.TransportError) as caught:
        run(Server(), credentials=credentials)
    assert not caught.value.sent
    assert credentials.refreshed == POLICY.attempts


def test_without_the_package_a_refresh_says_what_to_install(run, monkeypatch):
    monkeypatch.setitem(sys.modules, "google.auth.transport.requests", None)
    with pytest.raises(errors.ConfigurationError, match=r"ragkit\[google-auth\]"):
        run(Server(), credentials=GoogleLike())


def test_a_function_is_asked_for_each_request_and_once_more_after_a_401(run):
    tokens = iter(["t0ken-old", "t0ken-new", "t0ken-new"])
    server = Server({"t0ken-new"})
    run(server, times=2, credentials=lambda: next(tokens))
    assert server.sent("authorization") == [
        "Bearer t0ken-old",
        "Bearer t0ken-new",
        "Bearer t0ken-new",
    ]


def test_a_function_that_knows_no_other_token_leaves_the_401_standing(run):
    server = Server(set())
    with pytest.raises(errors.Unauthenticated):
        run(server, credentials=lambda: "t0ken")
    assert len(server.requests) == 1


class AsynchronousCall:
    async def __call__(self) -> str:
        return "t0ken"


async def asynchronous() -> str:
    return "t0ken"


@pytest.mark.parametrize("credentials", [asynchronous, AsynchronousCall(), lambda: asynchronous()])
def test_an_asynchronous_function_serves_the_asynchronous_client_only(credentials):
    server = Server({"t0ken"})
    options = {"transport": httpx.MockTransport(server)}

    async def main() -> None:
        async with connect_async(URL, credentials=credentials, http_options=options) as client:
            await client.corpora.get("a")

    anyio.run(main)
    assert server.sent("authorization") == ["Bearer t0ken"]
    with (
        connect(URL, credentials=credentials, http_options=options) as client,
        pytest.raises(errors.ConfigurationError, match="connect_async"),
    ):
        client.corpora.get("a")


@pytest.mark.parametrize("secret", ["s3cret\nx-evil: 1", "s3crét", "s3cret s3cret", " "])
def test_a_secret_that_cannot_stand_in_a_header_is_refused_and_not_shown(run, secret):
    for arguments in ({"api_key": secret}, {"credentials": lambda: secret}):
        server = Server()
        with pytest.raises(errors.ConfigurationError) as caught:
            run(server, **arguments)
        assert "s3cr" not in f"{caught.value!r} {caught.value}"
        assert not server.requests


@pytest.mark.parametrize("credentials", ["t0ken", 7, object()])
def test_what_is_no_credentials_is_refused_and_not_shown(credentials):
    with pytest.raises(errors.ConfigurationError) as caught:
        connect(URL, credentials=credentials)
    assert "t0ken" not in str(caught.value)


def test_a_key_and_credentials_together_are_refused():
    with pytest.raises(errors.ConfigurationError, match="choose one"):
        connect(URL, api_key="s3cret", credentials=lambda: "t0ken")


def test_credentials_without_a_url_are_refused(monkeypatch):
    monkeypatch.delenv("RAGKIT_URL", raising=False)
    for make in (connect, connect_async):
        with pytest.raises(errors.ConfigurationError, match="embedded"):
            make(credentials=lambda: "t0ken")


def test_credentials_given_win_over_a_key_in_the_environment(run, monkeypatch):
    monkeypatch.setenv("GOOGLE_API_KEY", "s3cret")
    server = Server()
    run(server, credentials=lambda: "t0ken")
    assert server.sent("x-goog-api-key") == [None]


def test_no_secret_is_shown(run, caplog):
    caplog.set_level(logging.DEBUG)
    for arguments in ({"api_key": "s3cret"}, {"credentials": lambda: "t0ken"}):
        with pytest.raises(errors.Unauthenticated) as caught:
            run(Server(set()), **arguments)
        shown = f"{caught.value!r} {caught.value} {json.dumps(caught.value.details)} {caplog.text}"
        assert not any(secret in shown for secret in SECRETS)
    client = connect(URL, api_key="s3cret")
    assert "s3cret" not in f"{client!r} {client.corpora!r}"


@pytest.mark.parametrize("to", ["https://elsewhere.test/v1beta/corpora/a", "/other"])
def test_redirects_are_not_followed(run, to):
    requests: list[httpx.Request] = []

    def redirect(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        return httpx.Response(307, headers={"location": to})

    with pytest.raises(errors.TransportError, match="redirect"):
        run(redirect, api_key="s3cret")
    assert [request.url.host for request in requests] == ["service.test"]
