"""Which columns of a file are its coordinates, by their names."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from factory.errors import RecipeError
from factory.geo.files import columns_of

_LATITUDES: Final = ("lat", "latitude", "y_lat", "decimallatitude", "gps_lat", "gpslatitude")
_LONGITUDES: Final = ("lon", "longitude", "lng", "long", "x_lon", "decimallongitude", "gps_lon", "gpslongitude")
"""Usual names of columns, small; the first is taken before others."""


def axes_of(path: Path, lat: str | None, lon: str | None) -> tuple[str, str]:
    """The columns of latitude and longitude: those given, else the only ones of a usual name ("lat", "Latitude").

    JSON lines have no columns to look at: there the names are "lat" and "lon".
    Raises RecipeError where no column, or several, may be meant; it names the option to give.
    """
    names = columns_of(path)
    found = []
    for option, given, usual in (("--lat", lat, _LATITUDES), ("--lon", lon, _LONGITUDES)):
        if given is not None or names is None:
            found.append(given or usual[0])
            continue
        exact = [name for name in usual[:1] if names.count(name) == 1]
        fitting = exact or [name for name in names if name.strip().casefold() in usual]
        if len(fitting) != 1:
            told = f"may be {' or '.join(map(repr, fitting))}" if fitting else f"is none of {', '.join(names)}"
            raise RecipeError(f"{path}: the column of {option[2:]} {told}; name it with {option} COLUMN")
        found.append(fitting[0])
    return found[0], found[1]
