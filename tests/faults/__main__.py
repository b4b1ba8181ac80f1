"""Runs real commands on hostile files until the time is over, and says how to repeat what failed.

    python -m tests.faults --seconds 300                      a new seed, printed
    python -m tests.faults --seconds 300 --seed 7             the same cases again
    python -m tests.faults --seed 7 --case 41 --keep there    one of them, its files kept

Each case is a kind of `tests.faults.cases`, made of sound files by a generator that knows only seed and number. A
command may end with exit codes 0 to 3; a traceback, another end, a signal, more CPU time or memory than any such
command takes, an escape sequence, or damage that `factory check` does not see is a fault.
"""

from __future__ import annotations

import argparse
import os
import resource
import secrets
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from random import Random

from tests.faults.cases import CASES, Command, faults_of
from tests.faults.material import make
from tests.faults.programs import PROGRAMS

CPU_S = 120
"""Of one process; a build of this size takes 3."""
MEMORY_BYTES = 12 << 30
"""Address space of one process; libraries reserve 3 GB."""
WALL_S = 900


def main() -> int:
    options = _options()
    print(f"seed {options.seed}", flush=True)
    started, tried, failed = time.monotonic(), Counter[str](), 0
    with tempfile.TemporaryDirectory() as folder:
        sound = Path(folder, "sound")
        if apart(lambda: _make(sound)):
            return 2
        kinds = options.only or list(CASES)
        numbers = [options.case] if options.case is not None else range(10**9)
        for number in numbers:
            if options.case is None and time.monotonic() - started > options.seconds:
                break
            kind = kinds[number % len(kinds)]
            tried[kind] += 1
            work = options.keep / f"{kind}-{number}" if options.keep else Path(folder, "work")
            if found := _tried(kind, number, options.seed, sound, work):
                failed += 1
                kept = options.failures / f"{kind}-{options.seed}-{number}"
                shutil.copytree(work, kept, dirs_exist_ok=True, symlinks=True)
                only = f" --only {' '.join(options.only)}" if options.only else ""
                print(f"\n{kind} {number}: {found}\n  files: {kept}")
                print(f"  again: python -m tests.faults --seed {options.seed} --case {number}{only}", flush=True)
            if not options.keep:
                shutil.rmtree(work, ignore_errors=True)
    counted = ", ".join(f"{kind} {count}" for kind, count in tried.items())
    print(
        f"{tried.total()} cases in {time.monotonic() - started:.0f} s, {failed} failed ({counted}); seed {options.seed}"
    )
    return 1 if failed else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tests.faults", description="Commands on hostile files.")
    parser.add_argument("--seconds", type=float, default=300, help="no new case begins after so many")
    parser.add_argument("--seed", type=int, default=None, help="drawn and printed by default")
    parser.add_argument("--case", type=int, default=None, help="this one alone")
    parser.add_argument("--only", nargs="+", choices=CASES, default=None, help="kinds of cases")
    parser.add_argument("--keep", type=Path, default=None, help="folder for the files of every case")
    parser.add_argument(
        "--failures", type=Path, default=Path("faults"), help="folder for the files of those that failed"
    )
    options = parser.parse_args()
    options.seed = secrets.randbelow(10**9) if options.seed is None else options.seed
    return options


def _make(sound: Path) -> int:
    make(sound)
    return 0


def _tried(kind: str, number: int, seed: int, sound: Path, work: Path) -> str:
    """Runs one case; what went wrong, or nothing."""
    shutil.rmtree(work, ignore_errors=True)
    shutil.copytree(sound, work)
    case = CASES[kind](work, Random(f"{seed} {kind} {number}"))
    for command in case.commands:
        code, said = _run(command, work)
        if found := "; ".join(faults_of(case, command, code, said)):
            return f"`factory {' '.join(command)}` on {case.changed}: {found}\n{said[-3_000:]}"
    return ""


def _run(command: Command, folder: Path) -> tuple[int, str]:
    """Exit code, negative for a signal, and what was said, of a command in a process of its own."""
    said = folder.with_name("said")
    code = apart(lambda: _command(command, folder, said))
    return code, said.read_text("utf-8", "replace") if said.exists() else ""


def _command(command: Command, folder: Path, said: Path) -> int:
    out = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.dup2(out, 1)
    os.dup2(out, 2)
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S + 5))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    os.chdir(folder)
    try:
        if command[0] in PROGRAMS:
            return PROGRAMS[command[0]](command[1:])
        sys.argv = ["factory", *command]
        from factory.cli.main import main as factory

        factory()
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else 1 if ended.code else 0
    return 0


def apart(work: Callable[[], int]) -> int:
    """Runs a function in a process of its own and in a session of its own, and ends what that leaves behind."""
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        os.setsid()
        code = 70
        try:
            code = work()
        except BaseException:
            import traceback

            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
    ended = time.monotonic() + WALL_S
    while True:
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            break
        if time.monotonic() > ended:
            os.kill(child, signal.SIGKILL)
        time.sleep(0.02)
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(child, signal.SIGKILL)
    return os.waitstatus_to_exitcode(status)


if __name__ == "__main__":
    sys.exit(main())
