"""What a generator is, and where generators are found by name.

A generator continues a conversation in plain text. What it is made of (an endpoint, weights in
this process) is its own matter; the protocols of each stand in the modules beside this one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from ragkit.engine.config import GeneratorConfig
    from ragkit.engine.engine import Engine


@dataclass(frozen=True, slots=True)
class Function:
    """A function that the model may ask to have called; `parameters` is a JSON schema."""

    name: str
    description: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FunctionCall:
    """The model's wish to have a function called."""

    id: str
    name: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class FunctionResult:
    """What a called function gave back, as JSON; `id` is the call's."""

    id: str
    name: str
    result: str


@dataclass(frozen=True, slots=True)
class Turn:
    """What one side said, called or gave back."""

    role: Literal["user", "model"]
    text: str = ""
    calls: tuple[FunctionCall, ...] = ()
    results: tuple[FunctionResult, ...] = ()


@dataclass(frozen=True, slots=True)
class Sampling:
    """How to write; what is None is left to the backend.

    Attributes:
        temperature: 0 is the likeliest text, in [0, 2].
        top_p: least probability of the tokens drawn from, together.
        top_k: most tokens drawn from.
        max_tokens: the most tokens to write.
        stop: texts before which writing ends.
        seed: the same seed gives the same text where the backend can.
        presence_penalty: in [-2, 2).
        frequency_penalty: in [-2, 2).
        json: the text is to be JSON.
        schema: the JSON schema of that JSON.
    """

    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    max_tokens: int | None = None
    stop: tuple[str, ...] = ()
    seed: int | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    json: bool = False
    schema: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class GenerationPrompt:
    """A conversation to continue: the user's turn is last.

    Attributes:
        turns: oldest first.
        system: what the model is told beforehand.
        sampling: how to write.
        functions: what it may ask to have called.
        choice: whether it calls: `auto`, `none`, `required`, or the name of the one function.
    """

    turns: tuple[Turn, ...]
    system: str = ""
    sampling: Sampling = Sampling()
    functions: tuple[Function, ...] = ()
    choice: str = "auto"


class Finish(StrEnum):
    """Why a text ends."""

    STOP = "stop"
    MAX_TOKENS = "max_tokens"
    FILTERED = "filtered"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens as the backend counts them."""

    prompt: int
    output: int


@dataclass(frozen=True, slots=True)
class Generated:
    """A whole text; `usage` is None where the backend does not say."""

    text: str
    finish: Finish = Finish.STOP
    usage: Usage | None = None
    thought: str = ""
    calls: tuple[FunctionCall, ...] = ()


@dataclass(frozen=True, slots=True)
class Piece:
    """The next piece of a text; `finish` is set on the last, which may be empty."""

    text: str = ""
    finish: Finish | None = None
    usage: Usage | None = None
    thought: str = ""
    calls: tuple[FunctionCall, ...] = ()


class Generator(Protocol):
    """Continues conversations. Safe to use from several threads."""

    @property
    def name(self) -> str:
        """Its id among the service's models."""
        ...

    @property
    def calls_functions(self) -> bool:
        """Whether prompts may have functions."""
        ...

    def generate(self, prompt: GenerationPrompt) -> Generated:
        """Write one continuation, whole.

        Raises:
            BackendError: there is none; its class says why.
        """
        ...

    def stream(self, prompt: GenerationPrompt) -> Iterator[Piece]:
        """Write one continuation, piece by piece; closing the iterator ends the writing.

        Raises:
            BackendError: there is none, or no more; its class says why.
        """
        ...

    def count_tokens(self, prompt: GenerationPrompt) -> int | None:
        """How many tokens the prompt has; None if the backend cannot say."""
        ...

    def close(self) -> None:
        """Give back connections and memory."""
        ...


class GeneratorFactory(Protocol):
    """Makes the generator that a configuration describes."""

    def __call__(self, config: GeneratorConfig) -> Generator:
        """Make it; nothing is loaded or connected before its first use."""
        ...


def load_generator(engine: Engine, model_id: str) -> Generator:
    """Return the generator of that id, one for the engine.

    Arguments:
        engine: whose configuration says which there are.
        model_id: a name among `engine.config.generators`.

    Raises:
        UnknownBackendError: nothing of that name is configured.
        BackendSetupError: it cannot be made: something is not installed or not set.
    """
    return engine.generator(model_id)


def make_generator(config: GeneratorConfig) -> Generator:
    """Make a generator of a kind that needs no more than this package and its extras.

    Raises:
        BackendSetupError: it is of another kind, or a key is not set.
    """
    from ragkit.engine.models.backend_errors import BackendSetupError

    if config.api_key_env and not config.api_key:
        raise BackendSetupError(
            config.name,
            f"its key is to come from the environment variable {config.api_key_env}, which is "
            "not set",
        )
    if config.kind == "openai":
        from ragkit.engine.models.generators.openai import OpenAIGenerator

        return OpenAIGenerator(config)
    if config.kind == "llama":
        from ragkit.engine.models.generators.llama import LlamaGenerator

        return LlamaGenerator(config)
    raise BackendSetupError(
        config.name,
        "Google's endpoint is reached through ragkit.client: open the service with "
        "open_service(data, connect=ragkit.connect), as ragkit.connect() and ragkit serve do",
    )
