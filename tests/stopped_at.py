"""The `factory` command, stopped where it changes a named file: the same moment in every run, however busy the machine.

    python -m tests.stopped_at ACTION PLACE build recipe.yaml --out builds

PLACE is what is done to which file, by the end of its path: `open release.tmp/map.svg`, `rename verified.json`, `mkdir
release.tmp`, `remove ledger.sqlite-wal`. A file that is written aside is named by the name it will get. At the first
such moment, before it is done, ACTION happens: `kill` is SIGKILL of this process; `full` lets no file grow any more, as
a full disk would; `interrupt` is Ctrl-C.
"""

from __future__ import annotations

import os
import re
import resource
import signal
import sys
from pathlib import Path
from typing import Any

_EVENTS = {"open": "open", "os.rename": "rename", "os.remove": "remove", "os.mkdir": "mkdir"}
_ASIDE = re.compile(r"\.([^/]+)\.[0-9a-f]{16}\.part$")


def stop_at(action: str, place: str) -> None:
    """Arms this process, once."""
    kind, _, name = place.partition(" ")
    armed = True

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal armed
        if armed and _EVENTS.get(event) == kind and _changed(kind, arguments).endswith("/" + name):
            armed = False
            if action == "full":
                resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
            else:
                os.kill(os.getpid(), {"kill": signal.SIGKILL, "interrupt": signal.SIGINT}[action])

    sys.addaudithook(hook)


def _changed(kind: str, arguments: tuple[Any, ...]) -> str:
    """The file that is changed, by the name it has or will get; empty where one is only read."""
    path = arguments[1] if kind == "rename" else arguments[0]
    if kind == "open" and not arguments[2] & (os.O_WRONLY | os.O_RDWR):
        return ""
    return _ASIDE.sub(r"\1", str(_whole(Path(os.fsdecode(path))))) if isinstance(path, str | bytes | Path) else ""


def _whole(path: Path) -> Path:
    """A name in a folder that is open, as the factory writes, with its folder: the path of that name which the function
    has that does it, or who called it. The system's audit says no folder where a file is opened."""
    frame = sys._getframe()
    while len(path.parts) == 1 and frame.f_back is not None:
        frame = frame.f_back
        known = [value for value in frame.f_locals.values() if isinstance(value, Path) and value.name == path.name]
        path = next((value for value in known if len(value.parts) > 1), path)
    return path.absolute()


if __name__ == "__main__":
    from factory.cli.main import main

    stop_at(*sys.argv[1:3])
    sys.argv = ["factory", *sys.argv[3:]]
    main()
