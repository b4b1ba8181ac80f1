"""The default rules on two sets of real photos: what they accept without a look at the truth, and what with it.

`tests/integration/test_default_rules_on_the_demo.py` asks the same of rendered scenes.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from factory.verify import grounded, near_truth, teachers_agree
from schemas import Case
from tests.recorded import BLIND, SAME_PLACE_KM, cases, is_right, swapped, verdict

SHARED = Path(os.environ.get("FACTORY_SHARED", Path(__file__).parents[2].parent / "shared"))
SETS = ("photos", "photos2")
WHOLE_EARTH_KM = 20_040.0
"""A radius within which every two places agree."""

pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(
        not all((SHARED / name / "responses").is_dir() for name in SETS),
        reason="real answers are missing: set FACTORY_SHARED",
    ),
]


@pytest.fixture(scope="module", params=SETS)
def photos(request: pytest.FixtureRequest) -> dict[str, Case]:
    folder = SHARED / request.param
    return cases(folder / "photos.csv", [folder / "responses" / f"teacher_{name}.jsonl" for name in "ab"])


def test_most_right_rows_are_accepted_and_hardly_a_wrong_one(photos: dict[str, Case]) -> None:
    accepted = [case for case in photos.values() if verdict(case, BLIND).decision == "accept"]
    right = sum(map(is_right, accepted))
    print(f"{len(accepted)} of {len(photos)} accepted, {right} right")
    assert len(accepted) >= 0.6 * len(photos)
    assert right >= 0.98 * len(accepted)


def test_the_truth_takes_nothing_away_that_is_right(photos: dict[str, Case]) -> None:
    blind = {name for name, case in photos.items() if verdict(case, BLIND).decision == "accept"}
    checks = ("localizable", "near_truth", *BLIND[1:])
    accepted = {name for name, case in photos.items() if verdict(case, checks).decision == "accept"}
    assert accepted == {name for name in blind if is_right(photos[name])}


def test_every_swapped_answer_is_caught(photos: dict[str, Case]) -> None:
    """An answer about another place always; one about another photo of the same neighbourhood, where the place is right
    and only the words can tell, in 15 of 16. Of all pairs the words alone let less than one in 100 through."""
    through, pairs = {True: 0, False: 0}, {True: 0, False: 0}
    alike = 0
    for case, away in swapped(photos):
        close = away <= SAME_PLACE_KM
        pairs[close] += 1
        if teachers_agree(case, radius_km=WHOLE_EARTH_KM).outcome == "pass" and grounded(case).outcome == "pass":
            alike += 1
            through[close] += verdict(case, BLIND).decision == "accept"
    print(f"far apart {through[False]} of {pairs[False]}, close {through[True]} of {pairs[True]}, by words {alike}")
    assert through[False] == 0
    assert through[True] < pairs[True] / 16
    assert alike < sum(pairs.values()) / 100


def test_a_wrong_truth_that_both_teachers_contradict_goes_to_people() -> None:
    """The picture shows the rim of Canyonlands; its GPS says Moab, 30.8 km away."""
    folder = SHARED / "photos"
    found = cases(folder / "photos.csv", [folder / "responses" / f"teacher_{name}.jsonl" for name in "ab"])["p043"]
    assert near_truth(found).reason == "suspected_wrong_truth"
    decided = verdict(found, ("localizable", "near_truth", *BLIND[1:]))
    assert (decided.decision, decided.reasons) == ("review", ("near_truth:suspected_wrong_truth",))
