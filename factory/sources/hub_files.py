"""Files of a dataset of the Hub at one commit, of which only the bytes that are needed are fetched.

    fetched/hub/<sha256 of repository and commit>/tree.json           its files, as the Hub lists them
                                                  <...>.parquet       a file of the right size, with holes
                                                  <...>.parquet.json  which bytes of it are there

A Parquet file says in its last bytes where each column of each row group lies. So a plan fetches the columns that it
reads, and a build the row groups whose pictures it planned; the rest of the file stays a hole, which takes no disk.
"""

from __future__ import annotations

import asyncio
import fnmatch
import hashlib
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import orjson

from factory.errors import CorruptBuild, EnvironmentFault, SourceError
from factory.fetch.body import InMemory, InRange
from factory.fetch.fetcher import Fetcher, Manners, Missing, fetching
from factory.fetch.public import fetchable, hosts
from factory.sources.fetched import FetchedPictures
from factory.store.files import make_folder, open_itself, read_json, write_bytes
from factory.text import tidy
from schemas.plain_json import read_json as plain_json

ENDPOINT: Final = "https://huggingface.co"
PIECE: Final = 16_000_000
"""Bytes that are asked for at once, and noted when they are there."""
TAIL: Final = 64 * 1024
MAX_FOOTER: Final = 64_000_000
MIN_FILE: Final = 12
MAX_FILES: Final = 10_000
MAX_PAGES: Final = 1_000
MAX_FILE: Final = 1 << 40
MAX_TREE: Final = 64_000_000

Range = tuple[int, int]
"""First byte, and the one behind the last."""


@dataclass(frozen=True, slots=True)
class HubFile:
    """A file of the repository."""

    path: str
    size: int
    oid: str
    """What the Hub knows its content by."""


@dataclass(frozen=True, slots=True, eq=False)
class HubFiles:
    """A dataset at one commit."""

    repo: str
    revision: str
    kept: FetchedPictures
    """The folder in which everything is kept."""
    _trees: list[dict[str, HubFile]] = field(default_factory=list, init=False, repr=False)

    @property
    def folder(self) -> Path:
        named = hashlib.sha256(f"{self.repo}@{self.revision}".encode()).hexdigest()
        return self.kept.folder / "hub" / named[:32]

    def files(self, pattern: str) -> list[HubFile]:
        """The files that fit a pattern, by path. Raises SourceError where none does, as `_Asking` does else."""
        if not self._trees:
            self._trees.append({one.path: one for one in self._tree()})
        found = [one for path, one in sorted(self._trees[0].items()) if fnmatch.fnmatchcase(path, pattern)]
        if not found:
            endings = sorted({Path(path).suffix or "none" for path in self._trees[0]})
            raise SourceError(
                f"source.files: nothing in {self.repo} at {self.revision[:8]} fits {pattern!r}; its files end in "
                f"{', '.join(endings[:8])}. Of a dataset that is no Parquet the Hub keeps a copy that is: name the "
                "commit of its branch refs/convert/parquet as `revision`"
            )
        return found

    def local(self, file: HubFile) -> Path:
        """The file with holes; its footer is there."""
        path = self._path(file)
        if file.size < MIN_FILE:
            raise SourceError(f"{self.repo}: {tidy(file.path, 200)} is no Parquet file")
        if not path.exists():
            self._make()
            with open_itself(path) as made:
                made.truncate(file.size)
        self.ensure(file, [(max(0, file.size - TAIL), file.size)])
        with path.open("rb") as opened:
            opened.seek(-8, os.SEEK_END)
            end = opened.read()
        length = int.from_bytes(end[:4], "little")
        if end[4:] != b"PAR1" or length > min(MAX_FOOTER, file.size - 12):
            raise SourceError(f"{self.repo}: {tidy(file.path, 200)} is no Parquet file")
        self.ensure(file, [(file.size - 8 - length, file.size)])
        return path

    def has(self, file: HubFile, wanted: Iterable[Range]) -> bool:
        there = self._there(self._path(file))
        return all(not _holes(one, there) for one in wanted)

    def ensure(self, file: HubFile, wanted: Iterable[Range]) -> None:
        """Fetches the bytes that are not there yet, a piece after the other. Raises as `_Asking` does."""
        path = self._path(file)
        there = self._there(path)
        holes = [hole for one in wanted for hole in _holes(one, there)]
        if holes:
            asyncio.run(self._fill(file, path, holes, there))

    async def _fill(self, file: HubFile, path: Path, holes: list[Range], there: list[Range]) -> None:
        url = f"{endpoint()}/datasets/{self.repo}/resolve/{self.revision}/{quote(file.path)}"
        async with fetching(self._manners(PIECE), at_once=1) as fetcher:
            with open_itself(path) as opened:
                for first, last in holes:
                    for start in range(first, last, PIECE):
                        body = InRange(start, min(start + PIECE, last))
                        missing = await fetcher.fetch_into(url, body)
                        if missing is not None or not body.whole:
                            raise self._told(missing or Missing("server_error", "fewer bytes than were asked for"))
                        opened.seek(start)
                        left = memoryview(bytes(body.data))
                        while left:
                            left = left[opened.write(left) :]
                        os.fsync(opened.fileno())
                        there[:] = _joined([*there, (body.start, body.stop)])
                        write_bytes(orjson.dumps({"size": file.size, "there": there}), _note(path))

    def _tree(self) -> list[HubFile]:
        """Every file of the commit; what the Hub said once is kept."""
        note = self.folder / "tree.json"
        try:
            listed = read_json(note).get("files")
        except (FileNotFoundError, CorruptBuild):
            listed = None
        if not isinstance(listed, list):
            listed = asyncio.run(self._asked_tree())
            self._make()
            write_bytes(orjson.dumps({"repo": self.repo, "revision": self.revision, "files": listed}), note)
        return [found for one in listed if (found := _file(one)) is not None]

    async def _asked_tree(self) -> list[Any]:
        url: str | None = f"{endpoint()}/api/datasets/{self.repo}/tree/{self.revision}?recursive=true&expand=false"
        found: list[Any] = []
        async with fetching(self._manners(MAX_TREE), at_once=1) as fetcher:
            for _ in range(MAX_PAGES):
                if url is None:
                    return found
                page, url = await self._page(fetcher, url)
                found += [one for one in page if isinstance(one, dict) and one.get("type") == "file"]
                if len(found) > MAX_FILES:
                    raise SourceError(f"{self.repo}: more than {MAX_FILES:,} files")
        raise SourceError(f"{self.repo}: the Hub lists its files in more than {MAX_PAGES:,} pages")

    async def _page(self, fetcher: Fetcher, url: str) -> tuple[list[Any], str | None]:
        body = _Page()
        missing = await fetcher.fetch_into(url, body)
        if missing is not None:
            raise self._told(missing)
        try:
            page = plain_json(bytes(body.data))
        except ValueError as error:
            raise EnvironmentFault(f"{self.repo}: the Hub's list of files is no JSON ({error})") from None
        return (page if isinstance(page, list) else []), body.after

    def _manners(self, most_bytes: int) -> Manners:
        """The Hub of the environment may have any number; where it leads on to must be public, and hears no token."""
        base = endpoint()
        token = _token()
        origin = str(fetchable(base, hosts([fetchable_host(base)])).origin())
        return Manners(
            allowed=hosts([fetchable_host(base)]),
            keys={origin: f"Bearer {token}"} if token else {},
            pause_s=0.0,
            most_bytes=most_bytes,
            whole_s=self.kept.how.seconds,
        )

    def _told(self, missing: Missing) -> Exception:
        what = f"{self.repo} at {self.revision[:8]} of {endpoint()}: {missing.reason} ({tidy(missing.detail, 200)})"
        if missing.reason in ("refused", "not_found"):
            return SourceError(
                f"{what}; look at `repo` and `revision`. Of a gated dataset accept the terms on its page, and put a "
                "token that may read it into the environment variable HF_TOKEN"
            )
        return EnvironmentFault(f"{what}; the same command goes on where it stopped")

    def _there(self, path: Path) -> list[Range]:
        try:
            listed = read_json(_note(path)).get("there")
        except (FileNotFoundError, CorruptBuild):
            return []
        pairs = listed if isinstance(listed, list) and path.exists() else []
        whole = [tuple(one) for one in pairs if isinstance(one, list) and len(one) == 2]
        return _joined([one for one in whole if all(isinstance(at, int) and at >= 0 for at in one)])

    def _path(self, file: HubFile) -> Path:
        named = hashlib.sha256(f"{file.path} {file.size} {file.oid}".encode()).hexdigest()
        return self.folder / f"{named[:32]}.parquet"

    def _make(self) -> None:
        self.kept.own()
        make_folder(self.kept.folder / "hub")
        make_folder(self.folder)


@dataclass(slots=True)
class _Page(InMemory):
    """A page of the list, and the address of the next."""

    after: str | None = None

    def begin(self, url: str, status: int, headers: Mapping[str, str]) -> bool:
        self.after = _next(headers.get("Link", ""), url)
        self.data.clear()
        return status == 200


def _next(link: str, url: str) -> str | None:
    """The page that an answer leads to, at the same place alone."""
    address, _, relation = link.partition(">")
    found = address.removeprefix("<")
    same = found.partition("?")[0] == url.partition("?")[0]
    return found if 'rel="next"' in relation and same else None


def endpoint() -> str:
    """The Hub's address: the environment's `HF_ENDPOINT`, for a mirror."""
    return (os.environ.get("HF_ENDPOINT") or ENDPOINT).rstrip("/")


def fetchable_host(base: str) -> str:
    """The host of an address of the environment. Raises EnvironmentFault for what is none."""
    from yarl import URL

    try:
        host = URL(base).host
    except ValueError:
        host = None
    if not host or not base.startswith(("http://", "https://")):
        raise EnvironmentFault(f"HF_ENDPOINT: {tidy(base, 100)!r} is no address of http or https")
    return host


def _token() -> str | None:
    """The environment's token, or that of the Hub's client, where it is installed."""
    if told := os.environ.get("HF_TOKEN"):
        return told.strip()
    try:
        from huggingface_hub import get_token
    except ImportError:
        return None
    return get_token()


def _file(told: Any) -> HubFile | None:
    if not isinstance(told, dict):
        return None
    path, size, oid = told.get("path"), told.get("size"), told.get("oid")
    lfs = told.get("lfs")
    oid = lfs.get("oid", oid) if isinstance(lfs, dict) else oid
    sound = isinstance(path, str) and 0 < len(path) <= 1_000 and isinstance(size, int) and 0 <= size <= MAX_FILE
    return HubFile(path, size, str(oid)[:100]) if sound and isinstance(path, str) and isinstance(size, int) else None


def _note(path: Path) -> Path:
    return path.with_name(f"{path.name}.json")


def _joined(ranges: Iterable[Any]) -> list[Range]:
    """Ranges in order, those that touch as one."""
    found: list[Range] = []
    for start, stop in sorted(ranges):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], stop))
        elif stop > start:
            found.append((start, stop))
    return found


def _holes(wanted: Range, there: Iterable[Range]) -> list[Range]:
    """What of a range is not there."""
    at, stop = wanted
    holes = []
    for first, last in there:
        if last <= at or first >= stop:
            continue
        if first > at:
            holes.append((at, first))
        at = max(at, last)
    return [*holes, (at, stop)] if at < stop else holes
