"""Whether a photo's coordinates lie in the country that its source states, by our polygons."""

from __future__ import annotations

from typing import Annotated, Final

import polars as pl
from pydantic import Field

from factory.geo.claims import is_country_of
from factory.geo.reverse import reverse
from factory.plugins.registry import register
from factory.select.ruling import Ruling, removals

_AT_ONCE: Final = 1 << 19
"""Rows whose country is looked up together: what a look-up takes beside its answer, some 80 bytes a row, is bounded."""


@register("selector", "truth_in_country")
def truth_in_country(
    frame: pl.DataFrame, *, within_km: Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)] = 2.0
) -> Ruling:
    """Removes rows whose coordinates speak against their country: `country_differs`, or `at_sea` where there is none.

    A country is true of a place as `factory.geo.is_country_of` says: territories and disputed places count for each
    that has a claim to them. Rows without a stated country are `no_country`: what nobody can compare is not released.

    Args:
        frame: rows in plan order, see `factory.select.ruling.FRAME_SCHEMA`.
        within_km: points this near to a land border are not judged; the polygons are off by about 1 km.
    """
    parts = [frame.slice(start, _AT_ONCE) for start in range(0, max(1, frame.height), _AT_ONCE)]
    here = pl.concat([reverse(part["lat"], part["lon"], levels="country")["country_code"] for part in parts])
    odd = frame.select("id", "lat", "lon", "country_code", here=here).filter(
        pl.col("country_code").is_null() | pl.col("here").is_null() | (pl.col("country_code") != pl.col("here"))
    )
    borders = reverse(odd["lat"], odd["lon"], levels=("country", "border"))["border_km"]
    ids, reasons, details = [], [], []
    for (name, lat, lon, stated, here), border in zip(odd.iter_rows(), borders, strict=True):
        if stated is None:
            reason, detail = "no_country", "the source states none"
        elif here is None:
            reason, detail = "at_sea", f"{stated} by the source; no country within 25 km"
        elif (border is not None and border <= within_km) or is_country_of(stated, here, (lat, lon)):
            continue
        else:
            reason, detail = "country_differs", f"{stated} by the source; {here} by the polygons"
            detail += "" if border is None else f", {border:.1f} km from the border"
        ids.append(name)
        reasons.append(reason)
        details.append(detail)
    return Ruling(removed=removals(ids, reasons, details))
