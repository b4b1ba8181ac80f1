"""A Label Studio of one's own: headless, on loopback, its data in one private folder.

The folder keeps `server.json` (address, account, token: mode 0600), the server's log and its data, and is used only
when this user made it (`claim`). A lock on `running` is held by the server's own process as long as it lives; which
process that is stands outside of the folder (`running`), so that nobody's number is taken for it.
"""

from __future__ import annotations

import fcntl
import os
import re
import secrets
import shutil
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final

import orjson

from annotation.claim import LOGIN_FILE, claim, note_process, prove_contents, read_note, why_foreign
from annotation.client import SHOWN, Client, KeyRefused, Unusable
from annotation.connection import KEY_VARIABLE, UNREADABLE, URL_VARIABLE, Login, kept_login
from annotation.environment import DATABASE, OFFLINE, empty_database, install, program, studio_home, token_of
from annotation.replies import UserReply
from annotation.running import end, identity
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
_ENV: Final = ".env"
"""Label Studio takes every variable that stands there for a setting; by itself it writes one line."""
_ITS_LINE: Final = re.compile(r"SECRET_KEY=[!-~]{1,1000}")
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
    """The server of a folder: the one that runs, else one that is started. Where its token was changed meanwhile, the
    login file gets the one that holds now.

    Raises EnvironmentFault when the folder is not this user's own, and, with the end of its log, when the server does
    not come up.
    """
    folder = folder.absolute()
    home = studio_home() if home is None else home
    claim(folder)
    install(home, say)
    with open_itself(folder / _LOCK) as held:
        mine = _try_lock(held)
        if mine:
            prove_contents(folder)
            kept = _kept(folder)
            say(f"starting Label Studio at {kept['url']}")
            _start(folder, home, kept, held)
    try:
        _wait_until_up(folder, start_s)
    except KeyRefused as refused:
        say(f"{folder / LOGIN_FILE}: its token is not valid any more; asking Label Studio for the one that is")
        _renew_token(folder, home, refused)
    kept = read_json(folder / LOGIN_FILE, UNREADABLE)
    login = kept_login(folder / LOGIN_FILE)
    return Served(login=login, account=kept["account"], login_file=folder / LOGIN_FILE, started=mine)


def is_running(folder: Path) -> bool:
    """Whether the server of a folder lives."""
    if not (folder / _LOCK).exists():
        return False
    with open_itself(folder / _LOCK) as held:
        return not _try_lock(held)


def stop(folder: Path) -> bool:
    """Ends the server of a folder; whether there was one.

    Raises EnvironmentFault when it does not end, and where the process is not proven to be the one that we started:
    then nothing is signalled.
    """
    folder = folder.absolute()
    if not is_running(folder):
        return False
    noted: dict[str, Any] = {}
    why = why_foreign(folder)
    if why is None:
        process = (read_note(folder) or {}).get("process")
        noted = process if isinstance(process, dict) else {}
        why = end(noted, folder / _LOCK, lambda: _within(STOP_S, lambda: not is_running(folder)))
    if why is not None and is_running(folder):
        raise EnvironmentFault(
            f"{folder}: its server is not ended: {why}",
            f"  to end it by hand: `fuser -v {folder / _LOCK}` shows which process holds it; look whether it is a "
            "Label Studio of yours, then `kill` its number",
        )
    if isinstance(pid := noted.get("pid"), int):
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
    kept: dict[str, Any] = read_json(path, UNREADABLE) if path.exists() else {}
    if not {"account", "password", "token"} <= kept.keys():
        kept |= {"account": ACCOUNT, "password": secrets.token_urlsafe(18), "token": secrets.token_hex(20)}
    before = kept.get("port")
    port = _free_port(before if isinstance(before, int) else 0)
    return kept | {"port": port, "url": f"http://127.0.0.1:{port}"}


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
    _refuse_settings(data / _ENV)
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
    arguments = [str(program(home)), "start", "--no-browser", "--internal-host", "127.0.0.1", "--log-level", "WARNING"]
    arguments += ["-p", str(kept["port"])]
    write_bytes(_as_json(kept), folder / LOGIN_FILE)
    with open_itself(folder / _LOG) as log:
        log.truncate(0)
        pid = start_program(arguments, environment=environment, folder=data, log=log, held=held)
    note_process(folder, identity(pid, arguments))


def _refuse_settings(path: Path) -> None:
    """Raises EnvironmentFault where the file of settings holds more than what Label Studio writes into it by itself."""
    if not os.path.lexists(path):
        return
    with open_itself(path, os.O_RDONLY) as file:
        text = file.read(10_000).decode("utf-8", "replace")
    lines = [line for line in text.splitlines() if line.strip()]
    if any(not _ITS_LINE.fullmatch(line) for line in lines) or len(lines) > 1:
        raise EnvironmentFault(
            f"{path}: holds more than the SECRET_KEY that Label Studio writes by itself; settings from a file are not "
            "taken: remove the other lines"
        )


def _as_json(kept: dict[str, Any]) -> bytes:
    return orjson.dumps(kept, option=orjson.OPT_INDENT_2)


def _renew_token(folder: Path, home: Path, refused: KeyRefused) -> None:
    """Writes down the token that the server's data have now. Raises EnvironmentFault where it is refused, too."""
    path = folder / LOGIN_FILE
    kept = read_json(path, UNREADABLE)
    token = token_of(home, folder / _DATA, str(kept["account"]))
    if token is not None and token != kept["token"]:
        write_bytes(_as_json(kept | {"token": token}), path)
        try:
            _ask_who(path)
        except KeyRefused as again:
            refused = again
        else:
            return
    raise EnvironmentFault(
        f"{refused}, and so is the one that the server's own data have",
        "  legacy tokens may be switched off in the settings of its organisation: switch them on, or make a personal "
        f"access token under Account & Settings, and set {URL_VARIABLE} and {KEY_VARIABLE}",
        _ANOTHER,
    )


_ANOTHER: Final = (
    "  or another program answers there: the same command with --stop, and then without it, takes another port"
)


def _ask_who(path: Path) -> None:
    """Whether the server of a login file answers, and knows the token. Raises EnvironmentFault."""
    with Client(kept_login(path), call_s=20.0, sleep=lambda _: None) as client:
        client.get("/api/current-user/whoami", UserReply)


def _wait_until_up(folder: Path, start_s: float) -> None:
    """Until the server knows the token: another program may have taken its port meanwhile.

    Raises KeyRefused where it does not, EnvironmentFault where it does not come up.
    """
    tried: list[str] = []

    def is_up() -> bool:
        try:
            _ask_who(folder / LOGIN_FILE)
        except KeyRefused:
            raise
        except Unusable as answered:
            raise EnvironmentFault(
                f"the server of {folder} runs, and does not answer as one: {answered}", _ANOTHER
            ) from None
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
    kept = read_json(folder / LOGIN_FILE, UNREADABLE)
    redact = Redactor(secret for name in ("password", "token") if isinstance(secret := kept.get(name), str))
    lines = (folder / _LOG).read_bytes()[-MOST_CUT:].decode("utf-8", "replace").strip().splitlines()
    return [f"  {redact.brief(line, SHOWN)}" for line in lines[-8:]]


def _within(seconds: float, holds: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + seconds
    while not (held := holds()) and time.monotonic() < deadline:
        time.sleep(0.2)
    return held
