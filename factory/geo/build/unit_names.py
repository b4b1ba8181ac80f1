"""Names of units: Natural Earth's in 25 languages, today's, and what they pass on to the cities called after them."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from factory.geo.build.today import Today
from factory.geo.entities import REGION_BASE, Entities
from factory.geo.gazetteer import admin1
from factory.geo.name_index import LETTERS, PRIMARY, TWIN, UNIT
from factory.geo.normalise import fold_column

MAX_KEY = 60
SEVERAL = 3
"""So many units of one country under one name are parts of something larger."""


_CODE = re.compile(r"^[A-Z0-9]{2,5}$")


@dataclass(frozen=True)
class Meant:
    """Which of today's units each of Natural Earth's is, None for none, today's first-level units by GeoNames code, and
    the second-level units by the first's code."""

    units: Sequence[Today | None]
    regions: Mapping[str, Today]
    finer: Mapping[str, Sequence[Today]]


# Words for "province", "governorate", "state" and so on around the name of a unit, by language of Natural Earth.
_UNIT_WORDS = re.compile(
    r"^(?:provincia (?:de |di |del )?|province (?:de |of |d |du )?|departemen |departamento (?:de |del )?|"
    r"departement (?:de |du )?|estado (?:de |do )?|etat (?:de |d )?|provinz |provinsi |prowincja |provincie |tinh |"
    r"bang |khu vuc |vung |thanh pho |gouvernorat (?:de |d )?|gouvernement |gubernatorstwo |wojewodztwo |"
    r"region (?:de |of )?|distrikt |kegubernuran |"
    r"محافظه |ولايه |مقاطعه |منطقه |اقليم |استان |ايالت |صوبه |محافظت |ولايت |اماره |دايره |قضاء |مديريه |جهه |"
    r"провинция |штат |область |регион |департамент |мухафаза |вилайет |округ |провінція |вілаєт |регіон |"
    r"επαρχια |περιφερεια |νομος |πολιτεια |κυβερνειο |מחוז |נפת |פרובינציית |מדינת )|"
    r"(?: province| state| region| district| county| governorate| department| prefecture| division| parish|"
    r" voivodeship| oblast| ili| eyaleti| bolgesi| valiligi| vilayeti| departmani| provinsen| provinsi| lan| megye|"
    r" tartomany| kormanyzosag| megyeje| provincia| provinz| provincie|"
    r" область| край| провинция| губернаторство| район| облысы|"
    r" प्रांत| परदेश| परांत| परानत| प्रान्त| राजय| जिला| विभाग| পরদেশ| বিভাগ| জেলা| صوبه|"
    r"省|州|市|县|府|郡|区|道|都|大区|地区|行政区|自治区|特别市|直辖市|県|주|도|시|현|구|성|특별시|광역시)$"
)


def unit_names(units: Sequence[Mapping[str, Any]], meant: Meant, entities: Entities) -> Iterator[tuple[str, int]]:
    """Names of units and of the regions they roll up to, and "=tx" for the letters of an ISO 3166-2 code.

    A name that all of several units bear ("Andalucía") is their region's as well.
    """
    names: dict[int, set[str]] = defaultdict(set)
    for index, (unit, now) in enumerate(zip(units, meant.units, strict=True)):
        entity = REGION_BASE + index
        written = [str(value) for key, value in unit.items() if key.startswith("name") and isinstance(value, str)]
        written += [unit.get("gn_name") or "", unit.get("woe_name") or "", *(now.names if now else ())]
        for name in dict.fromkeys(part.strip() for text in written for part in re.split(r"[|/;]", text)):
            if name and not _CODE.match(name):
                names[entity].add(name)
                yield name, entity
    for entity, iso in enumerate(admin1()["iso_3166_2"], start=REGION_BASE):
        letters = (iso or "").partition("-")[2]
        if letters.isalpha() and 2 <= len(letters) <= 3:
            yield "=" + letters.lower(), entity
    for entity, _, code, name in entities.groups():
        yield name, entity
        now = meant.regions.get(code)
        yield from ((part, entity) for part in (now.names if now else ()))
        members = np.flatnonzero(entities.regions[REGION_BASE : REGION_BASE + len(units), 1] == entity) + REGION_BASE
        if len(members) >= SEVERAL:
            shared = set.intersection(*(names[int(member)] for member in members))
            yield from ((name, entity) for name in sorted(shared))


def finer_names(meant: Meant, rows: pl.DataFrame, source: int, entities: Entities) -> pl.DataFrame:
    """Names of second-level units with an ISO 3166-2 code, which stand for the region that they lie in: Al Haouz is in
    Marrakesh-Safi. Only names that nothing else in the country bears: most such units have polygons of their own."""
    coded = admin1().with_row_index("row").filter(pl.col("geonames").fill_null("") != "")
    alone = coded.filter(pl.len().over("geonames") == 1)
    region = {code: REGION_BASE + row for code, row in alone.select("geonames", "row").iter_rows()}
    region |= {code: number for number, _, code, _ in entities.groups()}
    named = rows_of(
        (
            (name, region[code])
            for code, units in meant.finer.items()
            if code in region
            for unit in units
            if unit.iso
            for name in unit.names
            if not _CODE.match(name)
        ),
        source,
    )
    country = pl.Series("country", entities.country)
    taken = rows.select("key", country=country.gather(rows["entity"])).unique()
    found = named.with_columns(country=country.gather(named["entity"])).join(taken, on=["key", "country"], how="anti")
    clear = found.filter(pl.col("entity").n_unique().over("key", "country") == 1)
    return clear.select(rows.columns).sort("key", "entity")


def twins(
    rows: pl.DataFrame, units: Sequence[Mapping[str, Any]], short_names: pl.DataFrame, entities: Entities
) -> pl.DataFrame:
    """The names of a unit in all languages, without the word for its kind, for its most populous city of one name.

    A name that some region of several units bears is that region's: Florence does not become Tuscany, and Seville not
    Andalusia, which is a name of eight units. The city's own name must be the unit's English or local name: Quito does
    not become Pichincha, nor Kazan Tatarstan. A name that is another town's of the unit stays that town's: Tyumen's
    region was called after Tobolsk once.
    """
    latin = rows.filter(pl.col("source") == PRIMARY, pl.col("entity") < REGION_BASE)
    latin = pl.concat([latin, short_names])
    city_keys = latin.join(entities.city_regions(), on="entity").select("key", "entity", "region")
    unit_rows = rows.filter(pl.col("source") == UNIT).with_columns(
        bare=_bare(rows.filter(pl.col("source") == UNIT)["key"])
    )
    named = main_names(units)
    bases = named.select(bare=_bare(named["key"]), region="entity").unique()
    pairs = (
        bases.join(city_keys, left_on=["region", "bare"], right_on=["region", "key"])
        .group_by("region")
        .agg(pl.col("entity").min())
    )
    rolled_up = [number for number, *_ in entities.groups()]
    unit_rows = unit_rows.join(unit_rows.filter(pl.col("entity").is_in(rolled_up)), on="bare", how="anti")
    country = pl.Series(entities.country[unit_rows["entity"].to_numpy()])
    shared = pl.col("entity").n_unique().over("bare", "owner") >= SEVERAL
    unit_rows = unit_rows.with_columns(owner=country).filter(~shared)
    given = unit_rows.filter(~pl.col("bare").str.starts_with(LETTERS)).select("bare", region="entity")
    given = given.join(pairs, on="region").filter(pl.col("bare").str.len_chars() > 1)
    others = city_keys.select(bare="key", region="region", other="entity")
    theirs = given.join(others, on=["bare", "region"]).filter(pl.col("other") != pl.col("entity"))
    given = given.join(theirs, on=["bare", "entity"], how="anti", maintain_order="left")
    return given.select(key="bare", entity="entity", source=pl.lit(TWIN, pl.Int64)).unique(maintain_order=True)


def bare_names(rows: pl.DataFrame) -> pl.DataFrame:
    """The names of units without the word for their kind: "Berdyansk, Zaporizka" is in the oblast, not its capital."""
    units = rows.filter(pl.col("source") == UNIT, ~pl.col("key").str.starts_with(LETTERS))
    bare = units.with_columns(_bare(units["key"]).alias("key"))
    return bare.filter((bare["key"] != units["key"]) & (pl.col("key").str.len_chars() > 1)).unique(maintain_order=True)


def own_names(rows: pl.DataFrame, main_names: pl.DataFrame, entities: Entities) -> pl.DataFrame:
    """Names of units without those that are another unit's main name: Natural Earth calls East Azerbaijan Gilan too."""
    country = pl.Series("country", entities.country)
    taken = main_names.select("key", owner="entity").with_columns(country=country.gather(main_names["entity"]))
    rolled_up = [number for number, *_ in entities.groups()]
    claimed = (
        rows.with_columns(country=country.gather(rows["entity"]))
        .filter(~pl.col("entity").is_in(rolled_up))
        .join(taken, on=["key", "country"])
        .group_by("key", "entity")
        .agg(own=(pl.col("owner") == pl.col("entity")).any())
        .filter(~pl.col("own"))
    )
    return rows.join(claimed, on=["key", "entity"], how="anti", maintain_order="left")


def main_names(units: Sequence[Mapping[str, Any]]) -> pl.DataFrame:
    """The local and the English name of each unit."""
    main = [(str(unit.get(key) or ""), REGION_BASE + i) for i, unit in enumerate(units) for key in ("name", "name_en")]
    return rows_of(main, UNIT)


def _bare(keys: pl.Series) -> pl.Series:
    return pl.Series("bare", [_UNIT_WORDS.sub("", key).strip() or key for key in keys], dtype=pl.String)


def rows_of(names: Iterable[tuple[str, int]], source: int) -> pl.DataFrame:
    table = pl.DataFrame(list(names), schema={"name": pl.String, "entity": pl.Int64}, orient="row").unique(
        maintain_order=True
    )
    letters = table["name"].str.starts_with("=")
    keys = fold_column(table["name"])
    keys = pl.select(pl.when(letters).then(table["name"]).otherwise(keys)).to_series()
    found = table.select(key=keys, entity="entity", source=pl.lit(source, pl.Int64))
    return found.filter(pl.col("key").str.len_chars().is_between(1, MAX_KEY)).unique(maintain_order=True)
