"""Making one document of a corpus hold what its file says, with as few calls as needed.

The order of calls makes every interruption harmless. A document says in its metadata which
content it holds (`sha256`, `pipeline`); that is written last, and taken back before its chunks
are touched. So a document without it is unfinished, and the next run goes on where this one
stopped: chunk ids derive from the chunks' texts, so what was acknowledged is recognised.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from ragkit.api.chunks import Chunk, ChunkData
from ragkit.api.documents import Document
from ragkit.api.limits import CHUNKS_PAGE, MAX_BATCH_SIZE
from ragkit.api.metadata import plain_metadata, wrap_metadata
from ragkit.api.names import chunk_name, document_name
from ragkit.client import Client
from ragkit.ingest.prepare import PlainMetadata, PreparedChunk, PreparedDocument
from ragkit.ingest.report import ChunkCounts

T = TypeVar("T")

CONTENT_KEYS = ("sha256", "pipeline")
"""Metadata of a document that says which content it holds whole."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be done to one document.

    Attributes:
        name: the document's resource name.
        prepared: what it should hold.
        current: what stands there, None if it is new.
        create: chunks to create.
        update: chunks whose metadata is to be replaced.
        delete: names of chunks to delete.
    """

    name: str
    prepared: PreparedDocument
    current: Document | None
    create: tuple[PreparedChunk, ...]
    update: tuple[PreparedChunk, ...]
    delete: tuple[str, ...]

    @property
    def counts(self) -> ChunkCounts:
        """How many chunks it creates, updates and deletes."""
        return ChunkCounts(len(self.create), len(self.update), len(self.delete))


def known_content(document: Document) -> tuple[str, str] | None:
    """The (hash, fingerprint) of the content that a document holds whole, None if unfinished."""
    metadata = document.metadata
    digest, fingerprint = (metadata.get(key) for key in CONTENT_KEYS)
    if isinstance(digest, str) and isinstance(fingerprint, str):
        return digest, fingerprint
    return None


def plan(client: Client, corpus: str, prepared: PreparedDocument, current: Document | None) -> Plan:
    """Compare what a document holds with what it should hold; asks for its chunks, changes none.

    Args:
        client: where the corpus is.
        corpus: the corpus' id or name.
        prepared: what the document should hold.
        current: the document as it stands, None if it is new.
    """
    name = document_name(prepared.id, corpus)
    if current is None:
        return Plan(name, prepared, None, prepared.chunks, (), ())
    wanted = {chunk_name(chunk.id, name): chunk for chunk in prepared.chunks}
    update: list[PreparedChunk] = []
    delete: list[str] = []
    for existing in client.chunks.list(name, page_size=CHUNKS_PAGE.maximum):
        chunk = wanted.pop(existing.name, None)
        if chunk is None or existing.text != chunk.text:
            delete.append(existing.name)
            if chunk is not None:
                wanted[existing.name] = chunk
        elif existing.metadata != _as_stored(chunk.metadata):
            update.append(chunk)
    return Plan(name, prepared, current, tuple(wanted.values()), tuple(update), tuple(delete))


def carry_out(client: Client, plan: Plan, pushed: Callable[[int], None]) -> None:
    """Do what a plan says.

    Args:
        client: where the corpus is.
        plan: what to do.
        pushed: told the number of chunks each time some have been acknowledged.
    """
    prepared = plan.prepared
    final = _as_stored(prepared.metadata)
    unfinished = {key: value for key, value in final.items() if key not in CONTENT_KEYS}
    if plan.current is None:
        corpus, _, document = plan.name.partition("/documents/")
        client.documents.create(
            corpus, document, display_name=prepared.display_name, metadata=unfinished
        )
    elif known_content(plan.current) is not None and any((plan.create, plan.update, plan.delete)):
        client.documents.update(plan.name, metadata=unfinished)
    for deleted in _batches(plan.delete):
        client.chunks.batch_delete(plan.name, deleted)
        pushed(len(deleted))
    for changed in _batches(plan.update):
        client.chunks.batch_update(
            plan.name,
            [chunk_message(plan.name, chunk) for chunk in changed],
            update_mask=["custom_metadata"],
        )
        pushed(len(changed))
    for created in _batches(plan.create):
        messages = [chunk_message(plan.name, chunk) for chunk in created]
        client.chunks.batch_create(plan.name, messages)
        pushed(len(created))
    client.documents.update(plan.name, display_name=prepared.display_name, metadata=final)


def chunk_message(document: str, chunk: PreparedChunk) -> Chunk:
    """A prepared chunk as the API's message, for the document of a name."""
    return Chunk(
        name=chunk_name(chunk.id, document),
        data=ChunkData(string_value=chunk.text),
        custom_metadata=wrap_metadata(chunk.metadata),
    )


def _as_stored(metadata: PlainMetadata) -> PlainMetadata:
    """The metadata as the API gives it back."""
    return plain_metadata(wrap_metadata(metadata))


def _batches(items: Sequence[T]) -> Iterator[Sequence[T]]:
    for start in range(0, len(items), MAX_BATCH_SIZE):
        yield items[start : start + MAX_BATCH_SIZE]
