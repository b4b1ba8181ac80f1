"""Was the player right enough for the reasoning to be worth learning? NaviClues' filter, recovered from its data."""

from __future__ import annotations

import math
from typing import Annotated, Final

from pydantic import Field

from factory.generators.naviclues import told_number
from factory.plugins.registry import register
from schemas import Case, CheckResult

MOST_POINTS: Final = 5_000
SCALE_KM: Final = 1_492.7
"""Of the game's score on a map of the world: `5000 * exp(-km / 1492.7)` gives 1,119 of the 1,120 released scores."""
Points = Annotated[int, Field(ge=0, le=MOST_POINTS)]


@register("check", "round_score")
def round_score(case: Case, *, min_points: Points = 3_400) -> CheckResult:
    """The player's guess scored enough.

    Args:
        case: the round; its texts `points` and `distance_km` are read.
        min_points: 3,400 in NaviClues: of the 390 rounds whose data is published, all from 3,406 points were kept and
            none up to 3,394. On the map of the world it is a guess within 576 km.

    Where the table has a distance and no points, these are computed. Fails as `low_score`; the score is the points.
    Abstains where neither is known (`no_score`).
    """
    points, distance = (_number(case, name) for name in ("points", "distance_km"))
    if points is None and distance is not None:
        points = expected_points(distance)
    if points is None:
        return CheckResult(check="round_score", outcome="abstain", reason="no_score", threshold=float(min_points))
    good = points >= min_points
    return CheckResult(
        check="round_score",
        outcome="pass" if good else "fail",
        reason="good_score" if good else "low_score",
        score=points,
        threshold=float(min_points),
        detail=f"the guess scored {points:,.0f} points",
    )


@register("check", "points_fit_distance")
def points_fit_distance(case: Case, *, max_off: Annotated[float, Field(ge=0)] = 2.0) -> CheckResult:
    """The points are those of the distance, else one of them, and maybe the place, is another round's.

    Args:
        case: the round; its texts `points` and `distance_km` are read.
        max_off: points by which they may differ: distances are rounded to a kilometre, and 1,119 of the 1,120 released
            rows differ by less than 1; one by 163.

    Only for a game on the map of the world: smaller maps score more strictly. Fails as `points_differ`; the score is
    the difference. Abstains where either is missing (`no_score`).
    """
    points, distance = (_number(case, name) for name in ("points", "distance_km"))
    if points is None or distance is None:
        return CheckResult(check="points_fit_distance", outcome="abstain", reason="no_score", threshold=max_off)
    expected = expected_points(distance)
    off = abs(points - expected)
    return CheckResult(
        check="points_fit_distance",
        outcome="pass" if off <= max_off else "fail",
        reason="fits" if off <= max_off else "points_differ",
        score=round(off, 3),
        threshold=max_off,
        detail=f"{points:,.0f} points for {distance:,.6g} km, where {expected:,.0f} were expected",
    )


def expected_points(distance_km: float) -> float:
    """The game's score of a guess so many kilometres off, on the map of the world."""
    return MOST_POINTS * math.exp(-distance_km / SCALE_KM)


def _number(case: Case, name: str) -> float | None:
    number = told_number(case.sample.texts.get(name))
    return number if number is not None and number >= 0 else None
