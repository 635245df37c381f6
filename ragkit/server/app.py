"""The ASGI application: HTTP requests to the service, its replies back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from typing import Any, BinaryIO, Final
from urllib.parse import parse_qsl

from starlette.middleware.cors import CORSMiddleware
from starlette.routing import Route, Router
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ragkit.api.errors import APIError, DeadlineExceeded, InvalidArgument, NotFound, Unavailable
from ragkit.api.wire import HttpRequest, HttpResponse
from ragkit.server import discovery
from ragkit.server.access import KeyPolicy, LocalCallers, base_url_of
from ragkit.server.bodies import BodyReader, ClientGone
from ragkit.server.logs import LOGGER, Access, request_id, set_request_id
from ragkit.server.pool import Pool
from ragkit.server.replies import compressed, send_stream, send_whole, takes_gzip
from ragkit.server.settings import Settings
from ragkit.service.authentication import authenticate
from ragkit.service.dispatcher import Service, is_upload, refusal, verbs_at
from ragkit.service.streaming import StreamedResponse

_MAX_PARAMETERS: Final = 200
_JSON: Final = {"content-type": "application/json; charset=UTF-8"}
_EXPOSED: Final = (
    "X-Request-Id",
    "Location",
    "Range",
    "X-Goog-Upload-URL",
    "X-Goog-Upload-Status",
    "X-Goog-Upload-Size-Received",
    "X-Goog-Upload-Chunk-Granularity",
)
# What waits for a model or a disk rather than computes: it must not take the threads of queries.
_SLOW: Final = (":generate", ":streamGenerate", ":batchGenerate")


def create_app(service: Service, settings: Settings) -> Application:
    """The application over a service.

    Arguments:
        service: what answers.
        settings: limits, origins, keys.
    """
    api = Api(service, settings)
    routes = [
        Route("/healthz", endpoint=_Plain(api.healthz), methods=None),
        Route("/readyz", endpoint=_Plain(api.readyz), methods=None),
        *(
            Route(path, endpoint=_Plain(partial(api.description, kind)), methods=None)
            for path, kind in discovery.PATHS.items()
        ),
    ]
    app: ASGIApp = Router(routes, redirect_slashes=False, default=api)
    if settings.cors_origins:
        app = CORSMiddleware(
            app,
            allow_origins=settings.cors_origins,
            allow_methods=("GET", "POST", "PUT", "PATCH", "DELETE"),
            allow_headers=("*",),
            expose_headers=_EXPOSED,
            max_age=600,
        )
    return Application(app, api)


class Application:
    """Gives each request its id and its line in the access log, and lets no exception through."""

    def __init__(self, app: ASGIApp, api: Api) -> None:
        self._app = app
        self._api = api

    def close(self, seconds: float) -> bool:
        """Wait for what worker threads still do.

        Arguments:
            seconds: how long at the most.

        Returns:
            Whether all of it has ended.
        """
        return self._api.close(seconds)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            raise TypeError(f"there is nothing here for {scope['type']}")
        given = next((v for k, v in scope["headers"] if k == b"x-request-id"), b"")
        identifier = request_id(given.decode("latin-1"))
        set_request_id(identifier)
        client = scope.get("client")
        access = Access(
            identifier,
            scope["method"],
            _raw_path(scope),
            scope["query_string"].decode("latin-1"),
            f"{client[0]}:{client[1]}" if client else "",
        )
        scope["ragkit.access"] = access
        status, sent = 0, 0

        async def observed(message: Message) -> None:
            nonlocal status, sent
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = [*message["headers"], (b"x-request-id", identifier.encode("latin-1"))]
                message = {**message, "headers": headers}
            else:
                sent += len(message.get("body", b""))
            await send(message)

        try:
            await self._app(scope, receive, observed)
        except ClientGone:
            status = status or 499
        except asyncio.CancelledError:
            # The server ends before the request has: nothing follows in this task.
            if not status:
                error = Unavailable("the server was stopped; this may have been carried out or not")
                await send_whole(observed, refusal(error, access.path))
        except Exception as error:
            if status:
                LOGGER.exception("the reply broke off")
                raise
            await send_whole(observed, refusal(error, f"{access.verb} {access.path}"))
        finally:
            access.done(status, sent)


@dataclass(slots=True)
class _Call:
    """One request on its way through `Api`."""

    request: HttpRequest
    scheme: str
    base_url: str
    gzip: bool
    access: Access
    media: BinaryIO | None = None


class Api:
    """Every path that is not the server's own: the methods of the API."""

    def __init__(self, service: Service, settings: Settings) -> None:
        self._service = service
        self._settings = settings
        self._keys = KeyPolicy(settings, service.engine)
        self._local = LocalCallers(settings)
        self._quick = Pool(settings.threads, settings.waiting, "ragkit")
        self._slow = Pool(settings.slow_threads, settings.waiting, "ragkit-slow")

    def close(self, seconds: float) -> bool:
        """Take no more work and wait for what is under way; returns whether all of it has ended."""
        ended = [pool.close(seconds) for pool in (self._quick, self._slow)]
        return all(ended)

    async def healthz(self, scope: Scope) -> HttpResponse:
        """That the process is alive."""
        return HttpResponse(200, b'{"status":"ok"}', _JSON)

    async def readyz(self, scope: Scope) -> HttpResponse:
        """That requests can be answered: the store can be read."""
        read = partial(self._service.engine.store.list_corpora, 1)
        try:
            await self._quick.run(read, self._settings.timeout)
        except Exception as error:  # noqa: BLE001 - whatever it is, the answer is no
            return refusal(Unavailable(f"not ready: {refusal_text(error)}"), "readyz")
        return HttpResponse(200, b'{"status":"ready"}', _JSON)

    async def description(self, kind: str, scope: Scope) -> HttpResponse:
        """The API's own description, as Google publishes it."""
        query = dict(parse_qsl(scope["query_string"].decode("latin-1")))
        headers = _headers(scope)
        base_url = base_url_of(self._settings, headers, scope["scheme"], _server(scope))
        reply = await self._quick.run(
            partial(discovery.reply, kind, query.get("version", ""), base_url),
            self._settings.timeout,
        )
        return compressed(reply) if takes_gzip(headers.get("accept-encoding", "")) else reply

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request to the API."""
        path = _raw_path(scope)
        verb = scope["method"]
        if verb == "OPTIONS":
            await send_whole(send, _options(path))
            return
        headers = _headers(scope)
        uploads = is_upload(path)
        body = BodyReader(
            scope,
            receive,
            limit=self._settings.max_upload if uploads else self._settings.max_body,
            option="--max-upload" if uploads else "--max-body",
            silence=self._settings.body_timeout,
        )
        access: Access = scope["ragkit.access"]
        call = _Call(
            HttpRequest("GET" if verb == "HEAD" else verb, path, (), headers),
            scope["scheme"],
            base_url_of(self._settings, headers, scope["scheme"], _server(scope)),
            takes_gzip(headers.get("accept-encoding", "")),
            access,
        )
        try:
            await self._answer(call, scope, body, receive, send)
        except ClientGone:
            raise
        except Exception as error:  # noqa: BLE001 - all there is becomes a reply
            if not body.complete:
                await send_whole(send, refusal(error, f"{verb} {path}"), body.drain)
            else:
                await send_whole(send, refusal(error, f"{verb} {path}"))
        finally:
            access.received = body.received
            if call.media is not None:
                call.media.close()

    async def _answer(
        self, call: _Call, scope: Scope, body: BodyReader, receive: Receive, send: Send
    ) -> None:
        query = _parameters(scope)
        path = call.request.path
        content = b""
        if is_upload(path):
            call.media = await body.spooled(self._service.engine.data)
        else:
            content = await body.whole()
        call.request = HttpRequest(
            call.request.verb, path, query, call.request.headers, content, self._settings.timeout
        )
        slow = call.media is not None or any(mark in path for mark in _SLOW)
        pool = self._slow if slow else self._quick
        reply = await pool.run(partial(self._carry_out, call), self._settings.timeout)
        if isinstance(reply, StreamedResponse):
            pieces = _Pieces(reply, self._slow, self._settings.timeout)
            await send_stream(receive, send, reply, pieces.next, pieces.close)
        else:
            await send_whole(send, reply)

    def _carry_out(self, call: _Call) -> HttpResponse | StreamedResponse:
        """What is done in a worker thread."""
        set_request_id(call.access.identifier)
        try:
            required = self._keys.required()
            if not required:
                self._local.check(call.request.headers, call.scheme)
            principal = authenticate(self._service.engine, call.request, keys_required=required)
        except Exception as error:  # noqa: BLE001 - all there is becomes a reply
            return refusal(error, "authentication")
        call.access.principal = principal.name
        reply = self._service.open(
            call.request, principal, base_url=call.base_url, media=call.media
        )
        if call.gzip and isinstance(reply, HttpResponse):
            return compressed(reply)
        return reply


class _Pieces:
    """The pieces of a streamed reply, each made in a worker thread, one after the other."""

    def __init__(self, reply: StreamedResponse, pool: Pool, seconds: float) -> None:
        self._reply = reply
        self._pool = pool
        self._seconds = seconds
        self._begun = self._broken = False
        self._last: Future[bytes | None] | None = None

    async def next(self) -> bytes | None:
        """The next piece, None at the end. A piece that does not come in time is an error's."""
        if self._broken:
            return None
        try:
            self._last = self._pool.submit(partial(next, self._reply.body, None))
            async with asyncio.timeout(self._seconds):
                piece = await asyncio.shield(asyncio.wrap_future(self._last))
        except TimeoutError:
            return self._end_with(
                DeadlineExceeded(f"nothing more came within {self._seconds:g} seconds")
            )
        except Unavailable as error:
            return self._end_with(error)
        self._begun = True
        return piece

    def _end_with(self, error: APIError) -> bytes:
        self._broken = True
        return self._reply.end_with(error, begun=self._begun)

    async def close(self) -> None:
        """Stop making pieces, once the one under way is made."""
        last = self._last
        if last is None or last.done():
            await asyncio.to_thread(self._reply.close)
        else:
            last.add_done_callback(lambda _: self._reply.close())


class _Plain:
    """An endpoint of the server's own, which takes GET and HEAD only."""

    def __init__(self, answer: Callable[[Scope], Any]) -> None:
        self._answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] == "OPTIONS":
            await send_whole(send, HttpResponse(204, b"", {"allow": "GET, HEAD, OPTIONS"}))
        elif scope["method"] not in ("GET", "HEAD"):
            error = InvalidArgument(f"{scope['path']} takes GET only")
            await send_whole(send, refusal(error, scope["path"]))
        else:
            await send_whole(send, await self._answer(scope))


def refusal_text(error: Exception) -> str:
    """An error for people."""
    return str(error) or type(error).__name__


def _options(path: str) -> HttpResponse:
    verbs = verbs_at(path)
    if not verbs:
        return refusal(NotFound(f"there is no method at {path[:200]!r}"), "OPTIONS")
    allowed = dict.fromkeys([*verbs, *(["HEAD"] if "GET" in verbs else []), "OPTIONS"])
    return HttpResponse(204, b"", {"allow": ", ".join(allowed)})


def _headers(scope: Scope) -> dict[str, str]:
    """The headers, names in lower case; of several of one name, joined (RFC 9110, 5.3)."""
    headers: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


def _raw_path(scope: Scope) -> str:
    raw: bytes = scope.get("raw_path") or scope["path"].encode("utf-8")
    return raw.decode("latin-1")


def _server(scope: Scope) -> str:
    host, port = scope.get("server") or ("localhost", None)
    shown = f"[{host}]" if ":" in host else host
    return f"{shown}:{port}" if port else shown


def _parameters(scope: Scope) -> list[tuple[str, str]]:
    raw: bytes = scope["query_string"]
    if not raw:
        return []
    try:
        return parse_qsl(
            raw.decode("latin-1"), keep_blank_values=True, max_num_fields=_MAX_PARAMETERS
        )
    except ValueError:
        raise InvalidArgument(
            f"the query string has more than {_MAX_PARAMETERS} parameters"
        ) from None
