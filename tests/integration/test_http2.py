"""The client over HTTP/2 with TLS, against a real server with a certificate made here."""

from __future__ import annotations

import asyncio
import datetime
import ipaddress
import json
import os
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypercorn.asyncio import serve
from hypercorn.config import Config

from ragkit.client import RetryPolicy, connect, connect_async

pytest.importorskip("h2")


def make_certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 that signs itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "ragkit tests")])
    now = datetime.datetime.now(datetime.UTC)
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate_file, key_file = folder / "certificate.pem", folder / "key.pem"
    certificate_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return certificate_file, key_file


async def application(scope: Any, receive: Any, send: Any) -> None:
    """Answers each request with its HTTP version for a display name, streams in two pieces."""
    if scope["type"] != "http":
        return
    while (await receive()).get("more_body"):
        pass
    headers = [(b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    if scope["path"].endswith(":streamGenerateContent"):
        parts = [[{"text": text}] for text in ("one", "two")]
        items = [json.dumps({"candidates": [{"content": {"parts": part}}]}) for part in parts]
        pieces = [f"[{items[0]}", f",{items[1]}]"]
    else:
        name = scope["path"].removeprefix("/v1beta/")
        pieces = [json.dumps({"name": name, "displayName": scope["http_version"]})]
    for piece in pieces:
        await send({"type": "http.response.body", "body": piece.encode(), "more_body": True})
    await send({"type": "http.response.body"})


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, ssl.SSLContext]]:
    certificate, key = make_certificate(tmp_path_factory.mktemp("tls"))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        config = Config()
        config.bind = [f"fd://{os.dup(listening.fileno())}"]
        config.certfile, config.keyfile = str(certificate), str(key)
        stop = threading.Event()

        async def run() -> None:
            async def stopped() -> None:
                while not stop.is_set():
                    await asyncio.sleep(0.02)

            await serve(application, config, shutdown_trigger=stopped)

        thread = threading.Thread(target=lambda: asyncio.run(run()))
        thread.start()
        url = f"https://127.0.0.1:{listening.getsockname()[1]}"
        yield url, ssl.create_default_context(cafile=str(certificate))
        stop.set()
        thread.join()


PATIENT = RetryPolicy(attempts=20, first_wait=0.05)


@pytest.mark.parametrize(("chosen", "spoken"), [({}, "2"), ({"http2": False}, "1.1")])
def test_http2_is_spoken_where_its_package_is_there_unless_it_is_switched_off(
    server, chosen, spoken
):
    url, trust = server
    options = {"verify": trust, **chosen}
    with connect(url, http_options=options, retry=PATIENT) as client:
        assert client.corpora.get("a").display_name == spoken
        with client.models.stream_generate_content("m", "hello") as stream:
            assert [item.text for item in stream] == ["one", "two"]


def test_many_calls_share_one_connection(server):
    url, trust = server

    async def main() -> set[str]:
        options = {"verify": trust}
        async with connect_async(url, http_options=options, retry=PATIENT) as client:
            names = [f"c{number}" for number in range(50)]
            versions: set[str] = set()

            async def ask(name: str) -> None:
                corpus = await client.corpora.get(name)
                assert corpus.name == f"corpora/{name}"
                versions.add(corpus.display_name)

            async with anyio.create_task_group() as tasks:
                for name in names:
                    tasks.start_soon(ask, name)
            return versions

    assert anyio.run(main) == {"2"}


def test_a_certificate_that_nobody_trusts_is_refused(server):
    from ragkit.api.errors import TransportError

    url, _ = server
    with (
        connect(url, retry=RetryPolicy(attempts=1)) as client,
        pytest.raises(TransportError, match="certificate"),
    ):
        client.corpora.get("a")
