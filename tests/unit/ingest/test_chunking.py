"""The splitter's promises, by property, and its taste in cuts, by example."""

import itertools
import re

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from ragkit.ingest.chunking import ChunkSpan, split
from ragkit.ingest.readers.extracted import Block, Extracted
from ragkit.text.tokens import count_tokens

PLAIN = st.sampled_from(
    ["retrieval", "chunk", "is", "the", "Dr.", "3.14", "naïve", "# one", "- two"]
)
WIDE = st.sampled_from(
    ["日本語の文章です。", "数据库", "안녕", "नमस्ते", "👍🏽", "👩\u200d👩\u200d👧", "e\u0301\u0301"]
)
CODE = st.sampled_from(
    ["def f(x):", "class A:", "    return x", "# why", "@cached", "fn main() {", "}", "\n", "x = 1"]
)
ROWS = st.sampled_from(
    ["| a | b |", "|---|", "1\t2", "x,y", "| 日本 | 👍🏽 |", "", "  | in | it |"]
)
LONG = st.sampled_from(["x" * 90, "ab" * 200, "!" * 70, "🙂" * 30, "\u0301" * 40])
WORDS = PLAIN | PLAIN | WIDE | LONG
GAPS = st.sampled_from([" ", " ", " ", "", ". ", "? ", "\n", "\r\n", "  ", " " * 300, "\t\t"])
PARAGRAPHS = st.lists(st.tuples(WORDS, GAPS), min_size=1, max_size=60).map(
    lambda pairs: "".join(word + gap for word, gap in pairs)
)
LINES = (CODE | ROWS | WORDS).flatmap(lambda line: st.sampled_from([line + "\n", line + "\r\n"]))
BODIES = PARAGRAPHS | st.lists(LINES, min_size=1, max_size=60).map("".join)
KINDS = st.sampled_from(["heading", "paragraph", "list", "table", "code", "quote", "metadata"])


@st.composite
def documents(draw):
    """A document of blocks with white space between, some headings and metadata among them."""
    text = draw(st.sampled_from(["", "\n", "  "]))
    blocks = []
    for kind, body in draw(st.lists(st.tuples(KINDS, BODIES), max_size=8)):
        if kind == "heading":
            body = body[:60]
        body = body.strip()
        if not body:
            continue
        heading = kind == "heading"
        rows = re.search(r"[\r\n]", body) if kind == "table" and draw(st.booleans()) else None
        blocks.append(
            Block(
                kind,
                len(text),
                len(text) + len(body),
                page=draw(st.none() | st.integers(1, 9)),
                level=draw(st.integers(1, 4)) if heading else None,
                label=body if heading else None,
                continues=draw(st.booleans()) if kind in ("paragraph", "table") else False,
                header_end=len(text) + rows.start() if rows else None,
            )
        )
        text += body + draw(st.sampled_from(["\n\n", "\n", " ", "\n \n", "\r\n\r\n"]))
    return Extracted(text, tuple(blocks), "text/plain")


DOCUMENTS = documents() | st.text(max_size=300).map(lambda text: Extracted(text, (), "text/plain"))
LIMITS = st.sampled_from([16, 17, 24, 50, 256, 2043])


def kept(document: Extracted) -> list[str]:
    """The text without metadata blocks, in pieces."""
    pieces: list[str] = []
    start = 0
    for block in document.blocks:
        if block.kind == "metadata":
            pieces.append(document.text[start : block.start])
            start = block.end
    return [piece for piece in [*pieces, document.text[start:]] if piece.strip()]


@settings(deadline=None)
@given(DOCUMENTS, LIMITS)
def test_without_overlap_chunks_tile_the_text(document, limit):
    chunks = split(document, max_tokens=limit, overlap=0)
    assert "".join(document.text[c.start : c.end] for c in chunks) == "".join(kept(document))
    for chunk in chunks:
        assert chunk.tokens == count_tokens(chunk.text_of(document.text))
        assert 1 <= chunk.tokens <= limit


@settings(deadline=None)
@given(DOCUMENTS, LIMITS, st.integers(0, 100))
def test_with_overlap_chunks_cover_the_text_in_order(document, limit, share):
    overlap = limit // 2 * share // 100
    text = document.text
    chunks = split(document, max_tokens=limit, overlap=overlap)
    covered = [False] * len(text)
    for chunk in chunks:
        assert chunk.tokens == count_tokens(chunk.text_of(text))
        assert 1 <= chunk.tokens <= limit
        covered[chunk.start : chunk.end] = [True] * (chunk.end - chunk.start)
    assert covered.count(True) == sum(len(piece) for piece in kept(document))
    headings = [block.start for block in document.blocks if block.kind == "heading"]
    for before, after in itertools.pairwise(chunks):
        assert before.start < after.start
        assert before.end < after.end
        shared = text[after.start : before.end]
        assert not shared or count_tokens(shared) <= overlap
        assert not any(after.start <= start < before.end for start in headings)


@settings(deadline=None)
@given(DOCUMENTS, LIMITS)
def test_the_same_document_gives_the_same_chunks(document, limit):
    assert split(document, max_tokens=limit, overlap=8) == split(
        document, max_tokens=limit, overlap=8
    )


@settings(deadline=None)
@given(DOCUMENTS, LIMITS)
def test_a_repeated_header_is_that_of_the_table_in_which_the_chunk_begins(document, limit):
    tables = [block for block in document.blocks if block.kind == "table"]
    for chunk in split(document, max_tokens=limit, overlap=4):
        if chunk.header is not None:
            start, end = chunk.header
            table = next(table for table in tables if table.start == start)
            assert table.header_end is not None
            assert document.text[table.header_end : end] in ("\n", "\r", "\r\n")
            assert end <= chunk.start
            holding = next(t for t in tables if t.start <= chunk.start < t.end)
            assert holding is table or holding.continues


@settings(deadline=None)
@given(DOCUMENTS, LIMITS)
def test_pages_and_headings_are_those_of_the_blocks(document, limit):
    def block_at(position: int) -> Block | None:
        blocks = [b for b in document.blocks if b.start <= position < b.end]
        return blocks[0] if blocks else None

    for chunk in split(document, max_tokens=limit, overlap=0):
        first, last = block_at(chunk.start), block_at(chunk.end - 1)
        if first is not None:
            assert chunk.page == first.page
            if first.kind == "heading":
                assert chunk.headings[-1] == first.label
        if last is not None:
            assert chunk.page_end == last.page


@settings(deadline=None)
@given(st.text(st.sampled_from(" \t\n\r\u3000\u00a0"), max_size=400))
def test_white_space_has_no_chunks(text):
    assert split(Extracted(text, (), "text/plain")) == []


@settings(max_examples=20, deadline=None)
@given(st.sampled_from(["a", " ", "\n", "!", "é", "日本", "👍🏽", "e\u0301", "ab ", "-_"]), LIMITS)
def test_long_runs_stay_exact(unit, limit):
    document = Extracted("Start. " + unit * 8_000 + " End.", (), "text/plain")
    chunks = split(document, max_tokens=limit, overlap=limit // 4)
    assert chunks[0].start == 0
    assert chunks[-1].end == len(document.text)
    for chunk in chunks[:3] + chunks[-3:]:
        assert chunk.tokens == count_tokens(document.text[chunk.start : chunk.end]) <= limit


@pytest.mark.parametrize("unit", ["x", "ab9_", "漢字仮名", "👩‍👩‍👧", "ไทย"])
def test_a_line_of_a_megabyte_without_white_space_is_cut(unit):
    text = (unit * 1_000_000)[:1_000_000]
    chunks = split(Extracted(text, (), "text/plain"), max_tokens=2043)
    assert chunks[0].start == 0
    assert chunks[-1].end == len(text)
    for before, after in itertools.pairwise(chunks):
        assert before.start < after.start <= before.end < after.end
    for chunk in chunks[:2] + chunks[-2:]:
        assert chunk.tokens == count_tokens(text[chunk.start : chunk.end]) <= 2043


def test_characters_are_not_torn_from_their_marks():
    text = "👩‍👩‍👧e\u0301🇩🇪👍🏽" * 200
    for chunk in split(Extracted(text, (), "text/plain"), max_tokens=40, overlap=0)[1:]:
        assert text[chunk.start] in "👩e🇩👍"
        assert text[chunk.start - 1] != "\u200d"


SENTENCE = "The quick brown fox jumps over the lazy dog near the river bank. "  # 14 tokens


def document_of(*parts: tuple[str, str]) -> Extracted:
    """Make a document of (kind or heading level, text) pairs, with blank lines between."""
    text, blocks = "", []
    for kind, body in parts:
        end = len(text) + len(body)
        if kind.isdigit():
            blocks.append(
                Block("heading", len(text), end, level=int(kind), label=body.lstrip("# "))
            )
        else:
            blocks.append(Block(kind, len(text), end))  # type: ignore[arg-type]
        text += body + "\n\n"
    return Extracted(text, tuple(blocks), "text/markdown")


def texts(document: Extracted, chunks: list[ChunkSpan]) -> list[str]:
    return [document.text[chunk.start : chunk.end] for chunk in chunks]


def test_small_paragraphs_fill_a_chunk():
    document = document_of(*[("paragraph", SENTENCE.strip())] * 60)
    chunks = split(document, overlap=0)
    assert len(chunks) == 4
    assert all(text.startswith("The quick") for text in texts(document, chunks))
    assert min(chunk.tokens for chunk in chunks) > 130


def test_sections_of_decent_size_keep_to_themselves():
    body = ("paragraph", (SENTENCE * 7).strip())
    document = document_of(("1", "# A"), body, ("1", "# B"), body, ("1", "# C"), body)
    chunks = split(document)
    assert [chunk.headings for chunk in chunks] == [("A",), ("B",), ("C",)]
    assert [text[:3] for text in texts(document, chunks)] == ["# A", "# B", "# C"]


def test_subsections_and_tiny_sections_are_put_together():
    body = ("paragraph", (SENTENCE * 2).strip())
    document = document_of(
        ("1", "# Title"),
        body,
        ("2", "## One"),
        body,
        ("2", "## Two"),
        body,
        ("2", "## Three"),
        body,
    )
    assert len(split(document)) == 1


def test_a_section_that_does_not_fit_begins_a_chunk():
    long = ("paragraph", (SENTENCE * 12).strip())
    document = document_of(("1", "# A"), long, ("2", "## B"), long, ("2", "## C"), long)
    chunks = split(document)
    assert [chunk.headings for chunk in chunks] == [("A",), ("A", "B"), ("A", "C")]


def test_a_heading_never_ends_a_chunk():
    for sentences in range(1, 40):
        body = ("paragraph", (SENTENCE * sentences).strip())
        document = document_of(body, ("2", "## Next"), ("3", "### Deeper"), body)
        for text in texts(document, split(document, max_tokens=64, overlap=0)):
            assert "## Next" not in text or "### Deeper\n\nThe" in text


def test_sentences_stay_whole():
    document = document_of(("paragraph", (SENTENCE * 100).strip()))
    for text in texts(document, split(document, overlap=0)):
        assert text.startswith("The quick")
        assert text.rstrip().endswith("bank.")


def test_overlap_is_whole_sentences_where_they_fit():
    document = document_of(("paragraph", (SENTENCE * 100).strip()))
    chunks = split(document, overlap=32)
    for before, after in itertools.pairwise(chunks):
        assert document.text[after.start : before.end] == SENTENCE * 2


def test_overlap_is_words_where_a_sentence_is_too_long():
    document = Extracted("word " * 2000, (), "text/plain")
    chunks = split(document, overlap=10)
    for before, after in itertools.pairwise(chunks):
        assert re.fullmatch(r"(word ){8,10}", document.text[after.start : before.end])


@pytest.mark.parametrize(
    ("kind", "row"),
    [("table", "name | value of it. And more | 12"), ("code", "    return f(x). Then(y)")],
)
def test_rows_and_lines_stay_whole(kind, row):
    document = document_of((kind, "\n".join([row] * 100)))
    for text in texts(document, split(document, overlap=0)):
        assert set(text.rstrip().split("\n")) == {row}


def test_items_stay_whole():
    item = "- One thing. Two things.\n  And more."
    document = document_of(("list", "\n".join([item] * 100)))
    for text in texts(document, split(document, overlap=0)):
        assert text.startswith("- One")


def test_no_crumb_is_left_over():
    for sentences in range(19, 60):
        document = document_of(("paragraph", (SENTENCE * sentences).strip()))
        assert min(chunk.tokens for chunk in split(document, overlap=0)) > 100


def test_metadata_stays_out():
    document = document_of(("metadata", "---\ntitle: x\n---"), ("paragraph", "Hello there."))
    assert texts(document, split(document)) == ["\n\nHello there.\n\n"]


def test_a_paragraph_over_a_page_break_is_one():
    half = SENTENCE * 8
    text = half + "\n" + half
    document = Extracted(
        text,
        (
            Block("paragraph", 0, len(half.rstrip()), page=1),
            Block("paragraph", len(half) + 1, len(text.rstrip()), page=2, continues=True),
        ),
        "application/pdf",
    )
    chunks = split(document, overlap=0)
    assert [(chunk.page, chunk.page_end) for chunk in chunks] == [(1, 2)]
    pages = [(c.page, c.page_end) for c in split(document, max_tokens=160, overlap=0)]
    assert pages == [(1, 2), (2, 2)]


@pytest.mark.parametrize(
    ("max_tokens", "overlap"), [(15, 0), (2044, 0), (256, 129), (256, -1), (16, 9)]
)
def test_limits_out_of_range_are_named(max_tokens, overlap):
    with pytest.raises(ValueError, match=r"must be between .* not -?\d+"):
        split(Extracted("x", (), "text/plain"), max_tokens=max_tokens, overlap=overlap)


def test_blocks_out_of_order_are_refused():
    with pytest.raises(ValueError, match="out of order"):
        Extracted("abcdef", (Block("paragraph", 2, 4), Block("paragraph", 3, 5)), "text/plain")
    with pytest.raises(ValueError, match="behind the text's end"):
        Extracted("abc", (Block("paragraph", 0, 4),), "text/plain")


HEADER = "| Part | Price in EUR |\n|---|---|"


def table_of(rows: int, *, before: str = "", header: str = HEADER, row: str = "") -> Extracted:
    lines = [header, *(row or f"| part {number} | {number * 3} |" for number in range(rows))]
    body = "\n".join(lines)
    start = len(before)
    blocks = [Block("paragraph", 0, len(before.rstrip()))] if before else []
    table = Block("table", start, start + len(body), header_end=start + len(header))
    return Extracted(f"{before}{body}\n\nAfter it.", (*blocks, table), "text/markdown")


def test_each_piece_of_a_table_begins_with_its_header():
    document = table_of(200)
    chunks = split(document, overlap=0)
    assert len(chunks) > 5
    for chunk in chunks[1:]:
        text = chunk.text_of(document.text)
        assert text.startswith(HEADER + "\n| part ")
        assert document.text[chunk.start : chunk.end] == text.removeprefix(HEADER + "\n")
        assert chunk.tokens == count_tokens(text) <= 256
    assert "".join(texts(document, chunks)) == document.text


def test_a_header_is_neither_left_alone_nor_repeated_in_its_own_chunk():
    for sentences in range(1, 20):
        document = table_of(60, before=SENTENCE * sentences + "\n\n")
        for chunk in split(document, max_tokens=128):
            text = chunk.text_of(document.text)
            assert text.count(HEADER) <= 1
            assert "| part" not in text or HEADER in text
            assert HEADER not in text or "| part" in text


def test_a_header_that_would_take_most_of_a_chunk_is_not_repeated():
    header = "| " + "a very long name of a column | " * 30 + "\n|---|"
    document = table_of(100, header=header)
    assert all(chunk.header is None for chunk in split(document, max_tokens=256))
    assert any(chunk.header for chunk in split(document, max_tokens=1024))


def test_a_table_that_goes_on_behind_a_page_break_keeps_its_header():
    document = table_of(100)
    table = document.blocks[0]
    middle = document.text.index("| part 50 ")
    halves = (
        Block("table", 0, middle - 1, page=1, header_end=table.header_end),
        Block("table", middle, table.end, page=2, continues=True),
    )
    chunks = split(Extracted(document.text, halves, "application/pdf"), max_tokens=64, overlap=0)
    assert {chunk.page_end for chunk in chunks if chunk.header} == {1, 2}
    assert all(chunk.header for chunk in chunks[1:])


CLASS = '''class Store:
    """Keeps things."""

    # The number of things.
    @property
    def size(self):
        total = 0
        for thing in self.things:

            total += thing.size
        return total

    def add(self, thing):
        self.check(thing)

        self.things.append(thing)


def helper(value):
    return value + 1


# Says so.
class Other:
    name = "other"
'''


def test_code_is_cut_before_definitions_with_what_stands_above_them():
    document = document_of(("code", (CLASS * 4).strip()))
    pieces = texts(document, split(document, max_tokens=64, overlap=0))
    assert len(pieces) > 5
    assert {piece.lstrip().split("\n")[0] for piece in pieces} <= {
        "class Store:",
        "# The number of things.",
        "def add(self, thing):",
        "def helper(value):",
        "# Says so.",
    }


def test_code_without_definitions_is_cut_behind_blank_lines():
    stanza = "total = first + second\nprint(total, file=output)\nfirst = second\n"
    document = document_of(("code", "\n".join([stanza] * 60)))
    for piece in texts(document, split(document, overlap=0)):
        assert piece.startswith("total")


def test_code_says_in_which_definition_it_stands():
    body = "class Store:\n" + "    value = compute(value)\n" * 100
    document = Extracted(
        body, (Block("code", 0, len(body.rstrip()), label="Store"),), "text/x-python"
    )
    assert {chunk.headings for chunk in split(document)} == {("Store",)}


@pytest.mark.parametrize(
    ("sentence", "marks"),
    [
        ("検索結果には出典とページ番号が必ず含まれます。", "。"),
        ("检索结果必须注明出处和页码，并且可以打开。", "。"),
        ("「本当ですか？」と彼は聞きました。", "。"),
    ],
)
def test_sentences_without_spaces_stay_whole(sentence, marks):
    document = Extracted(sentence * 200, (), "text/plain")
    chunks = split(document, max_tokens=128, overlap=0)
    assert len(chunks) > 10
    for piece in texts(document, chunks):
        assert piece[-1] == marks
        assert piece.startswith(sentence[:3])


def test_text_without_spaces_fills_chunks_behind_a_word_with_one():
    document = Extracted("Title " + "漢字仮名" * 500, (), "text/plain")
    chunks = split(document, max_tokens=64, overlap=0)
    assert min(chunk.tokens for chunk in chunks[:-1]) > 50


def test_lines_of_chinese_and_japanese_do_not_begin_with_marks():
    document = Extracted("漢」字（カ）ード々" * 300, (), "text/plain")
    for piece in texts(document, split(document, max_tokens=32, overlap=0)):
        assert piece[0] not in "」）ー々"
        assert piece[-1] != "（"
