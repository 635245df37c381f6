"""What the store's parts on jobs share: rows as records, and leases held to."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from ragkit.engine.job_records import (
    JobRecord,
    JobState,
    Lease,
    LeaseLostError,
    NewJob,
    Outcome,
)
from ragkit.engine.records import RowExistsError
from ragkit.engine.store.jobs_schema import JOB_ITEMS, JOBS
from ragkit.engine.store.rows import Row, batched, now

UNFINISHED = (int(JobState.PENDING), int(JobState.RUNNING))


def job_record(row: Row) -> JobRecord:
    """A row of the jobs' table."""
    return JobRecord(
        key=row.key,
        name=row.name,
        kind=row.kind,
        owner=row.owner,
        display_name=row.display_name,
        spec=row.spec,
        priority=row.priority,
        state=JobState(row.state),
        items=row.items,
        succeeded=row.succeeded,
        failed=row.failed,
        result=row.result,
        error=row.error,
        create_time=row.create_time,
        update_time=row.update_time,
        start_time=row.start_time,
        end_time=row.end_time,
        expire_time=row.expire_time,
    )


def insert_job(connection: sa.Connection, job: NewJob) -> int:
    """Insert a job without items and return its key. Raises RowExistsError."""
    if connection.execute(sa.select(JOBS.c.key).where(JOBS.c.name == job.name)).first() is not None:
        raise RowExistsError(job.name, f"{job.name} already exists")
    time = now()
    key: int = connection.execute(
        sa.insert(JOBS)
        .values(
            name=job.name,
            kind=job.kind,
            owner=job.owner,
            display_name=job.display_name,
            spec=job.spec,
            priority=job.priority,
            state=int(JobState.PENDING),
            items=0,
            succeeded=0,
            failed=0,
            holder="",
            lease_until=0,
            attempts=0,
            result="",
            error="",
            create_time=time,
            update_time=time,
            start_time=0,
            end_time=0,
            expire_time=time + job.lifetime if job.lifetime else 0,
        )
        .returning(JOBS.c.key)
    ).scalar_one()
    return key


def insert_items(
    connection: sa.Connection, job_key: int, requests: list[bytes], first: int
) -> None:
    """Insert items of a job, numbered from `first`."""
    rows = [
        {"job_key": job_key, "number": number, "outcome": int(Outcome.OPEN), "request": request}
        for number, request in enumerate(requests, first)
    ]
    if rows:
        connection.execute(sa.insert(JOB_ITEMS), rows)


def change_held(connection: sa.Connection, lease: Lease, /, **values: Any) -> None:
    """Change a job's row on the strength of a lease.

    Raises:
        LeaseLostError: the job has another holder, is ended or is gone.
    """
    held = connection.execute(
        sa.update(JOBS)
        .where(
            JOBS.c.key == lease.job.key,
            JOBS.c.holder == lease.token,
            JOBS.c.state == int(JobState.RUNNING),
        )
        .values(update_time=now(), **values)
    )
    if held.rowcount != 1:
        raise LeaseLostError(lease.job.name)


def end_held(
    connection: sa.Connection, lease: Lease, state: JobState, result: str, error: str
) -> None:
    """End a job on the strength of a lease. Raises LeaseLostError."""
    change_held(
        connection,
        lease,
        state=int(state),
        result=result,
        error=error,
        end_time=now(),
        holder="",
        lease_until=0,
    )
    drop_requests(connection, [lease.job.key])


def drop_requests(connection: sa.Connection, job_keys: list[int]) -> None:
    """Drop what the open items of ended jobs asked for."""
    for keys in batched(job_keys):
        connection.execute(
            sa.update(JOB_ITEMS)
            .where(JOB_ITEMS.c.job_key.in_(keys), JOB_ITEMS.c.request.is_not(None))
            .values(request=None)
        )


def delete_jobs(connection: sa.Connection, job_keys: list[int]) -> None:
    """Delete jobs and their items."""
    for keys in batched(job_keys):
        connection.execute(sa.delete(JOB_ITEMS).where(JOB_ITEMS.c.job_key.in_(keys)))
        connection.execute(sa.delete(JOBS).where(JOBS.c.key.in_(keys)))
