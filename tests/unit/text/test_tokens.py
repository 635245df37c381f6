import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragkit.text.tokens import count_tokens, count_tokens_batch, encoding

LIMIT = 10_000  # the length of a white space run that is counted apart


@pytest.mark.parametrize(
    ("text", "tokens"),
    [("", 0), ("hello world", 2), ("tiktoken is great!", 6), ("<|endoftext|>", 7)],
)
def test_known_counts(text, tokens):
    assert count_tokens(text) == tokens


def test_ranks_are_those_of_cl100k_base():
    # Token ids published in OpenAI's cookbook for "antidisestablishmentarianism".
    assert encoding().encode_ordinary("antidisestablishmentarianism") == [
        519, 85342, 34500, 479, 8997, 2191,
    ]  # fmt: skip


@given(st.text())
def test_counts_what_the_encoding_encodes(text):
    assert count_tokens(text) == len(encoding().encode_ordinary(text))


@given(st.lists(st.text(max_size=20), max_size=5))
def test_batch_counts_each(texts):
    assert count_tokens_batch(texts) == [count_tokens(text) for text in texts]


SPACES = st.builds(
    lambda pattern, ends: ends[0] + pattern * (LIMIT // len(pattern) + 1) + ends[1],
    st.text(" \n\r\t\u3000\x85", min_size=1, max_size=4),
    st.tuples(st.text(" \n\r", max_size=2), st.text(" \n\r", max_size=2)),
)
WORDS = st.sampled_from(["", "x", "9", ".", "!\n", "'s", "é", "中", "😀", "\x1c", " (", "no. 5 "])


@given(WORDS, SPACES, WORDS, SPACES, WORDS)
def test_long_runs_of_white_space_count_exactly(first, spaces, word, more, last):
    text = first + spaces + word + more + last
    assert count_tokens(text) == len(encoding().encode_ordinary(text))


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        (" " * 1_000_000 + "x", 7814),  # tiktoken alone panics here
        ("a" * 1_000_000, 125_000),
        ("中文" * 500_000, 1_000_000),
        ("😀" * 1_000_000, 2_000_000),
    ],
    ids=["spaces", "letters", "cjk", "emoji"],
)
def test_a_megabyte_without_words(text, tokens):
    assert count_tokens(text) == tokens


def test_lone_surrogates_count_as_replacement_characters():
    assert count_tokens("a\ud800b") == count_tokens("a\ufffdb")
    assert count_tokens("\udfff" * LIMIT) == count_tokens("\ufffd" * LIMIT)


def test_importing_the_package_does_not_load_tiktoken():
    code = "import sys, ragkit.text.tokens; sys.exit('tiktoken' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
