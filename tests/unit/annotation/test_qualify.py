"""A qualifying round on gold: who passed, whose word counts, what stays of the others' words."""

from __future__ import annotations

import pytest

from annotation.qualify import Round, barred, muted, open_slots, rounds
from annotation.words import REFUSED, UNREAD_MARK
from schemas.settings import ReviewSettings
from tests.annotations import box, said
from tests.unit.annotation.test_decide import decided

EXPECTED = {(None, "g1:1"): "accept", (None, "g2:1"): "reject", (None, "g1:2"): "accept", ("older", "g3:1"): "reject"}


def gold(sample: str, who: str, verdict: str | None = "accept", **more: object) -> dict[str, object]:
    return said(sample, who, verdict, kind="gold", **more)


def test_the_last_word_counts_a_fix_keeps_and_a_skipped_task_is_not_right() -> None:
    rows = [
        gold("g1", "ann", "reject"),
        gold("g1", "ann", "fix", reasoning="A tram."),
        gold("g2", "ann", "reject"),
        gold("g1", "ben", slot="2"),
        gold("g2", "cem", None, skipped=True),
        gold("g1", "cem", deleted=True),
        gold("g1", "dora", "reject", slot="lead"),
        said("s", "eve"),
    ]
    assert rounds(rows, EXPECTED) == {"ann": Round(2, 2), "ben": Round(1, 1), "cem": Round(0, 1), "eve": Round(0, 0)}


def test_on_gold_a_fix_that_mends_nothing_is_not_right_and_a_refused_word_leaves_none() -> None:
    rows = [
        gold("g1", "ann", "fix"),
        gold("g1", "ben", slot="2"),
        gold("g1", "ben", None, slot="2", flags=[REFUSED]),
        gold("g2", "ben", "reject"),
    ]
    assert rounds(rows, EXPECTED) == {"ann": Round(0, 1), "ben": Round(1, 1)}


def test_gold_of_an_earlier_build_counts_by_what_was_right_there() -> None:
    rows = [gold("elsewhere", "ann", "reject", external="g3:1", taken_from="older")]
    assert rounds(rows, EXPECTED) == {"ann": Round(1, 1)}
    assert rounds([row | {"taken_from": "gone"} for row in rows], EXPECTED) == {"ann": Round(0, 0)}


@pytest.mark.parametrize(("right", "tasks", "passes"), [(4, 5, True), (3, 5, False), (0, 0, False), (8, 10, True)])
def test_who_passes(right: int, tasks: int, passes: bool) -> None:
    assert Round(right, tasks).passes(0.8) is passes and Round(right, tasks).passes(None)


def test_who_did_not_pass_is_barred_until_a_lead_vouches() -> None:
    found = {"ann": Round(2, 2), "ben": Round(1, 2), "eve": Round(0, 0)}
    assert barred(found, 0.8, ()) == {"ben": Round(1, 2), "eve": Round(0, 0)}
    assert barred(found, 0.8, ["ben"]) == {"eve": Round(0, 0)} and barred(found, None, ()) == {}


def test_a_slot_is_open_where_somebody_works_whose_word_counts() -> None:
    rows = [gold("g1", "ann"), gold("g1", "ben", slot="2"), said("s", "ann", slot="lead"), gold("g1", "ann", slot="3")]
    assert open_slots([*rows[:3], rows[3] | {"deleted": True}], {"ben"}) == {"1"}


def test_a_row_that_only_barred_people_saw_waits_for_the_lead_and_is_blurred() -> None:
    """A vote that does not count must not be missed: the row is neither accepted nor forgotten."""
    rule = ReviewSettings(overlap=1)
    seen = said("s", "ann", flags=["truth_wrong"], boxes=[box()], lat=1.0, lon=2.0, reasoning="x", clues=[])
    assert decided(seen, rule=rule)["decision"] == "accept"
    row = decided(muted(seen), rule=rule)
    assert (row["decision"], row["rule"], row["note"]) == ("review", "tied", "1 without a vote")
    assert (row["lat"], row["text"], [one["kind"] for one in row["boxes"]]) == (None, None, ["privacy"])
    assert decided(muted(seen), said("s", "dora", slot="lead"), rule=rule)["decision"] == "accept"
    refused = said("s", "ann", None, flags=[REFUSED, UNREAD_MARK])
    assert muted(refused)["flags"] == [REFUSED, UNREAD_MARK], "whoever says it, a mark that cannot be read withholds"
    others = [said("s", who, "reject") for who in ("ben", "cem")]
    assert decided(muted(seen), *others)["decision"] == "reject", "of three, two decide"
