"""XLSX: the sheets of a workbook, each under its name, as tables."""

from __future__ import annotations

import datetime
import warnings
from collections.abc import Iterator, Sequence
from io import BytesIO
from typing import Any

from ragkit.ingest.errors import ReadError
from ragkit.ingest.readers.building import MOST_NAMES, Builder, looks_like_header
from ragkit.ingest.readers.extracted import Extracted
from ragkit.ingest.readers.extras import require
from ragkit.ingest.readers.office import open_package, properties

_MOST_CELLS = 20_000_000
"""Cells, empty ones between others included: a file of a few kilobytes can claim 17 billion."""


def read(data: bytes, *, name: str) -> Extracted:
    """Read a workbook.

    Each sheet is a heading (its name) and the tables that blank rows divide it into; a first row
    that can be the columns' names is the table's header. Formulas stand with the value that the
    program which saved the file had calculated; without one their cell is empty.

    Args:
        data: The file's bytes.
        name: The file's name, for errors.

    Raises:
        ReadError: It is damaged or encrypted, or the extra `office` is not installed.
    """
    library = require("openpyxl", extra="office", name=name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # extensions that it does not know, and leaves out
        workbook = open_package(
            data,
            name,
            "a workbook",
            lambda: library.load_workbook(
                BytesIO(data), read_only=True, data_only=True, keep_links=False
            ),
        )
        try:
            return _extract(workbook, name)
        finally:
            workbook.close()


def _extract(workbook: Any, name: str) -> Extracted:
    builder = Builder()
    budget = _MOST_CELLS
    for sheet in workbook.worksheets:
        builder.add("heading", sheet.title, level=1)
        # Many programs write a wrong size of the sheet.
        sheet.reset_dimensions()
        group: list[list[str]] = []
        try:
            for row in sheet.iter_rows(values_only=True):
                budget -= len(row) + 1
                if budget < 0:
                    raise ReadError(name, f"has more than {_MOST_CELLS:,} cells: export it as CSV")
                cells = [_cell(value) for value in row]
                if any(cells):
                    group.append(cells)
                elif group:
                    _add_group(builder, group)
                    group = []
        except ReadError:
            raise
        except Exception as error:  # damage shows only while reading
            raise ReadError(
                name, f"is damaged: its sheet {sheet.title!r} cannot be read ({error!r})"
            ) from error
        if group:
            _add_group(builder, group)
    metadata = properties(workbook.properties)
    title = metadata.pop("title", None)
    metadata["sheets"] = tuple(sheet.title for sheet in workbook.worksheets[:MOST_NAMES])
    if not any(block.kind != "heading" for block in builder.blocks):
        builder = Builder()  # nothing but the names of empty sheets
    return builder.build(
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        title=title if isinstance(title, str) else None,
        metadata=metadata,
    )


def _add_group(builder: Builder, rows: Sequence[list[str]]) -> None:
    """Add rows without a blank one between them: lines above a table as text, then the table."""
    rows = list(_without_margin(rows))
    first = 0
    while first < len(rows) and sum(map(bool, rows[first])) == 1:
        first += 1
    if first == len(rows):
        builder.add_table(rows)  # a single column
        return
    for row in rows[:first]:
        builder.add("paragraph", next(filter(None, row)))
    builder.add_table(rows[first:], header=looks_like_header(rows[first]))


def _without_margin(rows: Sequence[list[str]]) -> Iterator[list[str]]:
    """Yield rows without the columns at the left that are empty in all of them."""
    margin = min(next(index for index, cell in enumerate(row) if cell) for row in rows)
    for row in rows:
        yield row[margin:]


def _cell(value: object) -> str:
    """Return a cell's value as a reader would write it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, float):
        return f"{value:.15g}"
    if isinstance(value, datetime.datetime):
        midnight = value.time() == datetime.time()
        return value.date().isoformat() if midnight else value.isoformat(" ", "seconds")
    return str(value).strip()
