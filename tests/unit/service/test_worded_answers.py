"""generateAnswer with a generator: its words, checked against the passages."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from ragkit.engine.config import EngineConfig, GeneratorConfig
from ragkit.service import open_service
from tests.fake_openai import FakeOpenAI, Reply, completion, fake_openai
from tests.unit.service.conftest import Api

AQA = "models/aqa:generateAnswer"
FERRY = "The ferry from Mallaig to Armadale takes 30 minutes. It carries 28 cars."
LOGS = "Logs are kept for 90 days and then deleted. An administrator can export logs as CSV."
QUESTION = "How long does the ferry from Mallaig to Armadale take?"
Start = Callable[..., tuple[Api, FakeOpenAI]]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    with ExitStack() as stack:

        def started(script: Any, **fields: Any) -> tuple[Api, FakeOpenAI]:
            fake = stack.enter_context(
                fake_openai(completion(script) if isinstance(script, str) else script)
            )
            big = GeneratorConfig("big", "openai", url=fake.url, model="m", retries=0, **fields)
            service = open_service(tmp_path / "data", config=EngineConfig({"big": big}, {}, "big"))
            stack.callback(service.close)
            return Api(service), fake

        yield started


def content(text: str, role: str = "user") -> dict[str, object]:
    return {"role": role, "parts": [{"text": text}]}


def asked(*passages: str, question: str = QUESTION, **fields: object) -> dict[str, object]:
    given = [
        {"id": str(number), "content": {"parts": [{"text": text}]}}
        for number, text in enumerate(passages or (FERRY, LOGS))
    ]
    return {
        "contents": [content(question)],
        "answerStyle": "ABSTRACTIVE",
        "inlinePassages": {"passages": given},
        **fields,
    }


def text_of(reply: dict[str, Any]) -> str:
    (part,) = reply["answer"]["content"]["parts"]
    assert isinstance(part["text"], str)
    return part["text"]


def quotes(reply: dict[str, Any]) -> list[tuple[str, str]]:
    return [
        (one["sourceId"]["groundingPassage"]["passageId"], one["content"]["parts"][0]["text"])
        for one in reply["answer"].get("groundingAttributions", [])
    ]


def extracted(api: Api, **fields: object) -> dict[str, Any]:
    """What the extractive answerer answers in the same style."""
    return api.post("models/extractive:generateAnswer", asked(**fields))  # type: ignore[arg-type]


def test_the_generator_words_the_answer_and_the_passages_are_quoted(start):
    api, fake = start("The crossing takes 30 minutes [1].")
    reply = api.post(AQA, asked(temperature=0.25))
    assert text_of(reply) == "The crossing takes 30 minutes."
    assert reply["answer"]["finishReason"] == "STOP"
    assert quotes(reply) == [("0", "The ferry from Mallaig to Armadale takes 30 minutes.")]
    assert reply["answerableProbability"] == extracted(api)["answerableProbability"] > 0.5
    (body,) = fake.bodies
    assert body["temperature"] == 0.25
    system, user = body["messages"]
    assert system["role"] == "system"
    assert f"[1] {FERRY}" in user["content"]
    assert f"[2] {LOGS}" in user["content"]
    assert QUESTION in user["content"]


def test_a_sentence_that_no_passage_supports_lowers_the_probability(start):
    api, _ = start("The crossing takes 30 minutes. Dogs travel free of charge.")
    reply = api.post(AQA, asked())
    assert text_of(reply) == "The crossing takes 30 minutes. Dogs travel free of charge."
    assert quotes(reply) == [("0", "The ferry from Mallaig to Armadale takes 30 minutes.")]
    whole = extracted(api)["answerableProbability"]
    assert reply["answerableProbability"] == pytest.approx(whole / 2, rel=1e-5)


@pytest.mark.parametrize(
    "said",
    ["", "  \n", "[1]", "The crossing takes 45 minutes.", "Dogs travel free of charge.", "Yes."],
)
@pytest.mark.parametrize("style", ["ABSTRACTIVE", "VERBOSE"])
def test_an_empty_or_unsupported_answer_falls_back_to_extraction(start, said, style):
    api, fake = start(said)
    assert api.post(AQA, asked(answerStyle=style)) == extracted(api, answerStyle=style)
    assert len(fake.bodies) == 1


@pytest.mark.parametrize(
    "said", ["NO ANSWER", "No answer.", "The passages do not mention it.", "I don't know."]
)
def test_a_generator_that_declines_halves_the_probability(start, said):
    api, _ = start(said)
    reply, quoted = api.post(AQA, asked()), extracted(api)
    assert reply["answer"] == quoted["answer"]
    assert reply["answerableProbability"] == pytest.approx(
        quoted["answerableProbability"] / 2, rel=1e-5
    )


def test_a_filtered_answer_falls_back_to_extraction(start):
    api, _ = start(completion("The crossing takes 30", "content_filter"))
    assert api.post(AQA, asked()) == extracted(api)


def test_an_answer_that_is_cut_off_loses_its_last_sentence(start):
    api, _ = start(completion("The crossing takes 30 minutes. It carries 28", "length"))
    reply = api.post(AQA, asked())
    assert text_of(reply) == "The crossing takes 30 minutes."
    assert reply["answer"]["finishReason"] == "STOP"


def test_an_extractive_style_quotes_without_asking_the_generator(start):
    api, fake = start("x")
    assert api.post(AQA, asked(answerStyle="EXTRACTIVE")) == extracted(
        api, answerStyle="EXTRACTIVE"
    )
    assert not fake.bodies


def test_the_generators_own_name_answers_too(start):
    api, fake = start("The crossing takes 30 minutes.")
    reply = api.post("models/big:generateAnswer", asked())
    assert text_of(reply) == "The crossing takes 30 minutes."
    assert len(fake.bodies) == 1


def test_verbose_answers_may_be_longer(start):
    api, fake = start("The crossing takes 30 minutes.")
    api.post(AQA, asked())
    api.post(AQA, asked(answerStyle="VERBOSE"))
    brief, verbose = fake.bodies
    assert verbose["max_tokens"] > brief["max_tokens"]
    assert verbose["messages"][-1] != brief["messages"][-1]


def test_history_is_part_of_the_conversation(start):
    api, fake = start("It carries 28 cars.")
    contents = [
        content("How long does the ferry to Armadale take?"),
        content("30 minutes.", "model"),
        content("And how many cars does it carry?"),
    ]
    reply = api.post(AQA, asked() | {"contents": contents})
    assert text_of(reply) == "It carries 28 cars."
    assert [(one["role"], one["content"]) for one in fake.bodies[0]["messages"][1:3]] == [
        ("user", "How long does the ferry to Armadale take?"),
        ("assistant", "30 minutes."),
    ]


@pytest.mark.parametrize("passages", [[], ["", "  "]])
def test_without_passages_nothing_is_made_up(start, passages):
    api, fake = start("Made up.")
    body = asked() | {
        "inlinePassages": {
            "passages": [{"id": "0", "content": {"parts": [{"text": text}]}} for text in passages]
        }
    }
    reply = api.post(AQA, body)
    assert text_of(reply) == ""
    assert reply["answerableProbability"] == 0
    assert not fake.bodies


def test_passages_that_do_not_fit_the_context_are_left_out_from_the_end(start):
    api, fake = start("The crossing takes 30 minutes.", context_tokens=1024)
    long = "This sentence says nothing that anybody would want to know. " * 60
    api.post(AQA, asked(FERRY, long, LOGS))
    prompt = fake.bodies[0]["messages"][-1]["content"]
    assert FERRY in prompt
    assert LOGS not in prompt
    api.post(AQA, asked(long))
    prompt = fake.bodies[1]["messages"][-1]["content"]
    assert 100 < len(prompt) < len(long)


def test_chunks_that_are_retrieved_are_attributed(start):
    api, _ = start("Logs are deleted after 90 days.")
    corpus = api.corpus("library")
    document = api.document(corpus, "d")
    chunk = api.chunk(document, "logs", LOGS)
    api.chunk(document, "ferry", FERRY)
    body = {
        "contents": [content("When are logs deleted?")],
        "answerStyle": "VERBOSE",
        "semanticRetriever": {"source": corpus, "query": content("When are logs deleted?")},
    }
    reply = api.post(AQA, body)
    (only,) = reply["answer"]["groundingAttributions"]
    assert only == {
        "sourceId": {"semanticRetrieverChunk": {"source": corpus, "chunk": chunk}},
        "content": {"parts": [{"text": "Logs are kept for 90 days and then deleted."}]},
    }


def test_a_generator_that_fails_is_an_error_not_another_answer(start):
    api, _ = start(Reply(503, {"error": "down"}))
    assert "'big'" in api.refused("UNAVAILABLE", "POST", AQA, asked())
