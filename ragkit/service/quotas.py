"""How much a corpus may hold.

Two writers that come at the same moment may together overstep a limit by what the second adds:
the limits keep the service in the range that it is made for, nothing breaks at their edge.
"""

from __future__ import annotations

from ragkit.api import limits
from ragkit.api.errors import FailedPrecondition
from ragkit.engine.engine import Engine


def require_room_for_document(engine: Engine, corpus_id: str) -> None:
    """Raise FailedPrecondition if a corpus has as many documents as it may have."""
    corpus = engine.store.get_corpus(corpus_id)
    if engine.store.corpus_stats(corpus.key).documents >= limits.MAX_DOCUMENTS_PER_CORPUS:
        raise _full(corpus_id, limits.MAX_DOCUMENTS_PER_CORPUS, "documents")


def require_room_for_chunks(engine: Engine, corpus_id: str, adding: int) -> None:
    """Raise FailedPrecondition if so many more chunks would be too many for a corpus."""
    corpus = engine.store.get_corpus(corpus_id)
    # Each chunk took a change number when it was created, so there are not more than that;
    # counting a million rows for every batch would be felt.
    if corpus.last_change + adding <= limits.MAX_CHUNKS_PER_CORPUS:
        return
    if engine.store.corpus_stats(corpus.key).chunks + adding > limits.MAX_CHUNKS_PER_CORPUS:
        raise _full(corpus_id, limits.MAX_CHUNKS_PER_CORPUS, "chunks")


def _full(corpus_id: str, limit: int, what: str) -> FailedPrecondition:
    return FailedPrecondition(
        f"corpora/{corpus_id} may hold at most {limit:,} {what}; delete some, or use another "
        "corpus",
        resource=f"corpora/{corpus_id}",
    )
