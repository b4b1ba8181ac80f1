"""Probabilities from what teachers say: the scale of each, and who agrees with whom."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from factory.verify.calibration import Calibration, Said, best, fit, probabilities
from factory.verify.logistic import Flags, Reals
from tests.made_teachers import Teacher, drawn

SCALES = {"as it is": (0.0, 1.0), "overconfident": (0.5, 0.5), "underconfident": (0.0, 0.4)}


def two(rows: int, seed: int = 0, **first: float) -> tuple[Said, Flags]:
    made = drawn(np.random.default_rng(seed), rows, (Teacher(**first), Teacher(skill=-0.3)))
    return made.said, made.right


def one_row(confidences: list[float], apart_km: float) -> Said:
    count = len(confidences)
    apart = np.full((1, count, count), apart_km)
    apart[0, range(count), range(count)] = 0
    return Said(
        np.array([confidences]),
        np.ones((1, count)),
        np.ones((1, count), dtype=np.bool_),
        apart,
        np.zeros((1, count, 0)),
    )


@pytest.mark.parametrize("scale", SCALES.values(), ids=SCALES)
def test_each_teachers_scale_is_undone(scale: tuple[float, float]) -> None:
    floor, width = scale
    said, right = two(6000, floor=floor, width=width)
    model = fit(said, right, radius_km=25)
    assert model is not None
    fresh, truth = two(6000, seed=1, floor=floor, width=width)
    found = probabilities(fresh, model)[:, 0]
    bins = np.minimum((found * 10).astype(int), 9)
    off = [abs(truth[bins == one, 0].mean() - found[bins == one].mean()) * (bins == one).mean() for one in set(bins)]
    assert sum(off) < 0.05, "expected calibration error"
    assert truth[bins == 9, 0].mean() == pytest.approx(found[bins == 9].mean(), abs=0.01)


def test_the_same_words_in_another_scale_are_worth_the_same() -> None:
    said, right = two(4000)
    squeezed = replace(said, confidence=np.stack([0.5 + 0.5 * said.confidence[:, 0], said.confidence[:, 1]], axis=1))
    plain, other = fit(said, right, radius_km=25), fit(squeezed, right, radius_km=25)
    assert plain is not None and other is not None
    difference = probabilities(said, plain) - probabilities(squeezed, other)
    assert np.sqrt(np.mean(difference**2)) < 0.05


def test_agreement_makes_a_place_more_probable_and_contradiction_less() -> None:
    model = fit(*two(4000), radius_km=25)
    assert model is not None
    alone = probabilities(one_row([0.5, np.nan], np.nan), model)[0, 0]
    agreed = probabilities(one_row([0.5, 0.9], 3), model)[0, 0]
    torn = probabilities(one_row([0.5, 0.9], 300), model)[0, 0]
    assert torn < alone < agreed
    assert agreed < probabilities(one_row([0.9, 0.9], 3), model)[0, 0]


@settings(max_examples=40)
@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 1), st.sampled_from([0.0, 20.0, 200.0, 9000.0]))
def test_more_confidence_never_makes_the_same_place_less_probable(
    low: float, high: float, other: float, km: float
) -> None:
    low, high = sorted((low, high))
    first, second = (probabilities(one_row([stated, other], km), MODEL)[0, 0] for stated in (low, high))
    assert first <= second + 1e-12


def test_what_was_not_stated_or_cannot_be_read_gives_no_probability() -> None:
    found = probabilities(one_row([np.nan, 0.8], 3), MODEL)
    assert np.isnan(found[0, 0]) and found[0, 1] > 0
    placeless = replace(one_row([0.9, 0.8], 3), placed=np.array([[False, True]]))
    assert np.isnan(probabilities(placeless, MODEL)[0, 0])


def test_an_agreeing_voice_without_a_readable_confidence_helps_nobody_but_a_contradicting_one_hurts() -> None:
    alone = probabilities(one_row([0.8, np.nan], np.nan), MODEL)[0, 0]
    assert probabilities(one_row([0.8, np.nan], 3), MODEL)[0, 0] == alone
    assert probabilities(one_row([0.8, np.nan], 3000), MODEL)[0, 0] < alone


def test_the_best_candidate_is_the_most_probable_and_nobody_where_there_is_none() -> None:
    highest, which = best(np.array([[0.2, 0.7], [0.5, 0.5], [np.nan, 0.1], [np.nan, np.nan]]))
    assert which.tolist() == [1, 0, 1, -1]
    assert highest.tolist() == [0.7, 0.5, 0.1, -1.0]
    assert best(np.zeros((2, 0)))[1].tolist() == [-1, -1]


def test_one_teacher_and_three_can_be_judged_as_well() -> None:
    for count in (1, 3):
        made = drawn(np.random.default_rng(count), 800, (Teacher(),) * count)
        model = fit(made.said, made.right, radius_km=25)
        assert model is not None
        found = probabilities(made.said, model)
        assert found.shape == (800, count)
        assert np.corrcoef(found[:, 0], made.right[:, 0])[0, 1] > 0.4


def test_nobody_to_learn_from_gives_no_model() -> None:
    said = replace(one_row([0.5, 0.5], 3), confidence=np.full((1, 2), np.nan))
    assert fit(said, np.ones((1, 2), dtype=np.bool_), radius_km=25) is None


def test_a_model_comes_back_from_its_json_as_it_was() -> None:
    back = Calibration.read(MODEL.plain(), teachers=2)
    sample = one_row([0.4, 0.6], 12)
    np.testing.assert_allclose(probabilities(sample, back), probabilities(sample, MODEL), rtol=1e-9)


@pytest.mark.parametrize(
    "damage",
    [{"maps": [[0, 1, 1]]}, {"weights": [1, 2]}, {"weights": [float("nan")] * 8}, {"radius_km": None}, {"maps": "x"}],
)
def test_json_that_is_no_model_is_refused(damage: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="no calibration"):
        Calibration.read({**MODEL.plain(), **damage}, teachers=2)
    with pytest.raises(ValueError, match="no calibration"):
        Calibration.read({}, teachers=2)


def _model() -> Calibration:
    found = fit(*two(2000), radius_km=25)
    assert found is not None
    return found


MODEL = _model()


def log_loss(found: Reals, right: Flags) -> float:
    return float(-np.mean(np.where(right, np.log(found), np.log1p(-found))))


def test_a_model_of_more_rows_than_are_fitted_is_as_good_as_any() -> None:
    said, right = two(11_000)
    model = fit(said, right, radius_km=25)
    assert model is not None
    fresh, truth = two(4000, seed=5)
    loss = log_loss(probabilities(fresh, model)[:, 0], truth[:, 0])
    assert loss < log_loss(probabilities(fresh, MODEL)[:, 0], truth[:, 0]) + 0.005
