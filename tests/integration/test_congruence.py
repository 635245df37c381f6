"""The same calls give the same results in process and over HTTP, on both clients."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest

from ragkit import connect, connect_async, meta
from ragkit.api import errors
from ragkit.api.answers import SemanticRetrieverConfig
from ragkit.api.base import ProtoModel
from ragkit.api.chunks import Chunk, ChunkData
from ragkit.api.content import Content, Part
from ragkit.client import OperationHandle

from .server_process import serving

Step = Callable[[Any], Any]

PETS = "corpora/pets/documents/mammals"


def _semantic(source: str, question: str) -> SemanticRetrieverConfig:
    return SemanticRetrieverConfig(source=source, query=Content(parts=[Part(text=question)]))


STEPS: list[Step] = [
    lambda c: c.corpora.create("pets", display_name="Pets"),
    lambda c: c.corpora.create("pets"),
    lambda c: c.corpora.get("pets"),
    lambda c: c.corpora.get("nope"),
    lambda c: c.corpora.update("pets", display_name="All pets"),
    lambda c: c.corpora.list(page_size=1),
    lambda c: c.documents.create("pets", "mammals", metadata={"legs": 4, "kinds": ["cat", "dog"]}),
    lambda c: c.documents.create("pets", "birds", display_name="Birds", metadata={"legs": 2}),
    lambda c: c.documents.update("pets/birds", display_name="Feathered"),
    lambda c: c.documents.update("pets/birds", update_mask=["custom_metadata"]),
    lambda c: c.documents.list("pets"),
    lambda c: c.chunks.create(PETS, "Cats sleep for fifteen hours a day.", name="cats"),
    lambda c: c.chunks.batch_create(
        PETS,
        [
            Chunk(name=f"{PETS}/chunks/dogs", data=ChunkData(string_value="Dogs bark at night.")),
            Chunk(name=f"{PETS}/chunks/mice", data=ChunkData(string_value="Mice fear the cat.")),
        ],
    ),
    lambda c: c.chunks.batch_create(PETS, []),
    lambda c: c.chunks.update("pets/mammals/dogs", metadata={"loud": 0.1}),
    lambda c: c.chunks.batch_update(PETS, [Chunk(name=f"{PETS}/chunks/mice")]),
    lambda c: c.chunks.get("pets/mammals/dogs"),
    lambda c: c.chunks.list("pets/mammals", page_size=2),
    lambda c: c.corpora.query("pets", "how long do cats sleep?"),
    lambda c: c.corpora.query("pets", "noise", where=[meta("loud") > 0]),
    lambda c: c.corpora.query("pets", "noise", where=[meta("document.legs") == 2]),
    lambda c: c.corpora.query("pets", ""),
    lambda c: c.documents.query("pets/mammals", "barking", results_count=1),
    lambda c: c.models.generate_answer(
        "How long do cats sleep?", semantic_retriever=_semantic("corpora/pets", "sleep of cats")
    ),
    lambda c: c.models.generate_answer("Who barks?", passages=["Dogs bark.", "Cats do not."]),
    lambda c: c.models.embed_content("Dogs bark.", output_dimensionality=8),
    lambda c: c.models.batch_embed_contents(["a dog", "a cat"], task_type="RETRIEVAL_QUERY"),
    lambda c: c.models.count_tokens("How many tokens are these?"),
    lambda c: c.models.list(),
    lambda c: c.models.get("aqa"),
    lambda c: c.chunks.delete("pets/mammals/mice"),
    lambda c: c.chunks.batch_delete("pets/mammals", ["dogs", "nope"]),
    lambda c: c.chunks.batch_delete("pets/mammals", ["dogs"]),
    lambda c: c.documents.delete("pets/mammals"),
    lambda c: c.documents.delete("pets/mammals", force=True),
    lambda c: c.corpora.delete("pets"),
    lambda c: c.permissions.create("corpora/pets", "READER", email_address="ann@example.org"),
    lambda c: c.permissions.create("corpora/pets", "READER", email_address="ann@example.org"),
    lambda c: c.permissions.list("corpora/pets"),
    lambda c: c.corpora.delete("pets", force=True),
    lambda c: c.files.upload(b"one\ntwo", name="lines", mime_type="text/plain"),
    lambda c: c.files.upload(b"again", name="lines"),
    lambda c: c.files.get("lines"),
    lambda c: c.files.list(),
    lambda c: c.files.download("lines"),
    lambda c: c.files.delete("lines"),
    lambda c: c.models.generate_content("gemini", "hello"),
    lambda c: c.cached_contents.create("gemini", "hello"),
    lambda c: c.models.embed_text("embedding-001", "a dog"),
    lambda c: c.models.count_text_tokens("aqa", "a dog"),
    lambda c: c.tuned_models.create(
        "models/extractive", [("1", "one"), ("2", "two")], tuned_model_id="counts"
    ),
    lambda c: c.tuned_models.get("absent"),
    lambda c: c.models.async_batch_embed_content(
        "static-256", ["a dog", "a cat"], display_name="pets"
    ),
    lambda c: c.batches.list(),
]


_VARYING = ("createTime", "updateTime", "endTime", "expirationTime", "uri", "computeTime")
"""What differs from run to run, or by where the service was reached."""
_MADE_ID = re.compile(r"(batches|permissions|operations)/[a-z0-9-]+")


def _plain(result: object) -> object:
    """A result without its times and the ids that the service made."""
    if isinstance(result, OperationHandle):
        return _MADE_ID.sub(r"\1/ID", result.name)
    if isinstance(result, ProtoModel):
        return _plain(result.to_wire())
    if isinstance(result, list):
        return [_plain(item) for item in result]
    if isinstance(result, dict):
        return {key: _plain(value) for key, value in result.items() if key not in _VARYING}
    if isinstance(result, errors.APIError):
        told = _MADE_ID.sub(r"\1/ID", result.message)
        return (type(result).__name__, told, result.details, result.method)
    return _MADE_ID.sub(r"\1/ID", result) if isinstance(result, str) else result


def _finished(result: object) -> bool:
    """Whether a result is one thing rather than a list to be read."""
    return isinstance(result, (ProtoModel, OperationHandle, bytes))


def _sync(client: Any) -> list[object]:
    results: list[object] = []
    with client:
        for step in STEPS:
            try:
                result = step(client)
                if isinstance(result, OperationHandle):
                    result.result(timeout=60)
                results.append(_plain(result if _finished(result) else list(result)))
            except errors.APIError as error:
                results.append(_plain(error))
    return results


def _async(client: Any) -> list[object]:
    async def main() -> list[object]:
        results: list[object] = []
        async with client:
            for step in STEPS:
                try:
                    result = step(client)
                    if inspect.isawaitable(result):
                        result = await result
                        if isinstance(result, OperationHandle):
                            await result.result(timeout=60)
                        results.append(_plain(result))
                    else:
                        results.append(_plain([item async for item in result]))
                except errors.APIError as error:
                    results.append(_plain(error))
        return results

    return anyio.run(main)


@pytest.fixture
def expected(tmp_path: Path) -> list[object]:
    return _sync(connect(data=tmp_path / "expected"))


def test_the_steps_show_what_they_should(expected):
    failed = [index for index, result in enumerate(expected) if isinstance(result, tuple)]
    names = [expected[index][0] for index in failed]
    assert names == [
        "AlreadyExists",
        "NotFound",
        "InvalidArgument",
        "InvalidArgument",
        "InvalidArgument",
        "NotFound",
        "FailedPrecondition",
        "FailedPrecondition",
        "AlreadyExists",
        "AlreadyExists",
        "FailedPrecondition",
        "Unimplemented",
        "Unimplemented",
        "NotFound",
    ]


def test_async_in_process(expected, data):
    assert _async(connect_async(data=data)) == expected


@pytest.fixture
def served(data: Path, tmp_path: Path) -> Iterator[str]:
    with serving(data, tmp_path / "log") as server:
        yield server.url


def test_sync_over_http(expected, served):
    assert _sync(connect(served)) == expected


def test_async_over_http(expected, served):
    assert _async(connect_async(served)) == expected
