"""langchain-google-genai, of its 2.0 and 2.1 lines: the vector store, answers, embeddings, chat.

Its asynchronous functions that do not fall back on the synchronous ones speak gRPC alone: for
REST there is no asynchronous transport in the client beneath.
"""

from __future__ import annotations

from typing import Any

from checks import (
    ANN_KEY,
    BARE_URL,
    BEN_KEY,
    FERRY,
    OWNER_KEY,
    QUESTION,
    URL,
    Refusals,
    check,
    main,
    raises,
)
from google.api_core import exceptions
from google.auth.credentials import Credentials
from langchain_core.documents import Document
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.tools import tool
from langchain_google_genai import (
    AqaInput,
    ChatGoogleGenerativeAI,
    DoesNotExistsException,
    GenAIAqa,
    GoogleGenerativeAI,
    GoogleGenerativeAIEmbeddings,
    GoogleVectorStore,
)
from langchain_google_genai import _genai_extension as extension
from rest_first import rest_first

rest_first()


class Key(Credentials):
    """The store's documented way to say who calls is google-auth's credentials."""

    def __init__(self, key: str) -> None:
        super().__init__()
        self.token = key

    def refresh(self, request: Any) -> None:
        """There is nothing newer to be had."""


def configure(key: str = OWNER_KEY, url: str = URL) -> None:
    extension.set_config(extension.Config(api_endpoint=url, auth_credentials=Key(key)))


def envelope(error: Any) -> dict[str, Any]:
    # The chat model raises errors of its own, from the API's.
    while not hasattr(error, "response"):
        error = error.__cause__
    body = error.response.json()
    return (body[0] if isinstance(body, list) else body)["error"]


refused = Refusals(Exception, envelope)
configure()


@check(
    "GoogleVectorStore.create_corpus",
    "GoogleVectorStore.create_document",
    "GoogleVectorStore.__init__",
    "GoogleVectorStore.from_texts",
    "GoogleVectorStore.add_texts",
    "GoogleVectorStore.add_documents",
    "GoogleVectorStore.similarity_search",
    "GoogleVectorStore.similarity_search_with_score",
    "GoogleVectorStore.similarity_search_with_relevance_scores",
    "GoogleVectorStore.as_retriever",
    "GoogleVectorStore.delete",
)
def store() -> None:
    corpus = GoogleVectorStore.create_corpus(corpus_id="ferries", display_name="Ferries")
    assert corpus.corpus_id == "ferries"
    unnamed = GoogleVectorStore.create_corpus()
    assert unnamed.corpus_id.startswith("untitled-")
    with refused("ALREADY_EXISTS", exceptions.Conflict):
        GoogleVectorStore.create_corpus(corpus_id="ferries")
    document = GoogleVectorStore.create_document(
        corpus_id="ferries", document_id="skye", display_name="Skye", metadata={"line": "CalMac"}
    )
    assert (document.corpus_id, document.document_id) == ("ferries", "skye")
    texts = [f"Ferry number {number}." for number in range(250)]
    metadatas = [{"number": number, "kind": "list"} for number in range(250)]
    names = document.add_texts(texts, metadatas)
    assert len(set(names)) == 250  # in three batches
    (mallaig,) = document.add_documents([Document(page_content=FERRY, metadata={"port": "M"})])
    found = document.similarity_search_with_score(QUESTION, k=3)
    assert found[0][0].page_content == FERRY
    assert [1 >= score >= 0 for _, score in found] == [True] * 3
    assert corpus.similarity_search(QUESTION, k=1)[0].page_content == FERRY
    (one,) = corpus.similarity_search("ferry", filter={"chunk.custom_metadata.number": 17})
    assert one.page_content == "Ferry number 17."
    assert 0 < corpus.similarity_search_with_relevance_scores(QUESTION, k=1)[0][1] <= 1
    (one,) = corpus.as_retriever(search_kwargs={"k": 1}).invoke(QUESTION)
    assert one.page_content == FERRY
    again = GoogleVectorStore.from_texts(["Another."], corpus_id="ferries", document_id="skye")
    assert again.similarity_search("another", k=1)[0].page_content == "Another."
    assert document.delete([mallaig, *names[:5]])
    assert FERRY not in [one.page_content for one in document.similarity_search(QUESTION)]
    with refused("NOT_FOUND"):
        document.delete([mallaig])
    assert corpus.delete(["corpora/ferries/documents/skye"])
    with raises(DoesNotExistsException):
        GoogleVectorStore(corpus_id="ferries", document_id="skye")
    assert corpus.delete(["corpora/ferries", unnamed.name])


@check("GoogleVectorStore.__init__")
def what_is_absent_or_hidden() -> None:
    # A corpus that is not there is NOT_FOUND here. At Google's it is PERMISSION_DENIED, which the
    # store makes a DoesNotExistsException of.
    with refused("NOT_FOUND"):
        GoogleVectorStore(corpus_id="absent")
    configure(ANN_KEY)
    GoogleVectorStore.create_corpus(corpus_id="of-ann")
    configure(BEN_KEY)
    with refused("NOT_FOUND"):
        GoogleVectorStore(corpus_id="of-ann")
    configure("wrong")
    with refused("UNAUTHENTICATED"):
        GoogleVectorStore(corpus_id="of-ann")
    configure()


@check("GenAIAqa.invoke", "GoogleVectorStore.as_aqa")
def answers() -> None:
    reply = GenAIAqa(answer_style=2).invoke(
        AqaInput(prompt=QUESTION, source_passages=["Skye is an island.", FERRY])
    )
    assert reply.answer in FERRY
    assert "30 minutes" in reply.answer
    assert reply.attributed_passages == [reply.answer]
    assert 0.5 < reply.answerable_probability <= 1
    for style in (1, 3):
        reply = GenAIAqa(answer_style=style, temperature=0.2).invoke(
            AqaInput(prompt=QUESTION, source_passages=[FERRY])
        )
        assert "30 minutes" in reply.answer
    unknown = GenAIAqa(answer_style=2).invoke(
        AqaInput(prompt="Who wrote Hamlet?", source_passages=[FERRY])
    )
    assert unknown.answerable_probability < 0.5
    store = GoogleVectorStore.create_corpus(corpus_id="answers")
    GoogleVectorStore.create_document(corpus_id="answers", document_id="doc")
    store.add_texts([FERRY, "Skye is an island."], document_id="doc")
    assert "30 minutes" in store.as_aqa(answer_style=2).invoke(QUESTION).answer
    with refused("INVALID_ARGUMENT"):
        GenAIAqa(temperature=2.0).invoke(AqaInput(prompt=QUESTION, source_passages=[FERRY]))


def options(key: str = OWNER_KEY, url: str = URL) -> dict[str, Any]:
    return {
        "google_api_key": key,
        "transport": "rest",
        "client_options": {"api_endpoint": url},
    }


@check("GoogleGenerativeAIEmbeddings.embed_query", "GoogleGenerativeAIEmbeddings.embed_documents")
def embeddings() -> None:
    model = GoogleGenerativeAIEmbeddings(model="models/text-embedding-004", **options())
    vectors = model.embed_documents([f"Text number {number}." for number in range(150)])
    assert [len(vector) for vector in vectors] == [256] * 150
    assert len(model.embed_query("a ferry")) == 256
    assert len(model.embed_query("a ferry", output_dimensionality=64)) == 64
    titled = model.embed_documents(["a ferry"], titles=["Boats"], task_type="RETRIEVAL_DOCUMENT")
    assert len(titled[0]) == 256
    absent = GoogleGenerativeAIEmbeddings(model="models/absent", **options())
    with refused("NOT_FOUND"):
        absent.embed_query("a ferry")


def chat(**fields: Any) -> Any:
    # With other names than Google's, the client of 2.1 hands its own options to the method.
    given = {"model": "gemini-2.0-flash", "max_retries": 1, **options(), **fields}
    return ChatGoogleGenerativeAI(**given)


@check(
    "ChatGoogleGenerativeAI.invoke",
    "ChatGoogleGenerativeAI.stream",
    "ChatGoogleGenerativeAI.batch",
    "ChatGoogleGenerativeAI.get_num_tokens",
    "ChatGoogleGenerativeAI.bind_tools",
    "ChatGoogleGenerativeAI.with_structured_output",
    "GoogleGenerativeAI.invoke",
)
def writing() -> None:
    model = chat(temperature=0.2, max_output_tokens=50)
    reply = model.invoke([SystemMessage("Be brief."), HumanMessage("Say this.")])
    assert reply.content == "Echo: Say this."
    assert reply.usage_metadata["input_tokens"] == 7
    assert reply.response_metadata["finish_reason"] == "STOP"
    pieces = [piece.content for piece in model.stream("Say this to me.")]
    assert len(pieces) > 2
    assert "".join(pieces) == "Echo: Say this to me."
    assert [one.content for one in model.batch(["A.", "B."])] == ["Echo: A.", "Echo: B."]
    assert model.get_num_tokens("some text") == 2

    @tool
    def weather(city: str) -> str:
        """The weather in a city."""
        return f"grey in {city}"

    bound = model.bind_tools([weather])
    asked = bound.invoke("Please call the tool.")
    assert isinstance(asked, AIMessage)
    (call,) = asked.tool_calls
    assert (call["name"], call["args"]) == ("weather", {"city": "Oban"})
    result = weather.invoke(call)
    assert isinstance(result, ToolMessage)
    after = bound.invoke([HumanMessage("Please call the tool."), asked, result])
    assert "grey in Oban" in after.content
    shaped = model.with_structured_output(
        {
            "title": "Colour",
            "description": "A colour",
            "type": "object",
            "properties": {"city": {"type": "string"}},
        }
    )
    assert "'city': 'Oban'" in str(shaped.invoke("Please call the tool."))
    language_model = GoogleGenerativeAI(model="gemini-2.0-flash", **options())
    assert language_model.invoke("Say this.") == "Echo: Say this."


@check("ChatGoogleGenerativeAI.invoke", "ChatGoogleGenerativeAI.stream")
def failing_writers() -> None:
    for status, http in (
        ("RESOURCE_EXHAUSTED", 429),
        ("DEADLINE_EXCEEDED", 504),
        ("INVALID_ARGUMENT", 400),
    ):
        with refused(status):
            chat().invoke(f"Please answer HTTP {http}.")
    with refused("INVALID_ARGUMENT", text="API key not valid"):
        chat(**options("not-a-key")).invoke("x")
    with refused("UNIMPLEMENTED", text="ragkit.toml"):
        chat(**options("any", BARE_URL)).invoke("x")


if __name__ == "__main__":
    main()
