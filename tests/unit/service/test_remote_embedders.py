"""Embedders behind endpoints: an OpenAI-compatible one, and another service of this API."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

import ragkit
from ragkit.engine.config import EmbedderConfig, EngineConfig
from ragkit.service import open_service
from tests.fake_openai import FakeOpenAI, Reply, fake_openai
from tests.unit.service.conftest import Api

REMOTE = "models/remote"
Start = Callable[..., tuple[Api, FakeOpenAI]]


def embedded(body: dict[str, Any]) -> Reply:
    """Vectors of what a text speaks of, out of order, as the protocol allows."""
    entries = [
        {"index": number, "embedding": [float("cat" in text), float("tax" in text), 0.5]}
        for number, text in enumerate(body["input"])
    ]
    return Reply(body={"data": entries[::-1]})


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    with ExitStack() as stack:

        def started(script: Any = embedded, **fields: Any) -> tuple[Api, FakeOpenAI]:
            fake = stack.enter_context(fake_openai(script))
            given = {"model": "m", "dimensions": 3, "retries": 0, **fields}
            remote = EmbedderConfig("remote", "openai", url=fake.url, **given)
            config = EngineConfig({}, {"remote": remote}, "", "remote")
            service = open_service(tmp_path / "data", config=config)
            stack.callback(service.close)
            return Api(service), fake

        yield started


def embed(api: Api, *texts: str, **fields: object) -> list[list[float]]:
    requests = [
        {"model": REMOTE, "content": {"parts": [{"text": text}]}, **fields} for text in texts
    ]
    reply = api.post(f"{REMOTE}:batchEmbedContents", {"requests": requests})
    return [one["values"] for one in reply["embeddings"]]


def test_vectors_are_of_unit_length_and_in_order(start):
    api, fake = start(api_key="secret")
    cat, tax = embed(api, "a cat", "tax law")
    assert cat == pytest.approx([0.8944272, 0, 0.4472136])
    assert tax == pytest.approx([0, 0.8944272, 0.4472136])
    assert fake.paths == ["/v1/embeddings"]
    assert fake.bodies == [{"model": "m", "input": ["a cat", "tax law"]}]
    assert fake.headers[0]["authorization"] == "Bearer secret"


def test_texts_are_sent_in_batches_with_their_tasks_prefix(start):
    api, fake = start(batch_size=2, query_prefix="query: ", document_prefix="document: ")
    embed(api, "a", "b", "c", taskType="RETRIEVAL_QUERY")
    embed(api, "d", taskType="RETRIEVAL_DOCUMENT")
    assert [body["input"] for body in fake.bodies] == [
        ["query: a", "query: b"],
        ["query: c"],
        ["document: d"],
    ]


def test_the_catalog_offers_it_first(start):
    api, _ = start(input_tokens=512)
    first, *_ = api.get("models")["models"]
    assert first["name"] == REMOTE
    assert first["inputTokenLimit"] == 512
    assert "3 dimensions" in first["description"]
    assert api.get("models/text-embedding-004")["baseModelId"] == "remote"


def test_a_corpus_is_searched_with_the_embedder_that_it_was_made_with(start, tmp_path):
    api, fake = start()
    corpus = api.corpus("c")
    document = api.document(corpus)
    api.chunk(document, "pets", "My cat is asleep.")
    api.chunk(document, "money", "The tax is due.")
    found = api.post(f"{corpus}:query", {"query": "about my cat"})["relevantChunks"]
    assert found[0]["chunk"]["name"].endswith("/pets")
    assert fake.bodies[-1]["input"] == ["about my cat"]
    api.service.close()
    other = open_service(tmp_path / "data", config=EngineConfig())
    message = Api(other).refused("FAILED_PRECONDITION", "POST", f"{corpus}:query", {"query": "x"})
    other.close()
    assert "'remote'" in message


@pytest.mark.parametrize(
    ("reply", "status"),
    [
        (Reply(body={"data": [{"embedding": [1, 2]}]}), "FAILED_PRECONDITION"),
        (Reply(body={"data": []}), "UNAVAILABLE"),
        (Reply(body={}), "UNAVAILABLE"),
        (Reply(body={"data": [{}]}), "UNAVAILABLE"),
        (Reply(body={"data": [{"embedding": [1, 2, "x"]}]}), "UNAVAILABLE"),
        (Reply(body={"data": [{"embedding": [1, 2, None]}]}), "UNAVAILABLE"),
        (Reply(401, {"error": "no"}), "FAILED_PRECONDITION"),
        (Reply(429, {"error": "no"}), "RESOURCE_EXHAUSTED"),
        (Reply(500, {"error": "no"}), "UNAVAILABLE"),
    ],
)
def test_errors_are_told_and_nothing_is_stored(start, reply, status):
    api, _ = start(reply)
    document = api.document(api.corpus())
    body = {"data": {"stringValue": "some text"}}
    assert "'remote'" in api.refused(status, "POST", f"{document}/chunks", body)
    assert api.get(f"{document}/chunks") == {}


def test_another_endpoint_of_this_api_embeds(tmp_path):
    def connect(url: str, *, api_key: str, timeout: float) -> ragkit.Client:
        return ragkit.connect(data=tmp_path / "far")

    remote = EmbedderConfig("remote", "google", "static-256", 64, api_key="secret")
    service = open_service(
        tmp_path / "near", config=EngineConfig({}, {"remote": remote}, "", "remote"),
        connect=connect,
    )  # fmt: skip
    api = Api(service)
    (values,) = embed(api, "some text")
    assert len(values) == 64
    assert sum(value * value for value in values) == pytest.approx(1)
    service.close()
