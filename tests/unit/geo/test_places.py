"""Right answers to what users of the gazetteer reported: places.csv, and the kinds behind them."""

from __future__ import annotations

import csv
from pathlib import Path

import polars as pl
import pytest

from factory.geo import country_code, country_name, forward, haversine_km, reverse, same_place
from factory.geo.entities import REGION_BASE, read_entities
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


@pytest.mark.parametrize(
    ("query", "region"),
    [
        ("Lampedusa e Linosa, Agrigento, Italy", "Sicily"), ("Tokunoshima, Okinawa, Japan", "Okinawa Prefecture"),
        ("Xyzzyville, Puducherry, India", "Puducherry"), ("Ménaka, Gao, Mali", "Gao"),
        ("Casiguran, Aurora, Philippines", "Central Luzon"), ("Lucena, Quezon, Philippines", "Calabarzon"),
        ("San Vicente, Bolívar, Ecuador", "Bolívar"), ("Distrito de Chimán, Panamá, Panama", "Panamá"),
    ],
)  # fmt: skip
def test_a_region_with_far_islands_or_without_the_city_of_its_name_stays_a_region(query: str, region: str) -> None:
    """Lampedusa lies 200 km from Agrigento, and the towns called Aurora and Quezon City in other provinces."""
    found = forward([query]).row(0, named=True)
    assert (found["level"], found["region"]) == ("region", region)


def test_an_unknown_place_in_any_region_is_the_city_only_where_that_is_all_of_the_region() -> None:
    """At most 15 of 1,842 regions larger than a city, which share their name with a smaller one as Minsk does."""
    entities = read_entities()
    units = admin1().select("country", "admin1", "index").filter(pl.col("admin1") != "")
    asked = pl.Series([f"Xyzzyville, {name}, {country_name(code)}" for code, name, _ in units.iter_rows()])
    wide = ~entities.compact[units["index"].cast(pl.Int64).to_numpy() + REGION_BASE]
    found = forward(asked).filter(pl.Series(wide))
    assert found.height > 1_800
    assert (found["level"] == "city").sum() <= 15


@pytest.mark.parametrize(
    ("query", "level", "region"),
    [
        ("Milford, Pennsylvania, USA", "region", "Pennsylvania"), ("Eden, NY", "region", "New York"),
        ("Springfield, USA", "country", None), ("Taizhou, China", "country", None),
    ],
)  # fmt: skip
def test_of_two_towns_that_fit_equally_well_and_lie_far_apart_neither_is_chosen(
    query: str, level: str, region: str | None
) -> None:
    found = forward([query], candidates=3)
    assert (found["level"][0], found["region"][0]) == (level, region)
    assert found["level"].to_list()[1:] == ["city", "city"]
    assert found["ambiguity"][0] > 100
    assert found["score"].is_sorted(descending=True)


def test_a_town_with_twice_the_people_and_a_town_without_a_wider_name_beside_it_are_chosen() -> None:
    found = forward(["Portland, USA", "Springfield", "Fürth, Bavaria, Germany"])
    assert found["level"].to_list() == ["city"] * 3
    assert found["region"].to_list()[::2] == ["Oregon", "Bavaria"]


def test_a_countrys_name_before_itself_is_that_of_something_in_it() -> None:
    asked = [
        "Lerma, México, Mexico",
        "San Pedro Sacatepéquez, Guatemala, Guatemala",
        "Mexico, Mexico",
        "Panama, Panama",
    ]
    found = forward([*asked, "Singapore, Singapore"])
    assert found["region"].to_list()[:2] == ["State of Mexico", "Guatemala"]
    assert found["city"].to_list()[2:] == ["Mexico City", "Panama City", "Singapore"]


def test_a_town_comes_before_the_capital_of_the_region_behind_it_although_the_region_was_called_so() -> None:
    found = forward(["Tobolsk, Tyumen, Russia", "Kon Tum, Quảng Ngãi, Vietnam", "Ghadames, Nalut, Libya"])
    assert found["city"].to_list() == ["Tobolsk", "Kon Tum", "Ghadames"]


def test_a_name_one_letter_from_several_towns_is_none_of_them() -> None:
    assert forward(["Madhepur, India", "Rampurwa, India", "Kolattur, India"])["level"].to_list() == ["country"] * 3
    assert forward(["Joinvile, Brazil", "Seferhisar, Turkey"])["city"].to_list() == ["Joinville", "Seferihisar"]


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
    found = forward(["East Lyme, USA", "North Lima, OH", "south London", "West Louisville, KY", "North Texas"])
    assert found["level"].to_list() == ["country", "region", "city", "city", "region"]


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


@pytest.mark.parametrize(
    ("query", "country", "region"),
    [
        ("Alice Springs, NT", "AU", "Northern Territory"), ("Yellowknife, NT", "CA", "Northwest Territories"),
        ("Exmouth, WA", "AU", "Western Australia"), ("Seattle, WA", "US", "Washington"),
        ("Unheardofville, WA", "US", "Washington"), ("wellington, nsw", "AU", "New South Wales"),
        ("hobart tas", "AU", "Tasmania"), ("BOISE ID", "US", "Idaho"), ("santa rita, gu", "GU", "Guam"),
        ("ponce, pr", "PR", "Puerto Rico"), ("BOSTON MA", "US", "Massachusetts"),
        ("SYDNEY NSW", "AU", "New South Wales"),
    ],
)  # fmt: skip
def test_letters_of_states_count_in_every_case_and_country(query: str, country: str, region: str) -> None:
    found = forward([query]).row(0, named=True)
    assert (found["country_code"], found["region"]) == (country, region)


@pytest.mark.parametrize("form", ["City, ST", "city, st", "CITY ST"])
def test_no_town_of_the_gazetteer_written_with_its_state_leads_abroad(form: str) -> None:
    """Every tenth of 29,546; save for towns of Western Australia that Washington has a namesake of, or America and
    fewer than 20,000 people: WA is American first."""
    letters = admin1()["iso_3166_2"].str.extract(r"^(?:US|CA|AU)-([A-Z]{2,3})$")
    towns = cities().filter(pl.col("admin1_index").is_not_null())
    towns = towns.with_columns(st=letters.gather(towns["admin1_index"]))
    towns = towns.filter(pl.col("st").is_not_null(), ~pl.col("name").str.contains("/")).gather_every(10)
    asked = towns["name"] + (" " if form.isupper() else ", ") + towns["st"]
    asked = asked.str.to_uppercase() if form.isupper() else asked.str.to_lowercase() if form.islower() else asked
    found = forward(asked)["country_code"]
    abroad = towns.filter((found != towns["country"]).fill_null(False))
    assert towns.height > 2_900
    assert set(abroad["st"]) <= {"WA"}
    assert abroad.height < 15


@pytest.mark.parametrize("query", ["APO AE", "Apo, AP", "FPO AP 96349", "PSC 3 Box 99, APO AE 09096", "dpo, aa"])
def test_a_military_post_office_is_no_place(query: str) -> None:
    assert forward([query])["level"].item() is None


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


def test_countries_are_known_by_the_names_of_lists() -> None:
    found = forward(["Bethlehem, Palestinian Territory Occupied", "Suva, Fiji Islands", "Douglas, Man (Isle of)"])
    assert found["country_code"].to_list() == ["PS", "FJ", "IM"]
    assert country_code("Solomon Island") == "SB"
    assert country_code("Pitcairn Island") == "PN"


def test_former_states_bind_to_their_successors() -> None:
    found = forward(["Tallinn, USSR", "Leningrad, USSR", "Sarajevo, Yugoslavia", "Lyon, USSR", "USSR"])
    assert found["country_code"].to_list() == ["EE", "RU", "BA", None, None]
    assert country_code("USSR") is None


def test_former_regions_are_still_understood() -> None:
    found = forward(["Alsace, France", "Picardy, France", "Colmar, Alsace, France"])
    assert found["region"].to_list() == ["Grand Est", "Hauts-de-France", "Grand Est"]
