"""The photos of a finished build, each with P(yes): how many of its teachers could locate it.

What people decided about a build stands over what it planned, here as in its release: a photo is where they put it, and
one in which they marked something private is none of ours, since its stored picture is the whole one.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Final, Literal

import polars as pl
from pydantic import Field as Field_

from factory.errors import CorruptBuild, SourceError
from factory.geo.sampling.order import row_hashes
from factory.plugins.contracts import Source
from factory.plugins.registry import register
from factory.sources.built_answers import judged, sound_build, tables_of_a_build
from factory.sources.contract import DETAIL, PROBLEM, text_list
from factory.sources.paths import recipe_path
from factory.store.decided import moved, read_decided
from factory.store.images import ImageStore
from factory.store.info import read_shard_report
from factory.store.layout import Build, BuildPaths, ShardPaths
from factory.store.paths import shown_path
from factory.store.tables import read_columns
from schemas import FilePart
from schemas.settings import InputPath, Kilometres, Share

_LOCATOR: Final = re.compile(r"([0-9]{1,8})/([0-9]{1,8})/([0-9]{1,4})", re.ASCII)
_KEPT: Final = ("lat", "lon", "uncertainty_km", "scene", "author", "licence", "captured_at", "source_url")
_NAMED: Final = ("country_code", "region", "city")


@register("source", "build")
def build(
    root: Path,
    *,
    path: InputPath,
    role: str = "photo",
    target: Literal["shares", "calibrated"] = "shares",
    radius_km: Kilometres = 25.0,
    min_teachers: Annotated[int, Field_(ge=1)] = 2,
    yes_from: Share = 0.75,
    no_to: Share = 0.25,
    undecided: bool = True,
    balance: bool = False,
    seed: int = 0,
) -> Source:
    """The photos of a finished build, for rows about whether a photo can be located.

    Args:
        root: the folder from which relative paths start.
        path: the build's folder, or a pattern that one build fits (`builds/mp16_reason-*`).
        role: which picture of a sample.
        target: P(yes) is the share of teachers that call the photo localizable and are near, or the probability that
            the build's decider `calibrated` found.
        radius_km: how near to the truth; it grows by the sample's uncertainty. 25 km is the tier "city".
        min_teachers: photos that fewer teachers judged are dropped.
        yes_from, no_to: P(yes) from which the answer is a decided yes, and up to which it is a decided no.
        undecided: keep the photos in between, whose answer is the likelier one, no where both are alike. Rows that are
            learnt by their answer and not by P(yes) are better without them.
        balance: as many photos of one answer as of the other.
        seed: which photos of the larger class are left out.
    """
    if yes_from <= no_to:
        raise SourceError(f"source.yes_from: {yes_from:g} is not above `no_to`, {no_to:g}")
    return BuiltPhotos(
        path, _found(root, path), role, target, radius_km, min_teachers, yes_from, no_to, undecided, balance, seed
    )


def _found(root: Path, path: str) -> Path:
    full = recipe_path(root, path, key="path")
    folders = sorted(full.parent.glob(full.name)) if "*" in full.name else [full]
    builds = [folder for folder in folders if BuildPaths(folder).info.is_file()]
    if len(builds) == 1:
        return builds[0]
    if builds:
        names = ", ".join(folder.name for folder in builds[:5])
        raise SourceError(f"source.path: {len(builds)} builds are called {path}: {names}; name one of them")
    raise SourceError(
        f"source.path: there is no build {shown_path(root, path)}; make one first (`make demo`, `factory demo` or "
        "`factory build RECIPE`) and name its folder"
    )


@dataclass(frozen=True, slots=True)
class BuiltPhotos:
    """See `build`. A locator is shard, position and number of the picture: `3/17/0`."""

    name: str
    folder: Path
    role: str
    target: Literal["shares", "calibrated"]
    radius_km: float
    min_teachers: int
    yes_from: float
    no_to: float
    undecided: bool
    balance: bool
    seed: int
    _sound: list[tuple[Build, list[ShardPaths]]] = field(default_factory=list, init=False, repr=False, compare=False)
    """The build, once its tables were looked at."""
    _held: list[pl.DataFrame] = field(default_factory=list, init=False, repr=False, compare=False)
    """The table that `digest` read, until the plan takes it or a picture is asked for."""
    _pictures: dict[int, ImageStore] = field(default_factory=dict, init=False, repr=False, compare=False)
    """Those of the shard that was last asked for."""

    @property
    def coordinate_columns(self) -> tuple[str, str]:
        return "lat", "lon"

    def digest(self) -> str:
        """Over what the build tells: its fingerprint, its pictures, and each photo with what was said of it. Not over
        the files of its answers, which hold when a photo was last written: a copy of the photos makes the same rows."""
        made, shards = self._made()
        told = hashlib.sha256(made.info["fingerprint"].encode())
        for shard in shards:
            told.update(read_shard_report(shard.report)["files"].get(shard.images.name, "").encode())
        table = self.table()
        self._held[:] = [table]
        for row in table.iter_rows():
            told.update(repr(row).encode())
        return told.hexdigest()

    def table(self) -> pl.DataFrame:
        if self._held:
            return self._held.pop()
        made, shards = self._made()
        with tables_of_a_build(made.paths.root):
            return self._table(made, shards)

    def _table(self, made: Build, shards: list[ShardPaths]) -> pl.DataFrame:
        plan = moved(read_columns(made.paths.plan, ["id", "shard", "position", *_KEPT, *_NAMED]), made.paths)
        parts = plan.select("shard", "id", "uncertainty_km").partition_by("shard", as_dict=True, include_key=False)
        if parts.keys() != {(number,) for number in range(len(shards))}:
            raise CorruptBuild(f"{made.paths.plan}: its shards are not the {len(shards):,} of the build")
        found = [
            judged(shard, parts[(number,)], role=self.role, radius_km=self.radius_km)
            for number, shard in enumerate(shards)
        ]
        rows = plan.with_row_index("source_row").join(pl.concat(found), on="id", how="left", maintain_order="left")
        hidden = [name for name, decided in read_decided(made.paths).items() if decided.hides]
        rows = rows.with_columns(
            p_yes=pl.col("share" if self.target == "shares" else "calibrated"),
            private=(pl.col("picture") == 0) & pl.col("id").is_in(hidden),  # people saw the first picture
        )
        rows = rows.with_columns(
            answer=pl.when(pl.col("p_yes") > 0.5).then(pl.lit("yes")).otherwise(pl.lit("no")),
            decided=(pl.col("p_yes") >= self.yes_from) | (pl.col("p_yes") <= self.no_to),
        )
        rows = self._balanced(self._with_reasons(rows))
        of = {"build": f"{made.info['recipe']}-{made.info['fingerprint'][:8]}", "fingerprint": made.info["fingerprint"]}
        said = pl.struct(
            pl.col("p_yes", "answer", "decided", "teachers", "answers", "localizable", "near", "yes", "calibrated"),
            pl.lit(self.target).alias("target"),
            pl.lit(self.radius_km).alias("radius_km"),
            *(pl.lit(value).alias(name) for name, value in of.items()),
        )
        place = pl.concat_str("shard", "position", "picture", separator="/")
        return rows.with_columns(
            image=place,
            country="country_code",
            _said=pl.when(pl.col(PROBLEM).is_null()).then(said.struct.json_encode()),
        ).select(
            *("source_row", "id", "image", *_KEPT, "country", "region", "city", PROBLEM, DETAIL),
            text_list({"localizability": "_said"}),
        )

    def read(self, locator: str) -> Path | FilePart | bytes:
        part = self._part(locator)
        if part is None:
            raise SourceError(f"{locator!r}: no such picture in {self.name}")
        return part

    def stamp(self, locator: str) -> tuple[int, int] | None:
        part = self._part(locator)
        return None if part is None else (part.size, part.path.stat().st_mtime_ns)

    def _made(self) -> tuple[Build, list[ShardPaths]]:
        if not self._sound:
            self._sound.append(sound_build(self.folder))
        return self._sound[0]

    def _part(self, locator: str) -> FilePart | None:
        self._held.clear()
        if (found := _LOCATOR.fullmatch(locator)) is None:
            return None
        shard, position, picture = map(int, found.groups())
        tar = BuildPaths(self.folder).shard(shard).images
        if shard not in self._pictures:
            self._pictures.clear()
            if not tar.is_file():
                return None
            self._pictures[shard] = ImageStore(tar)
        try:
            return self._pictures[shard].part(position, picture)
        except KeyError:
            return None

    def _with_reasons(self, rows: pl.DataFrame) -> pl.DataFrame:
        """With the reason why a photo is no row, and what a person needs to know of it."""
        few = pl.col("teachers").fill_null(0) < self.min_teachers
        cases = (
            ("no_picture", pl.col("picture").is_null(), pl.lit(f"the build has no picture `{self.role}` of it")),
            ("private", pl.col("private"), pl.lit("people marked something private in it")),
            ("place_unknown", pl.col("lat").is_nan(), pl.lit("nothing says who is near")),
            (
                "too_few_answers",
                few,
                pl.col("teachers").fill_null(0).cast(pl.String) + f" of {self.min_teachers} teachers",
            ),
            ("no_probability", pl.col("p_yes").is_null(), pl.lit("the decider `calibrated` gave none")),
            ("undecided", ~pl.col("decided") & ~pl.lit(self.undecided), pl.col("p_yes").round(3).cast(pl.String)),
        )
        reason = pl.coalesce(*(pl.when(odd).then(pl.lit(slug)) for slug, odd, _ in cases))
        detail = pl.coalesce(*(pl.when(odd).then(words) for _, odd, words in cases))
        return rows.with_columns(reason.alias(PROBLEM), detail.alias(DETAIL))

    def _balanced(self, rows: pl.DataFrame) -> pl.DataFrame:
        """With photos of the larger class left out, where the recipe wants both alike."""
        if not self.balance:
            return rows
        open_rows = rows.filter(pl.col(PROBLEM).is_null()).select("id", "answer")
        sizes = dict(open_rows.group_by("answer").len().iter_rows())
        if open_rows.height and len(sizes) == 1:
            (only,) = sizes
            raise SourceError(
                f"{self.name}: all {open_rows.height:,} photos are answered {only}, so `balance` would leave none; "
                "take it out, or set `yes_from` for this build"
            )
        fewest = min(sizes.values(), default=0)
        ranked = open_rows.with_columns(row_hashes(open_rows.select("id"), self.seed)).sort("hash", "id")
        gone = ranked.filter(pl.int_range(pl.len()).over("answer") >= fewest).select("id", _gone=pl.lit(True))
        rows = rows.join(gone, on="id", how="left", maintain_order="left")
        words = pl.lit(f"{fewest:,} of each answer are kept; one of the others that are ") + pl.col("answer")
        return rows.with_columns(
            pl.when("_gone").then(pl.lit("balanced_away")).otherwise(PROBLEM).alias(PROBLEM),
            pl.when("_gone").then(words).otherwise(DETAIL).alias(DETAIL),
        ).drop("_gone")
