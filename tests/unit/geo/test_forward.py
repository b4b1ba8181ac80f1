from __future__ import annotations

import csv
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import factory.geo.gazetteer
from factory.geo import country_name, forward, haversine_km, same_place
from factory.geo.gazetteer import cities

WRITTEN = Path(factory.geo.gazetteer.__file__).parent / "data" / "written_cities.csv"


@pytest.mark.parametrize(
    ("query", "lat", "lon", "level"),
    [
        ("Helsinki, Finland", 60.17, 24.94, "city"),
        ("Kazan, Tatarstan, Russia", 55.79, 49.12, "city"),
        ("Russia, Tatarstan, Kazan", 55.79, 49.12, "city"),
        ("Paris, Texas", 33.66, -95.56, "city"),
        ("Paris", 48.86, 2.35, "city"),
        ("Springfield, IL", 39.80, -89.64, "city"),
        ("Cambridge, MA, USA", 42.37, -71.11, "city"),
        ("Atlanta, Georgia", 33.75, -84.39, "city"),
        ("Köln", 50.94, 6.96, "city"),
        ("München, Bayern, Deutschland", 48.14, 11.58, "city"),
        ("Praha, Česko", 50.09, 14.42, "city"),
        ("St. Petersburg, Russia", 59.94, 30.31, "city"),
        ("St. Petersburg, Florida", 27.77, -82.68, "city"),
        ("New York, USA", 40.71, -74.01, "city"),
        ("Washington, D.C.", 38.90, -77.04, "city"),
        ("Windhoek, Namibia", -22.56, 17.08, "city"),
        ("Eiffel Tower, Paris, France", 48.86, 2.35, "city"),
        ("San José (Costa Rica), Costa Rica", 9.93, -84.08, "city"),
    ],
)
def test_finds_the_city_that_is_meant(query: str, lat: float, lon: float, level: str) -> None:
    found = forward([query]).row(0, named=True)
    assert haversine_km(found["lat"], found["lon"], lat, lon) < 10
    assert found["level"] == level


@pytest.mark.parametrize(
    ("query", "country", "region"),
    [
        ("California, USA", "US", "California"),
        ("Georgia, USA", "US", "Georgia"),
        ("Tatarstan, Russia", "RU", "Tatarstan"),
        ("England", "GB", "England"),
        ("Unheardofville, Ontario, Canada", "CA", "Ontario"),
        ("Aguas Calientes, Cusco, Peru", "PE", "Cusco"),
    ],
)
def test_finds_the_region_when_no_city_is_named(query: str, country: str, region: str) -> None:
    found = forward([query]).row(0, named=True)
    assert (found["country_code"], found["region"], found["level"]) == (country, region, "region")


@pytest.mark.parametrize(
    ("query", "country"), [("Georgia", "GE"), ("Niger", "NE"), ("Singapore", "SG"), ("日本", "JP")]
)
def test_a_country_alone_is_a_country(query: str, country: str) -> None:
    found = forward([query]).row(0, named=True)
    assert (found["country_code"], found["level"]) == (country, "country")


def test_one_row_for_each_input_in_order() -> None:
    found = forward(["Oslo", "xyzzy", None, "", "Oslo", "a" * 5000])
    assert found["city"].to_list() == ["Oslo", None, None, None, "Oslo", None]
    assert found["lat"].is_null().to_list() == [False, True, True, True, False, True]
    assert forward([]).height == 0


def test_says_how_sure_it_is() -> None:
    assert forward(["Helsinki, Finland", "Paris", "Springfield, USA"])["score"].to_list() == [1.0, 0.8, 0.5]


def test_every_written_name_leads_to_its_city() -> None:
    with WRITTEN.open(encoding="utf-8", newline="") as file:
        lines = list(csv.DictReader(file))
    assert len(lines) > 150
    queries = [f"{line['written']}, {country_name(line['country_code'])}" for line in lines]
    found = forward(queries)
    wrong = [
        query
        for query, line, city, code in zip(queries, lines, found["city"], found["country_code"], strict=True)
        if (city, code) != (line["city"], line["country_code"])
    ]
    assert wrong == []


def test_most_cities_come_back_from_their_own_name() -> None:
    sample = cities().sample(2000, seed=5)
    named = sample.filter(sample["admin1"] != "")
    found = forward([f"{name}, {region}, {country_name(cc)}" for _, _, name, region, _, cc in named.iter_rows()])
    distances = [
        haversine_km(lat, lon, row[0], row[1]) if lat is not None else 1e9
        for lat, lon, row in zip(found["lat"], found["lon"], named.iter_rows(), strict=True)
    ]
    assert sum(km < 25 for km in distances) / len(distances) > 0.95


@settings(deadline=None)
@given(st.text(max_size=80))
def test_any_text_is_answered(text: str) -> None:
    row = forward([text]).row(0, named=True)
    assert row["query"] == text
    assert (row["lat"] is None) == (row["level"] is None)


def test_spellings_of_one_place_are_the_same() -> None:
    assert same_place("Munich, Germany", "München, Deutschland", level="city")
    assert same_place("Hamburg, Germany", "Berlin", level="country")
    assert same_place("Kazan, Russia", "Tatarstan, Russia", level="region")
    assert same_place("Unheardofville", "unheardofville", level="city")


def test_other_or_unknown_places_are_not_the_same() -> None:
    assert not same_place("Paris, Texas", "Paris, France", level="country")
    assert not same_place("Hamburg, Germany", "Berlin", level="city")
    assert not same_place(None, None, level="city")
    assert not same_place("France", "Paris, France", level="city")
