"""From a written place to its coordinates: "Helsinki, Finland", "Kazan, Tatarstan, Russia", "圣彼得堡, 俄罗斯".

Parts in any order and script are looked up in a prebuilt index and weighed against each other (see `place_match`).
The written country always binds: a city outside it, its territories or its parent is never the answer. Only when no
part names a city within it is one letter allowed to be wrong (see `misspelt`), at half the score. What is not found
is null; a place found only as a region or a country says so in `level`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal

import polars as pl

Level = Literal["city", "region", "country"]

LEVELS: Final[tuple[Level, ...]] = ("city", "region", "country")

_MAX_CANDIDATES = 100


def forward(
    names: Sequence[str | None] | pl.Series, *, candidates: int = 1, worldview: str = "default"
) -> pl.DataFrame:
    """Finds written places, one row per input and in its order.

    Args:
        names: Up to 200 characters each; null, empty and longer ones are not found.
        candidates: How many places to list for each string, best first, with their `rank` from 1; an unknown string
            still has one row.
        worldview: Who owns disputed places, see `gazetteer.WORLDVIEWS`; the claimant's name is understood in either.

    Returns:
        query, lat, lon (WGS84 degrees), country_code, region (rolled up as by `reverse`), city, city_id (GeoNames),
        level ("city", "region", "country" or null), score, ambiguity (km to another place that fits as well and has at
        least a tenth of its people, null when there is none), matched (the part of the string that named the place).
        The score is 1 where one place fits, 0.8 where the others have less than a tenth of its people, 0.5 where they
        do not; less for parts that nothing explains, and at most 0.4 for a misspelt name.

    Raises:
        ValueError: for `candidates` outside 1 to 100 or an unknown worldview.
    """
    if not 1 <= candidates <= _MAX_CANDIDATES:
        raise ValueError(f"candidates must lie between 1 and {_MAX_CANDIDATES}, not {candidates}")
    from factory.geo.lookup import look_up
    from factory.geo.name_index import read_index

    return look_up(names, candidates, worldview, read_index())
