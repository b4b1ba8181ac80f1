from __future__ import annotations

import pytest

from factory.report.charts import (
    LEFT,
    PLOT_BOTTOM,
    RIGHT,
    TOP,
    WIDTH,
    calibration_points,
    distance_histogram,
    score_histogram,
)
from factory.report.measures import Bin, Bucket


def test_the_largest_bar_fills_the_height_and_bars_do_not_overlap() -> None:
    chart = score_histogram([Bin(0, 0.5, 3, 3), Bin(0.5, 1, 12)], log=False, threshold=0.5)
    left, right = chart.bars
    assert right.y == TOP and right.y + right.height == PLOT_BOTTOM
    assert left.x + left.width < right.x
    assert left.failed_height == left.height
    assert chart.lines[0].x == pytest.approx(WIDTH / 2, abs=0.1)


def test_a_threshold_outside_the_scores_stays_on_the_chart() -> None:
    chart = score_histogram([Bin(0, 1, 3)], log=False, threshold=7.0)
    assert chart.lines[0].x == WIDTH - RIGHT


def test_distance_axis_is_logarithmic_with_the_five_tiers() -> None:
    bins = [Bin(10.0**e, 10.0 ** (e + 1), 1) for e in range(-1, 5)]
    chart = distance_histogram(bins, largest=4)
    assert [line.label for line in chart.lines] == ["1", "25", "200", "750", "2,500"]
    assert [tick.label for tick in chart.ticks] == ["0.1", "1", "10", "100", "1,000", "10,000", "100,000"]
    steps = [b.x - a.x for a, b in zip(chart.ticks, chart.ticks[1:], strict=False)]
    assert steps == pytest.approx([steps[0]] * 6, abs=0.2)
    assert chart.ticks[0].x == LEFT


def test_nothing_to_draw_is_an_empty_chart() -> None:
    assert distance_histogram([], largest=1).bars == ()
    assert score_histogram([], log=True, threshold=25.0).lines == ()


def test_calibration_puts_certainty_right_and_truth_up() -> None:
    low, high = calibration_points([Bucket(0.1, 0.0, 5), Bucket(0.9, 1.0, 20)], side=100)
    assert (low.x, low.y) == (10.0, 100.0)
    assert (high.x, high.y) == (90.0, 0.0)
    assert high.radius > low.radius
