"""Carrying out a tuning: embedding its examples and judging each choice by leave-one-out."""

from __future__ import annotations

import json
from functools import partial

from ragkit.engine.engine import Engine
from ragkit.engine.job_records import Lease, Outcome
from ragkit.engine.jobs import Run
from ragkit.engine.models.embedders import Task
from ragkit.engine.models.nearest import (
    Candidate,
    candidates,
    leave_one_out_loss,
    nearest_others,
)
from ragkit.engine.records import Vector
from ragkit.engine.store import Store
from ragkit.engine.store.rows import now


def execute(engine: Engine, run: Run) -> None:
    """Go on with a tuning: see `ragkit.engine.jobs.Executor`.

    Each step judges one choice; its item's result is the step's snapshot.
    """
    model_id = run.job.name.split("/")[1]
    store = engine.store
    model = store.get_tuned_model(model_id)
    examples = store.tuned_examples(model.key)
    choices = candidates(len(examples.inputs), json.loads(run.job.spec)["epochs"])
    embedder = engine.embedder(model.embedder)
    # The same for inputs and for queries: they are compared with each other.
    vectors = embedder.embed(examples.inputs, task=Task.SEMANTIC_SIMILARITY)
    outputs = embedder.embed(examples.outputs, task=Task.SEMANTIC_SIMILARITY)
    neighbours = nearest_others(vectors, max(choice.neighbours for choice in choices))
    for item in run.items():
        choice = choices[item.number]
        loss = leave_one_out_loss(neighbours, outputs, choice)
        snapshot = {"epoch": choice.epoch, "loss": loss, "time": now()}
        run.record(item.number, Outcome.DONE, json.dumps(snapshot).encode())
    if run.all_done:
        best = _best(store, run.job.key, choices)
        run.end(partial(_finish, model_id=model_id, vectors=vectors, best=best))


def _best(store: Store, job_key: int, choices: list[Candidate]) -> Candidate:
    """The choice of least loss; among equals the one with the fewest neighbours."""
    losses = {one.number: json.loads(one.result)["loss"] for one in store.item_results(job_key)}
    number = min(losses, key=lambda at: (round(losses[at], 6), choices[at].neighbours, at))
    return choices[number]


def _finish(store: Store, lease: Lease, *, model_id: str, vectors: Vector, best: Candidate) -> None:
    store.finish_tuning(lease, model_id, vectors, best.neighbours, best.sharpness)
