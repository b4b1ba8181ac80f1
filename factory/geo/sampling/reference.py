"""The cities and country areas that GWS15k is drawn with, from the gazetteer or from files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import polars as pl

from factory.errors import RecipeError
from factory.geo.files import check_columns, columns_of, points_of, read_batches

MIN_POPULATION: Final = 10_000
"""The paper's "43K cities" are not named; GeoNames has some 45,000 places of at least 10,000 people."""


def gazetteer_cities(min_population: int = MIN_POPULATION) -> pl.DataFrame:
    """name, lat, lon, country of the gazetteer's cities with at least so many people."""
    from factory.geo.gazetteer import cities

    large = cities().filter(pl.col("population") >= min_population)
    return large.select("name", "lat", "lon", pl.col("country").cast(pl.String))


def gazetteer_areas() -> dict[str, float]:
    """km2 by ISO 3166-1 code of every country and territory with land."""
    from factory.geo.gazetteer import countries

    return dict(countries().filter(pl.col("area_km2") > 0).select("code", "area_km2").iter_rows())


def references(cities: Path | None, areas: Path | None) -> tuple[pl.DataFrame, dict[str, float], list[str]]:
    """Cities and areas, the gazetteer's where there is no file, and the countries of `cities` that have no area and so
    are never drawn.

    Raises RecipeError for JSON lines, which have no columns, for a column that is there twice, and where not one
    country of a file is known to the other: names in the place of codes.
    """
    for table, optional in ((cities, "name"), (areas, "area_km2")):
        if table:
            _check_table(table, optional)
    known = read_cities(cities) if cities else gazetteer_cities()
    countries = read_areas(areas) if areas else gazetteer_areas()
    return known, countries, _lost(cities, areas, known["country"].drop_nulls().unique().sort().to_list(), countries)


def _check_table(path: Path, name: str) -> None:
    names = columns_of(path)
    if names is None:
        raise RecipeError(f"{path}: expected a table of countries as CSV, TSV or Parquet")
    check_columns(path, [name] if name in names else [])


def _lost(cities: Path | None, areas: Path | None, of_cities: list[str], of_areas: Mapping[str, float]) -> list[str]:
    if cities:
        path, other, named = cities, areas or "the gazetteer", of_cities
        lost = [country for country in named if country not in of_areas]
    elif areas:
        path, other, named = areas, "the gazetteer", list(of_areas)
        lost = sorted(set(named) - set(of_cities))
    else:
        return []
    if len(lost) == len(named):
        shown = ", ".join(map(repr, lost[:5])) + (f" and {len(lost) - 5:,} more" if len(lost) > 5 else "")
        raise RecipeError(
            f"{path}: no country in it is among those of {other}: {shown or 'it names none'}; "
            "expected ISO 3166-1 codes such as FI, not names"
        )
    return lost if cities else []


def read_cities(path: Path) -> pl.DataFrame:
    """name, lat, lon, country of a table with columns lat, lon, country and, where it has one, name."""
    check_columns(path, ["lat", "lon", "country"])
    parts = []
    for batch in read_batches(path, rows=250_000):
        points = points_of(path, batch, "lat", "lon")
        texts = pl.DataFrame(
            batch.table.select([name for name in ("country", "name") if name in batch.table.column_names])
        )
        parts.append(pl.concat([points, texts.cast(pl.String)], how="horizontal"))
    found = (
        pl.concat(parts) if parts else pl.DataFrame(schema={"lat": pl.Float64, "lon": pl.Float64, "country": pl.String})
    )
    return found if "name" in found.columns else found.with_columns(name=pl.lit(None, dtype=pl.String))


def read_areas(path: Path) -> dict[str, float]:
    """km2 by country of a table with columns country and area_km2. Raises RecipeError for what is no number."""
    check_columns(path, ["country", "area_km2"])
    areas: dict[str, float] = {}
    for batch in read_batches(path, rows=250_000):
        rows = pl.DataFrame(batch.table.select(["country", "area_km2"]))
        numbers = rows["area_km2"].cast(pl.Float64, strict=False)
        for row, (name, area) in enumerate(zip(rows["country"].cast(pl.String), numbers, strict=True), batch.first_row):
            if name is None or area is None or not 0 <= area < float("inf") or name in areas:
                raise RecipeError(f"{path}, row {row + 1}: expected each country once with its area in km2, at least 0")
            areas[name] = area
    return areas
