"""Folders of natural English text of any size, the same each time, made from what Python carries.

The sentences are real: those of Python's own reference (`pydoc_data.topics`) and of the standard
library's docstrings, some 16,000 of them with 25,000 distinct words. They are drawn at random
into paragraphs, sections and documents; about one in three gets a code-like name that occurs
nowhere else, so that the vocabulary grows with the text as it does in life. No two chunks are
equal. What this text cannot show is ranking quality: see `tune_ranking.py` for that.
"""

from __future__ import annotations

import ast
import random
import re
import sysconfig
from collections.abc import Iterator
from functools import cache
from pathlib import Path

_SENTENCE_END = re.compile(r"(?<=[.!?])\s+")
_LEFT_OUT = {"test", "tests", "idlelib", "lib2to3", "site-packages"}
_WORDS = range(5, 61)
_TYPICAL_BYTES = 40_000


@cache
def sentences(thorough: bool = True) -> tuple[str, ...]:
    """Real sentences of 5 to 60 words.

    Args:
        thorough: also those of the docstrings, which takes some seconds.
    """
    from pydoc_data.topics import topics

    texts = list(topics.values())
    if thorough:
        texts += _docstrings(Path(sysconfig.get_path("stdlib")))
    found: dict[str, None] = {}
    for text in texts:
        for paragraph in re.split(r"\n\s*\n", text):
            for sentence in _SENTENCE_END.split(" ".join(paragraph.split())):
                if len(sentence.split()) in _WORDS and sentence[0].isupper():
                    found[sentence] = None
    return tuple(found)


def _docstrings(folder: Path) -> Iterator[str]:
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    for path in sorted(folder.rglob("*.py")):
        if _LEFT_OUT.isdisjoint(path.relative_to(folder).parts):
            for node in ast.walk(ast.parse(path.read_bytes())):
                if isinstance(node, kinds) and (text := ast.get_docstring(node)):
                    yield text


def write_folder(folder: Path, size: int, *, seed: int = 20261124, thorough: bool = True) -> int:
    """Fill a folder with Markdown files of 10 to 70 kB.

    Args:
        folder: where; it is made.
        size: bytes of text in all, about.
        seed: other seeds give other texts.
        thorough: as for `sentences`.

    Returns:
        The number of files.
    """
    folder.mkdir(parents=True, exist_ok=True)
    chance = random.Random(seed)
    pool = sentences(thorough)
    left, number = size, 0
    while left > 0:
        wanted = min(left, int(_TYPICAL_BYTES * chance.uniform(0.25, 1.75)))
        text = _document(chance, pool, wanted)
        path = folder / f"part-{number // 100:03}" / f"document-{number:05}.md"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
        left -= len(text.encode())
        number += 1
    return number


def _document(chance: random.Random, pool: tuple[str, ...], size: int) -> str:
    parts = [f"# {_title(chance, pool)}\n"]
    length = len(parts[0])
    while length < size:
        if chance.random() < 0.04:
            part = f"## {_title(chance, pool)}\n"
        else:
            count = chance.randint(2, 7)
            part = " ".join(_sentence(chance, pool) for _ in range(count)) + "\n"
        parts.append(part)
        length += len(part) + 1
    return "\n".join(parts)


def _sentence(chance: random.Random, pool: tuple[str, ...]) -> str:
    sentence = chance.choice(pool)
    if chance.random() < 0.33:
        words = sentence.split(" ")
        name = f"item{chance.randrange(36**5):05x}"
        words.insert(chance.randrange(1, len(words)), name)
        sentence = " ".join(words)
    return sentence


def _title(chance: random.Random, pool: tuple[str, ...]) -> str:
    return " ".join(chance.choice(pool).split(" ")[: chance.randint(3, 6)]).rstrip(".,:;")
