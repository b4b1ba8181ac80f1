"""A command with what it cost: memory of all its processes together, and their CPU time. Linux only, as CI is."""

from __future__ import annotations

import os
import subprocess
import tempfile
import threading
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tests.real_build import COMMAND, KEY, Done

EVERY_S = 0.1
"""Between two looks at the memory."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What a command said and took."""

    done: Done
    peak_mb: float
    """Most memory (10^6 bytes) that its processes held at once, shared pages once; no less than the most that one
    of them ever held, which the kernel counts."""
    cpu_s: float
    """CPU time of all its processes."""


def measured(*arguments: str | Path, cwd: Path, timeout_s: float = 600) -> Measured:
    """Runs the command to its end and watches its processes. Raises subprocess.TimeoutExpired past `timeout_s`."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        process = subprocess.Popen(
            [*COMMAND, *map(str, arguments)],
            cwd=cwd,
            env={**os.environ, "OPENAI_API_KEY": KEY},
            stdout=out,
            stderr=err,
            start_new_session=True,
        )
        peak, ended = [0], threading.Event()
        watcher = threading.Thread(target=_watch, args=(process.pid, peak, ended))
        killer = threading.Timer(timeout_s, process.kill)
        watcher.start()
        killer.start()
        try:
            _, status, used = os.wait4(process.pid, 0)
        finally:
            killer.cancel()
            ended.set()
            watcher.join()
        process.returncode = os.waitstatus_to_exitcode(status)
        said = []
        for file in (out, err):
            file.seek(0)
            said.append(file.read().decode("utf-8", "replace"))
    done = Done(process.returncode, *said)
    return Measured(done, peak[0] / 1e6, used.ru_utime + used.ru_stime)


def _watch(session: int, peak: list[int], ended: threading.Event) -> None:
    while not ended.wait(EVERY_S):
        # Proportional set size: a page that several processes share counts in parts.
        held = [(_stated(pid, "smaps_rollup", "Pss:"), _stated(pid, "status", "VmHWM:")) for pid in _processes(session)]
        peak[0] = max(peak[0], sum(now for now, _ in held), *(most for _, most in held), 0)


def _processes(session: int) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError, ValueError, IndexError):
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
                if int(fields[3]) == session:
                    found.append(int(entry.name))
    return found


def _stated(pid: int, file: str, name: str) -> int:
    """What the kernel says of a process, in bytes; 0 where it has ended."""
    with suppress(OSError, ValueError):
        for line in Path(f"/proc/{pid}/{file}").read_text().splitlines():
            if line.startswith(name):
                return int(line.split()[1]) * 1024
    return 0
