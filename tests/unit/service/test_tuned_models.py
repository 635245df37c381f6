"""Tuned models: creating, tuning, using, listing, changing, deleting."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ragkit.engine.engine import Engine
from ragkit.engine.models.nearest import NEIGHBOURS, candidates
from ragkit.engine.records import RowNotFoundError
from ragkit.service import tuning

from .conftest import Api
from .generators import ScriptedGenerator, scripted_service
from .test_batches_resource import PREFIX, ended

BASE = "models/gemini-1.5-flash-001"
FEELINGS = [
    ("I love this film", "positive"),
    ("what a wonderful, lovely film", "positive"),
    ("a great and wonderful story, I love it", "positive"),
    ("lovely acting, a great film", "positive"),
    ("I hate this film", "negative"),
    ("what a terrible, awful film", "negative"),
    ("an awful and terrible story, I hate it", "negative"),
    ("terrible acting, a horrible film", "negative"),
]


def body(
    examples: list[tuple[str, str]] | None = None, task: object = None, **fields: object
) -> dict[str, Any]:
    given = [
        {"textInput": text, "output": output}
        for text, output in (FEELINGS if examples is None else examples)
    ]
    data = {"trainingData": {"examples": {"examples": given}}}
    return {"baseModel": BASE, "tuningTask": data | (task or {}), **fields}  # type: ignore[operator]


def create(api: Api, model_id: str = "", **fields: Any) -> str:
    """Tunes a model and returns its name."""
    query = {"tunedModelId": model_id} if model_id else {}
    operation = api.ok("POST", "tunedModels", body(**fields), query)
    done = ended(api, operation["name"])
    assert "response" in done, done
    return str(done["response"]["name"])


def ask(api: Api, name: str, text: str, **config: object) -> dict[str, Any]:
    return api.post(
        f"{name}:generateContent",
        {"contents": [{"parts": [{"text": text}]}], "generationConfig": config},
    )


def texts(response: dict[str, Any]) -> list[str]:
    return [one["content"]["parts"][0]["text"] for one in response["candidates"]]


@pytest.fixture
def idle(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody carries out jobs."""
    monkeypatch.setattr(Engine, "start_worker", lambda *_, **__: None)


@pytest.fixture
def generating(tmp_path: Path) -> Iterator[tuple[Api, ScriptedGenerator]]:
    service, generator = scripted_service(tmp_path / "data", lambda prompt: "one two")
    yield Api(service), generator
    service.close()


# Creating


def test_creating_tunes(api):
    begun = api.ok("POST", "tunedModels", body(displayName="Film feelings"))
    assert begun["metadata"]["@type"] == PREFIX + "CreateTunedModelMetadata"
    assert "done" not in begun
    name = begun["metadata"]["tunedModel"]
    assert name.startswith("tunedModels/film-feelings-")
    assert begun["name"].startswith(f"{name}/operations/")
    operation = ended(api, begun["name"])
    metadata = operation["metadata"]
    steps = 5 * len([count for count in NEIGHBOURS if count < len(FEELINGS)])
    assert metadata["totalSteps"] == metadata["completedSteps"] == steps
    assert metadata["completedPercent"] == 100
    snapshots = metadata["snapshots"]
    assert [one["step"] for one in snapshots] == list(range(1, steps + 1))
    assert {one["epoch"] for one in snapshots} == {1, 2, 3, 4, 5}
    assert all(0 <= one.get("meanLoss", 0) <= 4 and "computeTime" in one for one in snapshots)
    model = operation["response"]
    assert model.pop("@type") == PREFIX + "TunedModel"
    assert model == api.get(name)
    assert model["state"] == "ACTIVE"
    assert model["baseModel"] == BASE
    assert model["displayName"] == "Film feelings"
    assert "not by training weights" in model["description"]
    task = model["tuningTask"]
    assert "trainingData" not in task
    assert task["snapshots"] == snapshots
    assert task["hyperparameters"] == {"epochCount": 5}
    assert model["createTime"] <= task["startTime"] <= task["completeTime"] <= model["updateTime"]


def test_the_choice_of_least_loss_is_kept(api):
    mistaken = [("I love this great film", "negative"), ("I hate this horrible film", "positive")]
    examples = [*FEELINGS, *mistaken]
    name = create(api, examples=examples)
    record = api.service.engine.store.get_tuned_model(name.partition("/")[2])
    snapshots = api.get(name)["tuningTask"]["snapshots"]
    choices = candidates(len(examples), 5)
    losses = {
        (choice.neighbours, choice.sharpness): snapshot.get("meanLoss", 0)
        for choice, snapshot in zip(choices, snapshots, strict=True)
    }
    assert losses[record.neighbours, record.sharpness] == pytest.approx(
        min(losses.values()), abs=1e-5
    )
    assert record.neighbours > 1  # the nearest one alone is too often a mistaken one


@pytest.mark.parametrize(
    ("given", "tried"), [({"epochCount": 2}, 2), ({"epochCount": 100}, 8), ({}, 5)]
)
def test_epochs_are_the_weightings_tried(api, given, tried):
    given = given | {"batchSize": 4, "learningRate": 0.001}
    name = create(api, task={"hyperparameters": given})
    task = api.get(name)["tuningTask"]
    assert {one["epoch"] for one in task["snapshots"]} == set(range(1, tried + 1))
    assert task["hyperparameters"] == {"epochCount": 5} | given


@pytest.mark.parametrize("examples", [[("one", "uno")], [("a b", "x"), ("a b", "y")]])
def test_few_examples_will_do(api, examples):
    name = create(api, examples=examples)
    assert texts(ask(api, name, "one"))[0] in {output for _, output in examples}


@pytest.mark.parametrize(
    ("display_name", "beginning"),
    [("Sentence Translator", "sentence-translator-"), ("2 Fast!", "fast-"), ("日本", ""), ("", "")],
)
def test_ids_are_made_of_the_display_name(api, display_name, beginning, idle):
    name = api.post("tunedModels", body(displayName=display_name))["metadata"]["tunedModel"]
    model_id = name.removeprefix("tunedModels/")
    assert model_id.startswith(beginning)
    assert model_id[0].isalpha()
    assert len(model_id) <= 40


def test_an_id_may_be_given_and_is_taken_once(api):
    assert create(api, "my-model") == "tunedModels/my-model"
    api.refused("ALREADY_EXISTS", "POST", "tunedModels", body(), {"tunedModelId": "my-model"})


@pytest.mark.parametrize("model_id", ["1a", "A", "a-", "a" * 41, "a/b"])
def test_an_id_that_is_not_legal_is_refused(api, model_id):
    query = {"tunedModelId": model_id}
    message = api.refused("INVALID_ARGUMENT", "POST", "tunedModels", body(), query)
    assert message.startswith("tunedModelId")


DATA = "tunedModel.tuningTask.trainingData.examples.examples"
HYPER = "tunedModel.tuningTask.hyperparameters"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"baseModel": None}, "tunedModel.baseModel"),
        ({"baseModel": "gemini"}, "tunedModel.baseModel"),
        ({"tuningTask": None}, DATA),
        ({"tuningTask": {"trainingData": {"examples": {}}}}, DATA),
        (body(examples=[(" ", "x")]), f"{DATA}[0].textInput"),
        (body(examples=[("x", "y"), ("x", "")]), f"{DATA}[1].output"),
        (body(examples=[("x\0", "y")]), f"{DATA}[0].textInput"),
        (body(task={"hyperparameters": {"epochCount": 0}}), f"{HYPER}.epochCount"),
        (body(task={"hyperparameters": {"batchSize": -1}}), f"{HYPER}.batchSize"),
        (body(task={"hyperparameters": {"learningRate": 0}}), f"{HYPER}.learningRate"),
        ({"displayName": "x" * 41}, "tunedModel.displayName"),
        ({"temperature": 1.1}, "tunedModel.temperature"),
        ({"topP": -0.1}, "tunedModel.topP"),
        ({"topK": 0}, "tunedModel.topK"),
        (
            {"baseModel": None, "tunedModelSource": {}},
            "tunedModel.tunedModelSource.tunedModel",
        ),
        (
            {"baseModel": None, "tunedModelSource": {"tunedModel": "models/x"}},
            "tunedModel.tunedModelSource.tunedModel",
        ),
    ],
)
def test_what_cannot_be_tuned_is_refused(api, change, field):
    error = api.envelope(api.send("POST", "tunedModels", body() | change))
    assert error["status"] == "INVALID_ARGUMENT"
    assert error["details"][0]["fieldViolations"][0]["field"] == field
    assert api.get("tunedModels") == {}


def test_too_many_examples_are_refused(api, monkeypatch):
    monkeypatch.setattr("ragkit.service.tuned_creation.MAX_TUNING_EXAMPLES", 7)
    api.refused("INVALID_ARGUMENT", "POST", "tunedModels", body())


def test_a_tuned_model_may_be_tuned_further(api):
    first = create(api, "first", examples=[("hello", "greeting"), ("hi", "greeting")])
    source = {"tunedModelSource": {"tunedModel": first}}
    given = body(examples=[("bye", "farewell"), ("see you", "farewell")]) | source
    del given["baseModel"]
    operation = ended(api, api.post("tunedModels", given)["name"])
    model = operation["response"]
    assert model["tunedModelSource"] == {"tunedModel": first, "baseModel": BASE}
    assert "baseModel" not in model
    assert texts(ask(api, model["name"], "hello")) == ["greeting"]
    assert texts(ask(api, model["name"], "bye")) == ["farewell"]
    assert texts(ask(api, first, "bye")) == ["greeting"]


def test_a_tuning_that_fails_says_so(api, monkeypatch):
    def broken(*_: object) -> float:
        raise ValueError("a secret of the inside")

    monkeypatch.setattr(tuning, "leave_one_out_loss", broken)
    begun = api.post("tunedModels", body())
    operation = ended(api, begun["name"])
    assert operation["error"]["code"] == 13
    assert "secret" not in operation["error"]["message"]
    name = begun["metadata"]["tunedModel"]
    assert api.get(name)["state"] == "FAILED"
    request = {"contents": [{"parts": [{"text": "x"}]}]}
    message = api.refused("FAILED_PRECONDITION", "POST", f"{name}:generateContent", request)
    assert "could not be tuned" in message


def test_a_model_that_is_not_tuned_yet_cannot_be_used(api, idle):
    name = api.post("tunedModels", body())["metadata"]["tunedModel"]
    assert api.get(name)["state"] == "CREATING"
    request = {"contents": [{"parts": [{"text": "x"}]}]}
    for method in ("generateContent", "streamGenerateContent"):
        api.refused("FAILED_PRECONDITION", "POST", f"{name}:{method}", request)
    api.refused("FAILED_PRECONDITION", "POST", f"{name}:generateText", {"prompt": {"text": "x"}})
    source = body(examples=[("a", "b")]) | {"tunedModelSource": {"tunedModel": name}}
    del source["baseModel"]
    api.refused("FAILED_PRECONDITION", "POST", "tunedModels", source)


# Operations


def test_the_operations_of_a_model(api):
    begun = api.post("tunedModels", body())
    operation = ended(api, begun["name"])
    name = begun["metadata"]["tunedModel"]
    assert api.get(f"{name}/operations") == {"operations": [operation]}
    api.refused("NOT_FOUND", "GET", f"{name}/operations/absent")
    api.refused("NOT_FOUND", "GET", "tunedModels/absent/operations")
    api.refused("INVALID_ARGUMENT", "GET", f"{name}/operations", query={"filter": "x"})


def test_how_far_a_tuning_is(api, idle):
    begun = api.post("tunedModels", body())
    store = api.service.engine.store
    lease = store.claim_job(["tuning"], 60)
    assert lease is not None
    result = json.dumps({"epoch": 1, "loss": 0.5, "time": 1_000_000}).encode()
    store.record_items(lease, [tuning_item(0, result)], 60)
    metadata = api.get(begun["name"])["metadata"]
    assert metadata["completedSteps"] == 1
    assert metadata["completedPercent"] == pytest.approx(100 / metadata["totalSteps"])
    assert metadata["snapshots"] == [
        {"step": 1, "epoch": 1, "meanLoss": 0.5, "computeTime": "1970-01-01T00:00:01Z"}
    ]


def tuning_item(number: int, result: bytes) -> Any:
    from ragkit.engine.job_records import ItemResult, Outcome

    return ItemResult(number, Outcome.DONE, result)


# Using one without a generator


def test_without_a_generator_the_nearest_examples_answer(api):
    name = create(api)
    response = ask(api, name, "I love this wonderful film")
    assert texts(response) == ["positive"]
    assert response["candidates"][0]["finishReason"] == "STOP"
    assert response["candidates"][0]["content"]["role"] == "model"
    assert response["modelVersion"] == name
    usage = response["usageMetadata"]
    assert usage["totalTokenCount"] == (usage["promptTokenCount"] + usage["candidatesTokenCount"])
    assert texts(ask(api, name, "what an awful, horrible story")) == ["negative"]


def test_what_a_config_can_ask_of_examples(api):
    examples = [("count to five", "one two three. four five"), ("sing", "la la la")]
    name = create(api, examples=examples)
    cut = ask(api, name, "count to five", stopSequences=["."])
    assert texts(cut) == ["one two three"]
    short = ask(api, name, "count to five", maxOutputTokens=2)
    assert texts(short) == ["one two"]
    assert short["candidates"][0]["finishReason"] == "MAX_TOKENS"
    request = {"prompt": {"text": "count to five"}, "stopSequences": [" three"]}
    assert api.post(f"{name}:generateText", request) == {"candidates": [{"output": "one two"}]}


def test_more_candidates_are_the_next_outputs(api):
    examples = [("cat", "meow"), ("kitten", "purr"), ("dog", "woof"), ("puppy", "yap")]
    name = create(api, examples=[*examples, *examples])
    several = ask(api, name, "cat", candidateCount=2)
    assert texts(several)[0] == "meow"
    assert [one.get("index", 0) for one in several["candidates"]] == list(
        range(len(several["candidates"]))
    )
    assert len(set(texts(several))) == len(texts(several))


def test_streams_are_served_too(api):
    name = create(api)
    request = {"contents": [{"parts": [{"text": "I hate this awful film"}]}]}
    reply = api.send("POST", f"{name}:streamGenerateContent", request)
    assert [texts(one) for one in json.loads(reply.body)] == [["negative"]]
    reply = api.send("POST", f"{name}:streamGenerateContent", request, {"alt": "sse"})
    assert reply.body.startswith(b"data: {")


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"contents": []}, "INVALID_ARGUMENT"),
        ({"contents": [{"parts": [{"text": " "}]}]}, "INVALID_ARGUMENT"),
        ({"generationConfig": {"temperature": 9}}, "INVALID_ARGUMENT"),
        ({"generationConfig": {"responseMimeType": "image/png"}}, "INVALID_ARGUMENT"),
        ({"generationConfig": {"responseMimeType": "application/json"}}, "UNIMPLEMENTED"),
        ({"tools": [{"functionDeclarations": [{"name": "f"}]}]}, "UNIMPLEMENTED"),
        ({"cachedContent": "cachedContents/x"}, "UNIMPLEMENTED"),
    ],
)
def test_what_examples_cannot_do_is_refused(api, change, status):
    name = create(api)
    request = {"contents": [{"parts": [{"text": "x"}]}]} | change
    api.refused(status, "POST", f"{name}:generateContent", request)


@pytest.mark.parametrize(
    "request_", [{}, {"prompt": {"text": " "}}, {"prompt": {"text": "x"}, "temperature": 2}]
)
def test_a_text_that_cannot_be_is_refused(api, request_):
    name = create(api)
    api.refused("INVALID_ARGUMENT", "POST", f"{name}:generateText", request_)


# Using one with a generator


def test_with_a_generator_the_nearest_examples_come_before_the_prompt(generating):
    api, generator = generating
    name = create(api, baseModel="models/scripted", temperature=0.5, topK=7)
    question = "I love this wonderful film"
    history = [
        {"role": "user", "parts": [{"text": "earlier"}]},
        {"role": "model", "parts": [{"text": "said"}]},
        {"role": "user", "parts": [{"text": question}]},
    ]
    response = api.post(
        f"{name}:generateContent",
        {"contents": history, "generationConfig": {"topK": 3}},
    )
    assert texts(response) == ["one two"]
    assert response["modelVersion"] == name
    (prompt,) = generator.prompts
    record = api.service.engine.store.get_tuned_model(name.partition("/")[2])
    said = [(turn.role, turn.text) for turn in prompt.turns]
    assert said[-3:] == [("user", "earlier"), ("model", "said"), ("user", question)]
    shown = said[:-3]
    assert len(shown) == 2 * record.neighbours
    assert shown[-1] == ("model", "positive")
    pairs = {(shown[at][1], shown[at + 1][1]) for at in range(0, len(shown), 2)}
    assert pairs <= set(FEELINGS)
    assert prompt.sampling.temperature == 0.5
    assert prompt.sampling.top_k == 3


def test_with_a_generator_it_streams(generating):
    api, generator = generating
    name = create(api, baseModel="models/scripted")
    request = {"contents": [{"parts": [{"text": "I love it"}]}]}
    reply = api.send("POST", f"{name}:streamGenerateContent", request)
    pieces = json.loads(reply.body)
    assert [texts(one)[0] for one in pieces] == ["one", "two", ""]
    assert {one["modelVersion"] for one in pieces} == {name}
    answer = api.post(f"{name}:generateText", {"prompt": {"text": "I love it"}})
    assert answer == {"candidates": [{"output": "one two"}]}
    assert len(generator.prompts) == 2


def test_with_a_generator_the_base_model_must_exist(generating):
    api, _ = generating
    api.refused("NOT_FOUND", "POST", "tunedModels", body(baseModel="models/none-such"))
    create(api, baseModel=BASE)  # an alias of the generator


# Changing and deleting


def test_patch_with_a_mask(api):
    name = create(api, displayName="Old", temperature=0.5)
    changed = api.patch(
        name, {"displayName": "New", "readerProjectNumbers": ["7"]}, "displayName,temperature"
    )
    assert changed["displayName"] == "New"
    assert "temperature" not in changed
    assert "readerProjectNumbers" not in changed
    changed = api.patch(
        name, {"reader_project_numbers": ["7"], "top_k": 3}, "reader_project_numbers,top_k"
    )
    assert changed["readerProjectNumbers"] == ["7"]
    assert changed["topK"] == 3
    assert changed["displayName"] == "New"
    assert changed == api.get(name)


def test_patch_without_a_mask_changes_what_is_given(api):
    name = create(api, displayName="Old", description="Mine", temperature=0.5)
    model = api.get(name) | {"displayName": "New"}
    changed = api.ok("PATCH", name, model)
    assert (changed["displayName"], changed["description"]) == ("New", "Mine")
    assert changed["temperature"] == 0.5
    assert changed["updateTime"] > model["updateTime"]
    assert api.ok("PATCH", name, {"description": "Other"})["displayName"] == "New"


@pytest.mark.parametrize(
    ("changes", "mask"),
    [
        ({"displayName": "x"}, "baseModel"),
        ({"displayName": "x"}, "tuningTask.trainingData"),
        ({"displayName": "x" * 41}, "displayName"),
        ({"temperature": -1}, "temperature"),
    ],
)
def test_a_patch_that_cannot_be_is_refused(api, changes, mask):
    name = create(api)
    before = api.get(name)
    api.refused("INVALID_ARGUMENT", "PATCH", name, changes, {"updateMask": mask})
    assert api.get(name) == before


def test_delete_takes_everything_along(api):
    ann = api.by("ann@example.org")
    begun = ann.ok("POST", "tunedModels", body(), {"tunedModelId": "mine"})
    ended(ann, begun["name"])
    name = begun["metadata"]["tunedModel"]
    ann.post(f"{name}/permissions", {"granteeType": "EVERYONE", "role": "READER"})
    assert ann.delete(name) == {}
    for path in (name, begun["name"], f"{name}/permissions", f"{name}/operations"):
        api.refused("NOT_FOUND", "GET", path)
    api.refused("NOT_FOUND", "DELETE", name)
    # The next of that name is nobody else's.
    create(api, "mine")
    ann.refused("NOT_FOUND", "GET", name)


def test_a_model_may_be_deleted_while_it_is_tuned(api, idle):
    begun = api.post("tunedModels", body())
    store = api.service.engine.store
    assert store.claim_job(["tuning"], 60) is not None
    api.delete(begun["metadata"]["tunedModel"])
    assert not store.unfinished_jobs(["tuning"])
    with pytest.raises(RowNotFoundError):
        store.get_job(begun["name"])


# Listing


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """Models of several owners, some shared."""
    from ragkit.service import open_service

    service = open_service(tmp_path_factory.mktemp("tuned") / "data")
    owner = Api(service)
    ann, ben = owner.by("ann@example.org"), owner.by("ben@example.org")
    create(owner, "folder", displayName="Film feelings", description="Straße or not")
    create(ann, "ann-own", displayName="Translator")
    create(ann, "ann-ben", displayName="Shared with Ben")
    create(ann, "ann-all", displayName="Shared with all")
    user = {"granteeType": "USER", "emailAddress": "ben@example.org"}
    ann.post("tunedModels/ann-ben/permissions", user | {"role": "WRITER"})
    ann.post("tunedModels/ann-all/permissions", {"granteeType": "EVERYONE", "role": "READER"})
    group = {"granteeType": "GROUP", "emailAddress": "team@example.org", "role": "READER"}
    create(ben, "ben-team")
    ben.post("tunedModels/ben-team/permissions", group)
    yield owner
    service.close()


@pytest.mark.parametrize(
    ("who", "condition", "expected"),
    [
        ("", "", {"folder", "ann-own", "ann-ben", "ben-team"}),
        ("", "owner:me", {"folder"}),
        ("", "readers:me", {"folder", "ann-own", "ann-ben", "ann-all", "ben-team"}),
        ("", "readers:everyone", {"ann-all"}),
        ("ann", "", {"ann-own", "ann-ben"}),
        ("ann", "owner:me", {"ann-own", "ann-ben", "ann-all"}),
        ("ann", "readers:everyone", {"ann-all"}),
        ("ann", "owner:me readers:everyone", {"ann-all"}),
        ("ben", "", {"ann-ben", "ben-team"}),
        ("ben", "owner:me", {"ben-team"}),
        ("ben", "writers:me", {"ann-ben", "ben-team"}),
        ("ben", "readers:me", {"ann-ben", "ben-team"}),
        ("ben", "readers:everyone", {"ann-all"}),
        ("eve", "", set()),
        ("eve", "readers:everyone", {"ann-all"}),
        ("eve", "owner:me", set()),
        ("", "film", {"folder"}),
        ("", "FEELINGS strasse", {"folder"}),
        ("", '"film feelings"', {"folder"}),
        ("", '"feelings film"', set()),
        ("", "shared", {"ann-ben"}),
        ("ann", "shared owner:me", {"ann-ben", "ann-all"}),
    ],
)
def test_list(library, who, condition, expected):
    api = library.by(f"{who}@example.org") if who else library
    found = api.get("tunedModels", filter=condition).get("tunedModels", [])
    assert {model["name"].removeprefix("tunedModels/") for model in found} == expected


def test_groups_read_too(library):
    member = library.by("fay@example.org", "team@example.org")
    found = member.get("tunedModels")["tunedModels"]
    assert [model["name"] for model in found] == ["tunedModels/ben-team"]
    assert texts(ask(member, "tunedModels/ben-team", "I love it"))


def test_list_in_pages(library):
    names, token = [], ""
    while True:
        query = {"pageSize": 2} | ({"pageToken": token} if token else {})
        page = library.get("tunedModels", **query)
        names += [model["name"] for model in page["tunedModels"]]
        token = page.get("nextPageToken", "")
        if not token:
            break
        query = {"pageToken": token, "filter": "film"}
        library.refused("INVALID_ARGUMENT", "GET", "tunedModels", query=query)
    assert [name.removeprefix("tunedModels/") for name in names] == [
        "folder",
        "ann-own",
        "ann-ben",
        "ben-team",
    ]


@pytest.mark.parametrize("condition", ["owner:ann", "readers:", "film writers:everyone"])
def test_an_operator_that_is_not_known_is_refused(library, condition):
    message = library.refused("INVALID_ARGUMENT", "GET", "tunedModels", query={"filter": condition})
    assert "readers:everyone" in message
