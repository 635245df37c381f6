"""Contents as a prompt that a generator can continue: what is read in, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Sequence

from ragkit.api.content import Blob, Content, Part
from ragkit.api.errors import InvalidArgument
from ragkit.api.generation import GenerateContentRequest
from ragkit.engine.models.generators import (
    Function,
    FunctionCall,
    FunctionResult,
    GenerationPrompt,
    Turn,
)
from ragkit.service.contents import joined_text
from ragkit.service.function_tools import function_choice, functions_of
from ragkit.service.generation_options import sampling_of
from ragkit.service.registry import Context
from ragkit.service.values import missing

USER_ROLES = ("", "user", "function")
"""Whose contents are the user's; older clients give results of functions as `function`."""

_TEXT_TYPES = frozenset(
    {
        "application/json",
        "application/xml",
        "application/x-javascript",
        "application/javascript",
        "application/x-python",
        "application/x-yaml",
        "application/yaml",
        "application/toml",
        "application/sql",
        "application/rtf",
    }
)


def to_prompt(
    context: Context, request: GenerateContentRequest, *, functions: bool
) -> GenerationPrompt:
    """The prompt that a request makes, cached content being part of it already.

    Arguments:
        context: whose files may be read.
        request: what is asked for.
        functions: whether the model can call functions.

    Raises:
        InvalidArgument: the contents are no conversation that ends with the user, or hold or ask
            for what cannot be done; names the field.
    """
    tools: tuple[Function, ...] = functions_of(request.tools, functions)
    return GenerationPrompt(
        conversation(context, request.contents, "contents"),
        system_text(request.system_instruction),
        sampling_of(request.generation_config),
        tools,
        function_choice(request.tool_config, tools) if tools else "auto",
    )


def with_files_inline(context: Context, request: GenerateContentRequest) -> GenerateContentRequest:
    """The request with files of this service as inlineData, for a model that has not got them.

    Raises:
        InvalidArgument: a reference is to no file of this service.
        NotFound: there is no such file, or it is another's.
    """
    contents = [
        content.model_copy(
            update={
                "parts": [
                    _inline(context, part, f"contents[{number}].parts[{place}]")
                    for place, part in enumerate(content.parts)
                ]
            }
        )
        if any(part.file_data is not None for part in content.parts)
        else content
        for number, content in enumerate(request.contents)
    ]
    return request.model_copy(update={"contents": contents})


def _inline(context: Context, part: Part, field: str) -> Part:
    if part.file_data is None:
        return part
    from ragkit.service.files import file_bytes

    data, stored_type = file_bytes(context, part.file_data.file_uri, f"{field}.fileData.fileUri")
    blob = Blob(mime_type=part.file_data.mime_type or stored_type, data=data)
    return part.model_copy(update={"file_data": None, "inline_data": blob})


def system_text(instruction: Content | None) -> str:
    """The text of a system instruction. Raises InvalidArgument for parts that are not text."""
    return "" if instruction is None else joined_text(instruction, "systemInstruction")


def conversation(context: Context, contents: Sequence[Content], field: str) -> tuple[Turn, ...]:
    """The turns of a conversation that the user's turn ends.

    Raises:
        InvalidArgument: there is none, a role is not known, or a part cannot be read.
    """
    if not contents:
        raise missing(field, "the last of them is what to answer")
    turns = []
    for number, content in enumerate(contents):
        where = f"{field}[{number}]"
        if content.role != "model" and content.role not in USER_ROLES:
            raise InvalidArgument(
                f"{where}.role: {content.role[:50]!r} is not 'user' or 'model'",
                field=f"{where}.role",
            )
        turns.append(_turn(context, content, where))
    if turns[-1].role == "model":
        where = f"{field}[{len(turns) - 1}].role"
        raise InvalidArgument(f"{where}: the last content is the user's", field=where)
    return tuple(turns)


def _turn(context: Context, content: Content, where: str) -> Turn:
    if not content.parts:
        raise missing(f"{where}.parts", "at least one part")
    texts: list[str] = []
    calls: list[FunctionCall] = []
    results: list[FunctionResult] = []
    for number, part in enumerate(content.parts):
        if part.function_call is not None:
            called = part.function_call
            calls.append(FunctionCall(called.id, called.name, called.args or {}))
        elif part.function_response is not None:
            gave = part.function_response
            result = json.dumps(gave.response or {}, ensure_ascii=False)
            results.append(FunctionResult(gave.id, gave.name, result))
        elif not part.thought:  # thoughts are not said
            texts.append(part_text(context, part, f"{where}.parts[{number}]"))
    text = "\n".join(texts)
    if not (text.strip() or calls or results):
        raise missing(f"{where}.parts", "at least one part with text")
    role = "model" if content.role == "model" else "user"
    return Turn(role, text, tuple(calls), tuple(results))  # type: ignore[arg-type]


def part_text(context: Context, part: Part, field: str) -> str:
    """The text that a part holds or refers to.

    Raises:
        InvalidArgument: it is no text, or not in UTF-8.
        NotFound, PermissionDenied: it refers to a file that the caller does not have.
    """
    if part.text is not None:
        return part.text
    if part.inline_data is not None:
        return _decoded(part.inline_data.data, part.inline_data.mime_type, f"{field}.inlineData")
    if part.file_data is not None:
        from ragkit.service.files import file_bytes

        data, stored_type = file_bytes(
            context, part.file_data.file_uri, f"{field}.fileData.fileUri"
        )
        given = part.file_data.mime_type or stored_type
        return _decoded(data, given, f"{field}.fileData")
    kinds = ", ".join(part.to_wire()) or "an empty part"
    raise InvalidArgument(f"{field}: holds {kinds}; this model reads text only", field=field)


def _decoded(data: bytes, mime_type: str, field: str) -> str:
    kind = mime_type.partition(";")[0].strip().lower()
    if not kind.startswith("text/") and kind not in _TEXT_TYPES:
        raise InvalidArgument(
            f"{field}: {mime_type[:100]!r} is not text, and this model reads text only; "
            "extract its text first",
            field=field,
        )
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidArgument(
            f"{field}: not UTF-8 at byte {error.start}, as text must be", field=field
        ) from None
