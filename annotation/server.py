"""A Label Studio of one's own: headless, on loopback, its data in one private folder.

The folder keeps `server.json` (address, account, token: mode 0600), the server's log and its data. A lock on `running`
is held by the server's own process as long as it lives, so that nobody takes a number of a process for it.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
import signal
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final

import orjson

from annotation.client import SHOWN, Client
from annotation.connection import LOGIN_FILE, Login, kept_login
from annotation.environment import DATABASE, OFFLINE, empty_database, install, program, studio_home
from annotation.replies import UserReply
from factory.errors import BuildLocked, EnvironmentFault
from factory.processes import reap, start_program
from factory.redact import MOST_CUT, Redactor
from factory.store.files import durable, make_folder, open_itself, read_json, write_bytes

ACCOUNT: Final = "lead@localhost.example"
START_S: Final = 600.0
"""How long a start may take: with a database to migrate and a busy machine it takes minutes."""
STOP_S: Final = 30.0
_LOCK: Final = "running"
_LOG: Final = "server.log"
_DATA: Final = "data"
_SETTINGS: Final = {
    **OFFLINE,
    "LABEL_STUDIO_DISABLE_SIGNUP_WITHOUT_LINK": "true",
    "LABEL_STUDIO_ENABLE_LEGACY_API_TOKEN": "true",  # counts when the organisation is made: at the first start
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """A running server."""

    login: Login
    account: str
    login_file: Path
    """Has the password; its owner alone reads it."""
    started: bool
    """Whether this call started it."""


def serve(folder: Path, say: Callable[[str], None], *, home: Path | None = None, start_s: float = START_S) -> Served:
    """The server of a folder: the one that runs, else one that is started.

    Raises EnvironmentFault when it does not come up, with the end of its log.
    """
    folder = folder.absolute()
    home = studio_home() if home is None else home
    install(home, say)
    folder.parent.mkdir(parents=True, exist_ok=True)
    make_folder(folder)
    with open_itself(folder / _LOCK) as held:
        mine = _try_lock(held)
        if mine:
            kept = _kept(folder)
            say(f"starting Label Studio at {kept['url']}")
            _start(folder, home, kept, held)
    _wait_until_up(folder, start_s)
    kept = read_json(folder / LOGIN_FILE)
    login = kept_login(folder / LOGIN_FILE)
    return Served(login=login, account=kept["account"], login_file=folder / LOGIN_FILE, started=mine)


def is_running(folder: Path) -> bool:
    """Whether the server of a folder lives."""
    if not (folder / _LOCK).exists():
        return False
    with open_itself(folder / _LOCK) as held:
        return not _try_lock(held)


def stop(folder: Path) -> bool:
    """Ends the server of a folder; whether there was one. Raises EnvironmentFault when it does not end."""
    if not is_running(folder):
        return False
    pid = read_json(folder / LOGIN_FILE).get("pid")
    if not isinstance(pid, int) or pid <= 1:
        raise EnvironmentFault(f"{folder / LOGIN_FILE}: has no number of the server's process; end it by hand")
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(pid, number)  # it leads a session of its own
        except ProcessLookupError:
            break
        if _within(STOP_S, lambda: not is_running(folder)):
            break
    if is_running(folder):
        raise EnvironmentFault(f"the server of {folder} (process {pid}) does not end")
    reap(pid)
    return True


def _try_lock(file: BinaryIO) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _kept(folder: Path) -> dict[str, Any]:
    """Account and token of the server's data, made with them; its address, with the port that it had where free."""
    path = folder / LOGIN_FILE
    kept: dict[str, Any] = read_json(path) if path.exists() else {}
    if not {"account", "password", "token"} <= kept.keys():
        kept = {"account": ACCOUNT, "password": secrets.token_urlsafe(18), "token": secrets.token_hex(20)}
    before = kept.get("port")
    port = _free_port(before if isinstance(before, int) else 0)
    return kept | {"port": port, "url": f"http://127.0.0.1:{port}", "pid": 0}


def _free_port(wanted: int) -> int:
    for port in (wanted, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except (OSError, OverflowError):
                continue
            return int(probe.getsockname()[1])
    raise EnvironmentFault("no port of 127.0.0.1 is free")


def _start(folder: Path, home: Path, kept: dict[str, Any], held: BinaryIO) -> None:
    data = folder / _DATA
    make_folder(data)
    if not (data / DATABASE).exists():
        with durable(data / DATABASE) as database, empty_database(home).open("rb") as empty:
            shutil.copyfileobj(empty, database)
    environment = {
        **_SETTINGS,
        "PATH": os.defpath,
        "HOME": str(data),
        "LABEL_STUDIO_BASE_DATA_DIR": str(data),
        "LABEL_STUDIO_HOST": kept["url"],
        "LABEL_STUDIO_USERNAME": kept["account"],  # not as arguments: those every user of the machine may read
        "LABEL_STUDIO_PASSWORD": kept["password"],
        "LABEL_STUDIO_USER_TOKEN": kept["token"],
    }
    arguments = (program(home), "start", "--no-browser", "--internal-host", "127.0.0.1", "--log-level", "WARNING")
    write_bytes(_as_json(kept), folder / LOGIN_FILE)
    with open_itself(folder / _LOG) as log:
        log.truncate(0)
        pid = start_program(
            (*arguments, "-p", str(kept["port"])), environment=environment, folder=data, log=log, held=held
        )
    write_bytes(_as_json(kept | {"pid": pid}), folder / LOGIN_FILE)


def _as_json(kept: dict[str, Any]) -> bytes:
    return orjson.dumps(kept, option=orjson.OPT_INDENT_2)


def _wait_until_up(folder: Path, start_s: float) -> None:
    """Until the server knows the token: another program may have taken its port meanwhile."""
    tried: list[str] = []

    def is_up() -> bool:
        path = folder / LOGIN_FILE
        try:
            with Client(kept_login(path), call_s=20.0, sleep=lambda _: None) as client:
                client.get("/api/current-user/whoami", UserReply)
        except EnvironmentFault as fault:
            tried.append(str(fault))
            return False
        return True

    def is_decided() -> bool:
        return is_up() or not is_running(folder)

    if _within(start_s, is_decided) and is_running(folder):
        return
    log = folder / _LOG
    if is_running(folder):
        raise BuildLocked(f"the server of {folder} runs, but does not answer: {tried[-1]}")
    raise EnvironmentFault(f"{log}: Label Studio did not start. It said:", *_last_words(folder))


def _last_words(folder: Path) -> list[str]:
    """The end of a server's log, without the password and the token that it was started with."""
    if not (folder / _LOG).exists():
        return []
    kept = read_json(folder / LOGIN_FILE)
    redact = Redactor(secret for name in ("password", "token") if isinstance(secret := kept.get(name), str))
    lines = (folder / _LOG).read_bytes()[-MOST_CUT:].decode("utf-8", "replace").strip().splitlines()
    return [f"  {redact.brief(line, SHOWN)}" for line in lines[-8:]]


def _within(seconds: float, holds: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + seconds
    while not (held := holds()) and time.monotonic() < deadline:
        time.sleep(0.2)
    return held
