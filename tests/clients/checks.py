"""What the programs share: checks, the errors that they expect, and a report of both.

A program runs in its client's own environment, so this module needs nothing beside Python.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

URL = os.environ["RAGKIT_CLIENTS_URL"]
"""A server with a generator, which takes no requests without a key."""
BARE_URL = os.environ["RAGKIT_CLIENTS_BARE_URL"]
"""A server without a generator, which takes any key."""
OWNER_KEY = os.environ["RAGKIT_CLIENTS_OWNER_KEY"]
ANN_KEY, ANN = os.environ["RAGKIT_CLIENTS_ANN_KEY"], "ann@example.org"
BEN_KEY, BEN = os.environ["RAGKIT_CLIENTS_BEN_KEY"], "ben@example.org"
DATA = Path(os.environ["RAGKIT_CLIENTS_DATA"])
"""The first server's data folder."""
WRITER = "models/scripted"
"""The generator. It answers "Echo: " and the prompt; see `tests/clients/scripted.py` for more."""
FERRY = "The ferry from Mallaig to Armadale takes 30 minutes. It carries 28 cars."
QUESTION = "How long does the ferry from Mallaig take?"

_checks: list[tuple[str, tuple[str, ...], Callable[[], None]]] = []
_statuses: set[str] = set()


def check(*functions: str) -> Callable[[Callable[[], None]], Callable[[], None]]:
    """Declare a check, and which of the client's functions it exercises."""

    def declare(run: Callable[[], None]) -> Callable[[], None]:
        _checks.append((run.__name__, functions, run))
        return run

    return declare


def exercised() -> set[str]:
    """The client's functions that some check exercises."""
    return {function for _, functions, _ in _checks for function in functions}


class Refused:
    """What a refusal said; complete when the block is left."""

    envelope: dict[str, Any]

    @property
    def message(self) -> str:
        return str(self.envelope["message"])

    @property
    def reasons(self) -> list[str]:
        """Reasons of the ErrorInfo details."""
        return [one["reason"] for one in self.envelope.get("details", []) if "reason" in one]


class Refusals:
    """Expects errors, as this client raises them.

    Arguments:
        kind: the class of the client's errors.
        envelope: gives the API's error object that the client keeps in one.
    """

    def __init__(self, kind: type[Exception], envelope: Callable[[Any], dict[str, Any]]) -> None:
        self._kind, self._envelope = kind, envelope

    @contextmanager
    def __call__(
        self, status: str, kind: type[Exception] | None = None, text: str = ""
    ) -> Iterator[Refused]:
        """Expect an error of a canonical status, maybe of a class of its own, with a text."""
        told = Refused()
        caught: Exception | None = None
        try:
            yield told
        except self._kind as error:
            caught = error
        if caught is None:
            raise AssertionError(f"no error, although {status} was expected")
        told.envelope = self._envelope(caught)
        assert told.envelope["status"] == status, told.envelope
        assert kind is None or isinstance(caught, kind), repr(caught)
        assert text in told.message, told.message
        _statuses.add(status)


@contextmanager
def raises(kind: type[BaseException], text: str = "") -> Iterator[None]:
    """Expect an error of the client's own."""
    caught: BaseException | None = None
    try:
        yield
    except kind as error:
        caught = error
    assert caught is not None, f"no {kind.__name__}"
    assert text in str(caught), str(caught)


def lose(content: str) -> None:
    """Take the bytes of an uploaded file from the server's disk, as a fault of it might."""
    found = [
        path
        for path in DATA.rglob("*")
        if path.is_file()
        and path.stat().st_size == len(content.encode())
        and path.read_bytes() == content.encode()
    ]
    assert found, "the file lies elsewhere"
    for path in found:
        path.unlink()


def saw(status: str) -> None:
    """Note a canonical status that came otherwise than as an error reply."""
    _statuses.add(status)


def main() -> None:
    """Carry out all checks and write the report; the exit code tells whether all passed."""
    report = []
    for name, functions, run in _checks:
        problem = ""
        try:
            run()
        except BaseException:  # noqa: BLE001 - a failed check is told, whatever it raised
            problem = traceback.format_exc()
            print(f"--- {name}\n{problem}", file=sys.stderr)
        report.append({"check": name, "functions": functions, "problem": problem})
    result = {"checks": report, "statuses": sorted(_statuses)}
    Path(os.environ["RAGKIT_CLIENTS_REPORT"]).write_text(json.dumps(result), encoding="utf-8")
    sys.exit(any(one["problem"] for one in report))
