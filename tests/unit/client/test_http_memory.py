"""The HTTP transport keeps nothing of a request once its reply is there."""

from __future__ import annotations

import gc
import threading
import tracemalloc
from http.server import BaseHTTPRequestHandler, HTTPServer

from ragkit.api.wire import HttpRequest
from ragkit.client._http import HttpTransport

PIECE = 4 << 20


class Sink(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        left = int(self.headers["content-length"])
        while left:
            left -= len(self.rfile.read(min(left, 1 << 16)))
        self.send_response(200)
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


def test_a_body_is_let_go_without_waiting_for_the_garbage_collector():
    server = HTTPServer(("127.0.0.1", 0), Sink)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    transport = HttpTransport(f"http://127.0.0.1:{server.server_port}")
    gc.collect()
    gc.disable()
    tracemalloc.start()
    try:
        for _ in range(5):
            reply = transport.send(HttpRequest("POST", "/v1beta/x", body=bytes(PIECE)))
            assert reply.body == b"{}"
        _, peak = tracemalloc.get_traced_memory()
        assert peak < 3 * PIECE
    finally:
        tracemalloc.stop()
        gc.enable()
        transport.close()
        server.shutdown()
        server.server_close()
        thread.join()
