"""Right answers to what users of the gazetteer reported: places.csv, and the kinds behind them."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from factory.geo import country_code, forward, haversine_km, reverse, same_place
from factory.geo.gazetteer import admin1, cities

CASES = list(csv.DictReader(Path(__file__).with_name("places.csv").open(encoding="utf-8", newline="")))


def cases(call: str) -> list[dict[str, str]]:
    return [case for case in CASES if case["call"] == call]


@pytest.mark.parametrize("case", cases("forward"), ids=lambda case: case["input"])
def test_reported_strings_are_found_where_they_are(case: dict[str, str]) -> None:
    found = forward([case["input"]]).row(0, named=True)
    if case["country"]:
        assert found["country_code"] == case["country"]
    if case["region"]:
        assert found["region"] == case["region"]
    if case["within_km"]:
        km = haversine_km(float(case["lat"]), float(case["lon"]), found["lat"], found["lon"])
        assert km <= float(case["within_km"])
    if case["note"].startswith("level "):
        assert found["level"] in case["note"].split(";")[0]


@pytest.mark.parametrize("case", cases("reverse"), ids=lambda case: case["input"])
def test_reported_points_lie_where_they_do(case: dict[str, str]) -> None:
    lat, lon = map(float, case["input"].split(","))
    found = reverse(lat, lon).row(0, named=True)
    assert found["country_code"] == case["country"]
    if case["region"]:
        assert found["admin1_iso"] == case["region"]
    if case["note"].startswith("city "):
        assert found["city"] == case["note"].removeprefix("city ")
        assert found["quarter"] is not None


@pytest.mark.parametrize("case", cases("country_code"), ids=lambda case: case["input"])
def test_reported_names_of_countries_are_known(case: dict[str, str]) -> None:
    assert country_code(case["input"]) == case["country"]


@pytest.mark.parametrize("query", ["Glenmont, NY", "Isla de Pascua, Valparaiso, Chile", "rural New York, USA"])
def test_an_unknown_place_in_a_region_is_not_the_city_of_its_name(query: str) -> None:
    assert forward([query])["level"].item() == "region"


@pytest.mark.parametrize(
    ("query", "region"),
    [
        ("Barton, New York, United States", "New York"), ("San Rafael, Santa Cruz, Bolivia", "Santa Cruz"),
        ("Ferreira, Salto, Uruguay", "Salto"), ("Tagkawayan, Quezon, Philippines", "Calabarzon"),
        ("Mahatalaky, Toliara, Madagascar", "Atsimo-Andrefana"),
    ],
)  # fmt: skip
def test_a_place_known_elsewhere_alone_is_unknown_here(query: str, region: str) -> None:
    found = forward([query]).row(0, named=True)
    assert (found["level"], found["region"]) == ("region", region)


def test_what_lies_in_a_city_leaves_the_city() -> None:
    asked = ["Pennsylvania Station, New York, USA", "Harlem, New York, USA", "Greenwich, London, UK", "Quezon City"]
    assert forward(asked)["level"].to_list() == ["city"] * 4
    assert forward(["Toliara, Madagascar", "Salto, Uruguay"])["city"].to_list() == ["Toliara", "Salto"]


def test_a_region_keeps_its_name_without_the_word_for_its_kind() -> None:
    found = forward(["Berdyansk, Zaporizka, Ukraine", "Rural, Odeska, Ukraine", "Zaporizka oblast, Ukraine"])
    assert found["city"].to_list() == ["Berdyansk", None, None]
    assert found["level"].to_list() == ["city", "region", "region"]


def test_the_name_of_another_country_before_the_last_one_is_none() -> None:
    asked = ["Chili, New York, USA", "Sainte-Hélène, Lozère, France", "Santa Elena, La Paz, Honduras"]
    found = forward([*asked, "Peru, Illinois, USA", "Lienchiang, Taiwan, China"])
    assert found["country_code"].to_list() == ["US", "FR", "HN", "US", "TW"]
    assert found["region"].to_list()[:4] == ["New York", "Occitanie", "La Paz", "Illinois"]


def test_what_an_american_town_was_called_once_is_no_name_of_it() -> None:
    found = forward(["Zoar, OH", "Franklinville, NJ", "Norris, IL", "De Kalb, IL", "Nueva York, USA", "Frisco, USA"])
    assert found["city"].to_list()[:5] == [None, None, None, "DeKalb", "New York City"]


def test_a_compass_point_is_part_of_a_small_towns_name_and_not_of_a_large_citys() -> None:
    found = forward(["East Lyme, USA", "West Whiteland, USA", "south London", "East Springfield, USA", "North Texas"])
    assert found["level"].to_list() == ["country", "country", "city", "city", "region"]


def test_where_the_region_is_written_a_towns_own_name_comes_before_a_larger_ones_other_name() -> None:
    assert forward(["Elizabethtown, North Carolina"])["city"].to_list() == ["Elizabethtown"]


@pytest.mark.parametrize(
    ("query", "country", "region"),
    [
        ("Kodak, TN", "US", "Tennessee"), ("Silverado, CA", "US", "California"), ("Norway, KS", "US", "Kansas"),
        ("Percival, IA", "US", "Iowa"), ("Milan, MI", "US", "Michigan"), ("Tunis, TN", "TN", "Tūnis"),
        ("Delhi, IN", "IN", "Delhi"), ("Toronto, CA", "CA", "Ontario"), ("Florianópolis, SC", "BR", "Santa Catarina"),
        ("Perth, WA", "AU", "Western Australia"), ("Sydney, NSW", "AU", "New South Wales"),
    ],
)  # fmt: skip
def test_letters_behind_a_town_are_those_of_its_state(query: str, country: str, region: str) -> None:
    found = forward([query]).row(0, named=True)
    assert found["country_code"] == country
    assert found["region"] == region or country == "TN"


def test_an_answer_does_not_depend_on_the_strings_beside_it() -> None:
    asked = ["Island, KY", "Village, VA", "near Lakeside Springs, Ohio, USA", "Downtown, Berlin, Germany"]
    assert forward(asked).equals(forward(asked[:1]).vstack(forward(asked[1:2])).vstack(forward(asked[2:])))


def test_sentences_are_read_one_by_one_and_a_continent_is_no_country() -> None:
    found = forward(["Lima, Peru, South America. Lima", "Springfield, Missouri. Springfield", "St. Louis, USA"])
    assert found["city"].to_list() == ["Lima", "Springfield", "St. Louis"]
    assert found["country_code"].to_list() == ["PE", "US", "US"]


def test_small_letters_are_letters_where_they_are_no_word() -> None:
    found = forward(["los angeles, ca", "boston ma", "paris, tx", "salem in", "berlin, de"])
    assert found["city"].to_list()[:3] == ["Los Angeles", "Boston", "Paris"]
    assert found["country_code"].to_list()[4] == "DE"


def test_ireland_lets_northern_ireland_in_and_nothing_else_of_britain() -> None:
    found = forward(["County Kerry, Ireland", "Oxford, Ireland", "Kilkeel, Ireland", "Belfast, Ireland"])
    assert found["country_code"].to_list() == ["IE", "IE", "GB", "GB"]
    assert found["region"].to_list()[2:] == ["Northern Ireland"] * 2


def test_a_finer_part_that_fits_nothing_does_not_drop_the_city() -> None:
    found = forward(["French Quarter, New Orleans, Louisiana, USA", "Palermo, Buenos Aires, Argentina"])
    assert found["city"].to_list() == ["New Orleans", "Buenos Aires"]
    assert forward(["Paris, Texas, France"])["country_code"].item() == "FR"


def test_an_island_is_no_town_of_its_name_on_the_mainland() -> None:
    found = forward(["Hamilton Island, Queensland, Australia", "Jeju Island, South Korea"])
    assert found["city"].null_count() == 2


def test_a_quarter_is_its_city_with_the_quarter_beside_it() -> None:
    found = reverse(48.8566, 2.3522).row(0, named=True)
    assert (found["city"], found["city_id"], found["quarter"]) == ("Paris", 2988507, "Paris 04 Hôtel-de-Ville")
    assert found["city_distance_km"] == pytest.approx(0.4, abs=0.2)
    written = forward(["Paris 04 Hôtel-de-Ville, France"]).row(0, named=True)
    assert (written["city"], written["quarter"]) == ("Paris", "Paris 04 Hôtel-de-Ville")
    assert same_place("Paris, France", "Paris 04 Hôtel-de-Ville, France", level="city")


def test_suburbs_with_their_own_name_stay_themselves() -> None:
    places = {"Neuilly-sur-Seine, France", "Montreuil, France", "Beverly Hills, California", "Jersey City, USA"}
    assert forward(sorted(places))["quarter"].null_count() == len(places)


def test_a_city_is_no_part_of_another() -> None:
    parents = set(cities()["part_of"].drop_nulls())
    assert not parents & set(cities().filter(cities()["part_of"].is_not_null())["id"])


def test_units_of_today_have_todays_codes() -> None:
    units = {(row["country"], row["geonames"]): row for row in admin1().iter_rows(named=True) if row["geonames"]}
    expected = {
        ("MA", "MA.06"): "MA-06", ("NP", "NP.1"): "NP-P1", ("CD", "CD.14"): "CD-HK", ("IR", "IR.04"): "IR-11",
        ("RU", "RU.48"): "RU-MOW", ("RU", "RU.47"): "RU-MOS", ("NO", "NO.46"): "NO-46", ("GH", "GH.16"): None,
    }  # fmt: skip
    for key, iso in expected.items():
        assert iso is None or units[key]["iso_3166_2"] == iso


def test_a_unit_without_a_polygon_says_that_its_towns_tell_where_it_is() -> None:
    found = reverse([-11.66, 48.85], [27.48, 2.35])
    assert found["admin1_iso"].to_list()[0] == "CD-HK"
    assert found["admin1_drawn"].to_list() == ["places", "polygon"]


@pytest.mark.parametrize(
    ("lat", "lon", "country"),
    [
        (27.9881, 86.9250, "NP"), (26.7384, -11.6719, "EH"), (27.1200, -11.0500, "EH"), (32.5411, -116.9700, "MX"),
        (46.5136, -84.3358, "CA"), (44.5895, -75.6843, "CA"), (-10.5790, 142.2190, "AU"), (10.0200, 139.7900, "FM"),
        (3.3800, 173.0000, "KI"), (24.6280, -82.8730, "US"), (-34.1820, -58.2490, "AR"), (35.1810, -2.4320, "ES"),
    ],
)  # fmt: skip
def test_famous_points_lie_in_their_country(lat: float, lon: float, country: str) -> None:
    assert reverse(lat, lon)["country_code"].item() == country


def test_former_states_bind_to_their_successors() -> None:
    found = forward(["Tallinn, USSR", "Leningrad, USSR", "Sarajevo, Yugoslavia", "Lyon, USSR", "USSR"])
    assert found["country_code"].to_list() == ["EE", "RU", "BA", None, None]
    assert country_code("USSR") is None


def test_former_regions_are_still_understood() -> None:
    found = forward(["Alsace, France", "Picardy, France", "Colmar, Alsace, France"])
    assert found["region"].to_list() == ["Grand Est", "Hauts-de-France", "Grand Est"]
