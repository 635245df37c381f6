"""The ASGI application driven directly, message by message."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from ragkit.engine.engine import Engine
from ragkit.server.app import create_app
from ragkit.server.settings import Settings
from ragkit.service.dispatcher import Service
from ragkit.service.registry import Handler


@dataclass
class Reply:
    """What an application sent."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    pieces: list[bytes] = field(default_factory=list)

    @property
    def body(self) -> bytes:
        return b"".join(self.pieces)

    @property
    def json(self) -> Any:
        return json.loads(self.body)


Watch = Callable[[bytes], bool]


class Application:
    """The application over a service whose handlers a test gives."""

    def __init__(self, data: Path, handlers: dict[str, Handler], **settings: Any) -> None:
        self.engine = Engine(data)
        self.engine.open()
        self.settings = replace(Settings(data, threads=2, slow_threads=2), **settings)
        self.app = create_app(Service(self.engine, handlers), self.settings)

    def close(self) -> None:
        self.app.close(10)
        self.engine.close()

    def send(self, verb: str, target: str, body: bytes = b"", **headers: Any) -> Reply:
        return asyncio.run(self.asend(verb, target, body, **headers))

    async def asend(
        self,
        verb: str,
        target: str,
        body: bytes = b"",
        *,
        gone_after: Watch = lambda piece: False,
        **headers: str,
    ) -> Reply:
        """Send a request; the client goes away after the first piece for which `gone_after`."""
        path, _, query = target.partition("?")
        given = {"host": "localhost", **headers}
        if body:
            given["content-length"] = str(len(body))
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": verb,
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "headers": [(k.replace("_", "-").encode(), v.encode()) for k, v in given.items()],
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 80),
        }
        messages = [{"type": "http.request", "body": body, "more_body": False}]
        gone = asyncio.Event()
        reply = Reply()

        async def receive() -> Any:
            if messages:
                return messages.pop()
            await gone.wait()
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            if message["type"] == "http.response.start":
                reply.status = message["status"]
                reply.headers = {k.decode(): v.decode() for k, v in message["headers"]}
            elif message.get("body"):
                reply.pieces.append(message["body"])
                if gone_after(message["body"]):
                    gone.set()

        await self.app(scope, receive, send)
        return reply


Make = Callable[..., Application]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """Makes applications: `make(handlers, **settings)`."""
    made: list[Application] = []

    def make_one(handlers: dict[str, Handler] | None = None, **settings: Any) -> Application:
        made.append(Application(tmp_path / "data", handlers or {}, **settings))
        return made[-1]

    yield make_one
    for one in made:
        one.close()
