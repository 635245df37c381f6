"""LlamaIndex's present packages for Google's models, which rest on google-genai."""

from __future__ import annotations

import asyncio
from typing import Any

from checks import BARE_URL, OWNER_KEY, URL, WRITER, Refusals, check, main
from google.genai import errors, types
from llama_index.core.llms import ChatMessage
from llama_index.core.tools import FunctionTool
from llama_index.embeddings.google_genai import GoogleGenAIEmbedding
from llama_index.llms.google_genai import GoogleGenAI


def envelope(error: Any) -> dict[str, Any]:
    details = error.details[0] if isinstance(error.details, list) else error.details
    return details["error"]


refused = Refusals(errors.APIError, envelope)


def writer(model: str = WRITER, key: str = OWNER_KEY, url: str = URL) -> Any:
    options = types.HttpOptions(base_url=url)
    return GoogleGenAI(model=model, api_key=key, http_options=options, max_retries=0)


@check(
    "GoogleGenAI.complete",
    "GoogleGenAI.stream_complete",
    "GoogleGenAI.chat",
    "GoogleGenAI.stream_chat",
    "GoogleGenAI.acomplete",
    "GoogleGenAI.achat",
    "GoogleGenAI.astream_chat",
    "GoogleGenAI.chat_with_tools",
)
def writing() -> None:
    llm = writer()
    assert llm.complete("Say this.").text == "Echo: Say this."
    *_, last = llm.stream_complete("Say this to me.")
    assert last.text == "Echo: Say this to me."
    turns = [
        ChatMessage(role="system", content="Be brief."),
        ChatMessage(role="user", content="Say this."),
    ]
    assert llm.chat(turns).message.content == "Echo: Say this."
    pieces = list(llm.stream_chat(turns))
    assert "".join(piece.delta or "" for piece in pieces) == "Echo: Say this."

    async def again() -> None:
        llm = writer()
        assert (await llm.acomplete("A.")).text == "Echo: A."
        assert (await llm.achat(turns)).message.content == "Echo: Say this."
        stream = await llm.astream_chat(turns)
        assert "".join([piece.delta or "" async for piece in stream]) == "Echo: Say this."

    asyncio.run(again())

    def weather(city: str) -> str:
        """The weather in a city."""
        return f"grey in {city}"

    reply = llm.chat_with_tools([FunctionTool.from_defaults(weather)], "Please call the tool.")
    (call,) = llm.get_tool_calls_from_response(reply)
    assert (call.tool_name, call.tool_kwargs) == ("weather", {"city": "Oban"})


@check("GoogleGenAI.__init__", "GoogleGenAI.complete")
def failing() -> None:
    for status, http in (
        ("RESOURCE_EXHAUSTED", 429),
        ("UNAVAILABLE", 503),
        ("DEADLINE_EXCEEDED", 504),
        ("INVALID_ARGUMENT", 400),
    ):
        with refused(status):
            writer().complete(f"Please answer HTTP {http}.")
    with refused("NOT_FOUND"):
        writer("models/absent")
    with refused("INVALID_ARGUMENT", text="API key not valid"):
        writer(key="not-a-key")
    with refused("NOT_FOUND"):  # it asks for the model first, and no model writes there
        writer("gemini-2.0-flash", "any", BARE_URL)


@check(
    "GoogleGenAIEmbedding.get_text_embedding",
    "GoogleGenAIEmbedding.get_text_embedding_batch",
    "GoogleGenAIEmbedding.get_query_embedding",
    "GoogleGenAIEmbedding.aget_text_embedding",
)
def embeddings() -> None:
    model = GoogleGenAIEmbedding(
        model_name="text-embedding-004",
        api_key=OWNER_KEY,
        http_options=types.HttpOptions(base_url=URL),
    )
    assert len(model.get_text_embedding("a ferry")) == 256
    assert len(model.get_query_embedding("a ferry")) == 256
    vectors = model.get_text_embedding_batch(["a ferry", "a boat", "a pier"])
    assert [len(vector) for vector in vectors] == [256] * 3

    async def again() -> None:
        model = GoogleGenAIEmbedding(
            model_name="text-embedding-004",
            api_key=OWNER_KEY,
            http_options=types.HttpOptions(base_url=URL),
        )
        assert len(await model.aget_text_embedding("a ferry")) == 256

    asyncio.run(again())


if __name__ == "__main__":
    main()
