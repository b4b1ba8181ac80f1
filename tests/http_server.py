"""A real HTTP server in this process, for tests that look at what it is sent."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Listening(ThreadingHTTPServer):
    """A thread a connection. Sixteen callers at once may wait to be taken: with Python's own five some are reset."""

    request_queue_size = 128
    daemon_threads = True


@contextmanager
def served(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    """The address, `/v1` included, at which a handler answers on a port of its own."""
    with listening(handler) as url:
        yield f"{url}/v1"


@contextmanager
def listening(handler: type[BaseHTTPRequestHandler], *, quiet: bool = False) -> Iterator[str]:
    """The same without a path. `quiet` prints nothing of what the handler raises: it ends connections on purpose."""
    server = Listening(("127.0.0.1", 0), handler)
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


@contextmanager
def answering(reply: Callable[[bytes], bytes]) -> Iterator[str]:
    """The address of an endpoint with one model, `m`; `reply` makes of a request's body the JSON that answers it."""

    class Answering(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._send(b'{"object": "list", "data": [{"id": "m"}]}')

        def do_POST(self) -> None:
            self._send(reply(self.rfile.read(int(self.headers["Content-Length"]))))

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

    with served(Answering) as url:
        yield url
