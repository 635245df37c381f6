"""DOCX: headings, paragraphs, lists, tables, text boxes and footnotes of a Word document.

The library opens the document; its body is walked here, since the library's own iteration leaves
out what stands in content controls, insertions under review and text boxes.
"""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from typing import Any

from ragkit.ingest.readers.building import Builder, looks_like_header
from ragkit.ingest.readers.docx_styles import Styles, W
from ragkit.ingest.readers.extracted import BlockKind, Extracted
from ragkit.ingest.readers.extras import require
from ragkit.ingest.readers.office import open_package, properties

_SKIPPED = frozenset(
    {
        *(W + tag for tag in ("del", "moveFrom", "pPr", "rPr", "txbxContent", "rt", "sectPr")),
        "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback",
    }
)
"""What a paragraph's text does not include: text deleted under review, properties, text boxes."""

_TEXT = frozenset({W + "t", "{http://schemas.openxmlformats.org/officeDocument/2006/math}t"})
_SIGNS = {W + "tab": "\t", W + "br": "\n", W + "cr": "\n", W + "noBreakHyphen": "-"}
_NOTE = {W + "footnoteReference": "footnotes", W + "endnoteReference": "endnotes"}
_CONTAINERS = frozenset(
    W + tag for tag in ("sdt", "sdtContent", "ins", "moveTo", "customXml", "smartTag", "body")
)


def read(data: bytes, *, name: str) -> Extracted:
    """Read a Word document.

    Headings are what the document's styles say they are. Changes under review count as accepted;
    headers, footers and comments are left out; footnotes stand at the end, numbered. A Word file
    does not know its pages, so no block has one.

    Args:
        data: The file's bytes.
        name: The file's name, for errors.

    Raises:
        ReadError: It is damaged or encrypted, or the extra `office` is not installed.
    """
    library = require("docx", extra="office", name=name)
    document = open_package(data, name, "a Word document", lambda: library.Document(BytesIO(data)))
    walker = _Walker(Styles(document))
    walker.walk(document.element.body)
    walker.finish()
    walker.add_notes(document)
    metadata = properties(document.core_properties)
    title = metadata.pop("title", None) or walker.title
    return walker.builder.build(
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        title=title if isinstance(title, str) else None,
        metadata=metadata,
    )


class _Walker:
    """Goes through a document's body in order."""

    def __init__(self, styles: Styles) -> None:
        self.builder = Builder()
        self.title: str | None = None
        self._styles = styles
        self._gathered: list[str] = []  # lines of the list or code under way
        self._kind: BlockKind = "list"
        self._notes: list[tuple[str, str]] = []  # (kind, id) of the notes met

    def walk(self, element: Any) -> None:
        """Add what stands in a container."""
        for child in element:
            if child.tag == W + "p":
                self._paragraph(child)
            elif child.tag == W + "tbl":
                self._table(child)
            elif child.tag in _CONTAINERS:
                self.walk(child)

    def finish(self) -> None:
        """End the list or code under way."""
        if self._gathered:
            self.builder.add(self._kind, "\n".join(self._gathered))
            self._gathered = []

    def add_notes(self, document: Any) -> None:
        """Add the notes that the text refers to, in its order."""
        texts: dict[tuple[str, str], str] = {}
        for part in document.part.package.iter_parts():
            kind = str(part.partname).rpartition("/")[2].removesuffix(".xml")
            if kind in _NOTE.values() and self._notes:
                for note in require("docx.oxml", extra="office", name="").parse_xml(part.blob):
                    texts[kind, str(note.get(W + "id"))] = self._words(note)
        for number, key in enumerate(self._notes, start=1):
            if texts.get(key):
                self.builder.add("paragraph", f"[{number}] {texts[key]}")

    def _paragraph(self, element: Any) -> None:
        text = self._words(element).strip()
        style = self._styles.of(element)
        if text and style.level is not None:
            self.finish()
            self.builder.add("heading", text, level=style.level)
            if style.level == 1 and self.title is None:
                self.title = " ".join(text.split())
        elif text and style.marker is not None:
            indent = "  " * style.depth
            lines = text.split("\n")
            self._gather("list", f"{indent}{style.marker} {lines[0]}")
            self._gathered += [f"{indent}  {line.strip()}" for line in lines[1:]]
        elif style.kind == "code":
            self._gather("code", self._words(element).rstrip())
        elif text:
            self.finish()
            self.builder.add(style.kind, text)
        for box in self._boxes(element):
            self.finish()
            self.walk(box)

    def _gather(self, kind: BlockKind, line: str) -> None:
        if self._kind != kind:
            self.finish()
            self._kind = kind
        self._gathered.append(line)

    def _boxes(self, element: Any) -> Iterator[Any]:
        """Yield a paragraph's text boxes, each once: Word writes them in two notations."""
        for box in element.iter(W + "txbxContent"):
            above = {parent.tag for parent in box.iterancestors()}
            inside = sum(parent.tag == W + "txbxContent" for parent in box.iterancestors())
            outer = sum(parent.tag == W + "txbxContent" for parent in element.iterancestors())
            if inside == outer and not any(tag.endswith("}Fallback") for tag in above):
                yield box

    def _words(self, element: Any) -> str:
        """Return the text of a paragraph or of what holds several."""
        parts: list[str] = []
        stack = [iter(element)]
        while stack:
            child = next(stack[-1], None)
            if child is None:
                stack.pop()
                continue
            tag = child.tag
            if tag in _TEXT:
                parts.append(child.text or "")
            elif tag in _SIGNS:
                parts.append(_SIGNS[tag])
            elif tag in _NOTE:
                self._notes.append((_NOTE[tag], str(child.get(W + "id"))))
                parts.append(f"[{len(self._notes)}]")
            elif tag not in _SKIPPED and isinstance(tag, str):
                if tag == W + "p" and parts:
                    parts.append("\n")
                stack.append(iter(child))
        return "".join(parts)

    def _table(self, table: Any) -> None:
        self.finish()
        rows = [row for row in table.iter(W + "tr") if self._owner(row) is table]
        cells = [[cell for cell in row.iter(W + "tc") if self._row(cell) is row] for row in rows]
        if max(map(len, cells), default=0) <= 1:
            # A frame around text rather than a table.
            for row in cells:
                for cell in row:
                    self.walk(cell)
            self.finish()
            return
        texts = [[self._words(cell) for cell in row] for row in cells]
        marked = rows[0].find(f"{W}trPr/{W}tblHeader") is not None
        self.builder.add_table(texts, header=marked or looks_like_header(texts[0]))

    @staticmethod
    def _owner(row: Any) -> Any:
        return next(row.iterancestors(W + "tbl"), None)

    @staticmethod
    def _row(cell: Any) -> Any:
        return next(cell.iterancestors(W + "tr"), None)
