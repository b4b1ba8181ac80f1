"""Whose a server's folder is: taken over are only its accounts, database and address when this user made it.

A build may come from somebody else, with a folder `review/server` in it. What makes one ours lies outside of every
build, where nobody else writes: a note with the folder's real path, its inode, a random secret whose digest stands in
`server.json`, and which process was started. The folder's device is not compared: its number may be another after a
restart of the machine.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import orjson

from factory.errors import CorruptBuild, EnvironmentFault
from factory.store.files import PRIVATE_FOLDER, entries_below, make_folder, open_itself, write_bytes
from factory.store.lease import lease
from schemas.plain_json import read_json

LOGIN_FILE: Final = "server.json"
CLAIM: Final = "claim"
"""Key of the digest in `server.json`."""
MOST_NOTE: Final = 64_000
"""Bytes of a note, and of `server.json`: both have some hundred."""
_WAIT_S: Final = 60.0
_OTHERS_WRITE: Final = stat.S_IWGRP | stat.S_IWOTH


def notes_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """Where notes lie: in the user's folder for what programs remember (`XDG_STATE_HOME`), not in the cache, since
    whoever loses a note is no longer believed to have made the folder."""
    state = environment.get("XDG_STATE_HOME", "").strip() or Path.home() / ".local" / "state"
    return Path(state).absolute() / "geo-reasoning-factory" / "servers"


def claim(folder: Path) -> None:
    """Makes a folder ours that is new or empty; another must be it already.

    Raises EnvironmentFault where it is somebody else's.
    """
    notes = _notes()
    folder.parent.mkdir(parents=True, exist_ok=True)
    with lease(notes / "lease", what="the list of servers", wait_s=_WAIT_S):
        make_folder(folder)
        if folder.lstat().st_uid == os.geteuid():
            if not _is_empty(folder):
                prove(folder)
                return
            folder.chmod(PRIVATE_FOLDER)
        why = why_unsafe(folder)
        if why is None and not _is_empty(folder):
            why = "somebody writes into it"
        if why is not None:
            raise _refused(folder, why)
        secret = secrets.token_hex(32)
        _write_note(folder, {"folder": str(_real(folder)), "inode": folder.lstat().st_ino, "secret": secret})
        write_bytes(orjson.dumps({CLAIM: _digest(secret)}), folder / LOGIN_FILE)


def prove(folder: Path, *more: str) -> None:
    """Raises EnvironmentFault, with `more` lines, where a folder is not known to be ours."""
    if (why := why_foreign(folder)) is not None:
        raise _refused(folder, why, *more)


def prove_contents(folder: Path) -> None:
    """Raises EnvironmentFault where anything in our folder belongs to somebody else, or is neither file nor folder."""
    for entry in entries_below(folder):
        found = entry.stat(follow_symlinks=False)
        if found.st_uid != os.geteuid():
            raise _refused(folder, f"{entry.path} belongs to another user")
        if not stat.S_ISREG(found.st_mode) and not stat.S_ISDIR(found.st_mode):
            raise _refused(folder, f"{entry.path} is neither a file nor a folder")


def why_foreign(folder: Path) -> str | None:
    """Why a folder is not known to be ours; None where it is."""
    if (why := why_unsafe(folder)) is not None:
        return why
    try:
        kept = _object(folder / LOGIN_FILE)
        note = read_note(folder)
    except (OSError, CorruptBuild, EnvironmentFault, ValueError):
        return f"its {LOGIN_FILE} cannot be read as one of ours"
    elsewhere = "it was made by somebody else, on another machine, or at another place"
    if note is None or note.get("folder") != str(_real(folder)) or note.get("inode") != folder.lstat().st_ino:
        return elsewhere
    secret, digest = note.get("secret"), kept.get(CLAIM)
    if not isinstance(secret, str) or not isinstance(digest, str) or not secret:
        return elsewhere
    return None if hmac.compare_digest(_digest(secret).encode(), digest.encode()) else elsewhere


def why_unsafe(folder: Path) -> str | None:
    """Why somebody else could have put something into a folder, or another one in its place; None where nobody can."""
    try:
        found = folder.lstat()
    except FileNotFoundError:
        return "it is not there"
    if not stat.S_ISDIR(found.st_mode):
        return "it is no folder"
    if found.st_uid != os.geteuid():
        return "it belongs to another user"
    if found.st_mode & _OTHERS_WRITE:
        return "others may write into it"
    for above in _real(folder).parents:
        at = above.stat()
        if at.st_uid not in (0, os.geteuid()):
            return f"{above} belongs to another user, who may put another folder in its place"
        if at.st_mode & stat.S_IWOTH and not at.st_mode & stat.S_ISVTX:
            return f"everybody may write into {above}, and put another folder in its place"
    return None


def read_note(folder: Path) -> dict[str, Any] | None:
    """What is noted of a folder; None where nothing is."""
    path = _notes() / _name(folder)
    try:
        if path.lstat().st_uid != os.geteuid():
            raise EnvironmentFault(f"{path}: belongs to another user")
        return _object(path)
    except FileNotFoundError:
        return None


def note_process(folder: Path, process: Mapping[str, Any]) -> None:
    """Notes which process is the folder's server."""
    _write_note(folder, {**(read_note(folder) or {}), "process": dict(process)})


def _refused(folder: Path, why: str, *more: str) -> EnvironmentFault:
    return EnvironmentFault(
        f"{folder}: {why}; account, database and address of a server that is not known to be yours are not used",
        "  give another folder with --data DIR, or remove this one; a copy of one of yours is none: go on with the one "
        "that was copied, where it was made",
        *more,
    )


def _notes() -> Path:
    """The folder of notes, which nobody else may write into."""
    notes = notes_folder()
    notes.parent.mkdir(parents=True, exist_ok=True)
    make_folder(notes)
    found = notes.lstat()
    if found.st_uid != os.geteuid() or found.st_mode & _OTHERS_WRITE:
        raise EnvironmentFault(
            f"{notes}: others may write into it; it must be yours alone: set XDG_STATE_HOME to a folder of yours"
        )
    return notes


def _write_note(folder: Path, note: Mapping[str, Any]) -> None:
    write_bytes(orjson.dumps(note, option=orjson.OPT_INDENT_2), _notes() / _name(folder))


def _name(folder: Path) -> str:
    return hashlib.sha256(os.fsencode(_real(folder))).hexdigest() + ".json"


def _real(folder: Path) -> Path:
    """Without links above it; its last part is none."""
    return folder.parent.resolve() / folder.name


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _is_empty(folder: Path) -> bool:
    return next(folder.iterdir(), None) is None


def _object(path: Path) -> dict[str, Any]:
    with open_itself(path, os.O_RDONLY) as file:
        data = file.read(MOST_NOTE + 1)
    value = read_json(data) if len(data) <= MOST_NOTE else None
    if not isinstance(value, dict):
        raise ValueError(path)
    return value
