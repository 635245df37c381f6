"""media.upload in its dialects: what arrives is what was sent, whatever happens on the way."""

from __future__ import annotations

import json
import os
import tracemalloc
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ragkit.api.errors import PermissionDenied
from ragkit.api.wire import HttpRequest, HttpResponse
from ragkit.engine import media as engine_media
from ragkit.engine.media_limits import MediaLimits
from ragkit.service import upload_sessions
from ragkit.service.authentication import authenticate
from ragkit.service.registry import Principal

from .conftest import Api
from .uploading import Broken, Trickle, Uploads, file_of, holds, opened, related

UNIT = 256 * 1024
SLOW_FIXTURE = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture
def uploads(tmp_path):
    yield from opened(tmp_path / "data")


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    yield from opened(tmp_path_factory.mktemp("uploads") / "data")


def error_of(reply: HttpResponse) -> dict[str, Any]:
    return Api.envelope(reply)


# --- one request -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "headers"),
    [
        ({"uploadType": "media"}, {"Content-Type": "image/png"}),
        ({"upload_protocol": "raw"}, {"Content-Type": "image/png"}),
        ({}, {"X-Goog-Upload-Protocol": "raw", "X-Goog-Upload-Header-Content-Type": "image/png"}),
    ],
)
@pytest.mark.parametrize("content", [b"", b"x", bytes(range(256)) * 9000])
def test_a_raw_body_is_the_file(uploads, query, headers, content):
    file = file_of(uploads.send(query=query, headers=headers, body=content))
    holds(uploads, file, content)
    assert file["mimeType"] == "image/png"
    assert file["source"] == "UPLOADED"
    assert len(uploads.blobs()) == 1


@pytest.mark.parametrize(
    ("query", "headers"),
    [
        ({"uploadType": "multipart"}, {"Content-Type": 'multipart/related; boundary="=b=1="'}),
        (
            {},
            {
                "x-goog-upload-protocol": "multipart",
                "content-type": "Multipart/Related; boundary==b=1=; type=x",
            },
        ),
        ({"uploadType": "multipart"}, {"Content-Type": 'multipart/form-data; boundary="=b=1="'}),
    ],
)
@pytest.mark.parametrize("line", [b"\n", b"\r\n"])
def test_multipart_is_a_description_and_the_file(uploads, query, headers, line):
    metadata = b'{"file": {"name": "files/mine", "display_name": "Mine", "mime_type": "a/b"}}'
    body = related(metadata, b"content\r\n", "text/markdown", b"=b=1=", line)
    file = file_of(uploads.send(query=query, headers=headers, body=body))
    assert (file["name"], file["displayName"]) == ("files/mine", "Mine")
    assert file["mimeType"] == "text/markdown"
    holds(uploads, file, b"content\r\n")


MARKS = st.sampled_from([b"--b", b"--b--", b"\r\n--b--", b"\n--b\n", b"\r\n--b\r\n", b"\r", b"\n"])


@SLOW_FIXTURE
@given(
    content=st.lists(st.one_of(st.binary(max_size=40), MARKS), max_size=12).map(b"".join),
    line=st.sampled_from([b"\n", b"\r\n"]),
    size=st.sampled_from([1, 2, 7, 100]),
    preamble=st.sampled_from([b"", b"preamble --b\r\n", b"\n"]),
)
@example(b"\r\n--b--\r\n", b"\r\n", 1, b"")
@example(b"x\r", b"\n", 1, b"")
def test_any_bytes_survive_multipart_in_any_pieces(shared, content, line, size, preamble):
    reply = shared.send(
        query={"uploadType": "multipart"},
        headers={"Content-Type": "multipart/related; boundary=b"},
        body=Trickle(preamble + related(b"{}", content, "", b"b", line), size),
    )
    holds(shared, file_of(reply), content)


WHOLE = related(b'{"file": {}}', b"content", "text/plain")


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("multipart/related; boundary=b", b""),
        ("multipart/related; boundary=b", WHOLE[:-4]),
        ("multipart/related; boundary=b", WHOLE[:40]),
        ("multipart/related; boundary=b", b"--b\n\n{}\n--b--\n"),
        ("multipart/related; boundary=b", b"--bx\n\n{}\n--bx\n\nhello\n--bx--\n"),
        ("multipart/related; boundary=c", WHOLE),
        ("multipart/related", WHOLE),
        ("multipart/related; boundary=" + "b" * 300, WHOLE),
        ("application/json", WHOLE),
        ("", WHOLE),
        ("multipart/related; boundary=b", related(b"no json", b"x")),
        ("multipart/related; boundary=b", related(b'{"fil": {}}', b"x")),
        ("multipart/related; boundary=b", related(b"{}", b"x", "text")),
        ("multipart/related; boundary=b", related(b'{"file": {"name": "corpora/x"}}', b"x")),
        ("multipart/related; boundary=b", related(b"{}", b"x", "a/b\nContent-Transfer-Encoding:q")),
        ("multipart/related; boundary=b", b"--b\n" + b"x" * 2_000_000),
    ],
)
def test_a_multipart_body_that_is_none_is_refused_and_leaves_nothing(uploads, content_type, body):
    reply = uploads.send(
        query={"uploadType": "multipart"}, headers={"Content-Type": content_type}, body=body
    )
    assert error_of(reply)["status"] == "INVALID_ARGUMENT"
    assert [name for name in uploads.blobs() if not name.endswith(".lock")] == []


@pytest.mark.parametrize(
    ("verb", "query", "status"),
    [
        ("POST", {}, "INVALID_ARGUMENT"),
        ("POST", {"uploadType": "other"}, "INVALID_ARGUMENT"),
        ("GET", {"uploadType": "media"}, "NOT_FOUND"),
        ("DELETE", {}, "INVALID_ARGUMENT"),
        ("POST", {"upload_id": "made-up"}, "NOT_FOUND"),
        ("PUT", {"upload_id": "made-up"}, "NOT_FOUND"),
        ("DELETE", {"upload_id": "\ud800"}, "NOT_FOUND"),
    ],
)
def test_what_is_no_upload_is_refused(uploads, verb, query, status):
    assert error_of(uploads.send(verb, query))["status"] == status


@pytest.mark.parametrize("announced", ["8", "100000000"])
def test_a_body_that_ends_before_its_length_makes_no_file(uploads, announced):
    headers = {"Content-Type": "text/plain", "Content-Length": announced}
    reply = uploads.send(
        query={"uploadType": "media"}, headers=headers, body=Trickle(b"1234567", 3)
    )
    assert "ended after 7 bytes" in error_of(reply)["message"]
    reply = uploads.send(query={"uploadType": "media"}, body=Broken(b"1234567", 3))
    assert error_of(reply)["status"] == "UNAVAILABLE"
    assert uploads.blobs() == []


@pytest.mark.parametrize(
    ("given_type", "described", "file_name", "display_name", "expected"),
    [
        ("text/x-a", "text/x-b", "a.pdf", "a.png", "text/x-a"),
        ("", "text/x-b", "a.pdf", "a.png", "text/x-b"),
        ("", "", "a.pdf", "a.png", "application/pdf"),
        ("", "", "", "a.MD", "text/markdown"),
        ("", "", "%C3%A9t%C3%A9.jsonl", "", "application/jsonl"),
        ("", "", "a.tar.gz", "", "application/octet-stream"),
        ("", "", "", "", "application/octet-stream"),
        ("text/plain; charset=utf-8", "", "", "", "text/plain; charset=utf-8"),
    ],
)
def test_the_mime_type_is_the_one_given_else_guessed(
    uploads, given_type, described, file_name, display_name, expected
):
    headers = {"X-Goog-Upload-Header-Content-Type": given_type} if given_type else {}
    if file_name:
        headers["X-Goog-Upload-File-Name"] = file_name
    url = uploads.start({"displayName": display_name, "mimeType": described}, **headers)
    file = file_of(uploads.command(url, "upload, finalize", 0, b"x"))
    assert file["mimeType"] == expected


# --- several requests, by commands -----------------------------------------------------------


def test_a_file_comes_in_pieces_as_google_genai_sends_it(uploads):
    content = os.urandom(3 * UNIT + 5)
    described = {"displayName": "d", "mimeType": "video/mp4", "sizeBytes": len(content)}
    url = uploads.start(described, len(content))
    for offset in range(0, 3 * UNIT, UNIT):
        reply = uploads.command(url, "upload", offset, content[offset : offset + UNIT])
        assert (reply.status, reply.body) == (200, b"")
        assert reply.headers["x-goog-upload-status"] == "active"
        assert reply.headers["x-goog-upload-size-received"] == str(offset + UNIT)
    reply = uploads.command(url, "upload, finalize", 3 * UNIT, content[3 * UNIT :])
    assert reply.headers["x-goog-upload-status"] == "final"
    file = file_of(reply)
    holds(uploads, file, content)
    assert file["mimeType"] == "video/mp4"
    for again in (
        uploads.command(url, "query"),
        uploads.command(url, "upload, finalize", 3 * UNIT, content[3 * UNIT :]),
        uploads.command(url, "finalize"),
    ):
        assert again.headers["x-goog-upload-status"] == "final"
        assert file_of(again) == file
    assert len(uploads.blobs()) == 1


def test_what_does_not_fit_is_refused_and_the_upload_goes_on(uploads):
    content = os.urandom(2 * UNIT)
    url = uploads.start({"name": "files/f"}, len(content))
    assert uploads.command(url, "upload", 0, content[:UNIT]).status == 200
    refused = [
        ("upload", UNIT + 1, b""),
        ("upload, finalize", 2 * UNIT, b""),
        ("upload", UNIT, b"x"),
        ("upload", None, bytes(UNIT)),
        ("upload", 0, bytes(UNIT)),  # other bytes than those that came before
        ("upload, finalize", UNIT, content[UNIT:] + b"x"),
        ("upload, finalize", UNIT, content[UNIT:-1]),
        ("upload, finalize", 0, content[:UNIT]),
        ("finalize", None, b""),
        ("finalize", None, b"x"),
        ("start", None, b""),
        ("upload, query", 0, b""),
        ("upload", "x", b""),
    ]
    for command, offset, body in refused:
        reply = uploads.command(url, command, offset, body)
        assert error_of(reply)["status"] == "INVALID_ARGUMENT", (command, offset, len(body))
    received = int(uploads.command(url, "query").headers["x-goog-upload-size-received"])
    reply = uploads.command(url, "upload, finalize", received, content[received:])
    holds(uploads, file_of(reply), content)


def test_a_gap_is_told_with_what_was_received(uploads):
    url = uploads.start()
    uploads.command(url, "upload", 0, bytes(UNIT))
    reply = uploads.command(url, "upload", 2 * UNIT, bytes(UNIT))
    assert error_of(reply)["status"] == "INVALID_ARGUMENT"
    assert reply.headers["x-goog-upload-status"] == "active"
    assert reply.headers["x-goog-upload-size-received"] == str(UNIT)


def test_a_cancelled_upload_is_gone_with_its_bytes(uploads):
    url = uploads.start()
    uploads.command(url, "upload", 0, bytes(UNIT))
    assert uploads.command(url, "cancel").headers["x-goog-upload-status"] == "cancelled"
    assert uploads.blobs() == []
    for command in ("query", "cancel", "finalize"):
        assert error_of(uploads.command(url, command))["status"] == "NOT_FOUND"
    finished = uploads.start()
    file = file_of(uploads.command(finished, "upload, finalize", 0, b"x"))
    reply = uploads.command(finished, "cancel")
    assert error_of(reply)["status"] == "FAILED_PRECONDITION"
    holds(uploads, file, b"x")


def test_a_taken_name_is_told_at_the_beginning_and_at_the_end(uploads):
    early, late = uploads.start({"name": "files/f"}), uploads.start({"name": "files/f"})
    file = file_of(uploads.command(early, "upload, finalize", 0, b"first"))
    for _ in range(2):
        reply = uploads.command(late, "upload, finalize", 0, b"second")
        assert error_of(reply)["status"] == "ALREADY_EXISTS"
    sent = {"X-Goog-Upload-Protocol": "resumable", "X-Goog-Upload-Command": "start"}
    reply = uploads.send(headers=sent, body=b'{"file": {"name": "files/f"}}')
    assert error_of(reply)["status"] == "ALREADY_EXISTS"
    holds(uploads, file, b"first")
    Api(uploads.service).delete("files/f")
    reply = uploads.command(late, "upload, finalize", 0, b"second")
    holds(uploads, file_of(reply), b"second")


def test_an_upload_belongs_to_who_began_it(uploads):
    ann, bob = Principal("ann@example.org"), Principal("bob@example.org")
    url = uploads.start({"name": "files/anns"}, principal=ann)
    for command in ("query", "upload, finalize", "cancel"):
        reply = uploads.command(url, command, 0, b"", bob)
        assert error_of(reply)["status"] == "NOT_FOUND"
    file_of(uploads.command(url, "upload, finalize", 0, b"x", ann))
    api = Api(uploads.service)
    assert api.by("ann@example.org").get("files/anns")
    api.by("bob@example.org").refused("NOT_FOUND", "GET", "files/anns")


def test_a_url_is_enough_where_keys_are_required(uploads):
    url = uploads.start(principal=Principal("ann@example.org"))
    query = [("upload_id", url.partition("upload_id=")[2])]
    engine = uploads.service.engine
    asked = HttpRequest("PUT", "/upload/v1beta/files", query)
    assert authenticate(engine, asked, keys_required=True).email == "ann@example.org"
    for path, pairs in (
        ("/v1beta/files", query),
        ("/upload/v1beta/files", [("upload_id", "made-up")]),
        ("/upload/v1beta/files", [*query, ("upload_id", "")]),
        ("/upload/v1beta/files", []),
    ):
        with pytest.raises(PermissionDenied):
            authenticate(engine, HttpRequest("POST", path, pairs), keys_required=True)


FAULT = st.one_of(
    st.just(("", 0)),
    st.tuples(st.just("cut"), st.integers(0, 400)),
    st.tuples(st.sampled_from(["lost", "again", "restart", "query"]), st.just(0)),
)


@SLOW_FIXTURE
@given(
    content=st.binary(max_size=600),
    pieces=st.lists(st.tuples(st.integers(0, 250), FAULT), max_size=10),
    last=st.lists(FAULT, max_size=3),
    announced=st.booleans(),
    overlap=st.integers(0, 50),
)
@example(bytes(300), [(250, ("cut", 100)), (20, ("restart", 0))], [("lost", 0)], True, 10)
def test_by_commands_any_cutting_and_any_interruption_gives_the_same_file(
    shared, content, pieces, last, announced, overlap
):
    with (
        patch.object(upload_sessions, "GRANULARITY", 1),
        patch.object(engine_media, "_CHECKPOINT_BYTES", 100),
    ):
        url = start_with_any_granularity(shared, len(content) if announced else None)
        offset = 0
        for size, fault in pieces:
            start = max(0, offset - overlap)
            piece = content[start : offset + size]
            offset = send_faulty(shared, url, "upload", start, piece, fault)
            assert offset <= len(content)
        for fault in [*last, ("", 0)]:
            reply = shared.command(url, "query")
            if reply.headers["x-goog-upload-status"] == "final":
                break
            offset = int(reply.headers["x-goog-upload-size-received"])
            send_faulty(shared, url, "upload, finalize", offset, content[offset:], fault)
        file = file_of(shared.command(url, "query"))
        holds(shared, file, content)


def start_with_any_granularity(uploads: Uploads, size: int | None) -> str:
    sent = {"X-Goog-Upload-Protocol": "resumable", "X-Goog-Upload-Command": "start"}
    if size is not None:
        sent["X-Goog-Upload-Header-Content-Length"] = str(size)
    return uploads.send(headers=sent).headers["x-goog-upload-url"]


def send_faulty(
    uploads: Uploads, url: str, command: str, offset: int, piece: bytes, fault: tuple[str, int]
) -> int:
    """Send a piece with a fault; returns how many bytes the service says that it has then."""
    kind, at = fault
    if kind == "cut" and at < len(piece):
        reply = uploads.command(url, command, offset, Broken(piece, at))
        assert reply.status == 503
    else:
        for _ in range(2 if kind == "again" else 1):
            reply = uploads.command(url, command, offset, piece)
            assert reply.status == 200, reply.body
    if kind == "restart":
        uploads.restart()
    reply = uploads.command(url, "query")
    return int(reply.headers["x-goog-upload-size-received"])


# --- several requests, by ranges -------------------------------------------------------------


def test_ranges_are_answered_by_308_as_google_api_python_client_expects(uploads):
    content = os.urandom(1000)
    url = uploads.location(
        {"displayName": "d"},
        **{"X-Upload-Content-Type": "text/csv", "X-Upload-Content-Length": "1000"},
    )
    assert uploads.range(url, "bytes */1000").status == 308
    assert "range" not in uploads.range(url, "bytes */*").headers
    reply = uploads.range(url, "bytes 0-399/1000", content[:400])
    assert (reply.status, reply.headers["range"]) == (308, "bytes=0-399")
    uploads.restart()
    reply = uploads.range(url, "bytes */1000")
    assert (reply.status, reply.headers["range"]) == (308, "bytes=0-399")
    reply = uploads.range(url, "bytes 400-999/1000", content[400:])
    file = file_of(reply)
    holds(uploads, file, content)
    assert (file["mimeType"], file["displayName"]) == ("text/csv", "d")
    assert file_of(uploads.range(url, "bytes */1000")) == file
    assert file_of(uploads.range(url, "bytes 400-999/1000", content[400:])) == file


def test_a_range_without_a_size_may_be_followed_by_one_that_tells_it(uploads):
    url = uploads.location()
    assert uploads.range(url, "bytes 0-2/*", b"abc").status == 308
    assert uploads.range(url, "bytes 3-5/*", b"def").status == 308
    holds(uploads, file_of(uploads.range(url, "bytes 6-6/7", b"g")), b"abcdefg")
    url = uploads.location()
    uploads.range(url, "bytes 0-2/*", b"abc")
    holds(uploads, file_of(uploads.range(url, "bytes */3")), b"abc")
    url = uploads.location()
    uploads.range(url, "bytes 0-2/*", b"abc")
    holds(uploads, file_of(uploads.range(url, "bytes 3-2/3")), b"abc")


@pytest.mark.parametrize("content", [b"", b"all of it"])
def test_a_put_without_a_range_is_all_of_the_file(uploads, content):
    url = uploads.location()
    holds(uploads, file_of(uploads.to(url, "PUT", {}, content)), content)


@pytest.mark.parametrize(
    ("content_range", "body"),
    [
        ("bytes 3-5/6", b"ef"),
        ("bytes 3-5/6", b"efgh"),
        ("bytes 4-5/6", b"gh"),
        ("bytes 3-8/6", b"efghij"),
        ("bytes 0-2/7", b"abc"),
        ("bytes 0-2/6", b"xyz"),
        ("bytes */7", b""),
        ("bytes */6", b"x"),
        ("bytes 5-3/6", b""),
        ("bytes=3-", b"def"),
        ("items 3-5/6", b"def"),
        ("bytes 3-99999999999999999999/*", b"def"),
    ],
)
def test_a_range_that_does_not_fit_is_refused_and_the_upload_goes_on(uploads, content_range, body):
    url = uploads.location(None, **{"X-Upload-Content-Length": "6"})
    uploads.range(url, "bytes 0-2/6", b"abc")
    reply = uploads.range(url, content_range, body)
    if content_range != "bytes */7":  # asks, and asking changes nothing
        assert error_of(reply)["status"] == "INVALID_ARGUMENT"
    holds(uploads, file_of(uploads.range(url, "bytes 3-5/6", b"def")), b"abcdef")


def test_a_delete_gives_an_upload_up(uploads):
    url = uploads.location()
    uploads.range(url, "bytes 0-2/*", b"abc")
    assert uploads.to(url, "DELETE").status == 200
    assert error_of(uploads.range(url, "bytes */*"))["status"] == "NOT_FOUND"
    assert uploads.blobs() == []


@SLOW_FIXTURE
@given(
    content=st.binary(max_size=600),
    pieces=st.lists(st.tuples(st.integers(1, 250), FAULT), max_size=10),
    known=st.booleans(),
)
def test_by_ranges_any_cutting_and_any_interruption_gives_the_same_file(
    shared, content, pieces, known
):
    url = shared.location()
    total = str(len(content)) if known else "*"
    offset = 0
    for size, (kind, at) in pieces:
        piece = content[offset : offset + size]
        if not piece:
            break
        said = f"bytes {offset}-{offset + len(piece) - 1}/{total}"
        if kind == "cut" and at < len(piece):
            assert shared.range(url, said, Broken(piece, at)).status == 503
        else:
            for _ in range(2 if kind == "again" else 1):
                assert shared.range(url, said, piece).status in (200, 308)
        if kind == "restart":
            shared.restart()
        reply = shared.range(url, "bytes */*")
        if reply.status == 200:
            break
        received = reply.headers.get("range", "bytes=0--1").rpartition("bytes=0-")[2]
        offset = int(received) + 1
    reply = shared.range(url, "bytes */*")
    if reply.status == 308:
        rest = f"bytes {offset}-{len(content) - 1}/{len(content)}"
        reply = shared.range(
            url, rest if offset < len(content) else f"bytes */{len(content)}", content[offset:]
        )
    holds(shared, file_of(reply), content)


# --- memory ----------------------------------------------------------------------------------


class Zeros(Trickle):
    """Very many bytes that take no memory."""

    def __init__(self, size: int) -> None:
        super().__init__(b"", 1)
        self.left = size

    def read(self, size: int | None = -1, /) -> bytes:
        piece = bytes(min(self.left, size or 0))
        self.left -= len(piece)
        return piece


@pytest.mark.parametrize("several", [False, True])
def test_memory_does_not_grow_with_the_file(uploads, several):
    size = 200 * 1024 * 1024
    url = uploads.start(None, size) if several else ""
    tracemalloc.start()
    try:
        if several:
            reply = uploads.command(url, "upload, finalize", 0, Zeros(size))
        else:
            reply = uploads.send(query={"uploadType": "media"}, body=Zeros(size))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert file_of(reply)["sizeBytes"] == str(size)
    assert peak < 16 * 1024 * 1024


def test_replies_name_the_upload_by_the_base_url(uploads):
    url = uploads.start()
    assert url.startswith("http://ragkit.test:8080/upload/v1beta/files?")
    file = json.loads(uploads.command(url, "upload, finalize", 0, b"x").body)["file"]
    assert file["uri"] == f"http://ragkit.test:8080/v1beta/{file['name']}"


@pytest.mark.parametrize("path", ["/upload/v1/files", "/upload/v1beta/files"])
def test_uploads_go_to_v1_too_as_google_genai_sends_them(uploads, path):
    request = HttpRequest("POST", path, [("uploadType", "media")], {}, b"content")
    name = json.loads(uploads.service.dispatch(request).body)["file"]["name"]
    shown = uploads.service.dispatch(HttpRequest("GET", f"/v1/{name}"))
    assert json.loads(shown.body)["sizeBytes"] == "7"
    reply = uploads.service.dispatch(HttpRequest("POST", f"{path}/more", request.query))
    assert error_of(reply)["status"] == "NOT_FOUND"


# --- several processes -----------------------------------------------------------------------


def test_two_services_may_take_turns(tmp_path):
    one, two = Uploads(tmp_path / "data"), Uploads(tmp_path / "data")
    content = os.urandom(5 * UNIT)
    url = one.start()
    for number, uploads in enumerate((one, two, one, two)):
        piece = content[number * UNIT : (number + 1) * UNIT]
        assert uploads.command(url, "upload", number * UNIT, piece).status == 200
    holds(
        two, file_of(one.command(url, "upload, finalize", 4 * UNIT, content[4 * UNIT :])), content
    )
    one.service.close()
    two.service.close()


def test_what_one_service_could_not_record_does_not_count_in_its_hash(tmp_path):
    one, two = Uploads(tmp_path / "data"), Uploads(tmp_path / "data")
    url = one.start()
    assert one.command(url, "upload", 0, b"\1" * UNIT).status == 200
    with patch.object(one.service.engine.media, "limits", MediaLimits(total_bytes=UNIT)):
        reply = one.command(url, "upload", UNIT, b"\2" * UNIT)
        assert error_of(reply)["status"] == "FAILED_PRECONDITION"
    assert two.command(url, "upload", UNIT, b"\3" * UNIT).status == 200
    content = b"\1" * UNIT + b"\3" * UNIT
    holds(two, file_of(one.command(url, "finalize")), content)
    one.service.close()
    two.service.close()


def test_of_a_large_piece_what_came_is_recorded_meanwhile(uploads):
    url = uploads.start()
    upload_id = url.partition("upload_id=")[2]
    seen = []

    class Watched(Zeros):
        def read(self, size: int | None = -1, /) -> bytes:
            seen.append(uploads.service.engine.store.get_upload(upload_id).received)
            return super().read(size)

    megabyte = 1024 * 1024
    with patch.object(engine_media, "_CHECKPOINT_BYTES", 2 * megabyte):
        reply = uploads.command(url, "upload, finalize", 0, Watched(5 * megabyte))
    assert seen == [0, 0, 2 * megabyte, 2 * megabyte, 4 * megabyte, 4 * megabyte]
    assert file_of(reply)["sizeBytes"] == str(5 * megabyte)
