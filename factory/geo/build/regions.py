"""Names and codes of admin-1 units, and their roll-up to regions that compare between countries.

Natural Earth's units are districts in some countries (232 in Great Britain, 193 in Slovenia) and states in others.
`region` is the unit itself except where a coarser official level exists: the GeoNames admin-1 level (GB, FR, IT ...),
or the statistical or planning regions that Natural Earth names (SI, LV, MK ...).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import polars as pl

from factory.geo.build.sources import Json, Unit
from factory.geo.build.today import Today, written_names
from factory.geo.normalise import fold

BY_GEONAMES = frozenset({"BE", "BF", "ES", "FR", "GB", "GN", "HU", "IE", "IT", "LK", "MW", "PH", "UG", "XK"})
"""Countries whose units are rolled up to GeoNames' admin-1."""

BY_NATURAL_EARTH = frozenset({"AZ", "LV", "MK", "MT", "SI"})
"""Countries whose units are rolled up to Natural Earth's `region`; GeoNames is as fine as the units there."""

_NAMES = {
    "GB.ENG": "England", "GB.SCT": "Scotland", "GB.WLS": "Wales", "GB.NIR": "Northern Ireland",
    "BE.VLG": "Flanders", "BE.WAL": "Wallonia", "BE.BRU": "Brussels",
    "IE.C": "Connacht", "IE.L": "Leinster", "IE.M": "Munster", "IE.U": "Ulster",
    "LK.29": "Central Province", "LK.30": "North Central Province", "LK.32": "North Western Province",
    "LK.33": "Sabaragamuwa Province", "LK.34": "Southern Province", "LK.35": "Uva Province",
    "LK.36": "Western Province", "LK.37": "Eastern Province", "LK.38": "Northern Province",
    "PH.13": "Caraga", "PH.14": "Bangsamoro", "PH.15": "Cordillera", "PH.NCR": "Metro Manila",
    "PH.40": "Calabarzon", "PH.41": "Mimaropa", "PH.12": "Soccsksargen",
    "UG.C": "Central Region", "UG.E": "Eastern Region", "UG.N": "Northern Region", "UG.W": "Western Region",
    "MW.C": "Central Region", "MW.N": "Northern Region", "MW.S": "Southern Region",
    "FR.53": "Brittany", "FR.28": "Normandy", "FR.94": "Corsica", "FR.93": "Provence-Alpes-Côte d'Azur",
    "ES.51": "Andalusia", "ES.52": "Aragon", "ES.53": "Canary Islands", "ES.54": "Castile-La Mancha",
    "ES.55": "Castile and León", "ES.56": "Catalonia", "ES.59": "Basque Country", "ES.60": "Valencian Community",
    "ES.32": "Navarre", "ES.07": "Balearic Islands", "ES.34": "Asturias", "ES.31": "Murcia", "ES.29": "Madrid",
    "IT.09": "Lombardy", "IT.12": "Piedmont", "IT.14": "Sardinia", "IT.16": "Tuscany", "IT.19": "Aosta Valley",
}  # fmt: skip
"""English names of rolled-up regions by GeoNames code; Natural Earth's own are local or missing."""

_UNIT_NAMES = {
    "SY-X01~": "UNDOF Zone", "-99-X06~": "Siachen Glacier", "-99-X13~": "Guantanamo Bay", "-99-X05~": "Baikonur",
    "GG-X01~": "Guernsey", "FO-X00~": "Faroe Islands",
}  # fmt: skip
"""Where Natural Earth's English label names something else than the unit."""

_NEIGHBOUR_KM = 200.0
"""A unit without any city joins the region of the nearest one up to here; Clipperton stays by itself."""

_SPELLINGS = {
    "Greater Skopje": "Skopje",
    "Spodnjeposavska": "Posavska",
    "Notranjsko-kraška": "Primorsko-notranjska",
}
_FILLED = {
    "Oslomej": "Southwestern", "Zajas": "Southwestern", "Jegunovce": "Polog", "Tearce": "Polog",
}  # fmt: skip


def unit_names(units: Sequence[Unit], meant: Sequence[Today | None]) -> pl.DataFrame:
    """admin1 (English name, else the local one, else null) and iso_3166_2 (today's code, null where none is known).

    Args:
        units: Natural Earth's.
        meant: Which of today's units each is, see `today.units_of_today`. A unit that got another code and bears none
            of its names is called as it is today.
    """
    english = Counter((unit.attributes["adm0_a3"], _text(unit.attributes, "name_en")) for unit in units)
    rows = []
    for unit, now in zip(units, meant, strict=True):
        iso = _text(unit.attributes, "iso_3166_2")
        name = _text(unit.attributes, "name_en")
        if name is None or english[unit.attributes["adm0_a3"], name] > 1:
            name = _text(unit.attributes, "name") or name or _text(unit.attributes, "gn_name")
        name = _UNIT_NAMES.get(iso or "", name)
        if (
            now
            and now.iso != iso
            and not {fold(name) for name in now.names}
            & {fold(text) for text in (*written_names(unit.attributes), name or "")}
        ):
            name = now.names[0]
        rows.append((name, (now.iso or None) if now else _confirmed(iso, unit.attributes)))
    return pl.DataFrame(rows, schema={"admin1": pl.String, "iso_3166_2": pl.String}, orient="row")


def _confirmed(iso: str | None, attributes: Json) -> str | None:
    """Natural Earth's code of a unit that is in none of today's tables, where ISO 3166-2 has it under such a name."""
    import pycountry

    names = {unit.name for unit in pycountry.subdivisions if unit.code == iso}
    return iso if {fold(name) for name in names} & {fold(name) for name in written_names(attributes)} else None


def geonames_codes(
    units: Sequence[Unit], owners: Sequence[str | None], votes: Mapping[int, Counter[str]], valid: frozenset[str]
) -> list[str | None]:
    """The GeoNames admin-1 code (`FR.11`) of each unit.

    Natural Earth's own code is some years old, so the cities inside the unit overrule it when at least three of them,
    and 60 % of them, agree on another; a code that no city carries counts for nothing. A unit where most of three or
    more cities carry other codes has none: it holds several of GeoNames' (Kenya's former provinces, and 47 counties).
    A code that a unit's cities overrule stays where no other unit has it and the other code is another unit's too.
    """
    found: list[str | None] = []
    offered: list[str | None] = []
    for i, (unit, owner) in enumerate(zip(units, owners, strict=True)):
        given = _text(unit.attributes, "gn_a1_code")
        given = given if given in valid and owner is not None and given.startswith(owner + ".") else None
        offered.append(given)
        ranked = sorted(votes.get(i, Counter()).items(), key=lambda item: (-item[1], item[0]))
        if not ranked:
            found.append(given)
            continue
        best, count = ranked[0]
        total = sum(votes[i].values())
        code = best if given is None or (count >= 3 and count >= 0.6 * total) else given
        found.append(code if total < 3 or 2 * votes[i][code] >= total else None)
    for i, (own, now) in enumerate(zip(offered, list(found), strict=True)):
        alone = own is not None and own not in found and votes.get(i, Counter())[own] > 0
        if alone and now is not None and found.count(now) > 1:
            found[i] = own  # Oslo's suburbs outvote Oslo, though Akershus has many more of them
    return found


def regions(units: Sequence[Unit], table: pl.DataFrame) -> pl.DataFrame:
    """region and region_code of each unit.

    `table` has country, admin1, iso_3166_2, geonames, area_km2, lat, lon, in the order of `units`.
    """
    rows = table.to_dicts()
    natural = [_natural_region(unit, row) for unit, row in zip(units, rows, strict=True)]
    codes = [_filled_code(row, rows) if row["country"] in BY_GEONAMES else row["geonames"] for row in rows]
    members: dict[str, list[int]] = {}
    for i, code in enumerate(codes):
        if rows[i]["country"] in BY_GEONAMES and code:
            members.setdefault(code, []).append(i)
    names = {code: _group_name(code, group, rows, natural) for code, group in members.items()}
    found: list[tuple[str | None, str | None]] = []
    for i, row in enumerate(rows):
        code = codes[i]
        if row["country"] in BY_GEONAMES and code in names:
            found.append((names[code], code))
        elif row["country"] in BY_NATURAL_EARTH:
            name = natural[i] or _nearest_region(i, rows, natural) or row["admin1"]
            found.append((name, f"{row['country']}:{name}"))
        else:
            found.append((row["admin1"], code or row["iso_3166_2"]))
    return pl.DataFrame(found, schema={"region": pl.String, "region_code": pl.String}, orient="row")


def _text(unit: Json, key: str) -> str | None:
    value = str(unit[key] or "").strip()
    return value if value and value not in ("-1", "-99") else None


def _natural_region(unit: Unit, row: Json) -> str | None:
    name = _FILLED.get(str(row["admin1"])) if row["country"] == "MK" else None
    name = name or _text(unit.attributes, "region")
    return _SPELLINGS.get(name, name) if name else None


def _group_name(code: str, group: Sequence[int], rows: Sequence[Json], natural: Sequence[str | None]) -> str | None:
    """The table's name, else the region that most members name, else the largest member's own name."""
    if code in _NAMES:
        return _NAMES[code]
    named = Counter(natural[i] for i in group if natural[i])
    if named and code[:2] not in ("HU",):
        best = min(named, key=lambda name: (-named[name], str(name)))
        return str(best).split(" (")[0]
    largest = max(group, key=lambda i: rows[i]["area_km2"])
    name: str | None = rows[largest]["admin1"]
    return name


def _filled_code(row: Json, rows: Sequence[Json]) -> str | None:
    """The unit's code, or that of the nearest unit of its country, for units without any city."""
    if row["geonames"] or row["country"] is None:
        code: str | None = row["geonames"]
        return code
    others = [other for other in rows if other["country"] == row["country"] and other["geonames"]]
    nearest = min(others, key=lambda other: _apart(row, other), default=None)
    return nearest["geonames"] if nearest is not None and _apart(row, nearest) < _NEIGHBOUR_KM else None


def _nearest_region(i: int, rows: Sequence[Json], natural: Sequence[str | None]) -> str | None:
    others = [j for j, row in enumerate(rows) if row["country"] == rows[i]["country"] and natural[j]]
    return natural[min(others, key=lambda j: _apart(rows[i], rows[j]))] if others else None


def _apart(a: Json, b: Json) -> float:
    from factory.geo.distance import haversine_km

    return haversine_km(a["lat"], a["lon"], b["lat"], b["lon"])
