"""From annotations to decisions: rules, ties, texts, corrected places, privacy, and what holds when answers change."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from annotation.decide import Content, Point, Tools, decisions
from factory.geo import haversine_km
from schemas.settings import ReviewSettings
from tests.annotations import IMAGE, KEY, box, said

NAMES = {"ann": "reviewer-1", "ben": "reviewer-2", "cem": "reviewer-3", "dora": "reviewer-4"}
PLACES = {"Bergen, Norway": Point(60.39, 5.32, 25.0)}
TOOLS = Tools(
    place=PLACES.get, km=lambda a, b: haversine_km(a.lat, a.lon, b.lat, b.lon), pseudonym=lambda name: NAMES[name]
)
NOW = {"s": Content((IMAGE,), frozenset({(KEY,), ("k2",)}))}
THREE = ReviewSettings(overlap=3)


def decided(*annotations: dict[str, Any], rule: ReviewSettings = THREE) -> dict[str, Any]:
    rows = decisions(annotations, NOW, rule, TOOLS)
    return rows[0] if rows else {}


def brief(*annotations: dict[str, Any], rule: ReviewSettings = THREE) -> tuple[Any, ...]:
    row = decided(*annotations, rule=rule)
    return row.get("decision"), row.get("verdict"), row.get("rule")


def test_more_than_half_of_those_asked_decide_even_before_the_last_has_looked() -> None:
    assert brief(said("s", "ann"), said("s", "ben")) == ("accept", "accept", "majority (2 of 2)")
    assert brief(said("s", "ann")) == (None, None, None)
    two = said("s", "ann", "reject"), said("s", "ben", "reject")
    assert brief(*two, said("s", "cem")) == ("reject", "reject", "majority (2 of 3)")


def test_who_decided_is_told_by_pseudonym_and_when() -> None:
    mine, other = said("s", "ann"), said("s", "cem")
    row = decided(mine, said("s", "ben", "reject"), other)
    assert row["by"] == ["reviewer-1", "reviewer-3"]
    assert row["at"] == other["updated_at"]


def test_agree_wants_as_many_as_the_recipe_says() -> None:
    rule = ReviewSettings(overlap=3, rule="agree", agree=3)
    assert brief(said("s", "ann"), said("s", "ben"), rule=rule) == (None, None, None)
    all_three = said("s", "ann"), said("s", "ben"), said("s", "cem")
    assert brief(*all_three, rule=rule) == ("accept", "accept", "agree (3 of 3)")
    with pytest.raises(ValidationError, match="a row has only 1 reviewers: raise overlap"):
        ReviewSettings(overlap=1, rule="agree", agree=2)


def test_a_tie_takes_the_row_out_and_asks_the_lead() -> None:
    row = decided(said("s", "ann"), said("s", "ben", "reject"), said("s", "cem", None, skipped=True))
    assert (row["decision"], row["rule"], row["note"]) == ("review", "tied", "1 accept, 1 reject, 1 without a vote")


def test_the_lead_is_final_under_every_rule() -> None:
    split = said("s", "ann"), said("s", "ben"), said("s", "cem")
    lead = said("s", "dora", "reject", slot="lead")
    for rule in (THREE, ReviewSettings(overlap=3, rule="agree", agree=3), ReviewSettings(overlap=3, rule="lead")):
        assert brief(*split, lead, rule=rule) == ("reject", "reject", "lead (1 of 1)")
        assert decided(*split, lead, rule=rule)["by"] == ["reviewer-4"]


def test_under_lead_decides_what_reviewers_say_is_advice() -> None:
    rule = ReviewSettings(overlap=2, rule="lead")
    assert brief(said("s", "ann"), rule=rule) == (None, None, None)
    assert brief(said("s", "ann"), said("s", "ben"), rule=rule) == ("review", None, "tied")


def test_a_person_has_one_vote_the_last() -> None:
    assert brief(said("s", "ann"), said("s", "ann"), said("s", "ben", "reject")) == (None, None, None)
    changed = said("s", "ann"), said("s", "ann", "reject"), said("s", "ben", "reject")
    assert brief(*changed)[:2] == ("reject", "reject")


def test_skipped_deleted_and_unsure_annotations_are_no_votes() -> None:
    assert brief(said("s", "ann"), said("s", "ben", deleted=True)) == (None, None, None)
    assert brief(said("s", "ann"), said("s", "ben", None, skipped=True)) == (None, None, None)
    unsure = said("s", "ann"), said("s", "ben", flags=["unsure"]), said("s", "cem", "reject")
    assert brief(*unsure) == ("review", None, "tied")


def test_nobody_could_place_it_is_a_rejection_of_its_own() -> None:
    assert brief(said("s", "ann", "not_localizable"), said("s", "ben", "not_localizable"))[:2] == (
        "reject",
        "not_localizable",
    )
    differ = said("s", "ann", "not_localizable"), said("s", "ben", "reject"), said("s", "cem")
    assert brief(*differ) == ("review", None, "tied")


@pytest.mark.parametrize("flag", ["leaks_answer", "truth_wrong"])
def test_an_accept_that_names_a_fault_and_leaves_it_there_is_none(flag: str) -> None:
    flagged = [said("s", name, flags=[flag]) for name in ("ann", "ben")]
    assert brief(*flagged)[:2] == ("reject", "reject")


def test_a_fault_that_was_mended_is_no_fault() -> None:
    mended = [said("s", name, "fix", flags=["leaks_answer"], reasoning="A tram.") for name in ("ann", "ben")]
    assert brief(*mended)[:2] == ("accept", "fix")


def test_the_text_is_the_one_that_most_wrote_and_of_as_many_the_first() -> None:
    mine, yours = said("s", "ann", "fix", reasoning="A tram."), said("s", "ben", "fix", reasoning="A red tram.")
    assert decided(mine, yours)["text"] == "A tram."
    third = said("s", "cem", "fix", reasoning="A red tram.")
    assert decided(mine, yours, third)["text"] == "A red tram."
    rejected = said("s", "ann", "reject"), said("s", "ben", "reject"), said("s", "cem", "fix", reasoning="A tram.")
    assert decided(*rejected)["text"] is None


def test_fix_wins_within_its_side() -> None:
    assert brief(said("s", "ann"), said("s", "ben", "fix", reasoning="A tram."))[:2] == ("accept", "fix")


def test_clues_leave_where_half_of_those_who_judged_them_say_so() -> None:
    one = said("s", "ann", clues=[{"index": 0, "judgement": "wrong"}, {"index": 1, "judgement": "correct"}])
    two = said("s", "ben", clues=[{"index": 0, "judgement": "correct"}, {"index": 1, "judgement": "weak"}])
    three = said("s", "cem", clues=[{"index": 1, "judgement": "correct"}])
    assert decided(one, two, three)["clues"] == [
        {"index": 0, "judgement": "wrong"},
        {"index": 1, "judgement": "correct"},
    ]


def test_where_no_part_can_leave_who_calls_one_wrong_speaks_against_the_row() -> None:
    wrong = [{"index": 2, "judgement": "wrong"}]
    ones = [said("s", "ann", clues=wrong), said("s", "ben", "fix", clues=wrong), said("s", "cem")]
    (row,) = decisions(ones, NOW, THREE, TOOLS, loses=False)
    assert (row["decision"], row["verdict"], row["clues"]) == ("reject", "reject", [])
    assert row["note"] == "a part of it is called wrong, and rows of this family can lose none"
    (kept,) = decisions([said("s", "ann", clues=wrong), *(said("s", who) for who in ("ben", "cem"))], NOW, THREE, TOOLS)
    assert kept["decision"] == "accept"
    weak = [said("s", who, clues=[{"index": 0, "judgement": "weak"}]) for who in ("ann", "ben")]
    (row,) = decisions(weak, NOW, THREE, TOOLS, loses=False)
    assert (row["decision"], row["note"]) == ("accept", None)


def test_a_corrected_place_needs_the_rule_too_and_its_uncertainty_reaches_who_agrees() -> None:
    near = [said("s", name, "fix", lat=60.39 + 0.01 * at, lon=5.32) for at, name in enumerate(("ann", "ben"))]
    row = decided(*near)
    assert (row["decision"], row["lat"], row["lon"]) == ("accept", 60.39, 5.32)
    assert row["uncertainty_km"] == pytest.approx(1.112, abs=0.001)
    assert decided(near[0], said("s", "ben"), said("s", "cem"))["lat"] is None


def test_a_name_is_a_place_with_the_uncertainty_of_its_kind() -> None:
    row = decided(*(said("s", name, "fix", place="Bergen, Norway") for name in ("ann", "ben")))
    assert (row["lat"], row["lon"], row["uncertainty_km"]) == (60.39, 5.32, 25.0)


def test_a_place_that_is_wrong_and_nobody_knows_where_goes_to_the_lead() -> None:
    apart = [said("s", name, "fix", lat=lat, lon=5.0) for name, lat in (("ann", 60.0), ("ben", 40.0))]
    row = decided(*apart)
    assert (row["decision"], row["note"]) == ("review", "people say that the place is wrong, and not where it is")
    unknown = [said("s", name, "fix", place="Nowhereville") for name in ("ann", "ben")]
    assert decided(*unknown)["decision"] == "review"
    lead = said("s", "dora", "fix", slot="lead", lat=40.0, lon=5.0)
    assert (decided(*apart, lead)["decision"], decided(*apart, lead)["lat"]) == ("accept", 40.0)


def test_what_one_person_wants_blurred_is_blurred() -> None:
    row = decided(said("s", "ann"), said("s", "ben"), said("s", "cem", None, skipped=True, boxes=[box()]))
    assert (row["decision"], row["boxes"]) == ("accept", [box()])
    assert decided(said("s", "ann", boxes=[box("evidence")]), said("s", "ben"))["boxes"] == []


def test_privacy_without_a_box_keeps_the_row_out_until_the_lead_decides() -> None:
    people = said("s", "ann"), said("s", "ben"), said("s", "cem", flags=["privacy"])
    assert decided(*people)["decision"] == "review"
    assert decided(said("s", "ann", flags=["privacy"]))["note"] == "flagged for privacy, and nobody drew what to blur"
    assert decided(*people, said("s", "dora", slot="lead"))["decision"] == "accept"


def test_text_and_clues_are_asked_again_when_the_answer_changed_and_the_picture_is_known() -> None:
    old = [
        said("s", name, "fix", reasoning="A tram.", keys=["gone"], lat=60.0, lon=5.0, boxes=[box()])
        for name in ("ann", "ben")
    ]
    row = decided(*old)
    assert (row["decision"], row["verdict"], row["text"]) == (None, None, None)
    assert (row["lat"], row["lon"], row["boxes"]) == (60.0, 5.0, [box()])
    assert decided(*(said("s", name, keys=["gone"]) for name in ("ann", "ben"))) == {}


def test_that_nobody_can_place_it_holds_for_every_answer() -> None:
    old = [said("s", name, "not_localizable", keys=["gone"]) for name in ("ann", "ben")]
    assert brief(*old)[:2] == ("reject", "not_localizable")


def test_another_picture_makes_everything_a_new_question() -> None:
    assert decided(*(said("s", name, images=["b" * 64], boxes=[box()]) for name in ("ann", "ben"))) == {}
    assert decisions([said("other", "ann")], NOW, ReviewSettings(), TOOLS) == []


VOTES = st.lists(
    st.tuples(
        st.sampled_from(sorted(NAMES)),
        st.sampled_from(["accept", "fix", "reject", "not_localizable"]),
        st.lists(st.sampled_from(["privacy", "truth_wrong", "leaks_answer", "unsure"]), max_size=2, unique=True),
        st.sampled_from(["1", "lead"]),
        st.booleans(),
    ),
    max_size=6,
)


@settings(deadline=None, max_examples=200)
@given(VOTES, st.sampled_from(["majority", "agree", "lead"]))
def test_whatever_is_said_an_accept_has_enough_voices_without_an_open_fault(votes: Any, name: Any) -> None:
    rule = ReviewSettings(overlap=3, rule=name, agree=2)
    ones = [
        said("s", who, verdict, flags=flags, slot=slot, skipped=skipped) for who, verdict, flags, slot, skipped in votes
    ]
    row = decided(*ones, rule=rule)
    assert row == decided(*reversed(ones), rule=rule)
    if row.get("decision") == "accept":
        keeps = [
            one
            for one in ones
            if one["verdict"] in ("accept", "fix")
            and not one["skipped"]
            and not {"leaks_answer", "truth_wrong"} & {*one["flags"]}
        ]
        lead = any(one["slot"] == "lead" for one in keeps)
        assert lead or (len({one["reviewer"] for one in keeps}) >= 2 and name != "lead")
        assert lead or not any("privacy" in one["flags"] for one in ones)
