"""Islands are places of their own kind: found by name, at their own point, with their towns on them."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from factory.geo import forward, haversine_km, reverse
from factory.geo.build.islands import read_islands
from factory.geo.entities import island_base, read_entities
from factory.geo.gazetteer import admin1, cities, named_islands


@pytest.mark.parametrize(
    ("query", "country", "region", "lat", "lon", "within"),
    [
        ("Mallorca", "ES", "Balearic Islands", 39.6, 3.0, 20),
        ("Menorca, Spain", "ES", "Balearic Islands", 39.97, 4.08, 20),
        ("Lanzarote", "ES", "Canary Islands", 29.03, -13.63, 20),
        ("Gran Canaria", "ES", "Canary Islands", 27.96, -15.6, 20),
        ("Fernando de Noronha", "BR", "Pernambuco", -3.85, -32.42, 10),
        ("Easter Island", "CL", "Valparaíso", -27.12, -109.36, 10),
        ("Isla de Pascua, Valparaiso, Chile", "CL", "Valparaíso", -27.12, -109.36, 10),
        ("Tahiti", "PF", None, -17.63, -149.45, 20),
        ("Bora Bora", "PF", None, -16.5, -151.74, 10),
        ("Oahu", "US", "Hawaii", 21.46, -157.97, 20),
        ("Lombok, Indonesia", "ID", "West Nusa Tenggara", -8.6, 116.35, 30),
        ("Sylt, Germany", "DE", "Schleswig-Holstein", 54.9, 8.35, 15),
        ("Bornholm, Denmark", "DK", None, 55.13, 14.92, 15),
        ("Vancouver Island", "CA", "British Columbia", 49.65, -125.6, 50),
        ("Newfoundland", "CA", "Newfoundland and Labrador", 48.9, -56.0, 50),
        ("Bathurst Island", "AU", "Northern Territory", -11.6, 130.3, 20),
        ("Bathurst Island, Canada", "CA", "Nunavut", 75.9, -99.9, 50),
        ("Hamilton Island", "AU", "Queensland", -20.35, 148.95, 10),
        ("Skye, Scotland", "GB", "Scotland", 57.3, -6.25, 20),
        ("Long Island, NY", "US", "New York", 40.85, -73.1, 30),
        ("苏门答腊岛", "ID", None, -0.5, 101.8, 50),
    ],
)  # fmt: skip
def test_an_island_is_found_where_it_lies(
    query: str, country: str, region: str | None, lat: float, lon: float, within: float
) -> None:
    found = forward([query]).row(0, named=True)
    assert (found["country_code"], found["level"], found["city"]) == (country, "region", None)
    assert region is None or found["region"] == region
    assert haversine_km(found["lat"], found["lon"], lat, lon) <= within


@pytest.mark.parametrize(
    ("query", "city"),
    [
        ("Palma, Mallorca, Spain", "Palma"), ("Ubud, Bali, Indonesia", "Ubud"), ("Honolulu, Oahu, Hawaii", "Honolulu"),
        ("St. John's, Newfoundland, Canada", "St. John's"), ("Svolvær, Lofoten, Norway", "Svolvær"),
        ("Papeete, Tahiti", "Papeete"), ("Brooklyn, Long Island, New York", "Brooklyn"), ("Ibiza, Spain", "Ibiza"),
        ("Denpasar, Bali Island", "Denpasar"), ("Victoria, Vancouver Island, Canada", "Victoria"),
    ],
)  # fmt: skip
def test_a_town_on_an_island_comes_before_the_island(query: str, city: str) -> None:
    assert forward([query])["city"].item() == city


def test_a_town_beside_an_island_that_it_does_not_lie_on_is_not_the_answer() -> None:
    """There are a Waikiki in Australia and one in Honolulu, and a Kingston on neither of these islands."""
    found = forward(["Waikiki, Oahu, Hawaii", "Kingston, Mallorca", "Kingston, Oahu"])
    assert found["city"].to_list() == ["Honolulu", None, None]
    assert found["country_code"].to_list() == ["US", "ES", "US"]


@pytest.mark.parametrize("query", ["Hamilton Island, Bermuda", "Banjul Island"])
def test_a_parish_or_a_former_name_is_no_island(query: str) -> None:
    """Hamilton parish shares its land with others; Banjul's other names count only as they are."""
    found = forward([query]).row(0, named=True)
    assert found["region"] != "Hamilton" or found["level"] != "region"


def test_a_name_of_two_islands_says_so() -> None:
    found = forward(["Bathurst Island"], candidates=3)
    assert found["country_code"].to_list()[:2] == ["AU", "CA"]
    assert found["score"][0] < 1


def test_every_island_lies_in_its_country_and_bears_its_number() -> None:
    isles, written = named_islands(), read_islands()
    assert isles["name"].to_list() == [isle.names[0] for isle in written]
    entities = read_entities()
    first = island_base()
    assert entities.on_island[first : first + isles.height].all()
    owner = admin1()["country"].gather(isles["admin1_index"])
    assert owner.to_list() == isles["country"].to_list()
    here = reverse(isles["lat"], isles["lon"], levels=("country",))["country_code"]
    apart = isles.filter(here != isles["country"])["name"].to_list()
    assert apart == ["Saint Martin's Island"]  # not drawn; Myanmar's coast is nearer
    assert np.isfinite(isles["lat"].to_numpy()).all()


def test_towns_lie_on_the_island_that_they_are_said_to() -> None:
    on = cities().filter(pl.col("named_island").is_not_null()).select("name", "country", "named_island")
    isle = named_islands()["name"].gather(on["named_island"])
    pairs = set(zip(on["name"], isle, strict=True))
    assert {("Palma", "Mallorca"), ("Mataram", "Lombok"), ("Honolulu", "Oahu"), ("Visby", "Gotland Island")} <= pairs
    assert not {("London", "Lindisfarne"), ("Osaka", "Naoshima"), ("Singapore", "Sentosa")} & pairs
    assert (named_islands()["country"].gather(on["named_island"]) == on["country"].cast(pl.String)).all()
