from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from factory.geo import reverse
from factory.geo.build import borders, cities, polygons

WEST, SOUTH, EAST = 0, 1, 2
"""Two units of Aland (AA) on the left, one above the other, and Beland (BB) on the right; a sea beyond."""


def small_world(border: Any = ((10_000, 0), (10_000, 20_000))) -> Any:
    line = [tuple(point) for point in border]
    lower, upper = line[: len(line) // 2 + 1], line[len(line) // 2 :]
    middle = lower[-1][1]
    return np.array(
        [
            shapely.MultiPolygon([shapely.Polygon([(0, middle), *upper, (0, 20_000)])]),
            shapely.MultiPolygon([shapely.Polygon([(0, 0), *lower, (0, middle)])]),
            shapely.MultiPolygon([shapely.Polygon([*line, (20_000, 20_000), (20_000, 0)])]),
        ],
        dtype=object,
    )


BORDER = ((10_000, 0), (10_003, 6_001), (10_000, 10_000), (9_990, 14_003), (10_000, 20_000))


def claims(disputed: tuple[bool, bool, bool] = (False, False, False), **radius_km: float) -> borders.Claims:
    return borders.Claims(
        np.array(["AA", "AA", "BB"]), np.array(disputed), ["AA.1", "AA.2", "BB.1"], {"AA": 1.0, "BB": 1.0, **radius_km}
    )


def towns(*rows: tuple[str, int, int], code: str | None = None) -> pl.DataFrame:
    """Country, x and y in units of 1e-4 degrees."""
    return pl.DataFrame(
        {
            "country": [country for country, _, _ in rows],
            "lon": [x / 10_000 for _, x, _ in rows],
            "lat": [y / 10_000 for _, _, y in rows],
            "admin1_geonames": [code] * len(rows),
        },
        schema_overrides={"admin1_geonames": pl.String},
    )


def moved(world: Any, known: borders.Claims, places: pl.DataFrame) -> Any:
    return borders.moved_borders(world, known, places, cities.units_of(places, world))


def owners(world: Any, known: borders.Claims, places: pl.DataFrame) -> list[str]:
    inside = cities.units_of(places, world)
    return [str(known.country[unit]) if unit >= 0 else "" for unit in inside.tolist()]


def edges_without_twin(world: Any) -> int:
    rings, coords = polygons.encode(world)
    edges = polygons.encode_neighbours(rings, coords)
    other = np.repeat(edges["neighbour"].to_numpy(), edges["length"].to_numpy())
    closing = np.cumsum(rings["n"].to_numpy()) - 1
    return int((np.delete(other, closing) < 0).sum())


def overlap(world: Any) -> float:
    return float(sum(shapely.area(world)) - shapely.area(shapely.union_all(world)))


def test_a_town_across_the_line_comes_home_with_the_land_around_it() -> None:
    world, places = small_world(BORDER), towns(("AA", 10_100, 13_000), ("BB", 10_400, 13_000))
    after = moved(world, claims(), places)
    assert owners(world, claims(), places) == ["BB", "BB"]
    assert owners(after, claims(), places) == ["AA", "BB"], "and the correct town on the other side stays"
    gain_km2 = (shapely.area(after[WEST]) - shapely.area(world[WEST])) * (6371 * np.radians(1e-4)) ** 2
    assert 1.5 < gain_km2 < 4.5
    assert after[SOUTH].equals(world[SOUTH])


def test_nothing_is_lost_nothing_is_owned_twice_and_neighbours_share_their_vertices() -> None:
    world, places = small_world(BORDER), towns(("AA", 10_090, 10_013), ("BB", 9_950, 12_807), ("AA", 10_100, 10_500))
    after = moved(world, claims(), places)
    assert owners(after, claims(), places) == ["AA", "BB", "AA"]
    assert shapely.is_valid(after).all()
    assert shapely.area(after).sum() == shapely.area(world).sum()
    assert overlap(after) == 0
    assert edges_without_twin(after) == edges_without_twin(world), "only the shore has nobody on its other side"


def test_towns_that_lie_right_move_nothing() -> None:
    world = small_world(BORDER)
    assert moved(world, claims(), towns(("AA", 9_000, 100), ("BB", 15_000, 100))) is world


def test_a_town_far_from_its_country_is_not_believed() -> None:
    world = small_world(BORDER)
    assert moved(world, claims(), towns(("AA", 10_300, 13_000))) is world


def test_declared_disputes_stay_as_they_are() -> None:
    world, places = small_world(BORDER), towns(("AA", 10_100, 13_000))
    assert moved(world, claims((False, False, True)), places) is world
    assert moved(world, claims((True, True, False)), places) is world
    for pair in (*map(sorted, borders.DISPUTED_PAIRS), borders.MISFILED):
        known = borders.Claims(np.array([pair[0], pair[0], pair[1]]), np.zeros(3, bool), [None] * 3, {pair[0]: 1.0})
        assert moved(world, known, towns((pair[0], 10_100, 13_000))) is world


def test_the_sea_is_never_taken() -> None:
    world, places = small_world(BORDER), towns(("AA", 10_100, 19_990))
    after = moved(world, claims(), places)
    assert owners(after, claims(), places) == ["AA"]
    assert shapely.union_all(after).bounds == (0, 0, 20_000, 20_000)
    assert shapely.area(after).sum() == shapely.area(world).sum()


def test_a_tiny_country_claims_no_more_than_its_size() -> None:
    radii = borders.radii_km({"VA": {"areakm2": 0}, "FR": {"areakm2": 547_030}})
    assert radii == {"VA": pytest.approx(0.4, abs=0.01), "FR": borders.RADIUS_KM}
    world, places = small_world(BORDER), towns(("AA", 10_100, 13_000))
    small, large = (shapely.area(moved(world, claims(AA=radius), places)[WEST]) for radius in (0.4, 1.0))
    assert shapely.area(world[WEST]) < small < large


def test_the_unit_of_the_towns_own_code_wins_where_two_are_equally_near() -> None:
    world = small_world(BORDER)
    for code, unit in (("AA.1", WEST), ("AA.2", SOUTH)):
        places = towns(("AA", 10_100, 10_000), code=code)
        assert cities.units_of(places, moved(world, claims(), places)).tolist() == [unit]


def test_an_island_across_a_foreign_town_is_an_exclave() -> None:
    """Like Büsingen: a correct foreign town stands on the way home."""
    world, places = small_world(BORDER), towns(("AA", 10_200, 13_000), ("BB", 10_080, 13_000))
    after = moved(world, claims(), places)
    assert owners(after, claims(), places) == ["AA", "BB"]
    assert shapely.get_num_geometries(after[WEST]) == 2


WIGGLES = st.lists(st.integers(-120, 120), min_size=9, max_size=9)
TOWNS = st.lists(
    st.tuples(st.sampled_from(["AA", "BB"]), st.integers(9_700, 10_300), st.integers(200, 19_800)),
    min_size=1, max_size=8, unique_by=lambda town: town[1:],
)  # fmt: skip


@settings(deadline=None, max_examples=60)
@given(WIGGLES, TOWNS)
def test_holds_for_any_border_and_any_towns(wiggles: list[int], rows: list[tuple[str, int, int]]) -> None:
    line = [(10_000 + wiggle, 2_000 * (i + 1)) for i, wiggle in enumerate(wiggles)]
    world, places = small_world([(10_000, 0), *line, (10_000, 20_000)]), towns(*rows)
    before = owners(world, claims(), places)
    after = moved(world, claims(), places)
    assert shapely.is_valid(after).all()
    polygons.encode(after)  # raises off the grid
    assert shapely.area(shapely.union_all(after)) == pytest.approx(20_000 * 20_000, abs=2_000)
    assert overlap(after) <= 2_000
    apart = min(
        (abs(a[1] - b[1]) + abs(a[2] - b[2]) for a in rows for b in rows if a[0] != b[0]),
        default=1_000,
    )
    if apart > 10:
        for (country, _, _), was, now in zip(rows, before, owners(after, claims(), places), strict=True):
            assert now == country or was != country, "a town that lay right still does"


@pytest.mark.parametrize(
    ("town", "lat", "lon", "code", "admin1"),
    [
        ("Görlitz, not Zgorzelec", 51.15518, 14.98853, "DE", "Saxony"),
        ("Zgorzelec, not Görlitz", 51.14942, 15.00835, "PL", "Lower Silesian Voivodeship"),
        ("Leticia, not Tabatinga", -4.21528, -69.94056, "CO", "Amazonas"),
        ("St Peter's Square", 41.9022, 12.4568, "VA", "Vatican City"),
    ],
)
def test_real_towns_lie_in_their_countries(town: str, lat: float, lon: float, code: str, admin1: str) -> None:
    found = reverse([lat], [lon], levels=("country", "admin1"))
    assert found.select("country_code", "admin1").row(0) == (code, admin1), town
