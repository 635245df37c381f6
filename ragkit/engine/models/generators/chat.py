"""OpenAI's chat completions as values: prompts written as requests, replies read back.

No I/O: an endpoint over HTTP and llama.cpp in this process speak the same protocol. Source: the
OpenAI API reference, "Chat" (https://platform.openai.com/docs/api-reference/chat). `top_k` is an
extension that vLLM, llama.cpp and others share.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from ragkit.engine.models.backend_errors import BackendReplyError, error_of, said
from ragkit.engine.models.generators import (
    Finish,
    FunctionCall,
    Generated,
    GenerationPrompt,
    Piece,
    Sampling,
    Turn,
    Usage,
)

_FINISHES: Final = {
    "stop": Finish.STOP,
    "length": Finish.MAX_TOKENS,
    "content_filter": Finish.FILTERED,
    "tool_calls": Finish.STOP,
    "function_call": Finish.STOP,
}


def to_body(
    prompt: GenerationPrompt, model: str, output_tokens: int, *, stream: bool = False
) -> dict[str, Any]:
    """The request that stands for a prompt.

    Arguments:
        prompt: what to continue.
        model: the model's name at the endpoint; "" where there is one only.
        output_tokens: the most to write where the prompt does not say; 0 for no limit.
        stream: whether the reply is to come piece by piece.
    """
    body: dict[str, Any] = {"messages": messages(prompt), **_sampling(prompt.sampling)}
    if output_tokens:
        body.setdefault("max_tokens", output_tokens)
    if model:
        body["model"] = model
    if prompt.functions:
        body["tools"] = [
            {
                "type": "function",
                "function": {
                    "name": one.name,
                    "description": one.description,
                    "parameters": dict(one.parameters) or {"type": "object", "properties": {}},
                },
            }
            for one in prompt.functions
        ]
        known = prompt.choice in ("auto", "none", "required")
        body["tool_choice"] = (
            prompt.choice if known else {"type": "function", "function": {"name": prompt.choice}}
        )
    if stream:
        body |= {"stream": True, "stream_options": {"include_usage": True}}
    return body


def messages(prompt: GenerationPrompt) -> list[dict[str, Any]]:
    """The prompt as messages, the system's first."""
    written: list[dict[str, Any]] = []
    if prompt.system:
        written.append({"role": "system", "content": prompt.system})
    for turn in prompt.turns:
        written += _messages_of(turn)
    return written


def _messages_of(turn: Turn) -> Iterator[dict[str, Any]]:
    for result in turn.results:
        yield {"role": "tool", "tool_call_id": result.id or result.name, "content": result.result}
    if turn.calls:
        yield {
            "role": "assistant",
            "content": turn.text or None,
            "tool_calls": [
                {
                    "id": call.id or call.name,
                    "type": "function",
                    "function": {
                        "name": call.name,
                        "arguments": json.dumps(dict(call.arguments), ensure_ascii=False),
                    },
                }
                for call in turn.calls
            ],
        }
    elif turn.text or not turn.results:
        role = "assistant" if turn.role == "model" else "user"
        yield {"role": role, "content": turn.text}


def _sampling(sampling: Sampling) -> dict[str, Any]:
    given: dict[str, Any] = {
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "top_k": sampling.top_k,
        "max_tokens": sampling.max_tokens,
        "stop": list(sampling.stop) or None,
        "seed": sampling.seed,
        "presence_penalty": sampling.presence_penalty,
        "frequency_penalty": sampling.frequency_penalty,
    }
    if sampling.schema is not None:
        given["response_format"] = {
            "type": "json_schema",
            "json_schema": {"name": "reply", "schema": dict(sampling.schema)},
        }
    elif sampling.json:
        given["response_format"] = {"type": "json_object"}
    return {key: value for key, value in given.items() if value is not None}


def from_reply(name: str, reply: object) -> Generated:
    """The text in a whole reply.

    Raises:
        BackendError: the reply is an error, or no chat completion.
    """
    fields = _object(name, reply)
    message = _object(name, _choice(name, fields).get("message"))
    return Generated(
        _text(message, "content"),
        _finish(_choice(name, fields).get("finish_reason")) or Finish.STOP,
        _usage(fields),
        _text(message, "reasoning_content"),
        tuple(_call(name, one) for one in _list(message.get("tool_calls"))),
    )


class StreamReader:
    """Reads the chunks of one stream; calls of functions come whole, with the last piece."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._calls: dict[int, dict[str, str]] = {}
        self._finish: Finish | None = None
        self._usage: Usage | None = None

    def read(self, chunk: object) -> Piece | None:
        """The piece in a chunk; None if it has no text.

        Raises:
            BackendError: the chunk is an error, or no chunk of a chat completion.
        """
        fields = _object(self._name, chunk)
        self._usage = _usage(fields) or self._usage
        choices = _list(fields.get("choices"))
        if not choices:
            return None
        choice = _object(self._name, choices[0])
        self._finish = _finish(choice.get("finish_reason")) or self._finish
        delta = choice.get("delta")
        if not isinstance(delta, dict):
            return None
        for one in _list(delta.get("tool_calls")):
            self._add(one)
        text, thought = _text(delta, "content"), _text(delta, "reasoning_content")
        return Piece(text, thought=thought) if text or thought else None

    def last(self) -> Piece:
        """The piece that ends the stream.

        Raises:
            BackendReplyError: the stream ended without saying why: it was cut off.
        """
        if self._finish is None:
            raise BackendReplyError(self._name, "its stream broke off")
        calls = [
            _call(self._name, {"id": one["id"], "function": one})
            for _, one in sorted(self._calls.items())
        ]
        return Piece(finish=self._finish, usage=self._usage, calls=tuple(calls))

    def _add(self, delta: object) -> None:
        fields = _object(self._name, delta)
        index = fields.get("index", len(self._calls))
        function = fields.get("function")
        if not isinstance(index, int) or not isinstance(function, dict):
            raise _malformed(self._name, delta)
        call = self._calls.setdefault(index, {"id": "", "name": "", "arguments": ""})
        call["id"] = _text(fields, "id") or call["id"]
        call["name"] += _text(function, "name")
        call["arguments"] += _text(function, "arguments")


def _object(name: str, value: object) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise _malformed(name, value)
    if value.get("error") is not None:
        error = value["error"]
        code = error.get("code") if isinstance(error, dict) else None
        raise error_of(name, code if isinstance(code, int) and code >= 400 else 500, value)
    return value


def _choice(name: str, fields: Mapping[str, Any]) -> Mapping[str, Any]:
    choices = _list(fields.get("choices"))
    if not choices:
        raise _malformed(name, dict(fields))
    return _object(name, choices[0])


def _malformed(name: str, value: object) -> BackendReplyError:
    shown = json.dumps(value, default=str)[:200]
    return BackendReplyError(name, f"its reply is no chat completion: {shown}")


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(fields: Mapping[str, Any], key: str) -> str:
    value = fields.get(key)
    return value if isinstance(value, str) else ""


def _finish(reason: object) -> Finish | None:
    return _FINISHES.get(reason, Finish.OTHER) if isinstance(reason, str) and reason else None


def _usage(fields: Mapping[str, Any]) -> Usage | None:
    usage = fields.get("usage")
    if not isinstance(usage, dict):
        return None
    prompt, output = usage.get("prompt_tokens"), usage.get("completion_tokens", 0)
    if not isinstance(prompt, int) or not isinstance(output, int):
        return None
    return Usage(prompt, output)


def _call(name: str, value: object) -> FunctionCall:
    fields = _object(name, value)
    function = _object(name, fields.get("function"))
    try:
        arguments = json.loads(_text(function, "arguments") or "{}")
    except ValueError:
        arguments = None
    if not isinstance(arguments, dict) or not _text(function, "name"):
        raise BackendReplyError(name, f"its call of a function is malformed: {said(function)}")
    return FunctionCall(_text(fields, "id"), _text(function, "name"), arguments)
