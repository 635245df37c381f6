"""CSV, JSON, JSON Lines and notebooks."""

import csv
import io
import json
from collections.abc import Iterator

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from ragkit.ingest.errors import NoTextError, ReadError
from ragkit.ingest.readers import Extracted, read

from .sample_files import NOTEBOOK, csv_file


def parts(extracted: Extracted) -> list[tuple[str, str]]:
    return [(block.kind, extracted.text[block.start : block.end]) for block in extracted.blocks]


def header(extracted: Extracted) -> str | None:
    (block,) = extracted.blocks
    return None if block.header_end is None else extracted.text[block.start : block.header_end]


def test_csv_is_its_source_as_one_table():
    extracted = read(csv_file(), name="a.csv")
    assert extracted.text == csv_file().decode()
    assert parts(extracted) == [("table", extracted.text.strip())]
    assert header(extracted) == 'name,"what it\nis",price'
    assert extracted.metadata["columns"] == ("name", "what it\nis", "price")
    assert extracted.media_type == "text/csv"


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("a.csv", "name;price\ntea;1,5\nrice;2,5\n", "name;price"),
        ("a.csv", "name|price\r\ntea|1\r\n", "name|price"),
        ("a.csv", "\n\nname,price\n1,2", "name,price"),
        ("a.csv", "1,2\n3,4\n", None),
        ("a.csv", "same,same\n1,2\n", None),
        ("a.csv", "name,price\n", None),
        ("a.csv", "lonely\ncolumn\n", None),
        ("a.tsv", "name, or so\tprice\ntea\t1\n", "name, or so\tprice"),
    ],
)
def test_delimiters_and_headers_are_told_by_the_rows(name, text, expected):
    assert header(read(text.encode(), name=name)) == expected


def test_metadata_lists_only_so_many_columns():
    row = ",".join(f"column {number}" for number in range(3000))
    extracted = read(f"{row}\n1\n".encode(), name="a.csv")
    columns = extracted.metadata["columns"]
    assert isinstance(columns, tuple)
    assert len(columns) == 50
    assert header(extracted) == row


CELL = st.text(st.sampled_from('ab1,;|\t" \n\ré'), max_size=6)


@settings(deadline=None)
@given(st.lists(st.lists(CELL, min_size=1, max_size=4), min_size=1, max_size=6))
def test_any_csv_is_kept_whole(rows):
    buffer = io.StringIO(newline="")
    csv.writer(buffer).writerows(rows)
    source = buffer.getvalue()
    try:
        extracted = read(source.encode(), name="a.csv")
    except NoTextError:
        assert not source.strip()
        return
    assert extracted.text == source
    (block,) = extracted.blocks
    assert source[block.start : block.end] == source.strip()
    if block.header_end is not None:
        assert block.start < block.header_end < block.end


RECORD = {
    "name": "tea",
    "price": 1.50,
    "tags": ["hot", "cold"],
    "none": None,
    "ok": True,
    "about": "A long text. " * 30 + "\n\nIts second paragraph.",
    "sizes": [{"cup": 2}, {"pot": 9007199254740993}],
}


def test_json_records_are_lines_and_long_texts_paragraphs():
    extracted = read(json.dumps([RECORD, "plain", 7]).encode(), name="a.json")
    assert parts(extracted) == [
        ("code", "name: tea\nprice: 1.5\ntags: hot, cold\nnone: null\nok: true"),
        ("paragraph", "about: " + ("A long text. " * 30).strip()),
        ("paragraph", "Its second paragraph."),
        ("code", "sizes:\n  -\n    cup: 2\n  -\n    pot: 9007199254740993"),
        ("paragraph", "plain"),
        ("code", "7"),
    ]


def test_the_outermost_objects_structures_are_sections():
    data = {"version": 3, "items": [{"a": 1}, {"a": 2}], "by": {"who": "Ann"}, "empty": {}}
    extracted = read(json.dumps(data).encode(), name="a.json")
    assert parts(extracted) == [
        ("code", "version: 3"),
        ("heading", "items"),
        ("code", "a: 1"),
        ("code", "a: 2"),
        ("heading", "by"),
        ("code", "who: Ann"),
    ]


def test_json_lines_are_records_and_bad_lines_are_said():
    extracted = read(b'{"a": 1}\n\nnot json\n{"b": "x\xe2\x80\xa8y"}\n', name="a.jsonl")
    assert parts(extracted) == [("code", "a: 1"), ("code", "b: x y")]
    assert extracted.warnings == ("lines that are not JSON and were left out: 3",)


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("a.json", b'{"a": ', "is not JSON: Expecting value at line 1 column 7"),
        ("a.json", b"[" * 200_000, "is nested too deeply to be read"),
        ("a.jsonl", b"no\nno\n", "is not JSON Lines: none of its 2 lines is JSON"),
        ("a.ipynb", b"{", "is damaged or no notebook"),
        ("a.ipynb", b'{"a": 1}', "is JSON, but no notebook: it has no cells"),
    ],
)
def test_what_is_no_json_is_refused(name, data, reason):
    with pytest.raises(ReadError) as caught:
        read(data, name=name)
    assert caught.value.reason.startswith(reason)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=20,
)


@settings(deadline=None)
@given(JSON, st.sampled_from(["a.json", "a.jsonl", "a.ipynb"]))
def test_any_json_is_read_or_refused(value, name):
    try:
        extracted = read(json.dumps(value).encode(), name=name)
    except ReadError:
        return
    words = "".join(extracted.text.split())
    for text in _strings(value) if name != "a.ipynb" else ():
        # Ligatures and marks without width may change, words do not go.
        if text.isascii() and text.isprintable():
            assert "".join(text.split()) in words


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from _strings(item)
    elif isinstance(value, dict):
        for item in value.values():
            yield from _strings(item)


def test_notebooks_are_their_cells():
    extracted = read(json.dumps(NOTEBOOK).encode(), name="a.ipynb")
    assert parts(extracted) == [
        ("heading", "# Study"),
        ("paragraph", "Some *text*."),
        ("list", "- a"),
        ("code", "import math\nmath.pi"),
        ("code", "100%"),
        ("code", "3.14"),
        ("paragraph", "raw text"),
        ("heading", "## Part"),
        ("table", "| a | b |\n|---|---|\n| 1 | 2 |"),
    ]
    table = extracted.blocks[-1]
    assert extracted.text[table.start : table.header_end] == "| a | b |\n|---|---|"
    assert (extracted.title, extracted.metadata["language"]) == ("Study", "python")


def test_old_notebooks():
    cells = [
        {"cell_type": "heading", "level": 2, "source": ["Old"]},
        {
            "cell_type": "code",
            "input": ["1 + 1"],
            "outputs": [{"output_type": "pyout", "text": ["2"]}],
        },
    ]
    data = {"nbformat": 3, "worksheets": [{"cells": cells}]}
    extracted = read(json.dumps(data).encode(), name="a.ipynb")
    assert parts(extracted) == [("heading", "Old"), ("code", "1 + 1"), ("code", "2")]


def test_outputs_that_are_logs_are_cut_and_said_so():
    output = {"output_type": "stream", "name": "stdout", "text": "line\n" * 10_000}
    cell = {"cell_type": "code", "source": "x", "outputs": [output]}
    extracted = read(json.dumps({"cells": [cell]}).encode(), name="a.ipynb")
    assert len(extracted.text) < 21_000
    assert extracted.warnings == ("an output of 49999 characters was cut at 20000",)
