"""The API's description as OpenAPI 3.0, made from the same parts as the discovery document."""

from __future__ import annotations

from typing import Any, Final

from ragkit._version import __version__
from ragkit.api.errors import BY_STATUS
from ragkit.api.wire import Method
from ragkit.server.discovery import all_schemas, body_type, flat_path, methods_of, query_fields
from ragkit.server.schemas import Schema, description

_FORMATS: Final = {
    "google-datetime": "date-time",
    "google-duration": "duration-seconds",
    "google-fieldmask": "fieldmask",
}
_ERROR: Final[Schema] = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "message", "status"],
            "properties": {
                "code": {"type": "integer"},
                "message": {"type": "string"},
                "status": {"type": "string", "enum": sorted(BY_STATUS)},
                "details": {"type": "array", "items": {"type": "object"}},
            },
        }
    },
}


def document(version: str, base_url: str) -> dict[str, Any]:
    """The OpenAPI document.

    Arguments:
        version: "v1beta" or "v1".
        base_url: where the API is served, without a slash at the end.
    """
    paths: dict[str, dict[str, Any]] = {}
    for method in methods_of(version):
        path, operation = _operation(method, version)
        paths.setdefault(path, {})[method.verb.lower()] = operation
    schemas = {name: _message(schema) for name, schema in all_schemas().items()}
    return {
        "openapi": "3.0.3",
        "info": {
            "title": "Generative Language API",
            "version": version,
            "description": f"The API as served by ragkit {__version__}.",
        },
        "servers": [{"url": base_url or "/"}],
        "security": [{"key": []}, {}],
        "paths": paths,
        "components": {
            "schemas": {**schemas, "Error": _ERROR},
            "securitySchemes": {
                "key": {"type": "apiKey", "in": "header", "name": "x-goog-api-key"}
            },
        },
    }


def _operation(method: Method[Any, Any], version: str) -> tuple[str, dict[str, Any]]:
    path, variables = flat_path(method, version)
    parameters: list[dict[str, Any]] = [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": {"type": "string", "minLength": 1},
        }
        for name in variables
    ]
    parameters += [
        {"name": name, "in": "query", "schema": _schema(schema)}
        for name, schema in query_fields(method).items()
    ]
    if method.streaming:
        parameters.append(
            {"name": "alt", "in": "query", "schema": {"type": "string", "enum": ["json", "sse"]}}
        )
    item = {"$ref": f"#/components/schemas/{method.response.__name__}"}
    content: dict[str, Any] = {"application/json": {"schema": item}}
    if method.streaming:
        content = {
            "application/json": {"schema": {"type": "array", "items": item}},
            "text/event-stream": {"schema": {"type": "string"}},
        }
    operation: dict[str, Any] = {
        "operationId": method.id,
        "tags": [method.id.rpartition(".")[0]],
        "description": description(method.request.__doc__),
        "parameters": parameters,
        "responses": {
            "200": {"description": "What was asked for.", "content": content},
            "default": {
                "description": "Why it was not done.",
                "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
            },
        },
    }
    body = body_type(method)
    if body is not None:
        schema = {"$ref": f"#/components/schemas/{body.__name__}"}
        operation["requestBody"] = {"content": {"application/json": {"schema": schema}}}
    return f"/{path}", operation


def _message(schema: Schema) -> Schema:
    return {
        "type": "object",
        "description": schema["description"],
        "properties": {name: _schema(one) for name, one in schema["properties"].items()},
    }


def _schema(schema: Schema) -> Schema:
    if "$ref" in schema:
        return {"$ref": f"#/components/schemas/{schema['$ref']}"}
    kind = schema["type"]
    if kind == "any":
        return {}
    if kind == "array":
        return {"type": "array", "items": _schema(schema["items"])}
    if kind == "object":
        return {"type": "object", "additionalProperties": _schema(schema["additionalProperties"])}
    given = _FORMATS.get(schema.get("format", ""), schema.get("format"))
    return {**schema, "format": given} if given else dict(schema)
