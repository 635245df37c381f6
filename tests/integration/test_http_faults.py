"""The HTTP transport against a server that misbehaves."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from ragkit import RetryPolicy, connect
from ragkit.api import errors

POLICY = RetryPolicy(attempts=3, first_wait=0.001)


@contextmanager
def listening(behave: Callable[[socket.socket], None]) -> Iterator[tuple[str, list[bytes]]]:
    """A server that reads each connection's request and then behaves as told."""
    requests: list[bytes] = []
    server = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            with connection:
                requests.append(connection.recv(65536))
                behave(connection)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.getsockname()[1]}", requests
    finally:
        server.shutdown(socket.SHUT_RDWR)
        server.close()
        thread.join(5)


def reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")


def truncate(connection: socket.socket) -> None:
    connection.sendall(b'HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n{"name": "corpora')


def babble(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nnot json!")


def stall(connection: socket.socket) -> None:
    connection.settimeout(10)
    connection.recv(1)  # until the client gives up and closes


@pytest.mark.parametrize("behave", [reset, truncate, babble])
def test_a_read_is_tried_again_and_ends_in_a_transport_error(behave):
    with listening(behave) as (url, requests), connect(url, retry=POLICY) as client:
        with pytest.raises(errors.TransportError):
            client.corpora.get("a")
        assert len(requests) == POLICY.attempts


@pytest.mark.parametrize("behave", [reset, truncate, babble])
def test_an_unnamed_create_is_sent_once(behave):
    with listening(behave) as (url, requests), connect(url, retry=POLICY) as client:
        with pytest.raises(errors.TransportError):
            client.corpora.create(display_name="A")
        assert len(requests) == 1


def test_a_stalled_reply_ends_with_the_timeout():
    with listening(stall) as (url, _):
        client = connect(url, retry=RetryPolicy(attempts=1), timeout=0.2)
        with client, pytest.raises(errors.TransportError) as caught:
            client.corpora.get("a")
        assert caught.value.sent


def test_nobody_listening():
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    client = connect(f"http://127.0.0.1:{port}", retry=RetryPolicy(attempts=2, first_wait=0.001))
    with client, pytest.raises(errors.TransportError) as caught:
        client.corpora.create(display_name="A")
    assert not caught.value.sent
    assert str(port) in str(caught.value)


@pytest.mark.parametrize(
    "url", ["localhost:8080", "ftp://host", "http://", "http://[::1", "nonsense"]
)
def test_what_is_no_url_is_refused_with_advice(url):
    with pytest.raises(errors.ConfigurationError):
        connect(url)


def test_the_key_goes_into_its_header_and_is_shown_nowhere():
    def refuse(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\n\r\n{}")

    with listening(refuse) as (url, requests), connect(url, api_key="s3cret") as client:
        with pytest.raises(errors.PermissionDenied) as caught:
            client.corpora.get("a")
        assert b"x-goog-api-key: s3cret" in requests[0].lower()
        assert b"s3cret" not in requests[0].split(b"\r\n")[0]
        assert "s3cret" not in f"{client!r} {caught.value!r} {caught.value}"
