"""Requests made up from the published description: whatever is sent, the server has an answer.

By default some hundreds of requests are sent; RAGKIT_FUZZ_REQUESTS says how many, 10000 is the full
form. The requests are the same in each run.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode

from ragkit.api.methods import METHODS
from ragkit.api.versions import V1_METHODS
from tests.conformance.exemplars import LASTING, Call, World
from tests.conformance.fuzzing import (
    REQUESTS,
    Fuzzer,
    attempt_all,
    check_error,
    check_reply,
    echoing_server,
    operations,
    readable,
)
from tests.integration.server_process import serving

BOTH = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
GENERATING = [
    "cachedContents.create",
    "models.batchGenerateContent",
    "models.generateContent",
    "models.generateMessage",
    "models.generateText",
    "models.streamGenerateContent",
]
"""What answers 501 without a generator, and may do nothing else beside refusing."""

SHARE = math.ceil(REQUESTS * 0.8 / len(METHODS))
V1_SHARE = math.ceil(REQUESTS * 0.05 / len(V1_METHODS))
BARE_SHARE = math.ceil(REQUESTS * 0.05 / len(GENERATING))
UPLOADS = math.ceil(REQUESTS * 0.1)


@dataclass
class Target:
    """A server under test and what came of it."""

    world: World
    described: dict[str, Any]
    statuses: Counter[int] = field(default_factory=Counter)

    def attempt(self, case: Case[Any], random: Random) -> None:
        call = Fuzzer(self.world).call(case, random)
        reply = call.send(self.world.http)
        self.statuses[reply.status_code] += 1
        check_reply(call, reply, case.operation)
        if call.verb == "DELETE" and reply.status_code == 200:
            self.world.restore()


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    with echoing_server(tmp_path_factory.mktemp("fuzz")) as (server, _):
        target = Target(World(server.http, "ann"), operations())
        yield target
        assert server.http.get("/readyz").status_code == 200
        statuses = sorted(target.statuses.items())
        print(f"{target.statuses.total()} requests, replies by status: {statuses}")


@pytest.mark.parametrize("method", LASTING)
def test_every_request_is_answered(target: Target, method: str) -> None:
    target.world.restore()
    attempt_all(target.described[method], SHARE, BOTH, target.attempt)


@pytest.mark.parametrize("method", sorted(V1_METHODS & METHODS.keys()))
def test_every_request_to_v1_is_answered(target: Target, method: str) -> None:
    target.world.restore()
    attempt_all(operations("v1")[method], V1_SHARE, BOTH, target.attempt)


def test_what_was_tried_was_not_all_refused(target: Target) -> None:
    """Or else nothing but the refusals was tried."""
    if target.statuses:  # that is: not chosen alone
        assert target.statuses[200] > sum(target.statuses.values()) / 5
        assert {400, 404} <= target.statuses.keys()


def test_without_a_generator_all_is_refused_well(tmp_path: Any) -> None:
    with serving(tmp_path / "data", tmp_path / "stderr", "--log-level", "error") as server:
        world = World(server.http, "ann", generates=False)
        world.restore()
        unimplemented = 0

        def attempt(case: Case[Any], random: Random) -> None:
            nonlocal unimplemented
            call = Fuzzer(world).call(case, random)
            reply = call.send(server.http)
            if reply.status_code == 501:
                assert "ragkit.toml" in check_error(reply, call)["message"]
                unimplemented += 1
            else:
                check_reply(call, reply)
                # A tuned model has answers of its own.
                assert reply.status_code != 200 or "tunedModels/" in readable(call), call

        described = operations()
        for method in GENERATING:
            attempt_all(described[method], BARE_SHARE, BOTH, attempt)
        assert unimplemented > BARE_SHARE


# Uploads, of which the description says nothing

SIZES = st.sampled_from(["", "0", "5", "-1", "nonsense", "99999999999999999999", "1e3"])
BODIES = st.one_of(
    st.binary(max_size=80),
    st.sampled_from(
        [
            b'{"file": {"displayName": "d"}}',
            b'{"file": {"name": "files/a", "mimeType": "text/plain"}}',
            b'{"file": {"name": "corpora/a"}}',
            b'{"file": []}',
            b"--b\r\ncontent-type: application/json\r\n\r\n{}\r\n--b\r\n\r\nfile\r\n--b--",
            b"--b\r\n\r\n{\r\n--b\r\n\r\n--b--",
            b"--b--",
            b"--b\r\ncontent-type: a\r\ncontent-type: b\r\n\r\n{}\r\n--b\r\n\r\n\r\n--b--\r\n",
        ]
    ),
)
HEADERS: dict[str, Any] = {
    "x-goog-upload-protocol": st.sampled_from(["resumable", "multipart", "raw", "", "x"]),
    "x-goog-upload-command": st.sampled_from(
        ["start", "upload", "upload, finalize", "query", "cancel", "start, upload, finalize", "x"]
    ),
    "x-goog-upload-offset": SIZES,
    "x-goog-upload-header-content-length": SIZES,
    "x-goog-upload-header-content-type": st.sampled_from(["text/plain", "", "a/b/c", "x" * 300]),
    "x-goog-upload-file-name": st.sampled_from(["a.txt", "%E4", "../a", ""]),
    "x-upload-content-type": st.sampled_from(["text/plain", "x"]),
    "x-upload-content-length": SIZES,
    "content-range": st.sampled_from(
        ["bytes 0-4/5", "bytes */5", "bytes */*", "bytes 5-1/2", "bytes 0-0/*", "x", "bytes a-b/c"]
    ),
    "content-type": st.sampled_from(
        [
            "application/json",
            "multipart/related; boundary=b",
            "multipart/related",
            'multipart/related; boundary="',
            "text/plain; charset=x",
            "",
        ]
    ),
}
KINDS = ["media", "multipart", "resumable", "x", ""]


@settings(
    max_examples=UPLOADS,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(
    verb=st.sampled_from(["POST", "PUT", "GET"]),
    query=st.fixed_dictionaries(
        {},
        optional={
            "uploadType": st.sampled_from(KINDS),
            "upload_protocol": st.sampled_from(KINDS),
            "upload_id": st.sampled_from(["OWN", "OWN", "absent", ""]),
            "bogus": st.just("1"),
        },
    ),
    headers=st.fixed_dictionaries({}, optional=HEADERS),
    body=BODIES,
)
def test_every_upload_is_answered(
    target: Target, verb: str, query: dict[str, str], headers: dict[str, str], body: bytes
) -> None:
    http = target.world.http
    if query.get("upload_id") == "OWN":
        query = {**query, "upload_id": upload_id(target)}
    path = "/upload/v1beta/files"
    reply = http.request(verb, path, params=query, headers=headers, content=body)
    target.statuses[reply.status_code] += 1
    # 308: this much of a resumable upload has come (RFC 9110, section 15.4.9, as Google uses it).
    if reply.status_code != 308:
        check_reply(Call(verb, path, query, body), reply)


def upload_id(target: Target) -> str:
    """That of an upload just begun."""
    begun = target.world.http.post(
        "/upload/v1beta/files",
        headers={
            "x-goog-upload-protocol": "resumable",
            "x-goog-upload-command": "start",
            "x-goog-upload-header-content-type": "text/plain",
        },
    )
    assert begun.status_code == 200, begun.text
    return str(begun.headers["x-goog-upload-url"]).partition("upload_id=")[2].partition("&")[0]
