"""The ways in: pairs and text for `reverse`, numbers and arrays for distances, forked processes, names of columns."""

from __future__ import annotations

import math
import multiprocessing
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from factory.errors import EnvironmentFault, RecipeError
from factory.geo import forward, geoscore, haversine_km, is_country_of, reverse, tier
from factory.geo.axes import axes_of


def test_reverse_takes_a_pair_and_pairs() -> None:
    helsinki = reverse(60.17, 24.94)
    assert reverse((60.17, 24.94)).equals(helsinki)
    assert reverse([(60.17, 24.94), (48.85, 2.35)])["city"].to_list() == ["Helsinki", "Paris"]
    assert reverse(np.array([[60.17, 24.94]])).equals(helsinki)
    with pytest.raises(TypeError, match="pairs"):
        reverse([1.0, 2.0, 3.0])


def test_reverse_reads_degrees_as_people_write_them() -> None:
    found = reverse(["48°51'24\"N", "60,17", "S 33.9"], ["2°21'8\"E", "24,94", "18.4"])
    assert found["country_code"].to_list() == ["FR", "FI", "ZA"]


def test_distances_scores_and_tiers_take_numbers() -> None:
    assert geoscore(0.0) == 5000.0
    assert geoscore(None) == 0.0
    assert geoscore(math.nan) == 0.0
    assert (tier(30.0), tier(9_999.0), tier(None)) == ("region", None, None)
    assert pl.select(score=geoscore(pl.lit(30.0))).item() == pytest.approx(geoscore(30.0))


def test_distances_take_arrays() -> None:
    km = haversine_km([48.85, 60.17], [2.35, 24.94], 48.85, 2.35)
    assert km.shape == (2,)
    assert km[1] == pytest.approx(haversine_km(60.17, 24.94, 48.85, 2.35))


def test_countries_are_asked_for_by_code_or_name() -> None:
    assert is_country_of("United States", "PR") is True
    assert is_country_of("USA", "Puerto Rico") is True
    assert is_country_of("Finland", "SE") is False
    with pytest.raises(ValueError, match="'Atlantis' is no country"):
        is_country_of("Atlantis", "PR")


def _in_child(answers: multiprocessing.Queue[str]) -> None:
    for call in (lambda: reverse(60.17, 24.94), lambda: forward("Helsinki")):
        try:
            call()
            answers.put("answered")
        except EnvironmentFault as fault:
            answers.put(str(fault))


def test_a_forked_child_is_told_at_once_how_to_start_instead() -> None:
    reverse(60.17, 24.94)
    context = multiprocessing.get_context("fork")
    answers: multiprocessing.Queue[str] = context.Queue()
    child = context.Process(target=_in_child, args=(answers,))
    child.start()
    said = [answers.get(timeout=20) for _ in range(2)]
    child.join(timeout=20)
    assert child.exitcode == 0
    assert all("spawn" in text for text in said)


@pytest.mark.parametrize(
    ("header", "expected"),
    [("id,Latitude,Longitude", ("Latitude", "Longitude")), ("lat,lng", ("lat", "lng")), ("LAT,LON", ("LAT", "LON"))],
)
def test_columns_of_coordinates_are_known_by_their_names(
    header: str, expected: tuple[str, str], tmp_path: Path
) -> None:
    path = tmp_path / "a.csv"
    path.write_text(header + "\n", encoding="utf-8")
    assert axes_of(path, None, None) == expected


def test_an_unclear_column_names_the_option(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("north,lon\n1,2\n", encoding="utf-8")
    with pytest.raises(RecipeError, match="--lat COLUMN"):
        axes_of(path, None, None)
    path.write_text("Latitude,GPS_lat,lon\n1,2,3\n", encoding="utf-8")
    with pytest.raises(RecipeError, match="may be 'Latitude' or 'GPS_lat'"):
        axes_of(path, None, None)
