"""files: get, list, delete, expiry, room, and what a crash leaves behind."""

from __future__ import annotations

import io
import json
import os
import sqlite3
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from ragkit.api.errors import AlreadyExists, DataLoss, InvalidArgument, NotFound
from ragkit.api.wire import HttpRequest, HttpResponse
from ragkit.engine.config import ConfigError, EngineConfig, load_config
from ragkit.engine.engine import Engine
from ragkit.engine.media_limits import MediaLimits
from ragkit.service.dispatcher import Service
from ragkit.service.files import file_bytes, generated_file, open_file
from ragkit.service.registry import OWNER, Context, Principal

from .conftest import Api
from .uploading import FILE_FIELDS, Broken, Uploads, file_of, holds, opened

PAST = 1_000_000


@pytest.fixture
def uploads(tmp_path):
    yield from opened(tmp_path / "data")


def upload(
    uploads: Uploads, content: bytes = b"x", name: str = "", principal: Principal = OWNER
) -> dict[str, Any]:
    url = uploads.start({"name": name} if name else {}, principal=principal)
    reply = uploads.command(url, "upload, finalize", 0, content, principal)
    return file_of(reply)


def execute(uploads: Uploads, statement: str, *values: object) -> None:
    """Change the store from outside: time passes faster so."""
    connection = sqlite3.connect(uploads.data / "store.db")
    with connection:
        changed = connection.execute(statement, values).rowcount
    connection.close()
    assert changed > 0


def sweep(uploads: Uploads) -> None:
    """Remove what is left over, as if it had been left some time ago."""
    for path in (uploads.data / "files").iterdir():
        os.utime(path, (time.time() - 3600, time.time() - 3600))
    uploads.service.engine.media.sweep(at_once=True)


def limited(tmp_path: Path, **limits: int) -> Service:
    engine = Engine(tmp_path / "data", config=EngineConfig(files=MediaLimits(**limits)))
    engine.open()
    return Service(engine)


# --- get, list, delete -----------------------------------------------------------------------


def test_get_shows_the_file_without_a_wrapper(uploads):
    file = upload(uploads, b"content")
    shown = Api(uploads.service).get(file["name"])
    assert shown == {**file, "uri": f"/v1beta/{file['name']}"}
    assert set(shown) == {*FILE_FIELDS, "sizeBytes"}
    assert shown["createTime"] < shown["expirationTime"]


def test_list_pages_through_the_files_in_order(uploads):
    api = Api(uploads.service)
    assert api.get("files") == {}
    names = [upload(uploads)["name"] for _ in range(23)]
    assert [file["name"] for file in api.get("files")["files"]] == names[:10]
    seen, token = [], ""
    while True:
        reply = api.get("files", pageSize=5, pageToken=token)
        seen += [file["name"] for file in reply["files"]]
        token = reply.get("nextPageToken", "")
        if not token:
            break
        if len(seen) == 10:
            api.delete(names[0])
    assert seen == names
    assert len(api.get("files", pageSize=1000)["files"]) == 22
    api.refused("INVALID_ARGUMENT", "GET", "files", query={"pageSize": -1})
    api.refused("INVALID_ARGUMENT", "GET", "files", query={"pageToken": "x"})


def test_a_deleted_file_is_gone_with_its_bytes(uploads):
    api, file = Api(uploads.service), upload(uploads)
    assert api.delete(file["name"]) == {}
    assert uploads.blobs() == []
    for verb in ("GET", "DELETE"):
        message = api.refused("NOT_FOUND", verb, file["name"])
        assert "files.list" in message
    upload(uploads, name=file["name"])


@pytest.mark.parametrize("name", ["files/UPPER", "files/-x", "files/" + "x" * 41])
def test_a_name_that_cannot_be_is_refused(uploads, name):
    api = Api(uploads.service)
    api.refused("INVALID_ARGUMENT", "GET", name)
    api.refused("INVALID_ARGUMENT", "DELETE", name)
    api.refused("INVALID_ARGUMENT", "POST", "files", {"file": {"name": name}})


def test_metadata_alone_makes_an_empty_file(uploads):
    api = Api(uploads.service)
    described = {"name": "files/e", "display_name": "E", "mime_type": "text/x", "size_bytes": 9}
    file = api.post("files", {"file": described})["file"]
    assert (file["name"], file["displayName"], file["mimeType"]) == ("files/e", "E", "text/x")
    assert "sizeBytes" not in file
    assert api.get("files/e") == file
    assert uploads.content("files/e") == b""
    assert api.post("files")["file"]["name"]
    api.refused("ALREADY_EXISTS", "POST", "files", {"file": described})
    api.refused("INVALID_ARGUMENT", "POST", "files", {"file": {"displayName": "x" * 513}})
    api.refused("INVALID_ARGUMENT", "POST", "files", {"file": {"mimeType": "text"}})


def test_a_file_belongs_to_who_made_it(uploads):
    owner = Api(uploads.service)
    ann, bob = owner.by("ann@example.org"), owner.by("bob@example.org")
    annes = upload(uploads, b"a", "files/a", ann.principal)
    upload(uploads, b"b", "files/b", bob.principal)
    upload(uploads, b"o", "files/o")
    absent = ann.refused("NOT_FOUND", "GET", "files/x").replace("/x", "/b")
    for verb in ("GET", "DELETE"):
        assert ann.refused("NOT_FOUND", verb, "files/b") == absent
        ann.refused("NOT_FOUND", verb, "files/o")
    assert [file["name"] for file in ann.get("files")["files"]] == ["files/a"]
    assert [file["name"] for file in owner.get("files")["files"]] == [
        *("files/a", "files/b", "files/o"),
    ]
    with pytest.raises(NotFound):
        file_bytes(Context(uploads.service.engine, bob.principal), annes["uri"])
    ann.delete("files/a")
    owner.delete("files/b")


# --- as parts of prompts ---------------------------------------------------------------------


def test_a_file_is_found_by_its_uri_under_any_host_and_by_its_name(uploads):
    upload(uploads, b"content", "files/f")
    context = Context(uploads.service.engine)
    for uri in (
        "files/f",
        "/v1beta/files/f",
        "http://127.0.0.1:1/v1beta/files/f",
        "https://generativelanguage.googleapis.com/v1beta/files/f?key=1",
        "https://example.org/v1/files/f",
    ):
        assert file_bytes(context, uri) == (b"content", "application/octet-stream")
    for uri in ("", "f", "gs://bucket/files/f/x", "https://example.org/x/files/f", "\0", "files/F"):
        with pytest.raises(InvalidArgument) as raised:
            file_bytes(context, uri, "contents[0].parts[0].fileData.fileUri")
        assert "contents[0].parts[0].fileData.fileUri" in str(raised.value)
    with pytest.raises(NotFound, match="upload it again"):
        file_bytes(context, "files/absent")


def test_a_file_can_be_read_on_while_it_is_deleted(uploads):
    upload(uploads, b"content", "files/f")
    file, record = open_file(Context(uploads.service.engine), "files/f")
    with file:
        Api(uploads.service).delete("files/f")
        assert file.read() == b"content"
    assert record.id == "f"


def test_bytes_that_were_deleted_from_outside_are_data_loss(uploads):
    upload(uploads, b"content", "files/f")
    (uploads.data / "files" / uploads.blobs()[0]).unlink()
    url = uploads.start()
    uploads.command(url, "upload", 0, bytes(262144))
    for path in (uploads.data / "files").glob("*.part"):
        path.unlink()
    reply = uploads.command(url, "finalize")
    assert Api.envelope(reply)["status"] == "DATA_LOSS"
    with pytest.raises(DataLoss):
        file_bytes(Context(uploads.service.engine), "files/f")


def test_a_generated_file_is_made_once(uploads):
    context = Context(uploads.service.engine)
    for _ in range(2):
        name = generated_file(
            context, "batch-1", "Responses", "application/jsonl", [b"1\n", b"2\n"]
        )
    assert name == "files/batch-1"
    assert uploads.content(name) == b"1\n2\n"
    shown = Api(uploads.service).get(name)
    assert (shown["source"], shown["mimeType"]) == ("GENERATED", "application/jsonl")
    other = Context(uploads.service.engine, Principal("bob@example.org"))
    with pytest.raises(AlreadyExists):
        generated_file(other, "batch-1", "Responses", "application/jsonl", [b""])


# --- expiry ----------------------------------------------------------------------------------


def test_an_expired_file_is_absent_at_once_and_swept_later(uploads):
    api = Api(uploads.service)
    upload(uploads, b"old", "files/f")
    kept = upload(uploads, b"kept", "files/kept")
    execute(uploads, "UPDATE files SET expire_time = ? WHERE id = 'f'", PAST)
    for verb in ("GET", "DELETE"):
        api.refused("NOT_FOUND", verb, "files/f")
    assert [file["name"] for file in api.get("files")["files"]] == ["files/kept"]
    with pytest.raises(NotFound):
        uploads.content("files/f")
    assert len(uploads.blobs()) == 2
    sweep(uploads)
    assert len(uploads.blobs()) == 1
    holds(uploads, kept, b"kept")


def test_the_name_of_an_expired_file_can_be_taken_again(uploads):
    upload(uploads, b"old", "files/f")
    execute(uploads, "UPDATE files SET expire_time = ?", PAST)
    holds(uploads, upload(uploads, b"new", "files/f"), b"new")
    sweep(uploads)
    assert len(uploads.blobs()) == 1
    assert uploads.content("files/f") == b"new"


def test_an_expired_upload_is_absent_and_swept(uploads):
    url = uploads.start()
    uploads.command(url, "upload", 0, bytes(262144))
    sweep(uploads)
    assert uploads.blobs()
    execute(uploads, "UPDATE uploads SET expire_time = ?", PAST)
    for command in ("query", "finalize", "cancel"):
        assert Api.envelope(uploads.command(url, command))["status"] == "NOT_FOUND"
    sweep(uploads)
    assert uploads.blobs() == []


def test_a_piece_makes_an_upload_live_longer(uploads):
    url = uploads.start()
    soon = time.time_ns() // 1000 + 60_000_000
    execute(uploads, "UPDATE uploads SET expire_time = ?", soon)
    uploads.command(url, "upload", 0, bytes(262144))
    left = uploads.service.engine.store.get_upload(url.partition("upload_id=")[2]).expire_time
    assert left > soon + 3600 * 1_000_000


# --- what a crash leaves ---------------------------------------------------------------------


def test_what_belongs_to_no_row_is_swept_and_nothing_else(uploads):
    file, url = upload(uploads, b"content"), uploads.start()
    uploads.command(url, "upload", 0, b"\1" * 262144)
    folder = uploads.data / "files"
    for name in ("0" * 32, "1" * 32 + ".part", "2" * 32 + ".lock"):
        (folder / name).write_bytes(b"left by a crash")
    (folder / "notes.txt").write_bytes(b"somebody's")
    complete = next(path for path in folder.iterdir() if path.stat().st_size == 7)
    complete.with_suffix(".lock").touch()  # as of a writer killed at the very end
    before = uploads.blobs()
    uploads.service.engine.media.sweep(at_once=True)
    assert uploads.blobs() == before, "what is new may be about to get its row"
    sweep(uploads)
    assert set(before) - set(uploads.blobs()) == {
        *("0" * 32, "1" * 32 + ".part", "2" * 32 + ".lock", f"{complete.name}.lock"),
    }
    assert (folder / "notes.txt").exists()
    holds(uploads, file, b"content")
    reply = uploads.command(url, "upload, finalize", 262144, b"end")
    holds(uploads, file_of(reply), b"\1" * 262144 + b"end")


def test_what_is_being_written_is_not_swept(uploads):
    read, go_on = threading.Event(), threading.Event()

    class Slow(Broken):
        def __init__(self) -> None:
            super().__init__(b"content", 7)
            self.done = False

        def read(self, size: int | None = -1, /) -> bytes:
            if self.done:
                return b""
            self.done = True
            read.set()
            assert go_on.wait(30)
            return b"content"

    replies = []
    thread = threading.Thread(
        target=lambda: replies.append(uploads.send(query={"uploadType": "media"}, body=Slow()))
    )
    thread.start()
    assert read.wait(30)
    sweep(uploads)
    go_on.set()
    thread.join()
    holds(uploads, file_of(replies[0]), b"content")


def test_a_blob_that_was_completed_but_not_recorded_is_completed_again(uploads):
    url = uploads.start()
    uploads.command(url, "upload", 0, b"\1" * 262144)
    part = next((uploads.data / "files").glob("*.part"))
    part.rename(part.with_suffix(""))  # as after a crash between the rename and the row
    uploads.restart()
    assert uploads.command(url, "query").headers["x-goog-upload-size-received"] == "262144"
    reply = uploads.command(url, "upload, finalize", 262144, b"end")
    holds(uploads, file_of(reply), b"\1" * 262144 + b"end")


def test_bytes_that_were_not_acknowledged_do_not_count(uploads):
    url = uploads.start()
    uploads.command(url, "upload", 0, b"\1" * 262144)
    part = next((uploads.data / "files").glob("*.part"))
    with part.open("ab") as file:
        file.write(b"written, but not recorded when the process ended")
    uploads.restart()
    reply = uploads.command(url, "upload, finalize", 262144, b"end")
    holds(uploads, file_of(reply), b"\1" * 262144 + b"end")


def test_requests_at_the_same_time_for_one_upload_do_not_mix(uploads):
    content = os.urandom(262144 * 4)
    url = uploads.start(None, len(content))

    def send():
        offset = 0
        while offset < len(content):
            end = offset + 262144
            command = "upload, finalize" if end == len(content) else "upload"
            reply = uploads.command(url, command, offset, content[offset:end])
            assert reply.status == 200, reply.body
            offset = end

    with ThreadPoolExecutor(4) as threads:
        for sent in [threads.submit(send) for _ in range(4)]:
            sent.result()
    holds(uploads, file_of(uploads.command(url, "query")), content)
    assert len(Api(uploads.service).get("files")["files"]) == 1
    assert [name for name in uploads.blobs() if name.endswith(".part")] == []


# --- limits ----------------------------------------------------------------------------------


def send_media(service: Service, content: bytes, **headers: str) -> HttpResponse:
    request = HttpRequest(
        "POST", "/upload/v1beta/files", [("uploadType", "media")], headers, content
    )
    return service.dispatch(request)


def test_a_file_that_is_too_large_is_refused_as_soon_as_that_is_known(tmp_path):
    service = limited(tmp_path, file_bytes=1000)
    assert send_media(service, bytes(1000)).status == 200
    refused = send_media(service, bytes(1001))
    assert "1,000 bytes" in Api.envelope(refused)["message"]
    service.close()

    class Endless(io.BytesIO):
        def seekable(self):
            return False

        def read(self, size: int | None = -1, /) -> bytes:
            return b"x" * 400

    service = limited(tmp_path, file_bytes=1000)
    request = HttpRequest("POST", "/upload/v1beta/files", [("uploadType", "media")])
    reply = service.open(request, media=Endless())
    assert isinstance(reply, HttpResponse)
    assert Api.envelope(reply)["status"] == "INVALID_ARGUMENT"
    assert len(list((tmp_path / "data" / "files").iterdir())) == 1
    service.close()


def test_all_files_together_have_limited_room(tmp_path):
    service = limited(tmp_path, total_bytes=1000)
    first = file_name(send_media(service, bytes(600)))
    assert send_media(service, bytes(400)).status == 200
    reply = send_media(service, b"x")
    assert Api.envelope(reply)["status"] == "FAILED_PRECONDITION"
    Api(service).delete(first)
    assert send_media(service, bytes(600)).status == 200
    service.close()


def test_uploads_under_way_count_as_room_taken(tmp_path):
    uploads = Uploads(tmp_path / "data")
    uploads.service.close()
    uploads.service = limited(tmp_path, total_bytes=500_000)
    first, second = uploads.start(), uploads.start()
    assert uploads.command(first, "upload", 0, bytes(262144)).status == 200
    reply = uploads.command(second, "upload", 0, bytes(262144))
    assert Api.envelope(reply)["status"] == "FAILED_PRECONDITION"
    assert uploads.command(second, "query").headers["x-goog-upload-size-received"] == "0"
    uploads.command(first, "cancel")
    assert uploads.command(second, "upload", 0, bytes(262144)).status == 200
    sent = {"X-Goog-Upload-Protocol": "resumable", "X-Goog-Upload-Command": "start"}
    reply = uploads.send(headers={**sent, "X-Goog-Upload-Header-Content-Length": "500001"})
    assert Api.envelope(reply)["status"] == "FAILED_PRECONDITION"
    uploads.service.close()


def file_name(reply: HttpResponse) -> str:
    return str(json.loads(reply.body)["file"]["name"])


def test_the_limits_can_be_configured(tmp_path):
    path = tmp_path / "ragkit.toml"
    path.write_text("[files]\nfile_bytes = 5\nfile_hours = 0.5\n")
    assert load_config(tmp_path, {}).files == MediaLimits(file_bytes=5, file_seconds=1800)
    for wrong in ("file_bytes = 0", 'total_bytes = "many"', "hours = 1", "upload_hours = inf"):
        path.write_text(f"[files]\n{wrong}\n")
        with pytest.raises(ConfigError, match=r"files\."):
            load_config(tmp_path, {})
    path.write_text("files = 5\n")
    with pytest.raises(ConfigError, match="files"):
        load_config(tmp_path, {})
