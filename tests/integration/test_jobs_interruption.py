"""Batches and tunings whose process is killed, or just ends, are finished by another."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest

from ragkit import connect, connect_async
from ragkit.api import errors
from ragkit.client import Client
from ragkit.service import open_service

from .conftest import environment

MODEL = "models/static-256"
ITEMS = 500
KILLS = 8

# Carries out what there is until it is killed. Each request takes a moment, as with a real model.
WORKER = """
import sys, time
from pathlib import Path
from ragkit.engine import jobs
from ragkit.service import batch_kinds, open_service, tuning

jobs.LEASE_SECONDS = float(sys.argv[2])
jobs.POLL_SECONDS = 0.02
jobs.RECORD_SECONDS = 0.02
jobs.MAX_ATTEMPTS = 10**6  # It is killed before it gets anywhere, again and again.
embed, loss = batch_kinds.KINDS["embedContent"].carry_out, tuning.leave_one_out_loss

def slowly_embed(context, request):
    time.sleep(0.001)
    with open(sys.argv[3], "a") as log:
        print(request.content.parts[0].text, file=log, flush=True)
    return embed(context, request)

def slowly_judge(*arguments):
    time.sleep(0.02)
    return loss(*arguments)

object.__setattr__(batch_kinds.KINDS["embedContent"], "carry_out", slowly_embed)
tuning.leave_one_out_loss = slowly_judge
service = open_service(Path(sys.argv[1]))
service.engine.embedder().embed(["loaded"])
service.start_workers()
print("started", flush=True)
time.sleep(600)
"""


def start(data: Path, log: Path, lease: float = 0.3) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", WORKER, str(data), str(lease), str(log)],
        env=environment(data),
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "started\n"
    return process


def kill(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert process.stdout is not None
    process.stdout.close()


@pytest.fixture
def waiting(data: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    """A client whose own process carries out nothing."""
    from ragkit.engine.engine import Engine

    monkeypatch.setattr(Engine, "start_worker", lambda *_, **__: None)
    with connect(data=data) as client:
        yield client


def progress(client: Client, name: str) -> Any:
    return client.batches.get(name).metadata


def test_killed_at_random_moments_a_batch_ends_complete(
    waiting: Client, data: Path, tmp_path: Path
) -> None:
    words = [f"text number {number}" for number in range(ITEMS)]
    handle = waiting.models.async_batch_embed_content(MODEL, words, display_name="B")
    chance = random.Random()
    log = tmp_path / "log"
    kills = 0
    seen = 0
    while not handle.refresh().done:
        process = start(data, log)
        patience = chance.uniform(0.1, 0.7) if kills < KILLS else 120.0
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline and not handle.refresh().done:
            stats = progress(waiting, handle.name).batch_stats
            acknowledged = stats.successful_request_count
            assert acknowledged >= seen, "what was acknowledged is lost"
            seen = acknowledged
            time.sleep(0.01)
        kill(process)
        kills += 1
        assert kills <= KILLS + 1
    assert kills > 1
    output = handle.result(timeout=0)
    assert output.inlined_responses is not None
    responses = output.inlined_responses.inlined_responses
    assert len(responses) == ITEMS
    expected = waiting.models.embed_content(words[-1], model=MODEL).embedding
    assert responses[-1].response is not None
    assert responses[-1].response.embedding == expected
    assert all(one.response is not None for one in responses)
    stats = progress(waiting, handle.name).batch_stats
    assert (stats.successful_request_count, stats.failed_request_count) == (ITEMS, 0)
    # Work is repeated only where its result was not recorded yet: a moment's worth for each kill.
    carried_out = log.read_text().splitlines()
    assert set(carried_out) == set(words)
    assert len(carried_out) - ITEMS < kills * 200


def test_two_processes_share_the_batches_and_do_nothing_twice(
    waiting: Client, data: Path, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    handles = [
        waiting.models.async_batch_embed_content(
            MODEL, [f"batch {batch} text {number}" for number in range(100)], display_name="B"
        )
        for batch in range(6)
    ]
    # Leases that surely last: who is alive loses none.
    processes = [start(data, log, lease=60) for _ in range(2)]
    try:
        for handle in handles:
            while not handle.refresh().done:
                time.sleep(0.02)
    finally:
        for process in processes:
            kill(process)
    carried_out = log.read_text().splitlines()
    assert len(carried_out) == len(set(carried_out)) == 600


def test_a_tuning_that_is_killed_is_finished(waiting: Client, data: Path, tmp_path: Path) -> None:
    examples = [(f"question {number}", f"answer {number % 5}") for number in range(40)]
    handle = waiting.tuned_models.create("models/any", examples, tuned_model_id="tuned")
    process = start(data, tmp_path / "log")
    while True:
        handle.refresh()
        assert handle.metadata is not None
        if handle.metadata.completed_steps:
            break
        time.sleep(0.01)
    kill(process)
    handle.refresh()
    assert handle.metadata is not None
    before = handle.metadata.snapshots
    process = start(data, tmp_path / "log")
    while not handle.refresh().done:
        time.sleep(0.02)
    kill(process)
    model = handle.result(timeout=0)
    assert model.state.name == "ACTIVE"
    assert handle.metadata.snapshots[: len(before)] == before
    assert waiting.tuned_models.generate_content("tuned", "question 7").text.startswith("answer")


def run(script: str, data: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", script],
        env=environment(data),
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )


BEGIN = """
import ragkit
client = ragkit.connect()
words = [f"text {number}" for number in range(20000)]
print(client.models.async_batch_embed_content("static-256", words, display_name="B").name)
"""


def test_a_script_ends_at_once_and_the_next_process_goes_on_at_once(data: Path) -> None:
    """Neither a close nor a `with`: the interpreter just ends while the worker is at it."""
    done = run(BEGIN, data)
    name = done.stdout.strip()
    assert done.stderr == ""
    service = open_service(data)
    store = service.engine.store
    # The lease was given back: nobody has to wait until it runs out.
    lease = store.claim_job(["embedContent"], 60)
    assert lease is not None
    assert lease.job.name == name
    store.release_lease(lease)
    service.close()
    with connect(data=data) as client:
        handle = client.batches.get(name)
        handle.cancel()
        with pytest.raises(errors.Cancelled):
            handle.result()


def test_closing_a_client_stops_its_worker_and_another_goes_on(data: Path) -> None:
    words = [f"text {number}" for number in range(1500)]
    with connect(data=data) as client:
        name = client.models.async_batch_embed_content(MODEL, words, display_name="B").name
    assert not [one for one in threading.enumerate() if one.name.startswith("ragkit-worker")]
    with connect(data=data) as client:
        output: Any = client.batches.get(name).result()
        assert len(output.inlined_responses.inlined_responses) == 1500


def test_results_in_process(data: Path) -> None:
    with connect(data=data) as client:
        output = client.models.async_batch_embed_content(
            MODEL, ["hello", "world"], display_name="B"
        ).result()
        assert output.inlined_responses is not None
        assert len(output.inlined_responses.inlined_responses) == 2
        model = client.tuned_models.create(
            "models/any", [("one", "uno"), ("two", "dos")], display_name="Numbers"
        ).result()
        assert client.tuned_models.generate_content(model.name, "two").text == "dos"
        with client.tuned_models.stream_generate_content(model.name, "one") as pieces:
            assert [piece.text for piece in pieces] == ["uno"]
        assert client.tuned_models.generate_text(model.name, "two").candidates[0].output == "dos"


def test_results_in_process_without_blocking_the_loop(data: Path) -> None:
    async def use() -> None:
        async with connect_async(data=data) as client:
            handle = await client.models.async_batch_embed_content(
                MODEL, ["hello"], display_name="B"
            )
            output = await handle.result()
            assert output.inlined_responses is not None
            names = [operation.name async for operation in client.batches.list()]
            assert names == [handle.name]
            await handle.delete()
            with pytest.raises(errors.NotFound):
                await handle.refresh()

    anyio.run(use)


def test_a_batch_from_a_file_in_process(data: Path, tmp_path: Path) -> None:
    path = tmp_path / "requests.jsonl"
    lines = [
        json.dumps({"key": str(number), "request": {"content": {"parts": [{"text": "x"}]}}})
        for number in range(10)
    ]
    path.write_text("\n".join(lines))
    with connect(data=data) as client:
        file = client.files.upload(path)
        output = client.models.async_batch_embed_content(
            MODEL, file.name, display_name="B"
        ).result()
        assert output.responses_file
        described = client.files.get(output.responses_file)
        assert described.size_bytes
