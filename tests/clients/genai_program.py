"""google-genai, Google's present client, on its side for the Gemini Developer API.

Each check that asks the API runs once with the client and once with its asynchronous half.
"""

from __future__ import annotations

import asyncio
import inspect
import io
import json
import time
import urllib.request
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from checks import (
    BARE_URL,
    BEN_KEY,
    FERRY,
    OWNER_KEY,
    URL,
    WRITER,
    Refusals,
    check,
    exercised,
    lose,
    main,
    raises,
)
from google import genai
from google.genai import errors, types

EMBEDDER = "text-embedding-004"


def connect(key: str = OWNER_KEY, url: str = URL, **options: Any) -> genai.Client:
    return genai.Client(
        api_key=key, vertexai=False, http_options=types.HttpOptions(base_url=url, **options)
    )


def envelope(error: Any) -> dict[str, Any]:
    details = error.details[0] if isinstance(error.details, list) else error.details
    return details["error"]


refused = Refusals(errors.APIError, envelope)
client, ben = connect(), connect(BEN_KEY)


def run(coroutine: Any) -> Any:
    """Run a coroutine, with a client made in its event loop."""
    return asyncio.run(coroutine)


@check("models.list", "models.get", "aio.models.list", "aio.models.get")
def catalog() -> None:
    names = {model.name for model in client.models.list(config={"page_size": 1})}
    assert WRITER in names
    found = client.models.get(model=WRITER)
    assert "generateContent" in found.supported_actions
    with refused("NOT_FOUND", errors.ClientError):
        client.models.get(model="absent")

    async def again() -> None:
        aio = connect().aio
        assert {model.name async for model in await aio.models.list()} == names
        assert await aio.models.get(model=WRITER) == found

    run(again())


@check(
    "models.generate_content",
    "models.generate_content_stream",
    "models.count_tokens",
    "aio.models.generate_content",
    "aio.models.generate_content_stream",
    "aio.models.count_tokens",
    "chats.create",
    "Chat.send_message",
    "Chat.send_message_stream",
)
def generation() -> None:
    config = types.GenerateContentConfig(
        system_instruction="Be brief.", temperature=0.2, max_output_tokens=50, candidate_count=2
    )
    reply = client.models.generate_content(model=WRITER, contents="Say this.", config=config)
    assert reply.text == "Echo: Say this."
    assert len(reply.candidates) == 2
    assert reply.candidates[0].finish_reason == types.FinishReason.STOP
    pieces = list(client.models.generate_content_stream(model=WRITER, contents="Say it to me."))
    assert len(pieces) > 2
    assert "".join(piece.text or "" for piece in pieces) == "Echo: Say it to me."
    assert pieces[-1].usage_metadata.prompt_token_count == 7
    assert client.models.count_tokens(model=WRITER, contents="some text").total_tokens == 2
    chat = client.chats.create(model=WRITER)
    assert chat.send_message("One.").text == "Echo: One."
    said = "".join(piece.text or "" for piece in chat.send_message_stream("Two."))
    assert said == "Echo: Two."
    roles = [turn.role for turn in chat.get_history()]
    assert roles[:3] == ["user", "model", "user"]
    assert set(roles[3:]) == {"model"}
    shaped = client.models.generate_content(
        model=WRITER,
        contents="Which colour?",
        config={
            "response_mime_type": "application/json",
            "response_schema": {"type": "OBJECT", "properties": {"colour": {"type": "STRING"}}},
        },
    )
    assert shaped.parsed == {"colour": "blue"}

    async def again() -> None:
        aio = connect().aio
        assert (await aio.models.generate_content(model=WRITER, contents="A.")).text == "Echo: A."
        stream = await aio.models.generate_content_stream(model=WRITER, contents="B c d.")
        assert "".join([piece.text or "" async for piece in stream]) == "Echo: B c d."
        counted = await aio.models.count_tokens(model=WRITER, contents="some text")
        assert counted.total_tokens == 2
        with refused("NOT_FOUND", errors.ClientError):
            await aio.models.generate_content(model="absent", contents="A.")

    run(again())


@check("models.generate_content", "models.generate_content_stream")
def functions() -> None:
    def weather(city: str) -> str:
        """The weather in a city."""
        return f"grey in {city}"

    reply = client.models.generate_content(
        model=WRITER, contents="Please call the tool.", config={"tools": [weather]}
    )
    assert "grey in Oban" in reply.text
    declared = types.FunctionDeclaration.from_callable(client=client._api_client, callable=weather)
    config = {"tools": [types.Tool(function_declarations=[declared])]}
    stream = client.models.generate_content_stream(
        model=WRITER, contents="Please call the tool.", config=config
    )
    calls = [call.name for piece in stream for call in piece.function_calls or []]
    assert calls == ["weather"]


@check("models.generate_content", "models.generate_content_stream")
def errors_of_every_kind() -> None:
    for status, http, kind in (
        ("RESOURCE_EXHAUSTED", 429, errors.ClientError),
        ("UNAVAILABLE", 503, errors.ServerError),
        ("DEADLINE_EXCEEDED", 504, errors.ServerError),
        ("FAILED_PRECONDITION", 401, errors.ClientError),
        ("INVALID_ARGUMENT", 400, errors.ClientError),
    ):
        contents = f"Please answer HTTP {http}."
        with refused(status, kind):
            client.models.generate_content(model=WRITER, contents=contents)
        with refused(status, kind):
            list(client.models.generate_content_stream(model=WRITER, contents=contents))
    broken = client.models.generate_content_stream(model=WRITER, contents="Please break off.")
    assert next(broken).text == "Half an "
    with refused("UNAVAILABLE"):
        list(broken)
    bare = connect("any", BARE_URL)
    with refused("UNIMPLEMENTED", errors.ServerError, "ragkit.toml"):
        bare.models.generate_content(model="gemini-2.0-flash", contents="x")
    stranger = connect("not-a-key")
    with refused("INVALID_ARGUMENT", errors.ClientError, "API key not valid") as bad_key:
        stranger.models.get(model=WRITER)
    assert bad_key.reasons == ["API_KEY_INVALID"]
    token = connect(headers={"x-goog-api-key": "", "Authorization": "Bearer wrong"})
    with refused("UNAUTHENTICATED", errors.ClientError):
        token.models.get(model=WRITER)


@check("models.embed_content", "aio.models.embed_content")
def embeddings() -> None:
    one = client.models.embed_content(model=EMBEDDER, contents="a ferry").embeddings
    several = client.models.embed_content(
        model=EMBEDDER,
        contents=["a ferry", "a boat"],
        config=types.EmbedContentConfig(
            task_type="RETRIEVAL_DOCUMENT", title="Boats", output_dimensionality=64
        ),
    ).embeddings
    assert [len(e.values) for e in (*one, *several)] == [256, 64, 64]

    async def again() -> None:
        reply = await connect().aio.models.embed_content(model=EMBEDDER, contents="a ferry")
        assert reply.embeddings == one

    run(again())
    with refused("INVALID_ARGUMENT", errors.ClientError):
        client.models.embed_content(
            model=EMBEDDER, contents="x", config={"output_dimensionality": 100_000}
        )


@check(
    "files.upload",
    "files.get",
    "files.list",
    "files.delete",
    "files.download",
    "aio.files.upload",
    "aio.files.get",
    "aio.files.list",
    "aio.files.delete",
)
def files() -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "ferry.txt"
        path.write_text(FERRY)
        made = client.files.upload(
            file=path, config={"name": "ferry-by-genai", "display_name": "Ferry"}
        )
    assert (made.name, made.display_name) == ("files/ferry-by-genai", "Ferry")
    assert (made.mime_type, made.size_bytes) == ("text/plain", len(FERRY))
    assert made.state == types.FileState.ACTIVE
    assert made.uri.startswith(URL)
    assert client.files.get(name=made.name) == made
    # More than one piece of the client's, which are of 8 MiB.
    big = client.files.upload(
        file=io.BytesIO(b"x" * (9 << 20)), config={"mime_type": "application/octet-stream"}
    )
    assert big.size_bytes == 9 << 20
    assert {made.name, big.name} <= {one.name for one in client.files.list(config={"page_size": 1})}
    reply = client.models.generate_content(model=WRITER, contents=["Repeat: ", made])
    assert FERRY in reply.text
    with raises(ValueError, "Only generated files"):
        client.files.download(file=made)
    with refused("FAILED_PRECONDITION", errors.ClientError):
        client.files.download(file=made.name)
    with refused("ALREADY_EXISTS", errors.ClientError):
        client.files.upload(
            file=io.BytesIO(b"x"), config={"name": made.name, "mime_type": "text/plain"}
        )
    with refused("NOT_FOUND", errors.ClientError):
        ben.files.get(name=made.name)
    client.files.delete(name=big.name)
    with refused("NOT_FOUND", errors.ClientError):
        client.files.delete(name=big.name)

    async def again() -> None:
        aio = connect().aio
        one = await aio.files.upload(file=io.BytesIO(b"y" * 100), config={"mime_type": "text/x-y"})
        assert await aio.files.get(name=one.name) == one
        assert one.name in [each.name async for each in await aio.files.list()]
        await aio.files.delete(name=one.name)

    run(again())
    lose(FERRY)
    with refused("DATA_LOSS", errors.ServerError):
        client.models.generate_content(model=WRITER, contents=["Repeat: ", made])
    client.files.delete(name=made.name)


@check(
    "caches.create",
    "caches.get",
    "caches.list",
    "caches.update",
    "caches.delete",
    "aio.caches.create",
    "aio.caches.get",
    "aio.caches.list",
    "aio.caches.update",
    "aio.caches.delete",
)
def caches() -> None:
    config = {
        "contents": [FERRY],
        "system_instruction": "Be brief.",
        "display_name": "Ferries",
        "ttl": "300s",
    }
    made = client.caches.create(model=WRITER, config=config)
    assert made.usage_metadata.total_token_count > 10
    assert client.caches.get(name=made.name) == made
    assert made.name in [one.name for one in client.caches.list(config={"page_size": 1})]
    reply = client.models.generate_content(
        model=WRITER, contents="Say this.", config={"cached_content": made.name}
    )
    assert reply.text == "Echo: Say this."
    assert reply.usage_metadata.cached_content_token_count > 0
    updated = client.caches.update(name=made.name, config={"ttl": "7200s"})
    assert updated.expire_time > made.expire_time
    with refused("NOT_FOUND", errors.ClientError):
        ben.caches.get(name=made.name)
    with refused("INVALID_ARGUMENT", errors.ClientError):
        client.caches.update(name=made.name, config={"expire_time": "2020-01-01T00:00:00Z"})
    client.caches.delete(name=made.name)
    with refused("NOT_FOUND", errors.ClientError):
        client.caches.get(name=made.name)

    async def again() -> None:
        aio = connect().aio
        one = await aio.caches.create(model=WRITER, config=config)
        assert await aio.caches.get(name=one.name) == one
        assert one.name in [each.name async for each in await aio.caches.list()]
        later = await aio.caches.update(name=one.name, config={"ttl": "7200s"})
        assert later.expire_time > one.expire_time
        await aio.caches.delete(name=one.name)

    run(again())


def finished(name: str) -> Any:
    """The batch, when it is done."""
    for _ in range(200):
        job = client.batches.get(name=name)
        if job.done:
            return job
        time.sleep(0.1)
    raise AssertionError(f"{name} goes on: {job}")


@check(
    "batches.create",
    "batches.get",
    "batches.list",
    "batches.cancel",
    "batches.delete",
    "batches.create_embeddings",
    "aio.batches.create",
    "aio.batches.get",
    "aio.batches.list",
    "aio.batches.cancel",
    "aio.batches.delete",
)
def batches() -> None:
    requests = [
        {"contents": [{"role": "user", "parts": [{"text": f"Number {n}."}]}]} for n in range(3)
    ]
    made = client.batches.create(model=WRITER, src=requests, config={"display_name": "Numbers"})
    assert made.name.startswith("batches/")
    done = finished(made.name)
    assert done.state == types.JobState.JOB_STATE_SUCCEEDED
    said = [one.response.text for one in done.dest.inlined_responses]
    assert said == ["Echo: Number 0.", "Echo: Number 1.", "Echo: Number 2."]
    assert made.name in [one.name for one in client.batches.list(config={"page_size": 1})]
    with refused("NOT_FOUND", errors.ClientError):
        ben.batches.get(name=made.name)

    lines = [
        {"key": str(n), "request": {"contents": [{"parts": [{"text": f"Line {n}."}]}]}}
        for n in range(3)
    ]
    text = "\n".join(json.dumps(line) for line in lines)
    source = client.files.upload(
        file=io.BytesIO(text.encode()), config={"mime_type": "application/jsonl"}
    )
    by_file = finished(client.batches.create(model=WRITER, src=source.name).name)
    assert by_file.state == types.JobState.JOB_STATE_SUCCEEDED
    output = client.files.download(file=by_file.dest.file_name).decode()
    answers = {one["key"]: one["response"] for one in map(json.loads, output.splitlines())}
    assert answers["2"]["candidates"][0]["content"]["parts"][0]["text"] == "Echo: Line 2."

    vectors = client.batches.create_embeddings(
        model=EMBEDDER,
        src={"inlined_requests": {"contents": ["a ferry", "a boat"]}},
        config={"display_name": "Vectors"},
    )
    vectors = finished(vectors.name)
    assert vectors.state == types.JobState.JOB_STATE_SUCCEEDED
    replies = vectors.dest.inlined_embed_content_responses
    assert [len(one.response.embedding.values) for one in replies] == [256] * 2

    # Requests whose backend is busy are tried again for a while: long enough to cancel.
    slow = client.batches.create(
        model=WRITER,
        src=[{"contents": [{"role": "user", "parts": [{"text": "Please answer HTTP 503."}]}]}] * 5,
    )
    client.batches.cancel(name=slow.name)
    cancelled = finished(slow.name)
    assert cancelled.state == types.JobState.JOB_STATE_CANCELLED
    for name in (made.name, by_file.name, vectors.name, slow.name):
        client.batches.delete(name=name)
        with refused("NOT_FOUND", errors.ClientError):
            client.batches.get(name=name)
    with refused("INVALID_ARGUMENT", errors.ClientError):
        client.batches.create(model=WRITER, src=[])

    async def again() -> None:
        aio = connect().aio
        one = await aio.batches.create(model=WRITER, src=requests)
        while not (one := await aio.batches.get(name=one.name)).done:
            await asyncio.sleep(0.1)
        assert len(one.dest.inlined_responses) == 3
        await aio.batches.cancel(name=one.name)  # it has ended: nothing changes
        assert one.name in [each.name async for each in await aio.batches.list()]
        await aio.batches.delete(name=one.name)

    run(again())


def tuned() -> str:
    """A tuned model, by a request of our own: the client sends no examples."""
    examples = [{"textInput": str(n), "output": str(n + 1)} for n in range(1, 12)]
    body = {
        "displayName": "Next number",
        "baseModel": WRITER,
        "tuningTask": {"trainingData": {"examples": {"examples": examples}}},
    }
    request = urllib.request.Request(
        f"{URL}/v1beta/tunedModels",
        json.dumps(body).encode(),
        {"content-type": "application/json", "x-goog-api-key": OWNER_KEY},
    )
    with urllib.request.urlopen(request) as reply:
        return str(json.load(reply)["metadata"]["tunedModel"])


@check(
    "tunings.tune",
    "tunings.get",
    "tunings.cancel",
    "models.update",
    "models.delete",
    "aio.tunings.get",
)
def tunings() -> None:
    # A fault of the client's: it makes the dataset's JSON, and leaves it out of the request.
    with refused("INVALID_ARGUMENT", errors.ClientError, "trainingData"):
        client.tunings.tune(
            base_model=WRITER,
            training_dataset=types.TuningDataset(
                examples=[types.TuningExample(text_input="1", output="2")]
            ),
        )
    name = tuned()
    job = client.tunings.get(name=name)
    for _ in range(200):
        job = client.tunings.get(name=job.name)
        if job.has_ended:
            break
        time.sleep(0.1)
    assert job.state == types.JobState.JOB_STATE_SUCCEEDED
    model = job.tuned_model.model
    assert client.models.generate_content(model=model, contents="7").text
    changed = client.models.update(model=model, config={"description": "Counts"})
    assert changed.description == "Counts"
    listed = client.models.list(config={"query_base": False})
    assert model in [one.name for one in listed]

    async def again() -> None:
        aio = connect().aio
        assert (await aio.tunings.get(name=job.name)).state == job.state

    run(again())
    with refused("NOT_FOUND", errors.ClientError):
        ben.tunings.get(name=job.name)
    with refused("NOT_FOUND", errors.ClientError):
        client.tunings.cancel(name=job.name)  # Google's API has no such method here either
    client.models.delete(model=model)
    with refused("NOT_FOUND", errors.ClientError):
        client.tunings.get(name=job.name)


@check(
    "file_search_stores.create",
    "file_search_stores.list",
)
def what_this_api_version_has_not() -> None:
    """Methods of the newest surface: a clear answer, not a stack trace."""
    with refused("NOT_FOUND", errors.ClientError, "no method"):
        client.file_search_stores.create(config={"display_name": "Store"})
    with refused("NOT_FOUND", errors.ClientError, "no method"):
        client.file_search_stores.list()


@check()
def every_method_was_exercised() -> None:
    """What the client offers on this side of it, of the parts that the API has."""
    other = {  # these refuse before they send anything: they are for Google's other platform
        *("compute_tokens", "edit_image", "generate_images", "recontext_image", "segment_image"),
        *("generate_videos", "upscale_image", "register_files", "validate_reward"),
    }
    for part in ("batches", "caches", "files", "models", "tunings"):
        offered = {
            name
            for name, one in inspect.getmembers(type(getattr(client, part)), callable)
            if not name.startswith("_") and name not in other
        }
        done = {name.partition(".")[2] for name in exercised() if name.startswith(f"{part}.")}
        missing = offered - done
        assert missing <= {"list"} if part == "tunings" else not missing, (part, missing)


if __name__ == "__main__":
    main()
