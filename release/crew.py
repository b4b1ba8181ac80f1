"""The processes that look at the parts of a release: started once, when there is something to share, and kept."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from types import TracebackType
from typing import TypeVar

from factory.processes import forkserver_context

PartT = TypeVar("PartT")
FoundT = TypeVar("FoundT")


class Crew:
    """So many processes, or this one alone. A process that has started has read a hundred modules: 1.3 s of CPU, which
    is why shards and the viewer's pages are looked at by the same ones."""

    def __init__(self, processes: int) -> None:
        """Args: processes: 1 for none beside this one."""
        self.processes = processes
        self._pool: ProcessPoolExecutor | None = None

    def __enter__(self) -> Crew:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    @property
    def started(self) -> bool:
        """Whether processes are there, so that more work for them costs no start."""
        return self._pool is not None

    def looked(
        self,
        look: Callable[[PartT], FoundT],
        parts: Iterable[PartT],
        *,
        alone: Callable[[PartT], FoundT] | None = None,
        chunk: int = 1,
    ) -> list[FoundT]:
        """What is found of each part, in their order.

        Args:
            look: a function that another process can find.
            alone: how this process looks where it is alone; by default the same way.
            chunk: parts that are sent together.
        """
        given = list(parts)
        if self.processes > 1 and len(given) > 1:
            try:
                if self._pool is None:
                    self._pool = ProcessPoolExecutor(self.processes, mp_context=forkserver_context())
                return list(self._pool.map(look, given, chunksize=chunk))
            except BrokenProcessPool:  # out of memory, say: one after the other, then
                self._end()
                self.processes = 1
        return [(alone or look)(part) for part in given]

    def _end(self) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
            self._pool = None
