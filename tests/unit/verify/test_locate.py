from __future__ import annotations

import pytest

from factory.verify import near_truth
from factory.verify.locate import Place, locate, place_queries, resolve
from schemas import Answered, Case, GeoAnswer, Sample

KAZAN = Sample(id="s", lat=55.79, lon=49.12, country_code="RU")


def answered(**fields: object) -> Answered:
    answer = GeoAnswer.model_validate({"localizable": True, **fields})
    return Answered(teacher="t", model="m", place=answer)


def test_queries_are_unique_and_written_most_precise_first() -> None:
    kazan = answered(city="Kazan", region="Tatarstan", country="Russia")
    failed = Answered(teacher="t", model="m", failure="refused")
    assert place_queries([kazan, kazan, failed, answered(), answered(country=" Chad\n")]) == [
        "Chad",
        "Kazan, Tatarstan, Russia",
    ]


def test_resolve_finds_real_places_and_leaves_unknown_ones_out() -> None:
    found = resolve(["Kazan, Tatarstan, Russia", "Xyzzyplugh"])
    assert list(found) == ["Kazan, Tatarstan, Russia"]
    place = found["Kazan, Tatarstan, Russia"]
    assert (place.country_code, place.level) == ("RU", "city")
    assert place.lat == pytest.approx(55.8, abs=0.2)
    assert resolve([]) == {}


def test_an_answer_is_measured_by_coordinates_and_by_name() -> None:
    places = {"Kazan, Russia": Place(55.79, 49.12, "RU", "city")}
    (found,) = locate(KAZAN, [answered(city="Kazan", country="Russia", latitude=51.34, longitude=12.37)], places)
    assert (found.country_code, found.country_correct, found.named_level) == ("RU", True, "city")
    assert found.named_distance_km == 0.0
    assert found.distance_km == pytest.approx(2446, abs=3)


def test_the_country_comes_from_the_place_when_none_is_named() -> None:
    (found,) = locate(KAZAN, [answered(city="Leipzig")], {"Leipzig": Place(51.34, 12.37, "DE", "city")})
    assert (found.country_code, found.country_correct) == ("DE", False)


def test_unknown_sides_leave_the_country_undecided() -> None:
    nowhere = Sample(id="s", lat=0.0, lon=0.0)
    (found,) = locate(nowhere, [answered(country="Russia")], {})
    assert (found.country_code, found.country_correct) == ("RU", None)
    (unknown,) = locate(KAZAN, [answered(country="Atlantis")], {})
    assert (unknown.country_code, unknown.country_correct) == (None, None)


def test_a_failed_answer_stays_as_it_is() -> None:
    failed = Answered(teacher="t", model="m", failure="refused")
    (found,) = locate(KAZAN, [failed], {})
    assert found.answered is failed
    assert found.distance_km is None


@pytest.mark.parametrize(
    ("code", "lat", "lon", "city", "country"),
    [
        ("PR", 18.4655, -66.1057, "San Juan", "United States"),
        ("HK", 22.30, 114.17, "Hong Kong", "China"),
        ("XK", 42.6629, 21.1655, "Pristina", "Serbia"),
        ("UA", 44.95, 34.10, "Simferopol", "Russia"),
    ],
)
def test_the_sovereign_and_the_claimant_are_the_right_country(
    code: str, lat: float, lon: float, city: str, country: str
) -> None:
    sample = Sample(id="s", lat=lat, lon=lon, country_code=code)
    said = [answered(city=city, country=country, latitude=lat, longitude=lon)]
    (found,) = locate(sample, said, resolve(place_queries(said)))
    assert found.country_code != code and found.country_correct is True
    assert near_truth(Case(sample=sample, answers=(found,))).outcome == "pass"


def test_a_territory_is_the_wrong_country_elsewhere() -> None:
    houston = Sample(id="s", lat=29.76, lon=-95.37, country_code="US")
    said = [answered(country="Puerto Rico", lat=29.76, lon=-95.37), answered(country="France", lat=29.76, lon=-95.37)]
    found = locate(houston, said, {})
    assert [one.country_correct for one in found] == [False, False]
    assert near_truth(Case(sample=houston, answers=found[:1])).reason == "country_differs"


def test_disputed_places_are_resolved_in_the_worldview() -> None:
    assert resolve(["Simferopol"])["Simferopol"].country_code == "UA"
    assert resolve(["Simferopol"], worldview="natural_earth")["Simferopol"].country_code == "RU"
