"""models: get, list, embedContent, batchEmbedContents, countTokens."""

import math
from typing import Any

import pytest

from ragkit.text.tokens import count_tokens

EMBEDDER = "models/static-256"


def content(*texts: str) -> dict[str, object]:
    return {"parts": [{"text": text} for text in texts]}


def embed(
    api: Any, text: str = "some text", model: str = EMBEDDER, **fields: object
) -> list[float]:
    body = {"content": content(text), **fields}
    values: list[float] = api.post(f"{model}:embedContent", body)["embedding"]["values"]
    return values


def test_list_shows_what_is_there_and_get_the_same(shared_api):
    models = shared_api.get("models")["models"]
    assert {method for model in models for method in model["supportedGenerationMethods"]} == {
        "embedContent",
        "batchEmbedContents",
        "asyncBatchEmbedContent",
        "embedText",
        "batchEmbedText",
        "countTokens",
        "countTextTokens",
        "generateAnswer",
    }
    for model in models:
        assert model["description"]
        assert model["version"]
        assert shared_api.get(model["name"]) == model


@pytest.mark.parametrize(
    ("alias", "method"),
    [
        ("models/aqa", "generateAnswer"),
        ("models/aqa-001", "generateAnswer"),
        ("models/embedding-001", "embedContent"),
        ("models/embedding", "embedContent"),
        ("models/text-embedding-004", "embedContent"),
        ("models/text-embedding-004-001", "embedContent"),
        ("models/gemini-embedding-001", "embedContent"),
        ("models/gemini-embedding", "embedContent"),
        ("models/static-256-001", "embedContent"),
    ],
)
def test_an_alias_says_what_is_behind_it(shared_api, alias, method):
    model = shared_api.get(alias)
    assert model["name"] == alias
    assert method in model["supportedGenerationMethods"]
    behind = f"models/{model['baseModelId']}"
    assert behind in model["description"]
    assert (
        shared_api.get(behind)["supportedGenerationMethods"]
        == (model["supportedGenerationMethods"])
    )
    assert alias not in [listed["name"] for listed in shared_api.get("models")["models"]]


@pytest.mark.parametrize(
    ("verb", "path", "body"),
    [
        ("GET", "models/gemini-pro", None),
        ("POST", "models/gemini-pro:embedContent", {"content": content("x")}),
        ("POST", "models/aqa:embedContent", {"content": content("x")}),
        ("POST", f"{EMBEDDER}:generateAnswer", {}),
        ("POST", "models/gemini-pro:countTokens", {"contents": [content("x")]}),
    ],
)
def test_a_model_that_is_not_there_or_cannot_do_it_is_not_found(shared_api, verb, path, body):
    message = shared_api.refused("NOT_FOUND", verb, path, body)
    assert path.partition(":")[0] in message
    assert "models.list" in message


def test_an_embedding_is_a_unit_vector_in_float32(shared_api):
    values = embed(shared_api)
    assert len(values) == 256
    assert math.isclose(sum(value * value for value in values), 1, rel_tol=1e-5)
    assert max(len(repr(value)) for value in values) <= 15
    assert values == embed(shared_api, model="models/embedding-001")


def test_similar_texts_are_near(shared_api):
    cat, kitten, tax = (embed(shared_api, text) for text in ("a cat", "a kitten", "tax law"))
    near = sum(one * other for one, other in zip(cat, kitten, strict=True))
    far = sum(one * other for one, other in zip(cat, tax, strict=True))
    assert near > far


@pytest.mark.parametrize("size", [1, 100, 256])
def test_output_dimensionality_truncates(shared_api, size):
    assert embed(shared_api, outputDimensionality=size) == embed(shared_api)[:size]


@pytest.mark.parametrize("size", [0, -1, 257, 10**6])
def test_output_dimensionality_out_of_range_is_refused(shared_api, size):
    body = {"content": content("x"), "outputDimensionality": size}
    message = shared_api.refused("INVALID_ARGUMENT", "POST", f"{EMBEDDER}:embedContent", body)
    assert "outputDimensionality" in message
    assert "256" in message


@pytest.mark.parametrize("task", ["RETRIEVAL_QUERY", 8, "TASK_TYPE_UNSPECIFIED", 0])
def test_task_types_are_taken(shared_api, task):
    assert len(embed(shared_api, taskType=task)) == 256


def test_a_title_goes_with_retrieval_documents_only(shared_api):
    titled = embed(shared_api, taskType="RETRIEVAL_DOCUMENT", title="Title")
    assert titled == embed(shared_api, "Title\nsome text", taskType="RETRIEVAL_DOCUMENT")
    for fields in ({}, {"taskType": "RETRIEVAL_QUERY"}):
        body = {"content": content("x"), "title": "t", **fields}
        message = shared_api.refused("INVALID_ARGUMENT", "POST", f"{EMBEDDER}:embedContent", body)
        assert "title" in message


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({}, "content"),
        ({"content": {}}, "content.parts"),
        ({"content": content("")}, "content.parts"),
        ({"content": content(" \n")}, "content.parts"),
        ({"content": {"parts": [{}]}}, "content.parts[0]"),
        (
            {"content": {"parts": [{"text": "x"}, {"inlineData": {"data": "AAAA"}}]}},
            "content.parts[1]",
        ),
        ({"content": content("x"), "taskType": "DANCE"}, "taskType"),
        ({"content": content("x"), "model": "models/other"}, "model"),
    ],
)
def test_what_cannot_be_embedded_is_refused(shared_api, body, named):
    message = shared_api.refused("INVALID_ARGUMENT", "POST", f"{EMBEDDER}:embedContent", body)
    assert named in message


def test_parts_do_not_run_together(shared_api):
    body = {"content": content("some", "text")}
    reply = shared_api.post(f"{EMBEDDER}:embedContent", body)
    assert reply["embedding"]["values"] == embed(shared_api, "some text")


def test_a_batch_gives_each_text_its_own_embedding_in_order(shared_api):
    requests = [
        {"model": EMBEDDER, "content": content("one"), "taskType": "RETRIEVAL_QUERY"},
        {"model": EMBEDDER, "content": content("two"), "outputDimensionality": 3},
        {"model": EMBEDDER, "content": content("three"), "taskType": "RETRIEVAL_QUERY"},
    ]
    reply = shared_api.post(f"{EMBEDDER}:batchEmbedContents", {"requests": requests})
    assert [one["values"] for one in reply["embeddings"]] == [
        embed(shared_api, "one"),
        embed(shared_api, "two")[:3],
        embed(shared_api, "three"),
    ]


@pytest.mark.parametrize(
    ("requests", "named"),
    [
        ([], "requests"),
        ([{"model": EMBEDDER, "content": content("x")}] * 101, "101"),
        ([{"content": content("x")}], "requests[0].model"),
        ([{"model": "models/other", "content": content("x")}], "requests[0].model"),
        (
            [{"model": EMBEDDER, "content": content("x")}, {"model": EMBEDDER}],
            "requests[1].content",
        ),
        (
            [{"model": EMBEDDER, "content": content("x"), "outputDimensionality": 999}],
            "requests[0].outputDimensionality",
        ),
        ([{"model": EMBEDDER, "content": content("x"), "title": "t"}], "requests[0].title"),
    ],
)
def test_a_batch_with_a_wrong_request_is_refused(shared_api, requests, named):
    message = shared_api.refused(
        "INVALID_ARGUMENT", "POST", f"{EMBEDDER}:batchEmbedContents", {"requests": requests}
    )
    assert named in message


def test_tokens_are_counted_as_those_of_chunks(shared_api):
    texts = ["How many tokens", "are there in this?"]
    total = sum(map(count_tokens, texts))
    reply = shared_api.post("models/aqa:countTokens", {"contents": [content(*texts)]})
    assert reply == {
        "totalTokens": total,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": total}],
    }
    inner: dict[str, object] = {"model": EMBEDDER, "contents": [content(texts[0])]}
    reply = shared_api.post(f"{EMBEDDER}:countTokens", {"generateContentRequest": inner})
    assert reply["totalTokens"] == count_tokens(texts[0])
    inner["systemInstruction"] = content(texts[1])
    reply = shared_api.post(f"{EMBEDDER}:countTokens", {"generateContentRequest": inner})
    assert reply["totalTokens"] == total
    inner["tools"] = [{"functionDeclarations": [{"name": "look_up"}]}]
    reply = shared_api.post(f"{EMBEDDER}:countTokens", {"generateContentRequest": inner})
    assert reply["totalTokens"] > total


def test_calls_of_functions_have_tokens(shared_api):
    parts = [{"functionCall": {"name": "look_up", "args": {"what": "zebra"}}}]
    reply = shared_api.post("models/aqa:countTokens", {"contents": [{"parts": parts}]})
    assert reply["totalTokens"] > 5


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({}, "contents"),
        ({"contents": []}, "contents"),
        (
            {
                "contents": [content("x")],
                "generateContentRequest": {"model": EMBEDDER, "contents": [content("x")]},
            },
            "generateContentRequest",
        ),
        (
            {"generateContentRequest": {"contents": [content("x")]}},
            "generateContentRequest.model",
        ),
        (
            {"generateContentRequest": {"model": "models/aqa", "contents": [content("x")]}},
            "generateContentRequest.model",
        ),
        ({"generateContentRequest": {"model": EMBEDDER}}, "generateContentRequest.contents"),
        (
            {
                "generateContentRequest": {
                    "model": EMBEDDER,
                    "contents": [content("x")],
                    "cachedContent": "cachedContents/x",
                }
            },
            "cachedContent",
        ),
        ({"contents": [{"parts": [{"inlineData": {"data": "AAAA"}}]}]}, "contents[0].parts[0]"),
    ],
)
def test_a_prompt_that_cannot_be_counted_is_refused(shared_api, body, named):
    message = shared_api.refused("INVALID_ARGUMENT", "POST", f"{EMBEDDER}:countTokens", body)
    assert named in message
