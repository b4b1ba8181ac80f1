"""The old labels, for comparison only."""

from __future__ import annotations

import pytest

from factory.geo.compat import reverse_nearest_city

pytest.importorskip("reverse_geocoder")


def test_it_names_the_nearest_city_it_knows_and_nothing_for_no_place() -> None:
    labels = reverse_nearest_city([60.17, float("nan"), -33.92], [24.94, 10.0, 18.42])
    assert labels["country_code"].to_list() == ["FI", None, "ZA"]
    assert labels["city"].to_list()[0] == "Helsinki"


def test_no_points_give_no_rows() -> None:
    assert reverse_nearest_city([], []).height == 0
