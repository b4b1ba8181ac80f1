"""Files that appear whole or not at all, files that are opened as themselves, and what a full disk means.

What is written lies aside under a hidden random name, locked by its writer, until it gets the target's name. The system
frees the lock of a process that dies, however it dies, so the next writer of the same target knows what is left of a
dead one and removes it. A name that is there already is never written to, and no symbolic link is followed: in a folder
made by somebody else it may lead to a file of yours.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import logging
import os
import re
import secrets
import shutil
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, Final

from factory.errors import CorruptBuild, EnvironmentFault
from factory.store.held import folder_of
from schemas import plain_json

PRIVATE: Final = 0o600
"""Mode of a build's files: prompts, answers and ledgers are their owner's."""
PRIVATE_FOLDER: Final = 0o700
MAX_JSON_BYTES: Final = 64_000_000
"""Of a build's small files; the largest, verified.json, has 67 bytes a shard."""
PUBLIC: Final = 0o666
PUBLIC_FOLDER: Final = 0o777
"""Modes of what is made to be given away; the user's umask takes from them."""

_LOG = logging.getLogger(__name__)
DISK_ERRORS: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS})
"""What a full, failing or read-only disk answers."""


def read_json(
    path: Path, remedy: str = "delete it, and the same `factory build` writes it again without a call"
) -> dict[str, Any]:
    """A small JSON file, of a build where no other remedy is named. Raises CorruptBuild that names the file and the
    remedy when it is damaged."""
    try:
        if (size := path.stat().st_size) > MAX_JSON_BYTES:
            raise ValueError(f"{size:,} bytes, at most {MAX_JSON_BYTES:,} are read")
        value = plain_json.read_json(path.read_bytes())
    except ValueError as error:
        raise CorruptBuild(f"{path}: is damaged ({error}); {remedy}") from None
    if not isinstance(value, dict):
        raise CorruptBuild(f"{path}: is damaged (not a JSON object); {remedy}")
    return value


def write_bytes(data: bytes, path: Path) -> None:
    """A small file, durable before it has its name."""
    with durable(path) as file:
        file.write(data)


def write_all(descriptor: int, parts: Sequence[bytes]) -> None:
    """Appends all parts to an open file, many in a call."""
    for begin in range(0, len(parts), _PARTS_A_CALL):
        left: Sequence[bytes | memoryview] = parts[begin : begin + _PARTS_A_CALL]
        while size := sum(map(len, left)):
            written = os.writev(descriptor, left)
            if written == size:
                break
            left = (memoryview(b"".join(left))[written:],)  # a disk that takes a part of it is full, or a network's


_PARTS_A_CALL: Final = 1_000
"""Linux and macOS take 1,024 (IOV_MAX)."""


@contextmanager
def disk_faults(root: Path) -> Iterator[None]:
    """Turns a full or failing disk into an EnvironmentFault that says what to do."""
    try:
        yield
    except OSError as error:
        if error.errno not in DISK_ERRORS:
            raise
        place = error.filename or root
        remedy = "Make it writable, or choose another folder," if error.errno == errno.EROFS else "Make room"
        raise EnvironmentFault(
            f"{place}: cannot be written ({error.strerror}); what was recorded is kept. "
            f"{remedy} and run the same command again: it goes on where it stopped"
        ) from error


@contextmanager
def durable(path: Path, *, mode: int = PRIVATE, sync: bool = True) -> Iterator[BinaryIO]:
    """A file that appears whole or not at all: written aside, synced, renamed, and the rename synced too. Nothing is
    left when the block fails. Without `sync` it may be an older one after a power failure.

    Removes what dead processes left beside the same target, and warns of a process that is writing it now: both finish,
    and the last one's file stays.
    """
    aside, descriptor = open_aside(path, mode)
    with open(descriptor, "wb") as file:  # noqa: PTH123 - a descriptor, not a path
        try:
            yield file
            file.flush()
            if sync:
                os.fsync(file.fileno())
            rename(aside, path)
        except BaseException:
            with suppress(OSError, CorruptBuild):
                remove(aside)
            raise
    if sync:
        sync_directory(path.parent)


def create(path: Path, *, mode: int = PUBLIC) -> BinaryIO:
    """A new file, to be written. Raises FileExistsError where something has its name."""
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with folder_of(path) as folder:
        return open(os.open(path.name, flags, mode, dir_fd=folder), "wb")  # noqa: PTH123 - a descriptor, not a path


def rename(path: Path, target: Path) -> None:
    """Gives a file or folder another name, in place of what has it."""
    with folder_of(path) as here, folder_of(target) as there:
        os.replace(path.name, target.name, src_dir_fd=here, dst_dir_fd=there)


def remove(path: Path) -> None:
    """Removes a file, where there is one."""
    with suppress(FileNotFoundError), folder_of(path) as folder:
        os.unlink(path.name, dir_fd=folder)


def remove_tree(path: Path) -> None:
    """Removes a folder with all that is in it, where there is one, as far as this can be done; no link is followed."""
    with suppress(FileNotFoundError), folder_of(path) as folder:
        shutil.rmtree(path.name, ignore_errors=True, dir_fd=folder)


def open_aside(path: Path, mode: int = PRIVATE) -> tuple[Path, int]:
    """A new file beside `path` that is to take its name, and its descriptor, for reading and writing, locked."""
    _clear(path)
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    while True:
        aside = path.with_name(f".{path.name}.{secrets.token_hex(8)}.part")
        with folder_of(aside) as folder:
            descriptor = os.open(aside.name, flags, mode, dir_fd=folder)
        try:
            with suppress(OSError):  # a file system without locks
                fcntl.flock(descriptor, fcntl.LOCK_EX)
            if is_at(descriptor, aside):  # else another writer's `_clear` met it before it was locked
                return aside, descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


def is_aside(name: str) -> bool:
    """Whether a file of this name is one that nobody has finished."""
    return _ASIDE.fullmatch(name) is not None


_ASIDE = re.compile(r"\..+\.[0-9a-f]{16}\.part", re.DOTALL)


def _clear(path: Path) -> None:
    """Removes the parts of `path` that nobody writes any more."""
    part = re.compile(re.escape(f".{path.name}.") + r"[0-9a-f]{16}\.part")
    with folder_of(path) as folder:
        names = sorted(filter(part.fullmatch, os.listdir(folder)))  # noqa: PTH208 - of a descriptor
    for found in map(path.with_name, names):
        with suppress(FileNotFoundError, PermissionError, CorruptBuild), open_itself(found, os.O_RDONLY) as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                _LOG.warning("%s: another process is writing it (%s); the last one to end wins", path, found.name)
            except OSError:  # a file system without locks: nobody knows whether its writer lives
                continue
            else:
                if is_at(file.fileno(), found):  # else its writer has ended
                    remove(found)


def is_at(descriptor: int, path: Path) -> bool:
    """Whether an open file still has this name."""
    try:
        with folder_of(path) as folder:
            return os.path.samestat(os.fstat(descriptor), os.stat(path.name, dir_fd=folder, follow_symlinks=False))
    except FileNotFoundError:
        return False


def open_itself(path: Path, flags: int = os.O_RDWR | os.O_CREAT) -> BinaryIO:
    """A file that is read or changed where it lies, unbuffered, made with the mode `PRIVATE` where `flags` say so.

    Raises CorruptBuild for a symbolic link, for a second name of a file (hard links: what is written would appear
    there, too) and for anything but a regular file; a pipe is not waited for.
    """
    try:
        with folder_of(path) as folder:
            given = flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
            descriptor = os.open(path.name, given, PRIVATE, dir_fd=folder)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.EMLINK, errno.ENXIO, errno.EISDIR):
            raise CorruptBuild(f"{path}: is {kind_of(path)}; {_REMEDY}") from None
        raise
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode) or (found.st_nlink > 1 and flags & os.O_ACCMODE != os.O_RDONLY):
        os.close(descriptor)
        kind = kind_of(path) if not stat.S_ISREG(found.st_mode) else "a file with a second name elsewhere (hard link)"
        raise CorruptBuild(f"{path}: is {kind}; {_REMEDY}")
    return open(descriptor, "rb" if flags & os.O_ACCMODE == os.O_RDONLY else "r+b", buffering=0)  # noqa: PTH123


_REMEDY = "the factory reads and writes plain files here, and follows no links: take it away and run the command again"


def private_database(path: Path) -> None:
    """Makes an SQLite file that its owner alone may read, where there is none; SQLite gives its side files the same
    mode. Nothing is opened that is there: closing it would end the locks that this process has on it.

    Raises CorruptBuild where it, or one of its side files, is no plain file or a link.
    """
    while not os.path.lexists(path):
        with suppress(FileExistsError):
            create(path, mode=PRIVATE).close()
    refuse_odd_database(path)


def refuse_odd_database(path: Path) -> None:
    """Raises CorruptBuild where an SQLite file, or one of its side files, is no plain file or a link, or its folder, if
    it is held, is another one by now: SQLite opens all of them by name."""
    with suppress(FileNotFoundError), folder_of(path) as folder:
        if not os.path.samestat(os.fstat(folder), path.parent.stat()):
            raise CorruptBuild(f"{path.parent}: is another folder than a moment ago; {_REMEDY}")
    for name in (path.name, *(path.name + end for end in ("-wal", "-shm", "-journal"))):
        try:
            found = path.with_name(name).lstat()
        except FileNotFoundError:
            continue
        if not stat.S_ISREG(found.st_mode):
            raise CorruptBuild(f"{path.with_name(name)}: is {kind_of(path.with_name(name))}; {_REMEDY}")


def make_folder(path: Path, mode: int = PRIVATE_FOLDER) -> None:
    """A folder of a build that its owner alone may look into, made where there is none.

    Raises CorruptBuild when something else has its name, a symbolic link to a folder included.
    """
    try:
        with folder_of(path) as folder:
            os.mkdir(path.name, mode, dir_fd=folder)
    except FileExistsError:
        if not stat.S_ISDIR(path.lstat().st_mode):
            raise CorruptBuild(f"{path}: is {kind_of(path)}, expected a folder; {_REMEDY}") from None


def refuse_odd_files(root: Path) -> None:
    """Raises CorruptBuild when a folder holds, at any depth, anything but regular files and folders: a link may lead to
    a file of yours, and a pipe keeps who reads it waiting for ever."""
    for fault in odd_files(root):
        raise CorruptBuild(fault)


def odd_files(root: Path) -> Iterator[str]:
    """One line for each entry below `root` that is neither a regular file nor a folder; none where nothing is there."""
    if root.is_symlink():
        yield f"{root}: is a symbolic link, expected a folder; {_REMEDY}"
        return
    for entry in entries_below(root):
        if not entry.is_dir(follow_symlinks=False) and not entry.is_file(follow_symlinks=False):
            yield f"{entry.path}: is {kind_of(Path(entry.path))}; {_REMEDY}"


def entries_below(root: Path) -> Iterator[os.DirEntry[str]]:
    """What a folder holds at any depth, no link followed; nothing where it is not there, or goes meanwhile."""
    folders: list[str | Path] = [root]
    while folders:
        with suppress(FileNotFoundError), os.scandir(folders.pop()) as entries:  # a release is packed meanwhile
            for entry in sorted(entries, key=lambda entry: entry.name):
                yield entry
                if entry.is_dir(follow_symlinks=False):
                    folders.append(entry.path)


def no_file(path: Path) -> str | None:
    """What lies where a file is to be read, links followed, if whoever opens it may wait for ever: a pipe, a socket, a
    device; or if it is a view of the kernel's, which says what this process knows, its environment included. None for a
    file, a folder, and where nothing is."""
    try:
        kind = stat.S_IFMT(path.stat().st_mode)
        top = path.resolve().parts[1:2]
    except (OSError, RuntimeError):  # the latter for links in a circle
        return None
    if top and top[0] in _KERNELS:
        return "the system's own (in a folder made by somebody else a link may lead to what your environment holds)"
    return None if kind in (stat.S_IFREG, stat.S_IFDIR) else _KINDS.get(kind, "a device")


def kind_of(path: Path) -> str:
    """What lies there, in words; a link is not followed."""
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return "nothing"
    return _KINDS.get(stat.S_IFMT(mode), "a device")


_KERNELS: Final = ("proc", "sys")
"""Folders at the root whose files are none."""
_KINDS: Final = {
    stat.S_IFLNK: "a symbolic link",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFDIR: "a folder",
    stat.S_IFREG: "a regular file",
}


def sync_directory(path: Path) -> None:
    """Makes the names in a directory durable."""
    with folder_of(path / "any") as folder:
        os.fsync(folder)


def digest_of(path: Path) -> str:
    """sha256 of a file's bytes, empty when it is not there."""
    return file_digest(path) if path.exists() else ""


def file_digest(path: Path) -> str:
    """sha256 of a file's bytes, as hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
