"""From an HTTP request to a reply: route, parse, carry out, and every error as the envelope.

The rules are those of `google.api.http` transcoding and of Google's system parameters
(https://cloud.google.com/apis/docs/system-parameters).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib import import_module
from typing import Any, Final
from urllib.parse import parse_qsl

from ragkit.api.errors import InvalidArgument, NotFound, Unimplemented
from ragkit.api.methods import METHODS
from ragkit.api.wire import HttpRequest, HttpResponse, Method, path_regex
from ragkit.engine.engine import Engine
from ragkit.service.errors import to_api_error
from ragkit.service.registry import OWNER, Context, Handler, Principal, registered_handlers

_FAMILIES: Final = {
    "corpora": "corpora",
    "corpora.query": "query",
    "corpora.documents": "documents",
    "corpora.documents.query": "query",
    "corpora.documents.chunks": "chunks",
    "models": "models",
    "models.generateAnswer": "answers",
}
"""The module with the handlers of all methods whose ids begin so; the longest beginning counts.

A module is imported with the first call of one of its methods: a query does not pay for answers.
"""

_JSON_HEADERS: Final = {"content-type": "application/json; charset=UTF-8"}
_FORM: Final = "application/x-www-form-urlencoded"

# With or without a leading "$", as they are called in the OpenAPI form of Google's description.
_SYSTEM_PARAMETERS: Final = frozenset(
    {
        "access_token",
        "alt",
        "callback",
        "fields",
        "key",
        "oauth_token",
        "prettyPrint",
        "quotaUser",
        "uploadType",
        "upload_protocol",
        ".xgafv",
    }
)


def find_handler(method_id: str) -> Handler | None:
    """The handler of a method, None if this service does not offer it."""
    beginning = method_id
    while beginning and beginning not in _FAMILIES:
        beginning = beginning.rpartition(".")[0]
    if beginning:
        import_module(f"ragkit.service.{_FAMILIES[beginning]}")
    return registered_handlers().get(method_id)


class Service:
    """The API over an engine. Several threads may use it at once.

    Arguments:
        engine: where everything is kept.
        handlers: what carries out each method, by method id; by default all there are.
    """

    def __init__(self, engine: Engine, handlers: Mapping[str, Handler] | None = None) -> None:
        self.engine = engine
        self._handlers = handlers
        self._routes = [(path_regex(method.path), method) for method in METHODS.values()]

    def dispatch(self, request: HttpRequest, principal: Principal = OWNER) -> HttpResponse:
        """Carry out a request.

        Arguments:
            request: as it came, the body in full.
            principal: who makes it.

        Returns:
            The reply. Nothing is raised: what went wrong is told in the API's error envelope.
        """
        doing = f"{request.verb} {request.path[:200]}"
        try:
            request = _overridden(request)
            method, path_value = self._route(request)
            doing = method.id
            handler = (find_handler if self._handlers is None else self._handlers.get)(method.id)
            if handler is None:
                raise Unimplemented(f"{method.id} is not offered by this service")
            parameters = _method_parameters(request.query)
            message = method.decode(path_value, parameters, request.body)
            reply = handler(Context(self.engine, principal), message)
            return HttpResponse(200, reply.to_json(), _JSON_HEADERS)
        except Exception as error:  # noqa: BLE001 - all there is becomes a reply
            refusal = to_api_error(error, doing)
            return HttpResponse(refusal.http_status, refusal.to_json(), _JSON_HEADERS)

    def close(self) -> None:
        """Let go of the engine's files."""
        self.engine.close()

    def _route(self, request: HttpRequest) -> tuple[Method[Any, Any], str]:
        """The method that a request is for, and the percent-encoded name in its path."""
        verbs = []
        for pattern, method in self._routes:
            found = pattern.fullmatch(request.path)
            if found is None:
                continue
            if method.verb == request.verb:
                return method, found[1] if pattern.groups else ""
            verbs.append(method.verb)
        shown = request.path[:200]
        if verbs:
            raise NotFound(f"{shown!r} does not take {request.verb}, only {' and '.join(verbs)}")
        raise NotFound(f"there is no method at {shown!r}; all paths begin with /v1beta/")


def _overridden(request: HttpRequest) -> HttpRequest:
    """The request that a POST with X-HTTP-Method-Override stands for.

    google-api-python-client sends a GET whose URI would be too long as a POST with the query
    string for a body.
    """
    headers = {name.lower(): value for name, value in request.headers.items()}
    verb = headers.get("x-http-method-override", "").strip().upper()
    if request.verb != "POST" or not verb:
        return request
    query, body = list(request.query), request.body
    if headers.get("content-type", "").partition(";")[0].strip().lower() == _FORM:
        query += parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True)
        body = b""
    return HttpRequest(verb, request.path, query, request.headers, body, request.timeout)


def _method_parameters(query: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """The query parameters that are the method's own.

    Raises:
        InvalidArgument: a system parameter asks for what is not done.
    """
    parameters = []
    for name, value in query:
        system = name.removeprefix("$")
        if system not in _SYSTEM_PARAMETERS:
            parameters.append((name, value))
        elif system == "alt" and value.partition(";")[0] != "json":
            raise InvalidArgument(f"{name}: {value[:50]!r} is not offered, only json", field=name)
        elif system == "fields" and value != "*":
            raise InvalidArgument(
                f"{name}: partial replies are not offered; leave {name} out to get all fields",
                field=name,
            )
        elif system == "callback":
            raise InvalidArgument(f"{name}: JSONP is not offered; leave {name} out", field=name)
    return parameters
