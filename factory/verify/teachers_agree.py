"""GLOBE's third step: independent teachers name the same place, for the same visible reasons.

Agreement of places alone rewards two guesses of the likeliest city. Agreement of clues alone shows that both saw the
photo. Together they are the strongest filter that needs no truth.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import combinations
from typing import Literal, NamedTuple

from factory.plugins.registry import register
from factory.verify.clues import overlap, vector_overlap
from schemas import Case, CheckResult, LocatedAnswer, Outcome
from schemas.settings import Kilometres, Share

Level = Literal["city", "region", "country"]


class _Pair(NamedTuple):
    place: Outcome
    place_reason: str
    clues: Outcome
    score: float | None
    threshold: float
    detail: str


class _Rule(NamedTuple):
    place: Level
    radius_km: float
    max_namesake_km: float
    min_clue_overlap: float
    min_vector_overlap: float


@register("check", "teachers_agree")
def teachers_agree(
    case: Case,
    *,
    place: Level = "city",
    radius_km: Kilometres = 25.0,
    max_namesake_km: Kilometres = 200.0,
    min_clue_overlap: Share = 0.2,
    min_vector_overlap: Share = 0.5,
) -> CheckResult:
    """Every two teachers name the same place and describe the same clues.

    Step 3 of GLOBE ("locations agree and reasoning chains are semantically aligned"); its thresholds and similarity
    model are not published. Ours: 25 km is the city tier. A clue overlap of 0.2 is measured: on 138 photos, 98 % of
    two teachers' answers about the same photo lie above it and 1 % of answers about different ones.
    `min_vector_overlap` depends on the embeddings model and is not measured: set it for yours.

    Args:
        case: The sample with its answers; vectors of clue texts are taken from `case.evidence`.
        place: What must be the same. `city` and `region`: the same country and name, or points within `radius_km`.
            `country`: the same country. A territory and its sovereign, or two claimants, are one country where both
            answers mean a place that both names are true of: "Puerto Rico" and "United States" at San Juan.
        radius_km: Between the two coordinates, or the named places where coordinates are missing.
        max_namesake_km: The same names do not agree when the points lie farther apart than this: namesake towns.
        min_clue_overlap: Least overlap of the words of the clues (`factory.verify.clues.overlap`); 0 turns it off.
        min_vector_overlap: The same on cosines, used when the evidence has a vector for every clue of both; 0 is off.

    Fails as `countries_differ`, `places_differ` or `clues_differ`. Abstains with `single_answer` when fewer than two
    teachers answered, `no_place` or `no_clues` when nothing fails but one half cannot be compared. With more than two
    teachers every pair must agree. The score is the least clue overlap, whatever decided; `detail` has kilometres.
    """
    given = [located for located in case.voices if located.answered.place is not None]
    if len(given) < 2:
        detail = f"{len(given)} of {len(case.voices)} teachers answered"
        return CheckResult(check="teachers_agree", outcome="abstain", reason="single_answer", detail=detail)
    rule = _Rule(place, radius_km, max_namesake_km, min_clue_overlap, min_vector_overlap)
    pairs = [_compare(case, one, other, rule) for one, other in combinations(given, 2)]
    outcome, reason = _conclude(pairs)
    lowest = min(pairs, key=lambda pair: 2.0 if pair.score is None else pair.score - pair.threshold)
    return CheckResult(
        check="teachers_agree",
        outcome=outcome,
        reason=reason,
        score=lowest.score,
        threshold=lowest.threshold,
        detail="; ".join(pair.detail for pair in pairs),
    )


def _conclude(pairs: list[_Pair]) -> tuple[Outcome, str]:
    for pair in pairs:
        if pair.place == "fail":
            return "fail", pair.place_reason
    if any(pair.clues == "fail" for pair in pairs):
        return "fail", "clues_differ"
    if any(pair.place == "abstain" for pair in pairs):
        return "abstain", "no_place"
    if any(pair.clues == "abstain" for pair in pairs):
        return "abstain", "no_clues"
    return "pass", "agree"


def _compare(case: Case, one: LocatedAnswer, other: LocatedAnswer, rule: _Rule) -> _Pair:
    apart = _apart_km(one, other, rule.place)
    place, reason = _same_place(one, other, apart, rule)
    score, threshold = _clue_overlap(case, one, other, rule)
    clues: Outcome = "pass"
    if threshold > 0.0:
        clues = "abstain" if score is None else "pass" if score >= threshold else "fail"
    detail = (
        f"{one.answered.teacher}/{other.answered.teacher}: {reason}"
        f"{'' if apart is None else f', {apart:,.1f} km apart'}"
        f", clue overlap {'-' if score is None else f'{score:.2f}'}"
    )
    return _Pair(place, reason, clues, score, threshold, detail)


def _clue_overlap(case: Case, one: LocatedAnswer, other: LocatedAnswer, rule: _Rule) -> tuple[float | None, float]:
    """The overlap of two answers' clues with the threshold it is to be compared with."""
    left, right = ([clue.text for clue in found.answered.place.clues] for found in (one, other) if found.answered.place)
    for evidence in case.evidence:
        if evidence.vectors:
            cosine = vector_overlap(left, right, evidence.vectors)
            if cosine is not None:
                return cosine, rule.min_vector_overlap
    return overlap(left, right), rule.min_clue_overlap


def _apart_km(one: LocatedAnswer, other: LocatedAnswer, place: Level) -> float | None:
    from factory.geo import haversine_km

    first, second = _point(one, place), _point(other, place)
    return None if first is None or second is None else haversine_km(*first, *second)


def _point(located: LocatedAnswer, place: Level) -> tuple[float, float] | None:
    """The coordinates given, else the centre of the named place if it is as fine as `place`."""
    answer = located.answered.place
    if answer is not None and answer.lat is not None and answer.lon is not None:
        return answer.lat, answer.lon
    fine = located.named_level == "city" or located.named_level == place
    if fine and located.named_lat is not None and located.named_lon is not None:
        return located.named_lat, located.named_lon
    return None


def _same_place(one: LocatedAnswer, other: LocatedAnswer, apart: float | None, rule: _Rule) -> tuple[Outcome, str]:
    same_country = _same_country(one, other)
    if rule.place == "country":
        if same_country is None:
            return "abstain", "no_place"
        return ("pass", "same country") if same_country else ("fail", "countries_differ")
    if apart is not None and apart <= rule.radius_km:
        return "pass", "near"
    same_name = _same_name(one, other, rule.place)
    if same_country and same_name and (apart is None or apart <= rule.max_namesake_km):
        return "pass", f"same {rule.place}"
    if same_country is False:
        return "fail", "countries_differ"
    if apart is None and (same_name is None or same_country is None):
        return "abstain", "no_place"
    return "fail", "places_differ"


def _same_country(one: LocatedAnswer, other: LocatedAnswer) -> bool | None:
    """Whether the countries are one. A name that has no code can show that they are, not that they are not."""
    if one.country_code and other.country_code:
        return _hold_for_each_other(one, other, one.country_code, other.country_code)
    first, second = one.answered.place, other.answered.place
    if first is None or second is None:
        return None
    return True if _same_text(first.country, second.country) else None


def _hold_for_each_other(one: LocatedAnswer, other: LocatedAnswer, first: str, second: str) -> bool | None:
    """Whether each country named is true of the place the other answer means; None when a place is missing."""
    from factory.geo import is_country_of

    held = is_country_of(first, second, _point(other, "region")), is_country_of(second, first, _point(one, "region"))
    if False in held:
        return False
    return None if None in held else True


def _same_name(one: LocatedAnswer, other: LocatedAnswer, place: Level) -> bool | None:
    """Whether the cities or regions have one name; None when either is missing."""
    first, second = one.answered.place, other.answered.place
    if first is None or second is None:
        return None
    return _same_text(first.city, second.city) if place == "city" else _same_text(first.region, second.region)


def _same_text(first: str | None, second: str | None) -> bool | None:
    return _folded(first) == _folded(second) if first and second else None


@lru_cache(maxsize=16_384)
def _folded(name: str) -> str:
    from factory.geo.names import fold

    return fold(name)
