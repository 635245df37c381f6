"""The reference table of all methods, made from their declarations: `METHODS.md` beside this file.

`python -m ragkit.api.method_table` writes it anew; a conformance test compares it with the
declarations and with the client.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ragkit.api.methods import METHODS
from ragkit.api.wire import Method

FILE = Path(__file__).with_name("METHODS.md")

_GOOGLE = {"served": "served", "deprecated": "served, deprecated", "closed": "closed"}

_HEAD = """\
# The methods of the API

Made by `python -m ragkit.api.method_table`; change the declarations in `ragkit/api/methods`
instead of this file.

Each method is a function of `Client` and, awaited, of `AsyncClient`. "Google" says what Google's
own endpoint does with it today; a call of a closed method there raises `MethodClosed`.

| method | verb | path | Google | function |
|---|---|---|---|---|
"""

_FAMILIES = {"media": "files"}
"""Families whose functions stand in another one's."""


def client_function(method_id: str) -> str:
    """The client's function for a method, such as "chunks.batch_create".

    A nested family stands on its own ("corpora.documents.chunks" is `chunks`), but for operations,
    which several families could have: they are functions of what they belong to.
    """
    *families, name = method_id.split(".")
    name = "update" if name == "patch" else _snake(name)
    if families[-1] == "operations":
        plural = "s" if name == "list" else ""
        return f"{_snake(families[-2])}.{name}_operation{plural}"
    return f"{_FAMILIES.get(families[-1], _snake(families[-1]))}.{name}"


def _snake(name: str) -> str:
    return re.sub("[A-Z]", lambda capital: f"_{capital[0].lower()}", name)


def _row(method: Method[Any, Any]) -> str:
    path = f"`{method.path}`"
    if method.upload:
        path += f" and `{method.upload_path}`"
    cells = (
        f"`{method.id}`",
        method.verb,
        path,
        _GOOGLE[method.google],
        f"`{client_function(method.id)}`",
    )
    return f"| {' | '.join(cells)} |\n"


def _rows() -> Iterator[str]:
    for method_id in sorted(METHODS):
        yield _row(METHODS[method_id])


def table() -> str:
    """The text of `METHODS.md`."""
    return _HEAD + "".join(_rows())


if __name__ == "__main__":
    FILE.write_text(table(), encoding="utf-8")
