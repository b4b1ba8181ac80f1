from __future__ import annotations

import csv
from pathlib import Path

import polars as pl

import factory.geo.build
from factory.geo import country_code, country_name, forward, haversine_km
from factory.geo.build.zones import read_zones
from factory.geo.entities import COUNTRY_BASE, REGION_BASE, read_entities
from factory.geo.gazetteer import DATA, table
from factory.geo.loose_key import MARK
from factory.geo.name_index import EXEMPLAR, LETTERS, read_index
from factory.geo.normalise import fold

ALIASES = Path(factory.geo.build.__file__).parent / "aliases.csv"


def aliases(kind: str) -> list[dict[str, str]]:
    with ALIASES.open(encoding="utf-8", newline="") as file:
        return [line for line in csv.DictReader(file) if line["kind"] == kind]


def test_the_files_are_small() -> None:
    assert sum(path.stat().st_size for path in DATA.glob("names*")) < 9_000_000


def test_every_row_is_a_folded_name_of_a_known_place() -> None:
    rows, entities = table("names"), read_entities()
    assert rows["key"].is_sorted()
    assert not rows.select("key", "entity").is_duplicated().any()
    assert rows["entity"].max() < COUNTRY_BASE  # type: ignore[operator]
    assert entities.kind[rows["entity"].to_numpy()].max() <= 1
    names = rows.sample(3000, seed=1)["key"].to_list()
    assert [name for name in names if name[0] not in (MARK, LETTERS) and fold(name) != name] == []


def test_without_exemplars_only_exemplar_rows_are_missing() -> None:
    exemplars = (table("names")["source"] == EXEMPLAR).sum()
    assert len(read_index().entity) - len(read_index(exemplars=False).entity) == exemplars > 10_000


def test_every_alias_leads_to_its_country_city_or_region() -> None:
    for line in aliases("country"):
        assert [name for name in line["names"].split(";") if country_code(name) != line["country"]] == []
    for line in [*aliases("city"), *aliases("region")]:
        for name in line["names"].split(";"):
            found = forward([f"{name}, {country_name(line['country'])}"]).row(0, named=True)
            assert found["country_code"] == line["country"], name
            assert found["level"] == line["kind"] or line["country"] == "GB", name


def test_popular_places_have_the_smaller_numbers() -> None:
    weights = pl.Series(read_entities().weight[: len(read_entities().city_ids)])
    assert weights.is_sorted(descending=True)
    assert len(weights) < REGION_BASE


def test_zones_lie_where_their_cities_are() -> None:
    zones = read_zones()
    assert zones["Asia/Calcutta"] == zones["Asia/Kolkata"]
    country, lat, lon = zones["America/Argentina/Buenos_Aires"]
    assert country == "AR"
    assert haversine_km(lat, lon, -34.61, -58.38) < 10


def test_the_index_was_built_from_these_cities() -> None:
    """The index numbers places by population: after a change of cities.parquet or admin1.parquet it must be rebuilt."""
    names = read_entities().city_name
    numbers = range(0, len(names), 97)
    wanted = pl.DataFrame(
        {"key": [fold(names[i]) for i in numbers], "entity": numbers}, schema_overrides={"entity": pl.Int32}
    )
    missing = wanted.filter(pl.col("key") != "").join(table("names"), on=["key", "entity"], how="anti")
    assert missing.height == 0
