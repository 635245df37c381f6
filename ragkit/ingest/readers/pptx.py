"""PPTX: the slides of a presentation, each a page."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from typing import Any

from ragkit.ingest.errors import ReadError
from ragkit.ingest.readers.building import Builder, looks_like_header
from ragkit.ingest.readers.extracted import Extracted
from ragkit.ingest.readers.extras import require
from ragkit.ingest.readers.office import open_package, properties

_DEEPEST = 20
"""Groups in one another that are opened."""


def read(data: bytes, *, name: str) -> Extracted:
    """Read a presentation.

    Each slide is a page and begins with a heading: its title, or `Slide 3` where it has none.
    Bullets are lists, tables and the numbers of charts are tables, and the speaker's notes follow
    their slide.

    Args:
        data: The file's bytes.
        name: The file's name, for errors.

    Raises:
        ReadError: It is damaged or encrypted, or the extra `office` is not installed.
    """
    library = require("pptx", extra="office", name=name)
    show, slides = open_package(data, name, "a presentation", lambda: _open(library, data))
    builder = Builder()
    broken: list[int] = []
    count = len(slides)
    for page in range(1, count + 1):
        try:
            _add_slide(builder, slides[page - 1], page)
        except Exception:  # noqa: BLE001 one bad slide does not lose the others
            broken.append(page)
    if broken and len(broken) == count:
        raise ReadError(name, "is damaged: no slide of it can be read")
    if broken:
        shown = ", ".join(map(str, broken[:10]))
        builder.warnings.append(f"slides that cannot be read in full: {shown}")
    metadata = properties(show.core_properties)
    title = metadata.pop("title", None)
    if not isinstance(title, str) or title == "PowerPoint Presentation":
        title = next((block.label for block in builder.blocks if block.label), None)
    return builder.build(
        "application/vnd.openxmlformats-officedocument.presentationml.presentation",
        title=title,
        metadata={"pages": float(count), **metadata},
    )


def _open(library: Any, data: bytes) -> tuple[Any, Any]:
    """Return a presentation and its slides, which are looked up only when asked for."""
    show = library.Presentation(BytesIO(data))
    return show, show.slides


def _add_slide(builder: Builder, slide: Any, page: int) -> None:
    title = slide.shapes.title
    words = " ".join(title.text_frame.text.split()) if title is not None else ""
    builder.add("heading", words or f"Slide {page}", level=1, page=page)
    for shape in _shapes(slide.shapes, 0):
        if title is None or shape.shape_id != title.shape_id:
            _add_shape(builder, shape, page)
    if slide.has_notes_slide:
        notes = slide.notes_slide.notes_text_frame
        if notes is not None and notes.text.strip():
            builder.add("paragraph", f"Notes: {_lines(notes.text)}", page=page)


def _shapes(shapes: Any, depth: int) -> Iterator[Any]:
    for shape in shapes:
        if hasattr(shape, "shapes"):
            if depth < _DEEPEST:
                yield from _shapes(shape.shapes, depth + 1)
        else:
            yield shape


def _add_shape(builder: Builder, shape: Any, page: int) -> None:
    if getattr(shape, "has_table", False):
        rows = [[cell.text for cell in row.cells] for row in shape.table.rows]
        header = bool(rows) and (shape.table.first_row or looks_like_header(rows[0]))
        builder.add_table(rows, header=header, page=page)
    elif getattr(shape, "has_chart", False):
        builder.add_table(_chart_rows(shape.chart), header=True, page=page)
    elif shape.has_text_frame:
        found = [(p.level, _lines(_words(p))) for p in shape.text_frame.paragraphs]
        found = [(level, text) for level, text in found if text]
        if len(found) > 1 and shape.is_placeholder:
            items = ["  " * level + "- " + text.replace("\n", " ") for level, text in found]
            builder.add("list", "\n".join(items), page=page)
        else:
            for _, text in found:
                builder.add("paragraph", text, page=page)


def _words(paragraph: Any) -> str:
    # A line break within a paragraph is a vertical tab to the library.
    return str(paragraph.text).replace("\v", "\n")


def _lines(text: str) -> str:
    lines = (" ".join(line.split()) for line in text.replace("\v", "\n").split("\n"))
    return "\n".join(line for line in lines if line)


def _chart_rows(chart: Any) -> list[list[str]]:
    """Return a chart's numbers: a row for each category, a column for each series."""
    rows: list[list[str]] = []
    for plot in chart.plots:
        series = list(plot.series)
        categories = [str(category) for category in plot.categories]
        rows.append(["Category", *(str(one.name) for one in series)])
        for index, category in enumerate(categories):
            values = [one.values[index] if index < len(one.values) else None for one in series]
            rows.append([category, *("" if value is None else f"{value:g}" for value in values)])
    return rows
