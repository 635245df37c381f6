"""The store's jobs: work in items that goes on after the call that asked for it.

A job is carried out by whoever holds its lease. Everything that a holder writes is conditional on
the lease being its own still: whoever was too slow or was thought dead writes nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import islice
from uuid import uuid4

import sqlalchemy as sa

from ragkit.engine.job_records import (
    ItemResult,
    JobItem,
    JobRecord,
    JobState,
    Lease,
    NewJob,
    Outcome,
)
from ragkit.engine.store.job_rows import (
    UNFINISHED,
    change_held,
    delete_jobs,
    drop_requests,
    end_held,
    insert_items,
    insert_job,
    job_record,
)
from ragkit.engine.store.jobs_schema import JOB_ITEMS, JOBS
from ragkit.engine.store.rows import IN_LIST, Rows, not_found, now

_SECOND = 1_000_000


class Jobs(Rows):
    """Methods on jobs."""

    def create_job(self, job: NewJob, requests: Iterable[bytes]) -> JobRecord:
        """Creates a job with an item for each request.

        Arguments:
            job: the job.
            requests: what each item asks for; read once, and never all in memory.

        Returns:
            The job as stored.

        Raises:
            RowExistsError: the name is taken.
        """
        remaining = iter(requests)
        with self._database.write() as connection:
            key = insert_job(connection, job)
            count = 0
            while batch := list(islice(remaining, IN_LIST)):
                insert_items(connection, key, batch, count)
                count += len(batch)
            row = connection.execute(
                sa.update(JOBS).where(JOBS.c.key == key).values(items=count).returning(JOBS)
            ).one()
        return job_record(row)

    def get_job(self, name: str) -> JobRecord:
        """The job of a name. Raises RowNotFoundError."""
        with self._database.read() as connection:
            row = connection.execute(sa.select(JOBS).where(JOBS.c.name == name)).one_or_none()
        if row is None:
            raise not_found(name)
        return job_record(row)

    def list_jobs(
        self, prefix: str, limit: int, after: tuple[int, int] | None = None
    ) -> list[JobRecord]:
        """At most `limit` jobs whose names begin so, in the order of creation.

        Arguments:
            prefix: the beginning of the names, such as `batches/`.
            limit: the most to return.
            after: `(create_time, key)` of the last one seen; None to begin.
        """
        query = (
            sa.select(JOBS)
            .where(JOBS.c.name.startswith(prefix, autoescape=True))
            .order_by(JOBS.c.create_time, JOBS.c.key)
            .limit(limit)
        )
        if after is not None:
            query = query.where(sa.tuple_(JOBS.c.create_time, JOBS.c.key) > after)
        with self._database.read() as connection:
            return [job_record(row) for row in connection.execute(query)]

    def cancel_job(self, name: str) -> None:
        """Ends a job as cancelled unless it has ended; raises RowNotFoundError."""
        with self._database.write() as connection:
            row = connection.execute(sa.select(JOBS).where(JOBS.c.name == name)).one_or_none()
            if row is None:
                raise not_found(name)
            _end(connection, [row.key], JobState.CANCELLED)

    def delete_job(self, name: str) -> None:
        """Deletes a job and its items; raises RowNotFoundError."""
        with self._database.write() as connection:
            row = connection.execute(sa.select(JOBS.c.key).where(JOBS.c.name == name)).one_or_none()
            if row is None:
                raise not_found(name)
            delete_jobs(connection, [row.key])

    def open_items(self, job_key: int, limit: int) -> list[JobItem]:
        """The next items of a job that have no result, by number."""
        query = (
            sa.select(JOB_ITEMS.c.number, JOB_ITEMS.c.request)
            .where(JOB_ITEMS.c.job_key == job_key, JOB_ITEMS.c.outcome == int(Outcome.OPEN))
            .order_by(JOB_ITEMS.c.number)
            .limit(limit)
        )
        with self._database.read() as connection:
            return [JobItem(row.number, row.request or b"") for row in connection.execute(query)]

    def item_results(self, job_key: int) -> Iterator[ItemResult]:
        """The results of a job's items that have one, by number; a few at a time in memory."""
        last = -1
        while True:
            query = (
                sa.select(JOB_ITEMS.c.number, JOB_ITEMS.c.outcome, JOB_ITEMS.c.result)
                .where(
                    JOB_ITEMS.c.job_key == job_key,
                    JOB_ITEMS.c.outcome != int(Outcome.OPEN),
                    JOB_ITEMS.c.number > last,
                )
                .order_by(JOB_ITEMS.c.number)
                .limit(IN_LIST)
            )
            with self._database.read() as connection:
                rows = connection.execute(query).all()
            for row in rows:
                yield ItemResult(row.number, Outcome(row.outcome), row.result or b"")
            if len(rows) < IN_LIST:
                return
            last = rows[-1].number

    def result_bytes(self, job_key: int) -> int:
        """How many bytes the results of a job's items have together."""
        query = sa.select(
            sa.func.coalesce(sa.func.sum(sa.func.length(JOB_ITEMS.c.result)), 0)
        ).where(JOB_ITEMS.c.job_key == job_key)
        with self._database.read() as connection:
            total: int = connection.execute(query).scalar_one()
        return total

    def unfinished_jobs(self, kinds: Collection[str], without: Collection[int] = ()) -> bool:
        """Whether there are jobs of some kinds that have not ended, beside those of some keys."""
        query = sa.select(JOBS.c.key).where(*_wanted(kinds, without)).limit(1)
        with self._database.read() as connection:
            return connection.execute(query).first() is not None

    def claim_job(
        self, kinds: Collection[str], seconds: float, without: Collection[int] = ()
    ) -> Lease | None:
        """Takes the lease of the next job to carry out: by priority, then by age.

        Arguments:
            kinds: what kinds of job to look for.
            seconds: how long the lease lasts unless it is renewed.
            without: keys of jobs to pass over.

        Returns:
            The lease; None if there is nothing to do now.
        """
        free = (*_wanted(kinds, without), JOBS.c.lease_until <= now())
        query = (
            sa.select(JOBS.c.key).where(*free).order_by(JOBS.c.priority.desc(), JOBS.c.key).limit(1)
        )
        with self._database.read() as connection:
            if connection.execute(query).first() is None:
                return None
        token = uuid4().hex
        with self._database.write() as connection:
            found = connection.execute(query).first()
            if found is None:
                return None
            time = now()
            row = connection.execute(
                sa.update(JOBS)
                .where(JOBS.c.key == found.key)
                .values(
                    state=int(JobState.RUNNING),
                    holder=token,
                    lease_until=time + int(seconds * _SECOND),
                    attempts=JOBS.c.attempts + 1,
                    start_time=sa.case((JOBS.c.start_time == 0, time), else_=JOBS.c.start_time),
                    update_time=time,
                )
                .returning(JOBS)
            ).one()
        return Lease(job_record(row), token, row.attempts)

    def renew_lease(self, lease: Lease, seconds: float) -> None:
        """Keeps a lease for so many seconds from now. Raises LeaseLostError."""
        with self._database.write() as connection:
            change_held(connection, lease, lease_until=now() + int(seconds * _SECOND))

    def release_lease(self, lease: Lease) -> None:
        """Gives a lease back, so that another may take the job at once. Raises LeaseLostError."""
        with self._database.write() as connection:
            change_held(connection, lease, holder="", lease_until=0, attempts=0)

    def record_items(self, lease: Lease, results: Sequence[ItemResult], seconds: float) -> None:
        """Records what became of items, each once, and renews the lease.

        Raises:
            LeaseLostError: the lease is another's by now; nothing was recorded.
        """
        with self._database.write() as connection:
            recorded = {Outcome.DONE: 0, Outcome.FAILED: 0}
            for one in results:
                changed = connection.execute(
                    _RECORD_ITEM,
                    {
                        "job": lease.job.key,
                        "at": one.number,
                        "became": int(one.outcome),
                        "text": one.result,
                    },
                )
                recorded[one.outcome] += changed.rowcount
            # Last, so that the job's row is written once: a lease that is lost undoes the above.
            change_held(
                connection,
                lease,
                lease_until=now() + int(seconds * _SECOND),
                attempts=0,
                succeeded=JOBS.c.succeeded + recorded[Outcome.DONE],
                failed=JOBS.c.failed + recorded[Outcome.FAILED],
            )

    def end_job(self, lease: Lease, state: JobState, result: str = "", error: str = "") -> None:
        """Ends a job. Raises LeaseLostError."""
        with self._database.write() as connection:
            end_held(connection, lease, state, result, error)

    def expire_jobs(self) -> int:
        """Ends the jobs whose time is over, and returns how many those were."""
        overdue = sa.select(JOBS.c.key).where(
            JOBS.c.state.in_(UNFINISHED), JOBS.c.expire_time > 0, JOBS.c.expire_time <= now()
        )
        with self._database.read() as connection:
            keys = list(connection.execute(overdue).scalars())
        if keys:
            with self._database.write() as connection:
                _end(connection, keys, JobState.EXPIRED)
        return len(keys)


# Once: for each item, making the statement would take longer than the database does.
_RECORD_ITEM = (
    sa.update(JOB_ITEMS)
    .where(
        JOB_ITEMS.c.job_key == sa.bindparam("job"),
        JOB_ITEMS.c.number == sa.bindparam("at"),
        JOB_ITEMS.c.outcome == int(Outcome.OPEN),
    )
    .values(outcome=sa.bindparam("became"), result=sa.bindparam("text"), request=None)
)


def _wanted(kinds: Collection[str], without: Collection[int]) -> tuple[sa.ColumnElement[bool], ...]:
    conditions = [JOBS.c.state.in_(UNFINISHED), JOBS.c.kind.in_(sorted(kinds))]
    if without:
        conditions.append(JOBS.c.key.not_in(sorted(without)))
    return tuple(conditions)


def _end(connection: sa.Connection, keys: list[int], state: JobState) -> None:
    """End those of the jobs that have not ended, whoever holds them."""
    time = now()
    connection.execute(
        sa.update(JOBS)
        .where(JOBS.c.key.in_(keys), JOBS.c.state.in_(UNFINISHED))
        .values(state=int(state), holder="", lease_until=0, end_time=time, update_time=time)
    )
    drop_requests(connection, keys)
