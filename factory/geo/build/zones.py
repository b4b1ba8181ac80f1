"""Time zones as places: the coordinates of tzdata's zone.tab, and the city that each zone is named for.

tzdata (public domain) puts every zone at its city's centre. A zone named for an island or a station has no city here:
its English name must be a name of a place near those coordinates.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib import resources
from typing import NamedTuple

import polars as pl

from factory.geo.distance import haversine_km
from factory.geo.entities import REGION_BASE, Entities
from factory.geo.normalise import fold

_COORDINATES = re.compile(r"([+-])(\d{2})(\d{2})(\d{2})?([+-])(\d{3})(\d{2})(\d{2})?")


class Zone(NamedTuple):
    """A row of zone.tab: ISO 3166-1 alpha-2 and WGS84 degrees."""

    country: str
    lat: float
    lon: float


def read_zones() -> dict[str, Zone]:
    """The zones of the installed package tzdata by name, each under its older names too."""
    folder = resources.files("tzdata") / "zoneinfo"
    zones: dict[str, Zone] = {}
    for line in (folder / "zone.tab").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            country, coordinates, name = line.split("\t")[:3]
            zones[name] = Zone(country, *_degrees(coordinates))
    for line in (folder / "tzdata.zi").read_text(encoding="utf-8").splitlines():
        if line.startswith("L "):
            _, target, link = line.split(" ")[:3]
            if target in zones and link not in zones:
                zones[link] = zones[target]
    return zones


def zone_places(
    english: Mapping[str, str], rows: pl.DataFrame, entities: Entities, *, within_km: float
) -> dict[str, int]:
    """The city of each zone: among the places of its English name within `within_km`, the most populous.

    Args:
        english: CLDR's English exemplar city by zone; a zone without one is named by its identifier.
        rows: The index so far, columns `key` and `entity`.
        entities: The places.
        within_km: How far from the zone's coordinates the place may be.
    """
    zones = read_zones()
    names = [(zone, fold(english.get(zone, "").partition(",")[0])) for zone in zones]
    names += [(zone, fold(zone.rpartition("/")[2].replace("_", " "))) for zone in zones if zone not in english]
    wanted = pl.DataFrame(names, schema=["zone", "key"], orient="row")
    found: dict[str, int] = {}
    named = rows.filter(pl.col("entity") < REGION_BASE).join(wanted, on="key").sort("zone", "entity")
    for zone, entity in named.select("zone", "entity").iter_rows():
        _, lat, lon = zones[zone]
        near = haversine_km(lat, lon, float(entities.lat[entity]), float(entities.lon[entity])) <= within_km
        if near and zone not in found:
            found[zone] = entity
    return found


def _degrees(coordinates: str) -> tuple[float, float]:
    match = _COORDINATES.fullmatch(coordinates)
    if match is None:
        raise ValueError(f"zone.tab has coordinates of no known form: {coordinates}")
    north, lat, lat_minutes, lat_seconds, east, lon, lon_minutes, lon_seconds = match.groups(default="0")
    first = int(lat) + int(lat_minutes) / 60 + int(lat_seconds) / 3600
    second = int(lon) + int(lon_minutes) / 60 + int(lon_seconds) / 3600
    return (-first if north == "-" else first), (-second if east == "-" else second)
