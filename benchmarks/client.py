"""What the client costs: its calls beside bare httpx and Google's own client, and its import.

    python -m benchmarks.client [--quick] [--json FILE]

A server in another process answers every call with the same JSON, so that what differs is the
client. Each contender is given what it takes (dicts for httpx, messages for the others) and ends
with the reply read into the same form; one row has the making of the messages from plain ids, texts
and metadata in it. Their calls take turns, so that what the machine does meanwhile meets all of
them; figures are medians. Google's client is the REST transport of google-ai-generativelanguage,
over requests.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks import measure

DOCUMENT = "corpora/library/documents/handbook"
CHUNKS = 100
RESULTS = 10
TIME = "2026-01-02T03:04:05.678901Z"
TARGET_HTTPX = 1.25
TARGET_GOOGLE = 3.0

CREATE = f"chunks.batch_create of {CHUNKS}"
MAKE_AND_CREATE = "the same, from plain values"
QUERY = "corpora.query"

Call = Callable[[], object]
Calls = dict[str, Call]
Chunk = tuple[str, str, dict[str, Any]]


def chunks() -> list[Chunk]:
    """Ids, texts of some 900 characters, and metadata."""
    return [
        (
            f"c-{number:04}",
            " ".join(f"Sentence {number}.{part} of the handbook, é ü 漢." for part in range(22)),
            {"page": number, "section": f"part {number % 7}", "tags": ["a", "b"]},
        )
        for number in range(CHUNKS)
    ]


def metadata(values: dict[str, Any]) -> list[dict[str, Any]]:
    """Metadata as the API writes it."""
    kinds = {str: "stringValue", int: "numericValue"}
    return [
        {"key": key, "stringListValue": {"values": value}}
        if isinstance(value, list)
        else {"key": key, kinds[type(value)]: value}
        for key, value in values.items()
    ]


def chunk_json(chunk: Chunk) -> dict[str, Any]:
    """A chunk as the API takes it."""
    name, text, values = chunk
    return {
        "name": f"{DOCUMENT}/chunks/{name}",
        "data": {"stringValue": text},
        "customMetadata": metadata(values),
    }


# The server


def replies() -> dict[str, bytes]:
    """The bodies, by how the path ends."""
    stored = [
        {**chunk_json(chunk), "state": "STATE_ACTIVE", "createTime": TIME, "updateTime": TIME}
        for chunk in chunks()
    ]
    relevant = [
        {"chunkRelevanceScore": 0.9 - number / 50, "chunk": chunk}
        for number, chunk in enumerate(stored[:RESULTS])
    ]
    return {
        ":batchCreate": json.dumps({"chunks": stored}, ensure_ascii=False).encode(),
        ":query": json.dumps({"relevantChunks": relevant}, ensure_ascii=False).encode(),
    }


class Answering(asyncio.Protocol):
    """Speaks as much HTTP as a benchmark needs."""

    answers: dict[str, bytes] = {}  # noqa: RUF012 - one for the process

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client has connected."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.received = bytearray()

    def data_received(self, data: bytes) -> None:
        """Answer once the request is whole."""
        self.received += data
        end = self.received.find(b"\r\n\r\n")
        if end < 0:
            return
        first, *lines = bytes(self.received[:end]).decode("latin-1").split("\r\n")
        headers = {
            name.lower(): value for name, _, value in (line.partition(": ") for line in lines)
        }
        if len(self.received) < end + 4 + int(headers.get("content-length", "0")):
            return
        self.received.clear()
        path = first.split()[1].partition("?")[0]
        body = self.answers[f":{path.rpartition(':')[2]}"]
        self.transport.write(
            b"HTTP/1.1 200 OK\r\ncontent-type: application/json; charset=UTF-8\r\n"
            b"vary: Origin\r\nvary: X-Origin\r\nserver: benchmark\r\n"
            b"content-length: %d\r\n\r\n" % len(body) + body
        )


async def serve() -> None:
    """Serve until the parent closes stdin; says the port first."""
    Answering.answers = replies()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Answering, "127.0.0.1", 0)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await loop.run_in_executor(None, sys.stdin.read)


@contextmanager
def server() -> Iterator[int]:
    """The server's port."""
    command = [sys.executable, "-m", "benchmarks.client", "--serve"]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=measure.ROOT
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield int(process.stdout.readline())
    finally:
        process.stdin.close()
        process.wait(10)
        process.stdout.close()


# The contenders


def bare_httpx(url: str, given: list[Chunk]) -> Calls:
    import httpx

    client = httpx.Client(base_url=url, headers={"x-goog-api-key": "key"})
    headers = {"content-type": "application/json"}

    def post(path: str, message: Any) -> Any:
        body = json.dumps(message, ensure_ascii=False).encode()
        reply = client.post(path, content=body, headers=headers)
        reply.raise_for_status()
        return reply.json()

    def made() -> list[dict[str, Any]]:
        return [{"parent": DOCUMENT, "chunk": chunk_json(chunk)} for chunk in given]

    def create(requests: list[dict[str, Any]]) -> object:
        return post(f"/v1beta/{DOCUMENT}/chunks:batchCreate", {"requests": requests})

    def query() -> object:
        return post("/v1beta/corpora/library:query", {"query": "what?", "resultsCount": RESULTS})

    ready = made()
    return {
        CREATE: lambda: create(ready),
        MAKE_AND_CREATE: lambda: create(made()),
        QUERY: query,
    }


def ragkit(url: str, given: list[Chunk]) -> Calls:
    from ragkit import connect
    from ragkit.api.chunks import Chunk as Message
    from ragkit.api.chunks import ChunkData
    from ragkit.api.metadata import wrap_metadata

    client = connect(url, api_key="key")

    def made() -> list[Message]:
        return [
            Message(
                name=f"{DOCUMENT}/chunks/{name}",
                data=ChunkData(string_value=text),
                custom_metadata=wrap_metadata(values),
            )
            for name, text, values in given
        ]

    def create(messages: list[Message]) -> object:
        return client.chunks.batch_create(DOCUMENT, messages)

    def query() -> object:
        return client.corpora.query("library", "what?", results_count=RESULTS)

    ready = made()
    return {
        CREATE: lambda: create(ready),
        MAKE_AND_CREATE: lambda: create(made()),
        QUERY: query,
    }


def google(url: str, given: list[Chunk]) -> Calls:
    import google.ai.generativelanguage_v1beta as glm
    from google.ai.generativelanguage_v1beta.services.retriever_service.transports import (
        RetrieverServiceRestTransport,
    )
    from google.auth.credentials import AnonymousCredentials

    transport = RetrieverServiceRestTransport(
        host=url.removeprefix("http://"),
        url_scheme="http",
        credentials=AnonymousCredentials(),  # type: ignore[no-untyped-call]
    )
    client = glm.RetrieverServiceClient(transport=transport)

    def values_of(values: dict[str, Any]) -> list[Any]:
        made = []
        for key, value in values.items():
            if isinstance(value, list):
                made.append(
                    glm.CustomMetadata(key=key, string_list_value=glm.StringList(values=value))
                )
            elif isinstance(value, str):
                made.append(glm.CustomMetadata(key=key, string_value=value))
            else:
                made.append(glm.CustomMetadata(key=key, numeric_value=value))
        return made

    def made() -> list[Any]:
        return [
            glm.CreateChunkRequest(
                parent=DOCUMENT,
                chunk=glm.Chunk(
                    name=f"{DOCUMENT}/chunks/{name}",
                    data=glm.ChunkData(string_value=text),
                    custom_metadata=values_of(values),
                ),
            )
            for name, text, values in given
        ]

    def create(requests: list[Any]) -> object:
        return client.batch_create_chunks(
            glm.BatchCreateChunksRequest(parent=DOCUMENT, requests=requests)
        )

    def query() -> object:
        return client.query_corpus(
            glm.QueryCorpusRequest(name="corpora/library", query="what?", results_count=RESULTS)
        )

    ready = made()
    return {
        CREATE: lambda: create(ready),
        MAKE_AND_CREATE: lambda: create(made()),
        QUERY: query,
    }


SYNC = {"httpx": bare_httpx, "ragkit": ragkit, "google": google}


def check(name: str, calls: Calls) -> None:
    """That the contender's calls do what the benchmark says."""
    created: Any = calls[MAKE_AND_CREATE]()
    found: Any = calls[QUERY]()
    if name == "httpx":
        assert len(created["chunks"]) == CHUNKS
        assert len(found["relevantChunks"]) == RESULTS
    else:
        assert len(created.chunks) == CHUNKS
        assert len(found.relevant_chunks) == RESULTS


def medians(calls: dict[str, Call], rounds: int) -> dict[str, float]:
    """Seconds per call, by contender, whose calls take turns."""
    times: dict[str, list[float]] = {name: [] for name in calls}
    for round_ in range(rounds + 5):
        for name, call in calls.items():
            began = time.perf_counter()
            call()
            if round_ >= 5:  # warm by then
                times[name].append(time.perf_counter() - began)
    return {name: statistics.median(taken) for name, taken in times.items()}


def sync_calls(rounds: int) -> dict[str, dict[str, float]]:
    """Seconds per call, by what is called and by contender."""
    with server() as port:
        made = {name: make(f"http://127.0.0.1:{port}", chunks()) for name, make in SYNC.items()}
        for name, calls in made.items():
            check(name, calls)
        return {
            what: medians({name: calls[what] for name, calls in made.items()}, number)
            for what, number in (
                (CREATE, rounds),
                (MAKE_AND_CREATE, rounds),
                (QUERY, rounds * 4),
            )
        }


async def _async_medians(
    calls: dict[str, Callable[[], Awaitable[object]]], rounds: int
) -> dict[str, float]:
    times: dict[str, list[float]] = {name: [] for name in calls}
    for round_ in range(rounds + 5):
        for name, call in calls.items():
            began = time.perf_counter()
            await call()
            if round_ >= 5:
                times[name].append(time.perf_counter() - began)
    return {name: statistics.median(taken) for name, taken in times.items()}


async def async_query(rounds: int) -> dict[str, float]:
    """Seconds per asynchronous query, by contender; Google's REST transport has none."""
    import httpx

    from ragkit import connect_async

    with server() as port:
        url = f"http://127.0.0.1:{port}"
        async with httpx.AsyncClient(base_url=url) as bare, connect_async(url) as client:

            async def query_bare() -> object:
                body = json.dumps({"query": "what?", "resultsCount": RESULTS}).encode()
                headers = {"content-type": "application/json"}
                path = "/v1beta/corpora/library:query"
                return (await bare.post(path, content=body, headers=headers)).json()

            async def query() -> object:
                return await client.corpora.query("library", "what?", results_count=RESULTS)

            return await _async_medians({"httpx": query_bare, "ragkit": query}, rounds)


IMPORTS = {
    "python": "pass",
    "httpx": "import httpx, json; httpx.Client()",
    "ragkit": "import ragkit",
    "ragkit, connected": "import ragkit; ragkit.connect('http://localhost').corpora",
    "google": "import google.ai.generativelanguage_v1beta",
}


def imports(rounds: int) -> dict[str, float]:
    """Seconds of a process that does no more than importing."""
    times: dict[str, list[float]] = {name: [] for name in IMPORTS}
    for _ in range(rounds):
        for name, code in IMPORTS.items():
            ran = measure.run(measure.python("-c", code))
            assert ran.code == 0, ran.errors
            times[name].append(ran.wall)
    return {name: statistics.median(taken) for name, taken in times.items()}


def report(figures: dict[str, dict[str, float]]) -> str:
    """The figures in milliseconds, and as multiples of bare httpx, as a table."""
    lines = ["| | " + " | ".join(["httpx", "ragkit", "google", "ragkit/httpx", "google/ragkit"])]
    lines = [f"{lines[0]} |", "|---|---|---|---|---|---|"]
    for what, by_name in figures.items():
        if what == "import":
            continue
        bare, ours, theirs = (by_name.get(name) for name in SYNC)
        assert bare
        assert ours
        cells = [f"{1000 * bare:.2f} ms", f"{1000 * ours:.2f} ms"]
        cells += [f"{1000 * theirs:.2f} ms" if theirs else "-", f"{ours / bare:.2f}"]
        cells += [f"{theirs / ours:.1f}" if theirs else "-"]
        lines.append(f"| {what} | {' | '.join(cells)} |")
    lines += ["", "| a process that imports | ms |", "|---|---|"]
    lines += [f"| {name} | {1000 * taken:.0f} |" for name, taken in figures["import"].items()]
    return "\n".join(lines)


def missed(figures: dict[str, dict[str, float]]) -> list[str]:
    """What falls short of the targets."""
    found = []
    for what in (CREATE, QUERY):
        by_name = figures[what]
        if by_name["ragkit"] > TARGET_HTTPX * by_name["httpx"]:
            found.append(f"{what}: more than {TARGET_HTTPX} times bare httpx")
        if by_name["google"] < TARGET_GOOGLE * by_name["ragkit"]:
            found.append(f"{what}: less than {TARGET_GOOGLE} times as fast as Google's client")
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--quick", action="store_true", help="few rounds, for CI")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        asyncio.run(serve())
        return
    rounds = 20 if options.quick else 200
    figures = sync_calls(rounds)
    figures[f"{QUERY}, async"] = asyncio.run(async_query(rounds * 4))
    figures["import"] = imports(3 if options.quick else 15)
    machine = measure.machine()
    shortfalls = missed(figures)
    sys.stdout.write(f"{report(figures)}\n\n{json.dumps(machine)}\n")
    for shortfall in shortfalls:
        sys.stdout.write(f"missed: {shortfall}\n")
    if options.json:
        text = json.dumps({"machine": machine, "seconds": figures, "missed": shortfalls}, indent=1)
        options.json.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
