"""The embedded engine: specs in parallel processes of this machine.

A spec whose process dies (memory, a crash in a native library) is run once more; its answers are in its ledger.
"""

from __future__ import annotations

import os
import runpy
import signal
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack
from multiprocessing.util import Finalize
from pathlib import Path
from typing import Any, TypeVar

from factory.errors import EnvironmentFault, PluginFault
from factory.plugins.contracts import Task
from factory.plugins.registry import SCRIPT, SCRIPT_IN_WORKER, foreign_modules, register
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
    _require_script_file()
    for last_try in (False, True):
        try:
            for index, report in _run_in_pool(task, specs, tuple(remaining), workers):
                remaining.remove(index)
                yield report
            return
        except BrokenProcessPool:
            if last_try:
                if SCRIPT in foreign_modules():
                    raise PluginFault(
                        f"no process could start from {sys.modules[SCRIPT].__file__}, which registers a plug-in: move "
                        "the plug-in into a module of its own and import that, or call `factory.build` under "
                        "`if __name__ == '__main__':`"
                    ) from None
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
    begin = (os.getpid(), str(sys.modules[SCRIPT].__file__) if SCRIPT in foreign_modules() else None)
    with ProcessPoolExecutor(workers, mp_context=context, initializer=_begin, initargs=begin) as pool:
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


_LEARNS = False
"""In a worker: it runs a script once more to know its plug-ins, and what that would build is under way already."""


def refuse_within_script() -> None:
    """Raises PluginFault in a worker whose script comes to its own `factory.build` once more."""
    if _LEARNS:
        raise PluginFault("a script that registers plug-ins calls `factory.build` outside `if __name__ == '__main__':`")


_STAFF: dict[Any, Any] = {}
"""In a worker: what its process lends to every spec of a task, opened with the first."""


def run_with_staff(task: Task[SpecT, StaffT, ReportT], spec: SpecT) -> ReportT:
    """In a worker: runs a spec with the staff that this process opened for its first one."""
    if task.staff not in _STAFF:
        stack = ExitStack()
        _STAFF[task.staff] = stack.enter_context(task.staff(spec))
        Finalize(None, stack.close, exitpriority=10)  # a pool's process ends without running `atexit`
    return task.function(spec, _STAFF[task.staff])


def _require_script_file() -> None:
    """Raises PluginFault where workers could not learn of a plug-in: it stands in a notebook or on standard input."""
    lies = getattr(sys.modules[SCRIPT], "__file__", None)
    if SCRIPT in foreign_modules() and (lies is None or not Path(lies).is_file()):
        raise PluginFault(
            "a plug-in is registered in a notebook or on standard input, where other processes cannot find it: save it "
            "as a module and import that, or build with workers=1"
        )


def _begin(parent: int, script: str | None) -> None:
    """The first that a worker does: it ends with its parent, and runs the script that registers plug-ins, if any."""
    global _LEARNS
    _end_with(parent)
    if script is not None:
        _LEARNS = True
        runpy.run_path(script, run_name=SCRIPT_IN_WORKER)
        _LEARNS = False


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
