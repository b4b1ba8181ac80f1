"""`calibrated` on two sets of real photos and four recorded teachers; docs/acceptance.md shows the table it prints.

The truth is hidden: what is accepted follows from what the teachers say, judged by models and thresholds of other
sources (first set) or trips (second set).
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from math import inf
from pathlib import Path

import numpy as np
import orjson
import polars as pl
import pytest

from factory.plugins.contracts import Decider
from factory.plugins.registry import plugin
from factory.verify import calibrated, near_truth
from factory.verify.checks import run_check
from factory.verify.logistic import Flags
from factory.verify.said import features_of
from schemas import Case, Verdict
from tests import recorded
from tests.nested import RADIUS_KM, Found, Rows, by_rule, held_out, measured, used

SHARED = Path(os.environ.get("FACTORY_SHARED", Path(__file__).parents[2].parent / "shared"))
SETS = {"photos": "source_repo", "photos2": "trip"}
"""The folders, and the column of what belongs together."""
WAYS = range(6)
"""Ways to part the sources: one alone is luck, for one photo more or less is a per cent."""

pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(
        not all((SHARED / name / "responses").is_dir() for name in SETS),
        reason="real answers are missing: set FACTORY_SHARED",
    ),
]


@cache
def cases(name: str) -> tuple[Case, ...]:
    folder = SHARED / name
    recordings = [folder / "responses" / f"teacher_{teacher}.jsonl" for teacher in "ab"]
    return tuple(recorded.cases(folder / "photos.csv", recordings, author=SETS[name]).values())


def rows(name: str) -> Rows:
    return [features_of(case, radius_km=RADIUS_KM) for case in cases(name)]


def camera(name: str) -> Flags:
    return np.array([case.sample.scene == "exif_gps" for case in cases(name)])


def agree(row: Mapping[str, float]) -> bool:
    return row.get("km:teacher_a:teacher_b", inf) <= RADIUS_KM


def told(title: str, accepted: Flags, right: Flags, name: str) -> Found:
    found = measured(accepted, right)
    print(f"{name} | {title} | {found} | camera GPS {measured(accepted, right, camera(name))}")
    return found


@pytest.mark.parametrize("name", SETS)
def test_held_out_photos_are_right_at_the_target_and_most_are_accepted(name: str) -> None:
    known = rows(name)
    told("a alone", *by_rule(known, lambda row: "confidence:teacher_a" in row, (0,)), name)
    told("b alone", *by_rule(known, lambda row: "confidence:teacher_b" in row, (1,)), name)
    agreed = told("agree within 25 km", *by_rule(known, agree, (0, 1)), name)
    parted = [held_out(known, target=0.98, seed=seed) for seed in WAYS]
    for seed, way in zip(WAYS, parted, strict=True):
        told(f"calibrated, target .98, parted {seed}", *way, name)
    together = [np.concatenate(each) for each in zip(*parted, strict=True)]
    found = measured(*together)
    print(f"{name} | mean of {len(WAYS)} ways | precision {found.precision:.3f}, coverage {found.coverage:.3f}")
    assert found.precision >= 0.979, "at 99 accepted photos, one of 43 more is half a per cent"
    assert found.coverage >= 0.70
    assert found.precision >= agreed.precision - 0.01


def test_fitted_on_the_first_set_it_holds_on_the_second() -> None:
    found = told("fitted on photos", *used(rows("photos"), rows("photos2"), target=0.98), "photos2")
    assert found.precision >= 0.98
    assert found.coverage >= 0.70


def test_fitted_on_the_second_set_it_is_too_trusting_on_the_first() -> None:
    """Other teachers with other scales: a model must be fitted on the same teachers. As it is, not as wished."""
    found = told("fitted on photos2", *used(rows("photos2"), rows("photos"), target=0.98), "photos")
    assert 0.93 <= found.precision < 0.98


CHECKS = ("near_truth", "grounded", "no_leak")


def verdicts(
    known: Sequence[Case],
    others: Sequence[Case] = (),
    *,
    decider: Decider | None = None,
    names: tuple[str, ...] = CHECKS,
) -> list[Verdict]:
    """What the checks and `calibrated`, fitted on the known ones, make of cases and of others that the model has not
    seen; `truth known` unless told otherwise."""
    decider = decider or calibrated(reject=("near_truth", "no_leak"))
    assert decider.features is not None and decider.fit is not None
    settings = {name: plugin("check", name).settings() for name in names}
    every = [*known, *others]
    checks = [[run_check(name, settings[name], case) for name in names] for case in every]
    said = [decider.features(case, found) for case, found in zip(every, checks, strict=True)]
    model = orjson.loads(orjson.dumps(decider.fit(pl.DataFrame(said[: len(known)]))))
    return [decider.decide(found, row, model) for found, row in zip(checks, said, strict=True)]


def both_right(case: Case) -> bool:
    return near_truth(case, place="coordinates", doubt_from=None).outcome == "pass"


@pytest.mark.parametrize(("name", "least"), [("photos", 0.93), ("photos2", 0.97)])
def test_with_known_truth_nearly_all_that_both_teachers_have_right_is_accepted(name: str, least: float) -> None:
    right = [
        (case, verdict) for case, verdict in zip(cases(name), verdicts(cases(name)), strict=True) if both_right(case)
    ]
    accepted = sum(verdict.decision == "accept" for _, verdict in right)
    reasons = Counter(reason for _, verdict in right for reason in verdict.reasons)
    print(f"{name} | truth known | {accepted} of {len(right)} that both have right are accepted | {dict(reasons)}")
    assert accepted >= least * len(right)


@pytest.mark.parametrize("known", [True, False], ids=["truth known", "truth hidden"])
@pytest.mark.parametrize("name", SETS)
def test_an_answer_about_another_place_hardly_ever_comes_in_beside_a_right_one(name: str, known: bool) -> None:
    """Every photo with the second teacher's answer about each photo elsewhere. The words of both speak against nearly
    all; where they are alike by chance, a known truth lets the row in only for its right answer, which is the one that
    is released, and a hidden one where that answer, or the stranger, is sure enough in spite of the other."""
    photos = {case.sample.id: case for case in cases(name)}
    away = [
        replace(case, sample=replace(case.sample, author=f"swap-{number}"))
        for number, (case, km) in enumerate(recorded.swapped(photos))
        if km > recorded.SAME_PLACE_KM
    ]
    decider = calibrated(reject=("near_truth", "no_leak")) if known else calibrated(target=0.98)
    found = verdicts(cases(name), away, decider=decider, names=CHECKS if known else CHECKS[1:])[-len(away) :]
    accepted = sum(verdict.decision == "accept" for verdict in found)
    words = sum(any(reason.startswith("grounded:") for reason in verdict.reasons) for verdict in found)
    print(f"{name} | swapped | {accepted} of {len(away)} accepted; the words speak against {words}")
    assert words >= 0.99 * len(away) > 1000
    assert accepted <= len(away) / (150 if known else 400)


LUCKY = (0.02, 0.03, 0.04, 0.05, 0.05, 0.06, 0.08, 0.08, 0.1, 0.12)
"""How sure ten guesses are of a place that happens to be the true one; what they describe is in the picture."""


@pytest.mark.parametrize("both", [False, True], ids=["one", "both"])
@pytest.mark.parametrize("name", SETS)
def test_ten_lucky_guesses_put_in_by_hand_are_kept_out(name: str, both: bool) -> None:
    """Photos that both teachers have wrong, with one answer or both moved onto the truth, as luck would have it."""
    wrong = [case for case in cases(name) if not both_right(case) and not any(right_of(case))]
    chosen = [case for case in wrong if all(one.answered.place for one in case.answers)]
    guesses = [
        lucky(chosen[number % len(chosen)], sure, f"lucky-{number}", both=both) for number, sure in enumerate(LUCKY)
    ]
    found = verdicts(cases(name), guesses)[-len(guesses) :]
    improbable = [verdict for verdict in found if "calibrated:lucky_guess" in verdict.reasons]
    print(f"{name} | lucky guesses ({'both' if both else 'one'} on the truth) kept out: {len(improbable)} of 10")
    assert len(improbable) == len(guesses) == 10


def right_of(case: Case) -> list[float]:
    found = features_of(case, radius_km=RADIUS_KM)
    return [found[f"right:teacher_{teacher}"] for teacher in "ab"]


def lucky(case: Case, sure: float, name: str, *, both: bool) -> Case:
    """The case with its first answer on the truth, or both, as sure as told."""
    moved = []
    for number, one in enumerate(case.answers):
        place = one.answered.place
        assert place is not None
        if both or number == 0:
            there = {"lat": case.sample.lat, "lon": case.sample.lon, "confidence": sure}
            answered = replace(one.answered, place=place.model_copy(update=there))
            one = replace(one, answered=answered, distance_km=0.0, named_distance_km=0.0, country_correct=True)
        moved.append(one)
    return replace(case, sample=replace(case.sample, id=name, author=name), answers=tuple(moved))
