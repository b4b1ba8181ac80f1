"""What is asked of whom."""

from __future__ import annotations

from collections import Counter
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotation.tasks import EXTERNAL, SHOWN, Made, Wanted, asked, shown_digest, slots_of, task_body

MADE = Made(data={"image": "/data/upload/1/x.jpg"}, results=[], keys=("k",), clues=("a",), reasoning="r")


def wanted(name: str = "p1", *, slot: str = "", kind: str = "dispute", uncertainty: float = 0.25) -> Wanted:
    return Wanted(id=name, shard=0, slot=slot, kind=kind, uncertainty=uncertainty)  # type: ignore[arg-type]


def test_every_combination_of_reviewers_gets_its_share() -> None:
    drawn = Counter(slots_of(f"p{number}", slots="1234", overlap=2) for number in range(3_000))
    assert set(drawn) == set(combinations("1234", 2))
    assert min(drawn.values()) > 420


@given(st.text(min_size=1), st.integers(1, 6), st.integers(1, 6), st.lists(st.sampled_from("123456"), unique=True))
def test_a_sample_keeps_the_reviewers_it_has(name: str, reviewers: int, overlap: int, sent: list[str]) -> None:
    known = "123456"[:reviewers]
    slots = slots_of(name, slots=known, overlap=min(overlap, reviewers), sent=sent)
    assert set(sent) <= set(slots) and len(slots) == len(set(slots))
    assert len(slots) >= min(overlap, reviewers)
    assert slots == slots_of(name, slots=known, overlap=min(overlap, reviewers), sent=slots)


def test_a_slot_of_tasks_that_somebody_else_noted_may_be_no_number() -> None:
    assert slots_of("p1", slots="12", overlap=3, sent=["lead", "10", "9"]) == ("9", "10", "lead")


def test_gold_goes_to_everybody() -> None:
    ones = [wanted("p1"), wanted("g1", kind="gold")]
    found = [one.external for one in asked(ones, reviewers=3, overlap=1)]
    assert [name for name in found if name.startswith("g1")] == ["g1:1", "g1:2", "g1:3"]
    assert len(found) == 4


def test_who_has_not_qualified_gets_gold_alone_and_keeps_what_was_sent() -> None:
    ones = [*(wanted(f"p{number}") for number in range(20)), wanted("g1", kind="gold")]
    found = [one.external for one in asked(ones, reviewers=3, overlap=1, sent={"p7": ["3"]}, qualified={"1", "2"})]
    assert [name for name in found if name.endswith(":3")] == ["p7:3", "g1:3"]
    assert len(found) == 23 and {name.partition(":")[2] for name in found} == {"1", "2", "3"}


def test_the_least_sure_is_shown_first_and_nothing_tells_why_it_was_sent() -> None:
    body = task_body(Wanted(id="p1", shard=0, slot="2", kind="gold", uncertainty=0.9, expected="reject"), MADE, "v")
    assert body["data"] == {"image": "/data/upload/1/x.jpg", EXTERNAL: "p1:2", SHOWN: shown_digest(MADE)}
    assert body["predictions"] == [{"model_version": "v", "score": pytest.approx(0.1), "result": []}]
    assert "gold" not in str(body) and "reject" not in str(body)
