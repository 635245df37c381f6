"""Requests made up from the published description, and what any reply to them has to be.

schemathesis draws parameters and bodies from the description (`ragkit.server.openapi`), right ones
and wrong ones. Alone these seldom get past the first check: every name is of nothing, and most
texts that have a form have the wrong one. So what is drawn is grafted onto a request that is right
(`exemplars`), with the names of what is there in places where names stand.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Any, Final
from urllib.parse import quote, unquote

import httpx
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import APIOperation, Case, GenerationMode
from schemathesis.core.result import Ok
from schemathesis.core.transport import Response

from ragkit.api.errors import BY_STATUS
from ragkit.api.generation import GenerateContentResponse
from ragkit.api.methods import METHODS
from ragkit.api.wire import parse_message
from ragkit.server.openapi import document
from tests.conformance.exemplars import Call, World, exemplars
from tests.fake_openai import FakeOpenAI, Reply, completion, fake_openai, streamed
from tests.integration.server_process import Server, serving

REQUESTS: Final = int(os.environ.get("RAGKIT_FUZZ_REQUESTS", "700"))
"""How many requests are sent in all; a few more, since each method gets the same share."""

_EXTREMES: Final[list[Any]] = [
    *(None, "", " ", "\x00", "\ud800", "\U0010ffff", "a" * 70_000, "*", "a/b", "..", "%00", "{}"),
    *(0, -1, 1, 2**31 - 1, 2**31, 2**63, -(2**63) - 1, 10**40, 0.5, -0.0, 1e39, 1e308, 5e-324),
    *(float("nan"), float("inf"), "NaN", "1e400", "9223372036854775808", "-5s", "1.5s", "1e99s"),
    *("315576000001s", "0001-01-01T00:00:00Z", "9999-12-31T23:59:60Z", "2024-02-30T00:00:00Z"),
    *("0000-01-01T00:00:00Z", "models/", "corpora/-", "=", "====", "_-_-", True, [], {}, [[]]),
    *([None], [{}], {"": None}, {"@type": "x"}, {"a": {"a": {"a": {"a": {"a": {"a": {}}}}}}}),
]
_NAMING: Final = {
    *("name", "parent", "model", "source", "cachedContent", "fileUri", "uri", "fileName"),
    *("baseModel", "tunedModel", "responsesFile", "emailAddress"),
    *("pageToken", "filter", "updateMask"),
}
"""Fields and parameters whose texts name, or may name, what is there."""

_MASKS: Final = ["*", "displayName", "custom_metadata,data", "name", "a.b", "role", "ttl"]


def echo(body: dict[str, Any]) -> Reply:
    """A model's answer: all that it was told, so that nothing of it goes unseen."""
    told = "\n".join(_said(one) for one in body["messages"])[:20_000]
    return streamed(told) if body.get("stream") else completion(told)


def _said(message: dict[str, Any]) -> str:
    content = message.get("content")
    if isinstance(content, list):
        return "\n".join(str(part.get("text", "")) for part in content)
    return content or ""


@contextmanager
def echoing_server(folder: Path, *options: str) -> Iterator[tuple[Server, FakeOpenAI]]:
    """A server whose generator repeats its prompt."""
    with (
        fake_openai(echo) as fake,
        serving(
            folder / "data",
            folder / "stderr",
            *("--generator", f"openai={fake.url}#echo", "--log-level", "error"),
            *options,
        ) as server,
    ):
        yield server, fake


def operations(version: str = "v1beta") -> dict[str, APIOperation[Any, Any, Any, Any]]:
    """The operations of the published description, by the id of the method.

    Messages are closed: the server refuses fields that it does not know, so that in an open one
    nothing but the refusal of made-up fields would be tried. Wrong requests have such fields.
    """
    described = document(version, "")
    for name, schema in described["components"]["schemas"].items():
        if name != "Error":
            schema["additionalProperties"] = False
    loaded = schemathesis.openapi.from_dict(described)
    found = [result.ok() for result in loaded.get_all_operations() if isinstance(result, Ok)]
    return {str(one.definition.raw["operationId"]): one for one in found}


def attempt_all(
    operation: APIOperation[Any, Any, Any, Any],
    number: int,
    modes: tuple[GenerationMode, ...],
    attempt: Callable[[Case[Any], Random], None],
) -> None:
    """Draw cases of an operation, the same ones in each run, and attempt each.

    Arguments:
        operation: what is called.
        number: how many cases are drawn, at least.
        modes: whether right or wrong cases, or both, in equal numbers.
        attempt: given a case and what to make further choices with; fails by raising.
    """
    share = math.ceil(number / len(modes))
    for mode in modes:
        if mode is GenerationMode.NEGATIVE and not _can_be_wrong(operation):
            mode = GenerationMode.POSITIVE

        # Shrinking would repeat requests that change what is there; the case is in the message.
        @settings(
            max_examples=share,
            derandomize=True,
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy(generation_mode=mode), seed=st.integers(0, 2**64 - 1))
        def run(case: Case[Any], seed: int) -> None:
            attempt(case, Random(seed))

        run()


def _can_be_wrong(operation: APIOperation[Any, Any, Any, Any]) -> bool:
    """Whether there is anything beside a path's texts, which are right whatever they are."""
    return bool(operation.body) or bool(operation.query)


@dataclass(frozen=True)
class Fuzzer:
    """Turns cases into requests about what is there.

    Arguments:
        world: whose resources the requests are about.
        others: whose resources are named within them; None for the same.
        tokens: page tokens to try.
    """

    world: World
    others: World | None = None
    tokens: tuple[str, ...] = ()

    def call(self, case: Case[Any], random: Random) -> Call:
        """The request for a case; one in seven is the case as it was drawn."""
        drawn = _as_drawn(case)
        if random.random() < 1 / 7:
            return drawn
        method = METHODS[case.operation.definition.raw["operationId"]]
        right = random.choice(exemplars(method, self.world))
        path = right.path if random.random() < 0.85 else drawn.path
        if case.operation.path.startswith("/v1/"):
            path = path.replace("/v1beta/", "/v1/")
        query = {**right.query, **drawn.query} if random.random() < 0.5 else drawn.query
        if random.random() < 0.3:
            query = right.query
        body = drawn.body
        if right.body is not None and not isinstance(body, bytes):
            body = self._grafted(right.body, body, random)
        return replace(
            right,
            path=path,
            query={key: self._planted(key, value, random) for key, value in query.items()},
            body=body,
        )

    def _grafted(self, right: Any, drawn: Any, random: Random) -> Any:
        """A value that is right with some of its parts replaced by what was drawn, or worse."""
        luck = random.random()
        if isinstance(right, dict):
            if luck < 0.02:
                return random.choice(_EXTREMES)
            given = drawn if isinstance(drawn, dict) else {}
            made = {
                key: self._planted(key, self._grafted(value, given.get(key), random), random)
                for key, value in right.items()
                if random.random() < 0.97
            }
            for key in given:
                if key not in right and random.random() < 0.3:
                    made[key] = self._planted(key, given[key], random)
            return made
        if isinstance(right, list):
            if luck < 0.05:
                return random.choice([[], right * 40, drawn, None])
            drawn_list = drawn if isinstance(drawn, list) else []
            return [
                self._grafted(one, drawn_list[place] if place < len(drawn_list) else None, random)
                for place, one in enumerate(right)
            ]
        if luck < 0.08:
            return random.choice(_EXTREMES)
        return drawn if luck < 0.2 and drawn is not None else right

    def _planted(self, key: str, value: Any, random: Random) -> Any:
        """A value with the names of what is there where names stand."""
        if isinstance(value, dict):
            return {inner: self._planted(inner, one, random) for inner, one in value.items()}
        if isinstance(value, list):
            return [self._planted(key, one, random) for one in value]
        if key not in _NAMING or not isinstance(value, str) or random.random() < 0.5:
            return value
        named = self.others or self.world
        names = list(named.names.values())
        if key == "pageToken" and self.tokens:
            return random.choice(self.tokens)
        if key == "updateMask":
            return random.choice(
                ["*", "displayName", "custom_metadata,data", "name", "a.b", "role"]
            )
        if key == "filter":
            return random.choice(["readers:me", "owner:me", f"displayName={self.world.marker}"])
        if key in ("fileUri", "uri"):
            names += [named.uri] * 5
        fitting = [one for one in names if one.partition("/")[0] == value.partition("/")[0]]
        return random.choice(fitting if fitting and random.random() < 0.7 else names)


def _as_drawn(case: Case[Any]) -> Call:
    given = case.as_transport_kwargs(base_url="http://server")
    body = given.get("json", given.get("data"))
    path = str(given["url"]).removeprefix("http://server")
    parameters = given.get("params") or {}
    if isinstance(body, str):
        body = body.encode("utf-8", "surrogatepass")
    return Call(case.method, path, parameters, body)


def check_reply(call: Call, reply: httpx.Response, operation: Any = None) -> None:
    """Raise AssertionError unless a reply is one that the description speaks of.

    Arguments:
        call: what was sent, for the message.
        reply: what came back.
        operation: the operation of the description; None for requests to none.
    """
    told = f"{call}\n{reply.status_code} {reply.text[:2000]}"
    assert reply.status_code < 500, told
    if reply.status_code != 200:
        check_error(reply, told)
    elif reply.headers.get("content-type", "").startswith("text/event-stream"):
        events = reply.text.removesuffix("\r\n\r\n").split("\r\n\r\n")
        for event in events:
            parse_message(GenerateContentResponse, event.removeprefix("data: ").encode())
    elif operation is not None:
        operation.validate_response(Response.from_any(reply))


def check_error(reply: httpx.Response, told: object = "") -> dict[str, Any]:
    """The error in a reply, which has the one form that the API's errors have."""
    assert reply.headers["content-type"] == "application/json; charset=UTF-8", told
    parsed = reply.json()
    assert parsed.keys() == {"error"}, told
    error = parsed["error"]
    assert error.keys() - {"details"} == {"code", "message", "status"}, told
    assert error["code"] == reply.status_code, told
    assert isinstance(error["message"], str), told
    assert error["message"], told
    # Too large a body has an HTTP status of its own, which no canonical status stands for.
    expected = 413 if reply.status_code == 413 else BY_STATUS[error["status"]].http_status
    assert expected == reply.status_code, told
    assert reply.status_code != 413 or error["status"] == "INVALID_ARGUMENT", told
    for detail in error.get("details", [{"@type": "type.googleapis.com/google.rpc."}]):
        assert detail["@type"].startswith("type.googleapis.com/google.rpc."), told
    assert isinstance(error, dict)
    return error


def readable(call: Call) -> str:
    """All that a request says, percent-encoding undone."""
    return unquote(call.target) + call.content.decode("utf-8", "replace")


def renamed(call: Call, names: dict[str, str]) -> Call:
    """A request with some texts in place of others, wherever they stand."""

    def other(value: Any) -> Any:
        if isinstance(value, str):
            for old, new in names.items():
                value = value.replace(old, new)
            return value
        if isinstance(value, bytes):
            return other(value.decode("latin-1")).encode("latin-1")
        if isinstance(value, dict):
            return {other(key): other(one) for key, one in value.items()}
        return [other(one) for one in value] if isinstance(value, list) else value

    path = quote(other(unquote(call.path)), safe="/:")
    return Call(call.verb, path, other(dict(call.query)), other(call.body))
