"""How far a running shard is, for whoever watches: a small file that any process can read.

A file and not a pipe, so that it works the same under every engine and for `factory status` in another terminal.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

EVERY_S = 0.2


class Progress:
    """Counts finished samples and writes the count a few times a second."""

    def __init__(self, path: Path, total: int) -> None:
        self._path, self._total, self._done, self._written_at = path, total, 0, 0.0

    def advance(self) -> None:
        self._done += 1
        now = time.monotonic()
        if now - self._written_at >= EVERY_S:
            self._path.write_text(f"{self._done}/{self._total}")
            self._written_at = now


@contextmanager
def progress_file(path: Path, total: int) -> Iterator[Progress]:
    """A progress file that goes when the shard leaves the block."""
    try:
        yield Progress(path, total)
    finally:
        path.unlink(missing_ok=True)


def read_progress(path: Path) -> int:
    """Finished samples of a running shard; 0 when it has not said."""
    try:
        return int(path.read_text().split("/")[0])
    except (OSError, ValueError):
        return 0
