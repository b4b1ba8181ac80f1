"""Answers measured against the truth: names resolved to places, places to kilometres.

Resolving is the slow half and repeats itself (a shard names the same few hundred cities), so it is done once for a
shard on the unique strings. What remains for each sample is arithmetic on plain data.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, cast

from schemas import Answered, GeoAnswer, LocatedAnswer, Sample

PlaceLevel = Literal["city", "region", "country"]
_LEVELS = ("city", "region", "country")


@dataclass(frozen=True, slots=True)
class Place:
    """A place the gazetteer knows: its centre in degrees and how fine it is."""

    lat: float
    lon: float
    country_code: str | None
    level: PlaceLevel
    region: str | None = None
    """As the gazetteer labels it, so that it compares with a sample's."""


def place_queries(answers: Iterable[Answered]) -> list[str]:
    """The unique place strings ("Kazan, Tatarstan, Russia") of a shard's answers, sorted."""
    found = (_query(answered.place) for answered in answers if answered.place is not None)
    return sorted({query for query in found if query})


def resolve(queries: Sequence[str], *, worldview: str = "default") -> dict[str, Place]:
    """The places that the gazetteer knows among `queries`, found in one vectorised look-up.

    A query it does not know is absent from the result. `worldview` says whose the disputed ones are.
    """
    if not queries:
        return {}
    from factory.geo import forward

    table = forward(queries, worldview=worldview).select("query", "lat", "lon", "country_code", "level", "region")
    return {
        query: Place(lat, lon, country_code, cast(PlaceLevel, level), region)
        for query, lat, lon, country_code, level, region in table.iter_rows()
        if lat is not None and lon is not None and level in _LEVELS
    }


def locate(sample: Sample, answers: Sequence[Answered], places: Mapping[str, Place]) -> tuple[LocatedAnswer, ...]:
    """Each answer with its country, its named place and its two distances from the truth in kilometres.

    Args:
        sample: The truth.
        answers: In the recipe's order of teachers; failed ones come back with nothing but themselves.
        places: What `resolve` found for `place_queries` of these answers.

    The country is the one the teacher names, else that of the resolved place. It is right when it is the truth's own,
    its sovereign or a claimant (`factory.geo.is_country_of`): "San Juan, United States" is right for Puerto Rico.
    `country_correct` and `region_correct` are None when either side is unknown.
    """
    return tuple(_locate(sample, answered, places) for answered in answers)


def _locate(sample: Sample, answered: Answered, places: Mapping[str, Place]) -> LocatedAnswer:
    from factory.geo import haversine_km, is_country_of

    answer = answered.place
    if answer is None:
        return LocatedAnswer(answered=answered)
    place = places.get(_query(answer))
    code = _country_code(answer.country) if answer.country else None
    if code is None and place is not None:
        code = place.country_code
    correct = distance = named_distance = None
    if code is not None and sample.country_code is not None:
        correct = is_country_of(code, sample.country_code, (sample.lat, sample.lon))
    truth_known = sample.placed
    if truth_known and answer.lat is not None and answer.lon is not None:
        distance = haversine_km(sample.lat, sample.lon, answer.lat, answer.lon)
    if truth_known and place is not None:
        named_distance = haversine_km(sample.lat, sample.lon, place.lat, place.lon)
    return LocatedAnswer(
        answered=answered,
        country_code=code,
        named_lat=None if place is None else place.lat,
        named_lon=None if place is None else place.lon,
        named_level=None if place is None else place.level,
        country_correct=correct,
        region_correct=_same_region(place, sample),
        distance_km=distance,
        named_distance_km=named_distance,
    )


def _same_region(place: Place | None, sample: Sample) -> bool | None:
    if place is None or not place.region or not sample.region:
        return None
    return place.region == sample.region and place.country_code == sample.country_code


def _query(answer: GeoAnswer) -> str:
    """City, region and country in one string, most precise first; empty when nothing is named."""
    parts = (" ".join(name.split()) for name in (answer.city, answer.region, answer.country) if name)
    return ", ".join(part for part in parts if part)


@lru_cache(maxsize=4_096)
def _country_code(name: str) -> str | None:
    from factory.geo import country_code

    return country_code(name)
