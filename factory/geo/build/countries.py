"""Which country an admin-1 unit belongs to, and the table of countries.

Decisions (the default worldview follows GeoNames and the majority of the United Nations; `natural_earth` follows the
de facto control that Natural Earth draws):

| place | default | natural_earth |
|---|---|---|
| Crimea and Sevastopol | UA | RU |
| Western Sahara west of the berm | EH | MA |
| Western Sahara east of the berm | EH | EH |
| Northern Cyprus | CY | CY (no ISO code of its own) |
| Akrotiri and Dhekelia | CY | GB |
| Somaliland | SO | SO (no ISO code of its own) |
| Siachen glacier | IN | IN (no ISO code of its own) |
| Baikonur lease | KZ | KZ |
| Guantanamo Bay | CU | US |
| UNDOF zone in the Golan | SY | SY |
| Paracel islands | CN | CN |
| Spratly islands | none | none |
| Coral Sea islands | AU | AU |
| Clipperton | FR | FR |

Kosovo is XK, Taiwan TW, the Palestinian territories PS, Antarctica AQ, Hong Kong HK, Macao MO, Puerto Rico PR. The
French overseas departments (GF, GP, MQ, RE, YT), Svalbard (SJ), the Caribbean Netherlands (BQ), Bouvet (BV), Cocos (CC)
and Christmas Island (CX) keep their own ISO codes and name their sovereign as parent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import polars as pl
import shapely  # type: ignore[import-untyped]

from factory.geo.build.polygons import Geometries, label_points
from factory.geo.build.sources import Json, Unit

_OWN_CODE = {
    "GUF": "GF", "GLP": "GP", "MTQ": "MQ", "REU": "RE", "MYT": "YT", "NSV": "SJ", "BVT": "BV", "CCK": "CC",
    "CXR": "CX",
}  # fmt: skip
"""Natural Earth's `gu_a3` of territories that it files under their sovereign's ISO code."""

_DISPUTES: Mapping[str, tuple[str, str | None, str | None]] = {
    "ESB": ("sovereign-bases", "CY", "GB"),
    "WSB": ("sovereign-bases", "CY", "GB"),
    "CYN": ("northern-cyprus", "CY", "CY"),
    "KAS": ("siachen", "IN", "IN"),
    "KAB": ("baikonur", "KZ", "KZ"),
    "USG": ("guantanamo", "CU", "US"),
    "SOL": ("somaliland", "SO", "SO"),
    "PGA": ("spratly", None, None),
    "SAH": ("western-sahara", "EH", "EH"),
    "KOS": ("kosovo", "XK", "XK"),
    "TWN": ("taiwan", "TW", "TW"),
    "PSX": ("palestine", "PS", "PS"),
}
"""By `adm0_a3`: name of the dispute, code in the default worldview, code in Natural Earth's."""

_DISPUTED_UNITS: Mapping[str, tuple[str, str, str]] = {
    "UA-43": ("crimea", "UA", "RU"),
    "UA-40": ("crimea", "UA", "RU"),
    "SY-X01~": ("golan", "SY", "SY"),
    "CN-X01~": ("paracel", "CN", "CN"),
}
_WESTERN_SAHARA = ("Laâyoune - Boujdour - Sakia El Hamra", "Oued el Dahab")
_NO_CODE = {"CSI": "AU", "CLP": "FR"}

_PARENTS = {
    "AS": "US", "GU": "US", "MP": "US", "PR": "US", "UM": "US", "VI": "US",
    "AI": "GB", "BM": "GB", "FK": "GB", "GG": "GB", "GI": "GB", "GS": "GB", "IM": "GB", "IO": "GB", "JE": "GB",
    "KY": "GB", "MS": "GB", "PN": "GB", "SH": "GB", "TC": "GB", "VG": "GB",
    "BL": "FR", "GF": "FR", "GP": "FR", "MF": "FR", "MQ": "FR", "NC": "FR", "PF": "FR", "PM": "FR", "RE": "FR",
    "TF": "FR", "WF": "FR", "YT": "FR",
    "AW": "NL", "BQ": "NL", "CW": "NL", "SX": "NL", "FO": "DK", "GL": "DK", "BV": "NO", "SJ": "NO", "AX": "FI",
    "CC": "AU", "CX": "AU", "HM": "AU", "NF": "AU", "CK": "NZ", "NU": "NZ", "TK": "NZ", "HK": "CN", "MO": "CN",
}  # fmt: skip

_NAMES = {
    "HK": "Hong Kong", "MO": "Macao", "MM": "Myanmar", "PS": "Palestine", "CD": "DR Congo",
    "CG": "Republic of the Congo",
}  # fmt: skip
"""Where CLDR's English name carries a political or geographic suffix."""

_NOTES = {
    "UA": "includes Crimea by default; natural_earth gives it to RU",
    "RU": "without Crimea by default; natural_earth includes it",
    "EH": "all of Western Sahara by default; natural_earth gives the part west of the berm to MA",
    "MA": "without Western Sahara by default; natural_earth includes the part west of the berm",
    "CY": "includes Northern Cyprus and, by default, Akrotiri and Dhekelia; natural_earth gives the bases to GB",
    "GB": "without Akrotiri and Dhekelia by default; natural_earth includes them",
    "CU": "includes Guantanamo Bay by default; natural_earth gives it to US",
    "SO": "includes Somaliland",
    "KZ": "includes the Baikonur lease",
    "IN": "includes Ladakh and the Siachen glacier; not the parts of Kashmir held by PK and CN",
    "PK": "includes Gilgit-Baltistan and Azad Kashmir",
    "CN": "includes Aksai Chin and the Paracel islands; not TW, HK, MO",
    "XK": "user-assigned code; its own country in every worldview",
    "TW": "its own country in every worldview",
    "PS": "West Bank and Gaza; settlements lie in PS by polygon",
    "IL": "includes the occupied Golan heights, as Natural Earth draws them",
    "SY": "without the occupied Golan heights, with the UNDOF zone",
}


def is_moroccan(unit: Unit) -> bool:
    """Whether a unit of Natural Earth's Morocco is not one of Western Sahara."""
    return _country(unit.attributes)[0] == "MA"


def unit_countries(units: Sequence[Unit]) -> pl.DataFrame:
    """country, country_natural_earth and disputed for each unit, in order."""
    rows = [_country(unit.attributes) for unit in units]
    return pl.DataFrame(
        rows, schema=dict.fromkeys(("country", "country_natural_earth", "disputed"), pl.String), orient="row"
    )


def country_table(
    known: Mapping[str, Json],
    english: Mapping[str, str],
    owners: Sequence[str | None],
    geometries: Geometries,
    areas: npt.NDArray[np.float64],
) -> pl.DataFrame:
    """`countries.parquet`: one row for every ISO 3166-1 code and XK; area and point are null where nothing is drawn."""
    owner = np.array([code or "" for code in owners])
    rows = []
    for code, country in known.items():
        mine = np.flatnonzero(owner == code)
        point: tuple[float | None, float | None] = (None, None)
        if len(mine):
            whole = np.array([shapely.union_all(geometries[mine])], dtype=object)
            lat, lon = label_points(whole)[0]
            point = float(lat), float(lon)
        rows.append(
            (
                code,
                country["iso3"],
                _NAMES.get(code) or english.get(code) or country["name"],
                _PARENTS.get(code),
                country["continentcode"],
                round(float(areas[mine].sum()), 2) if len(mine) else None,
                *point,
                _NOTES.get(code),
            )
        )
    text, real = pl.String, pl.Float64
    schema = {"code": text, "alpha3": text, "name": text, "parent": text, "continent": text, "area_km2": real}
    return pl.DataFrame(rows, schema={**schema, "lat": real, "lon": real, "note": text}, orient="row")


def _country(unit: Json) -> tuple[str | None, str | None, str | None]:
    iso, state = str(unit["iso_3166_2"]), str(unit["adm0_a3"])
    if iso in _DISPUTED_UNITS:
        name, ours, theirs = _DISPUTED_UNITS[iso]
        return ours, theirs, name
    if unit["name"] in _WESTERN_SAHARA and state == "MAR":
        return "EH", "MA", "western-sahara"
    if state in _DISPUTES:
        dispute, default, natural_earth = _DISPUTES[state]
        return default, natural_earth, dispute
    own = "BQ" if iso.startswith("NL-BQ") else _OWN_CODE.get(str(unit["gu_a3"])) or _NO_CODE.get(state)
    code = own or str(unit["iso_a2"])
    if len(code) != 2 or not code.isalpha():
        raise ValueError(f"the unit {unit['adm1_code']} of {state} has no ISO code and no entry in the table")
    return code, code, None
