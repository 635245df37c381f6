"""LlamaIndex's packages for Google's semantic retriever: index, vector store, synthesizer."""

from __future__ import annotations

from typing import Any

from checks import (
    ANN_KEY,
    BEN_KEY,
    FERRY,
    OWNER_KEY,
    QUESTION,
    URL,
    Refusals,
    check,
    main,
)
from google.api_core import exceptions
from google.auth.credentials import Credentials
from llama_index.core import Document, Settings
from llama_index.core.llms import MockLLM
from llama_index.core.schema import (
    NodeRelationship,
    NodeWithScore,
    QueryBundle,
    RelatedNodeInfo,
    TextNode,
)
from llama_index.core.vector_stores import ExactMatchFilter, MetadataFilters, VectorStoreQuery
from llama_index.indices.managed.google import GoogleIndex
from llama_index.response_synthesizers.google import GoogleTextSynthesizer
from llama_index.vector_stores.google import GoogleVectorStore, set_google_config
from rest_first import rest_first

rest_first()


class Key(Credentials):
    """The store's documented way to say who calls is google-auth's credentials."""

    def __init__(self, key: str) -> None:
        super().__init__()
        self.token = key

    def refresh(self, request: Any) -> None:
        """There is nothing newer to be had."""


def configure(key: str = OWNER_KEY) -> None:
    set_google_config(api_endpoint=URL, auth_credentials=Key(key))


def envelope(error: Any) -> dict[str, Any]:
    body = error.response.json()
    return (body[0] if isinstance(body, list) else body)["error"]


refused = Refusals(exceptions.GoogleAPICallError, envelope)
configure()
Settings.llm = MockLLM()  # the query engine asks for one, and answers without it


def node(text: str, source: str, **metadata: Any) -> TextNode:
    related = RelatedNodeInfo(node_id=source, metadata={"file_name": f"{source}.txt"})
    return TextNode(text=text, metadata=metadata, relationships={NodeRelationship.SOURCE: related})


@check(
    "GoogleVectorStore.create_corpus",
    "GoogleVectorStore.from_corpus",
    "GoogleVectorStore.add",
    "GoogleVectorStore.query",
    "GoogleVectorStore.delete",
)
def store() -> None:
    unnamed = GoogleVectorStore.create_corpus(display_name="Unnamed")
    assert len(unnamed.corpus_id) == 36  # a UUID
    made = GoogleVectorStore.create_corpus(corpus_id="ferries", display_name="Ferries")
    assert GoogleVectorStore.from_corpus(corpus_id="ferries").corpus_id == made.corpus_id
    with refused("ALREADY_EXISTS", exceptions.Conflict):
        GoogleVectorStore.create_corpus(corpus_id="ferries")
    names = made.add(
        [
            node(FERRY, "skye", year=2001),
            node("Skye is an island.", "skye", year=2002),
            *(node(f"Number {number}.", "many", year=1900) for number in range(150)),
            TextNode(text="Nobody's text."),
        ]
    )
    assert len(set(names)) == 153
    assert any("/documents/default-doc/" in name for name in names)
    reply = made.query(VectorStoreQuery(query_str=QUESTION, similarity_top_k=3))
    assert reply.nodes[0].text == FERRY
    assert len(reply.similarities) == 3
    assert len(set(reply.ids)) == 3
    within = VectorStoreQuery(query_str="island", doc_ids=["skye"], similarity_top_k=1)
    assert made.query(within).nodes[0].text == "Skye is an island."
    # Its filters are of equality alone, whatever operator they name.
    filters = MetadataFilters(
        filters=[ExactMatchFilter(key="chunk.custom_metadata.year", value=2002)]
    )
    found = made.query(VectorStoreQuery(query_str="x", filters=filters, similarity_top_k=5))
    assert [one.text for one in found.nodes] == ["Skye is an island."]
    (name,) = made.add([node("One more.", "skye")])  # the document is there already
    assert name.startswith("corpora/ferries/documents/skye/chunks/")
    made.delete("skye")
    reply = made.query(VectorStoreQuery(query_str=QUESTION, similarity_top_k=3))
    assert FERRY not in [one.text for one in reply.nodes]
    with refused("NOT_FOUND", exceptions.NotFound):
        made.delete("skye")


@check("GoogleVectorStore.from_corpus")
def what_is_absent_or_hidden() -> None:
    # A corpus that is not there is NOT_FOUND here. At Google's it is PERMISSION_DENIED, which the
    # store makes a NoSuchCorpusException of.
    with refused("NOT_FOUND", exceptions.NotFound):
        GoogleVectorStore.from_corpus(corpus_id="absent")
    configure(ANN_KEY)
    GoogleVectorStore.create_corpus(corpus_id="of-ann")
    configure(BEN_KEY)
    with refused("NOT_FOUND", exceptions.NotFound):
        GoogleVectorStore.from_corpus(corpus_id="of-ann")
    configure("wrong")
    with refused("UNAUTHENTICATED", exceptions.Unauthorized):
        GoogleVectorStore.from_corpus(corpus_id="of-ann")
    configure()


@check("GoogleTextSynthesizer.synthesize", "GoogleTextSynthesizer.get_response")
def synthesizer() -> None:
    passages = ["Skye is an island.", FERRY]
    for style in (1, 2, 3):
        one = GoogleTextSynthesizer.from_defaults(temperature=0.2, answer_style=style)
        reply = one.get_response(query_str=QUESTION, text_chunks=passages)
        assert "30 minutes" in reply.answer
        assert reply.attributed_passages[0] in FERRY
        assert 0.5 < reply.answerable_probability <= 1
    nodes = [NodeWithScore(node=TextNode(text=text), score=0.5) for text in passages]
    whole = GoogleTextSynthesizer.from_defaults(answer_style=2).synthesize(
        query=QueryBundle(query_str=QUESTION), nodes=nodes
    )
    assert "30 minutes" in whole.response
    assert whole.metadata["answerable_probability"] > 0.5
    assert [one.score for one in whole.source_nodes] == [None, 0.5, 0.5]
    with refused("INVALID_ARGUMENT", exceptions.BadRequest):
        GoogleTextSynthesizer.from_defaults(temperature=2.0).get_response(
            query_str=QUESTION, text_chunks=passages
        )


@check(
    "GoogleIndex.create_corpus",
    "GoogleIndex.from_corpus",
    "GoogleIndex.from_documents",
    "GoogleIndex.insert_documents",
    "GoogleIndex.delete_ref_doc",
    "GoogleIndex.as_retriever",
    "GoogleIndex.as_query_engine",
)
def index() -> None:
    made = GoogleIndex.create_corpus(corpus_id="index", display_name="Index")
    documents = [
        Document(text=FERRY, doc_id="ferry", metadata={"file_name": "ferry.txt"}),
        Document(text="Skye is an island.", doc_id="skye"),
    ]
    made.insert_documents(documents)
    again = GoogleIndex.from_corpus(corpus_id="index")
    (found,) = again.as_retriever(similarity_top_k=1).retrieve(QUESTION)
    assert FERRY in found.text
    assert 0 < found.score <= 1
    reply = again.as_query_engine(answer_style=2, temperature=0.2).query(QUESTION)
    assert "30 minutes" in reply.response
    assert reply.metadata["answerable_probability"] > 0.5
    made.delete_ref_doc("ferry")
    left = [one.text for one in again.as_retriever().retrieve(QUESTION)]
    assert left == ["Skye is an island."]
    fresh = GoogleIndex.from_documents(documents)
    assert len(fresh.corpus_id) == 36
    assert "30 minutes" in fresh.as_query_engine(answer_style=2).query(QUESTION).response


if __name__ == "__main__":
    main()
