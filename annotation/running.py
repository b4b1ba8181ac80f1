"""Which process is a server of ours: its number alone says nothing, since numbers are given again, and files can lie.

A process is only signalled when the system itself says that it is the one that was started: the same start, the same
command, this user's, and it holds the lock of the server's folder open. That is known on Linux; elsewhere nothing is
signalled.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

PROC: Final = Path("/proc")
_STARTED: Final = 19
"""Which word behind a process's name is its start, in ticks since the machine's (field 22 of proc(5))."""


def identity(pid: int, arguments: Sequence[str]) -> dict[str, Any]:
    """What is noted of a process that was just started; without its start where the system does not tell."""
    return {"pid": pid, "arguments": list(arguments), "started": _started(pid), "boot": _boot()}


def end(noted: Mapping[str, Any], lock: Path, has_ended: Callable[[], bool]) -> str | None:
    """Ends a process that is proven to be the one that was noted; why not, in words, or None when it has ended.

    Args:
        lock: the file that it holds open.
        has_ended: waits a while for the end.
    """
    pid = noted.get("pid")
    if not isinstance(pid, int) or isinstance(pid, bool) or not 1 < pid < 2**31:
        return "no process of it was noted"
    if not hasattr(os, "pidfd_open"):
        return "this system does not tell which process it is"
    try:
        process = os.pidfd_open(pid)  # this process from here on, whatever becomes of its number
    except OSError as error:
        return f"process {pid}, which was started for it, cannot be reached ({error.strerror})"
    try:
        if (why := _why_another(pid, noted, lock)) is not None:
            return f"process {pid} is not known to be the one that was started for it: {why}"
        for number in (signal.SIGTERM, signal.SIGKILL):
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(process, number)
            if has_ended():
                return None
    finally:
        os.close(process)
    return f"process {pid} does not end"


def _why_another(pid: int, noted: Mapping[str, Any], lock: Path) -> str | None:
    arguments = noted.get("arguments")
    if not isinstance(arguments, list) or not arguments:
        return "its command was not noted"
    try:
        if (PROC / str(pid)).stat().st_uid != os.geteuid():
            return "it belongs to another user"
        if noted.get("started") is None or (noted["started"], noted.get("boot")) != (_started(pid), _boot()):
            return "it was started at another time"
        command = (PROC / str(pid) / "cmdline").read_bytes().split(b"\0")[:-1]
        if command[-len(arguments) :] != [os.fsencode(str(argument)) for argument in arguments]:
            return "it runs another command"  # before the program's own name stands its interpreter
        held = lock.lstat()
        if not any(_is_file(entry, held) for entry in (PROC / str(pid) / "fd").iterdir()):
            return f"it does not hold {lock} open"
    except OSError as error:
        return str(error.strerror)
    return None


def _is_file(entry: Path, wanted: os.stat_result) -> bool:
    try:
        return os.path.samestat(entry.stat(), wanted)
    except OSError:  # closed meanwhile
        return False


def _started(pid: int) -> int | None:
    try:
        words = (PROC / str(pid) / "stat").read_bytes().rpartition(b")")[2].split()
        return int(words[_STARTED])
    except (OSError, ValueError, IndexError):
        return None


def _boot() -> str | None:
    """A start counts from the machine's: which one that was."""
    try:
        return (PROC / "sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return None
