"""A scripted OpenAI-compatible endpoint on the loopback interface, over real sockets."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Script = Callable[[dict[str, Any]], "Reply"]


@dataclass(frozen=True)
class Reply:
    """What the endpoint answers: a body, or blocks of one that is streamed.

    `cut` drops the connection after the blocks, without ending the body.
    """

    status: int = 200
    body: object = None
    blocks: Iterable[bytes] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: bool = False


def completion(text: str, finish: str = "stop", **message: object) -> Reply:
    return Reply(
        body={
            "choices": [
                {
                    "index": 0,
                    "finish_reason": finish,
                    "message": {"role": "assistant", "content": text, **message},
                }
            ],
            "usage": {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10},
        }
    )


def event(data: object) -> bytes:
    text = data if isinstance(data, str) else json.dumps(data, ensure_ascii=False)
    return f"data: {text}\n\n".encode()


def delta(text: str | None = None, finish: str | None = None, **fields: object) -> bytes:
    return event({"choices": [{"delta": {"content": text, **fields}, "finish_reason": finish}]})


def streamed(*texts: str, finish: str = "stop") -> Reply:
    usage = {"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": len(texts)}}
    blocks = [*(delta(text) for text in texts), delta(finish=finish), event(usage), event("[DONE]")]
    return Reply(blocks=blocks)


class FakeOpenAI:
    """Answers with the script's replies, and keeps what it was asked."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.bodies: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.paths: list[str] = []
        self.url = ""

    def answer(self, path: str, headers: list[tuple[str, str]], body: dict[str, Any]) -> Reply:
        self.paths.append(path)
        self.headers.append({key.lower(): value for key, value in headers})
        self.bodies.append(body)
        return self.script(body)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), ConnectionError):  # that is: the other side went
            super().handle_error(request, client_address)


@contextmanager
def fake_openai(script: Script | Reply | list[Reply]) -> Iterator[FakeOpenAI]:
    """Run an endpoint; a list's replies come one after the other, the last one again and again."""
    fake = FakeOpenAI(_script(script))

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # headers and body in one packet

        def do_POST(self) -> None:
            size = int(self.headers["content-length"])
            reply = fake.answer(self.path, self.headers.items(), json.loads(self.rfile.read(size)))
            _send(self, reply)

        def log_message(self, *args: object) -> None:
            pass

    server = _Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    fake.url = f"http://127.0.0.1:{server.server_address[1]}/v1"
    try:
        yield fake
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _script(script: Script | Reply | list[Reply]) -> Script:
    if callable(script):
        return script
    replies = iter([script] if isinstance(script, Reply) else script)
    last = Reply(500)

    def next_reply(_body: dict[str, Any]) -> Reply:
        nonlocal last
        last = next(replies, last)
        return last

    return next_reply


def _send(handler: BaseHTTPRequestHandler, reply: Reply) -> None:
    handler.send_response(reply.status)
    for name, value in reply.headers.items():
        handler.send_header(name, value)
    if not reply.blocks:
        body = (
            reply.body
            if isinstance(reply.body, bytes)
            else json.dumps(reply.body, ensure_ascii=False).encode()
        )
        handler.send_header("content-length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)
        return
    handler.send_header("content-type", "text/event-stream")
    handler.send_header("transfer-encoding", "chunked")
    handler.end_headers()
    for block in reply.blocks:
        handler.wfile.write(f"{len(block):x}\r\n".encode() + block + b"\r\n")
        handler.wfile.flush()
    if reply.cut:
        handler.close_connection = True
        return
    handler.wfile.write(b"0\r\n\r\n")
