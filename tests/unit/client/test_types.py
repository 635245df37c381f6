"""What type checkers make of the client: mypy and pyright, both strict, on a user's program.

Pyright runs as basedpyright: the same checker, with Node in its wheel, so that nothing is fetched.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]

PROGRAM = """
from collections.abc import AsyncIterator, Iterator

from typing import assert_type

import ragkit
from ragkit import AsyncClient, Client
from ragkit.api.answers import GenerateAnswerResponse
from ragkit.api.chunks import BatchCreateChunksResponse, Chunk
from ragkit.api.common import Empty
from ragkit.api.corpora import Corpus, QueryCorpusResponse
from ragkit.api.documents import Document
from ragkit.api.generation import GenerateContentResponse
from ragkit.api.models import Model
from ragkit.api.batches import GenerateContentBatch, GenerateContentBatchOutput
from ragkit.api.files import File
from ragkit.api.tuned_models import CreateTunedModelMetadata, TunedModel
from ragkit.client import AsyncPager, AsyncStream, OperationHandle, Pager, Stream


def token() -> str:
    return "token"


async def token_async() -> str:
    return "token"


def synchronous() -> None:
    with ragkit.connect("https://host", credentials=token, http_options={"http2": True}) as client:
        assert_type(client, Client)
        assert_type(client.with_options(timeout=3), Client)
        assert_type(client.corpora.get("a"), Corpus)
        assert_type(client.corpora.delete("a", force=True), Empty)
        found = client.corpora.query("a", "text", results_count=3)
        assert_type(found, QueryCorpusResponse)
        created = client.chunks.batch_create("a/d", ["one", Chunk(name="x")])
        assert_type(created, BatchCreateChunksResponse)
        assert_type(created.chunks, list[Chunk])
        assert_type(client.models.generate_answer("what?"), GenerateAnswerResponse)
        assert_type(client.models.get("aqa"), Model)
        assert_type(client.corpora.list(), Pager[Corpus])
        assert_type(client.documents.list("a").pages(), Iterator[list[Document]])
        for chunk in client.chunks.list("a/d"):
            assert_type(chunk, Chunk)
            assert_type(chunk.text, str)
        with client.models.stream_generate_content("gemini", "hello") as stream:
            assert_type(stream, Stream[GenerateContentResponse])
            for item in stream:
                assert_type(item, GenerateContentResponse)
        batch = client.models.batch_generate_content("gemini", ["hello"], display_name="b")
        assert_type(
            batch, OperationHandle[Client, GenerateContentBatchOutput, GenerateContentBatch]
        )
        assert_type(batch.result(timeout=3), GenerateContentBatchOutput)
        assert_type(batch.metadata, GenerateContentBatch | None)
        assert_type(batch.cancel(), None)
        tuning = client.tuned_models.create("models/m", [("in", "out")], display_name="t")
        assert_type(tuning.result(), TunedModel)
        assert_type(tuning.metadata, CreateTunedModelMetadata | None)
        assert_type(client.files.upload(b"content"), File)


async def asynchronous() -> None:
    async with ragkit.connect_async("https://host", credentials=token_async) as client:
        assert_type(client, AsyncClient)
        assert_type(await client.corpora.get("a"), Corpus)
        assert_type(await client.corpora.delete("a"), Empty)
        assert_type(await client.corpora.query("a", "text"), QueryCorpusResponse)
        created = await client.chunks.batch_create("a/d", ["one"])
        assert_type(created.chunks, list[Chunk])
        assert_type(await client.models.generate_answer("what?"), GenerateAnswerResponse)
        assert_type(client.corpora.list(), AsyncPager[Corpus])
        assert_type(client.documents.list("a").pages(), AsyncIterator[list[Document]])
        async for chunk in client.chunks.list("a/d"):
            assert_type(chunk, Chunk)
        async with client.models.stream_generate_content("gemini", "hello") as stream:
            assert_type(stream, AsyncStream[GenerateContentResponse])
            async for item in stream:
                assert_type(item, GenerateContentResponse)
        batch = await client.models.batch_generate_content("gemini", ["hello"], display_name="b")
        assert_type(
            batch, OperationHandle[AsyncClient, GenerateContentBatchOutput, GenerateContentBatch]
        )
        assert_type(await batch.result(timeout=3), GenerateContentBatchOutput)
        assert_type(batch.metadata, GenerateContentBatch | None)
        tuning = await client.tuned_models.create("models/m", [("in", "out")])
        assert_type(await tuning.result(), TunedModel)
        assert_type(await client.files.upload(b"content"), File)
"""

MISTAKES = {
    "a name that is no string": "client.corpora.get(7)",
    "an argument that is not there": "client.corpora.query('a', 'text', limit=3)",
    "a missing argument": "client.corpora.query('a')",
    "a method that is not there": "client.corpora.qury('a', 'text')",
    "a field that is not there": "client.corpora.get('a').title",
    "a list taken for a page": "client.corpora.list()[0]",
    "an await of what is there": "(lambda: (yield from client.corpora.get('a').__await__()))()",
    "credentials of another kind": "ragkit.connect('https://host', credentials=7)",
}
_HEAD = "import ragkit\n\nclient = ragkit.connect('https://host')\n"


def check(checker: str, file: Path) -> subprocess.CompletedProcess[str]:
    """Runs a checker on a file of a project that has ragkit installed."""
    if checker == "pyright":
        settings = file.with_name("pyrightconfig.json")
        settings.write_text(
            f'{{"typeCheckingMode": "strict", "extraPaths": ["{ROOT.as_posix()}"]}}'
        )
        # What a pydantic plug-in would say, pyright reads from the models themselves.
        command = ["basedpyright", "--pythonpath", sys.executable, "--project", str(settings)]
    else:
        command = ["mypy", "--strict", "--config-file=", str(file)]
        command += ["--cache-dir", str(ROOT / ".mypy_cache" / "user")]
    environment = {**os.environ, "MYPYPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, "-m", *command],
        capture_output=True,
        text=True,
        cwd=file.parent,
        env=environment,
        timeout=300,
        check=False,
    )


CHECKERS = pytest.mark.parametrize("checker", ["mypy", "pyright"])


@CHECKERS
def test_a_users_program_has_the_types_that_it_says(checker, tmp_path):
    file = tmp_path / "program.py"
    file.write_text(PROGRAM)
    checked = check(checker, file)
    assert checked.returncode == 0, checked.stdout + checked.stderr


@CHECKERS
def test_mistakes_are_found(checker, tmp_path):
    file = tmp_path / "mistakes.py"
    first = _HEAD.count("\n") + 1
    file.write_text(_HEAD + "".join(f"{code}\n" for code in MISTAKES.values()))
    checked = check(checker, file)
    missed = [
        what
        for line, what in enumerate(MISTAKES, first)
        if not any(
            f"mistakes.py:{line}:" in said and "error" in said
            for said in checked.stdout.splitlines()
        )
    ]
    assert not missed, checked.stdout + checked.stderr
