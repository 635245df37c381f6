"""A real `ragkit serve` process for tests."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from ragkit.client import Client, connect

from .conftest import command, environment

START_SECONDS = 60


@dataclass
class Server:
    """A server that accepts requests; its log is read when it has ended."""

    process: subprocess.Popen[str]
    url: str
    errors: Path
    api_key: str | None = None
    http: httpx.Client = field(init=False)

    def __post_init__(self) -> None:
        self.http = httpx.Client(base_url=self.url, timeout=60)

    def client(self, **options: Any) -> Client:
        """ragkit's own client of this server."""
        return connect(url=self.url, **options)

    def stop(self, kind: signal.Signals = signal.SIGTERM, seconds: float = 60) -> int:
        """Send a signal and wait for the end; returns the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(kind)
        return self.process.wait(seconds)

    @property
    def stderr(self) -> str:
        return self.errors.read_text(encoding="utf-8")

    @property
    def log(self) -> list[dict[str, Any]]:
        """The lines of its log."""
        return [json.loads(line) for line in self.stderr.splitlines() if line.startswith("{")]

    @property
    def access(self) -> list[dict[str, Any]]:
        """The lines of its access log."""
        return [line for line in self.log if line["logger"] == "ragkit.server.access"]


@contextmanager
def serving(data: Path, errors: Path, *options: str, **variables: str) -> Iterator[Server]:
    """Run `ragkit serve` over a data folder at a free port.

    Arguments:
        data: the data folder.
        errors: the file that its stderr is written to.
        options: further options.
        variables: further environment variables.
    """
    with errors.open("w") as log:
        process = subprocess.Popen(
            command("serve", "--port", "0", "--json", *options),
            env=environment(data) | variables,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
    server: Server | None = None
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, f"no server: {errors.read_text()}"
        server = Server(process, json.loads(line)["url"], errors)
        yield server
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        if process.stdout is not None:
            process.stdout.close()
        if server is not None:
            server.http.close()
        assert "Traceback" not in errors.read_text(encoding="utf-8")
