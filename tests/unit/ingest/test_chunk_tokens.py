"""Counts of spans against encoding each span alone."""

import hypothesis.strategies as st
import pytest
from hypothesis import example, given, settings

from ragkit.ingest.chunk_tokens import FAR, MANY, TokenMap
from ragkit.text.tokens import count_tokens

# Letters, numbers, white space and symbols of many kinds, and what Unicode's tables dispute.
PLAIN = st.sampled_from(
    ["a", "The", "don't", "'S", "''", "x1", "123", "12345", ".", "...", "(", "_"]
)
SPACE = st.sampled_from([" ", "  ", "\t", "\n", "\r\n", "\xa0", "\u3000", "\x85", "\u2028", "\x1c"])
WIDE = st.sampled_from(
    ["é", "ſ", "日本", "。", "Привет", "नमस्ते", "²", "Ⅷ", "٣", "—", "e\u0301", "👍🏽"]
)
RARE = st.sampled_from(["👩\u200d👧", "\u200d", "\U0001d4d0", "\ufeff", "\x00", "<|endoftext|>"])
PARTS = PLAIN | SPACE | WIDE | RARE
TEXTS = st.lists(PARTS | st.text(max_size=4), max_size=40).map("".join)


@settings(deadline=None)
@given(TEXTS, st.data())
@example("don't 'S  \n\n x12345 (foo", None)
def test_any_span_counts_as_if_it_stood_alone(text, data):
    tokens = TokenMap(text)
    if data is None:
        places = [(a, b) for a in range(len(text)) for b in range(a + 1, len(text) + 1)]
    else:
        bounds = st.integers(0, len(text))
        pairs = st.lists(st.tuples(bounds, bounds), max_size=20)
        places = [(min(pair), max(pair)) for pair in data.draw(pairs)]
    for start, end in places:
        assert tokens.count(start, end) == count_tokens(text[start:end])


@settings(deadline=None)
@given(TEXTS.map(lambda text: text + " end"), st.integers(1, 40), st.data())
def test_no_end_behind_the_bound_fits(text, budget, data):
    tokens = TokenMap(text)
    start = data.draw(st.integers(0, len(text) - 1))
    bound = tokens.bound(start, budget)
    assert bound > start
    assert all(tokens.count(start, end) > budget for end in range(bound + 1, len(text) + 1))


@settings(deadline=None)
@given(TEXTS.map(lambda text: "start " + text), st.integers(1, 40), st.data())
def test_no_start_before_the_bound_fits(text, budget, data):
    tokens = TokenMap(text)
    end = data.draw(st.integers(1, len(text)))
    bound = tokens.bound_before(end, budget)
    assert bound < end
    assert all(tokens.count(start, end) > budget for start in range(bound))


@pytest.mark.parametrize("run", ["a", " ", "\n", "!", "é", "日"])
def test_stretches_without_a_seam_count_as_many_beyond_a_limit(run):
    text = "before it " + run * 300_000 + " behind it"
    tokens = TokenMap(text)
    assert tokens.count(0, len(text)) == MANY
    assert tokens.count(20, 20 + FAR) == count_tokens(run * FAR)
    tail = len(" behind it") if run != " " else len("behind it")
    assert tokens.count(len(text) - tail, len(text)) == count_tokens(text[-tail:])


def test_many_pieces_count_as_one():
    text = "Ten words, and – not quite all of them – in ASCII. " * 20_000
    tokens = TokenMap(text)
    assert tokens.count(0, len(text)) == count_tokens(text)
    assert tokens.count(262_100, 262_200) == count_tokens(text[262_100:262_200])


def test_lone_surrogates_are_refused():
    with pytest.raises(ValueError, match="lone surrogates"):
        TokenMap("a\ud800b")
