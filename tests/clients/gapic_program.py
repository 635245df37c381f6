"""Google's generated client, google-ai-generativelanguage, over its REST transport.

Both of its lines (0.6 and 0.12) run this program: it exercises every method of every service, and
ends by comparing what it exercised with what the client offers.
"""

from __future__ import annotations

import contextlib
import datetime
import inspect
from typing import Any

from checks import (
    ANN,
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
)
from google.ai import generativelanguage as google
from google.api_core import exceptions
from google.api_core.client_options import ClientOptions
from google.auth.credentials import AnonymousCredentials, Credentials
from google.protobuf import field_mask_pb2

OFFERED = [name for name in dir(google) if name.endswith("ServiceClient")]


def connect(name: str, key: str = OWNER_KEY, url: str = URL) -> Any:
    """A service's client, told where the server is by its documented options alone."""
    return getattr(google, f"{name}ServiceClient")(
        transport="rest", client_options=ClientOptions(api_endpoint=url, api_key=key)
    )


def envelope(error: Any) -> dict[str, Any]:
    body = error.response.json()
    return (body[0] if isinstance(body, list) else body)["error"]


refused = Refusals(exceptions.GoogleAPICallError, envelope)
retriever, generative = connect("Retriever"), connect("Generative")
models, permissions, files = connect("Model"), connect("Permission"), connect("File")
cache, text, discuss = connect("Cache"), connect("Text"), connect("Discuss")
prediction = connect("Prediction")
ann = connect("Retriever", ANN_KEY)


def said(words: str, role: str = "user") -> Any:
    return google.Content(role=role, parts=[google.Part(text=words)])


def chunk(words: str, **fields: object) -> Any:
    return google.Chunk(data=google.ChunkData(string_value=words), **fields)


def mask(*paths: str) -> Any:
    return field_mask_pb2.FieldMask(paths=paths)


def absent_of(name: str) -> str:
    return name.rpartition("/")[0] + "/absent"


@check(
    "Retriever.create_corpus",
    "Retriever.get_corpus",
    "Retriever.update_corpus",
    "Retriever.list_corpora",
    "Retriever.delete_corpus",
)
def corpora() -> None:
    made = retriever.create_corpus(corpus=google.Corpus(display_name="Ferries of Skye"))
    assert made.name.startswith("corpora/ferries-of-skye-")
    assert retriever.get_corpus(name=made.name) == made
    made.display_name = "Ferries"
    updated = retriever.update_corpus(corpus=made, update_mask=mask("display_name"))
    assert updated.display_name == "Ferries"
    assert updated.update_time >= updated.create_time == made.create_time
    for number in range(12):
        retriever.create_corpus(corpus=google.Corpus(name=f"corpora/page-{number}"))
    pages = list(retriever.list_corpora(request={"page_size": 5}).pages)
    names = [one.name for page in pages for one in page.corpora]
    assert len(pages) > 2
    assert len(set(names)) == len(names)
    assert {f"corpora/page-{n}" for n in range(12)} < set(names)
    with refused("ALREADY_EXISTS", exceptions.Conflict, "corpora/page-0"):
        retriever.create_corpus(corpus=google.Corpus(name="corpora/page-0"))
    with refused("INVALID_ARGUMENT", exceptions.BadRequest):
        retriever.create_corpus(corpus=google.Corpus(name="corpora/Not A Name"))
    with refused("INVALID_ARGUMENT", exceptions.BadRequest):
        retriever.update_corpus(corpus=made, update_mask=mask("create_time"))
    with refused("INVALID_ARGUMENT", exceptions.BadRequest):
        list(retriever.list_corpora(request={"page_size": 5, "page_token": "made up"}))
    for number in range(12):
        retriever.delete_corpus(name=f"corpora/page-{number}")
    retriever.create_document(parent=made.name, document=google.Document())
    with refused("FAILED_PRECONDITION", exceptions.BadRequest, "force"):
        retriever.delete_corpus(name=made.name)
    retriever.delete_corpus(request={"name": made.name, "force": True})
    for call in (retriever.get_corpus, retriever.delete_corpus):
        with refused("NOT_FOUND", exceptions.NotFound):
            call(name=made.name)


@check(
    "Retriever.create_document",
    "Retriever.get_document",
    "Retriever.update_document",
    "Retriever.list_documents",
    "Retriever.delete_document",
)
def documents() -> None:
    corpus = retriever.create_corpus(corpus=google.Corpus(name="corpora/documents")).name
    given = google.Document(
        name=f"{corpus}/documents/one",
        display_name="One",
        custom_metadata=[
            google.CustomMetadata(key="year", numeric_value=2020),
            google.CustomMetadata(key="line", string_value="CalMac"),
            google.CustomMetadata(
                key="ports", string_list_value=google.StringList(values=["Mallaig", "Armadale"])
            ),
        ],
    )
    made = retriever.create_document(parent=corpus, document=given)
    assert made.custom_metadata == given.custom_metadata
    assert retriever.get_document(name=made.name) == made
    changed = google.Document(name=made.name, display_name="New")
    assert (
        retriever.update_document(
            document=changed, update_mask=mask("display_name")
        ).custom_metadata
        == given.custom_metadata
    )
    cleared = retriever.update_document(document=changed, update_mask=mask("custom_metadata"))
    assert not cleared.custom_metadata
    for number in range(23):
        retriever.create_document(
            parent=corpus, document=google.Document(name=f"{corpus}/documents/n{number}")
        )
    listed = [one.name for one in retriever.list_documents(parent=corpus)]
    assert listed == [made.name] + [f"{corpus}/documents/n{n}" for n in range(23)]
    with refused("ALREADY_EXISTS", exceptions.Conflict):
        retriever.create_document(parent=corpus, document=given)
    with refused("NOT_FOUND", exceptions.NotFound):
        retriever.get_document(name=absent_of(made.name))
    with refused("NOT_FOUND", exceptions.NotFound):
        retriever.create_document(parent="corpora/absent", document=google.Document())
    retriever.create_chunk(parent=made.name, chunk=chunk(FERRY))
    with refused("FAILED_PRECONDITION", exceptions.BadRequest, "force"):
        retriever.delete_document(name=made.name)
    retriever.delete_document(request={"name": made.name, "force": True})
    with refused("NOT_FOUND", exceptions.NotFound):
        retriever.delete_document(name=made.name)
    retriever.delete_corpus(request={"name": corpus, "force": True})


def library(name: str, key: str = OWNER_KEY) -> str:
    """A document of a new corpus, with some chunks; returns the document's name."""
    client = connect("Retriever", key)
    corpus = client.create_corpus(corpus=google.Corpus(name=f"corpora/{name}")).name
    document = client.create_document(
        parent=corpus,
        document=google.Document(
            name=f"{corpus}/documents/ferries",
            custom_metadata=[google.CustomMetadata(key="line", string_value="CalMac")],
        ),
    ).name
    client.create_chunk(parent=document, chunk=chunk(FERRY, name=f"{document}/chunks/mallaig"))
    return document


@check(
    "Retriever.create_chunk",
    "Retriever.get_chunk",
    "Retriever.update_chunk",
    "Retriever.list_chunks",
    "Retriever.delete_chunk",
    "Retriever.batch_create_chunks",
    "Retriever.batch_update_chunks",
    "Retriever.batch_delete_chunks",
)
def chunks() -> None:
    document = library("chunks")
    one = retriever.get_chunk(name=f"{document}/chunks/mallaig")
    assert one.data.string_value == FERRY
    assert one.state == google.Chunk.State.STATE_ACTIVE
    changed = chunk("It rains.", name=one.name)
    updated = retriever.update_chunk(chunk=changed, update_mask=mask("data"))
    assert updated.data.string_value == "It rains."
    with refused("INVALID_ARGUMENT", exceptions.BadRequest, "2,043"):
        retriever.create_chunk(parent=document, chunk=chunk("word " * 3000))
    requests = [
        google.CreateChunkRequest(parent=document, chunk=chunk(f"Number {number}."))
        for number in range(100)
    ]
    batch = google.BatchCreateChunksRequest(parent=document, requests=requests)
    made = retriever.batch_create_chunks(request=batch).chunks
    assert [c.data.string_value for c in made] == [f"Number {n}." for n in range(100)]
    batch.requests.append(requests[0])
    with refused("INVALID_ARGUMENT", exceptions.BadRequest, "100"):
        retriever.batch_create_chunks(request=batch)
    assert list(retriever.list_chunks(parent=document)) == [updated, *made]
    updates = [
        google.UpdateChunkRequest(
            chunk=google.Chunk(
                name=c.name, custom_metadata=[google.CustomMetadata(key="n", numeric_value=1)]
            ),
            update_mask=mask("custom_metadata"),
        )
        for c in made[:2]
    ]
    changes = {"parent": document, "requests": updates}
    for after, before in zip(
        retriever.batch_update_chunks(request=changes).chunks, made[:2], strict=True
    ):
        assert after.data == before.data
        assert after.custom_metadata[0].numeric_value == 1
    updates[1].chunk.name = absent_of(one.name)
    with refused("NOT_FOUND", exceptions.NotFound):
        retriever.batch_update_chunks(request={"parent": document, "requests": updates})
    deletes = {"parent": document, "requests": [{"name": c.name} for c in made]}
    retriever.batch_delete_chunks(request=deletes)
    assert list(retriever.list_chunks(parent=document)) == [updated]
    with refused("NOT_FOUND", exceptions.NotFound):
        retriever.batch_delete_chunks(request=deletes)
    with refused("ALREADY_EXISTS", exceptions.Conflict):
        retriever.create_chunk(parent=document, chunk=changed)
    retriever.delete_chunk(name=one.name)
    for call in (retriever.get_chunk, retriever.delete_chunk):
        with refused("NOT_FOUND", exceptions.NotFound):
            call(name=one.name)


@check("Retriever.query_corpus", "Retriever.query_document")
def queries() -> None:
    document = library("queries")
    corpus = document.partition("/documents")[0]
    for number in range(5):
        metadata = [google.CustomMetadata(key="year", numeric_value=2000 + number)]
        retriever.create_chunk(
            parent=document,
            chunk=chunk(f"A ferry was built in {2000 + number}.", custom_metadata=metadata),
        )
    best = retriever.query_corpus(request={"name": corpus, "query": QUESTION}).relevant_chunks
    assert best[0].chunk.name.endswith("/chunks/mallaig")
    scores = [one.chunk_relevance_score for one in best]
    assert scores == sorted(scores, reverse=True)
    assert 0 <= scores[-1] <= scores[0] <= 1
    operators = google.Condition.Operator

    def years(operator: Any, year: float) -> Any:
        condition = google.Condition(operation=operator, numeric_value=year)
        return google.MetadataFilter(key="chunk.custom_metadata.year", conditions=[condition])

    request = {
        "query": "ferry",
        "results_count": 3,
        "metadata_filters": [
            years(operators.GREATER, 2000),
            years(operators.LESS_EQUAL, 2002),
        ],
    }
    for name, query in ((corpus, retriever.query_corpus), (document, retriever.query_document)):
        found = query(request={"name": name, **request}).relevant_chunks
        assert sorted(one.chunk.custom_metadata[0].numeric_value for one in found) == [2001, 2002]
        with refused("INVALID_ARGUMENT", exceptions.BadRequest):
            query(request={"name": name})
        with refused("INVALID_ARGUMENT", exceptions.BadRequest):
            query(request={"name": name, "query": "x", "results_count": 101})
        with refused("NOT_FOUND", exceptions.NotFound):
            query(request={"name": absent_of(name), "query": "x"})
    line = google.Condition(operation=operators.EQUAL, string_value="CalMac")
    by_line = google.MetadataFilter(key="document.custom_metadata.line", conditions=[line])
    whole = {"name": corpus, "query": "ferry", "metadata_filters": [by_line]}
    assert len(retriever.query_corpus(request=whole).relevant_chunks) == 6
    with refused("INVALID_ARGUMENT", exceptions.BadRequest):
        retriever.query_document(request={**whole, "name": document})


@check("Generative.generate_answer")
def answers() -> None:
    document = library("answers")
    request = {"model": "models/aqa", "contents": [said(QUESTION)]}
    grounded = {"semantic_retriever": {"source": document, "query": said(QUESTION)}}
    styles = google.GenerateAnswerRequest.AnswerStyle
    for style in (styles.EXTRACTIVE, styles.ABSTRACTIVE, styles.VERBOSE):
        reply = generative.generate_answer(
            request={**request, **grounded, "answer_style": style, "temperature": 0.2}
        )
        assert "30 minutes" in reply.answer.content.parts[0].text
        assert reply.answer.finish_reason == google.Candidate.FinishReason.STOP
        assert 0.5 < reply.answerable_probability <= 1
        source = reply.answer.grounding_attributions[0].source_id.semantic_retriever_chunk
        assert (source.source, source.chunk) == (document, f"{document}/chunks/mallaig")
    passages = {
        "inline_passages": {
            "passages": [
                {"id": "0", "content": said("Skye is an island.")},
                {"id": "1", "content": said(FERRY)},
            ]
        }
    }
    reply = generative.generate_answer(
        request={**request, **passages, "answer_style": styles.EXTRACTIVE}
    )
    (attribution,) = reply.answer.grounding_attributions
    assert attribution.source_id.grounding_passage.passage_id == "1"
    assert attribution.content.parts[0].text in FERRY
    with refused("INVALID_ARGUMENT", exceptions.BadRequest):
        generative.generate_answer(request={**request, **passages})
    with refused("INVALID_ARGUMENT", exceptions.BadRequest):
        generative.generate_answer(request={**request, "answer_style": styles.EXTRACTIVE})
    grounded["semantic_retriever"]["source"] = "corpora/absent"
    with refused("NOT_FOUND", exceptions.NotFound):
        generative.generate_answer(request={**request, **grounded, "answer_style": 1})


@check("Model.list_models", "Model.get_model")
def catalog() -> None:
    listed = {model.name: model for model in models.list_models()}
    assert WRITER in listed
    assert "generateContent" in listed[WRITER].supported_generation_methods
    assert models.get_model(name=WRITER) == listed[WRITER]
    with refused("NOT_FOUND", exceptions.NotFound):
        models.get_model(name="models/absent")


@check("Generative.generate_content", "Generative.stream_generate_content")
def generation() -> None:
    request = {"model": WRITER, "contents": [said("Say this to me.")]}
    reply = generative.generate_content(request=request)
    assert reply.candidates[0].content.parts[0].text == "Echo: Say this to me."
    assert reply.candidates[0].finish_reason == google.Candidate.FinishReason.STOP
    assert reply.usage_metadata.prompt_token_count == 7
    pieces = list(generative.stream_generate_content(request=request))
    assert len(pieces) > 2
    texts = [p.candidates[0].content.parts[0].text for p in pieces if p.candidates[0].content.parts]
    assert "".join(texts) == "Echo: Say this to me."
    assert pieces[-1].candidates[0].finish_reason == google.Candidate.FinishReason.STOP
    several = generative.generate_content(
        request={**request, "generation_config": {"candidate_count": 2, "temperature": 0.5}}
    )
    assert len(several.candidates) == 2
    for call in (generative.generate_content, generative.stream_generate_content):
        with refused("NOT_FOUND", exceptions.NotFound):
            call(request={**request, "model": "models/absent"})
        with refused("INVALID_ARGUMENT", exceptions.BadRequest):
            call(model=WRITER, contents=[])


@check("Generative.generate_content", "Generative.stream_generate_content")
def functions() -> None:
    declaration = google.FunctionDeclaration(
        name="weather",
        description="The weather in a city",
        parameters=google.Schema(
            type_=google.Type.OBJECT, properties={"city": google.Schema(type_=google.Type.STRING)}
        ),
    )
    request = {
        "model": WRITER,
        "contents": [said("Please call the tool.")],
        "tools": [google.Tool(function_declarations=[declaration])],
    }
    reply = generative.generate_content(request=request)
    call = reply.candidates[0].content.parts[0].function_call
    assert (call.name, dict(call.args)) == ("weather", {"city": "Oban"})
    result = google.Part(
        function_response=google.FunctionResponse(name="weather", response={"sky": "grey"})
    )
    turns = [*request["contents"], reply.candidates[0].content]
    turns.append(google.Content(role="user", parts=[result]))
    after = generative.generate_content(request={**request, "contents": turns})
    assert "grey" in after.candidates[0].content.parts[0].text
    streamed = list(generative.stream_generate_content(request=request))
    calls = [p.function_call.name for r in streamed for p in r.candidates[0].content.parts]
    assert "weather" in calls


@check("Generative.generate_content", "Generative.stream_generate_content")
def failing_generators() -> None:
    no_retry: dict[str, Any] = {"retry": None}
    for status, http, kind in (
        ("RESOURCE_EXHAUSTED", 429, exceptions.TooManyRequests),
        ("UNAVAILABLE", 503, exceptions.ServiceUnavailable),
        ("UNAVAILABLE", 500, exceptions.ServiceUnavailable),
        ("DEADLINE_EXCEEDED", 504, exceptions.GatewayTimeout),
        ("FAILED_PRECONDITION", 401, exceptions.BadRequest),
        ("INVALID_ARGUMENT", 400, exceptions.BadRequest),
    ):
        request = {"model": WRITER, "contents": [said(f"Please answer HTTP {http}.")]}
        with refused(status, kind):
            generative.generate_content(request=request, **no_retry)
        with refused(status, kind):
            list(generative.stream_generate_content(request=request, **no_retry))
    # After the first piece there is no status any more: the stream's last element is the error.
    broken = {"model": WRITER, "contents": [said("Please break off.")]}
    stream = generative.stream_generate_content(request=broken, **no_retry)
    first = next(stream)
    assert first.candidates[0].content.parts[0].text == "Half an "
    # The client leaves out what is no field of a response: an element without candidates.
    assert [list(piece.candidates) for piece in stream] == [[]]
    bare = connect("Generative", "any", BARE_URL)
    with refused("UNIMPLEMENTED", exceptions.MethodNotImplemented, "ragkit.toml"):
        bare.generate_content(model=WRITER, contents=[said("x")])
    assert WRITER not in [one.name for one in connect("Model", "any", BARE_URL).list_models()]


@check("Generative.embed_content", "Generative.batch_embed_contents", "Generative.count_tokens")
def embeddings() -> None:
    model = "models/text-embedding-004"
    one = generative.embed_content(model=model, content=said("a ferry")).embedding.values
    request = google.EmbedContentRequest(
        model=model,
        content=said("a ferry"),
        task_type=google.TaskType.RETRIEVAL_DOCUMENT,
        title="Boats",
        output_dimensionality=64,
    )
    batch = generative.batch_embed_contents(model=model, requests=[request] * 3).embeddings
    assert (len(one), [len(b.values) for b in batch]) == (256, [64] * 3)
    with refused("INVALID_ARGUMENT", exceptions.BadRequest):
        generative.batch_embed_contents(model="models/embedding-001", requests=[request])
    with refused("INVALID_ARGUMENT", exceptions.BadRequest):
        generative.embed_content(model=model, content=google.Content())
    assert generative.count_tokens(model=WRITER, contents=[said("some text")]).total_tokens == 2
    whole = google.GenerateContentRequest(
        model=WRITER, contents=[said("some text")], system_instruction=said("Be brief.")
    )
    counted = generative.count_tokens(request={"model": WRITER, "generate_content_request": whole})
    assert counted.total_tokens > 2


@check(
    "Text.generate_text",
    "Text.embed_text",
    "Text.batch_embed_text",
    "Text.count_text_tokens",
    "Discuss.generate_message",
    "Discuss.count_message_tokens",
)
def legacy() -> None:
    prompt = google.TextPrompt(text="Say this.")
    reply = text.generate_text(request={"model": "models/text-bison-001", "prompt": prompt})
    assert reply.candidates[0].output == "Echo: Say this."
    model = "models/embedding-gecko-001"
    one = text.embed_text(model=model, text="a ferry").embedding.value
    both = text.batch_embed_text(model=model, texts=["a ferry", "a boat"]).embeddings
    assert [len(b.value) for b in both] == [len(one)] * 2
    counted = text.count_text_tokens(model="models/text-bison-001", prompt=prompt)
    assert counted.token_count == 3
    message = google.MessagePrompt(messages=[google.Message(content="Say this.")])
    chat = {"model": "models/chat-bison-001", "prompt": message}
    reply = discuss.generate_message(request={**chat, "candidate_count": 1})
    assert reply.candidates[0].content == "Echo: Say this."
    assert reply.messages[0].content == "Say this."
    assert discuss.count_message_tokens(request=chat).token_count == 3
    with refused("INVALID_ARGUMENT", exceptions.BadRequest):
        text.batch_embed_text(model=model, texts=["x"] * 101)
    with refused("NOT_FOUND", exceptions.NotFound):
        discuss.generate_message(request={**chat, "model": "models/absent"})


@check(
    "Permission.create_permission",
    "Permission.get_permission",
    "Permission.list_permissions",
    "Permission.update_permission",
    "Permission.delete_permission",
)
def sharing() -> None:
    document = library("shared", ANN_KEY)
    corpus = document.partition("/documents")[0]
    by_ann, by_ben = connect("Permission", ANN_KEY), connect("Retriever", BEN_KEY)
    # What Ben may not see is to him as what is not there.
    for absent in (corpus, "corpora/absent"):
        with refused("NOT_FOUND", exceptions.NotFound):
            by_ben.get_corpus(name=absent)
        with refused("NOT_FOUND", exceptions.NotFound):
            by_ben.query_corpus(request={"name": absent, "query": "ferry"})
    roles, grantees = google.Permission.Role, google.Permission.GranteeType
    given = google.Permission(grantee_type=grantees.USER, email_address=BEN, role=roles.READER)
    made = by_ann.create_permission(parent=corpus, permission=given)
    assert (made.email_address, made.role) == (BEN, roles.READER)
    assert by_ann.get_permission(name=made.name) == made
    listed = {one.email_address: one.role for one in by_ann.list_permissions(parent=corpus)}
    assert listed == {ANN: roles.OWNER, BEN: roles.READER}
    assert by_ben.query_corpus(request={"name": corpus, "query": "ferry"}).relevant_chunks
    with refused("PERMISSION_DENIED", exceptions.Forbidden):
        by_ben.create_chunk(parent=document, chunk=chunk("Ben was here."))
    with refused("ALREADY_EXISTS", exceptions.Conflict):
        by_ann.create_permission(parent=corpus, permission=given)
    made.role = roles.WRITER
    assert by_ann.update_permission(permission=made, update_mask=mask("role")).role == made.role
    by_ben.create_chunk(parent=document, chunk=chunk("Ben was here."))
    with refused("PERMISSION_DENIED", exceptions.Forbidden):
        by_ben.delete_corpus(request={"name": corpus, "force": True})
    with refused("INVALID_ARGUMENT", exceptions.BadRequest):
        by_ann.update_permission(permission=made, update_mask=mask("email_address"))
    by_ann.delete_permission(name=made.name)
    with refused("NOT_FOUND", exceptions.NotFound):
        by_ann.get_permission(name=made.name)
    with refused("NOT_FOUND", exceptions.NotFound):
        by_ben.get_corpus(name=corpus)
    everyone = google.Permission(grantee_type=grantees.EVERYONE, role=roles.READER)
    by_ann.create_permission(parent=corpus, permission=everyone)
    assert by_ben.get_corpus(name=corpus).name == corpus
    ann.delete_corpus(request={"name": corpus, "force": True})


class Token(Credentials):
    """A bearer token, as google-auth lets callers define kinds of credentials."""

    def __init__(self, token: str) -> None:
        super().__init__()
        self.token = token

    def refresh(self, request: Any) -> None:
        """There is nothing newer to be had."""


def bearer(token: str) -> Any:
    return google.RetrieverServiceClient(
        transport="rest",
        credentials=Token(token),
        client_options=ClientOptions(api_endpoint=URL),
    )


@check()
def credentials() -> None:
    with refused("INVALID_ARGUMENT", exceptions.BadRequest, "API key not valid") as bad_key:
        connect("Retriever", "not-a-key").get_corpus(name="corpora/x")
    assert bad_key.reasons == ["API_KEY_INVALID"]
    anonymous = google.RetrieverServiceClient(
        transport="rest",
        credentials=AnonymousCredentials(),
        client_options=ClientOptions(api_endpoint=URL),
    )
    with refused("PERMISSION_DENIED", exceptions.Forbidden):
        anonymous.get_corpus(name="corpora/x")
    assert bearer(OWNER_KEY).list_corpora().corpora is not None
    with refused("UNAUTHENTICATED", exceptions.Unauthorized):
        bearer("wrong").get_corpus(name="corpora/x")


@check(
    "Cache.create_cached_content",
    "Cache.get_cached_content",
    "Cache.list_cached_contents",
    "Cache.update_cached_content",
    "Cache.delete_cached_content",
)
def cached_contents() -> None:
    given = google.CachedContent(
        model=WRITER,
        display_name="Ferries",
        contents=[said(FERRY)],
        system_instruction=said("Be brief."),
        ttl=datetime.timedelta(minutes=5),
    )
    made = cache.create_cached_content(cached_content=given)
    assert made.usage_metadata.total_token_count > 10
    assert not made.contents
    lifetime = made.expire_time - made.create_time
    assert datetime.timedelta(minutes=4) < lifetime <= datetime.timedelta(minutes=6)
    assert cache.get_cached_content(name=made.name) == made
    assert made.name in [one.name for one in cache.list_cached_contents()]
    reply = generative.generate_content(
        request={"model": WRITER, "cached_content": made.name, "contents": [said("Say this.")]}
    )
    assert reply.candidates[0].content.parts[0].text == "Echo: Say this."
    assert reply.usage_metadata.cached_content_token_count > 0
    longer = google.CachedContent(name=made.name, ttl=datetime.timedelta(hours=2))
    updated = cache.update_cached_content(cached_content=longer, update_mask=mask("ttl"))
    assert updated.expire_time > made.expire_time
    with refused("INVALID_ARGUMENT", exceptions.BadRequest):
        cache.update_cached_content(cached_content=longer, update_mask=mask("model"))
    with refused("INVALID_ARGUMENT", exceptions.BadRequest):
        past = google.CachedContent(
            model=WRITER, contents=[said("x")], expire_time=datetime.datetime(2020, 1, 1)
        )
        cache.create_cached_content(cached_content=past)
    with refused("NOT_FOUND", exceptions.NotFound):
        connect("Cache", BEN_KEY).get_cached_content(name=made.name)
    cache.delete_cached_content(name=made.name)
    with refused("NOT_FOUND", exceptions.NotFound):
        cache.get_cached_content(name=made.name)


@check("File.create_file", "File.get_file", "File.list_files", "File.delete_file")
def file_records() -> None:
    # This client has no upload: what it creates is an empty file.
    given = google.File(name="files/empty-by-gapic", display_name="Empty", mime_type="text/plain")
    made = files.create_file(request={"file": given}).file
    assert (made.name, made.display_name) == (given.name, "Empty")
    assert made.state == google.File.State.ACTIVE
    assert files.get_file(name=made.name) == made
    assert made.name in [one.name for one in files.list_files()]
    with refused("ALREADY_EXISTS", exceptions.Conflict):
        files.create_file(request={"file": given})
    with refused("NOT_FOUND", exceptions.NotFound):
        connect("File", BEN_KEY).get_file(name=made.name)
    files.delete_file(name=made.name)
    with refused("NOT_FOUND", exceptions.NotFound):
        files.get_file(name=made.name)


def tuned(name: str) -> Any:
    examples = [
        google.TuningExample(text_input=str(number), output=str(number + 1))
        for number in range(1, 12)
    ]
    return google.TunedModel(
        name=name,
        display_name="Next number",
        base_model=WRITER,
        tuning_task=google.TuningTask(
            training_data=google.Dataset(examples=google.TuningExamples(examples=examples)),
            hyperparameters=google.Hyperparameters(epoch_count=2),
        ),
    )


@check(
    "Model.create_tuned_model",
    "Model.get_tuned_model",
    "Model.list_tuned_models",
    "Model.update_tuned_model",
    "Model.delete_tuned_model",
    "Model.get_operation",
    "Model.list_operations",
    "Permission.transfer_ownership",
)
def tuned_models() -> None:
    by_ann = connect("Model", ANN_KEY)
    operation = by_ann.create_tuned_model(
        request={"tuned_model_id": "next-number", "tuned_model": tuned("")}
    )
    assert operation.metadata.tuned_model == "tunedModels/next-number"
    made = operation.result(timeout=120)  # the client polls
    assert made.name == "tunedModels/next-number"
    assert made.state == google.TunedModel.State.ACTIVE
    assert operation.metadata.completed_steps == operation.metadata.total_steps > 0
    assert [s.mean_loss for s in operation.metadata.snapshots]
    name = operation.operation.name
    assert by_ann.get_operation({"name": name}).done
    listed = by_ann.list_operations({"name": made.name})
    assert [one.name for one in listed.operations] == [name]
    assert by_ann.get_tuned_model(name=made.name).base_model == WRITER
    assert made.name in [one.name for one in by_ann.list_tuned_models()]
    made.description = "Counts"
    changed = by_ann.update_tuned_model(tuned_model=made, update_mask=mask("description"))
    assert changed.description == "Counts"
    reply = connect("Generative", ANN_KEY).generate_content(model=made.name, contents=[said("7")])
    assert reply.candidates[0].content.parts[0].text
    streamed = connect("Generative", ANN_KEY).stream_generate_content(
        model=made.name, contents=[said("7")]
    )
    assert list(streamed)
    said_text = connect("Text", ANN_KEY).generate_text(
        request={"model": made.name, "prompt": google.TextPrompt(text="7")}
    )
    assert said_text.candidates[0].output
    with refused("ALREADY_EXISTS", exceptions.Conflict):
        by_ann.create_tuned_model(
            request={"tuned_model_id": "next-number", "tuned_model": tuned("")}
        )
    with refused("INVALID_ARGUMENT", exceptions.BadRequest):
        by_ann.create_tuned_model(tuned_model=google.TunedModel(base_model=WRITER))
    by_ben = connect("Model", BEN_KEY)
    with refused("NOT_FOUND", exceptions.NotFound):
        by_ben.get_tuned_model(name=made.name)
    with refused("NOT_FOUND", exceptions.NotFound):
        by_ben.get_operation({"name": name})
    shares = connect("Permission", ANN_KEY)
    reader = google.Permission(
        grantee_type=google.Permission.GranteeType.EVERYONE, role=google.Permission.Role.READER
    )
    one = shares.create_permission(parent=made.name, permission=reader)
    assert shares.get_permission(name=one.name) == one
    one.role = google.Permission.Role.WRITER
    assert shares.update_permission(permission=one, update_mask=mask("role")).role == one.role
    assert by_ben.get_tuned_model(name=made.name).description == "Counts"
    shares.delete_permission(name=one.name)
    shares.transfer_ownership(request={"name": made.name, "email_address": BEN})
    listed = shares.list_permissions(parent=made.name)
    assert {p.email_address: p.role.name for p in listed} == {BEN: "OWNER", ANN: "WRITER"}
    with refused("PERMISSION_DENIED", exceptions.Forbidden):
        by_ann.delete_tuned_model(name=made.name)
    by_ben.delete_tuned_model(name=made.name)
    with refused("NOT_FOUND", exceptions.NotFound):
        by_ben.get_tuned_model(name=made.name)


@check(
    "Generative.bidi_generate_content",
    "Prediction.predict",
    "Prediction.predict_long_running",
    "File.download_file",
)
def what_this_api_version_has_not() -> None:
    """Methods of the newest surface: a clear answer, not a stack trace."""
    with contextlib.suppress(NotImplementedError):  # the client's own: not over REST
        generative.bidi_generate_content(iter([]))
    with refused("NOT_FOUND", exceptions.NotFound):
        prediction.predict(model="models/absent", instances=[])
    with refused("NOT_FOUND", exceptions.NotFound):
        prediction.predict_long_running(model="models/absent", instances=[])
    with refused("INVALID_ARGUMENT", exceptions.BadRequest, "alt=media"):
        files.download_file(request={"name": "files/absent"})  # it cannot ask for media


@check(
    *(
        f"{name.removesuffix('ServiceClient')}.{operation}"
        for name in OFFERED
        for operation in (
            "get_operation",
            "list_operations",
            "cancel_operation",
            "delete_operation",
        )
        if hasattr(getattr(google, name), operation)
    )
)
def operations() -> None:
    for name in OFFERED:
        client = connect(name.removesuffix("ServiceClient"))
        for operation in ("get_operation", "cancel_operation", "delete_operation"):
            call = getattr(client, operation, None)
            if call is None:
                continue
            absent = {"name": "batches/absent"}
            if operation == "get_operation":
                absent = {"name": "tunedModels/absent/operations/absent"}
            with refused("NOT_FOUND", exceptions.NotFound):
                call(absent)
        with refused("NOT_FOUND", exceptions.NotFound):
            client.list_operations({"name": "tunedModels/absent"})


@check()
def every_method_was_exercised() -> None:
    offered = set()
    for name in OFFERED:
        kind = getattr(google, name)
        transport = kind.get_transport_class("rest")
        offered |= {
            f"{name.removesuffix('ServiceClient')}.{method}"
            for method in dir(kind)
            if not method.startswith("_")
            and isinstance(inspect.getattr_static(transport, method, None), property)
            and method not in ("kind", "host", "operations_client")
            and callable(getattr(kind, method))
        }
    assert exercised() == offered, exercised() ^ offered


if __name__ == "__main__":
    main()
