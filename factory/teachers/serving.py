"""Servers of a build's own: `vllm serve` with the recipe's knobs, on loopback, as long as the build runs.

Each has a process that watches over it (`factory.teachers.supervise`): it starts the server again when its engine died,
as often as the recipe allows, and ends it when the build ends. A server asks for a key that is drawn for the run, so
that nobody else of the machine uses it.

A server that `factory serve-teacher` runs is used as it is: that is known by a note in the user's own state folder,
which no other user can write.
"""

from __future__ import annotations

import http.client
import os
import secrets
import shlex
import shutil
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final

import orjson

from factory.errors import EnvironmentFault
from factory.plugins.server import Server
from factory.processes import spawn_context
from factory.redact import MOST_CUT, Redactor
from factory.store.files import make_folder, open_itself, remove, write_bytes
from factory.teachers.supervise import supervise
from schemas.plain_json import read_json

_KEY_VARIABLE: Final = "FACTORY_SERVED_KEY_"
"""Beginning of the variables, one a port, in which a run's processes find the keys of its servers; a key is drawn by
`serving` and stands in no file but the note."""
HOME_VARIABLE: Final = "FACTORY_VLLM"
"""The environment that vLLM is installed in: it wants other versions of packages than we do."""
ARGUMENTS_VARIABLE: Final = "FACTORY_VLLM_ARGS"
"""Further arguments of `vllm serve`, by the person who runs the build."""
LOOK_S: Final = 0.5
_SHOWN: Final = 400
_LAST_LINES: Final = 12
_MOST_NOTE: Final = 64_000
"""Bytes of a note, which has some hundred."""
Say = Callable[[str], None]


@contextmanager
def serving(
    servers: Sequence[Server], folder: Path, say: Say, *, hidden: Sequence[str] = (), more: Sequence[str] = ()
) -> Iterator[Callable[[], bool]]:
    """Runs servers while it lasts; those that run already are used as they are. Gives a function that says whether all
    that were started are still looked after: False once one of them died too often.

    Args:
        folder: where their logs go.
        hidden: variables of the environment that they do not get: keys of other services.
        more: arguments beside those of the recipe and of `FACTORY_VLLM_ARGS`.

    Raises EnvironmentFault, with the end of its log, for one that does not come up, and where vLLM is not found or the
    port is taken.
    """
    with ExitStack() as stack:
        wanted = []
        for server in servers:
            stack.callback(os.environ.pop, _variable(server.port), None)
            if (key := _key_of_running(server)) is None:
                key = secrets.token_urlsafe(24)
                wanted.append(server)
            else:
                say(f"{server.name}: using the server at {server.url}")
            os.environ[_variable(server.port)] = key
        running = [(server, stack.enter_context(_running(server, folder, say, hidden, more))) for server in wanted]
        for server, watched in running:  # all load at once
            _wait_until_up(server, watched, say)
        ended = threading.Event()
        hearing = threading.Thread(target=_hear, args=([watched for _, watched in running], ended), daemon=True)
        hearing.start()
        try:
            yield lambda: all(watched.given_up is None for _, watched in running)
        finally:
            ended.set()
            hearing.join()


def _hear(all_watched: Sequence[_Watched], ended: threading.Event) -> None:
    while not ended.wait(LOOK_S):
        for watched in all_watched:
            watched.hear()


def key_of(port: int) -> str:
    """The key of a run's own server; empty where none runs."""
    return os.environ.get(_variable(port), "")


def _variable(port: int) -> str:
    return f"{_KEY_VARIABLE}{port}"


def ours_alone(hidden: Sequence[str]) -> dict[str, str]:
    """This process's variables without `hidden`, which are keys of other services, and without those of our own."""
    return {name: value for name, value in os.environ.items() if not _is_ours(name, hidden)}


def _is_ours(name: str, hidden: Sequence[str]) -> bool:
    return name in hidden or name == ARGUMENTS_VARIABLE or name.startswith(_KEY_VARIABLE)


class _Watched:
    """A server with the process that watches over it, as its owner sees them."""

    def __init__(self, orders: Connection, log: Path, say: Say, name: str) -> None:
        self._orders, self.log, self._say, self._name = orders, log, say, name
        self.given_up: int | None = None

    def hear(self) -> None:
        """Takes in what its watcher told."""
        while self.given_up is None and self._orders.poll():
            try:
                what, number = self._orders.recv()
            except (EOFError, OSError):
                self.given_up = -1
                return
            if what == "ended":
                self._say(f"{self._name}: vllm serve ended with exit code {number} and is started again ({self.log})")
            elif what == "given up":
                self.given_up = number
                self._say(
                    f"{self._name}: vllm serve ended again, with exit code {number}, and is left alone ({self.log})"
                )


@contextmanager
def _running(server: Server, folder: Path, say: Say, hidden: Sequence[str], more: Sequence[str]) -> Iterator[_Watched]:
    _require_free(server)
    make_folder(folder)
    log = folder / f"vllm-{server.name}.log"
    with open_itself(log) as file:
        file.truncate(0)
    environment = {**ours_alone(hidden), **server.environment, "VLLM_API_KEY": key_of(server.port)}
    arguments = [str(vllm_program()), "serve", *server.arguments, *own_arguments(), *more]
    say(f"{server.name}: starting vllm serve at {server.url}; it writes {log}")
    ours, theirs = spawn_context().Pipe()
    watcher = spawn_context().Process(
        target=supervise, args=(theirs, arguments, environment, log, server.restarts), name=f"watches {server.name}"
    )
    watcher.start()
    theirs.close()
    try:
        yield _Watched(ours, log, say, server.name)
    finally:
        ours.close()
        watcher.join()


def vllm_program() -> Path:
    """The command `vllm`: of the environment that `FACTORY_VLLM` names, beside this Python, or on the path.

    Raises EnvironmentFault that says how to install it.
    """
    if named := os.environ.get(HOME_VARIABLE, "").strip():
        program = Path(named).absolute() / "bin" / "vllm"
        if not program.is_file():
            raise EnvironmentFault(f"{HOME_VARIABLE} is {named}, but there is no {program}")
        return program
    beside = Path(sys.executable).with_name("vllm")
    found = str(beside) if beside.is_file() else shutil.which("vllm")
    if found is None:
        raise EnvironmentFault(
            "vLLM is not installed. In an environment of its own: python -m venv ~/vllm, ~/vllm/bin/pip install vllm; "
            f"then set {HOME_VARIABLE}=~/vllm"
        )
    return Path(found).absolute()


def own_arguments() -> list[str]:
    """What `FACTORY_VLLM_ARGS` says. Raises EnvironmentFault for what no shell would read."""
    try:
        return shlex.split(os.environ.get(ARGUMENTS_VARIABLE, ""))
    except ValueError as error:
        raise EnvironmentFault(f"{ARGUMENTS_VARIABLE}: {error}") from None


def _require_free(server: Server) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", server.port))
        except OSError as error:
            raise EnvironmentFault(
                f"{server.name}: port {server.port} of 127.0.0.1 cannot be used ({error.strerror}): give the teacher "
                "another `port`, or end what listens there"
            ) from None


def _wait_until_up(server: Server, watched: _Watched, say: Say) -> None:
    started = time.monotonic()
    while not is_up(server.port):
        watched.hear()
        waited = time.monotonic() - started
        if watched.given_up is not None or waited > server.start_s:
            why = (
                "did not start" if watched.given_up is not None else f"is not up after {server.start_s:g} s (`start_s`)"
            )
            raise EnvironmentFault(
                f"{server.name}: vllm serve {why}. The end of {watched.log}:",
                *last_words(watched.log, key_of(server.port)),
            )
        time.sleep(LOOK_S)
    say(f"{server.name}: vllm serve is up after {time.monotonic() - started:.0f} s")


def is_up(port: int) -> bool:
    """Whether a server on this machine says that it is well."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5.0)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def last_words(log: Path, key: str) -> list[str]:
    """The end of a program's log, without the key that it was given."""
    redact = Redactor((key,))
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - MOST_CUT))
        lines = file.read().decode("utf-8", "replace").strip().splitlines()[-_LAST_LINES:]
    return [f"  {redact.brief(line, _SHOWN)}" for line in lines]


# --- servers that `factory serve-teacher` runs -----------------------------------------------------------------------


def _note_of(port: int, environment: Mapping[str, str] = os.environ) -> Path:
    state = environment.get("XDG_STATE_HOME", "").strip() or Path.home() / ".local" / "state"
    return Path(state).absolute() / "geo-reasoning-factory" / "teachers" / f"{port}.json"


@contextmanager
def noted(server: Server) -> Iterator[None]:
    """While it lasts, builds of this user use a server that runs already."""
    note = _note_of(server.port)
    note.parent.parent.mkdir(parents=True, exist_ok=True)
    make_folder(note.parent)
    told = {"key": key_of(server.port), "arguments": list(server.arguments)}
    write_bytes(orjson.dumps(told), note)
    try:
        yield
    finally:
        remove(note)


def _key_of_running(server: Server) -> str | None:
    """The key of a server that `factory serve-teacher` runs with the same arguments; None where there is none.

    Raises EnvironmentFault where it runs with others.
    """
    note = _note_of(server.port)
    if not note.is_file() or not is_up(server.port):
        return None
    with open_itself(note, os.O_RDONLY) as file:
        told: Any = read_json(file.read(_MOST_NOTE))
    if not isinstance(told, dict) or not isinstance(key := told.get("key"), str) or not key:
        return None
    if told.get("arguments") != list(server.arguments):
        raise EnvironmentFault(
            f"{server.name}: what `factory serve-teacher` runs on port {server.port} is another model, or has other "
            "settings: end it, or give this teacher another `port`"
        )
    return key
