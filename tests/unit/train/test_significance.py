"""Intervals and tests whose right answer is known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from train.evaluate.scores import Metric
from train.evaluate.significance import _medians, differences, intervals, sign_flip_p

NAN = float("nan")


def metric(values: list[float], *, median: bool = False) -> Metric:
    return Metric("m", "km", np.array(values), median)


def test_a_number_that_never_changes_has_no_width() -> None:
    (found,) = intervals((metric([3.0] * 20),))
    assert (found.value, found.low, found.high, found.n) == (3.0, 3.0, 3.0, 20)


def test_a_shares_interval_is_that_of_its_standard_error() -> None:
    """Half of 400: 1.96 * sqrt(0.25 / 400) = 0.049."""
    (found,) = intervals((metric([0.0, 1.0] * 200),))
    assert found.low == pytest.approx(0.451, abs=0.01) and found.high == pytest.approx(0.549, abs=0.01)


def test_rows_that_are_not_counted_are_not_divided_by() -> None:
    (found,) = intervals((metric([1.0, NAN, NAN, 1.0]),))
    assert (found.value, found.low, found.high, found.n) == (1.0, 1.0, 1.0, 2)


def test_nothing_to_count_has_no_value() -> None:
    (found,) = intervals((metric([NAN, NAN]),))
    assert np.isnan([found.value, found.low, found.high]).all() and found.n == 0


def test_the_seed_alone_decides() -> None:
    values = (metric([float(n) for n in range(50)]), metric([float(n % 7) for n in range(50)], median=True))
    assert intervals(values, seed=3) == intervals(values, seed=3)
    assert intervals(values, seed=3) != intervals(values, seed=4)


@given(st.lists(st.tuples(st.floats(-9, 9), st.integers(0, 4)), min_size=1, max_size=9))
def test_the_median_of_values_that_count_some_times(drawn: list[tuple[float, int]]) -> None:
    drawn.sort()
    values, times = np.array([v for v, _ in drawn]), np.array([[float(n) for _, n in drawn]])
    all_of_them = np.repeat(values, times[0].astype(int))
    found = _medians(values, times)[0]
    assert np.isnan(found) if not all_of_them.size else found == pytest.approx(np.median(all_of_them))


@pytest.mark.parametrize(
    ("paired", "p"),
    [
        ([1.0] * 4, 2 / 16),  # all four signs alike
        ([1.0] * 10, 2 / 1024),
        ([1.0, -1.0], 1.0),
        ([0.0, 0.0, 1.0, 1.0], 2 / 4),  # rows without a difference say nothing
        ([3.0, 1.0], 2 / 4),
        ([0.0, 0.0], 1.0),
    ],
)
def test_p_is_the_share_of_flipped_signs_that_are_as_extreme(paired: list[float], p: float) -> None:
    assert sign_flip_p(np.array(paired)) == pytest.approx(p, abs=0.015)


def test_p_of_no_rows_is_unknown() -> None:
    assert np.isnan(sign_flip_p(np.array([])))


def test_a_run_against_itself_does_not_differ() -> None:
    ours = (metric([1.0, 2.0, 5.0]), metric([1.0, 2.0, 5.0], median=True))
    mean, median = differences(ours, ours)
    assert (mean.value, mean.low, mean.high, mean.p) == (0.0, 0.0, 0.0, 1.0)
    assert (median.value, median.low, median.high) == (0.0, 0.0, 0.0) and np.isnan(median.p)


def test_the_same_rows_are_drawn_for_both_runs() -> None:
    """One is better by the same everywhere: the difference has no width, whatever the runs' own widths."""
    worse = [float(n) for n in range(40)]
    (found,) = differences((metric([n + 2 for n in worse]),), (metric(worse),))
    assert found.low == pytest.approx(2.0) and found.high == pytest.approx(2.0)
    assert found.p == pytest.approx(1 / 10_001)


def test_the_same_rows_are_drawn_also_where_the_runs_order_them_differently() -> None:
    """Medians are found in the order of a run's own errors, which must not decide who is drawn with whom."""
    ours, theirs = [float(n) for n in range(40)], [float((n * 7) % 40) for n in range(40)]
    paired = tuple(a - b for a, b in zip(ours, theirs, strict=True))
    runs = [(metric(values, median=True), metric(values)) for values in (ours, theirs)]
    _, mean = differences(runs[0], runs[1], seed=5)
    (alone,) = intervals((metric(ours, median=True), metric(list(paired))), seed=5)[1:]
    assert (mean.low, mean.high) == pytest.approx((alone.low, alone.high))


@given(st.lists(st.floats(0, 9) | st.just(NAN), min_size=3, max_size=12), st.integers(0, 99))
def test_resampled_medians_are_those_of_the_drawn_rows(values: list[float], seed: int) -> None:
    """By numpy, of the rows that the seed draws; in whatever order they are kept."""
    kept = np.argsort(values, kind="stable")
    drawn = np.random.default_rng(seed).integers(0, len(values), size=(50, len(values)))
    rows = np.array(values)[kept][drawn]
    with np.errstate(all="ignore"):
        medians = [np.median(row[np.isfinite(row)]) for row in rows if np.isfinite(row).any()]
    (found,) = intervals((metric(values, median=True),), seed=seed, resamples=50)
    if medians:
        assert (found.low, found.high) == pytest.approx(tuple(np.quantile(medians, [0.025, 0.975])))
    else:
        assert np.isnan(found.low)


def test_runs_over_other_rows_are_not_compared() -> None:
    with pytest.raises(ValueError, match="same metrics over the same rows"):
        differences((metric([1.0]),), (metric([1.0, 2.0]),))
