"""Google's own endpoint as a generator and embedder, through a client that is given.

The service may not know the client: the client opens the service. So whoever opens a service says
how another endpoint of the same API is reached: `open_service(data, connect=ragkit.connect)`.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Protocol

from ragkit.api.candidates import FinishReason
from ragkit.api.errors import (
    APIError,
    DeadlineExceeded,
    FailedPrecondition,
    Internal,
    InvalidArgument,
    NotFound,
    PermissionDenied,
    ResourceExhausted,
    TransportError,
    Unauthenticated,
    Unavailable,
    Unimplemented,
    Unknown,
)
from ragkit.api.generation import GenerateContentRequest, GenerateContentResponse
from ragkit.api.models import CountTokensResponse
from ragkit.engine.config import GeneratorConfig
from ragkit.engine.models.backend_errors import (
    BackendBusyError,
    BackendReplyError,
    BackendSetupError,
    BackendTimeoutError,
    BackendUnavailableError,
    RequestRefusedError,
)
from ragkit.engine.models.generators import (
    Finish,
    FunctionCall,
    Generated,
    GenerationPrompt,
    Generator,
    Piece,
    Usage,
    make_generator,
)
from ragkit.service.upstream_requests import to_request

_FINISHES = {
    FinishReason.STOP: Finish.STOP,
    FinishReason.MAX_TOKENS: Finish.MAX_TOKENS,
    FinishReason.SAFETY: Finish.FILTERED,
    FinishReason.BLOCKLIST: Finish.FILTERED,
    FinishReason.PROHIBITED_CONTENT: Finish.FILTERED,
    FinishReason.SPII: Finish.FILTERED,
}
_SETUP = (Unauthenticated, PermissionDenied, NotFound, FailedPrecondition, Unimplemented)
_BROKEN = (Unavailable, Internal, Unknown)


class UpstreamModels(Protocol):
    """What is used of a client's methods on models."""

    def generate_content(self, model: str, contents: Any, **options: Any) -> Any:
        """A `GenerateContentResponse`."""
        ...

    def stream_generate_content(
        self, model: str, contents: Any, **options: Any
    ) -> AbstractContextManager[Any]:
        """A context manager of an iterator of them."""
        ...

    def count_tokens(self, contents: Any = None, **options: Any) -> Any:
        """A `CountTokensResponse`."""
        ...

    def batch_embed_contents(self, contents: Any, **options: Any) -> Any:
        """A `BatchEmbedContentsResponse`."""
        ...


class UpstreamClient(Protocol):
    """What is used of a client."""

    @property
    def models(self) -> UpstreamModels:
        """Its methods on models."""
        ...

    def close(self) -> None:
        """Close its connections."""
        ...


class Connect(Protocol):
    """What opens a client of an endpoint; `ragkit.connect` is one."""

    def __call__(self, url: str, *, api_key: str, timeout: float) -> Any:
        """An `UpstreamClient`."""
        ...


class GeneratorMaker:
    """Makes generators, Google's with the given way to connect."""

    def __init__(self, connect: Connect | None) -> None:
        self._connect = connect

    def __call__(self, config: GeneratorConfig) -> Generator:
        """Make the generator that a configuration describes; see `GeneratorFactory`."""
        if config.kind != "google" or self._connect is None:
            return make_generator(config)
        if not config.api_key:
            raise BackendSetupError(
                config.name,
                f"its key is to come from the environment variable {config.api_key_env}, which "
                "is not set",
            )
        return GoogleGenerator(config, self._connect)


class GoogleGenerator:
    """Writes through another endpoint of this API. Safe to use from several threads."""

    calls_functions = True

    def __init__(self, config: GeneratorConfig, connect: Connect) -> None:
        self.name = config.name
        self._config = config
        self._connect = connect
        self._lock = threading.Lock()
        self._client: UpstreamClient | None = None

    def generate(self, prompt: GenerationPrompt) -> Generated:
        """Write one continuation, whole; see `Generator.generate`."""
        piece = self._piece(self.forward(to_request(prompt)))
        return Generated(
            piece.text, piece.finish or Finish.STOP, piece.usage, piece.thought, piece.calls
        )

    def stream(self, prompt: GenerationPrompt) -> Iterator[Piece]:
        """Write one continuation, piece by piece; see `Generator.stream`."""
        usage, finish = None, None
        for response in self.forward_stream(to_request(prompt)):
            piece = self._piece(response)
            usage, finish = piece.usage or usage, piece.finish or finish
            yield Piece(piece.text, thought=piece.thought, calls=piece.calls)
        if finish is None:
            raise BackendReplyError(self.name, "its stream broke off")
        yield Piece(finish=finish, usage=usage)

    def count_tokens(self, prompt: GenerationPrompt) -> int | None:
        """How many tokens the prompt has."""
        return self.forward_count(to_request(prompt)).total_tokens

    def forward(self, request: GenerateContentRequest) -> GenerateContentResponse:
        """The response to the request as it is; only the model is the configured one."""
        with translated(self.name):
            response: GenerateContentResponse = self._models().generate_content(
                self._config.model, request.contents, **_options(request)
            )
            return response

    def forward_stream(self, request: GenerateContentRequest) -> Iterator[GenerateContentResponse]:
        """The responses to the request as it is, as they come."""
        with (
            translated(self.name),
            self._models().stream_generate_content(
                self._config.model, request.contents, **_options(request)
            ) as responses,
        ):
            yield from responses

    def forward_count(self, request: GenerateContentRequest) -> CountTokensResponse:
        """The other side's count of the request's tokens."""
        model = f"models/{self._config.model}"
        inner = request.model_copy(update={"model": model, "cached_content": None})
        with translated(self.name):
            counted: CountTokensResponse = self._models().count_tokens(
                model=self._config.model, generate_content_request=inner
            )
            return counted

    def close(self) -> None:
        """Close the connections."""
        with self._lock:
            client, self._client = self._client, None
        if client is not None:
            client.close()

    def _models(self) -> UpstreamModels:
        with self._lock:
            if self._client is None:
                config = self._config
                self._client = self._connect(
                    config.url, api_key=config.api_key, timeout=config.timeout
                )
            return self._client.models

    def _piece(self, response: GenerateContentResponse) -> Piece:
        """What the engine knows of a response with one candidate.

        Raises:
            RequestRefusedError: the prompt was blocked.
        """
        feedback = response.prompt_feedback
        if feedback is not None and feedback.block_reason:
            raise RequestRefusedError(
                self.name, f"the prompt was blocked ({feedback.block_reason.name})"
            )
        candidate = response.candidates[0] if response.candidates else None
        parts = candidate.content.parts if candidate is not None and candidate.content else []
        reason = None if candidate is None else candidate.finish_reason
        return Piece(
            "".join(part.text or "" for part in parts if not part.thought),
            _FINISHES.get(reason, Finish.OTHER) if reason else None,
            _usage(response),
            "".join(part.text or "" for part in parts if part.thought),
            tuple(
                FunctionCall(call.id, call.name, call.args or {})
                for part in parts
                if (call := part.function_call) is not None
            ),
        )


@contextmanager
def translated(name: str) -> Iterator[None]:
    """Errors of the other side as those of the backend `name`: its key is not the caller's."""
    try:
        yield
    except InvalidArgument as error:
        if any(one.get("reason") == "API_KEY_INVALID" for one in error.details):
            raise BackendSetupError(name, error.message) from error
        raise RequestRefusedError(name, error.message) from error
    except _SETUP as error:
        raise BackendSetupError(name, error.message) from error
    except ResourceExhausted as error:
        raise BackendBusyError(name, error.message) from error
    except DeadlineExceeded as error:
        raise BackendTimeoutError(name, error.message) from error
    except _BROKEN as error:
        raise BackendUnavailableError(name, error.message) from error
    except TransportError as error:
        raise BackendUnavailableError(name, str(error)) from error
    except APIError as error:
        raise RequestRefusedError(name, error.message) from error


def _options(request: GenerateContentRequest) -> dict[str, Any]:
    given = {
        "system_instruction": request.system_instruction,
        "generation_config": request.generation_config,
        "safety_settings": request.safety_settings,
        "tools": request.tools,
        "tool_config": request.tool_config,
    }
    return {key: value for key, value in given.items() if value}


def _usage(response: GenerateContentResponse) -> Usage | None:
    usage = response.usage_metadata
    if usage is None:
        return None
    return Usage(usage.prompt_token_count, usage.candidates_token_count)
