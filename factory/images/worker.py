"""Decoding in separate processes with limits on memory, CPU time and wall clock.

A hostile picture can cost its worker's life and nothing else: the kernel ends a runaway decode (RLIMIT_CPU), refuses
memory beyond the limit (RLIMIT_AS), and the pool replaces the process. Limits are those of POSIX; where a system does
not enforce RLIMIT_AS (macOS), the pixel limit and the wall clock remain.

Processes come from a forkserver: it imports the image libraries once, and a new worker costs milliseconds.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from types import TracebackType
from typing import Final

from pebble import ProcessExpired, ProcessPool

from factory.errors import EnvironmentFault
from factory.images.coded import read_source
from factory.images.records import ImageRejected, ImageSettings, Prepared
from factory.processes import expendable, forkserver_context, limited, mapped_bytes
from schemas import FilePart

_Source = Path | FilePart | bytes
_Task = str | FilePart | bytes
_Result = Prepared | ImageRejected

START_SECONDS: Final = 60.0
"""Longest wait for the first worker to answer."""
_BROKEN_RETRIES: Final = 2
"""How often a picture is handed to a new pool when the whole pool broke while it waited."""

_mapped_at_start = 0
"""In a worker: address space before its first picture, bytes."""


class ChunkFailed(Exception):
    """A picture of a chunk ended or stalled its worker; which one is found by submitting each alone."""


class DecodeWorkers:
    """A pool of limited decode processes; a context manager.

    `submit` may be called from any thread. Leaving the context normally waits for what was submitted; leaving it with
    an exception (Ctrl-C included) stops the workers at once and cancels what is open.
    """

    def __init__(self, processes: int, settings: ImageSettings) -> None:
        """Prepare a pool of `processes` workers, all with the limits of `settings`; none is started yet."""
        if processes < 1:
            raise ValueError(f"processes must be at least 1, not {processes}")
        self._processes = processes
        self._settings = settings
        self._wall_seconds = 6 * settings.cpu_seconds + 15
        self._lock = threading.Lock()
        self._open: set[Future[_Result]] = set()
        self._broken: list[ProcessPool] = []
        self._pool: ProcessPool | None = None

    @property
    def most_bytes(self) -> int:
        """Of a source file; a larger one is refused, and best before it is sent."""
        return int(self._settings.max_file_mb * 1e6)

    def __enter__(self) -> DecodeWorkers:
        """Start the workers.

        Raises:
            EnvironmentFault: no worker answers.
        """
        self._pool = self._new_pool()
        try:
            self._pool.schedule(os.getpid, timeout=START_SECONDS).result(timeout=START_SECONDS)
        except BaseException as problem:
            self._stop(self._pool)
            if not isinstance(problem, Exception):
                raise
            raise EnvironmentFault(
                f"no decode worker started within {START_SECONDS:g} s ({type(problem).__name__}: {problem}); "
                f"raise images.memory_mb (now {self._settings.memory_mb})"
            ) from problem
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        pool, self._pool = self._pool, None
        if pool is None:
            return
        try:
            if kind is None:
                pool.close()  # type: ignore[no-untyped-call]
                pool.join()
        finally:
            # First: a picture whose worker is stopped by us must not look like one that killed it.
            for future in list(self._open):
                future.cancel()
            for each in [pool, *self._broken]:
                self._stop(each)

    def submit(self, source: _Source) -> Future[_Result]:
        """Prepare one picture in a worker.

        Args:
            source: the path of the file, or where it lies inside another, which the worker reads; or its bytes.

        Returns:
            A future of what `prepare` returns. A picture that kills, stalls or starves its worker gives an
            `ImageRejected` (`worker_died`, `decode_timeout`, `decode_memory`), never an exception.

        Raises:
            RuntimeError: the context was not entered or is left.
        """
        future: Future[_Result] = Future()
        task = _task(source)
        self._open.add(future)
        future.add_done_callback(self._open.discard)
        if not self._schedule(task, future, _BROKEN_RETRIES):
            self._open.discard(future)
            raise RuntimeError("DecodeWorkers is used as a context manager, and only inside it")
        return future

    def submit_chunk(self, sources: Sequence[_Source]) -> Future[list[_Result]]:
        """Prepare several pictures in one go, in order: one message each way instead of one a picture.

        The future raises ChunkFailed when a picture ended or stalled the worker; `submit` each then, and only the
        guilty one is refused.

        Raises:
            RuntimeError: the context was not entered or is left.
        """
        tasks = [_task(source) for source in sources]
        with self._lock:
            if self._pool is None:
                raise RuntimeError("DecodeWorkers is used as a context manager, and only inside it")
            if not self._pool.active:
                raise ChunkFailed
            timeout = self._wall_seconds + self._settings.cpu_seconds * len(tasks)
            inner = self._pool.schedule(_work_chunk, args=(tasks, self._settings), timeout=timeout)
        outer: Future[list[_Result]] = Future()

        def finish(done: Future[list[_Result]]) -> None:
            if done.cancelled() or not outer.set_running_or_notify_cancel():
                return
            if done.exception() is None:
                outer.set_result(done.result())
            else:
                outer.set_exception(ChunkFailed())

        inner.add_done_callback(finish)
        return outer

    def submit_all(self, sources: Sequence[_Source]) -> Future[list[_Result]]:
        """Prepare several pictures, in order, as a chunk; when one of them costs its worker its life, each is tried
        alone. The future never raises ChunkFailed.

        Raises:
            RuntimeError: the context was not entered or is left.
        """
        outer: Future[list[_Result]] = Future()

        def settle(results: list[_Result] | None, problem: BaseException | None = None) -> None:
            if outer.set_running_or_notify_cancel():
                if problem is not None:
                    outer.set_exception(problem)
                elif results is not None:
                    outer.set_result(results)

        def each_alone() -> None:
            singles = [self.submit(source) for source in sources]
            left, lock = [len(singles)], threading.Lock()

            def one_ended(_: Future[_Result]) -> None:
                with lock:
                    left[0] -= 1
                    last = left[0] == 0
                if last and not any(single.cancelled() for single in singles):
                    settle([single.result() for single in singles])

            for single in singles:
                single.add_done_callback(one_ended)

        def chunk_ended(done: Future[list[_Result]]) -> None:
            if done.cancelled():
                return
            if done.exception() is None:
                settle(done.result())
                return
            try:
                each_alone()
            except RuntimeError as left_the_context:
                settle(None, left_the_context)

        try:
            self.submit_chunk(sources).add_done_callback(chunk_ended)
        except ChunkFailed:
            each_alone()
        return outer

    def _schedule(self, task: _Task, future: Future[_Result], retries: int) -> bool:
        """Hand a task to the pool, replacing a broken one; False when the context is left."""
        with self._lock:
            if self._pool is None:
                return False
            if not self._pool.active:
                self._broken.append(self._pool)
                self._pool = self._new_pool()
            inner = self._pool.schedule(_work, args=(task, self._settings), timeout=self._wall_seconds)

        def finish(done: Future[_Result]) -> None:
            if done.cancelled():
                return
            problem = done.exception()
            if isinstance(problem, BrokenProcessPool) and retries and self._schedule(task, future, retries - 1):
                return
            if future.set_running_or_notify_cancel():
                future.set_result(done.result() if problem is None else self._rejection(problem))

        inner.add_done_callback(finish)
        return True

    def _new_pool(self) -> ProcessPool:
        context = forkserver_context()
        context.set_forkserver_preload(["factory.images.prepare", "factory.images.worker"])
        return ProcessPool(
            max_workers=self._processes,
            initializer=_start_worker,
            initargs=(os.getpid(),),
            context=context,
        )

    def _rejection(self, problem: BaseException) -> ImageRejected:
        if isinstance(problem, ProcessExpired):
            if problem.exitcode == -signal.SIGXCPU:
                return ImageRejected("decode_timeout", f"more than {self._settings.cpu_seconds:g} s of CPU time")
            return ImageRejected("worker_died", f"the decode process ended with {_exit_name(problem.exitcode)}")
        if isinstance(problem, TimeoutError):
            return ImageRejected("decode_timeout", f"more than {self._wall_seconds:g} s")
        if isinstance(problem, MemoryError):
            return ImageRejected("decode_memory", f"more than {self._settings.memory_mb} MiB")
        return ImageRejected("worker_died", f"{type(problem).__name__} in the decode pool")

    @staticmethod
    def _stop(pool: ProcessPool) -> None:
        pool.stop()  # type: ignore[no-untyped-call]
        pool.join()


def _exit_name(code: int) -> str:
    if code < 0:
        try:
            return signal.Signals(-code).name
        except ValueError:
            pass
    return f"exit code {code}"


def _start_worker(owner: int) -> None:
    """Runs once in each worker: signals, and a watch on the process that owns it."""
    from PIL import Image

    import factory.images.prepare  # noqa: F401  mapped before the limit is measured

    Image.MAX_IMAGE_PIXELS = None  # `prepare` checks sizes itself, against the recipe
    expendable(owner)
    global _mapped_at_start
    _mapped_at_start = mapped_bytes()


def _task(source: _Source) -> _Task:
    """What travels to a worker."""
    return str(source) if isinstance(source, Path) else source


def _work(task: _Task, settings: ImageSettings) -> _Result:
    from factory.images.prepare import prepare

    sent = len(task) if isinstance(task, bytes) else 0
    try:
        with limited(settings.cpu_seconds, _mapped_at_start + (settings.memory_mb << 20) + sent):
            data = task if isinstance(task, bytes) else read_source(task, settings)
            return data if isinstance(data, ImageRejected) else prepare(data, settings)
    except MemoryError:
        return ImageRejected("decode_memory", f"more than {settings.memory_mb} MiB")


def _work_chunk(tasks: Sequence[_Task], settings: ImageSettings) -> list[_Result]:
    return [_work(task, settings) for task in tasks]
