"""google-generativeai, Google's former high-level client, over REST.

Its functions that are coroutines speak gRPC alone: asked for REST, google-ai-generativelanguage
of this age has no asynchronous transport for it.
"""

from __future__ import annotations

import datetime
import io
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import google.generativeai as genai
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
    lose,
    main,
    raises,
)
from google.api_core import exceptions
from google.generativeai import answer, caching, operations, permission, retriever
from google.generativeai.types import retriever_types


def configure(key: str = OWNER_KEY, url: str = URL) -> None:
    genai.configure(api_key=key, transport="rest", client_options={"api_endpoint": url})


def envelope(error: Any) -> dict[str, Any]:
    body = error.response.json()
    return (body[0] if isinstance(body, list) else body)["error"]


refused = Refusals(exceptions.GoogleAPICallError, envelope)
configure()


@check(
    "retriever.create_corpus",
    "retriever.get_corpus",
    "retriever.list_corpora",
    "retriever.delete_corpus",
    "Corpus.update",
)
def corpora() -> None:
    made = retriever.create_corpus(display_name="Ferries of Skye")
    assert made.name.startswith("corpora/ferries-of-skye-")
    assert isinstance(made.create_time, datetime.datetime)
    named = retriever.create_corpus(name="ferries", display_name="Ferries")
    assert retriever.get_corpus("ferries") == named
    named.update({"display_name": "Boats"})
    assert retriever.get_corpus(named.name).display_name == "Boats"
    assert {made.name, named.name} <= {one.name for one in retriever.list_corpora(page_size=1)}
    with refused("ALREADY_EXISTS", exceptions.Conflict):
        retriever.create_corpus(name="ferries")
    named.create_document("one")
    with refused("FAILED_PRECONDITION", exceptions.BadRequest, "force"):
        retriever.delete_corpus(named.name, force=False)
    retriever.delete_corpus(named.name, force=True)
    retriever.delete_corpus(made.name, force=False)
    with refused("NOT_FOUND", exceptions.NotFound):
        retriever.get_corpus("ferries")


@check(
    "Corpus.create_document",
    "Corpus.get_document",
    "Corpus.list_documents",
    "Corpus.delete_document",
    "Document.update",
)
def documents() -> None:
    corpus = retriever.create_corpus(name="documents")
    metadata = [
        retriever_types.CustomMetadata(key="line", value="CalMac"),
        retriever_types.CustomMetadata(key="year", value=2020),
        retriever_types.CustomMetadata(key="ports", value=["Mallaig", "Armadale"]),
    ]
    made = corpus.create_document("one", "One", custom_metadata=metadata)
    assert made.name == "corpora/documents/documents/one"
    assert [one["key"] for one in made.custom_metadata] == ["line", "year", "ports"]
    assert corpus.get_document("one") == made
    made.update({"display_name": "New"})
    assert corpus.get_document("one").display_name == "New"
    corpus.create_document("two")
    assert [d.name[-3:] for d in corpus.list_documents(page_size=1)] == ["one", "two"]
    with refused("ALREADY_EXISTS", exceptions.Conflict):
        corpus.create_document("one")
    with refused("NOT_FOUND", exceptions.NotFound):
        corpus.get_document("absent")
    made.create_chunk(FERRY)
    with refused("FAILED_PRECONDITION", exceptions.BadRequest):
        corpus.delete_document("one")
    corpus.delete_document("one", force=True)
    with refused("NOT_FOUND", exceptions.NotFound):
        corpus.delete_document("one")
    retriever.delete_corpus(corpus.name, force=True)


@check(
    "Document.create_chunk",
    "Document.batch_create_chunks",
    "Document.get_chunk",
    "Document.list_chunks",
    "Document.batch_update_chunks",
    "Document.delete_chunk",
    "Document.batch_delete_chunks",
    "Chunk.update",
)
def chunks() -> None:
    document = retriever.create_corpus(name="chunks").create_document("doc")
    one = document.create_chunk(FERRY, name="one")
    assert one.name == f"{document.name}/chunks/one"
    assert one.state == retriever_types.State.STATE_ACTIVE
    assert document.get_chunk("one").data.string_value == FERRY
    one.update({"data": {"string_value": "It rains."}})
    assert document.get_chunk("one").data.string_value == "It rains."
    made = document.batch_create_chunks([f"Number {n}." for n in range(100)])
    assert made[7].data.string_value == "Number 7."
    assert len(list(document.list_chunks(page_size=40))) == 101
    changes = {made[0].name: {"data": {"string_value": "Zero."}}}
    document.batch_update_chunks(changes)
    assert document.get_chunk(made[0].name).data.string_value == "Zero."
    with refused("INVALID_ARGUMENT", exceptions.BadRequest):
        document.create_chunk("word " * 3000)
    with refused("ALREADY_EXISTS", exceptions.Conflict):
        document.create_chunk("Again.", name="one")
    document.batch_delete_chunks([chunk.name for chunk in made])
    document.delete_chunk("one")
    with refused("NOT_FOUND", exceptions.NotFound):
        document.get_chunk("one")
    assert not list(document.list_chunks())


@check("Corpus.query", "Document.query", "answer.generate_answer")
def queries_and_answers() -> None:
    corpus = retriever.create_corpus(name="queries")
    document = corpus.create_document("doc")
    document.create_chunk(FERRY, name="mallaig")
    for year in (2000, 2001, 2002):
        metadata = [retriever_types.CustomMetadata(key="year", value=year)]
        document.create_chunk(f"A ferry was built in {year}.", custom_metadata=metadata)
    found = corpus.query(QUESTION, results_count=2)
    assert len(found) == 2
    assert found[0].chunk.name == f"{document.name}/chunks/mallaig"
    assert 1 >= found[0].chunk_relevance_score >= found[1].chunk_relevance_score >= 0
    later = retriever_types.MetadataFilter(
        key="chunk.custom_metadata.year",
        conditions=[retriever_types.Condition(value=2000, operation="GREATER")],
    )
    for source in (corpus, document):
        years = [one.chunk.data.string_value for one in source.query("ferry", [later])]
        assert sorted(years) == ["A ferry was built in 2001.", "A ferry was built in 2002."]
    reply = answer.generate_answer(
        contents=QUESTION,
        semantic_retriever={"source": corpus, "query": QUESTION},
        answer_style="EXTRACTIVE",
    )
    assert "30 minutes" in reply.answer.content.parts[0].text
    assert reply.answerable_probability > 0.5
    reply = answer.generate_answer(
        contents=QUESTION, inline_passages=["Skye is an island.", FERRY], answer_style="VERBOSE"
    )
    (attribution,) = reply.answer.grounding_attributions
    assert attribution.source_id.grounding_passage.passage_id == "1"
    with refused("NOT_FOUND", exceptions.NotFound):
        answer.generate_answer(
            contents=QUESTION,
            semantic_retriever={"source": "corpora/absent", "query": QUESTION},
            answer_style="EXTRACTIVE",
        )
    with refused("INVALID_ARGUMENT", exceptions.BadRequest):
        corpus.query("")


@check(
    "Corpus.permissions",
    "Corpus.create_permission",
    "Corpus.list_permissions",
    "Permissions.create",
    "Permissions.list",
    "Permissions.get",
    "Permission.update",
    "Permission.delete",
    "permission.get_permission",
)
def sharing() -> None:
    configure(ANN_KEY)
    corpus = retriever.create_corpus(name="shared")
    configure(BEN_KEY)
    with refused("NOT_FOUND", exceptions.NotFound):
        retriever.get_corpus("shared")
    configure(ANN_KEY)
    made = corpus.permissions.create(role="READER", grantee_type="USER", email_address=BEN)
    assert permission.get_permission(made.name) == made
    assert corpus.permissions.get(made.name) == made
    assert len(list(corpus.permissions.list())) == 2
    configure(BEN_KEY)
    seen = retriever.get_corpus("shared")
    with refused("PERMISSION_DENIED", exceptions.Forbidden):
        seen.update({"display_name": "Ben's"})
    configure(ANN_KEY)
    made.update({"role": "WRITER"})
    configure(BEN_KEY)
    seen.update({"display_name": "Ben's"})
    with refused("PERMISSION_DENIED", exceptions.Forbidden):
        retriever.delete_corpus("corpora/shared", force=True)
    configure(ANN_KEY)
    made.delete()
    with refused("NOT_FOUND", exceptions.NotFound):
        permission.get_permission(made.name)
    corpus.create_permission(role="READER", grantee_type="EVERYONE")
    assert len(list(corpus.list_permissions())) == 2
    configure("not-a-key")
    with refused("INVALID_ARGUMENT", exceptions.BadRequest, "API key not valid") as bad_key:
        retriever.get_corpus("shared")
    assert bad_key.reasons == ["API_KEY_INVALID"]
    configure()


@check("list_models", "get_model", "get_base_model")
def catalog() -> None:
    names = {model.name for model in genai.list_models(page_size=1)}
    assert WRITER in names
    assert genai.get_model(WRITER) == genai.get_base_model(WRITER)
    with refused("NOT_FOUND", exceptions.NotFound):
        genai.get_model("models/absent")


@check(
    "GenerativeModel.generate_content",
    "GenerativeModel.count_tokens",
    "GenerativeModel.start_chat",
    "ChatSession.send_message",
    "ChatSession.rewind",
)
def generation() -> None:
    model = genai.GenerativeModel(WRITER, system_instruction="Be brief.")
    reply = model.generate_content("Say this.")
    assert reply.text == "Echo: Say this."
    assert reply.usage_metadata.total_token_count == 10
    pieces = list(model.generate_content("Say this to me.", stream=True))
    assert len(pieces) > 2
    assert "".join(p.text for p in pieces if p.parts) == "Echo: Say this to me."
    assert model.count_tokens("some text").total_tokens > 2
    chat = model.start_chat()
    chat.send_message("One.")
    assert chat.send_message("Two.", stream=False).text == "Echo: Two."
    for _ in chat.send_message("Three.", stream=True):
        pass
    assert [turn.role for turn in chat.history] == ["user", "model"] * 3
    chat.rewind()
    assert len(chat.history) == 4
    shaped = model.generate_content(
        "Which colour?", generation_config={"response_mime_type": "application/json"}
    )
    assert shaped.text == '{"colour": "blue"}'
    with refused("NOT_FOUND", exceptions.NotFound):
        genai.GenerativeModel("absent").generate_content("x")
    once: dict[str, Any] = {"request_options": {"retry": None, "timeout": 30}}
    for status, http in (
        ("RESOURCE_EXHAUSTED", 429),
        ("UNAVAILABLE", 503),
        ("DEADLINE_EXCEEDED", 504),
    ):
        with refused(status):
            model.generate_content(f"Please answer HTTP {http}.", **once)
        with refused(status):
            list(model.generate_content(f"Please answer HTTP {http}.", stream=True, **once))
    configure("any", BARE_URL)
    with refused("UNIMPLEMENTED", exceptions.MethodNotImplemented, "ragkit.toml"):
        genai.GenerativeModel(WRITER).generate_content("x")
    configure()


@check("GenerativeModel.generate_content", "ChatSession.send_message")
def functions() -> None:
    def weather(city: str) -> str:
        """The weather in a city."""
        return f"grey in {city}"

    model = genai.GenerativeModel(WRITER, tools=[weather])
    call = model.generate_content("Please call the tool.").parts[0].function_call
    assert (call.name, dict(call.args)) == ("weather", {"city": "Oban"})
    chat = model.start_chat(enable_automatic_function_calling=True)
    assert "grey in Oban" in chat.send_message("Please call the tool.").text


@check("embed_content")
def embeddings() -> None:
    model = "models/text-embedding-004"
    one = genai.embed_content(model, "a ferry", task_type="retrieval_query")["embedding"]
    both = genai.embed_content(
        model, ["a ferry", "a boat"], task_type="retrieval_document", title="Boats"
    )["embedding"]
    assert [len(vector) for vector in (one, *both)] == [256] * 3
    assert len(genai.embed_content(model, "x", output_dimensionality=64)["embedding"]) == 64


@check("upload_file", "get_file", "list_files", "delete_file")
def files() -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "ferry.txt"
        path.write_text(FERRY)
        made = genai.upload_file(path, name="ferry-by-genai")
    assert (made.name, made.display_name) == ("files/ferry-by-genai", "ferry.txt")
    assert (made.mime_type, made.size_bytes) == ("text/plain", len(FERRY))
    assert made.state.name == "ACTIVE"
    assert genai.get_file("ferry-by-genai").sha256_hash == made.sha256_hash
    big = genai.upload_file(
        io.BytesIO(b"x" * (1 << 20)), mime_type="text/plain", resumable=True, display_name="Big"
    )
    whole = genai.upload_file(io.BytesIO(b"whole"), mime_type="text/plain", resumable=False)
    assert (big.size_bytes, whole.size_bytes) == (1 << 20, 5)
    assert {made.name, big.name, whole.name} <= {one.name for one in genai.list_files(page_size=1)}
    said = genai.GenerativeModel(WRITER).generate_content(["Repeat: ", made])
    assert FERRY in said.text
    big.delete()
    genai.delete_file(whole)
    with refused("NOT_FOUND", exceptions.NotFound):
        genai.get_file(big.name)
    lose(FERRY)
    with refused("DATA_LOSS", exceptions.InternalServerError):
        genai.GenerativeModel(WRITER).generate_content(["Repeat: ", made])
    made.delete()


@check(
    "CachedContent.create",
    "CachedContent.get",
    "CachedContent.list",
    "CachedContent.update",
    "CachedContent.delete",
    "GenerativeModel.from_cached_content",
)
def cached_contents() -> None:
    made = caching.CachedContent.create(
        WRITER,
        display_name="Ferries",
        contents=[FERRY],
        system_instruction="Be brief.",
        ttl=datetime.timedelta(minutes=5),
    )
    assert made.usage_metadata.total_token_count > 10
    assert caching.CachedContent.get(made.name).expire_time == made.expire_time
    assert made.name in [one.name for one in caching.CachedContent.list()]
    model = genai.GenerativeModel.from_cached_content(made)
    assert model.generate_content("Say this.").text == "Echo: Say this."
    before = made.expire_time
    made.update(ttl=datetime.timedelta(hours=2))
    assert made.expire_time > before
    made.delete()
    with refused("NOT_FOUND", exceptions.NotFound):
        caching.CachedContent.get(made.name)
    with refused("NOT_FOUND", exceptions.NotFound):
        model.generate_content("Say this.")


@check(
    "create_tuned_model",
    "get_tuned_model",
    "list_tuned_models",
    "update_tuned_model",
    "delete_tuned_model",
    "get_operation",
    "list_operations",
    "CreateTunedModelOperation.wait_bar",
    "Permissions.transfer_ownership",
)
def tuned_models() -> None:
    configure(ANN_KEY)
    examples = [{"text_input": str(n), "output": str(n + 1)} for n in range(1, 12)]
    operation = genai.create_tuned_model(
        WRITER, examples, id="next-number", display_name="Next number", epoch_count=2
    )
    for status in operation.wait_bar(disable=True):
        assert status.total_steps >= status.completed_steps
        time.sleep(0.2)
    made = operation.result()
    assert made.name == "tunedModels/next-number"
    assert made.state.name == "ACTIVE"
    assert genai.get_operation(operation.name).done()
    assert made.tuning_task.snapshots
    assert genai.get_tuned_model(made.name).base_model == WRITER
    assert genai.get_model(made.name).name == made.name
    assert made.name in [one.name for one in genai.list_tuned_models()]
    changed = genai.update_tuned_model(made.name, {"description": "Counts"})
    assert changed.description == "Counts"
    assert genai.GenerativeModel(made.name).generate_content("7").text
    with refused("ALREADY_EXISTS", exceptions.Conflict):
        genai.create_tuned_model(WRITER, examples, id="next-number")
    again = genai.create_tuned_model(made.name, examples, id="next-again", epoch_count=1)
    assert again.result(timeout=60).source_model == made.name
    shares = made.permissions
    shares.create(role="READER", grantee_type="EVERYONE")
    shares.transfer_ownership(BEN)
    roles = {one.email_address: one.role.name for one in shares}
    assert roles[BEN] == "OWNER"
    with refused("PERMISSION_DENIED", exceptions.Forbidden):
        genai.delete_tuned_model(made.name)
    configure(BEN_KEY)
    genai.delete_tuned_model(made.name)
    with refused("NOT_FOUND", exceptions.NotFound):
        genai.get_tuned_model(made.name)
    configure()
    # It asks for the operations of no model, for which its own REST transport has no path.
    with raises(ValueError, "Invalid request"):
        list(operations.list_operations())


if __name__ == "__main__":
    main()
