"""cachedContents: create, get, list, patch, delete, and their use in prompts."""

from __future__ import annotations

import base64
import sqlite3
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ragkit.api.base import format_timestamp
from ragkit.api.cached_contents import CachedContent
from ragkit.engine.config import EngineConfig, GeneratorConfig
from ragkit.engine.engine import Engine
from ragkit.service.dispatcher import Service
from ragkit.text.tokens import count_tokens

from .conftest import Api
from .generators import ScriptedGenerator, scripted_service

MODEL = "models/scripted"
ALWAYS = {"name", "model", "createTime", "updateTime", "expireTime", "usageMetadata"}


@pytest.fixture
def scripted(tmp_path):
    service, generator = scripted_service(tmp_path / "data", lambda prompt: "answer")
    yield Api(service), generator
    service.close()


@pytest.fixture
def api(scripted):
    return scripted[0]


def said(text: str, role: str = "user") -> dict[str, Any]:
    return {"role": role, "parts": [{"text": text}]}


def create(api: Api, **fields: object) -> dict[str, Any]:
    return api.post("cachedContents", {"model": MODEL, "contents": [said("cached")], **fields})


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def expire(service: Service) -> None:
    connection = sqlite3.connect(service.engine.data / "store.db")
    with connection:
        assert connection.execute("UPDATE cached_contents SET expire_time = 1").rowcount > 0
    connection.close()


def ahead(**duration: float) -> str:
    return format_timestamp(datetime.now(UTC) + timedelta(**duration))


# --- create, get, list, delete ---------------------------------------------------------------


def test_what_is_cached_never_comes_back(api):
    cached = create(
        api,
        displayName="Mine",
        systemInstruction=said("Be brief."),
        tools=[{"functionDeclarations": [{"name": "f", "description": "d"}]}],
        toolConfig={"functionCallingConfig": {"mode": "NONE"}},
        name="cachedContents/ignored",
        createTime="2001-01-01T00:00:00Z",
    )
    assert set(cached) == {*ALWAYS, "displayName"}
    assert cached["name"] != "cachedContents/ignored"
    assert cached["createTime"] == cached["updateTime"]
    assert api.get(cached["name"]) == cached
    assert api.get("cachedContents") == {"cachedContents": [cached]}


@pytest.mark.parametrize(
    ("given_ttl", "lifetime"), [(None, 3600), ("7200s", 7200), ("0.5s", 0.5), ("1e0s", None)]
)
def test_the_expiration_is_a_ttl_or_an_hour(api, given_ttl, lifetime):
    fields: dict[str, Any] = {} if given_ttl is None else {"ttl": given_ttl}
    body = {"model": MODEL, "contents": [said("x")], **fields}
    if lifetime is None:
        api.refused("INVALID_ARGUMENT", "POST", "cachedContents", body)
        return
    cached = api.post("cachedContents", body)
    assert "ttl" not in cached
    kept = moment(cached["expireTime"]) - moment(cached["createTime"])
    assert abs(kept.total_seconds() - lifetime) < 1


def test_the_expiration_can_be_a_time(api):
    time = ahead(days=3)
    assert create(api, expireTime=time)["expireTime"] == time


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"model": None}, "cachedContent.model"),
        ({"model": "scripted"}, "cachedContent.model"),
        ({"contents": []}, "cachedContent.contents"),
        ({"displayName": "x" * 129}, "cachedContent.displayName"),
        ({"displayName": "nul\0"}, "cachedContent.displayName"),
        ({"ttl": "0s"}, "cachedContent.ttl"),
        ({"ttl": "-5s"}, "cachedContent.ttl"),
        ({"ttl": "300000000000s"}, "cachedContent.ttl"),
        ({"expireTime": "2001-01-01T00:00:00Z"}, "cachedContent.expireTime"),
        ({"ttl": "5s", "expireTime": "2999-01-01T00:00:00Z"}, "oneof"),
        ({"unknown": 1}, "unknown"),
        ({"contents": [{"parts": [{"fileData": {"fileUri": "gs://x"}}]}]}, "fileUri"),
    ],
)
def test_what_cannot_be_cached_is_refused(api, fields, named):
    body = {"model": MODEL, "contents": [said("x")], **fields}
    assert named in api.refused("INVALID_ARGUMENT", "POST", "cachedContents", body)
    assert api.get("cachedContents") == {}


def test_a_display_name_may_have_128_characters(api):
    assert create(api, displayName="💡" * 128)["displayName"] == "💡" * 128


@pytest.mark.parametrize("model", ["models/absent", "models/static-256", "tunedModels/absent"])
def test_the_model_must_be_one_that_generates(api, model):
    body = {"model": model, "contents": [said("x")]}
    api.refused("NOT_FOUND", "POST", "cachedContents", body)


def test_without_a_generator_there_is_nothing_to_cache_for(shared_api):
    body = {"model": "models/gemini-2.0-flash", "contents": [said("x")]}
    message = shared_api.refused("UNIMPLEMENTED", "POST", "cachedContents", body)
    assert "ragkit.toml" in message


def test_tokens_are_counted(api):
    parts = [
        {"text": "some words"},
        {"inlineData": {"mimeType": "text/plain", "data": base64.b64encode(b"and more").decode()}},
        {"inlineData": {"mimeType": "image/png", "data": "AAAA"}},
    ]
    cached = create(
        api, contents=[{"role": "user", "parts": parts}], systemInstruction=said("Be brief.")
    )
    expected = sum(map(count_tokens, ["some words", "and more", "Be brief."]))
    assert cached["usageMetadata"] == {"totalTokenCount": expected}


def test_list_pages_through_what_is_there(api):
    names = [create(api)["name"] for _ in range(7)]
    seen, token = [], ""
    while True:
        reply = api.get("cachedContents", pageSize=3, pageToken=token)
        seen += [one["name"] for one in reply["cachedContents"]]
        token = reply.get("nextPageToken", "")
        if not token:
            break
    assert seen == names
    assert len(api.get("cachedContents", pageSize=100_000)["cachedContents"]) == 7
    api.refused("INVALID_ARGUMENT", "GET", "cachedContents", query={"pageSize": -1})


def test_a_deleted_one_is_gone(api):
    name = create(api)["name"]
    assert api.delete(name) == {}
    for verb in ("GET", "DELETE"):
        assert "cachedContents.list" in api.refused("NOT_FOUND", verb, name)
    api.refused("NOT_FOUND", "PATCH", name, {"ttl": "5s"})


def test_an_expired_one_is_absent_at_once_and_leaves_with_the_next(api):
    name = create(api)["name"]
    expire(api.service)
    for verb, sent in (("GET", None), ("DELETE", None), ("PATCH", {"ttl": "5s"})):
        api.refused("NOT_FOUND", verb, name, sent)
    assert api.get("cachedContents") == {}
    body: dict[str, Any] = {"contents": [said("x")], "cachedContent": name}
    api.refused("NOT_FOUND", "POST", f"{MODEL}:generateContent", body)
    create(api)
    connection = sqlite3.connect(api.service.engine.data / "store.db")
    assert connection.execute("SELECT count(*) FROM cached_contents").fetchone() == (1,)
    connection.close()


def test_one_belongs_to_who_created_it(api):
    ann, bob = api.by("ann@example.org"), api.by("bob@example.org")
    name = create(ann)["name"]
    for verb, sent in (("GET", None), ("DELETE", None), ("PATCH", {"ttl": "5s"})):
        bob.refused("NOT_FOUND", verb, name, sent)
    body: dict[str, Any] = {"contents": [said("x")], "cachedContent": name}
    bob.refused("NOT_FOUND", "POST", f"{MODEL}:generateContent", body)
    assert bob.get("cachedContents") == {}
    assert [one["name"] for one in api.get("cachedContents")["cachedContents"]] == [name]
    assert ann.post(f"{MODEL}:generateContent", body)
    assert ann.delete(name) == {}


# --- patch -----------------------------------------------------------------------------------


@pytest.mark.parametrize("query", [{}, {"updateMask": "ttl"}, {"updateMask": "*"}])
def test_patch_takes_a_ttl_with_a_mask_or_without(api, query):
    cached = create(api)
    changed = api.ok("PATCH", cached["name"], {"ttl": "7200s"}, query)
    kept = moment(changed["expireTime"]) - moment(changed["updateTime"])
    assert abs(kept.total_seconds() - 7200) < 1
    assert changed["updateTime"] > cached["updateTime"]
    assert api.get(cached["name"]) == changed


@pytest.mark.parametrize("query", [{}, {"updateMask": "expireTime"}, {"updateMask": "expire_time"}])
def test_patch_takes_a_time(api, query):
    cached, time = create(api), ahead(days=2)
    assert api.ok("PATCH", cached["name"], {"expireTime": time}, query)["expireTime"] == time


def test_what_was_got_can_be_sent_back_with_another_time(api):
    cached = create(api, displayName="Mine")
    time = ahead(days=2)
    assert api.ok("PATCH", cached["name"], {**cached, "expireTime": time})["expireTime"] == time


@pytest.mark.parametrize(
    ("query", "body", "named"),
    [
        ({}, {}, "ttl"),
        ({"updateMask": "ttl"}, {"expireTime": "2999-01-01T00:00:00Z"}, "ttl"),
        ({"updateMask": "expireTime"}, {"ttl": "5s"}, "expireTime"),
        ({"updateMask": "ttl"}, {}, "ttl"),
        ({"updateMask": "*"}, {}, "ttl"),
        ({"updateMask": "displayName"}, {"displayName": "x"}, "displayName"),
        ({"updateMask": "ttl,contents"}, {"ttl": "5s"}, "contents"),
        ({}, {"ttl": "5s", "displayName": "Other"}, "displayName"),
        ({}, {"ttl": "5s", "model": "models/other"}, "model"),
        ({}, {"ttl": "5s", "contents": [{"parts": [{"text": "x"}]}]}, "contents"),
        ({}, {"ttl": "-5s"}, "ttl"),
        ({}, {"expireTime": "2001-01-01T00:00:00Z"}, "expireTime"),
        ({}, {"expireTime": "2999-01-01T00:00:00Z", "ttl": "5s"}, "oneof"),
    ],
)
def test_a_patch_of_anything_else_is_refused(api, query, body, named):
    cached = create(api)
    assert named in api.refused("INVALID_ARGUMENT", "PATCH", cached["name"], body, query)
    assert api.get(cached["name"]) == cached


# --- use -------------------------------------------------------------------------------------


def test_a_prompt_begins_with_what_was_cached(scripted):
    api, generator = scripted
    cached = create(
        api,
        contents=[said("first"), said("second", "model")],
        systemInstruction=said("Be brief."),
    )
    body = {"contents": [said("third")], "cachedContent": cached["name"]}
    reply = api.post(f"{MODEL}:generateContent", body)
    prompt = generator.prompts[-1]
    assert prompt.system == "Be brief."
    assert [turn.text for turn in prompt.turns] == ["first", "second", "third"]
    usage, tokens = reply["usageMetadata"], cached["usageMetadata"]["totalTokenCount"]
    assert usage["cachedContentTokenCount"] == tokens
    assert usage["promptTokenCount"] == tokens + count_tokens("third")
    counted = api.post(f"{MODEL}:countTokens", {"generateContentRequest": {**body, "model": MODEL}})
    assert counted["cachedContentTokenCount"] == tokens


def test_an_alias_of_the_model_is_the_model(scripted):
    api, generator = scripted
    name = create(api, model="models/gemini-2.0-flash")["name"]
    assert api.get(name)["model"] == "models/gemini-2.0-flash"
    api.post(f"{MODEL}:generateContent", {"contents": [said("x")], "cachedContent": name})
    assert generator.prompts[-1].turns[0].text == "cached"


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"systemInstruction": said("x")}, "systemInstruction"),
        ({"tools": [{"functionDeclarations": [{"name": "f"}]}]}, "tools"),
        ({"toolConfig": {"functionCallingConfig": {"mode": "ANY"}}}, "toolConfig"),
        ({"cachedContent": "other/x"}, "cachedContent"),
        ({"cachedContent": "cachedContents/X"}, "cachedContent"),
    ],
)
def test_a_prompt_that_does_not_go_with_it_is_refused(api, fields, named):
    body = {"contents": [said("x")], "cachedContent": create(api)["name"], **fields}
    message = api.refused("INVALID_ARGUMENT", "POST", f"{MODEL}:generateContent", body)
    assert named in message


def test_content_for_another_model_is_refused(tmp_path):
    config = EngineConfig(
        generators={name: GeneratorConfig(name=name, kind="openai") for name in ("one", "two")}
    )
    generator = ScriptedGenerator(lambda prompt: "answer")
    service = Service(Engine(tmp_path, config=config, make_generator=lambda _: generator))
    api = Api(service)
    body = {"contents": [said("x")], "cachedContent": create(api, model="models/one")["name"]}
    api.post("models/one:generateContent", body)
    message = api.refused("INVALID_ARGUMENT", "POST", "models/two:generateContent", body)
    assert "is for models/one, not for models/two" in message
    service.close()


def test_content_that_refers_to_a_file_is_read_when_it_is_used(scripted):
    api, generator = scripted
    api.post("files", {"file": {"name": "files/f", "mimeType": "text/plain"}})
    part = {"fileData": {"fileUri": "files/f", "mimeType": "text/plain"}}
    name = create(api, contents=[{"role": "user", "parts": [{"text": "see"}, part]}])["name"]
    body: dict[str, Any] = {"contents": [said("x")], "cachedContent": name}
    api.post(f"{MODEL}:generateContent", body)
    assert generator.prompts[-1].turns[0].text.strip() == "see"
    api.delete("files/f")
    api.refused("NOT_FOUND", "POST", f"{MODEL}:generateContent", body)
    refused = {"model": MODEL, "contents": [{"parts": [part]}]}
    api.refused("NOT_FOUND", "POST", "cachedContents", refused)


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)


@settings(
    max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(TEXTS.filter(str.strip), min_size=1, max_size=4))
def test_any_text_is_used_as_it_was_cached(scripted, texts):
    api, generator = scripted
    cached = CachedContent.model_validate(
        {"model": MODEL, "contents": [said(text) for text in texts]}
    )
    name = api.post("cachedContents", cached.to_json())["name"]
    api.post(f"{MODEL}:generateContent", {"contents": [said("x")], "cachedContent": name})
    assert [turn.text for turn in generator.prompts[-1].turns] == [*texts, "x"]
