"""Whatever is sent, the reply is the API's: never a fault of the service."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ragkit.api.base import ProtoModel
from ragkit.api.methods import METHODS
from ragkit.api.wire import HttpRequest, Method
from ragkit.service.dispatcher import find_handler
from ragkit.service.model_catalog import GENERATING

CORPUS = "corpora/c"
DOCUMENT = f"{CORPUS}/documents/d"
CHUNK = f"{DOCUMENT}/chunks/x"

TEXTS = st.one_of(
    st.sampled_from(["", " ", "text", "\0", CORPUS, DOCUMENT, CHUNK, "models/aqa", "*", "data"]),
    st.sampled_from(["chunk.custom_metadata.k", "document.custom_metadata.k", "displayName"]),
    st.text(max_size=20),
)
NUMBERS = st.one_of(
    st.sampled_from([0, 1, -1, 3, 100, 101, 2**31, -(2**63), 2**64, 1e39, -0.0, "NaN", "Infinity"]),
    st.integers(),
    st.floats(),
)


def fields_of(message: type[ProtoModel]) -> set[str]:
    """The JSON names of all fields of a message and of those within it."""
    found: set[str] = set()
    waiting: list[Any] = [message]
    while waiting:
        one = waiting.pop()
        if isinstance(one, type) and issubclass(one, ProtoModel):
            for field in one.model_fields.values():
                if field.alias and field.alias not in found:
                    found.add(field.alias)
                    waiting.append(field.annotation)
        else:
            waiting += getattr(one, "__args__", ())
    return found


def json_values(names: list[str]) -> st.SearchStrategy[Any]:
    leaves = st.one_of(st.none(), st.booleans(), NUMBERS, TEXTS)
    return st.recursive(
        leaves,
        lambda inner: st.one_of(
            st.lists(inner, max_size=3),
            st.dictionaries(st.sampled_from(names), inner, max_size=4),
        ),
        max_leaves=12,
    )


def paths_of(method: Method[Any, Any]) -> st.SearchStrategy[str]:
    before, brace, rest = method.path.partition("{")
    if not brace:
        return st.just(before)
    pattern, _, after = rest.partition("}")
    count = pattern.count("*")
    ids = st.one_of(
        st.sampled_from(["c", "d", "x", "aqa", "static-256", "UPPER", "a%2Fb", "%00", "%", "é"]),
        st.text(st.characters(exclude_characters="/:", codec="utf-8"), min_size=1, max_size=5),
    )
    known = ["c", "d", "x"][:count]
    chosen = st.one_of(st.just(known), st.lists(ids, min_size=count, max_size=count))

    def fill(names: list[str]) -> str:
        name = pattern.partition("=")[2]
        for one in names:
            name = name.replace("*", one, 1)
        return before + name + after

    return chosen.map(fill)


@pytest.fixture(scope="module")
def filled(shared_api):
    shared_api.chunk(shared_api.document(shared_api.corpus("c"), "d", k="v"), "x", "text", k=1)
    return shared_api


OFFERED = {method.id: method for method in METHODS.values() if find_handler(method.id)}


@pytest.mark.parametrize("method", OFFERED.values(), ids=OFFERED)
def test_no_request_is_too_odd(filled, method):
    names = sorted(fields_of(method.request)) or ["x"]

    @settings(deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))
    @given(
        path=paths_of(method),
        body=st.one_of(st.binary(max_size=20), json_values(names)),
        query=st.dictionaries(st.sampled_from(names), TEXTS | st.integers().map(str), max_size=2),
    )
    def check(path: str, body: Any, query: dict[str, str]) -> None:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        if method.body == "" and not isinstance(body, bytes):
            raw = b""
        reply = filled.service.dispatch(
            HttpRequest(method.verb, path, list(query.items()), {}, raw)
        )
        if reply.status == 200:
            assert isinstance(json.loads(reply.body), dict)
        else:
            error = filled.envelope(reply)
            assert error["status"] in {
                "INVALID_ARGUMENT",
                "NOT_FOUND",
                "ALREADY_EXISTS",
                "FAILED_PRECONDITION",
                *(["UNIMPLEMENTED"] if method.id.removeprefix("models.") in GENERATING else []),
            }

    check()


@settings(deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))
@given(
    question=st.text(min_size=1, max_size=60).filter(str.strip),
    passages=st.lists(st.text(max_size=200) | st.just("One. Two! Three?"), max_size=4),
    style=st.sampled_from(["ABSTRACTIVE", "EXTRACTIVE", "VERBOSE"]),
)
def test_an_answer_is_always_made_of_verbatim_quotes(filled, question, passages, style):
    body = {
        "contents": [{"parts": [{"text": question}]}],
        "answerStyle": style,
        "inlinePassages": {
            "passages": [
                {"id": str(number), "content": {"parts": [{"text": text}]}}
                for number, text in enumerate(passages)
            ]
        },
    }
    reply = filled.post("models/aqa:generateAnswer", body)
    assert 0 <= reply["answerableProbability"] <= 1
    answer = reply["answer"]
    assert answer["finishReason"] == "STOP"
    quotes = []
    for one in answer.get("groundingAttributions", ()):
        quote = one["content"]["parts"][0]["text"]
        assert quote
        assert quote in passages[int(one["sourceId"]["groundingPassage"]["passageId"])]
        quotes.append(quote)
    assert answer["content"]["parts"] == [{"text": " ".join(quotes)}]
    if not any(text.strip() for text in passages):
        assert not quotes
