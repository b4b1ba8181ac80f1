"""Bounds of work that hold on any machine: far above what is needed, far below what work that grows too fast takes."""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

SECONDS: Final = 10.0
"""Hundreds of times what the texts of these tests take; work that grows with their square takes minutes."""


@contextmanager
def bounded_work() -> Iterator[None]:
    """Fails when what runs inside takes more than `SECONDS` of this thread's processor time.

    Only this thread is counted, and without the garbage collector: a worker that has run ten thousand tests has so
    many objects that one collection takes a second.
    """
    collects = gc.isenabled()
    gc.disable()
    started = time.thread_time()
    try:
        yield
    finally:
        if collects:
            gc.enable()
    took = time.thread_time() - started
    assert took < SECONDS, f"{took:.1f} s of processor time"
