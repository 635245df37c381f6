"""EPUB books, and HTML as they hold it."""

import pytest

from ragkit.ingest.errors import ReadError
from ragkit.ingest.readers import Extracted, read

from .sample_files import BOOK, epub_file, zip_file


def parts(extracted: Extracted) -> list[tuple[str, str]]:
    return [(block.kind, extracted.text[block.start : block.end]) for block in extracted.blocks]


def test_a_book_is_its_chapters_in_reading_order():
    extracted = read(epub_file(), name="a.epub")
    assert parts(extracted) == [
        ("heading", "One"),
        ("paragraph", "First chapter."),
        ("heading", "Two"),
        ("paragraph", "Second chapter."),
    ]
    assert extracted.title == "The book"
    assert dict(extracted.metadata) == {"author": ("Ann", "Bob"), "language": "en"}


def test_a_chapter_that_is_missing_is_left_out_and_said_so():
    without = {path: data for path, data in BOOK.items() if "one" not in path}
    extracted = read(zip_file(without), name="a.epub")
    assert extracted.text == "Two\n\nSecond chapter."
    assert extracted.warnings == ("a chapter was left out: OEBPS/text/one.xhtml: is missing",)


PROTECTED = '<encryption><CipherReference URI="{}"/></encryption>'
ENTITIES = '<!DOCTYPE x [<!ENTITY a "b">]><package>&a;</package>'


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"META-INF/container.xml": None}, "is no EPUB: it has no META-INF/container.xml"),
        ({"META-INF/container.xml": "<a"}, "is damaged: its part 'META-INF/container.xml' is no"),
        ({"META-INF/container.xml": "<a/>"}, "is damaged: its package document is missing"),
        ({"OEBPS/content.opf": ENTITIES}, "is damaged: its part 'OEBPS/content.opf' declares ent"),
        (
            {"META-INF/encryption.xml": PROTECTED.format("OEBPS/text/one.xhtml")},
            "is protected (DRM)",
        ),
        (
            {"OEBPS/text/one.xhtml": None, "OEBPS/text/two b.xhtml": None},
            "is damaged: no chapter of it can be read",
        ),
    ],
)
def test_other_files_are_refused(changes, reason):
    members = {path: data for path, data in {**BOOK, **changes}.items() if data is not None}
    with pytest.raises(ReadError) as caught:
        read(zip_file(members), name="a.epub")
    assert caught.value.reason.startswith(reason)


def test_fonts_may_be_obfuscated():
    members = {**BOOK, "META-INF/encryption.xml": PROTECTED.format("OEBPS/font.otf")}
    assert "First chapter." in read(zip_file(members), name="a.epub").text


def test_xhtml_with_empty_elements_is_read_to_its_end():
    page = (
        b'<?xml version="1.0"?><html><head><title/><script src="x"/></head><body>All</body></html>'
    )
    assert read(page, name="a.xhtml").text == "All"


@pytest.mark.parametrize(
    ("table", "header"),
    [
        ("<tr><th>k</th><th>v</th></tr><tr><td>1</td><td>2</td></tr>", "k | v"),
        ("<thead><tr><td>k</td><td>v</td></tr></thead><tr><td>1</td><td>2</td></tr>", "k | v"),
        ("<tr><th>k</th><td>v</td></tr><tr><th>1</th><td>2</td></tr>", None),
        ("<tr><th>k</th><th>v</th></tr>", None),
    ],
)
def test_html_tables_know_their_header(table, header):
    extracted = read(f"<p>before</p><table>{table}</table>".encode(), name="a.html")
    block = extracted.blocks[1]
    found = None if block.header_end is None else extracted.text[block.start : block.header_end]
    assert (block.kind, found) == ("table", header)


def test_html_ligatures_are_spelt_out():
    assert read("<p>e\ufb03cient</p>".encode(), name="a.html").text == "efficient"
