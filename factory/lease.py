"""One writer at a time: an advisory lock on a file that says who holds it.

`flock` ends with the process that holds it, so a killed build never leaves a stale lock behind.
"""

from __future__ import annotations

import fcntl
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from factory.errors import BuildLocked


@contextmanager
def lease(path: Path, *, what: str, wait_s: float = 0.0) -> Iterator[None]:
    """Holds the lock file for the duration. Raises BuildLocked, naming the holder, when it stays taken for `wait_s`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+b") as file:
        deadline = time.monotonic() + wait_s
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    raise BuildLocked(f"{what} is in use by {_holder(path)}; wait for it or stop it") from None
                time.sleep(0.05)
        file.truncate(0)
        file.write(f"process {os.getpid()} on {socket.gethostname()}".encode())
        file.flush()
        yield


def _holder(path: Path) -> str:
    return path.read_bytes()[:200].decode("utf-8", "replace") or "another process"
