"""PDF files made here: pages, paragraphs, hyphens, ligatures, outlines, locks and damage."""

import io
import itertools
from collections.abc import Mapping
from types import MappingProxyType

import pytest
from fpdf import FPDF
from pypdf import PdfReader, PdfWriter
from pypdf.errors import DependencyError

from ragkit.ingest.chunking import split
from ragkit.ingest.errors import NoTextError, ReadError
from ragkit.ingest.readers import Extracted, ReadOptions, read

PROSE = (
    "Retrieval finds the passages that answer a question, and an answer is worth as much as the "
    "passages that it rests on. Each chunk keeps its page, so that whoever doubts it can look. "
)


def make_pdf(
    pages: list[str], *, header: str = "", sections: Mapping[int, str] = MappingProxyType({})
) -> bytes:
    """Make a PDF, one page per text; `sections` gives pages a heading that the outline names."""
    pdf = FPDF()
    pdf.set_title("The manual")
    pdf.set_author("Ann Author")
    pdf.set_font("helvetica", size=11)
    for number, text in enumerate(pages, start=1):
        pdf.add_page()
        if header:
            pdf.cell(0, 8, f"{header} {number}", new_x="LMARGIN", new_y="NEXT")
        if number in sections:
            pdf.start_section(sections[number])
            pdf.cell(0, 12, sections[number], new_x="LMARGIN", new_y="NEXT")
        if text:
            pdf.multi_cell(0, 6, text)
    return bytes(pdf.output())


def raw_pdf(content: bytes, encoding: bytes = b"/WinAnsiEncoding") -> bytes:
    """Make a PDF of one page by hand, for what a PDF library would not write."""
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 600 800]/Contents 4 0 R"
        b"/Resources<</Font<</F 5 0 R>>>>>>",
        b"<</Length %d>>stream\n%s\nendstream" % (len(content), content),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding %s>>" % encoding,
    ]
    out = bytearray(b"%PDF-1.4\n")
    offsets = []
    for number, body in enumerate(objects, start=1):
        offsets.append(len(out))
        out += b"%d 0 obj%s endobj\n" % (number, body)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    out += b"trailer<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF" % (len(objects) + 1, start)
    return bytes(out)


def lines(*texts: bytes) -> bytes:
    return b"BT /F 11 Tf 14 TL 50 700 Td " + b" ".join(b"(%s) Tj T*" % t for t in texts) + b" ET"


def bodies(extracted: Extracted) -> list[tuple[int | None, str]]:
    return [(block.page, extracted.text[block.start : block.end]) for block in extracted.blocks]


def test_each_paragraph_knows_its_page():
    extracted = read(
        make_pdf(["First page. " + PROSE, "Second page.\n\nThird paragraph."]), name="a.pdf"
    )
    assert bodies(extracted) == [
        (1, "First page. " + PROSE.strip()),
        (2, "Second page."),
        (2, "Third paragraph."),
    ]
    assert extracted.title == "The manual"
    assert extracted.media_type == "application/pdf"
    assert extracted.metadata["author"] == "Ann Author"
    assert extracted.metadata["pages"] == 2.0
    assert not extracted.warnings
    assert all(block.kind == "paragraph" for block in extracted.blocks)


def test_chunks_say_which_pages_they_are_on():
    chunks = split(read(make_pdf([PROSE * 6] * 5), name="a.pdf"), overlap=0)
    assert chunks[0].page == 1
    assert chunks[-1].page_end == 5
    for before, after in itertools.pairwise(chunks):
        assert (before.page or 0) <= (before.page_end or 0) <= (after.page or 0)


def test_a_sentence_over_a_page_break_is_one():
    extracted = read(
        make_pdf(["The sentence begins here and it", "ends on the next page."]), name="a.pdf"
    )
    assert extracted.text == "The sentence begins here and it ends on the next page."
    assert [(block.page, block.continues) for block in extracted.blocks] == [(1, False), (2, True)]


def test_headings_are_what_the_outline_names():
    data = make_pdf([PROSE] * 3, sections={1: "Beginnings", 3: "Ends"})
    headings = [b for b in read(data, name="a.pdf").blocks if b.kind == "heading"]
    assert [(b.label, b.level, b.page) for b in headings] == [("Beginnings", 1, 1), ("Ends", 1, 3)]
    chunks = split(read(data, name="a.pdf"), max_tokens=64)
    assert chunks[-1].headings == ("Ends",)


def test_running_titles_and_page_numbers_are_left_out():
    pages = [f"Page {word} speaks.\n\n{PROSE}" for word in ("one", "two", "three", "four", "five")]
    extracted = read(make_pdf(pages, header="The manual, page"), name="a.pdf")
    assert "The manual" not in extracted.text
    assert all(f"Page {word} speaks." in extracted.text for word in ("one", "five"))
    # Of a few pages nobody can say what is a running title.
    assert (
        read(make_pdf(pages[:3], header="The manual"), name="a.pdf").text.count("The manual") == 3
    )


def test_hyphenation_is_undone_but_not_in_compounds():
    content = lines(
        b"The retrieval of infor-",
        b"mation is well-known and a well-",
        b"known task, said Jean-",
        b"Pierre about it.",
    )
    assert read(raw_pdf(content), name="a.pdf").text == (
        "The retrieval of information is well-known and a well-known task, "
        "said Jean-Pierre about it."
    )


def test_ligatures_are_spelt_out():
    encoding = b"<</Type/Encoding/Differences[1/fi/fl/ff/ffi]>>"
    content = lines(b"\\001nd the \\002oor, o\\003er an o\\004ce")
    assert read(raw_pdf(content, encoding), name="a.pdf").text == "find the floor, offer an office"


def test_zero_characters_are_dropped():
    assert read(raw_pdf(lines(b"a\\000b")), name="a.pdf").text == "ab"


def encrypted(data: bytes, user_password: str, algorithm: str) -> bytes:
    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(data)))
    writer.encrypt(user_password, "owner", algorithm=algorithm)
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


@pytest.mark.parametrize("algorithm", ["RC4-128", "AES-256"])
def test_encrypted_files(algorithm):
    data = make_pdf([PROSE])
    assert read(encrypted(data, "", algorithm), name="a.pdf").text == PROSE.strip()
    with pytest.raises(ReadError, match=r"^a\.pdf: is encrypted: remove its password"):
        read(encrypted(data, "secret", algorithm), name="a.pdf")
    locked = encrypted(data, "secret", algorithm)
    opened = read(locked, name="a.pdf", options=ReadOptions(passwords=("other", "secret")))
    assert opened.text == PROSE.strip()
    with pytest.raises(ReadError, match="is encrypted, and none of the passwords given opens it"):
        read(locked, name="a.pdf", options=ReadOptions(passwords=("other",)))


def test_passwords_are_not_printed():
    assert "secret" not in repr(ReadOptions(passwords=("secret",)))


def test_a_missing_cipher_says_what_to_install(monkeypatch):
    def refuse(self, password):
        raise DependencyError("cryptography>=3.1 is required for AES algorithm")

    monkeypatch.setattr(PdfReader, "decrypt", refuse)
    with pytest.raises(ReadError, match="is encrypted: pip install cryptography to read it"):
        read(encrypted(make_pdf([PROSE]), "", "RC4-128"), name="a.pdf")


NO_OCR = ReadOptions(ocr=False)


def test_no_text_layer_anywhere():
    with pytest.raises(NoTextError, match=r"has no text layer \(scanned\?\): run OCR"):
        read(make_pdf(["", ""]), name="a.pdf", options=NO_OCR)


def test_pages_without_text_are_named():
    extracted = read(make_pdf([PROSE, "", PROSE, ""]), name="a.pdf", options=NO_OCR)
    assert extracted.warnings == ("pages without text (scanned?): 2, 4 of 4",)
    assert [block.page for block in extracted.blocks] == [1, 3]


NOISE = bytes(range(256)) * 20


@pytest.mark.parametrize(
    "data", [b"no PDF at all", b"%PDF-1.7\n", b"%PDF-1.4\n" + NOISE, make_pdf([PROSE])[:300]]
)
def test_damaged_files_say_so(data, capfd):
    with pytest.raises(ReadError, match=r"^a\.pdf: is damaged or no PDF: open it in a viewer"):
        read(data, name="a.pdf")
    assert capfd.readouterr() == ("", "")


def test_damage_anywhere_is_a_reason_or_survived(capfd):
    data = make_pdf([PROSE] * 3, sections={1: "One", 2: "Two"})
    for cut in range(0, len(data), max(1, len(data) // 60)):
        for broken in (data[:cut], data[:cut] + b"\xff" * 20 + data[cut + 20 :]):
            try:
                extracted = read(broken, name="a.pdf")
            except ReadError as error:
                reason = error.reason
            else:
                reason = extracted.text
            assert reason.strip()
    assert capfd.readouterr() == ("", "")


def test_a_page_that_cannot_be_read_loses_only_itself(monkeypatch):
    from pypdf import PageObject

    extract = PageObject.extract_text

    def fail_on_second(page, *args, **kwargs):
        text = extract(page, *args, **kwargs)
        if "second" in text:
            raise ZeroDivisionError
        return text

    monkeypatch.setattr(PageObject, "extract_text", fail_on_second)
    data = make_pdf(["The first.", "The second.", "The third."])
    extracted = read(data, name="a.pdf", options=NO_OCR)
    assert bodies(extracted) == [(1, "The first."), (3, "The third.")]
    assert extracted.warnings == ("pages that cannot be read and were left out: 2",)
    with pytest.raises(ReadError, match="no page of it can be read"):
        read(make_pdf(["The second."]), name="a.pdf")
