"""Carrying out the requests of a batch, one after the other, and writing its responses."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

from ragkit.api.errors import APIError, InvalidArgument, ResourceExhausted, Unavailable
from ragkit.api.operations import Status
from ragkit.api.parsing import parse_message
from ragkit.engine.engine import Engine
from ragkit.engine.job_records import JobRecord, JobState, Outcome
from ragkit.engine.jobs import DeclinedError, Run
from ragkit.service.batch_creation import check_request_model
from ragkit.service.batch_kinds import KINDS, BatchKind, BatchSpec
from ragkit.service.errors import to_api_error
from ragkit.service.registry import Context

_WAITS: Final = (1.0, 5.0, 25.0)
"""Seconds until a request is tried again that failed because the model's backend was busy."""


def execute(engine: Engine, run: Run) -> None:
    """Go on with a batch: see `ragkit.engine.jobs.Executor`.

    Raises:
        DeclinedError: this process has no model for such requests, though another may.
    """
    kind = KINDS[run.job.kind]
    spec = BatchSpec.model_validate_json(run.job.spec)
    if not kind.possible(engine):
        raise DeclinedError("no generator is configured here")
    context = Context(engine, spec.principal)
    for item in run.items():
        line, error = _carry_out(context, kind, spec, item.request, run)
        if run.stopped and error is not None and _may_pass(error):
            return  # Whoever goes on tries it again.
        outcome = Outcome.DONE if error is None else Outcome.FAILED
        run.record(item.number, outcome, json.dumps(line, ensure_ascii=False).encode())
    if run.all_done:
        result = _write_file(engine, run.job, spec) if spec.file else ""
        run.end(lambda store, lease: store.end_job(lease, JobState.SUCCEEDED, result))


def _carry_out(
    context: Context, kind: BatchKind, spec: BatchSpec, text: bytes, run: Run
) -> tuple[dict[str, Any], APIError | None]:
    """What is written for one request, and the error if that is what came of it."""
    line: dict[str, Any] = {}
    try:
        entry = _entry(text)
        line = {name: entry[name] for name in ("key", "metadata") if name in entry}
        request = parse_message(kind.request, json.dumps(entry.get("request")).encode())
        check_request_model(request.model, spec.model, "request.model")
        request = request.model_copy(update={"model": spec.model})
        for wait in (*_WAITS, None):
            try:
                response = kind.carry_out(context, request)
                break
            except Exception as error:
                if wait is None or run.stopped or not _may_pass(to_api_error(error, "")):
                    raise
                run.pause(wait)
        return line | {"response": response.to_wire()}, None
    except Exception as error:  # noqa: BLE001 - it is this request's result
        shown = to_api_error(error, f"a request of {run.job.name}")
        return line | {"error": Status.of(shown).to_wire()}, shown


def _may_pass(error: APIError) -> bool:
    return isinstance(error, Unavailable | ResourceExhausted)


def _entry(text: bytes) -> dict[str, Any]:
    """An entry of a batch: an object with a request, and maybe a key and metadata.

    Raises:
        InvalidArgument: it is none.
    """
    try:
        entry = json.loads(text)
    except ValueError as error:
        raise InvalidArgument(f"this line is not JSON: {error}", field="request") from None
    if not isinstance(entry, dict) or not isinstance(entry.get("request"), dict):
        raise InvalidArgument(
            'this line is not of the form {"key": "1", "request": {...}}', field="request"
        )
    return entry


def _write_file(engine: Engine, job: JobRecord, spec: BatchSpec) -> str:
    """Write a batch's responses to a file, one on each line, and return its name.

    The file's name follows from the batch's: who does this again after an interruption finds it.
    """
    from ragkit.service.files import generated_file

    def lines() -> Iterator[bytes]:
        for one in engine.store.item_results(job.key):
            yield one.result + b"\n"

    return generated_file(
        Context(engine, spec.principal),
        f"batch-{job.name.removeprefix('batches/')}",
        f"Responses of {job.name}",
        "application/jsonl",
        lines(),
    )
