"""PDF: the text layer page by page, made into paragraphs whose page is known.

Only what the file says becomes structure: a heading is a paragraph that the document's outline
names on that page; nothing is guessed from type sizes. Pages that are scanned are recognised
where OCR is installed, and say so in a warning.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Sequence
from io import BytesIO
from typing import TYPE_CHECKING

from ragkit.ingest.errors import NoTextError, ReadError
from ragkit.ingest.readers.extracted import Block, Extracted, MetadataValue
from ragkit.ingest.readers.normal import clean
from ragkit.ingest.readers.ocr import ADVICE, Recognised, recognise
from ragkit.ingest.readers.options import ReadOptions
from ragkit.ingest.readers.pdf_text import (
    Hyphens,
    drop_running_lines,
    goes_on,
    paragraphs,
    text_width,
)

if TYPE_CHECKING:
    from pypdf import PdfReader

# pypdf reports every oddity of a file through logging, which prints warnings to stderr when
# nobody listens. This handler listens and does nothing; an application's own handlers still work.
logging.getLogger("pypdf").addHandler(logging.NullHandler())

_INFORMATION = {"/Author": "author", "/Subject": "subject", "/Keywords": "keywords"}


def read(data: bytes, *, name: str, options: ReadOptions | None = None) -> Extracted:
    """Read a PDF's text layer.

    Lines are joined into paragraphs, hyphenation at line ends is undone, ligatures are spelt
    out, and lines that stand at the edge of most pages (running titles, page numbers) are left
    out. Each block lies on one page.

    Args:
        data: The file's bytes.
        name: The file's name, for errors.
        options: Passwords to try, and whether to recognise pages without text.

    Raises:
        NoTextError: No page has a text layer, and OCR is not wanted, not installed or finds none.
        ReadError: The file is damaged, or encrypted with a password that was not given.
    """
    options = options or ReadOptions()
    pdf, password = _open(data, name, options.passwords)
    pages, empty, broken = _extract(pdf, name)
    outcome = Recognised((), ADVICE)
    if options.ocr and (empty or broken):
        outcome = recognise(data, sorted(empty + broken), password, options)
    for number, found in outcome.pages:
        pages[number - 1] = clean(found).split("\n")
    outline = _outline(pdf)
    metadata = _metadata(pdf, len(pages))
    title = metadata.pop("title", None)
    builder = _Builder(outline)
    hyphens, width = Hyphens(pages), text_width(pages)
    for number, lines in enumerate(drop_running_lines(pages), start=1):
        builder.add_page(number, paragraphs(lines, hyphens, width))
    text = "".join(builder.parts)
    if not text.strip():
        raise NoTextError(name, f"has no text layer (scanned?): {outcome.reason or ADVICE}")
    return Extracted(
        text,
        tuple(builder.blocks),
        "application/pdf",
        title if isinstance(title, str) else None,
        metadata,
        tuple(_warnings(empty, broken, outcome, len(pages))),
    )


def _open(data: bytes, name: str, passwords: Sequence[str]) -> tuple[PdfReader, str | None]:
    """Return the PDF, and the password that opened it."""
    from pypdf import PasswordType, PdfReader
    from pypdf.errors import DependencyError

    damaged = "is damaged or no PDF: open it in a viewer and save or print it as PDF again"
    if b"%PDF-" not in data[:1024]:
        raise ReadError(name, damaged)
    try:
        pdf = PdfReader(BytesIO(data))
        password = None
        if pdf.is_encrypted:
            for password in ("", *passwords):
                if pdf.decrypt(password) is not PasswordType.NOT_DECRYPTED:
                    break
            else:
                raise ReadError(name, _locked(len(passwords)))
        if len(pdf.pages) == 0:
            raise ReadError(name, damaged + " (it has no pages)")
    except ReadError:
        raise
    except DependencyError as error:
        raise ReadError(name, f"is encrypted: pip install cryptography to read it ({error})") from (
            error
        )
    except Exception as error:  # pypdf raises anything on damaged files
        raise ReadError(name, f"{damaged} ({error})") from error
    return pdf, password


def _locked(tried: int) -> str:
    what = ", and none of the passwords given opens it" if tried else ""
    return (
        f"is encrypted{what}: remove its password, for example with qpdf --decrypt "
        "--password=..., or give it"
    )


def _extract(pdf: PdfReader, name: str) -> tuple[list[list[str]], list[int], list[int]]:
    """Return each page's lines, and which pages have no text and which cannot be read."""
    pages: list[list[str]] = []
    empty: list[int] = []
    broken: list[int] = []
    for number in range(1, len(pdf.pages) + 1):
        text = ""
        try:
            text = clean(pdf.pages[number - 1].extract_text())
        except Exception:  # noqa: BLE001 as above: one bad page does not lose the others
            broken.append(number)
        else:
            if not text.strip():
                empty.append(number)
        pages.append(text.split("\n"))
    if len(broken) == len(pages):
        raise ReadError(name, "is damaged: no page of it can be read")
    return pages, empty, broken


def _warnings(
    empty: list[int], broken: list[int], outcome: Recognised, pages: int
) -> Iterator[str]:
    recognised = [number for number, _ in outcome.pages]
    if lost := [number for number in broken if number not in recognised]:
        yield f"pages that cannot be read and were left out: {_numbers(lost)}"
    if blank := [number for number in empty if number not in recognised]:
        yield f"pages without text (scanned?): {_numbers(blank)} of {pages}"
    if recognised:
        yield f"pages read by OCR, with its errors: {_numbers(recognised)}"
    if outcome.failed:
        yield f"OCR failed: {outcome.reason}"


def _numbers(pages: list[int]) -> str:
    shown = ", ".join(map(str, pages[:10]))
    return shown if len(pages) <= 10 else f"{shown} and {len(pages) - 10} more"


class _Builder:
    """Puts pages together: blank lines between paragraphs, a space where one goes on."""

    def __init__(self, outline: dict[tuple[int, str], int]) -> None:
        self.parts: list[str] = []
        self.blocks: list[Block] = []
        self._outline = outline
        self._length = 0

    def add_page(self, page: int, found: list[str]) -> None:
        for index, paragraph in enumerate(found):
            level = self._outline.get((page, _key(paragraph)))
            before = self.blocks[-1] if self.blocks else None
            continues = (
                index == 0
                and level is None
                and before is not None
                and before.kind == "paragraph"
                and goes_on(self.parts[-1], paragraph)
            )
            if before is not None:
                self._append(" " if continues else "\n\n")
            start = self._length
            self._append(paragraph)
            if level is None:
                block = Block("paragraph", start, self._length, page, continues=continues)
            else:
                label = " ".join(paragraph.split())
                block = Block("heading", start, self._length, page, level, label)
            self.blocks.append(block)

    def _append(self, text: str) -> None:
        self.parts.append(text)
        self._length += len(text)


_NUMBERING = re.compile(
    r"(?:(?:chapter|appendix|section|part)\s+)?(?:\d+(?:\.\d+)*|[A-Z](?:\.\d+)*)[.:]?\s+",
    re.IGNORECASE,
)


def _key(text: str) -> str:
    """Return a heading's words as they compare between outline and page: without its number."""
    text = text.strip()
    numbering = _NUMBERING.match(text)
    words = text[numbering.end() :] if numbering else text
    return "".join(words.split()).casefold()


def _outline(pdf: PdfReader) -> dict[tuple[int, str], int]:
    """Return the level of each heading that the outline names, by page and its words."""
    found: dict[tuple[int, str], int] = {}
    try:
        for title, page, level in _outline_entries(pdf):
            if key := _key(clean(title)):
                found.setdefault((page, key), level)
    except Exception:  # noqa: BLE001 a damaged outline is no reason to lose the text
        return {}
    return found


def _outline_entries(pdf: PdfReader) -> Iterator[tuple[str, int, int]]:
    from pypdf.generic import Destination

    stack: list[tuple[Iterator[object], int]] = [(iter(pdf.outline), 1)]
    while stack:
        entries, level = stack[-1]
        entry = next(entries, None)
        if entry is None:
            stack.pop()
        elif isinstance(entry, list):
            stack.append((iter(entry), level + 1))
        elif isinstance(entry, Destination):
            page = pdf.get_destination_page_number(entry)
            if page is not None and entry.title:
                yield str(entry.title), page + 1, level


def _metadata(pdf: PdfReader, pages: int) -> dict[str, MetadataValue]:
    found: dict[str, MetadataValue] = {"pages": float(pages)}
    try:
        information = pdf.metadata
        if information is None:
            return found
        title = clean(information.title or "").strip()
        if title and title.casefold() != "untitled":
            found["title"] = title
        for key, name in _INFORMATION.items():
            value = information.get(key)
            if isinstance(value, str) and (value := " ".join(clean(value).split())):
                found[name] = value
        if information.creation_date is not None:
            found["date"] = information.creation_date.date().isoformat()
    except Exception:  # noqa: BLE001 damaged information is no reason to lose the text
        return found
    return found
