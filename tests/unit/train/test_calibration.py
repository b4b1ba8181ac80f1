"""Calibration by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from train.evaluate.calibration import calibration

NAN = float("nan")


def test_three_answers_by_hand() -> None:
    """Bins of 1/15: two at 0.9, half right, off by 0.4; one at 0.1, wrong, off by 0.1. (2 * 0.4 + 0.1) / 3 = 0.3."""
    found = calibration(np.array([0.9, 0.1, 0.9]), np.array([1.0, 0.0, 0.0]))
    assert found.ece == pytest.approx(0.3)
    assert found.brier == pytest.approx((0.01 + 0.01 + 0.81) / 3)
    assert found.coverage.tolist() == pytest.approx([2 / 3, 1])
    assert found.risk.tolist() == pytest.approx([1 / 2, 2 / 3])
    assert found.aurc == pytest.approx((0.5 + 0.5 + 2 / 3) / 3), "of two alike none is first: half an error each"
    assert [(one.n, one.right) for one in found.bins] == [(1, 0.0), (2, 0.5)]


def test_an_answer_without_a_confidence_is_counted_and_comes_last() -> None:
    found = calibration(np.array([NAN, 0.0, 1.0]), np.array([1.0, 0.0, 1.0]))
    assert (found.n, found.without, found.ece) == (2, 1, 0.0)
    assert found.coverage.tolist() == pytest.approx([1 / 3, 2 / 3, 1])
    assert found.risk.tolist() == pytest.approx([0, 1 / 2, 1 / 3])


def test_without_any_confidence_there_is_nothing_to_say() -> None:
    found = calibration(np.array([NAN, NAN]), np.array([1.0, 0.0]))
    assert np.isnan(found.ece) and found.bins == () and found.aurc == pytest.approx(0.5)


@given(st.lists(st.tuples(st.sampled_from([0.0, 0.3, 0.5, 1.0]), st.booleans()), min_size=1, max_size=12), st.randoms())
def test_the_order_of_the_file_changes_nothing(answers: list[tuple[float, bool]], random: object) -> None:
    first = calibration(*(np.array(column, dtype=float) for column in zip(*answers, strict=True)))
    answers.sort(key=lambda _: random.random())  # type: ignore[attr-defined]
    second = calibration(*(np.array(column, dtype=float) for column in zip(*answers, strict=True)))
    assert first.aurc == pytest.approx(second.aurc) and first.ece == pytest.approx(second.ece)
    assert first.risk.tolist() == pytest.approx(second.risk.tolist())
