"""The store's tuned models, their examples, and how a tuning ends."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import sqlalchemy as sa

from ragkit.engine.access import EVERYONE, Role
from ragkit.engine.job_records import (
    JobRecord,
    JobState,
    Lease,
    NewJob,
    NewTunedModel,
    TunedExamples,
    TunedFields,
    TunedModelRecord,
    TunedSelection,
    TunedState,
)
from ragkit.engine.records import RowExistsError, Vector
from ragkit.engine.store.access_schema import PERMISSIONS
from ragkit.engine.store.job_rows import (
    delete_jobs,
    end_held,
    insert_items,
    insert_job,
    job_record,
)
from ragkit.engine.store.jobs_schema import JOBS, TUNED_EXAMPLES, TUNED_MODELS
from ragkit.engine.store.permissions import delete_permissions, granted, insert_owner
from ragkit.engine.store.rows import Row, Rows, not_found, now


class TunedModels(Rows):
    """Methods on tuned models."""

    def create_tuned_model(
        self,
        model: NewTunedModel,
        examples: Sequence[tuple[str, str]],
        job: NewJob,
        steps: int,
    ) -> tuple[TunedModelRecord, JobRecord]:
        """Creates a tuned model that is yet to be tuned, and the job that tunes it.

        Arguments:
            model: the model.
            examples: inputs and what is to be said to each.
            job: the tuning; its owner gets the owner's permission on the model.
            steps: how many items the tuning has.

        Returns:
            The model and the job as stored.

        Raises:
            RowExistsError: the model's id is taken.
        """
        time = now()
        name = tuned_model_name(model.id)
        with self._database.write() as connection:
            taken = sa.select(TUNED_MODELS.c.key).where(TUNED_MODELS.c.id == model.id)
            if connection.execute(taken).first() is not None:
                raise RowExistsError(name, f"{name} already exists")
            row = connection.execute(
                sa.insert(TUNED_MODELS)
                .values(
                    id=model.id,
                    **_field_columns(model.fields),
                    base_model=model.base_model,
                    source_model=model.source_model,
                    embedder=model.embedder,
                    hyperparameters=model.hyperparameters,
                    state=int(TunedState.CREATING),
                    neighbours=0,
                    sharpness=0.0,
                    create_time=time,
                    update_time=time,
                )
                .returning(TUNED_MODELS)
            ).one()
            insert_owner(connection, name, job.owner)
            rows = [
                {"model_key": row.key, "number": number, "input": given, "output": wanted}
                for number, (given, wanted) in enumerate(examples)
            ]
            connection.execute(sa.insert(TUNED_EXAMPLES), rows)
            job_key = insert_job(connection, job)
            insert_items(connection, job_key, [b""] * steps, 0)
            job_row = connection.execute(
                sa.update(JOBS).where(JOBS.c.key == job_key).values(items=steps).returning(JOBS)
            ).one()
        return _record(row), job_record(job_row)

    def get_tuned_model(self, id: str) -> TunedModelRecord:  # noqa: A002
        """The tuned model of an id. Raises RowNotFoundError."""
        with self._database.read() as connection:
            return _record(_find(connection, id))

    def list_tuned_models(
        self,
        limit: int,
        after: tuple[int, int] | None = None,
        selection: TunedSelection = TunedSelection(),  # noqa: B008 - frozen
    ) -> list[TunedModelRecord]:
        """At most `limit` tuned models in the order of creation.

        Arguments:
            limit: the most to return.
            after: `(create_time, key)` of the last one seen; None to begin.
            selection: which ones; by default all.
        """
        query = (
            sa.select(TUNED_MODELS)
            .where(*_selected(selection))
            .order_by(TUNED_MODELS.c.create_time, TUNED_MODELS.c.key)
            .limit(limit)
        )
        if after is not None:
            query = query.where(sa.tuple_(TUNED_MODELS.c.create_time, TUNED_MODELS.c.key) > after)
        with self._database.read() as connection:
            return [_record(row) for row in connection.execute(query)]

    def update_tuned_model(self, id: str, fields: TunedFields) -> TunedModelRecord:  # noqa: A002
        """Gives a tuned model other fields and returns it. Raises RowNotFoundError."""
        return self._change(id, **_field_columns(fields))

    def delete_tuned_model(self, id: str) -> TunedModelRecord:  # noqa: A002
        """Deletes a tuned model, its examples, tunings and permissions; raises RowNotFoundError."""
        with self._database.write() as connection:
            row = _find(connection, id)
            prefix = f"{tuned_model_name(id)}/operations/"
            jobs = sa.select(JOBS.c.key).where(JOBS.c.name.startswith(prefix, autoescape=True))
            delete_jobs(connection, list(connection.execute(jobs).scalars()))
            connection.execute(
                sa.delete(TUNED_EXAMPLES).where(TUNED_EXAMPLES.c.model_key == row.key)
            )
            delete_permissions(connection, tuned_model_name(id))
            connection.execute(sa.delete(TUNED_MODELS).where(TUNED_MODELS.c.key == row.key))
        return _record(row)

    def tuned_examples(self, model_key: int) -> TunedExamples:
        """What a tuned model learns or learnt from."""
        query = (
            sa.select(TUNED_EXAMPLES.c.input, TUNED_EXAMPLES.c.output, TUNED_EXAMPLES.c.vector)
            .where(TUNED_EXAMPLES.c.model_key == model_key)
            .order_by(TUNED_EXAMPLES.c.number)
        )
        with self._database.read() as connection:
            rows = connection.execute(query).all()
        vectors = [np.frombuffer(row.vector, np.float32) for row in rows if row.vector is not None]
        return TunedExamples(
            inputs=[row.input for row in rows],
            outputs=[row.output for row in rows],
            vectors=np.stack(vectors) if rows and len(vectors) == len(rows) else _NO_VECTORS,
        )

    def finish_tuning(
        self,
        lease: Lease,
        id: str,  # noqa: A002
        vectors: Vector,
        neighbours: int,
        sharpness: float,
    ) -> None:
        """Makes a tuned model usable and ends its tuning, both or neither.

        Arguments:
            lease: of the tuning.
            id: the model's id.
            vectors: the embeddings of the examples' inputs, in order.
            neighbours: how many of the nearest examples are used.
            sharpness: how their weights fall with their distance.

        Raises:
            LeaseLostError: the tuning is another's by now, or the model is gone.
        """
        with self._database.write() as connection:
            end_held(connection, lease, JobState.SUCCEEDED, "", "")
            key = _find(connection, id).key
            connection.execute(
                sa.update(TUNED_EXAMPLES)
                .where(
                    TUNED_EXAMPLES.c.model_key == key,
                    TUNED_EXAMPLES.c.number == sa.bindparam("at"),
                )
                .values(vector=sa.bindparam("embedding", type_=sa.LargeBinary())),
                [
                    {"at": number, "embedding": vector.astype(np.float32).tobytes()}
                    for number, vector in enumerate(vectors)
                ],
            )
            _set_state(
                connection, key, TunedState.ACTIVE, neighbours=neighbours, sharpness=sharpness
            )

    def fail_tuning(self, lease: Lease, id: str, error: str) -> None:  # noqa: A002
        """Ends a tuning that cannot succeed, and marks its model. Raises LeaseLostError."""
        with self._database.write() as connection:
            end_held(connection, lease, JobState.FAILED, "", error)
            _set_state(connection, _find(connection, id).key, TunedState.FAILED)

    def _change(self, model_id: str, **values: Any) -> TunedModelRecord:
        with self._database.write() as connection:
            row = connection.execute(
                sa.update(TUNED_MODELS)
                .where(TUNED_MODELS.c.id == model_id)
                .values(update_time=now(), **values)
                .returning(TUNED_MODELS)
            ).one_or_none()
        if row is None:
            raise not_found(tuned_model_name(model_id))
        return _record(row)


_NO_VECTORS: Vector = np.empty((0, 0), np.float32)


def tuned_model_name(model_id: str) -> str:
    """A tuned model's resource name."""
    return f"tunedModels/{model_id}"


def _selected(selection: TunedSelection) -> list[sa.ColumnElement[bool]]:
    name = "tunedModels/" + TUNED_MODELS.c.id
    conditions = [granted(name, grantees, weakest) for grantees, weakest in selection.roles]
    if selection.unowned:
        conditions.append(
            name.not_in(sa.select(PERMISSIONS.c.resource).where(PERMISSIONS.c.role == Role.OWNER))
        )
    if selection.shared is not None:
        shared = granted(name, (EVERYONE,))
        conditions.append(shared if selection.shared else sa.not_(shared))
    return conditions


def _find(connection: sa.Connection, model_id: str) -> Row:
    row = connection.execute(
        sa.select(TUNED_MODELS).where(TUNED_MODELS.c.id == model_id)
    ).one_or_none()
    if row is None:
        raise not_found(tuned_model_name(model_id))
    return row


def _set_state(connection: sa.Connection, key: int, state: TunedState, **values: Any) -> None:
    connection.execute(
        sa.update(TUNED_MODELS)
        .where(TUNED_MODELS.c.key == key)
        .values(state=int(state), update_time=now(), **values)
    )


def _field_columns(fields: TunedFields) -> dict[str, Any]:
    return {
        "display_name": fields.display_name,
        "description": fields.description,
        "temperature": fields.temperature,
        "top_p": fields.top_p,
        "top_k": fields.top_k,
        "reader_projects": json.dumps(fields.reader_projects),
    }


def _record(row: Row) -> TunedModelRecord:
    return TunedModelRecord(
        key=row.key,
        id=row.id,
        fields=TunedFields(
            display_name=row.display_name,
            description=row.description,
            temperature=row.temperature,
            top_p=row.top_p,
            top_k=row.top_k,
            reader_projects=tuple(json.loads(row.reader_projects)),
        ),
        base_model=row.base_model,
        source_model=row.source_model,
        embedder=row.embedder,
        hyperparameters=row.hyperparameters,
        state=TunedState(row.state),
        neighbours=row.neighbours,
        sharpness=row.sharpness,
        create_time=row.create_time,
        update_time=row.update_time,
    )
