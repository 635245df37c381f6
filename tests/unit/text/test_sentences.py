import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragkit.text.sentences import sentence_spans


def sentences(text: str) -> list[str]:
    return [text[start:end] for start, end in sentence_spans(text)]


MARKS = st.sampled_from(
    [" ", "\n", "\n\n", "\r\n", "\f", "\u2029", ".", "...", "!", "?", "。", "।", '"', "'", ")",
     "(", "[1]", "# ", "- ", "1. ", "| ", "```", "~~~", "===", "---", "> ", "A", "b", "Dr.", "U.S.",
     "9", "中", "é", "The ", "word "]
)  # fmt: skip


@given(st.one_of(st.text(), st.lists(MARKS, max_size=40).map("".join)))
def test_spans_tile_the_text(text):
    spans = sentence_spans(text)
    assert all(start < end for start, end in spans)
    assert "".join(text[start:end] for start, end in spans) == text
    assert [start for start, _ in spans] == [0, *(end for _, end in spans)][: len(spans)]


@given(st.lists(MARKS, max_size=40).map("".join))
def test_white_space_belongs_to_the_sentence_before(text):
    assert not any(part[0].isspace() for part in sentences(text)[1:])


@given(st.lists(MARKS, max_size=20).map("".join), st.lists(MARKS, max_size=20).map("".join))
def test_a_blank_line_always_ends_a_sentence(before, after):
    before, after = "x" + before.rstrip() + "x", after.lstrip() + "x"
    boundary = len(before) + 2
    assert boundary in [end for _, end in sentence_spans(before + "\n\n" + after)]


@pytest.mark.parametrize(
    "parts",
    [
        ["Dr. Smith left. ", "He was late."],
        ["He moved to the U.S. in 1990. ", "It suited him."],
        ["He lives in the U.S. ", "The weather is fine."],
        ["See Fig. 3 and Sec. 4.2. ", "They differ."],
        ["J. K. Rowling wrote it. ", "Many read it."],
        ["It costs $3.50, e.g. at Smith Inc. in town."],
        ["Acme Inc. makes it. ", "No. 5 is best. ", "She said no. ", "He agreed."],
        ["At 5 p.m. we met. ", "It rained."],
        ["“Really?” he asked. ", "“Yes.” ", "(She nodded.) ", "Good."],
        ["Well... maybe. ", "And so… ", "He went."],
        ["Version 2.0 is out. ", "See example.com/a.html for more."],
        ["It was so.[12] ", "Then it was not.[3][4] ", "End."],
        ["It calls the store. ", "batchCreate takes a list."],
        ["**Bold it is.** ", "`code` follows."],
        ["Am 3. Oktober kam er. ", "Das war z. B. gut, d. h. schön."],
        ["Is it there? ", '"list x" shows it. ', "Yes."],
        ["What?! ", "No way! ", "Yes."],
    ],
)
def test_prose(parts):
    assert sentences("".join(parts)) == parts


@pytest.mark.parametrize(
    "parts",
    [
        ["今天天气很好。", "我们去公园！", "你去吗？", "“好。”", "他说。"],
        ["यह एक है। ", "दूसरा वाक्य।"],
        ["هل أنت هنا؟ ", "نعم."],
        ["これはペンです。", "あれは？", "「本です。」"],
        ["「本当ですか？」と彼は聞きました。", "円周率は３．１４です．", "以上"],
        ["བོད་ཡིག་ནི་སྐད་ཡིག་ཅིག་རེད།", "དེ་ནི་ཡག་པོ་རེད།"],
        [
            "ประเทศไทยมีประชากรประมาณ 70 ล้านคนและมีเมืองหลวงคือกรุงเทพมหานคร ",
            "ซึ่งตั้งอยู่บนฝั่งแม่น้ำเจ้าพระยาในภาคกลางของประเทศ",
        ],
    ],
    ids=["zh", "hi", "ar", "ja", "ja-quotes", "bo", "th"],
)
def test_stops_of_other_scripts(parts):
    assert sentences("".join(parts)) == parts


@pytest.mark.parametrize(
    "parts",
    [
        ["# Title\n", "Text of one line. ", "More.\n\n", "## Next\n\n", "End."],
        ["Title\n=====\n", "Text follows here. ", "More."],
        ["1. First item. ", "It goes on.\n", "2. Second\n", "10) Tenth\n", "- dash\n", "* star"],
        ["- an item that is\n  wrapped. ", "It goes on.\n", "- next\n", "Plain."],
        ["| a | b |\n", "|---|---|\n", "| 1. X | 2. Y |\n", "After."],
        ["A paragraph that is\nwrapped. ", "It goes\non."],
        ["First.\r\n\r\n", "Second\r\nline."],
        ["Page one\f", "Page two"],
        ["Run:\n", "```sh\n", "pip install x. Y\n", "ragkit q\n", "```\n", "Go\non. ", "Well."],
        ["tail of code\n", "```\n", "Prose goes\non. ", "Well."],
        ["Introduction\n", "This paper describes what was measured and how. ", "More."],
        ["> A quotation\n> goes on. ", "Two."],
    ],
    ids=["heading", "setext", "items", "wrapped-item", "table", "wrapped", "crlf", "page", "code",
         "cut-code", "plain-heading", "quote"],
)  # fmt: skip
def test_block_structure(parts):
    assert sentences("".join(parts)) == parts


@pytest.mark.parametrize(
    ("text", "count"),
    [("", 0), (" \n\n ", 1), ("no stop", 1), (".", 1), ("." * 300_000, 1), (".)" * 150_000, 1),
     ("\n" * 300_000, 1), (" " * 300_000, 1), ("[1]." * 100_000, 1), (". " * 100_000, 100_000),
     ("```\n" * 50_000, 50_000)],
    ids=["empty", "white", "bare", "stop", "stops", "closed", "lines", "spaces", "notes", "spaced",
         "fences"],
)  # fmt: skip
def test_degenerate_texts(text, count):
    assert len(sentence_spans(text)) == count
