from __future__ import annotations

from collections import Counter

import pytest

from factory.geo.build.regions import geonames_codes
from factory.geo.build.sources import Unit

VALID = frozenset({"KE.05", "KE.08", "KE.30", "KE.31"})


@pytest.mark.parametrize(
    ("given", "cities", "code"),
    [
        ("KE.05", {"KE.05": 9}, "KE.05"),
        ("KE.05", {"KE.30": 9, "KE.05": 1}, "KE.30"),
        ("KE.05", {"KE.30": 1}, "KE.05"),
        ("KE08", {"KE.30": 2}, "KE.30"),
        ("KE.08", {"KE.08": 2, "KE.30": 3, "KE.31": 4}, None),
        ("KE.08", {}, "KE.08"),
    ],
    ids=["they agree", "an old code", "one city is no majority", "no such code", "several regions in one", "no city"],
)
def test_the_cities_inside_a_unit_decide_its_geonames_code(
    given: str, cities: dict[str, int], code: str | None
) -> None:
    unit = Unit(attributes={"gn_a1_code": given}, polygons=())
    assert geonames_codes([unit], ["KE"], {0: Counter(cities)}, VALID) == [code]
