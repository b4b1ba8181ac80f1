"""Where Python looks for modules in the processes that the factory starts.

`multiprocessing` starts a child as `python -c ...`, which looks into the working folder first, before Python's own
library: whoever can put a `socket.py` there runs code in every child. Children of the contexts below look where their
parent looks, and nowhere else. A script that was started by its path still finds the modules beside it, in children
too: that place is the parent's.

Nor do these children run the program's script once more, as `multiprocessing` would: what they do is ours, and a
script, a notebook or lines on standard input that call `factory.build` need no `if __name__ == "__main__"`.

A program that a plug-in starts from a child finds the environment as it was before.

Other programs (a server for reviewers) are started here as well: from a list of arguments, never through a shell, with
an environment that is given whole.
"""

from __future__ import annotations

import io
import math
import os
import resource
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from multiprocessing import process, resource_tracker, spawn
from multiprocessing.context import ForkServerContext, ForkServerProcess, SpawnContext, SpawnProcess
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final, TextIO

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
        with _parents_path(), _without_script():
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
        with _parents_path(), _without_script():
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


@contextmanager
def _without_script() -> Iterator[None]:
    """While it lasts, what this thread starts is not told where the program's script lies. Under `_parents_path`, which
    lets one thread in at a time; what another thread starts by `multiprocessing` itself is told as ever."""
    told, thread = spawn.get_preparation_data, threading.get_ident()

    def without(name: str) -> dict[str, Any]:
        data = told(name)
        ours = threading.get_ident() == thread
        return {key: value for key, value in data.items() if not (ours and key.startswith("init_main_from_"))}

    with _STARTING:
        spawn.get_preparation_data = without
        try:
            yield
        finally:
            spawn.get_preparation_data = told


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


Program = subprocess.Popen[bytes]
"""A program that runs."""


def start_group(
    arguments: Sequence[str | Path], *, environment: Mapping[str, str], folder: Path, log: BinaryIO
) -> Program:
    """Starts a program in a session, and so a group of processes, of its own: signals reach all that it starts."""
    return _program(arguments, environment, folder, log, apart=True)


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
    apart: bool = False,
) -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # noqa: S603 - no shell
        list(map(str, arguments)),
        cwd=folder,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=subprocess.STDOUT,
        pass_fds=held,
        start_new_session=apart or bool(held),
        umask=0o077,
    )


_STARTED: list[subprocess.Popen[bytes]] = []
"""Kept, or Python warns of a process that nobody waits for."""


def reap(pid: int) -> None:
    """Takes note that a program of this process has ended, so that the system forgets it; others are not known here."""
    for program in _STARTED:
        if program.pid == pid:
            program.poll()


def usable_cores() -> int:
    """Cores on which this process may run: those of the machine, or fewer where it was given some of them."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def expendable(owner: int) -> None:
    """Makes a child of this process one that may die of what it is given: no dump, nothing said, and gone with `owner`,
    the number of its parent's process."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGXCPU, signal.SIG_DFL)
    # The pool's own handler would wait for the C code of a decoder to return.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    _exit_with(owner)
    # Codecs print their complaints about damaged files; the reasons say the same.
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    os.dup2(silence, 2)
    os.close(silence)


def _exit_with(owner: int) -> None:
    """End this process when `owner` ends, even if it is killed while a picture is being decoded."""
    if not hasattr(os, "pidfd_open"):
        return
    try:
        descriptor = os.pidfd_open(owner)
    except ProcessLookupError:
        os._exit(1)
    except OSError:
        return

    def watch() -> None:
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        poll.poll()
        os._exit(1)

    threading.Thread(target=watch, name="owner-watch", daemon=True).start()


_FALLBACK_MAPPED: Final = 512 << 20
"""Taken for what the interpreter maps where /proc does not tell."""


def mapped_bytes() -> int:
    """Address space of this process."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[0])
    except (OSError, ValueError):
        return _FALLBACK_MAPPED
    return pages * os.sysconf("SC_PAGE_SIZE")


@contextmanager
def limited(cpu_seconds: float, address_space: int) -> Iterator[None]:
    """While it lasts, the kernel ends this process after so much more CPU time (whole seconds), and refuses it memory
    beyond so many bytes.

    Between two pieces of work a worker reads and writes its pool's shared pipe: no limit may strike there.
    """
    used = resource.getrusage(resource.RUSAGE_SELF)
    _limit(resource.RLIMIT_CPU, math.ceil(used.ru_utime + used.ru_stime + cpu_seconds))
    _limit(resource.RLIMIT_AS, address_space)
    try:
        yield
    finally:
        _limit(resource.RLIMIT_AS, resource.RLIM_INFINITY)
        _limit(resource.RLIMIT_CPU, resource.RLIM_INFINITY)


def _limit(kind: int, soft: int) -> None:
    """Set a soft limit, keeping the hard one so that the next picture can raise it again."""
    hard = resource.getrlimit(kind)[1]
    try:
        resource.setrlimit(kind, (soft if hard == resource.RLIM_INFINITY else min(soft, hard), hard))
    except (OSError, ValueError):
        return
