"""Ingestion: local files to chunks of a corpus; token-exact, incremental, resumable."""

from ragkit.ingest.errors import IngestError, MissingPathError, ReadError
from ragkit.ingest.prepare import Splitting
from ragkit.ingest.report import ChunkCounts, Failure, FileOutcome, IngestReport, Observer
from ragkit.ingest.run import IngestOptions, ingest

__all__ = [
    "ChunkCounts",
    "Failure",
    "FileOutcome",
    "IngestError",
    "IngestOptions",
    "IngestReport",
    "MissingPathError",
    "Observer",
    "ReadError",
    "Splitting",
    "ingest",
]
