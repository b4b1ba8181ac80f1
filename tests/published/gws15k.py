"""GWS15k as GaGA's paper draws it (section V-A1, Algorithm 1), and nothing of ours.

    row_faults(row, cities)                          -> what is wrong with one row, a line each
    set_faults(rows, n, cities, areas, pool)         -> what is wrong with the whole draw

A row has `lat`, `lon` and the columns of the draw; cities are (country, lat, lon), areas km2 by country, and the pool
(lat, lon) of every photo that could be drawn.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

RADIUS_KM = 5.0

City = tuple[str, float, float]
Place = tuple[float, float]


def km(a: Place, b: Place) -> float:
    """Haversine on a sphere of 6,371 km."""
    lat_a, lon_a, lat_b, lon_b = (math.radians(value) for value in (*a, *b))
    half = math.sin((lat_b - lat_a) / 2) ** 2 + math.cos(lat_a) * math.cos(lat_b) * math.sin((lon_b - lon_a) / 2) ** 2
    return 2 * 6371 * math.asin(math.sqrt(half))


def p_adj(areas: Mapping[str, float]) -> dict[str, float]:
    """COMPUTEPROB of Algorithm 1, then "Normalize"."""
    total = sum(areas.values())
    adjusted = {name: 0.5 * area / total + 0.5 / len(areas) for name, area in areas.items()}
    return {name: value / sum(adjusted.values()) for name, value in adjusted.items()}


def row_faults(row: Mapping[str, Any], cities: Sequence[City]) -> Iterator[str]:
    """What an evaluation row lacks: a picture and a question, the three names and the coordinates, a city near by."""
    if [turn["role"] for turn in row["messages"]] != ["user", "assistant"]:
        yield "no question and answer"
        return
    truth = json.loads(row["messages"][1]["content"][0]["text"])
    for name in ("country", "region", "city"):
        if not truth.get(name) or truth[name] != row[name]:
            yield f"{name} {truth.get(name)!r}"
    for name in ("lat", "lon"):
        if not isinstance(truth.get(name), float) or abs(truth[name] - row[name]) > 1e-5:
            yield f"{name} {truth.get(name)!r}"
    city = (row["drawn_country"], row["drawn_city_lat"], row["drawn_city_lon"])
    if city not in cities:
        yield f"drawn near {city}, which is none of the cities"
    elif km(city[1:], (row["lat"], row["lon"])) > RADIUS_KM:
        yield f"{km(city[1:], (row['lat'], row['lon'])):.2f} km from its city"


def set_faults(
    rows: Sequence[Mapping[str, Any]],
    n: int,
    cities: Sequence[City],
    areas: Mapping[str, float],
    pool: Sequence[Place],
) -> Iterator[str]:
    """What of the algorithm the set breaks: its own, as each row names it."""
    places = Counter((row["lat"], row["lon"]) for row in rows)
    if twice := [place for place, times in places.items() if times > 1]:
        yield f"{twice[0]} is in V twice"
    chances = p_adj(areas)
    for row in rows:
        if abs(row["country_wanted"] - n * chances[row["drawn_country"]]) > 0.001:
            yield f"{row['drawn_country']} should give {n * chances[row['drawn_country']]:.3f}"
    if {row["algorithm"] for row in rows} == {"published"}:
        yield from _published(rows, n, pool)
    else:
        yield from _repaired(rows, n, chances)


def _published(rows: Sequence[Mapping[str, Any]], n: int, pool: Sequence[Place]) -> Iterator[str]:
    """GENVALIDLOC: each draw adds every coordinate around one city that is not in V, while |V| < N."""
    draws = sorted({row["draw"] for row in rows})
    before_last = [row for row in rows if row["draw"] != draws[-1]]
    if len(rows) < n or len(before_last) >= n:
        yield f"{len(rows)} rows, {len(before_last)} before the last draw, for N = {n}"
    found = {(row["lat"], row["lon"]) for row in rows}
    for draw in draws:
        near = {(row["drawn_city_lat"], row["drawn_city_lon"]) for row in rows if row["draw"] == draw}
        if len(near) != 1:
            yield f"draw {draw} has {len(near)} cities"
        for city in near:
            if left := [place for place in pool if km(city, place) <= RADIUS_KM and place not in found]:
                yield f"draw {draw} left {left[0]} beside its city"


def _repaired(rows: Sequence[Mapping[str, Any]], n: int, chances: Mapping[str, float]) -> Iterator[str]:
    """N exactly, and no country below its share while it has more."""
    if len(rows) != n:
        yield f"{len(rows)} rows for N = {n}"
    given = Counter(row["drawn_country"] for row in rows)
    for row in rows:
        name = row["drawn_country"]
        if given[name] != row["country_given"]:
            yield f"{name} gave {given[name]}, not {row['country_given']}"
        if given[name] < min(row["country_available"], math.floor(n * chances[name])):
            yield f"{name} gave {given[name]} of {n * chances[name]:.2f} and has {row['country_available']}"
