from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from factory.errors import SourceError
from factory.geo import haversine_km
from factory.geo.overlap import nearest_within
from factory.geo.sampling import cell_balanced, country_quota, disjoint_splits, gws15k, in_buffer
from factory.geo.sampling.gws15k import country_probabilities
from factory.geo.sampling.order import apportion, row_hashes

AREAS = {"AA": 900.0, "BB": 90.0, "CC": 10.0, "DD": 50.0}
"""DD has no city, CC no pool point."""


def world(seed: int = 0, pool: int = 3000) -> tuple[pl.DataFrame, pl.DataFrame]:
    """A pool around cities of three countries; BB is small, photographed densely and around few cities."""
    draw = np.random.default_rng(seed)
    centres = {"AA": draw.uniform((0, 0), (20, 20), (60, 2)), "BB": draw.uniform((40, 0), (42, 2), (6, 2))}
    cities = pl.DataFrame(
        [(f"{name}{i}", lat, lon, name) for name, rows in centres.items() for i, (lat, lon) in enumerate(rows.tolist())]
        + [("CC0", -50.0, -50.0, "CC"), ("ZZ0", 0.0, 100.0, "ZZ")],
        schema=["name", "lat", "lon", "country"],
        orient="row",
    )
    share = {"AA": pool // 3, "BB": pool - pool // 3}
    points = np.concatenate(
        [
            centres[name][draw.integers(0, len(centres[name]), rows)] + draw.normal(0, 0.02, (rows, 2))
            for name, rows in share.items()
        ]
    )
    return pl.DataFrame(points, schema=["lat", "lon"], orient="row"), cities


def test_half_of_the_probability_is_area_and_half_is_alike() -> None:
    found = country_probabilities(AREAS)
    assert found["AA"] == pytest.approx(0.5 * 900 / 1050 + 0.5 / 4)
    assert sum(found.values()) == pytest.approx(1)
    assert list(found) == sorted(AREAS)


@pytest.mark.parametrize("areas", [{}, {"AA": 0.0}, {"AA": -1.0, "BB": 2.0}, {"AA": math.nan}])
def test_areas_must_be_areas(areas: dict[str, float]) -> None:
    with pytest.raises(SourceError, match="area"):
        country_probabilities(areas)


def literal_algorithm(pool: pl.DataFrame, cities: pl.DataFrame, draws: list[int | None], n: int) -> set[int]:
    """Algorithm 1 as printed, given the cities it draws."""
    valid: dict[tuple[float, float], int] = {}
    for city in draws:
        if len(valid) >= n:
            break
        if city is None:
            continue
        lat, lon = cities.row(city, named=True)["lat"], cities.row(city, named=True)["lon"]
        for row, point in enumerate(pool.select("lat", "lon").iter_rows()):
            if haversine_km(lat, lon, *point) <= 5.0 and point not in valid:
                valid[point] = row
    return set(valid.values())


def test_the_published_algorithm_is_the_printed_one() -> None:
    from factory.geo.sampling.gws15k import _drawn_cities

    pool, cities = world(pool=400)
    pool = pl.concat([pool, pool.head(50)])  # 50 photos at a coordinate that is there already: one location each
    known = cities.filter(pl.col("country") != "ZZ").sort("country", "lat", "lon")
    drawn = gws15k(pool, cities, AREAS, n=200, seed=5, mode="published")
    stream = _drawn_cities(known, country_probabilities(AREAS), 5)
    draws = [next(stream) for _ in range(drawn.draws)]
    assert set(drawn.chosen["row"].to_list()) == literal_algorithm(pool, known, draws, 200)
    assert drawn.chosen["row"].is_unique().all() and drawn.chosen["km"].max() <= 5
    assert drawn.chosen["draw"].is_sorted() and drawn.chosen["draw"].max() == drawn.draws
    before_last = drawn.chosen.filter(pl.col("draw") < drawn.draws).height
    assert before_last < 200 <= drawn.chosen.height, "all of the last draw's points stay, as printed"


def test_published_draws_come_in_the_printed_proportions_with_countries_in_vain() -> None:
    from factory.geo.sampling.gws15k import _drawn_cities

    _, cities = world()
    known = cities.filter(pl.col("country") != "ZZ").sort("country", "lat", "lon")
    stream = _drawn_cities(known, country_probabilities(AREAS), 1)
    draws = [next(stream) for _ in range(20_000)]
    names = pl.Series(["DD" if city is None else known["country"][city] for city in draws])
    shares = {name: rows / 20_000 for name, rows in names.value_counts(name="rows").iter_rows()}
    assert shares == pytest.approx(country_probabilities(AREAS), abs=0.012)
    of_aa = pl.Series([city for city in draws if city is not None and known["country"][city] == "AA"])
    assert of_aa.n_unique() == 60 and of_aa.value_counts(name="rows")["rows"].min() > 120


def test_the_published_algorithm_refuses_what_it_could_never_end() -> None:
    pool, cities = world(pool=300)
    with pytest.raises(SourceError, match=r"never end: only \d+ different points .* 10,000 are wanted"):
        gws15k(pool, cities, AREAS, n=10_000, seed=0, mode="published")
    with pytest.raises(SourceError, match=r"after 3 draws"):
        gws15k(pool, cities, AREAS, n=250, seed=0, mode="published", max_draws=3)


def test_the_published_algorithm_over_represents_the_dense_country_and_the_repaired_does_not() -> None:
    pool, cities = world(pool=6000)
    areas = {"AA": 900.0, "BB": 90.0}
    wanted = country_probabilities(areas)["BB"]
    shares = {}
    for mode in ("published", "repaired"):
        drawn = gws15k(pool, cities, areas, n=800, seed=1, mode=mode)  # type: ignore[arg-type]
        shares[mode] = (drawn.chosen["country"] == "BB").mean()
    assert shares["repaired"] == pytest.approx(wanted, abs=0.001)
    assert shares["published"] > 1.5 * wanted


def test_the_repaired_algorithm_gives_exactly_n_and_says_who_fell_short() -> None:
    pool, cities = world()
    drawn = gws15k(pool, cities, AREAS, n=500, seed=1)
    assert drawn.chosen.height == drawn.countries["given"].sum() == 500
    assert drawn.chosen["row"].is_unique().all() and drawn.chosen["km"].max() <= 5
    table = {row["country"]: row for row in drawn.countries.iter_rows(named=True)}
    assert table["CC"]["given"] == table["DD"]["given"] == 0
    assert table["CC"]["shortfall"] == math.floor(500 * country_probabilities(AREAS)["CC"])
    # What CC and DD lack goes to AA and BB in their own proportion.
    chances = country_probabilities(AREAS)
    assert table["AA"]["given"] / table["BB"]["given"] == pytest.approx(chances["AA"] / chances["BB"], rel=0.02)


def test_the_repaired_algorithm_spreads_a_country_over_its_cities() -> None:
    pool, cities = world()
    drawn = gws15k(pool, cities, {"AA": 1.0}, n=150, seed=1)
    per_city = drawn.chosen["city"].value_counts(name="rows")["rows"]
    assert per_city.max() - per_city.min() <= 1 or per_city.max() <= math.ceil(150 / 60) + 2
    assert per_city.len() == 60


def test_a_pool_that_is_too_small_is_used_up_and_no_more() -> None:
    pool, cities = world(pool=90)
    drawn = gws15k(pool, cities, AREAS, n=1000, seed=1)
    near = nearest_within(pool, cities.filter(pl.col("country") != "ZZ"), 5.0)
    assert drawn.chosen["row"].to_list() == near["point"].to_list()
    empty = gws15k(pool.clear(), cities, AREAS, n=10, seed=1)
    assert empty.chosen.is_empty() and empty.countries["given"].sum() == 0


@pytest.mark.parametrize("mode", ["published", "repaired"])
def test_the_sample_belongs_to_the_seed_and_not_to_the_order_of_the_input(mode: str) -> None:
    pool, cities = world()
    first = gws15k(pool, cities, AREAS, n=300, seed=7, mode=mode)  # type: ignore[arg-type]
    order = np.random.default_rng(1).permutation(pool.height)
    mixed_cities = cities.sample(fraction=1.0, shuffle=True, seed=3)
    again = gws15k(pool[order], mixed_cities, dict(reversed(AREAS.items())), n=300, seed=7, mode=mode)  # type: ignore[arg-type]
    assert set(order[again.chosen["row"].to_numpy()].tolist()) == set(first.chosen["row"].to_list())
    other = gws15k(pool, cities, AREAS, n=300, seed=8, mode=mode)  # type: ignore[arg-type]
    assert set(other.chosen["row"].to_list()) != set(first.chosen["row"].to_list())


def test_a_larger_sample_contains_the_smaller_one() -> None:
    pool, cities = world()
    small, large = (gws15k(pool, cities, {"AA": 1.0}, n=n, seed=7).chosen["row"].to_list() for n in (100, 300))
    assert set(small) < set(large)


@settings(deadline=None)
@given(
    st.integers(0, 500),
    st.dictionaries(st.sampled_from("abcdefg"), st.tuples(st.floats(0, 1e9), st.integers(0, 200)), min_size=1),
)
def test_shares_sum_up_and_nobody_gets_more_than_there_is(total: int, classes: dict[str, tuple[float, int]]) -> None:
    weights = {name: weight for name, (weight, _) in classes.items()}
    available = {name: rows for name, (_, rows) in classes.items()}
    given_rows = apportion(total, weights, available)
    assert sum(given_rows.values()) == min(total, sum(available[name] for name in classes if weights[name] > 0))
    assert all(0 <= given_rows[name] <= available[name] for name in classes)
    open_names = [name for name in classes if given_rows[name] < available[name] and weights[name] > 0]
    scale = [given_rows[name] / weights[name] for name in open_names]
    if scale:  # proportional up to one row each
        assert max((given_rows[name] - 1) / weights[name] for name in open_names) <= min(
            (given_rows[name] + 1) / weights[name] for name in open_names
        )


def test_hashes_belong_to_the_row() -> None:
    frame = pl.DataFrame({"lat": [1.0, 1.0, -0.0, 2.5], "lon": [2.0, 2.0, 3.0, -4.0]})
    hashes = row_hashes(frame, 1)
    assert hashes.n_unique() == 4
    assert row_hashes(frame.reverse(), 1).reverse().to_list()[2:] == hashes.to_list()[2:]
    assert row_hashes(frame.with_columns(lat=pl.Series([1.0, 1.0, 0.0, 2.5])), 1).to_list() == hashes.to_list()
    assert row_hashes(frame, 2).to_list() != hashes.to_list()


def test_hashes_stay_what_they_are() -> None:
    """Another hash would silently be another sample under the same seed."""
    assert row_hashes(pl.DataFrame({"id": ["a", "ü"]}), 0).to_list() == [9398663524571839764, 467149791387404245]
    assert row_hashes(pl.DataFrame({"lat": [60.17], "lon": [24.94]}), 7).to_list() == [245121714546261044]


def test_a_balanced_sample_takes_one_of_each_cell_before_a_second() -> None:
    rows = pl.DataFrame({"id": [str(i) for i in range(111)], "cell": ["a"] * 100 + ["b"] * 10 + ["c"]})
    counts = dict(cell_balanced(rows, n=13, seed=1)["cell"].value_counts(name="rows").iter_rows())
    assert counts == {"a": 6, "b": 6, "c": 1}
    assert cell_balanced(rows, n=500, seed=1).height == 111
    smaller = set(cell_balanced(rows, n=5, seed=1)["row"])
    assert smaller < set(cell_balanced(rows, n=9, seed=1)["row"])
    mixed = rows.sample(fraction=1.0, shuffle=True, seed=2)
    picked = mixed[cell_balanced(mixed, n=13, seed=1)["row"]]["id"]
    assert set(picked) == set(rows[cell_balanced(rows, n=13, seed=1)["row"]]["id"])


def test_a_full_cell_is_no_likelier_than_an_empty_one() -> None:
    sizes = [1 if cell % 2 else 200 for cell in range(400)]
    rows = pl.DataFrame({"cell": np.repeat(np.arange(400), sizes)}).with_row_index("id")
    full = sum((cell_balanced(rows, n=100, seed=seed)["cell"] % 2 == 0).sum() for seed in range(5))
    assert full / 500 == pytest.approx(0.5, abs=0.1)


def test_a_city_with_many_points_is_no_likelier_than_one_with_few() -> None:
    cities = pl.DataFrame({"lat": np.arange(400) * 0.2 - 40, "lon": np.zeros(400), "country": ["AA"] * 400})
    pool = pl.DataFrame({"lat": np.repeat(cities["lat"].to_numpy(), [1 if i % 2 else 200 for i in range(400)])})
    pool = pool.with_columns(lon=pl.Series(np.random.default_rng(0).uniform(-0.02, 0.02, pool.height)))
    drawn = [gws15k(pool, cities, {"AA": 1.0}, n=100, seed=seed).chosen["city"] for seed in range(5)]
    assert all(city.n_unique() == 100 for city in drawn)
    assert sum((city % 2 == 0).sum() for city in drawn) / 500 == pytest.approx(0.5, abs=0.1)


def test_balanced_by_degrees_leaves_out_rows_without_a_place() -> None:
    frame = pl.DataFrame({"lat": [1.2, 1.3, None, 50.0], "lon": [2.2, 2.3, 1.0, 4.0]})
    assert cell_balanced(frame, n=2, seed=0)["cell"].n_unique() == 2
    assert cell_balanced(frame, n=10, seed=0)["row"].to_list() == [0, 1, 3]


def test_country_quotas_meet_the_shares_as_far_as_there_are_rows() -> None:
    rows = pl.DataFrame({"id": range(100), "country": ["FI"] * 60 + ["SE"] * 35 + ["NO"] * 5})
    chosen, table = country_quota(rows, {"FI": 1, "SE": 1, "NO": 2, "DK": 0}, n=40, seed=3)
    assert dict(chosen["country"].value_counts(name="rows").iter_rows()) == {"FI": 18, "SE": 17, "NO": 5}
    assert table.filter(pl.col("country") == "NO").select("wanted", "given", "shortfall").row(0) == (20.0, 5, 15)
    assert chosen.height == 40


POINTS = st.lists(
    st.tuples(
        st.one_of(st.floats(-90, 90), st.floats(-0.3, 0.3)), st.one_of(st.floats(-180, 180), st.floats(-0.3, 0.3))
    ),
    min_size=1,
    max_size=40,
)


@settings(deadline=None)
@given(POINTS, st.integers(0, 5), st.sampled_from([0.0, 1.0, 20.0]), st.booleans())
def test_no_test_point_is_within_the_buffer_of_a_train_point(
    points: list[tuple[float, float]], seed: int, buffer_km: float, by_author: bool
) -> None:
    frame = pl.DataFrame(points, schema=["lat", "lon"], orient="row")
    frame = frame.with_columns(author=(pl.int_range(pl.len()) % 7).cast(pl.String))
    shares = {"train": 0.4, "validation": 0.2, "test": 0.4}
    together = ("author",) if by_author else ()
    found = disjoint_splits(frame, shares=shares, buffer_km=buffer_km, degrees=0.1, keep_together=together, seed=seed)
    rows = pl.concat([frame, found], how="horizontal").filter(pl.col("split").is_not_null()).rows(named=True)
    for one in rows:
        for other in rows:
            if one["split"] != other["split"]:
                assert haversine_km(one["lat"], one["lon"], other["lat"], other["lon"]) > buffer_km - 1e-6
                assert one["group"] != other["group"]
                assert not by_author or one["author"] != other["author"]


def test_groups_keep_an_author_together_and_null_authors_apart() -> None:
    frame = pl.DataFrame({"lat": [0.0, 50.0, 60.0, 70.0], "lon": [0.0] * 4, "author": ["x", "x", None, None]})
    groups = disjoint_splits(frame, keep_together=("author",))["group"].to_list()
    assert groups[0] == groups[1] and len(set(groups)) == 3


def test_splits_do_not_move_when_rows_are_added_or_mixed() -> None:
    draw = np.random.default_rng(0)
    frame = pl.DataFrame({"lat": draw.uniform(-60, 60, 2000), "lon": draw.uniform(-180, 180, 2000)})
    whole = disjoint_splits(frame, buffer_km=0)["split"]
    assert disjoint_splits(frame.head(1500), buffer_km=0)["split"].to_list() == whole.head(1500).to_list()
    assert disjoint_splits(frame.reverse(), buffer_km=0)["split"].reverse().to_list() == whole.to_list()
    counts = dict(whole.value_counts(name="rows").iter_rows())
    assert counts["train"] == pytest.approx(1800, rel=0.05) and counts["test"] == pytest.approx(100, rel=0.4)


def test_the_buffer_takes_rows_from_the_split_that_can_spare_them() -> None:
    draw = np.random.default_rng(0)
    frame = pl.DataFrame({"lat": draw.uniform(0, 1, 5000), "lon": draw.uniform(0, 1, 5000)})
    without, with_buffer = (disjoint_splits(frame, buffer_km=km)["split"] for km in (0, 2))
    assert (with_buffer == "test").sum() == (without == "test").sum()
    assert 0 < (with_buffer == "train").sum() < (without == "train").sum()


def test_a_row_without_a_place_is_in_no_split() -> None:
    frame = pl.DataFrame({"lat": [None, 1.0], "lon": [2.0, 2.0], "author": ["a", "a"]})
    assert disjoint_splits(frame, keep_together=("author",)).row(0) == (None, None)
    assert disjoint_splits(frame.clear()).is_empty()


@pytest.mark.parametrize(
    "wrong", [{"shares": {}}, {"shares": {"train": 0.0}}, {"shares": {"train": -1.0, "test": 3.0}}, {"buffer_km": -1.0}]
)
def test_impossible_splits_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="shares"):
        disjoint_splits(pl.DataFrame({"lat": [1.0], "lon": [1.0]}), **wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("mode", ["published", "repaired"])
def test_photos_at_one_coordinate_are_one_point(mode: str) -> None:
    draw = np.random.default_rng(0)
    cities = pl.DataFrame({"lat": [0.0, 10.0], "lon": [0.0, 0.0], "country": ["AA", "BB"]})
    places = pl.DataFrame(draw.uniform(-0.02, 0.02, (35, 2)), schema=["lat", "lon"], orient="row")
    pool = pl.concat([places] * 100)
    drawn = gws15k(pool, cities, {"AA": 1.0, "BB": 1.0}, n=30, seed=0, mode=mode)  # type: ignore[arg-type]
    assert pool[drawn.chosen["row"]].is_unique().all() and drawn.chosen.height >= 30 and drawn.shortfall == 0
    assert dict(drawn.countries.select("country", "available").iter_rows()) == {"AA": 35, "BB": 0}


def test_a_pool_of_few_coordinates_says_what_it_cannot_give() -> None:
    cities = pl.DataFrame({"lat": [0.0], "lon": [0.0], "country": ["AA"]})
    pool = pl.DataFrame({"lat": [0.01] * 2000, "lon": [0.0] * 2000})
    drawn = gws15k(pool, cities, {"AA": 1.0, **{f"C{i}": 1.0 for i in range(50)}}, n=10, seed=0)
    assert (drawn.chosen.height, drawn.shortfall, drawn.countries["shortfall"].sum()) == (1, 9, 0)


def test_which_photo_stands_for_a_coordinate_belongs_to_its_id() -> None:
    pool, cities = world(pool=600)
    pool = pl.concat([pool, pool, pool]).with_row_index("id")
    order = np.random.default_rng(1).permutation(pool.height)
    first, again = (gws15k(each, cities, AREAS, n=100, seed=3).chosen["row"] for each in (pool, pool[order]))
    assert set(pool["id"].gather(first)) == set(pool[order]["id"].gather(again))
    assert pool["id"].gather(first).max() < 600


def test_the_buffer_names_the_row_that_stays() -> None:
    placed = pl.DataFrame(
        {
            "lat": [0.0, 0.004, 0.008, 0.012, 5.0, None],
            "lon": [0.0] * 6,
            "split": ["train", "validation", "test", "train", "train", "test"],
        }
    )
    found = in_buffer(placed, ("train", "validation", "test"), 0.5)
    # The validation row leaves for the test row's sake, so the first row has no neighbour left.
    assert found.select("row", "other").rows() == [(1, 2), (3, 2)]
    assert found["km"].to_list() == pytest.approx([0.4448, 0.4448], abs=1e-3)
    assert in_buffer(placed.clear(), ("train", "test"), 1.0).is_empty()
