"""Folders that are held open while a command works in them: what is put in their place meanwhile leads nothing astray.

Who may write into a build's folder, or into the one that holds it, can put a link to a folder of yours in the place of
one that was looked at a moment before. So files are made, renamed and removed by the folder's descriptor, and below a
folder that is held no link is followed on the way to one.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from factory.errors import CorruptBuild

_held: Final[dict[Path, list[int]]] = {}
"""Descriptors by the folder's path as it was given, made absolute; the last one was opened last."""
_FLAGS: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


@contextmanager
def held(root: Path) -> Iterator[None]:
    """Holds a folder, once more where it is held already.

    Raises CorruptBuild where a link or no folder has its name, FileNotFoundError where nothing has.
    """
    key = _absolute(root)
    descriptor = _opened(root, _held[key][-1]) if _is_held(key) else _opened(root)
    descriptors = _held.setdefault(key, [])
    descriptors.append(descriptor)
    try:
        yield
    finally:
        descriptors.remove(descriptor)
        os.close(descriptor)
        if not descriptors:
            _held.pop(key, None)


@contextmanager
def folder_of(path: Path) -> Iterator[int]:
    """The descriptor of the folder in which a file lies or is to lie.

    Raises CorruptBuild where, below a held folder, a link or no folder stands on the way; FileNotFoundError.
    """
    folder = _absolute(path).parent
    reached = next((above for above in (folder, *folder.parents) if _is_held(above)), folder)
    descriptor = os.dup(_held[reached][-1]) if _is_held(reached) else _opened(path.parent, follow=True)
    try:
        for name in folder.relative_to(reached).parts:
            reached = reached / name
            inner = _opened(reached, descriptor, name)
            os.close(descriptor)
            descriptor = inner
        yield descriptor
    finally:
        os.close(descriptor)


def _is_held(folder: Path) -> bool:
    """Whether a descriptor of this folder is open; one that was deleted since holds nothing."""
    return folder in _held and os.fstat(_held[folder][-1]).st_nlink > 0


def _opened(folder: Path, above: int | None = None, name: str = ".", *, follow: bool = False) -> int:
    """A folder by its path, or by its name in one that is open."""
    flags = _FLAGS | (0 if follow else os.O_NOFOLLOW)
    try:
        return os.open(folder, flags) if above is None else os.open(name, flags, dir_fd=above)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.EMLINK, errno.ENOTDIR):
            kind = "a symbolic link" if folder.is_symlink() else "no folder"
            raise CorruptBuild(
                f"{folder}: is {kind}, expected a folder; the factory follows no links here: take it away and run the "
                "command again"
            ) from None
        raise


def _absolute(path: Path) -> Path:
    """By its words alone: no link is looked up."""
    return Path(os.path.abspath(path))  # noqa: PTH100 - `resolve` follows links
