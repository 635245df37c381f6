"""Uploads, over scripts and against a real server that breaks connections; sync and async."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
import re
import socket
import threading
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from unittest.mock import patch
from urllib.parse import parse_qs, urlsplit

import anyio
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ragkit.api import errors
from ragkit.api.files import File
from ragkit.api.wire import HttpRequest, HttpResponse
from ragkit.client import AsyncClient, Client, RetryPolicy, connect, connect_async
from ragkit.client import _uploads as uploads
from ragkit.client._budget import RETRY_COST, RetryBudget
from ragkit.client._retry import Options
from ragkit.client._upload_sources import UploadSource

POLICY = RetryPolicy(attempts=4, first_wait=0.0001, longest_wait=0.05, deadline=30)
PATIENT = RetryPolicy(attempts=40, first_wait=0.0001, longest_wait=0.001, deadline=60)
LIMIT = 100
PIECE = 40
UNIT = 20

LOST = errors.TransportError("connection reset")
REFUSED = errors.TransportError("connection refused", sent=False)


@pytest.fixture(autouse=True)
def _small_pieces(monkeypatch):
    monkeypatch.setattr(uploads, "MULTIPART_LIMIT", LIMIT)
    monkeypatch.setattr(uploads, "PIECE_SIZE", PIECE)


def reply(code: int, body: Any = None, /, **headers: str) -> HttpResponse:
    named = {f"x-goog-upload-{key.replace('_', '-')}": value for key, value in headers.items()}
    return HttpResponse(code, b"" if body is None else json.dumps(body).encode(), named)


def failure(status: int, code: str) -> HttpResponse:
    return reply(status, {"error": {"code": status, "status": code, "message": code}})


UNAVAILABLE = failure(503, "UNAVAILABLE")
URL = "https://elsewhere.example/prefix/upload/v1beta/files?upload_id=a%2Bb&upload_protocol=r"
STARTED = reply(200, url=URL, status="active", chunk_granularity=str(UNIT))
ACTIVE = reply(200, status="active")
FILE = {"name": "files/x", "displayName": "", "mimeType": "application/octet-stream"}
FINAL = reply(200, {"file": FILE}, status="final")
DONE = reply(200, {"file": FILE})


def received(count: int) -> HttpResponse:
    return reply(200, status="active", size_received=str(count))


class Script:
    """Plays outcomes in turn and keeps the requests."""

    def __init__(self, *outcomes: HttpResponse | Exception) -> None:
        self.outcomes = list(outcomes)
        self.requests: list[HttpRequest] = []

    def send(self, request: HttpRequest) -> HttpResponse:
        self.requests.append(request)
        outcome = self.outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def close(self) -> None:
        pass

    @property
    def commands(self) -> list[tuple[str, int | None]]:
        headers = [request.headers for request in self.requests]
        return [
            (
                each.get("x-goog-upload-command", ""),
                int(each["x-goog-upload-offset"]) if "x-goog-upload-offset" in each else None,
            )
            for each in headers
        ]


class AsyncScript:
    def __init__(self, script: Script) -> None:
        self.script = script

    async def send(self, request: HttpRequest) -> HttpResponse:
        return self.script.send(request)


@pytest.fixture(params=["sync", "async"])
def run(request: pytest.FixtureRequest) -> Callable[..., File]:
    """Uploads a value over a script, by one of the two drivers."""

    def run(
        script: Script,
        value: Any,
        *,
        policy: RetryPolicy = POLICY,
        timeout: float | None = None,
        budget: RetryBudget | None = None,
        **said: Any,
    ) -> File:
        options = Options("", policy, timeout, budget or RetryBudget())
        steps = uploads.upload(value, options, **said)
        if request.param == "sync":
            return Client(script).run(steps)
        return anyio.run(AsyncClient(AsyncScript(script)).run, steps)  # type: ignore[arg-type]

    return run


# --- one request -----------------------------------------------------------------------------


def test_little_goes_in_one_request(run, tmp_path):
    path = tmp_path / "Grüße.txt"
    path.write_bytes(b"content")
    script = Script(DONE)
    told: list[Any] = []
    file = run(script, path, name="x", timeout=3, progress=lambda *counts: told.append(counts))
    assert file.name == "files/x"
    (request,) = script.requests
    assert (request.verb, request.path) == ("POST", "/upload/v1beta/files")
    assert list(request.query) == [("uploadType", "multipart")]
    assert request.timeout == 3
    kind, _, boundary = request.headers["content-type"].partition("; boundary=")
    assert kind == "multipart/related"
    before, first, second, after = request.body.split(b"--" + boundary.encode())
    head, _, metadata = first.partition(b"\r\n\r\n")
    assert b"application/json" in head
    assert json.loads(metadata) == {"file": {"name": "files/x", "displayName": "Grüße.txt"}}
    assert second == b"\r\nContent-Type: text/plain\r\n\r\ncontent\r\n"
    assert (before, after) == (b"", b"--\r\n")
    assert told == [(0, 7), (7, 7)]


@pytest.mark.parametrize("lost", [LOST, UNAVAILABLE, reply(200, []), HttpResponse(200, b"{")])
def test_a_file_without_a_name_gets_a_random_one_by_which_it_is_never_made_twice(run, lost):
    script = Script(lost, failure(409, "ALREADY_EXISTS"), reply(200, {**FILE, "sizeBytes": "7"}))
    assert run(script, b"content").size_bytes == 7
    first, second, get = script.requests
    name = get.path.removeprefix("/v1beta/")
    assert re.fullmatch("files/[0-9a-f]{16}", name)
    assert name.encode() in first.body
    assert first.body == second.body


@pytest.mark.parametrize("refused", [REFUSED, failure(429, "RESOURCE_EXHAUSTED")])
def test_a_file_that_surely_was_not_made_is_sent_again(run, refused):
    assert run(Script(refused, refused, DONE), b"content").name == "files/x"


def digest(content: bytes, *, hexadecimal: bool = False) -> str:
    sha = hashlib.sha256(content)
    return base64.b64encode(sha.hexdigest().encode() if hexadecimal else sha.digest()).decode()


@pytest.mark.parametrize("lost", [LOST, UNAVAILABLE, HttpResponse(200, b"{")])
@pytest.mark.parametrize(
    "more",
    [
        {},
        {"sha256Hash": digest(b"content")},
        {"sha256Hash": digest(b"content", hexadecimal=True)},
    ],
)
def test_a_named_file_whose_reply_was_lost_is_found_to_have_been_made(run, lost, more):
    stands = reply(200, {**FILE, "sizeBytes": "7", **more})
    script = Script(lost, failure(409, "ALREADY_EXISTS"), stands)
    assert run(script, b"content", name="x").size_bytes == 7
    assert [request.verb for request in script.requests] == ["POST", "POST", "GET"]


@pytest.mark.parametrize(
    "stands",
    [
        reply(200, {**FILE, "sizeBytes": "8"}),
        reply(200, {**FILE, "sizeBytes": "7", "displayName": "another"}),
        reply(200, {**FILE, "sizeBytes": "7", "sha256Hash": digest(b"another")}),
        failure(403, "PERMISSION_DENIED"),
    ],
)
def test_a_file_that_somebody_else_made_is_not_adopted(run, stands):
    with pytest.raises(errors.AlreadyExists):
        run(Script(LOST, failure(409, "ALREADY_EXISTS"), stands), b"content", name="x")


def test_a_taken_name_is_an_error_when_no_reply_was_lost(run):
    taken = failure(409, "ALREADY_EXISTS")
    for refused in ([], [REFUSED], [failure(429, "RESOURCE_EXHAUSTED")]):
        script = Script(*refused, taken)
        with pytest.raises(errors.AlreadyExists):
            run(script, b"content", name="x")
        assert all(request.verb == "POST" for request in script.requests)


# --- piece by piece --------------------------------------------------------------------------


def test_much_goes_piece_by_piece_to_the_clients_own_host(run):
    script = Script(STARTED, ACTIVE, ACTIVE, FINAL)
    told: list[Any] = []
    content = bytes(range(110))
    run(
        script,
        content,
        display_name="D",
        mime_type="image/png",
        progress=lambda *counts: told.append(counts),
    )
    start, *pieces = script.requests
    assert start.headers["x-goog-upload-protocol"] == "resumable"
    assert start.headers["x-goog-upload-header-content-length"] == "110"
    assert start.headers["x-goog-upload-header-content-type"] == "image/png"
    described = json.loads(start.body)["file"]
    assert (described["displayName"], described["name"][:6]) == ("D", "files/")
    assert script.commands == [
        ("start", None),
        ("upload", 0),
        ("upload", 40),
        ("upload, finalize", 80),
    ]
    assert b"".join(piece.body for piece in pieces) == content
    assert {(piece.path, tuple(piece.query)) for piece in pieces} == {
        ("/upload/v1beta/files", (("upload_id", "a+b"), ("upload_protocol", "r")))
    }
    assert told == [(0, 110), (40, 110), (80, 110), (110, 110)]


@pytest.mark.parametrize(("unit", "size"), [("30", 30), ("40", 40), ("60", 60), ("7", 35)])
def test_pieces_are_multiples_of_the_servers_granularity(run, unit, size):
    started = reply(200, url=URL, status="active", chunk_granularity=unit)
    script = Script(started, *[ACTIVE] * (199 // size), FINAL)
    run(script, bytes(200))
    assert {len(request.body) for request in script.requests[1:-1]} == {size}


@pytest.mark.parametrize("broken", [LOST, REFUSED, UNAVAILABLE, reply(200)])
def test_after_a_failure_the_upload_goes_on_where_the_server_says(run, broken):
    script = Script(STARTED, ACTIVE, broken, UNAVAILABLE, LOST, received(60), ACTIVE, FINAL)
    content = os.urandom(120)
    run(script, content)
    assert script.commands[1:] == [
        ("upload", 0),
        ("upload", 40),
        ("query", None),
        ("query", None),
        ("query", None),
        ("upload", 60),
        ("upload, finalize", 100),
    ]
    assert (
        script.requests[1].body + b"".join(request.body for request in script.requests[-2:])
        == content[:40] + content[60:]
    )


def test_attempts_count_anew_after_progress_and_run_out_without(run):
    progress: list[Any] = [
        LOST,
        LOST,
        received(10),
        LOST,
        LOST,
        received(20),
        LOST,
        LOST,
        received(30),
    ]
    script = Script(STARTED, *progress, ACTIVE, ACTIVE, FINAL)
    assert run(script, bytes(120)).name == "files/x"

    script = Script(STARTED, LOST, received(0), LOST, received(0), LOST, received(0), LOST)
    with pytest.raises(errors.TransportError, match="connection reset"):
        run(script, bytes(120))
    assert script.commands.count(("upload", 0)) == POLICY.attempts


def test_retries_come_out_of_the_clients_budget(run):
    budget = RetryBudget(capacity=RETRY_COST)
    script = Script(STARTED, ACTIVE, UNAVAILABLE, received(60), ACTIVE, FINAL)
    run(script, bytes(120), budget=budget)
    assert budget.left == RETRY_COST
    script = Script(STARTED, UNAVAILABLE, received(0), UNAVAILABLE)
    with pytest.raises(errors.Unavailable) as caught:
        run(script, bytes(120), budget=budget)
    assert any("too often" in note for note in caught.value.__notes__)


def test_attempts_are_logged(run, caplog):
    caplog.set_level("DEBUG", "ragkit.client")
    run(Script(STARTED, UNAVAILABLE, received(40), ACTIVE, FINAL), bytes(120))
    said = [record.getMessage() for record in caplog.records]
    assert [line.split(" in ")[0] for line in said] == [
        "media.upload: 200",
        "media.upload: 503",
        "media.upload: Unavailable; trying again",
        "media.upload: 200",
        "media.upload: 200",
        "media.upload: 200",
    ]


def test_one_attempt_means_no_retry(run):
    script = Script(STARTED, UNAVAILABLE)
    with pytest.raises(errors.Unavailable):
        run(script, bytes(120), policy=RetryPolicy(attempts=1))


@pytest.mark.parametrize(
    ("before", "at"),
    [([], "start"), ([STARTED], "piece"), ([STARTED, LOST], "query")],
)
def test_a_final_error_is_raised_at_once(run, before, at):
    script = Script(*before, failure(403, "PERMISSION_DENIED"))
    with pytest.raises(errors.PermissionDenied) as caught:
        run(script, bytes(120), name="x")
    assert caught.value.method == "media.upload"
    assert not script.outcomes


@pytest.mark.parametrize(
    "wrong",
    [
        reply(200, status="active"),
        reply(200, url="", status="active"),
        reply(200, url=URL, status="active", chunk_granularity="0"),
        reply(200, url=URL, status="active", chunk_granularity="many"),
        reply(200, url=URL, status="active", chunk_granularity=str(2**40)),
    ],
)
def test_a_start_that_tells_no_session_is_repeated_as_it_makes_no_file(run, wrong):
    script = Script(wrong, LOST, UNAVAILABLE, STARTED, ACTIVE, ACTIVE, FINAL)
    assert run(script, bytes(120)).name == "files/x"
    with pytest.raises(errors.TransportError, match="malformed"):
        run(Script(*[wrong] * 4), bytes(120))


@pytest.mark.parametrize("count", ["121", "-1", "x", ""])
def test_a_server_that_claims_what_was_not_sent_is_not_believed(run, count):
    claims = reply(200, status="active", size_received=count)
    with pytest.raises(errors.TransportError, match="malformed"):
        run(Script(STARTED, LOST, claims, claims, claims, claims), bytes(120))


@pytest.mark.parametrize("lost", [LOST, UNAVAILABLE, reply(200, status="final")])
def test_a_lost_last_reply_is_asked_for(run, lost):
    finished = [STARTED, ACTIVE, ACTIVE, lost]
    assert run(Script(*finished, FINAL), bytes(120)).name == "files/x"

    for name in ("x", None):
        script = Script(*finished, reply(200, status="final"), reply(200, FILE))
        assert run(script, bytes(120), name=name).name == "files/x"
        asked = script.requests[-1].path.removeprefix("/v1beta/")
        assert json.loads(script.requests[0].body)["file"]["name"] == asked


def test_an_upload_whose_bytes_all_arrived_only_needs_finalizing(run):
    script = Script(STARTED, ACTIVE, ACTIVE, LOST, received(120), FINAL)
    assert run(script, bytes(120)).name == "files/x"
    assert script.commands[-1] == ("finalize", 120)
    assert script.requests[-1].body == b""


@pytest.mark.parametrize("gone", [failure(404, "NOT_FOUND"), failure(400, "FAILED_PRECONDITION")])
def test_a_session_that_is_gone_after_finalizing_is_told_by_the_name(run, gone):
    stands = reply(200, {**FILE, "sizeBytes": "120"})
    finished = [STARTED, ACTIVE, ACTIVE, LOST, gone]
    assert run(Script(*finished, stands), bytes(120), name="x").size_bytes == 120
    with pytest.raises(errors.APIError):
        run(Script(*finished, reply(200, {**FILE, "sizeBytes": "1"})), bytes(120), name="x")


@pytest.mark.parametrize("size", [7, 120])
def test_a_redirect_is_an_error_at_once(run, size):
    script = Script(HttpResponse(302, b"", {"location": "https://elsewhere.example/"}))
    with pytest.raises(errors.TransportError, match=r"redirect to https://elsewhere\.example"):
        run(script, bytes(size), name="x")
    assert len(script.requests) == 1


def test_an_upload_that_the_server_ends_early_is_an_error(run):
    early = reply(200, status="final")
    with pytest.raises(errors.TransportError, match="before all was sent"):
        run(Script(STARTED, early, early), bytes(120))


# --- sources ---------------------------------------------------------------------------------


class Pipe(io.RawIOBase):
    """Cannot seek, and gives a few bytes at a time."""

    def __init__(self, content: bytes) -> None:
        self._content = io.BytesIO(content)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        piece = self._content.read(min(len(buffer), 7))
        buffer[: len(piece)] = piece
        return len(piece)


@pytest.mark.parametrize("size", [0, 1, 99])
def test_little_of_unknown_size_goes_in_one_request(run, size):
    script = Script(DONE)
    run(script, Pipe(bytes(size)))
    assert script.requests[0].body.count(b"\0") == size


@pytest.mark.parametrize("size", [100, 119, 120, 121])
def test_what_cannot_seek_is_sent_whole_and_from_any_place_again(run, size):
    content = os.urandom(size)
    pieces = -(-size // PIECE)
    script = Script(STARTED, *[ACTIVE] * (pieces - 1), LOST, received(0))
    script.outcomes += [*[ACTIVE] * (pieces - 1), FINAL]
    told: list[Any] = []
    run(script, Pipe(content), progress=lambda *counts: told.append(counts))
    assert script.requests[0].headers["x-goog-upload-header-content-length"] == str(size)
    assert b"".join(request.body for request in script.requests[-pieces:]) == content
    assert (told[0], told[-1]) == ((0, size), (size, size))


def test_a_file_object_is_read_from_its_position_and_stays_open(run, tmp_path):
    path = tmp_path / "data.bin"
    path.write_bytes(b"skipped" + b"c" * 150)
    with path.open("rb") as file:
        file.seek(7)
        script = Script(STARTED, ACTIVE, ACTIVE, ACTIVE, FINAL)
        run(script, file)
        assert not file.closed
    assert b"".join(request.body for request in script.requests[1:]) == b"c" * 150
    assert json.loads(script.requests[0].body)["file"]["displayName"] == "data.bin"


@pytest.mark.parametrize("size", [50, 150])
def test_a_file_that_becomes_shorter_is_a_clear_error(run, tmp_path, size):
    path = tmp_path / "log"
    path.write_bytes(bytes(size))
    script = Script(STARTED, ACTIVE, reply(200))

    def shrink(sent: int, total: int | None) -> None:
        os.truncate(path, 45)

    with pytest.raises(errors.InvalidArgument, match=f"shorter.* 45 bytes instead of {size}"):
        run(script, path, progress=shrink)
    assert size == 50 or script.commands[-1] == ("cancel", None)


def test_of_a_file_that_grows_what_was_there_is_sent(run, tmp_path):
    path = tmp_path / "log"
    path.write_bytes(b"a" * 120)

    def grow(sent: int, total: int | None) -> None:
        with path.open("ab") as file:
            file.write(b"more")

    script = Script(STARTED, ACTIVE, ACTIVE, FINAL)
    run(script, path, progress=grow)
    assert b"".join(request.body for request in script.requests[1:]) == b"a" * 120


@pytest.mark.parametrize(
    ("name", "mime_type"),
    [
        ("a.pdf", "application/pdf"),
        ("a.jsonl", "application/jsonl"),
        ("a.MD", "text/markdown"),
        ("a.tar.gz", "application/gzip"),
        ("a.unheard-of", "application/octet-stream"),
        ("noending", "application/octet-stream"),
    ],
)
def test_mime_types_are_guessed_from_names(tmp_path, name, mime_type):
    path = tmp_path / name
    path.touch()
    with closing(UploadSource(path)) as source:
        assert (source.file_name, source.mime_type, source.size) == (name, mime_type, 0)


@pytest.mark.parametrize(
    ("value", "options"),
    [
        (io.StringIO("text"), {}),
        (7, {}),
        (b"", {"mime_type": "text/plain\r\nX-Header: 1"}),
        (b"", {"mime_type": "text"}),
        (b"", {"display_name": "\udc80"}),
    ],
)
def test_wrong_arguments_are_refused_before_anything_is_sent(run, value, options):
    with pytest.raises(errors.InvalidArgument):
        run(Script(), value, **options)


def test_memory_stays_constant_for_a_large_file(tmp_path, monkeypatch):
    piece = 8 * 1024 * 1024
    monkeypatch.setattr(uploads, "MULTIPART_LIMIT", piece)
    monkeypatch.setattr(uploads, "PIECE_SIZE", piece)
    path = tmp_path / "sparse"
    size = 300 * 1024 * 1024 + 1
    with path.open("wb") as file:
        file.truncate(size)
    sizes: list[int] = []

    class Sink(Script):
        def send(self, request: HttpRequest) -> HttpResponse:
            command = request.headers["x-goog-upload-command"]
            sizes.append(len(request.body) if command != "start" else 0)
            return {"start": STARTED, "upload": ACTIVE}.get(command, FINAL)

    tracemalloc.start()
    try:
        Client(Sink()).files.upload(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert sum(sizes) == size
    assert max(sizes) <= piece
    assert peak < 2 * piece


# --- a real server ---------------------------------------------------------------------------


class Shop:
    """What the server holds, and the faults it is to show with the coming requests."""

    def __init__(self) -> None:
        self.files: dict[str, tuple[bytes, dict[str, Any]]] = {}
        self.sessions: dict[str, tuple[bytearray, dict[str, Any], str | None]] = {}
        self.faults: list[tuple[str, int]] = []

    def create(self, content: bytes, metadata: dict[str, Any]) -> dict[str, Any] | None:
        name = metadata.get("name") or f"files/made-{len(self.files)}"
        if name in self.files:
            return None
        described = {**metadata, "name": name, "sizeBytes": str(len(content))}
        described["sha256Hash"] = digest(content)
        self.files[name] = content, described
        return described


class Handler(BaseHTTPRequestHandler):
    """Serves uploads; a fault is ("cut", n), ("refuse", _), ("early", _) or ("lose", _)."""

    protocol_version = "HTTP/1.1"
    shop: Shop

    def log_message(self, *args: Any) -> None:
        pass

    def answer(self, status: int, body: Any = None, /, **headers: str) -> None:
        content = b"" if body is None else json.dumps(body).encode()
        self.send_response(status)
        for key, value in headers.items():
            self.send_header(f"X-Goog-Upload-{key.replace('_', '-')}", value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def fail(self, status: int, code: str) -> None:
        self.answer(status, {"error": {"code": status, "status": code, "message": code}})

    def drop(self) -> None:
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    def do_GET(self) -> None:
        name = self.path.removeprefix("/v1beta/")
        if name in self.shop.files:
            self.answer(200, self.shop.files[name][1])
        else:
            self.fail(403, "PERMISSION_DENIED")

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        fault, at = self.shop.faults.pop(0) if self.shop.faults else ("", 0)
        command = self.headers.get("X-Goog-Upload-Command", "")
        session = parse_qs(urlsplit(self.path).query).get("upload_id", [""])[0]
        if fault == "early":  # answers without reading the body
            self.fail(503, "UNAVAILABLE")
            self.drop()
            return
        body = self.rfile.read(min(length, at) if fault == "cut" else length)
        if fault == "cut":
            if command.startswith("upload"):
                self.keep(session, body)
            self.drop()
        elif fault == "refuse":
            self.fail(503, "UNAVAILABLE")
        else:
            if fault == "lose":
                wfile, self.wfile = self.wfile, io.BytesIO()
            self.handle_upload(command, session, body)
            if fault == "lose":
                self.wfile = wfile
                self.drop()

    def keep(self, session: str, body: bytes) -> bool:
        kept = self.shop.sessions[session][0]
        if int(self.headers["X-Goog-Upload-Offset"]) != len(kept):
            return False
        kept += body
        return True

    def handle_upload(self, command: str, session: str, body: bytes) -> None:
        sessions = self.shop.sessions
        if command == "":
            boundary = self.headers["Content-Type"].partition("boundary=")[2].encode()
            _, first, rest = body.split(b"--" + boundary, 2)
            metadata = json.loads(first.partition(b"\r\n\r\n")[2])["file"]
            head, _, rest = rest.partition(b"\r\n\r\n")
            metadata["mimeType"] = head.partition(b": ")[2].decode()
            made = self.shop.create(rest[: rest.rindex(b"\r\n--" + boundary)], metadata)
            if made is None:
                self.fail(409, "ALREADY_EXISTS")
            else:
                self.answer(200, {"file": made})
        elif command == "start":
            metadata = json.loads(body)["file"]
            metadata["mimeType"] = self.headers["X-Goog-Upload-Header-Content-Type"]
            session = f"s{len(sessions)}"
            sessions[session] = bytearray(), metadata, None
            url = f"http://elsewhere.example/upload/v1beta/files?upload_id={session}"
            self.answer(200, URL=url, Status="active", Chunk_Granularity=str(UNIT))
        elif sessions[session][2] is not None:
            if command == "query":
                self.answer(200, Status="final")
            else:
                self.fail(400, "FAILED_PRECONDITION")
        elif command == "query":
            count = str(len(sessions[session][0]))
            self.answer(200, Status="active", Size_Received=count)
        elif (command == "upload" and len(body) % UNIT) or not self.keep(session, body):
            self.fail(400, "INVALID_ARGUMENT")
        elif "finalize" in command:
            kept, metadata, _ = sessions[session]
            made = self.shop.create(bytes(kept), metadata)
            if made is None:
                self.fail(409, "ALREADY_EXISTS")
            else:
                sessions[session] = kept, metadata, made["name"]
                self.answer(200, {"file": made}, Status="final")
        else:
            self.answer(200, Status="active")


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[str, Shop]]:
    shop = Shop()
    handler = type("BoundHandler", (Handler,), {"shop": shop})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as http:
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{http.server_port}", shop
        http.shutdown()
        thread.join()


def upload_over_http(url: str, asynchronous: bool, value: Any, **options: Any) -> File:
    if not asynchronous:
        with connect(url, retry=PATIENT) as client:
            return client.files.upload(value, **options)

    async def main() -> File:
        async with connect_async(url, retry=PATIENT) as client:
            return await client.files.upload(value, **options)

    return anyio.run(main)


BIG = 16 * 1024 * UNIT
FAULTS = st.lists(
    st.one_of(
        st.just(("", 0)),
        st.tuples(st.just("cut"), st.integers(0, BIG)),
        st.tuples(st.sampled_from(["refuse", "early", "lose"]), st.just(0)),
    ),
    max_size=12,
)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    faults=FAULTS,
    size=st.integers(0, 4 * BIG),
    asynchronous=st.booleans(),
    seekable=st.booleans(),
)
@example(faults=[], size=0, asynchronous=False, seekable=True)
@example(faults=[("lose", 0)] * 3, size=10, asynchronous=True, seekable=False)
@example(
    faults=[("", 0), ("cut", 1), ("", 0), ("cut", BIG - 1), ("lose", 0), ("lose", 0), ("", 0)] * 2,
    size=3 * BIG,
    asynchronous=False,
    seekable=False,
)
def test_what_arrives_is_what_was_sent_once_whatever_breaks(
    server, faults, size, asynchronous, seekable
):
    url, shop = server
    shop.files.clear()
    shop.sessions.clear()
    shop.faults[:] = faults
    content = os.urandom(size)
    told: list[int] = []
    with (
        patch.object(uploads, "MULTIPART_LIMIT", BIG),
        patch.object(uploads, "PIECE_SIZE", BIG),
    ):
        file = upload_over_http(
            url,
            asynchronous,
            content if seekable else Pipe(content),
            name="mine",
            progress=lambda sent, total: told.append(sent),
        )
    assert file.name == "files/mine"
    assert {name: kept for name, (kept, _) in shop.files.items()} == {"files/mine": content}
    assert told == sorted(told)
    assert told[-1] == size


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(faults=FAULTS, size=st.sampled_from([10, 3 * BIG]), asynchronous=st.booleans())
def test_a_file_without_a_name_is_made_once_whatever_breaks(server, faults, size, asynchronous):
    url, shop = server
    shop.files.clear()
    shop.sessions.clear()
    shop.faults[:] = faults
    content = os.urandom(size)
    with (
        patch.object(uploads, "MULTIPART_LIMIT", BIG),
        patch.object(uploads, "PIECE_SIZE", BIG),
    ):
        file = upload_over_http(url, asynchronous, content)
    assert {name: kept for name, (kept, _) in shop.files.items()} == {file.name: content}
