"""GLOBE's second step: an answer must agree with the truth, in its country and in kilometres.

Coordinates and the name of a place are two claims, measured apart. A name is measured from the centre of the place,
so it only says something at the precision of its level: the centre of Tuscany is no claim about a street.
"""

from __future__ import annotations

from dataclasses import replace
from math import isfinite
from typing import Literal, NamedTuple

from factory.plugins.registry import register
from factory.verify.votes import Teachers, Vote, combine
from schemas import Case, CheckResult, LocatedAnswer
from schemas.settings import Kilometres

Tier = Literal["street", "city", "region", "country", "continent"]
Claim = Literal["coordinates", "named", "either", "both"]

_LEVELS_FINE_ENOUGH: dict[Tier, tuple[str, ...]] = {
    "street": ("city",),
    "city": ("city",),
    "region": ("city", "region"),
    "country": ("city", "region", "country"),
    "continent": ("city", "region", "country"),
}


class _Rule(NamedTuple):
    tier: Tier
    radius_km: float
    require_country: bool
    place: Claim


@register("check", "near_truth")
def near_truth(
    case: Case,
    *,
    tier: Tier = "city",
    radius_km: Kilometres | None = None,
    require_country: bool = True,
    place: Claim = "either",
    teachers: Teachers = "all",
) -> CheckResult:
    """The answers name the true country and lie within a radius of the truth.

    Step 2 of GLOBE ("drop predictions that disagree with ground truth"). The tiers are those of Im2GPS and of GLOBE's
    evaluation: street 1, city 25, region 200, country 750, continent 2500 km; which of them GLOBE verifies at is not
    published. The default `city` is ours.

    Args:
        case: The sample with its answers.
        tier: Which radius, and how fine a named place must be to count.
        radius_km: A radius in kilometres instead of the tier's. Either grows by `sample.uncertainty_km`.
        require_country: A known country other than the true one fails, however near. A territory's sovereign and a
            claimant of a disputed place count as the true one (`factory.geo.is_country_of`).
        place: What must lie within the radius: the `coordinates`, the `named` place, `either` (the nearer counts) or
            `both` (the farther counts). With the last two, a claim that is missing leaves the other to decide.
        teachers: `all` (score: the farthest answer) or `any` (score: the nearest).

    Distances are kilometres on the sphere, compared with <=. Fails as `country_differs`, `too_far`, or `too_coarse`:
    an answer that commits itself only above the tier (`Italy` where a city is wanted). A teacher abstains without an
    answer (`no_answer`), without any place in it (`no_place`), when the gazetteer does not know the place
    (`place_unknown`), or when it was shown the place (`saw_truth`). The check abstains when the sample has no position
    (`no_truth`). What a family combined of the answers must pass, too, whatever `teachers` says.
    """
    from factory.geo import DISTANCE_TIERS_KM

    if not (isfinite(case.sample.lat) and isfinite(case.sample.lon)):
        return CheckResult(
            check="near_truth", outcome="abstain", reason="no_truth", detail="the sample has no position"
        )
    limit = (DISTANCE_TIERS_KM[tier] if radius_km is None else radius_km) + case.sample.uncertainty_km
    rule = _Rule(tier, limit, require_country, place)
    votes = [_vote(located, rule) for located in case.voices]
    if case.combined is not None and (vote := _vote(case.combined, rule)).outcome != "pass":
        votes, teachers = [vote], "all"  # it may be what is released, whatever the teachers say
    distances = [vote.score for vote in votes if vote.score is not None]
    return combine(
        "near_truth",
        votes,
        teachers=teachers,
        passed="near",
        nothing="no_answer",
        threshold=limit,
        score=(max if teachers == "all" else min)(distances, default=None),
    )


def nearness(
    case: Case,
    *,
    tier: Tier = "city",
    radius_km: float | None = None,
    require_country: bool = True,
    place: Claim = "either",
    teachers: Teachers = "all",
) -> tuple[LocatedAnswer, ...]:
    """`case.given` with what the check finds for each answer alone (`LocatedAnswer.near`), under the same settings."""
    from factory.geo import DISTANCE_TIERS_KM

    limit = (DISTANCE_TIERS_KM[tier] if radius_km is None else radius_km) + case.sample.uncertainty_km
    rule = _Rule(tier, limit, require_country, place)
    outcomes = {"pass": True, "fail": False, "abstain": None}
    return tuple(replace(found, near=outcomes[_vote(found, rule).outcome]) for found in case.given)


def _vote(located: LocatedAnswer, rule: _Rule) -> Vote:
    teacher, answer = located.answered.teacher, located.answered.place
    if located.answered.saw_truth == "place":
        return Vote(teacher, "abstain", "saw_truth", None, "was shown the place: its answer measures nothing")
    if answer is None:
        failure = located.answered.failure or "failed"
        return Vote(teacher, "abstain", "no_answer", None, f"gave no answer ({failure})")
    distance = _distance_km(located, rule)
    if rule.require_country and located.country_correct is False:
        where = "" if distance is None else f", {distance:,.1f} km off"
        return Vote(teacher, "fail", "country_differs", distance, f"names another country{where}")
    if distance is not None:
        if distance <= rule.radius_km:
            return Vote(teacher, "pass", "near", distance, f"{distance:,.1f} km <= {rule.radius_km:,.0f}")
        return Vote(teacher, "fail", "too_far", distance, f"{distance:,.1f} km > {rule.radius_km:,.0f}")
    names = {"city": answer.city, "region": answer.region, "country": answer.country}
    if rule.place != "coordinates" and any(names[level] for level in _LEVELS_FINE_ENOUGH[rule.tier]):
        return Vote(teacher, "abstain", "place_unknown", None, "names a place the gazetteer does not know")
    if not any(names.values()) or rule.place == "coordinates":
        return Vote(teacher, "abstain", "no_place", None, "gives no place to measure")
    return Vote(teacher, "fail", "too_coarse", None, f"names nothing as fine as the tier {rule.tier}")


def _distance_km(located: LocatedAnswer, rule: _Rule) -> float | None:
    """The distance that counts under `rule.place`; None when there is nothing to measure."""
    fine = located.named_level in _LEVELS_FINE_ENOUGH[rule.tier]
    named = located.named_distance_km if fine else None
    given = located.distance_km
    if rule.place == "coordinates":
        return given
    if rule.place == "named":
        return named
    if given is None or named is None:
        return named if given is None else given
    return min(given, named) if rule.place == "either" else max(given, named)
