"""The bundled embedder: averages of static token vectors, offline and fast.

The 256-dimensional vectors of 32,000 Llama-2 tokens and the tokenizer are those of WordLlama
(github.com/dleemiller/WordLlama, MIT). Its package is only a carrier here: importing it costs
0.3 s and configures logging, so its two data files are located and read directly.

No token of that vocabulary spans a space, so each word's tokens do not depend on its neighbours
and are looked up in a cache of words. The same holds for characters that occur in no token with
others (Chinese, Japanese, Korean, emoji), which therefore count as words of their own.
"""

from __future__ import annotations

import json
import re
from array import array
from collections.abc import Iterable, Sequence
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ragkit.engine.models.embedders import ModelFilesError, Task

_WEIGHTS = Path("weights", "l2_supercat_256.safetensors")
_TOKENIZER = Path("tokenizers", "l2_supercat_tokenizer_config.json")
_TENSOR = "embedding.weight"
_VOCABULARY_SIZE = 32_000
_DIMENSIONS = 256

_WORD_START = "▁"
# From U+2E80 on, only U+FFFD occurs inside a token of several characters.
_ALONE = "\u2e80-\ufffc\U00010000-\U0010ffff"
_HAS_ALONE = re.compile(f"[{_ALONE}]")
_PIECES = re.compile(f"[{_ALONE}]|[^{_ALONE}]+")

_CACHED_LENGTH = 80  # longer words are rarely seen twice
_CACHED_WORDS = 100_000  # about 20 MB
_BLOCK = 4_096  # token vectors gathered at a time: 4 MB


class StaticEmbedder:
    """Averages static token vectors: about 20,000 chunks of 256 tokens a second on one core.

    The vectors equal WordLlama's on text whose white space is collapsed to single spaces, with
    two deliberate exceptions: `<s>` and the like are ordinary text, and text without words is the
    zero vector. Time is linear in the text; unbroken words are tokenized at about 1 MB/s.
    """

    name = "static-256"
    dimensions = _DIMENSIONS
    vocabulary_size = _VOCABULARY_SIZE

    def __init__(self) -> None:
        """Locate and map the weights; the tokenizer is loaded at the first use.

        Raises:
            ModelFilesError: the files are missing or are not what they should be.
        """
        folder = _package_folder()
        self._tokenizer_path = folder / _TOKENIZER
        self._half = _map_weights(folder / _WEIGHTS)
        # Rows in single precision, converted when a word first needs them: most never are.
        self._table = np.empty((_VOCABULARY_SIZE, _DIMENSIONS), np.float32)
        self._converted = np.zeros(_VOCABULARY_SIZE, np.bool_)
        self._tokens: dict[str, bytes] = {}

    def embed(
        self, texts: Sequence[str], *, task: Task = Task.RETRIEVAL_DOCUMENT
    ) -> NDArray[np.float32]:
        """Return one unit row for each text, shape (len(texts), 256); see `Embedder.embed`.

        The task makes no difference to this model.
        """
        rows = np.zeros((len(texts), _DIMENSIONS), np.float32)
        ids = [self.token_ids(text) for text in texts]
        longest = max(map(len, ids), default=0)
        gathered = np.empty((min(longest, _BLOCK), _DIMENSIONS), np.float32)
        for row, tokens in zip(rows, ids, strict=True):
            for start in range(0, len(tokens), _BLOCK):
                block = tokens[start : start + _BLOCK]
                vectors = gathered[: len(block)]
                # "clip" spares numpy the copy that guards `out` against a bad index.
                self._table.take(block, axis=0, out=vectors, mode="clip")
                row += np.add.reduce(vectors, axis=0)
        return _to_unit(rows)

    def token_ids(self, text: str) -> NDArray[np.uint16]:
        """Return the text's tokens in the model's vocabulary of 32,000, shape (tokens,)."""
        pieces = _split(text)
        known = self._tokens
        try:
            joined = b"".join(map(known.__getitem__, pieces))
        except KeyError:
            known = self._learn(pieces)
            joined = b"".join(map(known.__getitem__, pieces))
        return np.frombuffer(joined, np.uint16)

    def word_vectors(self, words: Sequence[str]) -> NDArray[np.float32]:
        """Return one unit row for each word, shape (len(words), 256).

        It equals `embed`, and is several times as fast for many texts of few tokens each.
        """
        if not words:
            return np.empty((0, _DIMENSIONS), np.float32)
        known = self._tokens
        tokens = [known.get(word) or self.token_ids(word).tobytes() for word in words]
        lengths = np.array([len(ids) for ids in tokens]) // 2
        flat = np.frombuffer(b"".join(tokens), np.uint16)
        starts = np.cumsum(lengths) - lengths
        rows = np.zeros((len(words), _DIMENSIONS), np.float32)
        # Words have few tokens: adding all first ones, then all second ones and so on takes a
        # fraction of the time of np.add.reduceat.
        for place in range(int(lengths.max())):
            longer = np.flatnonzero(lengths > place)
            rows[longer] += self._table[flat[starts[longer] + place]]
        return _to_unit(rows)

    def _learn(self, pieces: list[str]) -> dict[str, bytes]:
        """Tokenize what the cache lacks; return a dictionary that has all of the pieces."""
        cached = self._tokens
        if len(cached) > _CACHED_WORDS:
            # Other threads go on with the one they hold.
            cached = self._tokens = {}
        found = {piece: cached.get(piece) or self._tokenize(piece) for piece in set(pieces)}
        ids = np.frombuffer(b"".join(found.values()), np.uint16)
        # Rows are there before a word that uses them can be found in the cache.
        missing = ids[~self._converted[ids]]
        self._table[missing] = self._half[missing]
        self._converted[missing] = True
        for piece, tokens in found.items():
            if len(piece) <= _CACHED_LENGTH:
                cached[piece] = tokens
        return found

    def _tokenize(self, piece: str) -> bytes:
        # A leading space marks a piece that goes on a word (see _split).
        text = piece[1:] if piece[0] == " " else _WORD_START + piece
        try:
            tokens = self._model.tokenize(text)
        except UnicodeEncodeError:
            tokens = self._model.tokenize(_without_surrogates(text))
        return array("H", [token.id for token in tokens]).tobytes()

    @cached_property
    def _model(self) -> Any:
        from tokenizers import Tokenizer

        try:
            tokenizer = Tokenizer.from_file(str(self._tokenizer_path))
        except Exception as error:  # tokenizers raises nothing narrower
            raise ModelFilesError(f"Cannot read {self._tokenizer_path}: {error}") from error
        return tokenizer.model


def _to_unit(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Scale rows to unit length in place; zero rows stay."""
    lengths = np.sqrt(np.einsum("ij,ij->i", rows, rows))[:, None]
    np.divide(rows, lengths, out=rows, where=lengths > 0)
    return rows


def _split(text: str) -> list[str]:
    """Split text into words; a word's further pieces start with a space."""
    words = text.split()
    if text.isascii() or not _HAS_ALONE.search(text):
        return words
    return list(_pieces(words))


def _pieces(words: Iterable[str]) -> Iterable[str]:
    for word in words:
        if word.isascii():
            yield word
            continue
        first, *others = _PIECES.findall(word)
        yield first
        for piece in others:
            yield " " + piece


def _without_surrogates(text: str) -> str:
    """Join surrogate pairs and replace lone surrogates by U+FFFD."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _package_folder() -> Path:
    spec = find_spec("wordllama")
    if spec is None or spec.origin is None:
        raise ModelFilesError(
            "The embedder static-256 needs the files of the package wordllama, which is not "
            "installed: pip install wordllama==0.4.0.post1"
        )
    return Path(spec.origin).parent


def _map_weights(path: Path) -> NDArray[np.float16]:
    """Map the token vectors, shape (32000, 256), without reading them.

    The format is safetensors: the header's length in 8 bytes, a JSON header, the tensors.
    """
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            entry = json.loads(file.read(length))[_TENSOR]
        if entry["dtype"] != "F16" or entry["shape"] != [_VOCABULARY_SIZE, _DIMENSIONS]:
            raise ValueError(f"unexpected tensor {entry}")
        offset = 8 + length + entry["data_offsets"][0]
        return np.memmap(path, np.float16, "r", offset, (_VOCABULARY_SIZE, _DIMENSIONS))
    except (OSError, ValueError, KeyError, OverflowError, MemoryError) as error:
        raise ModelFilesError(
            f"Cannot read {path}: {error}. Reinstall it: pip install --force-reinstall "
            "wordllama==0.4.0.post1"
        ) from error
