"""From a written place to its coordinates: "Helsinki, Finland", "Kazan, Tatarstan, Russia", "圣彼得堡, 俄罗斯".

Parts in any order and script are looked up in a prebuilt index and weighed against each other (see `place_match`).
The written country always binds: a city outside it, its territories or its parent is never the answer. Only when no
part names a city within it is one letter allowed to be wrong (see `misspelt`), at half the score. What is not found
is null; a place found only as a region or a country says so in `level`. An island is a region at its own point, and
`region` the unit that it belongs to.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

_MAX_CANDIDATES = 100


def forward(
    names: str | Sequence[str | None] | pl.Series | None, *, candidates: int = 1, worldview: str = "default"
) -> pl.DataFrame:
    """Finds written places, one row per input and in its order.

    Args:
        names: A text, or a list, array or Series of them, up to 200 characters each. Not found, as rows without a
            place, are null, NaN, empty and longer ones, numbers, and text that is not Unicode (its `query` has U+FFFD).
        candidates: How many places to list for each string, best first, with their `rank` from 1; an unknown string
            still has one row.
        worldview: Who owns disputed places, see `gazetteer.WORLDVIEWS`; the claimant's name is understood in either.

    Returns:
        query, lat, lon (WGS84 degrees), country_code, region (rolled up as by `reverse`), city, city_id (GeoNames),
        level ("city", "region", "country" or null), score, ambiguity (km to another place that fits as well and has at
        least a tenth of its people, null when there is none), matched (the part of the string that named the place),
        quarter (the part of the city that was named and lies at lat, lon; else null).
        Where two towns over 100 km apart fit, and the larger has less than twice the people, the answer is the region
        or country that is written with them, `ambiguity` the km between the two, and both are further candidates.
        The score is 1 where one place fits, 0.8 where the others have less than a tenth of its people, 0.5 where they
        do not; less for parts that nothing explains, and at most 0.4 for a misspelt name.

    Raises:
        ValueError: for `candidates` outside 1 to 100 or an unknown worldview.
        TypeError: for anything but names, such as bytes, a dict or a list of lists; for `candidates` that is no int.
        EnvironmentFault: in a process forked after the parent used the gazetteer.
    """
    if not isinstance(candidates, int) or isinstance(candidates, bool):
        raise TypeError(f"candidates must be a whole number, not {candidates!r}")
    if not 1 <= candidates <= _MAX_CANDIDATES:
        raise ValueError(f"candidates must lie between 1 and {_MAX_CANDIDATES}, not {candidates}")
    from factory.geo.forked import refuse_fork
    from factory.geo.inputs import names_of
    from factory.geo.lookup import look_up
    from factory.geo.name_index import read_index

    refuse_fork()
    asked, shown = names_of(names)
    found = look_up(asked, candidates, worldview, read_index())
    if shown is asked:
        return found
    unasked = found["query"].is_null().arg_true()
    return found.with_columns(found["query"].scatter(unasked, shown.filter(asked.is_null())))
