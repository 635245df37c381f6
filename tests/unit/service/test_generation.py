"""generateContent, streamGenerateContent and countTokens over a scripted endpoint."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ragkit.api.generation import GenerateContentRequest
from ragkit.engine.config import EngineConfig, GeneratorConfig
from ragkit.service import open_service
from ragkit.service.generation import stream_generate_content
from ragkit.service.registry import Context
from tests.fake_openai import FakeOpenAI, Reply, completion, delta, event, fake_openai, streamed
from tests.unit.service.conftest import Api

BIG = "models/big"
Start = Callable[..., tuple[Api, FakeOpenAI]]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts a service whose generator `big` is a scripted endpoint."""
    with ExitStack() as stack:

        def started(script: Any, **fields: Any) -> tuple[Api, FakeOpenAI]:
            fake = stack.enter_context(fake_openai(script))
            big = GeneratorConfig(
                "big", "openai", url=fake.url, model="m-1", **{"retries": 0, **fields}
            )
            service = open_service(tmp_path / "data", config=EngineConfig({"big": big}, {}, "big"))
            stack.callback(service.close)
            return Api(service), fake

        yield started


def said(*texts: str, **fields: object) -> dict[str, object]:
    return {"contents": [{"role": "user", "parts": [{"text": text} for text in texts]}], **fields}


def text_of(reply: dict[str, Any]) -> str:
    return "".join(part.get("text", "") for part in reply["candidates"][0]["content"]["parts"])


def items(api: Api, body: object, query: Any = ()) -> list[dict[str, Any]]:
    reply = api.send("POST", f"{BIG}:streamGenerateContent", body, query)
    assert reply.status == 200, reply.body
    if dict(query).get("alt") != "sse":
        parsed: list[dict[str, Any]] = json.loads(reply.body)
        return parsed
    lines = reply.body.decode().split("\r\n\r\n")
    return [json.loads(line.removeprefix("data: ")) for line in lines if line.strip()]


def test_a_conversation_is_continued(start):
    api, fake = start(completion("Hi!"), api_key="secret")
    body = {
        "systemInstruction": {"parts": [{"text": "Be brief."}]},
        "contents": [
            {"role": "user", "parts": [{"text": "one"}, {"text": "two"}]},
            {"role": "model", "parts": [{"text": "musing", "thought": True}, {"text": "three"}]},
            {"parts": [{"text": "four"}]},
        ],
        "generationConfig": {
            "temperature": 0.5,
            "topP": 0.25,
            "topK": 3,
            "maxOutputTokens": 9,
            "stopSequences": ["END"],
            "seed": 4,
            "presencePenalty": 0.5,
            "frequencyPenalty": -0.5,
        },
    }
    reply = api.post(f"{BIG}:generateContent", body)
    assert reply["candidates"] == [
        {
            "index": 0,
            "content": {"parts": [{"text": "Hi!"}], "role": "model"},
            "finishReason": "STOP",
        }
    ]
    assert reply["usageMetadata"] | {} == {
        "promptTokenCount": 7,
        "candidatesTokenCount": 3,
        "totalTokenCount": 10,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 7}],
        "candidatesTokensDetails": [{"modality": "TEXT", "tokenCount": 3}],
    }
    assert reply["modelVersion"] == "big"
    assert fake.paths == ["/v1/chat/completions"]
    assert fake.headers[0]["authorization"] == "Bearer secret"
    assert fake.bodies == [
        {
            "model": "m-1",
            "messages": [
                {"role": "system", "content": "Be brief."},
                {"role": "user", "content": "one\ntwo"},
                {"role": "assistant", "content": "three"},
                {"role": "user", "content": "four"},
            ],
            "temperature": 0.5,
            "top_p": 0.25,
            "top_k": 3,
            "max_tokens": 9,
            "stop": ["END"],
            "seed": 4,
            "presence_penalty": 0.5,
            "frequency_penalty": -0.5,
        }
    ]


@pytest.mark.parametrize(
    ("finish", "reason"),
    [("stop", "STOP"), ("length", "MAX_TOKENS"), ("content_filter", "SAFETY"), ("odd", "OTHER")],
)
def test_the_finish_reason_is_the_backends(start, finish, reason):
    api, _ = start(completion("x", finish))
    reply = api.post(f"{BIG}:generateContent", said("x"))
    assert reply["candidates"][0]["finishReason"] == reason


def test_several_candidates_have_seeds_of_their_own(start):
    api, fake = start([completion("a"), completion("b")])
    config = {"candidateCount": 2, "seed": 2**31 - 1}
    reply = api.post(f"{BIG}:generateContent", said("x", generationConfig=config))
    assert [one["content"]["parts"][0]["text"] for one in reply["candidates"]] == ["a", "b"]
    assert [one["index"] for one in reply["candidates"]] == [0, 1]
    assert reply["usageMetadata"]["candidatesTokenCount"] == 6
    assert [body["seed"] for body in fake.bodies] == [2**31 - 1, 0]


@pytest.mark.parametrize("alias", ["gemini-1.5-flash", "gemini-2.0-flash-001", "gemma-3-27b-it"])
def test_names_that_clients_hard_code_stand_for_the_generator(start, alias):
    api, _ = start(completion("x"))
    assert text_of(api.post(f"models/{alias}:generateContent", said("x"))) == "x"
    assert "models/big" in api.get(f"models/{alias}")["description"]


def test_the_catalog_tells_what_is_configured(start):
    api, _ = start(completion("x"), context_tokens=8192, output_tokens=512, api_key="secret")
    model = api.get(BIG)
    assert model["inputTokenLimit"] == 8192
    assert model["outputTokenLimit"] == 512
    assert {"generateContent", "streamGenerateContent", "generateAnswer", "generateText"} <= set(
        model["supportedGenerationMethods"]
    )
    listed = api.get("models")["models"]
    assert model in listed
    assert "secret" not in json.dumps(listed)


def test_a_limit_that_is_not_known_is_not_made_up(start):
    api, _ = start(completion("x"))
    assert not {"inputTokenLimit", "outputTokenLimit"} & set(api.get(BIG))


def test_the_configured_length_holds_where_the_request_says_none(start):
    api, fake = start(completion("x"), output_tokens=64)
    api.post(f"{BIG}:generateContent", said("x"))
    api.post(f"{BIG}:generateContent", said("x", generationConfig={"maxOutputTokens": 5}))
    assert [body["max_tokens"] for body in fake.bodies] == [64, 5]


@pytest.mark.parametrize("method", ["generateContent", "streamGenerateContent"])
@pytest.mark.parametrize("model", ["models/gemini-2.0-flash", "models/anything"])
def test_without_a_generator_it_is_not_implemented_and_says_how(api, method, model):
    message = api.refused("UNIMPLEMENTED", "POST", f"{model}:{method}", said("x"))
    assert "ragkit.toml" in message
    assert "kind" in message
    for listed in api.get("models")["models"]:
        assert method not in listed["supportedGenerationMethods"]


def test_a_model_that_does_not_generate_is_not_found(start):
    api, _ = start(completion("x"))
    message = api.refused("NOT_FOUND", "POST", "models/static-256:generateContent", said("x"))
    assert "does not offer generateContent; there is models/big" in message


SCHEMA = {
    "type": "OBJECT",
    "properties": {
        "b": {"type": "ARRAY", "items": {"type": "NUMBER", "minimum": 0}, "maxItems": "3"},
        "a": {"type": "STRING", "nullable": True, "enum": ["x", "y"]},
        "c": {"anyOf": [{"type": "INTEGER"}, {"type": "BOOLEAN"}]},
    },
    "required": ["a"],
    "propertyOrdering": ["a", "b"],
}


def test_a_schema_is_passed_on_as_json_schema(start):
    api, fake = start(completion('{"a":"x"}'))
    config = {"responseMimeType": "application/json", "responseSchema": SCHEMA}
    api.post(f"{BIG}:generateContent", said("x", generationConfig=config))
    schema = fake.bodies[0]["response_format"]["json_schema"]["schema"]
    assert list(schema["properties"]) == ["a", "b", "c"]
    assert schema == {
        "type": "object",
        "required": ["a"],
        "properties": {
            "a": {"type": ["string", "null"], "enum": ["x", "y"]},
            "b": {"type": "array", "items": {"type": "number", "minimum": 0}, "maxItems": 3},
            "c": {"anyOf": [{"type": "integer"}, {"type": "boolean"}]},
        },
    }


def test_json_without_a_schema_is_asked_for(start):
    api, fake = start(completion("{}"))
    config = {"responseMimeType": "application/json"}
    api.post(f"{BIG}:generateContent", said("x", generationConfig=config))
    assert fake.bodies[0]["response_format"] == {"type": "json_object"}


def test_text_in_data_is_read_in(start):
    api, fake = start(completion("x"))
    data = base64.b64encode("Käse\n".encode()).decode()
    parts = [{"text": "Look:"}, {"inlineData": {"mimeType": "text/markdown", "data": data}}]
    api.post(f"{BIG}:generateContent", {"contents": [{"parts": parts}]})
    assert fake.bodies[0]["messages"] == [{"role": "user", "content": "Look:\nKäse\n"}]


TOOLS = [
    {
        "functionDeclarations": [
            {
                "name": "weather",
                "description": "The weather.",
                "parameters": {"type": "OBJECT", "properties": {"city": {"type": "STRING"}}},
            }
        ]
    }
]


def test_functions_are_called(start):
    call = {
        "id": "c1",
        "type": "function",
        "function": {"name": "weather", "arguments": '{"city": "Rome"}'},
    }
    api, fake = start(
        [completion("", "tool_calls", tool_calls=[call]), completion("Sunny.")], tools=True
    )
    first = api.post(f"{BIG}:generateContent", said("Weather?", tools=TOOLS))
    content = first["candidates"][0]["content"]
    assert content["parts"] == [
        {"functionCall": {"id": "c1", "name": "weather", "args": {"city": "Rome"}}}
    ]
    result = {"functionResponse": {"id": "c1", "name": "weather", "response": {"sky": "clear"}}}
    contents = [
        {"role": "user", "parts": [{"text": "Weather?"}]},
        content,
        {"role": "function", "parts": [result]},
    ]
    mode = {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["weather"]}}
    body = {"contents": contents, "tools": TOOLS, "toolConfig": mode}
    assert text_of(api.post(f"{BIG}:generateContent", body)) == "Sunny."
    assert fake.bodies[1]["tool_choice"] == {"type": "function", "function": {"name": "weather"}}
    assert fake.bodies[1]["messages"][1:] == [
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {
                    "id": "c1",
                    "type": "function",
                    "function": {"name": "weather", "arguments": '{"city": "Rome"}'},
                }
            ],
        },
        {"role": "tool", "tool_call_id": "c1", "content": '{"sky": "clear"}'},
    ]
    assert fake.bodies[0]["tools"][0]["function"]["parameters"]["properties"] == {
        "city": {"type": "string"}
    }


def test_calls_come_whole_at_a_streams_end(start):
    pieces = [
        {"index": 0, "id": "c1", "function": {"name": "weather", "arguments": ""}},
        {"index": 0, "function": {"arguments": '{"city":'}},
        {"index": 0, "function": {"arguments": '"Rome"}'}},
    ]
    blocks = [delta(None, tool_calls=[one]) for one in pieces]
    api, _ = start(Reply(blocks=[*blocks, delta(finish="tool_calls")]), tools=True)
    (only,) = items(api, said("x", tools=TOOLS))
    assert only["candidates"][0]["content"]["parts"] == [
        {"functionCall": {"id": "c1", "name": "weather", "args": {"city": "Rome"}}}
    ]


def config(**fields: object) -> dict[str, object]:
    return said("x", generationConfig=fields)


def part(**fields: object) -> dict[str, object]:
    return {"contents": [{"parts": [fields]}]}


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({}, "contents"),
        ({"contents": []}, "contents"),
        ({"contents": [{"role": "user"}]}, "contents[0].parts"),
        ({"contents": [{"parts": [{"text": " "}]}]}, "contents[0].parts"),
        ({"contents": [{"role": "system", "parts": [{"text": "x"}]}]}, "contents[0].role"),
        ({"contents": [{"role": "model", "parts": [{"text": "x"}]}]}, "contents[0].role"),
        (part(inlineData={"mimeType": "image/png", "data": "AAAA"}), "image/png"),
        (part(inlineData={"mimeType": "text/plain", "data": "/w=="}), "UTF-8"),
        (part(executableCode={"code": "x"}), "executableCode"),
        (part(fileData={"fileUri": "https://example.org/x"}), "contents[0].parts[0].fileData"),
        (said("x", systemInstruction={"parts": []}), "systemInstruction"),
        (said("x", tools=TOOLS), "tools = true"),
        (said("x", tools=[{"googleSearch": {}}]), "googleSearch"),
        (said("x", safetySettings=[{}]), "safetySettings[0].category"),
        (said("x", safetySettings=[{"category": 7}, {"category": 7}]), "safetySettings[1]"),
        (config(temperature=-0.1), "generationConfig.temperature"),
        (config(temperature=2.1), "generationConfig.temperature"),
        (config(topP=1.5), "generationConfig.topP"),
        (config(topP="NaN"), "generationConfig.topP"),
        (config(topK=0), "generationConfig.topK"),
        (config(maxOutputTokens=0), "generationConfig.maxOutputTokens"),
        (config(candidateCount=0), "generationConfig.candidateCount"),
        (config(candidateCount=9), "generationConfig.candidateCount"),
        (config(stopSequences=list("abcdef")), "generationConfig.stopSequences"),
        (config(stopSequences=[""]), "generationConfig.stopSequences"),
        (config(presencePenalty=3), "generationConfig.presencePenalty"),
        (config(frequencyPenalty=-3), "generationConfig.frequencyPenalty"),
        (config(responseMimeType="text/x.enum"), "generationConfig.responseMimeType"),
        (config(responseSchema={"type": 1}), "generationConfig.responseMimeType"),
        (config(responseSchema={}, responseMimeType="application/json"), "responseSchema.type"),
        (config(responseSchema={}, responseJsonSchema={}), "responseJsonSchema"),
        (config(responseJsonSchema=3, responseMimeType="application/json"), "JsonSchema"),
        (config(responseModalities=["IMAGE"]), "generationConfig.responseModalities"),
        (config(speechConfig={"languageCode": "en"}), "generationConfig.speechConfig"),
        (config(responseLogprobs=True), "generationConfig.responseLogprobs"),
    ],
)
@pytest.mark.parametrize("method", ["generateContent", "streamGenerateContent"])
def test_what_cannot_be_done_is_refused_before_anything_is_sent(start, method, body, named):
    api, fake = start(completion("x"))
    assert named in api.refused("INVALID_ARGUMENT", "POST", f"{BIG}:{method}", body)
    assert not fake.bodies


def test_safety_settings_and_thinking_are_taken(start):
    api, _ = start(completion("x", reasoning_content="hm"))
    body = said(
        "x",
        safetySettings=[{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}],
        generationConfig={"thinkingConfig": {"includeThoughts": True, "thinkingBudget": 5}},
    )
    reply = api.post(f"{BIG}:generateContent", body)
    assert reply["candidates"][0]["content"]["parts"] == [
        {"text": "hm", "thought": True},
        {"text": "x"},
    ]
    assert text_of(api.post(f"{BIG}:generateContent", said("x"))) == "x"


@pytest.mark.parametrize("query", [(), (("alt", "sse"),)])
def test_a_stream_gives_its_pieces_and_ends_with_reason_and_counts(start, query):
    api, fake = start(streamed("Hel", "lo", " \u2028 wörld", finish="length"))
    *pieces, last = items(api, said("x"), query)
    assert [text_of(one) for one in pieces] == ["Hel", "lo", " \u2028 wörld"]
    assert all("finishReason" not in one["candidates"][0] for one in pieces)
    assert last["candidates"][0]["finishReason"] == "MAX_TOKENS"
    assert last["usageMetadata"]["promptTokenCount"] == 7
    assert last["usageMetadata"]["candidatesTokenCount"] == 3
    assert len({one["responseId"] for one in [*pieces, last]}) == 1
    assert fake.bodies[0]["stream"] is True


def test_a_stream_of_two_candidates_has_both(start):
    api, _ = start([streamed("a"), streamed("b")])
    got = items(api, config(candidateCount=2))
    finished = [one["candidates"][0] for one in got if "finishReason" in one["candidates"][0]]
    assert [one["index"] for one in finished] == [0, 1]
    assert [text_of(one) for one in got] == ["a", "", "b", ""]


def test_tokens_are_counted_here_where_the_backend_does_not(start):
    api, _ = start(Reply(blocks=[delta("hello world"), delta(finish="stop")]))
    last = items(api, said("hello"))[-1]
    assert last["usageMetadata"]["promptTokenCount"] == 1
    assert last["usageMetadata"]["candidatesTokenCount"] == 2


CUT = [
    Reply(blocks=[delta("Hel")], cut=True),
    Reply(blocks=[delta("Hel"), event("[DONE]")]),
    Reply(blocks=[delta("Hel"), event({"error": {"message": "out of memory", "code": 500}})]),
    Reply(blocks=[delta("Hel"), event("no json")]),
]


@pytest.mark.parametrize("reply", CUT)
def test_a_stream_that_breaks_off_ends_with_the_error(start, reply):
    api, _ = start(reply)
    first, last = items(api, said("x"))
    assert text_of(first) == "Hel"
    assert last["error"]["status"] == "UNAVAILABLE"
    assert "'big'" in last["error"]["message"]


def problem(status: int, message: str = "the reason", **headers: str) -> Reply:
    return Reply(status, {"error": {"message": message, "type": "t"}}, headers=headers)


@pytest.mark.parametrize(
    ("reply", "status"),
    [
        (problem(400), "INVALID_ARGUMENT"),
        (problem(413), "INVALID_ARGUMENT"),
        (problem(401), "FAILED_PRECONDITION"),
        (problem(403), "FAILED_PRECONDITION"),
        (problem(404), "FAILED_PRECONDITION"),
        (problem(429), "RESOURCE_EXHAUSTED"),
        (problem(500), "UNAVAILABLE"),
        (problem(503), "UNAVAILABLE"),
        (problem(504), "DEADLINE_EXCEEDED"),
        (Reply(502, b"<html>the reason</html>"), "UNAVAILABLE"),
        (Reply(302, b"", headers={"location": "http://192.0.2.1/"}), "UNAVAILABLE"),
    ],
)
@pytest.mark.parametrize("method", ["generateContent", "streamGenerateContent"])
def test_errors_of_the_backend_are_told_as_the_services(start, reply, status, method):
    api, _ = start(reply, api_key="secret")
    message = api.refused(status, "POST", f"{BIG}:{method}", said("x"))
    assert "'big'" in message
    assert "secret" not in message


@pytest.mark.parametrize(
    ("reply", "status"),
    [
        (Reply(200, b"<html></html>"), "UNAVAILABLE"),
        (Reply(200, {"choices": []}), "UNAVAILABLE"),
        (Reply(200, ["x"]), "UNAVAILABLE"),
        (Reply(200, {"error": {"message": "x", "code": 400}}), "INVALID_ARGUMENT"),
        (completion("", tool_calls=[{"function": {"name": "f", "arguments": "["}}]), "UNAVAILABLE"),
    ],
)
def test_a_reply_that_is_none_is_told_as_the_backends_fault(start, reply, status):
    api, _ = start(reply)
    assert "'big'" in api.refused(status, "POST", f"{BIG}:generateContent", said("x"))


def test_a_retry_is_advised_as_the_backend_advises(start):
    api, _ = start(problem(429, **{"retry-after": "17"}))
    reply = api.send("POST", f"{BIG}:generateContent", said("x"))
    (detail,) = api.envelope(reply)["details"]
    assert detail["retryDelay"] == "17.000s"


@pytest.mark.parametrize("reply", [problem(429, **{"retry-after": "0"}), problem(503)])
@pytest.mark.parametrize("method", ["generateContent", "streamGenerateContent"])
def test_what_may_pass_is_tried_again(start, reply, method):
    good = completion("x") if method == "generateContent" else streamed("x")
    api, fake = start([reply, reply, good], retries=2)
    assert api.send("POST", f"{BIG}:{method}", said("x")).status == 200
    assert len(fake.bodies) == 3


def test_a_refused_prompt_is_not_tried_again(start):
    api, fake = start(problem(400), retries=2)
    api.refused("INVALID_ARGUMENT", "POST", f"{BIG}:generateContent", said("x"))
    assert len(fake.bodies) == 1


def test_an_endpoint_that_is_not_there_is_unavailable(tmp_path):
    with fake_openai(completion("x")) as gone:
        url = gone.url
    big = GeneratorConfig("big", "openai", url=url, model="m", retries=1)
    service = open_service(tmp_path, config=EngineConfig({"big": big}, {}, "big"))
    message = Api(service).refused("UNAVAILABLE", "POST", f"{BIG}:generateContent", said("x"))
    service.close()
    assert url in message


def test_a_silent_endpoint_is_given_up(start):
    def late(_body: object) -> Reply:
        done.wait(10)
        return completion("x")

    done = threading.Event()
    api, _ = start(late, timeout=0.05)
    try:
        message = api.refused("DEADLINE_EXCEEDED", "POST", f"{BIG}:generateContent", said("x"))
    finally:
        done.set()
    assert "silent for 0.05 seconds" in message


def test_a_key_that_is_not_set_is_named_when_the_model_is_used(start):
    api, fake = start(completion("x"), api_key_env="SOME_KEY")
    message = api.refused("FAILED_PRECONDITION", "POST", f"{BIG}:generateContent", said("x"))
    assert "SOME_KEY" in message
    assert not fake.bodies
    assert api.get(BIG)["name"] == BIG


def test_tokens_of_a_generators_prompt_are_counted(start):
    api, _ = start(completion("x"), tools=True)
    plain = api.post(f"{BIG}:countTokens", said("hello world"))
    assert plain["totalTokens"] == 2
    inner = {
        **said("hello world"),
        "model": BIG,
        "systemInstruction": {"parts": [{"text": "hello"}]},
        "tools": TOOLS,
    }
    whole = api.post(f"{BIG}:countTokens", {"generateContentRequest": inner})
    assert whole["totalTokens"] > 3
    for body in (
        {**said("x"), "generateContentRequest": inner},
        {"generateContentRequest": {**inner, "model": "models/other"}},
        {},
    ):
        api.refused("INVALID_ARGUMENT", "POST", f"{BIG}:countTokens", body)


def test_cached_content_goes_before_the_prompt(start):
    api, fake = start(completion("x"))
    cached = {
        "model": BIG,
        "contents": [{"role": "user", "parts": [{"text": "The code is 17."}]}],
        "systemInstruction": {"parts": [{"text": "Be brief."}]},
    }
    name = api.post("cachedContents", cached)["name"]
    body = said("Which code?", cachedContent=name)
    reply = api.post(f"{BIG}:generateContent", body)
    assert [one["content"] for one in fake.bodies[0]["messages"]] == [
        "Be brief.",
        "The code is 17.",
        "Which code?",
    ]
    # The endpoint says that the whole prompt has 7 tokens.
    assert reply["usageMetadata"]["cachedContentTokenCount"] == 7
    counted = api.post(f"{BIG}:countTokens", {"generateContentRequest": {**body, "model": BIG}})
    assert 0 < counted["cachedContentTokenCount"] < counted["totalTokens"]


def test_an_abandoned_stream_ends_the_request(start):
    ended = threading.Event()

    def endless() -> Iterator[bytes]:
        try:
            while True:
                yield delta("x" * 1000)
        finally:
            ended.set()

    api, fake = start(streamed("x"))
    fake.script = lambda _body: Reply(blocks=endless())
    request = GenerateContentRequest.model_validate({**said("x"), "model": BIG})
    pieces = stream_generate_content(Context(api.service.engine), request)
    assert next(pieces).text == "x" * 1000
    assert not ended.is_set()
    pieces.close()  # type: ignore[attr-defined]
    assert ended.wait(10)


KEYS = [
    "choices",
    "delta",
    "message",
    "content",
    "finish_reason",
    "usage",
    "error",
    "code",
    "tool_calls",
    "function",
    "name",
    "arguments",
    "index",
    "prompt_tokens",
]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(KEYS),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(reply=JSON, stream=st.booleans())
def test_whatever_an_endpoint_says_is_an_answer_or_an_error_of_the_services(
    replying, reply, stream
):
    api, said_next = replying
    raw = json.dumps(reply).encode()
    said_next.clear()
    said_next.append(Reply(blocks=[b"data: " + raw + b"\n\n"]) if stream else Reply(200, raw))
    method = "streamGenerateContent" if stream else "generateContent"
    answer = api.send("POST", f"{BIG}:{method}", said("x"))
    assert b"INTERNAL" not in answer.body
    assert answer.status in (200, 400, 429, 503, 504)


@pytest.fixture
def replying(start: Start) -> tuple[Api, list[Reply]]:
    replies: list[Reply] = []
    api, _ = start(lambda _body: replies[0])
    return api, replies
