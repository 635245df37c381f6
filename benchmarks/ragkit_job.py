"""The main job, done by ragkit in one process: `python -m benchmarks.ragkit_job FOLDER DATA`.

Runs `ragkit ingest`, and then a query through a client. Prints one JSON object; `peer_job.py` is
the same for others. The clock starts before the first import and stops when the query has found
the last chunk of the document that came last.
"""

from __future__ import annotations

import time

STARTED = time.perf_counter()

import contextlib  # noqa: E402
import io  # noqa: E402
import json  # noqa: E402
import resource  # noqa: E402
import sys  # noqa: E402
from typing import Any  # noqa: E402

CORPUS = "bench"


def ingested(folder: str, data: str) -> dict[str, Any]:
    """What `ragkit ingest --json` reports; ends the process if it fails."""
    from ragkit.cli import main as ragkit

    with contextlib.redirect_stdout(io.StringIO()) as output:
        try:
            ragkit(["ingest", folder, "--corpus", CORPUS, "--data", data, "--json"])
        except SystemExit as end:
            if end.code:
                raise
    report: dict[str, Any] = json.loads(output.getvalue())
    return report


def main() -> None:
    folder, data = sys.argv[1:]
    report = ingested(folder, data)
    pushed = time.perf_counter() - STARTED
    import ragkit

    with ragkit.connect(data=data) as client:
        last = max(client.documents.list(CORPUS), key=lambda one: str(one.create_time))
        chunk = list(client.chunks.list(last.name))[-1]
        found = client.corpora.query(CORPUS, chunk.text)
        names = {hit.chunk.name for hit in found.relevant_chunks if hit.chunk}
        seconds = time.perf_counter() - STARTED
        own, workers = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
        texts = [
            one.text
            for document in list(client.documents.list(CORPUS))[:20]
            for one in client.chunks.list(document.name)
        ]
    from ragkit.text.tokens import count_tokens

    outcome = {
        "chunks": report["chunks"]["created"],
        "mean_tokens": sum(map(count_tokens, texts)) / len(texts),
        "found": chunk.name in names,
        "complete": not report["files"]["failed"],
        "seconds": seconds,
        "seconds_pushed": pushed,
        "cpu_parent": own.ru_utime + own.ru_stime,
        "cpu_workers": workers.ru_utime + workers.ru_stime,
    }
    print(json.dumps(outcome))


if __name__ == "__main__":
    main()
