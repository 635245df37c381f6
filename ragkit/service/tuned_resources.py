"""Tuned models and their tunings as the API shows them."""

from __future__ import annotations

import json

from ragkit.api.operations import Operation, Status, pack_any
from ragkit.api.tuned_models import (
    CreateTunedModelMetadata,
    Hyperparameters,
    TunedModel,
    TunedModelSource,
    TunedModelState,
    TuningSnapshot,
    TuningTask,
)
from ragkit.engine.engine import Engine
from ragkit.engine.job_records import JobRecord, JobState, TunedModelRecord
from ragkit.service.resources import to_datetime

OWN_FIELDS = ("display_name", "description", "temperature", "top_p", "top_k")


def tuned_model_resource(engine: Engine, record: TunedModelRecord) -> TunedModel:
    """A tuned model as the API shows it; what it learnt from is not shown."""
    name = f"tunedModels/{record.id}"
    tunings = engine.store.list_jobs(f"{name}/operations/", 1)
    source = (
        {
            "tuned_model_source": TunedModelSource(
                tuned_model=record.source_model, base_model=record.base_model
            )
        }
        if record.source_model
        else {"base_model": record.base_model}
    )
    return TunedModel.model_validate(
        {
            **source,
            "name": name,
            **{field: getattr(record.fields, field) for field in OWN_FIELDS},
            "reader_project_numbers": list(record.fields.reader_projects),
            "state": TunedModelState(int(record.state)),
            "create_time": to_datetime(record.create_time),
            "update_time": to_datetime(record.update_time),
            "tuning_task": _task(engine, record, tunings[0]) if tunings else None,
        }
    )


def tuning_operation(engine: Engine, job: JobRecord) -> Operation:
    """A tuning as the operation that the API shows."""
    model_id = job.name.split("/")[1]
    snapshots = _snapshots(engine, job)
    metadata = pack_any(
        CreateTunedModelMetadata(
            tuned_model=f"tunedModels/{model_id}",
            total_steps=job.items,
            completed_steps=len(snapshots),
            completed_percent=100 * len(snapshots) / job.items,
            snapshots=snapshots,
        )
    )
    if job.state is JobState.FAILED:
        error = Status.model_validate_json(job.error)
        return Operation(name=job.name, metadata=metadata, done=True, error=error)
    if job.state is JobState.SUCCEEDED:
        model = tuned_model_resource(engine, engine.store.get_tuned_model(model_id))
        return Operation(name=job.name, metadata=metadata, done=True, response=pack_any(model))
    return Operation(name=job.name, metadata=metadata)


def _task(engine: Engine, record: TunedModelRecord, tuning: JobRecord) -> TuningTask:
    return TuningTask(
        start_time=to_datetime(tuning.start_time) if tuning.start_time else None,
        complete_time=to_datetime(tuning.end_time) if tuning.end_time else None,
        snapshots=_snapshots(engine, tuning),
        hyperparameters=Hyperparameters.model_validate_json(record.hyperparameters),
    )


def _snapshots(engine: Engine, tuning: JobRecord) -> list[TuningSnapshot]:
    snapshots = []
    for step in engine.store.item_results(tuning.key):
        result = json.loads(step.result)
        snapshots.append(
            TuningSnapshot(
                step=step.number + 1,
                epoch=result["epoch"],
                mean_loss=result["loss"],
                compute_time=to_datetime(result["time"]),
            )
        )
    return snapshots
