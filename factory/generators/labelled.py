"""A case as a family makes its rows of it: with its pseudo-label, where it has one, in the truth's place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from factory.plugins.contracts import Generator
from schemas import Case, LocatedAnswer, Sample


def stated_point(found: LocatedAnswer) -> tuple[float, float] | None:
    """Where an answer says it is (degrees): its coordinates, else the centre of the city it names. Nowhere for one that
    was shown the place."""
    return None if found.answered.saw_truth == "place" else found.point("city")


def speaker(generator: Generator) -> Callable[[Case], LocatedAnswer | None] | None:
    """What tells of a case, as it is stored, which answer its rows are made of; None where a family does not say."""
    if (speaks := generator.speaks) is None:
        return None
    return lambda case: speaks(labelled(case))


def labelled(case: Case) -> Case:
    """The case with its label in the truth's place, for families and releases; a case without one as it is.

    The label's radius is the uncertainty of the sample, and distances, countries and nearness of its answers are
    measured against the label.
    """
    label = None if case.verdict is None else case.verdict.label
    if label is None or label.lat is None or label.lon is None:
        return case
    sample = replace(
        case.sample,
        lat=label.lat,
        lon=label.lon,
        uncertainty_km=label.radius_km,
        country_code=label.country_code,
        region=label.region,
        city=label.city,
    )
    return replace(
        case,
        sample=sample,
        answers=tuple(_measured(found, sample) for found in case.answers),
        combined=None if case.combined is None else _measured(case.combined, sample),
    )


def _measured(found: LocatedAnswer, sample: Sample) -> LocatedAnswer:
    from factory.geo import haversine_km, is_country_of

    place, distance, named = found.answered.place, None, None
    if place is not None and place.lat is not None and place.lon is not None:
        distance = haversine_km(sample.lat, sample.lon, place.lat, place.lon)
    if found.named_lat is not None and found.named_lon is not None:
        named = haversine_km(sample.lat, sample.lon, found.named_lat, found.named_lon)
    right = None
    if found.country_code is not None and sample.country_code is not None:
        right = is_country_of(found.country_code, sample.country_code, (sample.lat, sample.lon))
    point = stated_point(found)
    km = None if point is None else haversine_km(sample.lat, sample.lon, *point)
    near = None if km is None else km <= sample.uncertainty_km and right is not False
    return replace(found, distance_km=distance, named_distance_km=named, country_correct=right, near=near)
