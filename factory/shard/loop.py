"""One event loop for as long as a process lends its staff; in a notebook, where one runs already, in a thread."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Any, Self, TypeVar

ResultT = TypeVar("ResultT")


class Loop:
    """A context manager; connections that are opened in it stay usable between calls of `run`."""

    def __enter__(self) -> Self:
        try:
            asyncio.get_running_loop()
            self._thread: ThreadPoolExecutor | None = ThreadPoolExecutor(1, thread_name_prefix="loop")
        except RuntimeError:
            self._thread = None
        self._runner = asyncio.Runner()
        return self

    def run(self, work: Coroutine[Any, Any, ResultT]) -> ResultT:
        """Runs a coroutine to its end. Ctrl-C cancels it."""
        if self._thread is None:
            return self._runner.run(work)
        return self._thread.submit(self._runner.run, work).result()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._thread is None:
            self._runner.close()
        else:
            self._thread.submit(self._runner.close).result()
            self._thread.shutdown()
