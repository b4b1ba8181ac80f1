"""The embedded engine: shards in parallel processes of this machine.

A shard whose process dies (memory, a crash in a native library) is run once more; its answers are in its ledger.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool

from factory.errors import EnvironmentFault
from factory.shard.run import run_shard
from factory.shard.spec import ShardReport, ShardSpec


def run(specs: Sequence[ShardSpec], *, workers: int) -> Iterator[ShardReport]:
    """Runs shards in up to `workers` processes and yields their reports as they come.

    The first error of a shard is raised after the running shards have ended and recorded what they paid for; no new
    shard is started.
    """
    if workers == 1 or len(specs) == 1:
        yield from map(run_shard, specs)
        return
    remaining = list(specs)
    for last_try in (False, True):
        done: set[int] = set()
        try:
            for report in _run_in_pool(remaining, workers):
                done.add(report.number)
                yield report
            return
        except BrokenProcessPool:
            remaining = [spec for spec in remaining if spec.number not in done]
            if last_try:
                numbers = ", ".join(str(spec.number) for spec in remaining[:5])
                raise EnvironmentFault(
                    f"a worker process died twice while running shards {numbers} (out of memory?); "
                    "run again with fewer --workers"
                ) from None


def _run_in_pool(specs: Sequence[ShardSpec], workers: int) -> Iterator[ShardReport]:
    context = multiprocessing.get_context("spawn")
    waiting = list(reversed(specs))
    failure: BaseException | None = None
    with ProcessPoolExecutor(workers, mp_context=context, initializer=_end_with, initargs=(os.getpid(),)) as pool:
        running: set[Future[ShardReport]] = set()
        while running or (waiting and failure is None):
            while waiting and failure is None and len(running) < workers:
                running.add(pool.submit(run_shard, waiting.pop()))
            ended, running = wait(running, return_when=FIRST_COMPLETED)
            for future in ended:
                error = future.exception()
                if error is None:
                    yield future.result()
                else:
                    failure = failure or error
    if failure is not None:
        raise failure


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
