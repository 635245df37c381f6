"""Whatever one principal asks for, nothing of another's comes back."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic.alias_generators import to_camel

from ragkit.api.base import ProtoModel
from ragkit.api.methods import METHODS
from ragkit.api.parsing import message_of
from ragkit.api.wire import HttpRequest, Method
from ragkit.service import open_service
from ragkit.service.access import RULES
from ragkit.service.registry import Principal

from .attempts import TUNING
from .conftest import Api

ANN, BEN = "ann@example.org", "ben.zyxwv@example.org"
SECRET = "zyxwv"
"""Stands in all that Ben makes, and in nothing that Ann sends."""


@dataclass
class World:
    """A service in which Ben has one resource of each kind, and Ann nothing."""

    api: Api
    names: list[str] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
    uri: str = ""

    @property
    def ann(self) -> Api:
        return self.api.by(ANN)

    def fill(self) -> None:
        ben = self.api.by(BEN)
        corpus = ben.post("corpora", {"name": "corpora/bens", "displayName": f"c {SECRET}"})["name"]
        ben.post("corpora", {"displayName": f"d {SECRET}"})
        document = ben.document(corpus, "d", about=SECRET)
        for chunk_id in ("k", "l"):
            self.names.append(ben.chunk(document, chunk_id, f"Green tea is {SECRET}.", note=SECRET))
        body = {"emailAddress": f"x.{SECRET}@example.org", "role": "READER"}
        permission = ben.post(f"{corpus}/permissions", body)["name"]
        examples = [{"textInput": f"tea {number}", "output": SECRET} for number in range(4)]
        task = {"trainingData": {"examples": {"examples": examples}}}
        about = {"displayName": SECRET, "description": f"m {SECRET}"}
        tuning = {**TUNING, **about, "tuningTask": task}
        operation = ben.ok("POST", "tunedModels", tuning, {"tunedModelId": "bens"})["name"]
        while not ben.get(operation).get("done"):
            time.sleep(0.01)
        batch = ben.post(
            "models/text-embedding-004:asyncBatchEmbedContent",
            {
                "batch": {
                    "displayName": SECRET,
                    "inputConfig": {
                        "requests": {
                            "requests": [{"request": {"content": {"parts": [{"text": SECRET}]}}}]
                        }
                    },
                }
            },
        )["name"]
        file = self.upload(ben)
        self.uri = file["uri"]
        own = {"tunedModels/bens/permissions/" + self.first_permission(ben, "tunedModels/bens")}
        self.names += [corpus, document, permission, operation, batch, file["name"], *own]
        self.names += ["tunedModels/bens", "models/aqa", "models/text-embedding-004"]
        for path in ("corpora", f"{corpus}/permissions", f"{document}/chunks"):
            self.tokens.append(ben.get(path, pageSize=1)["nextPageToken"])

    @staticmethod
    def first_permission(ben: Api, resource: str) -> str:
        found = ben.get(f"{resource}/permissions")["permissions"]
        return str(found[0]["name"]).rpartition("/")[2]

    def upload(self, ben: Api) -> dict[str, Any]:
        reply = ben.service.dispatch(
            HttpRequest(
                "POST",
                "/upload/v1beta/files",
                [("uploadType", "media")],
                {"content-type": f"text/{SECRET}"},
                f"tea is {SECRET}".encode(),
            ),
            Principal(BEN),
        )
        assert reply.status == 200, reply.body
        file = json.loads(reply.body)["file"]
        assert isinstance(file, dict)
        return file


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    service = open_service(tmp_path_factory.mktemp("leaks") / "data")
    world = World(Api(service))
    world.fill()
    yield world
    service.close()


def bodies(world: World, name: str) -> list[dict[str, Any]]:
    """Bodies that are right for one method or the other and name what is Ben's."""
    contents = [{"role": "user", "parts": [{"text": "tea"}]}]
    with_file = [{"parts": [{"fileData": {"fileUri": world.uri}}, {"text": "?"}]}]
    inner = {"request": {"model": name, "contents": contents}}
    return [
        {},
        {"query": "green tea", "resultsCount": 100},
        {"contents": contents, "answerStyle": "EXTRACTIVE"}
        | {"semanticRetriever": {"source": name, "query": contents[0]}},
        {"contents": contents, "cachedContent": name},
        {"contents": contents},
        {"contents": with_file},
        {"content": with_file[0]},
        {"generateContentRequest": {"model": name, "contents": with_file}},
        {"batch": {"displayName": "b", "inputConfig": {"requests": {"requests": [inner]}}}},
        {"batch": {"displayName": "b", "inputConfig": {"fileName": name}}},
        {"model": name, "contents": contents, "ttl": "60s"},
        {"name": name},
        {"displayName": "mine"},
        {"data": {"stringValue": "tea"}},
        {"requests": [{"name": name}]},
        {"requests": [{"parent": name, "chunk": {"data": {"stringValue": "tea"}}}]},
        {"requests": [{"chunk": {"name": name}, "updateMask": "customMetadata"}]},
        {"granteeType": "USER", "emailAddress": ANN, "role": "WRITER"},
        {"emailAddress": ANN},
        {"role": "WRITER"},
        {"model": name, "content": with_file[0]},
        {"text": "tea"},
        {"texts": ["tea"]},
        {"prompt": {"messages": [{"content": "tea"}]}},
        {"tunedModelSource": {"tunedModel": name}, "tuningTask": TUNING["tuningTask"]},
        {"prompt": {"text": "tea"}},
        {"file": {"name": name}},
    ]


MALFORMED = ("Invalid JSON payload", "the body says")
QUERIES: list[dict[str, object]] = [
    {},
    {},
    {"force": "true"},
    {"updateMask": "*"},
    {"updateMask": "role"},
    {"updateMask": "displayName"},
    {"pageSize": 1000},
    {"filter": "readers:me"},
    {"filter": "owner:me"},
    {"filter": "readers:everyone"},
    {"fields": "*"},
    {"alt": "sse"},
]


def fitting(method: Method[Any, Any], world: World, name: str) -> list[dict[str, Any] | None]:
    """The bodies that a method understands."""
    if not method.body:
        return [None]
    message: type[ProtoModel] | None = method.request
    if method.body != "*":
        message = message_of(method.request.model_fields[method.body])
    assert message is not None
    known = {to_camel(one) for one in message.model_fields}
    return [body for body in bodies(world, name) if set(body) <= known]


@settings(max_examples=1000, deadline=None)
@given(data=st.data())
def test_nothing_of_anothers_comes_back(world: World, data: st.DataObject) -> None:
    method = METHODS[data.draw(st.sampled_from(sorted(METHODS)))]
    body = data.draw(
        st.sampled_from(fitting(method, world, data.draw(st.sampled_from(world.names))))
    )
    parameters = {*map(to_camel, method.request.model_fields), "fields"}
    if method.streaming:
        parameters.add("alt")
    query = dict(data.draw(st.sampled_from([one for one in QUERIES if set(one) <= parameters])))
    if "pageToken" in parameters and data.draw(st.booleans()):
        query["pageToken"] = data.draw(st.sampled_from(world.tokens))
    path = method.path.removeprefix("/v1beta/")
    if method.variable:
        pattern = path[path.index("=") + 1 : path.index("}")]
        within = [one for one in world.names if shape(one).startswith(shape(pattern))]
        parts = data.draw(st.sampled_from(within or [pattern])).split("/")
        chosen = "/".join(parts[: pattern.count("/") + 1])
        path = path[: path.index("{")] + chosen + path[path.index("}") + 1 :]
    reply = world.ann.send(method.verb, path, body, query)
    text = reply.body.decode()
    assert SECRET not in text, (method.id, path, body, query)
    assert reply.status != 500, (method.id, text)
    rule = RULES[method.id]
    if rule.role is not None:
        # Whatever else is wrong with a request, there is nothing to be seen; but one that is not
        # even of the method's form is told so, wherever it goes.
        assert reply.status == 404 or any(mark in text for mark in MALFORMED), (method.id, text)


def shape(name: str) -> str:
    """The collections of a name: `corpora/*/documents/*`."""
    parts = name.split("/")
    return "/".join(part if number % 2 == 0 else "*" for number, part in enumerate(parts))


def test_all_is_still_bens(world: World) -> None:
    """After what Ann tried above, or before; and what is looked for can be found."""
    ben = world.api.by(BEN)
    for name in world.names:
        reply = ben.send("GET", name)
        assert reply.status == 200, name
        if not name.startswith(("models/", "tunedModels/bens/")):
            assert SECRET in reply.body.decode(), name
    assert len(ben.get("corpora/bens/documents/d/chunks")["chunks"]) == 2
    for path in ("files", "tunedModels", "batches"):
        assert SECRET in json.dumps(ben.get(path))
