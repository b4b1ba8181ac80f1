"""GLOBE's third step: independent teachers name the same place, for the same visible reasons.

Agreement of places alone rewards two guesses of the likeliest city. Agreement of clues alone shows that both saw the
photo. Together they are the strongest filter that needs no truth.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import combinations
from typing import Literal, NamedTuple

from factory.plugins.registry import register
from factory.verify.clues import alike, overlap, vector_overlap
from schemas import Case, CheckResult, LocatedAnswer, Outcome
from schemas.settings import Kilometres, Share

Level = Literal["city", "region", "country"]


class _Pair(NamedTuple):
    place: Outcome
    place_reason: str
    words: Outcome
    words_reason: str
    score: float | None
    threshold: float
    detail: str


class _Rule(NamedTuple):
    place: Level
    radius_km: float
    max_namesake_km: float
    min_clue_overlap: float
    min_vector_overlap: float
    min_text_overlap: float


@register("check", "teachers_agree")
def teachers_agree(
    case: Case,
    *,
    place: Level = "city",
    radius_km: Kilometres = 25.0,
    max_namesake_km: Kilometres = 200.0,
    min_clue_overlap: Share = 0.2,
    min_vector_overlap: Share = 0.5,
    min_text_overlap: Share = 0.4,
) -> CheckResult:
    """Every two teachers name the same place and describe the same clues.

    Step 3 of GLOBE ("locations agree and reasoning chains are semantically aligned"); its thresholds and similarity
    model are not published. Ours: 25 km is the city tier. A clue overlap of 0.2 is measured: on 138 photos, 98 % of
    two teachers' answers about the same photo lie above it and 1 % of answers about different ones.
    `min_vector_overlap` depends on the embeddings model and is not measured: set it for yours. A text overlap of 0.4
    is measured on two sets of photos with four teachers: of right answers about one photo 95 % and 97 % lie above it,
    of answers about different photos 0.01 % and 0.8 %. All of them guard against swapped and unrelated answers; they do
    not tell right from wrong.

    Args:
        case: The sample with its answers; vectors of clue texts are taken from `case.evidence`.
        place: What must be the same. `city` and `region`: the same country and name, or points within `radius_km`.
            `country`: the same country. A territory and its sovereign, or two claimants, are one country where both
            answers mean a place that both names are true of: "Puerto Rico" and "United States" at San Juan.
        radius_km: Between the two coordinates, or the named places where coordinates are missing.
        max_namesake_km: The same names do not agree when the points lie farther apart than this: namesake towns.
        min_clue_overlap: Least overlap of the words of the clues (`factory.verify.clues.overlap`); 0 turns it off.
        min_vector_overlap: The same on cosines, used when the evidence has a vector for every clue of both; 0 is off.
        min_text_overlap: Least overlap of all words of clues and reasoning (`factory.verify.clues.alike`), those of the
            places named left out: that both name one place is no evidence that both saw the photo. 0 is off, and so are
            vectors: they compare across languages, words do not.

    Fails as `countries_differ`, `places_differ`, `clues_differ` or `texts_differ`. Abstains with `single_answer` when
    fewer than two teachers answered, `no_place` or `no_clues` when nothing fails but one half cannot be compared. With
    more than two teachers every pair must agree. The score is the least clue overlap, whatever decided; `detail` has
    kilometres.
    """
    given = [located for located in case.voices if located.answered.place is not None]
    if len(given) < 2:
        detail = f"{len(given)} of {len(case.voices)} teachers answered"
        return CheckResult(check="teachers_agree", outcome="abstain", reason="single_answer", detail=detail)
    rule = _Rule(place, radius_km, max_namesake_km, min_clue_overlap, min_vector_overlap, min_text_overlap)
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
    for pair in pairs:
        if pair.words == "fail":
            return "fail", pair.words_reason
    if any(pair.place == "abstain" for pair in pairs):
        return "abstain", "no_place"
    if any(pair.words == "abstain" for pair in pairs):
        return "abstain", "no_clues"
    return "pass", "agree"


def _compare(case: Case, one: LocatedAnswer, other: LocatedAnswer, rule: _Rule) -> _Pair:
    apart = _apart_km(one, other, rule.place)
    place, reason = _same_place(one, other, apart, rule)
    score, threshold, by_words = _clue_overlap(case, one, other, rule)
    compared, differs = _enough(score, threshold), "clues_differ"
    text = _text_overlap(one, other) if by_words and rule.min_text_overlap > 0.0 else None
    if compared != "fail" and text is not None and text < rule.min_text_overlap:
        compared, differs = "fail", "texts_differ"
    detail = (
        f"{one.answered.teacher}/{other.answered.teacher}: {reason}"
        f"{'' if apart is None else f', {apart:,.1f} km apart'}"
        f", clue overlap {'-' if score is None else f'{score:.2f}'}"
        f"{'' if text is None else f', text overlap {text:.2f}'}"
    )
    return _Pair(place, reason, compared, differs, score, threshold, detail)


def _enough(score: float | None, threshold: float) -> Outcome:
    if threshold <= 0.0:
        return "pass"
    return "abstain" if score is None else "pass" if score >= threshold else "fail"


def _text_overlap(one: LocatedAnswer, other: LocatedAnswer) -> float | None:
    """The overlap of all that two answers say they see, without the places they name."""
    both = [found.answered.place for found in (one, other) if found.answered.place is not None]
    first, second = ("\n".join((*(clue.text for clue in place.clues), place.reasoning)) for place in both)
    named = " ".join(name for place in both for name in (place.country, place.region, place.city) if name)
    return alike(first, second, apart_from=named)


def _clue_overlap(
    case: Case, one: LocatedAnswer, other: LocatedAnswer, rule: _Rule
) -> tuple[float | None, float, bool]:
    """The overlap of two answers' clues, the threshold it is to be compared with, and whether words were compared."""
    left, right = ([clue.text for clue in found.answered.place.clues] for found in (one, other) if found.answered.place)
    for evidence in case.evidence:
        if evidence.vectors:
            cosine = vector_overlap(left, right, evidence.vectors)
            if cosine is not None:
                return cosine, rule.min_vector_overlap, False
    return overlap(left, right), rule.min_clue_overlap, True


def _apart_km(one: LocatedAnswer, other: LocatedAnswer, place: Level) -> float | None:
    from factory.geo import haversine_km

    levels = ("city", place)
    first, second = one.point(*levels), other.point(*levels)
    return None if first is None or second is None else haversine_km(*first, *second)


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

    levels = ("city", "region")
    held = (
        is_country_of(first, second, other.point(*levels)),
        is_country_of(second, first, one.point(*levels)),
    )
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
