"""Text, Markdown and HTML, and how a reader is found."""

import codecs
import importlib
import os
from importlib.metadata import EntryPoint

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from ragkit.ingest import readers
from ragkit.ingest.errors import NoTextError, ReadError
from ragkit.ingest.readers import Extracted, find_reader, read, read_file, suffixes


def parts(extracted: Extracted) -> list[tuple[str, str]]:
    return [(block.kind, extracted.text[block.start : block.end]) for block in extracted.blocks]


def squeezed(*texts: str) -> str:
    """Texts without their white space."""
    return "".join("".join(texts).split())


# Finding readers


def test_suffixes_are_those_with_a_reader():
    assert {".txt", ".md", ".markdown", ".html", ".htm", ".pdf"} <= suffixes()
    assert all(find_reader("x" + suffix) for suffix in suffixes())
    assert find_reader("x.doc") is None


def test_importing_readers_imports_no_parser():
    import subprocess
    import sys

    code = "import sys, ragkit.ingest.readers; print([m for m in sys.modules if m in %r])"
    heavy = [
        "docx",
        "pptx",
        "openpyxl",
        "lxml",
        "pypdfium2",
        "pypdf",
        "selectolax",
        "markdown_it",
        "tiktoken",
        "charset_normalizer",
        "numpy",
    ]
    out = subprocess.run(
        [sys.executable, "-c", code % heavy], capture_output=True, text=True, check=True
    )
    assert out.stdout.strip() == "[]"


@pytest.fixture
def plug_in(monkeypatch, tmp_path):
    def install(source: str, suffix: str = "docx") -> None:
        (tmp_path / "a_plug_in.py").write_text(source)
        monkeypatch.syspath_prepend(str(tmp_path))
        importlib.invalidate_caches()
        entry = EntryPoint(suffix, "a_plug_in:read", readers.ENTRY_POINT_GROUP)
        monkeypatch.setattr(readers, "entry_points", lambda group: [entry])
        monkeypatch.delitem(__import__("sys").modules, "a_plug_in", raising=False)
        readers._plug_ins.cache_clear()

    yield install
    readers._plug_ins.cache_clear()


PLUG_IN = """
from ragkit.ingest.readers import Extracted
def read(data, *, name):
    return Extracted("read by a plug-in", (), "application/docx")
"""


def test_plug_ins_add_and_replace_readers(plug_in):
    plug_in(PLUG_IN)
    assert ".docx" in suffixes()
    assert read(b"x", name="A.DOCX").text == "read by a plug-in"
    plug_in(PLUG_IN, "md")
    assert read(b"x", name="a.md").media_type == "application/docx"


def test_a_plug_in_that_does_not_load_fails_its_files_only(plug_in):
    plug_in("import nothing_of_the_kind")
    with pytest.raises(ReadError, match=r"a\.docx: its reader a_plug_in:read .* does not load"):
        read(b"x", name="a.docx")
    assert read(b"x", name="a.txt").text == "x"


def test_a_reader_that_fails_gives_a_reason(plug_in):
    plug_in("def read(data, *, name):\n    raise KeyError('boom')")
    with pytest.raises(ReadError, match=r"a\.docx: cannot be read: KeyError: 'boom'"):
        read(b"x", name="a.docx")


def test_files_that_cannot_be_opened(tmp_path):
    with pytest.raises(ReadError, match=r"x\.txt: cannot be opened: no such file or directory"):
        read_file(tmp_path / "x.txt")
    with pytest.raises(ReadError, match="cannot be opened: is a directory"):
        read_file(tmp_path)


@pytest.mark.parametrize("name", ["a.txt", "a.md", "a.html", "a.pdf", "a"])
def test_empty_files_say_so(name):
    with pytest.raises(NoTextError, match=f"^{name}: is empty: there is nothing to ingest$"):
        read(b"", name=name)


@pytest.mark.parametrize(
    ("name", "data"),
    [("a.txt", b" \n\t"), ("a.html", b"<p> </p><script>x</script>"), ("a.txt", codecs.BOM_UTF8)],
)
def test_files_without_text_say_so(name, data):
    with pytest.raises(NoTextError, match="holds no text"):
        read(data, name=name)


def test_messages_can_be_printed_whatever_the_name():
    name = os.fsdecode(b"caf\xe9.txt")
    with pytest.raises(ReadError) as caught:
        read(b"", name=name)
    assert str(caught.value).startswith(r"caf\udce9.txt: is empty")


# Plain text and encodings

GERMAN = "Größere Straßen führen über Köln nach München, schöne Grüße vom Mädchen."
TEXTS = {
    "cp1252": "He said “it’s fine” – and left the café…",
    "latin-1": GERMAN,
    "cp1251": "Привет, как дела? Это простой текст на русском языке для проверки.",
    "koi8-r": "Привет, как дела? Это простой текст на русском языке для проверки.",
    "cp1253": "Αυτό είναι ένα απλό κείμενο στα ελληνικά.",
    "shift_jis": "これは日本語の文章です。文字コードを判定するための例文です。",
    "euc_jp": "これは日本語の文章です。文字コードを判定するための例文です。",
    "gb18030": "这是一个中文句子，用来测试编码检测的效果如何。",
    "big5": "這是一個中文句子，用來測試編碼檢測的效果如何。",
    "euc_kr": "이것은 한국어 문장입니다. 인코딩 감지를 시험합니다.",
}


@pytest.mark.parametrize("encoding", TEXTS)
def test_legacy_encodings_are_guessed_and_said_so(encoding):
    extracted = read(TEXTS[encoding].encode(encoding), name="a.txt")
    assert extracted.text == TEXTS[encoding]
    (warning,) = extracted.warnings
    assert warning.startswith("not UTF-8: read as ")
    assert str(extracted.metadata["encoding"]) in warning


def test_a_long_preface_in_ascii_does_not_hide_the_encoding():
    text = "Nothing but plain English here. " * 10_000 + GERMAN
    assert read(text.encode("latin-1"), name="a.txt").text == text


@pytest.mark.parametrize(
    "encoding",
    ["utf-8", "utf-8-sig", "utf-16", "utf-32", "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"],
)
def test_unicode_encodings(encoding):
    extracted = read(GERMAN.encode(encoding), name="a.txt")
    assert extracted.text == GERMAN
    assert bool(extracted.warnings) == (encoding[-2:] in ("le", "be"))


@given(st.text(min_size=1).filter(lambda text: text.strip() and "\x00" not in text))
@settings(deadline=None)
def test_any_utf_8_text_is_itself(text):
    data = text.encode()
    try:
        extracted = read(data, name="a.txt")
    except ReadError:
        # What is mostly control characters is no text.
        assert any(character < " " or character == "\x7f" for character in text)
    else:
        if not data.startswith((b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")):
            assert extracted.text == text
        assert squeezed(*(body for _, body in parts(extracted))) == squeezed(extracted.text)


@given(st.binary(max_size=200), st.sampled_from(sorted(suffixes() - {".pdf"})))
@settings(deadline=None)
def test_any_bytes_are_read_or_refused(data, suffix):
    try:
        extracted = read(data, name="a" + suffix)
    except ReadError:
        return
    assert extracted.text.strip()
    extracted.text.encode()


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (bytes(range(256)) * 40, "is not text (binary data)"),
        (b"\x00" * 100, "is not text (binary data)"),
        (b"\x89PNG\r\n\x1a\n" + b"x" * 50, "is not text but a PNG image"),
        (b"PK\x03\x04" + b"x" * 50, "is not text but a ZIP archive or an office document"),
        (b"%PDF-1.4 ...", "is not text but a PDF"),
        (codecs.BOM_UTF16_LE + b"a\x00\x00", "its byte order mark says utf-16, but byte 4 is not"),
    ],
)
def test_junk_is_refused_with_a_reason(data, reason):
    with pytest.raises(ReadError, match=r"junk\.txt: ") as caught:
        read(data, name="junk.txt")
    assert reason in caught.value.reason


def test_a_stray_zero_byte_loses_nothing():
    extracted = read(b"word " * 100 + b"\x00end", name="a.txt")
    assert extracted.text == "word " * 100 + " end"
    assert extracted.warnings == ("1 zero bytes were replaced by spaces",)


def test_a_few_damaged_bytes_do_not_make_it_another_encoding():
    extracted = read((GERMAN * 3).encode() + b"\xff\xfe", name="a.txt")
    assert extracted.text == GERMAN * 3 + "\ufffd\ufffd"
    assert "first at byte" in extracted.warnings[0]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_paragraphs_stand_between_blank_lines(end):
    text = end.join(["", "One", "goes on.", "", "  Two.", " \t", "", "Three.\fFour.", ""])
    assert [body for _, body in parts(read(text.encode(), name="a.txt"))] == [
        f"One{end}goes on.",
        "Two.",
        "Three.",
        "Four.",
    ]


# Markdown

MARKDOWN = """\
---
title: "The guide"
tags: [one, 'two']
authors:
  - Ann
  - Bob # the builder
nested:
  key: value
---

# The *first* `heading` [link](http://x)

A paragraph
of two lines.

- item
  # no heading of the document

  more

> quoted

```python
# no heading
```

| a | b |
|---|---|
| 1 | 2 |

Second
------

***

[ref]: http://example.org

    code

<div>html</div>
"""


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_markdown_is_its_source_with_blocks(end):
    source = MARKDOWN.replace("\n", end)
    extracted = read(source.encode(), name="a.md")
    assert extracted.text == source
    assert extracted.title == "The guide"
    assert extracted.metadata["tags"] == ("one", "two")
    assert extracted.metadata["authors"] == ("Ann", "Bob")
    assert "nested" not in extracted.metadata
    found = [(kind, body.replace(end, "\n")) for kind, body in parts(extracted)]
    assert " ".join(kind for kind, _ in found) == (
        "metadata heading paragraph list quote code table heading paragraph code paragraph"
    )
    assert found[2][1] == "A paragraph\nof two lines."
    assert found[5][1] == "```python\n# no heading\n```"
    assert found[8][1] == "***\n\n[ref]: http://example.org"
    assert found[9][1] == "    code"
    headings = [(b.label, b.level) for b in extracted.blocks if b.kind == "heading"]
    assert headings == [("The first heading link", 1), ("Second", 2)]


def test_the_first_heading_is_the_title_without_front_matter():
    assert read(b"text\n\n## A &amp; B\n", name="a.md").title == "A & B"
    assert read(b"text", name="a.md").title is None


def test_toml_front_matter():
    extracted = read(b'+++\ntitle = "T"\nweight = 3\ntags = ["a"]\n+++\nBody', name="a.md")
    assert (extracted.title, dict(extracted.metadata)) == (
        "T",
        {"encoding": "utf-8", "weight": 3.0, "tags": ("a",)},
    )
    assert parts(extracted)[1] == ("paragraph", "Body")


@pytest.mark.parametrize(
    "text", ["---\nNo front matter, a thematic break.\n\n---\n", "---\n", "+++\nx\n+++\n"]
)
def test_a_thematic_break_is_no_front_matter(text):
    assert all(kind != "metadata" for kind, _ in parts(read(text.encode(), name="a.md")))


@settings(deadline=None)
@given(st.text(st.sampled_from("ab #-*>|`~=:\n\r\t[]()<>1.+\u00a0é"), min_size=1, max_size=120))
def test_markdown_blocks_leave_out_white_space_only(text):
    try:
        extracted = read(text.encode(), name="a.md")
    except NoTextError:
        return
    assert extracted.text == text
    assert squeezed(*(body for _, body in parts(extracted))) == squeezed(text)


# HTML

HTML = """<!DOCTYPE html><html lang="en"><head><title>A &amp; B</title>
<meta name="author" content="Ann"><meta name="keywords" content="x, y">
<style>p {}</style></head><body>
<nav><a href="/">Home</a></nav><header><nav>menu</nav></header>
<div role="search">find</div>
<h1>Main<br>title<a class="headerlink" href="#t">¶</a></h1>
<p>One <b>bold</b>&nbsp;word,<br>a line &lt;here&gt;.<script>var x;</script></p>
loose text
<ul><li>first<ul><li>inner</li></ul></li><li><p>second</p><p>more</p></li></ul>
<ol><li>a</li><li>b</li></ol>
<table><tr><th>k</th><th>v</th></tr><tr><td>1</td><td>a <i>b</i></td></tr></table>
<pre>  keep
    this</pre>
<blockquote><p>quoted</p></blockquote>
<dl><dt>term</dt><dd>meaning</dd></dl>
<h2>Sub</h2>
<aside>advert</aside><p hidden>secret</p>
<footer>imprint</footer></body></html>"""


def test_html_is_its_main_text_in_blocks():
    extracted = read(HTML.encode(), name="a.html")
    assert parts(extracted) == [
        ("heading", "Main title"),
        ("paragraph", "One bold word,\na line <here>."),
        ("paragraph", "loose text"),
        ("list", "- first\n  - inner\n- second\n  more"),
        ("list", "1. a\n2. b"),
        ("table", "k | v\n1 | a b"),
        ("code", "  keep\n    this"),
        ("quote", "quoted"),
        ("paragraph", "term"),
        ("paragraph", "meaning"),
        ("heading", "Sub"),
    ]
    assert extracted.text == "\n\n".join(body for _, body in parts(extracted))
    assert extracted.title == "A & B"
    assert dict(extracted.metadata) == {
        "author": "Ann",
        "keywords": ("x", "y"),
        "language": "en",
        "encoding": "utf-8",
    }
    assert [(b.label, b.level) for b in extracted.blocks if b.level] == [
        ("Main title", 1),
        ("Sub", 2),
    ]
    assert extracted.blocks[9].continues


def test_the_main_element_is_the_text():
    page = (
        b"<body><div>around</div><main><aside>note</aside><p>inside the main part</p></main></body>"
    )
    assert [body for _, body in parts(read(page, name="a.html"))] == [
        "note",
        "inside the main part",
    ]


def test_a_token_main_element_does_not_hide_the_page():
    page = "<body><main>x</main><p>" + "The real content. " * 20 + "</p></body>"
    assert "The real content." in read(page.encode(), name="a.html").text


def test_a_page_of_navigation_only_is_kept():
    assert read(b"<nav><a>Chapter 1</a></nav>", name="a.html").text == "Chapter 1"


def test_tables_that_lay_out_a_page_are_no_tables():
    page = b"<table><tr><td><h1>T</h1><p>a</p></td><td><p>b</p></td></tr></table>"
    assert [kind for kind, _ in parts(read(page, name="a.html"))] == [
        "heading",
        "paragraph",
        "paragraph",
    ]


@pytest.mark.parametrize(
    ("head", "encoding", "known"),
    [
        ('<meta charset="iso-8859-1">', "cp1252", "cp1252"),
        (
            '<meta http-equiv="Content-Type" content="text/html; charset=koi8-r">',
            "koi8-r",
            "koi8-r",
        ),
        ('<meta charset="shift_jis">', "shift_jis", "shift_jis"),
        ('<meta charset="iso-8859-1">', "utf-8", "utf-8"),
        ('<meta charset="no-such-thing">', "utf-8", "utf-8"),
    ],
)
def test_html_charsets(head, encoding, known):
    word = {"koi8-r": "Привет", "shift_jis": "日本語"}.get(encoding, "Straße “x”")
    extracted = read(f"{head}<p>{word}</p>".encode(encoding), name="a.html")
    assert (extracted.text, extracted.metadata["encoding"]) == (word, known)


def test_deep_nesting_is_no_trouble():
    page = "<div><font>" * 2_500 + "deep" + "<ul><li>" * 1_000 + "x"
    assert "deep" in read(page.encode(), name="a.html").text


TAGS = ["p", "div", "ul", "ol", "li", "h1", "h3", "table", "tr", "td", "pre", "br", "b", "main"]
TAG = st.sampled_from([*TAGS, "blockquote", "dl", "dd", "nav", "a", "thead"])
MARKUP = TAG.map("<{}>".format) | TAG.map("</{}>".format) | TAG.map("<{}>word &amp; ".format)


@settings(deadline=None)
@given(st.lists(MARKUP | st.sampled_from([" x\n y ", "z"]), max_size=60).map("".join))
def test_any_html_gives_sound_blocks(page):
    try:
        extracted = read(page.encode(), name="a.html")
    except NoTextError:
        return
    assert extracted.text == "\n\n".join(body for _, body in parts(extracted))
    assert all(body == body.strip() or kind == "code" for kind, body in parts(extracted))
