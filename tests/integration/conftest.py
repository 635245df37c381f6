"""What integration tests share: a service over HTTP, the command line, files to ingest."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from ragkit.api.wire import HttpRequest
from ragkit.client import Client, connect
from ragkit.service import open_service

ROOT = Path(__file__).resolve().parents[2]
LIBRARY = ROOT / "examples" / "library"


@dataclass(frozen=True)
class Finished:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Ragkit = Callable[..., Finished]


def environment(data: Path) -> dict[str, str]:
    """The environment for a ragkit process: its own data folder and no settings of the user's."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("RAGKIT_")}
    for variable in ("GEMINI_API_KEY", "GOOGLE_API_KEY"):
        kept.pop(variable, None)
    return {**kept, "RAGKIT_DATA": str(data), "COLUMNS": "100"}


def command(*arguments: str | Path) -> list[str]:
    """The command line that runs ragkit in this test's environment."""
    return [sys.executable, "-m", "ragkit", *(os.fspath(argument) for argument in arguments)]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def ragkit(data: Path) -> Ragkit:
    """Runs `ragkit` as a process of its own over the test's data folder."""

    def run(*arguments: str | Path, stdin: str | None = None, **variables: str) -> Finished:
        done = subprocess.run(
            command(*arguments),
            env=environment(data) | variables,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert "Traceback" not in done.stderr, done.stderr
        return Finished(done.returncode, done.stdout, done.stderr)

    return run


@pytest.fixture
def client(data: Path) -> Iterator[Client]:
    with connect(data=data) as opened:
        yield opened


@pytest.fixture
def served(data: Path) -> Iterator[str]:
    """The URL at which the embedded service of the test's data folder is served over HTTP."""
    service = open_service(data)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            target = urlsplit(self.path)
            length = int(self.headers.get("content-length") or 0)
            reply = service.dispatch(
                HttpRequest(
                    verb=self.command,
                    path=target.path,
                    query=parse_qsl(target.query, keep_blank_values=True),
                    headers={key.lower(): value for key, value in self.headers.items()},
                    body=self.rfile.read(length),
                )
            )
            self.send_response(reply.status)
            for key, value in reply.headers.items():
                self.send_header(key, value)
            self.send_header("content-length", str(len(reply.body)))
            self.end_headers()
            self.wfile.write(reply.body)

        do_GET = do_POST = do_PATCH = do_DELETE = answer  # noqa: N815 - http.server's names

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        service.close()
