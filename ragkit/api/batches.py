"""Batches: many requests processed in the background, at lower cost.

The PyPI package has none of these messages; the source is the server's own description.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from ragkit.api.base import Int64, OneofModel, ProtoEnum, ProtoModel, Struct, Timestamp
from ragkit.api.content import ContentInput, wrap_content, wrap_contents
from ragkit.api.generation import GenerateContentRequest, GenerateContentResponse
from ragkit.api.models import EmbedContentRequest, EmbedContentResponse
from ragkit.api.operations import Status


class BatchState(ProtoEnum):
    """How far a batch is."""

    BATCH_STATE_UNSPECIFIED = 0
    BATCH_STATE_PENDING = 1
    BATCH_STATE_RUNNING = 2
    BATCH_STATE_SUCCEEDED = 3
    BATCH_STATE_FAILED = 4
    BATCH_STATE_CANCELLED = 5
    BATCH_STATE_EXPIRED = 6

    @property
    def final(self) -> bool:
        """Whether a batch in this state will not go on."""
        return self >= BatchState.BATCH_STATE_SUCCEEDED


class BatchStats(ProtoModel):
    """How many requests a batch has, and how they fared."""

    request_count: Int64 = 0
    successful_request_count: Int64 = 0
    failed_request_count: Int64 = 0
    pending_request_count: Int64 = 0


class InlinedRequest(ProtoModel):
    """One request of a batch; `metadata` is the caller's and comes back with the response."""

    request: GenerateContentRequest | None = None
    metadata: Struct | None = None


class InlinedRequests(ProtoModel):
    """The requests of a batch, given with it."""

    requests: list[InlinedRequest] = []


class InputConfig(OneofModel):
    """A batch's requests: given with it, or in a file of JSON lines (`files/F`)."""

    ONEOFS: ClassVar = {"source": ("file_name", "requests")}

    file_name: str | None = None
    requests: InlinedRequests | None = None

    @classmethod
    def of(
        cls, model: str, requests: Iterable[GenerateContentRequest | ContentInput] | str
    ) -> InputConfig:
        """Wrap requests to a model or their messages, or the name of a file of them."""
        if isinstance(requests, str):
            return cls(file_name=requests)
        whole = (
            one
            if isinstance(one, GenerateContentRequest)
            else GenerateContentRequest(model=model, contents=wrap_contents(one))
            for one in requests
        )
        return cls(requests=InlinedRequests(requests=[InlinedRequest(request=r) for r in whole]))


class InlinedResponse(OneofModel):
    """The response to one request of a batch, or why there is none."""

    ONEOFS: ClassVar = {"output": ("error", "response")}

    error: Status | None = None
    response: GenerateContentResponse | None = None
    metadata: Struct | None = None


class InlinedResponses(ProtoModel):
    """The responses of a batch, in the order of the requests."""

    inlined_responses: list[InlinedResponse] = []


class GenerateContentBatchOutput(OneofModel):
    """A batch's responses: inlined if the requests were, or in a file of JSON lines."""

    ONEOFS: ClassVar = {"output": ("responses_file", "inlined_responses")}

    responses_file: str | None = None
    inlined_responses: InlinedResponses | None = None


class GenerateContentBatch(ProtoModel):
    """A batch of generateContent requests.

    `model`, `display_name` and `input_config` are required, `priority` is optional (higher ones
    first, negative ones allowed); the rest is for the server to say.
    """

    model: str = ""
    name: str = ""
    display_name: str = ""
    input_config: InputConfig | None = None
    output: GenerateContentBatchOutput | None = None
    create_time: Timestamp | None = None
    end_time: Timestamp | None = None
    update_time: Timestamp | None = None
    batch_stats: BatchStats | None = None
    state: BatchState = BatchState.BATCH_STATE_UNSPECIFIED
    priority: Int64 = 0


class BatchGenerateContentRequest(ProtoModel):
    """models.batchGenerateContent. Answered by an operation whose metadata is the batch."""

    batch: GenerateContentBatch | None = None


class BatchGenerateContentResponse(ProtoModel):
    """What the operation of a batch of generateContent requests ends with."""

    output: GenerateContentBatchOutput | None = None


class InlinedEmbedContentRequest(ProtoModel):
    """One request of a batch; `metadata` is the caller's and comes back with the response."""

    request: EmbedContentRequest | None = None
    metadata: Struct | None = None


class InlinedEmbedContentRequests(ProtoModel):
    """The requests of a batch, given with it."""

    requests: list[InlinedEmbedContentRequest] = []


class InputEmbedContentConfig(OneofModel):
    """A batch's requests: given with it, or in a file of JSON lines (`files/F`)."""

    ONEOFS: ClassVar = {"source": ("file_name", "requests")}

    file_name: str | None = None
    requests: InlinedEmbedContentRequests | None = None

    @classmethod
    def of(cls, model: str, contents: Iterable[ContentInput] | str) -> InputEmbedContentConfig:
        """Wrap contents for a model to embed, or the name of a file of requests."""
        if isinstance(contents, str):
            return cls(file_name=contents)
        requests = [
            InlinedEmbedContentRequest(
                request=EmbedContentRequest(model=model, content=wrap_content(one))
            )
            for one in contents
        ]
        return cls(requests=InlinedEmbedContentRequests(requests=requests))


class InlinedEmbedContentResponse(OneofModel):
    """The response to one request of a batch, or why there is none."""

    ONEOFS: ClassVar = {"output": ("error", "response")}

    error: Status | None = None
    response: EmbedContentResponse | None = None
    metadata: Struct | None = None


class InlinedEmbedContentResponses(ProtoModel):
    """The responses of a batch, in the order of the requests."""

    inlined_responses: list[InlinedEmbedContentResponse] = []


class EmbedContentBatchOutput(OneofModel):
    """A batch's responses: inlined if the requests were, or in a file of JSON lines."""

    ONEOFS: ClassVar = {"output": ("responses_file", "inlined_responses")}

    responses_file: str | None = None
    inlined_responses: InlinedEmbedContentResponses | None = None


class EmbedContentBatchStats(ProtoModel):
    """How many requests a batch has, and how they fared."""

    request_count: Int64 = 0
    successful_request_count: Int64 = 0
    failed_request_count: Int64 = 0
    pending_request_count: Int64 = 0


class EmbedContentBatch(ProtoModel):
    """A batch of embedContent requests; its fields are as in `GenerateContentBatch`."""

    model: str = ""
    name: str = ""
    display_name: str = ""
    input_config: InputEmbedContentConfig | None = None
    output: EmbedContentBatchOutput | None = None
    create_time: Timestamp | None = None
    end_time: Timestamp | None = None
    update_time: Timestamp | None = None
    batch_stats: EmbedContentBatchStats | None = None
    state: BatchState = BatchState.BATCH_STATE_UNSPECIFIED
    priority: Int64 = 0


class AsyncBatchEmbedContentRequest(ProtoModel):
    """models.asyncBatchEmbedContent. Answered by an operation whose metadata is the batch."""

    batch: EmbedContentBatch | None = None


class AsyncBatchEmbedContentResponse(ProtoModel):
    """What the operation of a batch of embedContent requests ends with."""

    output: EmbedContentBatchOutput | None = None
