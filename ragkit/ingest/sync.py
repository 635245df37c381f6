"""Making one document of a corpus hold what its file says, with as few calls as needed.

The order of calls makes every interruption harmless. A document says in its metadata which
content it holds (`sha256`, `pipeline`); that is written last, and taken back before its chunks
are touched. So a document without it is unfinished, and the next run goes on where this one
stopped: chunk ids derive from the chunks' texts, so what was acknowledged is recognised.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ragkit.api.chunks import Chunk, ChunkData
from ragkit.api.documents import Document
from ragkit.api.limits import CHUNKS_PAGE
from ragkit.api.metadata import plain_metadata, wrap_metadata
from ragkit.api.names import chunk_name
from ragkit.client import Client
from ragkit.ingest.errors import ChunksRefused
from ragkit.ingest.prepare import PlainMetadata, PreparedChunk, PreparedDocument
from ragkit.ingest.pushing import MOST_REFUSALS, Batches, Pace
from ragkit.ingest.report import ChunkCounts
from ragkit.provenance import SPAN

_EMBEDDED = Pace(None)

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


def plan(
    client: Client,
    name: str,
    prepared: PreparedDocument,
    current: Document | None,
    pace: Pace = _EMBEDDED,
) -> Plan:
    """Compare what a document holds with what it should hold; asks for its chunks, changes none.

    Args:
        client: where the corpus is.
        name: the document's resource name.
        prepared: what the document should hold.
        current: the document as it stands, None if it is new.
        pace: when calls are sent.
    """
    if current is None:
        return Plan(name, prepared, None, prepared.chunks, (), ())
    wanted = {chunk_name(chunk.id, name): chunk for chunk in prepared.chunks}
    update: list[PreparedChunk] = []
    delete: list[str] = []
    listed = client.chunks.list(name, page_size=CHUNKS_PAGE.maximum)
    # A kind of its own by the number of its pages.
    for existing in pace(lambda: list(listed), f"list {_about(prepared.chunks)}"):
        chunk = wanted.pop(existing.name, None)
        if chunk is None or existing.text != chunk.text:
            delete.append(existing.name)
            if chunk is not None:
                wanted[existing.name] = chunk
        elif existing.metadata != _as_stored(chunk.metadata):
            update.append(chunk)
    return Plan(name, prepared, current, tuple(wanted.values()), tuple(update), tuple(delete))


def carry_out(
    client: Client, plan: Plan, pushed: Callable[[int], None], pace: Pace = _EMBEDDED
) -> None:
    """Do what a plan says.

    Args:
        client: where the corpus is.
        plan: what to do.
        pushed: told the number of chunks each time some have been acknowledged.
        pace: when calls are sent.

    Raises:
        ChunksRefused: the service does not take some chunks. The others are there; the document
            counts as unfinished.
    """
    prepared, name = plan.prepared, plan.name
    final = _as_stored(prepared.metadata)
    unfinished = {key: value for key, value in final.items() if key not in CONTENT_KEYS}
    if plan.current is None:
        corpus, _, document = name.partition("/documents/")
        pace(
            lambda: client.documents.create(
                corpus, document, display_name=prepared.display_name, metadata=unfinished
            )
        )
    elif known_content(plan.current) is not None and any((plan.create, plan.update, plan.delete)):
        pace(lambda: client.documents.update(name, metadata=unfinished))
    deleting = Batches[str](
        lambda names: pace(
            lambda: client.chunks.batch_delete(name, names), f"delete {_about(names)}"
        ),
        pushed,
    )
    updating = Batches[PreparedChunk](
        lambda chunks: pace(
            lambda: client.chunks.batch_update(
                name,
                [chunk_message(name, chunk) for chunk in chunks],
                update_mask=["custom_metadata"],
            ),
            f"update {_about(chunks)}",
        ),
        pushed,
    )
    creating = Batches[PreparedChunk](
        lambda chunks: pace(
            lambda: client.chunks.batch_create(
                name, [chunk_message(name, chunk) for chunk in chunks]
            ),
            f"create {_about(chunks)}",
        ),
        pushed,
    )
    deleting.send(plan.delete)
    updating.send(plan.update)
    creating.send(plan.create)
    if deleting.refused or updating.refused or creating.refused:
        raise _refusal(prepared, deleting, updating, creating)
    pace(lambda: client.documents.update(name, display_name=prepared.display_name, metadata=final))


def _about(items: Sequence[object]) -> int:
    """The size of a batch, roughly: batches of about one size take about equally long."""
    return len(items).bit_length()


def _refusal(
    prepared: PreparedDocument,
    deleting: Batches[str],
    updating: Batches[PreparedChunk],
    creating: Batches[PreparedChunk],
) -> ChunksRefused:
    """What to tell of the chunks that were refused."""
    reasons = [f"{name}: {error}" for name, error in deleting.refused]
    reasons += [
        f"characters {chunk.metadata.get(SPAN)}: {error}"
        for chunk, error in (*updating.refused, *creating.refused)
    ]
    most = max(len(part.refused) for part in (deleting, updating, creating)) >= MOST_REFUSALS
    shown = "; ".join(reasons[:3]) + ("; …" if len(reasons) > 3 else "")
    sent = deleting.sent + updating.sent + creating.sent
    return ChunksRefused(
        prepared.source,
        f"the service refuses {'at least ' if most else ''}{len(reasons)} of its chunks "
        f"({shown}); {sent} others were taken",
        creating.sent,
        updating.sent,
        deleting.sent,
    )


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
