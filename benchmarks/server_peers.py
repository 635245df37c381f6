"""What the peers of `benchmarks.server` do, run by the interpreter of their own environment.

    PEERS_PYTHON server_peers.py load-chroma PORT DATA     fill a running Chroma server
    PEERS_PYTHON server_peers.py faiss PORT DATA           serve LangChain's FAISS by FastAPI

DATA holds `vectors.npy`, one row a chunk, and `texts.json`. Chroma gets the vectors in batches and
keeps its own HNSW index (cosine). FAISS is LangChain's default, an exact flat index; its server
embeds a query with the same model as ragkit (WordLlama, through its own package).
"""

from __future__ import annotations

import json
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

COLLECTION = "bench"
_BATCH = 2_000


def load_chroma(port: int, data: Path) -> None:
    """Fill the server and print the collection's id."""
    vectors = import_module("numpy").load(data / "vectors.npy")
    texts = json.loads((data / "texts.json").read_text())
    client = import_module("chromadb").HttpClient(port=port)
    collection = client.create_collection(COLLECTION, metadata={"hnsw:space": "cosine"})
    for start in range(0, len(texts), _BATCH):
        end = min(start + _BATCH, len(texts))
        collection.add(
            ids=[f"c{i}" for i in range(start, end)],
            embeddings=vectors[start:end],
            documents=texts[start:end],
        )
    print(collection.id)


def serve_faiss(port: int, data: Path) -> None:
    """Serve POST /query {"query", "k"} until the process is ended."""
    vectors = import_module("numpy").load(data / "vectors.npy")
    texts = json.loads((data / "texts.json").read_text())
    # As LangChain is used: a store, and a function of the framework that searches it.
    sys.path.insert(0, str(Path(__file__).resolve().parent))
    base: Any = import_module("langchain_core.embeddings").Embeddings
    model: Any = import_module("peer_job").Embeddings()

    class Embeddings(base):  # type: ignore[misc]
        def embed_documents(self, texts: list[str]) -> list[list[float]]:
            return model.embed_documents(texts)  # type: ignore[no-any-return]

        def embed_query(self, text: str) -> list[float]:
            return model.embed_query(text)  # type: ignore[no-any-return]

    faiss = import_module("langchain_community.vectorstores").FAISS
    pairs = list(zip(texts, vectors.tolist(), strict=True))
    store = faiss.from_embeddings(pairs, Embeddings())
    app = import_module("fastapi").FastAPI()

    def query(body: dict[str, Any]) -> list[dict[str, Any]]:
        found = store.similarity_search_with_score(body["query"], k=body["k"])
        return [{"text": one.page_content, "score": float(score)} for one, score in found]

    query.__annotations__ = {"body": dict, "return": list}
    app.post("/query")(query)
    import_module("uvicorn").run(app, host="127.0.0.1", port=port, log_level="warning")


def main() -> None:
    what, port, data = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])
    {"load-chroma": load_chroma, "faiss": serve_faiss}[what](port, data)


if __name__ == "__main__":
    main()
