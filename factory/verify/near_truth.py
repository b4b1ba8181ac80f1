"""GLOBE's second step: an answer must agree with the truth, in its country and in kilometres.

Coordinates and the name of a place are two claims, measured apart. A name is measured from the centre of the place,
so it only says something at the precision of its level: the centre of Tuscany is no claim about a street.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from typing import Final, Literal, NamedTuple

from factory.plugins.registry import register
from factory.verify.votes import Teachers, Vote, combine, no_answer
from schemas import Case, CheckResult, GeoAnswer, LocatedAnswer
from schemas.record import SUSPECTED_WRONG_TRUTH, UNREADABLE
from schemas.settings import Kilometres, Share

Tier = Literal["street", "city", "region", "country", "continent"]
Claim = Literal["stated", "coordinates", "named", "either", "both"]

_LEVELS_FINE_ENOUGH: dict[Tier, tuple[str, ...]] = {
    "street": ("city",),
    "city": ("city",),
    "region": ("city", "region"),
    "country": ("city", "region", "country"),
    "continent": ("city", "region", "country"),
}
_PLACE_STATEMENTS: Final = ("coordinates", "country", "region", "city")


class _Rule(NamedTuple):
    tier: Tier
    radius_km: float
    """With the uncertainty of the truth."""
    require_country: bool
    place: Claim
    max_named_km: float
    """Likewise."""


@register("check", "near_truth")
def near_truth(
    case: Case,
    *,
    tier: Tier = "city",
    radius_km: Kilometres | None = None,
    require_country: bool = True,
    place: Claim = "stated",
    max_named_km: Kilometres = 200.0,
    doubt_from: Share | None = 0.5,
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
        place: What must lie within the radius. `stated`: what a row states, the coordinates, or the named place where
            there are none. Or the `coordinates`, the `named` place, `either` (the nearer counts) or `both` (the farther
            counts); with the last two, a claim that is missing leaves the other to decide.
        max_named_km: A named place farther off fails whatever the coordinates say, a region only if it is not the
            truth's own; so an unknown city is judged by its region. Looked at under `stated`, `named` and `both`, and
            wherever nothing finer can be measured. It grows like the radius. 200 is the tier `region`.
        doubt_from: The truth is doubted (`suspected_wrong_truth`, an abstention that nobody accepts) where at least two
            teachers, each at least this sure, agree with each other and all fail. None turns it off.
        teachers: `all` (score: the farthest answer) or `any` (score: the nearest).

    `stated` is the default because centres of names are coarse: on 215 real photos `both` fails 14 whose coordinates
    are right (Sydney, Jasper, a town's namesake), while `either` took one at 30.8 km for right. 0.5 for the doubt is
    measured: of ten wrong places that two teachers agree on nine are stated with at most 0.3, and the tenth is a wrong
    truth.

    Distances are kilometres on the sphere, compared with <=. Fails as `country_differs`, `too_far`, or `too_coarse`:
    an answer that commits itself only above the tier (`Italy` where a city is wanted). A teacher abstains without an
    answer (`no_answer`), without any place in it (`no_place`), when the gazetteer does not know the place
    (`place_unknown`), when part of it cannot be read (`unreadable`), or when it was shown the place (`saw_truth`). The
    check abstains when the sample has no position (`no_truth`). What a family combined of the answers must pass, too,
    whatever `teachers` says.
    """
    if not case.sample.placed:
        return CheckResult(
            check="near_truth", outcome="abstain", reason="no_truth", detail="the sample has no position"
        )
    rule = _rule(case, tier, radius_km, require_country, place, max_named_km)
    votes = [_vote(located, rule) for located in case.voices]
    apart = None if doubt_from is None else _agreed_against_truth(case, votes, rule, doubt_from)
    if case.combined is not None and (vote := _vote(case.combined, rule)).outcome != "pass":
        votes, teachers = [vote], "all"  # it may be what is released, whatever the teachers say
    distances = [vote.score for vote in votes if vote.score is not None]
    found = combine(
        "near_truth",
        votes,
        teachers=teachers,
        passed="near",
        nothing="no_answer",
        threshold=rule.radius_km,
        score=(max if teachers == "all" else min)(distances, default=None),
    )
    if apart is None:
        return found
    detail = f"all are at least {doubt_from} sure and within {apart:,.1f} km of each other: {found.detail}"
    return replace(found, outcome="abstain", reason=SUSPECTED_WRONG_TRUTH, detail=detail)


def nearness(
    case: Case,
    *,
    tier: Tier = "city",
    radius_km: float | None = None,
    require_country: bool = True,
    place: Claim = "stated",
    max_named_km: float = 200.0,
    doubt_from: float | None = 0.5,
    teachers: Teachers = "all",
) -> tuple[LocatedAnswer, ...]:
    """`case.given` with what the check finds for each answer alone (`LocatedAnswer.near`), under the same settings."""
    rule = _rule(case, tier, radius_km, require_country, place, max_named_km)
    outcomes = {"pass": True, "fail": False, "abstain": None}
    return tuple(replace(found, near=outcomes[_vote(found, rule).outcome]) for found in case.given)


def _rule(
    case: Case, tier: Tier, radius_km: float | None, require_country: bool, place: Claim, max_named_km: float
) -> _Rule:
    from factory.geo import DISTANCE_TIERS_KM

    radius = DISTANCE_TIERS_KM[tier] if radius_km is None else radius_km
    more = case.sample.uncertainty_km
    return _Rule(tier, radius + more, require_country, place, max(radius, max_named_km) + more)


def _vote(located: LocatedAnswer, rule: _Rule) -> Vote:
    teacher, answer = located.answered.teacher, located.answered.place
    if located.answered.saw_truth == "place":
        return Vote(teacher, "abstain", "saw_truth", None, "was shown the place: its answer measures nothing")
    if answer is None:
        return no_answer(located)
    distance = _distance_km(located, rule)
    if rule.require_country and located.country_correct is False:
        where = "" if distance is None else f", {distance:,.1f} km off"
        return Vote(teacher, "fail", "country_differs", distance, f"names another country{where}")
    if distance is not None and distance > rule.radius_km:
        return Vote(teacher, "fail", "too_far", distance, f"{distance:,.1f} km > {rule.radius_km:,.0f}")
    if (named := _named_elsewhere_km(located, rule, distance)) is not None:
        detail = f"names a {located.named_level} {named:,.1f} km off > {rule.max_named_km:,.0f}"
        return Vote(teacher, "fail", "too_far", named, detail)
    if unread := [name for name in _PLACE_STATEMENTS if name in answer.unreadable]:
        return Vote(teacher, "abstain", UNREADABLE, distance, f"{' and '.join(unread)}: cannot be read")
    if distance is not None:
        return Vote(teacher, "pass", "near", distance, f"{distance:,.1f} km <= {rule.radius_km:,.0f}")
    return _unmeasured(teacher, answer, rule)


def _unmeasured(teacher: str, answer: GeoAnswer, rule: _Rule) -> Vote:
    """The vote for an answer without anything that could be measured at the tier."""
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
    if rule.place == "stated":
        return given
    return min(given, named) if rule.place == "either" else max(given, named)


def _named_elsewhere_km(located: LocatedAnswer, rule: _Rule, distance: float | None) -> float | None:
    """How far off the named place is, where that speaks against the answer. Of a country only its name is judged: its
    centre says nothing."""
    named = located.named_distance_km
    if rule.place == "coordinates" or (rule.place == "either" and distance is not None):
        return None
    if named is None or named <= rule.max_named_km or located.named_level not in ("city", "region"):
        return None
    if located.named_level == "region" and (
        located.region_correct or (located.region_correct is None and distance is not None)
    ):
        return None
    return named


def _agreed_against_truth(case: Case, votes: list[Vote], rule: _Rule, sure: float) -> float | None:
    """How far apart (km) the teachers are that all speak against the truth; None where that does not make it doubtful:
    fewer than two, one that is unsure, one that did not fail, two that disagree."""
    from factory.geo import haversine_km

    against = [found for found, vote in zip(case.voices, votes, strict=True) if vote.reason != "no_answer"]
    reasons = {vote.reason for vote in votes if vote.reason != "no_answer"}
    if len(against) < 2 or not reasons <= {"too_far", "country_differs"}:
        return None
    if not all(_is_sure(found.answered.place, sure) for found in against):
        return None
    points = [found.point(*_LEVELS_FINE_ENOUGH[rule.tier]) for found in against]
    known = [point for point in points if point is not None]
    if len(known) < len(points):
        return None
    apart = max(haversine_km(*one, *other) for one, other in combinations(known, 2))
    return apart if apart <= rule.radius_km - case.sample.uncertainty_km else None


def _is_sure(answer: GeoAnswer | None, least: float) -> bool:
    if answer is None or not answer.localizable or "localizable" in answer.unreadable:
        return False
    return answer.confidence is not None and answer.confidence >= least
