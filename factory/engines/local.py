"""The embedded engine: specs in parallel processes of this machine.

A spec whose process dies (memory, a crash in a native library) is run once more; its answers are in its ledger.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack
from multiprocessing.util import Finalize
from typing import Any, TypeVar

from factory.errors import EnvironmentFault
from factory.plugins.contracts import Task
from factory.plugins.registry import register
from factory.processes import spawn_context

SpecT = TypeVar("SpecT")
StaffT = TypeVar("StaffT")
ReportT = TypeVar("ReportT")


@register("engine", "local")
def local(task: Task[SpecT, StaffT, ReportT], specs: Sequence[SpecT], *, workers: int = 1) -> Iterator[ReportT]:
    """Runs a task over specs in up to `workers` processes and yields the reports as they come.

    The first error is raised after the specs under way have ended and recorded what they paid for; no new one is
    started.
    """
    if workers == 1 or len(specs) <= 1:
        yield from _run_here(task, specs)
        return
    remaining = list(range(len(specs)))
    for last_try in (False, True):
        try:
            for index, report in _run_in_pool(task, specs, tuple(remaining), workers):
                remaining.remove(index)
                yield report
            return
        except BrokenProcessPool:
            if last_try:
                numbers = ", ".join(str(getattr(specs[index], "number", index)) for index in remaining[:5])
                raise EnvironmentFault(
                    f"a worker process died twice while running shards {numbers} (out of memory?); "
                    "run again with fewer --workers"
                ) from None


def _run_here(task: Task[SpecT, StaffT, ReportT], specs: Sequence[SpecT]) -> Iterator[ReportT]:
    if not specs:
        return
    with task.staff(specs[0]) as staff:
        for spec in specs:
            yield task.function(spec, staff)


def _run_in_pool(
    task: Task[SpecT, StaffT, ReportT], specs: Sequence[SpecT], indices: Sequence[int], workers: int
) -> Iterator[tuple[int, ReportT]]:
    waiting = list(reversed(indices))
    failure: BaseException | None = None
    context = spawn_context()
    with ProcessPoolExecutor(workers, mp_context=context, initializer=_end_with, initargs=(os.getpid(),)) as pool:
        running: dict[Future[ReportT], int] = {}
        while running or (waiting and failure is None):
            while waiting and failure is None and len(running) < workers:
                index = waiting.pop()
                running[pool.submit(run_with_staff, task, specs[index])] = index
            ended, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in ended:
                index, error = running.pop(future), future.exception()
                if error is None:
                    yield index, future.result()
                else:
                    failure = failure or error
    if failure is not None:
        raise failure


_STAFF: dict[Any, Any] = {}
"""In a worker: what its process lends to every spec of a task, opened with the first."""


def run_with_staff(task: Task[SpecT, StaffT, ReportT], spec: SpecT) -> ReportT:
    """In a worker: runs a spec with the staff that this process opened for its first one."""
    if task.staff not in _STAFF:
        stack = ExitStack()
        _STAFF[task.staff] = stack.enter_context(task.staff(spec))
        Finalize(None, stack.close, exitpriority=10)  # a pool's process ends without running `atexit`
    return task.function(spec, _STAFF[task.staff])


def _end_with(parent: int) -> None:
    """Ends this worker with its parent, so that a killed build leaves nobody writing its shards (Linux)."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C ends a worker at once and in silence: its ledger is durable
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    try:
        import ctypes

        ctypes.CDLL(None, use_errno=True).prctl(1, signal.SIGKILL)
    except (OSError, AttributeError):
        return
    if os.getppid() != parent:
        os._exit(1)
