"""Google's own generated client against our service: it must read every reply, and we its requests.

The client's HTTP session gets an adapter that hands requests to the service in this process; all
else (transcoding, integer enums, parsing, errors by HTTP status) is the client's own.
"""

from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests
from google.ai import generativelanguage_v1beta as google
from google.api_core import exceptions
from google.auth.credentials import AnonymousCredentials
from google.protobuf import field_mask_pb2  # type: ignore[import-untyped]

from ragkit.api.wire import HttpRequest
from ragkit.service import open_service


class Adapter(requests.adapters.BaseAdapter):
    def __init__(self, service: Any) -> None:
        super().__init__()
        self.service = service

    def send(self, request: Any, *args: Any, **options: Any) -> Any:
        url = urlsplit(request.url)
        body = request.body or b""
        reply = self.service.dispatch(
            HttpRequest(
                request.method,
                url.path,
                parse_qsl(url.query, keep_blank_values=True),
                dict(request.headers),
                body if isinstance(body, bytes) else body.encode(),
            )
        )
        response = requests.Response()
        response.status_code = reply.status
        response._content = reply.body
        response.headers.update(reply.headers)
        response.request = request
        response.url = request.url
        return response

    def close(self) -> None:
        pass


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    service = open_service(tmp_path_factory.mktemp("google") / "data")
    yield service
    service.close()


@pytest.fixture(scope="module")
def connect(service):
    def connected(client_class: Any) -> Any:
        credentials = AnonymousCredentials()  # type: ignore[no-untyped-call]
        transport = client_class.get_transport_class("rest")(credentials=credentials)
        transport._session.mount("https://", Adapter(service))
        return client_class(transport=transport)

    return connected


@pytest.fixture(scope="module")
def retriever(connect):
    return connect(google.RetrieverServiceClient)


@pytest.fixture(scope="module")
def generative(connect):
    return connect(google.GenerativeServiceClient)


def text_chunk(text: str, **fields: object) -> Any:
    return google.Chunk(data=google.ChunkData(string_value=text), **fields)


def text_content(text: str) -> Any:
    return google.Content(parts=[google.Part(text=text)])


def mask(*paths: str) -> Any:
    return field_mask_pb2.FieldMask(paths=paths)


@pytest.fixture(scope="module")
def document(retriever):
    corpus = retriever.create_corpus(corpus=google.Corpus(display_name="My library"))
    assert corpus.name.startswith("corpora/my-library-")
    return retriever.create_document(
        parent=corpus.name,
        document=google.Document(
            name=f"{corpus.name}/documents/d",
            custom_metadata=[
                google.CustomMetadata(key="year", numeric_value=2020),
                google.CustomMetadata(
                    key="tags", string_list_value=google.StringList(values=["a", "b"])
                ),
            ],
        ),
    )


def test_corpora(retriever):
    corpus = retriever.create_corpus(corpus=google.Corpus(name="corpora/lifecycle"))
    assert retriever.get_corpus(name=corpus.name) == corpus
    corpus.display_name = "new"
    updated = retriever.update_corpus(corpus=corpus, update_mask=mask("display_name"))
    assert updated.display_name == "new"
    assert updated.update_time >= updated.create_time
    for number in range(12):
        retriever.create_corpus(corpus=google.Corpus(name=f"corpora/n{number}"))
    names = [one.name for one in retriever.list_corpora(request={"page_size": 5})]
    assert len(names) == len(set(names)) >= 13
    for number in range(12):
        retriever.delete_corpus(name=f"corpora/n{number}")
    retriever.delete_corpus(name=corpus.name)


def test_documents(retriever, document):
    assert retriever.get_document(name=document.name) == document
    document = google.Document(name=document.name, display_name="new")
    updated = retriever.update_document(document=document, update_mask=mask("display_name"))
    assert updated.display_name == "new"
    assert [entry.key for entry in updated.custom_metadata] == ["year", "tags"]
    parent = document.name.partition("/documents/")[0]
    assert [one.name for one in retriever.list_documents(parent=parent)] == [document.name]


def test_chunks_in_batches_and_queries_with_filters(retriever, document):
    created = retriever.batch_create_chunks(
        request=google.BatchCreateChunksRequest(
            parent=document.name,
            requests=[
                google.CreateChunkRequest(
                    parent=document.name,
                    chunk=text_chunk(
                        f"Zebra number {number}.",
                        custom_metadata=[google.CustomMetadata(key="n", numeric_value=number)],
                    ),
                )
                for number in range(100)
            ],
        )
    ).chunks
    assert [chunk.data.string_value for chunk in created][99] == "Zebra number 99."
    assert created[0].state == google.Chunk.State.STATE_ACTIVE
    assert retriever.get_chunk(name=created[0].name) == created[0]
    assert list(retriever.list_chunks(parent=document.name)) == list(created)

    def condition(operator: Any, value: float) -> Any:
        operation = google.Condition(operation=operator, numeric_value=value)
        return google.MetadataFilter(key="chunk.custom_metadata.n", conditions=[operation])

    operators = google.Condition.Operator
    request = {
        "query": "zebra",
        "results_count": 100,
        "metadata_filters": [
            condition(operators.GREATER_EQUAL, 10),
            condition(operators.LESS, 12),
        ],
    }
    corpus = document.name.partition("/documents/")[0]
    for name, query in (
        (corpus, retriever.query_corpus),
        (document.name, retriever.query_document),
    ):
        found = query(request={"name": name, **request}).relevant_chunks
        assert {one.chunk.data.string_value for one in found} == {
            "Zebra number 10.",
            "Zebra number 11.",
        }
        assert all(0 <= one.chunk_relevance_score <= 1 for one in found)

    updates = [
        google.UpdateChunkRequest(
            chunk=text_chunk("Penguin.", name=chunk.name), update_mask=mask("data")
        )
        for chunk in created[:2]
    ]
    updated = retriever.batch_update_chunks(
        request={"parent": document.name, "requests": updates}
    ).chunks
    assert [chunk.data.string_value for chunk in updated] == ["Penguin."] * 2
    retriever.batch_delete_chunks(
        request={"parent": document.name, "requests": [{"name": one.name} for one in created]}
    )
    assert list(retriever.list_chunks(parent=document.name)) == []


def test_a_single_chunk(retriever, document):
    chunk = retriever.create_chunk(parent=document.name, chunk=text_chunk("Old text."))
    changed = text_chunk("New text.", name=chunk.name)
    updated = retriever.update_chunk(chunk=changed, update_mask=mask("data"))
    assert updated.data.string_value == "New text."
    retriever.delete_chunk(name=chunk.name)
    with pytest.raises(exceptions.NotFound):
        retriever.get_chunk(name=chunk.name)


def test_answers(retriever, generative, document):
    chunk = retriever.create_chunk(
        parent=document.name, chunk=text_chunk("Berlin is the capital of Germany. It is big.")
    )
    question = text_content("What is the capital of Germany?")
    style = google.GenerateAnswerRequest.AnswerStyle.EXTRACTIVE
    reply = generative.generate_answer(
        request={
            "model": "models/aqa",
            "contents": [question],
            "answer_style": style,
            "semantic_retriever": {"source": document.name, "query": question},
        }
    )
    assert reply.answer.content.parts[0].text == "Berlin is the capital of Germany."
    assert reply.answer.finish_reason == google.Candidate.FinishReason.STOP
    (attribution,) = reply.answer.grounding_attributions
    assert attribution.source_id.semantic_retriever_chunk.chunk == chunk.name
    assert "answerable_probability" in reply
    passages = [{"id": "0", "content": text_content("Bonn was the capital of Germany.")}]
    reply = generative.generate_answer(
        request={
            "model": "models/aqa",
            "contents": [question],
            "answer_style": style,
            "inline_passages": {"passages": passages},
        }
    )
    (attribution,) = reply.answer.grounding_attributions
    assert attribution.source_id.grounding_passage.passage_id == "0"


def test_models(connect, generative):
    models = connect(google.ModelServiceClient)
    listed = list(models.list_models())
    assert [models.get_model(name=model.name) for model in listed] == listed
    content = text_content("some text")
    one = generative.embed_content(model="models/text-embedding-004", content=content)
    assert len(one.embedding.values) == 256
    request = google.EmbedContentRequest(
        model="models/embedding-001",
        content=content,
        task_type=google.TaskType.RETRIEVAL_DOCUMENT,
        title="Title",
    )
    batch = generative.batch_embed_contents(model="models/embedding-001", requests=[request] * 3)
    assert len(batch.embeddings) == 3
    counted = generative.count_tokens(model="models/aqa", contents=[content])
    assert counted.total_tokens == 2


def test_errors_are_told_by_the_http_status(retriever, document):
    with pytest.raises(exceptions.NotFound, match="corpora/absent does not exist"):
        retriever.get_corpus(name="corpora/absent")
    with pytest.raises(exceptions.Conflict, match="already exists"):
        retriever.create_document(parent=document.name.partition("/doc")[0], document=document)
    retriever.create_chunk(parent=document.name, chunk=text_chunk("x"))
    with pytest.raises(exceptions.BadRequest, match="force"):
        retriever.delete_document(name=document.name)
    with pytest.raises(exceptions.BadRequest, match="2,043"):
        retriever.create_chunk(parent=document.name, chunk=text_chunk("word " * 3000))
    retriever.delete_document(request={"name": document.name, "force": True})
