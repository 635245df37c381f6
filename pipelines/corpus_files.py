"""A corpus as files: what `export_corpus.py` writes and `import_corpus.py` reads.

A folder holds `corpus.json` and parts, `part-00000.jsonl` or `part-00000.parquet` and so on. A
part holds whole documents; each is a record of the kind "document", followed by its chunks:

    {"kind": "document", "document": ID, "display_name": TEXT, "metadata": {KEY: VALUE, ...}}
    {"kind": "chunk", "document": ID, "chunk": ID, "text": TEXT, "metadata": {...},
     "embedding": [NUMBER, ...]}

An embedding is there only if it was asked for. In Parquet the same keys are columns, and
`metadata` is a string of JSON. `corpus.json` says what the parts hold: it is written anew, whole
or not at all, after each part, so that an export that was interrupted is gone on with.

The *digest* of records is the sum, modulo 2**256, of a SHA-256 of each: it does not depend on
their order, and does depend on how often each is there.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, TypeAlias

from ragkit.api.chunks import Chunk
from ragkit.api.documents import Document

Record: TypeAlias = dict[str, Any]

MANIFEST = "corpus.json"
FORMATS = ("jsonl", "parquet")
_FORMAT, _VERSION = "ragkit-corpus", 1
_KEYS = ("kind", "document", "chunk", "display_name", "text", "metadata")
_ROWS = 1_000  # records that are turned into Parquet, or back, at a time


class CorpusFilesError(Exception):
    """The files are not what they should be, or cannot be read or written; says which and why."""


def document_record(document: Document) -> Record:
    """A document as a record."""
    return {
        "kind": "document",
        "document": document.name.rpartition("/")[2],
        "display_name": document.display_name,
        "metadata": document.metadata,
    }


def chunk_record(chunk: Chunk) -> Record:
    """A chunk as a record."""
    document, _, chunk_id = chunk.name.partition("/chunks/")
    return {
        "kind": "chunk",
        "document": document.rpartition("/")[2],
        "chunk": chunk_id,
        "text": chunk.text,
        "metadata": chunk.metadata,
    }


def fingerprint(record: Record) -> int:
    """The SHA-256 of what a record holds, embedding aside."""
    kept = [record.get(key) for key in _KEYS]
    plain = json.dumps(kept, ensure_ascii=True, sort_keys=True, separators=(",", ":"))
    return int.from_bytes(hashlib.sha256(plain.encode()).digest())


@dataclass(slots=True)
class Tally:
    """How many documents and chunks there are, and their digest."""

    documents: int = 0
    chunks: int = 0
    digest: int = 0

    def add(self, record: Record) -> None:
        """Count a record."""
        if record["kind"] == "document":
            self.documents += 1
        else:
            self.chunks += 1
        self.digest = (self.digest + fingerprint(record)) % (1 << 256)

    def add_all(self, other: Tally) -> None:
        """Count what another has counted."""
        self.documents += other.documents
        self.chunks += other.chunks
        self.digest = (self.digest + other.digest) % (1 << 256)

    def to_json(self) -> dict[str, int | str]:
        """Plain values, the digest in hexadecimal."""
        return {
            "documents": self.documents,
            "chunks": self.chunks,
            "digest": f"{self.digest:064x}",
        }


@dataclass(slots=True)
class Part:
    """What `corpus.json` says of a part.

    Attributes:
        file: its name.
        sha256: of the file.
        chunks: how many chunks it holds.
        digest: of its records, in hexadecimal.
        documents: the id of each document, and a stamp by which a change of it is seen.
    """

    file: str
    sha256: str
    chunks: int
    digest: str
    documents: dict[str, str]

    @property
    def tally(self) -> Tally:
        """What it should hold."""
        return Tally(len(self.documents), self.chunks, int(self.digest, 16))


@dataclass(slots=True)
class Manifest:
    """What `corpus.json` says.

    Attributes:
        corpus: the corpus' id.
        display_name: its display name.
        format: of the parts, one of `FORMATS`.
        embeddings: the model of the embeddings and their dimensions, None without any.
        complete: whether everything was exported, and found in the files.
        parts: what each part holds.
    """

    corpus: str
    display_name: str
    format: str
    embeddings: dict[str, Any] | None = None
    complete: bool = False
    parts: list[Part] = field(default_factory=list)

    @property
    def tally(self) -> Tally:
        """What all parts should hold."""
        total = Tally()
        for part in self.parts:
            total.add_all(part.tally)
        return total

    def write(self, folder: Path) -> None:
        """Write it whole, or leave what was there.

        Raises:
            OSError: it cannot be written.
        """
        head = {"format": _FORMAT, "version": _VERSION}
        values = {**asdict(self), "file_format": self.format, **self.tally.to_json(), **head}
        partial = folder / (MANIFEST + ".partial")
        text = json.dumps(values, ensure_ascii=False, indent=1)
        partial.write_text(text + "\n", encoding="utf-8")
        partial.replace(folder / MANIFEST)


def read_manifest(folder: Path) -> Manifest | None:
    """Read `corpus.json`; None if there is none.

    Raises:
        CorpusFilesError: it cannot be read or is none of this format.
    """
    file = folder / MANIFEST
    try:
        values = json.loads(file.read_text(encoding="utf-8"))
        if values["format"] != _FORMAT or values["version"] != _VERSION:
            raise CorpusFilesError(
                f"{file}: is of the format {values['format']!r} {values['version']!r}, "
                f"not {_FORMAT!r} {_VERSION}"
            )
        return Manifest(
            corpus=values["corpus"],
            display_name=values["display_name"],
            format=values["file_format"],
            embeddings=values["embeddings"],
            complete=values["complete"],
            parts=[Part(**part) for part in values["parts"]],
        )
    except FileNotFoundError:
        return None
    except OSError as error:
        raise CorpusFilesError(f"{file}: cannot be opened: {_reason(error)}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise CorpusFilesError(f"{file}: is no description of an exported corpus") from error


class PartWriter:
    """Writes one part; nothing stands under its name before it is whole.

    Records are first written as JSON Lines, whatever the format, so that a document which cannot
    be had to its end can be taken back.
    """

    def __init__(self, folder: Path, number: int, format: str) -> None:  # noqa: A002
        self._final = folder / f"part-{number:05}.{format}"
        self._spool = folder / f"part-{number:05}.partial"
        self._stream = self._spool.open("w+b")
        self._format = format
        self.total = Tally()
        self.documents: dict[str, str] = {}

    def add(self, document: str, stamp: str, records: Iterable[Record]) -> Tally:
        """Write a document's records, all or none.

        Args:
            document: its id.
            stamp: by which a change of it is seen.
            records: its own and its chunks'.
        """
        start, tally = self._stream.tell(), Tally()
        try:
            for record in records:
                line = json.dumps(record, ensure_ascii=False, separators=(",", ":"))
                self._stream.write(line.encode() + b"\n")
                tally.add(record)
        except BaseException:
            self._stream.seek(start)
            self._stream.truncate()
            raise
        self.total.add_all(tally)
        self.documents[document] = stamp
        return tally

    def close(self) -> Part:
        """Put the part under its name; returns what it holds."""
        self._stream.flush()
        if self._format == "parquet":
            self._stream.seek(0)
            finished = self._final.with_suffix(".parquet.partial")
            _write_parquet(finished, map(json.loads, self._stream))
            self._stream.close()
            self._spool.unlink()
        else:
            self._stream.close()
            finished = self._spool
        digest = file_sha256(finished)
        finished.replace(self._final)
        tally = self.total
        return Part(self._final.name, digest, tally.chunks, f"{tally.digest:064x}", self.documents)

    def discard(self) -> None:
        """Leave nothing behind."""
        self._stream.close()
        self._spool.unlink(missing_ok=True)
        self._final.with_suffix(".parquet.partial").unlink(missing_ok=True)


def read_part(file: Path) -> Iterator[Record]:
    """The records of a part, few of them in memory at a time.

    Raises:
        CorpusFilesError: it cannot be read, or holds something else.
    """
    try:
        if file.suffix == ".parquet":
            yield from _read_parquet(file)
            return
        with file.open("rb") as stream:
            for number, line in enumerate(stream, start=1):
                try:
                    yield json.loads(line)
                except ValueError as error:
                    raise CorpusFilesError(f"{file}: line {number}: is not JSON") from error
    except OSError as error:
        raise CorpusFilesError(f"{file}: cannot be read: {_reason(error)}") from error


def file_sha256(file: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def require_parquet() -> ModuleType:
    """The library that reads and writes Parquet.

    Raises:
        CorpusFilesError: it is not installed; names the extra.
    """
    try:
        return import_module("pyarrow.parquet")
    except ImportError as error:
        raise CorpusFilesError(
            "Parquet needs pyarrow: pip install 'ragkit[parquet]', or use the format \"jsonl\""
        ) from error


def _write_parquet(file: Path, records: Iterable[Record]) -> None:
    parquet = require_parquet()
    pa = import_module("pyarrow")

    schema = pa.schema(
        [
            *(pa.field(key, pa.string()) for key in _KEYS),
            pa.field("embedding", pa.list_(pa.float32())),
        ]
    )
    with parquet.ParquetWriter(file, schema, compression="zstd") as writer:
        for rows in _groups(records):
            for row in rows:
                row["metadata"] = json.dumps(row["metadata"], ensure_ascii=False)
            writer.write_table(pa.Table.from_pylist(rows, schema))


def _read_parquet(file: Path) -> Iterator[Record]:
    parquet = require_parquet()
    pa = import_module("pyarrow")

    try:
        with parquet.ParquetFile(file) as opened:
            for batch in opened.iter_batches(_ROWS):
                for row in batch.to_pylist():
                    record = {key: value for key, value in row.items() if value is not None}
                    record["metadata"] = json.loads(record["metadata"])
                    yield record
    except (pa.ArrowException, KeyError, ValueError) as error:
        raise CorpusFilesError(f"{file}: is no part of an exported corpus: {error}") from error


def _groups(records: Iterable[Record]) -> Iterator[list[Record]]:
    rows: list[Record] = []
    for record in records:
        rows.append(record)
        if len(rows) == _ROWS:
            yield rows
            rows = []
    if rows:
        yield rows


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower()
