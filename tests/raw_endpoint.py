"""An endpoint that sends bytes as they are given to it: heads that are none, bodies of another length than they say."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import count
from socketserver import StreamRequestHandler, ThreadingTCPServer


def answering(sent: Sequence[bytes] | Callable[[int], bytes]) -> str:
    """The address, `/v1` included, of a server that sends its n-th request the n-th of these bytes, over and over, and
    closes. It lives as long as this process."""
    numbers = count()

    class Handler(StreamRequestHandler):
        timeout = 10

        def handle(self) -> None:
            with suppress(OSError):
                length = 0
                while (line := self.rfile.readline(70_000)).strip():
                    name, _, value = line.partition(b":")
                    length = int(value) if name.lower() == b"content-length" else length
                self.rfile.read(length)
                number = next(numbers)
                self.wfile.write(sent(number) if callable(sent) else sent[number % len(sent)])

    server = ThreadingTCPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_address[1]}/v1"
