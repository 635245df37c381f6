"""google-api-python-client, which makes its methods from the description that the server publishes.

So every method of the description is a function here, and all of them are called: this client
reaches the whole API.
"""

from __future__ import annotations

import io
import json
import time
from typing import Any

from checks import (
    ANN_KEY,
    BARE_URL,
    BEN,
    BEN_KEY,
    FERRY,
    OWNER_KEY,
    QUESTION,
    URL,
    WRITER,
    Refusals,
    check,
    exercised,
    main,
    saw,
)
from googleapiclient import discovery
from googleapiclient.errors import HttpError
from googleapiclient.http import MediaIoBaseUpload

_DESCRIPTION = "/$discovery/rest?version={apiVersion}"


def connect(key: str = OWNER_KEY, url: str = URL, **options: Any) -> Any:
    return discovery.build(
        "generativelanguage",
        "v1beta",
        developerKey=key,
        discoveryServiceUrl=url + _DESCRIPTION,
        static_discovery=False,
        **options,
    )


def envelope(error: Any) -> dict[str, Any]:
    body = json.loads(error.content)
    return (body[0] if isinstance(body, list) else body)["error"]


refused = Refusals(HttpError, envelope)
api, by_ann, by_ben = connect(), connect(ANN_KEY), connect(BEN_KEY)
corpora, documents = api.corpora(), api.corpora().documents()
chunks, models = documents.chunks(), api.models()


def said(words: str) -> dict[str, Any]:
    return {"role": "user", "parts": [{"text": words}]}


def text_of(reply: dict[str, Any]) -> str:
    return str(reply["candidates"][0]["content"]["parts"][0]["text"])


def names(collection: Any, key: str, **arguments: Any) -> list[str]:
    """The names in all pages of a list, by the client's own paging."""
    found: list[str] = []
    request = collection.list(**arguments)
    while request is not None:
        reply = request.execute()
        found += [one["name"] for one in reply.get(key, [])]
        request = collection.list_next(request, reply)
    return found


@check()
def description() -> None:
    document = api._rootDesc
    assert document["rootUrl"] == f"{URL}/"
    again = discovery.build_from_document(document, developerKey=OWNER_KEY)
    assert again.models().get(name=WRITER).execute()["name"] == WRITER


@check("corpora.create", "corpora.get", "corpora.list", "corpora.patch", "corpora.delete")
def corpora_and_pages() -> None:
    made = corpora.create(body={"displayName": "Ferries of Skye"}).execute()
    assert made["name"].startswith("corpora/ferries-of-skye-")
    assert corpora.get(name=made["name"]).execute() == made
    changed = corpora.patch(
        name=made["name"], updateMask="displayName", body={"displayName": "Boats"}
    ).execute()
    assert changed["displayName"] == "Boats"
    for number in range(3):
        corpora.create(body={"name": f"corpora/page-{number}"}).execute()
    listed = names(corpora, "corpora", pageSize=2)
    assert len(set(listed)) == len(listed) >= 4
    with refused("ALREADY_EXISTS"):
        corpora.create(body={"name": "corpora/page-0"}).execute()
    with refused("INVALID_ARGUMENT"):
        corpora.list(pageToken="made up").execute()
    documents.create(parent=made["name"], body={}).execute()
    with refused("FAILED_PRECONDITION", text="force"):
        corpora.delete(name=made["name"]).execute()
    assert corpora.delete(name=made["name"], force=True).execute() == {}
    with refused("NOT_FOUND"):
        corpora.get(name=made["name"]).execute()
    for number in range(3):
        corpora.delete(name=f"corpora/page-{number}").execute()


def library(name: str, client: Any = api) -> str:
    made = client.corpora().create(body={"name": f"corpora/{name}"}).execute()["name"]
    body = {
        "name": f"{made}/documents/ferries",
        "customMetadata": [{"key": "line", "stringValue": "CalMac"}],
    }
    document = client.corpora().documents().create(parent=made, body=body).execute()["name"]
    chunk = {"name": f"{document}/chunks/mallaig", "data": {"stringValue": FERRY}}
    client.corpora().documents().chunks().create(parent=document, body=chunk).execute()
    return str(document)


@check(
    "corpora.documents.create",
    "corpora.documents.get",
    "corpora.documents.list",
    "corpora.documents.patch",
    "corpora.documents.delete",
    "corpora.documents.chunks.create",
    "corpora.documents.chunks.get",
    "corpora.documents.chunks.list",
    "corpora.documents.chunks.patch",
    "corpora.documents.chunks.delete",
    "corpora.documents.chunks.batchCreate",
    "corpora.documents.chunks.batchUpdate",
    "corpora.documents.chunks.batchDelete",
    "corpora.query",
    "corpora.documents.query",
    "models.generateAnswer",
)
def retrieval() -> None:
    document = library("retrieval")
    corpus = document.partition("/documents")[0]
    assert documents.get(name=document).execute()["customMetadata"][0]["stringValue"] == "CalMac"
    body = {"displayName": "Ferries"}
    patched = documents.patch(name=document, updateMask="displayName", body=body).execute()
    assert patched["displayName"] == "Ferries"
    assert names(documents, "documents", parent=corpus) == [document]
    one = f"{document}/chunks/mallaig"
    assert chunks.get(name=one).execute()["state"] == "STATE_ACTIVE"
    metadata = [{"key": "year", "numericValue": 2001}]
    patched = chunks.patch(
        name=one, updateMask="customMetadata", body={"customMetadata": metadata}
    ).execute()
    assert patched["data"] == {"stringValue": FERRY}
    requests = [
        {"parent": document, "chunk": {"data": {"stringValue": f"Number {n}."}}} for n in range(20)
    ]
    made = chunks.batchCreate(parent=document, body={"requests": requests}).execute()["chunks"]
    assert names(chunks, "chunks", parent=document, pageSize=7) == [
        one,
        *(each["name"] for each in made),
    ]
    made[0]["data"]["stringValue"] = "Zero."
    updates = {"requests": [{"chunk": made[0], "updateMask": "data"}]}
    updated = chunks.batchUpdate(parent=document, body=updates).execute()["chunks"]
    assert updated[0]["data"]["stringValue"] == "Zero."
    query = {
        "query": QUESTION,
        "resultsCount": 3,
        "metadataFilters": [
            {
                "key": "chunk.custom_metadata.year",
                "conditions": [{"operation": "GREATER", "numericValue": 2000}],
            }
        ],
    }
    for source, collection in ((corpus, corpora), (document, documents)):
        (found,) = collection.query(name=source, body=query).execute()["relevantChunks"]
        assert found["chunk"]["name"] == one
        assert 0 < found["chunkRelevanceScore"] <= 1
    body = {
        "contents": [said(QUESTION)],
        "answerStyle": "EXTRACTIVE",
        "semanticRetriever": {"source": corpus, "query": said(QUESTION)},
    }
    reply = models.generateAnswer(model="models/aqa", body=body).execute()
    assert "30 minutes" in reply["answer"]["content"]["parts"][0]["text"]
    assert reply["answerableProbability"] > 0.5
    deletes = {"requests": [{"name": each["name"]} for each in made]}
    chunks.batchDelete(parent=document, body=deletes).execute()
    with refused("FAILED_PRECONDITION"):
        documents.delete(name=document).execute()
    chunks.delete(name=one).execute()
    with refused("NOT_FOUND"):
        chunks.get(name=one).execute()
    documents.delete(name=document).execute()
    with refused("NOT_FOUND"):
        documents.get(name=document).execute()
    with refused("INVALID_ARGUMENT"):
        corpora.query(name=corpus, body={"query": "x", "resultsCount": 101}).execute()
    corpora.delete(name=corpus).execute()


@check(
    "corpora.permissions.create",
    "corpora.permissions.get",
    "corpora.permissions.list",
    "corpora.permissions.patch",
    "corpora.permissions.delete",
)
def sharing() -> None:
    document = library("shared", by_ann)
    corpus = document.partition("/documents")[0]
    shares = by_ann.corpora().permissions()
    seen = by_ben.corpora()
    with refused("NOT_FOUND") as hidden:
        seen.get(name=corpus).execute()
    with refused("NOT_FOUND") as absent:
        seen.get(name="corpora/absent").execute()
    assert hidden.message == absent.message.replace("absent", "shared")
    body = {"granteeType": "USER", "emailAddress": BEN, "role": "READER"}
    made = shares.create(parent=corpus, body=body).execute()
    assert shares.get(name=made["name"]).execute() == made
    assert len(names(shares, "permissions", parent=corpus)) == 2
    assert seen.query(name=corpus, body={"query": "ferry"}).execute()["relevantChunks"]
    patch = {"updateMask": "displayName", "body": {"displayName": "Ben's"}}
    with refused("PERMISSION_DENIED"):
        seen.patch(name=corpus, **patch).execute()
    shares.patch(name=made["name"], updateMask="role", body={"role": "WRITER"}).execute()
    seen.patch(name=corpus, **patch).execute()
    with refused("ALREADY_EXISTS"):
        shares.create(parent=corpus, body=body).execute()
    shares.delete(name=made["name"]).execute()
    with refused("NOT_FOUND"):
        seen.get(name=corpus).execute()


@check()
def credentials() -> None:
    with refused("INVALID_ARGUMENT", text="API key not valid") as bad_key:
        connect("not-a-key").models().get(name=WRITER).execute()
    assert bad_key.reasons == ["API_KEY_INVALID"]
    nobody = discovery.build_from_document(api._rootDesc, developerKey=OWNER_KEY)
    request = nobody.models().get(name=WRITER)
    request.uri = request.uri.replace(f"key={OWNER_KEY}", "")
    with refused("PERMISSION_DENIED"):
        request.execute()
    request.headers["authorization"] = f"Bearer {OWNER_KEY}"
    assert request.execute()["name"] == WRITER
    request.headers["authorization"] = "Bearer wrong"
    with refused("UNAUTHENTICATED"):
        request.execute()


@check(
    "models.list",
    "models.get",
    "models.generateContent",
    "models.streamGenerateContent",
    "models.countTokens",
    "models.embedContent",
    "models.batchEmbedContents",
)
def generation() -> None:
    assert WRITER in names(models, "models", pageSize=1)
    assert models.get(name=WRITER).execute()["name"] == WRITER
    body = {"contents": [said("Say this to me.")]}
    reply = models.generateContent(model=WRITER, body=body).execute()
    assert text_of(reply) == "Echo: Say this to me."
    pieces = models.streamGenerateContent(model=WRITER, body=body).execute()
    assert len(pieces) > 2
    assert pieces[-1]["candidates"][0]["finishReason"] == "STOP"
    counted = models.countTokens(model=WRITER, body={"contents": [said("some text")]}).execute()
    assert counted["totalTokens"] == 2
    embedder = "models/text-embedding-004"
    one = {"model": embedder, "content": said("a ferry"), "taskType": "RETRIEVAL_QUERY"}
    vector = models.embedContent(model=embedder, body=one).execute()["embedding"]["values"]
    both = models.batchEmbedContents(model=embedder, body={"requests": [one] * 2}).execute()
    assert [each["values"] for each in both["embeddings"]] == [vector] * 2
    with refused("NOT_FOUND"):
        models.generateContent(model="models/absent", body=body).execute()
    with refused("INVALID_ARGUMENT"):
        models.generateContent(model=WRITER, body={}).execute()
    with refused("INVALID_ARGUMENT"):
        models.generateContent(model=WRITER, body={**body, "unheardOf": 1}).execute()
    for status, http in (
        ("RESOURCE_EXHAUSTED", 429),
        ("UNAVAILABLE", 503),
        ("DEADLINE_EXCEEDED", 504),
    ):
        failing = {"contents": [said(f"Please answer HTTP {http}.")]}
        with refused(status):
            models.generateContent(model=WRITER, body=failing).execute()
        with refused(status):
            models.streamGenerateContent(model=WRITER, body=failing).execute()
    broken = {"contents": [said("Please break off.")]}
    *_, last = models.streamGenerateContent(model=WRITER, body=broken).execute()
    assert last["error"]["status"] == "UNAVAILABLE"
    with refused("UNIMPLEMENTED", text="ragkit.toml"):
        connect("any", BARE_URL).models().generateContent(model=WRITER, body=body).execute()


@check(
    "models.generateText",
    "models.embedText",
    "models.batchEmbedText",
    "models.countTextTokens",
    "models.generateMessage",
    "models.countMessageTokens",
)
def legacy() -> None:
    prompt = {"prompt": {"text": "Say this."}}
    reply = models.generateText(model="models/text-bison-001", body=prompt).execute()
    assert reply["candidates"][0]["output"] == "Echo: Say this."
    counted = models.countTextTokens(model="models/text-bison-001", body=prompt).execute()
    assert counted == {"tokenCount": 3}
    gecko = "models/embedding-gecko-001"
    vector = models.embedText(model=gecko, body={"text": "a ferry"}).execute()["embedding"]
    both = models.batchEmbedText(model=gecko, body={"texts": ["a ferry"] * 2}).execute()
    assert both["embeddings"] == [vector] * 2
    message = {"prompt": {"messages": [{"content": "Say this."}]}}
    reply = models.generateMessage(model="models/chat-bison-001", body=message).execute()
    assert reply["candidates"][0]["content"] == "Echo: Say this."
    counted = models.countMessageTokens(model="models/chat-bison-001", body=message).execute()
    assert counted == {"tokenCount": 3}


@check("media.upload", "files.get", "files.list", "files.delete")
def files() -> None:
    def upload(text: bytes, *, resumable: bool, size: int = -1, **file: str) -> Any:
        media = MediaIoBaseUpload(
            io.BytesIO(text), "text/plain", chunksize=size, resumable=resumable
        )
        return api.media().upload(body={"file": file} if file else None, media_body=media)

    multipart = upload(FERRY.encode(), resumable=False, name="files/ferry").execute()["file"]
    assert multipart["sizeBytes"] == str(len(FERRY))
    bare = upload(b"bare", resumable=False).execute()["file"]
    assert bare["mimeType"] == "text/plain"
    request = upload(b"x" * 700_000, resumable=True, size=256 * 1024, displayName="Big")
    progress, reply = [], None
    while reply is None:
        status, reply = request.next_chunk()
        if status is not None:
            progress.append(status.resumable_progress)
    assert progress == [256 * 1024, 512 * 1024]
    assert reply["file"]["sizeBytes"] == "700000"
    assert api.files().get(name="files/ferry").execute() == multipart
    made = {one["name"] for one in (multipart, bare, reply["file"])}
    assert made <= set(names(api.files(), "files", pageSize=1))
    part = {"fileData": {"fileUri": multipart["uri"], "mimeType": "text/plain"}}
    body = {"contents": [{"role": "user", "parts": [part]}]}
    assert FERRY in text_of(models.generateContent(model=WRITER, body=body).execute())
    with refused("ALREADY_EXISTS"):
        upload(b"again", resumable=False, name="files/ferry").execute()
    with refused("NOT_FOUND"):
        by_ben.files().get(name="files/ferry").execute()
    for name in made:
        assert api.files().delete(name=name).execute() == {}
    with refused("NOT_FOUND"):
        api.files().get(name="files/ferry").execute()


@check(
    "cachedContents.create",
    "cachedContents.get",
    "cachedContents.list",
    "cachedContents.patch",
    "cachedContents.delete",
)
def cached_contents() -> None:
    caches = api.cachedContents()
    body = {"model": WRITER, "contents": [said(FERRY)], "ttl": "300s", "displayName": "Ferries"}
    made = caches.create(body=body).execute()
    assert made["usageMetadata"]["totalTokenCount"] > 10
    assert not {"ttl", "contents"} & set(made)
    assert caches.get(name=made["name"]).execute() == made
    assert made["name"] in names(caches, "cachedContents", pageSize=1)
    question = {"contents": [said("Say this.")], "cachedContent": made["name"]}
    reply = models.generateContent(model=WRITER, body=question).execute()
    assert reply["usageMetadata"]["cachedContentTokenCount"] > 0
    later = caches.patch(name=made["name"], updateMask="ttl", body={"ttl": "7200s"}).execute()
    assert later["expireTime"] > made["expireTime"]
    with refused("INVALID_ARGUMENT"):
        caches.create(body={**body, "expireTime": "2099-01-01T00:00:00Z"}).execute()
    with refused("NOT_FOUND"):
        by_ben.cachedContents().get(name=made["name"]).execute()
    caches.delete(name=made["name"]).execute()
    with refused("NOT_FOUND"):
        models.generateContent(model=WRITER, body=question).execute()


def finished(request: Any) -> Any:
    """An operation when it is done, asked for again and again."""
    for _ in range(200):
        operation = request.execute()
        if operation.get("done"):
            return operation
        time.sleep(0.1)
    raise AssertionError(operation)


@check(
    "models.batchGenerateContent",
    "models.asyncBatchEmbedContent",
    "batches.get",
    "batches.list",
    "batches.cancel",
    "batches.delete",
)
def batches() -> None:
    requests = [{"request": {"contents": [said(f"Number {n}.")]}} for n in range(3)]
    batch = {"displayName": "Numbers", "inputConfig": {"requests": {"requests": requests}}}
    made = models.batchGenerateContent(model=WRITER, body={"batch": batch}).execute()
    done = finished(api.batches().get(name=made["name"]))
    assert done["metadata"]["state"] == "BATCH_STATE_SUCCEEDED"
    assert done["metadata"]["batchStats"]["successfulRequestCount"] == "3"
    replies = done["metadata"]["output"]["inlinedResponses"]["inlinedResponses"]
    assert [text_of(one["response"]) for one in replies] == [f"Echo: Number {n}." for n in range(3)]
    assert made["name"] in names(api.batches(), "operations", name="batches", pageSize=1)

    embedder = "models/text-embedding-004"
    one = {"request": {"model": embedder, "content": said("a ferry")}}
    batch = {"displayName": "Vectors", "inputConfig": {"requests": {"requests": [one]}}}
    vectors = models.asyncBatchEmbedContent(model=embedder, body={"batch": batch}).execute()
    assert "error" not in finished(api.batches().get(name=vectors["name"]))

    line = json.dumps({"key": "a", "request": {"contents": [said("A line.")]}})
    media = MediaIoBaseUpload(io.BytesIO(line.encode()), "application/jsonl")
    source = api.media().upload(media_body=media).execute()["file"]["name"]
    batch = {"displayName": "Lines", "inputConfig": {"fileName": source}}
    by_file = models.batchGenerateContent(model=WRITER, body={"batch": batch}).execute()
    metadata = finished(api.batches().get(name=by_file["name"]))["metadata"]
    made_file = api.files().get(name=metadata["output"]["responsesFile"]).execute()
    assert made_file["source"] == "GENERATED"

    slow = [{"request": {"contents": [said("Please answer HTTP 503.")]}}] * 5
    batch = {"displayName": "Slow", "inputConfig": {"requests": {"requests": slow}}}
    name = models.batchGenerateContent(model=WRITER, body={"batch": batch}).execute()["name"]
    api.batches().cancel(name=name).execute()
    cancelled = finished(api.batches().get(name=name))
    assert cancelled["error"]["code"] == 1
    saw("CANCELLED")
    with refused("NOT_FOUND"):
        by_ben.batches().get(name=name).execute()
    api.batches().delete(name=name).execute()
    with refused("NOT_FOUND"):
        api.batches().get(name=name).execute()


@check(
    "tunedModels.create",
    "tunedModels.get",
    "tunedModels.list",
    "tunedModels.patch",
    "tunedModels.delete",
    "tunedModels.operations.get",
    "tunedModels.operations.list",
    "tunedModels.generateContent",
    "tunedModels.streamGenerateContent",
    "tunedModels.generateText",
    "tunedModels.transferOwnership",
    "tunedModels.permissions.create",
    "tunedModels.permissions.get",
    "tunedModels.permissions.list",
    "tunedModels.permissions.patch",
    "tunedModels.permissions.delete",
)
def tuned_models() -> None:
    tuned = by_ann.tunedModels()
    examples = [{"textInput": str(n), "output": str(n + 1)} for n in range(1, 12)]
    body = {
        "displayName": "Next number",
        "baseModel": WRITER,
        "tuningTask": {
            "trainingData": {"examples": {"examples": examples}},
            "hyperparameters": {"epochCount": 2},
        },
    }
    operation = tuned.create(tunedModelId="next-number", body=body).execute()
    done = finished(tuned.operations().get(name=operation["name"]))
    assert done["response"]["@type"].endswith(".TunedModel")
    assert done["metadata"]["snapshots"]
    name = done["response"]["name"]
    assert names(tuned.operations(), "operations", name=name) == [operation["name"]]
    assert tuned.get(name=name).execute()["state"] == "ACTIVE"
    assert name in names(tuned, "tunedModels", pageSize=1)
    changed = tuned.patch(name=name, updateMask="description", body={"description": "x"}).execute()
    assert changed["description"] == "x"
    question = {"contents": [said("7")]}
    assert text_of(tuned.generateContent(model=name, body=question).execute())
    assert text_of(tuned.streamGenerateContent(model=name, body=question).execute()[0])
    reply = tuned.generateText(model=name, body={"prompt": {"text": "7"}}).execute()
    assert reply["candidates"][0]["output"]
    with refused("ALREADY_EXISTS"):
        tuned.create(tunedModelId="next-number", body=body).execute()
    with refused("NOT_FOUND"):
        by_ben.tunedModels().get(name=name).execute()
    shares = tuned.permissions()
    everyone = {"granteeType": "EVERYONE", "role": "READER"}
    made = shares.create(parent=name, body=everyone).execute()
    assert shares.get(name=made["name"]).execute() == made
    patched = shares.patch(name=made["name"], updateMask="role", body={"role": "WRITER"}).execute()
    assert patched["role"] == "WRITER"
    assert by_ben.tunedModels().get(name=name).execute()["description"] == "x"
    shares.delete(name=made["name"]).execute()
    assert tuned.transferOwnership(name=name, body={"emailAddress": BEN}).execute() == {}
    assert len(names(shares, "permissions", parent=name)) == 2
    with refused("PERMISSION_DENIED"):
        tuned.delete(name=name).execute()
    by_ben.tunedModels().delete(name=name).execute()
    with refused("NOT_FOUND"):
        tuned.get(name=name).execute()


@check()
def every_method_was_exercised() -> None:
    def methods(resources: dict[str, Any], prefix: str = "") -> set[str]:
        found: set[str] = set()
        for key, one in resources.items():
            found |= {f"{prefix}{key}.{method}" for method in one.get("methods", {})}
            found |= methods(one.get("resources", {}), f"{prefix}{key}.")
        return found

    offered = methods(api._rootDesc["resources"])
    assert exercised() == offered, exercised() ^ offered


if __name__ == "__main__":
    main()
