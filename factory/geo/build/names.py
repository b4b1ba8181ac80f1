"""Builds the names: `names.parquet`, `names_countries.parquet` and `names_hanzi.txt`, from the tables built before.

What is indexed: GeoNames' names and alternates, Natural Earth's admin-1 names in 25 languages, pycountry's
subdivisions, CLDR's territories and exemplar cities in all locales, and the few aliases of aliases.csv. Dropped are
airport codes and GeoNames' own machine transliterations ("ni ya mei"), which nobody writes. Two kinds of names are
passed on: a unit's to its namesake city, in every language ("محافظة بغداد" gives "بغداد" to Baghdad), and a place's
names in other scripts to its namesakes in other countries (one Portland's Arabic name spells every Portland).
"""

from __future__ import annotations

import csv
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from factory.geo.build.islands import island_names, read_islands
from factory.geo.build.other_names import living, telling
from factory.geo.build.unit_names import (
    MAX_KEY,
    Meant,
    bare_names,
    finer_names,
    main_names,
    own_names,
    rows_of,
    twins,
    unit_names,
)
from factory.geo.entities import REGION_BASE, Entities, island_base, read_entities
from factory.geo.gazetteer import named_islands
from factory.geo.loose_key import loose_key
from factory.geo.misspelt import one_letter_off
from factory.geo.name_index import ALIAS, ALTERNATE, EXEMPLAR, NAMESAKE, PRIMARY, UNIT
from factory.geo.normalise import fold

_CODE = re.compile(r"^[A-Z0-9]{2,5}$")
_MACHINE = re.compile(r"^[a-z' ]+$")
_LINK = re.compile(r"https?:|www\.")
_FEW_VOTES = 3
_ZONE_KM = 50.0
_LEAST_LOOSE = 4.0
"""Base 10 logarithm of the people of a city that answers to a loose key."""
_LEAST_BORROWER = 3.0
"""Base 10 logarithm of the people of a place that may borrow its namesakes' names."""
_SHORTER = {
    "islands": ("is",), "island": ("i", "is"), "republic": ("rep",), "democratic": ("dem",), "federated": ("fed",),
    "states": ("sts",), "territory": ("ter", "terr"), "territories": ("ter", "terr"), "northern": ("n",),
    "north": ("n",), "southern": ("s",), "south": ("s",), "western": ("w",), "eastern": ("e",), "equatorial": ("eq",),
    "french": ("fr",), "british": ("br",), "american": ("am",), "central": ("cent",),
}  # fmt: skip
"""Words of English names of countries as Natural Earth, the World Bank and the UN shorten them."""
_MOST_FORMS, _LEAST = 16, 4
_ENGLISH_VOTES, _PYCOUNTRY_VOTES, _ALIAS_VOTES = 1_000, 2_000, 100_000


def build_names(
    units: Sequence[Mapping[str, Any]],
    meant: Meant,
    alternates: Iterable[tuple[int, str]],
    babel: Path,
    folder: Path,
) -> None:
    """Writes the two tables of names into `folder`, where cities, admin1 and countries already are.

    Args:
        units: Natural Earth's attributes in the order of polygon ids.
        meant: Which of today's units they are.
        alternates: (GeoNames id, name) pairs.
        babel: The folder to import babel from.
        folder: The data folder.

    `names_hanzi.txt` (see `build_hanzi`) must be there: the keys are folded with it.
    """
    entities = read_entities()
    locales = dict(cldr_locales(babel))
    of_units = rows_of(unit_names(units, meant, entities), UNIT)
    rows = pl.concat(
        [
            rows_of(_city_names(entities), PRIMARY),
            living(rows_of(_short_names(entities), ALTERNATE), entities),
            living(telling(rows_of(_alternates(alternates, entities), ALTERNATE), entities), entities),
            own_names(pl.concat([of_units, bare_names(of_units)]), main_names(units), entities),
            rows_of(_aliases(entities), ALIAS),
        ]
    )
    isles = rows_of(island_names(read_islands(), island_base()), ALIAS)
    rows = pl.concat([_without_islands(rows, isles, main_names(units)), isles])
    rows = pl.concat([rows, finer_names(meant, rows, ALTERNATE, entities)])
    countries_by_key = country_names(
        locales, _large_cities(pl.concat([rows, rows_of(_short_names(entities), PRIMARY)]), entities)
    )
    countries_by_key.write_parquet(folder / "names_countries.parquet", compression="zstd", compression_level=19)
    rows = _one_each(pl.concat([rows, twins(rows, units, rows_of(_short_names(entities), PRIMARY), entities)]))
    rows = pl.concat([rows, _borrowed(rows, main_names(units), entities)])
    rows = _one_each(rows)
    rows = _one_each(pl.concat([rows, rows_of(_exemplars(locales, rows, entities), EXEMPLAR)]))
    rows = pl.concat([rows, _loose(rows, entities)])
    schema = pa.schema({"key": pa.string(), "entity": pa.int32(), "source": pa.uint8()})
    pq.write_table(
        rows.sort("key", "entity").select(schema.names).to_arrow().cast(schema),
        folder / "names.parquet",
        compression="zstd",
        compression_level=19,
        use_dictionary=False,
        column_encoding={"key": "DELTA_BYTE_ARRAY", "entity": "PLAIN", "source": "PLAIN"},
        row_group_size=1 << 22,
    )


def build_hanzi(opencc: Path, path: Path) -> None:
    """Writes pairs of a traditional (or Japanese) character and its simplified form, from OpenCC's tables."""
    simple = {a: b for a, b in _characters(opencc / "TSCharacters.txt") if a != b}
    for old, new in _characters(opencc / "JPVariants.txt"):
        if new not in simple and new != simple.get(old, old):
            simple[new] = simple.get(old, old)
    final = {a: simple.get(b, b) for a, b in simple.items()}
    pairs = sorted(
        a + b for a, b in final.items() if a != b and b not in final and len(a + b) == 2 and max(a, b) <= "\uffff"
    )
    path.write_text("\n".join(pairs) + "\n", encoding="utf-8")


def cldr_locales(babel: Path) -> Iterator[tuple[str, Any]]:
    """CLDR's languages as (identifier, locale), those of a region left out: "de" but not "de_AT", "zh_Hant" too."""
    from factory.geo.build.sources import importable

    with importable(babel):
        from babel import Locale, localedata  # type: ignore[import-not-found, unused-ignore]

        for name in sorted(localedata.locale_identifiers()):
            parts = name.split("_")
            if len(parts) == 1 or (len(parts) == 2 and len(parts[1]) == 4):
                yield name, Locale.parse(name)


def country_names(locales: Mapping[str, Any], large_cities: Mapping[str, str]) -> pl.DataFrame:
    """Every written name of a country by key: exact, one country a key, the aliases first, then English, then votes.

    A name of few languages that is one letter from another country's English name is left out: "Nigera" is Niger in
    Latvian, and a misspelt Nigeria everywhere else. So is one of a large city elsewhere (`large_cities`, countries by
    key): "Granada" is Grenada in Spanish, and a city to everybody else.
    """
    from factory.geo.gazetteer import countries

    known = set(countries()["code"])
    votes: dict[str, Counter[str]] = defaultdict(Counter)
    for name, locale in locales.items():
        weight = _ENGLISH_VOTES if name == "en" else 1
        for code, written in locale.territories.items():
            if code in known:
                votes[fold(str(written))][code] += weight
    for code, written in _iso_names():
        if code in known:
            votes[fold(written)][code] += _PYCOUNTRY_VOTES
    for code, written in countries().select("code", "name").iter_rows():
        votes[fold(written)][code] += _ENGLISH_VOTES
        if written.endswith((" Island", " Islands")):
            turned = written.removesuffix("s") if written.endswith("s") else written + "s"
            votes[fold(turned)][code] += _ENGLISH_VOTES
    for line in _alias_lines("country"):
        for written in line["names"].split(";"):
            votes[fold(written)][line["country"]] += _ALIAS_VOTES
    votes.pop("", None)
    best = {key: counter.most_common(2) for key, counter in votes.items()}
    clear = {key: top[0][0] for key, top in best.items() if len(top) == 1 or top[0][1] > top[1][1]}
    english = {fold(written): code for code, written in countries().select("code", "name").iter_rows()}
    for key, code in list(clear.items()):
        rivals = {english[near] for near in one_letter_off(key) if near in english}
        misleading = rivals - {code} and code not in rivals and votes[key][code] <= _FEW_VOTES
        if misleading or (votes[key][code] < _ENGLISH_VOTES and large_cities.get(key, code) != code):
            del clear[key]
    clear |= _shortened({key: code for key, code in clear.items() if votes[key][code] >= _ENGLISH_VOTES}, clear)
    keys = sorted(key for key in clear if len(key) <= MAX_KEY)
    return pl.DataFrame({"key": keys, "code": [clear[key] for key in keys]})


def _without_islands(rows: pl.DataFrame, isles: pl.DataFrame, main_names: pl.DataFrame) -> pl.DataFrame:
    """Names without those that a unit has from an island in it: Newfoundland is no Labrador. Its own names stay."""
    home = pl.Series(named_islands()["admin1_index"].cast(pl.Int64) + REGION_BASE)
    inside = isles.select("key", entity=home.gather(isles["entity"] - island_base()))
    lent = inside.join(main_names.select("key", "entity"), on=["key", "entity"], how="anti")
    return rows.join(lent, on=["key", "entity"], how="anti", maintain_order="left")


def _shortened(english: Mapping[str, str], taken: Mapping[str, str]) -> dict[str, str]:
    """English names as maps and tables shorten them ("U.S. Virgin Is.", "N. Cyprus") and with the article behind them
    ("Bahamas (the)"); one that is another's name, or that two countries would share, is left out."""
    found: dict[str, set[str]] = defaultdict(set)
    for key, code in english.items():
        forms = [""]
        for word in key.split():
            forms = [f"{form} {end}".strip() for form in forms for end in (word, *_SHORTER.get(word, ()))][:_MOST_FORMS]
        for form in forms:
            found[form].add(code)
            found[f"{form} the"].add(code)
    fresh = {key: codes for key, codes in found.items() if len(key) > _LEAST and key not in taken}
    return {key: min(codes) for key, codes in fresh.items() if len(codes) == 1}


def _large_cities(rows: pl.DataFrame, entities: Entities) -> dict[str, str]:
    """The country of the most populous city of each name, for cities of a hundred thousand people and more."""
    named = rows.filter(pl.col("source") == PRIMARY, pl.col("entity") < REGION_BASE).sort("entity", descending=True)
    country = entities.city_countries()
    return {
        key: country[entity]
        for key, entity in named.select("key", "entity").iter_rows()
        if entities.weight[entity] >= 5
    }


def _city_names(entities: Entities) -> Iterator[tuple[str, int]]:
    return ((name, entity) for entity, name in enumerate(entities.city_name))


def _short_names(entities: Entities) -> Iterator[tuple[str, int]]:
    """Names without "City" and "Town". They are not the place's own: Center City is one of many Centers."""
    for name, entity in _city_names(entities):
        for end in (" City", " Town"):
            if name.endswith(end) and len(name) > len(end) + 3:
                yield name.removesuffix(end), entity


def _alternates(alternates: Iterable[tuple[int, str]], entities: Entities) -> Iterator[tuple[str, int]]:
    place = {city: entity for entity, city in enumerate(entities.city_ids.tolist())}
    for city, name in alternates:
        if city in place and not (_CODE.match(name) or _MACHINE.match(name) or _LINK.search(name)):
            yield name, place[city]


def _aliases(entities: Entities) -> Iterator[tuple[str, int]]:
    cities: dict[tuple[str, str], int] = {}
    for entity, (country, name) in enumerate(zip(entities.city_countries(), entities.city_name, strict=True)):
        cities.setdefault((country, name), entity)
    regions = entities.regions_by_name()
    missing = []
    for kind, known in (("city", cities), ("region", regions), ("region behind", regions)):
        for line in _alias_lines(kind):
            written = [line["target"], *line["names"].split(";")]
            found = {known[line["country"], name] for name in written if (line["country"], name) in known}
            if not found:
                missing.append(f"{line['country']} {line['target']}")
            yield from ((name, min(found)) for name in written if found)
    if missing:
        raise ValueError(f"aliases.csv names places that the gazetteer has not: {', '.join(missing)}")


def _borrowed(rows: pl.DataFrame, main_names: pl.DataFrame, entities: Entities) -> pl.DataFrame:
    """Names in other scripts that a place's namesakes elsewhere have: "بورتلاند" of one Portland spells every Portland.

    Only the most populous place of a name in each country borrows, and only what is not written in Latin letters; a
    place called so without its "City" comes after those with that very name. An admin-1 unit borrows from the cities
    of its main name ("Индијана" of the town Indiana spells the state), unless the name is that of a city in it.
    """
    cities = rows.filter(pl.col("entity") < REGION_BASE)
    own = cities.filter(pl.col("source") == PRIMARY).select("entity", name="key")
    short = (
        rows_of(_short_names(entities), ALTERNATE)
        .select("entity", name="key")
        .join(own, on=["entity", "name"], how="anti")
    )
    named = pl.concat([own.with_columns(rank=0), short.with_columns(rank=1)])
    people = pl.DataFrame(
        {
            "entity": range(len(entities.city_ids)),
            "country": entities.city_countries(),
            "weight": entities.weight[: len(entities.city_ids)],
        }
    )
    largest = named.join(people.filter(pl.col("weight") >= _LEAST_BORROWER), on="entity").sort("rank", "entity")
    largest = largest.unique(["name", "country"], keep="first", maintain_order=True)
    borrowers = pl.concat([largest.select("name", "entity"), main_names.select(name="key", entity="entity")])
    written = cities.filter(~pl.col("key").str.contains(r"^[a-z0-9=]")).select("key", "entity").join(own, on="entity")
    spelt = written.select("name", "key").unique()
    found = borrowers.join(spelt, on="name").select("key", "entity", source=pl.lit(NAMESAKE, pl.Int64))
    inside = cities.join(entities.city_regions(), on="entity").select("key", entity="region")
    found = found.join(inside, on=["key", "entity"], how="anti")
    return found.sort("key", "entity").unique(maintain_order=True)


def _loose(rows: pl.DataFrame, entities: Entities) -> pl.DataFrame:
    """Loose keys of the names of larger cities; one that exemplars alone give is an exemplar row as well."""
    cities = rows.filter(pl.col("entity") < REGION_BASE, pl.col("key").str.contains(r"^[^\x00-\x7f]"))
    weights = pl.Series(entities.weight).gather(cities["entity"])
    cities = cities.filter(weights >= _LEAST_LOOSE)
    keys = pl.Series("key", [loose_key(key) for key in cities["key"]], dtype=pl.String)
    found = cities.with_columns(keys).filter(pl.col("key").is_not_null())
    source = pl.when(pl.col("source") == EXEMPLAR).then(EXEMPLAR).otherwise(NAMESAKE).cast(pl.Int64)
    return _one_each(found.with_columns(source=source))


def _exemplars(locales: Mapping[str, Any], rows: pl.DataFrame, entities: Entities) -> Iterator[tuple[str, int]]:
    """CLDR's exemplar cities of time zones, for zones whose English name is a place near the zone's coordinates."""
    from factory.geo.build.zones import zone_places

    english = {zone: str(data["city"]) for zone, data in locales["en"]._data["time_zones"].items() if "city" in data}
    places = zone_places(english, rows, entities, within_km=_ZONE_KM)
    for locale in locales.values():
        for zone, data in locale._data["time_zones"].items():
            if zone in places and "city" in data:
                yield re.split("[,،、，]", str(data["city"]))[0], places[zone]


def _one_each(rows: pl.DataFrame) -> pl.DataFrame:
    """One row for each name of a place, from its best source."""
    return rows.group_by("key", "entity", maintain_order=True).agg(pl.col("source").min())


def _characters(path: Path) -> Iterator[tuple[str, str]]:
    for line in path.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            written, _, others = line.partition("\t")
            yield written, others.split(" ")[0]


def _alias_lines(kind: str) -> list[dict[str, str]]:
    with (Path(__file__).parent / "aliases.csv").open(encoding="utf-8", newline="") as file:
        return [line for line in csv.DictReader(file) if line["kind"] == kind]


def _iso_names() -> Iterator[tuple[str, str]]:
    import pycountry

    for country in pycountry.countries:
        for field in ("name", "official_name", "common_name"):
            if written := getattr(country, field, None):
                yield country.alpha_2, written
