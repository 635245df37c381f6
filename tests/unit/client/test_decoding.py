"""Streams of JSON objects, cut at any byte."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragkit.api.errors import TransportError
from ragkit.client._decoding import ArrayDecoder, Decoder, EventDecoder

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
objects = st.lists(st.dictionaries(st.text(), json_values, max_size=3), max_size=5)


def decode(decoder: Decoder, stream: bytes, cuts: list[int]) -> list[Any]:
    elements: list[bytes] = []
    places = sorted({0, len(stream), *(cut % (len(stream) + 1) for cut in cuts)})
    for start, end in itertools.pairwise(places):
        elements += decoder.feed(stream[start:end])
    elements += decoder.finish()
    return [json.loads(element) for element in elements]


@given(objects, st.lists(st.integers(0)), st.sampled_from([",", ",\n", ",\r\n ", " , "]))
def test_an_array_cut_anywhere(items, cuts, comma):
    text = "[" + comma.join(json.dumps(item, ensure_ascii=False) for item in items) + "]\n"
    assert decode(ArrayDecoder(), text.encode(), cuts) == items


@given(objects, st.lists(st.integers(0)), st.sampled_from(["\n", "\r\n", "\r"]))
def test_events_cut_anywhere(items, cuts, end):
    events = [f"data: {json.dumps(item, ensure_ascii=False)}{end}{end}" for item in items]
    stream = f": a comment{end}event: ignored{end}".join(["", *events])
    assert decode(EventDecoder(), stream.encode(), cuts) == items


def test_an_event_may_have_several_lines_and_lack_its_end():
    assert decode(EventDecoder(), b'data: {"a":\ndata: 1}\n\ndata:{"b": 2}', []) == [
        {"a": 1},
        {"b": 2},
    ]


@pytest.mark.parametrize("stream", [b'[{"a": 1}', b"[", b'[{"a": "x'])
def test_an_array_that_ends_early_is_an_error(stream):
    decoder = ArrayDecoder()
    decoder.feed(stream)
    with pytest.raises(TransportError):
        decoder.finish()


def test_memory_is_that_of_one_element():
    decoder = ArrayDecoder()
    decoder.feed(b"[")
    for _ in range(2000):
        assert len(decoder.feed(b'{"text": "' + b"x" * 1000 + b'"},')) == 1
    assert len(decoder._buffer) < 2000
