"""What witnesses look at answers by: their places, and how far a witness speaks for one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from schemas import Answered, Finding, GeoAnswer
from schemas.record import SUPPORT, voice_name

NEUTRAL = 0.5
"""Support of a place that a witness knows nothing of."""


def placed(answers: Sequence[Answered]) -> Iterator[tuple[str, GeoAnswer]]:
    """Every teacher's own answer with what findings call it. Who was shown the place says nothing by naming it."""
    for answered in answers:
        if answered.place is not None and not answered.combined and answered.saw_truth == "none":
            yield voice_name(answered), answered.place


def support(voice: str, score: float) -> Finding:
    """The finding that says how far a witness speaks for an answer's place."""
    return Finding(kind=SUPPORT, text=voice, score=round(min(1.0, max(0.0, score)), 4))


def place_name(place: GeoAnswer) -> str:
    """City, region and country in one string, the most precise first; empty when nothing is named."""
    return ", ".join(" ".join(name.split()) for name in (place.city, place.region, place.country) if name)


def claimed_point(place: GeoAnswer) -> tuple[float, float] | None:
    """Where an answer says it is (lat, lon in degrees): its coordinates, else the centre of the city or region that it
    names. Raises EnvironmentFault when the gazetteer cannot be read."""
    if place.lat is not None and place.lon is not None:
        return place.lat, place.lon
    named = place_name(place) if place.city or place.region else ""
    if not named:
        return None
    from factory.geo import forward

    (found,) = forward([named]).select("lat", "lon", "level").iter_rows()
    lat, lon, level = found
    return None if lat is None or lon is None or level == "country" else (lat, lon)
