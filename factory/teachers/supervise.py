"""A process that keeps a program running: it starts it, starts it again when it dies, and ends it with its owner.

The owner holds the other end of a pipe. When the owner ends in whatever way, by SIGKILL too, the pipe closes, and the
program with all that it started is ended: nobody's GPU stays taken by a build that is gone.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final

from factory.processes import Program, start_group
from factory.store.files import open_itself

LOOK_S: Final = 0.2
"""How soon a death is seen."""
GRACE_S: Final = 15.0
"""How long a program may take to end by itself."""
PAUSE_S: Final = 2.0
"""Before a restart; it doubles."""


def supervise(
    owner: Connection, arguments: Sequence[str], environment: Mapping[str, str], log: Path, most: int
) -> None:
    """Runs a program until the owner says `stop` or is gone, or until it died once more than `most` times.

    Tells the owner ("started", pid), ("ended", exit code) and ("given up", exit code).
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the owner's: it tells us
    signal.signal(signal.SIGTERM, lambda _number, _frame: owner.close())
    deaths = 0
    while True:
        program = _start(arguments, environment, log)
        _tell(owner, "started", program.pid)
        code = _run(program, owner)
        _end_group(program)
        if code is None:
            return
        deaths += 1
        _tell(owner, "ended" if deaths <= most else "given up", code)
        if deaths > most or _wait(owner, PAUSE_S * 2 ** (deaths - 1)):
            return


def _start(arguments: Sequence[str], environment: Mapping[str, str], log: Path) -> Program:
    with open_itself(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND) as said:
        return start_group(arguments, environment=environment, folder=log.parent, log=said)


def _run(program: Program, owner: Connection) -> int | None:
    """Its exit code; None when the owner wants it to end, or is gone."""
    while program.poll() is None:
        if _wait(owner, LOOK_S):
            return None
    return program.returncode


def _wait(owner: Connection, seconds: float) -> bool:
    """Whether the owner wants the end, or is gone, within so many seconds."""
    try:
        return owner.poll(seconds) and (owner.recv() or True)
    except (EOFError, OSError):
        return True


def _tell(owner: Connection, *said: Any) -> None:
    with suppress(OSError):
        owner.send(said)


def _end_group(program: Program) -> None:
    """Ends the program and what it started, by asking first."""
    _signal(program.pid, signal.SIGTERM)
    deadline = time.monotonic() + GRACE_S
    while time.monotonic() < deadline and (program.poll() is None or _lives(program.pid)):
        time.sleep(0.05)
    _signal(program.pid, signal.SIGKILL)
    program.wait()


def _signal(group: int, number: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def _lives(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except (ProcessLookupError, PermissionError):
        return False
    return True
