"""Scanned pages: rendered for tesseract, whose part a script plays where it is not installed."""

import os
import shutil
import sys
from shlex import quote

import pypdfium2  # type: ignore[import-untyped]
import pytest
from fpdf import FPDF

from ragkit.ingest.errors import NoTextError
from ragkit.ingest.readers import ReadOptions, read

WORDS = "The harbour opens at six in the morning."

STAND_IN = """
import sys
assert sys.argv[1:3] == ["stdin", "stdout"], sys.argv
kind, width, height, depth = sys.stdin.buffer.readline().split()
picture = sys.stdin.buffer.read()
assert (kind, depth) == (b"P5", b"255")
assert len(picture) == int(width) * int(height), "a picture of another size than it says"
if "-l" in sys.argv and "xx" in sys.argv[sys.argv.index("-l") + 1]:
    print("Error opening data file xx.traineddata", file=sys.stderr)
    raise SystemExit(1)
if min(picture) < 100:
    print(f"Seen at {sys.argv[sys.argv.index('--dpi') + 1]} dpi.\\n\\f")
"""


def scan(texts: list[str], width: float = 210, height: float = 297) -> bytes:
    """Make a PDF of pictures of text; a page without text is a PDF's own empty page."""
    written = FPDF(format=(width, height))
    written.set_font("helvetica", size=12)
    for text in texts:
        written.add_page()
        written.multi_cell(0, 7, text)
    scanned = FPDF(format=(width, height))
    for text, page in zip(texts, pypdfium2.PdfDocument(bytes(written.output())), strict=True):
        scanned.add_page()
        if text:
            picture = page.render(scale=200 / 72, grayscale=True).to_pil()
            scanned.image(picture, 0, 0, width, height)
    return bytes(scanned.output())


@pytest.fixture
def stand_in(tmp_path, monkeypatch):
    script = tmp_path / "stand_in.py"
    script.write_text(STAND_IN)
    program = tmp_path / "tesseract"
    # Not by a "#!" line of its own: the interpreter's path may hold a space.
    program.write_text(f'#!/bin/sh\nexec {quote(sys.executable)} {quote(str(script))} "$@"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")


@pytest.mark.usefixtures("stand_in")
def test_scanned_pages_are_recognised_and_said_so():
    extracted = read(scan([WORDS, "", WORDS]), name="a.pdf")
    assert [
        (block.page, extracted.text[block.start : block.end]) for block in extracted.blocks
    ] == [
        (1, "Seen at 300 dpi."),
        (3, "Seen at 300 dpi."),
    ]
    assert extracted.warnings == (
        "pages without text (scanned?): 2 of 3",
        "pages read by OCR, with its errors: 1, 3",
    )


@pytest.mark.usefixtures("stand_in")
def test_huge_pages_are_rendered_smaller(monkeypatch):
    from ragkit.ingest.readers import ocr

    monkeypatch.setattr(ocr, "_MOST_PIXELS", 100_000)
    assert read(scan([WORDS * 5]), name="a.pdf").text.startswith("Seen at")


@pytest.mark.usefixtures("stand_in")
def test_a_failing_recogniser_is_the_reason():
    with pytest.raises(NoTextError, match=r"has no text layer .*: tesseract fails: Error opening"):
        read(scan([WORDS]), name="a.pdf", options=ReadOptions(ocr_languages="xx"))
    with pytest.raises(NoTextError, match="OCR finds no text on its pages either"):
        read(scan([""]), name="a.pdf")


@pytest.mark.usefixtures("stand_in")
def test_ocr_can_be_left_out():
    with pytest.raises(NoTextError, match=r"run OCR on it first, for example with ocrmypdf$"):
        read(scan([WORDS]), name="a.pdf", options=ReadOptions(ocr=False))


def test_what_is_missing_is_named(monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(NoTextError, match="for ragkit to do so, install the program tesseract"):
        read(scan([WORDS]), name="a.pdf")


@pytest.mark.skipif(shutil.which("tesseract") is None, reason="tesseract is not installed")
def test_tesseract_itself():
    assert WORDS in read(scan([WORDS]), name="a.pdf").text
