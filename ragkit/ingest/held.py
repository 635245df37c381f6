"""What a corpus holds already: documents by the files they come from, and which files are gone.

A document is found by the source in its metadata. Its name derives from the source that it had
when it was made: a renamed file keeps its document, so that nothing of it has to be embedded
again, and the name then tells of the old path.
"""

from __future__ import annotations

import os
import threading
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count

from ragkit.api.documents import Document
from ragkit.api.errors import AlreadyExists, NotFound
from ragkit.api.limits import DOCUMENTS_PAGE
from ragkit.api.names import document_name
from ragkit.client import Client
from ragkit.ingest.errors import SameNameError
from ragkit.ingest.prepare import ROOT_PATH, document_id
from ragkit.ingest.scan import RootDone, is_selected
from ragkit.ingest.sync import known_content


@dataclass(frozen=True, slots=True)
class Gone:
    """A document whose file is gone."""

    source: str
    root: str
    document: Document


def documents_of(client: Client, corpus: str, *, create: bool) -> list[Document]:
    """All documents of a corpus; makes the corpus if it is not there and `create` says so."""
    try:
        return list(client.documents.list(corpus, page_size=DOCUMENTS_PAGE.maximum))
    except NotFound:
        if create:
            try:
                client.corpora.create(corpus, display_name=corpus.removeprefix("corpora/"))
            except AlreadyExists:
                return documents_of(client, corpus, create=False)
        return []


class Held:
    """The documents of a corpus. Safe to share between threads.

    Args:
        corpus: the corpus' id or name.
        documents: all that it holds.
    """

    def __init__(self, corpus: str, documents: Iterable[Document]) -> None:
        self._corpus = corpus
        self._by_name = {document.name: document for document in documents}
        self._by_source: dict[str, Document] = {}
        for document in self._by_name.values():
            source = document.metadata.get("source")
            if not isinstance(source, str):
                continue
            first = self._by_source.setdefault(source, document)
            if first is not document and known_content(first) is None:
                self._by_source[source] = document
        self._gone: dict[str, list[Gone]] = {}
        self._met: set[str] = set()
        self._lock = threading.Lock()

    def find(self, source: str) -> tuple[str, Document | None]:
        """The name that a source's document has or will have, and the document if it is there."""
        document = self._by_source.get(source)
        if document is not None:
            return document.name, document
        for attempt in count():
            name = document_name(document_id(source, attempt), self._corpus)
            taken = self._by_name.get(name)
            if taken is None or not isinstance(taken.metadata.get("source"), str):
                return name, taken
        raise AssertionError("there is always another name")

    def refuse_namesakes(self, roots: Iterable[RootDone]) -> None:
        """Refuse roots under whose name the corpus holds another folder that is still there.

        Raises:
            SameNameError: there is one.
        """
        known: dict[object, set[str]] = defaultdict(set)
        for document in self._by_name.values():
            there = document.metadata.get(ROOT_PATH)
            if isinstance(there, str):
                known[document.metadata.get("root")].add(there)
        for done in roots:
            for there in sorted(known.get(done.root, set()) - {str(done.path.resolve())}):
                if os.path.lexists(there):
                    raise SameNameError(there, done.path, done.root)

    def look_for_gone(
        self,
        roots: Iterable[RootDone],
        seen: set[str],
        include: Sequence[str],
        exclude: Sequence[str],
    ) -> None:
        """Find the documents of files that are gone, on evidence only.

        The root that a document belongs to was scanned to its end, the patterns select the file,
        the scan did not meet it, and it is not there: what was not looked for is not gone.

        Args:
            roots: what was scanned.
            seen: the sources that were met.
            include: as for the scan.
            exclude: as for the scan.
        """
        complete = {done.root: done.path for done in roots if done.complete}
        for source, document in self._by_source.items():
            root = document.metadata.get("root")
            if not isinstance(root, str) or root not in complete:
                continue
            below = source.removeprefix(root + "/")
            if source in seen:
                self._met.add(root)
            elif not os.path.lexists(complete[root] / below) and is_selected(
                below, include, exclude
            ):
                digest = (known_content(document) or ("",))[0]
                self._gone.setdefault(digest, []).append(Gone(source, root, document))

    def take_renamed(self, digest: str) -> Gone | None:
        """A document of this content whose file is gone: the file has another name now.

        It is given to one caller only.
        """
        with self._lock:
            found = self._gone.get(digest) if digest else None
            if not found:
                return None
            gone = found.pop()
            self._met.add(gone.root)
            return gone

    def gone(self) -> Iterator[tuple[str, bool, list[Gone]]]:
        """For each root what is gone of it, and whether anything at all was met of that root.

        A root of which nothing was met may be another folder of the same name, or one whose
        contents are away for the moment.
        """
        by_root: dict[str, list[Gone]] = defaultdict(list)
        for found in self._gone.values():
            for gone in found:
                by_root[gone.root].append(gone)
        for root in sorted(by_root):
            yield root, root in self._met, sorted(by_root[root], key=lambda one: one.source)
