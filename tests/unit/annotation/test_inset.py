"""The map: cropped to its points, drawn within its frame, wherever they lie."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annotation.screens.inset import HEIGHT, WIDTH, Mark, place_html

DEGREES = st.tuples(st.floats(-90, 90), st.floats(-180, 180))


def mark(lat: float | None, lon: float | None, kind: str = "answer") -> Mark:
    return Mark(kind=kind, title="Answer", name="Lyon", lat=lat, lon=lon)


def dots(html: str) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in re.findall(r'd="M(\S+) (\S+)h0" stroke="#[^f]', html)]


@settings(deadline=None, max_examples=60)
@given(st.lists(DEGREES, min_size=1, max_size=6))
def test_every_point_is_drawn_within_the_frame(points: list[tuple[float, float]]) -> None:
    html = place_html([mark(lat, lon) for lat, lon in points], "map")
    found = dots(html)
    assert len(found) == len(points)
    assert all(0 <= x <= WIDTH and 0 <= y <= HEIGHT for x, y in found)


@settings(deadline=None, max_examples=40)
@given(DEGREES, DEGREES)
def test_outlines_end_at_the_frame(first: tuple[float, float], second: tuple[float, float]) -> None:
    html = place_html([mark(*first), mark(*second)], "map")
    for path in re.findall(r'<path d="([^"]*)" fill', html):
        for x, y in re.findall(r"[ML](\S+) ([^MLz]+)", path):
            assert -0.05 * WIDTH <= float(x) <= 1.05 * WIDTH and -0.05 * WIDTH <= float(y) <= HEIGHT + 0.05 * WIDTH


def test_a_point_on_land_has_land_around_it_and_one_at_sea_has_none() -> None:
    def land(lat: float, lon: float) -> str:
        return re.findall(r'<path d="([^"]*)" fill="#e3e4df"', place_html([mark(lat, lon)], "map"))[0]

    assert land(48.85, 2.35).startswith("M")
    assert land(-40.0, -120.0) == ""


def part(*points: tuple[float, float]) -> str:
    """The outlines around points, and where those lie."""
    return place_html([mark(*point) for point in points], "map").partition("<ul>")[0]


def test_points_on_both_sides_of_the_antimeridian_are_neighbours() -> None:
    """Taveuni lies on it; so near to each other, points are shown as those of any other island."""
    near = dots(part((-16.8, 179.95), (-16.8, -179.95)))
    elsewhere = dots(part((-16.8, 100.0), (-16.8, 100.1)))
    assert near == [pytest.approx(point, abs=0.3) for point in elsewhere]
    assert len(part((66.0, 178.0), (66.0, -172.0))) < 5_000 < len(part((66.0, 60.0), (66.0, -172.0))), "no whole world"


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(st.floats(-60, 60), st.floats(-20, 20)), min_size=2, max_size=4))
def test_the_map_around_points_goes_with_them_around_the_world(points: list[tuple[float, float]]) -> None:
    """Dots keep their places to each other, but for the shear of the projection, whichever meridian they lie around."""
    over = [(lat, lon + 180.0 if lon <= 0 else lon - 180.0) for lat, lon in points]
    spans = [max(x for x, _ in dots(part(*some))) - min(x for x, _ in dots(part(*some))) for some in (points, over)]
    assert spans[1] <= WIDTH / 1.5 and spans[0] <= WIDTH / 1.5


def test_land_goes_on_beyond_the_antimeridian() -> None:
    """Chukotka: east of 180 as well as west of it."""
    for lon in (179.5, -179.5):
        land = re.findall(r'<path d="([^"]*)" fill="#e3e4df"', part((67.0, lon)))[0]
        xs = [float(x) for x, _ in re.findall(r"[ML](\S+) ([^MLz]+)", land)]
        assert min(xs) < WIDTH / 4 and max(xs) > 3 * WIDTH / 4


def test_what_states_no_place_is_listed_and_not_drawn() -> None:
    html = place_html([mark(None, None)], "map")
    assert "<svg" not in html and "Lyon" in html


@pytest.mark.parametrize("distance", [0.0, 0.001])
def test_points_that_lie_on_each_other_are_both_drawn(distance: float) -> None:
    assert len(dots(place_html([mark(1.0, 2.0), mark(1.0, 2.0 + distance, "truth")], "map"))) == 2
