"""The change log of each corpus, from which derived data catches up.

The log keeps of each chunk its last change only: a live chunk's row holds its number, a deleted
one has a tombstone. Applying `changes` from any point on until there are none gives the live set.
"""

from __future__ import annotations

import sqlalchemy as sa

from ragkit.engine.records import Change
from ragkit.engine.store.chunk_rows import vector_from_bytes
from ragkit.engine.store.rows import Rows
from ragkit.engine.store.schema import CHUNKS, CORPORA, TOMBSTONES

_LAST_CHANGE = "SELECT last_change FROM corpora WHERE key = ?"


class ChangeLog(Rows):
    """Methods on the change log."""

    def last_change(self, corpus_key: int) -> int:
        """The number of a corpus' last change; 0 before the first and for an unknown corpus."""
        rows = self._database.rows(_LAST_CHANGE, [corpus_key])
        return rows[0][0] if rows else 0

    def changes(self, corpus_key: int, after: int, limit: int) -> list[Change]:
        """What changed in a corpus since a change, each chunk as it is now.

        Arguments:
            corpus_key: the corpus.
            after: the number of the last change that is known; 0 to begin.
            limit: the most to return.

        Returns:
            Changes ascending by number. Fewer than `limit` (none, if nothing else) at the end
            only. Numbers whose chunk has changed again since are skipped.
        """
        with self._database.read() as connection:
            # The bound keeps the two selects consistent also where they see different moments.
            last = connection.scalar(
                sa.select(CORPORA.c.last_change).where(CORPORA.c.key == corpus_key)
            )
            if last is None or last <= after:
                return []
            upserts = connection.execute(
                sa.select(
                    CHUNKS.c.change,
                    CHUNKS.c.key,
                    CHUNKS.c.document_key,
                    CHUNKS.c.text,
                    CHUNKS.c.vector,
                )
                .where(CHUNKS.c.corpus_key == corpus_key, CHUNKS.c.change.between(after + 1, last))
                .order_by(CHUNKS.c.change)
                .limit(limit)
            ).all()
            deletes = connection.execute(
                sa.select(TOMBSTONES.c.change, TOMBSTONES.c.chunk_key, TOMBSTONES.c.document_key)
                .where(
                    TOMBSTONES.c.corpus_key == corpus_key,
                    TOMBSTONES.c.change.between(after + 1, last),
                )
                .order_by(TOMBSTONES.c.change)
                .limit(limit)
            ).all()
        changes = [
            Change(number, chunk_key, document_key, text, vector_from_bytes(vector))
            for number, chunk_key, document_key, text, vector in upserts
        ]
        changes += [
            Change(number, chunk_key, document_key, None, None)
            for number, chunk_key, document_key in deletes
        ]
        changes.sort(key=lambda change: change.number)
        return changes[:limit]
