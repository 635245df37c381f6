"""Where a chunk's characters stand in its source, with and without a repeated table header."""

from __future__ import annotations

from pathlib import Path

import hypothesis.strategies as st
import pytest
from hypothesis import given

from ragkit.answerer import Answerer
from ragkit.client import connect
from ragkit.ingest import IngestOptions, Splitting, ingest
from ragkit.ingest.readers import read
from ragkit.provenance import Provenance
from ragkit.retriever import Retriever

SOURCE = "Intro.\nname|price\nred|1\nblue|2\nEnd."
HEADER, ROW = (7, 18), (24, 31)


@given(st.integers(0, 18), st.integers(0, 18))
def test_a_quotation_is_found_where_it_stands(first, second):
    start, end = min(first, second), max(first, second)
    provenance = Provenance(start=ROW[0], end=ROW[1], table_header=HEADER)
    text = SOURCE[slice(*HEADER)] + SOURCE[slice(*ROW)]
    place = provenance.locate(start, end)
    if place is None:
        assert start < HEADER[1] - HEADER[0] < end
    else:
        assert SOURCE[slice(*place)] == text[start:end]


def test_a_header_that_stands_just_before_is_one_with_its_rows():
    provenance = Provenance(start=18, end=31, table_header=HEADER)
    assert provenance.locate(0, 24) == (7, 31)


def test_without_a_place_there_is_none():
    assert Provenance(table_header=HEADER).locate(0, 3) is None


def test_the_page_of_a_repeated_header_is_not_guessed():
    provenance = Provenance(start=24, end=31, page=2, table_header=HEADER)
    assert provenance.page_at(7) is None
    assert provenance.page_at(24) == 2


@pytest.mark.parametrize("header", [None, (0, 12)])
def test_metadata_gives_it_back(header):
    provenance = Provenance(source="a", start=1, end=9, ordinal=0, table_header=header)
    assert Provenance.from_metadata(provenance.to_metadata()) == provenance


def test_rows_of_a_long_table_are_found_and_cited_with_their_columns(tmp_path: Path):
    rows = [f"| item{number:03} | {number * 7} kg | shelf {number % 9} |" for number in range(300)]
    text = "# Stock\n\n| Name | Weight | Place |\n|---|---|---|\n" + "\n".join(rows) + "\n"
    (tmp_path / "stock.md").write_text(text)
    extracted = read(text.encode(), name="stock.md").text
    with connect(data=tmp_path / "data") as client:
        options = IngestOptions(splitting=Splitting(128, 16), workers=0)
        assert ingest(client, [tmp_path / "stock.md"], "stock", options).ok
        [found, *_] = Retriever(client, "stock").retrieve("item211")
        assert found.text.startswith("| Name | Weight | Place |\n|---|---|---|\n| item")
        place = found.provenance
        header = place.table_header
        assert header is not None
        assert found.text == extracted[slice(*header)] + extracted[place.start : place.end]
        answer = Answerer(client, "stock").ask("What is the weight of item211?")
    assert answer.citations
    for citation in answer.citations:
        assert citation.start is not None
        assert extracted[citation.start : citation.end] == citation.quote
