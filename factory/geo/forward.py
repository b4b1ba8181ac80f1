"""From a written place to its coordinates: "Helsinki, Finland", "Kazan, Tatarstan, Russia", "Springfield, IL".

Exact lookups over the gazetteer's names and a table of some 150 other spellings; no fuzzy matching, so an unknown
spelling is not found rather than found wrongly. Among cities of one name: those in the country or region given, then
those in the table of written names, then the one with most cities around it (the gazetteer has no population).
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from functools import cache, lru_cache
from pathlib import Path
from typing import Literal, NamedTuple

import polars as pl

from factory.geo.gazetteer import centre, cities, tree, unit_vectors
from factory.geo.names import country_code, country_name, fold, fold_ascii, subdivision_name

Level = Literal["city", "region", "country"]

MAX_NAME_LENGTH = 200
_MAX_PARTS = 6
_NEIGHBOURHOOD = 0.0047  # chord of 30 km on the unit sphere
_LEVELS: tuple[Level, ...] = ("country", "region", "city")
_AROUND = re.compile(
    r"^(?:greater|downtown|central|near|city of|state of|province of|republic of) | "
    r"(?:city|metropolitan area|area|state|province|prefecture|region|oblast|krai|county|governorate|district)$"
)
_GERMAN = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "å": "aa", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue", "Å": "Aa"})


class Place(NamedTuple):
    """One resolved name; the columns of `forward` after `query`. Coordinates are WGS84 degrees."""

    lat: float | None = None
    lon: float | None = None
    country_code: str | None = None
    region: str | None = None
    city: str | None = None
    level: Level | None = None
    score: float | None = None


_SCHEMA = pl.Schema(
    {
        "query": pl.String,
        "lat": pl.Float64,
        "lon": pl.Float64,
        "country_code": pl.String,
        "region": pl.String,
        "city": pl.String,
        "level": pl.String,
        "score": pl.Float64,
    }
)


def forward(names: Sequence[str | None]) -> pl.DataFrame:
    """Finds written places, one row per input and in its order.

    Parts are separated by commas; the most precise part that resolves wins, and the others must not contradict it.

    Returns:
        query, lat, lon, country_code, region, city, level ("city", "region", "country"), score: 1 where only one place
        fits, 0.8 where a well-known city was taken among several of its name, 0.5 where the densest one was. `lat` is
        null for a name that was not found.
    """
    return pl.DataFrame([(name, *locate(name)) for name in names], schema=_SCHEMA, orient="row")


def same_place(a: str | None, b: str | None, *, level: Level) -> bool:
    """Whether two written places are one country, region or city, as `forward` resolves them.

    A place resolved less precisely than `level` is the same only as an equal text; an unknown or empty one never is.
    """
    if not a or not b:
        return False
    first, second = locate(a), locate(b)
    wanted = _LEVELS.index(level)
    if any(place.level is None or _LEVELS.index(place.level) < wanted for place in (first, second)):
        return fold(a) == fold(b) != ""
    if first.country_code != second.country_code:
        return False
    if level == "country":
        return True
    if level == "region":
        return first.region == second.region
    return (first.lat, first.lon) == (second.lat, second.lon)


@lru_cache(maxsize=65536)
def locate(name: str | None) -> Place:
    """One written place; an empty `Place` when it is not found."""
    if not name or len(name) > MAX_NAME_LENGTH:
        return Place()
    parts = [part.strip() for part in re.split(r"[,;/|\n]", re.sub(r"\([^)]*\)", " ", name))]
    parts = [part for part in parts if part][:_MAX_PARTS]
    readings = [
        (code, parts[:i] + parts[i + 1 :], parts[i])
        for i in reversed(range(len(parts)))
        if (code := country_code(parts[i]))
    ]
    for code, rest, _ in readings:
        if place := _city(rest, code, must_fit=False):
            return place
    if place := _city(parts, None, must_fit=bool(readings)):
        return place
    for code, rest, country in readings:
        if place := _region(rest, code) or (_region([country], code) if not _is_name_of(country, code) else None):
            return place
    if not readings:
        return _region(parts, None) or Place()
    code = readings[0][0]
    found = _country_centres().get(code)
    return Place(*found, country_code=code, level="country", score=1.0) if found else Place()


def _city(parts: Sequence[str], code: str | None, *, must_fit: bool) -> Place | None:
    """The city that one of the parts names, the first part that names one; other parts choose among namesakes."""
    for i, part in enumerate(parts):
        context = _context([*parts[:i], *parts[i + 1 :]], code)
        for written in _spellings(part):
            rows = [row for row in _city_rows(written) if code is None or _country_of()[row] == code]
            fitting = [row for row in rows if _fits(row, context)]
            if not rows or (must_fit and not fitting):
                continue
            row, score = _most_likely(written, fitting or rows)
            if not fitting and _is_doubtful(written, row, code, rival=len(rows) > 1, context=context, first=i == 0):
                continue
            lat, lon, city, region, _, country = cities().row(row)
            return Place(lat, lon, country, region or None, city, "city", score)
    return None


def _region(parts: Sequence[str], code: str | None) -> Place | None:
    for part in parts:
        state = subdivision_name(code or "US", _letters(part))
        for written in _spellings(state or part):
            found = [region for region in _regions().get(written, []) if code is None or region[0] == code]
            if found:
                country, name = max(found, key=lambda region: len(_region_rows(*region)))
                table = cities()[_region_rows(country, name)]
                lat, lon = centre(table["lat"].to_numpy(), table["lon"].to_numpy())
                return Place(lat, lon, country, name, None, "region", 1.0 if len(found) == 1 else 0.5)
    return None


_KNOWN = 0.8


def _most_likely(written: str, rows: Sequence[int]) -> tuple[int, float]:
    """The row that people mean by this name, and the score of the choice."""
    if len(rows) == 1:
        return rows[0], 1.0
    known = _written_cities().get(written)
    if known is not None and known in rows:
        return known, _KNOWN
    table = cities()[list(rows)]
    around = tree().query_ball_point(
        unit_vectors(table["lat"].to_numpy(), table["lon"].to_numpy()), _NEIGHBOURHOOD, return_length=True
    )
    namesake = [fold(region) == written for region in table["admin1"].fill_null("")]
    best = max(range(len(rows)), key=lambda i: (namesake[i], around[i], -rows[i]))
    return rows[best], 0.5


def _is_doubtful(
    written: str, row: int, code: str | None, *, rival: bool, context: frozenset[str], first: bool
) -> bool:
    """Whether the region's reading is the better one, though a city has this name.

    So for a small town whose name is first of all a region's (California in Maryland), for a region written behind an
    unknown place (Aguas Calientes, Cusco), and for one of several namesakes outside the region that was given.
    """
    region, country = cities()["admin1"][row], code or cities()["cc"][row]
    if _written_cities().get(written) != row:
        namesakes = [name for cc, name in _regions().get(written, []) if cc == country]
        if namesakes and (region not in namesakes or not first):
            return True
    given = {name for part in context for cc, name in _regions().get(part, []) if cc == country}
    return rival and bool(given) and region not in given


def _fits(row: int, context: frozenset[str]) -> bool:
    _, _, _, admin1, admin2, _ = cities().row(row)
    around = {fold(admin1 or ""), fold(admin2 or "")} - {""}
    return bool(around & context)


def _context(parts: Sequence[str], code: str | None) -> frozenset[str]:
    countries = (code,) if code else ("US", "CA", "AU")
    states = (subdivision_name(country, _letters(part)) for part in parts for country in countries)
    return frozenset(name for part in parts for name in _spellings(part)) | {fold(state) for state in states if state}


def _letters(part: str) -> str:
    plain = part.replace(".", "").strip()
    return plain if plain.isupper() and len(plain) <= 3 else ""


def _spellings(part: str) -> Iterator[str]:
    """The ways to look a part up: folded, with German vowels spelt out, without words such as "city" or "oblast"."""
    seen = dict.fromkeys((fold(part), fold(part.translate(_GERMAN))))
    for written in list(seen):
        seen.setdefault(_AROUND.sub("", written).strip())
    return (written for written in seen if written)


def _is_name_of(part: str, code: str) -> bool:
    return fold(part) == fold(country_name(code) or "")


def _city_rows(written: str) -> list[int]:
    known = _written_cities().get(written)
    rows = _cities_by_name().get(written, [])
    return rows if known is None or known in rows else [known, *rows]


@cache
def _country_of() -> list[str]:
    return cities()["cc"].to_list()


@cache
def _cities_by_name() -> dict[str, list[int]]:
    index = cities().select(key=fold_ascii(pl.col("name"))).with_row_index("row").group_by("key").agg("row")
    return dict(zip(index["key"].to_list(), index["row"].to_list(), strict=True))


@cache
def _written_cities() -> dict[str, int]:
    """Row of the city meant by each spelling of data/written_cities.csv."""
    with (Path(__file__).parent / "data" / "written_cities.csv").open(encoding="utf-8", newline="") as file:
        lines = list(csv.DictReader(file))
    wanted = pl.DataFrame(lines, schema=dict.fromkeys(("written", "city", "country_code", "region"), pl.String))
    found = wanted.join(
        cities().with_row_index("row"), left_on=["city", "country_code"], right_on=["name", "cc"], how="inner"
    ).filter((pl.col("region") == "") | (pl.col("region") == pl.col("admin1")))
    return {fold(written): row for written, row in found.select("written", "row").iter_rows()}


@cache
def _regions() -> dict[str, list[tuple[str, str]]]:
    """(country, region) pairs by folded region name."""
    named = cities().filter(pl.col("admin1") != "").select("cc", "admin1").unique().sort("cc", "admin1")
    index: dict[str, list[tuple[str, str]]] = {}
    for country, region in named.iter_rows():
        index.setdefault(fold(region), []).append((country, region))
    return index


@cache
def _region_rows(country: str, region: str) -> list[int]:
    rows = cities().select(((pl.col("cc") == country) & (pl.col("admin1") == region)).arg_true()).to_series()
    return [int(row) for row in rows]


@cache
def _country_centres() -> dict[str, tuple[float, float]]:
    """The mean of a country's cities, each counting once: nearer to where photos are than the middle of the land."""
    return {
        str(code): centre(group["lat"].to_numpy(), group["lon"].to_numpy())
        for (code,), group in cities().group_by("cc", maintain_order=True)
    }
