"""Makes of a release that names pictures one that holds them: fetched for whoever may, verified by hash, resumed.

    RELEASE-hydrated/           parquet/  README.md  missing.jsonl  manifest.json    reads as any release
    RELEASE-hydrated.fetched/   what was fetched so far; gone once nothing is missing

A picture counts when its file has the SHA-256 that the release states. It is then prepared as the build prepared it,
with the settings in the manifest, by decoders with limits. Rows whose pictures did not come are left out and listed.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pydantic import TypeAdapter, ValidationError

from factory.errors import CorruptBuild, RecipeError
from factory.fetch.fetcher import Fetcher, Manners, Missing, each, fetching
from factory.images.records import SHAPING, ImageRejected, ImageSettings, Prepared, image_key
from factory.plugins.fetching import Course
from factory.store.files import make_folder, refuse_odd_files, remove_tree, write_bytes
from release.detect import WEIGHTS_SHA256, Detectors, Wanted
from release.files import READ_ERRORS
from release.hiding import FAILED, hide
from release.hydrated import Absent, Picture, write_hydrated
from release.manifest import MANIFEST, DamagedRelease, digest_of, read_manifest
from release.privacy import face_score
from release.read import open_release
from release.withheld import WITHHELD, read_withheld

if TYPE_CHECKING:
    from factory.images.worker import DecodeWorkers

_OURS: Final = "ABOUT.txt"
_SETTINGS: Final = (*SHAPING, "min_side", "formats")
"""What of a stranger's settings is followed; the limits are ours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hydrating:
    """How a release is hydrated."""

    manners: Manners = field(default_factory=Manners)
    at_once: int = 16
    """Pictures under way."""
    similar: int | None = None
    """Bits in which the perceptual hash of a file with another SHA-256 may differ; None takes no such file."""
    workers: int = 1
    """Decode processes."""


@dataclass(slots=True)
class Hydrated:
    """What came of it."""

    root: str
    pictures: int
    """That were named and came, in this run or an earlier one."""
    similar: int
    """Of these, those taken by their perceptual hash."""
    missing: dict[str, int]
    """Pictures that did not come, by reason."""
    rows: int
    rows_missing: int


def hydrate(
    release: Path,
    out: Path,
    how: Hydrating,
    *,
    course: Course,
    working: Callable[[int], Any],
) -> Hydrated:
    """Writes a release that holds the pictures which another names; the same call goes on where it stopped.

    Args:
        release: its folder. Its manifest and its files are held against their digests.
        out: the new folder; the files of an earlier run are replaced.
        course: counts pictures.
        working: of so many pictures, a context manager around the work.

    Raises:
        RecipeError: there is nothing to fetch, or `out` is something else.
        CorruptBuild: the release is not as its manifest says.
        EnvironmentFault: it blurs faces, and the detector is not installed.
    """
    manifest = _manifest(release)
    try:
        open_release(release)
        named, settings = [*_named(release, manifest)], _settings(manifest)
        wanted = Wanted(face_score(manifest))
        _ = {**manifest["counts"]}, [bytes.fromhex(entry["sha256"]) for entry in manifest["files"]]
    except DamagedRelease as error:
        raise CorruptBuild(str(error)) from None
    except READ_ERRORS as error:
        raise CorruptBuild(f"{release / MANIFEST}: does not describe a release ({error!r:.300})") from None
    _refuse_foreign(out, manifest)
    cache = out.with_name(f"{out.name}.fetched")
    out.parent.mkdir(parents=True, exist_ok=True)
    _own(cache)
    work = _Work(how, settings, cache, course, wanted, Detectors.open(wanted))
    with working(len(named)):
        found = asyncio.run(work.all(named))
    counts = write_hydrated(release, manifest, out, found, aside=cache)
    missing = Counter(one.reason for one in found.values() if isinstance(one, Absent))
    if not missing:
        remove_tree(cache)
    return Hydrated(
        root=str(out),
        pictures=len(found) - missing.total(),
        similar=sum(isinstance(one, Picture) and one.similar for one in found.values()),
        missing=dict(sorted(missing.items())),
        rows=counts.rows,
        rows_missing=counts.missing,
    )


def _manifest(release: Path) -> dict[str, Any]:
    try:
        manifest = read_manifest(release)
    except DamagedRelease as error:
        raise CorruptBuild(str(error)) from None
    if "hydrated" in manifest:
        raise RecipeError(f"{release}: is hydrated already; hydrate the release that it was made of")
    if WITHHELD not in {entry["path"] for entry in manifest["files"]}:
        raise RecipeError(f"{release}: names no picture that it has not (no {WITHHELD}); there is nothing to fetch")
    return manifest


def _named(release: Path, manifest: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
    """The lines of `withheld.parquet`. Raises CorruptBuild where it is not what was written."""
    entry = next(entry for entry in manifest["files"] if entry["path"] == WITHHELD)
    file = release / WITHHELD
    if not file.is_file() or file.is_symlink() or digest_of(file) != entry["sha256"]:
        raise CorruptBuild(f"{file}: differs from what was written (SHA-256), or is missing")
    return read_withheld(file)


def _settings(manifest: Mapping[str, Any]) -> ImageSettings:
    """How pictures were prepared, as far as it shapes them; the limits are those of this installation."""
    told = (manifest.get("recipe") or {}).get("images") or {}
    try:
        return TypeAdapter(ImageSettings).validate_python({name: told[name] for name in _SETTINGS if name in told})
    except (ValidationError, TypeError) as error:
        raise CorruptBuild(f"manifest.json: its `recipe.images` is none ({error!s:.200})") from None


def _refuse_foreign(out: Path, manifest: Mapping[str, Any]) -> None:
    """Raises RecipeError where the new folder is neither empty nor an earlier run's of the same release."""
    if out.is_symlink() or (out.exists() and not out.is_dir()):
        raise RecipeError(f"--out: {out} is no folder")
    if not out.exists() or not any(out.iterdir()):
        return
    try:
        of = read_manifest(out).get("hydrated", {}).get("of")
    except DamagedRelease:
        of = None
    if of != manifest["manifest_sha256"]:
        raise RecipeError(f"--out: {out} holds something else; take it away, or name another folder")


def _own(cache: Path) -> None:
    """Makes the folder of what was fetched, which is taken away in the end. Raises RecipeError where one of that name
    holds what is not ours."""
    if cache.is_dir() and any(cache.iterdir()) and not (cache / _OURS).is_file():
        raise RecipeError(
            f"{cache}: holds something else, and fetched pictures are kept there; take it away, or name another --out"
        )
    make_folder(cache)
    refuse_odd_files(cache)
    write_bytes(
        b"factory hydrate keeps here what it fetched, and takes the folder away when nothing is missing.\n",
        cache / _OURS,
    )


@dataclass(slots=True)
class _Work:
    how: Hydrating
    settings: ImageSettings
    cache: Path
    course: Course
    wanted: Wanted
    detectors: Detectors
    """Of what the release blurs in its own pictures, as far as that can be found here: faces."""

    async def all(self, named: Iterable[Mapping[str, Any]]) -> dict[tuple[str, int], Picture | Absent]:
        """Every picture by id and number."""
        from factory.images.worker import DecodeWorkers

        found: dict[tuple[str, int], Picture | Absent] = {}
        with DecodeWorkers(self.how.workers, self.settings) as decoders:
            async with fetching(self.how.manners, at_once=self.how.at_once) as fetcher:

                async def one(line: Mapping[str, Any]) -> None:
                    found[line["id"], line["number"]] = came = await self._one(line, fetcher, decoders)
                    self.course.done += 1
                    self.course.missing += isinstance(came, Absent)

                await each(named, one, at_once=self.how.at_once)
        return found

    async def _one(self, line: Mapping[str, Any], fetcher: Fetcher, decoders: DecodeWorkers) -> Picture | Absent:
        for similar in (False, True) if self.how.similar is not None else (False,):
            if (kept := self._kept(line, similar=similar)).is_file():
                return Picture(kept, similar=similar)
        if line["sha256"] is None:
            return Absent("no_hash", "the release has no SHA-256 of it, so nothing could be told from it", line)
        if not line["source_url"]:
            return Absent("no_address", "the source states none", line)
        data = await fetcher.fetch(line["source_url"])
        if isinstance(data, Missing):
            return Absent(data.reason, data.detail, line)
        digest = hashlib.sha256(data).hexdigest()
        exact = digest == line["sha256"]
        if not exact and (self.how.similar is None or line["phash"] is None):
            return Absent("other_bytes", f"sha256 {digest}", line)
        prepared = await asyncio.wrap_future(decoders.submit(data))
        if isinstance(prepared, ImageRejected):
            return Absent(prepared.reason, prepared.detail, line)
        if not exact and (fault := self._unlike(prepared, line)):
            return Absent("other_bytes", f"sha256 {digest}, {fault}", line)
        marks = [line["private"] or ()]
        hidden = await asyncio.to_thread(hide, [prepared.jpeg], marks, self.detectors, self.settings.quality)
        if hidden.failed is not None:
            return Absent(FAILED, hidden.failed, line)
        kept = self._kept(line, similar=not exact)
        make_folder(kept.parent)
        write_bytes(hidden.jpegs[0], kept)
        return Picture(kept, similar=not exact)

    def _unlike(self, prepared: Prepared, line: Mapping[str, Any]) -> str | None:
        """Why a file with other bytes is not the picture, None where its size and perceptual hash say that it is."""
        if (prepared.width, prepared.height) != (line["width"], line["height"]):
            return f"{prepared.width} x {prepared.height}, not {line['width']} x {line['height']}"
        if prepared.phash is None:
            return "which has no perceptual hash"
        bits = (prepared.phash ^ line["phash"]).bit_count()
        return None if bits <= (self.how.similar or 0) else f"{bits} bits of its perceptual hash differ"

    def _kept(self, line: Mapping[str, Any], *, similar: bool) -> Path:
        """Where a picture lies between runs: named by what it must be and how it is prepared, never by a foreign id."""
        boxes = repr([sorted(box.items()) for box in line["private"] or ()])
        named = f"{image_key(line['sha256'] or '', self.settings)}:{boxes}"
        if self.wanted:
            named += f":{self.wanted.faces}:{WEIGHTS_SHA256}"
        if similar:
            named += f":{self.how.similar}:{line['source_url']}"
        name = hashlib.sha256(named.encode()).hexdigest()
        return self.cache / name[:2] / f"{name}.jpg"
