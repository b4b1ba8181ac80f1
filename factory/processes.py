"""Where Python looks for modules in the processes that the factory starts.

`multiprocessing` starts a child as `python -c ...`, which looks into the working folder first, before Python's own
library: whoever can put a `socket.py` there runs code in every child. Children of the contexts below look where their
parent looks, and nowhere else. A script that was started by its path still finds the modules beside it, in children
too: that place is the parent's.

A program that a plug-in starts from a child finds the environment as it was before.

Other programs (a server for reviewers) are started here as well: from a list of arguments, never through a shell, with
an environment that is given whole.
"""

from __future__ import annotations

import io
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from multiprocessing import process, resource_tracker
from multiprocessing.context import ForkServerContext, ForkServerProcess, SpawnContext, SpawnProcess
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TextIO

from factory.errors import EnvironmentFault
from factory.text import escaped

if TYPE_CHECKING:
    from multiprocessing.popen_forkserver import Popen as ForkServerPopen
    from multiprocessing.popen_spawn_posix import Popen as SpawnPopen

_NAMES = ("PYTHONSAFEPATH", "PYTHONPATH")
_STARTING = threading.RLock()


def spawn_context() -> SpawnContext:
    """What `multiprocessing.get_context("spawn")` gives, with a safe path in the children."""
    _start_tracker()
    return _Spawn()


def forkserver_context() -> ForkServerContext:
    """What `multiprocessing.get_context("forkserver")` gives, with a safe path in the server and its children."""
    _start_tracker()
    return _ForkServer()


class _SpawnProcess(SpawnProcess):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._outside = _outside()

    @staticmethod
    def _Popen(process_obj: process.BaseProcess) -> SpawnPopen:  # noqa: N802 - as multiprocessing calls it
        with _parents_path():
            return SpawnProcess._Popen(process_obj)

    def run(self) -> None:
        _restore(self._outside)
        if sys.stderr is not None:  # closed by whoever started us
            sys.stderr = Plain(sys.stderr)
        super().run()


class _ForkServerProcess(ForkServerProcess):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._outside = _outside()

    @staticmethod
    def _Popen(process_obj: process.BaseProcess) -> ForkServerPopen:  # noqa: N802 - as multiprocessing calls it
        with _parents_path():
            return ForkServerProcess._Popen(process_obj)

    def run(self) -> None:
        _restore(self._outside)
        if sys.stderr is not None:  # closed by whoever started us
            sys.stderr = Plain(sys.stderr)
        super().run()


class _Spawn(SpawnContext):
    Process = _SpawnProcess


class _ForkServer(ForkServerContext):
    Process = _ForkServerProcess


class Plain(io.TextIOBase):
    """A child's standard error: what Python writes there (a warning, a traceback, a log) may quote a stranger, and a
    terminal shows it as text. Lines stay lines."""

    encoding = "utf-8"

    def __init__(self, under: TextIO) -> None:
        self._under = under

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._under.fileno()

    def write(self, text: str) -> int:
        self._under.write(text if text.isprintable() else "\n".join(map(escaped, text.split("\n"))))
        return len(text)

    def flush(self) -> None:
        self._under.flush()


def _start_tracker() -> None:
    """The process that watches semaphores is started by the first queue, long before the first child."""
    with _parents_path():
        resource_tracker.ensure_running()


@contextmanager
def _parents_path() -> Iterator[None]:
    """While it lasts, what is started has a safe path: this process's own, which the fork server needs to load ahead of
    time what its children will use."""
    if sys.flags.ignore_environment and not sys.flags.safe_path:
        raise EnvironmentFault(
            "Python was started with -E, so that its child processes would look for modules in the working folder "
            "first; start it with -I, or with -P as well"
        )
    with _STARTING:
        before = _outside()
        path = (os.path.abspath(entry) for entry in sys.path)  # noqa: PTH100 - resolving links would change names
        _restore({"PYTHONSAFEPATH": "1", "PYTHONPATH": os.pathsep.join(e for e in path if os.pathsep not in e)})
        try:
            yield
        finally:
            _restore(before)


def _outside() -> dict[str, str | None]:
    with _STARTING:
        return {name: os.environ.get(name) for name in _NAMES}


def _restore(values: Mapping[str, str | None]) -> None:
    for name, value in values.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


def run_program(arguments: Sequence[str | Path], *, environment: Mapping[str, str], folder: Path, log: BinaryIO) -> int:
    """Runs a program to its end and returns its exit code; what it says goes to `log`."""
    with _program(arguments, environment, folder, log) as started:
        return started.wait()


def start_program(
    arguments: Sequence[str | Path], *, environment: Mapping[str, str], folder: Path, log: BinaryIO, held: BinaryIO
) -> int:
    """Starts a program that outlives this process, in a session of its own, and returns the number of its process.

    Args:
        log: where it writes what it says.
        held: an open file that it keeps open as long as it lives: a lock on it says whether it does.
    """
    started = _program(arguments, environment, folder, log, held=(held.fileno(),))
    _STARTED.append(started)
    return started.pid


def _program(
    arguments: Sequence[str | Path],
    environment: Mapping[str, str],
    folder: Path,
    log: BinaryIO,
    held: Sequence[int] = (),
) -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # noqa: S603 - no shell
        list(map(str, arguments)),
        cwd=folder,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=subprocess.STDOUT,
        pass_fds=held,
        start_new_session=bool(held),
        umask=0o077,
    )


_STARTED: list[subprocess.Popen[bytes]] = []
"""Kept, or Python warns of a process that nobody waits for."""


def reap(pid: int) -> None:
    """Takes note that a program of this process has ended, so that the system forgets it; others are not known here."""
    for program in _STARTED:
        if program.pid == pid:
            program.poll()
