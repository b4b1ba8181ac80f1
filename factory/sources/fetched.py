"""Pictures at addresses, fetched into a folder of the user's: each once, by its digest, and taken up where it stopped.

    fetched/ABOUT.txt  lease
            address/ab/<sha256 of the locator>.json     which file lies there, or why none does
            address/ab/<...>.part, .part.json           what came of one that is under way
            sha256/ab/<sha256>                          the file
            document/ab/<sha256 of its address>         a page of an API, as it was when it was first asked for

A locator is an address, with `#sha256=<hex>` where the table says what it must be. What is kept is held against that
digest, and against the bounds of `Fetch`, before it has its name; nothing in the folder is named by a stranger.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson
from pydantic import Field

from factory.errors import CorruptBuild, EnvironmentFault, ImageMissing, RecipeError, SourceError
from factory.fetch.body import InFile
from factory.fetch.fetcher import Fetcher, Manners, Missing, each, fetching
from factory.images.records import ImageSettings, StructureError
from factory.plugins.fetching import Course
from factory.sources.paths import file_stamp, locate
from factory.store.files import disk_faults, durable, make_folder, read_json, write_bytes
from factory.store.lease import lease
from factory.text import tidy
from schemas.settings import Closed

ABOUT: Final = "ABOUT.txt"
FOLDER: Final = "fetched"
"""Beside the recipe, where it says nothing: one folder for all recipes there."""
MAX_DOCUMENT: Final = 64_000_000
"""Bytes of a page of an API."""
MAX_ADDRESS: Final = 2_000
"""Characters; longer ones are no addresses that servers take."""
ADDRESS: Final = r"^(?i:https?)://[^\s/]{1,300}(/\S*)?$"
"""What looks like an address; `factory.fetch.public` judges it before it is asked."""
_HASHED: Final = re.compile(r"(.+)#sha256=([0-9a-f]{64})", re.DOTALL)
_HEX: Final = re.compile(r"[0-9a-f]{64}")


class Fetch(Closed):
    """How pictures are fetched: what is too much, and how gently a host is asked."""

    max_file_mb: float = Field(default=64.0, gt=0, le=1_000)
    """Larger files are not fetched to their end (1 MB = 1,000,000 bytes)."""
    max_megapixels: float = Field(default=100.0, gt=0)
    """Pictures that declare more are not kept."""
    seconds: float = Field(default=120.0, gt=0, le=3_600)
    """Longest time of one try; what came of it is gone on with where the server can."""
    at_once: int = Field(default=16, ge=1, le=256)
    """Pictures under way."""
    per_host: int = Field(default=2, ge=1, le=64)
    """Of these, at one host."""
    per_second: float = Field(default=10.0, gt=0, le=1_000)
    """Requests a second at one host."""

    def manners(self, allowed: Collection[str]) -> Manners:
        return Manners(
            allowed=frozenset(allowed),
            per_host=self.per_host,
            pause_s=1 / self.per_second,
            most_bytes=int(self.max_file_mb * 1e6),
            whole_s=self.seconds,
        )


def locator_of(address: str, sha256: str | None = None) -> str:
    """An address as a locator."""
    return f"{address}#sha256={sha256}" if sha256 else address


@dataclass(frozen=True, slots=True)
class FetchedPictures:
    """The folder, and how it is filled."""

    folder: Path
    how: Fetch

    def read(self, locator: str) -> Path:
        """The file. Raises ImageMissing where it did not come, SourceError where it is none that may be kept."""
        known = self._known(locator)
        if (digest := self._kept(known)) is not None:
            return locate(self.folder, _place(digest))
        reason, detail = (tidy(str(known.get(key) or ""), 200) for key in ("reason", "detail"))
        if not reason:
            raise ImageMissing(f"{tidy(locator, 200)}: was not fetched yet")
        said = f"{tidy(locator, 200)}: {reason}" + (f" ({detail})" if detail else "")
        raise ImageMissing(said) if reason in _PASSING else SourceError(said)

    def stamp(self, locator: str) -> tuple[int, int] | None:
        digest = self._kept(self._known(locator))
        return None if digest is None else file_stamp(self.folder, _place(digest))

    def _kept(self, known: Mapping[str, Any]) -> str | None:
        """The digest of a file that is there as it was kept; one of another size is fetched again."""
        digest, size = known.get("sha256"), known.get("bytes")
        if not isinstance(digest, str) or not _HEX.fullmatch(digest):
            return None
        there = file_stamp(self.folder, _place(digest))
        return digest if there is not None and there[0] == size else None

    def fetch(self, locators: Iterable[str], *, allowed: Collection[str], course: Course) -> Mapping[str, int]:
        """See `factory.plugins.fetching.Fetching`.

        Raises:
            RecipeError: the folder holds something else.
            EnvironmentFault: pictures were asked for, and not one is there.
            BuildLocked: another process fills the folder.
        """
        wanted = list(dict.fromkeys(locators))
        self.own()
        with disk_faults(self.folder), lease(self.folder / "lease", what=str(self.folder), wait_s=0.5):
            left = [locator for locator in wanted if self.stamp(locator) is None]
            course.done += len(wanted) - len(left)
            found = asyncio.run(self._all(left, allowed, course))
        missing = Counter({reason: count for reason, count in found.items() if reason})
        if wanted and missing.total() == len(wanted):
            first = self._known(wanted[0])
            raise EnvironmentFault(
                f"none of {len(wanted):,} pictures came: {', '.join(f'{why} {n:,}' for why, n in missing.items())}; "
                f"the first: {tidy(wanted[0], 200)}: {first.get('reason')} ({tidy(str(first.get('detail')), 200)})"
            )
        return dict(missing.most_common())

    async def _all(self, locators: list[str], allowed: Collection[str], course: Course) -> Counter[str]:
        found = Counter[str]()
        async with fetching(self.how.manners(allowed), at_once=self.how.at_once) as fetcher:

            async def one(locator: str) -> None:
                missing = await self._one(locator, fetcher)
                found[missing.reason if missing else ""] += 1
                course.done += 1
                course.missing += missing is not None

            await each(locators, one, at_once=self.how.at_once)
        return found

    async def _one(self, locator: str, fetcher: Fetcher) -> Missing | None:
        entry = self._entry(locator)
        self._make(entry.parent)
        hashed = _HASHED.fullmatch(locator)
        address, wanted = hashed.groups() if hashed else (locator, None)
        body = InFile(entry.with_name(f"{entry.stem}.part"))
        try:
            missing = await fetcher.fetch_into(address, body)
            if missing is None:
                missing = await asyncio.to_thread(self._keep, entry, address, wanted, body)
        finally:
            body.close()
        if missing is not None:
            self._note(entry, {"url": address, "reason": missing.reason, "detail": tidy(missing.detail, 300)})
        return missing

    def _keep(self, entry: Path, address: str, wanted: str | None, body: InFile) -> Missing | None:
        """Gives what came its name, or says why it has none."""
        data = body.read()
        digest = hashlib.sha256(data).hexdigest()
        missing = Missing("other_bytes", f"sha256 {digest}") if wanted not in (None, digest) else self._judged(data)
        if missing is None:
            kept = self.folder / _place(digest)
            self._make(kept.parent)
            write_bytes(data, kept)
            self._note(entry, {"url": address, "sha256": digest, "bytes": len(data)})
        body.drop()
        return missing

    def _note(self, entry: Path, told: Mapping[str, Any]) -> None:
        """What is known of an address; lost by a power failure it is asked for again."""
        with durable(entry, sync=False) as file:
            file.write(orjson.dumps(told))

    def _judged(self, data: bytes) -> Missing | None:
        """Why it is no picture, as far as its structure tells."""
        from factory.images.inspect import inspect_image

        limits = ImageSettings(max_file_mb=self.how.max_file_mb, max_megapixels=self.how.max_megapixels)
        try:
            inspect_image(data, limits)
        except StructureError as error:
            return Missing(error.reason, error.detail)
        return None

    def _entry(self, locator: str) -> Path:
        name = hashlib.sha256(locator.encode("utf-8", "surrogatepass")).hexdigest()
        return self.folder / "address" / name[:2] / f"{name}.json"

    def _known(self, locator: str) -> Mapping[str, Any]:
        try:
            return read_json(self._entry(locator))
        except (FileNotFoundError, NotADirectoryError, CorruptBuild):
            return {}

    def document(self, address: str, *, allowed: Collection[str]) -> bytes:
        """What lies at an address that is no picture; what was kept of it, where it was fetched before.

        Raises SourceError for what is no address of a public host, EnvironmentFault where it does not come.
        """
        name = hashlib.sha256(address.encode("utf-8", "surrogatepass")).hexdigest()
        kept = self.folder / "document" / name[:2] / name
        if (found := file_stamp(self.folder, f"document/{name[:2]}/{name}")) is not None and found[0] <= MAX_DOCUMENT:
            return locate(self.folder, f"document/{name[:2]}/{name}").read_bytes()
        manners = Manners(allowed=frozenset(allowed), most_bytes=MAX_DOCUMENT, whole_s=self.how.seconds)

        async def fetch() -> bytes | Missing:
            async with fetching(manners, at_once=1) as fetcher:
                return await fetcher.fetch(address)

        self.own()
        data = asyncio.run(fetch())
        if isinstance(data, Missing):
            why = f"{tidy(address, 200)}: {data.reason}" + (f" ({tidy(data.detail, 200)})" if data.detail else "")
            raise (SourceError if data.reason in ("no_address", "not_public") else EnvironmentFault)(why)
        self._make(kept.parent)
        write_bytes(data, kept)
        return data

    def own(self) -> None:
        """Makes the folder. Raises RecipeError where one of that name holds what is not ours."""
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        if self.folder.is_dir() and any(self.folder.iterdir()) and not (self.folder / ABOUT).is_file():
            raise RecipeError(
                f"source.images: {self.folder} holds something else, and fetched pictures are kept there; name another"
            )
        make_folder(self.folder)
        write_bytes(b"The factory keeps here what sources fetched; what is taken away is fetched again.\n", self._about)

    @property
    def _about(self) -> Path:
        return self.folder / ABOUT

    def _make(self, folder: Path) -> None:
        make_folder(folder.parent)
        make_folder(folder)


_PASSING: Final = frozenset(("unreachable", "timeout", "server_error", "not_found", "refused", "redirects"))
"""Reasons for which another run may find the picture."""


def _place(digest: str) -> str:
    return f"sha256/{digest[:2]}/{digest}"
