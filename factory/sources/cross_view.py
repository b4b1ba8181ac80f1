"""What sources of cross-view pairs share: pictures that each have a place and a scale, and the nearest other tiles."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from factory.errors import SourceError
from factory.sources.contract import ALIASES, DETAIL, LISTS, PROBLEM, even_sample, raw_columns
from factory.sources.paths import listing_digest

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def picture(
    role: str,
    locator: str,
    *,
    lat: float | None = None,
    lon: float | None = None,
    metres_per_pixel: float | None = None,
) -> dict[str, Any]:
    """One entry of the column `images`: WGS84 degrees of its own, and metres on the ground that a pixel spans."""
    return {
        "role": role,
        "locator": locator,
        "lat": lat,
        "lon": lon,
        "metres_per_pixel": metres_per_pixel,
        "embed": True,
    }


def images_column(rows: Sequence[Sequence[Mapping[str, Any]]]) -> pl.Series:
    """The column `images` of a raw table, from `picture`s."""
    return pl.Series("images", rows, LISTS["images"], strict=False)


def texts_column(rows: Sequence[Mapping[str, str | None]]) -> pl.Series:
    """The column `texts` of a raw table, from texts by name; blank ones are left out."""
    listed = [[{"name": name, "text": text} for name, text in row.items() if text] for row in rows]
    return pl.Series("texts", listed, LISTS["texts"])


def first_folder(root: Path, names: Sequence[str], *, what: str, how: str) -> str:
    """The first of some folders below `root` that is there, by its name. Raises SourceError with `how` to get it."""
    found = next((name for name in names if (root / name).is_dir()), None)
    if found is None:
        raise SourceError(f"{root.name}/: has no folder of {what} ({', '.join(names)}); {how}")
    return found


class Nearby:
    """The tiles of one city, to be asked for those nearest to a place."""

    def __init__(self, lat: NDArray[np.float64], lon: NDArray[np.float64]) -> None:
        import numpy as np

        self._order = np.argsort(lat, kind="stable")
        self._lat, self._lon = lat[self._order], lon[self._order]

    def nearest(self, lat: float, lon: float, most: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Positions of the `most` tiles nearest to a place (fewer where there are fewer), and metres to their middles,
        nearest first; ties in the order of the tiles."""
        import numpy as np

        from factory.geo import haversine_km

        degrees = 0.002
        while True:
            low, high = np.searchsorted(self._lat, (lat - degrees, lat + degrees))
            metres = haversine_km(lat, lon, self._lat[low:high], self._lon[low:high]) * 1000
            # No tile north or south of the band is nearer than the band is wide; one degree is 111.2 km of the sphere.
            within = metres <= degrees * 111_000
            if within.sum() >= most or high - low == len(self._lat):
                break
            degrees *= 2
        positions = self._order[low:high]
        chosen = np.lexsort((positions, metres))[:most]
        return positions[chosen], metres[chosen]


def pair_table(rows: Sequence[Mapping[str, Any]], said: Mapping[str, str | None]) -> pl.DataFrame:
    """The raw table of a source whose rows have pictures and texts.

    Args:
        rows: each with `id`, and with its place, `images` and `texts`, or with what is wrong with it.
        said: of all rows: licence, author.
    """
    names = ("id", "lat", "lon", "captured_at", PROBLEM, DETAIL)
    values = {name: [row.get(name) for row in rows] for name in names}
    frame = pl.DataFrame(values, strict=False, schema_overrides=dict.fromkeys(("id", PROBLEM, DETAIL), pl.String))
    frame = frame.with_columns(
        pl.col(pl.Null).cast(pl.String),
        images_column([row.get("images", ()) for row in rows]),
        texts_column([row.get("texts", {}) for row in rows]),
        *(pl.lit(value, pl.String).alias(key) for key, value in said.items()),
    )
    known = ("source_row", *ALIASES, PROBLEM, DETAIL, "images", "texts")
    numbered = frame.with_row_index("source_row")
    return raw_columns(numbered.select(name for name in known if name in numbered.columns))


def pairs_digest(
    table: pl.DataFrame,
    settings: str,
    stamp: Callable[[str], tuple[int, int | None] | None],
    columns: Sequence[str] = ("id", "texts", PROBLEM),
) -> str:
    """sha256 of what identifies such a table: the settings that made it, what its rows say, and the sizes of some
    thousands of its pictures."""
    digest = hashlib.sha256(settings.encode())
    for row in table.select(columns).iter_rows():
        digest.update(repr(row).encode())
    locators = table["images"].explode().struct.field("locator").drop_nulls()
    listing = ((name, (stamp(name) or (-1, 0))[0]) for name in even_sample(locators))
    digest.update(listing_digest(listing).encode())
    return digest.hexdigest()
