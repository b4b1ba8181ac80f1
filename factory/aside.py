"""Work on what strangers sent, beside an event loop that carries other calls.

Every function that reads foreign text is bounded, yet a body of megabytes may take some tenths of a second: as long as
all calls of a process would wait, were it read in their loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final, TypeVar

LONG: Final = 50_000
"""Bytes or characters from which work leaves the loop; an answer of 4,000 tokens has 16,000. What is as long takes
up to 30 ms."""

ResultT = TypeVar("ResultT")


async def aside(size: int, work: Callable[[], ResultT]) -> ResultT:
    """What `work` returns or raises: done here when `size` is small, else in a thread."""
    return await asyncio.to_thread(work) if size > LONG else work()
