"""A whole shard judged: what is quarantined, and what is accepted but says nothing that could be released."""

from __future__ import annotations

from typing import Any

import pytest

from factory.recipe.model import VerifyBlock
from factory.store.part import ShardImage, answer_record
from factory.verify.judge import judge
from release import row_answer
from schemas import Answered, GeoAnswer, Sample, Verdict

LEIPZIG = Sample(id="s", image="s.jpg", lat=51.3397, lon=12.3731, country_code="DE")
VERIFY = VerifyBlock.model_validate(
    {"checks": [{"near_truth": {"radius_km": 25}}], "decide": {"reject": [], "review": []}}
)
NEAR_ONE = VerifyBlock.model_validate(
    {"checks": [{"near_truth": {"radius_km": 25, "teachers": "any"}}], "decide": {"reject": [], "review": []}}
)
SILENT = ("review", ("answers:no_reasoning",))


def said(teacher: str = "first", **changes: Any) -> Answered:
    fields = {"localizable": True, "country": "Germany", "city": "Leipzig", "lat": 51.34, "lon": 12.37}
    answer = GeoAnswer.model_validate({**fields, "reasoning": "The board.", **changes})
    return Answered(teacher=teacher, model="m", request_key=teacher, answer=answer)


def verdict_of(*answers: Answered, verify: VerifyBlock = VERIFY) -> tuple[Verdict, bool]:
    """The verdict, and whether a release finds an answer for the row."""
    image = ShardImage(sha256="0" * 64, phash=0, width=8, height=8, bytes=8)
    located, (verdict,) = judge([LEIPZIG], [image], [answers], [()], verify)
    return verdict, row_answer([answer_record(found) for found in located[0]]) is not None


def test_a_right_answer_with_reasoning_is_accepted() -> None:
    verdict, released = verdict_of(said())
    assert (verdict.decision, verdict.reasons, released) == ("accept", (), True)
    assert [check.check for check in verdict.checks] == ["near_truth"]


@pytest.mark.parametrize("reasoning", ["", " \n "])
def test_an_accepted_sample_without_reasoning_goes_to_review(reasoning: str) -> None:
    verdict, released = verdict_of(said(reasoning=reasoning))
    assert (verdict.decision, verdict.reasons) == SILENT
    found = verdict.checks[-1]
    assert (found.check, found.outcome, found.reason) == ("answers", "fail", "no_reasoning")
    assert not released


def test_reasoning_that_leads_to_another_country_does_not_count() -> None:
    wrong = said("second", country="France", city="Paris", lat=48.85, lon=2.35)
    verdict, released = verdict_of(said(reasoning=""), wrong, verify=NEAR_ONE)
    assert (verdict.decision, verdict.reasons) == SILENT
    assert not released


def test_one_answer_that_speaks_is_enough() -> None:
    verdict, released = verdict_of(said(reasoning=""), said("second"))
    assert (verdict.decision, released) == ("accept", True)


def test_a_rejected_sample_stays_rejected() -> None:
    strict = VerifyBlock.model_validate(
        {"checks": [{"near_truth": {}}], "decide": {"reject": ["near_truth"], "review": []}}
    )
    verdict, _ = verdict_of(said(city=None, lat=48.85, lon=2.35, reasoning=""), verify=strict)
    assert (verdict.decision, verdict.reasons) == ("reject", ("near_truth:too_far",))


def test_no_usable_answer_is_quarantined() -> None:
    failed = Answered(teacher="first", model="m", request_key="k", answer=None, failure="not_json")
    verdict, released = verdict_of(failed)
    assert (verdict.decision, verdict.reasons, released) == ("quarantine", ("teachers:not_json",), False)


def test_answers_are_resolved_in_the_worldview() -> None:
    simferopol = Sample(id="s", image="s.jpg", lat=44.95, lon=34.10, country_code="RU")
    image = ShardImage(sha256="0" * 64, phash=0, width=8, height=8, bytes=8)
    answer = said(country=None, city="Simferopol", lat=44.95, lon=34.10)
    for worldview, code in (("default", "UA"), ("natural_earth", "RU")):
        ((found,),), _ = judge([simferopol], [image], [[answer]], [()], VERIFY, worldview=worldview)
        assert (found.country_code, found.country_correct) == (code, True)
