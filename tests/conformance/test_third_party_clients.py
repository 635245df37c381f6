"""Unmodified clients of Google's API against a real `ragkit serve`, each in its own environment.

`sh tests/clients/install.sh` makes the environments; a client without one is skipped, or fails if
RAGKIT_CLIENTS_REQUIRED is set. What a client reached is read from the server's access log, and
compared with what `tests/clients/results` has recorded, from which docs/clients.md is made:

    RAGKIT_CLIENTS_RECORD=1 pytest tests/conformance/test_third_party_clients.py
    python -m tests.clients.table
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from ragkit import admin
from ragkit.api.errors import NotFound
from ragkit.service.dispatcher import is_upload
from ragkit.service.routing import Router
from tests.clients.catalogue import CLIENTS, FOLDER, Client
from tests.clients.scripted import script
from tests.clients.tls_front import tls_front
from tests.fake_openai import fake_openai
from tests.integration.server_process import Server, serving

SECONDS = 150
_ROUTER = Router()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as one:
        return int(one.getsockname()[1])


class Servers:
    """The servers that a client is run against: one with a generator and keys, one bare."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.data = folder / "data"
        self.keys = {
            "OWNER": admin.create_key(self.data, owner=True)[0],
            "ANN": admin.create_key(self.data, "ann@example.org")[0],
            "BEN": admin.create_key(self.data, "ben@example.org")[0],
        }
        fake = stack.enter_context(fake_openai(script))
        (self.data / "ragkit.toml").write_text(
            f'[generators.scripted]\nkind = "openai"\nurl = "{fake.url}"\n'
            'model = "scripted"\nretries = 0\ntools = true\n',
            encoding="utf-8",
        )
        port = free_port()
        # The description that clients read names the address, also if they came by a proxy.
        options = ("--port", str(port), "--base-url", f"http://127.0.0.1:{port}")
        self.main = stack.enter_context(serving(self.data, folder / "main.log", *options))
        self.bare = stack.enter_context(serving(folder / "bare", folder / "bare.log"))

    def environment(self) -> dict[str, str]:
        """What the program is told."""
        keys = {f"RAGKIT_CLIENTS_{name}_KEY": key for name, key in self.keys.items()}
        return {
            **keys,
            "RAGKIT_CLIENTS_URL": self.main.url,
            "RAGKIT_CLIENTS_BARE_URL": self.bare.url,
            "RAGKIT_CLIENTS_DATA": str(self.data),
        }


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[Servers]:
    with ExitStack() as stack:
        yield Servers(tmp_path, stack)


@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.name)
def test_a_client(client: Client, tmp_path: Path, servers: Servers) -> None:
    if not client.installed:
        reason = f"no environment for {client.name}: sh tests/clients/install.sh makes it"
        if os.environ.get("RAGKIT_CLIENTS_REQUIRED"):
            pytest.fail(reason)
        pytest.skip(reason)
    report = tmp_path / "report.json"
    with ExitStack() as stack:
        variables = {**servers.environment(), "RAGKIT_CLIENTS_REPORT": str(report)}
        if client.behind_proxy:
            address = urlsplit(servers.main.url)
            assert address.hostname is not None
            assert address.port is not None
            front = stack.enter_context(tls_front((address.hostname, address.port), tmp_path))
            variables |= {"https_proxy": front.url, "no_proxy": "127.0.0.1"}
            variables |= {"HTTPLIB2_CA_CERTS": str(front.certificate)}
        done = subprocess.run(
            [client.python, "-W", "ignore", FOLDER / f"{client.program}_program.py"],
            env=clean_environment(tmp_path) | variables,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
    assert report.exists(), done.stderr[-5000:]
    found = json.loads(report.read_text(encoding="utf-8"))
    problems = [f"{one['check']}\n{one['problem']}" for one in found["checks"] if one["problem"]]
    assert not problems, "\n".join(problems)
    assert done.returncode == 0, done.stderr[-5000:]
    assert servers.main.stop() == 0
    faults = [line for line in servers.main.log if line["level"] in ("ERROR", "CRITICAL")]
    assert not faults, "the server found a fault in itself"
    result = summary(client, found, servers.main)
    if os.environ.get("RAGKIT_CLIENTS_RECORD"):
        text = json.dumps(result, indent=1, ensure_ascii=False) + "\n"
        client.results.write_text(text, encoding="utf-8")
    assert result == json.loads(client.results.read_text(encoding="utf-8")), (
        "other results than recorded; RAGKIT_CLIENTS_RECORD=1 records them"
    )


def clean_environment(home: Path) -> dict[str, str]:
    """The environment without what would lead a client elsewhere: keys, proxies, settings."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR") if name in os.environ}
    return {**kept, "HOME": str(home), "PYTHONUTF8": "1", "PYTHONDONTWRITEBYTECODE": "1"}


def summary(client: Client, report: dict[str, Any], server: Server) -> dict[str, Any]:
    """What is recorded: the functions exercised, and the methods that the server saw."""
    methods: dict[str, set[int]] = {}
    for line in server.access:
        methods.setdefault(method_of(line["verb"], line["path"]), set()).add(line["status"])
    return {
        "version": client.version,
        "functions": sorted({one for check in report["checks"] for one in check["functions"]}),
        "checks": [check["check"] for check in report["checks"]],
        "methods": {name: sorted(statuses) for name, statuses in sorted(methods.items())},
        "statuses": report["statuses"],
    }


def method_of(verb: str, path: str) -> str:
    """The id of the method that a request was for; its path if it was for none."""
    if is_upload(path):
        return "media.upload"
    if path.endswith(":download"):
        return "media.download"
    try:
        return _ROUTER.find(verb, path)[0].id
    except NotFound:
        return f"{verb} {path}" if path.startswith("/$") else "none"
