"""An upload whose process is killed goes on in another, and makes the file that was sent."""

from __future__ import annotations

import hashlib
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest

from ragkit.api.errors import NotFound
from ragkit.api.wire import HttpRequest, HttpResponse
from ragkit.client import connect
from ragkit.service import open_service
from ragkit.service.dispatcher import Service

PATH = "/upload/v1beta/files"
UNIT = 256 * 1024
PIECE = 2 * UNIT
KILLS = 8

SENDER = """
import sys
from pathlib import Path

from ragkit.service import open_service
from tests.integration.test_upload_interruption import go_on

service = open_service(Path(sys.argv[1]))
print("ready", flush=True)
go_on(service, sys.argv[2], Path(sys.argv[3]).read_bytes())
"""

MANY = """
import sys
from pathlib import Path

from ragkit.api.wire import HttpRequest
from ragkit.service import open_service

service = open_service(Path(sys.argv[1]))
print("ready", flush=True)
number = 0
while True:
    number += 1
    body = b'{"file": {"name": "files/%s-%d"}}' % (sys.argv[2].encode(), number)
    content = bytes([number % 256]) * (300_000 + number)
    form = b"--b\\r\\n\\r\\n" + body + b"\\r\\n--b\\r\\n\\r\\n" + content + b"\\r\\n--b--"
    headers = {"content-type": "multipart/related; boundary=b"}
    query = [("uploadType", "multipart")]
    reply = service.dispatch(HttpRequest("POST", "/upload/v1beta/files", query, headers, form))
    assert reply.status == 200, reply.body
    print(f"{sys.argv[2]}-{number}", flush=True)
    if number % 3 == 0:
        name = f"/v1beta/files/{sys.argv[2]}-{number - 1}"
        assert service.dispatch(HttpRequest("DELETE", name)).status == 200
"""


def command(
    service: Service, url: str, words: str, offset: int | None = None, body: bytes = b""
) -> HttpResponse:
    """Send a command to an upload."""
    headers = {"x-goog-upload-command": words}
    if offset is not None:
        headers["x-goog-upload-offset"] = str(offset)
    return service.dispatch(
        HttpRequest("POST", PATH, parse_qsl(urlsplit(url).query), headers, body)
    )


def go_on(service: Service, url: str, content: bytes) -> HttpResponse:
    """Send what an upload lacks, and return its last reply."""
    reply = command(service, url, "query")
    while reply.headers["x-goog-upload-status"] != "final":
        assert reply.status == 200, reply.body
        offset = int(reply.headers["x-goog-upload-size-received"])
        end = min(offset + PIECE, len(content))
        words = "upload, finalize" if end == len(content) else "upload"
        reply = command(service, url, words, offset, content[offset:end])
    return reply


def run_and_kill(script: str, arguments: list[str], seconds: float) -> tuple[list[str], bool]:
    """Run a script and kill it so long after it is ready; its output, and whether it was killed."""
    process = subprocess.Popen(
        [sys.executable, "-c", script, *arguments],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).resolve().parents[2],
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
    lines = process.stdout.read().split("\n")[:-1]
    process.stdout.close()
    return lines, process.wait() == -signal.SIGKILL


def leftovers(data: Path) -> set[str]:
    """What lies in the folder of files after a sweep, as some time later."""
    folder = data / "files"
    for path in folder.iterdir():
        os.utime(path, (time.time() - 3600, time.time() - 3600))
    service = open_service(data)
    service.engine.media.sweep(at_once=True)
    service.close()
    return {path.name for path in folder.iterdir()}


def test_a_killed_upload_goes_on_in_another_process(tmp_path: Path) -> None:
    data, source = tmp_path / "data", tmp_path / "source"
    content = os.urandom(300 * PIECE + 77)
    source.write_bytes(content)
    service = open_service(data)
    headers = {"x-goog-upload-protocol": "resumable", "x-goog-upload-command": "start"}
    reply = service.dispatch(HttpRequest("POST", PATH, (), headers, b'{"file":{"name":"files/f"}}'))
    url = reply.headers["x-goog-upload-url"]
    chance = random.Random()
    killed = 0
    received = 0
    for _ in range(KILLS):
        arguments = [str(data), url, str(source)]
        killed += run_and_kill(SENDER, arguments, chance.uniform(0.0, 0.1))[1]
        reply = command(service, url, "query")
        now = int(reply.headers["x-goog-upload-size-received"])
        assert now >= received, "what was acknowledged stays"
        received = now
    assert killed > 0
    assert go_on(service, url, content).status == 200
    service.close()
    with connect(data=data) as client:
        file = client.files.get("f")
    assert file.size_bytes == len(content)
    assert file.sha256_hash == hashlib.sha256(content).digest()
    assert [
        hashlib.sha256((data / "files" / name).read_bytes()).digest() for name in leftovers(data)
    ] == [file.sha256_hash]


def test_killed_between_files_each_row_has_its_bytes_and_no_bytes_are_left(tmp_path: Path) -> None:
    data = tmp_path / "data"
    chance = random.Random()
    for turn in range(KILLS):
        run = f"run{turn}"
        made, killed = run_and_kill(MANY, [str(data), run], chance.uniform(0.0, 0.15))
        assert killed
        with connect(data=data) as client:
            present = {file.name.removeprefix("files/"): file for file in client.files.list()}
        # Each third file made deletes the one before it, maybe before it was killed.
        surely = {name for name in made if int(name.rpartition("-")[2]) % 3 != 2}
        assert surely <= set(present)
        for name, file in present.items():
            number = int(name.rpartition("-")[2])
            content = bytes([number % 256]) * (300_000 + number)
            assert file.sha256_hash == hashlib.sha256(content).digest()
    service = open_service(data)
    blobs = {record.blob: record.sha256 for record in service.engine.store.list_files(10_000)}
    service.close()
    assert leftovers(data) == set(blobs)
    for blob, digest in blobs.items():
        assert hashlib.sha256((data / "files" / blob).read_bytes()).digest() == digest


def test_our_own_client_uploads_lists_gets_and_deletes_in_process(tmp_path: Path) -> None:
    content = os.urandom(9 * 1024 * 1024)  # so much that it goes in pieces
    (tmp_path / "big.bin").write_bytes(content)
    (tmp_path / "small.md").write_text("# Small\n")
    with connect(data=tmp_path / "data") as client:
        told: list[int] = []
        big = client.files.upload(
            tmp_path / "big.bin", progress=lambda sent, total: told.append(sent)
        )
        small = client.files.upload(tmp_path / "small.md", name="small")
        assert told[-1] == big.size_bytes == len(content)
        assert big.sha256_hash == hashlib.sha256(content).digest()
        assert (small.name, small.mime_type) == ("files/small", "text/markdown")
        assert [file.name for file in client.files.list()] == [big.name, small.name]
        assert client.files.get("small") == small
        client.files.delete("small")
        with pytest.raises(NotFound):
            client.files.get("small")
