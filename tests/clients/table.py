"""The table of third-party clients, made from the recorded results: `docs/clients.md`.

`python -m tests.clients.table` writes it anew; tests/conformance/test_clients_table.py compares.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any, Final

from ragkit.api.errors import BY_STATUS
from ragkit.api.methods import METHODS
from tests.clients.catalogue import CLIENTS, ROOT, Client

FILE: Final = ROOT / "docs" / "clients.md"

NOT_CAUSED: Final = {
    "ABORTED": "The service never answers it: writes wait for each other instead.",
    "INTERNAL": "Only a fault of the service itself, of which none is known, answers it.",
    "OUT_OF_RANGE": "The service never answers it: a number beyond its limits is INVALID_ARGUMENT.",
    "UNKNOWN": "The service never answers it: what it does not know the reason of is INTERNAL.",
}
"""The canonical errors that no client can cause, and why."""

_EXTRA_METHODS: Final = ("media.download",)
"""Served, but no method of the table of declarations."""

_HEAD: Final = """\
# Clients of Google's API against `ragkit serve`

Made by `python -m tests.clients.table` from what the tests recorded (`tests/clients/results`);
change the tests instead of this file. `sh tests/clients/install.sh` makes an environment for each
client, with the versions pinned in `tests/clients/requirements`, and
`pytest tests/conformance/test_third_party_clients.py` runs the programs in `tests/clients`: each
exercises what its client offers against a real `ragkit serve` on the loopback interface, and
asserts on results and errors. No client's code is changed; where a client has no option for what it
needs, the table says what was done.
"""

_NOTES: Final = """\
## What cannot be done with a client

- `ragkit serve` speaks HTTP with JSON, not gRPC. The asynchronous functions of google-generativeai
  (`*_async`), the asynchronous clients of google-ai-generativelanguage, and
  `ChatGoogleGenerativeAI`'s and `GoogleGenerativeAIEmbeddings`'s own asynchronous calls
  (`ainvoke`, `astream`, `aembed_query`) know gRPC alone. google-genai's asynchronous half speaks
  HTTP, and works.
- LangChain's `GoogleVectorStore` and `GenAIAqa`, and LlamaIndex's `GoogleIndex`,
  `GoogleVectorStore` and `GoogleTextSynthesizer`, name no transport, so that Google's generated
  client beneath them takes the first in its list, gRPC. There is no option for it: a program that
  uses them with ragkit moves REST to the front of that list first, as `tests/clients/rest_first.py`
  does.
- A corpus that is not there answers NOT_FOUND. Google's endpoint answers PERMISSION_DENIED, and
  only that makes the stores' `DoesNotExistsException` and `NoSuchCorpusException`; here callers
  get google.api_core's `NotFound`. For documents the stores have their own errors here, too.
- `upload_file` of google-generativeai has Google's host name built in. It reaches ragkit behind a
  proxy that speaks TLS as that host (`https_proxy`, `HTTPLIB2_CA_CERTS`), or not at all.
- google-genai 3.6.1 leaves the examples out of what `tunings.tune` sends; the service refuses that,
  naming what is missing. Tuned models made otherwise are got, used, changed and deleted with it.
- langchain-google-genai 2.1's chat model hands its own options to the method unless the model's
  name has "gemini" in it: such names stand for the configured generator here.
- `llama-index-embeddings-gemini` and `-llms-gemini` do not run with the google-generativeai that
  `llama-index-indices-managed-google` insists on (before 0.6), and are not tested;
  the packages named `google-genai` that came after them are.
"""


def results() -> dict[str, dict[str, Any]]:
    """What is recorded, by client."""
    return {
        client.name: json.loads(client.results.read_text(encoding="utf-8")) for client in CLIENTS
    }


def table() -> str:
    """The text of `docs/clients.md`."""
    found = results()
    parts = (_HEAD, *_clients(found), *_methods(found), *_errors(found), _NOTES, *_functions(found))
    return "\n".join(parts).rstrip() + "\n"


def _clients(found: dict[str, dict[str, Any]]) -> Iterator[str]:
    yield "## Clients\n"
    yield from _rows(
        ("client", "package", "version", "Python functions", "told where the server is by"),
        [
            (
                client.name,
                f"`{client.package}`",
                client.version,
                f"{len(found[client.name]['functions'])} pass",
                client.pointed,
            )
            for client in CLIENTS
        ],
    )


def _methods(found: dict[str, dict[str, Any]]) -> Iterator[str]:
    yield "## Methods\n"
    yield (
        "What each client got from each method, by the server's access log: ✓ for success, beside "
        "it\nthe HTTP statuses of the errors that its program asked for. Empty: the client has no "
        "such\nfunction.\n"
    )
    names = sorted([*METHODS, *_EXTRA_METHODS])
    yield from _rows(
        ("method", *(client.name for client in CLIENTS)),
        [
            (
                f"`{name}`",
                *(_cell(found[client.name]["methods"].get(name, ())) for client in CLIENTS),
            )
            for name in names
        ],
    )


def _cell(statuses: Sequence[int]) -> str:
    succeeded = any(200 <= status < 400 for status in statuses)
    errors = " ".join(str(status) for status in statuses if status >= 400)
    return f"{'✓' if succeeded else ''} {errors}".strip()


def _errors(found: dict[str, dict[str, Any]]) -> Iterator[str]:
    yield "## Errors\n"
    yield (
        "The canonical errors, and the clients whose programs caused them and read them back. "
        "CANCELLED and\nDATA_LOSS included: a batch that is cancelled, and a file whose bytes are "
        "taken from the disk.\n"
    )
    yield from _rows(
        ("error", "HTTP", "caused by"),
        [
            (
                f"`{status}`",
                str(error.http_status),
                NOT_CAUSED.get(status)
                or ", ".join(
                    client.name for client in CLIENTS if status in found[client.name]["statuses"]
                ),
            )
            for status, error in sorted(BY_STATUS.items())
        ],
    )


def _functions(found: dict[str, dict[str, Any]]) -> Iterator[str]:
    yield "## Functions\n"
    yield "The functions of each client that its program exercises; all pass.\n"
    for client in CLIENTS:
        names = ", ".join(f"`{name}`" for name in found[client.name]["functions"])
        yield f"- **{client.name}**: {names}"


def _rows(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    lines = [head, ["---"] * len(head), *rows]
    yield "\n".join(f"| {' | '.join(cells)} |" for cells in lines) + "\n"


def reached(client: Client, method: str) -> bool:
    """Whether a client's program had success with a method."""
    return "✓" in _cell(results()[client.name]["methods"].get(method, ()))


if __name__ == "__main__":
    FILE.write_text(table(), encoding="utf-8")
