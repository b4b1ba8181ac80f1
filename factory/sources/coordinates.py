"""Coordinates of a source's table, judged row by row: what is impossible gets a verdict and stays in the table."""

from __future__ import annotations

from typing import Final, Literal

import polars as pl

from factory.geo.degrees import parse_places

Verdict = Literal[
    "ok",
    "missing",
    "not_a_number",
    "swapped_columns",
    "lat_out_of_range",
    "lon_out_of_range",
    "null_island",
]

NULL_ISLAND_DEGREES: Final = 0.01
"""Points nearer to (0, 0) than this on both axes are a default value: that sea is 500 km from any shore."""


def judge_coordinates(table: pl.DataFrame) -> pl.DataFrame:
    """Columns lat, lon (float64 degrees, null where not a number) and verdict, one row per row of `table`.

    `table` has columns `lat` and `lon`, numeric or text. `swapped_columns` is a latitude that only a longitude can be,
    beside a longitude that may be a latitude.
    """
    parsed = parse_places(table["lat"], table["lon"]).with_columns(
        blank=_is_blank(table["lat"]) | _is_blank(table["lon"])
    )
    lat, lon = pl.col("lat").abs(), pl.col("lon").abs()
    verdict = (
        pl.when("blank")
        .then(pl.lit("missing"))
        .when(pl.col("lat").is_null() | pl.col("lon").is_null())
        .then(pl.lit("not_a_number"))
        .when((lat > 90) & (lat <= 180) & (lon <= 90))
        .then(pl.lit("swapped_columns"))
        .when(lat > 90)
        .then(pl.lit("lat_out_of_range"))
        .when(lon > 180)
        .then(pl.lit("lon_out_of_range"))
        .when((lat < NULL_ISLAND_DEGREES) & (lon < NULL_ISLAND_DEGREES))
        .then(pl.lit("null_island"))
        .otherwise(pl.lit("ok"))
    )
    return parsed.select("lat", "lon", verdict=verdict)


def _is_blank(values: pl.Series) -> pl.Series:
    return (values.str.strip_chars() == "").fill_null(True) if values.dtype == pl.String else values.is_null()
