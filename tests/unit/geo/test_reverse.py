from __future__ import annotations

import math

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from factory.geo import reverse


def test_names_places_in_the_order_asked() -> None:
    found = reverse([60.1699, -22.56, -33.8688], [24.9384, 17.083, 151.2093])
    assert found.columns == ["country_code", "region", "city", "city_distance_km"]
    assert found.select("country_code", "city").rows() == [("FI", "Helsinki"), ("NA", "Windhoek"), ("AU", "Sydney")]
    assert found["city_distance_km"].max() < 2


def test_impossible_points_are_null_rows() -> None:
    found = reverse([math.nan, 91.0, 60.17, None, 10.0], [0.0, 0.0, 24.94, 1.0, 181.0])  # type: ignore[list-item]
    assert found["city"].to_list() == [None, None, "Helsinki", None, None]
    assert found.height == 5


def test_no_points_give_no_rows() -> None:
    assert reverse([], []).height == 0


def test_fiji_waters_are_not_wallis_and_futuna() -> None:
    """The package's own search takes the wrong side of the antimeridian here."""
    assert reverse([-16.8], [-179.99])["country_code"].item() == "FJ"


def test_the_middle_of_an_ocean_has_a_distance_and_no_name() -> None:
    found = reverse([-48.9], [-123.4])
    assert found["country_code"].item() is None
    assert found["city_distance_km"].item() > 2000


def test_uneven_inputs_are_refused() -> None:
    with pytest.raises(ValueError, match="1 latitudes but 2"):
        reverse([1.0], [1.0, 2.0])


@settings(deadline=None)
@given(st.lists(st.tuples(st.floats(-90, 90), st.floats(-180, 180)), min_size=1, max_size=20), st.randoms())
def test_a_row_does_not_depend_on_its_neighbours(points: list[tuple[float, float]], random: object) -> None:
    together = reverse([lat for lat, _ in points], [lon for _, lon in points])
    alone = pl.concat([reverse([lat], [lon]) for lat, lon in points])
    assert together.equals(alone)
