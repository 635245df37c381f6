"""What carries out each kind of job, and the worker that does so in this process."""

from __future__ import annotations

from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Final

from ragkit.api.operations import Status
from ragkit.engine.engine import Engine
from ragkit.engine.job_records import JobRecord, JobState, Lease
from ragkit.service.errors import to_api_error

if TYPE_CHECKING:
    from ragkit.engine.jobs import Executor, Run
    from ragkit.engine.store import Store

GENERATION: Final = "generateContent"
EMBEDDING: Final = "embedContent"
TUNING: Final = "tuning"

_EXECUTORS: Final = {
    GENERATION: "batch_execution",
    EMBEDDING: "batch_execution",
    TUNING: "tuning",
}
"""The module whose `execute` carries out jobs of each kind; imported with the first of them."""


def start_worker(engine: Engine, *, stay: bool = False) -> None:
    """See that this process carries out jobs.

    Arguments:
        engine: whose jobs.
        stay: whether to go on looking for jobs of other processes when there are none; a server
            does, a script does not.
    """
    executors: dict[str, Executor] = {kind: partial(_execute, engine) for kind in _EXECUTORS}
    engine.start_worker(executors, _fail, stay=stay)


def see_to(engine: Engine, job: JobRecord) -> None:
    """See that somebody carries out a job that has not ended."""
    if not job.state.final:
        start_worker(engine)


def _execute(engine: Engine, run: Run) -> None:
    import_module(f"ragkit.service.{_EXECUTORS[run.job.kind]}").execute(engine, run)


def _fail(store: Store, lease: Lease, error: Exception) -> None:
    status = Status.of(to_api_error(error, lease.job.name)).to_json().decode()
    if lease.job.kind == TUNING:
        model_id = lease.job.name.split("/")[1]
        store.fail_tuning(lease, model_id, status)
    else:
        store.end_job(lease, JobState.FAILED, error=status)
