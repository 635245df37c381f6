"""models.generateAnswer."""

from typing import Any

import pytest

from ragkit.service.policies import MAX_QUERY_BYTES

Json = dict[str, Any]

AQA = "models/aqa:generateAnswer"

PARIS = "Paris is the capital of France. It lies on the river Seine."
BERLIN = "Berlin is the capital of Germany. It lies on the river Spree."
BREAD = "To bake bread, knead flour and water. Let the dough rest for an hour."

QUESTION = "What is the capital of Germany?"


def content(*texts: str, role: str = "user") -> Json:
    return {"role": role, "parts": [{"text": text} for text in texts]}


def inline(*passages: list[str]) -> Json:
    return {
        "passages": [
            {"id": str(number), "content": {"parts": [{"text": text} for text in parts]}}
            for number, parts in enumerate(passages)
        ]
    }


def request(question: str = QUESTION, **fields: object) -> Json:
    body: Json = {
        "contents": [content(question)],
        "answerStyle": "EXTRACTIVE",
        "inlinePassages": inline([PARIS], [BERLIN], [BREAD]),
        **fields,
    }
    return {key: value for key, value in body.items() if value is not None}


def retriever(source: str, question: str = QUESTION, **fields: object) -> Json:
    config = {"source": source, "query": {"parts": [{"text": question}]}, **fields}
    return request(question, inlinePassages=None, semanticRetriever=config)


def text_of(reply: Json) -> str:
    (part,) = reply["answer"]["content"]["parts"]
    return str(part["text"])


@pytest.fixture(scope="module")
def library(shared_api):
    corpus = shared_api.corpus("library")
    cities = shared_api.document(corpus, "cities", topic="cities")
    kitchen = shared_api.document(corpus, "kitchen", topic="kitchen")
    shared_api.chunk(cities, "paris", PARIS, country="France")
    shared_api.chunk(cities, "berlin", BERLIN, country="Germany")
    shared_api.chunk(kitchen, "bread", BREAD)
    return corpus


def test_the_answer_is_a_sentence_with_its_passage(shared_api):
    reply = shared_api.post(AQA, request())
    answer = reply["answer"]
    assert text_of(reply) == "Berlin is the capital of Germany."
    assert answer["content"]["role"] == "model"
    assert answer["finishReason"] == "STOP"
    assert answer["index"] == 0
    assert answer["groundingAttributions"] == [
        {
            "sourceId": {"groundingPassage": {"passageId": "1"}},
            "content": {"parts": [{"text": "Berlin is the capital of Germany."}]},
        }
    ]
    assert 0.5 < reply["answerableProbability"] <= 1
    assert "inputFeedback" not in reply


def test_an_attribution_names_the_part(shared_api):
    reply = shared_api.post(AQA, request(inlinePassages=inline([PARIS], [BREAD, PARIS, BERLIN])))
    (attribution,) = reply["answer"]["groundingAttributions"]
    assert attribution["sourceId"] == {"groundingPassage": {"passageId": "1", "partIndex": 2}}


@pytest.mark.parametrize("style", ["ABSTRACTIVE", "EXTRACTIVE", "VERBOSE", 1, 2, 3])
def test_whatever_the_style_the_answer_is_its_attributions_joined(shared_api, style):
    passages = [[PARIS, BERLIN], [BREAD]]
    question = "Which river do Paris and Berlin, the capitals, lie on?"
    body = request(question, answerStyle=style, inlinePassages=inline(*passages))
    reply = shared_api.post(AQA, body)
    quotes = []
    for attribution in reply["answer"]["groundingAttributions"]:
        source = attribution["sourceId"]["groundingPassage"]
        (part,) = attribution["content"]["parts"]
        assert part["text"] in passages[int(source["passageId"])][source.get("partIndex", 0)]
        quotes.append(part["text"])
    assert quotes
    assert text_of(reply) == " ".join(quotes)


def test_retrieved_passages_are_attributed_to_chunks(shared_api, library):
    for source in (library, f"{library}/documents/cities"):
        reply = shared_api.post(AQA, retriever(source))
        assert text_of(reply) == "Berlin is the capital of Germany."
        (attribution,) = reply["answer"]["groundingAttributions"]
        assert attribution["sourceId"] == {
            "semanticRetrieverChunk": {
                "source": source,
                "chunk": f"{library}/documents/cities/chunks/berlin",
            }
        }


def test_a_question_that_has_no_answer_is_attempted_with_a_low_probability(shared_api, library):
    answerable = shared_api.post(AQA, retriever(library))["answerableProbability"]
    question = "Who won the chess tournament of 1987?"
    for body in (request(question), retriever(library, question)):
        reply = shared_api.post(AQA, body)
        assert text_of(reply)
        assert reply["answer"]["finishReason"] == "STOP"
        assert reply["answerableProbability"] < min(answerable, 0.5)


@pytest.mark.parametrize(
    "passages",
    [{}, {"passages": []}, {"passages": [{"id": "0"}]}, inline([]), inline(["", " "])],
)
def test_without_any_text_the_answer_is_empty_and_its_probability_zero(shared_api, passages):
    reply = shared_api.post(AQA, request(inlinePassages=passages))
    assert text_of(reply) == ""
    assert reply["answer"]["finishReason"] == "STOP"
    assert reply["answerableProbability"] == 0
    assert "groundingAttributions" not in reply["answer"]


def test_nothing_retrieved_gives_an_empty_answer(shared_api, library):
    nowhere = {
        "key": "chunk.custom_metadata.country",
        "conditions": [{"operation": "EQUAL", "stringValue": "Peru"}],
    }
    reply = shared_api.post(AQA, retriever(library, metadataFilters=[nowhere]))
    assert (text_of(reply), reply["answerableProbability"]) == ("", 0)


@pytest.mark.parametrize("level", ["chunk", "document"])
@pytest.mark.parametrize("source", ["", "/documents/cities"])
def test_filters_of_both_levels_select_what_is_retrieved(shared_api, library, level, source):
    key, value = ("country", "France") if level == "chunk" else ("topic", "cities")
    condition = {
        "key": f"{level}.custom_metadata.{key}",
        "conditions": [{"operation": "EQUAL", "stringValue": value}],
    }
    body = retriever(library + source, "Which river does it lie on?", metadataFilters=[condition])
    body["answerStyle"] = "VERBOSE"
    reply = shared_api.post(AQA, body)
    chunks = {
        one["sourceId"]["semanticRetrieverChunk"]["chunk"].rpartition("/")[2]
        for one in reply["answer"]["groundingAttributions"]
    }
    assert chunks <= ({"paris"} if level == "chunk" else {"paris", "berlin"})


def test_the_minimum_score_is_that_of_a_query(shared_api, library):
    query = {"query": QUESTION}
    (best, *others) = shared_api.post(f"{library}:query", query)["relevantChunks"]
    assert others
    score = best["chunkRelevanceScore"]
    reply = shared_api.post(AQA, retriever(library, minimumRelevanceScore=score))
    assert text_of(reply) == "Berlin is the capital of Germany."
    reply = shared_api.post(AQA, retriever(library, minimumRelevanceScore=min(1, score + 1e-4)))
    assert text_of(reply) == ""


def test_the_number_of_chunks_is_limited(shared_api, library):
    body = retriever(library, maxChunksCount=1)
    body["answerStyle"] = "VERBOSE"
    attributions = shared_api.post(AQA, body)["answer"]["groundingAttributions"]
    chunks = {one["sourceId"]["semanticRetrieverChunk"]["chunk"] for one in attributions}
    assert len(chunks) == 1


def test_history_resolves_what_the_question_refers_to(shared_api):
    passages = inline([PARIS], [BERLIN])
    follow_up = "Which river does it lie on?"
    for country, river in (("France", "Seine"), ("Germany", "Spree")):
        contents = [
            content(f"What is the capital of {country}?"),
            content("I shall tell you.", role="model"),
            content(follow_up),
        ]
        body = request(inlinePassages=passages, contents=contents, answerStyle="VERBOSE")
        (first, *_) = [
            one["sourceId"]["groundingPassage"]["passageId"]
            for one in shared_api.post(AQA, body)["answer"]["groundingAttributions"]
            if river in one["content"]["parts"][0]["text"]
        ]
        assert first == {"Seine": "0", "Spree": "1"}[river]


def test_equal_passage_ids_are_taken(shared_api):
    passages = inline([PARIS], [BERLIN])
    for passage in passages["passages"]:
        passage["id"] = "same"
    assert text_of(shared_api.post(AQA, request(inlinePassages=passages)))


@pytest.mark.parametrize("temperature", [0, 0.2, 1])
def test_a_temperature_changes_nothing(shared_api, temperature):
    assert shared_api.post(AQA, request(temperature=temperature)) == shared_api.post(AQA, request())


@pytest.mark.parametrize("category", [7, 8, 9, 10, "HARM_CATEGORY_HARASSMENT"])
def test_safety_settings_of_the_four_categories_are_taken(shared_api, category):
    settings = [{"category": category, "threshold": "BLOCK_LOW_AND_ABOVE"}]
    reply = shared_api.post(AQA, request(safetySettings=settings))
    assert text_of(reply)
    assert "safetyRatings" not in reply["answer"]


def setting(category: str) -> dict[str, str]:
    return {"category": f"HARM_CATEGORY_{category}", "threshold": "BLOCK_NONE"}


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"contents": None}, "contents"),
        ({"contents": []}, "contents"),
        ({"contents": [content()]}, "contents[0].parts"),
        ({"contents": [content(" ")]}, "contents[0].parts"),
        ({"contents": [content("a"), content("b", role="model")]}, "contents[1].role"),
        ({"contents": [content("a", role="system"), content("b")]}, "contents[0].role"),
        ({"contents": [{"parts": [{"inlineData": {"data": "AAAA"}}]}]}, "contents[0].parts[0]"),
        (
            {"contents": [{"parts": [{"functionCall": {"name": "f"}}]}, content("b")]},
            "contents[0].parts[0]",
        ),
        ({"contents": [content("x" * (MAX_QUERY_BYTES + 1))]}, f"{MAX_QUERY_BYTES + 1:,} bytes"),
        ({"answerStyle": None}, "answerStyle"),
        ({"answerStyle": 0}, "answerStyle"),
        ({"answerStyle": "POETIC"}, "answerStyle"),
        ({"inlinePassages": None}, "groundingSource"),
        (
            {"semanticRetriever": {"source": "corpora/library", "query": content("x")}},
            "grounding_source",
        ),
        (
            {"inlinePassages": {"passages": [{"content": {"parts": [{"inlineData": {}}]}}]}},
            "inlinePassages.passages[0].content.parts[0]",
        ),
        ({"temperature": -0.1}, "temperature"),
        ({"temperature": 1.1}, "temperature"),
        ({"temperature": "NaN"}, "temperature"),
        ({"safetySettings": [setting("HARASSMENT")] * 2}, "safetySettings[1].category"),
        ({"safetySettings": [setting("MEDICAL")]}, "safetySettings[0].category"),
        ({"safetySettings": [setting("UNSPECIFIED")]}, "safetySettings[0].category"),
        ({"safetySettings": [{}]}, "safetySettings[0].category"),
    ],
)
def test_a_request_that_is_not_well_formed_is_refused(shared_api, fields, named):
    assert named in shared_api.refused("INVALID_ARGUMENT", "POST", AQA, request(**fields))


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"source": ""}, "source"),
        ({"source": "library"}, "source"),
        ({"source": "corpora/library/documents/cities/chunks/paris"}, "source"),
        ({"source": "corpora/UPPER"}, "source"),
        ({"query": None}, "query"),
        ({"query": {}}, "query.parts"),
        ({"query": {"parts": [{"text": " "}]}}, "query.parts"),
        ({"query": "a string"}, "query"),
        ({"maxChunksCount": 0}, "maxChunksCount"),
        ({"maxChunksCount": -1}, "maxChunksCount"),
        ({"maxChunksCount": 101}, "maxChunksCount"),
        ({"minimumRelevanceScore": -0.1}, "minimumRelevanceScore"),
        ({"minimumRelevanceScore": 1.5}, "minimumRelevanceScore"),
        ({"minimumRelevanceScore": "NaN"}, "minimumRelevanceScore"),
        ({"metadataFilters": [{"key": "x"}]}, "metadataFilters[0].key"),
    ],
)
def test_a_retriever_that_is_not_well_formed_is_refused(shared_api, library, fields, named):
    body = retriever(library)
    body["semanticRetriever"] |= fields
    message = shared_api.refused("INVALID_ARGUMENT", "POST", AQA, body)
    assert f"semanticRetriever.{named}" in message


@pytest.mark.parametrize("source", ["corpora/absent", "corpora/library/documents/absent"])
def test_a_source_that_does_not_exist_is_not_found(shared_api, library, source):
    assert source in shared_api.refused("NOT_FOUND", "POST", AQA, retriever(source))
