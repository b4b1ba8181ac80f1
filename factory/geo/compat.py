"""Labels as the package reverse_geocoder gives them: the nearest of its 144,563 cities, by raw degrees.

For comparing with work that used it, such as OSV-5M's metrics. It names the wrong country for more than a third of the
points within 25 km of a land border (see the README); `factory.geo.reverse` is the one to use.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from factory.errors import EnvironmentFault
from factory.geo.inputs import degrees_of

if TYPE_CHECKING:
    import polars as pl


def reverse_nearest_city(
    lat: float | Sequence[float | None] | pl.Series | None, lon: float | Sequence[float | None] | pl.Series | None
) -> pl.DataFrame:
    """country_code, region, city of each point in degrees, one row a point, null where a coordinate is not finite.

    Takes what `reverse` takes. Raises EnvironmentFault when the extra `compat` is not installed, ValueError for inputs
    of different lengths.
    """
    import math

    import polars as pl

    try:
        import reverse_geocoder
    except ImportError:
        raise EnvironmentFault("reverse_geocoder is missing: pip install 'geo-reasoning-factory[compat]'") from None
    pairs = list(zip(degrees_of(lat).tolist(), degrees_of(lon, axis="lon").tolist(), strict=True))
    usable = [at for at, pair in enumerate(pairs) if all(map(math.isfinite, pair))]
    points = [pairs[at] for at in usable]
    rows: list[dict[str, str | None]] = [{"country_code": None, "region": None, "city": None} for _ in pairs]
    for at, found in zip(usable, reverse_geocoder.search(points, mode=1, verbose=False) if points else (), strict=True):
        rows[at] = {"country_code": found["cc"], "region": found["admin1"], "city": found["name"]}
    return pl.DataFrame(rows, schema={"country_code": pl.String, "region": pl.String, "city": pl.String})
