"""The migration that brings the tables of jobs and of what is tuned.

The tables as they were when it was written; it never changes, whatever becomes of the schema.
"""

from __future__ import annotations

import sqlalchemy as sa

_METADATA = sa.MetaData()
_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

_JOBS = sa.Table(
    "jobs",
    _METADATA,
    sa.Column("key", _KEY, primary_key=True),
    sa.Column("name", sa.String, nullable=False, unique=True),
    sa.Column("kind", sa.String, nullable=False),
    sa.Column("owner", sa.Text, nullable=False, server_default=""),
    sa.Column("display_name", sa.Text, nullable=False),
    sa.Column("spec", sa.Text, nullable=False),
    sa.Column("priority", sa.BigInteger, nullable=False),
    sa.Column("state", sa.SmallInteger, nullable=False),
    sa.Column("items", sa.Integer, nullable=False),
    sa.Column("succeeded", sa.Integer, nullable=False),
    sa.Column("failed", sa.Integer, nullable=False),
    sa.Column("holder", sa.String, nullable=False),
    sa.Column("lease_until", sa.BigInteger, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("result", sa.Text, nullable=False),
    sa.Column("error", sa.Text, nullable=False),
    sa.Column("create_time", sa.BigInteger, nullable=False),
    sa.Column("update_time", sa.BigInteger, nullable=False),
    sa.Column("start_time", sa.BigInteger, nullable=False),
    sa.Column("end_time", sa.BigInteger, nullable=False),
    sa.Column("expire_time", sa.BigInteger, nullable=False),
    sa.Index("jobs_by_time", "create_time", "key"),
    sa.Index("jobs_by_state", "state", "priority", "key"),
    sqlite_autoincrement=True,
)

_JOB_ITEMS = sa.Table(
    "job_items",
    _METADATA,
    sa.Column("job_key", _KEY, sa.ForeignKey("jobs.key"), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("outcome", sa.SmallInteger, nullable=False),
    sa.Column("request", sa.LargeBinary),
    sa.Column("result", sa.LargeBinary),
)

_TUNED_MODELS = sa.Table(
    "tuned_models",
    _METADATA,
    sa.Column("key", _KEY, primary_key=True),
    sa.Column("id", sa.String, nullable=False, unique=True),
    sa.Column("display_name", sa.Text, nullable=False),
    sa.Column("description", sa.Text, nullable=False),
    sa.Column("base_model", sa.Text, nullable=False),
    sa.Column("source_model", sa.Text, nullable=False),
    sa.Column("temperature", sa.Float),
    sa.Column("top_p", sa.Float),
    sa.Column("top_k", sa.Integer),
    sa.Column("reader_projects", sa.Text, nullable=False),
    sa.Column("embedder", sa.Text, nullable=False),
    sa.Column("hyperparameters", sa.Text, nullable=False),
    sa.Column("state", sa.SmallInteger, nullable=False),
    sa.Column("neighbours", sa.Integer, nullable=False),
    sa.Column("sharpness", sa.Float, nullable=False),
    sa.Column("create_time", sa.BigInteger, nullable=False),
    sa.Column("update_time", sa.BigInteger, nullable=False),
    sa.Index("tuned_models_by_time", "create_time", "key"),
    sqlite_autoincrement=True,
)

_TUNED_EXAMPLES = sa.Table(
    "tuned_examples",
    _METADATA,
    sa.Column("model_key", _KEY, sa.ForeignKey("tuned_models.key"), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("input", sa.Text, nullable=False),
    sa.Column("output", sa.Text, nullable=False),
    sa.Column("vector", sa.LargeBinary),
)


def migrate_jobs(connection: sa.Connection) -> None:
    """Creates the tables of jobs and of tuned models."""
    _METADATA.create_all(connection, checkfirst=False)
