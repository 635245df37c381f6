"""models.batchGenerateContent and models.asyncBatchEmbedContent."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO, Final

from ragkit.api import methods
from ragkit.api.batches import (
    AsyncBatchEmbedContentRequest,
    BatchGenerateContentRequest,
    EmbedContentBatch,
    GenerateContentBatch,
)
from ragkit.api.errors import InvalidArgument
from ragkit.api.operations import Operation
from ragkit.engine.job_records import NewJob
from ragkit.service.access import owner_of
from ragkit.service.batch_kinds import KINDS, BatchKind, BatchSpec
from ragkit.service.batch_operations import batch_operation
from ragkit.service.jobs import EMBEDDING, GENERATION, start_worker
from ragkit.service.model_catalog import find_model
from ragkit.service.naming import random_id
from ragkit.service.policies import BATCH_LIFETIME_SECONDS, MAX_BATCH_REQUESTS
from ragkit.service.registry import Context, handles
from ragkit.service.values import check_display_name, missing

_SOURCE: Final = "batch.inputConfig"


@handles(methods.MODELS_BATCH_GENERATE_CONTENT)
def batch_generate_content(context: Context, request: BatchGenerateContentRequest) -> Operation:
    """Begin a batch of generateContent requests."""
    return _begin(context, request.batch or GenerateContentBatch(), KINDS[GENERATION])


@handles(methods.MODELS_ASYNC_BATCH_EMBED_CONTENT)
def async_batch_embed_content(
    context: Context, request: AsyncBatchEmbedContentRequest
) -> Operation:
    """Begin a batch of embedContent requests."""
    return _begin(context, request.batch or EmbedContentBatch(), KINDS[EMBEDDING])


def _begin(
    context: Context, batch: GenerateContentBatch | EmbedContentBatch, kind: BatchKind
) -> Operation:
    # What no model here can do is refused now rather than once for each request.
    find_model(context.engine, batch.model, kind.begun_by, "batch.model")
    display_name = check_display_name(batch.display_name, "batch.displayName")
    file = batch.input_config.file_name if batch.input_config is not None else None
    job = NewJob(
        name=f"batches/{random_id()}",
        kind=kind.method,
        owner=owner_of(context),
        spec=BatchSpec.by(context.principal, batch.model, file or "").model_dump_json(),
        display_name=display_name,
        priority=batch.priority,
        lifetime=BATCH_LIFETIME_SECONDS * 1_000_000,
    )
    requests = _from_file(context, file) if file else _inlined(batch)
    record = context.engine.store.create_job(job, _limited(requests))
    start_worker(context.engine)
    return batch_operation(context.engine, record)


def _inlined(batch: GenerateContentBatch | EmbedContentBatch) -> list[bytes]:
    """The requests that came with a batch, checked for what can be told now."""
    config = batch.input_config
    if config is None or (config.requests is None and config.file_name is None):
        raise missing(_SOURCE, "requests, or the fileName of an uploaded file of JSON lines")
    if config.file_name is not None:
        raise missing(f"{_SOURCE}.fileName", "the name of an uploaded file, files/F")
    inlined: list[Any] = list(config.requests.requests) if config.requests is not None else []
    if not inlined:
        raise missing(f"{_SOURCE}.requests.requests", f"1 to {MAX_BATCH_REQUESTS:,} requests")
    for number, one in enumerate(inlined):
        field = f"{_SOURCE}.requests.requests[{number}].request"
        if one.request is None:
            raise missing(field)
        check_request_model(one.request.model, batch.model, f"{field}.model")
    return [one.to_json() for one in inlined]


def check_request_model(given: str, model: str, field: str) -> None:
    """Raise InvalidArgument if a request of a batch names another model than the batch."""
    if given and given != model:
        raise InvalidArgument(
            f"{field}: {given[:200]!r} is not the batch's model {model!r}", field=field
        )


def _from_file(context: Context, name: str) -> Iterator[bytes]:
    """The lines of a file of requests that are not blank.

    Raises:
        InvalidArgument: there are none, or the name is not a file's.
        NotFound: the file does not exist, has expired or is another's.
    """
    from ragkit.service.files import open_file

    field = f"{_SOURCE}.fileName"
    file, _ = open_file(context, name, field)
    return _lines(file, name, field)


def _lines(file: BinaryIO, name: str, field: str) -> Iterator[bytes]:
    lines = 0
    with file:
        for line in file:
            if line.strip():
                lines += 1
                yield line.strip()
    if not lines:
        raise InvalidArgument(
            f"{field}: {name} holds no request; write one on each line, such as "
            '{"key": "1", "request": {...}}',
            field=field,
        )


def _limited(requests: Iterable[bytes]) -> Iterator[bytes]:
    for number, request in enumerate(requests):
        if number >= MAX_BATCH_REQUESTS:
            raise InvalidArgument(
                f"{_SOURCE}: more than {MAX_BATCH_REQUESTS:,} requests; split the batch",
                field=_SOURCE,
            )
        yield request
