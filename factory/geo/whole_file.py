"""Files that appear whole or not at all.

What is written lies aside under a hidden name, locked by its writer, until it gets the target's name. The system frees
the lock of a process that dies, however it dies, so the next writer of the same target knows what is left of a dead
one and removes it; a process number would be somebody else's by then, or come from another machine.
"""

from __future__ import annotations

import fcntl
import logging
import os
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from factory.errors import EnvironmentFault, RecipeError

_LOG = logging.getLogger(__name__)


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """A file that is written aside, and gets its name only when the block ends well; else nothing is left.

    Removes what dead processes left beside the same target, and warns of a process that is writing it now: both finish,
    and the last one's file stays.

    Raises RecipeError when its folder does not exist, EnvironmentFault when it may not be written.
    """
    if not path.parent.is_dir():
        raise RecipeError(f"{path.parent}: there is no such folder to write {path.name} into")
    aside = path.with_name(f".{path.name}.{threading.get_native_id()}.part")
    try:
        _clear(path)
        with _locked(aside) as file:
            try:
                yield file
                file.flush()
                os.fsync(file.fileno())
                aside.replace(path)
            except BaseException:
                with suppress(OSError):
                    aside.unlink(missing_ok=True)
                raise
    except (PermissionError, IsADirectoryError) as error:
        raise EnvironmentFault(f"{path}: cannot be written ({error.strerror}); choose another place") from error


def _clear(path: Path) -> None:
    """Removes the parts of `path` that nobody writes any more."""
    part = re.compile(re.escape(f".{path.name}.") + r"\d+\.part")
    for found in sorted(path.parent.iterdir()):
        if not part.fullmatch(found.name) or found.is_symlink() or not found.is_file():
            continue
        with suppress(FileNotFoundError, PermissionError), found.open("rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                _LOG.warning("%s: another process is writing it (%s); the last one to end wins", path, found.name)
            except OSError:  # a file system without locks: nobody knows whether its writer lives
                continue
            else:
                if _is_at(file, found):  # else its writer has ended, and may have begun another under this name
                    found.unlink(missing_ok=True)


@contextmanager
def _locked(aside: Path) -> Iterator[BinaryIO]:
    """A new file under this writer's lock; made again where another writer's `_clear` met it before it was locked."""
    while True:
        with aside.open("wb") as file:
            with suppress(OSError):
                fcntl.flock(file, fcntl.LOCK_EX)
            if _is_at(file, aside):
                yield file
                return


def _is_at(file: BinaryIO, path: Path) -> bool:
    """Whether an open file still has this name."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False
