"""Jobs and tuned models as rows: what the store's job tables hold, plain values without I/O.

Times are integers: microseconds since the Unix epoch, UTC; 0 where there is none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

from ragkit.engine.access import Role
from ragkit.engine.records import Vector


class JobState(IntEnum):
    """How far a job is; the numbers are those of the API's `BatchState`."""

    PENDING = 1
    RUNNING = 2
    SUCCEEDED = 3
    FAILED = 4
    CANCELLED = 5
    EXPIRED = 6

    @property
    def final(self) -> bool:
        """Whether a job in this state will not go on."""
        return self >= JobState.SUCCEEDED


class Outcome(IntEnum):
    """What became of one item of a job."""

    OPEN = 0
    DONE = 1
    FAILED = 2


@dataclass(frozen=True, slots=True)
class NewJob:
    """A job to create.

    Attributes:
        name: the resource name of its operation, unique in the store.
        kind: names what carries it out.
        owner: e-mail address of who made it, "" for the data folder's owner.
        spec: what it is to do, in a form that its kind knows.
        display_name: its name for people.
        priority: jobs with a higher one go first.
        lifetime: microseconds after which it is given up if it is not done; 0 for no limit.
    """

    name: str
    kind: str
    owner: str
    spec: str
    display_name: str = ""
    priority: int = 0
    lifetime: int = 0


@dataclass(frozen=True, slots=True)
class JobRecord:
    """One job. `items` counts all its items; `result` and `error` are its kind's."""

    key: int
    name: str
    kind: str
    owner: str
    display_name: str
    spec: str
    priority: int
    state: JobState
    items: int
    succeeded: int
    failed: int
    result: str
    error: str
    create_time: int
    update_time: int
    start_time: int
    end_time: int
    expire_time: int


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to carry out a job, as long as its time has not passed to another holder.

    Attributes:
        job: the job as it was when the lease was taken.
        token: tells this lease from every other.
        attempts: how often the job was taken without any item's result since, this time included.
    """

    job: JobRecord
    token: str
    attempts: int


@dataclass(frozen=True, slots=True)
class JobItem:
    """One item of a job that is to be done: its number, from 0, and what it asks for."""

    number: int
    request: bytes


@dataclass(frozen=True, slots=True)
class ItemResult:
    """What became of one item, and what is to be kept of that."""

    number: int
    outcome: Outcome
    result: bytes


class LeaseLostError(Exception):
    """The job passed to another holder, or was cancelled or deleted: nothing was recorded."""


class TunedState(IntEnum):
    """Whether a tuned model can be used; the numbers are those of the API's `TunedModel.State`."""

    CREATING = 1
    ACTIVE = 2
    FAILED = 3


@dataclass(frozen=True, slots=True)
class TunedFields:
    """What may be changed of a tuned model. None stands for "as the base model has it"."""

    display_name: str = ""
    description: str = ""
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    reader_projects: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class NewTunedModel:
    """A tuned model to create; `hyperparameters` is text that the service knows to read."""

    id: str
    fields: TunedFields
    base_model: str
    source_model: str
    embedder: str
    hyperparameters: str


@dataclass(frozen=True, slots=True)
class TunedModelRecord:
    """One tuned model. `neighbours` and `sharpness` are what was chosen by tuning."""

    key: int
    id: str
    fields: TunedFields
    base_model: str
    source_model: str
    embedder: str
    hyperparameters: str
    state: TunedState
    neighbours: int
    sharpness: float
    create_time: int
    update_time: int


@dataclass(frozen=True, slots=True)
class TunedSelection:
    """Which tuned models to list. Grantees are texts that `ragkit.engine.access.grantee` makes.

    Attributes:
        roles: for each pair, any of the grantees must have this role or a stronger one.
        unowned: whether to list only what belongs to the data folder's owner.
        shared: whether to list only what is shared with everyone (True) or what is not (False).
    """

    roles: tuple[tuple[tuple[str, ...], Role], ...] = ()
    unowned: bool = False
    shared: bool | None = None


@dataclass(frozen=True, slots=True)
class TunedExamples:
    """What a tuned model learnt from, in the order given.

    Attributes:
        inputs: the inputs' texts.
        outputs: what is to be said to each.
        vectors: the inputs' embeddings, shape (n, dimensions); of shape (0, 0) before tuning.
    """

    inputs: Sequence[str]
    outputs: Sequence[str]
    vectors: Vector
