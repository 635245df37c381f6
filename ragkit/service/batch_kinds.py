"""The two kinds of batch: their messages, and what carries out one request of each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from pydantic import BaseModel, ConfigDict

from ragkit.api.base import ProtoModel
from ragkit.api.batches import (
    AsyncBatchEmbedContentResponse,
    BatchGenerateContentResponse,
    BatchStats,
    EmbedContentBatch,
    EmbedContentBatchStats,
    GenerateContentBatch,
    InputConfig,
    InputEmbedContentConfig,
)
from ragkit.api.generation import GenerateContentRequest
from ragkit.api.models import EmbedContentRequest
from ragkit.engine.engine import Engine
from ragkit.service.jobs import EMBEDDING, GENERATION
from ragkit.service.registry import Context, Principal


def _generate(context: Context, request: Any) -> ProtoModel:
    from ragkit.service.generation import generate_content

    return generate_content(context, request)


def _embed(context: Context, request: Any) -> ProtoModel:
    from ragkit.service.models import embed_content

    return embed_content(context, request)


def _can_generate(engine: Engine) -> bool:
    return bool(engine.config.generators)


@dataclass(frozen=True, slots=True)
class BatchKind:
    """What is particular to batches of one method.

    Attributes:
        method: the method that each request is for, and the kind of the batch's job.
        begun_by: the method that begins such a batch.
        batch: the message that describes a batch.
        config: the message that says where a batch's requests are.
        stats: the message with a batch's numbers.
        response: the message that the operation ends with.
        request: the message that is one request.
        carry_out: the method's handler.
        possible: whether a process can carry out such requests at all.
    """

    method: str
    begun_by: str
    batch: type[GenerateContentBatch | EmbedContentBatch]
    config: type[InputConfig | InputEmbedContentConfig]
    stats: type[BatchStats | EmbedContentBatchStats]
    response: type[BatchGenerateContentResponse | AsyncBatchEmbedContentResponse]
    request: type[GenerateContentRequest | EmbedContentRequest]
    carry_out: Callable[[Context, Any], ProtoModel]
    possible: Callable[[Engine], bool]


KINDS: Final = {
    GENERATION: BatchKind(
        method=GENERATION,
        begun_by="batchGenerateContent",
        batch=GenerateContentBatch,
        config=InputConfig,
        stats=BatchStats,
        response=BatchGenerateContentResponse,
        request=GenerateContentRequest,
        carry_out=_generate,
        possible=_can_generate,
    ),
    EMBEDDING: BatchKind(
        method=EMBEDDING,
        begun_by="asyncBatchEmbedContent",
        batch=EmbedContentBatch,
        config=InputEmbedContentConfig,
        stats=EmbedContentBatchStats,
        response=AsyncBatchEmbedContentResponse,
        request=EmbedContentRequest,
        carry_out=_embed,
        possible=lambda _engine: True,
    ),
}


class BatchSpec(BaseModel):
    """What a batch's job is to do, as the store keeps it.

    Attributes:
        model: the model, as the caller named it.
        file: the file that the requests are from, "" if they came with the batch.
        email: the caller's e-mail address, None if it has none.
        groups: the caller's groups.
        is_owner: whether the caller acted as the data folder's owner.
    """

    model_config = ConfigDict(frozen=True)

    model: str
    file: str = ""
    email: str | None = None
    groups: tuple[str, ...] = ()
    is_owner: bool = False

    @classmethod
    def by(cls, principal: Principal, model: str, file: str) -> BatchSpec:
        """The specification of a batch that a principal makes."""
        return cls(
            model=model,
            file=file,
            email=principal.email,
            groups=tuple(sorted(principal.groups)),
            is_owner=principal.is_owner,
        )

    @property
    def principal(self) -> Principal:
        """Who made the batch: its requests are carried out in that name."""
        return Principal(email=self.email, groups=frozenset(self.groups), is_owner=self.is_owner)
