"""Ask a folder: read it into a corpus, then answer questions from it, with citations.

    python examples/ask_folder.py examples/library "How many chunks may one batch create?"

Give as many questions as you like. The corpus stays: asking again reads only files that changed.
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import ragkit
from ragkit.ingest import IngestError, IngestOptions, ingest


def show(question: str, answer: ragkit.Answer) -> None:
    """Print an answer with the places that it rests on."""
    print(f"\n{question}")
    if not answer.answered:
        print(f"  The folder probably does not say ({answer.answerable_probability:.0%} sure).")
        return
    print(f"  {answer.text}")
    for number, citation in enumerate(answer.citations, start=1):
        page = f", page {citation.page}" if citation.page is not None else ""
        print(f"  [{number}] {citation.source}{page}: “{citation.quote}”")


def main(folder: Path, questions: list[str]) -> int:
    """Ingest the folder and answer the questions; returns the exit code."""
    # One corpus per folder, so that answers never come from another one.
    corpus = "folder-" + hashlib.sha256(bytes(folder.resolve())).hexdigest()[:12]
    with ragkit.connect() as client:
        report = ingest(client, [folder], corpus, IngestOptions(delete=True))
        for failure in report.failures:
            print(f"left out: {failure.path}: {failure.error}", file=sys.stderr)
        files = report.files
        print(f"{files['new'] + files['changed']} files read, {files['unchanged']} unchanged")
        answerer = ragkit.Answerer(client, corpus)
        for question in questions:
            show(question, answerer.ask(question))
    return 0 if report.ok else 1


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(f"usage: {sys.argv[0]} FOLDER QUESTION...")
    try:
        sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
    except (IngestError, ragkit.RagkitError) as error:
        sys.exit(f"error: {error}")
