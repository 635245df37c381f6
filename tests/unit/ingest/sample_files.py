"""Files of every format, made by the libraries that write them."""

import csv
import datetime
import io
import json
import mailbox
import tarfile
import zipfile
from collections.abc import Mapping
from email.message import EmailMessage
from functools import cache
from pathlib import Path

import docx
import openpyxl  # type: ignore[import-untyped]
import pptx
from fpdf import FPDF
from pptx.chart.data import CategoryChartData
from pptx.enum.chart import XL_CHART_TYPE
from pptx.util import Inches


def saved(document) -> bytes:
    buffer = io.BytesIO()
    document.save(buffer)
    return buffer.getvalue()


@cache
def docx_file() -> bytes:
    document = docx.Document()
    document.core_properties.title = "The report"
    document.core_properties.author = "Ann Author"
    document.add_heading("Yearly report", 0)
    document.add_paragraph("An introduction with a \ufb01ne ligature and a no-break\xa0space.")
    document.add_heading("Findings", 1)
    document.add_paragraph("first", style="List Bullet")
    document.add_paragraph("inner", style="List Bullet 2")
    document.add_paragraph("one", style="List Number")
    document.add_paragraph("two", style="List Number")
    document.add_paragraph("Somebody said so.", style="Quote")
    table = document.add_table(2, 2)
    for index, text in enumerate(["Name", "Value", "tea", "3\n4"]):
        table.cell(index // 2, index % 2).text = text
    document.add_heading("Details", 2)
    document.add_paragraph("The end.")
    return saved(document)


@cache
def pptx_file() -> bytes:
    show = pptx.Presentation()
    slide = show.slides.add_slide(show.slide_layouts[1])
    slide.shapes.title.text = "Welcome"
    frame = slide.placeholders[1].text_frame
    frame.text = "first"
    paragraph = frame.add_paragraph()
    paragraph.text, paragraph.level = "inner", 1
    slide.notes_slide.notes_text_frame.text = "Greet everybody."
    slide = show.slides.add_slide(show.slide_layouts[6])
    size = Inches(1)
    table = slide.shapes.add_table(2, 2, 0, 0, size, size).table
    for index, text in enumerate("AB12"):
        table.cell(index // 2, index % 2).text = text
    data = CategoryChartData()  # type: ignore[no-untyped-call]
    data.categories = ["Q1", "Q2"]
    data.add_series("Sales", (1.5, 2))  # type: ignore[no-untyped-call]
    slide.shapes.add_chart(XL_CHART_TYPE.COLUMN_CLUSTERED, 0, 0, size, size, data)
    box = slide.shapes.add_group_shape().shapes.add_textbox(0, 0, size, size)
    box.text_frame.text = "in a group\vits second line"
    return saved(show)


@cache
def xlsx_file() -> bytes:
    workbook = openpyxl.Workbook()
    sheet = workbook.active
    sheet.title = "Prices"
    sheet.append(["As of today"])
    sheet.append(["Name", "Price", "Since"])
    sheet.append(["tea", 1.5, datetime.date(2024, 1, 2)])
    sheet.append(["rice", 2, datetime.datetime(2024, 1, 2, 3, 4)])
    sheet.append([])
    sheet.append(["loose"])
    far = workbook.create_sheet("Far")
    far["C5"], far["XFD90000"] = True, "corner"
    return saved(workbook)


def zip_file(members: Mapping[str, bytes | str], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for path, data in members.items():
            archive.writestr(path, data)
    return buffer.getvalue()


def tar_file(members: Mapping[str, bytes], mode: str = "w:gz") -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as archive:  # type: ignore[call-overload]
        for path, data in members.items():
            info = tarfile.TarInfo(path)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


PACKAGE = """<?xml version="1.0"?><package xmlns="http://www.idpf.org/2007/opf"
 xmlns:dc="http://purl.org/dc/elements/1.1/"><metadata><dc:title>The book</dc:title>
<dc:creator>Ann</dc:creator><dc:creator>Bob</dc:creator><dc:language>en</dc:language></metadata>
<manifest><item id="n" href="nav.xhtml" media-type="application/xhtml+xml" properties="nav"/>
<item id="b" href="text/two%20b.xhtml" media-type="application/xhtml+xml"/>
<item id="a" href="text/one.xhtml" media-type="application/xhtml+xml"/></manifest>
<spine><itemref idref="n"/><itemref idref="a"/><itemref idref="b"/></spine></package>"""

BOOK = {
    "mimetype": "application/epub+zip",
    "META-INF/container.xml": '<container><rootfiles><rootfile full-path="OEBPS/content.opf"/>'
    "</rootfiles></container>",
    "OEBPS/content.opf": PACKAGE,
    "OEBPS/nav.xhtml": "<html><body><ol><li>Contents</li></ol></body></html>",
    "OEBPS/text/one.xhtml": '<?xml version="1.0"?><html><head><title/></head><body>'
    '<h1>One</h1><p>First <a id="x"/>chapter.</p></body></html>',
    "OEBPS/text/two b.xhtml": "<html><body><h1>Two</h1><p>Second chapter.</p></body></html>",
}


@cache
def epub_file() -> bytes:
    return zip_file(BOOK)


@cache
def pdf_file() -> bytes:
    pdf = FPDF()
    pdf.set_font("helvetica", size=11)
    pdf.add_page()
    pdf.multi_cell(0, 6, "The tide comes in twice a day, and nobody has to wait for it.")
    return bytes(pdf.output())


def message(subject: str = "Tea", body: str = "Green or black?\n") -> EmailMessage:
    made = EmailMessage()
    made["From"], made["To"] = "Ann <ann@example.org>", "bob@example.org"
    made["Subject"], made["Date"] = subject, "Tue, 02 Jan 2024 03:04:05 +0000"
    made.set_content(body)
    return made


@cache
def eml_file() -> bytes:
    made = message(body="Green or black?\n\n> Do you take tea?\n> Or coffee?\n\nBest, Ann\n")
    made.add_alternative("<p>Green or black, in HTML</p>", subtype="html")
    made.add_attachment("# Menu\n\nTea and rice.", filename="menu.md")
    made.add_attachment(b"\x89PNG\r\n", maintype="image", subtype="png", filename="a.png")
    made.add_attachment(b"%PDF-1.4", maintype="application", subtype="pdf", filename="bad.pdf")
    made.add_attachment(message("Forwarded", "The inner text.\n"))
    return bytes(made)


def mbox_file(folder: Path) -> bytes:
    path = folder / "made.mbox"
    box = mailbox.mbox(path)
    box.add(message("One", "From the first line on.\nFrom the second.\n"))
    box.add(message("Two", "Another.\n"))
    box.close()
    return path.read_bytes()


NOTEBOOK = {
    "nbformat": 4,
    "nbformat_minor": 5,
    "metadata": {"kernelspec": {"name": "python3", "language": "python"}},
    "cells": [
        {"cell_type": "markdown", "source": ["# Study\n", "\n", "Some *text*.\n", "\n", "- a\n"]},
        {
            "cell_type": "code",
            "source": "import math\nmath.pi",
            "outputs": [
                {"output_type": "stream", "name": "stdout", "text": ["10%\r", "100%\n"]},
                {"output_type": "stream", "name": "stderr", "text": "noise"},
                {"output_type": "execute_result", "data": {"text/plain": ["\x1b[1m3.14\x1b[0m"]}},
                {"output_type": "display_data", "data": {"image/png": "AAAA"}},
                {"output_type": "error", "traceback": ["boom"]},
            ],
        },
        {"cell_type": "raw", "source": "raw text"},
        {"cell_type": "markdown", "source": "## Part\n\n| a | b |\n|---|---|\n| 1 | 2 |"},
    ],
}


@cache
def csv_file() -> bytes:
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerows([["name", "what it\nis", "price"], ["tea", "a, drink", "1.5"], ["x", "y", 2]])
    return buffer.getvalue().encode()


SRT = """1
00:00:01,000 --> 00:00:02,500
<i>Hello</i> there,

2
00:00:02,500 --> 00:00:04,000
Hello there,
my friend.

3
00:01:05,000 --> 00:01:06,000
After a pause.
"""

VTT = """WEBVTT - a title

NOTE a comment

STYLE
::cue { color: red }

intro
00:01.000 --> 00:02.000 align:start
<v Ann>Tea &amp; rice?

01:00:02.100 --> 01:00:03.000
<v Bob>Rice<00:02.500>, please.
"""


@cache
def samples() -> dict[str, bytes]:
    """A file of each format that is more than plain text, by its name."""
    return {
        "a.docx": docx_file(),
        "a.pptx": pptx_file(),
        "a.xlsx": xlsx_file(),
        "a.epub": epub_file(),
        "a.pdf": pdf_file(),
        "a.eml": eml_file(),
        "a.ipynb": json.dumps(NOTEBOOK).encode(),
        "a.csv": csv_file(),
        "a.srt": SRT.encode(),
        "a.vtt": VTT.encode(),
        "a.jsonl": b'{"a": 1, "text": "x"}\n[1, 2]\n',
        "a.mbox": b"From x\n" + message().as_bytes(),
    }
