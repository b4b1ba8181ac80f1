"""Pseudo-labels: the place of a sample without a known one, from the answer that its decider names.

Names come from the gazetteer at that point, as a source's coordinates are named in the plan; they are looked up once
for all answers of a shard.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

import polars as pl

from factory.generators.labelled import stated_point
from schemas import Case, Label, Sample

Point = tuple[float, float]
Names = tuple[str | None, str | None, str | None]
"""ISO code of the country, region, city."""


def names_of(cases: Iterable[Case], *, worldview: str = "default") -> dict[Point, Names]:
    """The names of every point (degrees) that an answer about a sample without a known place states."""
    points = {
        point
        for case in cases
        if not case.sample.placed
        for voice in case.voices
        if (point := stated_point(voice)) is not None
    }
    if not points:
        return {}
    from factory.geo import reverse

    ordered = sorted(points)
    lat, lon = (pl.Series([point[axis] for point in ordered], dtype=pl.Float64) for axis in (0, 1))
    found = reverse(lat, lon, worldview=worldview).select("country_code", "region", "city")
    return dict(zip(ordered, found.iter_rows(), strict=True))


def placed_label(case: Case, label: Label, names: Mapping[Point, Names]) -> Label:
    """The label with its point and its names. Raises ValueError when the answer that it names states no place."""
    voice = next((voice for voice in case.voices if voice.answered.teacher == label.teacher), None)
    point = None if voice is None else stated_point(voice)
    if point is None:
        raise ValueError(f"the label is of `{label.teacher}`, who names no place")
    country_code, region, city = names.get(point, (None, None, None))
    return replace(label, lat=point[0], lon=point[1], country_code=country_code, region=region, city=city)


def contradiction(sample: Sample, label: Label) -> str | None:
    """What of the source speaks against a label: it may know the country without knowing the place."""
    from factory.geo import is_country_of

    given, found = sample.country_code, label.country_code
    if given is None or label.lat is None or label.lon is None:
        return None
    if found is not None and is_country_of(found, given, (label.lat, label.lon)):
        return None
    return f"the source says {given}, the label lies in {found or 'no country'}"
