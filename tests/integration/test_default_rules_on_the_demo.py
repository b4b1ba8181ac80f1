"""The default rules on the demo's rendered scenes and made answers, as `tests/acceptance/test_default_rules.py` asks of
real photos. The second teacher is terse, and a third of the answers are wrong on purpose."""

from __future__ import annotations

from pathlib import Path

import pytest

from schemas import Case
from tests.recorded import BLIND, SAME_PLACE_KM, cases, is_right, swapped, verdict

DEMO = Path(__file__).parents[2] / "recipes" / "demo"


@pytest.fixture(scope="module")
def scenes() -> dict[str, Case]:
    return cases(DEMO / "scenes.csv", [DEMO / "first.jsonl", DEMO / "second.jsonl"])


def test_most_right_rows_are_accepted_and_none_that_is_wrong(scenes: dict[str, Case]) -> None:
    accepted = [case for case in scenes.values() if verdict(case, BLIND).decision == "accept"]
    print(f"{len(accepted)} of {len(scenes)} accepted, {sum(map(is_right, scenes.values()))} are right")
    assert len(accepted) >= 0.6 * len(scenes)
    assert [case.sample.id for case in accepted if not is_right(case)] == ["s18-kehl-border"], (
        "a bridge between two countries"
    )


def test_every_swapped_answer_is_caught(scenes: dict[str, Case]) -> None:
    through = [
        case for case, away in swapped(scenes) if away > SAME_PLACE_KM and verdict(case, BLIND).decision == "accept"
    ]
    assert through == []
