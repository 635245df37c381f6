"""Requests made up by one principal about what is another's: nothing of it comes back.

Ann owns one resource of each kind, with a marker in every text. Ben sends requests, made up as in
`test_fuzz`, that name them. No reply has the marker, or an id that Ben did not send; and each
refusal is, word for word, that of the same request about what is not there.
"""

from __future__ import annotations

import json
import math
import re
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from random import Random
from typing import Any, Final

import httpx
import pytest
from schemathesis import Case, GenerationMode

from ragkit import admin
from ragkit.api.methods import METHODS
from tests.conformance.exemplars import GENERATOR, LASTING, Call, World, exemplars
from tests.conformance.fuzzing import (
    REQUESTS,
    Fuzzer,
    attempt_all,
    check_error,
    check_reply,
    echoing_server,
    operations,
    readable,
    renamed,
)
from tests.fake_openai import FakeOpenAI

MARKER: Final = "zyxwv"
SHARE: Final = math.ceil(REQUESTS * 0.25 / len(METHODS))
CLAIMING: Final = {"corpora.create", "tunedModels.create", "media.upload"}
"""What a name can be chosen for among everybody's: that one is taken cannot be kept secret."""

LISTS: Final = ("corpora", "tunedModels", "files", "cachedContents", "batches", "models")
_SHORTENED: Final = re.compile(r" \(got .*?\.\.\.\)", re.DOTALL)


@dataclass
class Two:
    """Ann's world and Ben's, on one server that asks for keys."""

    ann: World
    ben: World
    model: FakeOpenAI
    described: dict[str, Any]
    tokens: tuple[str, ...] = ()
    before: dict[str, str] = field(default_factory=dict)
    compared: int = 0
    batches: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    _numbers: Iterator[int] = field(default_factory=count)

    @property
    def sent(self) -> int:
        """How many requests Ben sent."""
        return self.statuses.total()

    def prepare(self) -> None:
        """Ann makes her things."""
        self.ann.restore()
        self.ann.names["generated"] = self._generated()
        paths = ("corpora", self.ann.names["corpora/*"] + "/permissions")
        body = {"displayName": MARKER}
        assert Call("POST", "/v1beta/corpora", body=body).send(self.ann.http).status_code == 200
        self.tokens = tuple(
            self.ann.http.get(f"/v1beta/{path}?pageSize=1").json()["nextPageToken"]
            for path in paths
        )
        self.before = self.anns_things()
        unmarked = {path for path, text in self.before.items() if MARKER not in text}
        assert unmarked <= {self.ann.names["generated"]}  # the marker is in its content
        self.model.bodies.clear()

    def _generated(self) -> str:
        """A file that the service made: the responses of a batch whose requests are in a file."""
        config = {"fileName": self.ann.names["files/*"]}
        body = {"batch": {"displayName": MARKER, "inputConfig": config}}
        path = f"/v1beta/{GENERATOR}:batchGenerateContent"
        made = Call("POST", path, body=body).send(self.ann.http).json()
        while not made.get("done"):
            time.sleep(0.02)
            made = self.ann.http.get(f"/v1beta/{made['name']}").json()
        return str(made["metadata"]["output"]["responsesFile"])

    def anns_things(self) -> dict[str, str]:
        """All that Ann can read, as text."""
        names = [name for key, name in self.ann.names.items() if "operations" not in key]
        paths = [*names, *(path for path in LISTS if path != "models")]
        found = {path: self.ann.http.get(f"/v1beta/{path}") for path in paths}
        assert all(reply.status_code == 200 for reply in found.values())
        return {path: reply.text for path, reply in found.items()}

    def attempt(self, case: Case[Any], random: Random) -> None:
        """Ben sends a request, and where it names something of Ann's, another that does not."""
        own = random.random() < 0.25
        fuzzer = Fuzzer(self.ben if own else self.ann, self.ann, self.tokens)
        call = renamed(fuzzer.call(case, random), {MARKER: "plain"})
        method = case.operation.definition.raw["operationId"]
        reply = self.send(call, case.operation)
        said = readable(call)
        named = {one: self.absent(one) for one in self.ann.ids if one in said}
        # What Ben does to his own changes the reply to the same request again.
        if not named or method in CLAIMING or (own and METHODS[method].verb != "GET"):
            return
        other = self.send(renamed(call, named), case.operation)
        self.compare(call, reply, other, named)
        self.compared += 1

    def compare(
        self, call: Call, reply: httpx.Response, other: httpx.Response, named: dict[str, str]
    ) -> None:
        """Hold a reply about Ann's things to the one about what is not there."""
        told = f"{call}\n{reply.status_code} {reply.text}\n{other.status_code} {other.text}"
        assert reply.status_code == other.status_code, told
        if reply.status_code != 200:
            assert plain(reply.text) == plain(other.text, named), told
        elif "atch" in call.path and "inputConfig" in readable(call):
            self.batches.append((reply.json()["name"], other.json()["name"], named))

    def send(self, call: Call, operation: Any) -> httpx.Response:
        """A reply to Ben that has nothing of Ann's."""
        reply = call.send(self.ben.http)
        self.statuses[reply.status_code] += 1
        check_reply(call, reply, operation)
        said = readable(call)
        assert MARKER not in said + reply.text, f"{call}\n{reply.text}"
        if "batches" not in call.path:  # which repeat what was said when they were created
            for one in self.ann.ids:
                assert one in said or one not in reply.text, f"{one}\n{call}\n{reply.text}"
        if call.verb == "DELETE" and reply.status_code == 200:
            self.ben.restore()
        return reply

    def absent(self, one: str) -> str:
        """An id of the same length that nothing has."""
        return f"{next(self._numbers):0{len(one)}}"


def plain(text: str, names: dict[str, str] | None = None) -> Any:
    """The JSON of an error, the ids that `names` put in place of others put back.

    A value that the message shows is left out where it is cut short: an id may be cut with it.
    """

    def of(value: Any) -> Any:
        if isinstance(value, str):
            for one, absent in (names or {}).items():
                value = value.replace(absent, one)
            return _SHORTENED.sub("", value)
        if isinstance(value, dict):
            return {key: of(one) for key, one in value.items()}
        return [of(one) for one in value] if isinstance(value, list) else value

    return of(json.loads(text))


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Two]:
    folder = tmp_path_factory.mktemp("access")
    keys = [admin.create_key(folder / "data", f"{who}@example.org")[0] for who in ("ann", "ben")]
    with (
        echoing_server(folder) as (server, model),
        httpx.Client(base_url=server.url, timeout=60, headers={"x-goog-api-key": keys[0]}) as anns,
        httpx.Client(base_url=server.url, timeout=60, headers={"x-goog-api-key": keys[1]}) as bens,
    ):
        made = Two(World(anns, "ann", MARKER), World(bens, "ben"), model, operations())
        made.prepare()
        yield made
        statuses = sorted(made.statuses.items())
        print(f"{made.sent} requests, {made.compared} compared, replies by status: {statuses}")


@pytest.mark.parametrize("method", LASTING)
def test_nothing_of_anothers_comes_back(two: Two, method: str) -> None:
    two.ben.restore()
    attempt_all(two.described[method], SHARE, (GenerationMode.POSITIVE,), two.attempt)


def test_what_a_right_request_about_anothers_is_told(two: Two) -> None:
    """The requests as Ann would send them, one for each method: refused as if nothing were."""
    two.ben.restore()
    for right in (one for method in METHODS.values() for one in exemplars(method, two.ann)):
        call = renamed(right, {MARKER: "plain"})
        named = {one: two.absent(one) for one in two.ann.ids if one in readable(call)}
        reply = two.send(call, None)
        if not named:
            assert reply.status_code == 200, call
            continue
        other = two.send(renamed(call, named), None)
        two.compare(call, reply, other, named)
        # What inlined requests of a batch name is looked for when they are carried out.
        assert reply.status_code == 404 or "inputConfig" in readable(call), call


def test_downloads_and_uploads_of_anothers(two: Two) -> None:
    path = f"/v1beta/{two.ann.names['generated']}:download"
    assert MARKER in two.ann.http.get(path, params={"alt": "media"}).text
    refused = [
        two.ben.http.get(one, params={"alt": "media"})
        for one in (path, "/v1beta/files/000000000000:download")
    ]
    texts = [
        check_error(one)["message"].replace(two.ann.names["generated"], "files/000000000000")
        for one in refused
    ]
    assert texts[0] == texts[1]
    assert [one.status_code for one in refused] == [404, 404]

    begin = {"x-goog-upload-protocol": "resumable", "x-goog-upload-command": "start"}
    begun = two.ann.http.post("/upload/v1beta/files", headers=begin)
    session = {"x-goog-upload-protocol": "resumable", "x-goog-upload-command": "query"}
    assert two.ann.http.post(begun.headers["x-goog-upload-url"], headers=session).is_success
    reply = two.ben.http.post(begun.headers["x-goog-upload-url"], headers=session)
    assert check_error(reply)["status"] == "NOT_FOUND"


def test_nothing_of_anothers_was_used_or_changed(two: Two) -> None:
    """After all that Ben tried: what he has, what the model was told, and what Ann has."""
    for _ in range(3000):
        if all(one.get("done") for one in bens(two, "batches")):
            break
        time.sleep(0.02)
    for name, other, named in two.batches:
        assert errors_of(two, name) == errors_of(two, other, named), name
    for collection in LISTS:
        for one in bens(two, collection):
            reply = two.ben.http.get(f"/v1beta/{one['name']}")
            assert MARKER not in json.dumps(one) + reply.text, one
            ids = [known for known in two.ann.ids if known in json.dumps(one)]
            assert not ids or collection == "batches", (one, ids)
    assert MARKER not in json.dumps(two.model.bodies)
    assert two.anns_things() == two.before
    if two.sent > len(METHODS):  # that is: not chosen alone
        assert two.model.bodies
        assert two.compared > two.sent / 8


def errors_of(two: Two, batch: str, named: dict[str, str] | None = None) -> list[Any]:
    """What became of each request of a batch of Ben's."""
    ended = two.ben.http.get(f"/v1beta/{batch}").json()
    inlined = ended["metadata"]["output"]["inlinedResponses"]["inlinedResponses"]
    return [plain(json.dumps(one.get("error")), named) for one in inlined]


def bens(two: Two, collection: str) -> list[Any]:
    """All of a collection that Ben can list."""
    found: list[Any] = []
    token = ""
    while True:
        query = {"pageSize": "1000", **({"pageToken": token} if token else {})}
        page = two.ben.http.get(f"/v1beta/{collection}", params=query).json()
        found += next((value for value in page.values() if isinstance(value, list)), [])
        token = page.get("nextPageToken", "")
        if not token:
            return found
