"""Jupyter notebooks: Markdown cells as Markdown, code cells and their text outputs as code."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from ragkit.ingest.errors import ReadError
from ragkit.ingest.readers.building import Builder
from ragkit.ingest.readers.decoding import decode
from ragkit.ingest.readers.extracted import Extracted, MetadataValue
from ragkit.ingest.readers.normal import clean

_ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_MOST_OUTPUT = 20_000
"""Characters of one output that are kept: what is longer is a log, not a result."""


def read(data: bytes, *, name: str) -> Extracted:
    """Read a notebook (nbformat 3 and 4).

    Markdown cells keep their headings; a code cell is one block of code, and so is each text
    output of it. Images, widgets and tracebacks are left out.

    Args:
        data: The file's bytes.
        name: The file's name, for errors.

    Raises:
        ReadError: It is no notebook.
    """
    decoded = decode(data, name=name)
    try:
        notebook = json.loads(decoded.text)
    except (ValueError, RecursionError) as error:
        raise ReadError(name, f"is damaged or no notebook: {error}") from error
    cells = _cells(notebook)
    if cells is None:
        raise ReadError(name, "is JSON, but no notebook: it has no cells")
    builder = Builder()
    for cell in cells:
        if isinstance(cell, dict):
            _add_cell(builder, cell)
    metadata = _metadata(notebook)
    title = metadata.pop("title", None)
    if not isinstance(title, str):
        title = next((block.label for block in builder.blocks if block.kind == "heading"), None)
    return builder.build("application/x-ipynb+json", title=title, metadata=metadata)


def _cells(notebook: Any) -> list[Any] | None:
    if not isinstance(notebook, dict):
        return None
    if isinstance(notebook.get("cells"), list):
        return list(notebook["cells"])
    sheets = notebook.get("worksheets")  # nbformat 3
    if not isinstance(sheets, list):
        return None
    found = [sheet["cells"] for sheet in sheets if isinstance(sheet, dict) and "cells" in sheet]
    return [cell for cells in found if isinstance(cells, list) for cell in cells]


def _add_cell(builder: Builder, cell: Mapping[str, Any]) -> None:
    kind = cell.get("cell_type")
    source = _text(cell.get("source", cell.get("input")))
    if not source.strip():
        return
    if kind == "markdown":
        _add_markdown(builder, source)
    elif kind == "heading":
        level = cell.get("level")
        builder.add("heading", source, level=level if isinstance(level, int) else 1)
    elif kind == "code":
        builder.add("code", source)
        outputs = cell.get("outputs")
        for output in outputs if isinstance(outputs, list) else []:
            if isinstance(output, dict):
                _add_output(builder, output)
    else:  # raw cells: meant for another program, but text
        builder.add("paragraph", source)


def _add_markdown(builder: Builder, source: str) -> None:
    from ragkit.ingest.readers import markdown

    text = clean(source)
    builder.add_document(Extracted(text, tuple(markdown.block_structure(text)), "text/markdown"))


def _add_output(builder: Builder, output: Mapping[str, Any]) -> None:
    kind = output.get("output_type")
    if kind == "stream" and output.get("name", output.get("stream")) != "stderr":
        text = _text(output.get("text"))
    elif kind in ("execute_result", "display_data", "pyout"):
        bundle = output.get("data")
        source = bundle if isinstance(bundle, dict) else output
        if markdown := _text(source.get("text/markdown")):
            _add_markdown(builder, markdown[:_MOST_OUTPUT])
            return
        text = _text(source.get("text/plain", source.get("text")))
    else:
        return
    text = _ANSI.sub("", text)
    # Progress bars write over their own line.
    lines = [line.rstrip("\r").rpartition("\r")[2] for line in text.split("\n")]
    text = "\n".join(lines).rstrip()
    if len(text) > _MOST_OUTPUT:
        builder.warnings.append(f"an output of {len(text)} characters was cut at {_MOST_OUTPUT}")
        text = text[:_MOST_OUTPUT]
    builder.add("code", text)


def _text(value: Any) -> str:
    """Return what nbformat calls a multi-line string: one, or a list of lines."""
    if isinstance(value, list):
        return "".join(part for part in value if isinstance(part, str))
    return value if isinstance(value, str) else ""


def _metadata(notebook: Mapping[str, Any]) -> dict[str, MetadataValue]:
    found: dict[str, MetadataValue] = {}
    for key, value in _named(notebook.get("metadata")):
        if key in ("kernelspec", "language_info"):
            language = dict(_named(value)).get("language" if key == "kernelspec" else "name")
            if isinstance(language, str) and language:
                found["language"] = language
        elif key == "title" and isinstance(value, str) and value.strip():
            found["title"] = " ".join(value.split())
        elif key == "authors" and isinstance(value, list):
            names = [dict(_named(author)).get("name") for author in value]
            if authors := tuple(name for name in names if isinstance(name, str) and name):
                found["authors"] = authors
    return found


def _named(value: Any) -> Iterator[tuple[str, Any]]:
    return iter(value.items() if isinstance(value, dict) else ())
