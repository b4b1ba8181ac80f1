"""GWS15k: an evaluation set drawn from a large pool of photos, before one of them is opened.

Which photos is decided by countries and cities alone, see `factory.geo.sampling.gws15k`. Every photo of the pool is a
row here: drawn, or with the reason why not. So is every country that the pool could not give its share of: in a set
that claims to cover the Earth, what is missing counts.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final, Literal

import polars as pl
from pydantic import Field as Field_

from factory.errors import RecipeError, SourceError
from factory.geo.sampling import Gws15k
from factory.geo.sampling import gws15k as draw
from factory.geo.sampling.gws15k import RADIUS_KM
from factory.geo.sampling.reference import MIN_POPULATION, references
from factory.plugins.contracts import Source
from factory.plugins.registry import register
from factory.sources.contract import DETAIL, PROBLEM, Field, text_list
from factory.sources.coordinates import judge_coordinates
from factory.sources.osv5m import osv5m
from factory.sources.paths import recipe_path
from factory.sources.table import table
from schemas import FilePart
from schemas.settings import InputPath, OptionalFile, OptionalPath

Algorithm = Literal["published", "repaired"]

_NEEDS: Final = {
    "cities": f"a CSV with lat, lon, country and name; without it the gazetteer's, from {MIN_POPULATION:,} people, do",
    "areas": "a CSV with country and area_km2; without it the gazetteer's do",
}


@register("source", "gws15k")
def gws15k(
    root: Path,
    *,
    path: InputPath,
    images: OptionalPath = None,
    pool: Literal["osv5m", "table"] = "osv5m",
    columns: dict[Field, str] | None = None,
    algorithm: Algorithm = "repaired",
    n: Annotated[int, Field_(ge=1)] = 15_000,
    fewer: bool = False,
    seed: int = 0,
    cities: OptionalFile = None,
    areas: OptionalFile = None,
    licence: str | None = None,
) -> Source:
    """An evaluation set drawn as GWS15k is, from the photos of OSV-5M or of any table.

    Args:
        root: the folder from which relative paths start.
        path: the pool: `test.csv` of OSV-5M, or a table.
        images: the folder of its pictures; OSV-5M's zips, or the folders unpacked from them.
        pool: what `path` is.
        columns: of a table, our names to the file's.
        algorithm: as GaGA's paper prints it, or `repaired`.
        n: photos wanted.
        fewer: take what there is where the pool gives fewer than `n`; only `repaired` can.
        seed: another seed, other photos.
        cities: a table of your own: lat, lon, country, name.
        areas: a table of your own: country, area_km2.
        licence: for photos without one.
    """
    if pool == "osv5m":
        if images is None or columns:
            raise SourceError("source: a pool of OSV-5M wants `images`, the folder of its zips, and no `columns`")
        photos = osv5m(root, path=path, images=images, complete=False, licence=licence or "CC-BY-SA-4.0")
    else:
        photos = table(root, path=path, images=images, columns=columns, licence=licence)
    given = {"cities": cities, "areas": areas}
    files = {key: recipe_path(root, name, key=key) for key, name in given.items() if name}
    for key, file in files.items():
        if not file.is_file():
            raise SourceError(f"source.{key}: there is no {given[key]}; it needs {_NEEDS[key]}")
    return Pool(photos, files, algorithm, n, fewer, seed)


@dataclass(frozen=True, slots=True)
class Pool:
    """See `gws15k`. Locators are those of the pool's own source."""

    photos: Source
    files: Mapping[str, Path]
    algorithm: Algorithm
    n: int
    fewer: bool
    seed: int

    @property
    def name(self) -> str:
        return self.photos.name

    @property
    def images(self) -> Path | None:
        return getattr(self.photos, "images", None)

    @property
    def coordinate_columns(self) -> tuple[str, str]:
        return self.photos.coordinate_columns

    def digest(self) -> str:
        digest = hashlib.sha256(self.photos.digest().encode())
        for key, file in sorted(self.files.items()):
            with file.open("rb") as opened:
                digest.update(f"{key} {hashlib.file_digest(opened, 'sha256').hexdigest()}\n".encode())
        return digest.hexdigest()

    def read(self, locator: str) -> Path | FilePart | bytes:
        return self.photos.read(locator)

    def stamp(self, locator: str) -> tuple[int, int | None] | None:
        return self.photos.stamp(locator)

    def table(self) -> pl.DataFrame:
        raw = self.photos.table()
        cities, areas, lost = references(self.files.get("cities"), self.files.get("areas"))
        if lost:
            raise RecipeError(
                f"{self.files['cities']}: its cities of {', '.join(lost[:5])} could never be drawn, since no area of "
                "these countries is known; add it to `source.areas`, or take the cities out"
            )
        judged = judge_coordinates(raw)
        rows = pl.concat([raw.select("id", PROBLEM), judged], how="horizontal").with_row_index("row")
        usable = rows.filter(pl.col(PROBLEM).is_null() & pl.col("id").is_not_null() & (pl.col("verdict") == "ok"))
        usable = usable.unique("id", keep="first", maintain_order=True)
        drawn = draw(usable.select("id", "lat", "lon"), cities, areas, n=self.n, seed=self.seed, mode=self.algorithm)
        if drawn.shortfall and not self.fewer:
            swapped = int((judged["verdict"] == "swapped_columns").sum())
            odd = f"; {swapped:,} of its rows have latitude and longitude swapped" if swapped else ""
            raise SourceError(
                f"{self.name}: gives {drawn.chosen.height:,} of {self.n:,} photos: no more different places lie within "
                f"{RADIUS_KM:g} km of a city{odd}. Lower `source.n`, or say `fewer: true` to take what there is"
            )
        told = pl.concat([usable.select("row"), self._standing(usable.height, cities, drawn)], how="horizontal")
        raw = raw.with_row_index("row").join(told, on="row", how="left", maintain_order="left").drop("row")
        # What was not fit to be drawn keeps a text, so that the plan says in its own words why it drops it.
        text = pl.when(pl.col("_standing").is_null()).then(pl.col("draw").fill_null("{}"))
        reason = pl.col("_standing").replace_strict(_WHY, default=None, return_dtype=pl.String)
        raw = raw.with_columns(
            pl.coalesce(PROBLEM, "_standing").alias(PROBLEM),
            pl.coalesce(DETAIL, reason).alias(DETAIL),
            draw=text,
        )
        raw = raw.with_columns(texts=text_list({"draw": "draw"})).drop("_standing", "draw")
        return pl.concat([raw, _short(drawn, self.n, raw.height)], how="diagonal")

    def _standing(self, height: int, cities: pl.DataFrame, drawn: Gws15k) -> pl.DataFrame:
        """`draw`, a JSON text where a row was drawn, and `_standing`, why not for the others."""
        city = cities[drawn.chosen["city"]].select(city="name", city_lat="lat", city_lon="lon")
        chosen = pl.concat([drawn.chosen.drop("city"), city], how="horizontal")
        chosen = chosen.join(drawn.countries.drop("shortfall"), on="country", how="left", maintain_order="left")
        order = pl.col("draw") if "draw" in chosen.columns else pl.lit(None, pl.Int64)
        numbers = [pl.col(name).round(3) for name in ("km", "wanted")]
        plain = [pl.col(name) for name in ("country", "city", "city_lat", "city_lon", "available", "given")]
        said = pl.struct(
            pl.lit(self.algorithm).alias("algorithm"),
            pl.lit(self.seed, pl.Int64).alias("seed"),
            *plain,
            *numbers,
            order.alias("draw"),
        )
        written = chosen.select("row", draw=said.struct.json_encode())
        reached = drawn.reached.with_columns(
            _near=pl.when("different").then(pl.lit("not_drawn")).otherwise(pl.lit("same_place"))
        )
        rows = pl.DataFrame({"row": pl.int_range(height, dtype=pl.Int64, eager=True)})
        rows = rows.join(written, on="row", how="left", maintain_order="left")
        rows = rows.join(reached.drop("different"), on="row", how="left", maintain_order="left")
        far = pl.col("_near").fill_null("far_from_cities")
        return rows.select("draw", _standing=pl.when(pl.col("draw").is_null()).then(far))


_WHY: Final = {
    "far_from_cities": f"no city within {RADIUS_KM:g} km",
    "same_place": "another photo of the pool stands at these coordinates",
    "not_drawn": "others were drawn",
}


def _short(drawn: Gws15k, n: int, rows: int) -> pl.DataFrame:
    """A line of its own, after the pool's, for each country that gave less than its share of `n`."""
    short = drawn.countries.filter(pl.col("shortfall") > 0)
    details = [
        f"{given:,} drawn, {wanted:.1f} of {n:,} are its share; different places near its cities: {available:,}"
        for wanted, available, given in short.select("wanted", "available", "given").iter_rows()
    ]
    return short.select(
        pl.int_range(rows, rows + pl.len(), dtype=pl.Int64).alias("source_row"),
        pl.col("country").alias("id"),
        pl.lit("country_short").alias(PROBLEM),
        pl.Series(DETAIL, details, dtype=pl.String),
    )
