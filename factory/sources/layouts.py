"""Tables of the public sets, known by name: which column is which, and what their values mean."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

import polars as pl

from factory.sources.contract import Field

LayoutName = Literal["mp16", "osv5m"]


def _as_it_is(frame: pl.DataFrame) -> pl.DataFrame:
    return frame


@dataclass(frozen=True, slots=True)
class Layout:
    """How a public set writes its table."""

    columns: Mapping[Field, str]
    """Our field to their column. Only id, lat and lon must be there: reduced copies circulate."""
    licence: str | None = None
    """Of all images, where the set has one."""
    finish: Callable[[pl.DataFrame], pl.DataFrame] = field(default=_as_it_is)
    """Gives values their meaning, on the mapped columns as text."""
    searched_folders: bool = False
    """Images lie in unnamed folders one level below the image root."""


def _finish_mp16(frame: pl.DataFrame) -> pl.DataFrame:
    """S3 classes by name (GeoEstimation, Mueller-Budack et al. 2018); MP-16 writes `a/b.jpg` and stores `a_b.jpg`."""
    flat = pl.col("id", "image").str.replace_all("/", "_", literal=True)
    scenes = {"0": "indoor", "1": "natural", "2": "urban"}
    return frame.with_columns(flat, pl.col("scene").replace_strict(scenes, default=None, return_dtype=pl.String))


def _finish_osv5m(frame: pl.DataFrame) -> pl.DataFrame:
    """Names hold a literal NaN for "none"; `NA` is Namibia. Mapillary's times are milliseconds since 1970, in UTC."""
    names = pl.col("region", "city")
    milliseconds = pl.col("captured_at").str.extract(r"^(\d{12,13})$").cast(pl.Int64, strict=False)
    taken = pl.from_epoch(milliseconds, time_unit="ms").dt.strftime("%Y-%m-%dT%H:%M:%SZ")
    return frame.with_columns(
        pl.when(names != "NaN").then(names),
        image=pl.col("image") + ".jpg",
        captured_at=pl.coalesce(taken, "captured_at"),
    )


LAYOUTS: Final[Mapping[LayoutName, Layout]] = {
    "mp16": Layout(
        columns={
            "id": "IMG_ID",
            "image": "IMG_ID",
            "author": "AUTHOR",
            "lat": "LAT",
            "lon": "LON",
            "scene": "S3_Label",
        },
        finish=_finish_mp16,
    ),
    "osv5m": Layout(
        columns={
            "id": "id",
            "image": "id",
            "lat": "latitude",
            "lon": "longitude",
            "author": "creator_username",
            "captured_at": "captured_at",
            "country": "country",
            "region": "region",
            "city": "city",
        },
        licence="CC-BY-SA-4.0",
        finish=_finish_osv5m,
        searched_folders=True,
    ),
}
"""mp16 also fits IM2GPS, IM2GPS3k and YFCC as GeoEstimation and TransLocator publish them."""
