"""Sends a release to a folder, or to whatever `fsspec` opens by an address (S3, ...): files first, the manifest last.

What lies at the target is read back and hashed, each file once: so a push that was stopped sends nothing again but the
file that was under way, and at its end every byte was seen. A file appears whole or not at all: in a folder it is
written aside and renamed, an object of a store is there when its upload is complete, and anywhere else it is moved.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any, BinaryIO, Final, Protocol
from urllib.parse import urlsplit

from factory.errors import EnvironmentFault, FactoryError, RecipeError
from factory.store.files import PUBLIC, disk_faults, durable, is_aside, refuse_odd_files
from factory.text import counted, did_you_mean, tidy
from release.manifest import MANIFEST, MAX_BYTES, DamagedRelease, manifest_of
from release.outgoing import Outgoing, Place, Pushed, Sent, changes, pushed, refuse_in_the_way, say_beside

_PIECE: Final = 1 << 20
STORES: Final = frozenset(("s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "adl", "oci", "oss", "r2"))
"""Stores whose objects appear when their upload is complete; moving one would copy it."""
CONDITIONAL: Final = frozenset(("s3", "s3a"))
"""Of these, those that are asked not to replace an object that somebody made meanwhile (`If-None-Match`)."""
_PART: Final = ".part"


class Target(Protocol):
    """A place for files, each named by its path below it."""

    @property
    def url(self) -> str:
        """For messages, without a password."""
        ...

    def sizes(self) -> dict[str, int]:
        """Every file there with its bytes."""
        ...

    def opened(self, path: str) -> AbstractContextManager[BinaryIO]: ...

    def put(self, path: str, file: Path, *, new: bool, sent: Callable[[int], None]) -> None:
        """Writes a file whole, and tells how many bytes of it went.

        Args:
            new: there is none of this name; one that somebody made meanwhile stays, where the target can tell.

        Raises FileExistsError for that.
        """
        ...

    def remove(self, path: str) -> None: ...


def push_to_files(
    release: Outgoing,
    url: str,
    *,
    dry_run: bool = False,
    overwrite: bool = False,
    say: Callable[[str], None],
    sent: Callable[[int], None],
    uploading: Callable[[int], AbstractContextManager[object]],
) -> Pushed:
    """Makes a folder or an address hold a release; arguments as of `release.hub_push.push_to_hub`.

    Raises:
        RecipeError: files of somebody else are in the way.
        EnvironmentFault: the target cannot be written or read. The same call goes on where it stopped.
    """
    target = open_target(url)
    with disk_faults(Path(url)):
        place = _look(target, release, say)
        found = changes(release.files, place)
        refuse_in_the_way(found, target.url, overwrite=overwrite)
        say_beside(found, say)
        if not dry_run:
            files = [path for path in found.send if path != MANIFEST]
            with uploading(sum(release.files[path].size for path in found.send)):
                for path in files:
                    _send(target, release.files[path], new=path not in place.others, sent=sent)
                for path in found.remove:
                    target.remove(path)
                if MANIFEST in found.send:  # the last: from then on the release is whole
                    _send(target, release.files[MANIFEST], new=MANIFEST not in place.others, sent=sent)
            say(f"verified: {counted(len(release.files), 'file')} at {target.url} have the hashes of the release")
    return pushed(release, found, target.url)


def _look(target: Target, release: Outgoing, say: Callable[[str], None]) -> Place:
    there = target.sizes()
    if there:
        say(f"{target.url}: {counted(len(there), 'file')} there; what may be of this release is read back")
    ours, digest = release.files, cache(partial(_digest, target))
    same = {p for p, size in there.items() if p in ours and size == ours[p].size and digest(p) == ours[p].sha256}
    others = there.keys() - same
    written: set[str] = set()
    if MANIFEST in others and there[MANIFEST] <= MAX_BYTES:
        entries = _entries(target)
        for path in others & entries.keys():
            entry = entries[path]
            if there[path] == entry.get("bytes") and digest(path) == entry.get("sha256"):
                written.add(path)
        written |= {MANIFEST} if entries else set()
    return Place(frozenset(same), frozenset(others), frozenset(written))


def _entries(target: Target) -> dict[str, Any]:
    """The files of the manifest that lies there; none where it is not one of a release."""
    with target.opened(MANIFEST) as file:
        data = file.read(MAX_BYTES)
    try:
        return {entry["path"]: entry for entry in manifest_of(data, MANIFEST)["files"]}
    except DamagedRelease:
        return {}


def _digest(target: Target, path: str) -> str:
    digest = hashlib.sha256()
    with target.opened(path) as file:
        while piece := file.read(_PIECE):
            digest.update(piece)
    return digest.hexdigest()


def _send(target: Target, one: Sent, *, new: bool, sent: Callable[[int], None]) -> None:
    try:
        target.put(one.path, one.file, new=new, sent=sent)
    except FileExistsError:
        raise EnvironmentFault(
            f"{target.url}: somebody else writes there at the same time ({one.path}); the same command looks again"
        ) from None
    if (found := _digest(target, one.path)) != one.sha256:
        raise EnvironmentFault(
            f"{target.url}: {one.path} reads back as another file (sha256 {found[:12]}..., {one.sha256[:12]}... was "
            "sent); the same command sends it again"
        )


def open_target(url: str) -> Target:
    """A folder of this machine, or what `fsspec` opens.

    Raises RecipeError for an address that names no file system, or no bucket of a store; EnvironmentFault where it
    cannot be opened.
    """
    parts = urlsplit(url)
    if parts.scheme in ("", "file", "local") or "://" not in url:
        return _Folder(Path(url.removeprefix("file://").removeprefix("local://")).expanduser())
    shown = url.replace(f"{parts.netloc.rpartition('@')[0]}@", "") if "@" in parts.netloc else url
    from fsspec import available_protocols

    if parts.scheme not in (known := available_protocols()):
        near = did_you_mean(parts.scheme, known)
        raise RecipeError(
            f"--to {shown}: no file system is called {parts.scheme!r:.40}{near}; expected s3://, gs://, ..."
        )
    try:
        from fsspec.core import url_to_fs

        system, root = url_to_fs(url, skip_instance_cache=True)  # its settings are those of the environment now
    except ImportError as error:
        raise EnvironmentFault(
            f"{shown}: {error}; for S3: pip install 'geo-reasoning-factory[s3]', else what fsspec names"
        ) from None
    except Exception as error:  # a file system of fsspec raises what its library does
        raise EnvironmentFault(f"{shown}: cannot be opened ({error!r:.300})") from None
    if parts.scheme in STORES and not root.strip("/"):
        raise RecipeError(f"--to {shown}: names no bucket; expected {parts.scheme}://BUCKET/FOLDER")
    return _Remote(shown, system, root.rstrip("/"))


@dataclass(frozen=True, slots=True)
class _Folder:
    """A folder of this machine: files are written aside, synced and renamed, and no link is followed."""

    root: Path

    @property
    def url(self) -> str:
        return str(self.root)

    def sizes(self) -> dict[str, int]:
        if self.root.exists() and not self.root.is_dir():
            raise RecipeError(f"--to: {self.root} is no folder")
        refuse_odd_files(self.root)
        files = (file for file in self.root.rglob("*") if file.is_file() and not is_aside(file.name))
        return {file.relative_to(self.root).as_posix(): file.stat().st_size for file in files}

    def opened(self, path: str) -> AbstractContextManager[BinaryIO]:
        return (self.root / path).open("rb")

    def put(self, path: str, file: Path, *, new: bool, sent: Callable[[int], None]) -> None:
        place = self.root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        if new and place.exists():
            raise FileExistsError(place)
        with durable(place, mode=PUBLIC) as aside, file.open("rb") as source:
            while piece := source.read(_PIECE):
                aside.write(piece)
                sent(len(piece))

    def remove(self, path: str) -> None:
        (self.root / path).unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class _Remote:
    """A file system of `fsspec`, whose faults are those of many libraries."""

    url: str
    system: Any
    root: str

    def sizes(self) -> dict[str, int]:
        with self._told("listed"):
            self.system.invalidate_cache()
            found = self.system.find(self.root, detail=True)
        sizes = {name[len(self.root) :].lstrip("/"): int(entry["size"] or 0) for name, entry in found.items()}
        return {path: size for path, size in sizes.items() if not path.endswith(_PART)}

    @contextmanager
    def opened(self, path: str) -> Iterator[BinaryIO]:
        with self._told(f"read ({path})"), self.system.open(f"{self.root}/{path}", "rb") as file:
            yield file

    def put(self, path: str, file: Path, *, new: bool, sent: Callable[[int], None]) -> None:
        at = f"{self.root}/{path}"
        protocols = {self.system.protocol} if isinstance(self.system.protocol, str) else {*self.system.protocol}
        with self._told(f"written ({path})"):
            if protocols & STORES:
                only = {"mode": "create"} if new and protocols & CONDITIONAL else {}
                self.system.put_file(str(file), at, callback=_callback(sent), **only)
                return
            self.system.makedirs(at.rpartition("/")[0], exist_ok=True)
            if new and self.system.exists(at):
                raise FileExistsError(at)
            self.system.put_file(str(file), at + _PART, callback=_callback(sent))
            self.system.mv(at + _PART, at)

    def remove(self, path: str) -> None:
        with self._told(f"removed ({path})"):
            self.system.rm_file(f"{self.root}/{path}")

    @contextmanager
    def _told(self, what: str) -> Iterator[None]:
        try:
            yield
        except (FactoryError, FileExistsError):
            raise
        except Exception as error:
            why = tidy(f"{type(error).__name__}: {error}", 300)
            raise EnvironmentFault(
                f"{self.url}: cannot be {what} ({why}); the same command goes on where it stopped"
            ) from None


def _callback(sent: Callable[[int], None]) -> Any:
    from fsspec.callbacks import Callback

    class Told(Callback):  # type: ignore[misc]
        def relative_update(self, inc: int = 1) -> None:
            sent(inc)

    return Told()
