"""From annotations to decisions: rules, ties, texts, corrected places, privacy, and what holds when answers change."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from annotation.decide import Point, Tools, decisions
from annotation.heard import Content
from annotation.privacy import seen_by_lead
from annotation.words import AS_SHOWN, NOT_PRIVATE, REFUSED, UNREAD_MARK
from factory.geo import haversine_km
from factory.store.decided import WITHHELD
from schemas.settings import ReviewSettings
from tests.annotations import IMAGE, KEY, box, said

NAMES = {"ann": "reviewer-1", "ben": "reviewer-2", "cem": "reviewer-3", "dora": "reviewer-4", "eve": "reviewer-5"}
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


def not_private(*seen: dict[str, Any], **more: Any) -> dict[str, Any]:
    """The lead's word that what these say of privacy needs no blur."""
    raw = json.dumps(seen_by_lead(seen))
    return said("s", "dora", None, slot="lead", flags=[NOT_PRIVATE], raw=raw, **more)


def test_privacy_without_a_box_keeps_the_row_out_until_one_is_drawn_or_the_lead_takes_the_flag_back() -> None:
    people = [said("s", "ann"), said("s", "ben"), said("s", "cem", flags=["privacy"])]
    assert decided(*people)["decision"] == "review"
    note = "flagged for privacy by somebody who drew nothing to blur"
    assert decided(said("s", "ann", flags=["privacy"]))["note"] == note
    accepted = [*people, said("s", "dora", slot="lead")]
    assert (decided(*accepted)["decision"], decided(*accepted)["note"]) == ("review", note), "not by an accept"
    assert decided(*accepted, said("s", "cem", flags=["privacy"], boxes=[box()]))["decision"] == "accept"
    assert decided(*people, not_private(*people))["decision"] == "accept", "by the majority"
    assert brief(*accepted, not_private(*people))[:3] == ("accept", "accept", "lead (1 of 1)")
    assert decided(*people, said("s", "dora", "reject", slot="lead"))["decision"] == "reject"
    assert decided(*(said("s", who, "reject", flags=["privacy"]) for who in ("ann", "ben")))["decision"] == "reject"


def test_a_flag_waits_for_a_box_of_who_flagged_it_or_of_the_lead_and_for_nobody_else_s() -> None:
    corner, street = box(x=0.0, y=0.0, width=0.05, height=0.05), box()
    people = [said("s", "ann", boxes=[corner]), said("s", "cem", flags=["privacy"], comment="the street name")]
    row = decided(*people, said("s", "ben"))
    assert (row["decision"], row["boxes"]) == ("review", [corner])
    assert row["flags"] == ["privacy", WITHHELD]
    theirs = decided(*people, said("s", "cem", boxes=[street]), said("s", "ben"))
    assert (theirs["decision"], theirs["boxes"]) == ("accept", [corner, street])
    lead = said("s", "dora", None, slot="lead", boxes=[street])
    assert decided(*people, said("s", "ben"), lead)["decision"] == "accept"
    later = said("s", "eve", flags=["privacy"])
    assert decided(*people, said("s", "ben"), lead, later)["decision"] == "review", "drawn before it was flagged"
    assert decided(*people, said("s", "ben"), said("s", "cem", boxes=[box("evidence")]))["decision"] == "review"


TWINS = {name: Content((IMAGE,), frozenset({(KEY,)})) for name in ("s", "t")} | {
    "other": Content(("b" * 64,), frozenset({(KEY,)})),
    "above": Content((IMAGE, "c" * 64), frozenset({(KEY,)})),
}


def of_twins(*annotations: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Rows by sample, where `s` and `t` have the same picture, and `above` has it beside another one."""
    return {row["id"]: row for row in decisions(annotations, TWINS, THREE, TOOLS)}


def test_what_is_private_of_a_picture_holds_for_every_sample_that_has_it() -> None:
    boxed = of_twins(said("s", "ann", boxes=[box()]))
    assert {name: row["boxes"] for name, row in boxed.items()} == {name: [box()] for name in ("above", "s", "t")}
    flag = said("s", "ann", flags=["privacy"])
    accepted = [said("t", who) for who in ("ben", "cem")]
    flagged = of_twins(flag, *accepted)
    assert {name: row["decision"] for name, row in flagged.items()} == dict.fromkeys(("above", "s", "t"), "review")
    assert all(WITHHELD in row["flags"] for row in flagged.values())
    word = not_private(flag) | {"id": "t"}
    assert {name: row["decision"] for name, row in of_twins(flag, *accepted, word).items()} == {"t": "accept"}
    assert of_twins(flag | {"deleted": True}) == {}


def test_where_a_picture_is_and_that_nobody_could_place_it_holds_for_every_sample_that_has_it() -> None:
    nowhere = of_twins(*(said("s", who, "not_localizable") for who in ("ann", "ben")))
    assert {name: row["decision"] for name, row in nowhere.items()} == {"s": "reject", "t": "reject"}
    moved = of_twins(*(said("s", who, "fix", lat=60.39, lon=5.32) for who in ("ann", "ben")))
    assert {name: (row["decision"], row["lat"]) for name, row in moved.items()} == {
        "s": ("accept", 60.39),
        "t": (None, 60.39),
    }


def test_a_vote_is_about_the_sample_that_was_shown_and_one_s_own_word_about_it_comes_first() -> None:
    assert set(of_twins(said("s", "ann"), said("s", "ben"))) == {"s"}
    later = [said("s", who, "not_localizable", updated_at="2026-12-01") for who in ("ann", "ben")]
    rows = of_twins(said("t", "ann"), said("t", "ben"), *later)
    assert {name: row["decision"] for name, row in rows.items()} == {"s": "reject", "t": "accept"}


def test_what_the_lead_has_not_seen_the_lead_does_not_take_back() -> None:
    people = [said("s", "ann"), said("s", "ben")]
    flag = said("s", "cem", flags=["privacy"])
    word = not_private(*people, flag)
    assert decided(*people, flag, word)["decision"] == "accept"
    later = said("s", "eve", flags=["privacy"])
    assert decided(*people, flag, word, later)["decision"] == "review", "said afterwards"
    early = said("s", "eve", flags=["privacy"], updated_at=flag["updated_at"])
    assert decided(*people, flag, word, early)["decision"] == "review", "said before, and pulled afterwards"
    for raw in ("{", "[]", "{}", '{"seen": 3}', '{"seen": [["cem"], 1]}', '{"seen": [[1, 2]]}'):
        assert decided(*people, flag, word | {"raw": raw})["decision"] == "review"
    assert decided(*people, flag, word | {"slot": "1", "reviewer": "ben"})["decision"] == "review", "no lead's word"


def test_boxes_hold_whatever_the_lead_takes_back() -> None:
    marked = said("s", "ann", flags=["privacy"], boxes=[box()]), said("s", "ben")
    assert decided(*marked, not_private(*marked))["boxes"] == [box()]


def test_a_mark_that_cannot_be_read_withholds_the_picture_until_it_is_mended_or_the_lead_decides() -> None:
    people = [said("s", "ann"), said("s", "ben"), said("s", "cem", None, flags=[REFUSED, UNREAD_MARK], boxes=[box()])]
    row = decided(*people)
    assert (row["decision"], row["rule"], row["boxes"]) == ("review", "tied", [box()])
    assert row["note"] == "something may be marked as private, and the mark cannot be read"
    assert decided(*people, said("s", "dora", slot="lead"))["decision"] == "review"
    assert decided(*people, not_private(*people))["decision"] == "accept"
    assert decided(*people[:2], people[2] | {"deleted": True})["decision"] == "accept"
    old = people[2] | {"keys": ["gone"]}
    assert decided(*people[:2], old)["decision"] == "review", "whatever answer was shown with the picture"


def test_a_refused_word_takes_back_what_its_person_said_before_and_is_no_look() -> None:
    refused = said("s", "ben", None, flags=[REFUSED])
    assert brief(said("s", "ann"), said("s", "ben")) == ("accept", "accept", "majority (2 of 2)")
    assert brief(said("s", "ann"), said("s", "ben"), refused | {"updated_at": "2026-12-01"}) == (None, None, None)
    assert brief(said("s", "ann"), refused, said("s", "ben"))[:2] == ("accept", "accept"), "mended, or said anew"
    two = ReviewSettings(overlap=2)
    assert decided(said("s", "ann"), said("s", "ben", "reject"), refused | {"updated_at": "3"}, rule=two) == {}
    corrected = [said("s", name, "fix", lat=60.39, lon=5.32) for name in ("ann", "ben")]
    assert decided(*corrected)["lat"] == 60.39
    assert decided(*corrected, refused | {"updated_at": "3", "keys": ["gone"]}).get("lat") is None


def test_a_fix_that_mends_nothing_is_no_vote() -> None:
    """Something is wrong, and nobody said what."""
    empty = [said("s", name, "fix", clues=[{"index": 0, "judgement": "weak"}]) for name in ("ann", "ben", "cem")]
    row = decided(*empty)
    assert (row["decision"], row["rule"], row["note"]) == ("review", "tied", "3 fix without an edit")
    assert brief(said("s", "ann"), said("s", "ben"), empty[2])[:2] == ("accept", "accept")
    mixed = decided(said("s", "ann"), empty[1], said("s", "cem", None, skipped=True))
    assert mixed["note"] == "1 accept, 1 fix without an edit, 1 without a vote"
    assert brief(said("s", "ann"), said("s", "dora", "fix", slot="lead")) == (None, None, None)
    shown = [said("s", name, "fix", boxes=[box("evidence")]) for name in ("ann", "ben")]
    assert brief(*shown) == (None, None, None)


@pytest.mark.parametrize(
    "edit",
    [
        {"reasoning": "A tram."},
        {"clues": [{"index": 0, "judgement": "not_visible"}]},
        {"lat": 60.0, "lon": 5.0},
        {"place": "Bergen, Norway"},
        {"boxes": [box()]},
    ],
)
def test_whatever_a_fix_mends_it_keeps(edit: dict[str, Any]) -> None:
    assert brief(*(said("s", name, "fix", **edit) for name in ("ann", "ben")))[:2] == ("accept", "fix")


def test_a_lead_decides_the_verdict_and_keeps_what_reviewers_agreed() -> None:
    wrong = [{"index": 0, "judgement": "wrong"}]
    edit: dict[str, Any] = {"reasoning": "A tram.", "lat": 60.0, "lon": 5.0, "clues": wrong}
    people = [*(said("s", name, "fix", **edit) for name in ("ann", "ben")), said("s", "cem", "reject")]
    lead = said("s", "dora", slot="lead")
    agreed = decided(*people)
    row = decided(*people, lead)
    assert (row["decision"], row["verdict"], row["rule"], row["by"]) == (
        "accept",
        "accept",
        "lead (1 of 1)",
        ["reviewer-4"],
    )
    for name in ("lat", "lon", "uncertainty_km", "text", "clues"):
        assert row[name] == agreed[name] and row[name] is not None, name
    rejected = decided(*people, lead | {"verdict": "reject"})
    assert (rejected["decision"], rejected["text"], rejected["clues"]) == ("reject", None, [])


def test_what_the_lead_says_of_place_text_or_a_clue_stands_before_what_reviewers_say() -> None:
    judged = [{"index": 0, "judgement": "wrong"}, {"index": 1, "judgement": "weak"}]
    edit: dict[str, Any] = {"reasoning": "A tram.", "lat": 60.0, "lon": 5.0, "clues": judged}
    people = [said("s", name, "fix", **edit) for name in ("ann", "ben")]
    right = [{"index": 0, "judgement": "correct"}]
    lead = said("s", "dora", "fix", slot="lead", reasoning="A bus.", lat=10.0, lon=20.0, clues=right)
    row = decided(*people, lead)
    assert (row["text"], row["lat"], row["lon"]) == ("A bus.", 10.0, 20.0)
    assert row["clues"] == [*right, judged[1]]
    shown = decided(*people, said("s", "dora", slot="lead", flags=[AS_SHOWN]))
    assert (shown["decision"], shown["text"], shown["lat"], shown["clues"]) == ("accept", None, None, [])
    unplaced = said("s", "dora", slot="lead", flags=["truth_wrong"], place="Nowhereville")
    assert decided(*people, unplaced)["decision"] == "review", "wrong, and not where"


def test_a_lead_may_accept_where_reviewers_differ_about_the_place() -> None:
    apart = [said("s", name, "fix", lat=lat, lon=5.0) for name, lat in (("ann", 60.0), ("ben", 40.0))]
    row = decided(*apart, said("s", "dora", slot="lead"))
    assert (row["decision"], row["lat"]) == ("accept", None)


def test_an_edit_of_another_answer_is_not_laid_over_the_one_that_is_kept() -> None:
    people = [said("s", "ann", "fix", reasoning="A tram.", clues=[{"index": 0, "judgement": "wrong"}])]
    people += [said("s", name, keys=["k2"]) for name in ("ben", "cem")]
    row = decided(*people)
    assert (row["keys"], row["text"], row["clues"]) == (["k2"], None, [])
    against = said("s", "cem", "reject", keys=["k2"])
    row = decided(people[0], said("s", "ben"), against)
    assert (row["decision"], row["keys"], row["text"]) == ("accept", [KEY], "A tram."), "that of who keeps it"


def test_who_corrected_the_place_and_says_nothing_of_it_beside_another_answer_leaves_it_corrected() -> None:
    """The corrected place is what the screen shows the second time."""
    old = [said("s", name, "fix", keys=["gone"], lat=60.0, lon=5.0) for name in ("ann", "ben")]
    new = [said("s", name) for name in ("ann", "ben")]
    row = decided(*old, *new)
    assert (row["decision"], row["lat"], row["lon"]) == ("accept", 60.0, 5.0)
    moved_again = [said("s", name, "fix", lat=10.0, lon=5.0) for name in ("ann", "ben")]
    assert decided(*old, *moved_again)["lat"] == 10.0
    unsure = [said("s", name, "fix", lat=10.0, lon=5.0, flags=["unsure"]) for name in ("ann", "ben")]
    assert decided(*old, *unsure).get("lat") is None
    same = [said("s", name, keys=["gone"]) for name in ("ann", "ben")]
    assert decided(*old, *same, *new)["lat"] is None, "taken back where it was said"


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
            if one["verdict"] == "accept"
            and not one["skipped"]
            and not {"leaks_answer", "truth_wrong"} & {*one["flags"]}
        ]
        lead = any(one["slot"] == "lead" for one in keeps)
        assert lead or (len({one["reviewer"] for one in keeps}) >= 2 and name != "lead")
        assert not any("privacy" in one["flags"] for one in ones), "no accept takes a flag back"
