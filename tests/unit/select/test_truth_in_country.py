"""Coordinates that speak against the country a source states."""

from __future__ import annotations

from factory.select import truth_in_country
from tests.unit.select.frames import frame_of

PLACES = [
    {"id": "paris", "lat": 48.8556, "lon": 2.3580, "country_code": "FR"},
    {"id": "zakopane", "lat": 49.302, "lon": 19.964, "country_code": "SK"},
    {"id": "kehl", "lat": 48.5741, "lon": 7.8070, "country_code": "FR"},
    {"id": "san-juan", "lat": 18.40, "lon": -66.06, "country_code": "US"},
    {"id": "ocean", "lat": 40.0, "lon": -40.0, "country_code": "PT"},
    {"id": "unsaid", "lat": 48.8556, "lon": 2.3580, "country_code": None},
]


def reasons(within_km: float) -> dict[str, str]:
    removed = truth_in_country(frame_of(PLACES), within_km=within_km).removed
    return dict(removed.select("id", "reason").iter_rows())


def test_what_speaks_against_the_country_leaves_by_a_reason() -> None:
    expected = {"zakopane": "country_differs", "ocean": "at_sea", "unsaid": "no_country"}
    assert reasons(2) == expected
    assert reasons(0) == expected | {"kehl": "country_differs"}, "a point at a border is judged only without a margin"


def test_a_reason_says_both_countries_and_how_far_the_border_is() -> None:
    removed = truth_in_country(frame_of(PLACES[1:2])).removed
    assert removed["detail"][0].startswith("SK by the source; PL by the polygons, ")


def test_nothing_is_removed_of_nothing() -> None:
    assert truth_in_country(frame_of([])).removed.is_empty()
