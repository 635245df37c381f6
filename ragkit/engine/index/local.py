"""The local index: what the engine searches by. It is derived from the store and disposable."""

from __future__ import annotations

import shutil
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
from filelock import FileLock
from numpy.typing import NDArray

from ragkit.engine.index import update
from ragkit.engine.index.manifest import DamagedIndexError, Manifest
from ragkit.engine.index.protocol import ChangeLog, IndexStatus
from ragkit.engine.index.update import MixedVectorsError
from ragkit.engine.index.view import View
from ragkit.engine.records import ScoredChunk, Vector

_LOCK_SECONDS = 900.0
_OPEN_CORPORA = 64


class LocalIndex:
    """Search over the chunks of each corpus, in files under one folder.

    Any number of threads and processes may share the folder. A search first applies the changes
    that the store's log has and the files have not, so that it sees every change acknowledged
    before it began. Files that are lost or damaged are made anew from the log.
    """

    def __init__(self, directory: Path, log: ChangeLog) -> None:
        """Use `directory`, which is made when the first chunk comes, and follow `log`."""
        self._directory = directory
        self._log = log
        self._corpora: OrderedDict[int, _Corpus] = OrderedDict()
        self._lock = threading.Lock()

    def search(
        self,
        corpus_key: int,
        query: str,
        query_vector: Vector,
        *,
        limit: int,
        document_key: int | None = None,
        allowed: NDArray[np.int64] | None = None,
    ) -> list[ScoredChunk]:
        """Find the chunks that answer a query best.

        Args:
            corpus_key: the corpus to search.
            query: words; nothing in it is an operator.
            query_vector: its embedding, shape (dimensions,), unit length; all zeros: words only.
            limit: the greatest number of results.
            document_key: confines the search to one document.
            allowed: confines the search to these chunk keys, ascending.

        Returns:
            Results by descending score, equal scores by ascending chunk key. A score is the
            calibrated probability that the chunk answers the query, see
            `ragkit.engine.index.ranking`. Confining a search changes no score.

        Raises:
            ValueError: the vector's length is not that of the corpus' vectors.
            filelock.Timeout: another process has been catching up for a quarter of an hour.
        """
        view = self._corpus(corpus_key).current()
        if view is None:
            return []
        return view.search(
            query, query_vector, limit=limit, document_key=document_key, allowed=allowed
        )

    def search_each(
        self,
        corpus_key: int,
        queries: Sequence[str],
        limits: Sequence[int],
        embed: Callable[[Sequence[str]], Vector],
    ) -> list[list[ScoredChunk]]:
        """Find the chunks that answer each of several queries best.

        For each query what `search` returns for it alone. The vectors are gone through once, and
        not at all for queries that were asked since the corpus last changed.

        Args:
            corpus_key: the corpus to search.
            queries: the queries' words.
            limits: the greatest number of results of each.
            embed: makes the embeddings of queries, shape (queries, dimensions).
        """
        view = self._corpus(corpus_key).current()
        if view is None:
            return [[] for _ in queries]
        return view.search_each(queries, limits, embed)

    def drop(self, corpus_key: int) -> None:
        """Delete a corpus' files."""
        with self._lock:
            corpus = self._corpora.pop(corpus_key, None)
        (corpus or self._new(corpus_key)).drop()

    def rebuild(self, corpus_key: int) -> None:
        """Make a corpus' files anew from the log, whatever state they are in."""
        self._corpus(corpus_key).rebuild()

    def status(self, corpus_key: int) -> IndexStatus:
        """Say how far a corpus' index has come, without catching up."""
        return self._corpus(corpus_key).status()

    def close(self) -> None:
        """Let go of all files. The index may be used again; it then opens them anew."""
        with self._lock:
            self._corpora.clear()

    def _corpus(self, corpus_key: int) -> _Corpus:
        with self._lock:
            corpus = self._corpora.get(corpus_key)
            if corpus is None:
                corpus = self._corpora[corpus_key] = self._new(corpus_key)
            self._corpora.move_to_end(corpus_key)
            while len(self._corpora) > _OPEN_CORPORA:
                self._corpora.popitem(last=False)
            return corpus

    def _new(self, corpus_key: int) -> _Corpus:
        return _Corpus(self._directory, corpus_key, self._log)


class _Corpus:
    """One corpus' folder and the newest view of it that this process has opened."""

    def __init__(self, directory: Path, key: int, log: ChangeLog) -> None:
        self._folder = directory / str(key)
        self._manifest = self._folder / update.MANIFEST
        # The lock stays when the folder goes: whoever waits for it must not hold another file.
        self._lock_path = directory / f"{key}.lock"
        self._key = key
        self._log = log
        self._view: View | None = None
        self._busy = threading.Lock()

    def current(self) -> View | None:
        """Return a view that has every change of the log; None if there never was any."""
        target = self._log.last_change(self._key)
        view, known = self._peek(), self._view
        if view is None and target == 0 and not self._folder.exists():
            return None
        if (
            view is None
            or view.manifest.change < target
            or (known is None and not view.consistent)
            or (view.manifest.change > target and self._ahead(view))
        ):
            return self._caught_up()
        self._view = view
        return view

    def rebuild(self) -> None:
        self._caught_up(anew=True)

    def drop(self) -> None:
        if not self._folder.exists():
            return
        with self._busy, self._locked():
            self._view = None
            # Without its manifest a folder is nothing, should deleting the rest be cut short.
            self._manifest.unlink(missing_ok=True)
            shutil.rmtree(self._folder, ignore_errors=True)

    def status(self) -> IndexStatus:
        view = self._peek()
        if view is None:
            return IndexStatus(0, 0, self._size())
        return IndexStatus(view.manifest.change, len(view.chunks.keys), self._size())

    def _size(self) -> int:
        size = 0
        for path in self._folder.rglob("*"):
            with suppress(FileNotFoundError):  # merged away meanwhile
                size += path.stat().st_size if path.is_file() else 0
        return size

    def _ahead(self, view: View) -> bool:
        """Whether the store is an older copy than the one that the files were made from.

        The log is asked after the view was opened: a process may have written and caught up
        since it was asked before.
        """
        return view.manifest.change > self._log.last_change(self._key)

    def _peek(self) -> View | None:
        """Return a view of the files as they are; None if there are none or they are damaged."""
        known = self._view
        try:
            content = self._manifest.read_bytes()
            if known is not None and known.content == content:
                return known
            return View.open(self._folder, content, known)
        except (OSError, DamagedIndexError):
            return None

    def _caught_up(self, *, anew: bool = False) -> View:
        with self._busy, self._locked():
            view = None if anew else self._peek()
            target = self._log.last_change(self._key)
            if view is not None and view.manifest.change > target:
                view = None
            if view is not None and view.manifest.change < target:
                view = self._apply(view.manifest, target)
            if view is None or not view.consistent:
                view = self._apply(update.new_generation(self._folder), target)
            if view is None or not view.consistent:
                raise DamagedIndexError(f"{self._folder} is damaged again as soon as it is built")
            self._view = view
            return view

    def _apply(self, manifest: Manifest, target: int) -> View | None:
        try:
            update.catch_up(self._folder, manifest, self._log, self._key, target)
        except DamagedIndexError:
            return None
        except MixedVectorsError:
            if manifest.change == 0:
                raise
            # The corpus got another embedder; its log now has the new vectors only.
            return None
        return self._peek()

    def _locked(self) -> FileLock:
        self._lock_path.parent.mkdir(parents=True, exist_ok=True)
        return FileLock(self._lock_path, timeout=_LOCK_SECONDS)
