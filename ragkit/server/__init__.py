"""The service over HTTP: `ragkit serve`.

An ASGI application (`app`) in front of `ragkit.service`, run by uvicorn (`running`). What the API
means is not decided here: a request goes to `Service.open` as it came, whole, and what it answers
goes back, whole or as it is made.

Why uvicorn and Starlette: the work of a request is arithmetic, SQLite and pydantic in a worker
thread, so a server written in another language (granian) would save little of it, and uvicorn's
graceful shutdown, its behaviour under pipelining and half-closed connections, and its protocol
classes are known and can be subclassed (`protocol`). Of Starlette only the router and the CORS
middleware are used: requests and replies are ASGI messages made here, since a request object and
a stack of middlewares would cost as much as a small call.
"""

from __future__ import annotations

from ragkit.server.settings import Settings

__all__ = ["Settings"]
