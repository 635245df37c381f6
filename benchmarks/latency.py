"""How long a query takes: as a process that starts from nothing, and in one that is warm."""

from __future__ import annotations

import json
import random
import re
import statistics
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ragkit
from benchmarks.made_text import sentences
from benchmarks.measure import Run, python, run
from benchmarks.ragkit_job import CORPUS

Check = Callable[[object, str], None]
QUERY = "which option formats the columns of a table"
_IMPORT = re.compile(r"import time:\s+(\d+) \|\s+\d+ \|\s+([\w.]+)")
_IMPORTED = ("ragkit", "httpx", "langchain_core")


def cold_query(data: Path, runs: int, check: Check) -> dict[str, Any]:
    """`ragkit query` as a process, from start to exit, and what its imports cost.

    The files are in the page cache, as they are on a machine that is in use.
    """
    query = ["ragkit", "query", CORPUS, QUERY, "--json"]
    environment = {"RAGKIT_DATA": str(data)}
    done: list[Run] = []
    for _ in range(runs):
        done.append(run(python("-m", *query), environment=environment))
        check(done[-1].code == 0, f"ragkit query ends well: {done[-1].errors[-500:]}")
        if done[-1].code == 0:
            check(len(json.loads(done[-1].output)["chunks"]) == 10, "a query gives ten chunks")
    walls, cpus = [one.wall for one in done], [one.cpu for one in done]
    empty = min(run(python("-c", "pass")).wall for _ in range(3))
    print(f"\n3. `ragkit query`, a cold process on {_chunks(data):,} chunks ({runs} runs)")
    print(
        f"wall: median {statistics.median(walls):.2f} s, best {min(walls):.2f} s; "
        f"CPU: median {statistics.median(cpus):.2f} s (python itself: {empty:.2f} s)"
    )
    traced = [
        _import_costs(run(python("-X", "importtime", "-m", *query), environment=environment).errors)
        for _ in range(3)
    ]
    # The least of each, since the trace counts time on the clock.
    by_package = Counter({name: min(one[name] for one in traced) for name in traced[0]})
    total = sum(by_package.values())
    shown = ", ".join(f"{name} {cost * 1000:.0f}" for name, cost in by_package.most_common(9))
    print(f"imports (traced): {total * 1000:.0f} ms in all; the dearest, in ms: {shown}")
    return {
        "median": statistics.median(walls),
        "wall": walls,
        "cpu": cpus,
        "imports": dict(by_package),
    }


def _import_costs(trace: str) -> dict[str, float]:
    """Seconds of each package's own import, by its top-level name."""
    costs: defaultdict[str, float] = defaultdict(float)
    for match in _IMPORT.finditer(trace):
        package = match[2].partition(".")[0]
        name = "(standard library)" if package in sys.stdlib_module_names else package
        costs[name] += int(match[1]) / 1e6
    return costs


def warm_query(data: Path, queries: int, check: Check) -> dict[str, Any]:
    """Different queries one after the other, through the client, in this process."""
    chance = random.Random(1)
    pool = [" ".join(one.split()[:12]) for one in sentences(thorough=False)]
    seconds: list[float] = []
    with ragkit.connect(data=data) as client:
        client.corpora.query(CORPUS, QUERY)
        cpu = time.process_time()
        for text in chance.choices(pool, k=queries):
            started = time.perf_counter()
            found = client.corpora.query(CORPUS, text).relevant_chunks
            seconds.append(time.perf_counter() - started)
            check(len(found) == 10, f"ten chunks for {text!r}")
        cpu = (time.process_time() - cpu) / queries
    cuts = statistics.quantiles(seconds, n=100)
    print(
        f"warm, through the client ({queries} queries): p50 {cuts[49] * 1000:.1f} ms, "
        f"p99 {cuts[98] * 1000:.1f} ms; CPU {cpu * 1000:.1f} ms a query"
    )
    return {"p50": cuts[49], "p99": cuts[98], "best": min(seconds), "cpu": cpu}


def imports(runs: int, check: Check) -> dict[str, Any]:
    """What `import X` adds to a fresh process that does nothing else."""
    print(f"\n4. Imports in a fresh process (median of {runs}; python itself subtracted)")
    results = {}
    base = _median(["pass"], runs)
    for package in _IMPORTED:
        done = run(python("-c", f"import {package}"))
        if done.code:
            check(package != "ragkit", "ragkit can be imported")
            print(f"{package:16} is not installed here")
            continue
        wall, cpu = _median([f"import {package}"], runs)
        results[package] = {"wall": wall - base[0], "cpu": cpu - base[1]}
        print(f"{package:16}{(wall - base[0]) * 1000:7.0f} ms, CPU {(cpu - base[1]) * 1000:.0f} ms")
    return results


def _median(code: list[str], runs: int) -> tuple[float, float]:
    done = [run(python("-c", *code)) for _ in range(runs)]
    walls, cpus = [one.wall for one in done], [one.cpu for one in done]
    return statistics.median(walls), statistics.median(cpus)


def _chunks(data: Path) -> int:
    with ragkit.connect(data=data) as client:
        return sum(
            int(value)
            for document in client.documents.list(CORPUS)
            if isinstance(value := document.metadata.get("chunks"), float)
        )
