"""Ingestion: local files to chunks of a corpus; token-exact, incremental, resumable."""

from ragkit.ingest.errors import IngestError, MetadataError, MissingPathError, ReadError
from ragkit.ingest.following import Rhythm, watch
from ragkit.ingest.limits import FileLimits
from ragkit.ingest.options import IngestOptions
from ragkit.ingest.prepare import Splitting
from ragkit.ingest.report import ChunkCounts, Failure, FileOutcome, IngestReport, Observer
from ragkit.ingest.run import ingest

__all__ = [
    "ChunkCounts",
    "Failure",
    "FileLimits",
    "FileOutcome",
    "IngestError",
    "IngestOptions",
    "IngestReport",
    "MetadataError",
    "MissingPathError",
    "Observer",
    "ReadError",
    "Rhythm",
    "Splitting",
    "ingest",
    "watch",
]
