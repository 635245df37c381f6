"""What integration tests share: a service over HTTP, the command line, files to ingest."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ragkit.client import Client, connect

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
