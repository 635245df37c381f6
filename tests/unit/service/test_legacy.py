"""The older text and message methods, in their own shapes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from ragkit.engine.config import EngineConfig, GeneratorConfig
from ragkit.service import open_service
from tests.fake_openai import FakeOpenAI, completion, fake_openai
from tests.unit.service.conftest import Api

TEXT = "models/text-bison-001"
CHAT = "models/chat-bison-001"
EMBED = "models/embedding-gecko-001"
Start = Callable[..., tuple[Api, FakeOpenAI]]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    with ExitStack() as stack:

        def started(script: Any) -> tuple[Api, FakeOpenAI]:
            fake = stack.enter_context(fake_openai(script))
            big = GeneratorConfig("big", "openai", url=fake.url, model="m", retries=0)
            service = open_service(tmp_path / "data", config=EngineConfig({"big": big}, {}, "big"))
            stack.callback(service.close)
            return Api(service), fake

        yield started


def test_generate_text_has_outputs(start):
    api, fake = start([completion("one"), completion("two")])
    body = {
        "prompt": {"text": "Say a number."},
        "temperature": 0.5,
        "candidateCount": 2,
        "maxOutputTokens": 9,
        "topP": 0.5,
        "topK": 3,
        "stopSequences": ["."],
        "safetySettings": [{"category": "HARM_CATEGORY_TOXICITY", "threshold": 1}],
    }
    reply = api.post(f"{TEXT}:generateText", body)
    assert reply == {"candidates": [{"output": "one"}, {"output": "two"}]}
    assert fake.bodies[0] == {
        "model": "m",
        "messages": [{"role": "user", "content": "Say a number."}],
        "temperature": 0.5,
        "max_tokens": 9,
        "top_p": 0.5,
        "top_k": 3,
        "stop": ["."],
    }


def test_generate_message_has_messages(start):
    api, fake = start(completion("Fine."))
    messages = [
        {"author": "me", "content": "Hello"},
        {"author": "you", "content": "Hi"},
        {"author": "me", "content": "How are you?"},
    ]
    prompt = {
        "context": "You are polite.",
        "examples": [{"input": {"content": "a"}, "output": {"content": "b"}}],
        "messages": messages,
    }
    reply = api.post(f"{CHAT}:generateMessage", {"prompt": prompt, "temperature": 0.25})
    assert reply == {
        "candidates": [{"author": "you", "content": "Fine."}],
        "messages": messages,
    }
    assert [(one["role"], one["content"]) for one in fake.bodies[0]["messages"]] == [
        ("system", "You are polite."),
        ("user", "a"),
        ("assistant", "b"),
        ("user", "Hello"),
        ("assistant", "Hi"),
        ("user", "How are you?"),
    ]


def test_authors_without_names_take_turns(start):
    api, fake = start(completion("x"))
    messages = [{"content": text} for text in ("one", "two", "three")]
    reply = api.post(f"{CHAT}:generateMessage", {"prompt": {"messages": messages}})
    assert reply["candidates"] == [{"author": "1", "content": "x"}]
    assert [one["role"] for one in fake.bodies[0]["messages"]] == ["user", "assistant", "user"]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (f"{TEXT}:generateText", {"prompt": {"text": "x"}}),
        (f"{CHAT}:generateMessage", {"prompt": {"messages": [{"content": "x"}]}}),
        (f"{CHAT}:countMessageTokens", {"prompt": {"messages": [{"content": "x"}]}}),
    ],
)
def test_without_a_generator_they_are_not_implemented(api, path, body):
    assert "ragkit.toml" in api.refused("UNIMPLEMENTED", "POST", path, body)


@pytest.mark.parametrize(
    ("path", "body", "named"),
    [
        (f"{TEXT}:generateText", {}, "prompt.text"),
        (f"{TEXT}:generateText", {"prompt": {"text": " "}}, "prompt.text"),
        (f"{TEXT}:generateText", {"prompt": {"text": "x"}, "temperature": 1.1}, "temperature"),
        (f"{TEXT}:generateText", {"prompt": {"text": "x"}, "candidateCount": 9}, "candidateCount"),
        (f"{TEXT}:generateText", {"prompt": {"text": "x"}, "topK": 0}, "topK"),
        (
            f"{TEXT}:generateText",
            {"prompt": {"text": "x"}, "stopSequences": list("abcdef")},
            "stopSequences",
        ),
        (f"{CHAT}:generateMessage", {}, "prompt.messages"),
        (f"{CHAT}:generateMessage", {"prompt": {"messages": []}}, "prompt.messages"),
        (
            f"{CHAT}:generateMessage",
            {"prompt": {"messages": [{"author": "0"}]}},
            "prompt.messages[0].content",
        ),
        (
            f"{CHAT}:generateMessage",
            {"prompt": {"messages": [{"content": "x"}], "examples": [{}]}},
            "prompt.examples[0].input",
        ),
        (
            f"{CHAT}:generateMessage",
            {"prompt": {"messages": [{"content": "x"}]}, "temperature": -1},
            "temperature",
        ),
        (f"{CHAT}:countMessageTokens", {"prompt": {}}, "prompt.messages"),
    ],
)
def test_what_is_not_well_formed_is_refused(start, path, body, named):
    api, fake = start(completion("x"))
    assert named in api.refused("INVALID_ARGUMENT", "POST", path, body)
    assert not fake.bodies


def test_embeddings_have_a_value_in_the_singular(shared_api):
    reply = shared_api.post(f"{EMBED}:embedText", {"text": "some text"})
    newer = shared_api.post(
        "models/static-256:embedContent", {"content": {"parts": [{"text": "some text"}]}}
    )
    assert reply == {"embedding": {"value": newer["embedding"]["values"]}}


@pytest.mark.parametrize(
    "body",
    [
        {"texts": ["some text", "a cat"]},
        {"requests": [{"text": "some text"}, {"text": "a cat", "model": EMBED}]},
    ],
)
def test_a_batch_of_embeddings_is_in_order(shared_api, body):
    batch = shared_api.post(f"{EMBED}:batchEmbedText", body)
    single = shared_api.post(f"{EMBED}:embedText", {"text": "a cat"})
    assert len(batch["embeddings"]) == 2
    assert batch["embeddings"][1] == single["embedding"]


@pytest.mark.parametrize(
    ("method", "body", "named"),
    [
        ("embedText", {}, "text"),
        ("embedText", {"text": " "}, "text"),
        ("batchEmbedText", {}, "requests"),
        ("batchEmbedText", {"texts": ["x", ""]}, "texts[1]"),
        ("batchEmbedText", {"requests": [{"text": ""}]}, "requests[0].text"),
        ("batchEmbedText", {"texts": ["x"] * 101}, "101"),
        ("batchEmbedText", {"texts": ["x"], "requests": [{"text": "x"}]}, "requests"),
        (
            "batchEmbedText",
            {"requests": [{"text": "x", "model": "models/other"}]},
            "requests[0].model",
        ),
        ("countTextTokens", {}, "prompt.text"),
    ],
)
def test_embedding_and_counting_are_refused_what_they_cannot(shared_api, method, body, named):
    assert named in shared_api.refused("INVALID_ARGUMENT", "POST", f"{EMBED}:{method}", body)


def test_tokens_are_counted(start):
    api, _ = start(completion("x"))
    for model in (EMBED, TEXT):
        reply = api.post(f"{model}:countTextTokens", {"prompt": {"text": "hello world"}})
        assert reply == {"tokenCount": 2}
    prompt = {"messages": [{"content": "hello world"}], "context": "hello"}
    assert api.post(f"{CHAT}:countMessageTokens", {"prompt": prompt}) == {"tokenCount": 3}
