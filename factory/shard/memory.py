"""Memory that is no longer used: how often Python looks for it, and when the system gets it back.

A call leaves some twenty objects behind that live until the shard is written. With Python's own threshold of 700 the
collector walks the whole process again for every few hundred samples and finds nothing: a fifth of the CPU time of a
sample. Trade-off: cycles that are garbage stay until the next, rarer look, some 20 MB at most.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

import pyarrow as pa

from factory.geo import forget

NEW_OBJECTS = 10_000
"""Containers made and not freed before the collector looks at the youngest; larger gains nothing more."""


@contextmanager
def rare_collections() -> Iterator[None]:
    """Raises the collector's threshold for a block; the rest of the process finds its own setting again."""
    before = gc.get_threshold()
    gc.set_threshold(max(before[0], NEW_OBJECTS) if before[0] else 0, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


def give_back() -> None:
    """Between phases: drops the place tables and returns what Arrow and the C library kept for later."""
    pa.default_memory_pool().release_unused()
    forget()
