"""Word documents, presentations and workbooks, made by the libraries that write them."""

import io
import sys
import zipfile

import docx
import openpyxl  # type: ignore[import-untyped]
import pytest
from docx.opc.constants import RELATIONSHIP_TYPE
from docx.opc.packuri import PackURI
from docx.opc.part import Part
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls

from ragkit.ingest.chunking import split
from ragkit.ingest.errors import NoTextError, ReadError
from ragkit.ingest.readers import Extracted, read

from .sample_files import docx_file, pptx_file, saved, xlsx_file, zip_file


def parts(extracted: Extracted) -> list[tuple[str, str]]:
    return [(block.kind, extracted.text[block.start : block.end]) for block in extracted.blocks]


def headers(extracted: Extracted) -> list[str]:
    return [
        extracted.text[block.start : block.header_end]
        for block in extracted.blocks
        if block.header_end is not None
    ]


def test_word_documents_are_their_styles_blocks():
    extracted = read(docx_file(), name="a.docx")
    assert parts(extracted) == [
        ("heading", "Yearly report"),
        ("paragraph", "An introduction with a fine ligature and a no-break space."),
        ("heading", "Findings"),
        ("list", "- first\n- inner\n1. one\n2. two"),
        ("quote", "Somebody said so."),
        ("table", "Name | Value\ntea | 3 4"),
        ("heading", "Details"),
        ("paragraph", "The end."),
    ]
    assert extracted.text == "\n\n".join(body for _, body in parts(extracted))
    assert [block.level for block in extracted.blocks if block.level] == [1, 2, 3]
    assert headers(extracted) == ["Name | Value"]
    assert (extracted.title, extracted.metadata["author"]) == ("The report", "Ann Author")
    assert all(block.page is None for block in extracted.blocks), "Word does not know its pages"
    last = split(extracted, max_tokens=16, overlap=0)[-1]
    assert last.headings == ("Yearly report", "Findings", "Details")


def paragraph(inner: str, properties: str = "") -> str:
    return f"<w:p>{properties}{inner}</w:p>"


def run(text: str) -> str:
    return f'<w:r><w:t xml:space="preserve">{text}</w:t></w:r>'


def word_with(*elements: str) -> Extracted:
    document = docx.Document()
    document.core_properties.title = ""
    body = document.element.body
    for element in elements:
        tag = element.split(">", 1)
        body.insert(len(body) - 1, parse_xml(f"{tag[0]} {nsdecls('w')}>{tag[1]}"))
    return read(saved(document), name="a.docx")


def test_what_the_library_passes_over_is_read():
    extracted = word_with(
        f"<w:sdt><w:sdtContent>{paragraph(run('in a control'))}</w:sdtContent></w:sdt>",
        paragraph(
            run("kept ")
            + f'<w:ins w:id="1" w:author="x">{run("inserted")}</w:ins>'
            + '<w:del w:id="2" w:author="x"><w:r><w:delText>deleted</w:delText></w:r></w:del>'
        ),
        paragraph(f"<w:hyperlink>{run('linked')}</w:hyperlink><w:r><w:br/></w:r>{run('line')}"),
        paragraph(
            run("around")
            + "<w:r><w:pict><w:txbxContent>"
            + paragraph(run("boxed"))
            + "</w:txbxContent></w:pict></w:r>"
        ),
    )
    assert [body for _, body in parts(extracted)] == [
        "in a control",
        "kept inserted",
        "linked\nline",
        "around",
        "boxed",
    ]


def test_outline_levels_make_headings_too():
    extracted = word_with(
        paragraph(run("Outlined"), '<w:pPr><w:outlineLvl w:val="1"/></w:pPr>'),
        paragraph(run("text")),
    )
    assert [(b.kind, b.level) for b in extracted.blocks] == [("heading", 2), ("paragraph", None)]
    assert extracted.title is None


FOOTNOTES = """<w:footnotes {ns}><w:footnote w:type="separator" w:id="0"><w:p/></w:footnote>
<w:footnote w:id="7"><w:p><w:r><w:footnoteRef/></w:r><w:r><w:t>The note.</w:t></w:r></w:p>
</w:footnote></w:footnotes>"""


def test_footnotes_stand_at_the_end():
    document = docx.Document()
    element = document.add_paragraph("Said")._p
    reference = '<w:r {}><w:footnoteReference w:id="7"/></w:r>'.format(nsdecls("w"))
    element.append(parse_xml(reference))
    part = Part(
        PackURI("/word/footnotes.xml"),
        "application/vnd.openxmlformats-officedocument.wordprocessingml.footnotes+xml",
        FOOTNOTES.format(ns=nsdecls("w")).encode(),
        document.part.package,
    )
    document.part.relate_to(part, RELATIONSHIP_TYPE.FOOTNOTES)
    assert parts(read(saved(document), name="a.docx")) == [
        ("paragraph", "Said[1]"),
        ("paragraph", "[1] The note."),
    ]


def test_a_table_of_one_column_is_a_frame_around_text():
    document = docx.Document()
    cell = document.add_table(1, 1).cell(0, 0)
    cell.text = "framed"
    cell.add_paragraph("item", style="List Bullet")
    assert parts(read(saved(document), name="a.docx")) == [
        ("paragraph", "framed"),
        ("list", "- item"),
    ]


def test_nested_tables_are_part_of_their_cell():
    document = docx.Document()
    table = document.add_table(2, 2)
    table.cell(0, 0).text, table.cell(0, 1).text = "1", "2"
    inner = table.cell(1, 0).add_table(1, 2)
    inner.cell(0, 0).text, inner.cell(0, 1).text = "in", "side"
    assert parts(read(saved(document), name="a.docx")) == [("table", "1 | 2\nin side")]


def test_presentations_are_slides_on_pages():
    extracted = read(pptx_file(), name="a.pptx")
    assert [
        (b.page, kind, body)
        for b, (kind, body) in zip(extracted.blocks, parts(extracted), strict=True)
    ] == [
        (1, "heading", "Welcome"),
        (1, "list", "- first\n  - inner"),
        (1, "paragraph", "Notes: Greet everybody."),
        (2, "heading", "Slide 2"),
        (2, "table", "A | B\n1 | 2"),
        (2, "table", "Category | Sales\nQ1 | 1.5\nQ2 | 2"),
        (2, "paragraph", "in a group\nits second line"),
    ]
    assert headers(extracted) == ["A | B", "Category | Sales"]
    assert (extracted.title, extracted.metadata["pages"]) == ("Welcome", 2.0)
    assert split(extracted)[0].page == 1


def test_workbooks_are_tables_under_their_sheets():
    extracted = read(xlsx_file(), name="a.xlsx")
    assert parts(extracted) == [
        ("heading", "Prices"),
        ("paragraph", "As of today"),
        ("table", "Name | Price | Since\ntea | 1.5 | 2024-01-02\nrice | 2 | 2024-01-02 03:04:00"),
        ("table", "loose"),
        ("heading", "Far"),
        ("table", "TRUE"),
        ("table", "corner"),
    ]
    assert headers(extracted) == ["Name | Price | Since"]
    assert extracted.metadata["sheets"] == ("Prices", "Far")


def test_an_empty_workbook_holds_no_text():
    with pytest.raises(NoTextError, match="holds no text"):
        read(saved(openpyxl.Workbook()), name="a.xlsx")


def test_a_workbook_that_claims_billions_of_cells_is_refused(monkeypatch):
    from ragkit.ingest.readers import xlsx

    monkeypatch.setattr(xlsx, "_MOST_CELLS", 50_000)
    with pytest.raises(ReadError, match="has more than 50,000 cells: export it as CSV"):
        read(xlsx_file(), name="a.xlsx")


FILES = {"a.docx": docx_file, "a.pptx": pptx_file, "a.xlsx": xlsx_file}


@pytest.mark.parametrize("name", FILES)
def test_a_missing_library_names_its_extra(name, monkeypatch):
    library = {"a.docx": "docx", "a.pptx": "pptx", "a.xlsx": "openpyxl"}[name]
    monkeypatch.delitem(sys.modules, library, raising=False)

    class Absent:
        def find_spec(self, fullname, path=None, target=None):
            if fullname == library:
                raise ModuleNotFoundError(f"No module named {library!r}")

    monkeypatch.setattr(sys, "meta_path", [Absent(), *sys.meta_path])
    with pytest.raises(ReadError, match=r"not installed: pip install 'ragkit\[office\]'"):
        read(FILES[name](), name=name)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"no zip at all", "is damaged or not a"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "is encrypted or in an old office"),
        (zip_file({"x.txt": "no package"}), "is damaged or not a"),
    ],
)
def test_other_files_are_refused(name, data, reason):
    with pytest.raises(ReadError) as caught:
        read(data, name=name)
    assert caught.value.reason.startswith(reason)


@pytest.mark.parametrize("name", FILES)
def test_decompression_bombs_are_refused(name, monkeypatch):
    from ragkit.ingest.readers import zips

    def with_part(path: str, data: bytes) -> bytes:
        buffer = io.BytesIO(FILES[name]())
        with zipfile.ZipFile(buffer, "a", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(path, data)
        return buffer.getvalue()

    bomb = with_part("word/media/bomb.bin", bytes(zips.SMALL + 1))
    assert len(bomb) < 200_000
    with pytest.raises(ReadError, match=r"over 200 times its size \(a decompression bomb\?\)"):
        read(bomb, name=name)
    monkeypatch.setattr(zips, "MAX_DOCUMENT", 1 << 20)
    with pytest.raises(ReadError, match="more than the 1 allowed"):
        read(with_part("x.bin", bytes(2 << 20)), name=name)
    monkeypatch.setattr(zips, "MAX_PARTS", 3)
    with pytest.raises(ReadError, match="parts, more than the 3 allowed"):
        read(FILES[name](), name=name)
