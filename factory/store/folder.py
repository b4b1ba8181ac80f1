"""A folder on one machine as a store (`factory.plugins.contracts.Store`): files that are whole, one writer at a time.

Every claim of a folder gets a larger number than the one before, also when a machine was away and its lock was lost: a
writer that was given up cannot finish over the one that took its place.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from factory.errors import BuildLocked
from factory.store.files import durable, is_aside, make_folder, open_itself, remove
from factory.store.held import folder_of
from factory.store.lease import lease

LEASE = "lease"
_TOKEN = re.compile(rb"^token (\d+) ")


@dataclass(frozen=True, slots=True)
class FolderStore:
    """The files directly inside `root`."""

    root: Path

    def put(self, name: str, data: bytes | Path, *, token: int | None = None) -> None:
        """Writes a file whole, durable before it has its name; a path is given a second name, or copied.

        Raises BuildLocked when `token` is not the newest claim's.
        """
        if token is not None and token != self._token():
            raise BuildLocked(f"{self.root}: another process has taken this over since; it goes on there")
        target = self.root / name
        if isinstance(data, Path):
            link(data, target)
            return
        with durable(target) as file:
            file.write(data)

    def list(self, prefix: str = "") -> Sequence[str]:
        """Names of whole files that begin with `prefix`, sorted."""
        if not self.root.is_dir():
            return []
        names = (path.name for path in self.root.iterdir() if path.is_file())
        return sorted(name for name in names if name.startswith(prefix) and not is_aside(name))

    @contextmanager
    def claim(self, what: str, wait_s: float = 0.0) -> Iterator[int]:
        """Holds the folder and gives this claim's number. Raises BuildLocked, naming the holder."""
        self.root.parent.mkdir(parents=True, exist_ok=True)
        make_folder(self.root)
        with lease(self.root / LEASE, what=what, wait_s=wait_s, note=lambda before: f"token {_number(before) + 1} "):
            yield self._token()

    def _token(self) -> int:
        try:
            with open_itself(self.root / LEASE, os.O_RDONLY) as file:
                return _number(file.read(200))
        except FileNotFoundError:
            return 0


def _number(lease_file: bytes) -> int:
    found = _TOKEN.match(lease_file)
    return int(found[1]) if found else 0


def link(finished: Path, target: Path) -> None:
    """A second name for a finished file, or a copy where the disk cannot do that, or where it is itself a link."""
    remove(target)
    try:
        if finished.is_symlink():
            raise OSError(f"{finished} is a symbolic link")
        with folder_of(target) as folder:
            os.link(finished, target.name, dst_dir_fd=folder, follow_symlinks=False)
    except OSError:
        with durable(target) as file, finished.open("rb") as original:
            shutil.copyfileobj(original, file)
