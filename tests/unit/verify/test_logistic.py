from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from factory.verify.logistic import fit_logistic, log_odds, sigmoid

FREE = np.array([False, False])
LIGHT = np.array([1e-6, 1e-6])


def test_finds_the_log_odds_ratio_of_a_table() -> None:
    """90 of 100 right where the column is 1, 50 of 100 where it is 0: constant 0, slope ln 9."""
    column = np.repeat([1.0, 0.0], 100)
    right = np.concatenate([np.arange(100) < 90, np.arange(100) < 50])
    found = fit_logistic(np.stack([np.ones(200), column], axis=1), right, penalty=LIGHT, nonnegative=FREE)
    np.testing.assert_allclose(found, [0.0, np.log(9)], atol=1e-4)


def test_rows_that_a_threshold_separates_give_finite_coefficients() -> None:
    column = np.linspace(0, 1, 40)
    found = fit_logistic(
        np.stack([np.ones(40), column], axis=1), column > 0.5, penalty=np.array([0.01, 0.7]), nonnegative=FREE
    )
    assert np.isfinite(found).all()
    assert found[1] > 1


def test_a_coefficient_of_the_wrong_sign_is_left_out_and_the_others_are_fitted_without_it() -> None:
    column = np.repeat([1.0, 0.0], 100)
    right = np.concatenate([np.arange(100) < 20, np.arange(100) < 60])
    found = fit_logistic(
        np.stack([np.ones(200), column], axis=1), right, penalty=LIGHT, nonnegative=np.array([False, True])
    )
    np.testing.assert_allclose(found, [np.log(80 / 120), 0.0], atol=1e-4)


@given(st.lists(st.floats(1e-6, 1 - 1e-6), min_size=1, max_size=20))
def test_log_odds_and_probability_undo_each_other(values: list[float]) -> None:
    chances = np.array(values)
    np.testing.assert_allclose(sigmoid(log_odds(chances)), chances, rtol=1e-9)


def test_huge_log_odds_are_probabilities_all_the_same() -> None:
    found = sigmoid(np.array([-1e300, 1e300]))
    assert 0 < found[0] < 1e-12 and 1 - 1e-12 < found[1] < 1
