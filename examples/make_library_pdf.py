"""Make the example library's PDF from its source in Markdown.

    python examples/make_library_pdf.py            writes library/corpora-by-example.pdf
    python examples/make_library_pdf.py --check    only says whether that file is up to date

The output depends on the source, on this script and on fpdf2's version alone: the dates are
fixed, the streams are not compressed (deflate's output differs between zlib builds), and the
fonts are the 14 that every PDF reader has. These fonts cover Windows-1252; any other character
in the source is an error rather than a question mark in the output.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from fpdf import FPDF
from fpdf.enums import TableBordersLayout, XPos, YPos
from fpdf.fonts import FontFace
from markdown_it import MarkdownIt
from markdown_it.token import Token

HERE = Path(__file__).resolve().parent
SOURCE = HERE / "corpora-by-example.md"
TARGET = HERE / "library" / "corpora-by-example.pdf"
CREATED = datetime(2026, 11, 24, 12, tzinfo=UTC)

ENCODING = "cp1252"
TEXT, SANS, MONO = "Times", "Helvetica", "Courier"
TEXT_SIZE, MONO_SIZE, TABLE_SIZE = 11.0, 8.8, 9.5
LEADING = 5.3
"""Distance of text lines in mm."""
MONO_LEADING = 4.1
MARGIN = 24.0
HEADING_SIZES = {2: 14.5, 3: 11.5}
GREY = (95, 95, 95)
BOX = (244, 244, 240)


class Font(NamedTuple):
    """A font as `FPDF.set_font` takes it."""

    family: str
    style: str
    size: float


PLAIN = Font(TEXT, "", TEXT_SIZE)


class Run(NamedTuple):
    """A piece of text in one font."""

    text: str
    font: Font

    def width(self, pdf: FPDF) -> float:
        """Width in mm."""
        pdf.set_font(*self.font)
        return pdf.get_string_width(self.text)


class Book(FPDF):
    """A4 pages with a running title and page numbers."""

    def __init__(self, title: str) -> None:
        """Set what holds for the whole document."""
        super().__init__(format="A4")
        self.core_fonts_encoding = ENCODING
        self.running_title = title
        self.set_title(title)
        self.set_author("The ragkit authors")
        self.set_lang("en")
        self.set_creator("examples/make_library_pdf.py")
        self.set_creation_date(CREATED)
        self.set_compression(False)
        self.set_margins(MARGIN, 22, MARGIN)
        self.set_auto_page_break(True, margin=24)

    def header(self) -> None:
        """Repeat the title above every page but the first."""
        if self.page_no() == 1:
            return
        self.set_font(SANS, size=8)
        self.set_text_color(*GREY)
        self.set_y(12)
        self.cell(0, 5, self.running_title, align="L")
        self.set_text_color(0)
        self.set_y(22)

    def footer(self) -> None:
        """Number the page."""
        self.set_y(-16)
        self.set_font(SANS, size=8)
        self.set_text_color(*GREY)
        self.cell(0, 5, str(self.page_no()), align="C")
        self.set_text_color(0)

    def room_for(self, height: float) -> None:
        """Begin a new page unless `height` mm are left on this one."""
        if self.will_page_break(height):
            self.add_page()


def set_title(book: Book, title: str, subtitle: str) -> None:
    """Set the title, the subtitle and a rule under them."""
    book.set_font(SANS, "B", 24)
    book.multi_cell(0, 11, title, align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
    book.ln(1)
    book.set_font(TEXT, "I", 12.5)
    book.set_text_color(*GREY)
    book.multi_cell(0, 6, subtitle, align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
    book.set_text_color(0)
    book.ln(3)
    book.set_line_width(0.3)
    book.line(book.l_margin, book.get_y(), book.w - book.r_margin, book.get_y())
    book.ln(2)


def set_heading(book: Book, level: int, text: str) -> None:
    """Set a heading, kept together with the first lines after it, and bookmark it."""
    size = HEADING_SIZES[level]
    book.room_for(32)
    book.ln(4.5 if level == 2 else 2.5)
    book.set_font(SANS, "B", size)
    book.start_section(text, level=level - 2)
    book.multi_cell(0, size * 0.5, text, align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
    book.ln(1.5)


def styled_words(inline: Token) -> Iterator[list[Run]]:
    """Cut a run of text into words; a word is one or more styled pieces with no space between."""
    style = ""
    word: list[Run] = []
    for token in inline.children or []:
        font = Font(TEXT, style, TEXT_SIZE)
        match token.type:
            case "strong_open":
                style = "B"
            case "em_open":
                style = "I"
            case "strong_close" | "em_close":
                style = ""
            case "text" | "softbreak" | "code_inline":
                if token.type == "code_inline":
                    font = Font(MONO, "", TEXT_SIZE - 1.4)
                for piece in re.findall(r"\s+|\S+", token.content or " "):
                    if not piece.isspace():
                        word.append(Run(piece, font))
                    elif word:
                        yield word
                        word = []
            case other:
                raise ValueError(f"{SOURCE.name}: no way to set {other!r}")
    if word:
        yield word


def set_inline(book: Book, inline: Token) -> None:
    """Set a run of text with its emphasis and code, broken into lines between words only.

    Each line is written in as few pieces as it has fonts, so that extracting the text gives the
    words and spaces back.
    """
    line: list[Run] = []
    room = book.w - book.r_margin - book.get_x()
    for word in styled_words(inline):
        space = (
            [Run(" ", line[-1].font if line[-1].font == word[0].font else PLAIN)] if line else []
        )
        needed = sum(run.width(book) for run in space + word)
        if line and needed > room:
            write_line(book, line)
            book.ln(LEADING)
            line, space = [], []
            room = book.w - book.r_margin - book.get_x()
            needed = sum(run.width(book) for run in word)
        line += space + word
        room -= needed
    write_line(book, line)


def write_line(book: Book, line: Sequence[Run]) -> None:
    """Write one line, joining neighbours of the same font."""
    for font, runs in groupby(line, key=lambda run: run.font):
        book.set_font(*font)
        text = "".join(run.text for run in runs)
        book.cell(book.get_string_width(text), LEADING, text)


def set_paragraph(book: Book, inline: Token) -> None:
    """Set a paragraph with space after it."""
    book.room_for(2 * LEADING)
    set_inline(book, inline)
    book.ln(LEADING + 2)


def set_list(book: Book, items: Sequence[Token], ordered: bool) -> None:
    """Set a list of one-paragraph items with hanging marks."""
    indent = 6.0
    for number, inline in enumerate(items, start=1):
        book.room_for(2 * LEADING)
        book.set_font(TEXT, size=TEXT_SIZE)
        book.cell(indent, LEADING, f"{number}." if ordered else "\N{BULLET}")
        book.set_left_margin(MARGIN + indent)
        set_inline(book, inline)
        book.set_left_margin(MARGIN)
        book.ln(LEADING + 0.8)
    book.ln(1.5)


def set_code(book: Book, code: str) -> None:
    """Set a code block on a tinted ground, on one page if it fits there."""
    lines = code.rstrip("\n").split("\n")
    pad = 1.8
    book.room_for(len(lines) * MONO_LEADING + 2 * pad)
    book.set_font(MONO, size=MONO_SIZE)
    book.set_fill_color(*BOX)
    for line in lines:
        if book.get_string_width(line) > book.epw - 2 * pad:
            raise ValueError(f"{SOURCE.name}: code line too long for the page: {line!r}")
    book.cell(book.epw, pad, "", fill=True, new_x=XPos.LMARGIN, new_y=YPos.NEXT)
    for line in lines:
        book.cell(pad, MONO_LEADING, "", fill=True)
        book.cell(
            book.epw - pad, MONO_LEADING, line, fill=True, new_x=XPos.LMARGIN, new_y=YPos.NEXT
        )
    book.cell(book.epw, pad, "", fill=True, new_x=XPos.LMARGIN, new_y=YPos.NEXT)
    book.set_fill_color(255)
    book.ln(2.8)


def set_table(book: Book, rows: Sequence[Sequence[str]], widths: Sequence[int]) -> None:
    """Set a table; its first row is the heading."""
    book.set_font(TEXT, size=TABLE_SIZE)
    book.set_draw_color(*GREY)
    book.set_line_width(0.15)
    book.room_for(len(rows) * 2 * LEADING)
    with book.table(
        rows,
        col_widths=tuple(widths),
        text_align="LEFT",
        line_height=4.8,
        padding=0.8,
        borders_layout=TableBordersLayout.HORIZONTAL_LINES,
        headings_style=FontFace(emphasis="BOLD", fill_color=BOX),
    ):
        pass
    book.ln(4)


def between(tokens: Iterator[Token], end: str) -> list[Token]:
    """Take the tokens up to the one of type `end`."""
    taken = []
    for token in tokens:
        if token.type == end:
            break
        taken.append(token)
    return taken


def table_rows(tokens: Sequence[Token]) -> list[list[str]]:
    """Plain cell texts of a table, row by row."""
    rows: list[list[str]] = []
    for token in tokens:
        if token.type == "tr_open":
            rows.append([])
        elif token.type == "inline":
            rows[-1].append("".join(child.content for child in token.children or []))
    return rows


def make(markdown: str) -> bytes:
    """Set the document.

    Args:
        markdown: the source; a first-level heading and a paragraph open it as title and subtitle.

    Returns:
        The PDF's bytes, the same for the same source.

    Raises:
        ValueError: the source holds a character or an element that the layout has no way to set.
    """
    try:
        markdown.encode(ENCODING)
    except UnicodeEncodeError as error:
        raise ValueError(f"{SOURCE.name}: the core fonts lack {markdown[error.start]!r}") from error
    tokens = iter(MarkdownIt("commonmark").enable("table").parse(markdown))
    head = [token.content for token in between(tokens, "heading_close") if token.type == "inline"]
    subtitle = [token.content for token in between(tokens, "paragraph_close") if token.content]
    book = Book(head[0])
    book.add_page()
    set_title(book, head[0], subtitle[0])
    for token in tokens:
        match token.type:
            case "heading_open":
                text = between(tokens, "heading_close")[0].content
                set_heading(book, int(token.tag[1:]), text)
            case "paragraph_open":
                set_paragraph(book, between(tokens, "paragraph_close")[0])
            case "bullet_list_open" | "ordered_list_open":
                inside = between(tokens, token.type.replace("open", "close"))
                items = [part for part in inside if part.type == "inline"]
                set_list(book, items, ordered=token.type.startswith("ordered"))
            case "fence":
                set_code(book, token.content)
            case "table_open":
                set_table(book, table_rows(between(tokens, "table_close")), (60, 27, 13))
            case other:
                raise ValueError(f"{SOURCE.name}: no way to set {other!r}")
    return bytes(book.output())


def main() -> int:
    """Write the PDF, or check it. Returns the exit code."""
    parser = argparse.ArgumentParser(description="Make the example library's PDF.")
    parser.add_argument("--check", action="store_true", help="only compare with the file there is")
    arguments = parser.parse_args()
    pdf = make(SOURCE.read_text(encoding="utf-8"))
    if arguments.check:
        same = TARGET.is_file() and TARGET.read_bytes() == pdf
        print(f"{TARGET.name} is {'up to date' if same else 'out of date'}")
        return 0 if same else 1
    TARGET.write_bytes(pdf)
    print(f"wrote {TARGET.name}: {len(pdf):,} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
