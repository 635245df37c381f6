"""`ragkit serve --processes`: several processes answer as one."""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from .server_process import Server, serving
from .test_server import chunks, write_until_it_ends

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="looks at /proc, and at how Linux shares a port"
)


def children(server: Server) -> list[int]:
    """The processes that answer."""
    pid = server.process.pid
    return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def listens(url: str) -> bool:
    address = urlsplit(url)
    try:
        socket.create_connection((address.hostname, address.port), timeout=5).close()
    except OSError:
        return False
    return True


def wait_until(condition: object, seconds: float = 60) -> None:
    assert callable(condition)
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_write_through_one_is_seen_through_all(data: Path, tmp_path: Path) -> None:
    with serving(data, tmp_path / "stderr", "--processes", "2") as server:
        assert len(children(server)) == 2
        with server.client() as client:
            client.corpora.create("c")
            client.documents.create("c", "d")
        for batch in range(12):  # each over a new connection, which any process may get
            body = {
                "requests": [
                    {"parent": "corpora/c/documents/d", "chunk": json.loads(one.to_json())}
                    for one in chunks(batch)
                ]
            }
            made = httpx.post(
                f"{server.url}/v1beta/corpora/c/documents/d/chunks:batchCreate", json=body
            )
            assert made.status_code == 200, made.text
            query = {"query": f"batch {batch} entry 7", "resultsCount": 30}
            found = httpx.post(f"{server.url}/v1beta/corpora/c:query", json=query).json()
            names = {one["chunk"]["name"] for one in found["relevantChunks"]}
            assert f"corpora/c/documents/d/chunks/b{batch}-7" in names
        assert server.stop() == 0
        assert len({line["requestId"] for line in server.access}) == len(server.access) == 26


def test_a_process_that_is_killed_is_replaced(data: Path, tmp_path: Path) -> None:
    with serving(data, tmp_path / "stderr", "--processes", "2") as server:
        first = children(server)
        os.kill(first[0], signal.SIGKILL)
        wait_until(lambda: len(set(children(server)) - set(first)) == 1)
        wait_until(lambda: listens(server.url))
        assert httpx.get(f"{server.url}/readyz").status_code == 200
        assert server.stop() == 0
        assert any("ended with -9" in line["message"] for line in server.log)


@pytest.mark.parametrize("kind", [signal.SIGTERM, signal.SIGKILL])
def test_what_was_acknowledged_is_there_and_nobody_is_left(
    data: Path, tmp_path: Path, kind: signal.Signals
) -> None:
    with serving(data, tmp_path / "stderr", "--processes", "2") as server:
        with server.client() as client:
            client.corpora.create("c")
            client.documents.create("c", "d")
        acknowledged: list[int] = []
        begun = threading.Event()
        writer = threading.Thread(target=write_until_it_ends, args=(server, acknowledged, begun))
        writer.start()
        assert begun.wait(60)
        running = children(server)
        code = server.stop(kind)
        assert code == (0 if kind == signal.SIGTERM else -signal.SIGKILL)
        wait_until(lambda: not any(Path(f"/proc/{pid}/fd").exists() for pid in running))
        writer.join(60)
        assert not writer.is_alive()
        assert not listens(server.url)
    with serving(data, tmp_path / "again") as server, server.client() as client:
        held = {chunk.name for chunk in client.chunks.list("c/d", page_size=100)}
        assert {chunk.name for batch in acknowledged for chunk in chunks(batch)} <= held
