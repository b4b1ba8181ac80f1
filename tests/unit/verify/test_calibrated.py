"""The decider that fits: what it accepts, what it sends to people, and the words it has for it."""

from __future__ import annotations

from collections.abc import Mapping
from math import nan
from typing import Any

import numpy as np
import orjson
import polars as pl
import pytest

from factory.plugins.contracts import Decider, Model
from factory.plugins.registry import plugin
from factory.verify import calibrated
from factory.verify.fitted import judged
from schemas import CheckResult, Verdict
from tests.made_teachers import Teacher, drawn


def features(
    a: tuple[float, bool], b: tuple[float, bool], km: float, *, group: float = 7, known: bool = True
) -> dict[str, float]:
    """A sample by (confidence, right) of two teachers, so far apart."""
    found = {"group": group, "km:a:b": km}
    for name, (confidence, right) in (("a", a), ("b", b)):
        found |= {f"confidence:{name}": confidence, f"level:{name}": 1.0, f"placed:{name}": 1.0}
        found |= {f"right:{name}": float(right) if known else nan}
    return found


def frame(rows: int, seed: int = 0, *, known: bool = True, one_author: bool = False) -> pl.DataFrame:
    made = drawn(np.random.default_rng(seed), rows, (Teacher(), Teacher(skill=-0.2)), ease=1.0)
    samples = [
        features(
            (made.said.confidence[n, 0], made.right[n, 0]),
            (made.said.confidence[n, 1], made.right[n, 1]),
            made.said.apart_km[n, 0, 1],
            group=1.0 if one_author else made.groups[n],
            known=known,
        )
        for n in range(rows)
    ]
    return pl.DataFrame(samples).with_columns(id=pl.int_range(rows).cast(pl.String))


def fitted(decider: Decider, rows: int = 600, **changes: Any) -> Model:
    assert decider.fit is not None
    model: Model = orjson.loads(orjson.dumps(decider.fit(frame(rows, **changes))))
    return model


def passes(check: str = "near_truth") -> CheckResult:
    return CheckResult(check=check, outcome="pass", reason="near")


def fails(check: str = "near_truth", reason: str = "too_far") -> CheckResult:
    return CheckResult(check=check, outcome="fail", reason=reason)


def short(verdict: Verdict) -> tuple[str, tuple[str, ...]]:
    return verdict.decision, verdict.reasons


SURE = features((0.9, True), (0.85, True), 2)
LUCKY = features((0.03, True), (0.05, False), 900)
DECIDER = calibrated(reject=("near_truth",))
MODEL = fitted(DECIDER)


def test_a_probable_right_answer_is_accepted_with_its_probability() -> None:
    verdict = DECIDER.decide([passes()], SURE, MODEL)
    assert short(verdict) == ("accept", ())
    own = verdict.checks[-1]
    assert (own.check, own.reason, own.threshold) == ("calibrated", "probable", 0.6)
    assert own.score is not None and own.score > 0.9


def test_a_right_answer_against_its_own_evidence_is_a_lucky_guess_for_people() -> None:
    verdict = DECIDER.decide([passes()], LUCKY, MODEL)
    assert short(verdict) == ("review", ("calibrated:lucky_guess",))
    assert "right against its own evidence" in verdict.checks[-1].detail
    assert calibrated(min_probability=0.0).decide([passes()], LUCKY, MODEL).decision == "accept"


def test_every_answer_near_the_truth_must_be_probable_for_any_may_be_released() -> None:
    torn = features((0.9, True), (0.01, True), 2)
    chances = judged(torn, MODEL).probabilities
    assert min(chances) < 0.7 < max(chances)
    assert short(calibrated(min_probability=0.7).decide([passes()], torn, MODEL)) == (
        "review",
        ("calibrated:lucky_guess",),
    )


def test_a_right_answer_that_does_not_say_how_sure_it_is_goes_to_people() -> None:
    silent = features((nan, True), (0.9, True), 2)
    assert short(DECIDER.decide([passes()], silent, MODEL)) == ("review", ("calibrated:no_confidence",))
    nobody = features((nan, True), (nan, True), 2)
    assert short(DECIDER.decide([passes()], nobody, MODEL)) == ("review", ("calibrated:no_confidence",))


def test_a_failed_check_rejects_where_the_recipe_says_so_and_else_goes_to_people() -> None:
    assert short(DECIDER.decide([fails()], LUCKY, MODEL))[0] == "reject"
    verdict = DECIDER.decide([passes(), fails("grounded", "unconfirmed_clues")], SURE, MODEL)
    assert short(verdict) == ("review", ("grounded:unconfirmed_clues",))


def test_two_sure_teachers_against_the_truth_make_the_truth_suspect() -> None:
    agreed = features((0.9, False), (0.9, False), 1)
    verdict = DECIDER.decide([fails()], agreed, MODEL)
    assert short(verdict) == ("review", ("near_truth:too_far", "calibrated:truth_suspect"))
    leaks = calibrated(reject=("near_truth", "no_leak")).decide([fails(), fails("no_leak", "quotes")], agreed, MODEL)
    assert leaks.decision == "reject", "a doubt of the truth excuses nothing else"
    alone = features((0.9, False), (0.05, False), 900)
    assert DECIDER.decide([fails()], alone, MODEL).decision == "reject"
    torn = features((0.9, False), (0.9, True), 900)
    assert "calibrated:truth_suspect" not in DECIDER.decide([fails()], torn, MODEL).reasons


def test_a_target_accepts_from_a_threshold_on_and_marks_it_unproven() -> None:
    decider = calibrated(target=0.98)
    model = fitted(decider)
    threshold = model["threshold"]
    assert threshold["right"] / threshold["accepted"] >= 0.98
    assert threshold["words"].endswith("unproven")
    unseen = features((0.2, False), (0.1, False), 300, known=False)
    assert short(decider.decide([], unseen, model)) == ("review", ("calibrated:below_threshold",))
    assert decider.decide([], features((0.9, False), (0.9, False), 1, known=False), model).decision == "accept"


def test_a_promise_that_cannot_be_made_accepts_nothing_and_says_why() -> None:
    decider = calibrated(promise=0.98)
    few = decider.decide([], SURE, fitted(decider, rows=74))
    assert short(few) == ("review", ("calibrated:no_threshold",))
    assert few.checks[-1].detail.startswith("not enough rows to promise 0.98: ")
    assert " of 183; 74 rows of " in few.checks[-1].detail


def test_a_promise_that_can_be_made_accepts() -> None:
    decider = calibrated(promise=0.95)
    model = fitted(decider, rows=2000)
    assert model["threshold"]["kind"] == "promise" and model["threshold"]["score"] is not None
    assert decider.decide([], SURE, model).decision == "accept"


@pytest.mark.parametrize("changes", [{"known": False}, {"one_author": True}])
def test_without_rows_of_others_with_a_known_place_nothing_is_accepted(changes: Mapping[str, bool]) -> None:
    for decider in (DECIDER, calibrated(target=0.5)):
        verdict = decider.decide([passes()], SURE | {"group": 1.0}, fitted(decider, rows=50, **changes))
        assert short(verdict) == ("review", ("calibrated:not_fitted",))


def test_without_a_model_nothing_is_accepted() -> None:
    assert short(DECIDER.decide([passes()], SURE, None)) == ("review", ("calibrated:not_fitted",))


def test_a_model_of_nobody_is_written_all_the_same() -> None:
    assert DECIDER.fit is not None
    model = DECIDER.fit(pl.DataFrame({"id": ["x"], "group": [1.0]}))
    assert (model["rows"], model["teachers"], model["curve"], model["reliability"]) == (0, [], [], [])


def test_a_sample_is_judged_by_the_model_that_has_not_seen_its_author() -> None:
    parts = {tuple(judged(SURE | {"group": float(group)}, MODEL).probabilities) for group in range(10)}
    assert len(parts) == 10


def test_the_same_samples_give_the_same_model_in_any_order() -> None:
    assert DECIDER.fit is not None
    samples = frame(200)
    one = DECIDER.fit(samples.sort("id"))
    other = DECIDER.fit(samples.sample(fraction=1.0, shuffle=True, seed=1).sort("id"))
    assert orjson.dumps(one) == orjson.dumps(other)


def test_the_curve_and_the_reliability_say_what_each_threshold_costs() -> None:
    curve, bins = MODEL["curve"], MODEL["reliability"]
    accepted = [point["accepted"] for point in curve]
    assert accepted == sorted(set(accepted)) and accepted[-1] == MODEL["rows"] and len(curve) <= 50
    assert all(point["right"] <= point["accepted"] for point in curve)
    assert sum(one["rows"] for one in bins) == MODEL["rows"]
    assert sum(one["right"] for one in bins) == curve[-1]["right"]


@pytest.mark.parametrize("damage", [{"version": 0}, {"parts": []}, {"parts": [{"maps": []}] * 10}])
def test_json_that_is_no_model_is_refused(damage: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"no (fitted model|calibration)"):
        judged(SURE, {**MODEL, **damage})


@pytest.mark.parametrize(
    ("settings", "words"),
    [({"target": 0.9, "promise": 0.9}, "give one of them"), ({"promise": 1.0}, "less than 1"), ({"radius_km": 0}, "0")],
)
def test_settings_that_mean_nothing_are_refused(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        plugin("decider", "calibrated").settings(**settings)
