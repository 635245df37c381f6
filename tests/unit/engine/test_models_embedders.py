import subprocess
import sys
import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from tokenizers import Tokenizer
from wordllama.inference import WordLlamaInference

from ragkit.engine.models import static
from ragkit.engine.models.embedders import (
    ModelFilesError,
    Task,
    UnknownEmbedderError,
    embedder_names,
    load_embedder,
)
from ragkit.engine.models.static import StaticEmbedder

TEXTS = [
    "Deleting a document deletes its chunks.",
    "  White   space\n\nis collapsed.\t",
    "Größenänderung, Übermaß, naïve café – “quoted”",
    "Молоко и хлеб; ένα δύο τρία; שלום עולם; مرحبا بالعالم",
    "今天天气很好。我们去 abc 公园！ 日本語のテキスト 한국어 문장",
    "emoji 😀😀 and👍🏽mixed � replacement��",
    "def f(x): return x['a_b'] + 1  # code",
    "x" * 5000,
    "word " * 10_000,
]


@pytest.fixture(scope="module")
def embedder():
    return StaticEmbedder()


@pytest.fixture(scope="module")
def reference():
    """WordLlama itself, read from the files of its package."""
    folder = static._package_folder()
    tokenizer = Tokenizer.from_file(str(folder / static._TOKENIZER))
    weights = static._map_weights(folder / static._WEIGHTS)
    return WordLlamaInference(np.asarray(weights), tokenizer)


def expected(reference: WordLlamaInference, texts: list[str]) -> NDArray[np.float32]:
    collapsed = [" ".join(text.split()) for text in texts]
    return np.concatenate([reference.embed([text], norm=True) for text in collapsed])


def test_equals_wordllama(embedder, reference):
    np.testing.assert_allclose(embedder.embed(TEXTS), expected(reference, TEXTS), atol=1e-5)


# Without "▁", which stands for a space in the vocabulary, and "<" of special tokens.
CHARACTERS = st.characters(exclude_categories=["Cs"], exclude_characters="▁<")


@given(st.lists(st.text(CHARACTERS, min_size=1), min_size=1, max_size=4))
def test_equals_wordllama_on_any_text(embedder, reference, texts):
    texts = [text + "x" for text in texts]
    np.testing.assert_allclose(embedder.embed(texts), expected(reference, texts), atol=1e-5)


def test_characters_that_stand_alone_share_no_token(reference):
    for token in reference.tokenizer.get_vocab():
        text = token.removeprefix("▁")
        assert len(text) == 1 or not static._HAS_ALONE.search(text)


@given(st.lists(st.text(), max_size=5))
def test_rows_are_unit_or_zero(embedder, texts):
    rows = embedder.embed(texts)
    assert rows.shape == (len(texts), 256)
    assert rows.dtype == np.float32
    for text, row in zip(texts, rows, strict=True):
        assert np.linalg.norm(row) == pytest.approx(1.0 if text.split() else 0.0, abs=1e-5)


def test_a_row_does_not_depend_on_its_neighbours(embedder):
    together = embedder.embed(TEXTS)
    alone = np.concatenate([embedder.embed([text]) for text in reversed(TEXTS)])[::-1]
    np.testing.assert_array_equal(together, alone)


def test_task_makes_no_difference(embedder):
    rows = [embedder.embed(["a text"], task=task) for task in Task]
    assert all(np.array_equal(row, rows[0]) for row in rows)


def test_special_tokens_are_ordinary_text(embedder):
    assert 2 not in embedder.token_ids("the end </s> of it")
    assert len(embedder.token_ids("</s>")) > 1


def test_lone_surrogates_count_as_replacement_characters(embedder):
    given_text, same = embedder.embed(["a\ud800b", "a\ufffdb"])
    np.testing.assert_array_equal(given_text, same)


def test_cache_is_bounded_and_refills(monkeypatch):
    monkeypatch.setattr(static, "_CACHED_WORDS", 50)
    embedder = StaticEmbedder()
    texts = [" ".join(f"w{number}{n}" for n in range(20)) for number in range(40)]
    first = embedder.embed(texts)
    assert len(embedder._tokens) <= 50 + 21
    np.testing.assert_array_equal(embedder.embed(texts), first)
    embedder.embed(["y" * 100_000])
    assert not any(len(word) > 100 for word in embedder._tokens)


def test_threads_agree(monkeypatch):
    monkeypatch.setattr(static, "_CACHED_WORDS", 20)
    embedder = StaticEmbedder()
    texts = [f"some words of text {number} {number * 7} go here" for number in range(300)]
    results: list[np.ndarray] = [np.empty(0)] * 4

    def work(number: int) -> None:
        results[number] = embedder.embed(texts)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for rows in results:
        np.testing.assert_array_equal(rows, StaticEmbedder().embed(texts))


def test_registry():
    assert embedder_names() == ("static-256",)
    embedder = load_embedder("static-256")
    assert (embedder.name, embedder.dimensions) == ("static-256", 256)
    assert load_embedder() is embedder
    with pytest.raises(UnknownEmbedderError, match="no embedder named 'gpt'; there is static-256"):
        load_embedder("gpt")


def test_missing_package_says_what_to_install(monkeypatch):
    monkeypatch.setattr(static, "find_spec", lambda name: None)
    with pytest.raises(ModelFilesError, match="pip install wordllama"):
        StaticEmbedder()


@pytest.mark.parametrize("content", [b"", b"\x05\0\0\0\0\0\0\0{}   ", b"\xff" * 64])
def test_damaged_weights_are_reported(tmp_path, content):
    path = tmp_path / "weights.safetensors"
    path.write_bytes(content)
    with pytest.raises(ModelFilesError, match="Cannot read"):
        static._map_weights(path)


def test_loading_imports_neither_wordllama_nor_tokenizers():
    code = (
        "import sys; from ragkit.engine.models.embedders import load_embedder; load_embedder();"
        "sys.exit(bool({'wordllama', 'tokenizers', 'requests'} & sys.modules.keys()))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
