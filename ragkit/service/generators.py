"""The generators behind model names, and those that take a whole request as it is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from ragkit.api.generation import GenerateContentRequest, GenerateContentResponse
from ragkit.api.models import CountTokensResponse
from ragkit.engine.models.generators import Generator, load_generator
from ragkit.service.model_catalog import NamedModel, find_model
from ragkit.service.registry import Context


@runtime_checkable
class Forwards(Protocol):
    """A generator whose other side speaks this very API: nothing is lost by translating."""

    def forward(self, request: GenerateContentRequest) -> GenerateContentResponse:
        """The other side's response."""
        ...

    def forward_stream(self, request: GenerateContentRequest) -> Iterator[GenerateContentResponse]:
        """The other side's responses, as they come."""
        ...

    def forward_count(self, request: GenerateContentRequest) -> CountTokensResponse:
        """The other side's count of the request's tokens."""
        ...


@dataclass(frozen=True, slots=True)
class NamedGenerator:
    """A generator under the model name that was asked for."""

    model: NamedModel
    generator: Generator


def find_generator(
    context: Context, name: str, method: str, field: str = "model"
) -> NamedGenerator:
    """The generator that a model's name stands for.

    Arguments:
        context: whose engine.
        name: such as `models/local` or `models/gemini-2.0-flash`.
        method: what it is to do, such as `generateContent`.
        field: where the name stands in the request.

    Raises:
        Unimplemented: no generator is configured; says how to.
        InvalidArgument: the name is not of the form models/*.
        NotFound: there is no such model, or it does not offer the method.
        BackendError: the generator cannot be made.
    """
    named = find_model(context.engine, name, method, field)
    return NamedGenerator(named, load_generator(context.engine, named.id))
