"""Requests that need a role: one at least for each method on what is shared."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any

from ragkit.api.methods import METHODS
from ragkit.engine.access import Role

from .conftest import Api

ANN, BEN, EVE = "ann@example.org", "ben@example.org", "eve@example.org"
TEAM, STRANGERS = "team@example.org", "strangers@example.org"
GRANTEES: tuple[dict[str, str], ...] = (
    {"granteeType": "USER", "emailAddress": ANN},
    {"granteeType": "GROUP", "emailAddress": TEAM},
    {"granteeType": "EVERYONE"},
    # None of these is Ann.
    {"granteeType": "USER", "emailAddress": EVE},
    {"granteeType": "GROUP", "emailAddress": STRANGERS},
    {"granteeType": "GROUP", "emailAddress": ANN},
    {"granteeType": "USER", "emailAddress": TEAM},
)
ANNS = GRANTEES[:3]
NUMBERS = count()


@dataclass(frozen=True)
class Attempt:
    """A request on a resource within CORPUS, and the role that it takes."""

    method: str
    role: Role
    verb: str
    path: str
    body: object = None
    query: Mapping[str, object] | None = None


def attempt(
    method: str, role: Role, path: str, body: object = None, **query: object
) -> tuple[Attempt, ...]:
    """A request that is right in all, and one with junk in it, refused whoever sends it."""
    verb = METHODS[method].verb
    right = Attempt(method, role, verb, path, body, query)
    wrong = Attempt(method, role, verb, path, body, {**query, "pageSize": -1})
    return (right, wrong) if verb == "GET" and path.endswith("s") else (right,)


DOCUMENT, CHUNK = "CORPUS/documents/d", "CORPUS/documents/d/chunks/k"
TEXT = {"data": {"stringValue": "Green tea is steeped at eighty degrees."}}
RETRIEVED = {
    "contents": [{"parts": [{"text": "How hot is tea?"}]}],
    "answerStyle": "EXTRACTIVE",
}
QUERY = {"parts": [{"text": "tea"}]}

# In an order in which what a request needs is still there.
ATTEMPTS = [
    one
    for some in (
        attempt("corpora.get", Role.READER, "CORPUS"),
        attempt("corpora.query", Role.READER, "CORPUS:query", {"query": "tea"}),
        attempt("corpora.query", Role.READER, "CORPUS:query", {}),
        attempt("corpora.documents.get", Role.READER, DOCUMENT),
        attempt("corpora.documents.get", Role.READER, "CORPUS/documents/absent"),
        attempt("corpora.documents.list", Role.READER, "CORPUS/documents"),
        attempt("corpora.documents.query", Role.READER, f"{DOCUMENT}:query", {"query": "tea"}),
        attempt("corpora.documents.chunks.get", Role.READER, CHUNK),
        attempt("corpora.documents.chunks.get", Role.READER, f"{DOCUMENT}/chunks/absent"),
        attempt("corpora.documents.chunks.list", Role.READER, f"{DOCUMENT}/chunks"),
        attempt(
            "models.generateAnswer",
            Role.READER,
            "models/aqa:generateAnswer",
            {**RETRIEVED, "semanticRetriever": {"source": "CORPUS", "query": QUERY}},
        ),
        attempt(
            "models.generateAnswer",
            Role.READER,
            "models/aqa:generateAnswer",
            {**RETRIEVED, "semanticRetriever": {"source": DOCUMENT, "query": QUERY}},
        ),
        attempt(
            "models.generateAnswer",
            Role.READER,
            "models/absent:generateAnswer",
            {"semanticRetriever": {"source": "CORPUS"}},
        ),
        attempt("corpora.permissions.list", Role.READER, "CORPUS/permissions"),
        attempt("corpora.permissions.get", Role.READER, "CORPUS/permissions/PERMISSION"),
        attempt("corpora.permissions.get", Role.READER, "CORPUS/permissions/absent"),
        attempt("corpora.patch", Role.WRITER, "CORPUS", {"displayName": "x"}, updateMask="*"),
        attempt("corpora.patch", Role.WRITER, "CORPUS", {"displayName": "x"}, updateMask="no"),
        attempt("corpora.documents.create", Role.WRITER, "CORPUS/documents", {}),
        attempt("corpora.documents.create", Role.WRITER, "CORPUS/documents", {"name": DOCUMENT}),
        attempt("corpora.documents.patch", Role.WRITER, DOCUMENT, {}, updateMask="displayName"),
        attempt("corpora.documents.chunks.create", Role.WRITER, f"{DOCUMENT}/chunks", TEXT),
        attempt("corpora.documents.chunks.create", Role.WRITER, f"{DOCUMENT}/chunks", {}),
        attempt("corpora.documents.chunks.patch", Role.WRITER, CHUNK, TEXT, updateMask="data"),
        attempt(
            "corpora.documents.chunks.batchCreate",
            Role.WRITER,
            f"{DOCUMENT}/chunks:batchCreate",
            {"requests": [{"parent": DOCUMENT, "chunk": TEXT}]},
        ),
        attempt(
            "corpora.documents.chunks.batchUpdate",
            Role.WRITER,
            f"{DOCUMENT}/chunks:batchUpdate",
            {"requests": [{"chunk": {"name": CHUNK, **TEXT}, "updateMask": "data"}]},
        ),
        attempt(
            "corpora.documents.chunks.batchDelete",
            Role.WRITER,
            f"{DOCUMENT}/chunks:batchDelete",
            {"requests": [{"name": f"{DOCUMENT}/chunks/absent"}]},
        ),
        attempt("corpora.documents.chunks.delete", Role.WRITER, CHUNK),
        attempt("corpora.documents.delete", Role.WRITER, DOCUMENT, force=True),
        attempt(
            "corpora.permissions.create",
            Role.WRITER,
            "CORPUS/permissions",
            {"granteeType": "USER", "emailAddress": "new@example.org", "role": "READER"},
        ),
        attempt("corpora.permissions.create", Role.WRITER, "CORPUS/permissions", {}),
        attempt(
            "corpora.permissions.patch",
            Role.WRITER,
            "CORPUS/permissions/PERMISSION",
            {"role": "WRITER"},
            updateMask="role",
        ),
        attempt("corpora.permissions.delete", Role.WRITER, "CORPUS/permissions/PERMISSION"),
        attempt("corpora.delete", Role.OWNER, "CORPUS"),
        attempt("corpora.delete", Role.OWNER, "CORPUS", force=True),
    )
    for one in some
]


def send(api: Api, one: Attempt, corpus: str, permission: str) -> tuple[int, Any]:
    """The status and body of the reply to an attempt on a corpus, with the corpus' name taken out.

    The ids of what was retrieved or made are not looked at.
    """

    def named(text: str) -> str:
        return text.replace("CORPUS", corpus).replace("PERMISSION", permission)

    body = None if one.body is None else json.loads(named(json.dumps(one.body)))
    reply = api.send(one.verb, named(one.path), body, one.query or {})
    if reply.status != 200:
        api.envelope(reply)
    return reply.status, json.loads(reply.body.decode().replace(corpus, "CORPUS"))


def make_corpus(api: Api) -> str:
    corpus = api.corpus(f"c{next(NUMBERS):08}")
    api.chunk(api.document(corpus), "k", "Coffee likes ninety-four degrees.")
    return corpus


def grant(api: Api, resource: str, grantee: Mapping[str, str], role: Role) -> str:
    body = {**grantee, "role": role.name}
    return str(api.post(f"{resource}/permissions", body)["name"])


TUNING = {
    "baseModel": "models/any",
    "tuningTask": {
        "trainingData": {
            "examples": {
                "examples": [{"textInput": f"{n}", "output": f"{n + 1}"} for n in range(4)]
            }
        }
    },
}
PROMPT = {"contents": [{"parts": [{"text": "5"}]}]}


def tuned_attempts() -> list[Attempt]:
    """Requests on the tuned model CORPUS, or that name it, from reading to deleting."""
    tuned_source = {"tunedModelSource": {"tunedModel": "CORPUS"}, "tuningTask": {}}
    some: tuple[tuple[Attempt, ...], ...] = (
        attempt("tunedModels.get", Role.READER, "CORPUS"),
        attempt("tunedModels.generateContent", Role.READER, "CORPUS:generateContent", PROMPT),
        attempt("tunedModels.generateContent", Role.READER, "CORPUS:generateContent", {}),
        attempt(
            "tunedModels.streamGenerateContent",
            Role.READER,
            "CORPUS:streamGenerateContent",
            PROMPT,
        ),
        attempt(
            "tunedModels.generateText",
            Role.READER,
            "CORPUS:generateText",
            {"prompt": {"text": "5"}},
        ),
        attempt("tunedModels.create", Role.READER, "tunedModels", tuned_source),
        attempt(
            "models.countTokens",
            Role.READER,
            "models/absent:countTokens",
            {"generateContentRequest": {"model": "CORPUS", **PROMPT}},
        ),
        attempt(
            "models.batchGenerateContent",
            Role.READER,
            "models/absent:batchGenerateContent",
            {
                "batch": {
                    "displayName": "b",
                    "inputConfig": {
                        "requests": {"requests": [{"request": {"model": "CORPUS", **PROMPT}}]}
                    },
                }
            },
        ),
        attempt(
            "models.asyncBatchEmbedContent",
            Role.READER,
            "models/absent:asyncBatchEmbedContent",
            {
                "batch": {
                    "displayName": "b",
                    "inputConfig": {
                        "requests": {
                            "requests": [
                                {"request": {"model": "CORPUS", "content": PROMPT["contents"][0]}}
                            ]
                        }
                    },
                }
            },
        ),
        attempt("cachedContents.create", Role.READER, "cachedContents", {"model": "CORPUS"}),
        attempt("tunedModels.operations.list", Role.READER, "CORPUS/operations"),
        attempt("tunedModels.operations.get", Role.READER, "CORPUS/operations/OPERATION"),
        attempt("tunedModels.permissions.list", Role.READER, "CORPUS/permissions"),
        attempt("tunedModels.permissions.get", Role.READER, "CORPUS/permissions/PERMISSION"),
        attempt(
            "tunedModels.permissions.create",
            Role.WRITER,
            "CORPUS/permissions",
            {"granteeType": "USER", "emailAddress": "new@example.org", "role": "READER"},
        ),
        attempt(
            "tunedModels.permissions.patch",
            Role.WRITER,
            "CORPUS/permissions/PERMISSION",
            {"role": "WRITER"},
            updateMask="role",
        ),
        attempt("tunedModels.permissions.delete", Role.WRITER, "CORPUS/permissions/PERMISSION"),
        attempt("tunedModels.patch", Role.WRITER, "CORPUS", {"displayName": "x"}),
        attempt(
            "tunedModels.transferOwnership",
            Role.OWNER,
            "CORPUS:transferOwnership",
            {"emailAddress": BEN},
        ),
        attempt("tunedModels.delete", Role.OWNER, "CORPUS"),
    )
    return [one for few in some for one in few]


def make_tuned_model(api: Api, model_id: str) -> str:
    """The name of the operation that tunes it."""
    made = api.ok("POST", "tunedModels", TUNING, {"tunedModelId": model_id})
    return str(made["name"])
