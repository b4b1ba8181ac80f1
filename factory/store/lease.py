"""One writer at a time: an advisory lock on a file that says who holds it.

`flock` ends with the process that holds it, so a killed build never leaves a stale lock behind.
"""

from __future__ import annotations

import fcntl
import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

from factory.errors import BuildLocked, CorruptBuild
from factory.store.files import is_at, open_itself
from factory.store.held import held


@contextmanager
def lease(path: Path, *, what: str, wait_s: float = 0.0, note: Callable[[bytes], str] | None = None) -> Iterator[None]:
    """Holds the lock file for the duration.

    Args:
        what: what is held, for messages.
        wait_s: how long to wait for another holder to let go.
        note: what the file says before its holder, made from what it said before.

    The folder of the file is held as long (`factory.store.held`).

    Raises BuildLocked, naming the holder, when it stays taken; CorruptBuild where its file is a link or no file.
    """
    deadline = time.monotonic() + wait_s
    with _locked(path, what, deadline) as file, held(path.parent):
        if not is_at(file.fileno(), path):
            raise CorruptBuild(f"{path.parent}: is another folder than a moment ago; run the command again")
        file.seek(0)
        noted = note(file.read(200)) if note is not None else ""
        file.truncate(0)
        file.seek(0)
        file.write(f"{noted}process {os.getpid()} on {socket.gethostname()}".encode())
        yield


_MOST_GONE: Final = 1_000


def _locked(path: Path, what: str, deadline: float) -> BinaryIO:
    """The lock file, held. Its last holder may have taken it away with its folder: then it is made anew, for a lock on
    a file without a name would keep nobody out."""
    gone = 0
    while True:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            file = open_itself(path)
        except FileNotFoundError:  # the folder went in between
            if (gone := gone + 1) > _MOST_GONE:
                raise CorruptBuild(f"{path.parent}: is taken away again and again; run the command again") from None
            continue
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if is_at(file.fileno(), path):
                return file
            file.close()
            continue
        except BlockingIOError:
            holder = _holder(file)
            file.close()
        except BaseException:
            file.close()
            raise
        if time.monotonic() >= deadline:
            raise BuildLocked(f"{what} is in use by {holder}; wait for it or stop it")
        time.sleep(0.05)


def _holder(file: BinaryIO) -> str:
    file.seek(0)
    text = file.read(200).decode("utf-8", "replace")
    return text[text.find("process") :] if "process" in text else "another process"


LOCKS = Path("/proc/locks")


def is_locked(path: Path, locks: Path = LOCKS) -> bool:
    """Whether a process of this machine holds the lock of a lease file.

    Linux lists locks in /proc/locks, by file. Only where there is no such list, or where it names a file of the same
    number on a device that goes by another name (btrfs, overlays), a shared lock is tried and let go at once; a build
    that starts in that moment finds its directory taken. Locks that another machine or container holds are not listed.
    """
    try:
        found = path.stat()
        lines = locks.read_text(encoding="ascii", errors="replace").splitlines()
    except FileNotFoundError:
        return path.exists() and _cannot_be_shared(path)
    except OSError:
        return _cannot_be_shared(path)
    devices = {place[0] for line in lines if (place := _locked_file(line)) is not None and place[1] == found.st_ino}
    if (os.major(found.st_dev), os.minor(found.st_dev)) in devices:
        return True
    return bool(devices) and _cannot_be_shared(path)


def _locked_file(line: str) -> tuple[tuple[int, int], int] | None:
    """Device and inode of an exclusive `flock`, from `1: FLOCK  ADVISORY  WRITE 4711 fe:00:5308705 0 EOF`."""
    words = line.split()
    if len(words) < 6 or words[1] != "FLOCK" or words[3] != "WRITE":
        return None
    try:
        major, minor, inode = words[5].split(":")
        return (int(major, 16), int(minor, 16)), int(inode)
    except ValueError:
        return None


def _cannot_be_shared(path: Path) -> bool:
    try:
        with open_itself(path, os.O_RDONLY) as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except (OSError, CorruptBuild):
        return False
    return False
