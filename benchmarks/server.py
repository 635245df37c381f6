"""Queries a second and their times with 32 connections at once, next to peers in one run.

    python -m benchmarks.server                  100,000 chunks, some ten minutes the first time
    python -m benchmarks.server --quick          that all of it runs and answers right, for CI

Run from the repository's root, with ragkit installed. `ragkit serve`, Chroma's server and
LangChain's FAISS behind FastAPI hold the same texts and vectors, and are asked the same questions
in turns.
The questions are all different at first, so that no answer can be kept; then a thousand of them
come again and again, as some do in life.

Exit code 1 means wrong replies; times never fail a run. See README.md beside this file.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

import ragkit
from benchmarks.load import Check, Encode, Load, post, run_load
from benchmarks.made_text import sentences
from benchmarks.measure import machine
from benchmarks.peers import environment_of
from ragkit.api.chunks import Chunk, ChunkData
from ragkit.engine.models.embedders import Task, load_embedder

REQUIREMENTS = (
    "chromadb",
    "faiss-cpu",
    "fastapi",
    "httptools",
    "langchain-community",
    "tiktoken",
    "uvicorn",
    "uvloop",
    "wordllama==0.4.0.post1",
)
RAGKIT = "ragkit serve"
CORPUS = "bench"
DIFFERENT = 30_000
REPEATED = 1_000
RESULTS = 10
PER_DOCUMENT = 1_000
PEERS_DIR = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "ragkit-peers"
_SCRIPT = Path(__file__).with_name("server_peers.py")
_START_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class Contender:
    """A server that is up, and how it is asked."""

    name: str
    port: int
    pid: int
    encode: Encode
    right: Check

    def repeating(self, different: int) -> Contender:
        """The same, asked the same questions again and again."""
        return replace(
            self,
            name=f"{self.name}, {different} questions",
            encode=lambda n: self.encode(n % different),
        )


def make_texts(count: int, *, thorough: bool) -> list[str]:
    """Chunks of five real sentences each, no two alike."""
    chance, pool = random.Random(20261124), sentences(thorough)
    return [f"Entry {n}. " + " ".join(chance.choices(pool, k=5)) for n in range(count)]


def make_queries(count: int, *, thorough: bool) -> list[str]:
    """Questions of two halves of sentences, of twelve words in all at the most, no two alike."""
    chance, pool = random.Random(7), sentences(thorough)
    made: dict[str, None] = {}
    while len(made) < count:
        first, second = chance.choices(pool, k=2)
        made[" ".join([*first.split()[:6], *second.split()[:6]])] = None
    return list(made)


def fill_ragkit(data: Path, texts: list[str]) -> None:
    """Create the chunks through the API, and have them indexed."""
    with ragkit.connect(data=data) as client:
        client.corpora.create(CORPUS)
        for start in range(0, len(texts), PER_DOCUMENT):
            document = f"{CORPUS}/d{start // PER_DOCUMENT}"
            client.documents.create(CORPUS, document.partition("/")[2])
            part = texts[start : start + PER_DOCUMENT]
            for first in range(0, len(part), 100):
                chunks = [
                    Chunk(data=ChunkData(string_value=text)) for text in part[first : first + 100]
                ]
                client.chunks.batch_create(document, chunks)
        client.corpora.query(CORPUS, texts[-1])


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def process(command: list[str | Path], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A server's process, ended at the end."""
    quiet = {"ANONYMIZED_TELEMETRY": "False", "TOKENIZERS_PARALLELISM": "false"}
    with log.open("wb") as output:
        running = subprocess.Popen(
            [os.fspath(one) for one in command],
            stdout=output,
            stderr=output,
            env={**os.environ, **quiet},
        )
    try:
        yield running
    finally:
        running.terminate()
        try:
            running.wait(60)
        except subprocess.TimeoutExpired:
            running.kill()
            running.wait()


def wait_for(port: int, running: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            if running.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"no server came up: {log.read_text()[-2000:]}") from None
            time.sleep(0.1)


@contextmanager
def serve_ragkit(
    data: Path, scratch: Path, queries: list[str], processes: int
) -> Iterator[Contender]:
    port = free_port()
    bodies = [json.dumps({"query": query}).encode() for query in queries]
    path = f"/v1beta/corpora/{CORPUS}:query"
    command: list[str | Path] = [sys.executable, "-m", "ragkit", "serve", "--port", str(port)]
    log = scratch / "ragkit.log"
    command += ["--processes", str(processes), "--data", data]
    with process(command, log) as running:
        wait_for(port, running, log)
        yield Contender(
            RAGKIT,
            port,
            running.pid,
            lambda n: post(path, port, bodies[n % len(bodies)]),
            lambda body: len(json.loads(body)["relevantChunks"]) == RESULTS,
        )


@contextmanager
def serve_faiss(python: Path, data: Path, scratch: Path, queries: list[str]) -> Iterator[Contender]:
    port = free_port()
    bodies = [json.dumps({"query": query, "k": RESULTS}).encode() for query in queries]
    log = scratch / "faiss.log"
    with process([python, _SCRIPT, "faiss", str(port), data], log) as running:
        wait_for(port, running, log)
        yield Contender(
            "LangChain + FAISS, FastAPI",
            port,
            running.pid,
            lambda n: post("/query", port, bodies[n % len(bodies)]),
            lambda body: len(json.loads(body)) == RESULTS,
        )


@contextmanager
def serve_chroma(
    python: Path, data: Path, scratch: Path, queries: list[str]
) -> Iterator[list[Contender]]:
    """Chroma's server takes vectors: its client embeds, so the time for that counts.

    A second contender is given vectors that were made before, which no application has.
    """
    port, log = free_port(), scratch / "chroma.log"
    chroma = python.with_name("chroma")
    command: list[str | Path] = [chroma, "run", "--path", scratch / "chroma", "--port", str(port)]
    with process(command, log) as running:
        wait_for(port, running, log)
        loaded = subprocess.run(
            [python, _SCRIPT, "load-chroma", str(port), data],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "ANONYMIZED_TELEMETRY": "False"},
        )
        if loaded.returncode:
            raise SystemExit(f"Chroma could not be filled: {loaded.stderr[-2000:]}")
        collection = loaded.stdout.strip().splitlines()[-1]
        path = (
            "/api/v2/tenants/default_tenant/databases/default_database/collections/"
            f"{collection}/query"
        )
        embedder = load_embedder()

        def encode(n: int) -> bytes:
            text = queries[n % len(queries)]
            vector = embedder.embed([text], task=Task.RETRIEVAL_QUERY)[0]
            body = {
                "query_embeddings": [vector.tolist()],
                "n_results": RESULTS,
                "include": ["documents", "distances"],
            }
            return post(path, port, json.dumps(body).encode())

        ready = [encode(n) for n in range(len(queries))]

        def right(body: bytes) -> bool:
            return len(json.loads(body)["ids"][0]) == RESULTS

        yield [
            Contender("Chroma's server, client embeds", port, running.pid, encode, right),
            Contender(
                "Chroma's server, vectors given",
                port,
                running.pid,
                lambda n: ready[n % len(ready)],
                right,
            ),
        ]


def measure(contender: Contender, *, connections: int, seconds: float, rounds: int) -> list[Load]:
    """Loads after one to warm up."""
    asked = 0

    def load(duration: float) -> Load:
        nonlocal asked
        first = asked

        def encode(n: int) -> bytes:
            nonlocal asked
            asked = max(asked, first + n)
            return contender.encode(first + n)

        return run_load(
            contender.port,
            encode,
            contender.right,
            connections=connections,
            seconds=duration,
            pid=contender.pid,
        )

    load(seconds / 2)
    return [load(seconds) for _ in range(rounds)]


def show(results: dict[str, list[Load]], chunks: int, connections: int) -> dict[str, Any]:
    """Print the best round of each; returns all figures."""
    best = {name: max(loads, key=lambda one: one.rate) for name, loads in results.items()}
    print(f"\n{chunks:,} chunks, {connections} connections at once, {RESULTS} results a query")
    print(f"{'':48}{'queries/s':>10}{'p50 ms':>8}{'p99 ms':>8}{'CPU ms':>8}{'ragkit x':>10}")
    for name, one in best.items():
        again = name.endswith(" questions")
        ours = best[f"{RAGKIT}, {REPEATED} questions" if again else RAGKIT]
        cpu = one.server_cpu / one.requests * 1000
        print(
            f"{name:48}{one.rate:10.0f}{one.p50 * 1000:8.1f}{one.p99 * 1000:8.1f}{cpu:8.2f}"
            f"{ours.rate / one.rate:10.2f}"
        )
    print("CPU: the server's, for a query; the load generator's comes on top.")
    return {name: [asdict(one) for one in loads] for name, loads in results.items()}


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="2,000 chunks, no peers, seconds")
    parser.add_argument("--no-peers", action="store_true")
    parser.add_argument("--chunks", type=int, default=100_000)
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--processes", type=int, default=os.cpu_count(), help="of ragkit's server")
    parser.add_argument("--seconds", type=float, default=6.0, help="of one round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--peers-dir", type=Path, default=PEERS_DIR)
    parser.add_argument("--json", type=Path, help="write all figures to this file")
    given = parser.parse_args()
    if given.quick:
        given.chunks, given.seconds, given.rounds, given.no_peers = 2_000, 1.0, 1, True
    return given


def main() -> int:
    given = arguments()
    thorough = not given.quick
    texts = make_texts(given.chunks, thorough=thorough)
    queries = make_queries(DIFFERENT if thorough else 3 * REPEATED, thorough=thorough)
    scratch = Path(tempfile.mkdtemp(prefix="ragkit-bench-"))
    results: dict[str, list[Load]] = {}

    def add(contender: Contender) -> None:
        for one in (contender, contender.repeating(REPEATED)):
            results[one.name] = measure(
                one,
                connections=given.connections,
                seconds=given.seconds,
                rounds=given.rounds,
            )

    try:
        fill_ragkit(scratch / "ragkit", texts)
        with serve_ragkit(scratch / "ragkit", scratch, queries, given.processes) as contender:
            add(contender)
        python = None if given.no_peers else environment_of(given.peers_dir, "server", REQUIREMENTS)
        if python is not None:
            _for_peers(scratch, texts)
            with serve_faiss(python, scratch, scratch, queries) as contender:
                add(contender)
            with serve_chroma(python, scratch, scratch, queries) as contenders:
                for contender in contenders:
                    add(contender)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    figures = show(results, given.chunks, given.connections)
    if given.json:
        given.json.write_text(json.dumps({"machine": machine(), "loads": figures}, indent=1))
    wrong = {name: sum(one.wrong for one in loads) for name, loads in results.items()}
    for name, count in wrong.items():
        if count:
            print(f"WRONG: {name} gave {count} wrong replies")
    return int(any(wrong.values()))


def _for_peers(scratch: Path, texts: list[str]) -> None:
    embedder = load_embedder()
    parts = [embedder.embed(texts[i : i + 1000]) for i in range(0, len(texts), 1000)]
    np.save(scratch / "vectors.npy", np.concatenate(parts))
    (scratch / "texts.json").write_text(json.dumps(texts))


if __name__ == "__main__":
    sys.exit(main())
