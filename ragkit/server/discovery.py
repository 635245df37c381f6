"""The API's description of itself, made from the declared methods and their messages.

Two forms, as Google publishes them: the discovery document, which google-api-python-client and
google-generativeai's uploads read, and OpenAPI, for everything else.

Source: https://developers.google.com/discovery/v1/reference/apis.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache, lru_cache
from typing import Any, Final

from ragkit._version import __version__
from ragkit.api.base import ProtoModel
from ragkit.api.errors import NotFound
from ragkit.api.methods import METHODS
from ragkit.api.scalars import camel_path
from ragkit.api.versions import V1_METHODS
from ragkit.api.wire import HttpResponse, Method
from ragkit.server.schemas import Schema, description, fields, schemas_of
from ragkit.service.dispatcher import refusal

PATHS: Final = {
    "/$discovery/rest": "rest",
    "/discovery/v1/apis/generativelanguage/v1beta/rest": "rest",
    "/discovery/v1/apis/generativelanguage/v1/rest": "rest-v1",
    "/$discovery/OPENAPI3_0": "openapi",
    "/openapi.json": "openapi",
}
"""Where the description is served, and in which form."""

_VERSIONS: Final = ("v1beta", "v1")
_VARIABLE: Final = re.compile(r"\{([a-z_.]+)=([^}]+)\}")
_PARAMETERS: Final[dict[str, Schema]] = {
    "$.xgafv": {"type": "string", "enum": ["1", "2"], "description": "V1 error format."},
    "access_token": {"type": "string", "description": "An API key as a bearer token."},
    "alt": {
        "type": "string",
        "default": "json",
        "enum": ["json", "sse"],
        "description": "Form of the reply; server-sent events for streaming methods only.",
    },
    "fields": {"type": "string", "description": "Which fields of the reply are wanted."},
    "key": {"type": "string", "description": "API key."},
    "oauth_token": {"type": "string", "description": "An API key as a bearer token."},
    "prettyPrint": {
        "type": "boolean",
        "default": "false",
        "description": "Whether the reply is indented.",
    },
    "quotaUser": {"type": "string", "description": "Has no effect."},
    "uploadType": {"type": "string", "description": "The protocol of an upload."},
    "upload_protocol": {"type": "string", "description": "The protocol of an upload."},
}


def reply(kind: str, version: str, base_url: str) -> HttpResponse:
    """The reply to a request for the description.

    Arguments:
        kind: a value of `PATHS`.
        version: "v1beta" or "v1"; "" for the one that the path speaks of, or v1beta.
        base_url: where the caller reaches the service.
    """
    version = version or ("v1" if kind == "rest-v1" else "v1beta")
    if version not in _VERSIONS:
        error = NotFound(f"there is no version {version[:50]!r}, only {' and '.join(_VERSIONS)}")
        return refusal(error, "discovery")
    body = _bytes("openapi" if kind == "openapi" else "rest", version, base_url)
    return HttpResponse(200, body, {"content-type": "application/json; charset=UTF-8"})


@lru_cache(maxsize=16)
def _bytes(kind: str, version: str, base_url: str) -> bytes:
    if kind == "openapi":
        from ragkit.server.openapi import document as openapi_document

        return json.dumps(openapi_document(version, base_url)).encode()
    return json.dumps(document(version, base_url)).encode()


def document(version: str, base_url: str) -> dict[str, Any]:
    """The discovery document.

    Arguments:
        version: "v1beta" or "v1".
        base_url: where the API is served, without a slash at the end.
    """
    root = f"{base_url}/"
    return {
        "kind": "discovery#restDescription",
        "discoveryVersion": "v1",
        "id": f"generativelanguage:{version}",
        "name": "generativelanguage",
        "version": version,
        "revision": "0",
        "title": "Generative Language API",
        "description": f"The API as served by ragkit {__version__}.",
        "ownerName": "ragkit",
        "protocol": "rest",
        "rootUrl": root,
        "servicePath": "",
        "baseUrl": root,
        "batchPath": "batch",
        "parameters": {name: {**one, "location": "query"} for name, one in _PARAMETERS.items()},
        "schemas": all_schemas(),
        "resources": _resources(version),
    }


def methods_of(version: str) -> Iterator[Method[Any, Any]]:
    """The methods that a version has."""
    for method in METHODS.values():
        if version != "v1" or method.id in V1_METHODS:
            yield method


@cache
def all_schemas() -> dict[str, Schema]:
    """The schemas of everything that the methods take and return."""
    return schemas_of(_messages())


def path_of(method: Method[Any, Any], version: str) -> tuple[str, str, str]:
    """A method's path, "{+name}" standing for its variable; the variable's name and pattern."""
    template = method.path.removeprefix("/").replace("v1beta", version, 1)
    found = _VARIABLE.search(template)
    if found is None:
        return template, "", ""
    name = camel_path(found[1].rpartition(".")[2])
    pattern = "/".join("[^/]+" if part == "*" else part for part in found[2].split("/"))
    path = f"{template[: found.start()]}{{+{name}}}{template[found.end() :]}"
    return path, name, f"^{pattern}$"


def flat_path(method: Method[Any, Any], version: str) -> tuple[str, list[str]]:
    """A method's path with a variable for each segment that varies, and the variables' names."""
    template = method.path.removeprefix("/").replace("v1beta", version, 1)
    found = _VARIABLE.search(template)
    if found is None:
        return template, []
    names, segments = [], found[2].split("/")
    for place, segment in enumerate(segments):
        if segment == "*":
            names.append(f"{segments[place - 1]}Id")
            segments[place] = f"{{{names[-1]}}}"
    return template[: found.start()] + "/".join(segments) + template[found.end() :], names


def query_fields(method: Method[Any, Any]) -> dict[str, Schema]:
    """A method's own query parameters: the request's fields that are in neither path nor body."""
    if method.body == "*":
        return {}
    elsewhere = {method.body, method.variable.partition(".")[0]}
    return {
        alias: schema
        for alias, (schema, name) in fields(method.request).items()
        if name not in elsewhere
    }


def body_type(method: Method[Any, Any]) -> type[ProtoModel] | None:
    """The message in a method's body, None if it has none."""
    if not method.body:
        return None
    if method.body == "*":
        return method.request
    from ragkit.api.parsing import message_of

    return message_of(method.request.model_fields[method.body])


def _messages() -> Iterator[type[ProtoModel]]:
    for method in METHODS.values():
        for message in (body_type(method), method.response, method.result, method.metadata):
            if message is not None:
                yield message


def _resources(version: str) -> dict[str, Any]:
    resources: dict[str, Any] = {}
    for method in methods_of(version):
        *families, name = method.id.split(".")
        inside: dict[str, Any] = {"resources": resources}
        for family in families:
            inside = inside.setdefault("resources", {}).setdefault(family, {})
        inside.setdefault("methods", {})[name] = _method(method, version)
    return resources


def _method(method: Method[Any, Any], version: str) -> dict[str, Any]:
    path, variable, pattern = path_of(method, version)
    parameters: dict[str, Schema] = {
        name: {**schema, "location": "query"} for name, schema in query_fields(method).items()
    }
    if variable:
        parameters[variable] = {
            "type": "string",
            "location": "path",
            "pattern": pattern,
            "required": True,
        }
    described: dict[str, Any] = {
        "id": f"generativelanguage.{method.id}",
        "path": path,
        "flatPath": flat_path(method, version)[0],
        "httpMethod": method.verb,
        "description": description(method.request.__doc__),
        "parameters": parameters,
        "parameterOrder": [variable] if variable else [],
        "response": {"$ref": method.response.__name__},
    }
    body = body_type(method)
    if body is not None:
        described["request"] = {"$ref": body.__name__}
    if method.upload:
        protocol = {"multipart": True, "path": method.upload_path}
        described["supportsMediaUpload"] = True
        described["mediaUpload"] = {
            "accept": ["*/*"],
            "protocols": {"simple": protocol, "resumable": protocol},
        }
    return described
