"""Names of places as codes that can be compared, and the points they mean. All of it is asked of `factory.geo`."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final

import polars as pl

from factory.geo import forward, is_country_of, reverse
from factory.geo.names import country_code
from factory.geo.normalise import fold

LEVELS: Final = ("country", "region", "city")
_CODES: Final[dict[str, Any]] = {"country_code": pl.String, "region_code": pl.String, "city_code": pl.String}
"""Codes of the three levels: ISO 3166-1 alpha-2; `code/region`; GeoNames id."""


def named_places(frame: pl.DataFrame) -> pl.DataFrame:
    """The places that rows name, a row each: `at_lat`, `at_lon` (degrees, null where nothing was found) and codes.

    Args:
        frame: country, region, city and, where a model wrote one string, place; null where a row does not say it.
    """
    place = pl.col("place") if "place" in frame.columns else pl.lit(None, dtype=pl.String)
    parts = pl.concat_str([pl.col(name) for name in ("city", "region", "country")], separator=", ", ignore_nulls=True)
    query = pl.when(parts != "").then(parts).otherwise(place)
    asked = frame.select(query.alias("query"), pl.col("country").alias("stated"))
    found = _found(asked["query"].drop_nulls().unique().to_list())
    stated = {name: country_code(name) for name in asked["stated"].drop_nulls().unique()}
    codes = pl.Series([stated.get(name) for name in asked["stated"]], dtype=pl.String)
    joined = asked.join(found, on="query", how="left", maintain_order="left")
    return joined.with_columns(country_code=pl.coalesce(codes, "country_code")).drop("query", "stated")


def _found(queries: Sequence[str]) -> pl.DataFrame:
    answer = forward(list(queries))
    is_city, is_region = pl.col("level") == "city", pl.col("level").is_in(["city", "region"])
    return answer.select(
        "query",
        at_lat="lat",
        at_lon="lon",
        country_code="country_code",
        region_code=pl.when(is_region).then(pl.concat_str("country_code", pl.lit("/"), "region")),
        city_code=pl.when(is_city).then(pl.col("city_id").cast(pl.String)),
    )


def labels_of(lat: pl.Series, lon: pl.Series) -> pl.DataFrame:
    """Codes of the places in which points in degrees lie; null where they lie in none, or are null."""
    found = reverse(lat, lon)
    return found.select(
        country_code="country_code",
        region_code=pl.concat_str("country_code", pl.lit("/"), "region"),
        city_code=pl.col("city_id").cast(pl.String),
    )


def matches(truth: pl.DataFrame, answer: pl.DataFrame, rule: str) -> pl.DataFrame:
    """Whether answers name the true country, region and city: 1, 0, or null where a level is not counted.

    Args:
        truth: lat, lon, country, region, city.
        answer: the same, place, and the codes of `named_places`; row for row those of `truth`.
        rule: `place`, `reverse` or `contains`, as `presets.Rules.names`.
    """
    if rule == "contains":
        found = [_contained(truth[level], answer[level]).alias(level) for level in ("country", "city")]
        return pl.DataFrame(found).select("country", pl.lit(None, dtype=pl.Float64).alias("region"), "city")
    there = labels_of(truth["lat"], truth["lon"])
    if rule == "reverse":
        said = labels_of(answer["lat"], answer["lon"])
        return pl.DataFrame([_same(there[f"{level}_code"], said[f"{level}_code"]).alias(level) for level in LEVELS])
    return _by_place(truth, there, answer)


def _by_place(truth: pl.DataFrame, there: pl.DataFrame, answer: pl.DataFrame) -> pl.DataFrame:
    """Codes of names, else of points; or names that are written alike, where the gazetteer knows neither."""
    stated = named_places(truth)
    measured = labels_of(answer["lat"], answer["lon"])
    names_something = pl.any_horizontal(pl.col(name).is_not_null() for name in (*LEVELS, "place"))
    by_name = answer.select(names_something).to_series()
    columns = []
    for level in LEVELS:
        code = f"{level}_code"
        has_name = truth[level].is_not_null()
        known = stated[code].fill_null(there[code]) if level == "country" else stated[code]
        true_code = known.zip_with(has_name, there[code])
        said = answer[code].zip_with(by_name, measured[code])
        alike = _folded(truth[level]) == _folded(answer[level])
        same = (true_code == said).fill_null(False) | alike.fill_null(False)
        if level == "country":
            same |= _true_of(said, true_code, truth)
        counted = has_name | there[code].is_not_null()
        columns.append(same.cast(pl.Float64).zip_with(counted, pl.Series([None], dtype=pl.Float64)).alias(level))
    return pl.DataFrame(columns)


def _true_of(said: pl.Series, true: pl.Series, truth: pl.DataFrame) -> pl.Series:
    """Whether another country than that of the label is true of the place, too: its sovereign's, or a claimant's."""
    found = []
    for given, own, lat, lon in zip(said, true, truth["lat"], truth["lon"], strict=True):
        apart = given is not None and own is not None and given != own
        found.append(apart and _accepted(given, own, lat, lon))
    return pl.Series(found, dtype=pl.Boolean)


def _accepted(given: str, own: str, lat: float, lon: float) -> bool:
    known = _known_pair(given, own)
    return bool(is_country_of(given, own, (lat, lon)) if known is None else known)


@lru_cache(maxsize=65_536)
def _known_pair(given: str, own: str) -> bool | None:
    return is_country_of(given, own)


def _same(true: pl.Series, said: pl.Series) -> pl.Series:
    right = (true == said).fill_null(False).cast(pl.Float64)
    return right.zip_with(true.is_not_null(), pl.Series([None], dtype=pl.Float64))


def _contained(true: pl.Series, said: pl.Series) -> pl.Series:
    """As NAVIG's script does it, letter by letter, every row counted; a level that no row has is not measured."""
    if not true.is_not_null().any():
        return pl.Series([None] * len(true), dtype=pl.Float64)
    found = [a is not None and b is not None and a in b for a, b in zip(true, said, strict=True)]
    return pl.Series(found, dtype=pl.Float64)


def _folded(names: pl.Series) -> pl.Series:
    return pl.Series([fold(name) if name is not None else None for name in names], dtype=pl.String)
