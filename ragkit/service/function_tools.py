"""Tools of a request as functions that a generator may ask to have called."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from ragkit.api.errors import InvalidArgument
from ragkit.api.limits import MAX_FUNCTION_NAME_LENGTH
from ragkit.api.tools import FunctionCallingMode, FunctionDeclaration, Tool, ToolConfig
from ragkit.engine.models.generators import Function
from ragkit.service.json_schemas import to_json_schema

_NAME = re.compile(rf"[A-Za-z_][A-Za-z0-9_:.-]{{0,{MAX_FUNCTION_NAME_LENGTH - 1}}}")


def functions_of(tools: Sequence[Tool], able: bool) -> tuple[Function, ...]:
    """The functions that tools declare.

    Arguments:
        tools: the tools of a request.
        able: whether the model can call functions.

    Raises:
        InvalidArgument: a tool is Google's own, a declaration is malformed, or the model cannot.
    """
    functions: list[Function] = []
    for number, tool in enumerate(tools):
        where = f"tools[{number}]"
        others = [key for key in tool.to_wire() if key != "functionDeclarations"]
        if others:
            raise InvalidArgument(
                f"{where}: {', '.join(others)} is a service of Google's that is not offered here; "
                "only functionDeclarations are",
                field=where,
            )
        for place, declared in enumerate(tool.function_declarations):
            functions.append(_function(declared, f"{where}.functionDeclarations[{place}]"))
    if functions and not able:
        raise InvalidArgument(
            "tools: this model does not call functions; leave them out, or configure one that "
            "does (tools = true in its table of ragkit.toml)",
            field="tools",
        )
    return tuple(functions)


def function_choice(config: ToolConfig | None, functions: Sequence[Function]) -> str:
    """Whether the model is to call: `auto`, `none`, `required`, or the one function's name.

    Raises:
        InvalidArgument: more than one, but not all, of the functions are allowed.
    """
    calling = None if config is None else config.function_calling_config
    if calling is None or calling.mode in (
        FunctionCallingMode.MODE_UNSPECIFIED,
        FunctionCallingMode.AUTO,
        FunctionCallingMode.VALIDATED,
    ):
        return "auto"
    if calling.mode is FunctionCallingMode.NONE:
        return "none"
    allowed = calling.allowed_function_names
    names = [one.name for one in functions]
    where = "toolConfig.functionCallingConfig.allowedFunctionNames"
    for name in allowed:
        if name not in names:
            raise InvalidArgument(f"{where}: {name[:100]!r} is not declared", field=where)
    if len(allowed) == 1:
        return allowed[0]
    if allowed and set(allowed) != set(names):
        raise InvalidArgument(
            f"{where}: one function or all of those declared; declare only the allowed ones",
            field=where,
        )
    return "required"


def _function(declared: FunctionDeclaration, where: str) -> Function:
    if not _NAME.fullmatch(declared.name):
        raise InvalidArgument(
            f"{where}.name: {declared.name[:80]!r} is not a function's name: letters, digits, "
            f"'_', ':', '.' and '-', at most {MAX_FUNCTION_NAME_LENGTH}",
            field=f"{where}.name",
        )
    return Function(declared.name, declared.description, _parameters(declared, where))


def _parameters(declared: FunctionDeclaration, where: str) -> dict[str, Any]:
    if declared.parameters is not None:
        return to_json_schema(declared.parameters, f"{where}.parameters")
    given = declared.parameters_json_schema
    if given is None:
        return {}
    if not isinstance(given, dict):
        field = f"{where}.parametersJsonSchema"
        raise InvalidArgument(f"{field}: is not a JSON schema object", field=field)
    return given
