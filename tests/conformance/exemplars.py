"""One right request for each method, on resources that are there; and the making of those.

Tests that spoil or vary requests begin with these: a request that is refused tells something about
what was done to it only if it would have been carried out otherwise.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Final
from urllib.parse import quote, urlencode

import httpx

from ragkit.api.methods import METHODS
from ragkit.api.wire import Method

EMBEDDER, GENERATOR, ANSWERER = "models/text-embedding-004", "models/gemini-pro", "models/aqa"
_BOUNDARY: Final = "parts"
_NUMBERS: Final = count(1)
_VARIABLE: Final = re.compile(r"\{([a-z_.]+)=([^}]+)\}")


@dataclass(frozen=True)
class Call:
    """A request to the API, before it is written down."""

    verb: str
    path: str
    query: Mapping[str, Any] = field(default_factory=dict)
    body: Any = None

    @property
    def target(self) -> str:
        """Path and query string."""
        return self.path + (f"?{urlencode(self.query, doseq=True)}" if self.query else "")

    @property
    def content(self) -> bytes:
        """The body's bytes."""
        if self.body is None or isinstance(self.body, bytes):
            return self.body or b""
        return json.dumps(self.body).encode()

    def send(self, http: httpx.Client, **headers: str) -> httpx.Response:
        """The reply to it."""
        given = {"content-type": "application/json", **headers} if self.content else headers
        return http.request(self.verb, self.target, content=self.content, headers=given)


@dataclass
class World:
    """One resource of each kind, made over HTTP.

    Arguments:
        http: a client of the server, with whatever credentials its owner has.
        owner: stands in all ids that can be chosen.
        marker: stands in every text, name, value and file, so that it can be recognised.
        generates: whether the server has a generator; without one nothing can be cached.
    """

    http: httpx.Client
    owner: str
    marker: str = "plain"
    generates: bool = True
    names: dict[str, str] = field(default_factory=dict)
    uri: str = ""

    @property
    def ids(self) -> list[str]:
        """The ids of all that was made; none is a part of another."""
        return sorted({part for name in self.names.values() for part in name.split("/")[1::2]})

    def name_for(self, pattern: str) -> str:
        """The name of a resource whose name has a method's pattern, such as `corpora/*`."""
        return self.names.get(pattern, pattern.replace("*", "absent"))

    def restore(self) -> None:
        """Make what is not there, or no longer."""
        for pattern, make in self._makers():
            name = self.names.get(pattern)
            if name is None or self.http.get(f"/v1beta/{name}").status_code != 200:
                self.names[pattern] = make()

    def _makers(self) -> list[tuple[str, Callable[[], str]]]:
        corpus = f"corpora/{self.owner}-corpus"
        document = f"{corpus}/documents/{self.owner}-document"
        chunk = f"{document}/chunks/{self.owner}-chunk"
        tuned = f"tunedModels/{self.owner}-tuned"
        makers: list[tuple[str, Callable[[], str]]] = [
            ("files/*", self._file),
            ("corpora/*", lambda: self._named("corpora", corpus)),
            ("corpora/*/documents/*", lambda: self._named(f"{corpus}/documents", document)),
            ("corpora/*/documents/*/chunks/*", lambda: self._chunk(document, chunk)),
            ("corpora/*/permissions/*", lambda: self._permission(corpus)),
            ("tunedModels/*", lambda: self._tuned(tuned)),
            ("tunedModels/*/permissions/*", lambda: self._permission(tuned)),
            ("tunedModels/*/operations/*", lambda: self._operation(tuned)),
            ("batches/*", self._batch),
        ]
        return [*makers, ("cachedContents/*", self._cached)] if self.generates else makers

    def _made(self, call: Call) -> Any:
        reply = call.send(self.http)
        assert reply.status_code == 200, (call, reply.text)
        return reply.json()

    def _named(self, collection: str, name: str) -> str:
        about = {"name": name, "displayName": f"About {self.marker}"}
        if "/" in collection:
            about["customMetadata"] = self._metadata()
        return str(self._made(Call("POST", f"/v1beta/{collection}", body=about))["name"])

    def _metadata(self) -> Any:
        return [{"key": f"note-{self.marker}", "stringValue": self.marker}]

    def _chunk(self, document: str, name: str) -> str:
        data = {"stringValue": f"Green tea is steeped as {self.marker} does."}
        body = {"name": name, "data": data, "customMetadata": self._metadata()}
        return str(self._made(Call("POST", f"/v1beta/{document}/chunks", body=body))["name"])

    def _permission(self, resource: str) -> str:
        """The permission of some third person."""
        path = f"/v1beta/{resource}/permissions"
        address = f"{self.marker}@readers.example"
        for one in self.http.get(path).json().get("permissions", ()):
            if one.get("emailAddress") == address:
                return str(one["name"])
        body = {"granteeType": "USER", "emailAddress": address, "role": "READER"}
        return str(self._made(Call("POST", path, body=body))["name"])

    def _file(self) -> str:
        line = {"request": content_request(f"What is {self.marker}?"), "key": self.marker}
        about = {"file": {"displayName": self.marker, "mimeType": f"text/{self.marker}"}}
        parts = [("application/json", about), (f"text/{self.marker}", line)]
        body = b"".join(
            f"--{_BOUNDARY}\r\ncontent-type: {kind}\r\n\r\n{json.dumps(part)}\r\n".encode()
            for kind, part in parts
        )
        reply = self.http.post(
            "/upload/v1beta/files",
            params={"uploadType": "multipart"},
            headers={"content-type": f"multipart/related; boundary={_BOUNDARY}"},
            content=body + f"--{_BOUNDARY}--".encode(),
        )
        assert reply.status_code == 200, reply.text
        self.uri = reply.json()["file"]["uri"]
        return str(reply.json()["file"]["name"])

    def _tuned(self, name: str) -> str:
        query = {"tunedModelId": name.partition("/")[2]}
        body = tuned_model(self.marker)
        operation = self._made(Call("POST", "/v1beta/tunedModels", query, body))["name"]
        self._wait(operation, "done")
        return name

    def _operation(self, tuned: str) -> str:
        found = self.http.get(f"/v1beta/{tuned}/operations").json()["operations"]
        return str(found[0]["name"])

    def _batch(self) -> str:
        """A batch that has ended, its responses within it."""
        path = f"/v1beta/{EMBEDDER}:asyncBatchEmbedContent"
        name = str(self._made(Call("POST", path, body=embedding_batch(self.marker)))["name"])
        self._wait(name, "done")
        return name

    def _wait(self, name: str, until: str) -> None:
        for _ in range(3000):
            if self.http.get(f"/v1beta/{name}").json().get(until):
                return
            time.sleep(0.01)
        raise AssertionError(f"{name} does not end")

    def _cached(self) -> str:
        body = {
            "model": GENERATOR,
            "displayName": self.marker,
            "contents": [user(f"Remember {self.marker}.")],
        }
        return str(self._made(Call("POST", "/v1beta/cachedContents", body=body))["name"])


def user(text: str) -> dict[str, Any]:
    """A turn of the user's."""
    return {"role": "user", "parts": [{"text": text}]}


def content_request(text: str) -> dict[str, Any]:
    """A request for generated content."""
    return {"contents": [user(text)]}


def tuned_model(marker: str) -> dict[str, Any]:
    """A tuned model to be made."""
    examples = [{"textInput": f"{n}", "output": f"{marker} {n + 1}"} for n in range(4)]
    return {
        "displayName": f"{marker}",
        "description": f"Counts for {marker}",
        "baseModel": GENERATOR,
        "tuningTask": {
            "trainingData": {"examples": {"examples": examples}},
            "hyperparameters": {"epochCount": 1},
        },
    }


def embedding_batch(text: str) -> dict[str, Any]:
    """A batch of one embedding."""
    inlined = [{"request": {"content": {"parts": [{"text": text}]}}, "metadata": {"key": text}}]
    return {"batch": {"displayName": text, "inputConfig": {"requests": {"requests": inlined}}}}


def exemplar(method: Method[Any, Any], world: World) -> Call:
    """A request of a method that is right in all."""
    return exemplars(method, world)[0]


def exemplars(method: Method[Any, Any], world: World) -> list[Call]:
    """Right requests of a method that between them name all that it can name."""
    path = method.path
    found = _VARIABLE.search(path)
    if found is not None:
        name = found[2] if "*" not in found[2] else _name(method.id, found[2], world)
        path = path.replace(found[0], quote(name, safe="/"))
    calls = []
    for parts in (_PARTS.get(method.id, _nothing), *_FURTHER.get(method.id, ())):
        query, body = parts(world)
        calls.append(Call(method.verb, path, query, {} if body is None and method.body else body))
    return calls


def _name(method: str, pattern: str, world: World) -> str:
    if pattern != "models/*":
        return world.name_for(pattern)
    if "mbed" in method:
        return EMBEDDER
    return ANSWERER if method == "models.generateAnswer" else GENERATOR


_Parts = Callable[[World], tuple[dict[str, Any], Any]]
_TEXT: Final = {"data": {"stringValue": "Black tea takes boiling water."}}
_CONDITION: Final = {"operation": "GREATER", "numericValue": 7}
_FILTERS: Final = [{"key": "chunk.custom_metadata.year", "conditions": [_CONDITION]}]
_PROMPT: Final = {"messages": [{"author": "0", "content": "Hello"}]}
_SETTINGS: Final = [
    {"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_ONLY_HIGH"},
]


def _page(_: World) -> tuple[dict[str, Any], Any]:
    return {"pageSize": 2}, None


def _nothing(_: World) -> tuple[dict[str, Any], Any]:
    return {}, None


def _generating(world: World) -> tuple[dict[str, Any], Any]:
    about = {"text": "Say hello."}
    file = {"fileData": {"fileUri": world.uri, "mimeType": f"text/{world.marker}"}}
    return {}, {
        "contents": [
            user("Hi"),
            {"role": "model", "parts": [about]},
            {**user("Hello"), "parts": [about, file]},
        ],
        "systemInstruction": {"parts": [about]},
        "safetySettings": _SETTINGS,
        "generationConfig": {"temperature": 0.5, "maxOutputTokens": 16, "stopSequences": ["stop"]},
    }


def _caching(world: World) -> tuple[dict[str, Any], Any]:
    return {}, {
        "contents": [user("Hello")],
        "cachedContent": world.names.get("cachedContents/*", ""),
    }


def _chunk_requests(world: World) -> tuple[dict[str, Any], Any]:
    return {}, {"requests": [{"parent": world.names["corpora/*/documents/*"], "chunk": _TEXT}]}


def _chunk_updates(world: World) -> tuple[dict[str, Any], Any]:
    name = world.names["corpora/*/documents/*/chunks/*"]
    return {}, {"requests": [{"chunk": {"name": name, **_TEXT}, "updateMask": "data"}]}


def _chunk_deletions(world: World) -> tuple[dict[str, Any], Any]:
    return {}, {"requests": [{"name": world.names["corpora/*/documents/*/chunks/*"]}]}


def _permitting(world: World) -> tuple[dict[str, Any], Any]:
    address = f"{next(_NUMBERS)}@writers.example"
    return {}, {"granteeType": "USER", "emailAddress": address, "role": "WRITER"}


def _retrieving(world: World) -> tuple[dict[str, Any], Any]:
    source = world.names["corpora/*"]
    return {}, {
        "contents": [user("How is green tea steeped?")],
        "answerStyle": "ABSTRACTIVE",
        "semanticRetriever": {"source": source, "query": user("tea"), "maxChunksCount": 3},
        "temperature": 0.2,
    }


def _text_generating(_: World) -> tuple[dict[str, Any], Any]:
    return {}, {"prompt": {"text": "Hello"}, "temperature": 0.3, "candidateCount": 1}


def _content_batch(world: World) -> tuple[dict[str, Any], Any]:
    inlined = [{"request": content_request("Hello"), "metadata": {"key": "a"}}]
    return {}, {"batch": {"displayName": "b", "inputConfig": {"requests": {"requests": inlined}}}}


_PARTS: Final[dict[str, _Parts]] = {
    "batches.list": lambda _: ({"pageSize": 2, "filter": "done=true"}, None),
    "cachedContents.create": lambda _: ({}, {"model": GENERATOR, **content_request("Hi")}),
    "cachedContents.list": _page,
    "cachedContents.patch": lambda _: ({"updateMask": "ttl"}, {"ttl": "600s"}),
    "corpora.create": lambda _: ({}, {"displayName": "Another"}),
    "corpora.delete": lambda _: ({"force": "true"}, None),
    "corpora.list": _page,
    "corpora.patch": lambda w: ({"updateMask": "displayName"}, {"displayName": w.marker}),
    "corpora.query": lambda _: (
        {},
        {"query": "green tea", "resultsCount": 5, "metadataFilters": _FILTERS},
    ),
    "corpora.documents.create": lambda w: (
        {},
        {"displayName": "D", "customMetadata": [{"key": "year", "numericValue": 7}]},
    ),
    "corpora.documents.delete": lambda _: ({"force": "true"}, None),
    "corpora.documents.list": _page,
    "corpora.documents.patch": lambda w: ({"updateMask": "displayName"}, {"displayName": w.marker}),
    "corpora.documents.query": lambda _: (
        {},
        {"query": "green tea", "resultsCount": 5, "metadataFilters": _FILTERS},
    ),
    "corpora.documents.chunks.batchCreate": _chunk_requests,
    "corpora.documents.chunks.batchDelete": _chunk_deletions,
    "corpora.documents.chunks.batchUpdate": _chunk_updates,
    "corpora.documents.chunks.create": lambda _: ({}, _TEXT),
    "corpora.documents.chunks.list": _page,
    "corpora.documents.chunks.patch": lambda w: (
        {"updateMask": "data"},
        {"data": {"stringValue": f"Green tea is {w.marker}."}},
    ),
    "corpora.permissions.create": _permitting,
    "corpora.permissions.list": _page,
    "corpora.permissions.patch": lambda _: ({"updateMask": "role"}, {"role": "WRITER"}),
    "files.list": _page,
    "media.upload": lambda w: ({}, {"file": {"displayName": w.marker, "mimeType": "text/plain"}}),
    "models.asyncBatchEmbedContent": lambda w: ({}, embedding_batch(w.marker)),
    "models.batchEmbedContents": lambda _: (
        {},
        {"requests": [{"model": EMBEDDER, "content": user("tea"), "outputDimensionality": 8}]},
    ),
    "models.batchEmbedText": lambda _: ({}, {"texts": ["tea"]}),
    "models.batchGenerateContent": _content_batch,
    "models.countMessageTokens": lambda _: ({}, {"prompt": _PROMPT}),
    "models.countTextTokens": lambda _: ({}, {"prompt": {"text": "tea"}}),
    "models.countTokens": lambda _: ({}, content_request("How many?")),
    "models.embedContent": lambda _: (
        {},
        {"content": user("tea"), "taskType": "RETRIEVAL_DOCUMENT", "title": "Tea"},
    ),
    "models.embedText": lambda _: ({}, {"text": "tea"}),
    "models.generateAnswer": _retrieving,
    "models.generateContent": _caching,
    "models.generateMessage": lambda _: ({}, {"prompt": _PROMPT, "candidateCount": 1}),
    "models.generateText": _text_generating,
    "models.list": _page,
    "models.streamGenerateContent": _generating,
    "tunedModels.create": lambda w: ({}, tuned_model("4")),
    "tunedModels.generateContent": _generating,
    "tunedModels.generateText": _text_generating,
    "tunedModels.list": lambda _: ({"pageSize": 2, "filter": "owner:me"}, None),
    "tunedModels.operations.list": _page,
    "tunedModels.patch": lambda w: ({"updateMask": "displayName"}, {"displayName": w.marker}),
    "tunedModels.permissions.create": _permitting,
    "tunedModels.permissions.list": _page,
    "tunedModels.permissions.patch": lambda _: ({"updateMask": "role"}, {"role": "WRITER"}),
    "tunedModels.streamGenerateContent": _generating,
    "tunedModels.transferOwnership": lambda _: ({}, {"emailAddress": "new@owners.example"}),
}
"""Query and body of each method's request that needs any."""


def _with_file(world: World) -> dict[str, Any]:
    file = {"fileData": {"fileUri": world.uri, "mimeType": f"text/{world.marker}"}}
    return {"role": "user", "parts": [{"text": "What does it say?"}, file]}


def _batched(*requests: dict[str, Any]) -> tuple[dict[str, Any], Any]:
    inlined = [{"request": request} for request in requests]
    return {}, {"batch": {"displayName": "b", "inputConfig": {"requests": {"requests": inlined}}}}


def _batch_of_file(world: World) -> tuple[dict[str, Any], Any]:
    config = {"fileName": world.names["files/*"]}
    return {}, {"batch": {"displayName": "b", "inputConfig": config}}


def _counting(world: World, **fields: Any) -> tuple[dict[str, Any], Any]:
    inner = {"model": GENERATOR, **content_request("Hello"), **fields}
    return {}, {"generateContentRequest": inner}


def _tuning_further(world: World) -> tuple[dict[str, Any], Any]:
    made = tuned_model("5")
    del made["baseModel"]
    return {}, {**made, "tunedModelSource": {"tunedModel": world.names["tunedModels/*"]}}


def _answering_from_document(world: World) -> tuple[dict[str, Any], Any]:
    query, body = _retrieving(world)
    retriever = {**body["semanticRetriever"], "source": world.names["corpora/*/documents/*"]}
    return query, {**body, "answerStyle": "EXTRACTIVE", "semanticRetriever": retriever}


_FURTHER: Final[dict[str, list[_Parts]]] = {
    "cachedContents.create": [
        lambda w: ({}, {"model": GENERATOR, "contents": [_with_file(w)]}),
        lambda w: ({}, {"model": w.names["tunedModels/*"], **content_request("Hi")}),
    ],
    "models.asyncBatchEmbedContent": [_batch_of_file],
    "models.batchGenerateContent": [
        _batch_of_file,
        lambda w: _batched({"contents": [_with_file(w)]}),
        lambda w: _batched(_caching(w)[1]),
    ],
    "models.countTokens": [
        lambda w: _counting(w, contents=[_with_file(w)]),
        lambda w: _counting(w, cachedContent=w.names["cachedContents/*"]),
        lambda w: ({}, {"contents": [_with_file(w)]}),
    ],
    "models.generateAnswer": [_answering_from_document],
    "models.generateContent": [_generating],
    "models.streamGenerateContent": [_caching],
    "tunedModels.create": [_tuning_further],
}
"""Of methods that can name several things."""

_ENDING: Final = "tunedModels.transferOwnership"
LASTING: Final = sorted(METHODS, key=lambda one: (one == _ENDING, METHODS[one].verb == "DELETE"))
"""All methods; those that delete come late, and what cannot be undone last."""
