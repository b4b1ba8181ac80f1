"""A real HTTP server in this process, for tests that look at what it is sent."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Answering(BaseHTTPRequestHandler):
    """An endpoint with one model, `m`; what it replies to a question is a test's own."""

    def reply(self, body: bytes) -> bytes:
        """The JSON for a request."""
        raise NotImplementedError

    def do_GET(self) -> None:
        self._send(b'{"object": "list", "data": [{"id": "m"}]}')

    def do_POST(self) -> None:
        self._send(self.reply(self.rfile.read(int(self.headers["Content-Length"]))))

    def _send(self, data: bytes) -> None:
        try:
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)
        except OSError:  # the build was killed
            return

    def log_message(self, *_: Any) -> None:
        return None


@contextmanager
def served(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    """The address, `/v1` included, at which a handler answers on a port of its own."""
    with listening(handler) as url:
        yield f"{url}/v1"


@contextmanager
def listening(handler: type[BaseHTTPRequestHandler], *, quiet: bool = False) -> Iterator[str]:
    """The same without a path. `quiet` prints nothing of what the handler raises: it ends connections on purpose."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    if quiet:
        server.handle_error = lambda *_: None  # type: ignore[method-assign]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
