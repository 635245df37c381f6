"""Google's endpoint as a generator: another service of this API stands for it, reached by ragkit's
own client."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

import ragkit
from ragkit.engine.config import EngineConfig, GeneratorConfig
from ragkit.service import open_service
from tests.fake_openai import FakeOpenAI, Reply, completion, fake_openai, streamed
from tests.unit.service.conftest import Api

FLASH = "models/flash"
Start = Callable[..., tuple[Api, FakeOpenAI]]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts a service whose generator is that of another service."""
    with ExitStack() as stack:

        def started(script: Any) -> tuple[Api, FakeOpenAI]:
            fake = stack.enter_context(fake_openai(script))
            (tmp_path / "far").mkdir()
            (tmp_path / "far" / "ragkit.toml").write_text(
                f'[generators.far]\nkind = "openai"\nurl = "{fake.url}"\nmodel = "m"\n'
                "retries = 0\ntools = true\n"
            )

            def connect(url: str, *, api_key: str, timeout: float) -> ragkit.Client:
                assert (url, api_key, timeout) == ("https://far.example", "secret", 5.0)
                return ragkit.connect(data=tmp_path / "far", retry=ragkit.RetryPolicy(attempts=1))

            flash = GeneratorConfig(
                "flash", "google", url="https://far.example", model="far", api_key="secret",
                timeout=5.0,
            )  # fmt: skip
            config = EngineConfig({"flash": flash}, {}, "flash")
            service = open_service(tmp_path / "near", config=config, connect=connect)
            stack.callback(service.close)
            return Api(service), fake

        yield started


def said(text: str, **fields: object) -> dict[str, object]:
    return {"contents": [{"role": "user", "parts": [{"text": text}]}], **fields}


def text_of(reply: dict[str, Any]) -> str:
    return str(reply["candidates"][0]["content"]["parts"][0]["text"])


def test_a_request_is_forwarded_as_it_is(start):
    call = {"id": "c", "function": {"name": "f", "arguments": "{}"}}
    api, fake = start([completion("Hi"), completion("", tool_calls=[call])])
    body = said("Hello", generationConfig={"temperature": 1.5, "candidateCount": 1})
    reply = api.post(f"{FLASH}:generateContent", body)
    assert text_of(reply) == "Hi"
    assert reply["usageMetadata"]["promptTokenCount"] == 7
    assert fake.bodies[0]["temperature"] == 1.5
    tools = [{"functionDeclarations": [{"name": "f", "description": "d"}]}]
    reply = api.post(f"{FLASH}:generateContent", said("Hello", tools=tools))
    (part,) = reply["candidates"][0]["content"]["parts"]
    assert part["functionCall"]["name"] == "f"


def test_a_stream_is_forwarded(start):
    api, _ = start(streamed("a", "b"))
    reply = api.send("POST", f"{FLASH}:streamGenerateContent", said("x"))
    assert reply.status == 200
    assert reply.body.count(b'"text"') == 3
    assert b'"finishReason"' in reply.body


def test_tokens_are_counted_there(start):
    api, fake = start(completion("x"))
    assert api.post(f"{FLASH}:countTokens", said("hello world"))["totalTokens"] == 2
    assert not fake.bodies


def test_it_words_answers_and_older_methods(start):
    api, _ = start(completion("The ferry takes 30 minutes."))
    body = said("How long does the ferry take?") | {
        "answerStyle": "ABSTRACTIVE",
        "inlinePassages": {
            "passages": [{"content": {"parts": [{"text": "The ferry takes 30 minutes."}]}}]
        },
    }
    reply = api.post("models/aqa:generateAnswer", body)
    assert reply["answer"]["groundingAttributions"]
    text = api.post("models/text-bison-001:generateText", {"prompt": {"text": "x"}})
    assert text == {"candidates": [{"output": "The ferry takes 30 minutes."}]}
    prompt = {"messages": [{"content": "hello world"}]}
    counted = api.post("models/chat-bison-001:countMessageTokens", {"prompt": prompt})
    assert counted == {"tokenCount": 2}


@pytest.mark.parametrize(
    ("status", "told"),
    [
        (400, "INVALID_ARGUMENT"),
        (401, "FAILED_PRECONDITION"),
        (429, "RESOURCE_EXHAUSTED"),
        (503, "UNAVAILABLE"),
        (504, "DEADLINE_EXCEEDED"),
    ],
)
@pytest.mark.parametrize("method", ["generateContent", "streamGenerateContent"])
def test_errors_of_the_other_side_are_those_of_a_backend(start, status, told, method):
    api, _ = start(Reply(status, {"error": {"message": "the reason"}}))
    message = api.refused(told, "POST", f"{FLASH}:{method}", said("x"))
    assert "'flash'" in message
    assert "the reason" in message


@pytest.mark.parametrize("api_key", ["", "secret"])
def test_what_is_missing_is_named(tmp_path, api_key):
    flash = GeneratorConfig(
        "flash", "google", url="https://far.example", model="m", api_key=api_key,
        api_key_env="GEMINI_API_KEY",
    )  # fmt: skip
    service = open_service(tmp_path, config=EngineConfig({"flash": flash}, {}, "flash"))
    message = Api(service).refused(
        "FAILED_PRECONDITION", "POST", f"{FLASH}:generateContent", said("x")
    )
    service.close()
    assert ("connect=ragkit.connect" if api_key else "GEMINI_API_KEY") in message
