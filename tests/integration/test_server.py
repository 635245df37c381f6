"""`ragkit serve` as its callers meet it: a real process, real connections, real signals."""

from __future__ import annotations

import gzip
import json
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

import ragkit
from ragkit import connect
from ragkit.api.chunks import Chunk, ChunkData
from ragkit.api.errors import BY_STATUS, InvalidArgument, TransportError
from ragkit.api.methods import METHODS

from .conftest import LIBRARY, Ragkit, command, environment
from .server_process import Server, serving


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for the tests that leave it as it is."""
    folder = tmp_path_factory.mktemp("server")
    with serving(folder / "data", folder / "stderr") as running:
        with running.client() as client:
            client.corpora.create("shared", display_name="Shared")
            client.documents.create("shared", "d")
            client.chunks.batch_create(
                "shared/d", [f"Chunk number {number} speaks of tea." for number in range(50)]
            )
        yield running


def envelope(reply: httpx.Response) -> dict[str, object]:
    """The error in a reply, its form checked."""
    assert reply.headers["content-type"].startswith("application/json")
    parsed = reply.json()
    assert set(parsed) == {"error"}
    error = parsed["error"]
    assert {"code", "message", "status"} <= set(error) <= {"code", "message", "status", "details"}
    assert error["code"] == reply.status_code
    assert error["status"] in BY_STATUS
    assert isinstance(error, dict)
    return error


def raw(server: Server, request: bytes, *, seconds: float = 20) -> bytes:
    """What comes back for bytes on a connection of their own, until it is closed."""
    address = urlsplit(server.url)
    with socket.create_connection((address.hostname, address.port), timeout=seconds) as connection:
        connection.sendall(request)
        received = b""
        while piece := connection.recv(65536):
            received += piece
        return received


# The main job


def test_our_own_client_does_the_main_job(data: Path, tmp_path: Path, ragkit: Ragkit) -> None:
    with serving(data, tmp_path / "stderr") as server:
        done = ragkit("ingest", LIBRARY, "--corpus", "library", "--json", "--url", server.url)
        assert done.code == 0, done.err
        files = sum(1 for path in LIBRARY.iterdir() if path.is_file())
        assert done.json["files"]["new"] == files
        question = "how many chunks may one batch create?"
        over_http = ragkit("query", "library", question, "--json", "--url", server.url).json
        answer = ragkit("ask", "library", question, "--json", "--url", server.url).json
        assert "100" in answer["answer"]
        assert server.stop() == 0
    # The same folder, without a server: the same chunks with the same scores.
    assert ragkit("query", "library", question, "--json").json == over_http
    assert ragkit("ask", "library", question, "--json").json == answer


def test_an_asynchronous_client_is_served(server: Server) -> None:
    import asyncio

    async def work() -> int:
        async with ragkit.connect_async(url=server.url) as client:
            found = await asyncio.gather(
                *(client.corpora.query("shared", f"chunk number {n}") for n in range(20))
            )
            return sum(bool(one.relevant_chunks) for one in found)

    assert asyncio.run(work()) == 20


def test_calls_at_once_get_their_own_answers(server: Server) -> None:
    def ask(number: int) -> bool:
        reply = server.http.post(
            "/v1beta/corpora/shared:query", json={"query": f"chunk number {number}"}
        )
        best = reply.json()["relevantChunks"][0]["chunk"]["data"]["stringValue"]
        return str(best) == f"Chunk number {number} speaks of tea."

    with ThreadPoolExecutor(16) as threads:
        assert all(threads.map(ask, [n % 50 for n in range(200)]))


# Paths


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/v1beta",
        "/v1beta/",
        "/v1beta/nothing",
        "/v1/corpora",
        "/v2/models",
        "/v1beta/corpora/a/b/c",
        "/favicon.ico",
        "/v1beta/models/m:frobnicate",
        "//v1beta/corpora",
        "/healthz/",
        "/%2e%2e/%2e%2e/etc/passwd",
    ],
)
def test_unknown_paths_answer_the_apis_error(server: Server, path: str) -> None:
    reply = server.http.get(path)
    assert reply.status_code == 404
    assert envelope(reply)["status"] == "NOT_FOUND"


@pytest.mark.parametrize("verb", ["PUT", "TRACE", "PROPFIND"])
def test_other_verbs_answer_the_apis_error(server: Server, verb: str) -> None:
    envelope(server.http.request(verb, "/v1beta/corpora/shared"))


@pytest.mark.parametrize("name", ["%", "%zz", "%ff", "%00", "a%2Fb", "%C3%A4", "a%0Ab", "%0D%0A"])
def test_malformed_names_are_refused(server: Server, name: str) -> None:
    reply = server.http.get(f"/v1beta/corpora/{name}")
    assert reply.status_code in (400, 404)
    envelope(reply)


@pytest.mark.parametrize("body", [b"{", b"[]", b"\xff\xfe", b"null", b'{"bogus": 1}', b"nonsense"])
def test_what_is_no_body_is_refused(server: Server, body: bytes) -> None:
    reply = server.http.post("/v1beta/corpora", content=body)
    assert reply.status_code == 400
    assert envelope(reply)["status"] == "INVALID_ARGUMENT"


@pytest.mark.parametrize(
    "head",
    [
        b"NOT HTTP AT ALL\r\n\r\n",
        b"GET /\xff\xfe HTTP/1.1\r\nhost: localhost\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: localhost\r\nx: " + b"a" * 100_000 + b"\r\n\r\n",
        b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nhost: localhost\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"x: y\r\n" * 300 + b"\r\n",
    ],
    ids=["no http", "no ascii", "long header", "long target", "many headers"],
)
def test_what_is_no_request_is_refused_in_the_apis_form(server: Server, head: bytes) -> None:
    received = raw(server, head)
    assert received.startswith(b"HTTP/1.1 400 ")
    error = json.loads(received.partition(b"\r\n\r\n")[2])["error"]
    assert error["status"] == "INVALID_ARGUMENT"
    assert server.http.get("/healthz").status_code == 200


def test_head_and_options(server: Server) -> None:
    whole = server.http.get("/v1beta/corpora/shared")
    head = server.http.head("/v1beta/corpora/shared")
    assert head.status_code == 200
    assert head.content == b""
    assert head.headers["content-length"] == whole.headers["content-length"]
    options = server.http.options("/v1beta/corpora/shared")
    assert options.status_code == 204
    assert set(options.headers["allow"].split(", ")) == {
        "GET",
        "HEAD",
        "PATCH",
        "DELETE",
        "OPTIONS",
    }
    assert "access-control-allow-origin" not in options.headers
    assert envelope(server.http.options("/nothing"))["status"] == "NOT_FOUND"


def test_connections_are_kept_and_requests_may_be_pipelined(server: Server) -> None:
    one = b"GET /v1beta/corpora/shared HTTP/1.1\r\nhost: localhost\r\n"
    received = raw(server, one + b"\r\n" + one + b"\r\n" + one + b"connection: close\r\n\r\n")
    assert received.count(b"HTTP/1.1 200 OK") == 3
    assert received.count(b'"name":"corpora/shared"') == 3


# Health and description


def test_health_and_readiness(server: Server) -> None:
    assert server.http.get("/healthz").json() == {"status": "ok"}
    assert server.http.get("/readyz").json() == {"status": "ready"}
    assert envelope(server.http.post("/healthz"))["status"] == "INVALID_ARGUMENT"


def test_the_description_names_every_method_at_the_callers_address(server: Server) -> None:
    described = server.http.get("/$discovery/rest", params={"version": "v1beta"}).json()
    assert described["rootUrl"] == f"{server.url}/"
    assert described["resources"]["corpora"]["methods"]["query"]["path"] == "v1beta/{+name}:query"
    found = set()

    def collect(resources: dict[str, dict[str, dict[str, object]]]) -> None:
        for resource in resources.values():
            for method in resource.get("methods", {}).values():
                assert isinstance(method, dict)
                found.add(str(method["id"]).removeprefix("generativelanguage."))
            collect(resource.get("resources", {}))  # type: ignore[arg-type]

    collect(described["resources"])
    assert found == set(METHODS)
    elsewhere = server.http.get("/discovery/v1/apis/generativelanguage/v1beta/rest")
    assert elsewhere.json() == described
    assert envelope(server.http.get("/$discovery/rest?version=v9"))["status"] == "NOT_FOUND"


# Request ids and the log


def test_each_request_has_an_id_and_a_line_without_secrets(data: Path, tmp_path: Path) -> None:
    with serving(data, tmp_path / "stderr") as server:
        given = server.http.get("/v1beta/corpora", headers={"X-Request-Id": "given-1"})
        assert given.headers["x-request-id"] == "given-1"
        made = server.http.get(
            "/v1beta/corpora?key=SECRET1&access_token=SECRET2&%6Bey=SECRET3&pageSize=3",
            headers={"x-goog-api-key": "SECRET4", "X-Request-Id": "a b"},
        )
        assert len(made.headers["x-request-id"]) == 32
        refused = server.http.post("/v1beta/corpora", content=b"{", headers={"x-request-id": "no"})
        assert refused.headers["x-request-id"] == "no"
        assert server.stop() == 0
        first, second, third = server.access
        assert first["requestId"] == "given-1"
        assert first["status"] == 200
        assert first["path"] == "/v1beta/corpora"
        assert second["query"].endswith("pageSize=3")
        assert second["requestId"] == made.headers["x-request-id"]
        assert third["status"] == 400
        assert third["received"] == 1
        assert "SECRET" not in server.stderr


def test_nobody_has_to_read_the_log(data: Path) -> None:
    process = subprocess.Popen(
        command("serve", "--port", "0", "--json"),
        env=environment(data),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        url = json.loads(process.stdout.readline())["url"]
        path = "/v1beta/corpora?pageToken=" + "x" * 2000
        with httpx.Client(base_url=url, timeout=60) as http:
            for _ in range(200):  # several times what a pipe holds
                assert http.get(path).status_code == 400
    finally:
        process.kill()
        process.communicate()


# Limits


def test_bodies_have_a_limit_and_the_connection_survives(data: Path, tmp_path: Path) -> None:
    with serving(data, tmp_path / "stderr", "--max-body", "1") as server:
        big = b'{"displayName": "' + b"x" * (3 << 20) + b'"}'
        declared = server.http.post("/v1beta/corpora", content=big)
        assert declared.status_code == 413
        assert envelope(declared)["status"] == "INVALID_ARGUMENT"
        chunked = server.http.post(
            "/v1beta/corpora", content=iter([big[i : i + 65536] for i in range(0, len(big), 65536)])
        )
        assert chunked.status_code == 413
        envelope(chunked)
        with server.client() as client, pytest.raises(InvalidArgument, match="--max-body"):
            client.corpora.create("big", display_name="x" * (2 << 20))
        assert server.http.post("/v1beta/corpora", json={}).status_code == 200
        declared_only = raw(
            server,
            b"POST /v1beta/corpora HTTP/1.1\r\nhost: localhost\r\nexpect: 100-continue\r\n"
            b"content-length: 99999999999\r\n\r\n",
        )
        assert declared_only.startswith(b"HTTP/1.1 413 ")


def test_a_query_string_has_a_limit(server: Server) -> None:
    reply = server.http.get("/v1beta/corpora?" + "&".join("a=1" for _ in range(1000)))
    assert envelope(reply)["status"] == "INVALID_ARGUMENT"


def test_a_request_that_takes_too_long_is_told_so(data: Path, tmp_path: Path) -> None:
    with connect(data=data) as client:
        client.corpora.create("c")
    with serving(data, tmp_path / "stderr", "--timeout", "0.000001") as server:
        reply = server.http.get("/v1beta/corpora")
        assert reply.status_code == 504
        assert envelope(reply)["status"] == "DEADLINE_EXCEEDED"


# Compression and browsers


def test_replies_are_compressed_for_those_who_take_it(server: Server) -> None:
    body = {"query": "tea", "resultsCount": 50}
    plain = server.http.post(
        "/v1beta/corpora/shared:query", json=body, headers={"accept-encoding": "identity"}
    )
    assert "content-encoding" not in plain.headers
    with server.http.stream(
        "POST", "/v1beta/corpora/shared:query", json=body, headers={"accept-encoding": "gzip"}
    ) as packed:
        assert packed.headers["content-encoding"] == "gzip"
        assert "accept-encoding" in packed.headers["vary"].lower()
        content = b"".join(packed.iter_raw())
    assert len(content) < len(plain.content) / 3
    assert json.loads(gzip.decompress(content)) == plain.json()


def test_pages_of_other_origins_may_call_only_if_they_were_named(
    data: Path, tmp_path: Path
) -> None:
    page = {"origin": "https://app.example.org"}
    preflight = {**page, "access-control-request-method": "POST"}
    with serving(data, tmp_path / "one") as server:
        refused = server.http.post("/v1beta/corpora", json={}, headers=page)
        assert refused.status_code == 403
        assert "--cors-origin" in str(envelope(refused)["message"])
        assert "access-control-allow-origin" not in refused.headers
        own = server.http.get("/v1beta/corpora", headers={"origin": server.url})
        assert own.status_code == 200
        rebound = server.http.get("/v1beta/corpora", headers={"host": "evil.example.org"})
        assert envelope(rebound)["status"] == "PERMISSION_DENIED"
    with serving(data, tmp_path / "two", "--cors-origin", "https://app.example.org") as server:
        asked = server.http.options("/v1beta/corpora", headers=preflight)
        assert asked.status_code == 200
        assert asked.headers["access-control-allow-origin"] == "https://app.example.org"
        answered = server.http.post("/v1beta/corpora", json={}, headers=page)
        assert answered.status_code == 200
        assert answered.headers["access-control-allow-origin"] == "https://app.example.org"
        assert "X-Request-Id" in answered.headers["access-control-expose-headers"]
        other = {"origin": "https://other.example.org"}
        assert server.http.get("/v1beta/corpora", headers=other).status_code == 403


# Keys


def test_other_machines_are_served_with_keys_only(data: Path, ragkit: Ragkit) -> None:
    refused = ragkit("serve", "--host", "0.0.0.0", "--port", "0")
    assert refused.code == 2
    assert "ragkit keys create" in refused.err
    assert "127.0.0.1" in refused.err
    anonymous = ragkit("serve", "--host", "0.0.0.0", "--port", "0", "--allow-anonymous")
    assert anonymous.code == 2
    everybody = ragkit("serve", "--port", "0", "--cors-origin", "*")
    assert everybody.code == 2


def test_once_there_is_a_key_every_request_needs_one(
    data: Path, tmp_path: Path, ragkit: Ragkit
) -> None:
    with serving(data, tmp_path / "before") as server:
        # Clients of Google's API insist on sending some key.
        assert server.http.get("/v1beta/corpora", params={"key": "dummy"}).status_code == 200
        made = ragkit("keys", "create", "--principal", "me@example.org", "--json")
        assert made.code == 0, made.err
        key = str(made.json["key"])
        deadline = time.monotonic() + 20
        while server.http.get("/v1beta/corpora").status_code == 200:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        missing = server.http.get("/v1beta/corpora")
        assert missing.status_code == 403
        assert envelope(missing)["status"] == "PERMISSION_DENIED"
        wrong = server.http.get("/v1beta/corpora", headers={"x-goog-api-key": "wrong"})
        assert wrong.status_code == 400
        assert "API_KEY_INVALID" in wrong.text
        for headers in ({"x-goog-api-key": key}, {"authorization": f"Bearer {key}"}):
            assert server.http.get("/v1beta/corpora", headers=headers).status_code == 200
        assert server.http.get("/v1beta/corpora", params={"key": key}).status_code == 200
        with server.client(api_key=key) as client:
            client.corpora.create("mine")
        assert server.http.get("/healthz").status_code == 200
        assert server.stop() == 0
        assert key not in server.stderr
        assert {line.get("principal") for line in server.access} >= {"owner", "me@example.org"}
    with serving(data, tmp_path / "open", "--allow-anonymous") as server:
        assert server.http.get("/v1beta/corpora/mine").status_code == 200
    with serving(data, tmp_path / "all", "--host", "0.0.0.0") as server:
        url = server.url.replace("0.0.0.0", "127.0.0.1")
        assert httpx.get(f"{url}/v1beta/corpora").status_code == 403


# Starting and ending


def test_a_port_that_is_taken_is_told(server: Server, ragkit: Ragkit) -> None:
    port = str(urlsplit(server.url).port)
    done = ragkit("serve", "--port", port)
    assert done.code == 2
    assert "--port 0" in done.err


def test_a_data_folder_that_is_a_file_is_told(tmp_path: Path, ragkit: Ragkit) -> None:
    file = tmp_path / "file"
    file.write_text("x")
    done = ragkit("serve", "--port", "0", "--data", file)
    assert done.code == 1
    assert "is a file" in done.err


def chunks(batch: int) -> list[Chunk]:
    return [
        Chunk(
            name=f"corpora/c/documents/d/chunks/b{batch}-{n}",
            data=ChunkData(string_value=f"Batch {batch} holds entry {n}."),
        )
        for n in range(20)
    ]


def write_until_it_ends(server: Server, acknowledged: list[int], begun: threading.Event) -> None:
    """Create batches one after the other until the server is gone."""
    from ragkit.client import RetryPolicy

    with server.client(retry=RetryPolicy(attempts=1)) as client:
        batch = 0
        while True:
            try:
                client.chunks.batch_create("c/d", chunks(batch))
            except TransportError:
                return
            acknowledged.append(batch)
            batch += 1
            if batch == 5:
                begun.set()


@pytest.mark.parametrize("kind", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_what_was_acknowledged_is_there_after_any_end(
    data: Path, tmp_path: Path, kind: signal.Signals
) -> None:
    with serving(data, tmp_path / "stderr") as server:
        with server.client() as client:
            client.corpora.create("c")
            client.documents.create("c", "d")
        acknowledged: list[int] = []
        begun = threading.Event()
        writer = threading.Thread(target=write_until_it_ends, args=(server, acknowledged, begun))
        writer.start()
        assert begun.wait(60)
        code = server.stop(kind)
        writer.join(60)
        assert not writer.is_alive()
        assert code == (-signal.SIGKILL if kind == signal.SIGKILL else 0)
    with serving(data, tmp_path / "again") as server, server.client() as client:
        held = {chunk.name for chunk in client.chunks.list("c/d", page_size=100)}
        expected = {chunk.name for batch in acknowledged for chunk in chunks(batch)}
        assert expected <= held
        # At most the one batch whose reply was on its way.
        assert len(held - expected) in (0, 20)
        newest = acknowledged[-1]
        found = client.corpora.query("c", f"batch {newest} entry 7").relevant_chunks
        assert any(hit.chunk and hit.chunk.name.endswith(f"b{newest}-7") for hit in found)


def test_a_request_under_way_is_answered_before_the_end(data: Path, tmp_path: Path) -> None:
    with serving(data, tmp_path / "stderr") as server:
        address = urlsplit(server.url)
        body = b'{"name": "corpora/last"}'
        with socket.create_connection((address.hostname, address.port), timeout=30) as connection:
            connection.sendall(
                b"POST /v1beta/corpora HTTP/1.1\r\nhost: localhost\r\n"
                b"content-length: %d\r\n\r\n" % len(body)
            )
            # The request has begun once the server knows of its connection.
            assert server.http.get("/readyz").status_code == 200
            server.process.send_signal(signal.SIGTERM)
            deadline = time.monotonic() + 30
            while _accepts(address.hostname or "", address.port or 0):
                assert time.monotonic() < deadline
                time.sleep(0.02)
            connection.sendall(body)
            received = b""
            while piece := connection.recv(65536):
                received += piece
        assert received.startswith(b"HTTP/1.1 200 OK")
        assert server.process.wait(30) == 0
    with connect(data=data) as client:
        assert client.corpora.get("last").name == "corpora/last"


def _accepts(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), timeout=5).close()
    except OSError:
        return False
    return True


def test_a_second_signal_ends_it_at_once(data: Path, tmp_path: Path) -> None:
    with serving(data, tmp_path / "stderr") as server:
        address = urlsplit(server.url)
        with socket.create_connection((address.hostname, address.port), timeout=30) as connection:
            connection.sendall(
                b"POST /v1beta/corpora HTTP/1.1\r\nhost: localhost\r\ncontent-length: 10\r\n\r\n"
            )
            assert server.http.get("/readyz").status_code == 200
            server.process.send_signal(signal.SIGTERM)
            with pytest.raises(subprocess.TimeoutExpired):
                server.process.wait(1)
            server.process.send_signal(signal.SIGTERM)
            received = b""
            while piece := connection.recv(65536):
                received += piece
            assert server.process.wait(20) == 1
        assert received.startswith(b"HTTP/1.1 503 ")
        assert b"UNAVAILABLE" in received
