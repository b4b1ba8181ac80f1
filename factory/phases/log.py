"""build.log: what the runs of a build said, with the time of each line, whoever listened.

A line is `TIME NAME      TEXT`; nothing in it breaks it. Secrets that the recipe names are taken out first and what no
terminal may show is escaped, since texts of strangers are quoted in it. A log that cannot be written stops nothing.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, Protocol, runtime_checkable

from factory.errors import FactoryError
from factory.phases.run import Listener, UnderWay, now
from factory.redact import Redactor
from factory.store.files import open_itself, write_all, write_bytes
from factory.text import escaped

MOST_BYTES: Final = 4_000_000
"""Of the log when a run begins; of a longer one the newer half stays."""
MOST_OF_LINE: Final = 6_000
"""Characters: as of a message on the terminal."""
_APPEND: Final = os.O_RDWR | os.O_CREAT | os.O_APPEND


@runtime_checkable
class Attentive(Protocol):
    """A listener that wants to hear of beginnings and durations, too: `factory build -v`."""

    def detail(self, name: str, text: str) -> None: ...


class Logged:
    """A listener that writes down what it hears and passes it on."""

    def __init__(self, listener: Listener, path: Path, hide: Redactor) -> None:
        self._listener, self._path, self._hide = listener, path, hide
        with suppress(OSError, FactoryError):
            _shorten(path)

    def started(self, title: str) -> None:
        self.write("build", title)
        self._listener.started(title)

    def phase(self, name: str, text: str) -> None:
        self.write(name, text)
        self._listener.phase(name, text)

    def detail(self, name: str, text: str) -> None:
        self.write(name, text)
        if isinstance(self._listener, Attentive):
            self._listener.detail(name, text)

    @contextmanager
    def working(self, name: str, total: int, look: Callable[[], UnderWay]) -> Iterator[None]:
        begun, first = time.monotonic(), look().done
        with self._listener.working(name, total, look):
            try:
                yield
            finally:
                took = time.monotonic() - begun
                ended = look().done
                self.write(name, f"{ended:,}/{total:,} samples, {ended - first:,} of them in this run, {took:.1f} s")

    def write(self, name: str, text: str) -> None:
        """Adds a line."""
        told = escaped(self._hide(text[:MOST_OF_LINE]))
        line = f"{now()} {escaped(name):<9} {told}\n".encode("utf-8", "replace")
        with suppress(OSError, FactoryError), open_itself(self._path, _APPEND) as file:
            write_all(file.fileno(), [line])


def _shorten(path: Path) -> None:
    if not path.exists() or path.stat().st_size <= MOST_BYTES:
        return
    with open_itself(path, os.O_RDONLY) as file:
        file.seek(-MOST_BYTES // 2, os.SEEK_END)
        kept = file.read(MOST_BYTES // 2).partition(b"\n")[2]
    write_bytes(kept, path)


def read_log(path: Path, most: int) -> list[tuple[str, str, str]]:
    """The last lines of a log: (time, name, text); of a foreign line only the text. None where there is no log.

    Raises CorruptBuild where something else than a file lies there.
    """
    if not os.path.lexists(path):
        return []
    with open_itself(path, os.O_RDONLY) as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - MOST_BYTES))
        data = file.read(MOST_BYTES)
    lines = data.decode("utf-8", "replace").split("\n")
    whole = [line[: 2 * MOST_OF_LINE] for line in lines[size > MOST_BYTES :] if line]
    return [_read(line) for line in whole[-most:]] if most > 0 else []


def _read(line: str) -> tuple[str, str, str]:
    at, _, rest = line.partition(" ")
    name, _, text = rest.partition(" ")
    known = at[:2] == "20" and "T" in at and bool(name)
    return (at, name, text.lstrip(" ")) if known else ("", "", line)
