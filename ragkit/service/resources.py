"""The engine's records as the API's resources."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from ragkit.api.chunks import Chunk, ChunkData, ChunkState
from ragkit.api.corpora import Corpus
from ragkit.api.documents import Document
from ragkit.api.times import format_timestamp
from ragkit.engine.records import ChunkRecord, CorpusRecord, DocumentRecord
from ragkit.service.metadata import to_api_metadata

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def to_datetime(microseconds: int) -> datetime:
    """The moment so many microseconds after the Unix epoch."""
    return _EPOCH + timedelta(microseconds=microseconds)


def corpus_resource(record: CorpusRecord) -> Corpus:
    """A corpus as the API shows it."""
    return Corpus(
        name=f"corpora/{record.id}",
        display_name=record.display_name,
        create_time=to_datetime(record.create_time),
        update_time=to_datetime(record.update_time),
    )


def document_resource(record: DocumentRecord) -> Document:
    """A document as the API shows it."""
    return Document(
        name=f"corpora/{record.corpus_id}/documents/{record.id}",
        display_name=record.display_name,
        custom_metadata=to_api_metadata(record.metadata),
        create_time=to_datetime(record.create_time),
        update_time=to_datetime(record.update_time),
    )


def chunk_resource(record: ChunkRecord) -> Chunk:
    """A chunk as the API shows it."""
    return Chunk(
        name=f"corpora/{record.corpus_id}/documents/{record.document_id}/chunks/{record.id}",
        data=ChunkData(string_value=record.text),
        custom_metadata=to_api_metadata(record.metadata),
        create_time=to_datetime(record.create_time),
        update_time=to_datetime(record.update_time),
        state=ChunkState(int(record.state)),
    )


def chunk_json(record: ChunkRecord) -> dict[str, Any]:
    """What `chunk_resource` is on the wire, for replies that hold many chunks.

    Making a message of each and writing that takes five times as long.
    """
    document = f"corpora/{record.corpus_id}/documents/{record.document_id}"
    written: dict[str, Any] = {
        "name": f"{document}/chunks/{record.id}",
        "data": {"stringValue": record.text},
    }
    if record.metadata:
        written["customMetadata"] = [each.to_wire() for each in to_api_metadata(record.metadata)]
    written["createTime"] = _timestamp(record.create_time)
    written["updateTime"] = _timestamp(record.update_time)
    written["state"] = _STATE_NAMES[record.state]
    return written


@lru_cache(maxsize=4096)  # the chunks of a batch have the same
def _timestamp(microseconds: int) -> str:
    return format_timestamp(to_datetime(microseconds))


_STATE_NAMES = {int(state): state.name for state in ChunkState}
