"""From an HTTP request to a reply: route, parse, carry out, and every error as the envelope.

The rules are those of `google.api.http` transcoding and of Google's system parameters
(https://cloud.google.com/apis/docs/system-parameters).
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from io import BytesIO
from typing import Any, BinaryIO, Final
from urllib.parse import parse_qsl

from ragkit.api.errors import Unimplemented
from ragkit.api.methods import MEDIA_UPLOAD
from ragkit.api.wire import HttpRequest, HttpResponse, Method
from ragkit.engine.engine import Engine
from ragkit.service.errors import to_api_error
from ragkit.service.parameters import split_parameters
from ragkit.service.registry import OWNER, Context, Handler, Principal, registered_handlers
from ragkit.service.routing import Router
from ragkit.service.streaming import StreamedResponse, stream

_FAMILIES: Final = {
    "batches": "batch_operations",
    "cachedContents": "cached_contents",
    "corpora": "corpora",
    "corpora.query": "query",
    "corpora.documents": "documents",
    "corpora.documents.query": "query",
    "corpora.documents.chunks": "chunks",
    "corpora.permissions": "permissions",
    "files": "files",
    "media": "files",
    "models": "models",
    "models.asyncBatchEmbedContent": "batch_creation",
    "models.batchEmbedText": "legacy_texts",
    "models.batchGenerateContent": "batch_creation",
    "models.countMessageTokens": "legacy_messages",
    "models.countTextTokens": "legacy_texts",
    "models.embedText": "legacy_texts",
    "models.generateAnswer": "answers",
    "models.generateContent": "generation",
    "models.generateMessage": "legacy_messages",
    "models.generateText": "legacy_texts",
    "models.streamGenerateContent": "generation",
    "tunedModels": "tuned_models",
    "tunedModels.generateContent": "tuned_generation",
    "tunedModels.generateText": "tuned_generation",
    "tunedModels.operations": "tuned_operations",
    "tunedModels.permissions": "permissions",
    "tunedModels.streamGenerateContent": "tuned_generation",
    "tunedModels.transferOwnership": "permissions",
}
"""The module with the handlers of all methods whose ids begin so; the longest beginning counts.

A module is imported with the first call of one of its methods: a query does not pay for answers.
"""

_JSON_HEADERS: Final = {"content-type": "application/json; charset=UTF-8"}
_FORM: Final = "application/x-www-form-urlencoded"
_ROUTER: Final = Router()


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

    def dispatch(self, request: HttpRequest, principal: Principal = OWNER) -> HttpResponse:
        """Carry out a request; what it streams, until its end.

        Arguments:
            request: as it came, the body in full.
            principal: who makes it.

        Returns:
            The reply. Nothing is raised: what went wrong is told in the API's error envelope.
        """
        reply = self.open(request, principal)
        return reply.whole() if isinstance(reply, StreamedResponse) else reply

    def open(
        self,
        request: HttpRequest,
        principal: Principal = OWNER,
        *,
        base_url: str = "",
        media: BinaryIO | None = None,
    ) -> HttpResponse | StreamedResponse:
        """Carry out a request; what a streaming method answers can be read while it is made.

        Arguments:
            request: as it came.
            principal: who makes it.
            base_url: where the caller reaches this service, for links in replies.
            media: the body of an upload, from its beginning; by default the request's own.

        Returns:
            The reply, a streamed one to be read to its end or closed. Nothing is raised.
        """
        doing = f"{request.verb} {request.path[:200]}"
        try:
            request = _overridden(request)
            context = Context(self.engine, principal, base_url)
            if is_upload(request.path):
                doing = MEDIA_UPLOAD.id
                return _upload(context, request, media)
            if request.path.endswith(":download"):
                doing = "media.download"
                content = _download(context, request)
                if content is not None:
                    return content
            method, path_value = _ROUTER.find(request.verb, request.path)
            doing = method.id
            handler = self._handler(method)
            parameters, rendering = split_parameters(request.query, method)
            message = method.decode(path_value, parameters, request.body)
            if not principal.is_owner:
                from ragkit.service.access import check

                check(context, method, message)
            reply: Any = handler(context, message)
            if method.streaming:
                return stream(reply, rendering, doing)
            written = isinstance(reply, bytes)
            body = rendering.rewrite(reply) if written else rendering.write(reply)
            return HttpResponse(200, body, _JSON_HEADERS)
        except Exception as error:  # noqa: BLE001 - all there is becomes a reply
            return refusal(error, doing)

    def start_workers(self) -> None:
        """Carry out batches and tunings from now on, those of other processes too.

        Without it, that begins with the first one made or asked for here.
        """
        from ragkit.service.jobs import start_worker

        start_worker(self.engine, stay=True)

    def close(self) -> None:
        """Let go of the engine's files; batches and tunings stop between two items."""
        self.engine.close()

    def _handler(self, method: Method[Any, Any]) -> Handler:
        handler = (find_handler if self._handlers is None else self._handlers.get)(method.id)
        if handler is None:
            raise Unimplemented(f"{method.id} is not offered by this service")
        return handler


def refusal(error: Exception, doing: str) -> HttpResponse:
    """The reply that tells of an error in the API's envelope; see `to_api_error`."""
    told = to_api_error(error, doing)
    return HttpResponse(told.http_status, told.to_json(), _JSON_HEADERS)


def is_upload(path: str) -> bool:
    """Whether what is sent to a path is media rather than JSON."""
    beginning, upload, rest = path.partition("/upload/")
    return bool(upload) and not beginning and rest.startswith(("v1beta/files", "v1/files"))


def verbs_at(path: str) -> list[str]:
    """The verbs that a path takes, none if no method has such a path."""
    return ["POST", "PUT"] if is_upload(path) else _ROUTER.verbs(path)


def _upload(context: Context, request: HttpRequest, media: BinaryIO | None) -> HttpResponse:
    from ragkit.service.uploads import handle_upload

    body = BytesIO(request.body) if media is None else media
    return handle_upload(context, request, context.base_url, body)


def _download(context: Context, request: HttpRequest) -> StreamedResponse | None:
    from ragkit.service.downloads import handle_download

    return handle_download(context, request)


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
