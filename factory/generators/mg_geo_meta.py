"""MG-Geo Meta (GaGA, Dou et al. 2024): where a street photo was taken, as its source says, in JSON; nobody is asked."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Annotated, Final, Literal

import polars as pl
from pydantic import Field

from factory.generators.asked import drawn, turns
from factory.plugins.contracts import Generator, Needs
from factory.plugins.registry import register
from schemas.rows.mg_geo_meta import ROW

QUESTIONS: Final = (
    "Where was this photo taken? Give country, region, city, latitude and longitude as JSON.",
    "Name the place of this picture: country, region and city, with its coordinates, as a JSON object.",
    "In which country, region and city does this street lie? Answer in JSON and add lat and lon.",
    "Locate this photo. Reply with one JSON object of the keys country, region, city, lat and lon.",
    "What place does this image show? I need country, region, city and the coordinates, in JSON.",
    "Find out where the camera stood and write it as JSON: country, region, city, lat, lon.",
    "Which spot on Earth is this? State country, region, city, latitude and longitude in JSON.",
    "Geolocate the picture. The answer is JSON with country, region, city and decimal coordinates.",
)
"""Ours: the paper says that templates vary and prints none."""


@register("generator", "mg_geo_meta")
def mg_geo_meta(
    *,
    coordinates: Literal["strings", "numbers"] = "strings",
    decimals: Annotated[int, Field(ge=0, le=7)] = 4,
    pictures: bool = True,
) -> Generator:
    """The place of each photo as JSON, with a question that varies; all rows of a shard at once.

    Args:
        coordinates: `strings` as the paper's example prints them, or `numbers`.
        decimals: of the coordinates in the answer; 4 are 11 m, as in the paper's example.
        pictures: release the photos with the rows. False makes rows that are joined by id with photos one has.
    """
    return Generator(
        name="mg_geo_meta",
        version="1",
        row=ROW,
        needs=Needs(images=("photo",) if pictures else (), calls=(0, 0)),
        records=partial(records, strings=coordinates == "strings", decimals=decimals, pictures=pictures),
    )


def records(frame: pl.DataFrame, *, strings: bool, decimals: int, pictures: bool) -> pl.DataFrame:
    """The rows of a table of samples; none of a sample whose country, region or city is not known.

    Args:
        frame: columns of `schemas.arrow.PLAN`.
        strings, decimals, pictures: see `mg_geo_meta`.
    """
    told = with_places(frame, QUESTIONS, strings=strings, decimals=decimals, pictures=pictures)
    return told.select(ROW.own)


def with_places(
    frame: pl.DataFrame, questions: Sequence[str], *, strings: bool, decimals: int, pictures: bool
) -> pl.DataFrame:
    """The samples whose country, region and city are known, with the columns `country` (its English name), `question`
    (one of those given, by the sample's id), `answer` (their place as JSON), `messages` and `saw_truth`.

    Args:
        frame: columns of `schemas.arrow.PLAN`.
        strings, decimals, pictures: see `mg_geo_meta`.
    """
    from factory.geo import country_name

    whole = frame.filter(pl.all_horizontal(pl.col("country_code", "region", "city").is_not_null()))
    codes = whole["country_code"].unique().to_list()
    names = {code: country_name(code) or code for code in codes}
    named = whole.with_columns(
        pl.col("country_code").replace_strict(names, return_dtype=pl.String).alias("country"),
        pl.Series("question", [drawn(questions, name) for name in whole["id"]], dtype=pl.String),
    )
    written = [pl.col(name).round(decimals) for name in ("lat", "lon")]
    places = [value.cast(pl.String) if strings else value for value in written]
    answer = pl.struct("country", "region", "city", *places).struct.json_encode()
    return named.with_columns(answer=answer).with_columns(
        messages=turns(pl.col("question"), pl.col("answer"), pictures=int(pictures)),
        saw_truth=pl.lit("none"),
    )
