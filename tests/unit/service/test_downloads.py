"""media.download: what the service made can be had, what was uploaded cannot."""

from __future__ import annotations

import os

import anyio
import pytest

from ragkit.api import errors
from ragkit.api.wire import HttpRequest
from ragkit.client import AsyncClient, Client
from ragkit.client._transports import AsyncInProcessTransport, InProcessTransport
from ragkit.engine.engine import Engine
from ragkit.service.dispatcher import Service
from ragkit.service.files import generated_file
from ragkit.service.registry import Context, Principal
from ragkit.service.streaming import StreamedResponse

ANN = Principal(email="ann@example.org")
BEN = Principal(email="ben@example.org")
CONTENT = os.urandom(2_500_000)


@pytest.fixture
def service(tmp_path):
    service = Service(Engine(tmp_path))
    pieces = [CONTENT[:1_000_000], CONTENT[1_000_000:]]
    generated_file(Context(service.engine, ANN), "made", "results", "application/jsonl", pieces)
    yield service
    service.close()


def download(service: Service, path: str, principal: Principal = ANN, alt: str = "media"):
    query = [("alt", alt)] if alt else []
    return service.open(HttpRequest("GET", path, query), principal)


@pytest.mark.parametrize("version", ["v1beta", "v1"])
def test_a_generated_file_comes_in_pieces(service, version):
    reply = download(service, f"/{version}/files/made:download")
    assert isinstance(reply, StreamedResponse)
    assert reply.headers["content-length"] == str(len(CONTENT))
    assert reply.headers["content-type"] == "application/jsonl"
    pieces = list(reply.body)
    assert len(pieces) > 1
    assert b"".join(pieces) == CONTENT


def test_a_download_can_be_left_early_and_an_error_adds_nothing_to_it(service):
    reply = download(service, "/v1beta/files/made:download")
    assert isinstance(reply, StreamedResponse)
    next(reply.body)
    assert reply.end_with(errors.DeadlineExceeded("late"), begun=True) == b""
    reply.close()
    assert list(reply.body) == []


@pytest.mark.parametrize(
    ("path", "principal", "alt", "status"),
    [
        ("/v1beta/files/made:download", BEN, "media", 404),
        ("/v1beta/files/absent:download", ANN, "media", 404),
        ("/v1beta/files/made:download", ANN, "", 400),
        ("/v1beta/files/UPPER:download", ANN, "media", 400),
        ("/v1beta/corpora/made:download", ANN, "media", 404),
    ],
)
def test_what_cannot_be_had_is_an_error(service, path, principal, alt, status):
    assert download(service, path, principal, alt).status == status


def test_both_clients_download_and_say_what_cannot_be(tmp_path, service):
    def reach() -> Service:
        return Service(Engine(tmp_path))

    with Client(InProcessTransport(reach)) as client:
        assert client.files.download("made") == CONTENT
        made = client.files.get("made")
        assert made.download_uri == "/v1beta/files/made:download?alt=media"
        uploaded = client.files.upload(b"mine")
        assert uploaded.download_uri == ""
        with pytest.raises(errors.FailedPrecondition, match="was uploaded"):
            client.files.download(uploaded.name)

    async def main() -> bytes:
        async with AsyncClient(AsyncInProcessTransport(InProcessTransport(reach))) as client:
            return await client.files.download("files/made")

    assert anyio.run(main) == CONTENT
