"""Where the files of a shard go that was made on another machine: a folder that all machines see, or whatever `fsspec`
opens by an address (S3, GCS, ...), where a file is there whole or not at all and nothing can be renamed.

Storage that fails is tried again for `patience_s`: a shard that was paid for is not given up for a minute's outage.
"""

from __future__ import annotations

import errno
import os
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, TypeVar

from factory.errors import EnvironmentFault, FactoryError
from factory.store.files import durable, make_folder, remove_tree, rename

PATIENCE_S: Final = 600.0
"""How long storage that fails is tried again; a restart of a server takes minutes."""
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.1, 5.0

ResultT = TypeVar("ResultT")


@dataclass(frozen=True, slots=True)
class Home:
    """A place for files by name (`shards/00042/away/fence`), in any process."""

    url: str
    """A folder, absolute, or an address of fsspec (`s3://bucket/builds/x`)."""
    patience_s: float = PATIENCE_S

    @property
    def is_folder(self) -> bool:
        return "://" not in self.url

    def put(self, name: str, data: bytes | Path) -> None:
        """Writes a file whole: afterwards it is there, durable, or it is not. Raises EnvironmentFault."""

        def write() -> None:
            if self.is_folder:
                _put_here(Path(self.url), name, data)
            else:
                self._send(name, data)

        self._patiently(name, write)

    def get(self, name: str) -> bytes | None:
        """The bytes of a small file; None where it is not there. Raises EnvironmentFault."""

        def read() -> bytes | None:
            try:
                if self.is_folder:
                    return (_itself(Path(self.url)) / name).read_bytes()
                data: bytes = _opened(self.url)[0].cat_file(self._at(name))
                return data
            except FileNotFoundError:
                return None

        return self._patiently(name, read)

    def list(self, folder: str) -> list[str]:
        """Names of the whole files directly in a folder, sorted; none where there is no folder. Raises
        EnvironmentFault."""

        def look() -> list[str]:
            try:
                if self.is_folder:
                    found = [one.name for one in os.scandir(_itself(Path(self.url)) / folder) if one.is_file()]
                else:
                    listed = _opened(self.url)[0].ls(self._at(folder), detail=False, refresh=True)
                    found = [str(one).rstrip("/").rpartition("/")[2] for one in listed]
            except FileNotFoundError:
                return []
            return sorted(name for name in found if not name.startswith("."))

        return self._patiently(folder, look)

    def fetch(self, name: str, target: Path) -> None:
        """A file as a local one, durable before it has its name. Raises EnvironmentFault, also where it is missing."""

        def copy() -> None:
            opened = (_itself(Path(self.url)) / name).open("rb") if self.is_folder else self._stream(name)
            with opened as source, durable(target) as file:
                shutil.copyfileobj(source, file, 1 << 20)

        self._patiently(name, copy)

    def take(self, name: str, target: Path) -> None:
        """The same, where nobody needs it here any more: in a folder on one disk it only gets the other name."""

        def move() -> None:
            rename(_itself(Path(self.url)) / name, target)

        try:
            if self.is_folder:
                return self._patiently(name, move)
        except EnvironmentFault as fault:
            if not isinstance(fault.__cause__, OSError) or fault.__cause__.errno != errno.EXDEV:
                raise
        return self.fetch(name, target)

    def remove(self, folder: str) -> None:
        """A folder with all that is in it, where there is one, as far as this can be done."""
        if self.is_folder:
            remove_tree(Path(self.url) / folder)
            return

        def clear() -> None:
            try:
                _opened(self.url)[0].rm(self._at(folder), recursive=True)
            except FileNotFoundError:
                return

        self._patiently(folder, clear)

    def _at(self, name: str) -> str:
        return f"{_opened(self.url)[1]}/{name}"

    def _stream(self, name: str) -> Any:
        return _opened(self.url)[0].open(self._at(name), mode="rb")

    def _send(self, name: str, data: bytes | Path) -> None:
        system = _opened(self.url)[0]
        if isinstance(data, Path):
            system.put_file(str(data), self._at(name))
        else:
            system.pipe_file(self._at(name), data)

    def _patiently(self, name: str, work: Callable[[], ResultT]) -> ResultT:
        deadline, pause = time.monotonic() + self.patience_s, _FIRST_PAUSE_S
        while True:
            try:
                return work()
            except FactoryError:
                raise
            except Exception as error:  # a file system of fsspec raises what its library does
                hopeless = isinstance(error, OSError) and error.errno == errno.EXDEV
                if hopeless or time.monotonic() + pause > deadline:
                    raise EnvironmentFault(
                        f"{self.url}: {name}: storage fails ({type(error).__name__}: {error}); what was answered is "
                        "kept: mend it and run the same command again"
                    ) from error
            time.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE_S)


def _itself(root: Path) -> Path:
    """The folder, where it is there: one that is not mounted now must not be made anew."""
    if not root.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, "no such folder now", str(root))
    return root


def _put_here(root: Path, name: str, data: bytes | Path) -> None:
    target = _itself(root) / name
    for folder in reversed(target.relative_to(root).parents[:-1]):
        make_folder(root / folder)
    with durable(target) as file:
        if isinstance(data, bytes):
            file.write(data)
        else:
            with data.open("rb") as source:
                shutil.copyfileobj(source, file, 1 << 20)


@lru_cache(maxsize=4)
def _opened(url: str) -> tuple[Any, str]:
    """The file system of an address and the path in it. Raises EnvironmentFault where nothing opens it."""
    try:
        from fsspec.core import url_to_fs

        system, path = url_to_fs(url, use_listings_cache=False)
    except (ImportError, ValueError) as error:
        raise EnvironmentFault(
            f"{url}: {error}; for S3: pip install 'geo-reasoning-factory[s3]', else what fsspec names"
        ) from None
    return system, str(path).rstrip("/")
