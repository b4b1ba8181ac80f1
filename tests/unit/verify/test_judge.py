"""Samples judged: measured, checked, decided, and what keeps an accepted one from the release."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from factory.errors import PluginFault
from factory.plugins import registry
from factory.plugins.contracts import Decider, Generator, Model
from factory.plugins.registry import register
from factory.recipe.model import Recipe
from factory.store.cases import AnsweredSample
from factory.verify.judge import Judge, decide, examine, features_of, judge_of, located_cases, unjudgeable
from schemas import Answered, Case, CheckResult, Clue, GeoAnswer, ImageRef, Photo, Sample, Verdict
from schemas.rows.messages import message
from schemas.rows.mp16_reason import ROW

LEIPZIG = Sample(
    id="s", images=(ImageRef(locator="s.jpg"),), lat=51.3397, lon=12.3731, country_code="DE", city="Leipzig"
)
PHOTO = Photo(sha256="0" * 64, phash=0, width=8, height=8, bytes=8)
NEAR = {"near_truth": {"radius_km": 25}}
LENIENT: dict[str, Any] = {"checks": [NEAR], "decide": {"reject": [], "review": []}}
SILENT = ("review", ("row:nothing_to_release",))


def recipe(**changes: Any) -> Recipe:
    plain: dict[str, Any] = {
        "name": "tiny",
        "generator": "mp16_reason",
        "source": {"kind": "table", "path": "photos.csv"},
        "teachers": [{"name": "first", "backend": "replay", "path": "first.jsonl"}],
        "verify": LENIENT,
    }
    return Recipe.model_validate(plain | changes)


def said(teacher: str = "first", **changes: Any) -> Answered:
    fields = {"localizable": True, "country": "Germany", "city": "Leipzig", "lat": 51.34, "lon": 12.37}
    answer = GeoAnswer.model_validate({**fields, "reasoning": "The board.", **changes})
    return Answered(teacher=teacher, model="m", keys=(teacher,), place=answer)


def judged(*answers: Answered, judge: Judge | None = None, photo: Photo = PHOTO, sample: Sample = LEIPZIG) -> Case:
    """The finished case of a sample, as the verify phase makes it."""
    rules = judge_of(recipe()) if judge is None else judge
    found = AnsweredSample(photos=(photo,), answers=answers)
    (case,) = located_cases([(sample, found)], rules)
    hopeless = unjudgeable(found, rules)
    return replace(case, verdict=hopeless) if hopeless else decide(case, examine(case, rules), rules, None)


def verdict_of(*answers: Answered, **given: Any) -> Verdict:
    verdict = judged(*answers, **given).verdict
    assert verdict is not None
    return verdict


def short(verdict: Verdict) -> tuple[str, tuple[str, ...]]:
    return verdict.decision, verdict.reasons


def rows_of(*answers: Answered) -> Sequence[Mapping[str, Any]]:
    record = judge_of(recipe()).generator.record
    assert record is not None
    return record(judged(*answers))


def test_a_right_answer_with_reasoning_is_accepted() -> None:
    verdict = verdict_of(said())
    assert short(verdict) == ("accept", ())
    assert [check.check for check in verdict.checks] == ["near_truth"]
    assert len(rows_of(said())) == 1


@pytest.mark.parametrize("reasoning", ["", " \n "])
def test_an_accepted_sample_without_reasoning_goes_to_review(reasoning: str) -> None:
    verdict = verdict_of(said(reasoning=reasoning))
    assert short(verdict) == SILENT
    found = verdict.checks[-1]
    assert (found.check, found.outcome, found.reason) == ("row", "fail", "nothing_to_release")
    assert not rows_of(said(reasoning=reasoning))


def test_reasoning_that_leads_to_another_country_does_not_count() -> None:
    wrong = said("second", country="France", city="Paris", lat=48.85, lon=2.35)
    near_one = {"checks": [{"near_truth": {"radius_km": 25, "teachers": "any"}}], "decide": LENIENT["decide"]}
    answers = said(reasoning=""), wrong
    assert short(verdict_of(*answers, judge=judge_of(recipe(verify=near_one)))) == SILENT
    assert not rows_of(*answers)


def test_one_answer_that_speaks_is_enough() -> None:
    answers = said(reasoning=""), said("second")
    assert verdict_of(*answers).decision == "accept"
    assert rows_of(*answers)[0]["answer"]["teacher"] == "second"


def test_a_rejected_sample_stays_rejected() -> None:
    strict = {"checks": [{"near_truth": {}}], "decide": {"reject": ["near_truth"], "review": []}}
    verdict = verdict_of(said(city=None, lat=48.85, lon=2.35, reasoning=""), judge=judge_of(recipe(verify=strict)))
    assert short(verdict) == ("reject", ("near_truth:too_far",))


def test_no_usable_answer_is_quarantined() -> None:
    failed = Answered(teacher="first", model="m", failure="not_json")
    assert short(verdict_of(failed)) == ("quarantine", ("teachers:not_json",))
    both = verdict_of(failed, Answered(teacher="second", model="m", failure="refused"))
    assert both.reasons == ("teachers:not_json", "teachers:refused")


def test_no_answer_at_all_is_quarantined_with_a_reason() -> None:
    assert short(verdict_of()) == ("quarantine", ("teachers:no_answer",))


def test_a_refused_picture_is_quarantined_with_its_figures() -> None:
    verdict = verdict_of(photo=Photo(sha256=None, refused="truncated", detail="ends after 9 bytes"))
    assert short(verdict) == ("quarantine", ("images:truncated",))
    assert [(check.check, check.reason, check.detail) for check in verdict.checks] == [
        ("images", "truncated", "ends after 9 bytes")
    ]


def test_answers_are_resolved_in_the_worldview() -> None:
    simferopol = Sample(id="s", images=LEIPZIG.images, lat=44.95, lon=34.10, country_code="RU")
    answer = said(country=None, city="Simferopol", lat=44.95, lon=34.10)
    for worldview, code in (("default", "UA"), ("natural_earth", "RU")):
        judge = judge_of(recipe(geo={"worldview": worldview}))
        ((found,),) = (case.answers for case in [judged(answer, judge=judge, sample=simferopol)])
        assert (found.country_code, found.country_correct) == (code, True)


def test_a_stated_place_that_no_check_measured_goes_to_review() -> None:
    unmeasured = {"checks": ["no_leak"], "decide": {"reject": ["no_leak"], "review": []}}
    verdict = verdict_of(said(), judge=judge_of(recipe(verify=unmeasured)))
    assert short(verdict) == ("review", ("near_truth:not_measured",))
    assert [(check.check, check.outcome) for check in verdict.checks] == [
        ("no_leak", "pass"),
        ("near_truth", "abstain"),
    ]


def test_a_stated_place_that_could_not_be_measured_goes_to_review_under_the_checks_own_reason() -> None:
    nowhere = said(city=None, lat=None, lon=None, country=None)
    verdict = verdict_of(nowhere)
    assert short(verdict) == ("review", ("near_truth:no_place",))
    assert len(verdict.checks) == 1, "the finding stands among the checks once"
    told = replace(said(), saw_truth="place")
    assert verdict_of(told).reasons == ("near_truth:saw_truth",)


def test_a_decider_cannot_accept_over_a_failed_measurement() -> None:
    def lenient(checks: Sequence[CheckResult], _features: Mapping[str, float], _model: Model | None) -> Verdict:
        return Verdict(decision="accept", reasons=(), checks=tuple(checks))

    judge = replace(judge_of(recipe()), decider=Decider(decide=lenient))
    assert short(verdict_of(said(lat=48.85, lon=2.35, city=None), judge=judge)) == ("review", ("near_truth:too_far",))


LAPTOP: dict[str, Any] = {
    "checks": [{"localizable": {}}, {"near_truth": {}}, "teachers_agree", "grounded", "no_leak"],
    "decide": {
        "reject": ["localizable", "near_truth", "no_leak"],
        "review": ["teachers_agree"],
        "review_abstained": [],
    },
}
"""The rules of a single teacher: most checks abstain, and no abstention counts."""


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"city": "Qxzvth", "lat": None, "lon": None}, "near_truth:place_unknown"),
        ({"city": "Not visible", "country": None, "lat": None, "lon": None}, "near_truth:place_unknown"),
        ({"city": None, "country": None, "lat": None, "lon": None}, "near_truth:no_place"),
        ({"unreadable": ["coordinates"]}, "near_truth:unreadable"),
        ({"unreadable": ["confidence"], "confidence": None}, "localizable:unreadable"),
        ({"unreadable": ["localizable"]}, "localizable:unreadable"),
    ],
)
def test_what_nothing_could_judge_is_never_accepted_whatever_the_profile(changes: dict[str, Any], reason: str) -> None:
    laptop = judge_of(recipe(verify=LAPTOP))
    assert verdict_of(said(confidence=0.9), judge=laptop).decision == "accept"
    assert short(verdict_of(said(**{"confidence": 0.9, **changes}), judge=laptop)) == ("review", (reason,))


def test_two_unknown_cities_with_one_region_far_away_are_rejected_for_their_region() -> None:
    answer: dict[str, Any] = {"city": "Qxzvth", "region": "Bavaria", "lat": None, "lon": None, "confidence": 0.4}
    verdict = verdict_of(said(**answer), said("second", **answer), judge=judge_of(recipe(verify=LAPTOP)))
    assert short(verdict) == ("reject", ("near_truth:too_far",))


def test_a_doubtful_truth_goes_to_people_and_not_to_the_bin() -> None:
    sure: dict[str, Any] = {"lat": 51.05, "lon": 13.74, "city": "Dresden", "confidence": 0.9}
    verdict = verdict_of(said(**sure), said("second", **sure), judge=judge_of(recipe(verify=LAPTOP)))
    assert short(verdict) == ("review", ("near_truth:suspected_wrong_truth",))
    assert len(verdict.checks) == 5, "the finding stands among the checks once"


@pytest.mark.parametrize("reason", ["unreadable", "suspected_wrong_truth"])
def test_no_decider_accepts_over_a_doubt_in_any_family(reason: str) -> None:
    checks = (CheckResult(check="localizable", outcome="abstain", reason=reason),)
    accepts = Decider(decide=lambda found, *_: Verdict(decision="accept", reasons=(), checks=tuple(found)))
    judge = replace(family(conversation("Where?")), decider=accepts)
    (case,) = located_cases([(LEIPZIG, AnsweredSample(photos=(PHOTO,), answers=(said(),)))], judge)
    verdict = decide(case, checks, judge, None).verdict
    assert verdict is not None
    assert short(verdict) == ("review", (f"localizable:{reason}",))


def family(*rows: Mapping[str, Any], **changes: Any) -> Judge:
    """A family that states no place and makes these rows of any sample; no teacher is asked."""
    generator = Generator(name="mine", version="1", row=ROW, record=lambda _case: rows)
    return Judge(generator=replace(generator, **changes), asks=False)


def conversation(question: str, answer: str = "Leipzig, Germany") -> dict[str, Any]:
    turns = message("system", "You look."), message("user", None, question), message("assistant", answer)
    return {"messages": list(turns)}


def test_a_row_whose_messages_tell_the_truth_before_the_answer_goes_to_review() -> None:
    verdict = verdict_of(judge=family(conversation("Where?"), conversation("A street in Leipzig. Where?")))
    assert short(verdict) == ("review", ("row:tells_the_truth",))
    assert verdict.checks[-1].detail == "city Leipzig"
    assert verdict_of(judge=family(conversation("A street in Europe. Where?"))).decision == "accept"


def test_a_row_whose_messages_do_not_show_its_pictures_goes_to_review() -> None:
    blind = {"messages": [message("user", "Where?"), message("assistant", "Leipzig, Germany")]}
    verdict = verdict_of(judge=family(conversation("Where?"), blind))
    assert short(verdict) == ("review", ("row:unsound_messages",))
    assert verdict.checks[-1].detail == "a row shows 0 pictures in its messages and has 1"
    assert verdict.unreleasable == "unsound_messages"
    withheld = replace(LEIPZIG, images=(replace(LEIPZIG.images[0], embed=False),))
    assert verdict_of(judge=family(blind), sample=withheld).decision == "accept"
    assert verdict_of(judge=family({"messages": []})).reasons == ("row:unsound_messages",)


def test_a_family_may_tell_what_it_declares() -> None:
    told = conversation("Somewhere in Germany. Where?")
    assert verdict_of(judge=family(told)).reasons == ("row:tells_the_truth",)
    declared = family(told, row=replace(ROW, truth_in_messages="country"))
    assert verdict_of(judge=declared).decision == "accept"


def test_without_verify_what_decodes_is_accepted() -> None:
    judge = family(conversation("Where?"))
    assert short(verdict_of(judge=judge)) == ("accept", ())
    assert verdict_of(judge=judge, photo=Photo(sha256=None, refused="corrupt")).decision == "quarantine"


def at_once(*rows: Mapping[str, Any]) -> Verdict:
    """The verdict of a sample of which a family that makes its rows all at once made these."""
    judge = family(record=None)
    (case,) = located_cases([(LEIPZIG, AnsweredSample(photos=(PHOTO,)))], judge)
    verdict = decide(case, examine(case, judge), judge, None, rows).verdict
    assert verdict is not None
    return verdict


def test_rows_that_are_made_at_once_pass_the_same_gates() -> None:
    assert short(at_once(conversation("Where?"))) == ("accept", ())
    assert short(at_once(conversation("In Leipzig?"))) == ("review", ("row:tells_the_truth",))
    assert short(at_once()) == SILENT


def test_what_keeps_a_row_from_being_made_is_noted_whatever_was_decided() -> None:
    strict = {"checks": [{"near_truth": {}}], "decide": {"reject": ["near_truth"], "review": []}}
    rejected = verdict_of(said(city=None, lat=48.85, lon=2.35, reasoning=""), judge=judge_of(recipe(verify=strict)))
    assert (rejected.decision, rejected.unreleasable) == ("reject", "nothing_to_release")
    assert verdict_of(judge=family(conversation("In Leipzig?"))).unreleasable == "tells_the_truth"
    assert verdict_of(judge=family(conversation("Where?"))).unreleasable is None


def test_an_answer_that_is_far_does_not_speak_for_the_sample() -> None:
    near_one = {"checks": [{"near_truth": {"radius_km": 25, "teachers": "any"}}], "decide": LENIENT["decide"]}
    judge = judge_of(recipe(verify=near_one, generator={"name": "mp16_reason", "answer": "first"}))
    far = said(city="Munich", lat=48.14, lon=11.58)
    case = judged(far, said("second"), judge=judge)
    assert [found.near for found in case.answers] == [False, True]
    assert [found.answered.teacher for found in case.measured] == ["second"]
    assert judge.generator.record is not None
    assert judge.generator.record(case)[0]["answer"]["teacher"] == "second"


def test_where_no_answer_is_near_all_may_speak() -> None:
    far = said(city="Munich", lat=48.14, lon=11.58)
    assert len(judged(far, replace(far, teacher="second")).measured) == 2


def test_features_see_what_was_measured() -> None:
    (case,) = located_cases([(LEIPZIG, AnsweredSample(photos=(PHOTO,), answers=(said(),)))], judge_of(recipe()))
    assert [found.near for found in case.answers] == [True]


def test_messages_that_cannot_be_read_are_a_fault_of_the_family() -> None:
    with pytest.raises(PluginFault, match=r"`mine` failed in the `messages` of a row on sample `s`: KeyError"):
        verdict_of(judge=family({"id": "s"}))


def test_a_family_that_raises_is_named_with_the_sample() -> None:
    def broken(_case: Case) -> Sequence[Mapping[str, Any]]:
        raise KeyError("clue")

    with pytest.raises(PluginFault, match=r"generator `mine` failed in `record` on sample `s`: KeyError"):
        verdict_of(judge=family(record=broken))


@pytest.fixture
def by_confidence() -> Iterator[str]:
    """A decider that rejects what is less sure than the mean of the whole set."""

    @register("decider", "by_confidence")
    def by_confidence(*, margin: float = 0.0) -> Decider:
        def features(case: Case, checks: Sequence[CheckResult]) -> Mapping[str, float]:
            place = case.measured[0].answered.place
            return {"sure": (place.confidence if place else None) or 0.0, "checks": float(len(checks))}

        def decide(checks: Sequence[CheckResult], found: Mapping[str, float], model: Model | None) -> Verdict:
            assert model is not None
            fine = found["sure"] >= model["mean"] - margin
            return Verdict(
                decision="accept" if fine else "reject", reasons=() if fine else ("mine:unsure",), checks=tuple(checks)
            )

        return Decider(decide=decide, features=features, fit=lambda frame: {"mean": frame["sure"].mean()})

    yield "by_confidence"
    registry._PLUGINS.pop(("decider", "by_confidence"))


def test_a_decider_that_fits_is_given_features_and_the_model(by_confidence: str) -> None:
    judge = judge_of(recipe(verify={"checks": [NEAR], "decide": {"by": by_confidence, "margin": 0.1}}))
    found = AnsweredSample(photos=(PHOTO,), answers=(said(confidence=0.5),))
    (case,) = located_cases([(LEIPZIG, found)], judge)
    checks = examine(case, judge)
    assert features_of(case, checks, judge) == {"sure": 0.5, "checks": 1.0}
    verdicts = [decide(case, checks, judge, {"mean": mean}).verdict for mean in (0.6, 0.61)]
    assert [verdict.decision for verdict in verdicts if verdict] == ["accept", "reject"]


def test_features_that_raise_are_a_fault_of_the_decider() -> None:
    def broken(case: Case, checks: Sequence[CheckResult]) -> Mapping[str, float]:
        raise IndexError("no answer")

    judge = replace(judge_of(recipe()), decider=Decider(decide=lambda *_: None, features=broken), decider_name="mine")  # type: ignore[arg-type]
    with pytest.raises(PluginFault, match=r"decider `mine` failed on sample `s`: IndexError"):
        verdict_of(said(), judge=judge)


def test_the_combined_answer_stands_apart_from_the_votes() -> None:
    judge = replace(said("judge"), combined=True)
    case = judged(said(), judge)
    assert [found.answered.teacher for found in case.answers] == ["first"]
    assert case.combined is not None and case.combined.answered.teacher == "judge"
    assert [found.answered.teacher for found in case.given] == ["first", "judge"]
    assert case.combined.distance_km == pytest.approx(0.22, abs=0.05)


def test_a_failed_combined_answer_does_not_save_a_sample_without_any_other() -> None:
    failed = Answered(teacher="first", model="m", failure="refused")
    assert verdict_of(failed, replace(said("judge"), combined=True)).reasons == ("teachers:refused",)


def test_clues_survive_into_the_row() -> None:
    answer = said(clues=[{"text": "a board", "kind": "signage", "supports": "Germany"}])
    assert answer.place is not None and answer.place.clues == (
        Clue(text="a board", kind="signage", supports="Germany"),
    )
    assert rows_of(answer)[0]["clues"] == [{"kind": "signage", "text": "a board", "supports": "Germany"}]
