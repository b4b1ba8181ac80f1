"""Thresholds by a target and by a promise, from scores and what came of them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from factory.verify.threshold import aimed, design_effect, group_correlation, promised, rows_needed

Flags = npt.NDArray[np.bool_]


def ranked(rows: int, *wrong: int) -> tuple[npt.NDArray[np.float64], Flags]:
    """Scores that fall from 1 to 0.9, and rows of which those at the ranks `wrong` are not right."""
    right = np.ones(rows, dtype=np.bool_)
    right[list(wrong)] = False
    return np.linspace(1, 0.9, rows), right


def alone(rows: int) -> npt.NDArray[np.float64]:
    return np.arange(rows, dtype=np.float64)


def test_a_target_takes_as_many_rows_as_are_expected_to_hold_it() -> None:
    scores, right = np.linspace(1, 0.9, 101), np.ones(101, dtype=np.bool_)
    found = aimed(scores, right, target=0.98)
    assert found.accepted == 41, "the mean of 1, 0.999, ... 0.96 is 0.98"
    assert found.score == pytest.approx(0.96)
    assert found.words == "41 of 41 accepted rows with known truth are right; unproven"


@pytest.mark.parametrize(("errors", "accepted"), [(1, 40), (2, 0)])
def test_one_error_may_be_a_wrong_truth_and_two_are_not(errors: int, accepted: int) -> None:
    assert aimed(np.full(40, 0.99), np.arange(40) >= errors, target=0.985).accepted == accepted


def test_many_errors_are_counted_whatever_the_model_expects() -> None:
    scores = np.full(1000, 0.995) - np.arange(1000) * 1e-7
    right = np.arange(1000) % 20 > 0
    assert aimed(scores, right, target=0.98).accepted <= 40, "of one row in twenty, two are too many"


def test_no_row_is_taken_that_is_much_likelier_wrong_than_the_target_allows() -> None:
    scores = np.array([0.9999] * 500 + [0.89] * 20)
    assert aimed(scores, np.ones(520, dtype=np.bool_), target=0.98).accepted == 500


def test_a_target_needs_no_number_of_rows() -> None:
    assert aimed(np.array([0.99, 0.2]), np.array([True, False]), target=0.98).accepted == 1


def test_no_threshold_where_the_target_is_never_reached() -> None:
    found = aimed(np.array([0.97, 0.96]), np.array([True, True]), target=0.98)
    assert (found.score, found.accepted) == (None, 0)
    assert found.words == "no threshold reaches 0.98 on 2 rows with known truth"


def test_rows_that_cannot_be_accepted_are_counted_but_never_taken() -> None:
    found = aimed(np.array([0.99, -1.0]), np.array([True, True]), target=0.5)
    assert (found.rows, found.accepted) == (2, 1)


def test_equal_scores_are_accepted_together_or_not_at_all() -> None:
    scores = np.array([0.99] * 4 + [0.96] * 4)
    right = np.ones(8, dtype=np.bool_)
    assert aimed(scores, right, target=0.98).accepted == 4
    assert aimed(scores, right, target=0.97).accepted == 8


@pytest.mark.parametrize(("promise", "confidence", "rows"), [(0.98, 0.95, 149), (0.98, 0.975, 183), (0.95, 0.95, 59)])
def test_a_proof_without_an_error_needs_so_many_rows(promise: float, confidence: float, rows: int) -> None:
    assert rows_needed(promise, confidence) == rows
    assert promise**rows <= 1 - confidence < promise ** (rows - 1)


def test_too_few_rows_promise_nothing_and_say_how_many_there_are() -> None:
    found = promised(*ranked(74), alone(74), promise=0.98)
    assert (found.score, found.accepted) == (None, 0)
    assert found.words == "not enough rows to promise 0.98: 74 of 183"


def test_enough_rows_without_an_error_are_promised() -> None:
    found = promised(*ranked(400), alone(400), promise=0.98)
    assert (found.accepted, found.right, found.worth) == (400, 400, 400)
    assert found.words == "400 of 400 accepted rows with known truth are right: 0.98 at 95%"


def test_many_rows_with_errors_among_the_best_promise_nothing() -> None:
    found = promised(*ranked(400, *range(0, 400, 20)), alone(400), promise=0.98)
    assert found.score is None
    assert found.words.startswith("0.98 cannot be promised: 10 of the best 183 rows are wrong")


def test_a_promise_stops_where_the_errors_begin() -> None:
    found = promised(*ranked(3000, *range(2000, 3000, 4)), alone(3000), promise=0.98)
    assert 2000 <= found.accepted < 2200


@settings(max_examples=60)
@given(st.integers(0, 2**32 - 1), st.integers(50, 1200), st.floats(0.9, 1.0))
def test_whatever_is_promised_passes_the_exact_test(seed: int, rows: int, chance: float) -> None:
    rng = np.random.default_rng(seed)
    scores, right = rng.random(rows).round(2), rng.random(rows) < chance
    found = promised(scores, right, alone(rows), promise=0.95, confidence=0.9)
    if found.score is not None:
        accepted = scores >= found.score
        assert int(accepted.sum()) == found.accepted
        assert int(right[accepted].sum()) == found.right
        assert binom.cdf(found.accepted - found.right, found.accepted, 0.05) <= 0.1


@settings(max_examples=30)
@given(st.integers(0, 2**32 - 1), st.integers(200, 800))
def test_the_order_of_rows_decides_nothing(seed: int, rows: int) -> None:
    rng = np.random.default_rng(seed)
    scores, right, groups = rng.random(rows), rng.random(rows) < 0.99, rng.integers(0, 40, rows).astype(float)
    shuffled = rng.permutation(rows)
    one = promised(scores, right, groups, promise=0.95)
    other = promised(scores[shuffled], right[shuffled], groups[shuffled], promise=0.95)
    assert (one.score, one.accepted, one.right) == (other.score, other.accepted, other.right)


def clustered(
    rng: np.random.Generator, groups: int, size: int, share_of_group: float
) -> tuple[Flags, npt.NDArray[np.int64]]:
    """Rows of groups that are wrong together: each row copies its group with the probability given."""
    members = np.repeat(np.arange(groups), size)
    own, its = rng.random(groups * size) < 0.9, (rng.random(groups) < 0.9)[members]
    return np.where(rng.random(groups * size) < share_of_group, its, own), members


def test_the_correlation_within_groups_is_measured() -> None:
    rng = np.random.default_rng(3)
    for share, expected in ((0.0, 0.0), (0.5, 0.25), (1.0, 1.0)):
        right, groups = clustered(rng, 800, 10, share)
        scores = np.full(len(right), 0.9)
        assert group_correlation(scores, right, groups) == pytest.approx(expected, abs=0.05)


def test_rows_alone_in_their_groups_have_no_correlation() -> None:
    scores, right = ranked(10, 3)
    assert group_correlation(scores, right, np.arange(10)) == 0


def test_ten_copies_of_a_row_are_worth_one() -> None:
    groups = np.repeat(np.arange(30), 10)
    assert design_effect(groups, 1.0) == pytest.approx(10)
    assert design_effect(groups, 0.0) == 1
    assert design_effect(np.zeros(0, dtype=np.int64), 1.0) == 1


def test_rows_that_err_in_groups_promise_later() -> None:
    """600 rows in 30 groups, the last two of which are wrong in every row: the first 560 prove less than 560 would."""
    right = np.arange(600) < 560
    scores, groups = np.linspace(0.999, 0.97, 600), np.repeat(np.arange(30.0), 20)
    apart, together = (promised(scores, right, which, promise=0.98) for which in (alone(600), groups))
    assert apart.accepted >= 560
    assert together.accepted == 0
    words = "not enough rows to promise 0.98: 30 of 183; 600 rows of 30 groups count as so many"
    assert together.words == words
