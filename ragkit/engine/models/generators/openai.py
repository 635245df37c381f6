"""A model behind an OpenAI-compatible endpoint: Ollama, vLLM, llama.cpp's server and many more."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

from ragkit.engine.config import GeneratorConfig
from ragkit.engine.models.backend_errors import BackendReplyError
from ragkit.engine.models.endpoint import Endpoint
from ragkit.engine.models.generators import Generated, GenerationPrompt, Piece
from ragkit.engine.models.generators.chat import StreamReader, from_reply, to_body

_PATH: Final = "chat/completions"
_DONE: Final = "[DONE]"


class OpenAIGenerator:
    """Writes through `POST URL/chat/completions`. Safe to use from several threads."""

    def __init__(self, config: GeneratorConfig) -> None:
        self.name = config.name
        self.calls_functions = config.tools
        self._model = config.model
        self._output_tokens = config.output_tokens
        self._endpoint = Endpoint(
            config.name, config.url, config.api_key, config.timeout, config.retries
        )

    def generate(self, prompt: GenerationPrompt) -> Generated:
        """Write one continuation, whole; see `Generator.generate`."""
        return from_reply(
            self.name, self._endpoint.post(_PATH, to_body(prompt, self._model, self._output_tokens))
        )

    def stream(self, prompt: GenerationPrompt) -> Iterator[Piece]:
        """Write one continuation, piece by piece; see `Generator.stream`."""
        reader = StreamReader(self.name)
        body = to_body(prompt, self._model, self._output_tokens, stream=True)
        with self._endpoint.lines(_PATH, body) as lines:
            for data in _events(lines):
                if data == _DONE:
                    break
                piece = reader.read(_parsed(self.name, data))
                if piece is not None:
                    yield piece
        yield reader.last()

    def count_tokens(self, prompt: GenerationPrompt) -> int | None:
        """None: the protocol has no method for it."""
        return None

    def close(self) -> None:
        """Close the connections."""
        self._endpoint.close()


def _events(lines: Iterator[str]) -> Iterator[str]:
    """The data of server-sent events; an event's lines of data are one text.

    Source: https://html.spec.whatwg.org/multipage/server-sent-events.html, section 9.2.6.
    """
    data: list[str] = []
    for line in lines:
        if not line:
            if data:
                yield "\n".join(data)
            data = []
        elif line.startswith("data:"):
            data.append(line[5:].removeprefix(" "))
    if data:
        yield "\n".join(data)


def _parsed(name: str, data: str) -> Any:
    try:
        return json.loads(data)
    except ValueError:
        raise BackendReplyError(name, f"its stream holds no JSON: {data[:200]!r}") from None
