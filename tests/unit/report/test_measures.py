from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.report.frames import Frames
from factory.report.measures import (
    check_statistics,
    judged_samples,
    pair_statistics,
    score_directions,
    teacher_statistics,
)


def answer(id_: str, teacher: str, lat: float | None, distance: float | None, **more: Any) -> dict[str, Any]:
    base = {"failure": None, "localizable": True, "confidence": 0.9, "country_code": "DE", "country_correct": True}
    place = {"lat": lat, "lon": None if lat is None else 10.0, "distance_km": distance}
    return {"id": id_, "decision": "accept", "teacher": teacher, "draw": 0, **base, **place, **more}


def frames(rows: list[dict[str, Any]], *, labels: tuple[str, ...] = (), nowhere: tuple[str, ...] = ()) -> Frames:
    """Samples lie at 50 N; the place of `labels` is a teacher's, that of `nowhere` nobody's."""
    reals = dict.fromkeys(("lat", "lon", "distance_km", "confidence"), pl.Float64)
    others = {"failure": pl.String, "country_code": pl.String, "country_correct": pl.Boolean, "localizable": pl.Boolean}
    answers = pl.DataFrame(rows, schema_overrides={**reals, **others})
    samples = answers.select("id").unique(maintain_order=True)
    samples = samples.with_columns(
        lat=pl.when(pl.col("id").is_in(nowhere)).then(None).otherwise(pl.lit(50.0)),
        labelled=pl.when(pl.col("id").is_in(labels)).then(pl.lit("label of first, 98.0 %")),
    )
    return Frames(samples, answers, pl.DataFrame(), tuple(answers["teacher"].unique(maintain_order=True)))


def test_a_missing_guess_counts_as_wrong() -> None:
    rows = [
        answer("a", "first", 50.0, 0.5),
        answer("b", "first", 50.0, 100.0),
        answer("c", "first", None, None, failure="not_json", country_correct=None),
        answer("c", "second", 50.0, 3.0),
    ]
    first, second = teacher_statistics(frames(rows))
    assert first.judged == second.judged == 3
    assert first.tiers == pytest.approx((1 / 3, 1 / 3, 2 / 3, 2 / 3, 2 / 3))
    assert first.country == pytest.approx(2 / 3)
    assert first.failures == (("not_json", 1),)
    assert second.tiers[1] == pytest.approx(1 / 3)


def test_samples_of_unknown_places_measure_nobody() -> None:
    rows = [
        answer("a", "first", 50.0, 0.5),
        answer("a", "second", 50.0, 3.0),
        answer("label", "first", 50.0, None, country_correct=None, confidence=0.99),
        answer("label", "second", 50.0, None, country_correct=None, confidence=0.99),
        answer("nowhere", "first", None, None, failure="refused", country_correct=None),
    ]
    built = frames(rows, labels=("label",), nowhere=("nowhere",))
    assert judged_samples(built) == (3, 1)
    first, second = teacher_statistics(built)
    assert (first.judged, first.tiers[1], first.country) == (1, 1.0, 1.0)
    assert (second.judged, second.tiers[1]) == (1, 1.0)
    assert (first.answered, first.failures) == (2, (("refused", 1),)), "what was asked and failed is still told"
    (pair,) = pair_statistics(built)
    assert (pair.judged, pair.none_right, pair.right_when_agreeing) == (1, 0, 1.0)


def test_a_build_that_knows_no_place_compares_nobody_with_the_truth() -> None:
    rows = [answer("a", "first", 50.0, None, country_correct=None)]
    built = frames(rows, labels=("a",))
    assert judged_samples(built) == (1, 0)
    (first,) = teacher_statistics(built)
    assert (first.judged, first.answered, first.says_places) == (0, 1, True)
    assert first.distances == () and first.calibration == ()
    assert pair_statistics(built) == ()


def test_draws_are_answers_of_their_own_and_a_silent_sample_owes_one() -> None:
    rows = [
        answer("a", "first", 50.0, 0.5),
        answer("a", "first", 50.0, 100.0, draw=1),
        answer("a", "second", 50.0, 0.5),
        answer("b", "second", 50.0, 0.5),
    ]
    first, second = teacher_statistics(frames(rows))
    assert (first.judged, first.answered, first.draws) == (3, 2, 2)
    assert first.tiers[0] == pytest.approx(1 / 3)
    assert (second.judged, second.draws) == (2, 1)
    (pair,) = pair_statistics(frames(rows))
    assert pair.judged == 3, "both draws with the other's answer, and the sample only one answered"
    assert (pair.both_right, pair.only_second) == (1, 2)


def test_answers_about_no_place_are_counted_and_not_measured() -> None:
    nothing = {"localizable": None, "confidence": None, "country_code": None, "country_correct": None}
    rows = [
        answer("a", "first", None, None, **nothing),
        answer("b", "first", None, None, failure="refused", **nothing),
        answer("a", "second", None, None, **nothing),
    ]
    first, second = teacher_statistics(frames(rows))
    assert not first.says_places and not second.says_places
    assert (first.answered, first.failures) == (1, (("refused", 1),))
    assert first.calibration == () and first.median_km is None
    assert pair_statistics(frames(rows)) == ()


def test_quarantined_samples_are_not_judged_but_their_failures_are_named() -> None:
    rows = [
        answer("a", "first", 50.0, 1.0),
        answer("q", "first", None, None, decision="quarantine", failure="refused", country_correct=None),
    ]
    (teacher,) = teacher_statistics(frames(rows))
    assert teacher.judged == 1
    assert teacher.failures == (("refused", 1),)


def test_pairs_count_agreement_and_who_was_right() -> None:
    rows = [
        answer("both", "x", 50.0, 1.0),
        answer("both", "y", 50.01, 2.0),
        answer("one", "x", 50.0, 1.0),
        answer("one", "y", 60.0, 1100.0, country_code="NO", country_correct=False),
        answer("none", "x", 40.0, 900.0),
        answer("none", "y", 40.0, 900.0),
        answer("silent", "x", 50.0, 1.0),
        answer("silent", "y", None, None, failure="refused", country_code=None, country_correct=None),
    ]
    (pair,) = pair_statistics(frames(rows))
    assert (pair.both_right, pair.only_first, pair.only_second, pair.none_right) == (1, 2, 0, 1)
    assert pair.within_radius == pytest.approx(2 / 4)
    assert pair.same_country == pytest.approx(2 / 4)
    assert pair.right_when_agreeing == pytest.approx(1 / 2)


def test_calibration_needs_enough_answers() -> None:
    few = [answer(f"s{i}", "t", 50.0, 1.0, confidence=0.95) for i in range(10)]
    many = [answer(f"s{i}", "t", 50.0, 1.0 if i % 2 else 500.0, confidence=1.0) for i in range(60)]
    assert teacher_statistics(frames(few))[0].calibration == ()
    (bucket,) = teacher_statistics(frames(many))[0].calibration
    assert (bucket.confidence, bucket.right, bucket.count) == (1.0, 0.5, 60)
    assert teacher_statistics(frames(many))[0].calibration_error == pytest.approx(0.5)


def check_rows(scores: list[float | None], threshold: float) -> pl.DataFrame:
    outcomes = ["abstain" if s is None else "pass" if s >= threshold else "fail" for s in scores]
    return pl.DataFrame(
        {
            "id": [f"s{i}" for i in range(len(scores))],
            "check": "grounded",
            "outcome": outcomes,
            "reason": [f"{outcome}_reason" for outcome in outcomes],
            "score": pl.Series(scores, dtype=pl.Float64),
            "threshold": threshold,
        }
    )


@given(st.lists(st.none() | st.floats(0, 1), min_size=1, max_size=60), st.floats(0.01, 0.99))
def test_every_scored_row_is_in_one_bin(scores: list[float | None], threshold: float) -> None:
    (check,) = check_statistics(check_rows(scores, threshold))
    scored = [s for s in scores if s is not None]
    assert check.passed + check.failed + check.abstained == len(scores)
    assert sum(b.count for b in check.scores) == len(scored)
    assert sum(b.failed for b in check.scores) == sum(s < threshold for s in scored)
    assert not check.log_axis


@given(st.lists(st.floats(0, 20_037), min_size=1, max_size=60))
def test_distances_are_drawn_on_a_log_axis_and_none_is_lost(scores: list[float]) -> None:
    (check,) = check_statistics(check_rows([*scores, 400.0], 25.0))
    assert check.log_axis
    assert sum(b.count for b in check.scores) == len(scores) + 1


def test_the_side_on_which_a_check_passes_is_read_from_its_passes() -> None:
    shares, distances = check_rows([0.9, 0.6, 0.1], 0.5), check_rows([500.0, 900.0, 3.0], 25.0)
    distances = distances.with_columns(
        check=pl.lit("near_truth"),
        outcome=pl.when(pl.col("score") <= 25).then(pl.lit("pass")).otherwise(pl.lit("fail")),
    )
    silent = check_rows([0.5], 0.5).with_columns(check=pl.lit("equal"))
    assert score_directions(pl.concat([shares, distances, silent])) == {"grounded": "≥", "near_truth": "≤"}


def test_a_check_without_scores_or_threshold_has_no_histogram() -> None:
    rows = check_rows([None, None], 0.5).with_columns(threshold=pl.lit(None, pl.Float64))
    (check,) = check_statistics(rows)
    assert check.scores == () and check.threshold is None


def test_scores_that_are_not_finite_are_left_out_of_the_histogram() -> None:
    (check,) = check_statistics(check_rows([float("nan"), float("inf"), 0.4], 0.5))
    assert sum(b.count for b in check.scores) == 1


def test_a_territory_and_its_sovereign_are_the_same_country_where_both_are_right() -> None:
    rows = [
        answer("a", "x", 18.5, 1.0, country_code="PR"),
        answer("a", "y", 18.5, 1.0, country_code="US"),
        answer("b", "x", 18.5, 900.0, country_code="PR", country_correct=False),
        answer("b", "y", 30.0, 1.0, country_code="US"),
    ]
    (pair,) = pair_statistics(frames(rows))
    assert pair.same_country == 0.5
